//! `bench drawn` and `bench domains`: what adaptation brings on a domain without labels, and what it costs on the other.
//!
//! What a run's networks find is kept in `docs/results/domains/`, so that a bench goes on where it stood; to measure
//! again, delete the file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use super::Bench;
use super::report::Section;
use crate::process::{self, output, repository};

/// In the repository.
const RESULTS: &str = "docs/results/domains";
const SEEDS: u64 = 2;

/// Two domains, and how a network is trained on one of them.
struct World {
    name: &'static str,
    folder: PathBuf,
    /// Side of a dataset's faces.
    face_px: u32,
    /// Flags of `likeness train` for every method.
    flags: Vec<String>,
    /// What is trained on, and what its labels are added to.
    source: PathBuf,
    target: PathBuf,
    /// What is searched in, leave-one-out, of each domain: a dataset and its split.
    tests: [(PathBuf, &'static str); 2],
}

/// A way of training, and which of its networks is for which domain.
struct Method {
    name: &'static str,
    run: &'static str,
    flags: &'static str,
    /// Folders in the run, of the network for the source's faces and for the target's.
    networks: [&'static str; 2],
}

const SOURCE_ONLY: &str = "source alone";
const LABELLED: &str = "labels of the target as well";

const METHODS: [Method; 7] = [
    Method { name: SOURCE_ONLY, run: "adabn", flags: "--adapt adabn", networks: ["model", "model"] },
    Method { name: "AdaBN", run: "adabn", flags: "--adapt adabn", networks: ["model", "target"] },
    Method { name: "CORAL", run: "coral", flags: "--adapt coral", networks: ["model", "target"] },
    Method { name: "DANN", run: "dann", flags: "--adapt dann", networks: ["model", "target"] },
    Method {
        name: "DANN and style augmentation",
        run: "dann-style",
        flags: "--adapt dann --augment style",
        networks: ["model", "target"],
    },
    Method { name: "clusters", run: "clusters", flags: "--adapt clusters", networks: ["model", "target"] },
    Method { name: LABELLED, run: "labels", flags: "", networks: ["model", "model"] },
];

/// Top-1, top-5, top-10 and mAP, in percent.
type Shares = [f64; 4];
/// What each method's networks of each seed find in the source and in the target.
type Found = BTreeMap<String, [Shares; 2]>;

/// Runs the bench on drawn faces.
pub(super) fn drawn(bench: &Bench) -> Result<Section> {
    let folder = folder(bench, "drawn")?;
    let draw = |seed: &str, style: &str| {
        let (people, dataset) = (folder.join(seed), folder.join(format!("{style}-{seed}")));
        if !people.exists() {
            let mut demo = Command::new(&bench.likeness);
            output(demo.args(["demo", "--epochs", "0", "--seed", seed, "-o"]).arg(&people))?;
        }
        let mut prepare = Command::new(&bench.likeness);
        prepare.arg("prepare").arg(people.join(style)).arg("-o").arg(&dataset);
        output(prepare.args(["--layout", "folders", "--size", "80"])).map(|_| dataset)
    };
    let world = World {
        name: "drawn",
        face_px: 80,
        flags: words(
            "--backbone resnet18 --size 64 --embedding-dim 128 --method cosface --scale 16 --margin 0.2 --epochs 8",
        ),
        source: draw("1000", "photos")?,
        target: draw("2000", "drawings")?,
        tests: [(draw("0", "photos")?, "all"), (draw("0", "drawings")?, "all")],
        folder,
    };
    section(
        bench,
        &world,
        "Drawn faces",
        "`likeness demo`'s faces of 40 people in every set and no person in two of them: 320 portraits to train on, 320 \
         sketches of others to adapt to, 400 pictures in each style of yet others to search in. ResNet18 at 64 px, \
         CosFace, 8 epochs.",
    )
}

/// Runs the bench on photos and rendered faces.
pub(super) fn faces(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is not there: this bench needs its photos")?;
    let folder = folder(bench, "domains")?;
    let prepared = |photos: &str, how: &str| {
        let dataset = folder.join(photos);
        let mut prepare = Command::new(&bench.likeness);
        prepare.arg("prepare").arg(shared.join("data").join(photos)).arg("-o").arg(&dataset);
        prepare.arg("--detector").arg(shared.join("weights/detectors/yunet_n_dynamic.onnx"));
        output(prepare.args(["--size", "112", "--no-face", "keep"]).args(how.split_whitespace()))
            .map(|_| dataset)
    };
    let source = prepared("celeba", "--split official")?;
    let target = prepared("digiface", "--layout prefix --split identities --validation 0.5")?;
    // The network of the training bench: what adapts is the second part of its recipe.
    let begun = folder.with_file_name("training").join("cosface-64/model/weights.safetensors");
    let mut flags = words(
        "--size 64 --precision bf16 --warm-up 0 --epochs 2 --images-per-epoch 2560 --learning-rate 0.0002 --weights",
    );
    flags.push(begun.display().to_string());
    let world = World {
        name: "faces",
        face_px: 112,
        flags,
        tests: [(source.clone(), "test"), (target.clone(), "validation")],
        source,
        target,
        folder,
    };
    section(
        bench,
        &world,
        "Photos and rendered faces",
        "Source: CelebA's 241 training identities, with labels. Target: DigiFace, half of its 164 identities to adapt to, \
         whose labels nobody looks at, the other half to search in; of CelebA the 58 test identities. All begin with the \
         network `cosface-64` of the training bench and have 160 batches of batch-hard triplets at 64 px.",
    )
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// The bench's folder beside the built program.
fn folder(bench: &Bench, name: &str) -> Result<PathBuf> {
    let release = bench.likeness.parent().context("the program lies in a folder")?;
    let folder = release.with_file_name(name);
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

fn section(bench: &Bench, world: &World, title: &'static str, about: &str) -> Result<Section> {
    let file = repository().join(RESULTS).join(world.name).with_extension("json");
    let mut found: Found = match fs_err::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text)?,
        Err(_) => Found::new(),
    };
    for seed in 0..SEEDS {
        for method in &METHODS {
            let key = format!("{}, seed {seed}", method.name);
            if let Entry::Vacant(place) = found.entry(key) {
                place.insert(world.measure(&bench.likeness, method, seed)?);
                fs_err::create_dir_all(repository().join(RESULTS))?;
                fs_err::write(&file, serde_json::to_string_pretty(&found)? + "\n")?;
            }
        }
    }
    let all = |method: &str, domain: usize, share: usize| -> Vec<f64> {
        (0..SEEDS).map(|seed| found[&format!("{method}, seed {seed}")][domain][share]).collect()
    };
    let gap = |method: &str, share: usize| {
        let [source, with_labels, here] = [SOURCE_ONLY, LABELLED, method].map(|m| mean(&all(m, 1, share)));
        format!("{:.0} %", 100.0 * (here - source) / (with_labels - source))
    };
    let rows = METHODS.iter().map(|method| {
        let mut row = vec![method.name.to_owned()];
        row.extend((0..4).map(|share| with_deviation(&all(method.name, 1, share))));
        row.push(format!("{}, {}", gap(method.name, 0), gap(method.name, 3)));
        row.extend([0, 3].map(|share| with_deviation(&all(method.name, 0, share))));
        row
    });
    Ok(Section {
        page: "domains",
        title,
        about: format!(
            "{about} Percent, leave-one-out; mean and standard deviation of {SEEDS} seeds. The gap is what labels of the \
             target add to the source alone; how much of it is closed, of top-1 and of mAP."
        ),
        columns: vec!["", "target top-1", "top-5", "top-10", "mAP", "gap closed", "source top-1", "mAP"],
        rows: rows.collect(),
        remarks: Vec::new(),
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn with_deviation(values: &[f64]) -> String {
    let (mean, freedom) = (mean(values), values.len().max(2) - 1);
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / freedom as f64;
    format!("{mean:.1} ± {:.1}", variance.sqrt())
}

impl World {
    /// What the method's networks find in both domains, trained where they are not there yet.
    fn measure(&self, likeness: &Path, method: &Method, seed: u64) -> Result<[Shares; 2]> {
        let run = self.folder.join(format!("{}-{seed}", method.run));
        let mut command = Command::new(likeness);
        command.arg("train");
        if method.name == LABELLED {
            command.arg(self.with_labels(likeness)?);
        } else {
            command.arg(&self.source);
            command.arg("--adapt-to").arg(&self.target).args(method.flags.split_whitespace());
        }
        command
            .arg("-o")
            .arg(&run)
            .args(&self.flags)
            .args(["--validation", "0", "--seed"])
            .arg(seed.to_string());
        if run.join("run.toml").exists() {
            command.arg("--resume");
        }
        process::run(&mut command)?;
        let [source, target] = [0, 1].map(|domain| {
            let (dataset, split) = &self.tests[domain];
            evaluate(likeness, dataset, split, &run.join(method.networks[domain]))
        });
        Ok([source?, target?])
    }

    /// The training faces of both domains, with their labels, as one dataset.
    fn with_labels(&self, likeness: &Path) -> Result<PathBuf> {
        let (table, dataset) = (self.folder.join("both.csv"), self.folder.join("both"));
        let mut lines = vec!["path,identity,split".to_owned()];
        for (domain, part) in [("source", &self.source), ("target", &self.target)] {
            let manifest = fs_err::read_to_string(part.join("manifest.csv"))?;
            let mut rows = manifest.lines().map(|line| line.split(',').collect::<Vec<_>>());
            let header = rows.next().context("the manifest is empty")?;
            let column = |name: &str| {
                header.iter().position(|c| *c == name).with_context(|| format!("no column {name}"))
            };
            let [path, identity, split] = [column("path")?, column("identity")?, column("split")?];
            for row in rows.filter(|row| row[split] == "train") {
                let face = part.join(row[path]);
                lines.push(format!("{},{domain} {},train", face.display(), row[identity]));
            }
        }
        fs_err::write(&table, lines.join("\n") + "\n")?;
        let mut prepare = Command::new(likeness);
        prepare.arg("prepare").arg(&table).arg("-o").arg(&dataset).args(["--layout", "csv", "--size"]);
        output(prepare.arg(self.face_px.to_string()).args(["--split", "official"]))?;
        Ok(dataset)
    }
}

fn evaluate(likeness: &Path, dataset: &Path, split: &str, model: &Path) -> Result<Shares> {
    let mut command = Command::new(likeness);
    command.arg("evaluate").arg(dataset).arg("--model").arg(model);
    let answer = output(command.args(["--split", split, "--protocol", "leave-one-out", "--json"]))?;
    let answer: Value = serde_json::from_str(&answer)?;
    let mut shares = [0.0; 4];
    for (share, key) in shares.iter_mut().zip(["top1", "top5", "top10", "map"]) {
        *share = 100.0 * answer[key].as_f64().with_context(|| format!("evaluate --json has no {key}"))?;
    }
    Ok(shares)
}
