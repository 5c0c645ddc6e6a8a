//! Documents on stdout: keys, shapes, protocols, thresholds, the contact sheet.

use crate::bench::{Bench, told};

#[test]
fn json_documents_have_their_keys() {
    let bench = Bench::with_photos();
    bench.write("photos/p0/bad.jpg", "text");
    let prepared = bench.json(&["prepare", "photos", "-o", "out", "--size", "32", "--json"]);
    assert_eq!(
        (&prepared["images"], &prepared["identities"], &prepared["skipped"]),
        (&12.into(), &3.into(), &1.into())
    );
    assert_eq!(prepared["skipped_photos"][0]["name"], "p0/bad.jpg");
    let evaluated = bench.json(&["evaluate", "out", "--model", "color", "--json"]);
    for key in ["queries", "unmated", "top1", "top5", "top10", "map", "challenge_score", "model", "skipped"] {
        assert!(!evaluated[key].is_null(), "{key} is missing in {evaluated}");
    }
    assert_eq!(evaluated["queries"], 3);
    let leave_one_out = ["evaluate", "out", "--model", "color", "--json", "--protocol", "leave-one-out"];
    assert_eq!(bench.json(&leave_one_out)["queries"], 12);
    let matched = bench.json(&["match", "out", "--model", "color", "--json", "-k", "2"]);
    assert_eq!(matched["queries"].as_array().unwrap().len(), 3);
    assert_eq!(matched["queries"][0]["hits"].as_array().unwrap().len(), 2);
}

#[test]
fn evaluation_apart_is_within_and_across_the_values_of_a_column() {
    let bench = Bench::with_photos();
    let mut table = "path,identity,domain\n".to_owned();
    for (person, at) in (0..3).flat_map(|p| (0..4).map(move |at| (p, at))) {
        table += &format!("photos/p{person}/{at}.png,p{person},{}\n", if at < 2 { "day" } else { "night" });
    }
    bench.write("table.csv", table);
    bench.good(&["prepare", "table.csv", "-o", "out", "--layout", "csv", "--size", "32"]);
    let evaluate = ["evaluate", "out", "--model", "color", "--protocol", "leave-one-out"];
    let by = bench.json(&[&evaluate[..], &["--by", "domain", "--json"]].concat())["by"].clone();
    assert_eq!(by["column"], "domain");
    let sides: Vec<_> =
        by["pairs"].as_array().unwrap().iter().map(|p| (&p["queries_of"], &p["gallery_of"])).collect();
    assert_eq!(sides.len(), 4);
    assert_eq!(sides[1], (&"day".into(), &"night".into()));
    assert_eq!(by["pairs"][1]["evaluation"]["queries"], 6);
    assert_eq!(by["distances"][0]["groups"], serde_json::json!(["day", "night"]));
    // Of a column of the manifest alone, with a value that no image shares with another of its identity.
    let by = bench.json(&[&evaluate[..], &["--by", "path", "--json"]].concat())["by"].clone();
    assert!(by["pairs"][0]["evaluation"].is_null());
    let text = bench.good(&[&evaluate[..], &["--by", "domain"]].concat());
    assert!(text.contains("by domain\n") && text.contains("proxy A-distance of day and night"), "{text}");
    let told = bench.refused(&[&evaluate[..], &["--by", "weather"]].concat());
    assert!(told.contains("no such column") && told.contains("sha256"), "{told}");
    for (file, start) in [("map.svg", &b"<svg"[..]), ("map.png", b"\x89PNG")] {
        bench.good(&[&evaluate[..], &["--by", "domain", "--map", file]].concat());
        assert!(fs_err::read(bench.at(file)).unwrap().starts_with(start), "{file}");
    }
    bench.good(&["embed", "out", "--model", "color", "-o", "e"]);
    let told = bench.refused(&["evaluate", "e", "--by", "width"]);
    assert!(told.contains("name a dataset"), "{told}");
}

#[test]
fn a_missed_threshold_is_exit_code_1() {
    let bench = Bench::with_photos();
    // Photos of the last person are spread over all: nobody finds them.
    for at in 0..3 {
        fs_err::rename(bench.at(&format!("photos/p{at}/0.png")), bench.at(&format!("photos/p{at}_.png")))
            .unwrap();
        fs_err::create_dir_all(bench.at("photos/mixed")).unwrap();
        fs_err::rename(bench.at(&format!("photos/p{at}_.png")), bench.at(&format!("photos/mixed/{at}.png")))
            .unwrap();
    }
    let output = bench.run(&["evaluate", "photos", "--model", "color", "--require-top1", "1"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    assert!(told(&output).contains("below the required 1"), "{}", told(&output));
    bench.good(&["evaluate", "photos", "--model", "color", "--require-top1", "0.5"]);
}

#[test]
fn results_have_both_shapes() {
    let bench = Bench::with_photos();
    let search = ["match", "photos/p0", "photos/p1", "--model", "color", "-k", "3"];
    let map = bench.json(&[&search[..], &["--group", "us"]].concat());
    assert_eq!(map["groupname"], "us");
    let images = map["images"].as_object().unwrap();
    assert_eq!(images.len(), 4);
    assert!(images.values().all(|hits| hits.as_array().unwrap().len() == 3));
    let list = bench.json(&[&search[..], &["--shape", "list"]].concat());
    assert_eq!(list.as_array().unwrap().len(), 4);
    for one in list.as_array().unwrap() {
        assert_eq!(one["gallery_images"], map["images"][one["filename"].as_str().unwrap()]);
    }
    bench.good(&[&search[..], &["-o", "r.json"]].concat());
    let written = fs_err::read_to_string(bench.at("r.json")).unwrap();
    assert_eq!(bench.good(&[&search[..], &["--group", "likeness"]].concat()), written, "stdout is the file");
    let written: serde_json::Value = serde_json::from_str(&written).unwrap();
    assert_eq!(written["images"], map["images"]);
}

#[test]
fn within_one_folder_nothing_finds_itself() {
    let bench = Bench::with_photos();
    let search = ["match", "photos", "--model", "color", "-k", "3", "--json"];
    let own = |document: &serde_json::Value| {
        let queries = document["queries"].as_array().unwrap();
        queries
            .iter()
            .filter(|q| q["hits"].as_array().unwrap().iter().any(|h| h["name"] == q["name"]))
            .count()
    };
    assert_eq!(own(&bench.json(&search)), 0);
    assert_eq!(own(&bench.json(&[&search[..], &["--allow-self"]].concat())), 12);
}

#[test]
fn the_contact_sheet_is_a_picture() {
    let bench = Bench::with_photos();
    bench.good(&["match", "photos", "--model", "color", "-o", "r.json", "--grid", "sheet.png", "-k", "4"]);
    let sheet = image::open(bench.at("sheet.png")).unwrap();
    assert!(sheet.width() > 200 && sheet.height() > 200, "{}×{}", sheet.width(), sheet.height());
}
