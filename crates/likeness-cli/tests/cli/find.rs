//! `find` and `identify`, with the built-in models and drawn people.

use likeness_synth::{Layout, PictureFormat, SynthConfig, write_dataset};
use serde_json::Value;

use crate::bench::{Bench, told};

/// Drawn people with three photos each in `al bum 🎉/PERSON/`.
fn album() -> Bench {
    let bench = Bench::new();
    let config =
        SynthConfig { identities: 4, images_per_identity: 3, size: 160, seed: 7, ..SynthConfig::default() };
    let layout = (Layout::Folders, PictureFormat::Png);
    write_dataset(&config, &bench.at("al bum 🎉"), layout, &|_| {}).unwrap();
    bench
}

/// The people, and the paths of their photos.
fn people(bench: &Bench) -> Vec<(String, Vec<String>)> {
    let listed = |folder: std::path::PathBuf| {
        let mut names: Vec<String> = fs_err::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned())
            .collect();
        names.sort();
        names
    };
    let folder = bench.at("al bum 🎉");
    let of = |person: String| {
        let photos = listed(folder.join(&person));
        let photos = photos.into_iter().map(|photo| format!("al bum 🎉/{person}/{photo}")).collect();
        (person, photos)
    };
    listed(folder.clone()).into_iter().filter(|name| folder.join(name).is_dir()).map(of).collect()
}

#[test]
fn a_person_is_found_in_other_photos_but_not_in_the_photo_itself() {
    let bench = album();
    let mut first_is_right = 0;
    for (person, photos) in people(&bench) {
        let found =
            bench.json(&["find", &photos[0], "al bum 🎉", "--json", "--tolerance", "100", "--model", "face"]);
        assert_eq!((&found["model"], &found["distance"]), (&"face".into(), &"euclidean".into()));
        let query = &found["queries"][0];
        assert!(query["box"].as_array().is_some_and(|b| b.len() == 4), "{query}");
        let listed: Vec<&Value> = query["photos"].as_array().unwrap().iter().collect();
        // All other photos lie below so large a tolerance.
        assert_eq!(listed.len(), found["searched"]["photos"].as_u64().unwrap() as usize - 1);
        assert!(listed.iter().all(|hit| hit["verdict"] == "same" && hit["path"] != photos[0]), "{listed:?}");
        let distances: Vec<f64> = listed.iter().map(|hit| hit["distance"].as_f64().unwrap()).collect();
        assert!(distances.is_sorted(), "{distances:?}");
        first_is_right += usize::from(listed[0]["path"].as_str().unwrap().contains(&person));
    }
    assert!(first_is_right >= 3, "{first_is_right} of 4 people");
}

#[test]
fn results_are_copied_drawn_and_listed_without_losing_files() {
    let bench = album();
    let (_, photos) = people(&bench).remove(0);
    let find = ["find", photos[0].as_str(), "al bum 🎉", "--tolerance", "100"];
    let name = photos[1].rsplit('/').next().unwrap();
    bench.write(&format!("out/{name}"), "another photo of this name");
    let listed = bench.good(&[&find[..], &["--copy-to", "out", "--grid", "found.png", "--csv"]].concat());
    assert!(listed.starts_with("photo,face,verdict,distance,path,box_left,"), "{listed}");
    assert_eq!(listed.lines().count(), 12, "{listed}");
    assert_eq!(fs_err::read(bench.at(&format!("out/{name}"))).unwrap(), b"another photo of this name");
    let copies = || fs_err::read_dir(bench.at("out")).unwrap().count();
    assert_eq!(copies(), 12, "11 photos beside the file that was there");
    bench.good(&[&find[..], &["--copy-to", "out"]].concat());
    assert_eq!(copies(), 12, "what was copied is not copied again");
    assert!(image::open(bench.at("found.png")).unwrap().width() > 500);
    let told = bench.refused(&[&find[..], &["--grid", &photos[1], "--copy-to", "out"]].concat());
    assert!(told.contains("this file"), "{told}");
    let told = bench.refused(&[&find[..], &["--copy-to", &photos[2]]].concat());
    assert!(told.contains("this is not a folder"), "{told}");
    // Nothing is near enough.
    let none = bench.good(&[&find[..4], &["0"]].concat());
    assert!(none.starts_with("no match; the nearest photo is "), "{none}");
}

#[test]
fn pictures_without_faces_are_compared_by_what_they_show() {
    let bench = Bench::with_photos();
    let output = bench.run(&["find", "photos/p0/0.png", "photos"]);
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    assert!(told(&output).contains("model picture (built in): no face in the photo"), "{}", told(&output));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("same person"));
    let told = bench.refused(&["find", "photos/p0/0.png", "photos", "--model", "face"]);
    assert!(told.contains("no face found"), "{told}");
    bench.write("black.png", "");
    let told = bench.refused(&["find", "black.png", "photos"]);
    assert!(told.contains("black.png"), "{told}");
}

#[test]
fn every_face_gets_the_name_of_its_nearest_known_face() {
    let bench = album();
    let people = people(&bench);
    for (person, photos) in &people[..3] {
        let name = format!("known/{person}, \"A\".png");
        fs_err::create_dir_all(bench.at("known")).unwrap();
        fs_err::copy(bench.at(&photos[0]), bench.at(&name)).unwrap();
    }
    bench.photo("nobody.png", 3);
    bench.write("broken.png", "dear diary");
    let unknown: Vec<&str> = people.iter().map(|(_, photos)| photos[1].as_str()).collect();
    let args = [&["identify", "known"][..], &unknown, &["nobody.png", "broken.png"]].concat();
    let output = bench.run(&[&args[..], &["--tolerance", "100"]].concat());
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let rows: Vec<csv::StringRecord> = csv::ReaderBuilder::new()
        .has_headers(false)
        .from_reader(text.as_bytes())
        .records()
        .map(Result::unwrap)
        .collect();
    assert_eq!(rows.len(), 5, "{text}");
    let right =
        |(row, (person, _)): &(&csv::StringRecord, &(String, _))| row[1] == format!("{person}, \"A\"");
    assert!(rows.iter().zip(&people[..3]).filter(right).count() >= 2, "{text}");
    assert_eq!((&rows[4][0], &rows[4][1]), ("nobody.png", "no_persons_found"));
    assert!(told(&output).contains("broken.png"), "{}", told(&output));
    // Only the same picture is at the distance 0.
    let strict = bench.good(&[&args[..], &["--tolerance", "0", "--show-distance"]].concat());
    assert_eq!(strict.matches(",unknown_person,").count(), 4, "{strict}");
    let found = bench.json(&[&args[..], &["--json"]].concat());
    assert!(found["photos"][0]["faces"][0]["box"].is_array(), "{found}");
    assert!(bench.refused(&["identify", "known", "unknown", "--tolerance", "-1"]).contains("--tolerance"));
}

#[test]
fn licences_are_inherited_and_commercial_use_is_checked() {
    let bench = Bench::with_photos();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");
    let embed =
        |model: &str, file: &str| ["embed", "photos", "-o", file, "--model", model].map(str::to_owned);
    let refused = |args: &[String]| bench.refused(&args.iter().map(String::as_str).collect::<Vec<_>>());
    let commercial = |args: [String; 6]| [&args[..], &["--commercial".to_owned()]].concat();
    for model in ["picture", "color"] {
        let args = commercial(embed(model, "e"));
        bench.good(&args.iter().map(String::as_str).collect::<Vec<_>>());
        bench.good(&["evaluate", "e", "--commercial"]);
    }
    let told = refused(&commercial(embed(network, "x")));
    assert!(told.contains("its licence is not known") && told.contains("hint: "), "{told}");
    bench.good(&embed(network, "n").iter().map(String::as_str).collect::<Vec<_>>());
    assert!(bench.refused(&["evaluate", "n", "--commercial"]).contains("n: its licence is not known"));
    bench.good(&[
        "models",
        "import",
        network,
        "-o",
        "m",
        "--licence",
        "InsightFace model terms: non-commercial research",
    ]);
    let told = refused(&commercial(embed("m", "x")));
    assert!(told.contains("its licence does not allow commercial use"), "{told}");
}

#[test]
fn thresholds_out_of_range_are_refused() {
    let bench = Bench::with_photos();
    let network = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-embed/tests/golden/onnx/good.onnx");
    bench.good(&["models", "import", network, "-o", "m"]);
    let card = fs_err::read_to_string(bench.at("m/model.toml")).unwrap();
    let (card, _) = card.split_once("# sha256").unwrap();
    for (fmr, distance) in [("1e-3", "nan"), ("1e-3", "-1.0"), ("2.0", "0.5"), ("nan", "0.5")] {
        bench.write(
            "m/model.toml",
            format!("{card}\n[[thresholds]]\nfmr = {fmr}\ndistance = {distance}\npairs = 10\n"),
        );
        let told = bench.refused(&["embed", "photos", "-o", "e", "--model", "m"]);
        assert!(
            told.contains("model.toml") && told.contains("FMR") || told.contains("false match rate"),
            "{told}"
        );
    }
    bench.write("m/model.toml", format!("{card}\n[[thresholds]]\nfmr = 1e-3\ndistance = 0.5\npairs = 10\n"));
    bench.good(&["embed", "photos", "-o", "e", "--model", "m"]);
    let found = bench.json(&["match", "e", "--json"]);
    let hit = &found["queries"][0]["hits"][0];
    let expected = if hit["distance"].as_f64().unwrap() <= 0.5 { "same" } else { "different" };
    assert_eq!(hit["verdict"], expected);
}
