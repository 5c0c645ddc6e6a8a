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
