//! Recognises names that are not identities: file names made up by cameras, and album names with dates and places.

/// Words that cameras, phones and programs put before a number.
const NUMBERED: [&str; 40] = [
    "img",
    "image",
    "images",
    "dsc",
    "dscn",
    "dscf",
    "dcim",
    "pxl",
    "mvimg",
    "vid",
    "gopr",
    "cimg",
    "kimg",
    "mg",
    "pano",
    "pic",
    "pict",
    "picture",
    "photo",
    "scan",
    "scanned",
    "screenshot",
    "whatsapp image",
    "fb_img",
    "received",
    "signal",
    "frame",
    "untitled",
    "unnamed",
    "file",
    "download",
    "face",
    "crop",
    "burst",
    "snapchat",
    "wp",
    "hpim",
    "dji",
    "imag",
    "jpeg",
];
/// Abbreviations that may also be names of people; four digits must follow.
const NUMBERED_FOUR: [&str; 4] = ["sam", "p", "pana", "dc"];

/// Names, or words in names, of albums and of folders that programs create for photos.
const ALBUM_WORDS: [&str; 62] = [
    "dcim",
    "camera",
    "album",
    "albums",
    "photo",
    "photos",
    "picture",
    "pictures",
    "image",
    "images",
    "img",
    "foto",
    "fotos",
    "holiday",
    "holidays",
    "vacation",
    "vacations",
    "trip",
    "travel",
    "wedding",
    "birthday",
    "party",
    "christmas",
    "xmas",
    "whatsapp",
    "telegram",
    "screenshots",
    "screenshot",
    "download",
    "downloads",
    "misc",
    "miscellaneous",
    "other",
    "others",
    "unsorted",
    "backup",
    "favorites",
    "favourites",
    "selfies",
    "raw",
    "edited",
    "originals",
    "export",
    "exports",
    "scans",
    "instagram",
    "facebook",
    "snapchat",
    "urlaub",
    "vacances",
    "vacaciones",
    "untitled",
    "query",
    "queries",
    "gallery",
    "probe",
    "probes",
    "january",
    "february",
    "october",
    "november",
    "december",
];

/// Whether a file name (without extension) was made up by a camera or a program.
pub(super) fn is_camera_name(stem: &str) -> bool {
    let stem = stem.trim_start_matches('_').to_ascii_lowercase();
    if starts_with_date(&stem) {
        return true;
    }
    let digits_at = stem.find(|c: char| c.is_ascii_digit()).unwrap_or(stem.len());
    let word = stem[..digits_at].trim_end_matches(['_', '-', ' ', '(']);
    let digits = stem[digits_at..].bytes().take_while(u8::is_ascii_digit).count();
    digits > 0
        && (NUMBERED.contains(&word)
            || (digits >= 4 && NUMBERED_FOUR.contains(&word))
            || (word.starts_with("screenshot") || word.starts_with("whatsapp")))
}

/// Whether a component of a folder's path is named like an album or a camera's folder.
pub(super) fn is_album_name(folder: &str) -> bool {
    let name = folder.trim().to_lowercase();
    if starts_with_date(&name) || is_year(&name) || is_camera_folder(&name) {
        return true;
    }
    let words: Vec<&str> = name.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).collect();
    let (first, last) = (words.first().copied().unwrap_or(""), words.last().copied().unwrap_or(""));
    words.iter().any(|w| ALBUM_WORDS.contains(w)) || (words.len() > 1 && (is_year(first) || is_year(last)))
}

/// Whether the text is a year between 1900 and 2099.
fn is_year(text: &str) -> bool {
    text.len() == 4
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text.starts_with("19") || text.starts_with("20"))
}

/// Whether the text starts with a date: `2019-07-04`, `2019_07` or `20190704`, not followed by another digit.
fn starts_with_date(text: &str) -> bool {
    let Some(year) = text.get(..4) else { return false };
    let rest = &text[4..];
    let month =
        |text: &str| text.get(..2).and_then(|m| m.parse::<u32>().ok()).is_some_and(|m| (1..=12).contains(&m));
    let day =
        |text: &str| text.get(..2).and_then(|d| d.parse::<u32>().ok()).is_some_and(|d| (1..=31).contains(&d));
    let ends = |text: &str| !text.starts_with(|c: char| c.is_ascii_digit());
    let dashed = rest.strip_prefix(['-', '_', '.']).is_some_and(|rest| month(rest) && ends(&rest[2..]));
    let solid = month(rest) && rest.get(2..).is_some_and(|rest| day(rest) && ends(&rest[2..]));
    is_year(year) && (dashed || solid)
}

/// Whether this is a camera's folder (Design rule for Camera File system, CIPA DC-009): three digits and five letters,
/// such as `100APPLE`.
fn is_camera_folder(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes.len() == 8
        && bytes[..3].iter().all(u8::is_ascii_digit)
        && bytes[3..].iter().all(|b| b.is_ascii_alphabetic() || *b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cameras_number_their_files() {
        for name in [
            "IMG_1234",
            "DSC01234",
            "_DSC0001",
            "DSCN0042",
            "PXL_20230101_120000123",
            "20190704_183012",
            "P1010001",
            "IMG-20190704-WA0001",
            "2019-07-04 18.30.12",
            "image_0028",
            "Screenshot_20200101-120000",
            "photo (3)",
            "SAM_0012",
            "WhatsApp Image 2019-07-04",
        ] {
            assert!(is_camera_name(name), "{name}");
        }
        for name in
            ["ann_1", "Sam_1", "100097_1", "Aaron_Peirsol_0001", "001_03", "1", "portrait", "20199999_1", "é"]
        {
            assert!(!is_camera_name(name), "{name}");
        }
    }

    #[test]
    fn albums_have_dates_places_for_cameras_and_usual_words() {
        for name in [
            "2019",
            "2019-07",
            "2019-07-04 Rome",
            "20190704",
            "DCIM",
            "100APPLE",
            "101_PANA",
            "Camera Roll",
            "Holiday 2019",
            "Rome 2019",
            "WhatsApp Images",
            "christmas",
            "Photos",
        ] {
            assert!(is_album_name(name), "{name}");
        }
        for name in
            ["ann", "s1", "n000002", "0000045", "Aaron_Peirsol", "Summer", "12345", "3 friends", "crew", "é"]
        {
            assert!(!is_album_name(name), "{name}");
        }
    }
}
