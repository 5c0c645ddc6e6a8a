//! `compare`, `calibrate` and `report`, and the error rates of `evaluate`.

use likeness_search::{Distance, EmbeddingTable, EmbeddingWriter, ModelTag, Row};
use serde_json::Value;

use crate::bench::Bench;

/// Embeddings of `people` with six photos each, which lie around their person's place; `spread` is the distance from it.
fn faces(model: &str, people: usize, spread: f32) -> EmbeddingTable {
    let mut state = 11u64;
    let mut next = move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let (mut rows, mut values) = (Vec::new(), Vec::new());
    for person in 0..people {
        let centre: Vec<f32> = (0..16).map(|_| next()).collect();
        for photo in 0..6 {
            let identity = Some(format!("person {person:03}"));
            rows.push(Row { identity, ..Row::new(format!("{person}/🙂 {photo}.jpg")) });
            values.extend(centre.iter().map(|centre| centre + spread * next()));
        }
    }
    EmbeddingTable::new(
        ModelTag::new(model, format!("{model} fingerprint"), 16, Distance::Cosine),
        rows,
        values,
    )
    .unwrap()
}

fn save(bench: &Bench, name: &str, table: &EmbeddingTable) {
    let mut writer = EmbeddingWriter::create(&bench.at(name), table.model().clone()).unwrap();
    for (at, row) in table.rows().iter().enumerate() {
        writer.push(row, table.embedding(at)).unwrap();
    }
    writer.finish().unwrap();
}

/// A good and a bad model of the same photos; the bad one misses a photo.
fn two_models(bench: &Bench) {
    save(bench, "good.embeddings", &faces("good", 40, 0.9));
    let bad = faces("bad", 40, 2.5).select(|row| row.name != "0/🙂 0.jpg");
    save(bench, "bad.embeddings", &bad);
}

#[test]
fn differences_are_paired_and_have_intervals() {
    let bench = Bench::with_photos();
    two_models(&bench);
    let found = bench.json(&["compare", "good.embeddings", "bad.embeddings", "--json"]);
    assert_eq!((&found["queries"], &found["identities"]), (&239.into(), &40.into()));
    assert_eq!(found["models"][0]["left_out"], serde_json::json!(["0/🙂 0.jpg"]));
    let top1 = |model: usize| found["result"][model]["values"][0]["value"]["value"].as_f64().unwrap();
    let difference = &found["differences"][0];
    assert_eq!(difference["model"], 1);
    let value = difference["difference"]["value"].as_f64().unwrap();
    assert!((value - (top1(1) - top1(0))).abs() < 1e-12, "{value}");
    assert!(
        difference["difference"]["high"].as_f64().unwrap() < 0.0
            && difference["p_holm"].as_f64() < Some(0.05)
    );
    let test = &found["mcnemar"][0];
    let count = |key: &str| test[key].as_u64().unwrap();
    assert_eq!(count("both") + count("only_first") + count("only_second") + count("neither"), 239);
    assert!(count("only_first") > count("only_second"));
    let text = bench.good(&["compare", "good.embeddings", "bad.embeddings", "--reference", "bad"]);
    assert!(
        text.contains("compared with bad") && text.contains("better") && !text.contains("worse"),
        "{text}"
    );
    let refused = bench.refused(&["compare", "good.embeddings", "bad.embeddings", "--reference", "ugly"]);
    assert!(refused.contains("the models are good, bad"), "{refused}");
    let refused = bench.refused(&["compare", "good.embeddings", "face"]);
    assert!(refused.contains("no photos"), "{refused}");
    // A model is not significantly different from itself.
    let same = bench.json(&["compare", "good.embeddings", "good.embeddings", "--json"]);
    assert_eq!(
        (&same["differences"][0]["difference"]["value"], &same["differences"][0]["p_holm"]),
        (&0.0.into(), &1.0.into())
    );
    assert_ne!(same["models"][0]["name"], same["models"][1]["name"]);
}

#[test]
fn labels_and_rows_that_do_not_fit_are_reported() {
    let bench = Bench::with_photos();
    let table = faces("good", 12, 0.9);
    save(&bench, "a.embeddings", &table);
    let other = |change: &dyn Fn(&Row) -> Row| {
        let rows = table.rows().iter().map(change).collect();
        let tag = ModelTag::new("other", "other", 16, Distance::Cosine);
        EmbeddingTable::new(tag, rows, table.embeddings().to_vec()).unwrap()
    };
    save(&bench, "b.embeddings", &other(&|row| Row { name: format!("other/{}", row.name), ..row.clone() }));
    let refused = bench.refused(&["compare", "a.embeddings", "b.embeddings"]);
    assert!(refused.contains("no row that occurs in every table"), "{refused}");
    let swapped = |row: &Row| Row { identity: Some("somebody".to_owned()), ..row.clone() };
    save(&bench, "c.embeddings", &other(&swapped));
    let refused = bench.refused(&["compare", "a.embeddings", "c.embeddings"]);
    assert!(refused.contains("somebody") && refused.contains("labelled"), "{refused}");
    let one = |row: &Row| Row { identity: Some("one".to_owned()), ..row.clone() };
    save(&bench, "one.embeddings", &other(&one));
    assert!(bench.refused(&["calibrate", "one.embeddings"]).contains("at least two identities"));
}

#[test]
fn thresholds_are_measured_and_stored() {
    let bench = Bench::with_photos();
    two_models(&bench);
    let found = bench.json(&["calibrate", "good.embeddings", "--fmr", "0.01,1e-6", "--json"]);
    let [first, second] = &found["calibration"]["thresholds"].as_array().unwrap()[..] else {
        panic!("{found}")
    };
    let threshold = first["outcome"]["value"]["threshold"].as_f64().unwrap();
    assert!(threshold > 0.0 && second["outcome"]["insufficient-data"].is_object(), "{found}");
    let text = bench.good(&[
        "calibrate",
        "good.embeddings",
        "--fmr",
        "0.01",
        "--fpir",
        "0.5",
        "--gallery-size",
        "10",
    ]);
    assert!(text.contains("FMR 1 %") && text.contains("FPIR 50 % at N = 10"), "{text}");
    let refused = bench.refused(&["calibrate", "good.embeddings", "--fmr", "1e-8", "--write", "photos"]);
    assert!(refused.contains("no threshold to store"), "{refused}");
    // Verdicts could not be given any more.
    let refused = bench.refused(&["calibrate", "good.embeddings", "--fmr", "0.01", "--write", "photos"]);
    assert!(refused.contains("verdicts need one"), "{refused}");
    let refused = bench.refused(&["calibrate", "good.embeddings", "--fmr", "0.001", "--write", "photos"]);
    assert!(refused.contains("model.toml"), "{refused}");
    assert!(bench.refused(&["calibrate", "good.embeddings", "--fmr", "2"]).contains("--fmr"));
}

#[test]
fn a_report_is_a_page_a_text_and_a_document() {
    let bench = Bench::with_photos();
    two_models(&bench);
    let report =
        ["report", "good.embeddings", "bad.embeddings", "-o", "r.html", "--title", "<Two> & \"more\""];
    bench.good(&report);
    let page = fs_err::read_to_string(bench.at("r.html")).unwrap();
    assert!(
        page.contains("&lt;Two&gt; &amp;") && !page.contains("<script") && !page.contains("http://"),
        "escaped"
    );
    let text = fs_err::read_to_string(bench.at("r.md")).unwrap();
    assert!(text.contains("## Answers") && text.contains("good"), "{text}");
    let numbers: Value = serde_json::from_str(&fs_err::read_to_string(bench.at("r.json")).unwrap()).unwrap();
    assert_eq!((&numbers["likeness"], &numbers["models"][1]["name"]), (&"report".into(), &"bad".into()));
    // Our own files are replaced, others are not.
    bench.good(&report);
    bench.write("r.md", "my notes");
    assert!(bench.refused(&report).contains("was not written by Likeness"));
    assert_eq!(fs_err::read_to_string(bench.at("r.md")).unwrap(), "my notes");
    assert!(bench.refused(&["report", "good.embeddings", "-o", "r.pdf"]).contains("HTML page"));
}

#[test]
fn slices_are_columns_of_a_table() {
    let bench = Bench::with_photos();
    two_models(&bench);
    let mut table = "person,group,age,empty\n".to_owned();
    (0..40).for_each(|person| {
        table += &format!(
            "person {person:03},{},{},\n",
            if person % 2 == 0 { "even" } else { "odd" },
            20 + person
        );
    });
    bench.write("people.csv", table);
    bench.good(&["report", "good.embeddings", "--columns", "people.csv", "-o", "r.html"]);
    let numbers: Value = serde_json::from_str(&fs_err::read_to_string(bench.at("r.json")).unwrap()).unwrap();
    let rows = numbers["slices"]["rows"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert!(
        names.contains(&"group: even") && names.iter().any(|name| name.starts_with("age: ")),
        "{names:?}"
    );
    let even = rows.iter().find(|row| row["name"] == "group: even").unwrap();
    assert_eq!((&even["queries"], &even["identities"]), (&120.into(), &20.into()));
    let refused = bench.refused(&[
        "report",
        "good.embeddings",
        "--columns",
        "people.csv",
        "--slice",
        "weather",
        "-o",
        "r.html",
    ]);
    assert!(refused.contains("--slice weather") && refused.contains("group"), "{refused}");
    bench.write("nobody.csv", "person,group\nnobody,a\n");
    let refused = bench.refused(&["report", "good.embeddings", "--columns", "nobody.csv", "-o", "r.html"]);
    assert!(refused.contains("nobody"), "{refused}");
}

#[test]
fn photos_have_pictures_checks_and_computed_slices() {
    let bench = Bench::with_photos();
    bench.good(&["report", "photos", "color", "edge", "--detector", "none", "-o", "r.html"]);
    let numbers: Value = serde_json::from_str(&fs_err::read_to_string(bench.at("r.json")).unwrap()).unwrap();
    let issues = numbers["data"]["issues"].as_array().unwrap();
    assert!(issues.iter().any(|issue| issue["name"] == "exact_duplicates"), "{issues:?}");
    assert_eq!(numbers["queries"]["sets"].as_array().unwrap().len(), 2);
    let page = fs_err::read_to_string(bench.at("r.html")).unwrap();
    assert!(page.contains("data:image/jpeg;base64,"), "thumbnails");
    bench.good(&["report", "photos", "color", "--detector", "none", "--pictures", "none", "-o", "none.html"]);
    assert!(!fs_err::read_to_string(bench.at("none.html")).unwrap().contains("data:image/jpeg"));
}

#[test]
fn a_list_of_pairs_is_verified_in_folds() {
    let bench = Bench::with_photos();
    two_models(&bench);
    let mut pairs = "path_a,path_b,same,fold\n".to_owned();
    for person in 0..40 {
        let fold = person % 10;
        pairs += &format!("{person}/🙂 0.jpg,{person}/🙂 1.jpg,1,{fold}\n");
        pairs += &format!("{person}/🙂 0.jpg,{}/🙂 1.jpg,0,{fold}\n", (person + 1) % 40);
    }
    pairs += "missing.jpg,0/🙂 1.jpg,0,0\n";
    bench.write("pairs.csv", &pairs);
    let found = bench.json(&["evaluate", "good.embeddings", "--pairs", "pairs.csv", "--json"]);
    assert_eq!((&found["pairs"]["pairs"], &found["pairs"]["left_out"]), (&80.into(), &1.into()));
    assert!(
        found["pairs"]["accuracy"].as_f64().unwrap() > 0.6 && found["verification"]["eer"].is_object(),
        "{found}"
    );
    let text = bench.good(&["evaluate", "good.embeddings", "--pairs", "pairs.csv"]);
    assert!(
        text.contains("insufficient data") && text.contains("missing.jpg") && text.contains("R-prec."),
        "{text}"
    );
}
