//! Buffers of a thread that are kept between calls.

use std::cell::RefCell;

/// Size of a cache line in bytes; a vector that crosses two lines takes twice the time.
const LINE: usize = 64;

thread_local! {
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Calls `work` with a slice of each length, aligned to a cache line. The contents are undefined.
///
/// # Panics      when called inside `work`
pub(crate) fn with<const N: usize, R>(lengths: [usize; N], work: impl FnOnce([&mut [f32]; N]) -> R) -> R {
    let per_line = LINE / size_of::<f32>();
    let rounded = lengths.map(|length| length.next_multiple_of(per_line));
    SCRATCH.with_borrow_mut(|scratch| {
        let needed = rounded.iter().sum::<usize>() + per_line;
        if scratch.len() < needed {
            *scratch = vec![0.0; needed];
        }
        let first = scratch.as_ptr().align_offset(LINE).min(per_line);
        let mut rest = &mut scratch[first..];
        let mut index = 0;
        work(lengths.map(|length| {
            let (part, tail) = std::mem::take(&mut rest).split_at_mut(rounded[index]);
            (rest, index) = (tail, index + 1);
            &mut part[..length]
        }))
    })
}
