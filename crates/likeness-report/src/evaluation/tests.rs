//! The three forms of a report: snapshots, well-formed markup, and reports of unusual sizes and names.

use super::fixture;
use super::*;

/// Parses the page as XML, which checks that all elements are closed.
fn checked(report: &Report) -> String {
    let page = html(report);
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document =
        roxmltree::Document::parse_with_options(&page, options).unwrap_or_else(|error| panic!("{error}"));
    let count = |name: &str| document.descendants().filter(|node| node.has_tag_name(name)).count();
    assert_eq!(count("h1"), 1);
    assert_eq!(count("script"), 0);
    for node in document.descendants().filter(|node| node.has_tag_name("th")) {
        assert!(node.attribute("scope").is_some(), "{node:?}");
    }
    for node in document.descendants().filter(|node| node.has_tag_name("img")) {
        assert!(node.attribute("alt").is_some(), "{node:?}");
        assert!(node.attribute("src").is_some_and(|source| source.starts_with("data:image/jpeg;base64,")));
    }
    let loading = |name: &str| matches!(name, "src" | "srcset" | "href" | "data" | "action" | "poster");
    for attribute in document.descendants().flat_map(|node| node.attributes()).filter(|a| loading(a.name())) {
        let inside =
            attribute.value().starts_with('#') || attribute.value().starts_with("data:image/jpeg;base64,");
        assert!(inside, "{attribute:?}");
    }
    assert!(!page.contains("url(") && !page.contains("@import"));
    page
}

/// The page without its style and drawings, an element on each line.
fn outline(page: &str) -> String {
    let mut text = String::new();
    let mut rest = page;
    while let Some((start, end)) = [("<style>", "</style>"), ("<svg", "</svg>")]
        .into_iter()
        .filter_map(|(open, close)| Some((rest.find(open)?, close)))
        .min()
    {
        text.push_str(&rest[..start]);
        text.push_str("[…]");
        let length = rest[start..].find(end).unwrap() + end.len();
        rest = &rest[start + length..];
    }
    text.push_str(rest);
    for element in
        ["section", "table", "tr", "p", "h1", "h2", "h3", "figure", "div", "nav", "details", "li", "ul"]
    {
        text = text.replace(&format!("</{element}>"), &format!("</{element}>\n"));
    }
    text
}

#[test]
fn the_page_of_a_small_report() {
    insta::assert_snapshot!(outline(&checked(&fixture::report())));
}

#[test]
fn the_markdown_of_a_small_report() {
    insta::assert_snapshot!(markdown(&fixture::report()));
}

/// The data with numbers of twelve digits, because reading JSON may change the last bit.
fn rounded(report: &Report) -> serde_json::Value {
    fn round(value: &mut serde_json::Value) {
        match value {
            serde_json::Value::Number(number) if number.is_f64() => {
                *value = format!("{:.12}", number.as_f64().unwrap()).into();
            }
            serde_json::Value::Array(values) => values.iter_mut().for_each(round),
            serde_json::Value::Object(values) => values.values_mut().for_each(round),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(report).unwrap();
    round(&mut value);
    value
}

#[test]
fn the_json_holds_all_data_but_pictures() {
    let report = fixture::report();
    let text = json(&report);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["format"], FORMAT);
    assert_eq!(document["answers"][0]["answer"], "Alpha");
    assert_eq!(document["result"][0]["values"][0]["value"]["value"], 0.977);
    assert_eq!(document["result"][0]["values"][3]["value"]["state"], "insufficient");
    let mut without = report;
    for row in without.queries.sets.iter_mut().flat_map(|set| &mut set.worst) {
        row.picture = None;
        row.hits.iter_mut().for_each(|hit| hit.picture = None);
    }
    let parsed: Report = serde_json::from_str(&text).unwrap();
    assert_eq!(rounded(&parsed), rounded(&without));
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    let report = fixture::report();
    assert_eq!(html(&report), html(&report));
    assert_eq!(markdown(&report), markdown(&report));
}

#[test]
fn an_empty_report_says_why_each_section_is_empty() {
    let page = checked(&Report::default());
    for reason in [
        "No model was measured.",
        "No pair of photos was compared.",
        "No query was kept.",
        "The data was not checked.",
    ] {
        assert!(page.contains(reason), "{reason}");
    }
    assert!(page.contains("No result"));
    assert!(markdown(&Report::default()).contains("The data was not checked."));
    let reason = "Embeddings were given without photos.";
    let report = Report { absent: [(Section::Queries, reason.into())].into(), ..Report::default() };
    assert!(checked(&report).contains(reason));
}

#[test]
fn one_model_has_no_differences() {
    let mut report = fixture::report();
    report.models.truncate(1);
    report.result.truncate(1);
    report.differences.clear();
    report.mcnemar.clear();
    let page = checked(&report);
    assert!(!page.contains("Differences on the same queries"));
    assert!(page.contains("One model, no comparison"));
}

#[test]
fn of_seven_models_six_are_in_charts_and_all_in_tables() {
    let mut report = fixture::report();
    for model in 2..7 {
        report.models.push(Model { name: format!("Model {model}"), ..Model::default() });
        let mut result = report.result[1].clone();
        result.model = model;
        result.values[0].value = Rate::Supported(Estimate::bare(0.9 - 0.1 * model as f64));
        report.result.push(result);
        let mut cmc = report.ranking[1].clone();
        cmc.model = model;
        report.ranking.push(cmc);
    }
    let page = checked(&report);
    assert!(page.contains("Charts show the six models with the highest top-1; 1 model is in tables only."));
    assert!(markdown(&report).contains("Model 6"));
    assert_eq!(view::View::new(&report).colour(6), None);
    assert_eq!(view::View::new(&report).colour(5), Some(5));
}

#[test]
fn a_hundred_thousand_slices_are_capped() {
    let mut report = fixture::report();
    report.slices.rows =
        (0..100_000).map(|n| fixture::slice(&format!("slice-{n}"), 40, 60.0 + (n % 40) as f64)).collect();
    let page = checked(&report);
    assert!(
        page.contains("99,971 more in <code>report.json</code>"),
        "the row of all queries is among the sorted rows"
    );
    assert!(page.len() < 200_000, "{}", page.len());
    assert_eq!(page.matches("slice-").count(), 30 + 3, "thirty rows, and three names in the answer");
}

#[test]
fn pictures_are_capped() {
    let mut report = fixture::report();
    let row = report.queries.sets[0].worst[0].clone();
    let set = QuerySet {
        worst: vec![row.clone(); 9],
        typical: vec![row.clone(); 9],
        best: vec![row; 9],
        ..QuerySet::default()
    };
    report.queries.sets = vec![set; 9];
    assert_eq!(checked(&report).matches("<img ").count(), 320);
}

#[test]
fn withheld_pictures_become_a_table() {
    let mut report = fixture::report();
    report.queries.withheld = Some("Pictures are not shown: the licence forbids copies.".into());
    let page = checked(&report);
    assert!(!page.contains("<img"));
    assert!(page.contains("the licence forbids copies") && page.contains("× <bdi>1.jpg</bdi>"));
}

#[test]
fn names_cannot_break_the_page() {
    let names = [
        "<script>alert(1)</script>",
        "a & b \"c\" 'd'",
        "line\nbreak\r\n| cell |",
        "\u{202e}txt.gpj",
        "שלום 😀",
        "\u{0}\u{1}\u{fffe}",
        "]]>--><!--",
        "**bold** _x_ `code` [l](http://x)",
        "",
    ];
    for name in names {
        let mut report = fixture::report();
        report.title = name.into();
        report.models[0].name = name.into();
        report.models[1].facts = vec![name.into()];
        report.slices.rows[0].name = name.into();
        report.queries.sets[0].worst[0].identity = name.into();
        report.confusions[0].rows[0].hit = name.into();
        report.data.likely_mislabelled[0].photo = name.into();
        report.settings.rows[0] = SettingRow { name: name.into(), value: name.into(), code: false };
        report.notes = vec![name.into()];
        let page = checked(&report);
        assert!(!page.contains("<script"), "{name}");
        let text = markdown(&report);
        assert!(!text.contains("<script") && !text.contains('\u{0}'), "{name}");
        let rows = text.lines().filter(|line| line.starts_with('|'));
        assert!(rows.clone().all(|row| row.ends_with('|')), "{name}");
        serde_json::from_str::<Report>(&json(&report)).unwrap();
    }
}

#[test]
fn values_that_are_no_numbers_and_models_that_are_missing_do_not_break_the_page() {
    let mut report = fixture::report();
    report.reference = 17;
    report.result[0].values[0].value = Rate::Supported(Estimate::new(f64::NAN, f64::NAN, f64::NAN));
    report.differences[0].difference = Estimate::new(f64::INFINITY, f64::NAN, 0.0);
    report.differences[1].model = 9;
    report.verification.thresholds[0].model = 12;
    report.verification.det[0].points[0].y.value = f64::NAN;
    report.ranking[1].model = 5;
    report.queries.sets[0].model = 8;
    report.timing.rows[0].cpu_ms = Some(f64::NAN);
    report.confusions[0].rows[0].of = 0;
    checked(&report);
    assert!(!markdown(&report).contains("NaN"));
    assert!(!html(&report).contains("NaN"));
    json(&report);
}
