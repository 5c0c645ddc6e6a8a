//! Lists of pairs to verify: LFW's `pairs.txt`, or a table `pairs.csv`.
//!
//! `pairs.txt` (Huang et al., Labeled Faces in the Wild, University of Massachusetts technical report 07-49, 2007, and its README)
//! begins with the number of folds F and of pairs P: `10 300`. For each fold follow P pairs of one person, `NAME N1 N2`, and P pairs
//! of two people, `NAME1 N1 NAME2 N2`. Image N of a person is the file `NAME/NAME_000N.jpg`. A first line with P alone is one fold.
//!
//! `pairs.csv` has the columns `path_a`, `path_b`, `same` (1 or 0, true or false, yes or no), and optionally `fold`.

use std::collections::HashMap;
use std::path::Path;

use crate::{EmbeddingTable, Result, SearchError};

/// A pair of images that are named by their files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedPair {
    /// The first file.
    pub a: String,
    /// The second file.
    pub b: String,
    /// Whether both images show the same person.
    pub same: bool,
    /// The part of the list that the pair belongs to.
    pub fold: u32,
}

/// A list of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairList {
    /// The pairs, in the order of the file.
    pub pairs: Vec<ListedPair>,
}

/// A pair of rows of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TablePair {
    /// The first row.
    pub a: usize,
    /// The second row.
    pub b: usize,
    /// Whether both images show the same person.
    pub same: bool,
    /// The part of the list that the pair belongs to.
    pub fold: u32,
}

/// The pairs of a list whose images are in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablePairs {
    /// The pairs.
    pub pairs: Vec<TablePair>,
    /// The number of pairs left out because the table lacks an image.
    pub left_out: usize,
    /// The files that the table lacks, or has several of, sorted.
    pub missing: Vec<String>,
}

impl PairList {
    /// Reads a list: a table if the name ends in `.csv`, otherwise LFW's format.
    ///
    /// # Errors        a file that cannot be read → `Io`; a malformed line, with its number → `BadFile`
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        let bad = |reason: String| SearchError::BadFile { path: path.to_owned(), reason };
        let text =
            std::str::from_utf8(&bytes).map_err(|error| bad(format!("expected UTF-8 text: {error}")))?;
        let is_table = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
        if is_table { Self::parse_csv(text) } else { Self::parse_lfw(text) }.map_err(bad)
    }

    /// Parses LFW's format.
    ///
    /// # Errors        the line and what is wrong with it, as text
    /// # Examples
    /// ```
    /// use likeness_search::verification::PairList;
    /// let list = PairList::parse_lfw("2 1\nAda 1 2\nAda 3 Bob 1\nBob 1 2\nBob 2 Ada 14\n").unwrap();
    /// assert_eq!(list.pairs.len(), 4);
    /// assert_eq!(list.pairs[3].b, "Ada/Ada_0014.jpg");
    /// assert_eq!((list.pairs[3].same, list.pairs[3].fold), (false, 1));
    /// ```
    pub fn parse_lfw(text: &str) -> Result<Self, String> {
        let mut lines = (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty());
        let (_, header) =
            lines.next().ok_or("the file is empty; expected a first line such as \"10 300\"")?;
        let counts: Option<Vec<u64>> = header.split_whitespace().map(|word| word.parse().ok()).collect();
        let (folds, each) = match counts.as_deref() {
            Some(&[folds, each]) if folds > 0 && each > 0 => (folds, each),
            Some(&[each]) if each > 0 => (1, each),
            _ => {
                return Err(format!(
                    "line 1: expected the numbers of folds and pairs such as \"10 300\", found {header:?}"
                ));
            }
        };
        let mut pairs = Vec::new();
        for (number, line) in lines {
            let place = pairs.len() as u64;
            let same = (place / each).is_multiple_of(2);
            let (a, b) = lfw_pair(line, same).map_err(|reason| format!("line {number}: {reason}"))?;
            pairs.push(ListedPair { a, b, same, fold: u32::try_from(place / each / 2).unwrap_or(u32::MAX) });
        }
        let expected = folds.saturating_mul(each).saturating_mul(2);
        if pairs.len() as u64 != expected {
            return Err(format!("expected {expected} pairs by the first line, found {}", pairs.len()));
        }
        Ok(Self { pairs })
    }

    /// Parses a table.
    ///
    /// # Errors        the line and what is wrong with it, as text
    /// # Examples
    /// ```
    /// use likeness_search::verification::PairList;
    /// let list = PairList::parse_csv("path_a,path_b,same,fold\na/1.jpg,a/2.jpg,1,0\na/1.jpg,b/1.jpg,no,1\n").unwrap();
    /// assert_eq!(list.pairs.iter().map(|pair| (pair.same, pair.fold)).collect::<Vec<_>>(), [(true, 0), (false, 1)]);
    /// assert!(PairList::parse_csv("path_a,path_b,same\na,b,maybe\n").unwrap_err().starts_with("line 2: same"));
    /// ```
    pub fn parse_csv(text: &str) -> Result<Self, String> {
        let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
        let headers = reader.headers().map_err(|error| error.to_string())?.clone();
        let find = |name: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(name));
        let need = |name: &str| {
            find(name).ok_or_else(|| {
                let found: Vec<&str> = headers.iter().collect();
                format!("expected a column {name} (and path_a, path_b, same), found {}", found.join(", "))
            })
        };
        let (a, b, same, fold) = (need("path_a")?, need("path_b")?, need("same")?, find("fold"));
        let mut pairs = Vec::new();
        for (line, record) in (2..).zip(reader.records()) {
            let record = record.map_err(|error| format!("line {line}: {error}"))?;
            let text = |column: usize| record.get(column).unwrap_or_default().to_owned();
            let same = truth(&text(same)).ok_or_else(|| {
                format!(
                    "line {line}: same: expected 1 or 0, true or false, yes or no, found {:?}",
                    text(same)
                )
            })?;
            let fold = fold.map_or(Ok(0), |column| text(column).parse()).map_err(|_| {
                format!(
                    "line {line}: fold: expected a number from 0, found {:?}",
                    text(fold.unwrap_or_default())
                )
            })?;
            pairs.push(ListedPair { a: text(a), b: text(b), same, fold });
        }
        if pairs.is_empty() {
            return Err("expected at least one pair, found none".into());
        }
        Ok(Self { pairs })
    }

    /// Finds the rows of the pairs.
    ///
    /// # Conventions   a file is found by its path or name; otherwise by the last parts of its path without the extension, because
    ///   datasets are often moved and converted. Of a photo with several faces, the first is used. Pairs with a missing
    ///   image are left out and counted: metrics then describe the remaining pairs
    /// # Errors        no pair remains → `BadArgument`, with the first missing files
    pub fn find_in(&self, table: &EmbeddingTable) -> Result<TablePairs> {
        let files = Files::new(table);
        let mut missing = Vec::new();
        let mut find = |name: &str| {
            let row = files.find(name);
            if row.is_none() {
                missing.push(name.to_owned());
            }
            row
        };
        let mut pairs = Vec::new();
        for pair in &self.pairs {
            let rows = (find(&pair.a), find(&pair.b));
            if let (Some(a), Some(b)) = rows {
                pairs.push(TablePair { a, b, same: pair.same, fold: pair.fold });
            }
        }
        missing.sort_unstable();
        missing.dedup();
        if pairs.is_empty() {
            let first: Vec<&str> = missing.iter().take(3).map(String::as_str).collect();
            let reason = format!(
                "pairs: the embeddings lack an image of every pair: {} files are missing, such as {}",
                missing.len(),
                first.join(", ")
            );
            return Err(SearchError::BadArgument { reason });
        }
        Ok(TablePairs { left_out: self.pairs.len() - pairs.len(), pairs, missing })
    }
}

fn lfw_pair(line: &str, same: bool) -> Result<(String, String), String> {
    // Names have no spaces in LFW, but tabs separate the fields there.
    let separator = |letter: char| if line.contains('\t') { letter == '\t' } else { letter.is_whitespace() };
    let fields: Vec<&str> = line.split(separator).map(str::trim).filter(|field| !field.is_empty()).collect();
    let file = |name: &str, number: &str| {
        let number: u32 = number
            .parse()
            .map_err(|_| format!("expected the number of an image of {name}, found {number:?}"))?;
        Ok::<_, String>(format!("{name}/{name}_{number:04}.jpg"))
    };
    match (same, fields.as_slice()) {
        (true, [name, a, b]) => Ok((file(name, a)?, file(name, b)?)),
        (false, [a_name, a, b_name, b]) => Ok((file(a_name, a)?, file(b_name, b)?)),
        (true, _) => Err(format!("expected a pair of one person, \"NAME N1 N2\", found {line:?}")),
        (false, _) => Err(format!("expected a pair of two people, \"NAME1 N1 NAME2 N2\", found {line:?}")),
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" => Some(true),
        "0" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// The rows of a table by file.
struct Files<'a> {
    table: &'a EmbeddingTable,
    by_name: HashMap<&'a str, usize>,
    /// The rows whose file name without its extension is this.
    by_stem: HashMap<&'a str, Vec<usize>>,
}

impl<'a> Files<'a> {
    fn new(table: &'a EmbeddingTable) -> Self {
        let (mut by_name, mut by_stem): (HashMap<&str, usize>, HashMap<&str, Vec<usize>>) =
            Default::default();
        for (row, facts) in table.rows().iter().enumerate() {
            for name in [facts.path.as_str(), facts.name.as_str()].into_iter().filter(|name| !name.is_empty())
            {
                let first = by_name.entry(name).or_insert(row);
                if facts.face < table.rows()[*first].face {
                    *first = row;
                }
            }
            by_stem.entry(stem(file_of(table, row))).or_default().push(row);
        }
        Self { table, by_name, by_stem }
    }

    fn find(&self, name: &str) -> Option<usize> {
        if let Some(&row) = self.by_name.get(name) {
            return Some(row);
        }
        let mut rows = self
            .by_stem
            .get(stem(name))?
            .iter()
            .copied()
            .filter(|&row| agree(file_of(self.table, row), name));
        let first = rows.next()?;
        rows.try_fold(first, |best, row| {
            let (a, b) = (&self.table.rows()[best], &self.table.rows()[row]);
            (a.name == b.name && a.path == b.path).then_some(if b.face < a.face { row } else { best })
        })
    }
}

fn file_of(table: &EmbeddingTable, row: usize) -> &str {
    let facts = &table.rows()[row];
    if facts.path.is_empty() { &facts.name } else { &facts.path }
}

fn parts(path: &str) -> impl DoubleEndedIterator<Item = &str> {
    path.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".")
}

fn stem(path: &str) -> &str {
    let name = parts(path).next_back().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether one path without its extension ends with the other.
fn agree(a: &str, b: &str) -> bool {
    stem(a) == stem(b) && parts(a).rev().skip(1).zip(parts(b).rev().skip(1)).all(|(a, b)| a == b)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distance, ModelTag, Row};

    fn table(paths: &[(&str, u32)]) -> EmbeddingTable {
        let row = |&(path, face): &(&str, u32)| {
            let name = path.rsplit('/').next().unwrap();
            Row { path: path.into(), face, ..Row::new(name) }
        };
        let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
        EmbeddingTable::new(model, paths.iter().map(row).collect(), vec![0.0; paths.len()]).unwrap()
    }

    #[test]
    fn malformed_lists_are_refused_with_the_line() {
        let refused = |text: &str| PairList::parse_lfw(text).unwrap_err();
        assert!(refused("").contains("empty"));
        assert!(refused("ten 300").starts_with("line 1"));
        assert!(refused("0 5\n").starts_with("line 1"));
        assert!(
            refused("1 1\nAda 1 2\nAda one Bob 2")
                .starts_with("line 3: expected the number of an image of Ada")
        );
        assert!(refused("1 1\nAda 1 Bob 2\n").starts_with("line 2: expected a pair of one person"));
        assert!(refused("1 1\nAda 1 2\nAda 1 2\n").starts_with("line 3: expected a pair of two people"));
        assert_eq!(refused("2 1\nAda 1 2\nAda 1 Bob 2\n"), "expected 4 pairs by the first line, found 2");
        let table = |text: &str| PairList::parse_csv(text).unwrap_err();
        assert!(table("a,b\n").contains("path_a"));
        assert!(table("path_a,path_b,same\n").contains("at least one"));
        assert!(table("path_a,path_b,same,fold\na,b,1,x\n").starts_with("line 2: fold"));
    }

    #[test]
    fn files_are_found_after_a_move_and_a_conversion() {
        let table = table(&[
            ("lfw/Ada/Ada_0001.png", 1),
            ("lfw/Ada/Ada_0001.png", 0),
            ("x/1.jpg", 0),
            ("y/1.jpg", 0),
        ]);
        let files = Files::new(&table);
        assert_eq!(files.find("Ada/Ada_0001.jpg"), Some(1), "the first face");
        assert_eq!(files.find("/data/lfw/Ada/Ada_0001.png"), Some(1));
        assert_eq!(files.find("x/1.png"), Some(2));
        assert_eq!(files.find("1.png"), None, "ambiguous");
        assert_eq!(files.find("Bob/Bob_0001.jpg"), None);
        assert_eq!(files.find(""), None);
    }

    #[test]
    fn pairs_with_missing_images_are_left_out_and_counted() {
        let table = table(&[("Ada/Ada_0001.jpg", 0), ("Ada/Ada_0002.jpg", 0)]);
        let list = PairList::parse_lfw("1 1\nAda 1 2\nAda 1 Bob 1\n").unwrap();
        let found = list.find_in(&table).unwrap();
        assert_eq!(found.pairs, [TablePair { a: 0, b: 1, same: true, fold: 0 }]);
        assert_eq!((found.left_out, found.missing), (1, vec!["Bob/Bob_0001.jpg".to_owned()]));
        let none = PairList::parse_lfw("1 1\nBob 1 2\nBob 1 Cid 1\n").unwrap().find_in(&table);
        let message = none.unwrap_err().to_string();
        assert!(message.contains("3 files are missing, such as Bob/Bob_0001.jpg"), "{message}");
    }
}
