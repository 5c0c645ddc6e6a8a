//! `bench training`: trains recipes of `likeness train` on CelebA's faces and evaluates them on unseen identities.
//!
//! A run is stored in `training/` of the target folder until it has ended. Its results are stored as
//! `docs/results/training/RUN.json`, beside its curves. The table is made from these files. Only recipes without a file are
//! trained, and an interrupted run is resumed, so that hours of training can be split between calls and machines. To train a
//! recipe again, delete its file. `LIKENESS_RECIPES=NAME,NAME` selects recipes.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::report::Section;
use super::{Bench, Chosen};
use crate::process::{self, output, repository};

/// ResNet50 from conv1 to layer3, of the shared files.
pub(super) const RESNET50: &str = "weights/resnet50-imagenet-conv1-layer3.safetensors";
const TEACHER: &str = "weights/mobilefacenet-arcface-128d.onnx";
/// Folder of the results, in the repository.
const RESULTS: &str = "docs/results/training";

/// The faces of a recipe.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Faces {
    /// 241 identities for training, 58 others for testing, leave-one-out.
    Unseen,
    /// 98 identities with at least 29 photos each. The last fifth of each are queries, the others the gallery.
    Seed,
}

/// A run, and the networks of it that are evaluated.
struct Recipe {
    /// Its folder.
    run: &'static str,
    faces: Faces,
    /// Flags of `likeness train`. Words in capitals stand for files and folders, see [`Place::file`].
    flags: &'static str,
    /// The networks of finished phases and the last one: folder and name in the table.
    networks: &'static [(&'static str, &'static str)],
}

const RECIPES: &[Recipe] = &[
    Recipe {
        run: "default",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4",
        networks: &[
            ("phases/1-cosface", "ResNet50 from ImageNet, CosFace"),
            ("model", "the same and triplets after it: the default recipe"),
        ],
    },
    Recipe {
        run: "teacher",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --teacher TEACHER --teacher-weight 20 --warm-up 7 \
                --epochs 2",
        networks: &[
            ("phases/1-cosface", "the same with the published MobileFaceNet as a teacher, CosFace"),
            ("model", "the same and triplets after it"),
        ],
    },
    Recipe {
        run: "cosface-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --method cosface --epochs 3",
        networks: &[("model", "ResNet50 at 64 px, CosFace (s 24, m 0.25)")],
    },
    Recipe {
        run: "arcface-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --method arcface --scale 24 --margin 0.3 \
                --epochs 3",
        networks: &[("model", "ResNet50 at 64 px, ArcFace (s 24, m 0.3)")],
    },
    Recipe {
        run: "classification-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --method classification --epochs 3",
        networks: &[("model", "ResNet50 at 64 px, cross-entropy")],
    },
    Recipe {
        run: "triplet-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --warm-up 0 --epochs 3",
        networks: &[("model", "ResNet50 at 64 px, triplets from ImageNet, no warm-up")],
    },
    Recipe {
        run: "cosface-triplet-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --warm-up 3 --epochs 1",
        networks: &[("model", "ResNet50 at 64 px, triplets after CosFace")],
    },
    Recipe {
        run: "teacher-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --method teacher --teacher TEACHER --epochs 3",
        networks: &[("model", "ResNet50 at 64 px, the teacher's embeddings alone")],
    },
    Recipe {
        run: "cosface-teacher-64",
        faces: Faces::Unseen,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --size 64 --method cosface --teacher TEACHER \
                --teacher-weight 20 --epochs 3",
        networks: &[("model", "ResNet50 at 64 px, CosFace and the teacher")],
    },
    Recipe {
        run: "mobilefacenet-teacher",
        faces: Faces::Unseen,
        flags: "--backbone mobilefacenet --method teacher --teacher TEACHER --epochs 1 --precision bf16",
        networks: &[("model", "MobileFaceNet from nothing, the published one as its teacher")],
    },
    Recipe {
        run: "mobilefacenet-x1-teacher",
        faces: Faces::Unseen,
        flags: "--backbone mobilefacenet-x1 --embedding-dim 128 --method teacher --teacher TEACHER --learning-rate 0.002 \
                --epochs 9 --precision bf16",
        networks: &[(
            "model",
            "MobileFaceNet of the published one's width from nothing, that one as its teacher",
        )],
    },
    Recipe {
        run: "mobilefacenet-published",
        faces: Faces::Unseen,
        flags: "--weights PUBLISHED --rates head=1 --method cosface --teacher TEACHER --teacher-weight 20 \
                --learning-rate 0.0001 --epochs 3 --precision bf16",
        networks: &[("model", "the published MobileFaceNet, CosFace and itself as its teacher")],
    },
    Recipe {
        run: "mobilefacenet-half",
        faces: Faces::Unseen,
        flags: "--weights HALF --rates head=1 --method teacher --teacher TEACHER --epochs 12 --precision bf16",
        networks: &[("model", "half of its channels, the whole one as its teacher")],
    },
    Recipe {
        run: "mobilefacenet-quarter",
        faces: Faces::Unseen,
        flags: "--weights QUARTER --rates head=1 --method teacher --teacher TEACHER --epochs 16 --precision bf16",
        networks: &[("model", "a quarter of its channels, the whole one as its teacher")],
    },
    Recipe {
        run: "seed",
        faces: Faces::Seed,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --warm-up 3 --epochs 1",
        networks: &[
            ("phases/1-cosface", "ResNet50 from ImageNet, CosFace"),
            ("model", "the same and triplets after it"),
        ],
    },
    Recipe {
        run: "seed-classification",
        faces: Faces::Seed,
        flags: "--weights WEIGHTS --allow-missing layer4 --precision bf16 --method classification --epochs 3",
        networks: &[("model", "ResNet50 from ImageNet, cross-entropy")],
    },
];

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let place = Place::of(bench)?;
    let release = bench.likeness.parent().context("the program is in a folder")?;
    let mut rows = kept("untrained", || Ok(vec![place.untrained(release)?]))?;
    let chosen = Chosen::from_environment("LIKENESS_RECIPES");
    for recipe in RECIPES {
        // A recipe that was not selected keeps the rows measured before.
        if chosen.has(recipe.run) || results_of(recipe.run).exists() {
            rows.extend(kept(recipe.run, || place.rows(recipe))?);
        }
    }
    Ok(Section {
        page: "training",
        title: "CelebA",
        about: "Faces detected and aligned by YuNet, 112 px. Unseen people: trained on the 5,048 photos of 241 identities, evaluated \
                leave-one-out on the 1,252 photos of 58 others. The seed's protocol: 98 identities with at least 29 photos, \
                the last fifth of each (by index) as queries; the others are the gallery and the training data. Percent; \
                minutes on two cores that other work was using too."
            .to_owned(),
        columns: vec!["faces", "network", "epochs", "top-1", "top-5", "top-10", "mAP", "minutes"],
        rows,
        remarks: Vec::new(),
    })
}

/// The rows in the results file `name`; a missing file is measured and written.
pub(super) fn kept(name: &str, make: impl FnOnce() -> Result<Vec<Vec<String>>>) -> Result<Vec<Vec<String>>> {
    let file = results_of(name);
    if file.exists() {
        return Ok(serde_json::from_str(&fs_err::read_to_string(&file)?)?);
    }
    let rows = make()?;
    fs_err::create_dir_all(repository().join(RESULTS))?;
    fs_err::write(&file, serde_json::to_string_pretty(&rows)? + "\n")?;
    Ok(rows)
}

/// The results file `name`.
pub(super) fn results_of(name: &str) -> PathBuf {
    repository().join(RESULTS).join(name).with_extension("json")
}

/// Copies the curves of `run` to the results, as `name`.
pub(super) fn keep_curves(run: &Path, name: &str) -> Result<()> {
    let curves = repository().join(RESULTS);
    fs_err::create_dir_all(&curves)?;
    fs_err::copy(run.join("curves.svg"), curves.join(name).with_extension("svg"))?;
    Ok(())
}

/// The program and the folders of the bench.
pub(super) struct Place<'a> {
    pub(super) bench: &'a Bench,
    shared: PathBuf,
    /// The folder of the runs.
    pub(super) folder: PathBuf,
}

impl<'a> Place<'a> {
    /// The place of a bench, beside its program.
    pub(super) fn of(bench: &'a Bench) -> Result<Self> {
        let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
        let release = bench.likeness.parent().context("the program is in a folder")?;
        let folder = release.with_file_name("training");
        fs_err::create_dir_all(&folder)?;
        Ok(Self { bench, shared, folder })
    }

    /// The dataset of the faces, prepared once.
    pub(super) fn dataset(&self, faces: Faces) -> Result<PathBuf> {
        let (name, how) = match faces {
            Faces::Unseen => ("celeba", "--split official"),
            Faces::Seed => ("celeba-seed", "--min-images 29 --split images"),
        };
        self.bench.faces(&self.shared, "celeba", self.folder.join(name), how)
    }

    /// The rows of ImageNet weights, without training.
    fn untrained(&self, release: &Path) -> Result<Vec<String>> {
        process::run(&mut process::cargo(&[
            "build",
            "--release",
            "--workspace",
            "--example",
            "untrained_features",
        ]))?;
        let mut command = Command::new(release.join("examples/untrained_features"));
        let text = output(command.arg(self.dataset(Faces::Unseen)?).arg(self.shared.join(RESNET50)))?;
        let numbers: Vec<&str> = text.split_whitespace().filter(|word| word.contains('.')).collect();
        let [top1, top5, top10, map] = numbers[..] else {
            anyhow::bail!("expected four shares, found: {text}")
        };
        let row =
            ["unseen people", "ResNet50's layer3 of ImageNet, not trained", "0", top1, top5, top10, map, "0"];
        Ok(row.map(str::to_owned).to_vec())
    }

    fn rows(&self, recipe: &Recipe) -> Result<Vec<Vec<String>>> {
        let dataset = self.dataset(recipe.faces)?;
        let run = self.folder.join(recipe.run);
        self.train(recipe, &dataset, &run)?;
        keep_curves(&run, recipe.run)?;
        let history = fs_err::read_to_string(run.join("history.jsonl"))?;
        let epochs: Vec<Value> = history.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        let one = |(model, name): &(&str, &str)| {
            // For a phase in `phases/1-cosface`, the epochs up to its end.
            let last = match model.rsplit_once('-') {
                Some((_, phase)) => epochs.iter().rposition(|e| e["phase"] == phase).map_or(0, |at| at + 1),
                None => epochs.len(),
            };
            let seconds: f64 = epochs[..last].iter().filter_map(|e| e["seconds"].as_f64()).sum();
            let mut row = vec![if recipe.faces == Faces::Seed { "seed" } else { "unseen people" }.to_owned()];
            row.extend([(*name).to_owned(), last.to_string()]);
            row.extend(self.evaluate(&dataset, &run.join(model), recipe.faces)?);
            let device = if self.bench.device == "cpu" { "" } else { " on a GPU" };
            row.push(format!("{:.0}{device}", seconds / 60.0));
            Ok(row)
        };
        recipe.networks.iter().map(one).collect()
    }

    /// Trains to the end; an interrupted run is resumed.
    fn train(&self, recipe: &Recipe, dataset: &Path, run: &Path) -> Result<()> {
        let mut command = self.bench.train();
        command.arg(dataset).arg("-o").arg(run);
        if run.join("run.toml").exists() {
            command.arg("--resume");
        } else {
            for flag in self.bench.flags(recipe.flags) {
                command.arg(self.file(&flag)?);
            }
            command.args(["--validation", "0"]);
        }
        process::run(&mut command)
    }

    /// The file or folder that a word of a recipe stands for.
    fn file(&self, word: &str) -> Result<PathBuf> {
        let teacher = self.shared.join(TEACHER);
        let pruned = |share: &str| {
            let published = self.file("PUBLISHED")?;
            self.made(&format!("pruned-{share}"), &["prune", &published.to_string_lossy(), "--keep", share])
        };
        match word {
            "WEIGHTS" => Ok(self.shared.join(RESNET50)),
            "TEACHER" => Ok(teacher),
            "PUBLISHED" => {
                let how = ["import", &teacher.to_string_lossy(), "--backbone", "mobilefacenet-x1"];
                self.made("published", &how)
            }
            "HALF" => pruned("0.5"),
            "QUARTER" => pruned("0.25"),
            word => Ok(PathBuf::from(word)),
        }
    }

    /// The folder of a network created by `likeness models`, once.
    fn made(&self, name: &str, how: &[&str]) -> Result<PathBuf> {
        let folder = self.folder.join("networks").join(name);
        if !folder.is_dir() {
            let mut command = Command::new(&self.bench.likeness);
            process::run(command.arg("models").args(how).arg("-o").arg(&folder))?;
        }
        Ok(folder)
    }

    /// Top-1, top-5, top-10 and mAP, in percent.
    pub(super) fn evaluate(&self, dataset: &Path, model: &Path, faces: Faces) -> Result<Vec<String>> {
        let mut command = Command::new(&self.bench.likeness);
        command.arg("evaluate").arg(dataset).arg("--model").arg(model).arg("--json");
        if faces == Faces::Unseen {
            command.args(["--split", "test", "--protocol", "leave-one-out"]);
        }
        let answer: Value = serde_json::from_str(&output(&mut command)?)?;
        let percent = |key: &str| {
            let share = answer[key].as_f64().with_context(|| format!("evaluate --json has no {key}"))?;
            ensure!(share.is_finite(), "{key}: {share}");
            Ok(format!("{:.1}", 100.0 * share))
        };
        ["top1", "top5", "top10", "map"].into_iter().map(percent).collect()
    }
}
