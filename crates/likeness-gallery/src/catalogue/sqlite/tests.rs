//! What every catalogue must do, on the SQLite one.

use std::path::PathBuf;

use likeness_search::{Distance, ModelTag, Threshold, Thresholds, Verdict};
use tempfile::TempDir;

use super::SqliteCatalogue;
use crate::catalogue::{
    Assignment, FileKey, Filter, ItemKind, Label, ModelState, NewItem, NewPhoto, Origin, Photo, PhotoState,
    ReadCatalogue, WriteCatalogue,
};
use crate::decision::Change;
use crate::{GalleryError, ItemId, ModelId, PersonId, PhotoId, RootId};

const DIM: usize = 4;

fn tag() -> ModelTag {
    let threshold = |fmr, distance| Threshold { fmr, distance, pairs: 1000 };
    let thresholds = Thresholds::new(vec![threshold(1e-4, 0.3), threshold(1e-3, 0.5)]).unwrap();
    ModelTag { thresholds, ..ModelTag::new("toy", "f00d", DIM, Distance::Euclidean) }
}

fn gallery() -> (TempDir, PathBuf, SqliteCatalogue, ModelId, RootId) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my photos 🎉.gallery");
    let mut catalogue = SqliteCatalogue::create(&path, ItemKind::Faces).unwrap();
    let model = catalogue.add_model(&tag(), "face", "auto").unwrap();
    let root = catalogue.add_root("/photos", true).unwrap();
    (folder, path, catalogue, model, root)
}

fn key(root: RootId, path: &str) -> FileKey {
    FileKey { root, path: path.to_owned(), bytes: 10, modified_ns: 7 }
}

/// A photo with a face at each of the horizontal positions, with the position as the embedding.
fn photo(root: RootId, path: &str, faces: &[i32]) -> NewPhoto {
    let item = |left: &i32| NewItem {
        face_box: Some([*left, 0, 20, 20]),
        landmarks: Some([[*left as f32, 0.25]; 5]),
        score: Some(0.9),
        quality: 0.5,
        vector: vec![*left as f32; DIM],
    };
    NewPhoto {
        sha256: format!("hash of {path}"),
        width: 640,
        height: 480,
        taken: Some("2019-07-04T16:05:59".to_owned()),
        unreadable: None,
        file: key(root, path),
        items: faces.iter().map(item).collect(),
        attributes: vec![("Domain".to_owned(), "photo".to_owned())],
    }
}

/// The photo with a content.
fn photo_of(catalogue: &SqliteCatalogue, sha256: &str) -> Photo {
    catalogue.photos(None).unwrap().into_iter().find(|photo| photo.sha256 == sha256).unwrap()
}

#[test]
fn what_is_stored_is_read_again() {
    let (_folder, path, mut catalogue, model, root) = gallery();
    let names = ["a 'quoted' name.jpg", "line\nbreak.jpg", "שלום.jpg", "😀.jpg"];
    let photos: Vec<NewPhoto> = names.iter().map(|name| photo(root, name, &[0, 100])).collect();
    let ids = catalogue.put_photos(model, &photos).unwrap();
    drop(catalogue);
    let catalogue = SqliteCatalogue::open_read_only(&path).unwrap();
    assert_eq!(catalogue.models().unwrap()[0].tag, tag());
    let items = catalogue.items(None).unwrap();
    assert_eq!(items.len(), 8);
    assert_eq!(items[1].item.face_box, Some([100, 0, 20, 20]));
    assert_eq!(items[1].item.landmarks, Some([[100.0, 0.25]; 5]));
    assert_eq!(items[2].path, format!("/photos/{}", names[1]));
    let mut vectors = Vec::new();
    catalogue.vectors(model, &[items[1].item.id, items[0].item.id], &mut vectors).unwrap();
    assert_eq!(vectors, [100.0, 100.0, 100.0, 100.0, 0.0, 0.0, 0.0, 0.0]);
    assert_eq!(catalogue.photos(None).unwrap().iter().map(|p| p.id).collect::<Vec<_>>(), ids);
    assert_eq!(catalogue.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_photo_is_its_content_and_keeps_its_items() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    let id = catalogue.put_photos(model, &[photo(root, "a.jpg", &[0, 100])]).unwrap()[0];
    let before: Vec<ItemId> = catalogue.item_ids(None).unwrap();
    // The same content elsewhere: found in another order, and a little to the side.
    let again = NewPhoto { file: key(root, "b.jpg"), ..photo(root, "a.jpg", &[103, 2, 300]) };
    assert_eq!(catalogue.put_photos(model, &[again]).unwrap(), [id]);
    let items = catalogue.items(None).unwrap();
    assert_eq!(items.iter().map(|row| row.item.id).take(2).collect::<Vec<_>>(), before);
    assert_eq!(items[0].item.face_box, Some([2, 0, 20, 20]));
    assert_eq!(items.len(), 3);
    assert_eq!(catalogue.files_of(&[id]).unwrap()[&id].len(), 2);
    assert!(catalogue.verify().unwrap().is_empty());
}

#[test]
fn a_photo_without_files_is_missing_until_one_appears() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    let id = catalogue.put_photos(model, &[photo(root, "a.jpg", &[0])]).unwrap()[0];
    catalogue.put_files(&[(id, key(root, "copy.jpg"))]).unwrap();
    let state = |catalogue: &SqliteCatalogue| photo_of(catalogue, "hash of a.jpg").state;
    catalogue.drop_files(root, &["a.jpg".to_owned(), "unknown.jpg".to_owned()]).unwrap();
    assert_eq!(state(&catalogue), PhotoState::Present);
    catalogue.drop_files(root, &["copy.jpg".to_owned()]).unwrap();
    assert_eq!(state(&catalogue), PhotoState::Missing);
    assert!(catalogue.items(None).unwrap().is_empty());
    catalogue.put_files(&[(id, key(root, "moved/a.jpg"))]).unwrap();
    assert_eq!(state(&catalogue), PhotoState::Present);
    assert_eq!(catalogue.items(None).unwrap().len(), 1);
    assert!(catalogue.verify().unwrap().is_empty());
}

#[test]
fn a_photo_that_is_removed_and_added_again_keeps_its_decisions() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    let id = catalogue.put_photos(model, &[photo(root, "a.jpg", &[0])]).unwrap()[0];
    let item = catalogue.item_ids(None).unwrap()[0];
    let name = Change::Name { person: PersonId(1), name: Some("Anna".to_owned()), items: vec![item] };
    catalogue.append("eva", &name).unwrap();
    catalogue.remove_photos(&[id]).unwrap();
    assert_eq!(catalogue.counts().unwrap().removed, 1);
    assert!(catalogue.item_ids(None).unwrap().is_empty());
    assert!(catalogue.vectors(model, &[item], &mut Vec::new()).is_err());
    assert!(catalogue.vector_state(model).unwrap().items.is_empty());
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[1])]).unwrap();
    assert_eq!(catalogue.item_ids(None).unwrap(), [item]);
    assert!(catalogue.verify().unwrap().is_empty());
}

#[test]
fn unreadable_photos_are_stored_with_the_reason() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    let broken = NewPhoto { unreadable: Some("truncated".to_owned()), ..photo(root, "a.jpg", &[]) };
    catalogue.put_photos(model, &[broken]).unwrap();
    let found = photo_of(&catalogue, "hash of a.jpg");
    assert_eq!((found.state, found.reason.as_str()), (PhotoState::Unreadable, "truncated"));
    // A file that comes back is still unreadable.
    catalogue.drop_files(root, &["a.jpg".to_owned()]).unwrap();
    catalogue.put_files(&[(found.id, key(root, "b.jpg"))]).unwrap();
    assert_eq!(photo_of(&catalogue, "hash of a.jpg").state, PhotoState::Unreadable);
}

#[test]
fn assignments_replace_each_other_and_need_the_whole_log() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[0, 100, 200])]).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let name = Change::Name { person: PersonId(1), name: Some("Anna".to_owned()), items: vec![items[0]] };
    let last = catalogue.append("eva", &name).unwrap().id;
    let person = |origin| Label::Person { person: PersonId(1), origin, distance: None };
    let suggested = Label::Suggested { person: PersonId(1), distance: 0.4, verdict: Verdict::Possible };
    let all = [
        Assignment { item: items[0], label: person(Origin::Manual) },
        Assignment { item: items[1], label: suggested },
        Assignment { item: items[2], label: Label::NotAFace },
    ];
    assert_eq!(catalogue.put_assignments(Some(last), &all).unwrap(), 3);
    assert_eq!(catalogue.assignments().unwrap(), all);
    assert_eq!(catalogue.put_assignments(Some(last), &all).unwrap(), 0);
    assert_eq!(catalogue.put_assignments(Some(last), &all[..1]).unwrap(), 2);
    assert!(catalogue.put_assignments(None, &all).is_err(), "computed before the last decision");
    assert!(catalogue.verify().unwrap().is_empty());
}

#[test]
fn an_item_that_is_no_face_is_not_found() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[0, 100])]).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let last = catalogue.append("eva", &Change::NotAFace { items: vec![items[0]] }).unwrap().id;
    catalogue.put_assignments(Some(last), &[Assignment { item: items[0], label: Label::NotAFace }]).unwrap();
    assert_eq!(catalogue.item_ids(None).unwrap(), [items[1]]);
}

#[test]
fn filters_find_people_paths_dates_and_columns() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    let older = NewPhoto { taken: Some("2018-01-01T00:00:00".to_owned()), ..photo(root, "old/b.jpg", &[0]) };
    let timeless = NewPhoto { taken: None, width: 5, ..photo(root, "c.jpg", &[0]) };
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[0]), older, timeless]).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let name = Change::Name { person: PersonId(1), name: Some("Anna B".to_owned()), items: vec![items[1]] };
    let last = catalogue.append("eva", &name).unwrap().id;
    let label = Label::Person { person: PersonId(1), origin: Origin::Manual, distance: None };
    catalogue.put_assignments(Some(last), &[Assignment { item: items[1], label }]).unwrap();
    let found = |text: &str| -> Vec<usize> {
        let ids = catalogue.item_ids(Some(&Filter::parse(text).unwrap())).unwrap();
        ids.iter().map(|id| items.iter().position(|item| item == id).unwrap()).collect()
    };
    assert_eq!(found("person = 'Anna B'"), [1]);
    assert_eq!(found("person != 'Anna B'"), [0, 2]);
    assert_eq!(found("not person ~ 'Anna*'"), [0, 2]);
    assert_eq!(found("path ~ '*/old/*'"), [1]);
    assert_eq!(found("path != /photos/a.jpg"), [1, 2]);
    assert_eq!(found("date >= 2019"), [0]);
    assert_eq!(found("date < 2019-07"), [1]);
    assert_eq!(found("date = 2019-07"), [0]);
    assert_eq!(found("date != 2019"), [1, 2]);
    assert_eq!(found("width < 100 or origin = manual"), [1, 2]);
    assert_eq!(found("domain = photo and bytes = 10"), [0, 1, 2]);
    assert_eq!(found("unknown = 1"), Vec::<usize>::new());
    assert_eq!(catalogue.photos(Some(&Filter::parse("domain = photo").unwrap())).unwrap().len(), 3);
}

#[test]
fn clusters_are_those_of_their_key() {
    let (_folder, _path, mut catalogue, ..) = gallery();
    catalogue.put_clusters("a", &[(ItemId(3), 0), (ItemId(5), 1)]).unwrap();
    assert_eq!(catalogue.clusters("a").unwrap(), [(ItemId(3), 0), (ItemId(5), 1)]);
    assert_eq!(catalogue.clusters("b").unwrap(), []);
    catalogue.put_clusters("b", &[(ItemId(4), 2)]).unwrap();
    assert_eq!(catalogue.clusters("b").unwrap(), [(ItemId(4), 2)]);
}

#[test]
fn models_are_switched_in_one_step() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[0])]).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let other = ModelTag::new("other", "beef", 2, Distance::Cosine);
    let new = catalogue.add_model(&other, "other.onnx", "auto").unwrap();
    assert!(catalogue.vector_state(new).unwrap().items.is_empty());
    catalogue.put_vectors(new, &items, &[1.0, 2.0]).unwrap();
    assert_eq!(catalogue.vector_state(new).unwrap().items, items);
    assert_eq!(catalogue.models().unwrap()[1].state, ModelState::Building);
    catalogue.activate(new).unwrap();
    let states: Vec<ModelState> = catalogue.models().unwrap().iter().map(|m| m.state).collect();
    assert_eq!(states, [ModelState::Retired, ModelState::Active]);
    assert!(catalogue.drop_model(new).is_err());
    catalogue.drop_model(model).unwrap();
    assert_eq!(catalogue.models().unwrap().len(), 1);
    assert!(catalogue.verify().unwrap().is_empty());
}

#[test]
fn what_is_no_gallery_is_refused() {
    let (folder, path, catalogue, ..) = gallery();
    assert!(matches!(SqliteCatalogue::create(&path, ItemKind::Faces), Err(GalleryError::BadArgument { .. })));
    drop(catalogue);
    let bad = |path: &std::path::Path| match SqliteCatalogue::open(path) {
        Err(GalleryError::BadGallery { reason, .. }) => reason,
        other => panic!("{:?}", other.err()),
    };
    assert!(bad(&folder.path().join("missing.gallery")).contains("no such gallery"));
    let text = folder.path().join("text.gallery");
    fs_err::write(&text, "hello").unwrap();
    assert!(bad(&text).contains("not a gallery"));
    let other = folder.path().join("other.sqlite");
    rusqlite::Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    assert!(bad(&other).contains("not a gallery"));
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(bad(&path).contains("version 99"));
}

#[test]
fn an_older_file_is_brought_up_to_date() {
    // A file of version 1 of the format, with one photo, two faces and one decision.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("old.gallery");
    fs_err::write(&path, include_bytes!("../../../tests/version-1.gallery")).unwrap();
    assert!(matches!(SqliteCatalogue::open_read_only(&path), Err(GalleryError::BadGallery { .. })));
    let catalogue = SqliteCatalogue::open(&path).unwrap();
    assert_eq!(catalogue.info().unwrap().version, super::schema::VERSION);
    assert_eq!(catalogue.items(None).unwrap().len(), 2);
    assert_eq!(catalogue.decisions().unwrap().len(), 1);
    assert_eq!(catalogue.verify().unwrap(), Vec::<String>::new());
}

#[test]
fn a_changed_value_is_noticed() {
    let (_folder, path, mut catalogue, model, root) = gallery();
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[0, 100])]).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let name = Change::Name { person: PersonId(1), name: Some("Anna".to_owned()), items: vec![items[0]] };
    catalogue.append("eva", &name).unwrap();
    let changes = [
        "UPDATE photo SET width = 641",
        "UPDATE photo_path SET modified_ns = 8",
        "UPDATE item SET box = '0 0 20 21' WHERE id = 1",
        "UPDATE item SET quality = 0.6 WHERE id = 1",
        "UPDATE embedding SET vector = zeroblob(16)",
        "DELETE FROM embedding WHERE id % 2 = 1",
        "UPDATE decision SET actor = 'mallory'",
        "UPDATE decision SET change = replace(change, 'Anna', 'Anne')",
        "UPDATE person SET name = 'Anne'",
    ];
    for change in changes {
        let copy = path.with_extension("copy");
        let _ = fs_err::remove_file(&copy);
        catalogue.copy_to(&copy).unwrap();
        rusqlite::Connection::open(&copy).unwrap().execute_batch(change).unwrap();
        let faults = SqliteCatalogue::open(&copy).unwrap().verify().unwrap();
        assert!(!faults.is_empty(), "{change}");
    }
}

#[test]
fn embeddings_that_do_not_fit_the_model_are_refused() {
    let (_folder, _path, mut catalogue, model, root) = gallery();
    for vector in [vec![], vec![1.0; DIM + 1], vec![f32::NAN; DIM], vec![f32::INFINITY; DIM]] {
        let mut bad = photo(root, "a.jpg", &[0]);
        bad.items[0].vector = vector.clone();
        let stored = catalogue.put_photos(model, &[photo(root, "b.jpg", &[0]), bad]);
        assert!(matches!(stored, Err(GalleryError::BadArgument { .. })), "{vector:?}");
    }
    assert!(catalogue.photos(None).unwrap().is_empty(), "a batch is stored entirely or not at all");
    let mut zero = photo(root, "a.jpg", &[0]);
    zero.items[0].vector = vec![0.0; DIM];
    catalogue.put_photos(model, &[zero]).unwrap();
}

/// Everything that is stored, as text.
fn contents(catalogue: &SqliteCatalogue) -> crate::Result<String> {
    let items = catalogue.items(None)?;
    let mut text = format!("{:?}{:?}", catalogue.photos(None)?, catalogue.decisions()?);
    for row in &items {
        let mut vector = Vec::new();
        catalogue.vectors(ModelId(1), &[row.item.id], &mut vector)?;
        text += &format!("{row:?}{vector:?}");
    }
    Ok(text)
}

#[test]
fn a_flipped_bit_is_noticed_or_harmless() {
    let (_folder, path, mut catalogue, model, root) = gallery();
    let photos: Vec<NewPhoto> = (0..20).map(|at| photo(root, &format!("{at}.jpg"), &[0, 100])).collect();
    catalogue.put_photos(model, &photos).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let name = Change::Name { person: PersonId(1), name: Some("Anna".to_owned()), items: vec![items[0]] };
    catalogue.append("eva", &name).unwrap();
    let copy = path.with_extension("copy");
    catalogue.copy_to(&copy).unwrap();
    let good = fs_err::read(&copy).unwrap();
    let expected = contents(&catalogue).unwrap();
    let (mut noticed, mut harmless) = (0, 0);
    for at in (0..good.len()).step_by(97) {
        let mut bad = good.clone();
        bad[at] ^= 1 << (at % 8);
        fs_err::write(&copy, &bad).unwrap();
        let _ = fs_err::remove_file(path.with_extension("copy-wal"));
        let _ = fs_err::remove_file(path.with_extension("copy-shm"));
        let opened = SqliteCatalogue::open(&copy);
        match opened.and_then(|catalogue| Ok((catalogue.verify()?, contents(&catalogue)?))) {
            Err(_) => noticed += 1,
            Ok((faults, _)) if !faults.is_empty() => noticed += 1,
            Ok((_, found)) => {
                assert_eq!(found, expected, "byte {at}");
                harmless += 1;
            }
        }
    }
    assert!(noticed > 50 && harmless > 50, "{noticed} noticed, {harmless} harmless");
}

#[test]
fn readers_see_the_state_before_or_after_a_write() {
    let (_folder, path, mut catalogue, model, root) = gallery();
    let reader = SqliteCatalogue::open_read_only(&path).unwrap();
    assert_eq!(reader.counts().unwrap().present, 0);
    catalogue.put_photos(model, &[photo(root, "a.jpg", &[0])]).unwrap();
    assert_eq!(reader.counts().unwrap().present, 1);
    let second = SqliteCatalogue::open(&path).unwrap();
    assert_eq!(second.photos(None).unwrap(), catalogue.photos(None).unwrap());
    assert_eq!(second.photos(None).unwrap()[0].id, PhotoId(1));
}

/// Writes the file of version 1 that a test above reads: the same rows without the table that version 2 added.
#[test]
#[ignore = "writes a file of the repository"]
fn write_version_1() {
    let (_folder, path, mut catalogue, model, root) = gallery();
    let photo = NewPhoto { attributes: Vec::new(), ..photo(root, "a.jpg", &[0, 100]) };
    catalogue.put_photos(model, &[photo]).unwrap();
    let items = catalogue.item_ids(None).unwrap();
    let name = Change::Name { person: PersonId(1), name: Some("Anna".to_owned()), items: vec![items[0]] };
    catalogue.append("eva", &name).unwrap();
    drop(catalogue);
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection
        .execute_batch("DROP TABLE attribute; DROP TABLE cluster; PRAGMA user_version = 1; VACUUM")
        .unwrap();
    connection.pragma_update(None, "journal_mode", "DELETE").unwrap();
    drop(connection);
    let stored = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/version-1.gallery");
    fs_err::copy(&path, stored).unwrap();
}

#[test]
fn thresholds_of_a_model_are_replaced() {
    let (_folder, path, mut catalogue, model, _) = gallery();
    let thresholds = Thresholds::new(vec![Threshold { fmr: 1e-3, distance: 0.7, pairs: 5000 }]).unwrap();
    catalogue.put_thresholds(model, &thresholds).unwrap();
    drop(catalogue);
    let catalogue = SqliteCatalogue::open(&path).unwrap();
    let stored = catalogue.models().unwrap().remove(0);
    assert_eq!(stored.tag, ModelTag { thresholds, ..tag() });
    assert!(catalogue.verify().unwrap().is_empty());
    let mut catalogue = catalogue;
    assert!(catalogue.put_thresholds(ModelId(99), &Thresholds::default()).is_err());
}
