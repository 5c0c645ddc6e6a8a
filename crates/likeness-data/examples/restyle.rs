//! Copies of photos in another style, for measuring what a shift of domain costs.
//!
//! Run: `cargo run --release -p likeness-data --example restyle -- FOLDER OUT posterise|sketch|outline`; names stay, and
//! files that are no photos are passed over.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::{Context, bail};
use likeness_data::augment::style::Style;
use likeness_data::decode::PhotoReader;
use likeness_data::limits::Limits;
use likeness_data::photos;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, out, style] = &arguments[..] else { bail!("expected FOLDER OUT STYLE") };
    let style = Style::from_name(style).context("styles are posterise, sketch and outline")?;
    let (found, skipped) = photos::find_some(&[Path::new(folder).to_owned()], None)?;
    let reader = PhotoReader::new(Limits::default());
    let mut unreadable = skipped.len();
    for photo in &found {
        let Ok(read) = reader.read(&photo.path) else {
            unreadable += 1;
            continue;
        };
        let mut image = read.image;
        style.apply(&mut image);
        let path = Path::new(out).join(&photo.name).with_extension("png");
        fs_err::create_dir_all(path.parent().context("the file lies in a folder")?)?;
        image.save(&path)?;
    }
    println!("{} photos in {out}, {unreadable} passed over", found.len());
    Ok(())
}
