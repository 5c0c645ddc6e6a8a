//! Exports of faces and embeddings, and what other programs read from them (`tests/golden/tables/README.md`).
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use likeness_gallery::exchange::{
    Column, ExchangeError, ExportFormat, FaceRow, Origin, Table, TableFault, Values, export, read_faces,
    write_npz, write_parquet,
};
use likeness_gallery::{GalleryError, Result};
use likeness_search::{Distance, EmbeddingTable, ModelTag};
use serde_json::{Value, json};

const DIMENSION: usize = 3;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tables").join(name)
}

fn model() -> ModelTag {
    ModelTag::new("toy", "abc", DIMENSION, Distance::Cosine)
}

/// Faces with and without each value.
fn faces() -> Vec<(FaceRow, Vec<f32>)> {
    let names = [
        Some("Anna"),
        None,
        Some("O'Hara, \"Kit\""),
        Some("אַבְגָד"),
        Some("two\nlines"),
        Some("🧑\u{200d}🚀"),
        Some("=1+1"),
    ];
    let face = |(index, name): (usize, &Option<&str>)| {
        let number = index as f64;
        let row = FaceRow {
            photo: format!("2019/IMG_{index}.jpg"),
            face: Some(index as u32 % 3),
            face_box: (index != 2).then_some([index as i32 - 1, 20, 300, 70_000]),
            person: name.map(str::to_owned),
            origin: name.map(|_| Origin::ALL[index % 3]),
            distance: (index % 2 == 0).then_some(number / 7.0),
            quality: Some(number / 3.0),
            born: (index == 0).then(|| "1984-02-29".to_owned()),
            sha256: (index != 5).then(|| format!("{index}").repeat(64)),
        };
        (row, vec![index as f32, -0.1, 1.0 / (index as f32 + 3.0)])
    };
    names.iter().enumerate().map(face).collect()
}

fn all_good() -> impl Iterator<Item = Result<(FaceRow, Vec<f32>)>> {
    faces().into_iter().map(Ok)
}

/// The rows as a table, as `export` makes it.
fn table(faces: &[(FaceRow, Vec<f32>)]) -> Table {
    let integer = |name: &str, value: &dyn Fn(&FaceRow) -> Option<i64>| Column {
        name: name.into(),
        values: Values::Integers(faces.iter().map(|face| value(&face.0)).collect()),
    };
    let text = |name: &str, value: &dyn Fn(&FaceRow) -> Option<String>| Column {
        name: name.into(),
        values: Values::Texts(faces.iter().map(|face| value(&face.0)).collect()),
    };
    let distance = faces.iter().map(|face| face.0.distance).collect();
    Table {
        columns: vec![
            text("photo", &|row| Some(row.photo.clone())),
            integer("face", &|row| row.face.map(i64::from)),
            integer("left", &|row| row.face_box.map(|sides| i64::from(sides[0]))),
            text("person", &|row| row.person.clone()),
            Column { name: "distance".into(), values: Values::Numbers(distance) },
        ],
        embeddings: faces.iter().flat_map(|face| face.1.clone()).collect(),
        dimension: DIMENSION,
    }
}

/// Three batches, of which the second one is empty.
fn batches() -> Vec<Result<Table>> {
    let faces = faces();
    vec![Ok(table(&faces[..2])), Ok(table(&[])), Ok(table(&faces[2..6])), Ok(table(&faces[6..]))]
}

#[test]
fn tables_are_read_by_pyarrow_and_numpy() {
    let folder = tempfile::tempdir().unwrap();
    let facts = [("model_name", "toy".to_owned()), ("naïve", "ü".to_owned())];
    let writes = std::env::var_os("LIKENESS_WRITE_TABLES").is_some();
    for name in ["faces.parquet", "faces.npz"] {
        let path = if writes { golden(name) } else { folder.path().join(name) };
        match name.ends_with("npz") {
            true => write_npz(&path, &facts[..1], batches()).unwrap(),
            false => write_parquet(&path, &facts, batches()).unwrap(),
        }
        assert_eq!(fs_err::read(path).unwrap(), fs_err::read(golden(name)).unwrap(), "{name}");
    }
    let expected: Value = serde_json::from_slice(&fs_err::read(golden("expected.json")).unwrap()).unwrap();
    check_parquet(&expected["parquet"]);
    check_npz(&expected["npz"]);
}

#[test]
fn a_parquet_table_is_read_as_external_embeddings() {
    let (table, _) = EmbeddingTable::load_with_notes(&golden("faces.parquet")).unwrap();
    let faces = faces();
    let is_zero = |face: &&(FaceRow, Vec<f32>)| face.1.iter().all(|value| *value == 0.0);
    assert_eq!(table.skipped().len(), faces.iter().filter(is_zero).count());
    let kept: Vec<&(FaceRow, Vec<f32>)> = faces.iter().filter(|face| !is_zero(face)).collect();
    assert_eq!(table.len(), kept.len());
    for (at, (face, embedding)) in kept.into_iter().enumerate() {
        assert_eq!(table.embedding(at), embedding);
        assert_eq!(table.rows()[at].name, face.photo.trim());
        assert_eq!(table.rows()[at].identity, face.person);
    }
}

fn check_parquet(found: &Value) {
    let faces = faces();
    let list = |value: &dyn Fn(&FaceRow) -> Value| faces.iter().map(|face| value(&face.0)).collect::<Value>();
    let embedding =
        |face: &(FaceRow, Vec<f32>)| face.1.iter().map(|&value| f64::from(value)).collect::<Value>();
    assert_eq!(found["created_by"], "likeness");
    assert_eq!(found["facts"], json!({"model_name": "toy", "naïve": "ü"}));
    assert_eq!(found["row_groups"], 3);
    let schema = ["photo: string", "face: int64", "left: int64", "person: string", "distance: double"];
    let schema: Vec<&str> = schema.into_iter().chain(["embedding: list<element: float not null>"]).collect();
    assert_eq!(found["schema"], json!(schema));
    let columns = json!({
        "photo": list(&|row| json!(row.photo)),
        "face": list(&|row| json!(row.face)),
        "left": list(&|row| json!(row.face_box.map(|sides| sides[0]))),
        "person": list(&|row| json!(row.person)),
        "distance": list(&|row| json!(row.distance)),
        "embedding": faces.iter().map(embedding).collect::<Value>(),
    });
    assert_eq!(found["columns"], columns);
}

fn check_npz(found: &Value) {
    let faces = faces();
    let rows = faces.len();
    let array =
        |kind: &str, shape: &[usize], values: Value| json!({"type": kind, "shape": shape, "values": values});
    let list = |value: &dyn Fn(&FaceRow) -> Value| faces.iter().map(|face| value(&face.0)).collect::<Value>();
    let values = faces.iter().flat_map(|face| face.1.clone()).map(f64::from).collect::<Value>();
    let expected = json!({
        "embeddings": array("<f4", &[rows, DIMENSION], values),
        "photo": array("<U14", &[rows], list(&|row| json!(row.photo))),
        "face": array("<i8", &[rows], list(&|row| json!(row.face))),
        "left": array("<i8", &[rows], list(&|row| json!(row.face_box.map_or(0, |sides| sides[0])))),
        "left_present": array("|b1", &[rows], list(&|row| json!(row.face_box.is_some()))),
        "person": array("<U13", &[rows], list(&|row| json!(row.person.clone().unwrap_or_default()))),
        "distance": array("<f8", &[rows], list(&|row| json!(row.distance))),
        "model_name": array("<U3", &[1], json!(["toy"])),
    });
    assert_eq!(found, &expected);
}

#[test]
fn embeddings_files_and_archives_are_read_by_this_program() {
    let folder = tempfile::tempdir().unwrap();
    let faces = faces();
    for format in [ExportFormat::Safetensors, ExportFormat::Npz] {
        let path = folder.path().join(format!("faces.{}", format.name()));
        assert_eq!(export(&path, format, &model(), all_good()).unwrap(), faces.len() as u64);
        let table = EmbeddingTable::load(&path).unwrap();
        assert_eq!((table.len(), table.dimension()), (faces.len(), DIMENSION), "{format:?}");
        for (index, (face, embedding)) in faces.iter().enumerate() {
            let row = &table.rows()[index];
            assert_eq!(table.embedding(index), embedding, "{format:?}");
            assert!(row.path.ends_with(&face.photo), "{format:?}: {}", row.path);
            assert_eq!(row.identity, face.person, "{format:?}");
        }
    }
    let table = EmbeddingTable::load(&folder.path().join("faces.safetensors")).unwrap();
    assert_eq!(table.model().fingerprint, "abc");
    assert_eq!((table.rows()[4].face, table.rows()[4].face_box), (1, Some([3, 20, 300, 70_000])));
    let path = folder.path().join("faces.csv");
    export(&path, ExportFormat::Csv, &model(), all_good()).unwrap();
    let rows: Vec<FaceRow> = faces.into_iter().map(|face| face.0).collect();
    assert_eq!(read_faces(&path).unwrap(), rows);
}

#[test]
fn only_our_files_may_be_replaced() {
    let folder = tempfile::tempdir().unwrap();
    for format in ExportFormat::ALL {
        let path = folder.path().join(format!("faces.{}", format.name()));
        assert_eq!(ExportFormat::of(&path), Some(format));
        fs_err::write(&path, b"").unwrap();
        assert!(format.is_ours(&path).unwrap());
        for count in [0, 7] {
            export(&path, format, &model(), all_good().take(count)).unwrap();
            assert!(format.is_ours(&path).unwrap(), "{format:?}");
        }
        let whole = fs_err::read(&path).unwrap();
        let others = ExportFormat::ALL.into_iter().filter(|other| *other != format);
        assert!(others.into_iter().all(|other| !other.is_ours(&path).unwrap()), "{format:?}");
        for foreign in [
            &b"photo,name\na,b\n"[..],
            b"PAR1",
            b"PK\x05\x06",
            b"\x93NUMPY",
            &whole[whole.len() / 2..whole.len() - 1],
        ] {
            fs_err::write(&path, foreign).unwrap();
            assert!(!format.is_ours(&path).unwrap(), "{format:?}: {foreign:?}");
        }
    }
    assert_eq!(ExportFormat::of(Path::new("a.txt")), None);
}

#[test]
fn a_failing_source_leaves_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    for format in ExportFormat::ALL {
        let path = folder.path().join("faces");
        fs_err::write(&path, b"old").unwrap();
        let hint = || GalleryError::BadArgument { reason: "the disk broke".into(), hint: String::new() };
        let failing = all_good().take(3).chain([Err(hint())]);
        let error = export(&path, format, &model(), failing).unwrap_err();
        assert_eq!(error.to_string(), "the disk broke", "{format:?}");
        assert_eq!(fs_err::read(&path).unwrap(), b"old", "{format:?}");
        if format != ExportFormat::Csv {
            let short = all_good().map(|face| face.map(|(row, _)| (row, vec![1.0])));
            let error = export(&path, format, &model(), short).unwrap_err().to_string();
            assert!(
                error.contains("expected") && error.contains('3') && error.contains("found 1"),
                "{error}"
            );
        }
        assert_eq!(fs_err::read(&path).unwrap(), b"old", "{format:?}");
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
        let absent = folder.path().join("absent/faces");
        let error = export(&absent, format, &model(), all_good()).unwrap_err();
        assert!(error.to_string().contains("absent"), "{error}");
    }
}

#[test]
fn tables_that_do_not_fit_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("faces");
    let faces = faces();
    let fault = |batches: Vec<Table>| {
        let [npz, parquet] = [true, false].map(|is_npz| {
            let batches = batches.clone().into_iter().map(Ok::<_, ExchangeError>);
            let written =
                if is_npz { write_npz(&path, &[], batches) } else { write_parquet(&path, &[], batches) };
            match written.unwrap_err() {
                ExchangeError::BadTable { fault, .. } => fault,
                other => panic!("{other}"),
            }
        });
        assert_eq!(npz, parquet);
        npz
    };
    let whole = table(&faces);
    let mut short = whole.clone();
    short.columns[1].values = Values::Integers(vec![Some(1)]);
    let wrong =
        |column: &str, found| TableFault::WrongLength { column: column.into(), expected: faces.len(), found };
    assert_eq!(fault(vec![short]), wrong("face", 1));
    let cut = Table { embeddings: whole.embeddings[1..].to_vec(), ..whole.clone() };
    assert_eq!(fault(vec![cut]), wrong("embedding", faces.len() * DIMENSION - 1));
    let mut renamed = whole.clone();
    renamed.columns[0].name = "path".into();
    assert!(matches!(fault(vec![whole.clone(), renamed]), TableFault::OtherColumns { .. }));
    let plain = Table { embeddings: Vec::new(), dimension: 0, ..whole.clone() };
    assert_eq!(fault(vec![whole, plain]), TableFault::OtherDimension { expected: DIMENSION, found: 0 });
    // One long name in many rows.
    let mut texts = vec![None; 100_000];
    texts[0] = Some("x".repeat(20_000));
    let column = Column { name: "person".into(), values: Values::Texts(texts) };
    let long = Table { columns: vec![column], ..Table::default() };
    let error = write_npz(&path, &[], [Ok::<_, ExchangeError>(long)]).unwrap_err();
    assert!(
        error.to_string().contains("20000 characters") && error.hint() == Some("export as Parquet"),
        "{error}"
    );
}
