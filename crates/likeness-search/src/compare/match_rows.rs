//! The rows that several tables have in common.
//!
//! Models can be compared only on the same queries and the same gallery. Tables of two models may differ in their rows:
//! another detector finds other faces, or a file lists other photos.

use std::collections::{HashMap, HashSet};

use crate::label::{LabelVariants, folded, name_variants};
use crate::{EmbeddingTable, Result, Role, Row, SearchError};

/// Tables reduced to the rows that all of them contain.
#[derive(Debug, Clone, PartialEq)]
pub struct MatchedRows {
    /// The tables, in the order given. Row i shows the same face in each of them.
    pub tables: Vec<EmbeddingTable>,
    /// For each table, the names of its rows that another table does not contain.
    pub left_out: Vec<Vec<String>>,
    /// Names of identities, in any table, that differ only in their spelling.
    pub variants: Vec<LabelVariants>,
}

/// Keeps the rows that occur in every table, in the order of the first.
///
/// The rows of all resulting tables have the same names, paths, hashes, identities, domains, splits and roles, so that queries,
/// gallery and exclusions are the same for every model. A fact that one table does not know is taken from the first table that
/// knows it. Boxes, and whether the model was trained on a photo, stay those of each table.
///
/// # Conventions   rows match by name and face; rows of a name and face that occur more than once in a table match by content
///   hash, or else by path, and are left out if these do not identify them. Two spellings of one identity for the same row
///   (see [`label_variants`](crate::label::label_variants)) are no contradiction; the first table's spelling is used
/// # Errors        a row has different identities in two tables → `ContradictoryLabels`; no table, no common row → `BadArgument`
/// # Examples
/// ```
/// use likeness_search::{Distance, EmbeddingTable, ModelTag, Row, compare::match_rows};
///
/// let table = |names: &[&str]| {
///     let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
///     EmbeddingTable::new(model, names.iter().map(|&name| Row::new(name)).collect(), vec![0.5; names.len()])
/// };
/// let matched = match_rows(&[&table(&["a", "b", "c"])?, &table(&["c", "a", "d"])?])?;
/// let names = |i: usize| matched.tables[i].rows().iter().map(|row| row.name.as_str()).collect::<Vec<_>>();
/// assert_eq!((names(0), names(1)), (vec!["a", "c"], vec!["a", "c"]));
/// assert_eq!(matched.left_out, [["b"], ["d"]]);
/// # Ok::<(), likeness_search::SearchError>(())
/// ```
pub fn match_rows(tables: &[&EmbeddingTable]) -> Result<MatchedRows> {
    let common = common_rows(tables);
    if common.is_empty() {
        let reason =
            "expected tables with rows of the same photos, found no row that occurs in every table; \
                      rows are matched by the photo's name and the number of the face"
                .to_owned();
        return Err(SearchError::BadArgument { reason });
    }
    let facts = common.iter().map(|rows| merged(tables, rows)).collect::<Result<Vec<Row>>>()?;
    let kept = |t: usize| -> Vec<usize> { common.iter().map(|rows| rows[t]).collect() };
    let labels = (0..tables.len()).flat_map(|t| kept(t).into_iter().map(move |row| (t, row)));
    let variants = name_variants(labels.filter_map(|(t, row)| tables[t].rows()[row].identity.as_deref()));
    let mut matched = MatchedRows { tables: Vec::new(), left_out: Vec::new(), variants };
    for (t, table) in tables.iter().enumerate() {
        let rows = kept(t);
        matched.tables.push(with_facts(table, &rows, &facts)?);
        let kept: HashSet<usize> = rows.into_iter().collect();
        let others = (0..table.len()).filter(|row| !kept.contains(row));
        matched.left_out.push(others.map(|row| table.rows()[row].name.clone()).collect());
    }
    Ok(matched)
}

/// For each common row, in the order of the first table, its index in each table.
fn common_rows(tables: &[&EmbeddingTable]) -> Vec<Vec<usize>> {
    let Some((first, others)) = tables.split_first() else { return Vec::new() };
    let repeated: HashSet<(&str, u32)> = tables.iter().flat_map(|table| repeated_names(table)).collect();
    let keys: [fn(&Row) -> Option<Key<'_>>; 3] = [by_name, by_hash, by_path];
    let in_first = keys.map(|key| unique(first, key));
    let in_others: Vec<_> = others.iter().map(|table| keys.map(|key| unique(table, key))).collect();
    let find = |row: usize| -> Option<Vec<usize>> {
        let facts = &first.rows()[row];
        let tried = if repeated.contains(&(facts.name.as_str(), facts.face)) { 1..3 } else { 0..1 };
        tried.into_iter().find_map(|way| {
            let key = keys[way](facts)?;
            in_first[way].get(&key)?.as_ref()?;
            let found = in_others.iter().map(|table| table[way].get(&key).copied().flatten());
            std::iter::once(Some(row)).chain(found).collect()
        })
    };
    let mut common: Vec<Vec<usize>> = (0..first.len()).filter_map(find).collect();
    // A row of another table could be reached once by hash and once by path; it is kept for the first row that reached it.
    let mut taken = vec![HashSet::new(); tables.len()];
    common.retain(|rows| rows.iter().zip(&mut taken).all(|(&row, taken)| taken.insert(row)));
    common
}

/// What identifies a row: name, face, and hash or path where the name occurs more than once.
type Key<'a> = (&'a str, u32, &'a str);

fn by_name(row: &Row) -> Option<Key<'_>> {
    Some((&row.name, row.face, ""))
}

fn by_hash(row: &Row) -> Option<Key<'_>> {
    (!row.sha256.is_empty()).then_some((&row.name, row.face, &row.sha256))
}

fn by_path(row: &Row) -> Option<Key<'_>> {
    (!row.path.is_empty()).then_some((&row.name, row.face, &row.path))
}

/// The row of each key; `None` for keys that occur more than once.
fn unique(table: &EmbeddingTable, key: fn(&Row) -> Option<Key<'_>>) -> HashMap<Key<'_>, Option<usize>> {
    let mut rows = HashMap::with_capacity(table.len());
    for (index, row) in table.rows().iter().enumerate() {
        if let Some(key) = key(row) {
            rows.entry(key).and_modify(|row| *row = None).or_insert(Some(index));
        }
    }
    rows
}

fn repeated_names(table: &EmbeddingTable) -> Vec<(&str, u32)> {
    let rows = unique(table, by_name);
    rows.into_iter().filter(|(_, row)| row.is_none()).map(|((name, face, _), _)| (name, face)).collect()
}

/// The facts about one face, of which `rows` are the rows in each table.
fn merged(tables: &[&EmbeddingTable], rows: &[usize]) -> Result<Row> {
    let all = || tables.iter().zip(rows).map(|(table, &row)| &table.rows()[row]);
    let labels: Vec<&str> = all().filter_map(|row| row.identity.as_deref()).collect();
    let first = labels.first().copied().unwrap_or_default();
    let expected = folded(first);
    if let Some(other) = labels.iter().find(|&&label| label != first && folded(label) != expected) {
        let name = all().next().map(|row| row.name.clone()).unwrap_or_default();
        let (first, second) = (first.to_owned(), (*other).to_owned());
        return Err(SearchError::ContradictoryLabels { name, first, second });
    }
    let known =
        |of: fn(&Row) -> &str| all().map(of).find(|text| !text.is_empty()).unwrap_or_default().to_owned();
    let stated = |of: fn(&Row) -> &Option<String>| all().find_map(|row| of(row).clone());
    Ok(Row {
        name: known(|row| &row.name),
        face: all().next().map_or(0, |row| row.face),
        path: known(|row| &row.path),
        sha256: known(|row| &row.sha256),
        identity: stated(|row| &row.identity),
        domain: stated(|row| &row.domain),
        split: stated(|row| &row.split),
        role: all().map(|row| row.role).find(|&role| role != Role::Both).unwrap_or_default(),
        face_box: None,
        trained_on: None,
    })
}

/// The rows of a table with common facts.
fn with_facts(table: &EmbeddingTable, rows: &[usize], facts: &[Row]) -> Result<EmbeddingTable> {
    let own = |(&row, facts): (&usize, &Row)| {
        let Row { face_box, trained_on, .. } = table.rows()[row];
        Row { face_box, trained_on, ..facts.clone() }
    };
    let embeddings = rows.iter().flat_map(|&row| table.embedding(row)).copied().collect();
    EmbeddingTable::new(table.model().clone(), rows.iter().zip(facts).map(own).collect(), embeddings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distance, ModelTag};

    /// Embeddings count the rows, so that a matched embedding shows which row it comes from.
    fn table(rows: Vec<Row>) -> EmbeddingTable {
        let values = (0..rows.len()).map(|row| row as f32).collect();
        EmbeddingTable::new(ModelTag::new("toy", "", 1, Distance::Euclidean), rows, values).unwrap()
    }

    fn row(name: &str, identity: &str) -> Row {
        let identity = (!identity.is_empty()).then(|| identity.to_owned());
        Row { identity, path: format!("photos/{name}"), ..Row::new(name) }
    }

    #[test]
    fn faces_of_one_photo_are_different_rows() {
        let face = |name: &str, face| Row { face, ..Row::new(name) };
        let a = table(vec![face("x", 0), face("x", 1), face("y", 0)]);
        let b = table(vec![face("y", 0), face("x", 1), face("x", 2)]);
        let matched = match_rows(&[&a, &b]).unwrap();
        assert_eq!(matched.tables[0].embeddings(), [1.0, 2.0]);
        assert_eq!(matched.tables[1].embeddings(), [1.0, 0.0]);
        assert_eq!(matched.left_out, [["x"], ["x"]]);
    }

    #[test]
    fn repeated_names_match_by_hash_or_path() {
        let named =
            |path: &str, sha256: &str| Row { path: path.into(), sha256: sha256.into(), ..Row::new("1.jpg") };
        let a = table(vec![named("ann/1.jpg", "aa"), named("bob/1.jpg", ""), named("", ""), Row::new("z")]);
        let b = table(vec![named("bob/1.jpg", "bb"), Row::new("z"), named("moved/1.jpg", "aa")]);
        let matched = match_rows(&[&a, &b]).unwrap();
        assert_eq!(matched.tables[0].embeddings(), [0.0, 1.0, 3.0]);
        assert_eq!(matched.tables[1].embeddings(), [2.0, 0.0, 1.0]);
        assert_eq!(matched.tables[1].rows()[1].sha256, "bb", "a fact that the first table does not know");
        assert_eq!((matched.left_out[0].len(), matched.left_out[1].len()), (1, 0));
    }

    #[test]
    fn a_missing_label_is_taken_from_the_table_that_has_it() {
        let query = Row { role: Role::Query, ..row("a", "ann") };
        let matched =
            match_rows(&[&table(vec![row("a", ""), row("b", "bob")]), &table(vec![query])]).unwrap();
        for table in &matched.tables {
            assert_eq!(table.rows()[0].identity.as_deref(), Some("ann"));
            assert_eq!(table.rows()[0].role, Role::Query);
        }
    }

    #[test]
    fn contradictory_labels_are_an_error_and_spellings_a_report() {
        let a = table(vec![row("1.jpg", "Ann"), row("2.jpg", "bob")]);
        let spelled = table(vec![row("1.jpg", "ann"), row("2.jpg", "bob")]);
        let matched = match_rows(&[&a, &spelled]).unwrap();
        assert_eq!(matched.tables[1].rows()[0].identity.as_deref(), Some("Ann"));
        assert_eq!(matched.variants[0].spellings.len(), 2);
        let other = table(vec![row("1.jpg", "eve")]);
        let error = match_rows(&[&a, &other]).unwrap_err();
        assert_eq!(error.to_string(), "1.jpg: labelled \"Ann\" in one table and \"eve\" in another");
        assert!(error.hint().is_some());
    }

    #[test]
    fn tables_without_a_common_row_are_refused() {
        let error = match_rows(&[&table(vec![row("a", "")]), &table(vec![row("b", "")])]).unwrap_err();
        assert!(error.to_string().contains("no row that occurs in every table"), "{error}");
        assert!(match_rows(&[]).is_err());
        assert!(match_rows(&[&table(Vec::new())]).is_err());
    }
}
