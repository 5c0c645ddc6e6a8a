//! Merges the accepted windows around each face into one box, as OpenCV's `groupRectangles`.

use super::pyramid::PixelRect;

/// The tolerance between edges of boxes of the same face, as a share of the smaller box.
const TOLERANCE: f64 = 0.2;

/// A merged box and the number of its windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) rect: PixelRect,
    pub(crate) neighbours: u32,
}

/// Groups similar windows and keeps groups of more than `min_neighbours` windows; with 0 every window is returned.
///
/// Two windows are similar if each edge of one is within [`TOLERANCE`] of the other's. A group is a connected component
/// of this relation; its box is the mean. A group inside a much stronger group is dropped. Groups are in the order
/// of their first windows.
pub(crate) fn group(windows: &[PixelRect], min_neighbours: u32) -> Vec<Group> {
    if min_neighbours == 0 {
        return windows.iter().map(|&rect| Group { rect, neighbours: 1 }).collect();
    }
    let mut groups = means(windows, &labels(windows));
    groups.retain(|group| group.neighbours > min_neighbours);
    let outdone = |i: usize| groups.iter().enumerate().any(|(j, outer)| j != i && outdoes(outer, &groups[i]));
    (0..groups.len()).filter(|&i| !outdone(i)).map(|i| groups[i]).collect()
}

fn similar(a: &PixelRect, b: &PixelRect) -> bool {
    let delta = TOLERANCE * f64::from(a.width.min(b.width) + a.height.min(b.height)) * 0.5;
    let near = |a: i32, b: i32| f64::from((a - b).abs()) <= delta;
    near(a.x, b.x)
        && near(a.y, b.y)
        && near(a.x + a.width, b.x + b.width)
        && near(a.y + a.height, b.y + b.height)
}

/// For each window, the index of its group; groups are numbered from 0 in the order of their first windows.
fn labels(windows: &[PixelRect]) -> Vec<usize> {
    let mut parent: Vec<usize> = (0..windows.len()).collect();
    let mut by_left: Vec<usize> = (0..windows.len()).collect();
    by_left.sort_by_key(|&i| windows[i].x);
    for (at, &i) in by_left.iter().enumerate() {
        let a = &windows[i];
        let reach = TOLERANCE * f64::from(a.width + a.height) * 0.5;
        for &j in &by_left[at + 1..] {
            if f64::from(windows[j].x - a.x) > reach {
                break;
            }
            if similar(a, &windows[j]) {
                let (a, b) = (root(&mut parent, i), root(&mut parent, j));
                parent[a.max(b)] = a.min(b);
            }
        }
    }
    let mut numbers = vec![usize::MAX; windows.len()];
    let mut count = 0;
    (0..windows.len())
        .map(|i| {
            let root = root(&mut parent, i);
            if numbers[root] == usize::MAX {
                (numbers[root], count) = (count, count + 1);
            }
            numbers[root]
        })
        .collect()
}

fn root(parent: &mut [usize], mut i: usize) -> usize {
    while parent[i] != i {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    i
}

/// The mean box of each group, computed in single precision and rounded half to even.
fn means(windows: &[PixelRect], labels: &[usize]) -> Vec<Group> {
    let mut sums = vec![([0i64; 4], 0u32); labels.iter().max().map_or(0, |&last| last + 1)];
    for (window, &label) in windows.iter().zip(labels) {
        let (sum, count) = &mut sums[label];
        for (sum, v) in sum.iter_mut().zip([window.x, window.y, window.width, window.height]) {
            *sum += i64::from(v);
        }
        *count += 1;
    }
    let mean = |(sum, count): ([i64; 4], u32)| {
        let share = 1.0 / count as f32;
        let [x, y, width, height] = sum.map(|v| (v as f32 * share).round_ties_even() as i32);
        Group { rect: PixelRect { x, y, width, height }, neighbours: count }
    };
    sums.into_iter().map(mean).collect()
}

/// Whether `inner` lies inside `outer`, within the tolerance, and has far fewer windows.
fn outdoes(outer: &Group, inner: &Group) -> bool {
    let (o, i) = (outer.rect, inner.rect);
    let slack = |side: i32| (f64::from(side) * TOLERANCE).round_ties_even() as i32;
    let (dx, dy) = (slack(o.width), slack(o.height));
    i.x >= o.x - dx
        && i.y >= o.y - dy
        && i.x + i.width <= o.x + o.width + dx
        && i.y + i.height <= o.y + o.height + dy
        && (outer.neighbours > inner.neighbours.max(3) || inner.neighbours < 3)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn square(x: i32, y: i32, side: i32) -> PixelRect {
        PixelRect { x, y, width: side, height: side }
    }

    #[test]
    fn a_face_is_the_mean_of_its_windows() {
        let mut windows: Vec<_> = (0..4).map(|i| square(10 + i, 20, 40)).collect();
        windows.push(square(300, 300, 40));
        // The mean of 10, 11, 12, 13 is 11.5, which rounds to the even 12.
        assert_eq!(group(&windows, 3), [Group { rect: square(12, 20, 40), neighbours: 4 }]);
        assert_eq!(group(&windows, 4), []);
        assert_eq!(group(&windows, 0).len(), 5);
        assert_eq!(group(&[], 3), []);
    }

    #[test]
    fn a_weak_box_inside_a_strong_one_is_dropped() {
        let mut windows = vec![square(40, 40, 20); 4];
        windows.extend([square(10, 10, 80); 5]);
        assert_eq!(group(&windows, 3), [Group { rect: square(10, 10, 80), neighbours: 5 }]);
        // A group as strong as the outer one is kept.
        windows.push(square(40, 40, 20));
        assert_eq!(group(&windows, 3).len(), 2);
    }

    fn windows() -> impl Strategy<Value = Vec<PixelRect>> {
        let window = (0i32..120, 0i32..120, 10i32..60).prop_map(|(x, y, side)| square(x, y, side));
        proptest::collection::vec(window, 0..60)
    }

    /// The reference implementation: propagates labels until nothing changes, then numbers them by first appearance.
    fn slow_labels(windows: &[PixelRect]) -> Vec<usize> {
        let mut labels: Vec<usize> = (0..windows.len()).collect();
        loop {
            let before = labels.clone();
            for i in 0..windows.len() {
                for j in 0..windows.len() {
                    if similar(&windows[i], &windows[j]) {
                        labels[i] = labels[i].min(labels[j]);
                    }
                }
            }
            if labels == before {
                break;
            }
        }
        let mut firsts = labels.clone();
        firsts.sort_unstable();
        firsts.dedup();
        labels.iter().map(|label| firsts.binary_search(label).unwrap()).collect()
    }

    proptest! {
        #[test]
        fn labels_agree_with_the_reference(windows in windows()) {
            prop_assert_eq!(labels(&windows), slow_labels(&windows));
        }

        #[test]
        fn the_order_of_windows_changes_nothing_but_the_order(windows in windows(), by in 0usize..60) {
            let mut turned = windows.clone();
            turned.rotate_left(by.min(windows.len()));
            let key = |g: &Group| (g.rect.x, g.rect.y, g.rect.width, g.neighbours);
            let sorted = |mut groups: Vec<Group>| { groups.sort_by_key(key); groups };
            prop_assert_eq!(sorted(group(&windows, 2)), sorted(group(&turned, 2)));
        }

        /// Boxes that are not similar to each other are unchanged, with the number of times each was given.
        #[test]
        fn grouping_repeats_of_separate_boxes_gives_them_back(windows in windows(), times in 4u32..7) {
            let mut separate: Vec<PixelRect> = Vec::new();
            for window in windows {
                if !separate.iter().any(|other| similar(other, &window)) {
                    separate.push(window);
                }
            }
            let repeated: Vec<_> = separate.iter().flat_map(|&w| vec![w; times as usize]).collect();
            let groups = group(&repeated, 3);
            let want: Vec<_> = separate.iter().map(|&rect| Group { rect, neighbours: times }).collect();
            prop_assert_eq!(groups, want);
        }

        #[test]
        fn every_group_lies_among_its_windows(windows in windows(), least in 1u32..4) {
            for Group { rect, neighbours } in group(&windows, least) {
                prop_assert!(neighbours > least && neighbours as usize <= windows.len());
                prop_assert!(windows.iter().any(|w| w.x <= rect.x) && windows.iter().any(|w| w.x >= rect.x));
            }
        }
    }
}
