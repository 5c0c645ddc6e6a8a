//! `match`: who is searched for in what, and that every query has its answer.

use serde_json::Value;

use crate::bench::{Bench, told};
use crate::detectors::cascade;

/// The names found for each query, nearest first.
fn found(document: &Value) -> Vec<(String, Vec<String>)> {
    let names = |list: &Value| -> Vec<String> {
        list.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    document["images"].as_object().unwrap().iter().map(|(query, list)| (query.clone(), names(list))).collect()
}

/// Four people of `images` photos each, of which a share of `validation` are queries.
fn dataset(images: u32, validation: &str) -> Bench {
    let bench = Bench::new();
    for at in 0..4 * images {
        bench.photo(&format!("photos/p{}/{}.png", at / images, at % images), at);
    }
    bench.good(&["prepare", "photos", "-o", "data", "--size", "32", "--validation", validation]);
    bench
}

#[test]
fn queries_search_in_the_gallery_however_many_there_are() {
    // As many queries as gallery images, fewer, and more.
    for (images, validation, queries) in [(4, "0.5", 8), (4, "0.25", 4), (3, "0.7", 8), (2, "0.5", 4)] {
        let bench = dataset(images, validation);
        for input in ["data", "data.embeddings"] {
            if input == "data.embeddings" {
                bench.good(&["embed", "data", "--model", "color", "-o", input]);
            }
            let search = ["match", input, "--model", "color", "-k", "100"];
            let answers = found(&bench.json(&search));
            assert_eq!(answers.len(), queries, "{images} images, {validation}");
            let asked: Vec<&String> = answers.iter().map(|(query, _)| query).collect();
            for (query, hits) in &answers {
                assert_eq!(hits.len(), 4 * images as usize - queries, "{query}: the whole gallery");
                assert!(hits.iter().all(|hit| !asked.contains(&hit)), "{query}: found a query: {hits:?}");
            }
            // What is found is what `evaluate` counts.
            let measured = bench.json(&["evaluate", input, "--model", "color", "--json"]);
            let person = |name: &str| name.split('/').next().unwrap().to_owned();
            let right = answers.iter().filter(|(query, hits)| person(query) == person(&hits[0])).count();
            let share = measured["top1"].as_f64().unwrap();
            assert!((right as f64 / queries as f64 - share).abs() < 1e-9, "{right} of {queries}, {measured}");
        }
    }
}

#[test]
fn the_first_input_is_the_queries_and_the_others_are_the_gallery() {
    let bench = Bench::with_photos();
    let all = ["photos/p0/1.png", "photos/p1", "photos/p2/0.png"];
    let search = [&["match", "photos/p0/0.png"][..], &all, &["--model", "color", "-k", "100"]].concat();
    let answers = found(&bench.json(&search));
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].0, "0.png");
    assert_eq!(answers[0].1.len(), 6);
    assert_eq!(answers[0].1[0], "photos/p0/1.png", "names that two inputs share are told apart: {answers:?}");
    // With --gallery everything else is a query.
    let search = ["match", "photos/p0", "photos/p1", "--gallery", "photos/p2", "--model", "color", "-k", "1"];
    let answers = found(&bench.json(&search));
    assert_eq!(answers.len(), 8);
    let names: Vec<&str> = answers.iter().map(|(query, _)| query.as_str()).collect();
    assert!(names.contains(&"photos/p0/0.png") && names.contains(&"photos/p1/0.png"), "{names:?}");
}

#[test]
fn one_against_one_and_nothing_against_something() {
    let bench = Bench::with_photos();
    let one = ["match", "photos/p0/0.png", "photos/p0/1.png", "--model", "color"];
    assert_eq!(found(&bench.json(&one)), [("0.png".to_owned(), vec!["1.png".to_owned()])]);
    // The same file on both sides is not found, unless that is asked for.
    let own = ["match", "photos/p0/0.png", "photos/p0/0.png", "--model", "color"];
    assert_eq!(found(&bench.json(&own)), [("0.png".to_owned(), Vec::new())]);
    let own = [&own[..], &["--allow-self"]].concat();
    assert_eq!(found(&bench.json(&own))[0].1, ["0.png"]);
    fs_err::create_dir(bench.at("empty")).unwrap();
    for sides in [["empty", "photos"], ["photos", "empty"], ["empty", "empty"]] {
        let told = bench.refused(&["match", sides[0], sides[1], "--model", "color"]);
        assert!(told.contains("empty: no photo in it"), "{told}");
    }
    let told = bench.refused(&["match", "photos", "--model", "color", "-k", "0"]);
    assert!(told.contains("expected 1 or more"), "{told}");
}

/// Queries with two faces, with none, and one that is text, and a gallery.
fn faces() -> Bench {
    const CASCADES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../likeness-data/tests/golden/haar");
    let bench = Bench::new();
    for folder in ["queries", "gallery"] {
        fs_err::create_dir(bench.at(folder)).unwrap();
        for name in ["noise", "drawn_faces"] {
            fs_err::copy(format!("{CASCADES}/{name}.png"), bench.at(&format!("{folder}/{name}.png")))
                .unwrap();
        }
    }
    for folder in ["queries", "gallery"] {
        let flat = image::RgbImage::from_pixel(80, 60, image::Rgb([128; 3]));
        flat.save(bench.at(&format!("{folder}/flat.png"))).unwrap();
        bench.write(&format!("{folder}/note.jpg"), "dear diary");
    }
    bench
}

#[test]
fn every_query_is_answered_once_under_its_own_name() {
    let bench = faces();
    let cascade = cascade();
    for kept in ["main", "all"] {
        let search =
            ["match", "queries", "gallery", "--model", "color", "--detector", &cascade, "--faces", kept];
        let search = [&search[..], &["-k", "5", "--allow-self"]].concat();
        let output = bench.run(&search);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        let answers = found(&serde_json::from_slice(&output.stdout).unwrap());
        let queries: Vec<&str> = answers.iter().map(|(query, _)| query.as_str()).collect();
        assert_eq!(queries, ["drawn_faces.png", "flat.png", "noise.png", "note.jpg"], "--faces {kept}");
        for (query, hits) in &answers {
            // The gallery has two photos with faces; each photo counts once.
            let mut distinct = hits.clone();
            distinct.sort();
            assert_eq!(distinct, ["drawn_faces.png", "noise.png"], "{query} with --faces {kept}");
        }
        assert_eq!(answers[0].1[0], "drawn_faces.png");
        let told = told(&output);
        assert!(
            told.contains("queries without a face, embedded as whole photos (1):\n  flat.png: "),
            "{told}"
        );
        assert!(
            told.contains(
                "queries without an embedding, answered with the gallery in its own order (1):\n  note.jpg: "
            ),
            "{told}"
        );
        let document = bench.json(&[&search[..], &["--json"]].concat());
        let standing: Vec<&str> =
            document["queries"].as_array().unwrap().iter().map(|q| q["standing"].as_str().unwrap()).collect();
        assert_eq!(standing, ["embedded", "without-face", "embedded", "unreadable"]);
        let names = |side: &str| -> Vec<&str> {
            document["skipped"][side]
                .as_array()
                .unwrap()
                .iter()
                .map(|s| s["name"].as_str().unwrap())
                .collect()
        };
        assert_eq!(
            (names("queries"), names("gallery")),
            (vec!["flat.png", "note.jpg"], vec!["flat.png", "note.jpg"])
        );
        let ranks: Vec<u64> = document["queries"][0]["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["rank"].as_u64().unwrap())
            .collect();
        assert_eq!(ranks, [1, 2]);
    }
}

#[test]
fn within_one_folder_a_photo_without_a_face_is_a_query_and_not_found() {
    let bench = faces();
    let cascade = cascade();
    let search = ["match", "queries", "--model", "color", "--detector", &cascade, "-k", "5"];
    let answers = found(&bench.json(&search));
    assert_eq!(answers.len(), 4);
    for (query, hits) in &answers {
        let expected = if query == "flat.png" || query == "note.jpg" { 2 } else { 1 };
        assert_eq!(hits.len(), expected, "{query}: {hits:?}");
        assert!(!hits.contains(query) && !hits.contains(&"flat.png".to_owned()), "{query}: {hits:?}");
    }
}

#[test]
fn inputs_that_are_not_there_are_named_before_any_work() {
    let bench = Bench::with_photos();
    let name = "no such folder/\u{1b}[31m";
    for args in [
        vec!["match", "photos", name, "--model", "color"],
        vec!["embed", name, "--model", "color", "-o", "x"],
        vec!["evaluate", name, "--model", "color"],
        vec!["evaluate", "photos", "--gallery", name, "--model", "color"],
        vec!["prepare", name, "-o", "out"],
        vec!["detect", name],
    ] {
        let told = bench.refused(&args);
        assert!(told.contains("no such file or folder") && told.contains("hint: "), "{args:?}: {told}");
        assert!(!told.contains('\u{1b}') && told.contains("\\u{1b}[31m"), "{args:?}: {told}");
        assert!(!told.contains("embed: "), "{args:?}: nothing is embedded first: {told}");
    }
}

#[test]
fn a_table_is_read_as_one_by_every_command() {
    let bench = Bench::with_photos();
    let rows = (0..12).map(|at| format!("{},person {},photos/p{}/{}.png\n", at / 4, at / 4, at / 4, at % 4));
    bench.write("people.csv", "person_id,name,filename\n".to_owned() + &rows.collect::<String>());
    for more in [&[][..], &["--layout", "csv"]] {
        let evaluated =
            bench.json(&[&["evaluate", "people.csv", "--model", "color", "--json"], more].concat());
        assert_eq!((&evaluated["queries"], &evaluated["identities"]), (&12.into(), &3.into()), "{more:?}");
        let answers = found(&bench.json(&[&["match", "people.csv", "--model", "color"], more].concat()));
        assert_eq!(answers.len(), 12, "{more:?}");
    }
    let counts = bench.json(&["prepare", "people.csv", "-o", "data", "--size", "32", "--json"]);
    assert_eq!((&counts["images"], &counts["identities"]), (&12.into(), &3.into()));
}

#[test]
fn embeddings_are_used_from_any_folder_and_damage_is_named() {
    let bench = Bench::with_photos();
    bench.good(&["embed", "photos", "--model", "color", "-o", "e.embeddings"]);
    bench.good(&["match", "e.embeddings", "-o", "r.json", "--grid", "here.png"]);
    fs_err::create_dir_all(bench.at("far/away")).unwrap();
    let mut elsewhere =
        bench.command(&["match", "../../e.embeddings", "-o", "r.json", "--grid", "there.png"]);
    let output = elsewhere.current_dir(bench.at("far/away")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    let [here, there] = ["here.png", "far/away/there.png"].map(|name| fs_err::read(bench.at(name)).unwrap());
    assert!(here == there, "the contact sheet shows other pictures");
    let whole = fs_err::read(bench.at("e.embeddings")).unwrap();
    for at in [0, 9, 40, whole.len() / 2, whole.len() - 2] {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        bench.write("d.embeddings", damaged);
        let told = bench.refused(&["evaluate", "d.embeddings"]);
        assert!(told.contains("d.embeddings: damaged"), "byte {at}: {told}");
        assert!(told.contains("hint: embed the photos again"), "byte {at}: {told}");
    }
}

#[test]
fn a_query_that_no_decoder_reads_is_answered_too() {
    let bench = Bench::with_photos();
    bench.write("queries/a.heic", "\0\0\0\u{18}ftypheic\0\0\0\0mif1heic");
    bench.photo("queries/b.png", 1);
    let search = ["match", "queries", "photos", "--model", "color", "-k", "2"];
    let answers = found(&bench.json(&search));
    let names: Vec<(&str, usize)> =
        answers.iter().map(|(query, hits)| (query.as_str(), hits.len())).collect();
    assert_eq!(names, [("a.heic", 2), ("b.png", 2)]);
    let document = bench.json(&[&search[..], &["--json"]].concat());
    assert_eq!(document["skipped"]["queries"][0]["name"], "a.heic");
}

#[test]
fn an_embeddings_file_answers_for_the_photos_it_has_no_embedding_of() {
    let bench = Bench::with_photos();
    bench.write("queries/bad.png", "no picture");
    bench.photo("queries/good.png", 1);
    let names = |answers: &[(String, Vec<String>)]| -> Vec<String> {
        answers.iter().map(|(query, _)| query.clone()).collect()
    };
    let direct = found(&bench.json(&["match", "queries", "photos", "--model", "color", "-k", "3"]));
    bench.good(&["embed", "queries", "--model", "color", "-o", "q.embeddings"]);
    bench.good(&["embed", "photos", "--model", "color", "-o", "g.embeddings"]);
    let stored = found(&bench.json(&["match", "q.embeddings", "g.embeddings", "-k", "3"]));
    assert_eq!(names(&direct), ["bad.png", "good.png"]);
    let sorted = |mut answers: Vec<(String, Vec<String>)>| {
        answers.sort();
        answers
    };
    assert_eq!(sorted(stored), sorted(direct));
    let document = bench.json(&["match", "q.embeddings", "g.embeddings", "--json"]);
    assert_eq!(document["skipped"]["queries"][0]["name"], "bad.png");
    // A file made of files says it too, and a metric names what it could not count.
    bench.good(&["embed", "q.embeddings", "g.embeddings", "-o", "both.embeddings"]);
    let told = told(&bench.run(&["match", "both.embeddings", "-o", "r.json"]));
    assert!(told.contains("bad.png: "), "{told}");
    let document = bench.json(&["match", "g.embeddings", "q.embeddings", "--json"]);
    assert_eq!(document["skipped"]["gallery"][0]["name"], "bad.png", "{document}");
}

#[test]
fn a_table_that_cannot_be_read_is_no_photo() {
    let bench = Bench::with_photos();
    for (table, expected) in
        [("foo,bar\n1,2\n", "foo, bar"), ("path,identity\nphotos/p0/0.png\n", "t.csv:2"), ("", "t.csv")]
    {
        bench.write("t.csv", table);
        for args in [&["prepare", "t.csv", "-o", "o"][..], &["evaluate", "t.csv", "--model", "color"]] {
            let told = bench.refused(args);
            assert!(told.contains(expected) && !told.contains("dataset.toml"), "{table:?} {args:?}: {told}");
            assert!(!bench.at("o").exists(), "{table:?}");
        }
    }
}

#[test]
fn a_damaged_image_of_the_gallery_is_no_query() {
    let bench = dataset(4, "0.25");
    let face = fs_err::read_dir(bench.at("data/faces/p0")).unwrap().next().unwrap().unwrap().path();
    let name = face.file_name().unwrap().to_string_lossy().into_owned();
    bench.write(&format!("data/faces/p0/{name}"), "no picture");
    let output = bench.run(&["match", "data", "--model", "color"]);
    let manifest = fs_err::read_to_string(bench.at("data/manifest.csv")).unwrap();
    let is_query =
        manifest.lines().any(|line| line.contains(&name) && line.contains("p0/") && line.contains("query"));
    let told = told(&output);
    assert_eq!(told.contains("queries without an embedding"), is_query, "{told}");
    assert_eq!(told.contains("skipped 1:"), !is_query, "{told}");
}

#[test]
fn one_name_for_two_photos_of_a_table_is_refused() {
    use likeness_search::{Distance, EmbeddingTable, ModelTag, Row};
    let bench = Bench::new();
    let row = |name: &str, folder: &str| Row { path: format!("{folder}/{name}"), ..Row::new(name) };
    let table = |rows: Vec<Row>| {
        let values = (0..rows.len()).map(|at| at as f32).collect();
        EmbeddingTable::new(ModelTag::new("toy", "f00d", 1, Distance::Euclidean), rows, values).unwrap()
    };
    table(vec![row("1.jpg", "a"), row("1.jpg", "b"), row("2.jpg", "a")]).save(&bench.at("twice")).unwrap();
    table(vec![row("3.jpg", "a"), row("4.jpg", "a")]).save(&bench.at("once")).unwrap();
    for sides in [&["twice"][..], &["twice", "once"], &["once", "twice"]] {
        let told = bench.refused(&[&["match"], sides].concat());
        assert!(told.contains("1.jpg"), "{sides:?}: {told}");
    }
    assert_eq!(found(&bench.json(&["match", "once"])).len(), 2);
}
