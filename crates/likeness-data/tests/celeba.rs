//! Tests CelebA as its authors and as Kaggle distribute it: list files, image folders, and which coordinates apply.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::path::Path;
use std::sync::atomic::AtomicBool;

use common::{Shelf, labels, picture, skipped};
use likeness_data::align::{self, AlignConfig};
use likeness_data::dataset::Dataset;
use likeness_data::geometry::{Landmarks, Point, Rect};
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, Prepared, prepare};
use likeness_data::sample::Split;
use likeness_data::settings::PrepareConfig;
use likeness_data::source::{self, Layout};

const IDENTITIES: &str = "000001.jpg 2880\n000002.jpg 2937\n000003.jpg 2880\n";
const PARTITION_CSV: &str = "image_id,partition\n000001.jpg,0\n000002.jpg,1\n000003.jpg,2\n";
const ATTRIBUTES_CSV: &str =
    "image_id,5_o_Clock_Shadow,Male,Young\n000001.jpg,-1,-1,1\n000002.jpg,-1,1,1\n000003.jpg,1,1,-1\n";
const ATTRIBUTES_TXT: &str =
    "3\n5_o_Clock_Shadow Male Young \n000001.jpg -1 -1  1\n000002.jpg -1  1  1\n000003.jpg  1  1 -1\n";
const ALIGNED_CSV: &str = "image_id,lefteye_x,lefteye_y,righteye_x,righteye_y,nose_x,nose_y,leftmouth_x,leftmouth_y,rightmouth_x,rightmouth_y\n\
    000001.jpg,69,109,106,113,77,142,73,152,108,154\n\
    000002.jpg,69,110,107,112,81,135,70,151,108,153\n\
    000003.jpg,76,112,104,106,108,128,74,156,98,158\n";
const ALIGNED_TXT: &str = "3\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n\
    000001.jpg    69  109  106  113   77  142   73  152  108  154\n\
    000002.jpg    69  110  107  112   81  135   70  151  108  153\n\
    000003.jpg    76  112  104  106  108  128   74  156   98  158\n";
const WILD_TXT: &str = "3\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y leftmouth_x leftmouth_y rightmouth_x rightmouth_y\n\
    000001.jpg 165 184 244 176 196 249 194 271 266 260\n\
    000002.jpg 140 204 220 204 168 254 146 289 226 289\n\
    000003.jpg 244 104 264 105 263 121 235 134 251 140\n";
const BOXES_TXT: &str = "3\nimage_id x_1 y_1 width height\n000001.jpg    95  71 226 313\n000002.jpg    72  94 221 306\n000003.jpg 0 0 0 0\n";
const BOXES_CSV: &str =
    "image_id,x_1,y_1,width,height\n000001.jpg,95,71,226,313\n000002.jpg,72,94,221,306\n000003.jpg,0,0,0,0\n";

/// Three pictures of this size in `folder`.
fn images(shelf: &Shelf, folder: &str, (width, height): (u32, u32)) {
    fs_err::create_dir_all(shelf.at(folder)).unwrap();
    for n in 1..=3 {
        picture(n, width, height).save(shelf.at(folder).join(format!("00000{n}.jpg"))).unwrap();
    }
}

/// Kaggle's copy, without an identity file.
fn kaggle() -> Shelf {
    let shelf = Shelf::new();
    images(&shelf, "img_align_celeba/img_align_celeba", (178, 218));
    shelf
        .text("list_eval_partition.csv", PARTITION_CSV)
        .text("list_attr_celeba.csv", ATTRIBUTES_CSV)
        .text("list_landmarks_align_celeba.csv", ALIGNED_CSV)
        .text("list_bbox_celeba.csv", BOXES_CSV);
    shelf
}

/// The authors' copy, with aligned pictures or pictures in the wild.
fn official(images_in: &str, size: (u32, u32)) -> Shelf {
    let shelf = Shelf::new();
    images(&shelf, images_in, size);
    shelf
        .text("Anno/identity_CelebA.txt", IDENTITIES)
        .text("Eval/list_eval_partition.txt", "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n")
        .text("Anno/list_attr_celeba.txt", ATTRIBUTES_TXT)
        .text("Anno/list_landmarks_align_celeba.txt", ALIGNED_TXT)
        .text("Anno/list_landmarks_celeba.txt", WILD_TXT)
        .text("Anno/list_bbox_celeba.txt", BOXES_TXT);
    shelf
}

fn points(values: [f32; 10]) -> Landmarks {
    std::array::from_fn(|i| Point { x: values[2 * i], y: values[2 * i + 1] })
}

fn first_aligned() -> Landmarks {
    points([69.0, 109.0, 106.0, 113.0, 77.0, 142.0, 73.0, 152.0, 108.0, 154.0])
}

fn run(shelf: &Shelf, output: &Path, size: u32) -> Prepared {
    let run = PrepareRun {
        detector: None,
        stop: &AtomicBool::new(false),
        progress: &|_, _| {},
        limits: Limits::default(),
        threads: 2,
        replace: false,
        exclude: None,
    };
    let config = PrepareConfig { size, ..PrepareConfig::default() };
    prepare(shelf.0.path(), output, &config, &run).unwrap()
}

#[test]
fn the_authors_and_kaggles_lists_say_the_same() {
    let kaggle = kaggle();
    kaggle.text("identity_CelebA.txt", IDENTITIES);
    for shelf in [kaggle, official("Img/img_align_celeba", (178, 218))] {
        for layout in [Layout::Auto, Layout::Celeba] {
            let collection = shelf.read(layout);
            assert_eq!(collection.layout, Layout::Celeba);
            assert_eq!(labels(&collection), ["000001.jpg 2880", "000002.jpg 2937", "000003.jpg 2880"]);
            assert!(collection.skipped.is_empty(), "{:?}", collection.skipped);
            let [first, second, third] = &collection.samples[..] else { panic!("three pictures") };
            let splits = [first, second, third].map(|sample| sample.split);
            assert_eq!(splits, [Some(Split::Train), Some(Split::Validation), Some(Split::Test)]);
            assert_eq!(first.landmarks, Some(first_aligned()));
            assert!(collection.samples.iter().all(|s| s.landmarks.is_some() && s.face_box.is_none()));
            assert_eq!(first.attributes.names(), ["5_o_Clock_Shadow", "Male", "Young"]);
            assert_eq!(
                (second.attributes.get("Male"), third.attributes.get("Young")),
                (Some("1"), Some("-1"))
            );
            let has = |text: &str| collection.notes.iter().any(|note| note.contains(text));
            assert!(has("faces are aligned by the landmarks in "), "{:?}", collection.notes);
            assert!(has("is not used: it belongs to the in-the-wild pictures"), "{:?}", collection.notes);
        }
    }
}

#[test]
fn pictures_in_the_wild_have_their_own_landmarks_and_boxes() {
    for folder in ["Img/img_celeba", "Img/img_celeba.7z/img_celeba"] {
        let collection = official(folder, (409, 687)).read(Layout::Auto);
        let first = &collection.samples[0];
        let wild = points([165.0, 184.0, 244.0, 176.0, 196.0, 249.0, 194.0, 271.0, 266.0, 260.0]);
        assert_eq!(first.landmarks, Some(wild));
        assert_eq!(first.face_box, Some(Rect::new(95.0, 71.0, 226.0, 313.0)));
        assert_eq!(collection.samples[2].face_box, None, "a box without an area is none");
        let unused = collection.notes.iter().any(|n| n.contains("belongs to the aligned pictures"));
        assert!(unused, "{:?}", collection.notes);
    }
}

#[test]
fn coordinates_of_other_pictures_are_never_used() {
    for (folder, size, reason) in [
        ("images", (256, 256), "belongs to the aligned pictures of 178×218 pixels"),
        ("img_align_celeba", (64, 64), "belongs to the aligned pictures of 178×218 pixels"),
        ("img_celeba", (96, 96), "lie outside of the pictures, which seem to be scaled"),
    ] {
        let collection = official(folder, size).read(Layout::Auto);
        assert_eq!(collection.samples.len(), 3);
        assert!(collection.samples.iter().all(|s| s.landmarks.is_none() && s.face_box.is_none()), "{folder}");
        assert!(collection.samples.iter().all(|s| s.split.is_some() && !s.attributes.is_empty()));
        assert!(collection.notes.iter().any(|n| n.contains(reason)), "{folder}: {:?}", collection.notes);
    }
}

#[test]
fn without_the_identity_file_the_message_says_where_it_belongs() {
    let shelf = kaggle();
    let error = source::read(shelf.0.path(), Layout::Celeba, None).unwrap_err();
    let message = error.to_string();
    assert!(message.contains("identity_CelebA.txt is missing (Kaggle's copy of CelebA does not include it)"));
    let hint = error.hint().unwrap();
    let root = shelf.0.path().display().to_string();
    for part in
        ["https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html", "folder Anno", &root, "`000001.jpg 2880`"]
    {
        assert!(hint.contains(part), "{part} not in {hint}");
    }
    // Auto keeps the pictures, with everything that the lists say.
    let collection = shelf.read(Layout::Auto);
    assert_eq!(labels(&collection), ["000001.jpg -", "000002.jpg -", "000003.jpg -"]);
    assert_eq!(collection.layout, Layout::Celeba);
    let note = collection.notes.iter().find(|note| note.contains("is missing")).unwrap();
    assert!(note.contains("the photos have no identities") && note.contains("folder Anno"), "{note}");
    assert_eq!(collection.samples[0].landmarks, Some(first_aligned()));
    // The remedy works.
    shelf.text("identity_CelebA.txt", IDENTITIES);
    assert!(shelf.read(Layout::Celeba).samples.iter().all(|sample| sample.identity.is_some()));
}

#[test]
fn lists_without_their_pictures_do_not_hide_other_photos() {
    let shelf = Shelf::new();
    shelf.photos(&["ann/1.png", "ann/2.png", "bob/1.png"]).text("list_attr_celeba.csv", ATTRIBUTES_CSV);
    assert_eq!(shelf.read(Layout::Auto).layout, Layout::Folders);
    let few = Shelf::new();
    few.photos(&["img/000001.jpg", "ann/1.png", "ann/2.png", "bob/1.png"]);
    few.text("list_attr_celeba.csv", ATTRIBUTES_CSV);
    let collection = few.read(Layout::Auto);
    assert_eq!(collection.samples.len(), 4);
    let note = collection.notes.iter().any(|n| n.contains("lists of CelebA are not used: 3 other photos"));
    assert!(note, "{:?}", collection.notes);
}

#[test]
fn line_ends_marks_quotes_and_case_do_not_matter() {
    let shelf = Shelf::new();
    images(&shelf, "img_align_celeba", (178, 218));
    let folder = shelf.at("img_align_celeba");
    fs_err::rename(folder.join("000001.jpg"), folder.join("000001.JPG")).unwrap();
    picture(2, 178, 218).save(folder.join("000002.png")).unwrap();
    fs_err::remove_file(folder.join("000002.jpg")).unwrap();
    let windows = |text: &str| format!("\u{feff}{}", text.replace('\n', "\r\n"));
    shelf
        .text("Identity_CelebA.txt", &windows(IDENTITIES))
        .text(
            "list_eval_partition.csv",
            &windows(&PARTITION_CSV.replace("000001.jpg,0", "\"000001.jpg\" , 0")),
        )
        .text("list_attr_celeba.txt", &windows(ATTRIBUTES_TXT))
        .text("list_landmarks_align_celeba.CSV", &windows(&ALIGNED_CSV.to_uppercase()));
    let collection = shelf.read(Layout::Auto);
    assert_eq!(labels(&collection), ["000001.JPG 2880", "000002.png 2937", "000003.jpg 2880"]);
    assert!(collection.skipped.is_empty(), "{:?}", skipped(&collection));
    for sample in &collection.samples {
        assert!(sample.path.is_file(), "{:?}", sample.path);
        assert!(sample.split.is_some() && sample.landmarks.is_some(), "{sample:?}");
        assert!(sample.attributes.get("Male").is_some());
    }
}

#[test]
fn an_exact_name_is_preferred_to_one_in_another_case() {
    let shelf = Shelf::new();
    shelf.photos(&["img/a.jpg", "img/A.jpg", "img/b.JPG", "img/c.png"]);
    shelf.text("identity_CelebA.txt", "B.jpg 1\nA.jpg 2\na.jpg 3\nd.jpg 4\n");
    let collection = shelf.read(Layout::Celeba);
    assert_eq!(labels(&collection), ["b.JPG 1", "A.jpg 2", "a.jpg 3"]);
    assert_eq!(
        skipped(&collection),
        [
            "d.jpg: listed in identity_CelebA.txt, but there is no such image",
            "c.png: has no row in identity_CelebA.txt"
        ]
    );
}

#[test]
fn bad_lists_are_refused_by_file_and_line() {
    let landmarks = "list_landmarks_align_celeba.csv";
    for (file, text, expected) in [
        (landmarks, ALIGNED_CSV.replace(",142,", ",nose,"), ":2: expected a number, found nose"),
        (landmarks, ALIGNED_CSV.replace(",142,", ",NaN,"), ":2: expected a number, found NaN"),
        (
            landmarks,
            ALIGNED_CSV.replace(",135,", ","),
            ":3: expected 11 fields (file and 10 values), found 10",
        ),
        (
            landmarks,
            ALIGNED_CSV.replace("nose_x,", ""),
            "found lefteye_x, lefteye_y, righteye_x, righteye_y, nose_y",
        ),
        (
            landmarks,
            ALIGNED_CSV.replace("image_id,", "photo,"),
            ":1: expected a header that begins with `image_id,`",
        ),
        ("list_eval_partition.csv", PARTITION_CSV.replace(",2", ",3"), ":4: expected 0, 1 or 2, found 3"),
        ("list_eval_partition.csv", PARTITION_CSV.replace(",2", ""), ":4: expected two fields"),
        (
            "list_attr_celeba.csv",
            ATTRIBUTES_CSV.replace("-1,1,1", "-1,yes,1"),
            ":3: expected 1 or -1, found yes",
        ),
        (
            "list_attr_celeba.csv",
            ATTRIBUTES_CSV.replace("Male", "Young"),
            "two attributes have the name `Young`",
        ),
        ("list_attr_celeba.csv", ATTRIBUTES_CSV.replace("Male", "split"), "name of a column of the manifest"),
        ("list_attr_celeba.csv", ATTRIBUTES_CSV.replace("Male", ""), "an attribute has no name"),
    ] {
        let shelf = kaggle();
        shelf.text("identity_CelebA.txt", IDENTITIES).text(file, &text);
        let message = shelf.refused(Layout::Auto);
        assert!(message.contains(file) && message.contains(expected), "expected {expected} in {message}");
    }
    let shelf = kaggle();
    fs_err::write(shelf.at("list_attr_celeba.csv"), b"\xFF\xFEi\0m\0").unwrap();
    assert!(shelf.refused(Layout::Auto).contains("list_attr_celeba.csv: the text is UTF-16"));
}

#[test]
fn lists_that_are_shorter_than_they_say_are_noted() {
    let shelf = official("Img/img_align_celeba", (178, 218));
    shelf.text("Anno/list_landmarks_align_celeba.txt", &ALIGNED_TXT[..ALIGNED_TXT.len() - 62]);
    let collection = shelf.read(Layout::Auto);
    let has = |text: &str| collection.notes.iter().any(|note| note.contains(text));
    assert!(has("has 2 rows, its first line says 3 (copy the file again"), "{:?}", collection.notes);
    assert!(has("1 image has no row in list_landmarks_align_celeba.txt"), "{:?}", collection.notes);
    assert_eq!(collection.samples.iter().filter(|s| s.landmarks.is_some()).count(), 2);
}

#[test]
fn prepared_faces_are_aligned_and_attributes_are_columns() {
    let shelf = kaggle();
    shelf.text("identity_CelebA.txt", IDENTITIES);
    let output = shelf.at("faces");
    assert_eq!(run(&shelf, &output, 112).worked, 3);
    let dataset = Dataset::open(&output).unwrap();
    let face = &dataset.faces[0];
    assert_eq!((face.source.as_str(), face.landmarks), ("000001.jpg", Some(first_aligned())));
    assert_eq!((face.attributes.get("Male"), face.split), (Some("-1"), Split::Train));
    let photo = image::open(shelf.at("img_align_celeba/img_align_celeba/000001.jpg")).unwrap().into_rgb8();
    let aligned = align::align(&photo, &first_aligned(), &AlignConfig::default()).unwrap();
    assert_eq!(image::open(dataset.path_of(face)).unwrap().into_rgb8(), aligned);
    let manifest = fs_err::read_to_string(output.join("manifest.csv")).unwrap();
    let header = manifest.lines().next().unwrap();
    assert!(header.ends_with(",faces,face_sha256,5_o_Clock_Shadow,Male,Young"), "{header}");

    // Changed attributes change the manifest only, changed landmarks the faces.
    shelf.text("list_attr_celeba.csv", &ATTRIBUTES_CSV.replace("000001.jpg,-1,-1", "000001.jpg,-1,1"));
    assert_eq!(run(&shelf, &output, 112).worked, 0);
    assert_eq!(Dataset::open(&output).unwrap().faces[0].attributes.get("Male"), Some("1"));
    shelf.text("list_landmarks_align_celeba.csv", &ALIGNED_CSV.replace("81,135", "83,135"));
    assert_eq!(run(&shelf, &output, 112).worked, 1);
}
