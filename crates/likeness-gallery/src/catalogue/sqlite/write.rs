//! Changes what is stored, each change in one transaction.

use std::collections::HashMap;

use likeness_search::{ModelTag, Thresholds};
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};

use super::open::database;
use super::row::{
    PHOTO_COLUMNS, box_text, embedding_id, embedding_range, file_checksum, item as read_item, item_checksum,
    landmarks_text, photo as read_photo, photo_checksum, vector_checksum,
};
use super::{SqliteCatalogue, description};
use crate::assignment::assign;
use crate::catalogue::{
    Assignment, FileKey, Item, Label, ModelState, NewItem, NewPhoto, Photo, PhotoState, ReadCatalogue,
    WriteCatalogue,
};
use crate::decision::{Change, Decision};
use crate::people::People;
use crate::rect::Rect;
use crate::{DecisionId, GalleryError, ItemId, ModelId, PhotoId, Result, RootId};

/// Least overlap (intersection over union) of two boxes of one face.
const SAME_FACE: f64 = 0.4;

impl SqliteCatalogue {
    /// Makes a change in a transaction, which is stored entirely or not at all.
    fn change<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let Self { connection, path } = self;
        let err = |error| database(path, error);
        let transaction =
            connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(err)?;
        let done = work(&transaction)?;
        transaction.commit().map_err(err)?;
        Ok(done)
    }

    /// As [`change`](Self::change), for work that only the database can fail.
    fn store<T>(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let path = self.path.clone();
        self.change(|transaction| work(transaction).map_err(|error| database(&path, error)))
    }

    /// Fails if a vector has another dimension than the embeddings of the model, or a value that is not finite.
    fn check_new_vectors<'a>(&self, model: ModelId, vectors: impl Iterator<Item = &'a [f32]>) -> Result<()> {
        let known = self.models()?.into_iter().find(|known| known.id == model);
        let expected = known.map_or(0, |known| known.tag.dimension);
        for vector in vectors {
            let reason = if vector.len() != expected {
                format!("an embedding: expected {expected} values, found {}", vector.len())
            } else if vector.iter().any(|value| !value.is_finite()) {
                "an embedding has a value that is not finite".to_owned()
            } else {
                continue;
            };
            let hint = "embed the photo with the model of the gallery".into();
            return Err(GalleryError::BadArgument { reason, hint });
        }
        Ok(())
    }

    /// Copies the gallery to `path`, as it is at one moment, while others go on writing.
    ///
    /// # Errors        a file that cannot be written
    pub fn copy_to(&self, path: &std::path::Path) -> Result<()> {
        let err = |error| self.error(error);
        let mut copy = Connection::open(path).map_err(|error| database(path, error))?;
        {
            let backup = rusqlite::backup::Backup::new(&self.connection, &mut copy).map_err(err)?;
            backup.run_to_completion(1000, std::time::Duration::ZERO, None).map_err(err)?;
        }
        copy.close().map_err(|(_, error)| database(path, error))?;
        fs_err::File::open(path)?.sync_all()?;
        Ok(())
    }
}

fn put_photo(transaction: &Transaction<'_>, model: ModelId, new: &NewPhoto) -> rusqlite::Result<PhotoId> {
    let sql = format!("SELECT {PHOTO_COLUMNS} FROM photo WHERE sha256 = ?");
    let known = transaction.prepare_cached(&sql)?.query_row([&new.sha256], read_photo).optional()?;
    let id = match &known {
        Some(photo) => photo.id,
        None => PhotoId(next_id(transaction, "photo")?),
    };
    let photo = Photo {
        id,
        sha256: new.sha256.clone(),
        bytes: new.file.bytes,
        width: new.width,
        height: new.height,
        taken: new.taken.clone(),
        state: if new.unreadable.is_some() { PhotoState::Unreadable } else { PhotoState::Present },
        reason: new.unreadable.clone().unwrap_or_default(),
    };
    let sql = "INSERT INTO photo (id, sha256, bytes, width, height, taken, state, reason, added, checksum) VALUES (?1, ?2, ?3, \
        ?4, ?5, ?6, ?7, ?8, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), ?9) ON CONFLICT (id) DO UPDATE SET bytes = ?3, width = ?4, \
        height = ?5, taken = ?6, state = ?7, reason = ?8, checksum = ?9";
    transaction.prepare_cached(sql)?.execute(params![
        id.0,
        photo.sha256,
        photo.bytes,
        photo.width,
        photo.height,
        photo.taken,
        photo.state.name(),
        photo.reason,
        photo_checksum(&photo)
    ])?;
    put_file(transaction, id, &new.file)?;
    put_items(transaction, model, id, &new.items)?;
    for (name, value) in &new.attributes {
        put_attribute(transaction, id, name, value)?;
    }
    Ok(id)
}

/// The number of the next row of a table that never uses a number twice.
fn next_id(transaction: &Transaction<'_>, table: &str) -> rusqlite::Result<i64> {
    let sql = "SELECT seq FROM sqlite_sequence WHERE name = ?";
    let last = transaction.prepare_cached(sql)?.query_row([table], |row| row.get::<_, i64>(0)).optional()?;
    Ok(last.unwrap_or(0) + 1)
}

fn put_file(transaction: &Transaction<'_>, photo: PhotoId, file: &FileKey) -> rusqlite::Result<()> {
    let sql = "INSERT INTO photo_path (root, path, photo, bytes, modified_ns, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON \
        CONFLICT (root, path) DO UPDATE SET photo = ?3, bytes = ?4, modified_ns = ?5, checksum = ?6";
    let values =
        params![file.root.0, file.path, photo.0, file.bytes, file.modified_ns, file_checksum(photo, file)];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn put_attribute(
    transaction: &Transaction<'_>,
    photo: PhotoId,
    name: &str,
    value: &str,
) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO attribute (photo, name, value) VALUES (?, ?, ?)";
    transaction.prepare_cached(sql)?.execute(params![photo.0, name.to_lowercase(), value])?;
    Ok(())
}

/// Stores the items of a photo. A known item with nearly the same box keeps its number, and with it what was decided about it.
fn put_items(
    transaction: &Transaction<'_>,
    model: ModelId,
    photo: PhotoId,
    new: &[NewItem],
) -> rusqlite::Result<()> {
    let columns = super::row::ITEM_COLUMNS;
    let sql = format!("SELECT {columns} FROM item WHERE photo = ? ORDER BY face");
    let known: Vec<Item> = transaction
        .prepare_cached(&sql)?
        .query_map([photo.0], read_item)?
        .collect::<rusqlite::Result<_>>()?;
    let matches = matching(&known, new);
    let mut free = known.iter().map(|item| item.face + 1).max().unwrap_or(0);
    for (new, same) in new.iter().zip(matches) {
        let (id, face) = match same {
            Some(at) => (known[at].id, known[at].face),
            None => {
                free += 1;
                (ItemId(next_id(transaction, "item")?), free - 1)
            }
        };
        let NewItem { face_box, landmarks, score, quality, vector } = new;
        let (face_box, landmarks, score, quality) = (*face_box, *landmarks, *score, *quality);
        let item = Item { id, photo, face, face_box, landmarks, score, quality };
        let sql = "INSERT INTO item (id, photo, face, box, landmarks, score, quality, checksum) VALUES (?1, ?2, ?3, ?4, ?5, ?6, \
            ?7, ?8) ON CONFLICT (id) DO UPDATE SET box = ?4, landmarks = ?5, score = ?6, quality = ?7, checksum = ?8";
        transaction.prepare_cached(sql)?.execute(params![
            id.0,
            photo.0,
            face,
            face_box.map(|b| box_text(&b)),
            landmarks.map(|l| landmarks_text(&l)),
            score,
            quality,
            item_checksum(&item)
        ])?;
        put_vector(transaction, model, id, vector)?;
    }
    Ok(())
}

/// For each new item the known item that it is.
fn matching(known: &[Item], new: &[NewItem]) -> Vec<Option<usize>> {
    let gain = |new: &NewItem, known: &Item| {
        let overlap = match (new.face_box, known.face_box) {
            (Some(a), Some(b)) => rect(a).overlap(rect(b)),
            (None, None) => 1.0,
            _ => 0.0,
        };
        if overlap >= SAME_FACE { overlap } else { 0.0 }
    };
    if known.is_empty() {
        return vec![None; new.len()];
    }
    let gains: Vec<f64> =
        new.iter().flat_map(|new| known.iter().map(move |known| gain(new, known))).collect();
    assign(&gains, known.len())
}

/// A box in pixels; overlaps do not depend on the unit.
fn rect([left, top, width, height]: [i32; 4]) -> Rect {
    let [left, top, width, height] = [left, top, width, height].map(f64::from);
    Rect { left, top, width, height }
}

fn put_vector(
    transaction: &Transaction<'_>,
    model: ModelId,
    item: ItemId,
    vector: &[f32],
) -> rusqlite::Result<()> {
    let bytes: Vec<u8> = vector.iter().flat_map(|value| value.to_le_bytes()).collect();
    let id = embedding_id(model, item);
    let sql = "INSERT OR REPLACE INTO embedding (id, checksum, vector) VALUES (?, ?, ?)";
    transaction.prepare_cached(sql)?.execute(params![id, vector_checksum(id, &bytes), bytes])?;
    Ok(())
}

/// Counts a change to the embeddings of a model, or of all.
fn changed_vectors(transaction: &Transaction<'_>, model: Option<ModelId>) -> rusqlite::Result<()> {
    let sql = "UPDATE model SET revision = revision + 1 WHERE id = ?1 OR ?1 IS NULL";
    transaction.prepare_cached(sql)?.execute([model.map(|model| model.0)])?;
    Ok(())
}

fn set_state(transaction: &Transaction<'_>, photo: PhotoId, state: PhotoState) -> rusqlite::Result<()> {
    let sql = format!("SELECT {PHOTO_COLUMNS} FROM photo WHERE id = ?");
    let known = transaction.prepare_cached(&sql)?.query_row([photo.0], read_photo).optional()?;
    let Some(known) = known else { return Ok(()) };
    let changed = Photo { state, ..known };
    let sql = "UPDATE photo SET state = ?, checksum = ? WHERE id = ?";
    transaction.prepare_cached(sql)?.execute(params![state.name(), photo_checksum(&changed), photo.0])?;
    Ok(())
}

/// The state of a photo without a file. One that was removed stays so.
fn set_missing(transaction: &Transaction<'_>, photo: PhotoId) -> rusqlite::Result<()> {
    let sql = "SELECT state FROM photo WHERE id = ?";
    let state: String = transaction.prepare_cached(sql)?.query_row([photo.0], |row| row.get(0))?;
    if state == "removed" { Ok(()) } else { set_state(transaction, photo, PhotoState::Missing) }
}

/// The state of a photo that has a file again.
fn set_present(transaction: &Transaction<'_>, photo: PhotoId) -> rusqlite::Result<()> {
    let sql = "SELECT state, reason FROM photo WHERE id = ?";
    let (state, reason): (String, String) =
        transaction.prepare_cached(sql)?.query_row([photo.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if state == "missing" {
        let state = if reason.is_empty() { PhotoState::Present } else { PhotoState::Unreadable };
        set_state(transaction, photo, state)?;
    }
    Ok(())
}

/// The checksum of a decision, which includes that of the decision before it.
pub(super) fn chain(before: &[u8], decision: &Decision, change: &str) -> Vec<u8> {
    let text = format!("{}\n{}\n{}\n{change}", decision.id, decision.time, decision.actor);
    likeness_artifact::sha256_hex(&[before, text.as_bytes()].concat()).into_bytes()
}

/// Writes the people of the log to their table, which filters use.
fn put_people(transaction: &Transaction<'_>, people: &People) -> rusqlite::Result<()> {
    let sql = "INSERT INTO person (id, name, hidden, born) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO UPDATE SET name = ?2, \
        hidden = ?3, born = ?4";
    let mut statement = transaction.prepare_cached(sql)?;
    for person in people.persons() {
        statement.execute(params![person.id.0, person.name, person.hidden, person.born])?;
    }
    Ok(())
}

impl WriteCatalogue for SqliteCatalogue {
    fn add_root(&mut self, path: &str, is_whole: bool) -> Result<RootId> {
        self.store(|transaction| {
            let sql = "INSERT INTO root (path, is_whole) VALUES (?1, ?2) ON CONFLICT (path) DO UPDATE SET is_whole = max(is_whole, ?2)";
            transaction.execute(sql, params![path, is_whole])?;
            transaction.query_row("SELECT id FROM root WHERE path = ?", [path], |row| row.get(0)).map(RootId)
        })
    }

    fn put_photos(&mut self, model: ModelId, photos: &[NewPhoto]) -> Result<Vec<PhotoId>> {
        let vectors = photos.iter().flat_map(|photo| &photo.items).map(|item| item.vector.as_slice());
        self.check_new_vectors(model, vectors)?;
        self.store(|transaction| {
            changed_vectors(transaction, Some(model))?;
            photos.iter().map(|photo| put_photo(transaction, model, photo)).collect()
        })
    }

    fn put_files(&mut self, files: &[(PhotoId, FileKey)]) -> Result<()> {
        self.store(|transaction| {
            files.iter().try_for_each(|(photo, file)| {
                put_file(transaction, *photo, file)?;
                set_present(transaction, *photo)
            })
        })
    }

    fn drop_files(&mut self, root: RootId, paths: &[String]) -> Result<()> {
        self.store(|transaction| {
            for path in paths {
                let sql = "DELETE FROM photo_path WHERE root = ? AND path = ? RETURNING photo";
                let photo = transaction
                    .prepare_cached(sql)?
                    .query_row(params![root.0, path], |row| row.get(0).map(PhotoId))
                    .optional()?;
                let Some(photo) = photo else { continue };
                let sql = "SELECT EXISTS (SELECT 1 FROM photo_path WHERE photo = ?)";
                if !transaction.prepare_cached(sql)?.query_row([photo.0], |row| row.get::<_, bool>(0))? {
                    set_missing(transaction, photo)?;
                }
            }
            Ok(())
        })
    }

    fn remove_photos(&mut self, photos: &[PhotoId]) -> Result<()> {
        self.store(|transaction| {
            let models: Vec<i64> = transaction
                .prepare("SELECT id FROM model")?
                .query_map([], |row| row.get(0))?
                .collect::<rusqlite::Result<_>>()?;
            changed_vectors(transaction, None)?;
            for photo in photos {
                transaction.prepare_cached("DELETE FROM attribute WHERE photo = ?")?.execute([photo.0])?;
                let items: Vec<ItemId> = transaction
                    .prepare_cached("SELECT id FROM item WHERE photo = ?")?
                    .query_map([photo.0], |row| row.get(0).map(ItemId))?
                    .collect::<rusqlite::Result<_>>()?;
                for item in items {
                    for model in &models {
                        let id = embedding_id(ModelId(*model), item);
                        transaction.prepare_cached("DELETE FROM embedding WHERE id = ?")?.execute([id])?;
                    }
                }
                set_state(transaction, *photo, PhotoState::Removed)?;
            }
            Ok(())
        })
    }

    fn put_attributes(&mut self, photo: PhotoId, attributes: &[(String, String)]) -> Result<()> {
        self.store(|transaction| {
            attributes.iter().try_for_each(|(name, value)| put_attribute(transaction, photo, name, value))
        })
    }

    fn append(&mut self, actor: &str, change: &Change) -> Result<Decision> {
        let path = self.path.clone();
        let log = self.decisions()?;
        let text = serde_json::to_string(change).map_err(|error| self.damaged(error))?;
        self.change(|transaction| {
            let err = |error| database(&path, error);
            let sql = "SELECT id, chain FROM decision ORDER BY id DESC LIMIT 1";
            let last: Option<(i64, Vec<u8>)> = transaction
                .query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
                .map_err(err)?;
            let (last, before) = last.unwrap_or_default();
            if log.last().map_or(0, |decision| decision.id.0) != last {
                return Err(GalleryError::BadArgument {
                    reason: "another process decided something at the same time".into(),
                    hint: "try again".into(),
                });
            }
            let sql = "SELECT strftime('%Y-%m-%dT%H:%M:%SZ', 'now')";
            let time: String = transaction.query_row(sql, [], |row| row.get(0)).map_err(err)?;
            let change = change.clone();
            let decision = Decision { id: DecisionId(last + 1), time, actor: actor.to_owned(), change };
            let mut log = log;
            log.push(decision.clone());
            let people = People::replay(&log)?;
            let link = chain(&before, &decision, &text);
            let row = params![decision.id.0, decision.time, decision.actor, text, link];
            transaction.execute("INSERT INTO decision VALUES (?, ?, ?, ?, ?)", row).map_err(err)?;
            put_people(transaction, &people).map_err(err)?;
            Ok(decision)
        })
    }

    fn put_assignments(&mut self, upto: Option<DecisionId>, assignments: &[Assignment]) -> Result<usize> {
        let path = self.path.clone();
        let known: HashMap<ItemId, Assignment> =
            self.assignments()?.into_iter().map(|assignment| (assignment.item, assignment)).collect();
        self.change(|transaction| {
            let err = |error| database(&path, error);
            let last: Option<i64> =
                transaction.query_row("SELECT max(id) FROM decision", [], |row| row.get(0)).map_err(err)?;
            if last != upto.map(|id| id.0) {
                return Err(GalleryError::BadArgument {
                    reason: "another process decided something at the same time".into(),
                    hint: "try again".into(),
                });
            }
            put_all(transaction, known, assignments).map_err(err)
        })
    }

    fn put_clusters(&mut self, key: &str, clusters: &[(ItemId, u32)]) -> Result<()> {
        self.store(|transaction| {
            transaction.execute("DELETE FROM cluster", [])?;
            let mut statement = transaction.prepare_cached("INSERT INTO cluster VALUES (?, ?)")?;
            for (item, cluster) in clusters {
                statement.execute(params![item.0, cluster])?;
            }
            transaction.execute("INSERT OR REPLACE INTO meta VALUES ('clusters', ?)", [key])?;
            Ok(())
        })
    }

    fn add_model(&mut self, tag: &ModelTag, source: &str, detector: &str) -> Result<ModelId> {
        let text = description::write(tag).map_err(|error| self.damaged(error))?;
        self.store(|transaction| {
            // The first model is active at once. Another process may add the same model at the same time.
            let sql = "INSERT INTO model (fingerprint, description, source, detector, state) SELECT ?1, ?2, ?3, ?4, CASE WHEN EXISTS \
                (SELECT 1 FROM model) THEN 'building' ELSE 'active' END WHERE true ON CONFLICT (fingerprint) DO NOTHING";
            transaction.execute(sql, params![tag.fingerprint, text, source, detector])?;
            let sql = "SELECT id FROM model WHERE fingerprint = ?";
            transaction.query_row(sql, [&tag.fingerprint], |row| row.get(0)).map(ModelId)
        })
    }

    fn put_vectors(&mut self, model: ModelId, items: &[ItemId], vectors: &[f32]) -> Result<()> {
        let dimension = vectors.len() / items.len().max(1);
        self.check_new_vectors(model, vectors.chunks(dimension.max(1)))?;
        self.store(|transaction| {
            changed_vectors(transaction, Some(model))?;
            let mut rows = items.iter().zip(vectors.chunks_exact(dimension.max(1)));
            rows.try_for_each(|(item, vector)| put_vector(transaction, model, *item, vector))
        })
    }

    fn put_thresholds(&mut self, model: ModelId, thresholds: &Thresholds) -> Result<()> {
        let known = self.models()?.into_iter().find(|known| known.id == model);
        let Some(known) = known else {
            return Err(GalleryError::BadArgument {
                reason: format!("there is no model {model}"),
                hint: "list the models with gallery stats".into(),
            });
        };
        let tag = ModelTag { thresholds: thresholds.clone(), ..known.tag };
        let text = description::write(&tag).map_err(|error| self.damaged(error))?;
        self.store(|transaction| {
            transaction.execute("UPDATE model SET description = ? WHERE id = ?", params![text, model.0])?;
            Ok(())
        })
    }

    fn activate(&mut self, model: ModelId) -> Result<()> {
        self.store(|transaction| {
            transaction.execute("UPDATE model SET state = 'retired' WHERE state = 'active'", [])?;
            transaction.execute("UPDATE model SET state = 'active' WHERE id = ?", [model.0])?;
            Ok(())
        })
    }

    fn drop_model(&mut self, model: ModelId) -> Result<()> {
        let is_active = self.models()?.iter().any(|m| m.id == model && m.state == ModelState::Active);
        if is_active {
            return Err(GalleryError::BadArgument {
                reason: format!("model {model} is the one that searches use"),
                hint: "migrate to another model first".into(),
            });
        }
        let (from, before) = embedding_range(model);
        self.store(|transaction| {
            transaction.execute("DELETE FROM embedding WHERE id >= ? AND id < ?", [from, before])?;
            transaction.execute("DELETE FROM model WHERE id = ?", [model.0])?;
            Ok(())
        })
    }
}

fn put_all(
    transaction: &Transaction<'_>,
    mut known: HashMap<ItemId, Assignment>,
    assignments: &[Assignment],
) -> rusqlite::Result<usize> {
    let mut changed = 0;
    let sql =
        "INSERT OR REPLACE INTO assignment (item, label, person, origin, distance) VALUES (?, ?, ?, ?, ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    for assignment in assignments {
        if known.remove(&assignment.item).as_ref() == Some(assignment) {
            continue;
        }
        changed += 1;
        let (label, person, origin, distance) = match assignment.label {
            Label::Person { person, origin, distance } => {
                ("person", Some(person), Some(origin.name()), distance)
            }
            Label::Suggested { person, distance, verdict } => {
                ("suggested", Some(person), Some(verdict.name()), Some(distance))
            }
            Label::NotAFace => ("not-a-face", None, None, None),
            Label::Ignored => ("ignored", None, None, None),
        };
        let person = person.map(|person| person.0);
        statement.execute(params![assignment.item.0, label, person, origin, distance])?;
    }
    for item in known.keys() {
        changed += 1;
        transaction.prepare_cached("DELETE FROM assignment WHERE item = ?")?.execute([item.0])?;
    }
    Ok(changed)
}
