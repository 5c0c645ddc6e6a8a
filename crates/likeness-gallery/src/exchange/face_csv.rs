//! Faces and people as CSV (RFC 4180): one row for each face.
//!
//! ```text
//! photo,face,left,top,width,height,person,origin,distance,quality,born,sha256
//! 2019/IMG_1.jpg,0,812,400,210,260,"O'Hara, ""Kit""",confirmed,0.31,0.82,1984-02-29,9f86d0…
//! ```
//!
//! Columns are found by their names, in any order and letter case. Others are ignored. Only `photo` and `person` are required;
//! `name`, `identity` and `label` mean `person`, `path` and `file` mean `photo`. Without a box and an index, a row names the only
//! face of its photo. The separator is a comma, a semicolon or a tab, whichever the first line has most.
//!
//! Values are data. A name that starts with `=`, `+`, `-` or `@` is written and read as it is, so that importing an export
//! changes nothing. Spreadsheets may take such a name for a formula: import the column as text.

use std::path::Path;

use csv::{ErrorKind, ReaderBuilder, StringRecord, WriterBuilder};

use super::{CsvFault, ExchangeError, FaceRow, Origin, Result};

/// The columns in the order in which they are written, with other names that are read.
const COLUMNS: [(&str, &[&str]); 12] = [
    ("photo", &["path", "file", "filename", "file name", "image", "sourcefile"]),
    ("face", &["face index"]),
    ("left", &[]),
    ("top", &[]),
    ("width", &[]),
    ("height", &[]),
    ("person", &["name", "identity", "label"]),
    ("origin", &[]),
    ("distance", &[]),
    ("quality", &[]),
    ("born", &["birth date", "birthdate", "birthday"]),
    ("sha256", &[]),
];
const PHOTO: usize = 0;
const BOX: [usize; 4] = [2, 3, 4, 5];
const PERSON: usize = 6;
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The first line of a file that [`write_faces`] writes.
pub(super) fn header() -> String {
    COLUMNS.map(|column| column.0).join(",")
}

/// Writes one row for each face to the CSV file `path`: atomically if it is a file, directly if it is a device or stdout (`-`).
///
/// # Errors        the file cannot be written → `Io`, naming it
pub fn write_faces<'f>(path: &Path, faces: impl IntoIterator<Item = &'f FaceRow>) -> Result<()> {
    Ok(likeness_artifact::write(path, |file| {
        let mut writer = WriterBuilder::new().from_writer(file);
        writer.write_record(COLUMNS.map(|column| column.0))?;
        for face in faces {
            writer.write_record(record(face))?;
        }
        writer.flush()
    })?)
}

/// The values of a row, in the order of the columns.
fn record(face: &FaceRow) -> [String; COLUMNS.len()] {
    fn text(value: Option<impl ToString>) -> String {
        value.map_or_else(String::new, |value| value.to_string())
    }
    let [left, top, width, height] = [0, 1, 2, 3].map(|side| text(face.face_box.map(|sides| sides[side])));
    [
        face.photo.clone(),
        text(face.face),
        left,
        top,
        width,
        height,
        text(face.person.as_ref()),
        text(face.origin),
        text(face.distance),
        text(face.quality),
        text(face.born.as_ref()),
        text(face.sha256.as_ref()),
    ]
}

/// Reads the CSV file at `path`.
///
/// # Conventions   empty values are missing values; positions may have fractions, which are rounded
/// # Errors        the file cannot be read → `Io`; a missing or repeated column, a value that cannot be read, another number of
///   values than the header has → `BadCsv`, naming file and line
/// # Examples
///
/// ```
/// let path = std::env::temp_dir().join(format!("{}.csv", std::process::id()));
/// std::fs::write(&path, "photo,name\na.jpg,Anna\n")?;
/// let faces = likeness_gallery::exchange::read_faces(&path)?;
/// assert_eq!((faces[0].photo.as_str(), faces[0].person.as_deref()), ("a.jpg", Some("Anna")));
/// # std::fs::remove_file(path).ok();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_faces(path: &Path) -> Result<Vec<FaceRow>> {
    let bytes = fs_err::read(path)?;
    parse(&bytes).map_err(|(line, fault)| ExchangeError::BadCsv { path: path.to_owned(), line, fault })
}

/// A fault with its line.
type Located = (u64, CsvFault);

fn parse(bytes: &[u8]) -> Result<Vec<FaceRow>, Located> {
    let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    let mut reader = ReaderBuilder::new().delimiter(separator(bytes)).from_reader(bytes);
    let header = reader.headers().map_err(located)?.clone();
    let columns = columns(&header).map_err(|fault| (1, fault))?;
    let mut faces = Vec::new();
    for record in reader.records() {
        let record = record.map_err(located)?;
        let line = record.position().map_or(0, csv::Position::line);
        let values = Values { record: &record, columns };
        faces.push(values.face().map_err(|fault| (line, fault))?);
    }
    Ok(faces)
}

/// The separator that occurs most often in the first line.
fn separator(bytes: &[u8]) -> u8 {
    let line = bytes.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |separator: &u8| line.iter().filter(|byte| *byte == separator).count();
    // Of equal counts, the last one is taken.
    *b"\t;,".iter().max_by_key(|separator| count(separator)).unwrap_or(&b',')
}

fn located(error: csv::Error) -> Located {
    let line = error.position().map_or(1, csv::Position::line);
    let fault = match error.kind() {
        ErrorKind::Utf8 { .. } => CsvFault::NotUtf8,
        &ErrorKind::UnequalLengths { expected_len, len, .. } => {
            CsvFault::WrongLength { expected: expected_len, found: len }
        }
        _ => CsvFault::NotCsv(error.to_string()),
    };
    (line, fault)
}

/// The place of each of our columns in the file.
type Columns = [Option<usize>; COLUMNS.len()];

fn columns(header: &StringRecord) -> Result<Columns, CsvFault> {
    let simple = |name: &str| name.trim().to_lowercase().replace(['_', '-'], " ");
    let mut columns = [None; COLUMNS.len()];
    for (at, name) in header.iter().map(simple).enumerate() {
        let is_named = |(own, others): &(&str, &[&str])| name == *own || others.contains(&name.as_str());
        let Some(column) = COLUMNS.iter().position(is_named) else { continue };
        if columns[column].replace(at).is_some() {
            return Err(CsvFault::RepeatedColumn { column: COLUMNS[column].0 });
        }
    }
    match [PHOTO, PERSON].into_iter().find(|&column| columns[column].is_none()) {
        None => Ok(columns),
        Some(column) => {
            let found = header.iter().map(str::to_owned).collect();
            Err(CsvFault::MissingColumn { column: COLUMNS[column].0, found })
        }
    }
}

/// The values of one row.
struct Values<'r> {
    record: &'r StringRecord,
    columns: Columns,
}

impl Values<'_> {
    fn face(&self) -> Result<FaceRow, CsvFault> {
        let index = |value: f64| u32::try_from(value as i64).ok().filter(|&index| f64::from(index) == value);
        let finite = |value: f64| value.is_finite().then_some(value);
        let photo = self.text(PHOTO).ok_or_else(|| self.bad(PHOTO, "the path of a photo"))?;
        Ok(FaceRow {
            photo: photo.to_owned(),
            face: self.number(1, "the index of a face", index)?,
            face_box: self.face_box()?,
            person: self.text(PERSON).map(str::to_owned),
            origin: self.parsed(7, "manual, confirmed or automatic", |name| name.parse::<Origin>().ok())?,
            distance: self.number(8, "a number", finite)?,
            quality: self.number(9, "a number", finite)?,
            born: self.parsed(10, "a day as YYYY-MM-DD", |day| is_day(day).then(|| day.to_owned()))?,
            sha256: self.parsed(11, "64 hexadecimal digits", |digits| {
                let is_digest = digits.len() == 64 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
                is_digest.then(|| digits.to_ascii_lowercase())
            })?,
        })
    }

    fn face_box(&self) -> Result<Option<[i32; 4]>, CsvFault> {
        let pixel = |value: f64| {
            let value = value.round();
            (value.abs() < f64::from(i32::MAX)).then_some(value as i32)
        };
        let mut sides = [None; 4];
        for (side, column) in sides.iter_mut().zip(BOX) {
            *side = self.number(column, "a number of pixels", pixel)?;
        }
        match (sides, sides.iter().position(Option::is_none)) {
            ([Some(left), Some(top), Some(width), Some(height)], _) => Ok(Some([left, top, width, height])),
            ([None, None, None, None], _) => Ok(None),
            (_, missing) => {
                Err(self.bad(BOX[missing.unwrap_or(0)], "a number, as in the box's other columns"))
            }
        }
    }

    /// The value of a column; `None` if it is empty or missing.
    fn text(&self, column: usize) -> Option<&str> {
        self.columns[column].and_then(|at| self.record.get(at)).filter(|value| !value.is_empty())
    }

    fn number<T>(
        &self,
        column: usize,
        expected: &'static str,
        convert: impl Fn(f64) -> Option<T>,
    ) -> Result<Option<T>, CsvFault> {
        self.parsed(column, expected, |text| convert(text.trim().parse().ok()?))
    }

    fn parsed<T>(
        &self,
        column: usize,
        expected: &'static str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, CsvFault> {
        let value = |text| parse(text).ok_or_else(|| self.bad(column, expected));
        self.text(column).map(value).transpose()
    }

    fn bad(&self, column: usize, expected: &'static str) -> CsvFault {
        let found = self.text(column).unwrap_or_default().to_owned();
        CsvFault::BadValue { column: COLUMNS[column].0, expected, found }
    }
}

/// Whether `text` is a day of the Gregorian calendar: `YYYY-MM-DD`.
fn is_day(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number = |part: &str, digits: usize| {
        (part.len() == digits && part.bytes().all(|digit| digit.is_ascii_digit()))
            .then(|| part.parse::<u32>().ok())?
    };
    let [year, month, day] = parts[..] else { return false };
    let (Some(year), Some(month), Some(day)) = (number(year, 4), number(month, 2), number(day, 2)) else {
        return false;
    };
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + u32::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fault(text: &str) -> Located {
        parse(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn columns_are_found_by_name_in_any_order_and_spelling() {
        let day = "1984-02-29";
        for text in [
            format!("Name,FILE,extra,Birth_Date\nAnna,a.jpg,1,{day}\n"),
            format!("\u{feff}born;person;path\r\n{day};Anna;a.jpg\r\n"),
            format!("\"Photo\"\tidentity\tbirthday\na.jpg\tAnna\t{day}"),
        ] {
            let faces = parse(text.as_bytes()).unwrap();
            let expected = FaceRow {
                photo: "a.jpg".into(),
                person: Some("Anna".into()),
                born: Some(day.into()),
                ..FaceRow::default()
            };
            assert_eq!(faces, [expected], "{text}");
        }
        assert_eq!(parse(b"photo,name\n").unwrap(), []);
        let face = &parse(b"photo,name,left,top,width,height\na,,1.4,2.6,3,4\n").unwrap()[0];
        assert_eq!((face.face_box, face.person.as_deref()), (Some([1, 3, 3, 4]), None));
    }

    #[test]
    fn faults_have_their_lines_and_columns() {
        let missing = |column| CsvFault::MissingColumn { column, found: vec!["a".into(), "name".into()] };
        assert_eq!(fault("a,name\n"), (1, missing("photo")));
        assert!(matches!(fault("photo,b\n").1, CsvFault::MissingColumn { column: "person", .. }));
        assert!(matches!(fault("").1, CsvFault::MissingColumn { .. }));
        assert_eq!(fault("photo,path,name\n"), (1, CsvFault::RepeatedColumn { column: "photo" }));
        assert_eq!(fault("photo,name\na\n"), (2, CsvFault::WrongLength { expected: 2, found: 1 }));
        assert_eq!(parse(b"photo,name\na,b\nc,\xff\n").unwrap_err(), (3, CsvFault::NotUtf8));
        for (column, values) in [
            ("face", &["-1", "1.5", "x", "5000000000"][..]),
            ("born", &["1983-02-29", "1984-13-01", "84-1-1", "1984-02-29T00", "+984-01-01"]),
            ("origin", &["guessed"]),
            ("distance", &["NaN", "inf", "1,5"]),
            ("left", &["1", "x", "1e300"]),
            ("sha256", &["abc"]),
        ] {
            for value in values {
                let text = format!("photo,name,{column}\na,b,\"{value}\"\n");
                let (line, fault) = fault(&text);
                assert!(line == 2 && matches!(fault, CsvFault::BadValue { .. }), "{text}: {fault}");
            }
        }
        assert!(matches!(fault("photo,name\n,b\n").1, CsvFault::BadValue { column: "photo", .. }));
    }

    fn faces() -> impl Strategy<Value = Vec<FaceRow>> {
        let text = || prop::option::of(prop::string::string_regex("[^\u{0}]{1,12}").unwrap());
        let number = || prop::option::of(-1e9..1e9_f64);
        let face_box = prop::option::of(prop::array::uniform4(-10_000..10_000_i32));
        let index = prop::option::of(any::<u32>());
        let row = ("\\PC{1,8}", index, face_box, text(), number(), number()).prop_map(
            |(photo, face, face_box, person, distance, quality)| FaceRow {
                photo,
                face,
                face_box,
                person,
                origin: Some(Origin::Confirmed),
                distance,
                quality,
                born: Some("2000-01-31".into()),
                sha256: Some("a".repeat(64)),
            },
        );
        prop::collection::vec(row, 0..5)
    }

    proptest! {
        #[test]
        fn any_names_are_read_as_they_were_written(faces in faces()) {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("people.csv");
            write_faces(&path, &faces).unwrap();
            prop_assert_eq!(read_faces(&path).unwrap(), faces);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = parse(&[b"photo,name\n", &bytes[..]].concat());
            let _ = parse(&bytes);
        }
    }

    #[test]
    fn formulas_are_data() {
        let names = ["=HYPERLINK(\"x\")", "+1", "-1", "@SUM(A1)", "\tx", "\r\nx", "אבג", "a\nb"];
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("people.csv");
        let row =
            |name: &&str| FaceRow { photo: "a".into(), person: Some((*name).into()), ..FaceRow::default() };
        let faces: Vec<FaceRow> = names.iter().map(row).collect();
        write_faces(&path, &faces).unwrap();
        assert_eq!(read_faces(&path).unwrap(), faces);
    }
}
