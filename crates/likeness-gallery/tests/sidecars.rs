//! Reads and merges sidecars as other programs write them; `tests/golden/sidecars/README.md` describes them.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::path::{Path, PathBuf};

use likeness_gallery::exchange::{
    ExchangeError, MergeOptions, Merged, Orientation, PhotoFrame, Rect, Region, RegionKind, RegionSource,
    Size, XmpFault, merge_regions, photo_regions, read_regions, sidecar_paths, sidecar_to_write,
    update_sidecar,
};
use proptest::prelude::*;

const PROGRAMS: [&str; 7] = [
    "lightroom.xmp",
    "digikam.jpg.xmp",
    "darktable.jpg.xmp",
    "picasa.xmp",
    "windows.xmp",
    "apple.xmp",
    "exiftool.xmp",
];
const PHOTO: PhotoFrame =
    PhotoFrame { stored: Size { width: 4000, height: 3000 }, orientation: Orientation::Upright };
/// The two faces of the golden sidecars, and one that none of them has.
const BERTA: Rect = Rect { left: 0.2, top: 0.125, width: 0.1, height: 0.15 };
const ANNA: Rect = Rect { left: 0.6, top: 0.5, width: 0.12, height: 0.16 };
const CARLA: Rect = Rect { left: 0.8, top: 0.1, width: 0.1, height: 0.2 };

fn golden(name: &str) -> Vec<u8> {
    fs_err::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/sidecars").join(name)).unwrap()
}

fn merge(existing: Option<&[u8]>, faces: &[(&str, Rect)]) -> Merged {
    merge_with(existing, faces, &MergeOptions::default())
}

fn merge_with(existing: Option<&[u8]>, faces: &[(&str, Rect)], options: &MergeOptions) -> Merged {
    let faces: Vec<Region> = faces.iter().map(|&(name, area)| Region::face(name, area)).collect();
    merge_regions(existing, &faces, PHOTO, options).unwrap()
}

fn is_near(a: Rect, b: Rect) -> bool {
    let near = |a: f64, b: f64| (a - b).abs() < 1.1e-6;
    near(a.left, b.left) && near(a.top, b.top) && near(a.width, b.width) && near(a.height, b.height)
}

/// The regions with their names and kinds, and whether they are at Berta's or Anna's place.
fn summary(packet: &[u8]) -> Vec<String> {
    let regions = read_regions(packet).unwrap().regions;
    let line = |region: &Region| {
        let place = match region.area {
            area if is_near(area, BERTA) => "left",
            area if is_near(area, ANNA) => "right",
            area if is_near(area, CARLA) => "corner",
            _ => "elsewhere",
        };
        let kind = match &region.kind {
            RegionKind::Face => "",
            RegionKind::Other(kind) => kind,
        };
        format!(
            "{} {place}{kind}{}",
            region.name.as_deref().unwrap_or("?"),
            if region.ours { " ours" } else { "" }
        )
    };
    regions.iter().map(line).collect()
}

#[test]
fn the_regions_of_every_program_are_read() {
    let expected: [&[&str]; 7] = [
        &["Berta \"B\" Öztürk left", "? right"],
        &["Berta Öztürk left", "Anna right"],
        &[],
        &["Anna right", "Berta & Co left"],
        &["Anna right", "? left"],
        &["? right"],
        &["Anna right", "Rex leftPet"],
    ];
    for (name, expected) in PROGRAMS.into_iter().zip(expected) {
        assert_eq!(summary(&golden(name)), expected, "{name}");
        let found = read_regions(&golden(name)).unwrap();
        let has_size = !["windows.xmp", "darktable.jpg.xmp"].contains(&name);
        assert_eq!(found.applied_to, has_size.then_some(PHOTO.stored), "{name}");
        let ignored = usize::from(["windows.xmp", "exiftool.xmp"].contains(&name));
        assert_eq!(found.ignored, ignored, "{name}");
    }
    let digikam = read_regions(&golden("digikam.jpg.xmp")).unwrap();
    assert_eq!(digikam.tagged, ["Anna", "Berta Öztürk"]);
    assert!(digikam.regions.iter().all(|region| region.source == RegionSource::Mwg));
    assert_eq!(read_regions(&golden("lightroom.xmp")).unwrap().for_extension.as_deref(), Some("CR2"));
}

/// The packet without the regions that this program wrote, and without white space.
fn foreign_content(packet: &[u8]) -> String {
    let mut text = String::from_utf8(packet.to_vec()).unwrap();
    while let Some(mark) = text.find("<likeness:Origin>") {
        let start = text[..mark].rfind("<rdf:li ").unwrap();
        let end = mark + text[mark..].find("</rdf:li>").unwrap() + "</rdf:li>".len();
        text.replace_range(start..end, "");
    }
    text.split_whitespace().collect()
}

#[test]
fn adding_keeps_every_byte_of_other_programs_and_removing_restores_the_file() {
    for name in PROGRAMS {
        let before = golden(name);
        let merged = merge(Some(&before), &[("Carla", CARLA)]);
        assert_eq!((merged.added, merged.named, merged.conflicts.len()), (1, 0, 0), "{name}");
        let mut expected = summary(&before);
        // Microsoft's regions are listed last.
        let at = if name == "windows.xmp" { 0 } else { expected.len() };
        expected.insert(at, "Carla corner ours".into());
        assert_eq!(summary(&merged.packet), expected, "{name}");
        let has_list = !["windows.xmp", "darktable.jpg.xmp"].contains(&name);
        let again = merge(Some(&merged.packet), &[("Carla", CARLA)]);
        assert!(!again.is_changed() && again.packet == merged.packet, "{name}");
        let removed = merge(Some(&merged.packet), &[]);
        assert_eq!(removed.removed, 1, "{name}");
        if has_list {
            assert_eq!(foreign_content(&merged.packet), foreign_content(&before), "{name}");
            assert_eq!(removed.packet, before, "{name}");
        } else {
            // Only the description with our list was added.
            let (start, end) = common_ends(&before, &merged.packet);
            assert_eq!(start + end, before.len(), "{name}");
        }
    }
}

/// The lengths of the longest common beginning of two texts, and of the longest common end behind it.
fn common_ends(before: &[u8], after: &[u8]) -> (usize, usize) {
    let start = before.iter().zip(after).take_while(|(a, b)| a == b).count();
    let rest = &before[start..];
    let end = rest.iter().rev().zip(after[start..].iter().rev()).take_while(|(a, b)| a == b).count();
    (start, end)
}

#[test]
fn unnamed_regions_get_names_and_other_names_are_kept() {
    let near = Rect { left: 0.61, top: 0.49, width: 0.13, height: 0.17 };
    for (name, renamed, line) in [
        ("lightroom.xmp", 1, "Zoë right"),
        ("apple.xmp", 1, "Zoë right"),
        ("digikam.jpg.xmp", 0, "Anna right"),
        ("picasa.xmp", 0, "Anna right"),
        ("windows.xmp", 0, "Anna right"),
        ("exiftool.xmp", 0, "Anna right"),
    ] {
        let before = golden(name);
        let merged = merge(Some(&before), &[("Zoë", near)]);
        assert_eq!((merged.added, merged.named, merged.conflicts.len()), (0, renamed, 1 - renamed), "{name}");
        assert!(summary(&merged.packet).contains(&line.to_owned()), "{name}: {:?}", summary(&merged.packet));
        let replaced = merge_with(
            Some(&before),
            &[("Zoë", near)],
            &MergeOptions { replace_names: true, ..MergeOptions::default() },
        );
        assert!(summary(&replaced.packet).contains(&"Zoë right".to_owned()), "{name}");
        assert_eq!((replaced.named, replaced.conflicts.len()), (1, 0), "{name}");
        // The same name again changes nothing.
        let again = merge(Some(&replaced.packet), &[("Zoë", near)]);
        assert!(!again.is_changed() && again.conflicts.is_empty(), "{name}");
    }
    // Microsoft's unnamed region, and both schemas of digiKam.
    let windows = merge(Some(&golden("windows.xmp")), &[("Berta", BERTA)]);
    assert_eq!(summary(&windows.packet), ["Anna right", "Berta left"]);
    let options = MergeOptions { replace_names: true, ..MergeOptions::default() };
    let digikam = merge_with(Some(&golden("digikam.jpg.xmp")), &[("Zoë", ANNA)], &options);
    let text = String::from_utf8(digikam.packet).unwrap();
    assert_eq!(text.matches("PersonDisplayName=\"Zoë\"").count(), 1);
    assert_eq!(text.matches("mwg-rs:Name=\"Zoë\"").count(), 1);
}

#[test]
fn our_regions_follow_the_gallery() {
    let first = merge(None, &[("Anna", ANNA), ("Berta", BERTA)]);
    assert_eq!(summary(&first.packet), ["Anna right ours", "Berta left ours"]);
    let moved = Rect { left: 0.62, ..ANNA };
    let second = merge(Some(&first.packet), &[("Anja", moved), ("Carla", CARLA)]);
    assert_eq!((second.added, second.updated, second.removed), (1, 1, 1));
    assert_eq!(summary(&second.packet), ["Anja elsewhere ours", "Carla corner ours"]);
    let empty = merge(Some(&second.packet), &[]);
    assert_eq!((empty.removed, summary(&empty.packet).len()), (2, 0));
    let refilled = merge(Some(&empty.packet), &[("Anna", ANNA)]);
    assert_eq!(summary(&refilled.packet), ["Anna right ours"]);
    assert!(!merge(None, &[]).is_changed());
}

#[test]
fn a_new_sidecar_has_the_form_of_the_guidelines() {
    let merged = merge(None, &[("Anna", ANNA)]);
    assert_eq!(String::from_utf8(merged.packet).unwrap(), String::from_utf8(golden("ours.jpg.xmp")).unwrap());
}

#[test]
fn our_regions_are_recognised_after_another_program_wrote_the_sidecar() {
    let rewritten = golden("rewritten.jpg.xmp");
    assert_eq!(summary(&rewritten), ["Anna right ours"]);
    assert!(!merge(Some(&rewritten), &[("Anna", ANNA)]).is_changed());
    let changed = merge(Some(&rewritten), &[("Anja", ANNA), ("Berta", BERTA)]);
    assert_eq!((changed.added, changed.updated), (1, 1));
    assert_eq!(summary(&changed.packet), ["Anja right ours", "Berta left ours"]);
    assert!(String::from_utf8(changed.packet).unwrap().contains("xmp:Rating=\"3\""));
    assert_eq!(summary(&merge(Some(&rewritten), &[]).packet).len(), 0);
}

/// A packet around `content`, with other prefixes than usual.
fn packet(content: &str) -> String {
    format!(
        "<r:RDF xmlns:r=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\" \
         xmlns:m=\"http://www.metadataworkinggroup.com/schemas/regions/\">{content}</r:RDF>"
    )
}

#[test]
fn unusual_forms_are_extended() {
    let empty = "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"/>".to_owned();
    let about =
        |content: &str| packet(&format!("<r:Description r:about=\"a&amp;b\">{content}</r:Description>"));
    for (form, text) in [
        ("no description", packet("")),
        ("closed RDF", empty),
        ("closed description", packet("<r:Description r:about=\"x\"/>")),
        ("closed structure", about("<m:Regions r:parseType=\"Resource\"/>")),
        ("closed list", about("<m:Regions r:parseType=\"Resource\"><m:RegionList/></m:Regions>")),
        (
            "closed bag",
            about(
                "<m:Regions><r:Description><m:RegionList><r:Bag/></m:RegionList></r:Description></m:Regions>",
            ),
        ),
        ("nested structure", about("<m:Regions><r:Description/></m:Regions>")),
        ("another meaning of a prefix", about("<mwg-rs:x xmlns:mwg-rs=\"urn:x\"/>")),
        ("carriage returns", packet("\r\n <r:Description r:about=\"a&amp;b\"/>\r\n")),
    ] {
        let merged = merge(Some(text.as_bytes()), &[("Anna", ANNA), ("Berta", BERTA)]);
        assert_eq!(summary(&merged.packet), ["Anna right ours", "Berta left ours"], "{form}");
        let again = merge(Some(&merged.packet), &[("Berta", BERTA), ("Anna", ANNA)]);
        assert!(!again.is_changed(), "{form}");
        let written = String::from_utf8(merged.packet).unwrap();
        assert_eq!(text.contains("\r\n"), written.contains("\r\n"), "{form}");
        if form != "carriage returns" {
            assert_eq!(summary(&merge(Some(written.as_bytes()), &[]).packet).len(), 0, "{form}");
        }
        if text.contains("a&amp;b") {
            assert!(
                written.matches("a&amp;b").count() >= 1 && !written.contains("a&amp;amp;b"),
                "{form}: {written}"
            );
        }
    }
}

#[test]
fn regions_are_written_in_the_frame_of_the_packet() {
    let photo = PhotoFrame { orientation: Orientation::Clockwise, ..PHOTO };
    let face = [Region::face("Anna", ANNA)];
    let faces = |packet: &[u8]| read_regions(packet).unwrap().displayed_faces(photo);
    let stored = merge_regions(None, &face, photo, &MergeOptions::default()).unwrap();
    let area = read_regions(&stored.packet).unwrap().regions[0].area;
    assert!(is_near(area, Orientation::Clockwise.to_stored(ANNA)));
    assert!(is_near(faces(&stored.packet)[0].area, ANNA));
    // A program that ignored the guidelines.
    let text = String::from_utf8(golden("picasa.xmp")).unwrap();
    let displayed = text.replace(">4000<", ">x<").replace(">3000<", ">4000<").replace(">x<", ">3000<");
    let merged = merge_regions(Some(displayed.as_bytes()), &face, photo, &MergeOptions::default()).unwrap();
    assert!(!merged.is_changed() && merged.conflicts.is_empty());
    assert!(is_near(faces(displayed.as_bytes())[0].area, ANNA));
    // The photo was cropped since.
    let cropped = text.replace(">4000<", ">4500<");
    let fault = merge_regions(Some(cropped.as_bytes()), &face, photo, &MergeOptions::default()).unwrap_err();
    let applied_to = Size { width: 4500, height: 3000 };
    assert_eq!(fault, XmpFault::OtherImage { applied_to, stored: PHOTO.stored });
}

fn any_name() -> impl Strategy<Value = String> {
    let hard = prop::sample::select(vec![
        "O'Hara \"Kit\" <&>]]>",
        "two\nlines",
        "\r\n\t ",
        "אַבְגָד",
        "محمد",
        "\u{202e}olleh",
        "Zoë",
        "🧑\u{200d}🚀",
        "&amp;",
        "-->",
        "a{b}c",
        "=1+1",
        " edges ",
    ]);
    prop_oneof![hard.prop_map(str::to_owned), "\\PC{1,20}", "[ -~]{1,10}"]
}

fn any_faces() -> impl Strategy<Value = Vec<(String, Rect)>> {
    // One face in each cell of a grid, so that no two overlap.
    let cell = (any_name(), 0.01..0.04_f64, 0.01..0.04_f64, 0.05..0.15_f64, 0.05..0.15_f64);
    prop::collection::vec(prop::option::of(cell), 16).prop_map(|cells| {
        let cells = cells.into_iter().enumerate();
        cells
            .filter_map(|(index, cell)| {
                let (name, left, top, width, height) = cell?;
                let (column, row) = ((index % 4) as f64 / 4.0, (index / 4) as f64 / 4.0);
                Some((name, Rect { left: column + left, top: row + top, width, height }))
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_names_are_read_as_they_were_written(
        faces in any_faces(),
        others in any_faces(),
        program in 0..PROGRAMS.len() + 1,
        turned in 0..8_usize,
    ) {
        let existing = PROGRAMS.get(program).map(|name| golden(name));
        let photo = PhotoFrame { orientation: Orientation::ALL[turned], ..PHOTO };
        let options = MergeOptions { min_overlap: 0.35, replace_names: true };
        let regions = |faces: &[(String, Rect)]| -> Vec<Region> {
            faces.iter().map(|(name, area)| Region::face(name.clone(), *area)).collect()
        };
        let before = existing.as_deref().map_or(0, |packet| read_regions(packet).unwrap().regions.len());
        let first = merge_regions(existing.as_deref(), &regions(&others), photo, &options).unwrap();
        let merged = merge_regions(Some(&first.packet), &regions(&faces), photo, &options).unwrap();
        let found = read_regions(&merged.packet).unwrap();
        let displayed = found.displayed_faces(photo);
        for (name, area) in &faces {
            let has = displayed.iter().any(|face| {
                face.name.as_ref() == Some(name) && (is_near(face.area, *area) || face.area.overlap(*area) >= 0.35)
            });
            prop_assert!(has, "{name:?}");
        }
        let foreign = found.regions.iter().filter(|region| !region.ours).count();
        prop_assert_eq!(foreign, before);
        let again = merge_regions(Some(&merged.packet), &regions(&faces), photo, &options).unwrap();
        prop_assert!(!again.is_changed());
        prop_assert_eq!(again.packet, merged.packet);
    }

    #[test]
    fn damaged_packets_are_read_or_refused(program in 0..PROGRAMS.len(), at in any::<prop::sample::Index>(), byte: u8) {
        let mut packet = golden(PROGRAMS[program]);
        let at = at.index(packet.len());
        packet[at] = byte;
        let _ = merge_regions(Some(&packet), &[Region::face("Anna", ANNA)], PHOTO, &MergeOptions::default());
        packet.truncate(at);
        let _ = read_regions(&packet);
    }
}

#[test]
fn hostile_packets_are_refused_quickly() {
    let fault = |text: &str| read_regions(text.as_bytes()).unwrap_err();
    let expanding = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;\">]>";
    assert_eq!(fault(&format!("{expanding}{}", packet("&b;"))), XmpFault::DocumentType);
    assert!(matches!(fault(&packet("&b;")), XmpFault::NotXml(_)));
    let nested = format!("{}{}", "<a>".repeat(300), "</a>".repeat(300));
    assert_eq!(fault(&packet(&nested)), XmpFault::TooDeep { limit: 256 });
    assert!(matches!(fault(&"<a b='/>'>".repeat(1_000_000)), XmpFault::TooDeep { .. }));
    let attributes: String = (0..100_000).map(|index| format!(" a{index}=''")).collect();
    assert_eq!(fault(&packet(&format!("<a{attributes}/>"))), XmpFault::TooManyAttributes { limit: 1024 });
    let namespaces: String = (0..20_000).map(|index| format!("<a xmlns:n{index}='u'/>")).collect();
    assert_eq!(fault(&packet(&namespaces)), XmpFault::TooManyNamespaces { limit: 10_000 });
    assert_eq!(fault(&packet(&"<a/>".repeat(1_100_000))), XmpFault::TooManyNodes { limit: 1_000_000 });
    let bytes = 17 << 20;
    assert_eq!(fault(&" ".repeat(bytes)), XmpFault::TooLarge { bytes: bytes as u64, limit: 16 << 20 });
    assert_eq!(fault("<html><body/></html>"), XmpFault::NotXmp);
    assert!(matches!(fault(""), XmpFault::NotXml(_)));
    assert!(matches!(fault(&packet("<a>")), XmpFault::NotXml(_)));
    assert_eq!(read_regions(b"\xff\xfe<\0").unwrap_err(), XmpFault::NotUtf8);
    let region =
        "<r:li r:parseType='Resource'><m:Area a:x='.5' a:y='.5' a:w='.1' a:h='.1'/></r:li>".repeat(10_001);
    let many = format!(
        "<r:Description xmlns:a='http://ns.adobe.com/xmp/sType/Area#'><m:Regions r:parseType='Resource'>\
         <m:RegionList><r:Bag>{region}</r:Bag></m:RegionList></m:Regions></r:Description>"
    );
    assert_eq!(fault(&packet(&many)), XmpFault::TooManyRegions { limit: 10_000 });
    // Comments and CDATA sections are no tags.
    let harmless = packet(&format!("<!--{}--><![CDATA[{}]]>", "<a>".repeat(999), "<a>".repeat(999)));
    assert_eq!(read_regions(harmless.as_bytes()).unwrap().regions, []);
}

#[test]
fn names_that_xml_cannot_store_are_refused() {
    for bad in ['\0', '\u{1b}', '\u{ffff}'] {
        let name = format!("a{bad}b");
        let faces = [Region::face(name.clone(), ANNA)];
        let fault = merge_regions(None, &faces, PHOTO, &MergeOptions::default()).unwrap_err();
        assert_eq!(fault, XmpFault::UnwritableName { name, found: bad });
    }
}

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &[u8]) -> PathBuf {
        fs_err::write(self.path(name), content).unwrap();
        self.path(name)
    }
}

#[test]
fn both_names_of_sidecars_are_found_and_the_existing_one_is_written() {
    let folder = Folder::new();
    let photo = folder.write("IMG.jpg", b"not a photo");
    let faces = [Region::face("Anna", ANNA)];
    let update = || update_sidecar(&photo, &faces, PHOTO, &MergeOptions::default()).unwrap();
    // No sidecar is written for a photo without named faces.
    let nothing = update_sidecar(&photo, &[], PHOTO, &MergeOptions::default()).unwrap();
    assert!(!nothing.path.exists());
    // Lightroom's sidecar is for the raw photo with the same name.
    folder.write("IMG.xmp", &golden("lightroom.xmp"));
    assert_eq!(sidecar_to_write(&photo).unwrap(), folder.path("IMG.jpg.xmp"));
    assert_eq!(sidecar_to_write(&folder.path("IMG.CR2")).unwrap(), folder.path("IMG.xmp"));
    assert!(photo_regions(&photo).unwrap().sources.is_empty());
    folder.write("IMG.xmp", &golden("darktable.jpg.xmp"));
    assert_eq!(update().path, folder.path("IMG.xmp"));
    let written = fs_err::metadata(folder.path("IMG.xmp")).unwrap().modified().unwrap();
    assert!(!update().merged.is_changed());
    assert_eq!(fs_err::metadata(folder.path("IMG.xmp")).unwrap().modified().unwrap(), written);
    // The whole name comes first.
    folder.write("IMG.jpg.xmp", &golden("picasa.xmp"));
    assert_eq!(sidecar_paths(&photo), [folder.path("IMG.jpg.xmp"), folder.path("IMG.xmp")]);
    assert_eq!(sidecar_to_write(&photo).unwrap(), folder.path("IMG.jpg.xmp"));
    let faces = photo_regions(&photo).unwrap().faces(PHOTO);
    let names: Vec<_> = faces.iter().filter_map(|face| face.name.as_deref()).collect();
    assert_eq!(names, ["Anna", "Berta & Co"]);
}

#[test]
fn a_broken_sidecar_is_named_and_stays_as_it_is() {
    let folder = Folder::new();
    let photo = folder.write("IMG.jpg", b"not a photo");
    let broken = b"<?xml version=\"1.0\"?><!DOCTYPE x><x/>";
    let sidecar = folder.write("IMG.jpg.xmp", broken);
    let error = update_sidecar(&photo, &[], PHOTO, &MergeOptions::default()).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("IMG.jpg.xmp: XMP with a document type definition, which XMP does not allow")
    );
    assert!(error.hint().is_some());
    assert!(matches!(error, ExchangeError::BadXmp { path, .. } if path == sidecar));
    assert!(matches!(photo_regions(&photo), Err(ExchangeError::BadXmp { .. })));
    assert_eq!(fs_err::read(sidecar).unwrap(), broken);
}

#[test]
fn packets_in_jpeg_files_are_read() {
    let folder = Folder::new();
    let packet = [&b"http://ns.adobe.com/xap/1.0/\0"[..], &golden("picasa.xmp")].concat();
    let length = u16::try_from(packet.len() + 2).unwrap().to_be_bytes();
    let photo = folder.write("IMG.jpg", &[&b"\xff\xd8\xff\xe1"[..], &length, &packet, b"\xff\xda"].concat());
    folder.write("IMG.jpg.xmp", &merge(None, &[("Zoë", ANNA)]).packet);
    let found = photo_regions(&photo).unwrap();
    let names: Vec<_> = found.faces(PHOTO).into_iter().filter_map(|face| face.name).collect();
    assert_eq!(names, ["Zoë", "Berta & Co"]);
    assert_eq!(found.sources[1].0, photo);
    assert_eq!(found.unfitting(PHOTO).count(), 0);
    let cropped = PhotoFrame { stored: Size { width: 3000, height: 3000 }, ..PHOTO };
    assert_eq!(found.unfitting(cropped).count(), 2);
    assert!(found.faces(cropped).is_empty());
}
