//! Parses the XML in which OpenCV stores cascades: `opencv_storage` → `cascade` → `stages` and `features`.
//!
//! Only what [`Cascade`] needs is read; the counts stored beside the lists are ignored. The file is untrusted: its
//! size is limited before it is read, and document type definitions (and with them entity expansion) are rejected.

use std::path::Path;

use roxmltree::{Document, Node as Element, ParsingOptions};

use super::cascade::{Branch, Cascade, Feature, Node, Stage, Tree, WeightedRect};
use crate::{DataError, Result};

/// The maximum file size; OpenCV's own files are below 4 MiB.
const MAX_FILE_BYTES: u64 = 64 << 20;

/// The maximum number of XML elements; OpenCV's own files have below 100,000.
const MAX_ELEMENTS: u32 = 4_000_000;

type Parsed<T> = std::result::Result<T, String>;

impl Cascade {
    /// Reads a cascade file.
    ///
    /// # Errors
    /// [`DataError::Io`] if it cannot be read; [`DataError::BadModel`] if it is not a cascade of Haar-like
    /// features in the format that OpenCV writes since 2.4.
    pub fn read(path: &Path) -> Result<Self> {
        let bad = |reason: String| DataError::BadModel { path: path.to_owned(), reason };
        let bytes = fs_err::metadata(path)?.len();
        if bytes > MAX_FILE_BYTES {
            return Err(bad(format!("{bytes} bytes, a cascade has at most {MAX_FILE_BYTES}")));
        }
        let text = String::from_utf8(fs_err::read(path)?).map_err(|_| bad("not a text file".into()))?;
        Self::from_xml(&text).map_err(bad)
    }

    /// Parses the text of a cascade file.
    ///
    /// # Errors
    /// A sentence that describes the problem.
    pub fn from_xml(text: &str) -> std::result::Result<Self, String> {
        let options = ParsingOptions { nodes_limit: MAX_ELEMENTS, ..ParsingOptions::default() };
        let document = Document::parse_with_options(text, options).map_err(|e| format!("not XML: {e}"))?;
        let root = document.root_element();
        if root.tag_name().name() != "opencv_storage" {
            return Err(format!("<{}> where <opencv_storage> was expected", root.tag_name().name()));
        }
        let cascade =
            root.children().find(Element::is_element).ok_or("nothing in <opencv_storage>".to_owned())?;
        check_kind(cascade)?;
        let window = (number(cascade, "width")?, number(cascade, "height")?);
        let features = items(cascade, "features")?.map(feature).collect::<Parsed<_>>()?;
        let stages = numbered("stage", items(cascade, "stages")?, stage)?;
        Self::new(window, stages, features)
    }
}

/// Rejects every kind of cascade except boosted trees over Haar-like features, naming the kind.
fn check_kind(cascade: Element) -> Parsed<()> {
    if cascade.attribute("type_id") == Some("opencv-haar-classifier") || child(cascade, "size").is_ok() {
        return Err("a cascade in the format of OpenCV 1 (opencv-haar-classifier), which is not read; \
             the files of OpenCV 2.4 and later are in the new format"
            .into());
    }
    match string(cascade, "featureType")? {
        "HAAR" => {}
        other => return Err(format!("a cascade of {other} features, only HAAR is supported")),
    }
    match string(cascade, "stageType")? {
        "BOOST" => {}
        other => return Err(format!("stages of type {other}, only BOOST is supported")),
    }
    let categories: u32 = number(child(cascade, "featureParams")?, "maxCatCount").unwrap_or(0);
    if categories > 0 { Err("categorical features, only ordered ones are supported".into()) } else { Ok(()) }
}

fn stage(element: Element) -> Parsed<Stage> {
    let trees = numbered("tree", items(element, "weakClassifiers")?, tree)?;
    Ok(Stage { threshold: real(string(element, "stageThreshold")?)?, trees })
}

/// Parses one weak classifier; a node is four values: branch below, branch above, feature, threshold.
fn tree(element: Element) -> Parsed<Tree> {
    let words: Vec<&str> = string(element, "internalNodes")?.split_ascii_whitespace().collect();
    let (nodes, rest) = words.as_chunks::<4>();
    if nodes.is_empty() || !rest.is_empty() {
        return Err(format!("{} values in <internalNodes>, expected four per node", words.len()));
    }
    let nodes = nodes.iter().map(|[below, above, feature, threshold]| {
        let feature = integer(feature)?;
        Ok(Node { below: branch(below)?, above: branch(above)?, feature, threshold: real(threshold)? })
    });
    let leaves = string(element, "leafValues")?.split_ascii_whitespace().map(real);
    Ok(Tree { nodes: nodes.collect::<Parsed<_>>()?, leaves: leaves.collect::<Parsed<_>>()? })
}

/// Parses a branch: a positive value is a node, zero or a negative value is the leaf with that index.
fn branch(word: &str) -> Parsed<Branch> {
    let code: i32 = integer(word)?;
    let index = code.unsigned_abs() as usize;
    Ok(if code > 0 { Branch::Node(index) } else { Branch::Leaf(index) })
}

fn feature(element: Element) -> Parsed<Feature> {
    let rects = items(element, "rects")?.map(weighted_rect).collect::<Parsed<_>>()?;
    let tilted = child(element, "tilted").is_ok() && number::<i32>(element, "tilted")? != 0;
    Ok(Feature { rects, tilted })
}

fn weighted_rect(element: Element) -> Parsed<WeightedRect> {
    let words: Vec<&str> = element.text().unwrap_or_default().split_ascii_whitespace().collect();
    let [x, y, width, height, weight] = words[..] else {
        return Err(format!("{} values in a rectangle, expected five", words.len()));
    };
    let [x, y, width, height] = [integer(x)?, integer(y)?, integer(width)?, integer(height)?];
    Ok(WeightedRect { x, y, width, height, weight: real(weight)? })
}

/// Parses each element; an error names the position of the first that fails.
fn numbered<'a, 'input: 'a, T>(
    what: &str,
    elements: impl Iterator<Item = Element<'a, 'input>>,
    read: impl Fn(Element<'a, 'input>) -> Parsed<T>,
) -> Parsed<Vec<T>> {
    elements.enumerate().map(|(i, e)| read(e).map_err(|reason| format!("{what} {i}: {reason}"))).collect()
}

fn child<'a, 'input>(parent: Element<'a, 'input>, name: &str) -> Parsed<Element<'a, 'input>> {
    parent
        .children()
        .find(|e| e.has_tag_name(name))
        .ok_or_else(|| format!("<{}> has no <{name}>", parent.tag_name().name()))
}

fn items<'a, 'input>(
    parent: Element<'a, 'input>,
    name: &str,
) -> Parsed<impl Iterator<Item = Element<'a, 'input>>> {
    Ok(child(parent, name)?.children().filter(Element::is_element))
}

fn string<'a>(parent: Element<'a, '_>, name: &str) -> Parsed<&'a str> {
    Ok(child(parent, name)?.text().unwrap_or_default().trim())
}

fn number<T: std::str::FromStr>(parent: Element, name: &str) -> Parsed<T> {
    integer(string(parent, name)?).map_err(|reason| format!("<{name}>: {reason}"))
}

fn integer<T: std::str::FromStr>(word: &str) -> Parsed<T> {
    word.parse().map_err(|_| format!("{word:?} is not a whole number in range"))
}

/// Parses a value as OpenCV does: in double precision, then rounded to single.
fn real(word: &str) -> Parsed<f32> {
    word.parse::<f64>().map(|v| v as f32).map_err(|_| format!("{word:?} is not a number"))
}
