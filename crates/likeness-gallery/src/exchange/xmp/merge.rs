//! Adds our faces to an XMP packet and keeps what other programs wrote.

use roxmltree::{Document, Node};

use super::document::{MP_REGION, MWG, RDF, container, parse, property, rdf, text};
use super::edit::{Block, Edits, Name, check_name, declarations};
use super::read::{microsoft_items, microsoft_region, mwg_items, mwg_region, mwg_structures, read_regions};
use crate::exchange::matching::match_rects;
use crate::exchange::{
    DEFAULT_MIN_OVERLAP, Frame, PhotoFrame, Rect, Region, RegionKind, RegionSource, Regions, XmpFault,
};

/// A new sidecar, without regions.
const EMPTY: &str = concat!(
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n",
    "<x:xmpmeta xmlns:x=\"adobe:ns:meta/\" x:xmptk=\"Likeness\">\n",
    " <rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\">\n",
    " </rdf:RDF>\n",
    "</x:xmpmeta>\n",
);
/// Areas that differ by less are equal: we write six digits.
const SAME_AREA: f64 = 2e-6;

/// How to merge.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MergeOptions {
    /// Replace the names that other programs stored for the same face. Otherwise they are kept and listed as conflicts.
    pub replace_names: bool,
    /// The overlap from which a region and a face are the same.
    pub min_overlap: f64,
}

impl Default for MergeOptions {
    fn default() -> Self {
        Self { replace_names: false, min_overlap: DEFAULT_MIN_OVERLAP }
    }
}

/// A face with different names here and in the packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The name in the packet, which is kept.
    pub theirs: String,
    /// The name here.
    pub ours: String,
}

/// The result of merging.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Merged {
    /// The packet.
    pub packet: Vec<u8>,
    /// Number of regions that were added.
    pub added: usize,
    /// Number of regions of other programs that were given a name.
    pub named: usize,
    /// Number of our regions that were changed.
    pub updated: usize,
    /// Number of our regions that were removed.
    pub removed: usize,
    /// Names that differ.
    pub conflicts: Vec<Conflict>,
}

impl Merged {
    /// Whether the packet differs from the one before.
    pub fn is_changed(&self) -> bool {
        self.added + self.named + self.updated + self.removed > 0
    }
}

/// Merges `faces`, the named faces of a photo, into `existing`, its XMP packet; `None` starts a new sidecar.
///
/// - A region of another program is never moved or removed. If it shows the same face as one of ours, an unnamed region
///   gets our name, and another name is kept unless `options.replace_names` is set.
/// - A region that this program wrote earlier is changed to the present name and place, or removed if the face has no name any
///   more. Such regions have the property `likeness:Origin` in `mwg-rs:Extensions`.
/// - Other faces are added to the end of the list. All other bytes stay the same. Merging twice changes nothing.
///
/// # Units         areas of `faces`: relative to the displayed photo
/// # Conventions   faces without a name are left out; regions are written in the frame that the packet uses: the stored image,
///   unless `mwg-rs:AppliedToDimensions` has the shape of the displayed photo
/// # Errors        those of [`read_regions`]; regions for an image of another shape, a name with a control character →
///   [`XmpFault`]
pub fn merge_regions(
    existing: Option<&[u8]>,
    faces: &[Region],
    photo: PhotoFrame,
    options: &MergeOptions,
) -> Result<Merged, XmpFault> {
    let text = existing.map_or(Ok(EMPTY), text)?;
    let document = parse(text)?;
    let found = read_regions(text.as_bytes())?;
    let to_frame = |area: Rect| match found.frame(photo) {
        Frame::Stored => Ok(photo.orientation.to_stored(area)),
        Frame::Displayed => Ok(area),
        Frame::Other => Err(XmpFault::OtherImage {
            applied_to: found.applied_to.unwrap_or(photo.stored),
            stored: photo.stored,
        }),
    };
    let mut named = Vec::new();
    for face in faces {
        let (Some(name), Some(area)) = (face.name.as_deref(), face.area.clipped()) else { continue };
        check_name(name)?;
        named.push(Face { name, area: to_frame(area)? });
    }
    let merge =
        Merge { rdf: rdf(&document)?, entries: entries(&document, &found)?, found: &found, photo, options };
    let mut merged = Merged::default();
    let edits = merge.run(text, named, &mut merged);
    merged.packet = edits.apply().into_bytes();
    // Nothing is written that cannot be read again.
    read_regions(&merged.packet)?;
    Ok(merged)
}

/// A face to be written, in the frame of the packet.
#[derive(Clone, Copy)]
struct Face<'f> {
    name: &'f str,
    area: Rect,
}

/// A face region of the packet with its element.
struct Entry<'a, 'i> {
    node: Node<'a, 'i>,
    region: Region,
}

/// The face regions of the packet, in both schemas.
fn entries<'a, 'i>(document: &'a Document<'i>, found: &Regions) -> Result<Vec<Entry<'a, 'i>>, XmpFault> {
    let rdf = rdf(document)?;
    let mwg = mwg_structures(rdf).flat_map(mwg_items);
    let mwg = mwg.filter_map(|node| Some(Entry { node, region: mwg_region(node, found.applied_to)? }));
    let microsoft = microsoft_items(rdf);
    let microsoft = microsoft.filter_map(|node| Some(Entry { node, region: microsoft_region(node)? }));
    Ok(mwg.chain(microsoft).filter(|entry| entry.region.kind == RegionKind::Face).collect())
}

struct Merge<'m, 'a, 'i> {
    rdf: Node<'a, 'i>,
    entries: Vec<Entry<'a, 'i>>,
    found: &'m Regions,
    photo: PhotoFrame,
    options: &'m MergeOptions,
}

impl<'a, 'i> Merge<'_, 'a, 'i> {
    fn run<'t>(&self, text: &'t str, faces: Vec<Face>, merged: &mut Merged) -> Edits<'t> {
        let mut edits = Edits::new(text);
        let left = self.merge_theirs(faces, &mut edits, merged);
        let left = self.merge_ours(left, &mut edits, merged);
        merged.added = left.len();
        self.add(&left, &mut edits);
        edits
    }

    /// Gives our names to regions of other programs. Returns the faces that have no such region.
    fn merge_theirs<'f>(
        &self,
        faces: Vec<Face<'f>>,
        edits: &mut Edits,
        merged: &mut Merged,
    ) -> Vec<Face<'f>> {
        // A face in both schemas is listed once.
        let theirs: Vec<&Region> = self.found.regions.iter().filter(is_foreign_face).collect();
        let areas: Vec<Rect> = theirs.iter().map(|region| region.area).collect();
        let wanted: Vec<Rect> = faces.iter().map(|face| face.area).collect();
        let matches = match_rects(&areas, &wanted, self.options.min_overlap);
        for pair in &matches.matched {
            let (region, face) = (theirs[pair.region], faces[pair.face]);
            match region.name.as_deref() {
                Some(name) if name == face.name => {}
                Some(name) if !self.options.replace_names => {
                    merged.conflicts.push(Conflict { theirs: name.to_owned(), ours: face.name.to_owned() });
                }
                _ => {
                    self.rename(region, face.name, edits);
                    merged.named += 1;
                }
            }
        }
        matches.faces_left.iter().map(|&index| faces[index]).collect()
    }

    /// Renames a region of another program, in both schemas if they agree.
    fn rename(&self, region: &Region, name: &str, edits: &mut Edits) {
        let same = |other: &Region| {
            !other.ours
                && other.name == region.name
                && other.area.overlap(region.area) >= super::read::SAME_REGION
        };
        let exact = |other: &Region| other == region;
        let is_copy = |other: &Region| other.source != region.source && same(other);
        for entry in self.entries.iter().filter(|entry| exact(&entry.region) || is_copy(&entry.region)) {
            match entry.region.source {
                RegionSource::Mwg => edits.set(entry.node, MWG, &Name::MWG_NAME, name),
                RegionSource::Microsoft => edits.set(entry.node, MP_REGION, &Name::MICROSOFT_NAME, name),
            }
        }
    }

    /// Changes the regions that this program wrote. Returns the faces that have none.
    fn merge_ours<'f>(&self, faces: Vec<Face<'f>>, edits: &mut Edits, merged: &mut Merged) -> Vec<Face<'f>> {
        let ours: Vec<&Entry> = self.entries.iter().filter(|entry| entry.region.ours).collect();
        let areas: Vec<Rect> = ours.iter().map(|entry| entry.region.area).collect();
        let wanted: Vec<Rect> = faces.iter().map(|face| face.area).collect();
        let matches = match_rects(&areas, &wanted, self.options.min_overlap);
        for pair in &matches.matched {
            let (entry, face) = (ours[pair.region], faces[pair.face]);
            if entry.region.name.as_deref() != Some(face.name) || !is_same_area(entry.region.area, face.area)
            {
                let parent = entry.node.parent().unwrap_or(entry.node);
                edits.replace(entry.node, &Block::region(face.name, face.area, &declarations(parent)));
                merged.updated += 1;
            }
        }
        for &index in &matches.regions_left {
            edits.remove(ours[index].node);
            merged.removed += 1;
        }
        matches.faces_left.iter().map(|&index| faces[index]).collect()
    }

    /// Adds regions to the list, and the list if there is none.
    fn add(&self, faces: &[Face], edits: &mut Edits) {
        if faces.is_empty() {
            return;
        }
        let blocks = |declarations: &str| -> Vec<Block> {
            faces.iter().map(|face| Block::region(face.name, face.area, declarations)).collect()
        };
        let structure = mwg_structures(self.rdf).next();
        let list =
            structure.and_then(|node| property(node, MWG, "RegionList")).and_then(|list| list.element());
        match (structure, list, list.and_then(container)) {
            (_, _, Some(container)) => edits.append(container, &blocks(&declarations(container))),
            (_, Some(list), None) => {
                edits.append(list, &[Block::bag(blocks(""), &declarations(list))]);
            }
            (Some(structure), None, None) => {
                let node = super::document::body(structure);
                let list = Block::list(blocks(""), &declarations(node));
                edits.append(node, &[list]);
            }
            (None, None, None) => {
                let is_description = |node: &Node| node.has_tag_name((RDF, "Description"));
                let first = self.rdf.children().find(is_description);
                // XMP requires all descriptions of a packet to be about the same resource.
                let about = first.and_then(|node| node.attribute((RDF, "about"))).unwrap_or_default();
                let declarations = declarations(self.rdf);
                let block = Block::description(blocks(""), about, self.photo.stored, &declarations);
                edits.append(self.rdf, &[block]);
            }
        }
    }
}

fn is_foreign_face(region: &&Region) -> bool {
    !region.ours && region.kind == RegionKind::Face
}

fn is_same_area(a: Rect, b: Rect) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() <= SAME_AREA;
    near(a.left, b.left) && near(a.top, b.top) && near(a.width, b.width) && near(a.height, b.height)
}
