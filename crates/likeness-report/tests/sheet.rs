//! Contact sheets through the public API: sizes, order, limits, and symbols that are recognised without colour.
#![allow(clippy::disallowed_methods)]

use std::cell::Cell;
use std::path::Path;

use image::{GrayImage, Rgb, RgbImage};
use likeness_data::geometry::{Point, Rect};
use likeness_report::ReportError;
use likeness_report::sheet::{Frame, Mark, Sheet, SheetConfig, Tile, check_picture_path};

fn flat(width: u32, height: u32, rgb: [u8; 3]) -> RgbImage {
    RgbImage::from_pixel(width, height, Rgb(rgb))
}

fn sheet(columns: u32) -> Sheet {
    Sheet::new(SheetConfig { columns, ..SheetConfig::default() }).expect("the settings are within bounds")
}

/// A single bare cell: the sheet without its margins.
fn cell_of(tile: Tile) -> RgbImage {
    let mut sheet = sheet(1);
    sheet.add_row(None, [tile]);
    image::imageops::crop_imm(&sheet.into_image(), 16, 16, 160, 160).to_image()
}

#[test]
fn pictures_keep_their_aspect_and_stand_in_the_middle() {
    let red = [200, 10, 10];
    for (width, height) in [(400, 100), (100, 400), (7, 28), (3000, 40), (1, 1)] {
        let cell = cell_of(Tile::new(flat(width, height, red)));
        let reds: Vec<(u32, u32)> =
            cell.enumerate_pixels().filter(|(_, _, p)| p.0 == red).map(|(x, y, _)| (x, y)).collect();
        let (left, right) =
            (reds.iter().map(|p| p.0).min().unwrap(), reds.iter().map(|p| p.0).max().unwrap());
        let (top, bottom) =
            (reds.iter().map(|p| p.1).min().unwrap(), reds.iter().map(|p| p.1).max().unwrap());
        let (w, h) = (right - left + 1, bottom - top + 1);
        assert_eq!(w.max(h), 152, "{width}×{height} fills the cell inside its border");
        let expected = 152.0 * width.min(height) as f32 / width.max(height) as f32;
        assert!((w.min(h) as f32 - expected).abs() <= 1.0, "{width}×{height} became {w}×{h}");
        assert!(left.abs_diff(159 - right) <= 1 && top.abs_diff(159 - bottom) <= 1, "centred");
    }
}

/// The light pixels of the badge: the symbol, independent of its background colour.
fn badge_strokes(cell: &RgbImage) -> Vec<bool> {
    let grey: GrayImage = image::imageops::grayscale(cell);
    let badge = image::imageops::crop_imm(&grey, 0, 0, 20, 20).to_image();
    badge.pixels().map(|p| p.0[0] > 200).collect()
}

#[test]
fn frames_differ_even_in_grey() {
    let signs = [Frame::Plain, Frame::Query, Frame::Correct, Frame::Wrong]
        .map(|frame| badge_strokes(&cell_of(Tile::new(flat(50, 50, [128; 3])).frame(frame))));
    for (i, a) in signs.iter().enumerate() {
        for b in &signs[i + 1..] {
            let differing = a.iter().zip(b).filter(|(a, b)| a != b).count();
            assert!(differing > 20, "only {differing} pixels tell two signs apart");
        }
    }
}

#[test]
fn long_rows_go_on_in_the_next_line() {
    let height = |n: usize| {
        let mut sheet = sheet(3);
        sheet.add_row(None, (0..n).map(|_| Tile::new(flat(10, 10, [0; 3]))));
        sheet.into_image().height()
    };
    assert_eq!(height(1), height(3));
    assert_eq!(height(4) - height(3), 170);
    assert_eq!(height(7) - height(3), 2 * 170);
}

#[test]
fn rows_over_the_limit_are_counted_and_not_drawn() {
    let asked = Cell::new(0);
    let mut sheet =
        Sheet::new(SheetConfig { max_side_px: 1000, columns: 4, ..SheetConfig::default() }).unwrap();
    for row in 0..10 {
        let tiles = (0..4).map(|_| {
            asked.set(asked.get() + 1);
            Tile::new(flat(10, 10, [0; 3]))
        });
        sheet.add_row(Some(&format!("row {row}")), tiles);
    }
    let left_out = sheet.rows_left_out();
    assert!(left_out > 3 && left_out < 10, "{left_out}");
    assert!(asked.get() <= 4 * (10 - left_out) + 1, "{} tiles were asked for", asked.get());
    assert!(sheet.into_image().height() <= 1000);
}

#[test]
fn settings_out_of_bounds_are_refused() {
    let refused = |config: SheetConfig| {
        let error = Sheet::new(config).unwrap_err();
        assert!(error.hint().is_some(), "{error}");
        error
    };
    let default = SheetConfig::default;
    let error = refused(SheetConfig { columns: 0, ..default() });
    assert!(matches!(error, ReportError::NoColumns), "{error}");
    for columns in [200, u32::MAX] {
        let error = refused(SheetConfig { columns, ..default() });
        let width = u64::from(columns) * 168 + 36;
        assert!(
            matches!(error, ReportError::SheetTooWide { width_px, max_side_px: 20_000 } if width_px == width),
            "{error}"
        );
    }
    for cell_px in [0, 1 << 30] {
        let error = refused(SheetConfig { cell_px, ..default() });
        assert!(matches!(error, ReportError::BadCellSize { cell_px: found } if found == cell_px), "{error}");
    }
    let error = refused(SheetConfig { max_side_px: 1 << 30, ..default() });
    assert!(matches!(error, ReportError::BadSideLimit { max_side_px: 0x4000_0000 }), "{error}");
}

#[test]
fn marks_lie_where_the_picture_has_them() {
    // A 304-pixel picture is halved onto the 152 pixels inside the border.
    let mark = Mark {
        face_box: Some(Rect::new(100.0, 60.0, 120.0, 160.0)),
        score: Some(0.987),
        points: vec![Point { x: 200.0, y: 200.0 }],
    };
    let plain = cell_of(Tile::new(flat(304, 304, [90; 3])));
    let marked = cell_of(Tile::new(flat(304, 304, [90; 3])).mark(mark));
    let yellow = |x: u32, y: u32| marked.get_pixel(x, y).0[0] > 200 && marked.get_pixel(x, y).0[2] < 80;
    assert!(yellow(54, 90) && yellow(114, 90) && yellow(100, 34) && yellow(80, 114), "the four edges");
    assert!(yellow(104, 104), "the point");
    assert_eq!(marked.get_pixel(20, 140), plain.get_pixel(20, 140), "the rest is as it was");
}

#[test]
fn hostile_marks_and_captions_do_no_harm() {
    let nan = f32::NAN;
    let mut tile =
        Tile::new(flat(64, 64, [9; 3])).caption("名前\u{202e}.jpg").caption("").caption("x".repeat(9000));
    for (x, w) in [(nan, 1.0), (-1e30, 2e30), (1e30, 5.0), (63.9, 0.01), (5.0, -4.0), (0.0, f32::INFINITY)] {
        let points = vec![Point { x, y: w }];
        tile = tile.mark(Mark { face_box: Some(Rect::new(x, x, w, w)), score: Some(nan), points });
    }
    let mut sheet = Sheet::new(SheetConfig { cell_px: 24, ..SheetConfig::default() }).unwrap();
    sheet.add_row(Some(&"long heading ".repeat(500)), [tile, Tile::new(RgbImage::new(0, 5))]);
    sheet.add_row(None, [Tile::missing("the file ended early: one-long-word-without-a-break".repeat(9))]);
    sheet.add_row(None, []);
    assert!(sheet.into_image().width() > 50);
}

#[test]
fn a_narrow_sheet_shows_its_whole_title() {
    let sheet = |title: &str| {
        let title = Some(title.to_owned());
        let mut sheet = Sheet::new(SheetConfig { title, columns: 2, ..SheetConfig::default() }).unwrap();
        sheet.add_row(None, [Tile::new(flat(9, 9, [1, 2, 3]))]);
        sheet.into_image()
    };
    let (short, medium) = (sheet("Faces"), sheet("20 queries, the nearest of 400 images"));
    assert!(medium.width() > 372 && medium.height() == short.height(), "one line, on a wider sheet");
    let long = "20 queries of the dataset in a folder with quite a long name, the nearest of 400 images, model classic";
    assert!(sheet(long).width() <= 640 && sheet(long).height() > short.height(), "more lines");
    assert!(sheet(&long.repeat(200)).height() < short.height() + 120, "but not without end");
}

#[test]
fn names_of_other_formats_are_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.jpg", "a.JPEG", "a.svg", "a.pdf", "a.webp", "a.embeddings"] {
        let error = check_picture_path(&folder.path().join(name)).unwrap_err();
        assert!(error.to_string().contains(name) && error.hint().unwrap().ends_with("a.png"), "{error}");
        assert!(sheet(1).save(&folder.path().join(name)).is_err());
    }
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
    for name in ["a.png", "a.PNG", "a", "a.2024-01", ".png"] {
        check_picture_path(&folder.path().join(name)).unwrap();
    }
    check_picture_path(Path::new("-")).unwrap();
    assert!(check_picture_path(folder.path()).is_err(), "a folder");
}

#[cfg(unix)]
#[test]
fn sheets_go_through_devices_and_carry_the_mark() {
    use std::os::unix::fs::FileTypeExt;
    let folder = tempfile::tempdir().unwrap();
    let device = Path::new("/dev/null");
    // A broken machine is left as it is.
    let is_device = || fs_err::metadata(device).unwrap().file_type().is_char_device();
    assert!(is_device(), "/dev/null is no device on this machine");
    check_picture_path(device).unwrap();
    sheet(1).save(device).unwrap();
    assert!(is_device());
    let path = folder.path().join("sheet.png");
    sheet(1).save(&path).unwrap();
    assert!(likeness_artifact::may_replace(&path, likeness_artifact::FileKind::Png).unwrap());
}

#[test]
fn saving_writes_a_png_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sheet.png");
    let config = SheetConfig { title: Some("Nearest faces".to_owned()), ..SheetConfig::default() };
    let mut sheet = Sheet::new(config).unwrap();
    sheet.add_row(Some("anna/1.png"), [Tile::new(flat(9, 9, [1, 2, 3])).caption("0.25")]);
    sheet.save(&path).unwrap();
    assert_eq!(image::open(&path).unwrap().color(), image::ColorType::Rgb8);
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
}
