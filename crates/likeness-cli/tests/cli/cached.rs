//! `--cache` and `--flips`: what was embedded before is not embedded again, and a mirror image is another way.

use crate::bench::{Bench, told};

/// Embeds `photos` into `name` and returns what is said.
fn embed(bench: &Bench, name: &str, more: &[&str]) -> String {
    let output =
        bench.run(&[&["embed", "photos", "-o", name, "--model", "color", "--cache", "kept"], more].concat());
    assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    told(&output)
}

fn bytes(bench: &Bench, name: &str) -> Vec<u8> {
    fs_err::read(bench.at(name)).unwrap()
}

#[test]
fn a_second_run_embeds_only_what_is_new() {
    let bench = Bench::with_photos();
    bench.good(&["embed", "photos", "-o", "plain", "--model", "color"]);
    let told = embed(&bench, "first", &[]);
    assert!(told.contains("0 of 12 photos were already in the cache: kept/"), "{told}");
    // Another name is the same photo; other content under an old name is another.
    fs_err::rename(bench.at("photos/p1/1.png"), bench.at("photos/p1/9.png")).unwrap();
    bench.photo("photos/p2/1.png", 77);
    bench.photo("photos/p2/new.png", 78);
    bench.good(&["embed", "photos", "-o", "plain-second", "--model", "color"]);
    let told = embed(&bench, "second", &[]);
    assert!(told.contains("11 of 13 photos were already in the cache"), "{told}");
    assert!(bytes(&bench, "plain") == bytes(&bench, "first"));
    assert!(bytes(&bench, "plain-second") == bytes(&bench, "second"));
}

#[test]
fn other_embeddings_are_kept_apart() {
    let bench = Bench::with_photos();
    embed(&bench, "plain", &[]);
    let told = embed(&bench, "flipped", &["--flips"]);
    assert!(told.contains("0 of 12 photos were already in the cache"), "{told}");
    assert_eq!(fs_err::read_dir(bench.at("kept")).unwrap().count(), 2);
    let told = bench.refused(&["match", "plain", "flipped", "-o", "results.json"]);
    assert!(told.contains("color+flips"), "{told}");
    bench.good(&["evaluate", "photos", "--model", "color", "--flips", "--protocol", "leave-one-out"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_cache_that_cannot_grow_costs_nothing_but_itself() {
    let bench = Bench::with_photos();
    embed(&bench, "plain", &[]);
    let cache = fs_err::read_dir(bench.at("kept")).unwrap().next().unwrap().unwrap().path();
    let whole = fs_err::read(&cache).unwrap();
    // A killed run's half record, then a disk without room behind the same name.
    fs_err::write(&cache, &whole[..whole.len() / 2 + 7]).unwrap();
    embed(&bench, "again", &[]);
    assert!(
        bytes(&bench, "plain") == bytes(&bench, "again")
            && fs_err::read(&cache).unwrap().len() == whole.len()
    );
    fs_err::remove_file(&cache).unwrap();
    std::os::unix::fs::symlink("/dev/full", &cache).unwrap();
    let told = bench.refused(&["embed", "photos", "-o", "full", "--model", "color", "--cache", "kept"]);
    assert!(told.contains("kept/") && !bench.at("full").exists(), "{told}");
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused_by_name() {
    let bench = Bench::with_photos();
    bench.write("kept", "a letter");
    let told = bench.refused(&["embed", "photos", "-o", "e", "--model", "color", "--cache", "kept"]);
    assert!(told.contains("error: kept: is not a folder") && told.contains("hint: --cache"), "{told}");
    assert_eq!(fs_err::read(bench.at("kept")).unwrap(), b"a letter");
}

#[test]
fn a_damaged_cache_gives_the_embeddings_of_a_whole_one() {
    let bench = Bench::with_photos();
    embed(&bench, "plain", &[]);
    let cache = fs_err::read_dir(bench.at("kept")).unwrap().next().unwrap().unwrap().path();
    let whole = fs_err::read(&cache).unwrap();
    for at in [20, whole.len() / 2, whole.len() - 1] {
        let mut damaged = whole.clone();
        damaged[at] ^= 1;
        fs_err::write(&cache, &damaged).unwrap();
        let told = embed(&bench, "again", &[]);
        assert!(!told.contains("12 of 12 photos were already in the cache"), "byte {at}: {told}");
        assert!(bytes(&bench, "plain") == bytes(&bench, "again"), "byte {at}");
    }
}
