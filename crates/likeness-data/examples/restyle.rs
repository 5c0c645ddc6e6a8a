//! Copies photos in another style, to measure the effect of a domain shift.
//!
//! Run: `cargo run --release -p likeness-data --example restyle -- FOLDER OUT posterise|sketch|outline|jpeg`. File names do
//! not change, and files that are not photos are skipped.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::{Context, bail};
use image::codecs::jpeg::JpegEncoder;
use image::{ImageFormat, RgbImage};
use likeness_data::augment::style::Style;
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;
use likeness_data::photos;

/// Compresses `image` as a JPEG of quality 5 and decodes it again.
fn compressed(image: &RgbImage) -> anyhow::Result<RgbImage> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 5).encode_image(image)?;
    Ok(image::load_from_memory_with_format(&bytes, ImageFormat::Jpeg)?.to_rgb8())
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, style] = &arguments[..] else { bail!("expected FOLDER OUT STYLE") };
    let style = match style.as_str() {
        "jpeg" => None,
        name => Some(Style::from_name(name).context("styles are posterise, sketch, outline and jpeg")?),
    };
    let (found, skipped) = photos::find_some(&[Path::new(folder).to_owned()], None)?;
    let reader = PhotoReader::new(Limits::default());
    let mut unreadable = skipped.len();
    for photo in &found {
        let Ok(read) = reader.read(&photo.path) else {
            unreadable += 1;
            continue;
        };
        let mut image = read.image;
        match style {
            Some(style) => style.apply(&mut image),
            None => image = compressed(&image)?,
        }
        let path = Path::new(out).join(&photo.name).with_extension("png");
        fs_err::create_dir_all(path.parent().context("the file lies in a folder")?)?;
        image.save(&path)?;
    }
    println!("{} photos in {out}, {unreadable} passed over", found.len());
    Ok(())
}
