//! Galleries: `gallery`, `search` and `people`, with the built-in models and drawn people.

use std::time::Duration;

use likeness_synth::{Layout, PictureFormat, SynthConfig, write_dataset};
use serde_json::Value;

use crate::bench::{Bench, told};

/// Drawn people with three photos each in `Photos 🎉/PERSON/`.
fn album(people: u32) -> Bench {
    let bench = Bench::new();
    let config = SynthConfig {
        identities: people,
        images_per_identity: 3,
        size: 160,
        seed: 7,
        ..SynthConfig::default()
    };
    let layout = (Layout::Folders, PictureFormat::Png);
    write_dataset(&config, &bench.at("Photos 🎉"), layout, &|_| {}).unwrap();
    bench
}

/// The photos, as `gallery list` knows them.
fn photos(bench: &Bench, condition: &[&str]) -> Vec<Value> {
    let listed = bench.json(&[&["gallery", "list", "my.gallery", "--json"][..], condition].concat());
    listed["photos"].as_array().unwrap().clone()
}

fn faces(bench: &Bench, condition: &[&str]) -> Vec<Value> {
    let listed =
        bench.json(&[&["gallery", "list", "my.gallery", "--faces", "--json"][..], condition].concat());
    listed["faces"].as_array().unwrap().clone()
}

fn stats(bench: &Bench) -> Value {
    bench.json(&["gallery", "stats", "my.gallery", "--json"])
}

fn verified(bench: &Bench) {
    assert_eq!(
        bench.json(&["gallery", "verify", "my.gallery", "--json"])["faults"],
        Value::Array(Vec::new())
    );
}

/// Says that the command added so many photos.
fn added(output: &std::process::Output, count: usize) {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    assert!(told(output).contains(&format!("{count} photos with ")), "{count}: {}", told(output));
}

#[test]
fn a_gallery_follows_its_folder() {
    let bench = album(3);
    added(&bench.run(&["gallery", "create", "my.gallery", "Photos 🎉"]), 9);
    assert!(bench.refused(&["gallery", "create", "my.gallery"]).contains("exists already"));
    let first = photos(&bench, &[])[0]["paths"][0].as_str().unwrap().to_owned();
    // Moved, copied, touched, broken, gone and new at the same time.
    let folder = bench.at("Photos 🎉");
    let listed = photos(&bench, &[]);
    let path = |at: usize| std::path::PathBuf::from(listed[at]["paths"][0].as_str().unwrap());
    fs_err::create_dir_all(folder.join("moved")).unwrap();
    fs_err::rename(path(0), folder.join("moved/new\nname '1'.png")).unwrap();
    fs_err::copy(path(1), folder.join("copy.png")).unwrap();
    fs_err::remove_file(path(2)).unwrap();
    let touched = fs_err::read(path(3)).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs_err::write(path(3), touched).unwrap();
    bench.write("Photos 🎉/broken.png", "not a picture");
    bench.write("Photos 🎉/empty.png", "");
    bench.photo("Photos 🎉/no face.png", 3);
    let output = bench.run(&["gallery", "sync", "my.gallery"]);
    added(&output, 1);
    let text = told(&output);
    assert!(text.contains("3 known photos found in new places"), "{text}");
    assert!(text.contains("2 files gone") && text.contains("1 photos missing"), "{text}");
    assert!(text.contains("broken.png") && text.contains("empty.png"), "{text}");
    let stored = stats(&bench);
    assert_eq!(
        (&stored["photos"], &stored["missing"], &stored["unreadable"]),
        (&9.into(), &1.into(), &2.into())
    );
    assert_eq!(stored["without_face"], 1);
    let moved = photos(&bench, &["--where", "path ~ '*/moved/*'"]);
    assert_eq!(moved.len(), 1, "{moved:?}");
    assert_ne!(moved[0]["paths"][0].as_str().unwrap(), first);
    // A second sync reads nothing.
    let again = told(&bench.run(&["gallery", "sync", "my.gallery"]));
    assert!(again.contains("0 photos with 0 faces added, 12 files unchanged"), "{again}");
    verified(&bench);
}

#[test]
fn nothing_is_missing_where_the_folder_itself_is_gone_or_empty() {
    let bench = album(2);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    fs_err::rename(bench.at("Photos 🎉"), bench.at("elsewhere")).unwrap();
    let gone = told(&bench.run(&["gallery", "sync", "my.gallery"]));
    assert!(gone.contains("nothing of it was marked missing"), "{gone}");
    fs_err::create_dir(bench.at("Photos 🎉")).unwrap();
    let empty = told(&bench.run(&["gallery", "sync", "my.gallery"]));
    assert!(empty.contains("nothing of it was marked missing"), "{empty}");
    assert_eq!(stats(&bench)["missing"], 0);
    bench.good(&["gallery", "sync", "my.gallery", "--allow-empty"]);
    assert_eq!(stats(&bench)["missing"], 6);
    fs_err::remove_dir(bench.at("Photos 🎉")).unwrap();
    fs_err::rename(bench.at("elsewhere"), bench.at("Photos 🎉")).unwrap();
    let back = told(&bench.run(&["gallery", "sync", "my.gallery"]));
    assert!(back.contains("6 known photos found in new places"), "{back}");
    assert_eq!(stats(&bench)["missing"], 0);
}

#[test]
fn names_are_given_corrected_undone_and_found() {
    let bench = album(3);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let all = faces(&bench, &[]);
    let id = |at: usize| all[at]["face"].to_string();
    let path = |at: usize| all[at]["path"].as_str().unwrap().to_owned();
    let name = "Anna \"A\" O'Hara\u{202e}";
    let people = |args: &[&str]| bench.good(&[&["people"][..], args, &["--actor", "eva"]].concat());
    people(&["name", "my.gallery", name, &id(0), &path(1)]);
    people(&["name", "my.gallery", "Ben", &format!("{}#1", path(4))]);
    let by_hand = |person: &str| {
        let condition = format!("person = '{}' and origin = manual", person.replace('\'', "''"));
        let found = faces(&bench, &["--where", &condition]);
        found.iter().map(|face| face["face"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(by_hand(name), [id(0), id(1)]);
    // One name is wrong: corrected, and the correction undone.
    people(&["move", "my.gallery", "Ben", &id(1)]);
    assert_eq!(by_hand("Ben"), [id(1), id(4)]);
    people(&["undo", "my.gallery"]);
    assert_eq!((by_hand(name), by_hand("Ben")), (vec![id(0), id(1)], vec![id(4)]));
    people(&["reject", "my.gallery", "Ben", &id(8)]);
    people(&["merge", "my.gallery", name, "Ben"]);
    assert_eq!(by_hand(name), [id(0), id(1), id(4)]);
    people(&["rename", "my.gallery", name, "Carla"]);
    assert!(bench.refused(&["people", "show", "my.gallery", "Ben"]).contains("no such person"));
    let history = bench.json(&["people", "history", "my.gallery", "--json"]);
    let verbs: Vec<&str> = history["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|d| d["change"]["verb"].as_str().unwrap())
        .collect();
    assert_eq!(verbs, ["name", "name", "move", "undo", "reject", "merge", "rename"]);
    assert!(history["decisions"][0]["actor"] == "eva" && history["decisions"][2]["holds"] == false);
    // A decision that later ones need cannot be undone.
    assert!(bench.refused(&["people", "undo", "my.gallery", "--decision", "2"]).contains("depend on it"));
    let found =
        bench.json(&["search", "my.gallery", &path(0), "--json", "-k", "2", "--where", "person = Carla"]);
    let hits = found["queries"][0]["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 2, "{found}");
    assert_eq!((&hits[0]["face"], &hits[0]["verdict"]), (&all[0]["face"], &"match".into()));
    assert!(hits.iter().all(|hit| hit["person"] == "Carla"), "{found}");
    verified(&bench);
}

#[test]
fn bad_requests_change_nothing() {
    let bench = album(2);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    bench.write("text.gallery", "hello");
    let path = faces(&bench, &[])[0]["path"].as_str().unwrap().to_owned();
    for (args, expected) in [
        (vec!["gallery", "sync", "nowhere.gallery"], "no such gallery"),
        (vec!["gallery", "list", "text.gallery"], "not a gallery"),
        (vec!["people", "name", "my.gallery", "  ", "1"], "name"),
        (vec!["people", "name", "my.gallery", "Anna", "999"], "no such face"),
        (vec!["people", "name", "my.gallery", "Anna", "nowhere.png"], "no face in such a photo"),
        (vec!["people", "reject", "my.gallery", "Nobody", "1"], "no such person"),
        (vec!["people", "undo", "my.gallery", "--decision", "7"], "no such decision"),
        (vec!["gallery", "remove", "my.gallery", "nowhere.png"], "no such photo"),
        (vec!["gallery", "migrate", "my.gallery", "--model", "face"], "already"),
        (vec!["gallery", "migrate", "my.gallery", "--rollback"], "no other model"),
        (vec!["gallery", "add", "my.gallery", "Photos 🎉", "--model", "picture"], "uses the model"),
        (vec!["gallery", "backup", "my.gallery", "my.gallery"], "exists already"),
        (vec!["search", "my.gallery", "nowhere.png"], "no such file"),
    ] {
        let told = bench.refused(&args);
        assert!(told.contains(expected), "{args:?}: {told}");
    }
    for args in [
        &["gallery", "export", "my.gallery", "-o", "my.gallery", "--format", "csv", "--force"][..],
        &["people", "export", "my.gallery", "my.gallery", "--force"],
        &["search", "my.gallery", &path, "--grid", "my.gallery", "--force"],
    ] {
        bench.refused(args);
    }
    assert!(
        bench
            .refused(&["gallery", "create", "no folder/my.gallery"])
            .contains("there is no folder no folder")
    );
    assert!(
        bench
            .refused(&["gallery", "create", "new.gallery", "Photos 🎉", "--model", "nothere"])
            .contains("nothere")
    );
    added(&bench.run(&["gallery", "create", "new.gallery", "Photos 🎉"]), 6);
    assert!(bench.refused(&["gallery", "list", "my.gallery", "--where", "person Anna"]).contains("operator"));
    assert!(
        bench
            .refused(&["people", "name", "my.gallery", "Anna", &format!("{path}#9")])
            .contains("from 1 to 1")
    );
    assert_eq!(stats(&bench)["decisions"], 0);
    verified(&bench);
}

#[test]
fn an_empty_gallery_answers_every_question() {
    let bench = Bench::with_photos();
    bench.good(&["gallery", "create", "my.gallery"]);
    assert!(photos(&bench, &[]).is_empty());
    assert_eq!(bench.good(&["people", "list", "my.gallery"]), "");
    assert!(bench.refused(&["search", "my.gallery", "photos/p0/0.png"]).contains("no photos"));
    assert!(bench.refused(&["gallery", "sync", "my.gallery"]).contains("no photos"));
    verified(&bench);
    // Photos without a face are photos.
    bench.good(&["gallery", "add", "my.gallery", "photos"]);
    let stored = stats(&bench);
    assert_eq!(
        (&stored["photos"], &stored["faces"], &stored["without_face"]),
        (&12.into(), &0.into(), &12.into())
    );
    let asked = bench.run(&["search", "my.gallery", "photos/p0/0.png"]);
    assert_eq!(asked.status.code(), Some(0), "{}", told(&asked));
    assert!(told(&asked).contains("no face found"), "{}", told(&asked));
}

#[test]
fn pictures_are_stored_and_named_like_faces() {
    let bench = Bench::with_photos();
    added(&bench.run(&["gallery", "create", "my.gallery", "photos", "--kind", "pictures"]), 12);
    let found = bench.json(&["search", "my.gallery", "photos/p0/0.png", "--json", "-k", "100"]);
    let hits = found["queries"][0]["hits"].as_array().unwrap();
    assert_eq!(hits.len(), 12, "k is larger than the gallery");
    assert!(hits[0]["path"].as_str().unwrap().ends_with("photos/p0/0.png") && hits[0]["box"].is_null());
    bench.good(&["people", "name", "my.gallery", "Sofa", "photos/p0/0.png"]);
    assert_eq!(faces(&bench, &["--where", "person = Sofa and origin = manual"]).len(), 1);
    assert_eq!(bench.json(&["gallery", "stats", "my.gallery", "--json"])["kind"], "pictures");
    verified(&bench);
}

#[test]
fn damaged_and_foreign_codes_are_made_again() {
    let bench = album(2);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let query = faces(&bench, &[])[0]["path"].as_str().unwrap().to_owned();
    let ask = || bench.json(&["search", "my.gallery", &query, "--json"])["queries"][0]["hits"].clone();
    let expected = ask();
    let codes = bench.at("my.gallery.codes");
    let good = fs_err::read(&codes).unwrap();
    for at in (0..good.len()).step_by(good.len() / 40 + 1) {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs_err::write(&codes, bad).unwrap();
        assert_eq!(ask(), expected, "byte {at}");
    }
    fs_err::write(&codes, &good[..good.len() / 2]).unwrap();
    assert_eq!(ask(), expected);
    fs_err::remove_file(&codes).unwrap();
    assert_eq!(ask(), expected);
    // The codes of another gallery.
    bench.good(&["gallery", "create", "other.gallery", "Photos 🎉"]);
    bench.good(&["search", "other.gallery", &query]);
    fs_err::copy(bench.at("other.gallery.codes"), &codes).unwrap();
    assert_eq!(ask(), expected);
}

#[test]
fn a_graph_finds_what_an_exact_search_finds_in_a_small_gallery() {
    let bench = album(4);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let query = faces(&bench, &[])[3]["path"].as_str().unwrap().to_owned();
    let told = bench.refused(&["search", "my.gallery", &query, "--approximate"]);
    assert!(told.contains("gallery index --hnsw"), "{told}");
    bench.good(&["gallery", "index", "my.gallery", "--hnsw"]);
    let hits = |more: &[&str]| {
        let found = bench.json(&[&["search", "my.gallery", &query, "--json"][..], more].concat());
        found["queries"][0]["hits"].clone()
    };
    assert_eq!(hits(&["--approximate"]), hits(&[]));
    // Other orders, but the same distances from the query.
    for refined in [&["--expand"][..], &["--expand=3", "--rerank"], &["--rerank"]] {
        let (plain, refined) = (hits(&["-k", "100"]), hits(&[&["-k", "100"][..], refined].concat()));
        let by_face = |hits: &Value| {
            let mut all: Vec<String> = hits.as_array().unwrap().iter().map(|hit| hit.to_string()).collect();
            all.sort();
            all
        };
        assert_eq!(by_face(&plain), by_face(&refined));
        assert_eq!(plain[0]["face"], refined[0]["face"], "the face itself stays first");
    }
    // A graph that is behind, or damaged, is made again.
    bench.good(&["gallery", "remove", "my.gallery", &query]);
    assert_eq!(hits(&["--approximate"]), hits(&[]));
    bench.write("my.gallery.hnsw", "damaged");
    assert_eq!(hits(&["--approximate"]), hits(&[]));
    let costs = bench.json(&["gallery", "index", "my.gallery", "--hnsw", "--explain-cost", "--json"]);
    let costs = costs["costs"].as_array().unwrap();
    assert_eq!(costs.len(), 4, "{costs:?}");
    assert!(costs.iter().all(|row| row["recall"] == 1.0), "{costs:?}");
}

#[test]
fn a_gallery_that_was_killed_goes_on() {
    let bench = album(8);
    bench.good(&["gallery", "create", "my.gallery"]);
    for wait in [50, 150, 300, 450, 600] {
        let mut add = bench.command(&["gallery", "add", "my.gallery", "Photos 🎉"]).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        // SIGKILL
        add.kill().unwrap();
        add.wait().unwrap();
        verified(&bench);
    }
    bench.good(&["gallery", "add", "my.gallery", "Photos 🎉"]);
    assert_eq!(stats(&bench)["photos"], 24);
    let all = faces(&bench, &[]).len();
    bench.good(&["gallery", "sync", "my.gallery"]);
    assert_eq!(faces(&bench, &[]).len(), all);
    verified(&bench);
}

#[test]
fn a_default_model_does_not_contradict_the_model_of_a_gallery() {
    let bench = album(1);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let with_default = |args: &[&str]| {
        let output = bench.command(args).env("LIKENESS_MODEL", "picture").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", told(&output));
    };
    with_default(&["gallery", "sync", "my.gallery"]);
    with_default(&["gallery", "add", "my.gallery", "Photos 🎉"]);
    bench.good(&["gallery", "migrate", "my.gallery", "--model", "picture"]);
    with_default(&["gallery", "migrate", "my.gallery", "--rollback"]);
    let models = stats(&bench)["models"].as_array().unwrap().clone();
    let active = models.iter().find(|model| model["state"] == "active").unwrap();
    assert_eq!(active["name"], "face");
}

#[test]
fn columns_of_a_table_are_conditions() {
    let bench = Bench::with_photos();
    bench.good(&["gallery", "create", "my.gallery", "photos", "--kind", "pictures"]);
    bench.write(
        "facts.csv",
        "Camera,photo,year\nLeica,photos/p0/0.png,1999\n,photos/p0/1.png,2004\nX,gone.png,1\n",
    );
    let told = told(&bench.run(&["gallery", "columns", "my.gallery", "facts.csv"]));
    assert!(told.contains("columns of 2 photos stored") && told.contains("gone.png"), "{told}");
    let count = |condition: &str| photos(&bench, &["--where", condition]).len();
    assert_eq!((count("camera = Leica"), count("camera != Leica"), count("year > 1999")), (1, 11, 1));
    bench.write("bad.csv", "a,b\n1,2\n");
    assert!(
        bench.refused(&["gallery", "columns", "my.gallery", "bad.csv"]).contains("no column photo or path")
    );
}

#[cfg(unix)]
#[test]
fn photos_behind_links_are_found_by_either_path() {
    let bench = album(1);
    fs_err::create_dir(bench.at("links")).unwrap();
    let photo = {
        bench.good(&["gallery", "create", "other.gallery", "Photos 🎉"]);
        let listed = bench.json(&["gallery", "list", "other.gallery", "--json"]);
        listed["photos"][0]["paths"][0].as_str().unwrap().to_owned()
    };
    std::os::unix::fs::symlink(&photo, bench.at("links/a.png")).unwrap();
    bench.good(&["gallery", "create", "my.gallery", "links"]);
    bench.good(&["people", "name", "my.gallery", "Anna", "links/a.png"]);
    bench.write("names.csv", "photo,name\nlinks/a.png,Ben\n");
    bench.good(&["people", "import", "my.gallery", "names.csv"]);
    assert_eq!(faces(&bench, &["--where", "person = Ben"]).len(), 1);
    bench.good(&["gallery", "remove", "my.gallery", "links/a.png"]);
    assert_eq!(stats(&bench)["removed"], 1);
}

#[test]
fn two_writers_and_a_reader_work_at_the_same_time() {
    let bench = album(6);
    bench.good(&["gallery", "create", "my.gallery"]);
    let add = || bench.command(&["gallery", "add", "my.gallery", "Photos 🎉"]).spawn().unwrap();
    let mut writers = [add(), add()];
    for _ in 0..5 {
        bench.good(&["gallery", "stats", "my.gallery"]);
    }
    for writer in &mut writers {
        assert_eq!(writer.wait().unwrap().code(), Some(0));
    }
    assert_eq!(stats(&bench)["photos"], 18);
    verified(&bench);
}

#[test]
fn removed_photos_keep_their_names_for_when_they_return() {
    let bench = album(2);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let path = faces(&bench, &[])[0]["path"].as_str().unwrap().to_owned();
    bench.good(&["people", "name", "my.gallery", "Anna", &path]);
    bench.good(&["gallery", "remove", "my.gallery", &path]);
    assert!(faces(&bench, &["--where", "person = Anna and origin = manual"]).is_empty());
    assert_eq!(stats(&bench)["removed"], 1);
    verified(&bench);
    // A sync does not bring it back, under this name or another.
    bench.good(&["gallery", "sync", "my.gallery"]);
    fs_err::rename(&path, format!("{path} moved.png")).unwrap();
    bench.good(&["gallery", "sync", "my.gallery"]);
    assert_eq!(stats(&bench)["removed"], 1);
    fs_err::rename(format!("{path} moved.png"), &path).unwrap();
    bench.good(&["gallery", "sync", "my.gallery"]);
    assert_eq!(stats(&bench)["removed"], 1);
    verified(&bench);
    bench.good(&["gallery", "add", "my.gallery", &path]);
    let again = faces(&bench, &["--where", "person = Anna and origin = manual"]);
    assert_eq!(again[0]["path"], *path);
    bench.good(&["gallery", "remove", "my.gallery", "--where", "person = Anna"]);
    assert!(stats(&bench)["removed"].as_u64().unwrap() >= 1);
}

#[test]
fn a_model_is_changed_and_changed_back() {
    let bench = album(3);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let all = faces(&bench, &[]);
    bench.good(&["people", "name", "my.gallery", "Anna", &all[0]["face"].to_string()]);
    let model = |bench: &Bench| {
        let models = stats(bench)["models"].as_array().unwrap().clone();
        let active = models.into_iter().find(|model| model["state"] == "active").unwrap();
        active["name"].as_str().unwrap().to_owned()
    };
    let before = model(&bench);
    bench.good(&["gallery", "migrate", "my.gallery", "--model", "picture", "--dry-run"]);
    assert_eq!(model(&bench), before);
    let changes = bench.json(&["gallery", "migrate", "my.gallery", "--model", "picture", "--json"]);
    assert_eq!(changes["switched"], true);
    assert_ne!(model(&bench), before);
    verified(&bench);
    let named = faces(&bench, &["--where", "person = Anna and origin = manual"]);
    assert_eq!(named.len(), 1, "decisions stay");
    let path = all[0]["path"].as_str().unwrap();
    let found = bench.json(&["search", "my.gallery", path, "--json"]);
    assert_eq!(found["queries"][0]["hits"][0]["face"], all[0]["face"]);
    // A photo that comes meanwhile is embedded when the old model returns.
    bench.photo("Photos 🎉/late.png", 5);
    bench.good(&["gallery", "sync", "my.gallery"]);
    bench.good(&["gallery", "migrate", "my.gallery", "--rollback"]);
    assert_eq!(model(&bench), before);
    verified(&bench);
}

#[test]
fn a_migration_that_is_killed_leaves_the_old_model_or_the_new_one() {
    let bench = album(6);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    bench.good(&["people", "name", "my.gallery", "Anna", "1"]);
    for wait in [30, 100, 200, 400, 800] {
        let args = ["gallery", "migrate", "my.gallery", "--model", "picture"];
        let mut migrate = bench.command(&args).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(wait));
        migrate.kill().unwrap();
        migrate.wait().unwrap();
        verified(&bench);
        let path = faces(&bench, &["--where", "person = Anna and origin = manual"])[0]["path"].clone();
        let found = bench.json(&["search", "my.gallery", path.as_str().unwrap(), "--json"]);
        assert_eq!(found["queries"][0]["hits"][0]["path"], path, "after {wait} ms");
        let models = stats(&bench)["models"].as_array().unwrap().clone();
        assert_eq!(models.iter().filter(|model| model["state"] == "active").count(), 1);
    }
}

#[test]
fn a_copy_is_a_gallery() {
    let bench = album(2);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    bench.good(&["people", "name", "my.gallery", "Anna", "1"]);
    bench.good(&["gallery", "backup", "my.gallery", "copy.gallery"]);
    let list = |gallery: &str| bench.good(&["gallery", "list", gallery, "--faces", "--csv"]);
    assert_eq!(list("copy.gallery"), list("my.gallery"));
    assert!(bench.refused(&["gallery", "backup", "my.gallery", "copy.gallery"]).contains("exists already"));
}

#[test]
fn people_and_embeddings_are_exported_and_imported() {
    let bench = album(2);
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let all = faces(&bench, &[]);
    bench.good(&["people", "name", "my.gallery", "Anna, =1+1", &all[0]["face"].to_string()]);
    bench.good(&["people", "export", "my.gallery", "people.csv"]);
    bench.good(&["people", "export", "my.gallery", "--xmp"]);
    for file in ["faces.embeddings", "faces.npz", "faces.parquet", "faces.csv"] {
        bench.good(&["gallery", "export", "my.gallery", "-o", file]);
        assert!(fs_err::metadata(bench.at(file)).unwrap().len() > 100, "{file}");
    }
    bench.write("mine.csv", "my own table");
    assert!(bench.refused(&["people", "export", "my.gallery", "mine.csv"]).contains("did not write"));
    // Another gallery of the same photos gets the names.
    for import in [&["people.csv"][..], &[]] {
        let _ = fs_err::remove_file(bench.at("other.gallery"));
        let _ = fs_err::remove_file(bench.at("other.gallery-wal"));
        bench.good(&["gallery", "create", "other.gallery", "Photos 🎉"]);
        bench.good(&[&["people", "import", "other.gallery"][..], import].concat());
        let named = bench.json(&[
            "gallery",
            "list",
            "other.gallery",
            "--faces",
            "--json",
            "--where",
            "person = 'Anna, =1+1' and origin = manual",
        ]);
        assert_eq!(named["faces"][0]["path"], all[0]["path"], "{import:?}: {named}");
        // Importing again changes nothing.
        bench.good(&[&["people", "import", "other.gallery"][..], import].concat());
        assert_eq!(bench.json(&["gallery", "stats", "other.gallery", "--json"])["decisions"], 1);
    }
}

#[test]
fn questions_are_answered_line_by_line() {
    use std::io::Write;
    use std::process::Stdio;
    let bench = album(1);
    // Three pictures of one person that hardly differ, so that they are a group for certain.
    let photo = fs_err::read_dir(bench.at("Photos 🎉")).unwrap().map(|entry| entry.unwrap().path());
    let folder = photo.into_iter().find(|path| path.is_dir()).unwrap();
    let first = fs_err::read_dir(&folder).unwrap().next().unwrap().unwrap().path();
    let picture = image::open(first).unwrap().to_rgb8();
    fs_err::remove_dir_all(bench.at("Photos 🎉")).unwrap();
    fs_err::create_dir(bench.at("Photos 🎉")).unwrap();
    for at in 0..3_u8 {
        let mut copy = picture.clone();
        copy.put_pixel(0, 0, image::Rgb([at, 0, 0]));
        copy.save(bench.at(&format!("Photos 🎉/{at}.png"))).unwrap();
    }
    bench.good(&["gallery", "create", "my.gallery", "Photos 🎉"]);
    let review = |answers: &str| {
        let mut command = bench.command(&["people", "review", "my.gallery"]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(answers.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    };
    let asked = review("?\nq\n");
    assert!(asked.contains("Who is this? 3 faces"), "{asked}");
    review("Anna\nu\nAnna\nq\n");
    assert!(!faces(&bench, &["--where", "person = Anna and origin = manual"]).is_empty());
    let history = bench.good(&["people", "history", "my.gallery"]);
    assert!(history.contains("(undone)"), "{history}");
    verified(&bench);
}
