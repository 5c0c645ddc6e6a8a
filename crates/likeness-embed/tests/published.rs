//! Published weights that were imported through the registry are opened, and refused once they are damaged.
#![allow(clippy::disallowed_methods, clippy::unwrap_used)]

use std::path::Path;

use likeness_model::registry::{Import, import};

fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<_> = names.filter(|name| name != likeness_artifact::LOCK_FILE).collect();
    names.sort();
    names
}

#[test]
#[ignore = "needs LIKENESS_SHARED"]
fn an_imported_embedder_is_opened_and_refused_once_it_is_damaged() {
    let shared = std::env::var_os("LIKENESS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), Into::into);
    let weights = shared.join("weights");
    let models = tempfile::tempdir().unwrap();
    let file = weights.join("mobilefacenet-arcface-128d.onnx");
    let how = Import { file: &file, folder: models.path(), name: None, replace: false };
    let imported = import(&how).unwrap();
    assert_eq!(imported.entry.unwrap().0.name, "mobilefacenet-arcface-128d");
    assert_eq!(names(models.path()), ["mobilefacenet-arcface-128d.onnx", "mobilefacenet-arcface-128d.toml"]);
    // The registry's other embedders are not it.
    let error = import(&Import { name: Some("arcface-w600k-mbf"), ..how }).unwrap_err();
    assert!(error.hint().unwrap().starts_with("by its checksum it is mobilefacenet-arcface-128d"), "{error}");
    let path = imported.path.to_str().unwrap().to_owned();
    let embedder = likeness_embed::load_embedder(&path, &Default::default()).unwrap();
    assert_eq!(embedder.spec().dimension, 128);
    // Files and settings that came through the registry are refused once they are damaged.
    let toml = imported.path.with_extension("toml");
    for (damaged, at) in [(&imported.path, 2_000_000), (&toml, 100), (&toml, 250)] {
        let whole = fs_err::read(damaged).unwrap();
        let mut flipped = whole.clone();
        flipped[at] ^= 1;
        fs_err::write(damaged, flipped).unwrap();
        assert!(likeness_embed::load_embedder(&path, &Default::default()).is_err(), "{}", damaged.display());
        fs_err::write(damaged, whole).unwrap();
    }
    likeness_embed::load_embedder(&path, &Default::default()).unwrap();
}
