//! Collections as people have them: every layout, its variants, and what is wrong in them said by name and line.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};

use common::{photo, text};
use likeness_data::DataError;
use likeness_data::geometry::Rect;
use likeness_data::source::{self, Collection, Layout, Role};
use likeness_data::split::Split;

/// A collection to be built.
struct Shelf(tempfile::TempDir);

impl Shelf {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn photos(&self, names: &[&str]) -> &Self {
        names.iter().zip(1..).for_each(|(name, seed)| photo(&self.at(name), seed));
        self
    }

    fn text(&self, name: &str, content: &str) -> &Self {
        text(&self.at(name), content);
        self
    }

    fn read(&self, layout: Layout) -> Collection {
        source::read(self.0.path(), layout, None).unwrap()
    }

    fn refused(&self, layout: Layout) -> String {
        source::read(self.0.path(), layout, None).unwrap_err().to_string()
    }
}

/// `name identity` of each sample.
fn labels(collection: &Collection) -> Vec<String> {
    let one = |s: &source::Sample| format!("{} {}", s.name, s.identity.as_deref().unwrap_or("-"));
    collection.samples.iter().map(one).collect()
}

fn skipped(collection: &Collection) -> Vec<String> {
    collection.skipped.iter().map(|s| format!("{}: {}", s.name, s.reason)).collect()
}

const CELEBA: &str = "000001.jpg 7\n000002.jpg 8\n000003.jpg 7\n";

#[test]
fn celeba_is_read_wherever_its_parts_lie() {
    for (identities, partition, images) in [
        ("identity_CelebA.txt", "list_eval_partition.txt", "img_align_celeba"),
        ("Anno/identity_CelebA.txt", "Eval/list_eval_partition.txt", "Img/img_align_celeba"),
        ("identity_CelebA.txt", "list_eval_partition.txt", "."),
    ] {
        let shelf = Shelf::new();
        let names = [1, 2, 3].map(|n| format!("{images}/00000{n}.jpg"));
        shelf.photos(&names.each_ref().map(String::as_str)).text(identities, CELEBA);
        let without = shelf.read(Layout::Auto);
        assert_eq!(without.layout, Layout::Celeba);
        assert_eq!(labels(&without), ["000001.jpg 7", "000002.jpg 8", "000003.jpg 7"], "{images}");
        assert!(without.skipped.is_empty() && without.samples.iter().all(|s| s.split.is_none()));
        assert!(without.samples.iter().all(|s| s.path.is_file()));
        assert!(without.notes[0].starts_with("layout celeba: found "), "{:?}", without.notes);
        shelf.text(partition, "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n");
        let splits: Vec<_> = shelf.read(Layout::Celeba).samples.iter().map(|s| s.split).collect();
        assert_eq!(splits, [Some(Split::Train), Some(Split::Validation), Some(Split::Test)]);
    }
}

#[test]
fn celebas_images_may_lie_beside_its_tables() {
    let shelf = Shelf::new();
    shelf.photos(&["img/000001.jpg", "img/000003.jpg"]).text("tables/identity_CelebA.txt", CELEBA);
    let collection = source::read(&shelf.at("tables"), Layout::Auto, None).unwrap();
    assert_eq!(labels(&collection), ["000001.jpg 7", "000003.jpg 7"]);
}

#[test]
fn celebas_rows_and_images_that_miss_each_other_are_listed() {
    let shelf = Shelf::new();
    shelf.photos(&["img/000001.jpg", "img/000003.jpg", "img/extra.jpg", "img/twice.jpg"]);
    shelf.text(
        "identity_CelebA.txt",
        "\u{feff}000001.jpg 7\r\n\r\n000002.jpg 8\n000001.jpg 7\n  000003.jpg\t7 \ntwice.jpg 1\ntwice.jpg 2\n",
    );
    let collection = shelf.read(Layout::Celeba);
    assert_eq!(labels(&collection), ["000001.jpg 7", "000003.jpg 7"]);
    let reasons = skipped(&collection);
    for expected in [
        "twice.jpg: listed with two identities, 1 and 2",
        "000002.jpg: listed in identity_CelebA.txt, but there is no such image",
        "extra.jpg: has no row in identity_CelebA.txt",
    ] {
        assert!(reasons.iter().any(|r| r == expected), "{expected} not in {reasons:?}");
    }
    assert!(collection.notes.iter().any(|n| n.starts_with("1 rows")), "{:?}", collection.notes);
}

#[test]
fn celebas_bad_lines_are_named_by_number() {
    let shelf = Shelf::new();
    shelf.photos(&["img/000001.jpg"]).text("identity_CelebA.txt", "000001.jpg 7\n000002.jpg\n");
    let message = shelf.refused(Layout::Auto);
    assert!(message.contains("identity_CelebA.txt:2: expected two fields"), "{message}");
    shelf.text("identity_CelebA.txt", "000001.jpg 7\n").text("list_eval_partition.txt", "\n000001.jpg 3\n");
    let message = shelf.refused(Layout::Auto);
    assert!(message.contains("list_eval_partition.txt:2: expected 0, 1 or 2, found 3"), "{message}");
    shelf.text("list_eval_partition.txt", "").text("identity_CelebA.txt", "nowhere.jpg 7\n");
    assert!(shelf.refused(Layout::Auto).contains("none of the 1 images"));
}

#[test]
fn celebas_images_are_never_taken_from_the_output() {
    let shelf = Shelf::new();
    shelf.photos(&["img/000001.jpg", "a_dataset/faces/000001.jpg"]).text("identity_CelebA.txt", CELEBA);
    let output = shelf.at("a_dataset");
    let collection = source::read(shelf.0.path(), Layout::Celeba, Some(&output)).unwrap();
    assert_eq!(collection.samples[0].path, shelf.at("img").join("000001.jpg"));
}

#[test]
fn folders_are_identities_nested_or_wrapped() {
    let shelf = Shelf::new();
    shelf.photos(&["ann/2.png", "ann/10.png", "crew/bob/1.png", "lost.png", ".hidden/1.png"]);
    let collection = shelf.read(Layout::Auto);
    assert_eq!(collection.layout, Layout::Folders);
    assert_eq!(labels(&collection), ["ann/2.png ann", "ann/10.png ann", "crew/bob/1.png crew/bob"]);
    assert_eq!(skipped(&collection), ["lost.png: lies in no identity's folder"]);
    assert_eq!(collection.notes, ["layout folders: 4 photos in 2 folders"]);

    let wrapped = Shelf::new();
    wrapped.photos(&["lfw/lfw/ann/1.png", "lfw/lfw/bob/1.png"]);
    assert_eq!(labels(&wrapped.read(Layout::Auto)), ["lfw/lfw/ann/1.png ann", "lfw/lfw/bob/1.png bob"]);
}

#[test]
fn folders_named_after_splits_are_splits() {
    let shelf = Shelf::new();
    shelf.photos(&["Train/ann/1.png", "val/bob/1.png", "test/ann/2.png"]);
    let collection = shelf.read(Layout::Folders);
    let found: Vec<_> =
        collection.samples.iter().map(|s| (s.identity.as_deref().unwrap(), s.split)).collect();
    assert_eq!(
        found,
        [("ann", Some(Split::Train)), ("ann", Some(Split::Test)), ("bob", Some(Split::Validation))]
    );
}

#[test]
fn names_with_the_identity_in_front_are_recognised() {
    let shelf = Shelf::new();
    shelf.photos(&["ann_lee_1.png", "ann_lee_2.png", "bob_1.png", "bob_2.png", "cy_1.png", "cy_2.png"]);
    let collection = shelf.read(Layout::Auto);
    assert_eq!(collection.notes, ["layout prefix: 6 of 6 photos are named IDENTITY_N"]);
    assert_eq!(labels(&collection)[..2], ["ann_lee_1.png ann_lee", "ann_lee_2.png ann_lee"]);
    shelf.photos(&["holiday.png"]);
    assert_eq!(skipped(&shelf.read(Layout::Prefix)), ["holiday.png: is not named IDENTITY_N"]);

    let nobody = Shelf::new();
    nobody.photos(&["a.png", "b.png"]);
    let collection = nobody.read(Layout::Auto);
    assert_eq!(labels(&collection), ["a.png -", "b.png -"]);
    assert_eq!(collection.notes, ["layout unlabelled: 2 photos in one folder, without identities"]);
}

#[test]
fn tables_of_open_metric_learning_are_read() {
    let shelf = Shelf::new();
    shelf.photos(&["im/1.png", "im/2, big.png", "im/3.png"]).text(
        "df.csv",
        "\u{feff}label,path,split,is_query,is_gallery,x_1,x_2,y_1,y_2,category\r\n\
         4,im/1.png,train,,,1,11,2,22,birds\r\n\
         5,\"im/2, big.png\",validation,True,False,,,,,\r\n\
         5,im/3.png,validation,False,1.0,,,,,\r\n",
    );
    let collection = shelf.read(Layout::Auto);
    assert!(collection.notes[0].starts_with("layout csv: found "), "{:?}", collection.notes);
    assert_eq!(labels(&collection), ["im/1.png 4", "im/2, big.png 5", "im/3.png 5"]);
    let [first, second, third] = &collection.samples[..] else { panic!("three rows") };
    assert_eq!(first.face_box, Some(Rect::new(1.0, 2.0, 10.0, 20.0)));
    assert_eq!((first.domain.as_deref(), first.split, first.role), (Some("birds"), Some(Split::Train), None));
    assert_eq!((second.split, second.role), (Some(Split::Validation), Some(Role::Query)));
    assert_eq!(third.role, Some(Role::Gallery));
}

#[test]
fn tables_may_use_semicolons_and_tabs_and_have_no_identities() {
    for (name, delimiter) in [("t.csv", ";"), ("t.tsv", "\t"), ("t.CSV", ",")] {
        let shelf = Shelf::new();
        let rows =
            ["file|Identity|box_left|box_top|box_width|box_height", "1.png||1.5|2|3|4", "2.png|ann||||"];
        shelf.photos(&["1.png", "2.png"]).text(name, &rows.join("\n").replace('|', delimiter));
        let collection = shelf.read(Layout::Auto);
        assert_eq!(labels(&collection), ["1.png -", "2.png ann"], "{name}");
        assert_eq!(collection.samples[0].face_box, Some(Rect::new(1.5, 2.0, 3.0, 4.0)));
    }
}

#[test]
fn rows_that_repeat_contradict_or_point_nowhere_are_told() {
    let shelf = Shelf::new();
    shelf.photos(&["1.png", "2.png"]);
    shelf.text("t.csv", "path,label\n1.png,a\n1.png,a\n2.png,b\n2.png,c\n3.png,a\n");
    let collection = shelf.read(Layout::Csv);
    assert_eq!(labels(&collection), ["1.png a", "2.png b"]);
    assert_eq!(
        skipped(&collection),
        [
            "2.png: stands twice in the table with different columns; line 5 is not used",
            "3.png: listed in the table, but there is no such photo"
        ]
    );
    assert!(collection.notes.iter().any(|n| n.starts_with("1 rows of ")), "{:?}", collection.notes);
}

#[test]
fn bad_tables_are_refused_by_file_and_line() {
    for (table, expected) in [
        ("photo,label\n1.png,a\n", "t.csv:1: no column for the photo"),
        ("path,label\n1.png,a\n,b\n", "t.csv:3: no path"),
        ("path,label\n1.png\n", "t.csv:2: "),
        ("path,label,split\n1.png,a,tomorrow\n", "t.csv:2: expected the split"),
        ("path,label,role\n1.png,a,boss\n", "t.csv:2: expected the role"),
        ("path,label,is_query\n1.png,a,perhaps\n", "t.csv:2: expected true or false, found perhaps"),
        (
            "path,label,x_1,y_1,x_2,y_2\n1.png,a,1,2,wide,4\n",
            "t.csv:2: expected a box coordinate, found wide",
        ),
    ] {
        let shelf = Shelf::new();
        shelf.photos(&["1.png"]).text("t.csv", table);
        let message = source::read(&shelf.at("t.csv"), Layout::Csv, None).unwrap_err().to_string();
        assert!(message.contains(expected), "expected {expected} in {message}");
    }
    let shelf = Shelf::new();
    fs_err::write(shelf.at("t.csv"), b"path,label\n1.png,a\n\xFF\xFE.png,b\n").unwrap();
    let error = source::read(&shelf.at("t.csv"), Layout::Csv, None).unwrap_err();
    assert!(matches!(error, DataError::BadTable { line: Some(3), .. }), "{error:?}");
}

#[test]
fn a_layout_that_finds_nothing_names_the_others() {
    let shelf = Shelf::new();
    assert!(shelf.refused(Layout::Auto).contains("no photo in it"));
    shelf.photos(&["a.png"]);
    for layout in [Layout::Celeba, Layout::Csv, Layout::Folders, Layout::Prefix] {
        let error = source::read(shelf.0.path(), layout, None).unwrap_err();
        assert!(matches!(error, DataError::NothingFound { .. }), "{layout:?}: {error:?}");
        assert!(!error.hint().unwrap().is_empty());
    }
    let missing = source::read(Path::new("no/such/folder"), Layout::Auto, None).unwrap_err();
    assert!(missing.to_string().contains("no/such/folder"), "{missing}");
}

#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_are_read_and_stay_apart() {
    use std::os::unix::ffi::OsStrExt;
    let shelf = Shelf::new();
    for (byte, seed) in [(0xE9u8, 1), (0xEA, 2)] {
        let folder = std::ffi::OsStr::from_bytes(&[b'c', byte]).to_owned();
        photo(&shelf.0.path().join(folder).join("1.png"), seed);
    }
    let collection = shelf.read(Layout::Auto);
    assert_eq!(labels(&collection), ["c%E9/1.png c%E9", "c%EA/1.png c%EA"]);
    assert!(collection.samples.iter().all(|s| s.path.is_file()));
}

#[cfg(unix)]
#[test]
fn links_are_followed_once_and_pipes_never_waited_for() {
    let shelf = Shelf::new();
    shelf.photos(&["ann/1.png", "bob/1.png"]);
    std::os::unix::fs::symlink(shelf.0.path(), shelf.at("ann/again")).unwrap();
    std::os::unix::fs::symlink("nowhere.png", shelf.at("ann/broken.png")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(shelf.at("table.csv")).status();
    assert!(pipe.unwrap().success());
    let collection = shelf.read(Layout::Auto);
    assert_eq!(labels(&collection), ["ann/1.png ann", "bob/1.png bob"]);
    assert!(
        skipped(&collection).iter().any(|s| s.contains("symbolic link loop")),
        "{:?}",
        collection.skipped
    );
    assert_eq!(collection.skipped.len(), 2);
}
