//! A report as a document: sections of prose, tables and figures, from which the page and the Markdown are written.

mod markup;
mod prose;
mod table;

pub(super) use markup::{Markup, tag, text};
pub(super) use prose::Prose;
pub(super) use table::{Cell, Column, Layout, Row, Table, Tag, Tone};

/// A section with its heading.
pub(super) struct Part {
    /// Anchor of the section.
    pub id: &'static str,
    /// Heading.
    pub title: &'static str,
    /// Name in the list of sections.
    pub short: &'static str,
    /// Content in order.
    pub blocks: Vec<Block>,
}

/// A piece of a section.
pub(super) enum Block {
    /// A sentence under a heading.
    Lead(Prose),
    /// A smaller sentence, below what it explains.
    Note(Prose),
    /// A smaller sentence about drawings, which Markdown leaves out.
    Legend(Prose),
    /// A framed statement.
    Callout(Prose),
    /// A heading with a remark beside it.
    Heading(String, Prose),
    /// A table.
    Table(Table),
    /// Figures beside each other. Markdown prints their numbers.
    Figures(Vec<Figure>),
    /// Markup of the page; Markdown prints the table in its place.
    Pictures(Markup, Option<Table>),
}

/// A chart with its title and numbers.
pub(super) struct Figure {
    /// Title.
    pub title: Prose,
    /// How to read the chart.
    pub reading: Prose,
    /// The drawing.
    pub drawing: Markup,
    /// The numbers, in at most [`Figure::MOST_NUMBERS`] rows.
    pub numbers: Option<Table>,
}

impl Figure {
    /// The most rows of the numbers of a chart.
    pub(super) const MOST_NUMBERS: usize = 20;
}
