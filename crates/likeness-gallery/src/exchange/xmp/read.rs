//! Reads the regions of an XMP packet.

use roxmltree::Node;

use super::document::{
    AREA, DIGIKAM, DIMENSIONS, LIGHTROOM, LIKENESS, MAX_REGIONS, MP, MP_INFO, MP_REGION, MWG, PHOTOSHOP,
    items, parse, property, rdf, text, top_level,
};
use crate::exchange::{Rect, Region, RegionKind, RegionSource, Regions, Size, XmpFault};

/// The overlap from which regions in both schemas are the same one. digiKam writes both from the same numbers, rounded to six
/// digits.
pub(super) const SAME_REGION: f64 = 0.7;
/// The tags below which programs keep people.
const PEOPLE: &str = "People";

/// Reads the regions of an XMP packet: of a sidecar, or as embedded in a photo.
///
/// # Conventions   areas refer to the stored image; regions that cannot be used are counted, not refused
/// # Errors        more than 16 MiB, a million nodes or 256 levels, not UTF-8, a document type definition, broken XML, no
///   `rdf:RDF` → [`XmpFault`]
/// # Examples
///
/// ```
/// let packet = br#"<x:xmpmeta xmlns:x="adobe:ns:meta/">
///  <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
///   <rdf:Description xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
///     xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#">
///    <mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:RegionList><rdf:Bag>
///     <rdf:li><rdf:Description mwg-rs:Name="Anna" mwg-rs:Type="Face">
///      <mwg-rs:Area stArea:x="0.5" stArea:y="0.25" stArea:w="0.25" stArea:h="0.5"/>
///     </rdf:Description></rdf:li>
///    </rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
///   </rdf:Description>
///  </rdf:RDF>
/// </x:xmpmeta>"#;
/// let found = likeness_gallery::exchange::read_regions(packet)?;
/// assert_eq!(found.regions[0].name.as_deref(), Some("Anna"));
/// assert_eq!(found.regions[0].area.left, 0.375);
/// # Ok::<(), likeness_gallery::exchange::XmpFault>(())
/// ```
pub fn read_regions(packet: &[u8]) -> Result<Regions, XmpFault> {
    let document = parse(text(packet)?)?;
    let rdf = rdf(&document)?;
    let mut found = Regions { tagged: tagged(rdf), ..Regions::default() };
    found.for_extension = top_level(rdf, PHOTOSHOP, "SidecarForExtension").next().map(|value| value.text());
    found.applied_to = mwg_structures(rdf).find_map(applied_to);
    for structure in mwg_structures(rdf) {
        for item in mwg_items(structure) {
            found.add(mwg_region(item, found.applied_to))?;
        }
    }
    let from_mwg = found.regions.len();
    for item in microsoft_items(rdf) {
        let region = microsoft_region(item);
        let same = |other: &Region, area: Rect| other.area.overlap(area) >= SAME_REGION;
        let repeated = |region: &Region| found.regions[..from_mwg].iter().any(|mwg| same(mwg, region.area));
        if !region.as_ref().is_some_and(repeated) {
            found.add(region)?;
        }
    }
    Ok(found)
}

impl Regions {
    fn add(&mut self, region: Option<Region>) -> Result<(), XmpFault> {
        match region {
            Some(region) => self.regions.push(region),
            None => self.ignored += 1,
        }
        match self.regions.len() > MAX_REGIONS {
            true => Err(XmpFault::TooManyRegions { limit: MAX_REGIONS }),
            false => Ok(()),
        }
    }
}

/// The structures `mwg-rs:Regions`. Some writers call them by the name in the guidelines' text, `RegionInfo`.
pub(super) fn mwg_structures<'a, 'i>(rdf: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    top_level(rdf, MWG, "Regions")
        .chain(top_level(rdf, MWG, "RegionInfo"))
        .filter_map(|property| property.element())
}

/// The items of the list in a structure `mwg-rs:Regions`.
pub(super) fn mwg_items<'a, 'i>(structure: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    let list = property(structure, MWG, "RegionList").and_then(|list| list.element());
    list.into_iter().flat_map(items)
}

/// The items of the list in `MP:RegionInfo`.
pub(super) fn microsoft_items<'a, 'i>(rdf: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    let structures = top_level(rdf, MP, "RegionInfo").filter_map(|property| property.element());
    let lists = structures.filter_map(|info| property(info, MP_INFO, "Regions")?.element());
    lists.flat_map(items)
}

fn applied_to(structure: Node) -> Option<Size> {
    let size = property(structure, MWG, "AppliedToDimensions")?.element()?;
    let side = |name| {
        let value = property(size, DIMENSIONS, name)?.number()?;
        (value >= 1.0 && value <= f64::from(u32::MAX)).then_some(value.round() as u32)
    };
    Some(Size { width: side("w")?, height: side("h")? })
}

/// A region of `mwg-rs:RegionList`; `None` if it has no area that can be used.
pub(super) fn mwg_region(item: Node, applied_to: Option<Size>) -> Option<Region> {
    let kind = match property(item, MWG, "Type").map(|kind| kind.text()) {
        // The type is required, but early versions of Picasa left it out.
        None => RegionKind::Face,
        Some(kind) if kind == "Face" => RegionKind::Face,
        Some(kind) => RegionKind::Other(kind),
    };
    let name = property(item, MWG, "Name").map(|name| name.text()).filter(|name| !name.is_empty());
    let ours = property(item, MWG, "Extensions")
        .and_then(|extensions| extensions.element())
        .is_some_and(|extensions| property(extensions, LIKENESS, "Origin").is_some());
    Some(Region { name, kind, area: mwg_area(item, applied_to)?, source: RegionSource::Mwg, ours })
}

fn mwg_area(item: Node, applied_to: Option<Size>) -> Option<Rect> {
    let area = property(item, MWG, "Area")?.element()?;
    let number = |name| property(area, AREA, name)?.number();
    let rect = Rect::around(number("x")?, number("y")?, number("w")?, number("h")?);
    if property(area, AREA, "unit").is_some_and(|unit| unit.text() == "pixel") {
        let Size { width, height } = applied_to?;
        let (width, height) = (f64::from(width), f64::from(height));
        return Rect {
            left: rect.left / width,
            top: rect.top / height,
            width: rect.width / width,
            height: rect.height / height,
        }
        .clipped();
    }
    rect.clipped()
}

/// A region of `MP:RegionInfo`: left, top, width and height in one text.
pub(super) fn microsoft_region(item: Node) -> Option<Region> {
    let rectangle = property(item, MP_REGION, "Rectangle")?.text();
    let numbers: Vec<f64> = rectangle.split(',').map_while(|number| number.trim().parse().ok()).collect();
    let [left, top, width, height] = numbers[..] else { return None };
    let area = Rect { left, top, width, height }.clipped()?;
    let name = property(item, MP_REGION, "PersonDisplayName").map(|name| name.text());
    let name = name.filter(|name| !name.is_empty());
    Some(Region { name, kind: RegionKind::Face, area, source: RegionSource::Microsoft, ours: false })
}

/// The people in hierarchical keywords.
fn tagged(rdf: Node) -> Vec<String> {
    let below = |namespace, name, separator: char| {
        let lists = top_level(rdf, namespace, name).filter_map(|property| property.element());
        let people = lists.flat_map(items).filter_map(move |item| {
            let tag = super::document::Property::Element(item).text();
            let (first, rest) = tag.split_once(separator)?;
            let person = rest.rsplit(separator).next()?;
            (first == PEOPLE && !person.is_empty()).then(|| person.to_owned())
        });
        people.collect::<Vec<_>>()
    };
    let mut tagged = below(DIGIKAM, "TagsList", '/');
    tagged.extend(below(LIGHTROOM, "hierarchicalSubject", '|'));
    tagged.sort();
    tagged.dedup();
    tagged
}
