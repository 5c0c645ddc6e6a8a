//! The file of a graph.
//!
//! ```text
//! offset  size  content                                   (integers are little-endian)
//!      0    16  "likeness graph\n\0"
//!     16     4  format version
//!     20     4  CRC-32 of everything behind this field
//!     24     4  CRC-32 of the header of the codes' file
//!     28     4  CRC-32 of the ids of the first n rows of the codes' file
//!     32     4  number n of nodes
//!     36     4  entry node; 2³² − 1 without nodes
//!     40     4  links on the upper levels
//!     44     4  candidates at construction
//!     48     8  seed
//!     56        for each node: number of levels (1), then for each level: number of links (1), links (4 each)
//! ```

use std::path::Path;

use super::config::HnswConfig;
use super::graph::Graph;
use super::search::{HnswIndex, Pool};
use crate::index::int8::Int8Index;
use crate::{CodesFault, Result, SearchError};

const SIGNATURE: &[u8; 16] = b"likeness graph\n\0";
const VERSION: u32 = 1;
const HEADER: usize = 56;
/// Where the checked part begins.
const CHECKED: usize = 24;

impl HnswIndex {
    /// Writes the graph of `index` to a file, in one atomic step.
    ///
    /// # Errors        the file cannot be written → `Io`
    pub fn save(&self, path: &Path, index: &Int8Index) -> Result<()> {
        let graph = &self.graph;
        let mut bytes = SIGNATURE.to_vec();
        let numbers = [
            VERSION,
            0,
            index.key_checksum(),
            index.ids_checksum(graph.len()),
            graph.len(),
            graph.entry.unwrap_or(u32::MAX),
            self.config.links as u32,
            self.config.effort as u32,
        ];
        numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        bytes.extend(self.config.seed.to_le_bytes());
        for node in 0..graph.len() {
            bytes.push(graph.level(node) as u8 + 1);
            for level in 0..=graph.level(node) {
                let links = graph.links(node, level);
                bytes.push(links.len() as u8);
                links.iter().for_each(|link| bytes.extend(link.to_le_bytes()));
            }
        }
        let checksum = crc32fast::hash(&bytes[CHECKED..]);
        bytes[20..24].copy_from_slice(&checksum.to_le_bytes());
        Ok(likeness_artifact::write(path, |out| out.write_all(&bytes))?)
    }

    /// Reads the graph of `index` from a file. Rows that were appended to the index since are inserted by
    /// [`HnswIndex::update`].
    ///
    /// # Errors        the file is damaged, has a newer version, or belongs to other codes, such as those before a compaction →
    ///   [`SearchError::Codes`] with a fault for which [`CodesFault::is_rebuildable`] holds; it cannot be read → `Io`
    pub fn open(path: &Path, index: &Int8Index) -> Result<Self> {
        let bytes = fs_err::read(path)?;
        parse(&bytes, index).map_err(|fault| SearchError::Codes { path: path.to_owned(), fault })
    }
}

fn parse(bytes: &[u8], index: &Int8Index) -> Result<HnswIndex, CodesFault> {
    let damaged = |at: usize, reason| CodesFault::Damaged { at: at as u64, reason };
    if bytes.get(..16) != Some(SIGNATURE.as_slice()) {
        return Err(CodesFault::NotCodes);
    }
    if bytes.len() < HEADER {
        return Err(damaged(bytes.len(), "the file ends within its header"));
    }
    let number = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
    if crc32fast::hash(&bytes[CHECKED..]) != number(20) {
        return Err(damaged(CHECKED, "the content does not match its checksum"));
    }
    match number(16) {
        VERSION => {}
        0 => return Err(damaged(16, "the version is invalid")),
        found => return Err(CodesFault::NewerVersion { supported: VERSION, found }),
    }
    let (count, entry, links) = (number(32), number(36), number(40) as usize);
    let found = [number(24), number(28)];
    let expected = [index.key_checksum(), index.ids_checksum(count)];
    if found != expected || count > index.numbers() {
        let shown = |sums: [u32; 2]| format!("{:08x}-{:08x}", sums[0], sums[1]);
        let (expected, found) = (shown(expected), shown(found));
        return Err(CodesFault::OtherKey { field: "checksum of the rows", expected, found });
    }
    let seed = u64::from_le_bytes(bytes[48..56].try_into().expect("eight bytes"));
    let config = HnswConfig { links, effort: number(44) as usize, seed };
    let mut graph =
        read_graph(&bytes[HEADER..], count, config).ok_or(damaged(HEADER, "the links are invalid"))?;
    let is_valid = if count == 0 { entry == u32::MAX } else { entry < count };
    if !is_valid {
        return Err(damaged(36, "the entry node is invalid"));
    }
    graph.entry = (count > 0).then_some(entry);
    Ok(HnswIndex { config, graph, pool: Pool::default() })
}

fn read_graph(mut bytes: &[u8], count: u32, config: HnswConfig) -> Option<Graph> {
    (2..=64).contains(&config.links).then_some(())?;
    let mut graph = Graph::new(2 * config.links);
    let mut links = Vec::new();
    for node in 0..count {
        let levels = usize::from(*bytes.split_off_first()?);
        graph.push(levels.checked_sub(1)?);
        for level in 0..levels {
            let count_here = usize::from(*bytes.split_off_first()?);
            let numbers = bytes.split_off(..count_here * 4)?.as_chunks::<4>().0;
            links.clear();
            links.extend(numbers.iter().map(|bytes| u32::from_le_bytes(*bytes)));
            (links.len() <= graph.room(level) && links.iter().all(|link| *link < count)).then_some(())?;
            graph.set_links(node, level, &links);
        }
    }
    // A walk follows a link on the same level.
    let is_on_level =
        |node: u32, level: usize| graph.links(node, level).iter().all(|link| graph.level(*link) >= level);
    let whole = (0..count).all(|node| (1..=graph.level(node)).all(|level| is_on_level(node, level)));
    (bytes.is_empty() && whole).then_some(graph)
}
