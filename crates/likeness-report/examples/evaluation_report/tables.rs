//! Invented slices, queries, confusions, issues, settings and licences.

use image::codecs::jpeg::JpegEncoder;
use image::{Rgb, RgbImage};
use likeness_report::evaluation::{
    Confusion, Confusions, DataChecks, Estimate, Explanation, ExplanationSide, Issue, IssueState, Jpeg,
    LeftOut, Licence, Licensing, Mislabelled, Queries, QueryHit, QueryRow, QuerySet, SettingRow, Settings,
    Slice, SliceValue, Slices, Terms, Timing, TimingRow, WithoutIssue,
};

/// Name, queries, people, and top-1 with its interval of each model in percent.
type SliceRow = (&'static str, usize, usize, [(f64, f64, f64); 3]);

const SLICES: [SliceRow; 15] = [
    ("Head turned 30°+", 43, 27, [(88.4, 77.5, 97.4), (83.7, 73.5, 93.2), (44.2, 29.7, 58.1)]),
    ("Dark, mean < 70", 48, 26, [(93.8, 85.7, 100.0), (87.5, 75.8, 95.7), (58.3, 46.7, 69.4)]),
    ("Head turned 15–30°", 145, 49, [(94.5, 90.4, 98.3), (91.7, 86.1, 96.8), (50.3, 40.9, 60.0)]),
    ("Sharpness, lowest 10 %", 125, 39, [(96.0, 92.4, 99.1), (96.0, 92.4, 99.1), (52.0, 42.1, 61.5)]),
    ("Face < 80 px", 74, 29, [(97.3, 92.9, 100.0), (93.2, 87.5, 98.3), (44.6, 31.5, 55.9)]),
    ("Face 80–120 px", 815, 57, [(97.3, 95.5, 98.7), (95.7, 93.3, 97.6), (62.1, 56.0, 68.0)]),
    ("Several faces", 39, 24, [(97.4, 91.4, 100.0), (97.4, 91.4, 100.0), (69.2, 50.0, 85.5)]),
    ("One face", 1206, 58, [(97.7, 96.4, 98.7), (96.3, 94.5, 97.7), (63.1, 57.6, 68.2)]),
    ("Bright, mean > 170", 44, 24, [(97.7, 92.3, 100.0), (90.9, 80.6, 98.0), (47.7, 31.6, 62.5)]),
    ("Brightness 70–170", 1153, 58, [(97.8, 96.5, 98.9), (96.9, 95.3, 98.1), (64.1, 58.4, 69.5)]),
    ("Sharpness, middle 80 %", 995, 58, [(97.9, 96.4, 99.1), (96.2, 94.0, 97.8), (63.6, 57.7, 69.2)]),
    ("Head turned < 15°", 1057, 58, [(98.5, 97.6, 99.2), (97.4, 96.0, 98.6), (65.8, 60.1, 71.1)]),
    ("Face 120 px+", 356, 53, [(98.6, 97.2, 99.7), (98.3, 96.9, 99.5), (69.9, 63.0, 75.6)]),
    ("Head tilted 20°+", 20, 15, [(95.0, 80.0, 100.0), (90.0, 70.0, 100.0), (50.0, 30.0, 70.0)]),
    ("Detector score < 0.8", 5, 3, [(80.0, 40.0, 100.0), (80.0, 40.0, 100.0), (20.0, 0.0, 60.0)]),
];

/// Top-1 by slice.
pub(crate) fn slices() -> Slices {
    let row = |(name, queries, identities, values): &SliceRow| Slice {
        name: (*name).into(),
        title: (*name == SLICES[0].0).then(|| "Heads turned 30° or more".into()),
        column: String::new(),
        queries: *queries,
        identities: *identities,
        values: (0..)
            .zip(values)
            .map(|(model, v)| SliceValue {
                model,
                top1: Estimate::new(v.0 / 100.0, v.1 / 100.0, v.2 / 100.0),
            })
            .collect(),
    };
    Slices { rows: SLICES.iter().map(row).collect(), notes: Vec::new() }
}

/// A drawn picture: rings in two colours that depend on the identity.
fn picture(identity: &str, variant: u32, side: u32) -> Option<Jpeg> {
    let seed = identity.bytes().fold(7u32, |seed, byte| seed.wrapping_mul(31).wrapping_add(u32::from(byte)));
    let (red, green, blue) = ((seed % 160) as u8, (seed / 7 % 160) as u8, (seed / 49 % 160) as u8);
    let middle = side / 2 + variant % 9;
    let image = RgbImage::from_fn(side, side, |x, y| {
        let away = f64::from(x.abs_diff(middle)).hypot(f64::from(y.abs_diff(side / 2)));
        match (away / (6.0 + f64::from(seed % 8))) as u32 % 2 {
            0 => Rgb([red, green, blue]),
            _ => Rgb([230 - (variant % 5 * 8) as u8, 225, 215]),
        }
    });
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 68).encode_image(&image).ok()?;
    Some(Jpeg(bytes))
}

fn hit(rank: usize, identity: &str, distance: f64, right: bool) -> QueryHit {
    let file = format!("image_{:04}.jpg", rank * 3 + 1);
    QueryHit {
        rank,
        file,
        identity: identity.into(),
        distance,
        right,
        picture: picture(identity, rank as u32, 88),
    }
}

/// A query whose hits are wrong at these places, with these identities.
fn query(
    identity: &str,
    ap: f64,
    start: f64,
    wrong: &[(usize, &str)],
    first_true: Option<(usize, f64)>,
) -> QueryRow {
    let hits = (1..=10).map(|rank| {
        let other = wrong.iter().find(|(place, _)| *place == rank).map(|(_, name)| *name);
        hit(rank, other.unwrap_or(identity), start + 0.011 * rank as f64, other.is_none())
    });
    QueryRow {
        file: "image_0007.jpg".into(),
        identity: identity.into(),
        average_precision: ap,
        true_images: 29,
        hits: hits.collect(),
        first_true: first_true.map(|(rank, distance)| hit(rank, identity, distance, true)),
        picture: picture(identity, 0, 88),
    }
}

/// Rows of pictures and explained pairs.
pub(crate) fn queries() -> Queries {
    let all = |names: [&'static str; 10]| -> Vec<(usize, &'static str)> { (1..).zip(names).collect() };
    let cannon = [
        "dragonfly",
        "anchor",
        "bonsai",
        "anchor",
        "dragonfly",
        "ceiling fan",
        "scissors",
        "scissors",
        "scissors",
        "brontosaurus",
    ];
    let headphone = [
        "cup",
        "accordion",
        "accordion",
        "watch",
        "accordion",
        "watch",
        "accordion",
        "accordion",
        "watch",
        "accordion",
    ];
    let worst = vec![
        query("cannon", 0.02, 0.38, &all(cannon), Some((118, 0.58))),
        query("headphone", 0.03, 0.50, &all(headphone), Some((77, 0.64))),
    ];
    let typical = vec![
        query("Leopards", 0.78, 0.28, &[(4, "cougar body"), (8, "cougar body")], None),
        query("starfish", 0.79, 0.27, &[(7, "bonsai")], None),
    ];
    let best = vec![query("metronome", 1.0, 0.02, &[], None), query("grand piano", 1.0, 0.22, &[], None)];
    let sets = vec![QuerySet { model: 0, worst, typical, best, median_average_precision: Some(0.79) }];
    let pairs = [
        ("headphone", "cup", 0.51, 0.64),
        ("cannon", "dragonfly", 0.39, 0.58),
        ("rhino", "elephant", 0.45, 0.52),
    ];
    let side = |identity: &str| ExplanationSide {
        file: "image_0016.jpg".into(),
        identity: identity.into(),
        picture: picture(identity, 3, 160),
    };
    let explanations = pairs.map(|(query, found, distance, nearest)| Explanation {
        model: 0,
        query: side(query),
        hit: side(found),
        right: false,
        distance,
        nearest_true: Some(nearest),
        margin: Some(distance - nearest),
    });
    let credits = vec!["Pictures: drawn for this example.".into()];
    Queries { withheld: None, sets, explanations: explanations.to_vec(), credits }
}

/// Identities taken for others.
pub(crate) fn confusions() -> Vec<Confusions> {
    let rows = [
        ("chair", "windsor chair", 9, 0, 0.27),
        ("rhino", "brontosaurus", 4, 1, 0.35),
        ("butterfly", "ceiling fan", 3, 0, 0.4),
    ];
    let row = |(query, hit, queries, other_direction, distance): (&str, &str, usize, usize, f64)| Confusion {
        query: query.into(),
        hit: hit.into(),
        queries,
        of: 30,
        other_direction,
        other_of: 30,
        distance,
        example: Some(["image_0001.jpg".into(), "image_0002.jpg".into()]),
        pictures: picture(query, 1, 88).zip(picture(hit, 2, 88)).map(|(query, hit)| [query, hit]),
    };
    vec![Confusions { model: 0, pairs: 102, rows: rows.map(row).to_vec() }]
}

/// Issues, doubtful labels and left-out photos.
pub(crate) fn checks() -> DataChecks {
    let issue = |name: &str, detail: &str, photos, without: Option<[(f64, f64); 3]>, state| Issue {
        name: name.into(),
        detail: detail.into(),
        photos,
        without: (0..)
            .zip(without.into_iter().flatten())
            .map(|(model, (top1, change))| WithoutIssue { model, top1: top1 / 100.0, change: change / 100.0 })
            .collect(),
        state,
    };
    let issues = vec![
        issue(
            "likely_mislabelled",
            "Far from all photos of its own person, with two models",
            12,
            Some([(98.7, 1.0), (97.4, 1.1), (64.0, 0.7)]),
            IssueState::Review,
        ),
        issue(
            "near_duplicates",
            "Same picture, recompressed or cropped; each pair within one person",
            7,
            Some([(97.7, 0.0), (96.3, 0.0), (62.7, -0.6)]),
            IssueState::Note,
        ),
        issue("identity_conflict", "One picture under two names", 0, None, IssueState::Clean),
        issue(
            "dark",
            "Mean brightness of the face under 60",
            18,
            Some([(97.8, 0.1), (96.4, 0.1), (62.8, -0.5)]),
            IssueState::Note,
        ),
        issue("no_face", "No face found; left out of queries and gallery", 4, None, IssueState::Excluded),
        issue("identity_leak", "A person in training and test", 0, None, IssueState::Clean),
    ];
    let mislabelled = [
        ("200207.jpg", "7396", "7245", "192689.jpg", 0.118, 88),
        ("194049.jpg", "7269", "7370", "187760.jpg", 0.505, 39),
    ];
    let photo =
        |(photo, label, looks_like, nearest, distance, rank): (&str, &str, &str, &str, f64, usize)| {
            Mislabelled {
                photo: photo.into(),
                label: label.into(),
                looks_like: looks_like.into(),
                nearest_photo: nearest.into(),
                distance,
                own_first_rank: Some(rank),
            }
        };
    let left_out =
        |reason: &str, photos, model| LeftOut { reason: reason.into(), photos, model, names: Vec::new() };
    DataChecks {
        photos: 1245,
        issues,
        likely_mislabelled: mislabelled.map(photo).to_vec(),
        likely_mislabelled_total: 12,
        leaks: Vec::new(),
        left_out: vec![left_out("without a face", 4, None), left_out("missing in ResNet50", 3, Some(2))],
    }
}

/// Time and memory.
pub(crate) fn timing() -> Timing {
    let row = |model, ms, rate, mib: u64, file, s| TimingRow {
        model,
        cpu_ms: Some(ms),
        photos_per_second: Some(rate),
        peak_memory_bytes: Some(mib << 20),
        file_bytes: Some(file),
        evaluation_s: Some(s),
    };
    let rows = vec![
        row(0, 7.0, 143.0, 212, 4_100_000, 0.02),
        row(1, 13.6, 74.0, 158, 5_700_000, 0.02),
        row(2, 9.2, 109.0, 236, 95_000_000, 0.02),
    ];
    Timing {
        rows,
        note:
            "Photo to embedding: decoding, detection, alignment, network. One core; compare processor time."
                .into(),
    }
}

/// Settings.
pub(crate) fn settings() -> Settings {
    let rows = [
        ("Data", "official test split: 1,252 photos, 58 people, 2 to 30 photos each (median 22)", false),
        ("Protocol", "leave-one-out; the query's own file excluded; ties by gallery order", false),
        ("Distance", "cosine, 1 − cosine similarity", false),
        (
            "Command",
            "likeness report celeba --split test mobilefacenet dlib-resnet run/model -o report.html",
            true,
        ),
    ];
    let row =
        |(name, value, code): (&str, &str, bool)| SettingRow { name: name.into(), value: value.into(), code };
    Settings { rows: rows.map(row).to_vec() }
}

/// Licences.
pub(crate) fn licences() -> Licensing {
    let row = |part: &str, model, terms, text: [&str; 4]| Licence {
        part: part.into(),
        model,
        licence: text[0].into(),
        terms,
        origin: text[1].into(),
        learned_from: text[2].into(),
        fingerprint: text[3].into(),
    };
    let rows = vec![
        row(
            "",
            Some(0),
            Terms::NonCommercial,
            [
                "non-commercial research",
                "InsightFace model zoo",
                "MS1M: web photos, consent not stated",
                "593c6a10ff",
            ],
        ),
        row(
            "",
            Some(1),
            Terms::Free,
            ["CC0-1.0", "dlib 19.24, 8-bit file", "VGG Face, FaceScrub and web photos", "a5119138ff"],
        ),
        row(
            "",
            Some(2),
            Terms::NonCommercial,
            [
                "as its training data",
                "trained here, run celeba-64",
                "ImageNet layers 1–3; CelebA, 217 people",
                "9b52f3bfff",
            ],
        ),
        row(
            "CelebA, test identities",
            None,
            Terms::NoCopies,
            ["non-commercial research", "MMLAB, CUHK; 1,252 photos", "", "e0672aeaff"],
        ),
        row("YuNet, detector", None, Terms::Free, ["BSD-3-Clause", "OpenCV Zoo", "WIDER FACE", "104ee26cff"]),
    ];
    Licensing { rows, notes: vec!["It holds drawn pictures only.".into()] }
}
