//! Tests every layout with its variants, and that errors name the file and line.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::path::Path;

use common::{Shelf, labels, photo, skipped};
use likeness_data::DataError;
use likeness_data::geometry::Rect;
use likeness_data::sample::Role;
use likeness_data::sample::Split;
use likeness_data::source::{self, Layout};

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
    assert!(collection.notes.iter().any(|n| n.starts_with("1 duplicate rows")), "{:?}", collection.notes);
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
    let named = shelf.read(Layout::Folders);
    assert_eq!(labels(&named), ["ann/2.png ann", "ann/10.png ann", "crew/bob/1.png crew/bob"]);
    assert_eq!(skipped(&named), ["lost.png: is not inside an identity folder"]);
    let guessed = shelf.read(Layout::Auto);
    assert_eq!(guessed.layout, Layout::Folders);
    assert_eq!(labels(&guessed)[..3], labels(&named));
    assert_eq!(labels(&guessed)[3], "lost.png -", "a guess drops nothing");
    assert!(guessed.skipped.is_empty());
    assert_eq!(
        guessed.notes,
        [
            "layout folders: 4 photos in 2 folders; each folder is taken for one identity; 1 photo in none of them has no \
          identity (--layout unlabelled if the folders are albums)"
        ]
    );

    let wrapped = Shelf::new();
    wrapped.photos(&["lfw/lfw/ann/1.png", "lfw/lfw/bob/1.png"]);
    assert_eq!(labels(&wrapped.read(Layout::Auto)), ["lfw/lfw/ann/1.png ann", "lfw/lfw/bob/1.png bob"]);
}

/// Creates `count` photos below `folder`, named by `name`.
fn many(shelf: &Shelf, folder: &str, count: usize, name: impl Fn(usize) -> String) {
    let first = shelf.at(&format!("{folder}/{}", name(0)));
    photo(&first, 1);
    (1..count).for_each(|n| {
        fs_err::copy(&first, shelf.at(&format!("{folder}/{}", name(n)))).unwrap();
    });
}

#[test]
fn a_folder_of_photos_with_one_subfolder_keeps_every_photo() {
    let shelf = Shelf::new();
    many(&shelf, ".", 30, |n| format!("portrait {n}.png"));
    shelf.photos(&["old/1.png"]);
    let collection = shelf.read(Layout::Auto);
    assert_eq!((collection.layout, collection.samples.len()), (Layout::Unlabelled, 31));
    assert!(collection.skipped.is_empty() && collection.samples.iter().all(|s| s.identity.is_none()));
    assert_eq!(
        collection.notes,
        [
            "layout unlabelled: 31 photos, only one folder, so folders are not taken for identities (--layout folders if each \
          folder is one identity)"
        ]
    );
}

#[test]
fn albums_are_not_taken_for_identities() {
    let jpeg = |n: usize| format!("IMG_{n:04}.png");
    let plain = |n: usize| format!("{n}.png");
    for (folders, each, name) in [
        (&["2018", "2019", "2020-07"][..], 4, &plain as &dyn Fn(usize) -> String),
        (&["DCIM/100APPLE", "DCIM/101APPLE"], 4, &jpeg),
        (&["Rome 2019", "Christmas", "Anna"], 4, &plain),
        (&["neutral_front", "smiling_front"], 60, &plain),
        (&["Italy", "Spain", "France", "Norway", "Peru"], 60, &jpeg),
        (&["a", "a/b", "a/b/c", "d"], 4, &plain),
        (&["x/a/b/c", "x/a/b/d", "y/a/b/c"], 4, &plain),
        (&["query", "gallery"], 4, &plain),
    ] {
        let shelf = Shelf::new();
        folders.iter().for_each(|folder| many(&shelf, folder, each, name));
        let collection = shelf.read(Layout::Auto);
        let note = &collection.notes[0];
        assert_eq!(collection.layout, Layout::Unlabelled, "{folders:?}: {note}");
        assert_eq!(collection.samples.len(), folders.len() * each, "{folders:?}");
        assert!(note.contains("--layout folders if each folder is one identity"), "{note}");
        assert!(shelf.read(Layout::Folders).samples.iter().all(|s| s.identity.is_some()));
    }
}

#[test]
fn folders_of_people_are_identities_and_the_note_says_so() {
    let camera = |n: usize| format!("IMG_{n:04}.png");
    let plain = |n: usize| format!("{n}.png");
    for (folders, each, name) in [
        (&["anna", "bob", "cy"][..], 5, &camera as &dyn Fn(usize) -> String),
        (&["s1", "s2", "s3", "s10"], 10, &plain),
        (&["n000002", "n000003"], 3, &plain),
        (&["0000045", "0000099"], 3, &plain),
        (&["anna", "bob", "cy", "dee", "holiday"], 5, &plain),
    ] {
        let shelf = Shelf::new();
        folders.iter().for_each(|folder| many(&shelf, folder, each, name));
        let collection = shelf.read(Layout::Auto);
        let note = &collection.notes[0];
        assert_eq!(collection.layout, Layout::Folders, "{folders:?}: {note}");
        assert!(note.contains("each folder is taken for one identity"), "{note}");
        assert!(note.contains("--layout unlabelled if the folders are albums"), "{note}");
        assert_eq!(note.contains("named like an album (holiday)"), folders.contains(&"holiday"), "{note}");
    }
}

#[test]
fn names_that_cameras_make_are_no_identities() {
    for name in [
        (|n| format!("IMG_{n:04}.png")) as fn(usize) -> String,
        |n| format!("IMG_2019070{}_18301{}.png", 1 + n / 5, n % 5),
        |n| format!("2019-07-0{} 18.30.{n:02}_1.png", 1 + n / 5),
        |n| format!("DSC_{n:04}.png"),
        |n| format!("photo_{n}.png"),
        |n| format!("p{n}_1.png"),
    ] {
        let shelf = Shelf::new();
        many(&shelf, ".", 20, name);
        let collection = shelf.read(Layout::Auto);
        assert_eq!(collection.layout, Layout::Unlabelled, "{}: {:?}", name(0), collection.notes);
        assert_eq!(collection.samples.len(), 20);
    }
}

#[test]
fn folders_of_splits_without_identities_are_splits_all_the_same() {
    let shelf = Shelf::new();
    shelf.photos(&["train/a.png", "train/b.png", "test/c.png"]);
    let collection = shelf.read(Layout::Auto);
    assert_eq!(collection.layout, Layout::Unlabelled, "{:?}", collection.notes);
    let found: Vec<_> = collection.samples.iter().map(|s| (s.identity.as_deref(), s.split)).collect();
    assert_eq!(found, [(None, Some(Split::Test)), (None, Some(Split::Train)), (None, Some(Split::Train))]);
    assert!(collection.notes[0].contains("test, train are splits"), "{:?}", collection.notes);
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
    assert_eq!(
        collection.notes,
        [
            "layout prefix: 6 of 6 photos are named IDENTITY_N, for 3 identities (--layout unlabelled if the names hold no \
          identity)"
        ]
    );
    assert_eq!(labels(&collection)[..2], ["ann_lee_1.png ann_lee", "ann_lee_2.png ann_lee"]);
    shelf.photos(&["dee_1.png", "dee_2.png", "dee_3.png", "dee_4.png", "holiday.png"]);
    let guessed = shelf.read(Layout::Auto);
    assert_eq!((guessed.layout, guessed.skipped.len()), (Layout::Prefix, 0));
    assert!(labels(&guessed).contains(&"holiday.png -".to_owned()), "a guess drops nothing");
    assert_eq!(skipped(&shelf.read(Layout::Prefix)), ["holiday.png: is not named IDENTITY_N"]);

    let nobody = Shelf::new();
    nobody.photos(&["a.png", "b.png"]);
    let collection = nobody.read(Layout::Auto);
    assert_eq!(labels(&collection), ["a.png -", "b.png -"]);
    assert_eq!(collection.notes, ["layout unlabelled: 2 photos, without identities"]);
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
            "2.png: occurs twice in the table with different values; line 5 is ignored",
            "3.png: listed in the table, but there is no such photo"
        ]
    );
    assert!(collection.notes.iter().any(|n| n.starts_with("1 duplicate rows in ")), "{:?}", collection.notes);
}

#[test]
fn tables_are_recognised_by_what_their_columns_hold() {
    for (table, expected) in [
        ("person_id,name,filename\n7,Ann,1.png\n8,Bob,2.png\n", ["1.png 7", "2.png 8"]),
        ("Person ID;File Name\n7;1.png\n8;2.png\n", ["1.png 7", "2.png 8"]),
        ("name,label\n1.png,a\n2.png,b\n", ["1.png a", "2.png b"]),
        ("image,name\n1.png,Ann Lee\n2.png,Bob\n", ["1.png Ann Lee", "2.png Bob"]),
        ("id,image_path\n4,1.png\n4,2.png\n", ["1.png 4", "2.png 4"]),
        ("image_id\tSUBJECT\n1.png\tx\n2.png\ty\n", ["1.png x", "2.png y"]),
        ("path,split\n1.png,train\n2.png,test\n", ["1.png -", "2.png -"]),
        ("path,identity\n 1.png , a \n2.png,b\n", ["1.png a", "2.png b"]),
    ] {
        for name in ["t.csv", "t.txt"] {
            let shelf = Shelf::new();
            shelf.photos(&["1.png", "2.png"]).text(name, table);
            assert!(source::is_table(&shelf.at(name)), "{table}");
            for layout in [Layout::Csv, Layout::Auto] {
                let collection = source::read(&shelf.at(name), layout, None).unwrap();
                assert_eq!(collection.layout, Layout::Csv);
                assert_eq!(labels(&collection), expected, "{table}");
            }
        }
    }
    let shelf = Shelf::new();
    shelf.photos(&["1.png"]).text("notes.txt", "a shopping list\n").text("n.csv", "age,height\n1,2\n");
    for name in ["1.png", "notes.txt", "absent.csv", "."] {
        assert!(!source::is_table(&shelf.at(name)), "{name}");
    }
    // A file without a photo column is still a table, and the error lists its columns.
    assert!(source::is_table(&shelf.at("n.csv")));
    let error = source::read(&shelf.at("n.csv"), Layout::Auto, None).unwrap_err().to_string();
    assert!(error.contains("age, height"), "{error}");
}

#[test]
fn a_row_number_is_no_identity() {
    let shelf = Shelf::new();
    shelf.photos(&["1.png", "2.png"]).text("t.csv", "id,filename\n1,1.png\n2,2.png\n");
    let message = source::read(&shelf.at("t.csv"), Layout::Csv, None).unwrap_err();
    assert!(message.to_string().contains("found id, filename") && message.hint().is_some(), "{message}");
}

#[test]
fn a_table_that_lists_little_of_a_folder_is_not_the_collection() {
    let shelf = Shelf::new();
    shelf.photos(&["1.png", "2.png", "3.png"]).text("t.csv", "path,label\n1.png,a\n");
    let collection = shelf.read(Layout::Auto);
    assert_eq!((collection.layout, collection.samples.len()), (Layout::Unlabelled, 3));
    assert!(collection.notes[1].contains("it lists 1 of 3 photos"), "{:?}", collection.notes);
    shelf.text("t.csv", "path,label\n1.png,a\n2.png,b\n");
    let collection = shelf.read(Layout::Auto);
    assert_eq!(labels(&collection), ["1.png a", "2.png b"]);
    assert_eq!(skipped(&collection), ["3.png: has no row in the table"]);
    assert!(collection.notes.iter().any(|n| n.contains("1 photos have no row")), "{:?}", collection.notes);
}

#[test]
fn celeba_within_a_larger_folder_does_not_hide_the_rest() {
    let shelf = Shelf::new();
    shelf.photos(&["celeba/img/000001.jpg", "att/s1/1.png", "att/s1/2.png"]);
    shelf.text("celeba/identity_CelebA.txt", CELEBA);
    let collection = shelf.read(Layout::Auto);
    assert_eq!(collection.samples.len(), 3);
    assert!(collection.notes[1].contains("identity_CelebA.txt is not used"), "{:?}", collection.notes);
    let named = shelf.read(Layout::Celeba);
    assert!(named.notes.iter().any(|n| n.starts_with("2 photos are outside ")), "{:?}", named.notes);
}

#[test]
fn bad_tables_are_refused_by_file_and_line() {
    for (table, expected) in [
        ("photograph,label\n1.png,a\n", "t.csv: no column for the photo; expected one of path, file,"),
        ("path,age\n1.png,a\n", "found path, age"),
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
