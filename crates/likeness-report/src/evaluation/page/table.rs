//! Tables of the page.

use crate::evaluation::document::{Cell, Column, Layout, Markup, Row, Table, Tone, tag, text};

/// Tables with at most this many rows are not broken on paper.
const UNBROKEN: usize = 16;

/// A table in a box that scrolls and can be focused.
pub(super) fn table(table: &Table) -> Markup {
    let class = match table.layout {
        Layout::Scroll => "scroll",
        Layout::Result => "blocks result",
        Layout::Differences => "blocks differences",
        Layout::Slices => "blocks slices",
        Layout::Pairs => "pairs-table",
    };
    let caption = tag("caption", &[], text(&table.caption));
    let head = match table.layout {
        Layout::Pairs => tag("thead", &[("class", "hidden")], header(table)),
        _ => tag("thead", &[], header(table)),
    };
    let body = table.groups.iter().map(|group| tag("tbody", &[], rows(table, group))).collect();
    let inner = tag("table", &[("class", class)], caption.and(head).and(body));
    let label = &table.caption;
    let class = if table.len() <= UNBROKEN { "box whole" } else { "box" };
    tag("div", &[("class", class), ("role", "region"), ("tabindex", "0"), ("aria-label", label)], inner)
}

fn header(table: &Table) -> Markup {
    let cell = |column: &Column| {
        let mut inner = Markup::default();
        if !column.sign.is_empty() {
            inner.push(tag("span", &[("class", "sign")], column.sign.clone()));
        }
        inner.push(column.head.html());
        if !column.sub.is_empty() {
            inner.push(tag("span", &[("class", "sub")], text(&column.sub)));
        }
        if !column.axis.is_empty() {
            inner.push(tag("span", &[("class", "axis")], column.axis.clone()));
        }
        tag("th", &[("scope", "col"), ("class", class(column))], inner)
    };
    tag("tr", &[], table.columns.iter().map(cell).collect())
}

fn class(column: &Column) -> &'static str {
    match (column.numeric, column.drawing) {
        (true, _) => "n",
        (false, true) => "d",
        (false, false) => "",
    }
}

/// The rows of a group. The first cell of a group with several rows spans them.
fn rows(table: &Table, group: &[Row]) -> Markup {
    let row = |(place, row): (usize, &Row)| {
        let mut column = 0;
        let mut cells = Markup::default();
        for (index, cell) in row.cells.iter().enumerate() {
            if index == 0 && place > 0 {
                column += 1;
                continue;
            }
            cells.push(one_cell(table, cell, column, group.len()));
            column += cell.span.max(1);
        }
        tag("tr", &[("class", if row.faint { "faint" } else { "" })], cells)
    };
    group.iter().enumerate().map(row).collect()
}

fn one_cell(table: &Table, cell: &Cell, column: usize, rows: usize) -> Markup {
    let spans = cell.span.max(1);
    let columns = if spans > 1 { spans.to_string() } else { String::new() };
    let kind = table.columns.get(column).map_or("", class);
    let kind = if spans > 1 && cell.sub.is_empty() { "wide" } else { kind };
    let inner = content(cell);
    if column > 0 {
        let attributes =
            [("class", kind), ("colspan", columns.as_str()), ("data-label", cell.label.as_str())];
        return tag("td", &attributes, inner);
    }
    let spanned = if rows > 1 { rows.to_string() } else { String::new() };
    let scope = if rows > 1 { "rowgroup" } else { "row" };
    tag("th", &[("scope", scope), ("class", kind), ("rowspan", &spanned)], inner)
}

fn content(cell: &Cell) -> Markup {
    let mut inner = Markup::default();
    if !cell.drawing.is_empty() {
        match cell.main.is_empty() {
            true => inner.push(cell.drawing.clone()),
            false => inner.push(tag("span", &[("class", "sign")], cell.drawing.clone())),
        }
    }
    if !cell.main.is_empty() {
        let name = if cell.strong { "strong" } else { "span" };
        let class = if cell.large { "large" } else { "" };
        match cell.strong || cell.large {
            true => inner.push(tag(name, &[("class", class)], cell.main.html())),
            false => inner.push(cell.main.html()),
        }
    }
    if !cell.sub.is_empty() {
        let class = if cell.below { "sub" } else { "beside" };
        if !cell.below && !inner.is_empty() {
            inner.push(text(" "));
        }
        inner.push(tag("span", &[("class", class)], cell.sub.html()));
    }
    if let Some(found) = &cell.tag {
        let class = match found.tone {
            Tone::Plain => "tag",
            Tone::Quiet => "tag quiet",
            Tone::Short => "tag quiet short",
            Tone::Alarm => "tag alarm",
        };
        inner.push(tag("span", &[("class", class)], text(found.word)));
    }
    inner
}
