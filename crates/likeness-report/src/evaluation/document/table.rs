//! Tables with row headers, groups of rows, small figures and readings.

use super::{Markup, Prose};

/// How a table is shown on a narrow screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evaluation) enum Layout {
    /// It scrolls in its own box.
    Scroll,
    /// Each row is a block with the values of the result beside each other.
    Result,
    /// Each row is a block: measure and reading, then the strip.
    Differences,
    /// Each row is a block: the slice, then one line per model.
    Slices,
    /// Two columns, name and value, at any width.
    Pairs,
}

/// A table.
pub(in crate::evaluation) struct Table {
    /// What the table holds, for readers who do not see it.
    pub caption: String,
    /// How it is shown on a narrow screen.
    pub layout: Layout,
    /// Columns in order.
    pub columns: Vec<Column>,
    /// Groups of rows that are not broken on paper. The first cell of a group with several rows spans them.
    pub groups: Vec<Vec<Row>>,
}

impl Table {
    /// A table that scrolls on narrow screens, without rows.
    pub(in crate::evaluation) fn new(caption: impl Into<String>, columns: Vec<Column>) -> Self {
        Self { caption: caption.into(), layout: Layout::Scroll, columns, groups: Vec::new() }
    }

    /// Sets the layout on narrow screens.
    pub(in crate::evaluation) fn layout(mut self, layout: Layout) -> Self {
        self.layout = layout;
        self
    }

    /// Appends a row of its own.
    pub(in crate::evaluation) fn row(&mut self, cells: Vec<Cell>) {
        self.groups.push(vec![Row { cells, faint: false }]);
    }

    /// The number of rows.
    pub(in crate::evaluation) fn len(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }
}

/// A column.
pub(in crate::evaluation) struct Column {
    /// Heading.
    pub head: Prose,
    /// Second line of the heading.
    pub sub: String,
    /// Sign before the heading, such as the mark of a model, or in its place.
    pub sign: Markup,
    /// Axis of the drawings, below the heading.
    pub axis: Markup,
    /// Whether values are aligned to the right.
    pub numeric: bool,
    /// Whether the column holds drawings only; Markdown leaves it out.
    pub drawing: bool,
}

impl Column {
    /// A column of words.
    pub(in crate::evaluation) fn words(head: impl Into<Prose>) -> Self {
        Self {
            head: head.into(),
            sub: String::new(),
            sign: Markup::default(),
            numeric: false,
            drawing: false,
            axis: Markup::default(),
        }
    }

    /// A column of numbers.
    pub(in crate::evaluation) fn number(head: impl Into<Prose>) -> Self {
        Self { numeric: true, ..Self::words(head) }
    }

    /// A column of drawings.
    pub(in crate::evaluation) fn drawing(head: impl Into<Prose>) -> Self {
        Self { drawing: true, ..Self::words(head) }
    }

    /// Adds a second line.
    pub(in crate::evaluation) fn sub(mut self, sub: impl Into<String>) -> Self {
        self.sub = sub.into();
        self
    }

    /// Adds an axis.
    pub(in crate::evaluation) fn axis(mut self, axis: Markup) -> Self {
        self.axis = axis;
        self
    }

    /// Adds a sign.
    pub(in crate::evaluation) fn sign(mut self, sign: Markup) -> Self {
        self.sign = sign;
        self
    }
}

/// A row.
pub(in crate::evaluation) struct Row {
    /// Cells in order; a cell that spans columns stands for all of them.
    pub cells: Vec<Cell>,
    /// Whether the row holds too little to be read, and is hatched.
    pub faint: bool,
}

/// A cell.
#[derive(Default)]
pub(in crate::evaluation) struct Cell {
    /// What it says.
    pub main: Prose,
    /// A smaller remark: an interval, a unit.
    pub sub: Prose,
    /// Whether the remark has a line of its own.
    pub below: bool,
    /// Whether the remark explains a drawing; Markdown leaves it out.
    pub drawn: bool,
    /// Whether it is emphasised.
    pub strong: bool,
    /// Larger figures.
    pub large: bool,
    /// A drawing before the words.
    pub drawing: Markup,
    /// A word in a frame after the words.
    pub tag: Option<Tag>,
    /// Number of columns.
    pub span: usize,
    /// Name of the value on a narrow screen.
    pub label: String,
}

impl Cell {
    /// A cell of words.
    pub(in crate::evaluation) fn new(main: impl Into<Prose>) -> Self {
        Self { main: main.into(), span: 1, ..Self::default() }
    }

    /// A cell with a name of a user.
    pub(in crate::evaluation) fn name(name: &str) -> Self {
        Self::new(Prose::default().name(name))
    }

    /// A cell with a drawing.
    pub(in crate::evaluation) fn drawing(drawing: Markup) -> Self {
        Self { drawing, span: 1, ..Self::default() }
    }

    /// A cell with a word in a frame.
    pub(in crate::evaluation) fn tag(tag: Tag) -> Self {
        Self { tag: Some(tag), span: 1, ..Self::default() }
    }

    /// Adds a remark on the same line.
    pub(in crate::evaluation) fn beside(mut self, sub: impl Into<Prose>) -> Self {
        self.sub = sub.into();
        self
    }

    /// Adds a remark on a line of its own.
    pub(in crate::evaluation) fn below(mut self, sub: impl Into<Prose>) -> Self {
        self.sub = sub.into();
        self.below = true;
        self
    }

    /// Adds a remark about the drawings of the row on a line of its own.
    pub(in crate::evaluation) fn below_drawn(mut self, sub: impl Into<Prose>) -> Self {
        self.drawn = true;
        self.below(sub)
    }

    /// Emphasises the words, or does not.
    pub(in crate::evaluation) fn strong(mut self, strong: bool) -> Self {
        self.strong = strong;
        self
    }

    /// Makes the figures larger.
    pub(in crate::evaluation) fn large(mut self) -> Self {
        self.large = true;
        self
    }

    /// Puts a drawing before the words.
    pub(in crate::evaluation) fn sign(mut self, drawing: Markup) -> Self {
        self.drawing = drawing;
        self
    }

    /// Lets the cell span columns.
    pub(in crate::evaluation) fn spanning(mut self, columns: usize) -> Self {
        self.span = columns;
        self
    }

    /// Names the value for narrow screens.
    pub(in crate::evaluation) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }
}

/// A word in a frame.
pub(in crate::evaluation) struct Tag {
    /// The word or words.
    pub word: &'static str,
    /// How it looks.
    pub tone: Tone,
}

/// How a framed word looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::evaluation) enum Tone {
    /// Solid frame.
    Plain,
    /// Dashed frame, quiet words: nothing can be concluded.
    Quiet,
    /// Dashed frame on hatched ground: too little data.
    Short,
    /// Red: look at this.
    Alarm,
}
