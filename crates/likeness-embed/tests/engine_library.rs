//! Files that are not ONNX Runtime's library; a process of its own, as a process can load one library.
#![allow(clippy::disallowed_methods)]
#![allow(clippy::unwrap_used)]

use std::path::Path;

use likeness_embed::{EmbedError, load_embedder_on};
use likeness_engine::{EngineChoice, EngineConfig, EngineError};

/// What becomes of `--engine onnxruntime` with `library`.
fn with_library(library: &Path) -> (String, String) {
    let graph = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/onnx/good.onnx");
    let engine =
        EngineConfig { choice: EngineChoice::OnnxRuntime, library: Some(library.to_owned()), burn: None };
    match load_embedder_on(graph.to_str().unwrap(), &Default::default(), &engine) {
        Err(error @ EmbedError::Engine(EngineError::Library { .. })) => {
            (error.to_string(), error.hint().unwrap().to_owned())
        }
        Err(error) => panic!("{error:?}"),
        Ok(_) => panic!("{} was taken", library.display()),
    }
}

#[test]
fn what_is_no_library_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (told, hint) = with_library(&at("missing.so"));
    assert!(told.contains("missing.so: there is no such file"), "{told}");
    assert!(hint.contains("pip install onnxruntime") && hint.contains("--engine-library"), "{hint}");
    assert!(with_library(folder.path()).0.contains("is no file"));
    fs_err::write(at("text.so"), "no library").unwrap();
    assert!(with_library(&at("text.so")).0.contains("text.so: "));
}

#[cfg(target_os = "linux")]
#[test]
fn libraries_that_are_cut_or_something_else_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let program = fs_err::read(std::env::current_exe().unwrap()).unwrap();
    let cut = folder.path().join("cut.so");
    fs_err::write(&cut, &program[..program.len() / 2]).unwrap();
    assert!(with_library(&cut).0.contains("cut.so: is cut short"), "{:?}", with_library(&cut));
    let other = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"];
    if let Some(other) = other.iter().map(Path::new).find(|path| path.exists()) {
        let (told, _) = with_library(other);
        assert!(told.contains("is a library, but not ONNX Runtime"), "{told}");
    }
}
