//! Embeds the training faces with a teacher, and stores the embeddings in the run folder.

use std::collections::HashMap;
use std::path::Path;

use likeness_data::limits::Limits;
use likeness_data::photos::display_name;
use likeness_embed::embed::{EmbedItem, EmbedRun, embed};
use likeness_embed::{Embedder, FlipEmbedder, load_embedder};
use likeness_search::{EmbeddingTable, Row};
use likeness_train::train::folder::TEACHER;
use likeness_train::train::{RunFolder, TrainingFaces};
use likeness_train::{SettingDifference, TrainError};

use super::built_in::folder_in;
use crate::context::Context;
use crate::{Result, invalid};

/// Name, in `run.toml`, of the built-in model that the run starts from, which lies in the run folder.
pub(super) const STARTING_NETWORK: &str = "the starting network";

/// Inputs of [`ask`].
pub(super) struct Question<'a> {
    /// Teacher model, as given in the options.
    pub(super) name: &'a str,
    /// Teacher recorded by the run to continue.
    pub(super) recorded: Option<&'a str>,
    /// Folder of the dataset.
    pub(super) dataset: &'a Path,
    pub(super) context: Context<'a>,
}

/// Adds the embeddings of the teacher to the training faces.
///
/// The run folder stores them by the paths of the faces within the dataset, so that a run can be continued under another
/// path of the dataset.
pub(super) fn ask(question: &Question<'_>, faces: TrainingFaces, run: &RunFolder) -> Result<TrainingFaces> {
    let Question { name, recorded, dataset, .. } = question;
    let embedder = match *name {
        // A network that learns its own mean over a face and its mirror image improves without labels.
        STARTING_NETWORK => {
            let start = folder_in(run.path()).display().to_string();
            Box::new(FlipEmbedder::new(load_embedder(&start, &Default::default())?))
        }
        name => load_embedder(name, &Default::default())?,
    };
    let file = run.path().join(TEACHER);
    let table = match recorded {
        Some(recorded) if file.exists() => {
            let table = EmbeddingTable::load(&file)?;
            if table.model().fingerprint != embedder.spec().fingerprint {
                let difference = SettingDifference {
                    setting: "teacher".to_owned(),
                    run: (*recorded).to_owned(),
                    given: format!("{name}, which is another model"),
                };
                let path = run.path().to_owned();
                return Err(TrainError::OtherSettings { path, differences: vec![difference] }.into());
            }
            table
        }
        // A file without a recorded teacher comes from a run that never started, and may belong to other photos.
        _ => embed_all(question, embedder.as_ref(), &faces, &file)?,
    };
    in_order(&table, faces, dataset)
}

fn embed_all(
    question: &Question<'_>,
    embedder: &dyn Embedder,
    faces: &TrainingFaces,
    file: &Path,
) -> Result<EmbeddingTable> {
    let Question { dataset, context, .. } = *question;
    let item = |face: &likeness_train::loader::FaceFile| {
        EmbedItem::new(face.path.clone(), Row::new(place_of(&face.path, dataset)))
    };
    let items: Vec<EmbedItem> = faces.train.iter().map(item).collect();
    let progress = context.stage("teacher");
    let show = |done, total| progress.show(done, total);
    let how = EmbedRun {
        detection: None,
        stop: context.stop,
        progress: &show,
        limits: Limits::default(),
        threads: 0,
        cache: None,
        batch: None,
        say: &|_| {},
    };
    let (table, skipped) = embed(&items, embedder, &how)?;
    progress.end(items.len(), "faces");
    context.skipped(&skipped);
    table.save(file)?;
    Ok(table)
}

fn place_of(face: &Path, folder: &Path) -> String {
    display_name(face.strip_prefix(folder).unwrap_or(face))
}

fn in_order(table: &EmbeddingTable, faces: TrainingFaces, folder: &Path) -> Result<TrainingFaces> {
    let rows: HashMap<&str, usize> =
        table.rows().iter().enumerate().map(|(i, row)| (row.name.as_str(), i)).collect();
    let dim = table.dimension();
    let mut values = Vec::with_capacity(faces.train.len() * dim);
    for face in &faces.train {
        let name = place_of(&face.path, folder);
        let row = rows.get(name.as_str()).ok_or_else(|| {
            invalid(
                format!("{name}: the teacher has no embedding of it"),
                "start a new run in another folder, so that the teacher embeds all faces",
            )
        })?;
        values.extend_from_slice(table.embedding(*row));
    }
    Ok(faces.with_teacher(dim, values)?)
}
