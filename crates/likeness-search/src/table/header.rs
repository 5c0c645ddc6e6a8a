//! The header of an embeddings file, with its checksum.

use std::collections::HashMap;

use safetensors::tensor::Metadata;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::ModelTag;
use crate::{Licence, SearchError, Terms, Thresholds};

/// The value of `format` in the header.
pub(super) const FORMAT: &str = "likeness-embeddings";
/// The version that this program writes.
pub(super) const FORMAT_VERSION: &str = "2";
/// The version without a checksum, which can still be read.
const UNCHECKED_VERSION: &str = "1";
/// The maximum length of a header. Ours have a few hundred bytes; a longer one belongs to another file or to an attack.
pub(super) const MAX_HEADER_BYTES: u64 = 1 << 20;
/// The text before the digits of the checksum. No JSON string contains it, because a quote in a string is escaped.
const CHECKSUM_KEY: &[u8] = br#""sha256":""#;
const CHECKSUM_DIGITS: usize = 64;

/// Computes the checksum of an embeddings file incrementally.
///
/// ```text
/// SHA-256( SHA-256(embeddings) ‖ SHA-256(rows) ‖ length of the header ‖ header with 64 zeros in place of the digits )
/// ```
#[derive(Default, Clone)]
pub(super) struct Checksum {
    pub(super) embeddings: Sha256,
    pub(super) rows: Sha256,
}

impl Checksum {
    /// The checksum in hexadecimal of a file that starts with `start` (the header's length and the header).
    fn digits(self, start: &[u8], place: usize) -> String {
        let digest = Sha256::new()
            .chain_update(self.embeddings.finalize())
            .chain_update(self.rows.finalize())
            .chain_update(&start[..place])
            .chain_update([b'0'; CHECKSUM_DIGITS])
            .chain_update(&start[place + CHECKSUM_DIGITS..])
            .finalize();
        likeness_artifact::hex(digest)
    }

    /// Compares the checksum with the one in the header; `start` is the header's length and the header.
    ///
    /// # Errors        the header has no checksum, or a different one → the reason
    pub(super) fn verify(self, start: &[u8]) -> Result<(), String> {
        let place = checksum_place(start).ok_or("its header has no checksum")?;
        let found = self.digits(start, place);
        let expected = &start[place..place + CHECKSUM_DIGITS];
        if expected == found.as_bytes() {
            return Ok(());
        }
        let expected = String::from_utf8_lossy(&expected[..12]);
        Err(format!("the checksum does not match (expected {expected}…, found {}…)", &found[..12]))
    }
}

/// The position of the checksum's digits in `start`, the beginning of a file.
fn checksum_place(start: &[u8]) -> Option<usize> {
    let key = start.windows(CHECKSUM_KEY.len()).position(|window| window == CHECKSUM_KEY)?;
    let place = key + CHECKSUM_KEY.len();
    (start.len() >= place + CHECKSUM_DIGITS).then_some(place)
}

/// The beginning of a file with `count` embeddings by `model` and `row_bytes` bytes of rows: the header's length, and the
/// header padded to 8 bytes.
pub(super) fn write(model: &ModelTag, count: u64, row_bytes: u64, checksum: Checksum) -> Vec<u8> {
    let vector_bytes = count * (model.dimension * size_of::<f32>()) as u64;
    let mut header = json!({
        "__metadata__": {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "model": model.name,
            "fingerprint": model.fingerprint,
            "dimension": model.dimension.to_string(),
            "distance": model.distance.name(),
            "crate_version": env!("CARGO_PKG_VERSION"),
            "sha256": "0".repeat(CHECKSUM_DIGITS),
        },
        "embeddings": {
            "dtype": "F32",
            "shape": [count, model.dimension],
            "data_offsets": [0, vector_bytes],
        },
        "rows": {
            "dtype": "U8",
            "shape": [row_bytes],
            "data_offsets": [vector_bytes, vector_bytes + row_bytes],
        },
    });
    if let Some(licence) = &model.licence {
        header["__metadata__"]["licence"] = json!(licence.name);
        header["__metadata__"]["terms"] = json!(licence.terms.name());
    }
    if !model.thresholds.is_empty() {
        header["__metadata__"]["thresholds"] = json!(json!(model.thresholds).to_string());
    }
    let mut header = header.to_string().into_bytes();
    header.resize(header.len().next_multiple_of(8), b' ');
    let mut start = (header.len() as u64).to_le_bytes().to_vec();
    start.extend(header);
    let place = checksum_place(&start).expect("the header above has a checksum");
    let digits = checksum.digits(&start, place);
    start[place..place + CHECKSUM_DIGITS].copy_from_slice(digits.as_bytes());
    start
}

/// The facts that a header contains about its file.
pub(super) struct Facts {
    pub(super) model: ModelTag,
    /// Number of rows in the table.
    pub(super) count: usize,
}

/// The format version in a header.
///
/// # Errors        the header belongs to another format → the reason
pub(super) fn version(header: &Metadata) -> Result<&str, String> {
    let format = field(header, "format")?;
    if format != FORMAT {
        return Err(format!("not an embeddings file: expected the format {FORMAT}, found {format}"));
    }
    field(header, "format_version")
}

/// Whether files of `version` carry a checksum.
///
/// # Errors        an unknown version → the reason
pub(super) fn has_checksum(header: &Metadata, version: &str) -> Result<bool, String> {
    match version {
        FORMAT_VERSION => Ok(true),
        UNCHECKED_VERSION if field(header, "sha256").is_err() => Ok(false),
        _ => Err(format!(
            "expected format version {UNCHECKED_VERSION} or {FORMAT_VERSION}, found {version}; \
             embed the photos again, or open the file with the version of likeness that wrote it"
        )),
    }
}

/// Parses the model and the number of rows.
///
/// # Errors        a field is missing or cannot be parsed → the reason
pub(super) fn facts(header: &Metadata) -> Result<Facts, String> {
    let dimension = field(header, "dimension")?;
    let dimension =
        dimension.parse().map_err(|_| format!("dimension: expected a whole number, found {dimension}"))?;
    let distance = field(header, "distance")?.parse().map_err(|error: SearchError| error.to_string())?;
    let count = header.info("embeddings").and_then(|info| info.shape.first().copied());
    let count =
        count.ok_or_else(|| "embeddings: expected the shape [n, dimension], found none".to_owned())?;
    let mut model =
        ModelTag::new(field(header, "model")?, field(header, "fingerprint")?, dimension, distance);
    model.licence = licence(header)?;
    model.thresholds = thresholds(header)?;
    Ok(Facts { model, count })
}

/// The licence of the model; files of earlier versions have none.
fn licence(header: &Metadata) -> Result<Option<Licence>, String> {
    let Ok(terms) = field(header, "terms") else { return Ok(None) };
    let known: Option<Terms> = serde_json::from_value(json!(terms)).ok();
    let terms = known.ok_or_else(|| format!("terms: expected the terms of a licence, found {terms}"))?;
    Ok(Some(Licence { name: field(header, "licence")?.to_owned(), terms }))
}

/// The thresholds of the model; files of earlier versions have none.
fn thresholds(header: &Metadata) -> Result<Thresholds, String> {
    let Ok(text) = field(header, "thresholds") else { return Ok(Thresholds::default()) };
    let listed = serde_json::from_str(text).map_err(|error| format!("thresholds: {error}"))?;
    Thresholds::new(listed).map_err(|reason| format!("thresholds: {reason}"))
}

fn field<'a>(header: &'a Metadata, name: &str) -> Result<&'a str, String> {
    let found = header.metadata().as_ref().and_then(|fields: &HashMap<String, String>| fields.get(name));
    found.map(String::as_str).ok_or_else(|| format!("not an embeddings file: its header has no {name}"))
}
