//! Changes to the text of an XMP packet: insertions, replacements and removals of ranges.

use std::ops::Range;

use roxmltree::Node;

use super::document::{AREA, DIMENSIONS, LIKENESS, MWG, Property, RDF, body, property};
use crate::exchange::{Rect, Size, XmpFault};

/// The prefixes of the elements that are inserted.
const PREFIXES: [(&str, &str); 5] =
    [("rdf", RDF), ("mwg-rs", MWG), ("stArea", AREA), ("stDim", DIMENSIONS), ("likeness", LIKENESS)];

/// Changes to a text.
pub(super) struct Edits<'t> {
    text: &'t str,
    changes: Vec<(Range<usize>, String)>,
}

impl<'t> Edits<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, changes: Vec::new() }
    }

    /// The changed text. Changes must not overlap; insertions at the same place keep their order.
    pub(super) fn apply(mut self) -> String {
        self.changes.sort_by_key(|(range, _)| range.start);
        let (mut changed, mut at) = (String::with_capacity(self.text.len()), 0);
        for (range, replacement) in self.changes {
            changed.push_str(&self.text[at..range.start]);
            changed.push_str(&replacement);
            at = range.end;
        }
        changed + &self.text[at..]
    }

    /// Removes an element and the white space before it.
    pub(super) fn remove(&mut self, node: Node) {
        let start = self.text[..node.range().start].trim_end().len();
        self.changes.push((start..node.range().end, String::new()));
    }

    /// Replaces an element by `block`.
    pub(super) fn replace(&mut self, node: Node, block: &Block) {
        let indent = self.indent(node.range().start);
        self.changes.push((node.range(), block.lines(self.line_feed(), indent)));
    }

    /// Inserts `blocks` at the end of the content of an element.
    pub(super) fn append(&mut self, node: Node, blocks: &[Block]) {
        let range = node.range();
        let element = &self.text[range.clone()];
        let line_feed = self.line_feed();
        let insertion = |indent: &str| -> String {
            let inner = format!("{indent} ");
            blocks
                .iter()
                .map(|block| format!("{line_feed}{inner}{}", block.lines(line_feed, &inner)))
                .collect()
        };
        let indent = self.indent(range.start).to_owned();
        if element.ends_with("/>") {
            let is_end = |c: char| c.is_whitespace() || c == '/' || c == '>';
            let name = &element[1..element.find(is_end).unwrap_or(1)];
            let content = insertion(&indent);
            let replacement = format!(">{content}{line_feed}{indent}</{name}>");
            self.changes.push((range.end - "/>".len()..range.end, replacement));
            return;
        }
        let end_tag = range.start + element.rfind("</").unwrap_or(element.len());
        let content_end = self.text[..end_tag].trim_end().len();
        let mut content = insertion(&indent);
        if !self.text[content_end..end_tag].contains('\n') {
            content += &format!("{line_feed}{indent}");
        }
        self.changes.push((content_end..content_end, content));
    }

    /// Sets a property of a structure to a text.
    pub(super) fn set(&mut self, structure: Node, namespace: &'static str, name: &Name, value: &str) {
        let value = escaped(value);
        match property(structure, namespace, name.local) {
            Some(Property::Attribute(attribute)) => self.changes.push((attribute.range_value(), value)),
            Some(Property::Element(node)) => {
                let declaration = name.declaration(node);
                let Name { prefix, local } = name;
                let element = format!("<{prefix}:{local}{declaration}>{value}</{prefix}:{local}>");
                self.changes.push((node.range(), element));
            }
            None => {
                let node = body(structure);
                let declaration = name.declaration(node);
                let Name { prefix, local } = name;
                // RDF allows no further attributes beside rdf:parseType.
                if node.attribute((RDF, "parseType")).is_some() {
                    let line = format!("<{prefix}:{local}{declaration}>{value}</{prefix}:{local}>");
                    self.append(node, &[Block(vec![(0, line)])]);
                } else {
                    let tag = &self.text[node.range()];
                    let is_end = |c: char| c.is_whitespace() || c == '/' || c == '>';
                    let at = node.range().start + tag.find(is_end).unwrap_or(tag.len());
                    self.changes.push((at..at, format!("{declaration} {prefix}:{local}=\"{value}\"")));
                }
            }
        }
    }

    /// The line feed of the text.
    fn line_feed(&self) -> &'static str {
        if self.text.contains("\r\n") { "\r\n" } else { "\n" }
    }

    /// The white space at the beginning of the line of the byte at `at`.
    fn indent(&self, at: usize) -> &'t str {
        let line = &self.text[self.text[..at].rfind('\n').map_or(0, |feed| feed + 1)..at];
        &line[..line.len() - line.trim_start().len()]
    }
}

/// The qualified name of a property.
pub(super) struct Name {
    pub(super) prefix: &'static str,
    pub(super) local: &'static str,
}

impl Name {
    pub(super) const MWG_NAME: Self = Self { prefix: "mwg-rs", local: "Name" };
    pub(super) const MICROSOFT_NAME: Self = Self { prefix: "MPReg", local: "PersonDisplayName" };

    /// The declaration of the prefix, if it is not valid at `node`.
    fn declaration(&self, node: Node) -> String {
        let namespace = match self.prefix {
            "MPReg" => super::document::MP_REGION,
            _ => MWG,
        };
        declaration(node, self.prefix, namespace)
    }
}

fn declaration(node: Node, prefix: &str, namespace: &str) -> String {
    match node.lookup_namespace_uri(Some(prefix)) == Some(namespace) {
        true => String::new(),
        false => format!(" xmlns:{prefix}=\"{namespace}\""),
    }
}

/// The declarations of those prefixes of inserted elements that are not valid at `node`.
pub(super) fn declarations(node: Node) -> String {
    PREFIXES.iter().map(|&(prefix, namespace)| declaration(node, prefix, namespace)).collect()
}

/// Lines of XML with their levels of indentation.
pub(super) struct Block(Vec<(usize, String)>);

impl Block {
    /// The lines, the first one without indentation, the others below `indent`.
    fn lines(&self, line_feed: &str, indent: &str) -> String {
        let line = |(level, line): &(usize, String)| format!("{indent}{}{line}", " ".repeat(*level));
        let lines: Vec<String> = self.0.iter().map(line).collect();
        lines.join(line_feed).trim_start().to_owned()
    }

    /// A region of a list. `declarations` are added to its first tag.
    pub(super) fn region(name: &str, area: Rect, declarations: &str) -> Self {
        let (x, y) = area.centre();
        let area = format!(
            r#"<mwg-rs:Area stArea:x="{x:.6}" stArea:y="{y:.6}" stArea:w="{:.6}" stArea:h="{:.6}" stArea:unit="normalized"/>"#,
            area.width, area.height
        );
        Self(vec![
            (0, format!("<rdf:li rdf:parseType=\"Resource\"{declarations}>")),
            (1, format!("<mwg-rs:Name>{}</mwg-rs:Name>", escaped(name))),
            (1, "<mwg-rs:Type>Face</mwg-rs:Type>".into()),
            (1, area),
            (1, "<mwg-rs:Extensions rdf:parseType=\"Resource\">".into()),
            (2, "<likeness:Origin>gallery</likeness:Origin>".into()),
            (1, "</mwg-rs:Extensions>".into()),
            (0, "</rdf:li>".into()),
        ])
    }

    /// The array `mwg-rs:RegionList` around `regions`.
    pub(super) fn list(regions: Vec<Self>, declarations: &str) -> Self {
        Self::around(&format!("mwg-rs:RegionList{declarations}"), vec![Self::bag(regions, "")])
    }

    /// The bag around `regions`.
    pub(super) fn bag(regions: Vec<Self>, declarations: &str) -> Self {
        Self::around(&format!("rdf:Bag{declarations}"), regions)
    }

    /// A description with the structure `mwg-rs:Regions` for an image of `size`, around `regions`.
    pub(super) fn description(regions: Vec<Self>, about: &str, size: Size, declarations: &str) -> Self {
        let Size { width, height } = size;
        let dimensions = format!(
            r#"<mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>"#
        );
        let content = vec![Self(vec![(0, dimensions)]), Self::list(regions, "")];
        let regions = Self::around("mwg-rs:Regions rdf:parseType=\"Resource\"", content);
        let about = escaped(about);
        Self::around(&format!("rdf:Description rdf:about=\"{about}\"{declarations}"), vec![regions])
    }

    /// The element with the start tag `<tag>` around `content`.
    fn around(tag: &str, content: Vec<Self>) -> Self {
        let name = tag.split(' ').next().unwrap_or(tag);
        let mut lines = vec![(0, format!("<{tag}>"))];
        lines.extend(content.into_iter().flat_map(|block| block.0).map(|(level, line)| (level + 1, line)));
        lines.push((0, format!("</{name}>")));
        Self(lines)
    }
}

/// Checks that XML can store `name`.
///
/// # References    XML 1.0, production 2, Char
pub(super) fn check_name(name: &str) -> Result<(), XmpFault> {
    let is_bad = |&c: &char| matches!(c, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}');
    match name.chars().find(is_bad) {
        None => Ok(()),
        Some(found) => Err(XmpFault::UnwritableName { name: name.to_owned(), found }),
    }
}

/// `text` as content of an element or of a quoted attribute. Parsers keep white space that is written as references.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", c as u32)),
            c => escaped.push(c),
        }
    }
    escaped
}
