//! The rows of an index in memory: ids, terms and removals; the codes stay in the file.
//!
//! Rows have two areas. Whole groups of a block are scanned where they are, in the file. The remaining up to fifteen rows of each
//! block are collected in groups in memory, so that blocks of few rows neither waste space nor slow a scan.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use super::file::RowsPayload;
use super::layout::{Line, ROWS, lines, set_row};
use super::map::Content;
use super::terms::RowTerms;

/// Rows with terms, in groups of sixteen.
#[derive(Debug, Default)]
pub(super) struct Area {
    ids: Vec<u64>,
    factors: Vec<[f32; ROWS]>,
    offsets: Vec<[f32; ROWS]>,
    residuals: Vec<[f32; ROWS]>,
    lengths: Vec<[f32; ROWS]>,
    /// The largest residual and length of each group.
    widest: Vec<[f32; 2]>,
    /// A bit for each row that is not removed.
    alive: Vec<u16>,
    is_increasing: bool,
    /// Rows by id, if the ids are not increasing; made when it is needed.
    by_id: OnceLock<HashMap<u64, u32>>,
}

impl Area {
    fn new() -> Self {
        Self { is_increasing: true, ..Self::default() }
    }

    pub(super) fn groups(&self) -> usize {
        self.alive.len()
    }

    pub(super) fn alive(&self) -> &[u16] {
        &self.alive
    }

    /// The ids of all rows, removed ones included.
    pub(super) fn ids(&self) -> &[u64] {
        &self.ids
    }

    fn push(&mut self, id: u64, terms: RowTerms) {
        let row = self.ids.len() % ROWS;
        if row == 0 {
            for list in [&mut self.factors, &mut self.offsets, &mut self.residuals, &mut self.lengths] {
                list.push([0.0; ROWS]);
            }
            self.widest.push([0.0; 2]);
            self.alive.push(0);
        }
        let group = self.alive.len() - 1;
        self.factors[group][row] = terms.factor;
        self.offsets[group][row] = terms.offset;
        self.residuals[group][row] = terms.residual;
        self.lengths[group][row] = terms.length;
        let [residual, length] = self.widest[group];
        self.widest[group] = [residual.max(terms.residual), length.max(terms.length)];
        self.alive[group] |= 1 << row;
        self.is_increasing &= self.ids.last().is_none_or(|last| *last < id);
        if let Some(by_id) = self.by_id.get_mut() {
            by_id.insert(id, self.ids.len() as u32);
        }
        self.ids.push(id);
    }

    /// The last row with this id, if it is not removed.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        let row = if self.is_increasing {
            self.ids.binary_search(&id).ok()?
        } else {
            let numbered = || self.ids.iter().zip(0..).map(|(id, row)| (*id, row)).collect();
            *self.by_id.get_or_init(numbered).get(&id)? as usize
        };
        self.is_alive(row).then_some(row)
    }

    fn is_alive(&self, row: usize) -> bool {
        self.alive[row / ROWS] >> (row % ROWS) & 1 == 1
    }
}

/// Codes of consecutive groups of the main area.
#[derive(Debug)]
struct Piece {
    first_group: usize,
    groups: usize,
    /// Offset in the file in lines.
    at: usize,
    /// A copy, until the file is mapped again.
    copy: Option<Vec<Line>>,
}

/// Where the rows of a block are.
#[derive(Debug, Clone, Copy)]
struct BlockRows {
    first_row: usize,
    main: usize,
    tail: usize,
    in_main: usize,
}

/// A row of one of the two areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    is_tail: bool,
    row: usize,
}

/// All rows of an index.
#[derive(Debug)]
pub(super) struct Rows {
    dimension: usize,
    content: Content,
    pieces: Vec<Piece>,
    tail_codes: Vec<Line>,
    main: Area,
    tail: Area,
    blocks: Vec<BlockRows>,
    /// Number of rows in the file, removed ones included.
    total: usize,
    removed: usize,
    copied: usize,
}

impl Rows {
    pub(super) fn new(dimension: usize, content: Content) -> Self {
        Self {
            dimension,
            content,
            pieces: Vec::new(),
            tail_codes: Vec::new(),
            main: Area::new(),
            tail: Area::new(),
            blocks: Vec::new(),
            total: 0,
            removed: 0,
            copied: 0,
        }
    }

    pub(super) fn total(&self) -> usize {
        self.total
    }

    pub(super) fn removed(&self) -> usize {
        self.removed
    }

    pub(super) fn main(&self) -> &Area {
        &self.main
    }

    pub(super) fn tail(&self) -> &Area {
        &self.tail
    }

    pub(super) fn content(&self) -> &[Line] {
        self.content.lines()
    }

    /// Lines of codes in memory that are in the file as well.
    pub(super) fn copied(&self) -> usize {
        self.copied
    }

    /// Replaces the content by that of a file with more blocks.
    pub(super) fn set_content(&mut self, content: Content) {
        self.content = content;
        self.pieces.iter_mut().for_each(|piece| piece.copy = None);
        self.copied = 0;
    }

    /// Adds the rows of a block whose payload is at line `at` of the content.
    pub(super) fn add_mapped(&mut self, at: usize, count: usize, payload: Range<usize>) {
        // The content is taken out so that its lines can be read while the other fields change.
        let content = std::mem::replace(&mut self.content, Content::Read(Vec::new()));
        let parsed = RowsPayload::new(&content.lines()[payload], count, self.dimension);
        self.add(&parsed, at, None, count);
        self.content = content;
    }

    /// Adds the rows of a block that was just written at line `at` of the file.
    pub(super) fn add_written(&mut self, at: usize, count: usize, payload: &[Line]) {
        let parsed = RowsPayload::new(payload, count, self.dimension);
        self.copied += parsed.groups.len();
        self.add(&parsed, at, Some(parsed.groups.to_vec()), count);
    }

    fn add(&mut self, payload: &RowsPayload, at: usize, copy: Option<Vec<Line>>, count: usize) {
        let in_main = count / ROWS * ROWS;
        let (main, tail) = (self.main.ids.len(), self.tail.ids.len());
        self.blocks.push(BlockRows { first_row: self.total, main, tail, in_main });
        if in_main > 0 {
            self.pieces.push(Piece { first_group: self.main.groups(), groups: in_main / ROWS, at, copy });
        }
        let width = lines(self.dimension) * 4;
        let mut rest = payload.rest.chunks_exact(width);
        for (number, (id, terms)) in payload.rows().enumerate() {
            if number < in_main {
                self.main.push(id, terms);
                continue;
            }
            let row = self.tail.ids.len() % ROWS;
            self.tail.push(id, terms);
            self.tail_codes.resize(self.tail.groups() * lines(self.dimension), Line::ZERO);
            let group = (self.tail.groups() - 1) * lines(self.dimension);
            let codes = rest.next().expect("the payload has the codes of all rows");
            set_row(&mut self.tail_codes[group..], row, codes);
        }
        self.total += count;
    }

    /// The row with this id that is not removed.
    pub(super) fn find(&self, id: u64) -> Option<Place> {
        let of = |is_tail: bool| move |row: usize| Place { is_tail, row };
        self.main.find(id).map(of(false)).or_else(|| self.tail.find(id).map(of(true)))
    }

    /// The number of a row in the file.
    pub(super) fn number_of(&self, place: Place) -> u32 {
        let start = |block: &BlockRows| if place.is_tail { block.tail } else { block.main };
        let block = self.blocks[self.blocks.partition_point(|block| start(block) <= place.row) - 1];
        let skipped = if place.is_tail { block.in_main } else { 0 };
        (block.first_row + skipped + place.row - start(&block)) as u32
    }

    /// The row with this number in the file, removed or not.
    pub(super) fn place_of(&self, number: usize) -> Option<Place> {
        if number >= self.total {
            return None;
        }
        let block = self.blocks[self.blocks.partition_point(|block| block.first_row <= number) - 1];
        let within = number - block.first_row;
        Some(match within.checked_sub(block.in_main) {
            None => Place { is_tail: false, row: block.main + within },
            Some(rest) => Place { is_tail: true, row: block.tail + rest },
        })
    }

    /// Marks the row with this number in the file as removed; returns whether there is such a row.
    pub(super) fn remove(&mut self, number: u32) -> bool {
        let Some(Place { is_tail, row }) = self.place_of(number as usize) else { return false };
        let area = if is_tail { &mut self.tail } else { &mut self.main };
        if area.is_alive(row) {
            area.alive[row / ROWS] &= !(1 << (row % ROWS));
            self.removed += 1;
        }
        true
    }

    /// The number of groups in both areas.
    pub(super) fn groups_len(&self) -> usize {
        self.main.groups() + self.tail.groups()
    }

    /// The groups in a range of numbers: those of the main area, then those of the tail.
    pub(super) fn groups(&self, range: Range<usize>) -> impl Iterator<Item = GroupRef<'_>> {
        let lines = lines(self.dimension);
        let start = self.pieces.partition_point(|piece| piece.first_group + piece.groups <= range.start);
        let in_main = self.pieces[start..]
            .iter()
            .take_while({
                let end = range.end;
                move |piece| piece.first_group < end
            })
            .flat_map({
                let range = range.clone();
                move |piece| {
                    let from = range.start.saturating_sub(piece.first_group);
                    let to = piece.groups.min(range.end - piece.first_group);
                    (from..to).map(move |at| GroupRef {
                        area: &self.main,
                        index: piece.first_group + at,
                        number: piece.first_group + at,
                        codes: self.piece_group(piece, at, lines),
                    })
                }
            });
        let first = self.main.groups();
        let tail = range.start.saturating_sub(first)..range.end.saturating_sub(first);
        let in_tail = tail.map(move |index| GroupRef {
            area: &self.tail,
            index,
            number: first + index,
            codes: &self.tail_codes[index * lines..(index + 1) * lines],
        });
        in_main.chain(in_tail)
    }

    fn piece_group<'a>(&'a self, piece: &'a Piece, at: usize, lines: usize) -> &'a [Line] {
        match &piece.copy {
            Some(copy) => &copy[at * lines..(at + 1) * lines],
            None => &self.content.lines()[piece.at + at * lines..][..lines],
        }
    }

    /// The group of a row, and the row within it.
    pub(super) fn group_of(&self, place: Place) -> (GroupRef<'_>, usize) {
        let first = if place.is_tail { self.main.groups() } else { 0 };
        (self.group(first + place.row / ROWS), place.row % ROWS)
    }

    /// The group with this number.
    ///
    /// # Panics        there is no such group
    pub(super) fn group(&self, number: usize) -> GroupRef<'_> {
        let lines = lines(self.dimension);
        if let Some(index) = number.checked_sub(self.main.groups()) {
            let codes = &self.tail_codes[index * lines..(index + 1) * lines];
            return GroupRef { area: &self.tail, index, number, codes };
        }
        let after = self.pieces.partition_point(|piece| piece.first_group <= number);
        let piece = &self.pieces[after - 1];
        let codes = self.piece_group(piece, number - piece.first_group, lines);
        GroupRef { area: &self.main, index: number, number, codes }
    }

    /// The ids of all rows that are not removed, increasing.
    pub(super) fn ids(&self) -> Vec<u64> {
        let mut ids: Vec<u64> = [&self.main, &self.tail]
            .into_iter()
            .flat_map(|area| area.ids.iter().enumerate().filter(|(row, _)| area.is_alive(*row)))
            .map(|(_, id)| *id)
            .collect();
        ids.sort_unstable();
        ids
    }
}

/// Sixteen rows.
#[derive(Debug, Clone, Copy)]
pub(super) struct GroupRef<'a> {
    area: &'a Area,
    index: usize,
    /// The number of the group within this search.
    pub(super) number: usize,
    /// # Shapes        \[lines\]
    pub(super) codes: &'a [Line],
}

impl<'a> GroupRef<'a> {
    /// A bit for each row that is not removed.
    pub(super) fn alive(&self) -> u16 {
        self.area.alive[self.index]
    }

    pub(super) fn factors(&self) -> &'a [f32; ROWS] {
        &self.area.factors[self.index]
    }

    pub(super) fn offsets(&self) -> &'a [f32; ROWS] {
        &self.area.offsets[self.index]
    }

    /// The largest residual and the largest length.
    pub(super) fn widest(&self) -> [f32; 2] {
        self.area.widest[self.index]
    }

    pub(super) fn terms(&self, row: usize) -> RowTerms {
        let (area, group) = (self.area, self.index);
        RowTerms {
            factor: area.factors[group][row],
            offset: area.offsets[group][row],
            residual: area.residuals[group][row],
            length: area.lengths[group][row],
        }
    }

    pub(super) fn id(&self, row: usize) -> u64 {
        self.area.ids[self.index * ROWS + row]
    }

    /// The number of a row within this search.
    pub(super) fn slot(&self, row: usize) -> u32 {
        (self.number * ROWS + row) as u32
    }
}
