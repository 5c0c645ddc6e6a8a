use super::*;

fn series(name: &str, points: &[(f64, f64)]) -> Series {
    Series { name: name.into(), points: points.to_vec(), muted: false }
}

fn chart(points: &[(f64, f64)]) -> Chart {
    Chart {
        title: "Loss & <more>".into(),
        x_label: "epoch".into(),
        y_label: "loss".into(),
        y_range: None,
        marks: Marks::default(),
        series: vec![series("training", points)],
    }
}

#[test]
fn charts_of_any_points_are_drawn() {
    for points in [
        &[][..],
        &[(1.0, 2.0)],
        &[(1.0, 2.0), (2.0, f64::NAN), (3.0, 1.0)],
        &[(1.0, 0.0), (2.0, 0.0)],
        &[(f64::INFINITY, 1.0), (1.0, f64::MAX), (2.0, -1e299), (3.0, 1e-310)],
    ] {
        let charts = [chart(points), chart(&[(0.0, 1.0), (5.0, 3.0)])];
        let text = svg(&charts);
        assert!(text.contains("Loss &amp; &lt;more&gt;"), "{text}");
        assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        assert!(pixels(&charts).is_ok());
    }
    let nameless = Chart { title: String::new(), series: vec![series("", &[(1.0, 1.0)])], ..chart(&[]) };
    assert!(pixels(&[nameless]).is_ok());
    assert!(pixels(&[]).is_ok());
}

#[test]
fn names_of_any_characters_are_drawn() {
    let hostile = "\u{1b}]0;x\u{7}<script>&\"'\0\u{FFFF}\n山田 太郎 🙂 ضيف";
    let chart = Chart {
        title: hostile.into(),
        x_label: hostile.into(),
        y_label: hostile.into(),
        series: vec![series(hostile, &[(1.0, 1.0)])],
        ..chart(&[])
    };
    let text = svg(std::slice::from_ref(&chart));
    assert!(text.contains("山田 太郎") && !text.contains("<script>"), "{text}");
    assert!(pixels(&[chart]).is_ok());
}

#[test]
fn names_stand_beside_the_data_and_are_complete() {
    let names = ["training, by the classifier", "validation, by search in the other domain", "a"];
    let chart =
        Chart { series: names.map(|name| series(name, &[(1.0, 0.5), (9.0, 0.5)])).to_vec(), ..chart(&[]) };
    let text = svg(&[chart]);
    let texts: Vec<(f64, &str)> = text
        .lines()
        .filter(|line| line.starts_with("<text"))
        .filter_map(|line| {
            let x = line.split("x=\"").nth(1)?.split('"').next()?.parse().ok()?;
            Some((x, line.split('>').nth(1)?.strip_suffix("</text")?))
        })
        .collect();
    let data_end = 1.0
        + text
            .split("<clipPath id=\"plot0\"><rect x=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
        + 390.0
        - 5.0;
    for name in names {
        let parts: Vec<_> =
            texts.iter().filter(|(_, text)| name.contains(text) && !text.is_empty()).collect();
        let words: Vec<&str> = parts.iter().flat_map(|(_, text)| text.split(' ')).collect();
        assert!(name.split(' ').all(|word| words.contains(&word)), "{name}: {texts:?}");
        assert!(parts.iter().all(|(x, _)| *x > data_end), "{name}: {parts:?}, {data_end}");
    }
}

#[test]
fn the_ending_of_a_chart_s_name_is_its_format() {
    let of = |name: &str| ChartFormat::of(Path::new(name));
    for name in ["a.png", "b/c.PNG"] {
        assert_eq!(of(name).unwrap(), ChartFormat::Png);
    }
    for name in ["a.svg", "a", "-", "/dev/stdout"] {
        assert_eq!(of(name).unwrap(), ChartFormat::Svg, "{name}");
    }
    for name in ["a.jpg", "a.pdf", "a.svg.gz", "a."] {
        let error = of(name).unwrap_err();
        assert_eq!(error.to_string(), format!("{name}: expected the ending .png or .svg of a chart"));
        assert!(error.hint().unwrap().contains(".png or .svg"));
    }
}

#[test]
fn files_are_what_their_ending_says_and_have_our_mark() {
    let folder = tempfile::tempdir().unwrap();
    for (name, start) in [("a.png", &b"\x89PNG"[..]), ("a.svg", b"<svg"), ("a", b"<svg")] {
        let path = folder.path().join(name);
        write_one(&[chart(&[(1.0, 2.0)])], &path).unwrap();
        assert!(fs_err::read(&path).unwrap().starts_with(start), "{name}");
        let kind = ChartFormat::of(&path).unwrap().file_kind();
        assert!(likeness_artifact::may_replace(&path, kind).unwrap(), "{name}");
    }
    let refused = folder.path().join("a.jpg");
    assert!(write_one(&[chart(&[])], &refused).is_err() && !refused.exists());
    write(&[chart(&[])], folder.path(), "curves").unwrap();
    assert!(folder.path().join("curves.svg").exists() && folder.path().join("curves.png").exists());
}

/// Number of pixels of about this colour within `reach` pixels of (x, y).
fn count(image: &RgbImage, (x, y): (f64, f64), reach: i32, [r, g, b]: [u8; 3]) -> usize {
    let is_near = |p: &image::Rgb<u8>| p.0.iter().zip([r, g, b]).all(|(a, b)| a.abs_diff(b) <= 24);
    let offsets = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    let pixel = |(dx, dy)| image.get_pixel_checked((x as i32 + dx) as u32, (y as i32 + dy) as u32);
    offsets.filter_map(pixel).filter(|p| is_near(p)).count()
}

/// The value of an attribute of an SVG element.
fn attribute<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(&format!(" {name}=\"")).nth(1)?.split('"').next()
}

fn number(element: &str, name: &str) -> f64 {
    attribute(element, name).unwrap_or_else(|| panic!("no {name}: {element}")).parse().unwrap()
}

fn rgb(element: &str, name: &str) -> [u8; 3] {
    let hex = attribute(element, name).unwrap().trim_start_matches('#');
    [0, 2, 4].map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
}

/// Eight groups of three points each, far apart, and a muted one.
fn map() -> Chart {
    let group = |i: u32| {
        let at = |k: u32| (f64::from(7 * i % 8) + 0.3 * f64::from(k), f64::from(i) + 0.1 * f64::from(k));
        series(&format!("group {i}"), &[at(0), at(1), at(2)])
    };
    let others = Series { muted: true, ..series("others", &[(3.5, -1.0), (9.0, 9.0)]) };
    let series = std::iter::once(others).chain((0..8).map(group)).collect();
    Chart { x_label: String::new(), y_label: String::new(), marks: Marks::Points, series, ..chart(&[]) }
}

#[test]
fn primitives_are_at_the_same_place_in_both_formats() {
    let lines = Chart {
        series: vec![
            series("first", &[(1.0, 0.1), (2.0, 0.9), (3.0, 0.2)]),
            series("second", &[(1.0, 0.6), (2.0, 0.3), (3.0, 0.7)]),
        ],
        ..chart(&[])
    };
    let charts = [lines, map()];
    let (text, image) = (svg(&charts), pixels(&charts).unwrap());
    let size = text.lines().next().unwrap();
    assert_eq!(f64::from(image.width()), 2.0 * number(size, "width"));
    assert_eq!(f64::from(image.height()), 2.0 * number(size, "height"));
    let mut checked = [0; 3];
    for element in text.lines() {
        if element.starts_with("<circle") {
            let at = (2.0 * number(element, "cx"), 2.0 * number(element, "cy"));
            assert!(count(&image, at, 2, rgb(element, "fill")) >= 20, "{element}");
            checked[0] += 1;
        } else if element.starts_with("<polygon") {
            let corners: Vec<(f64, f64)> = attribute(element, "points")
                .unwrap()
                .split(' ')
                .map(|p| p.split_once(',').map(|(x, y)| (x.parse().unwrap(), y.parse().unwrap())).unwrap())
                .collect();
            let mean =
                |of: fn(&(f64, f64)) -> f64| corners.iter().map(of).sum::<f64>() / corners.len() as f64;
            let at = (2.0 * mean(|p| p.0), 2.0 * mean(|p| p.1));
            assert!(count(&image, at, 1, rgb(element, "fill")) >= 8, "{element}");
            checked[1] += 1;
        } else if element.starts_with("<text") {
            // Somewhere in the first, middle or last letter, above the baseline.
            let (x, y) = (2.0 * number(element, "x"), 2.0 * number(element, "y"));
            let x = x + if element.contains("\"end\"") {
                -9.0
            } else if element.contains("\"start\"") {
                9.0
            } else {
                0.0
            };
            assert!(has_ink(&image, (x, y - 9.0), 10), "{element}");
            checked[2] += 1;
        }
    }
    assert!(checked[0] >= 8 && checked[1] >= 20 && checked[2] >= 20, "{checked:?}");
}

/// Whether a pixel within `reach` pixels of (x, y) is dark.
fn has_ink(image: &RgbImage, (x, y): (f64, f64), reach: i32) -> bool {
    let offsets = (-reach..=reach).flat_map(|dy| (-reach..=reach).map(move |dx| (dx, dy)));
    let pixel = |(dx, dy)| image.get_pixel_checked((x as i32 + dx) as u32, (y as i32 + dy) as u32);
    offsets.filter_map(pixel).any(|p| p.0.iter().all(|&v| v < 140))
}

#[test]
fn names_of_other_scripts_are_drawn_where_the_svg_has_them() {
    for name in ["山田 太郎", "김민준", "王小明", "🙂🎉", "Иван", "Ελένη", "नाम"]
    {
        let chart = Chart { series: vec![series(name, &[(1.0, 1.0)])], ..chart(&[]) };
        let boxes: String = name.chars().map(|_| '□').collect();
        let boxes = Chart { series: vec![series(&boxes, &[(1.0, 1.0)])], ..chart.clone() };
        let text = svg(std::slice::from_ref(&chart));
        let element = text.lines().find(|line| line.contains(name)).unwrap_or_else(|| panic!("{text}"));
        let at = (2.0 * number(element, "x") + 12.0, 2.0 * number(element, "y") - 10.0);
        let image = pixels(&[chart]).unwrap();
        let ink = count(&image, at, 14, [0x15, 0x18, 0x1C]);
        assert!(ink > 20, "{name}: {ink} dark pixels");
        assert_ne!(image, pixels(&[boxes]).unwrap(), "{name} is drawn as boxes");
        let edge = image::imageops::crop_imm(&image, image.width() - 20, 0, 20, image.height()).to_image();
        assert!(edge.pixels().all(|p| p.0 == [255; 3]), "{name} is within the margin");
    }
}

#[test]
fn charts_without_a_line_have_what_can_be_drawn() {
    let first_color = [0x17, 0x3F, 0x8F];
    // Coloured pixels in the plot; the legend is to its right.
    let drawn = |points: &[(f64, f64)]| {
        let image = pixels(&[chart(points)]).unwrap();
        let text = svg(&[chart(points)]);
        let clip = text.lines().find(|line| line.starts_with("<clipPath")).unwrap();
        let right = 2.0 * (number(clip, "x") + number(clip, "width"));
        let is_blue = |p: &image::Rgb<u8>| p.0.iter().zip(first_color).all(|(a, b)| a.abs_diff(b) <= 24);
        let inside = |x: u32| f64::from(x) < right;
        image.enumerate_pixels().filter(|(x, _, p)| inside(*x) && is_blue(p)).count()
    };
    assert_eq!(drawn(&[]), 0);
    assert_eq!(drawn(&[(1.0, f64::NAN), (f64::NAN, 2.0), (f64::INFINITY, 1.0)]), 0);
    let one = drawn(&[(1.0, 2.0)]);
    // A circle of radius 6: area 113.
    assert!((80..120).contains(&one), "{one}");
    // 380 × 2 pixels long and 2 × 2 pixels thick, of which two rows may be covered in part.
    let equal = drawn(&[(1.0, 2.0), (2.0, 2.0), (3.0, 2.0)]);
    assert!((2280..3500).contains(&equal), "{equal}");
}

#[test]
fn a_chart_beyond_all_bounds_is_an_error() {
    let names = (0..2500).map(|i| series(&i.to_string(), &[(1.0, 1.0)])).collect();
    let error = pixels(&[Chart { series: names, ..chart(&[]) }]).unwrap_err();
    assert!(matches!(error, ReportError::ChartTooLarge { height_px, .. } if height_px > 65_535), "{error}");
    assert!(error.hint().is_some());
}
