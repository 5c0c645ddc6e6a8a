//! Values in rows: checksums, boxes, landmarks, vectors.

use rusqlite::Row;

use crate::catalogue::{FileKey, Item, Photo, PhotoState};
use crate::{ItemId, ModelId, PhotoId, RootId};

/// Bits of an embedding's number that hold the item.
const ITEM_BITS: u32 = 40;

/// The number of an embedding.
pub(super) fn embedding_id(model: ModelId, item: ItemId) -> i64 {
    (model.0 << ITEM_BITS) | item.0
}

/// The range of numbers of a model's embeddings: from, and before.
pub(super) fn embedding_range(model: ModelId) -> (i64, i64) {
    (model.0 << ITEM_BITS, (model.0 + 1) << ITEM_BITS)
}

/// The item of an embedding.
pub(super) fn item_of(embedding: i64) -> ItemId {
    ItemId(embedding & ((1 << ITEM_BITS) - 1))
}

/// A checksum of `parts`: FNV-1a over 64 bits, with the length of each part.
///
/// It detects accidents, not attacks.
pub(super) fn checksum(parts: &[&[u8]]) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut eat = |bytes: &[u8]| {
        let mut words = bytes.chunks_exact(8);
        for word in words.by_ref() {
            let mut value = [0; 8];
            value.copy_from_slice(word);
            hash = (hash ^ u64::from_le_bytes(value)).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
        }
        for &byte in words.remainder() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    for part in parts {
        eat(&(part.len() as u64).to_le_bytes());
        eat(part);
    }
    hash as i64
}

/// The checksum of a photo's row.
pub(super) fn photo_checksum(photo: &Photo) -> i64 {
    let taken = photo.taken.as_deref().unwrap_or("-");
    checksum(&[
        &photo.id.0.to_le_bytes(),
        photo.sha256.as_bytes(),
        &photo.bytes.to_le_bytes(),
        &photo.width.to_le_bytes(),
        &photo.height.to_le_bytes(),
        taken.as_bytes(),
        photo.state.name().as_bytes(),
        photo.reason.as_bytes(),
    ])
}

/// The checksum of a file's row.
pub(super) fn file_checksum(photo: PhotoId, file: &FileKey) -> i64 {
    checksum(&[
        &photo.0.to_le_bytes(),
        &file.root.0.to_le_bytes(),
        file.path.as_bytes(),
        &file.bytes.to_le_bytes(),
        &file.modified_ns.to_le_bytes(),
    ])
}

/// The checksum of an item's row.
pub(super) fn item_checksum(item: &Item) -> i64 {
    let text = |value: Option<String>| value.unwrap_or_default();
    checksum(&[
        &item.id.0.to_le_bytes(),
        &item.photo.0.to_le_bytes(),
        &item.face.to_le_bytes(),
        text(item.face_box.map(|b| box_text(&b))).as_bytes(),
        text(item.landmarks.map(|l| landmarks_text(&l))).as_bytes(),
        &item.score.unwrap_or(-1.0).to_le_bytes(),
        &item.quality.to_le_bytes(),
    ])
}

/// The checksum of an embedding's row.
pub(super) fn vector_checksum(embedding: i64, vector: &[u8]) -> i64 {
    checksum(&[&embedding.to_le_bytes(), vector])
}

/// A box as text: left, top, width, height.
pub(super) fn box_text(face_box: &[i32; 4]) -> String {
    face_box.map(|v| v.to_string()).join(" ")
}

/// Landmarks as text: five pairs x, y.
pub(super) fn landmarks_text(landmarks: &[[f32; 2]; 5]) -> String {
    landmarks.as_flattened().iter().map(f32::to_string).collect::<Vec<_>>().join(" ")
}

/// `text` as an array of numbers.
fn numbers<T: std::str::FromStr + Copy + Default, const N: usize>(text: &str) -> Option<[T; N]> {
    let mut found = [T::default(); N];
    let mut words = text.split(' ');
    for value in &mut found {
        *value = words.next()?.parse().ok()?;
    }
    words.next().is_none().then_some(found)
}

/// Columns of [`item`], in order.
pub(super) const ITEM_COLUMNS: &str =
    "item.id, item.photo, item.face, item.box, item.landmarks, item.score, item.quality";

/// An item in the first columns of a row.
pub(super) fn item(row: &Row<'_>) -> rusqlite::Result<Item> {
    let face_box: Option<String> = row.get(3)?;
    let landmarks: Option<String> = row.get(4)?;
    Ok(Item {
        id: ItemId(row.get(0)?),
        photo: PhotoId(row.get(1)?),
        face: row.get(2)?,
        face_box: face_box.and_then(|text| numbers(&text)),
        landmarks: landmarks.and_then(|text| numbers::<f32, 10>(&text)).map(|values| {
            let mut pairs = [[0.0; 2]; 5];
            pairs.as_flattened_mut().copy_from_slice(&values);
            pairs
        }),
        score: row.get(5)?,
        quality: row.get(6)?,
    })
}

/// Columns of [`photo`], in order.
pub(super) const PHOTO_COLUMNS: &str =
    "photo.id, photo.sha256, photo.bytes, photo.width, photo.height, photo.taken, photo.state, photo.reason";

/// A photo in the first columns of a row.
pub(super) fn photo(row: &Row<'_>) -> rusqlite::Result<Photo> {
    let state: String = row.get(6)?;
    Ok(Photo {
        id: PhotoId(row.get(0)?),
        sha256: row.get(1)?,
        bytes: row.get(2)?,
        width: row.get(3)?,
        height: row.get(4)?,
        taken: row.get(5)?,
        state: match state.as_str() {
            "missing" => PhotoState::Missing,
            "unreadable" => PhotoState::Unreadable,
            "removed" => PhotoState::Removed,
            _ => PhotoState::Present,
        },
        reason: row.get(7)?,
    })
}

/// Columns of [`file`], in order.
pub(super) const FILE_COLUMNS: &str = "photo, root, path, bytes, modified_ns";

/// A photo's file in the first columns of a row.
pub(super) fn file(row: &Row<'_>) -> rusqlite::Result<(PhotoId, FileKey)> {
    let file = FileKey {
        root: RootId(row.get(1)?),
        path: row.get(2)?,
        bytes: row.get(3)?,
        modified_ns: row.get(4)?,
    };
    Ok((PhotoId(row.get(0)?), file))
}
