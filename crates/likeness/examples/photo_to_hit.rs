//! From a photo to its nearest photos in a folder:
//!
//!     cargo run --release -p likeness --example photo_to_hit -- MODEL PHOTO FOLDER

#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use likeness::search::{SearchOptions, Sides};
use likeness::{Context, Loader, ModelChoice, PhotoOptions, Silent, invalid};

fn main() -> likeness::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, photo, folder] = &arguments[..] else {
        return Err(invalid("expected MODEL PHOTO FOLDER", "MODEL is color, an ONNX file or a model folder"));
    };
    let (model, photos, stop) = (ModelChoice::named(model), PhotoOptions::default(), AtomicBool::new(false));
    let context = Context::new(&Silent, &stop);
    let loader = Loader::new(&model, &photos, context);
    let sides = Sides::between(&loader, &[PathBuf::from(photo)], &[PathBuf::from(folder)])?;
    let search = sides.search(&SearchOptions::default(), context)?;
    for (query, hits) in search.found() {
        for hit in hits {
            println!("{}  {}  {:.3}", query.name, hit.row.name, hit.distance.unwrap_or(f32::NAN));
        }
    }
    Ok(())
}
