//! Answers questions.

use std::collections::HashMap;

use likeness_search::Verdict;
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params, params_from_iter};

use super::row::{
    FILE_COLUMNS, ITEM_COLUMNS, PHOTO_COLUMNS, embedding_id, embedding_range, file, item, photo,
    vector_checksum,
};
use super::{SqliteCatalogue, description};
use crate::catalogue::{
    Assignment, Counts, Filter, FilterValue, GalleryInfo, ItemKind, ItemRow, Label, ModelState, Origin,
    Photo, PhotoFile, ReadCatalogue, Root, StoredModel, VectorState,
};
use crate::decision::Decision;
use crate::{DecisionId, GalleryError, ItemId, ModelId, PersonId, PhotoId, Result, RootId};

/// The tables of a condition on items.
const ITEM_TABLES: &str =
    "item JOIN photo ON photo.id = item.photo LEFT JOIN assignment ON assignment.item = item.id";
/// Items that a search may find.
const LIVE: &str = "photo.state = 'present' AND IFNULL(assignment.label, '') <> 'not-a-face'";

impl SqliteCatalogue {
    /// All rows of a query.
    pub(super) fn all<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>> {
        let rows = || -> rusqlite::Result<Vec<T>> {
            self.connection.prepare_cached(sql)?.query_map(parameters, row)?.collect()
        };
        rows().map_err(|error| self.error(error))
    }

    fn one<T>(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        let found = || self.connection.prepare_cached(sql)?.query_row(parameters, row).optional();
        found().map_err(|error| self.error(error))
    }

    pub(super) fn damaged(&self, what: impl std::fmt::Display) -> GalleryError {
        GalleryError::BadGallery {
            path: self.path.clone(),
            reason: format!("damaged: {what}"),
            hint: "see `likeness gallery verify`, and restore the copy that `likeness gallery backup` made"
                .into(),
        }
    }

    /// Whether there are items that a search may not find, although they have embeddings.
    pub(crate) fn has_hidden_items(&self) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM photo WHERE state IN ('missing', 'unreadable')) OR EXISTS (SELECT 1 FROM assignment \
            WHERE label = 'not-a-face')";
        Ok(self.one(sql, [], |row| row.get(0))?.unwrap_or(false))
    }

    fn meta(&self, key: &str) -> Result<String> {
        self.one("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0))?
            .ok_or_else(|| self.damaged(format!("the value {key} is missing")))
    }
}

fn condition(filter: Option<&Filter>) -> (String, Vec<Value>) {
    let Some(filter) = filter else { return ("1".to_owned(), Vec::new()) };
    let (sql, values) = filter.sql();
    let values = values.into_iter().map(|value| match value {
        FilterValue::Number(number) => Value::Real(number),
        FilterValue::Text(text) => Value::Text(text),
    });
    (sql, values.collect())
}

fn origin(name: &str) -> Origin {
    name.parse().unwrap_or(Origin::Automatic)
}

/// Columns of [`item_row`], in order.
fn item_row_columns() -> String {
    format!(
        "{ITEM_COLUMNS}, photo.sha256, photo.taken, assignment.label, assignment.person, assignment.origin, \
         assignment.distance, (SELECT root.path || '/' || photo_path.path FROM photo_path JOIN root ON root.id = \
         photo_path.root WHERE photo_path.photo = photo.id ORDER BY 1 LIMIT 1)"
    )
}

fn item_row(row: &Row<'_>) -> rusqlite::Result<ItemRow> {
    let label: Option<String> = row.get(9)?;
    let is_person = label.as_deref() == Some("person");
    let (person, origin_name): (Option<i64>, Option<String>) = (row.get(10)?, row.get(11)?);
    Ok(ItemRow {
        item: item(row)?,
        sha256: row.get(7)?,
        taken: row.get(8)?,
        person: person.filter(|_| is_person).map(PersonId),
        origin: origin_name.filter(|_| is_person).map(|name| origin(&name)),
        distance: row.get::<_, Option<f32>>(12)?.filter(|_| is_person),
        path: row.get::<_, Option<String>>(13)?.unwrap_or_default(),
    })
}

fn label(row: &Row<'_>) -> rusqlite::Result<Assignment> {
    let name: String = row.get(1)?;
    let person = PersonId(row.get::<_, Option<i64>>(2)?.unwrap_or_default());
    let from: Option<String> = row.get(3)?;
    let distance: Option<f32> = row.get(4)?;
    let from = from.unwrap_or_default();
    let label = match name.as_str() {
        "person" => Label::Person { person, origin: origin(&from), distance },
        "suggested" => {
            let verdict = if from == Verdict::Same.name() { Verdict::Same } else { Verdict::Possible };
            Label::Suggested { person, distance: distance.unwrap_or_default(), verdict }
        }
        "not-a-face" => Label::NotAFace,
        _ => Label::Ignored,
    };
    Ok(Assignment { item: ItemId(row.get(0)?), label })
}

impl ReadCatalogue for SqliteCatalogue {
    fn info(&self) -> Result<GalleryInfo> {
        let kind = match self.meta("kind")?.as_str() {
            "pictures" => ItemKind::Pictures,
            _ => ItemKind::Faces,
        };
        let version = self.connection.pragma_query_value(None, "user_version", |row| row.get(0));
        Ok(GalleryInfo {
            uuid: self.meta("uuid")?,
            kind,
            created: self.meta("created")?,
            version: version.map_err(|error| self.error(error))?,
        })
    }

    fn models(&self) -> Result<Vec<StoredModel>> {
        let sql = "SELECT id, description, source, detector, state FROM model ORDER BY id";
        let rows = self.all(sql, [], |row| {
            let state: String = row.get(4)?;
            let state = match state.as_str() {
                "building" => ModelState::Building,
                "active" => ModelState::Active,
                _ => ModelState::Retired,
            };
            Ok((ModelId(row.get(0)?), row.get::<_, String>(1)?, row.get(2)?, row.get(3)?, state))
        })?;
        let model = |(id, text, source, detector, state): (ModelId, String, String, String, ModelState)| {
            let tag =
                description::read(&text).map_err(|error| self.damaged(format!("model {id}: {error}")))?;
            Ok(StoredModel { id, tag, source, detector, state })
        };
        rows.into_iter().map(model).collect()
    }

    fn roots(&self) -> Result<Vec<Root>> {
        self.all("SELECT id, path, is_whole FROM root ORDER BY path", [], |row| {
            Ok(Root { id: RootId(row.get(0)?), path: row.get(1)?, is_whole: row.get(2)? })
        })
    }

    fn files(&self, root: RootId) -> Result<HashMap<String, PhotoFile>> {
        let sql = format!("SELECT {FILE_COLUMNS} FROM photo_path WHERE root = ?");
        let found = self.all(&sql, [root.0], file)?;
        Ok(found.into_iter().map(|(photo, file)| (file.path.clone(), PhotoFile { photo, file })).collect())
    }

    fn files_of(&self, photos: &[PhotoId]) -> Result<HashMap<PhotoId, Vec<PhotoFile>>> {
        let sql = format!("SELECT {FILE_COLUMNS} FROM photo_path WHERE photo = ? ORDER BY root, path");
        let mut found = HashMap::with_capacity(photos.len());
        for &photo in photos {
            let files = self.all(&sql, [photo.0], file)?;
            let files = files.into_iter().map(|(photo, file)| PhotoFile { photo, file }).collect();
            found.insert(photo, files);
        }
        Ok(found)
    }

    fn photos(&self, filter: Option<&Filter>) -> Result<Vec<Photo>> {
        let (condition, values) = condition(filter);
        let tables =
            "photo LEFT JOIN item ON item.photo = photo.id LEFT JOIN assignment ON assignment.item = item.id";
        let sql = match filter {
            None => format!("SELECT {PHOTO_COLUMNS} FROM photo ORDER BY photo.id"),
            Some(_) => {
                format!("SELECT DISTINCT {PHOTO_COLUMNS} FROM {tables} WHERE {condition} ORDER BY photo.id")
            }
        };
        self.all(&sql, params_from_iter(values), photo)
    }

    fn items(&self, filter: Option<&Filter>) -> Result<Vec<ItemRow>> {
        let (condition, values) = condition(filter);
        let columns = item_row_columns();
        let sql = format!(
            "SELECT {columns} FROM {ITEM_TABLES} WHERE photo.state = 'present' AND {condition} ORDER BY item.id"
        );
        self.all(&sql, params_from_iter(values), item_row)
    }

    fn item_ids(&self, filter: Option<&Filter>) -> Result<Vec<ItemId>> {
        let (condition, values) = condition(filter);
        let sql = format!("SELECT item.id FROM {ITEM_TABLES} WHERE {LIVE} AND {condition} ORDER BY item.id");
        self.all(&sql, params_from_iter(values), |row| Ok(ItemId(row.get(0)?)))
    }

    fn items_by_id(&self, items: &[ItemId]) -> Result<Vec<ItemRow>> {
        let sql = format!("SELECT {} FROM {ITEM_TABLES} WHERE item.id = ?", item_row_columns());
        let mut rows = Vec::with_capacity(items.len());
        for item in items {
            rows.extend(self.one(&sql, [item.0], item_row)?);
        }
        Ok(rows)
    }

    fn vectors(&self, model: ModelId, items: &[ItemId], into: &mut Vec<f32>) -> Result<()> {
        let mut read = || -> rusqlite::Result<Option<String>> {
            let mut statement =
                self.connection.prepare_cached("SELECT checksum, vector FROM embedding WHERE id = ?")?;
            for &item in items {
                let id = embedding_id(model, item);
                let mut rows = statement.query([id])?;
                let Some(row) = rows.next()? else {
                    return Ok(Some(format!("item {item} has no embedding")));
                };
                let vector = row.get_ref(1)?.as_blob()?;
                if row.get::<_, i64>(0)? != vector_checksum(id, vector) {
                    return Ok(Some(format!("the embedding of item {item} has another checksum")));
                }
                let values = vector.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes));
                into.extend(values);
            }
            Ok(None)
        };
        match read().map_err(|error| self.error(error))? {
            None => Ok(()),
            Some(fault) => Err(self.damaged(fault)),
        }
    }

    fn vector_state(&self, model: ModelId) -> Result<VectorState> {
        let revision = self.vector_revision(model)?;
        let is_active = self
            .one("SELECT state = 'active' FROM model WHERE id = ?", [model.0], |row| row.get::<_, bool>(0))?
            .unwrap_or(false);
        // Every item that was not removed has an embedding by the active model. Rows of items are much smaller.
        let sql = match is_active {
            true => {
                "SELECT item.id FROM item JOIN photo ON photo.id = item.photo WHERE photo.state <> 'removed' AND ?1 <> ?2 ORDER \
                 BY item.id"
            }
            false => "SELECT id FROM embedding WHERE id >= ?1 AND id < ?2 ORDER BY id",
        };
        let (from, before) = embedding_range(model);
        let items = self.all(sql, params![from, before], |row| Ok(super::row::item_of(row.get(0)?)))?;
        Ok(VectorState { revision, items })
    }

    fn vector_revision(&self, model: ModelId) -> Result<u64> {
        let revision = self.one("SELECT revision FROM model WHERE id = ?", [model.0], |row| row.get(0))?;
        Ok(revision.unwrap_or_default())
    }

    fn decisions(&self) -> Result<Vec<Decision>> {
        let sql = "SELECT id, time, actor, change FROM decision ORDER BY id";
        let rows = self.all(sql, [], |row| {
            Ok((DecisionId(row.get(0)?), row.get(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })?;
        let decision = |(id, time, actor, text): (DecisionId, String, String, String)| {
            let change = serde_json::from_str(&text)
                .map_err(|error| self.damaged(format!("decision {id}: {error}")))?;
            Ok(Decision { id, time, actor, change })
        };
        rows.into_iter().map(decision).collect()
    }

    fn assignments(&self) -> Result<Vec<Assignment>> {
        self.all("SELECT item, label, person, origin, distance FROM assignment ORDER BY item", [], label)
    }

    fn clusters(&self, key: &str) -> Result<Vec<(ItemId, u32)>> {
        let sql = "SELECT item, cluster FROM cluster WHERE EXISTS (SELECT 1 FROM meta WHERE key = 'clusters' AND value = ?)";
        self.all(sql, [key], |row| Ok((ItemId(row.get(0)?), row.get(1)?)))
    }

    fn counts(&self) -> Result<Counts> {
        let of_state = "SELECT state, count(*) FROM photo GROUP BY state";
        let states = self.all(of_state, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, u64>(1)?)))?;
        let state = |name: &str| states.iter().find(|(state, _)| state == name).map_or(0, |(_, n)| *n);
        let count = |sql: &str| self.one(sql, [], |row| row.get::<_, u64>(0)).map(Option::unwrap_or_default);
        Ok(Counts {
            present: state("present"),
            missing: state("missing"),
            unreadable: state("unreadable"),
            removed: state("removed"),
            files: count("SELECT count(*) FROM photo_path")?,
            items: count(
                "SELECT count(*) FROM item JOIN photo ON photo.id = item.photo WHERE photo.state = 'present'",
            )?,
            without_face: count(
                "SELECT count(*) FROM photo WHERE state = 'present' AND NOT EXISTS (SELECT 1 FROM item WHERE item.photo \
                 = photo.id)",
            )?,
            assigned: count(
                "SELECT count(*) FROM assignment JOIN item ON item.id = assignment.item JOIN photo ON photo.id = \
                 item.photo WHERE assignment.label = 'person' AND photo.state = 'present'",
            )?,
            decisions: count("SELECT count(*) FROM decision")?,
        })
    }

    fn verify(&self) -> Result<Vec<String>> {
        self.check()
    }
}
