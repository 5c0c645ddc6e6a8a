//! Checks the whole file.

use rusqlite::params;

use super::SqliteCatalogue;
use super::row::{
    FILE_COLUMNS, ITEM_COLUMNS, PHOTO_COLUMNS, embedding_range, file, file_checksum, item, item_checksum,
    photo, photo_checksum, vector_checksum,
};
use super::write::chain;
use crate::Result;
use crate::catalogue::{Label, ReadCatalogue};
use crate::decision::Decision;
use crate::people::People;

/// Most lines about one kind of fault.
const MOST: usize = 20;

impl SqliteCatalogue {
    /// Everything that is wrong, a line each: the database's structure, the checksums of rows, embeddings of the wrong length, the
    /// chain of decisions, and people that differ from a replay of the log.
    pub(super) fn check(&self) -> Result<Vec<String>> {
        let mut faults = self.all("PRAGMA integrity_check(20)", [], |row| row.get::<_, String>(0))?;
        faults.retain(|line| line != "ok");
        if !faults.is_empty() {
            // Rows of a broken structure cannot be read reliably.
            return Ok(faults);
        }
        let foreign = self.all("PRAGMA foreign_key_check", [], |row| row.get::<_, String>(0))?;
        faults.extend(foreign.into_iter().map(|table| format!("a row of {table} refers to nothing")));
        self.check_rows(&mut faults)?;
        self.check_vectors(&mut faults)?;
        self.check_log(&mut faults)?;
        Ok(faults)
    }

    fn check_rows(&self, faults: &mut Vec<String>) -> Result<()> {
        let sql = format!("SELECT {PHOTO_COLUMNS}, checksum FROM photo");
        let photos = self.all(&sql, [], |row| Ok((photo(row)?, row.get::<_, i64>(8)?)))?;
        let wrong = photos.iter().filter(|(photo, sum)| photo_checksum(photo) != *sum);
        faults.extend(wrong.take(MOST).map(|(photo, _)| format!("photo {}: another checksum", photo.id)));
        let sql = format!("SELECT {FILE_COLUMNS}, checksum FROM photo_path");
        let files = self.all(&sql, [], |row| Ok((file(row)?, row.get::<_, i64>(5)?)))?;
        let wrong = files.iter().filter(|((photo, file), sum)| file_checksum(*photo, file) != *sum);
        faults.extend(wrong.take(MOST).map(|((_, file), _)| format!("file {}: another checksum", file.path)));
        let sql = format!("SELECT {ITEM_COLUMNS}, checksum FROM item");
        let items = self.all(&sql, [], |row| Ok((item(row)?, row.get::<_, i64>(7)?)))?;
        let wrong = items.iter().filter(|(item, sum)| item_checksum(item) != *sum);
        faults.extend(wrong.take(MOST).map(|(item, _)| format!("item {}: another checksum", item.id)));
        Ok(())
    }

    fn check_vectors(&self, faults: &mut Vec<String>) -> Result<()> {
        for model in self.models()? {
            let (from, before) = embedding_range(model.id);
            let bytes = 4 * model.tag.dimension;
            let sql = "SELECT id, checksum, vector FROM embedding WHERE id >= ? AND id < ?";
            let wrong = self.all(sql, params![from, before], |row| {
                let (id, vector) = (row.get::<_, i64>(0)?, row.get_ref(2)?.as_blob()?);
                let is_right = vector.len() == bytes && row.get::<_, i64>(1)? == vector_checksum(id, vector);
                Ok((!is_right).then(|| super::row::item_of(id)))
            })?;
            let wrong = wrong.into_iter().flatten().take(MOST);
            faults.extend(wrong.map(|item| format!("embedding of item {item}: another checksum or length")));
            let sql = "SELECT count(*) FROM item JOIN photo ON photo.id = item.photo WHERE photo.state <> 'removed' AND NOT \
                EXISTS (SELECT 1 FROM embedding WHERE embedding.id = item.id + ?)";
            let without: u64 = self.all(sql, [from], |row| row.get(0))?.first().copied().unwrap_or(0);
            if without > 0 && model.state == crate::catalogue::ModelState::Active {
                faults.push(format!("{without} items have no embedding by the model {}", model.tag.name));
            }
        }
        Ok(())
    }

    fn check_log(&self, faults: &mut Vec<String>) -> Result<()> {
        let sql = "SELECT change, chain FROM decision ORDER BY id";
        let links = self.all(sql, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)))?;
        let log: Vec<Decision> = match self.decisions() {
            Ok(log) => log,
            Err(error) => {
                faults.push(error.to_string());
                return Ok(());
            }
        };
        let mut before = Vec::new();
        for (decision, (text, link)) in log.iter().zip(links) {
            if chain(&before, decision, &text) != link {
                faults.push(format!("decision {}: another checksum", decision.id));
            }
            before = link;
        }
        match People::replay(&log) {
            Ok(people) => self.check_people(&people, faults),
            Err(error) => {
                faults.push(format!("the log of decisions cannot be replayed: {error}"));
                Ok(())
            }
        }
    }

    /// Compares what is stored about people with a replay of the log.
    fn check_people(&self, people: &People, faults: &mut Vec<String>) -> Result<()> {
        let sql = "SELECT id, name, hidden, born FROM person";
        let stored = self.all(sql, [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, bool>(2)?, row.get(3)?))
        })?;
        for person in people.persons() {
            let row = (person.id.0, person.name.clone(), person.hidden, person.born.clone());
            if !stored.contains(&row) {
                faults.push(format!("person {}: differs from the log of decisions", person.id));
            }
        }
        for assignment in self.assignments()? {
            let by_hand = people.standing(assignment.item).and_then(|standing| standing.person());
            let stored = match assignment.label {
                Label::Person { person, origin, .. } if origin != crate::catalogue::Origin::Automatic => {
                    Some(person)
                }
                _ => None,
            };
            if by_hand != stored {
                faults
                    .push(format!("item {}: its person differs from the log of decisions", assignment.item));
            }
        }
        Ok(())
    }
}
