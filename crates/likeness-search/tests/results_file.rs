//! The results file: both shapes, their order, and what is refused.
#![allow(clippy::unwrap_used)]

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
            assert!(error.contains("results.json: does not read as results"), "{error}");
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
