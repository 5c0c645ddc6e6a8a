//! `search --explain`: why the best hits match, with the nearest other identity.

use likeness_synth::{Layout, PictureFormat, SynthConfig, write_dataset};

use crate::bench::{Bench, told};

/// A gallery of drawn people with three photos each in `photos/PERSON/`.
fn gallery() -> (Bench, Vec<String>) {
    let bench = Bench::new();
    let config =
        SynthConfig { identities: 3, images_per_identity: 3, size: 160, seed: 7, ..Default::default() };
    write_dataset(&config, &bench.at("photos"), (Layout::Folders, PictureFormat::Png), &|_| {}).unwrap();
    bench.good(&["gallery", "create", "my.gallery", "photos"]);
    let faces = bench.json(&["gallery", "list", "my.gallery", "--faces", "--json"]);
    let faces = faces["faces"].as_array().unwrap();
    let paths = faces.iter().map(|face| face["path"].as_str().unwrap().to_owned()).collect();
    for (name, at) in [("Anna", 0), ("Ben", 3), ("Carla", 6)] {
        let ids: Vec<String> = (at..at + 3).map(|at| faces[at]["face"].to_string()).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        bench.good(&[&["people", "name", "my.gallery", name][..], &ids].concat());
    }
    (bench, paths)
}

fn size(bench: &Bench, name: &str) -> (u32, u32) {
    image::open(bench.at(name)).unwrap().into_rgb8().dimensions()
}

/// The answer for the only query, with its explanation.
fn explained(bench: &Bench, args: &[&str]) -> serde_json::Value {
    let search = ["search", "my.gallery", "query.png", "--explain", "why.png", "--json"];
    bench.json(&[&search[..], args].concat())["queries"][0].clone()
}

#[test]
fn the_best_hit_is_explained_with_the_nearest_other_person() {
    let (bench, paths) = gallery();
    fs_err::copy(&paths[0], bench.at("query.png")).unwrap();
    let query = explained(&bench, &[]);
    let (hits, found) = (query["hits"].as_array().unwrap(), &query["explained"]);
    assert_eq!((&found["face"], &found["reason"]), (&hits[0]["face"], &serde_json::Value::Null));
    assert_eq!(found["verdict"], "match");
    // The nearest hit of somebody else, although two more photos of Anna lie between.
    let other = hits.iter().find(|hit| hit["person"] != hits[0]["person"]).unwrap();
    assert_eq!(
        (&found["nearest_other"]["face"], &found["nearest_other"]["person"]),
        (&other["face"], &other["person"])
    );
    let distance = |value: &serde_json::Value| value["distance"].as_f64().unwrap();
    let margin = distance(&found["nearest_other"]) - distance(found);
    assert!((found["margin"].as_f64().unwrap() - margin).abs() < 1e-6 && margin > 0.0);
    let (width, height) = size(&bench, "why.png");
    assert!(width > 900 && (350..600).contains(&height), "{width}×{height}: one row of three pictures");
    // The explained cuts are those that were embedded.
    let output = bench.run(&["search", "my.gallery", "query.png", "--explain", "why.png"]);
    assert!(!told(&output).contains("warning"), "{}", told(&output));
    // A hit beyond -k is searched for, too.
    assert_eq!(explained(&bench, &["-k", "1"])["explained"]["nearest_other"], found["nearest_other"]);
    // Nobody else fulfils the condition.
    let alone = explained(&bench, &["--where", "person = Anna"]);
    assert_eq!(
        (&alone["explained"]["nearest_other"], &alone["explained"]["margin"]),
        (&().into(), &().into())
    );
    assert!(size(&bench, "why.png").0 < 900);
    assert!(
        bench.json(&["search", "my.gallery", "query.png", "--json"])["queries"][0].get("explained").is_none()
    );
}

#[test]
fn photos_that_are_gone_or_changed_are_reported() {
    let (bench, paths) = gallery();
    fs_err::rename(&paths[0], bench.at("query.png")).unwrap();
    let gone = explained(&bench, &["-k", "1"]);
    let reason = gone["explained"]["reason"].as_str().unwrap();
    assert!(reason.contains("no such file") || reason.contains("No such file"), "{reason}");
    assert!(gone["explained"]["margin"].as_f64().unwrap() > 0.0);
    assert!(size(&bench, "why.png").1 > 300);
    fs_err::copy(&paths[3], &paths[0]).unwrap();
    let output = bench.run(&["search", "my.gallery", "query.png", "--explain", "why.png"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(told(&output).contains("query.png is not explained"), "{}", told(&output));
}

#[test]
fn nothing_else_is_written_over() {
    let (bench, paths) = gallery();
    fs_err::copy(&paths[0], bench.at("query.png")).unwrap();
    bench.write("mine.png", "years of work");
    let search = |out| ["search", "my.gallery", "query.png", "--explain", out];
    assert!(bench.refused(&search("mine.png")).contains("was not written by Likeness"));
    assert!(bench.refused(&search("query.png")).contains("reads this file"));
    assert!(bench.refused(&search("why.jpg")).contains("contact sheets are PNG"));
    assert!(bench.refused(&search("-")).contains("same place"));
    bench.good(&[&search("mine.png")[..], &["--force"]].concat());
    bench.good(&search("mine.png"));
}

#[test]
fn pictures_without_faces_are_explained() {
    let bench = Bench::with_photos();
    bench.good(&["gallery", "create", "my.gallery", "photos", "--kind", "pictures", "--model", "color"]);
    fs_err::copy(bench.at("photos/p0/0.png"), bench.at("query.png")).unwrap();
    let found = explained(&bench, &[]);
    assert_eq!(found["explained"]["distance"], 0.0);
    assert!(
        found["explained"]["nearest_other"]["face"].is_number() && found["explained"]["reason"].is_null()
    );
    // Without faces, and of one pixel.
    image::RgbImage::from_pixel(1, 1, image::Rgb([9, 80, 200])).save(bench.at("query.png")).unwrap();
    assert!(explained(&bench, &[])["explained"]["reason"].is_null());
}

#[test]
fn find_explains_the_nearest_photo() {
    let (bench, paths) = gallery();
    fs_err::rename(&paths[0], bench.at("query.png")).unwrap();
    let found =
        bench.json(&["find", "query.png", "photos", "--explain", "why.png", "--json"])["queries"][0].clone();
    // The photos are in a folder for each person.
    assert_ne!(found["nearest_other"]["identity"], found["nearest"]["identity"]);
    let distance = |of: &str| found[of]["distance"].as_f64().unwrap();
    assert!(
        (found["margin"].as_f64().unwrap() - distance("nearest_other") + distance("nearest")).abs() < 1e-6
    );
    assert!(size(&bench, "why.png").0 > 900);
    let told = bench.refused(&["find", "query.png", "photos", "--explain", "query.png"]);
    assert!(told.contains("--explain query.png: the command reads this file"), "{told}");
}
