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
