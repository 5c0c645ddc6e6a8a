//! `--teacher`: another model's embeddings of the faces trained on, kept in the run's folder.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use anyhow::{Context, ensure};
use likeness_data::limits::Limits;
use likeness_data::photos::display_name;
use likeness_model::embed::{EmbedItem, EmbedRun, embed};
use likeness_model::load_embedder;
use likeness_search::{EmbeddingTable, Row};
use likeness_train::train::TrainingFaces;

use crate::progress::{Progress, say, say_skipped};

const FILE: &str = "teacher.embeddings";

/// `faces`, of the dataset in `folder`, with the embeddings that the model called `name` has of those trained on.
///
/// They are kept by the faces' places in the dataset, so that a run goes on wherever the dataset is named from.
pub(super) fn ask(
    name: &str,
    faces: TrainingFaces,
    folder: &Path,
    run: &Path,
    stop: &AtomicBool,
) -> anyhow::Result<TrainingFaces> {
    let embedder = load_embedder(name, &Default::default())?;
    let file = run.join(FILE);
    let table = if file.exists() {
        EmbeddingTable::load(&file)?
    } else {
        let item = |face: &likeness_train::loader::FaceFile| EmbedItem {
            row: Row::new(place_of(&face.path, folder)),
            face_box: None,
            path: face.path.clone(),
        };
        let items: Vec<EmbedItem> = faces.train.iter().map(item).collect();
        let progress = Progress::begin("teacher");
        let show = |done, total| progress.show(done, total);
        let how = EmbedRun {
            detection: None,
            stop,
            progress: &show,
            limits: Limits::default(),
            threads: 0,
            cache: None,
            batch: None,
            say: &|line| say(line),
        };
        let (table, skipped) = embed(&items, embedder.as_ref(), &how)?;
        progress.end(items.len(), "faces");
        say_skipped(&skipped, None);
        table.save(&file)?;
        table
    };
    ensure!(
        table.model().fingerprint == embedder.spec().fingerprint,
        "{}: made by another teacher than {name}",
        file.display()
    );
    in_order(&table, faces, folder)
}

fn place_of(face: &Path, folder: &Path) -> String {
    display_name(face.strip_prefix(folder).unwrap_or(face))
}

fn in_order(table: &EmbeddingTable, faces: TrainingFaces, folder: &Path) -> anyhow::Result<TrainingFaces> {
    let rows: HashMap<&str, usize> =
        table.rows().iter().enumerate().map(|(i, row)| (row.name.as_str(), i)).collect();
    let dim = table.dimension();
    let mut values = Vec::with_capacity(faces.train.len() * dim);
    for face in &faces.train {
        let name = place_of(&face.path, folder);
        let row =
            rows.get(name.as_str()).with_context(|| format!("{name}: the teacher has no embedding of it"))?;
        values.extend_from_slice(table.embedding(*row));
    }
    Ok(faces.with_teacher(dim, values)?)
}
