//! Model folders: made of an ONNX file or of dlib's network, inspected, exported, split into layers, and extended by a head.

mod dlib;
mod head;
mod layers;
mod make;

pub use dlib::{DlibFault, graph_of_dlib, make_from_dlib};
pub use head::{HeadedModel, with_head};
pub use layers::{FirstLayers, GraphLayer, SplitGraph, first_layers, split_graph};
pub use make::{Card, Export, Exported, Inspection, Made, export, inspect, make};

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use likeness_model::Alignment;
    use likeness_model::folder::{GRAPH, IN_RUN, fingerprint};
    use likeness_model::preprocess::Preprocess;
    use likeness_search::Distance;

    use std::path::Path;

    use image::RgbImage;
    use likeness_model::ModelDescription;
    use likeness_model::preprocess::PreprocessOverrides;

    use super::*;
    use crate::{EmbedError, Embedder, EmbedderSpec, Result, load_embedder};

    fn good() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx/good.onnx")
    }

    /// A model folder around the golden graph, with `lines` at the end of `model.toml`; the fingerprint is right.
    fn folder(lines: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs_err::copy(good(), folder.path().join(GRAPH)).unwrap();
        let plain = load_embedder(good().to_str().unwrap(), &Default::default()).unwrap();
        let (width, height) = plain.spec().input_size;
        let preprocess = Preprocess {
            input_size: Some([width, height]),
            mean: [123.675, 1.0, 2.0],
            ..Preprocess::default()
        };
        let fingerprint = fingerprint(&fs_err::read(good()).unwrap(), &preprocess);
        let text = format!(
            "format = 1\nname = \"mine\"\ndistance = \"euclidean\"\nalignment = \"arcface\"\nlicence = \"MIT\"\n\
             input_size = [{width}, {height}]\nmean = [123.675, 1.0, 2.0]\nfingerprint = \"{fingerprint}\"\n{lines}\n"
        );
        fs_err::write(folder.path().join("model.toml"), text).unwrap();
        folder
    }

    fn open(path: &Path) -> Result<Box<dyn Embedder>> {
        load_embedder(path.to_str().unwrap(), &Default::default())
    }

    fn refusal(path: &Path) -> String {
        match open(path) {
            Err(error @ EmbedError::BadModel { .. }) => {
                assert!(error.hint().is_some());
                error.to_string()
            }
            Err(error) => panic!("{error:?}"),
            Ok(_) => panic!("{} was taken", path.display()),
        }
    }

    #[test]
    fn a_folder_its_run_and_its_graph_are_the_same_model() {
        let model = folder("dimension = 8");
        let run = tempfile::tempdir().unwrap();
        fs_err::create_dir(run.path().join(IN_RUN)).unwrap();
        for name in [GRAPH, "model.toml"] {
            fs_err::copy(model.path().join(name), run.path().join(IN_RUN).join(name)).unwrap();
        }
        let expected = open(model.path()).unwrap().spec().clone();
        assert_eq!((expected.name.as_str(), expected.distance), ("mine", Distance::Euclidean));
        assert_eq!(expected.alignment, Some(Alignment::Arcface));
        for path in [run.path().to_owned(), model.path().join(GRAPH)] {
            assert_eq!(*open(&path).unwrap().spec(), expected);
        }
        let embedder = open(model.path()).unwrap();
        let (width, height) = expected.input_size;
        let face = RgbImage::from_pixel(width, height, image::Rgb([90, 120, 150]));
        assert_eq!(embedder.embed(&[face]).unwrap().len(), expected.dimension);
        let flags = PreprocessOverrides { mean: Some([0.0; 3]), ..Default::default() };
        let changed = load_embedder(model.path().to_str().unwrap(), &flags).unwrap();
        assert_ne!(changed.spec().fingerprint, expected.fingerprint, "a flag makes another model of it");
    }

    #[test]
    fn files_that_do_not_belong_together_are_refused() {
        let told = refusal(folder("dimension = 7777").path());
        assert!(told.contains("model.toml: dimension 7777, but model.onnx gives"), "{told}");
        let told = refusal(folder("unit_length = false").path());
        assert!(told.contains("model.toml: the fingerprint is not that of model.onnx"), "{told}");
        assert!(refusal(folder("format_ = 2").path()).contains("format_"));
        assert!(refusal(folder("channels = \"grey\"").path()).contains("grey"));
        let other = folder("");
        let text = fs_err::read_to_string(other.path().join("model.toml")).unwrap();
        fs_err::write(other.path().join("model.toml"), text.replace("format = 1", "format = 2")).unwrap();
        assert!(refusal(other.path()).contains("model.toml: expected format 1, found 2"));
        fs_err::write(other.path().join("model.toml"), text.replace("\"arcface\"", "\"eyes\"")).unwrap();
        assert!(refusal(other.path()).contains("eyes"));
        fs_err::write(other.path().join("model.toml"), text).unwrap();
        open(other.path()).unwrap();
        // Bytes after the graph that change no number are another file all the same.
        let mut graph = fs_err::read(other.path().join(GRAPH)).unwrap();
        graph.extend([0x22, 1, b'x']); // the model's domain, a text
        fs_err::write(other.path().join(GRAPH), graph).unwrap();
        assert!(refusal(other.path()).contains("the fingerprint is not that of model.onnx"));
    }

    #[test]
    fn a_size_that_the_graph_does_not_take_is_refused() {
        let model = folder("");
        let file = model.path().join("model.toml");
        let text = fs_err::read_to_string(&file).unwrap();
        let sized: Vec<&str> = text.lines().filter(|line| !line.starts_with("input_size")).collect();
        fs_err::write(&file, format!("{}\ninput_size = [33, 31]\n", sized.join("\n"))).unwrap();
        let told = refusal(model.path());
        assert!(told.contains("the settings say 33×31"), "{told}");
    }

    #[test]
    fn a_description_is_of_one_graph_alone() {
        let model = folder("");
        let other = model.path().join("other.onnx");
        fs_err::copy(good(), &other).unwrap();
        let plain = load_embedder(good().to_str().unwrap(), &Default::default()).unwrap().spec().clone();
        let found = open(&other).unwrap().spec().clone();
        assert_eq!(found, EmbedderSpec { name: "other".into(), ..plain }, "model.toml is not of other.onnx");
        assert_ne!(found.fingerprint, open(model.path()).unwrap().spec().fingerprint);
        // A renamed graph must not lose its preprocessing without a word.
        fs_err::rename(model.path().join(GRAPH), model.path().join("renamed.onnx")).unwrap();
        for name in ["renamed.onnx", "other.onnx"] {
            let told = refusal(&model.path().join(name));
            assert!(told.contains("model.toml beside it describes model.onnx, which is not there"), "{told}");
        }
        fs_err::rename(model.path().join("model.toml"), model.path().join("renamed.toml")).unwrap();
        assert_eq!(open(&model.path().join("renamed.onnx")).unwrap().spec().name, "mine");
        open(&other).unwrap();
        fs_err::create_dir(model.path().join("other.toml")).unwrap();
        assert!(refusal(&other).contains("other.toml: is not a regular file"));
    }

    #[test]
    fn every_flipped_bit_of_a_written_description_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let card = Card { name: Some("mine".into()), licence: Some("MIT".into()), ..Card::default() };
        make(&good(), &folder.path().join("m"), &Default::default(), card).unwrap();
        let file = folder.path().join("m/model.toml");
        let whole = fs_err::read(&file).unwrap();
        let expected = ModelDescription::read(&file).unwrap();
        assert!(expected.licence.is_some());
        let mut harmless = 0;
        for bit in 0..8 * whole.len() {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(&file, &flipped).unwrap();
            match ModelDescription::read(&file) {
                Err(error) => assert!(error.to_string().contains("model.toml"), "bit {bit}: {error}"),
                Ok(found) => {
                    assert_eq!(found, expected, "bit {bit}");
                    harmless += 1;
                }
            }
        }
        // Those within the words of the checksum's own comment.
        assert!(harmless < 100, "{harmless} flips change nothing");
        // A change on purpose, without the seal.
        let text = String::from_utf8(whole).unwrap().replace("\"mine\"", "\"ours\"");
        fs_err::write(&file, &text).unwrap();
        let told = refusal(&folder.path().join("m"));
        assert!(told.contains("its text was changed"), "{told}");
        let open_text: String = text.split_inclusive('\n').filter(|l| !l.starts_with("# sha256")).collect();
        fs_err::write(&file, open_text).unwrap();
        assert_eq!(open(&folder.path().join("m")).unwrap().spec().name, "ours");
    }

    #[test]
    fn every_flipped_bit_of_a_described_graph_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("m");
        make(&good(), &model, &Default::default(), Card::default()).unwrap();
        let whole = fs_err::read(model.join(GRAPH)).unwrap();
        for bit in (0..8 * whole.len()).step_by(31) {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            fs_err::write(model.join(GRAPH), &flipped).unwrap();
            assert!(open(&model).is_err(), "bit {bit} of the graph");
        }
    }

    #[test]
    fn a_folder_without_a_model_is_told() {
        let empty = tempfile::tempdir().unwrap();
        assert!(refusal(empty.path()).contains("expected model.onnx or model/model.onnx"));
    }
}
