//! Tests both shapes of the results file, their order, and which files are rejected.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

use likeness_search::{
    Distance, EmbeddingTable, ModelTag, RankConfig, ResultEntry, Results, ResultsShape, Row, rank,
};

fn entry(query: &str, gallery: &[&str]) -> ResultEntry {
    ResultEntry { query: query.into(), gallery: gallery.iter().map(|&name| name.into()).collect() }
}

fn example() -> Results {
    Results::new("the \"group\"", vec![entry("z.jpg", &["b.jpg", "a.jpg"]), entry("a.jpg", &[])]).unwrap()
}

#[test]
fn the_map_keeps_the_order_of_queries() {
    let json = example().to_json(ResultsShape::Map).unwrap();
    assert_eq!(json, r#"{"groupname":"the \"group\"","images":{"z.jpg":["b.jpg","a.jpg"],"a.jpg":[]}}"#);
    assert_eq!(Results::from_json(&json).unwrap(), example());
}

#[test]
fn the_list_has_the_same_without_the_group() {
    let json = example().to_json(ResultsShape::List).unwrap();
    let expected = r#"[{"filename":"z.jpg","gallery_images":["b.jpg","a.jpg"]},{"filename":"a.jpg","gallery_images":[]}]"#;
    assert_eq!(json, expected);
    let read = Results::from_json(&json).unwrap();
    assert_eq!((read.group(), read.entries()), ("", example().entries()));
}

#[test]
fn files_of_both_shapes_are_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    for shape in [ResultsShape::Map, ResultsShape::List] {
        example().write(&path, shape).unwrap();
        assert_eq!(Results::read(&path).unwrap().entries(), example().entries());
        assert_eq!(shape.to_string().parse::<ResultsShape>().unwrap(), shape);
    }
    assert!("table".parse::<ResultsShape>().is_err());
}

#[test]
fn repeated_names_are_refused() {
    let reason = |json: &str| Results::from_json(json).unwrap_err().to_string();
    let map = reason(r#"{"groupname":"g","images":{"q.jpg":["a"],"r.jpg":[],"q.jpg":["b"]}}"#);
    assert_eq!(map, "q.jpg: expected one list of results for each query, found two");
    let list = reason(r#"[{"filename":"q","gallery_images":[]},{"filename":"q","gallery_images":[]}]"#);
    assert_eq!(list, "q: expected one list of results for each query, found two");
    let gallery = reason(r#" [{"filename":"q","gallery_images":["a","b","a"]}]"#);
    assert_eq!(gallery, "q: expected each gallery image once, found a twice");
}

#[test]
fn cut_or_misshapen_files_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    for shape in [ResultsShape::Map, ResultsShape::List] {
        let json = example().to_json(shape).unwrap();
        for length in 0..json.len() {
            fs_err::write(&path, &json[..length]).unwrap();
            let error = Results::read(&path).unwrap_err().to_string();
            assert!(error.contains("results.json: not a results file"), "{error}");
        }
    }
    for json in [
        "null",
        "3",
        "{}",
        "[1]",
        r#"{"groupname":"g","images":[]}"#,
        r#"{"groupname":"g","images":{"q":"a"}}"#,
    ] {
        assert!(Results::from_json(json).is_err(), "{json}");
    }
}

/// The format has no checksum: a flipped bit in a name gives another name, every other flipped bit is an error.
#[test]
fn every_flipped_bit_is_refused_by_name_or_changes_one_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    for shape in [ResultsShape::Map, ResultsShape::List] {
        example().write(&path, shape).unwrap();
        let text = fs_err::read(&path).unwrap();
        let (mut names_changed, count) = (0, 8 * text.len());
        for bit in 0..count {
            let mut damaged = text.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&path, &damaged).unwrap();
            match Results::read(&path) {
                Err(error) => assert!(error.to_string().contains("results.json: "), "{error}"),
                Ok(read) => {
                    names_changed += 1;
                    let lengths = |results: &Results| {
                        results.entries().iter().map(|e| e.gallery.len()).collect::<Vec<_>>()
                    };
                    assert_eq!(lengths(&read), lengths(&example()), "bit {bit}");
                    let differences = differences(&read, &example());
                    assert!(differences <= 1, "bit {bit} changed {differences} names");
                }
            }
        }
        assert!(names_changed > 0 && names_changed < count / 2, "{names_changed} of {count}");
    }
}

fn differences(one: &Results, other: &Results) -> usize {
    let names = |results: &Results| -> Vec<String> {
        let entries = results.entries().iter().flat_map(|e| std::iter::once(&e.query).chain(&e.gallery));
        entries.cloned().chain((!results.group().is_empty()).then(|| results.group().to_owned())).collect()
    };
    let (one, other) = (names(one), names(other));
    one.iter().zip(&other).filter(|(a, b)| a != b).count()
}

#[test]
fn only_files_we_would_write_and_empty_ones_are_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.json");
    let is_ours = |text: &[u8]| {
        fs_err::write(&path, text).unwrap();
        Results::is_ours(&path).unwrap()
    };
    let ours = folder.path().join("ours.json");
    let empty = Results::new("", Vec::new()).unwrap();
    for results in [example(), empty] {
        for shape in [ResultsShape::Map, ResultsShape::List] {
            results.write(&ours, shape).unwrap();
            let text = fs_err::read(&ours).unwrap();
            assert!(is_ours(&text));
            assert!(!is_ours(&text[..text.len() - 1]), "somebody edited the end");
            assert!(!is_ours(&[&text[..], b"\n"].concat()));
        }
    }
    assert!(is_ours(b""));
    for foreign in [
        &br#"{"groupname":"g","images":{}}"#[..],
        br#"{"a": 1}"#,
        b"[1, 2]",
        b"notes",
        b"\xff\xd8\xff",
        b"{",
        b"\n",
    ] {
        assert!(!is_ours(foreign), "{}", String::from_utf8_lossy(foreign));
    }
    assert!(Results::is_ours(&folder.path().join("absent.json")).is_err());
}

#[cfg(unix)]
#[test]
fn results_are_written_through_pipes_and_links() {
    let folder = tempfile::tempdir().unwrap();
    let [pipe, link, target] = ["pipe", "link", "target"].map(|name| folder.path().join(name));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs_err::read(pipe).unwrap()
    });
    example().write(&pipe, ResultsShape::Map).unwrap();
    fs_err::os::unix::fs::symlink(&target, &link).unwrap();
    example().write(&link, ResultsShape::Map).unwrap();
    assert_eq!(reader.join().unwrap(), fs_err::read(&target).unwrap());
    assert!(fs_err::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn rankings_become_names() {
    let table = |names: &[&str], values: Vec<f32>| {
        let rows = names.iter().map(|&name| Row::new(name)).collect();
        EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Euclidean), rows, values).unwrap()
    };
    let (queries, gallery) = (table(&["q"], vec![0.0]), table(&["far", "near"], vec![5.0, 1.0]));
    let rankings = rank(&queries, &gallery, Distance::Euclidean, &RankConfig::default()).unwrap();
    let results = Results::from_rankings("g", &rankings, &queries, &gallery).unwrap();
    assert_eq!(results.entries(), [entry("q", &["near", "far"])]);
    assert!(Results::from_rankings("g", &rankings, &gallery, &gallery).is_err());
    assert!(Results::from_rankings("g", &rankings, &queries, &queries).is_err());
}
