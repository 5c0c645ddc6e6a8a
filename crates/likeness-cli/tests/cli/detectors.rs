//! `--detector` in every command that takes it: by name, by file, by none, and files that are no detectors.

use serde_json::Value;

use crate::bench::{Bench, told};

const GRAPHS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/detect");
const CASCADES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-data/tests/golden/haar");
const NETWORKS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx");

/// A graph that finds the same twelve faces, with landmarks, in any picture.
pub(crate) fn twelve() -> String {
    format!("{GRAPHS}/yunet.onnx")
}

/// A graph that finds as many faces as are allowed.
pub(crate) fn crowd() -> String {
    format!("{GRAPHS}/bad/crowd.onnx")
}

/// A cascade of random features: it finds some places in a picture of noise, and nothing on flat ground.
pub(crate) fn cascade() -> String {
    format!("{CASCADES}/stumps.xml")
}

/// Two people of two photos each, in which [`cascade`] finds faces, a flat one, and one that is text.
fn album() -> Bench {
    let bench = Bench::new();
    fs_err::create_dir_all(bench.at("photos/a")).unwrap();
    fs_err::create_dir_all(bench.at("photos/b")).unwrap();
    for (name, source) in [("a/1", "noise"), ("a/2", "drawn_faces"), ("b/1", "drawn_faces"), ("b/2", "noise")]
    {
        fs_err::copy(format!("{CASCADES}/{source}.png"), bench.at(&format!("photos/{name}.png"))).unwrap();
    }
    image::RgbImage::from_pixel(80, 60, image::Rgb([128; 3])).save(bench.at("photos/a/flat.png")).unwrap();
    bench.write("photos/b/note.jpg", "dear diary");
    bench
}

fn manifest(bench: &Bench) -> Vec<std::collections::HashMap<String, String>> {
    let text = fs_err::read_to_string(bench.at("out/manifest.csv")).unwrap();
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(|row| row.unwrap()).collect()
}

fn prepare(bench: &Bench, more: &[&str]) -> Value {
    let _ = fs_err::remove_dir_all(bench.at("out"));
    let basic = ["prepare", "photos", "-o", "out", "--size", "48", "--json"];
    bench.json(&[&basic[..], more].concat())
}

#[test]
fn detect_tells_faces_and_their_absence_and_goes_on_after_a_bad_photo() {
    let bench = album();
    let output = bench.run(&["detect", "photos", "--detector", &cascade(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["detector"], "haar");
    let photos = document["photos"].as_array().unwrap();
    let names: Vec<_> = photos.iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["a/1.png", "a/2.png", "a/flat.png", "b/1.png", "b/2.png"]);
    assert_eq!((&photos[2]["width"], &photos[2]["height"]), (&80.into(), &60.into()));
    assert_eq!(photos[2]["faces"].as_array().unwrap().len(), 0);
    let faces = photos[0]["faces"].as_array().unwrap();
    assert!(!faces.is_empty());
    assert!(faces.iter().all(|f| f["box"].as_array().unwrap().len() == 4 && f["landmarks"].is_null()));
    assert_eq!(document["skipped"][0]["name"], "b/note.jpg");
    let told = told(&output);
    assert!(told.contains("skipped 1:\n  b/note.jpg: not a picture"), "{told}");
    assert!(told.contains(" faces in 4 of 5 photos; 1 photos without a face"), "{told}");
}

#[test]
fn detect_writes_a_row_a_face_and_draws_what_it_found() {
    let bench = album();
    let table =
        bench.good(&["detect", "photos/a", "--detector", &twelve(), "--preview", "found.png", "--csv"]);
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().iter().collect::<Vec<_>>().join(",");
    assert_eq!(header, "path,box_left,box_top,box_width,box_height,score,landmarks");
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
    assert_eq!(rows.len(), 3 * 12);
    for row in &rows {
        assert!(row[5].parse::<f32>().unwrap() > 0.6);
        assert_eq!(row[6].split(' ').filter(|n| n.parse::<f32>().is_ok()).count(), 10);
    }
    let sheet = image::open(bench.at("found.png")).unwrap();
    assert!(sheet.width() > 200 && sheet.height() > 100, "{}×{}", sheet.width(), sheet.height());
    // A picture alone leaves stdout to itself.
    assert_eq!(bench.good(&["detect", "photos/a", "--detector", &twelve(), "--preview", "found.png"]), "");
}

#[test]
fn size_and_score_are_asked_of_a_face() {
    let bench = album();
    let faces = |more: &[&str]| {
        let basic = ["detect", "photos/a/flat.png", "--json", "--detector"];
        let graph = twelve();
        bench.json(&[&basic[..], &[&graph], more].concat())["photos"][0]["faces"].as_array().unwrap().clone()
    };
    let (all, sure) = (faces(&[]), faces(&["--min-score", "0.8"]));
    assert_eq!(all.len(), 12);
    assert!((1..12).contains(&sure.len()) && sure.iter().all(|f| f["score"].as_f64().unwrap() >= 0.8));
    let large = faces(&["--min-face-px", "30"]);
    let side = |f: &Value| f["box"][2].as_f64().unwrap().max(f["box"][3].as_f64().unwrap());
    assert!((1..12).contains(&large.len()) && large.iter().all(|f| side(f) >= 30.0));
    assert!(faces(&["--min-face-px", "9999"]).is_empty());
    for (score, reason) in
        [("1.5", "must lie between 0 and 1, found 1.5"), ("NaN", "--min-score"), ("x", "invalid")]
    {
        let told = bench.refused(&["detect", "photos", "--detector", &twelve(), "--min-score", score]);
        assert!(told.contains(reason), "{score}: {told}");
    }
}

#[test]
fn prepare_keeps_the_faces_that_were_asked_for() {
    let bench = album();
    let detector = twelve();
    let with = |more: &[&str]| prepare(&bench, &[&["--detector", &detector], more].concat());
    assert_eq!(with(&["--faces", "all"])["images"], 5 * 12);
    assert!(bench.at("out/faces/a/1~face12.png").is_file());
    let rows = manifest(&bench);
    assert!(rows.iter().all(|row| row["detector"] == "yunet" && row["faces"] == "12"));
    let mut boxes = std::collections::BTreeSet::new();
    for faces in ["largest", "center", "main"] {
        assert_eq!(with(&["--faces", faces])["images"], 5, "{faces}");
        boxes.insert(manifest(&bench)[0]["box_left"].clone());
    }
    assert!(boxes.len() > 1, "the largest face is not the most central");
    assert_eq!(with(&["--faces", "all", "--min-score", "0.8"])["images"], 5 * 3);
    let counts = with(&["--min-face-px", "9999", "--no-face", "keep"]);
    assert_eq!((&counts["images"], &counts["skipped"]), (&5.into(), &1.into()));
    assert!(manifest(&bench).iter().all(|row| row["detector"].is_empty() && row["faces"] == "12"));
    let told =
        bench.refused(&["prepare", "photos", "-o", "none", "--detector", &detector, "--min-face-px", "9999"]);
    assert!(
        told.contains("none of its 6 photos could be used") && told.contains("none/dataset.toml"),
        "{told}"
    );
}

#[test]
fn prepare_skips_or_keeps_a_photo_without_a_face_and_draws_it() {
    let bench = album();
    let detector = cascade();
    let with = |more: &[&str]| prepare(&bench, &[&["--detector", &detector], more].concat());
    let skipped = with(&["--preview", "found.png"]);
    assert_eq!((&skipped["images"], &skipped["skipped"]), (&4.into(), &2.into()));
    let reasons = skipped["skipped_photos"].to_string();
    assert!(reasons.contains("no face found") && reasons.contains("not a picture"), "{reasons}");
    assert!(image::open(bench.at("found.png")).unwrap().width() > 200);
    let kept = with(&["--no-face", "keep"]);
    assert_eq!((&kept["images"], &kept["skipped"]), (&5.into(), &1.into()));
    let crop = |bench: &Bench| fs_err::read(bench.at("out/faces/a/1.png")).unwrap();
    let narrow = crop(&bench);
    with(&["--margin", "1"]);
    assert_ne!(crop(&bench), narrow, "a margin changes what is cut");
    for margin in ["-0.5", "6", "NaN"] {
        let told =
            bench.refused(&["prepare", "photos", "-o", "x", "--detector", &detector, "--margin", margin]);
        assert!(told.contains("--margin") && told.contains("from -0.49 to 5"), "{told}");
    }
}

#[test]
fn auto_is_the_built_in_detector_and_names_are_those_of_installed_ones() {
    let bench = album();
    fs_err::create_dir_all(bench.at("models/detectors")).unwrap();
    let detect =
        |name: &str| bench.run(&["detect", "photos", "--detector", name, "--models", "models", "--json"]);
    for name in ["auto", "yunet"] {
        let output = detect(name);
        assert!(told(&output).contains("detector yunet (built in)"), "{}", told(&output));
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap()["detector"], "yunet");
    }
    fs_err::copy(cascade(), bench.at("models/haarcascade_frontalface_alt2.xml")).unwrap();
    let installed = "models/detectors/face_detection_yunet_2026may.onnx";
    fs_err::copy(twelve(), bench.at(installed)).unwrap();
    for name in ["yunet", "face_detection_yunet_2026may.onnx"] {
        let output = detect(name);
        assert!(told(&output).contains(&format!("detector yunet: {installed}")), "{}", told(&output));
    }
    assert!(told(&detect("auto")).contains("detector yunet (built in)"));
    for name in ["haar", "haar-frontalface-alt2"] {
        let output = detect(name);
        assert!(told(&output).contains("models/haarcascade_frontalface_alt2.xml"), "{}", told(&output));
    }
    let mut command = bench.command(&["detect", "photos", "--detector", "yunet", "--json"]);
    let output = command.env("LIKENESS_MODELS", bench.at("models")).output().unwrap();
    assert!(told(&output).contains("face_detection_yunet_2026may.onnx"), "{}", told(&output));
}

#[test]
fn a_collection_without_faces_is_prepared_as_whole_pictures() {
    let bench = crate::bench::Bench::with_photos();
    let output = bench.run(&["prepare", "photos", "-o", "out", "--json"]);
    let counts: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(counts["images"], 12);
    assert!(told(&output).contains("detector none: faces in 0 of 12 photos looked at"), "{}", told(&output));
    let output = bench.run(&["evaluate", "photos", "--split", "all"]);
    assert!(told(&output).contains("model picture (built in): no face in the photos"), "{}", told(&output));
}

#[test]
fn a_detector_that_is_not_here_is_told_with_the_way_out() {
    let bench = album();
    for name in ["yunett", "scrfd", "no/such/file.onnx", "photos"] {
        let told = bench.refused(&["detect", "photos", "--detector", name, "--models", "models"]);
        assert!(told.contains(&format!("error: {name}: no such detector is installed")), "{told}");
        assert!(
            told.contains("hint: leave --detector out") && told.contains("likeness models list"),
            "{told}"
        );
    }
}

#[test]
fn files_that_are_no_detectors_are_refused_by_name() {
    let bench = album();
    let good = fs_err::read_to_string(cascade()).unwrap();
    bench.write("cut.xml", &good[..good.len() / 2]);
    bench.write("page.xml", "<html/>");
    bench.write("bomb.xml", "<!DOCTYPE b [<!ENTITY a \"aaaa\">]><opencv_storage>&a;</opencv_storage>");
    bench.write("lbp.xml", good.replace(">HAAR<", ">LBP<"));
    bench.write("wide.xml", good.replace("<width>20<", "<width>99999<"));
    bench.write("text.onnx", "dear diary");
    bench.write("endless.onnx", [0xff; 300]);
    bench.write("empty.onnx", "");
    let embedder = format!("{NETWORKS}/good.onnx");
    for (file, reason) in [
        ("cut.xml", "not XML"),
        ("page.xml", "<html> where <opencv_storage>"),
        ("bomb.xml", "DTD"),
        ("lbp.xml", "only HAAR is supported"),
        ("wide.xml", "the window is"),
        ("text.onnx", "is no ONNX graph"),
        ("endless.onnx", "more than 64 bits"),
        ("empty.onnx", "the file is empty"),
        (&embedder, "answers like no known face detector"),
    ] {
        let name = file.rsplit('/').next().unwrap();
        for command in [&["detect", "photos"][..], &["prepare", "photos", "-o", "out"]] {
            let told = bench.refused(&[command, &["--detector", file]].concat());
            assert!(told.contains(&format!("{name}: ")) && told.contains(reason), "{told}");
        }
        assert!(!bench.at("out").exists(), "nothing is begun with a broken detector");
    }
}

#[test]
fn a_cascade_that_takes_everything_for_a_face_costs_its_photos_only() {
    let bench = album();
    let (mut open, good) = (String::new(), fs_err::read_to_string(cascade()).unwrap());
    let mut rest = good.as_str();
    while let Some((before, after)) = rest.split_once("<stageThreshold>") {
        open += &format!("{before}<stageThreshold>-1e9");
        rest = &after[after.find('<').unwrap()..];
    }
    bench.write("open.xml", open + rest);
    image::open(bench.at("photos/a/1.png"))
        .unwrap()
        .resize_exact(700, 500, image::imageops::FilterType::Nearest)
        .save(bench.at("photos/a/1.png"))
        .unwrap();
    let output = bench.run(&["detect", "photos/a", "--detector", "open.xml", "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["skipped"][0]["name"], "1.png");
    let reason = document["skipped"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("the cascade accepts ") && reason.ends_with("at most 100000"), "{reason}");
}

#[test]
fn embeddings_are_of_the_faces_that_were_found() {
    let bench = album();
    let (detector, model) = (twelve(), format!("{NETWORKS}/good.onnx"));
    let embed = |out: &str, more: &[&str]| {
        bench.good(&[&["embed", "photos", "-o", out, "--model", &model], more].concat());
        likeness_search::EmbeddingTable::load(&bench.at(out)).unwrap()
    };
    let (whole, faces) = (embed("whole", &[]), embed("faces", &["--detector", &detector]));
    assert_eq!((whole.len(), faces.len()), (5, 5));
    assert_ne!(whole.embeddings(), faces.embeddings());
    let all = embed("all", &["--detector", &detector, "--faces", "all"]);
    assert_eq!(all.len(), 5 * 12);
    assert!(all.rows().iter().any(|row| row.name == "a/1.png" && row.face == 11));
    let dimension = all.dimension();
    // The surest face comes first and is embedded alike, alone or in company.
    let sure = embed("sure", &["--detector", &detector, "--faces", "all", "--min-score", "0.86"]);
    assert_eq!(sure.len(), 5);
    for (alone, first) in sure.embeddings().chunks(dimension).zip(all.embeddings().chunks(12 * dimension)) {
        assert!(alone.iter().zip(first).all(|(a, b)| (a - b).abs() < 1e-5));
    }
    let skipped = bench.run(&["embed", "photos", "-o", "e", "--model", "color", "--detector", &cascade()]);
    assert_eq!(skipped.status.code(), Some(0));
    assert!(told(&skipped).contains("a/flat.png: no face found"), "{}", told(&skipped));
}

#[test]
fn match_and_evaluate_look_for_faces_too() {
    let bench = album();
    let detector = cascade();
    let faces = ["--model", "color", "--detector", &detector, "--json"];
    let matched = bench.json(&[&["match", "photos"], &faces[..]].concat());
    // The photo without a face and the text are answered too, but not found; nor is a copy of the query.
    assert_eq!(matched["queries"].as_array().unwrap().len(), 6);
    assert_eq!(matched["queries"][0]["hits"].as_array().unwrap().len(), 2);
    let kept = bench.json(&[&["match", "photos", "--no-face", "keep"], &faces[..]].concat());
    assert_eq!(kept["queries"].as_array().unwrap().len(), 6);
    assert_eq!(kept["queries"][0]["hits"].as_array().unwrap().len(), 3);
    let evaluated = bench.json(&[&["evaluate", "photos"], &faces[..]].concat());
    assert_eq!(evaluated["queries"], 4);
    let skipped: Vec<&Value> =
        evaluated["skipped"]["queries"].as_array().unwrap().iter().map(|skip| &skip["name"]).collect();
    assert_eq!(skipped, ["a/flat.png", "b/note.jpg"]);
    let told = bench.refused(&["evaluate", "photos", "--model", "color", "--detector", "yunett"]);
    assert!(told.contains("no such detector is installed"), "{told}");
}
