//! `inspect`, and `prepare --exclude`, with drawn people and bad input.

use image::{Rgb, RgbImage};
use likeness_synth::{Layout, PictureFormat, SynthConfig, write_dataset};
use serde_json::Value;

use crate::bench::{Bench, told};

/// Drawn people with six photos each in `people/PERSON/`.
fn people() -> Bench {
    let bench = Bench::new();
    let config =
        SynthConfig { identities: 5, images_per_identity: 6, size: 160, seed: 3, ..SynthConfig::default() };
    write_dataset(&config, &bench.at("people"), (Layout::Folders, PictureFormat::Png), &|_| {}).unwrap();
    // Without the table of the drawn pictures, the folders name the identities.
    fs_err::remove_file(bench.at("people/truth.csv")).unwrap();
    bench
}

/// The photos of a person, by name.
fn photos(bench: &Bench, person: &str) -> Vec<String> {
    let entries = fs_err::read_dir(bench.at(&format!("people/{person}"))).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

fn folders(bench: &Bench) -> Vec<String> {
    let entries = fs_err::read_dir(bench.at("people")).unwrap().map(Result::unwrap);
    let mut names: Vec<String> = entries
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().to_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

fn issue<'a>(found: &'a Value, name: &str) -> &'a Value {
    let issues = found["issues"].as_array().unwrap();
    issues.iter().find(|issue| issue["issue"] == name).unwrap_or_else(|| panic!("{name}: {found}"))
}

fn names(issue: &Value) -> Vec<&str> {
    issue["findings"].as_array().unwrap().iter().map(|finding| finding["photo"].as_str().unwrap()).collect()
}

#[test]
fn duplicates_conflicts_and_bad_pictures_are_found_and_left_out() {
    let bench = people();
    let all = folders(&bench);
    let first = photos(&bench, &all[0]);
    let copy = |from: &str, to: &str| fs_err::copy(bench.at(from), bench.at(to)).unwrap();
    copy(&format!("people/{}/{}", all[0], first[0]), &format!("people/{}/zz again.png", all[0]));
    copy(&format!("people/{}/{}", all[0], first[1]), &format!("people/{}/zz other 🎉\nname.png", all[1]));
    bench.write(&format!("people/{}/broken.jpg", all[2]), b"\xff\xd8\xff\xe0 no more");
    RgbImage::from_pixel(160, 160, Rgb([3, 3, 3]))
        .save(bench.at(&format!("people/{}/night.png", all[3])))
        .unwrap();
    let found = bench.json(&["inspect", "people", "--json", "--skip-labels", "-o", "issues"]);
    assert_eq!(found["identities"], 5);
    let equal = issue(&found, "exact_duplicates");
    assert_eq!((equal["photos"].as_u64(), equal["state"].as_str()), (Some(4), Some("excluded")));
    assert_eq!(names(issue(&found, "identity_conflict")).len(), 2);
    assert_eq!(names(issue(&found, "unreadable")), [format!("{}/broken.jpg", all[2])]);
    assert_eq!(names(issue(&found, "dark")), [format!("{}/night.png", all[3])]);
    assert!(names(issue(&found, "no_face")).contains(&format!("{}/night.png", all[3]).as_str()));
    assert_eq!(issue(&found, "light")["state"], "clean");
    for file in ["issues.csv", "issues.json", "exact_duplicates.png", "dark.png"] {
        assert!(bench.at(&format!("issues/{file}")).is_file(), "{file}");
    }
    // Again into the same folder, which holds only files of the program.
    bench.good(&["inspect", "people", "--skip-labels", "-o", "issues"]);
    let made = bench.json(&["prepare", "people", "-o", "faces", "--exclude", "issues/issues.csv", "--json"]);
    let reasons: Vec<&str> =
        made["skipped_photos"].as_array().unwrap().iter().filter_map(|s| s["reason"].as_str()).collect();
    let excluded = reasons.iter().filter(|reason| reason.starts_with("excluded: ")).count();
    assert_eq!(
        excluded, 3,
        "the second of two equal photos, and both photos with two identities: {reasons:?}"
    );
    let args =
        ["prepare", "people", "-o", "two", "--exclude", "issues/issues.csv", "--issues", "dark", "--json"];
    let made = bench.json(&args);
    assert!(made.to_string().contains("excluded: dark"), "{made}");
    let dataset = bench.json(&["inspect", "faces", "--skip-labels", "--json"]);
    assert_eq!(issue(&dataset, "exact_duplicates")["photos"], 0, "{dataset}");
}

#[test]
fn a_photo_in_the_wrong_folder_is_found() {
    let bench = people();
    let all = folders(&bench);
    // One photo of each of two people changes places.
    let swap = [(0, 1), (1, 0)].map(|(from, to)| {
        let name = photos(&bench, &all[from])[2].clone();
        (format!("people/{}/{name}", all[from]), format!("{}/swapped-{from}.png", all[to]))
    });
    for (from, to) in &swap {
        fs_err::rename(bench.at(from), bench.at(&format!("people/{to}"))).unwrap();
    }
    let output = bench.run(&["inspect", "people", "--model", "color", "--detector", "none", "--json"]);
    let found: Value = serde_json::from_slice(&output.stdout).unwrap();
    let suspects = issue(&found, "likely_mislabelled");
    assert!(["clean", "excluded", "review"].contains(&suspects["state"].as_str().unwrap()), "{suspects}");
    assert_eq!(found["model"], "color");
    bench.good(&["embed", "people", "-o", "people.embeddings"]);
    let found = bench.json(&["inspect", "people.embeddings", "--json", "-o", "wrong"]);
    let suspects = issue(&found, "likely_mislabelled");
    for (_, name) in &swap {
        assert!(names(suspects).contains(&name.as_str()), "{name}: {suspects}");
    }
    let finding = &suspects["findings"][0];
    assert!(finding["own_rank"].as_u64().unwrap() > 1 && finding["exclude"] == true, "{finding}");
    assert!(found["not_checked"]["blurry"].as_str().unwrap().contains("not opened"));
    assert!(bench.at("wrong/likely_mislabelled.png").is_file());
}

#[test]
fn identities_that_differ_in_writing_are_a_note() {
    let bench = people();
    let all = folders(&bench);
    for (at, name) in [(0, "Zoe\u{308}"), (1, "ZO\u{cb}"), (2, "Ann"), (3, "ann")] {
        fs_err::rename(bench.at(&format!("people/{}", all[at])), bench.at(&format!("people/{name}")))
            .unwrap();
    }
    let found = bench.json(&["inspect", "people", "--skip-labels", "--json"]);
    let similar = issue(&found, "similar_names");
    assert_eq!((similar["state"].as_str(), similar["photos"].as_u64()), (Some("note"), Some(4)), "{similar}");
}

#[test]
fn little_or_nothing_is_no_trouble() {
    let bench = Bench::new();
    fs_err::create_dir(bench.at("empty")).unwrap();
    assert!(bench.refused(&["inspect", "empty"]).contains("no photo"));
    assert!(bench.refused(&["inspect", "nowhere"]).contains("no such file or folder"));
    bench.photo("one/a.png", 1);
    let found = bench.json(&["inspect", "one", "--json"]);
    assert_eq!(found["photos"], 1);
    assert!(found["not_checked"]["likely_mislabelled"].is_string(), "{found}");
    for at in 0..6 {
        bench.photo(&format!("equal/p{}/{at}.png", at / 3), 1);
    }
    let found = bench.json(&["inspect", "equal", "--json", "--model", "color"]);
    assert_eq!(issue(&found, "exact_duplicates")["photos"], 6);
    assert_eq!(issue(&found, "identity_conflict")["photos"], 6);
    assert_eq!(issue(&found, "likely_mislabelled")["state"], "clean", "constant embeddings");
    let text = bench.good(&["inspect", "equal", "--skip-labels"]);
    assert!(text.contains("exact_duplicates") && text.contains("100.0 %  excluded"), "{text}");
}

#[test]
fn foreign_files_and_tables_are_refused() {
    let bench = Bench::with_photos();
    bench.write("out/issues.csv", "years of work");
    let error = bench.refused(&["inspect", "photos", "-o", "out"]);
    assert!(error.contains("was not written by Likeness"), "{error}");
    bench.write("file", "x");
    assert!(bench.refused(&["inspect", "photos", "-o", "file"]).contains("not a folder"));
    bench.write("names.csv", "name\na.png\n");
    let prepare = |table: &str| {
        ["prepare", "photos", "-o", "faces", "--detector", "none", "--exclude", table].map(str::to_owned)
    };
    let refused = |args: &[String]| bench.refused(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(refused(&prepare("names.csv")).contains("no column photo"));
    bench.write("mine.csv", "photo\np0/0.png\nabsent.png\n");
    let args = prepare("mine.csv");
    let output = bench.run(&args.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        output.status.success() && told(&output).contains("1 of 12 photos are excluded"),
        "{}",
        told(&output)
    );
    assert!(told(&output).contains("1 of 2 excluded names are not in the collection"), "{}", told(&output));
    let every: String = (0..12).map(|at| format!("p{}/{}.png\n", at / 4, at % 4)).collect();
    bench.write("every.csv", format!("photo\n{every}"));
    let mut args = prepare("every.csv");
    "none-left".clone_into(&mut args[3]);
    assert!(refused(&args).contains("all 12 photos of the collection are excluded"));
}

#[test]
fn a_gallery_is_inspected() {
    let bench = people();
    bench.good(&["gallery", "create", "g.gallery", "people"]);
    let found = bench.json(&["inspect", "g.gallery", "--json"]);
    assert_eq!(found["photos"], 30);
    assert_eq!(issue(&found, "exact_duplicates")["state"], "clean");
    assert!(found["not_checked"]["poisoned_reference"].is_string(), "nobody is named: {found}");
}

#[test]
fn a_wrongly_named_reference_is_found() {
    let bench = people();
    bench.good(&["gallery", "create", "g.gallery", "people"]);
    let all = folders(&bench);
    let path = |person: &str, name: &String| format!("people/{person}/{name}");
    let first = photos(&bench, &all[0]);
    for (at, person) in all.iter().enumerate() {
        let mut named: Vec<String> = photos(&bench, person).iter().map(|name| path(person, name)).collect();
        if at == 0 {
            named.remove(3);
        } else if at == 1 {
            named.push(path(&all[0], &first[3]));
        }
        let faces: Vec<&str> = named.iter().map(String::as_str).collect();
        bench.good(&[&["people", "name", "g.gallery", person][..], &faces].concat());
    }
    let found = bench.json(&["inspect", "g.gallery", "--json"]);
    let poisoned = issue(&found, "poisoned_reference");
    assert_eq!(
        (poisoned["state"].as_str(), poisoned["photos"].as_u64()),
        (Some("review"), Some(1)),
        "{poisoned}"
    );
    let finding = &poisoned["findings"][0];
    assert!(finding["path"].as_str().unwrap().ends_with(&path(&all[0], &first[3])), "{finding}");
    assert_eq!(
        (&finding["identity"], &finding["looks_like"]),
        (&all[1].as_str().into(), &all[0].as_str().into())
    );
}
