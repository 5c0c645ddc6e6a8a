//! An XMP packet as XML, within limits, and the properties of its structures.

use roxmltree::{Attribute, Document, Node, ParsingOptions};

use crate::exchange::XmpFault;

/// The largest packet that is read. A sidecar of darktable with many drawn masks has a few MiB.
pub(super) const MAX_BYTES: usize = 16 << 20;
/// The largest number of XML nodes that are read.
const MAX_NODES: u32 = 1_000_000;
/// The greatest depth of elements that is read. Regions are at depth 10.
const MAX_DEPTH: usize = 256;
/// The largest number of attributes of an element. Lightroom writes some hundreds.
const MAX_ATTRIBUTES: usize = 1024;
/// The largest number of namespace declarations.
const MAX_NAMESPACES: usize = 10_000;
/// The largest number of regions.
pub(super) const MAX_REGIONS: usize = 10_000;

pub(super) const RDF: &str = "http://www.w3.org/1999/02/22-rdf-syntax-ns#";
pub(super) const MWG: &str = "http://www.metadataworkinggroup.com/schemas/regions/";
pub(super) const AREA: &str = "http://ns.adobe.com/xmp/sType/Area#";
pub(super) const DIMENSIONS: &str = "http://ns.adobe.com/xap/1.0/sType/Dimensions#";
pub(super) const MP: &str = "http://ns.microsoft.com/photo/1.2/";
pub(super) const MP_INFO: &str = "http://ns.microsoft.com/photo/1.2/t/RegionInfo#";
pub(super) const MP_REGION: &str = "http://ns.microsoft.com/photo/1.2/t/Region#";
pub(super) const DIGIKAM: &str = "http://www.digikam.org/ns/1.0/";
pub(super) const LIGHTROOM: &str = "http://ns.adobe.com/lightroom/1.0/";
pub(super) const PHOTOSHOP: &str = "http://ns.adobe.com/photoshop/1.0/";
/// The namespace of our own properties.
pub(super) const LIKENESS: &str = "https://example.invalid/likeness/xmp/1.0/";

/// The text of a packet. A byte order mark is part of the text.
pub(super) fn text(bytes: &[u8]) -> Result<&str, XmpFault> {
    if bytes.len() > MAX_BYTES {
        return Err(XmpFault::TooLarge { bytes: bytes.len() as u64, limit: MAX_BYTES as u64 });
    }
    std::str::from_utf8(bytes).map_err(|_| XmpFault::NotUtf8)
}

/// Parses a packet. Positions refer to `text`.
pub(super) fn parse(text: &str) -> Result<Document<'_>, XmpFault> {
    check_shape(text)?;
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(text, options).map_err(|error| match error {
        roxmltree::Error::DtdDetected => XmpFault::DocumentType,
        roxmltree::Error::NodesLimitReached => XmpFault::TooManyNodes { limit: MAX_NODES },
        error => XmpFault::NotXml(error),
    })
}

/// Refuses text on which the parser would need time that grows with the square of its length.
///
/// The parser compares every attribute of a tag with all others, and keeps a list of namespaces for each element that declares
/// one. Tags are counted as XML defines them: comments, CDATA sections, processing instructions and quoted values are skipped.
fn check_shape(text: &str) -> Result<(), XmpFault> {
    if text.matches("xmlns").count() > MAX_NAMESPACES {
        return Err(XmpFault::TooManyNamespaces { limit: MAX_NAMESPACES });
    }
    let (mut rest, mut depth) = (text, 0_usize);
    while let Some(at) = rest.find('<') {
        rest = &rest[at..];
        let skipped = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
        let length = if let Some((start, end)) = skipped.into_iter().find(|skip| rest.starts_with(skip.0)) {
            rest[start.len()..].find(end).map(|at| start.len() + at + end.len())
        } else {
            let tag = Tag::of(rest);
            if tag.attributes > MAX_ATTRIBUTES {
                return Err(XmpFault::TooManyAttributes { limit: MAX_ATTRIBUTES });
            }
            depth =
                if rest.starts_with("</") { depth.saturating_sub(1) } else { depth + usize::from(tag.opens) };
            tag.length
        };
        if depth > MAX_DEPTH {
            return Err(XmpFault::TooDeep { limit: MAX_DEPTH });
        }
        // Without an end, the parser reports the error.
        let Some(length) = length else { return Ok(()) };
        rest = &rest[length..];
    }
    Ok(())
}

/// The shape of a tag.
struct Tag {
    /// Number of bytes; `None` if the tag does not end.
    length: Option<usize>,
    attributes: usize,
    /// Whether the tag does not end with `/>`.
    opens: bool,
}

impl Tag {
    /// The shape of the tag at the beginning of `text`.
    fn of(text: &str) -> Self {
        let (mut quote, mut attributes, mut before) = (None, 0, b'<');
        for (at, &byte) in text.as_bytes().iter().enumerate() {
            match (quote, byte) {
                (Some(open), _) if byte == open => quote = None,
                (Some(_), _) => {}
                (None, b'"' | b'\'') => quote = Some(byte),
                (None, b'=') => attributes += 1,
                (None, b'>') => return Self { length: Some(at + 1), attributes, opens: before != b'/' },
                (None, _) => {}
            }
            before = byte;
        }
        Self { length: None, attributes, opens: true }
    }
}

/// The element `rdf:RDF`: the root element, or a child of `x:xmpmeta`.
pub(super) fn rdf<'a, 'i>(document: &'a Document<'i>) -> Result<Node<'a, 'i>, XmpFault> {
    let root = document.root_element();
    let is_rdf = |node: &Node| node.has_tag_name((RDF, "RDF"));
    Some(root).filter(is_rdf).or_else(|| root.children().find(is_rdf)).ok_or(XmpFault::NotXmp)
}

/// All values of a top-level property of the packet.
pub(super) fn top_level<'a, 'i>(
    rdf: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> impl Iterator<Item = Property<'a, 'i>> {
    rdf.children()
        .filter(|node| node.has_tag_name((RDF, "Description")))
        .filter_map(move |node| property_of(node, namespace, name))
}

/// The value of a property.
#[derive(Clone, Copy)]
pub(super) enum Property<'a, 'i> {
    Attribute(Attribute<'a, 'i>),
    Element(Node<'a, 'i>),
}

impl<'a, 'i> Property<'a, 'i> {
    /// The text of the value.
    pub(super) fn text(self) -> String {
        match self {
            Self::Attribute(attribute) => attribute.value().to_owned(),
            Self::Element(node) => {
                let texts = node.descendants().filter(Node::is_text);
                // An alternative array has its default first: skip the white space between its elements.
                let nested = node.children().any(|child| child.is_element());
                let texts = texts.filter_map(|text| text.text());
                match nested {
                    true => texts.map(str::trim).find(|text| !text.is_empty()).unwrap_or("").to_owned(),
                    false => texts.collect(),
                }
            }
        }
    }

    /// The element, if the value has structure.
    pub(super) fn element(self) -> Option<Node<'a, 'i>> {
        match self {
            Self::Attribute(_) => None,
            Self::Element(node) => Some(node),
        }
    }

    /// The text as a finite number.
    pub(super) fn number(self) -> Option<f64> {
        self.text().trim().parse().ok().filter(|value: &f64| value.is_finite())
    }
}

/// The node that has the properties of the structure `node`: `node` itself, or the `rdf:Description` inside of it.
pub(super) fn body<'a, 'i>(node: Node<'a, 'i>) -> Node<'a, 'i> {
    node.children().find(|child| child.has_tag_name((RDF, "Description"))).unwrap_or(node)
}

/// The property of a structure.
pub(super) fn property<'a, 'i>(
    structure: Node<'a, 'i>,
    namespace: &str,
    name: &str,
) -> Option<Property<'a, 'i>> {
    let body = body(structure);
    property_of(body, namespace, name)
        .or_else(|| if body == structure { None } else { property_of(structure, namespace, name) })
}

fn property_of<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Property<'a, 'i>> {
    let element = node.children().find(|child| child.has_tag_name((namespace, name)));
    let attribute = || {
        let mut attributes = node.attributes();
        attributes.find(|found| found.namespace() == Some(namespace) && found.name() == name)
    };
    element.map(Property::Element).or_else(|| attribute().map(Property::Attribute))
}

/// The bag or sequence in an array property.
pub(super) fn container<'a, 'i>(array: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    let is_container = |node: &Node| {
        node.tag_name().namespace() == Some(RDF) && ["Bag", "Seq", "Alt"].contains(&node.tag_name().name())
    };
    array.children().find(is_container)
}

/// The items of an array property.
pub(super) fn items<'a, 'i>(array: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    let all = container(array).into_iter().flat_map(|container| container.children());
    all.filter(|item| item.has_tag_name((RDF, "li")))
}
