//! `bench drawn` and `bench domains`: the effect of domain adaptation on the target domain and on the source domain.
//!
//! Results are stored in `docs/results/domains/`, so that an interrupted bench can be resumed. To measure again, delete the
//! file. `LIKENESS_SEEDS=0,2` and `LIKENESS_RECIPES=dann,coral` select seeds and runs; another bench may measure others at
//! the same time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::report::Section;
use super::{Bench, Chosen, listed};
use crate::process::{self, output, repository};

/// Folder of the results, in the repository.
const RESULTS: &str = "docs/results/domains";
const SEEDS: u64 = 3;

/// Two domains, and the settings of training on the source domain.
struct World {
    name: &'static str,
    folder: PathBuf,
    /// Whether a method is measured in this world.
    takes: fn(&Method) -> bool,
    /// Side of the faces in the datasets, in pixels.
    face_px: u32,
    /// Flags of `likeness train` for every method.
    flags: String,
    /// Flags that keep a classifier in the loss, if `flags` have no such loss.
    classifier: &'static str,
    /// The source dataset, with labels.
    source: PathBuf,
    target: PathBuf,
    /// For each domain, the dataset and split for the leave-one-out evaluation.
    tests: [(PathBuf, &'static str); 2],
}

/// A method of training, and the network of it that is evaluated on each domain.
struct Method {
    name: &'static str,
    run: &'static str,
    /// `CLASSIFIER` stands for [`World::classifier`].
    flags: &'static str,
    /// Folders in the run: the network for the source domain and that for the target domain.
    networks: [&'static str; 2],
}

const SOURCE_ONLY: &str = "source alone";
/// Upper end of the gap: the target's labels, used in place of clusters.
const LABELLED: &str = "labels of the target, in the groups' place";
/// The training faces of both domains as one dataset.
const MERGED: &str = "both domains with labels, as one dataset";

const METHODS: &[Method] = &[
    Method { name: SOURCE_ONLY, run: "adabn", flags: "--adapt adabn", networks: ["model", "model"] },
    adapted("AdaBN", "adabn", "--adapt adabn"),
    adapted("CORAL", "coral", "--adapt coral"),
    adapted("DANN", "dann", "--adapt dann"),
    adapted("DANN and style augmentation", "dann-style", "--adapt dann --augment style"),
    adapted("CDAN", "cdan", "--adapt cdan CLASSIFIER"),
    adapted("clusters", "clusters", "--adapt clusters"),
    adapted("clusters and style augmentation", "clusters-style", "--adapt clusters --augment style"),
    adapted("AdaBN, more of colour", "colour", "--adapt adabn --augment colour"),
    adapted("AdaBN, more of compression", "compression", "--adapt adabn --augment compression"),
    adapted("AdaBN, posterised faces", "posterise", "--adapt adabn --augment posterise"),
    adapted("AdaBN, sketched faces", "sketch", "--adapt adabn --augment sketch"),
    adapted("AdaBN, outlined faces", "outline", "--adapt adabn --augment outline"),
    adapted(LABELLED, "labels", "--adapt labels"),
    Method { name: MERGED, run: "merged", flags: "", networks: ["model", "model"] },
];

const fn adapted(name: &'static str, run: &'static str, flags: &'static str) -> Method {
    Method { name, run, flags, networks: ["model", "target"] }
}

/// Top-1, top-5, top-10 and mAP, in percent.
type Shares = [f64; 4];
/// For each method and seed, the results in the source and the target domain.
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
        // These domains are two styles, so style augmentation is left out.
        takes: |method| !method.flags.contains("--augment") && method.name != MERGED,
        face_px: 80,
        flags: "--backbone resnet18 --size 64 --embedding-dim 128 --method cosface --scale 16 --margin 0.2 --epochs 8"
            .to_owned(),
        classifier: "",
        source: draw("1000", "photos")?,
        target: draw("2000", "drawings")?,
        tests: [(draw("0", "photos")?, "all"), (draw("0", "drawings")?, "all")],
        folder,
    };
    section(
        bench,
        &world,
        "Drawn faces",
        "Faces drawn by `likeness demo`. Each set has 40 people of its own: 320 portraits for training, 320 sketches for \
         adaptation, 400 pictures in each style for the evaluation. ResNet18 at 64 px, CosFace, 8 epochs.",
    )
}

/// Runs the bench on photos and rendered faces.
pub(super) fn faces(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let folder = folder(bench, "domains")?;
    let source = bench.faces(&shared, "celeba", folder.join("celeba"), "--split official")?;
    let how = "--layout prefix --split identities --validation 0.5";
    let target = bench.faces(&shared, "digiface", folder.join("digiface"), how)?;
    // The network of the training bench: adaptation is the second phase of its recipe.
    let start = folder.with_file_name("training").join("cosface-64/model/weights.safetensors");
    ensure!(
        start.exists(),
        "{} is missing: run the bench training with LIKENESS_RECIPES=cosface-64",
        start.display()
    );
    let flags = format!(
        "--size 64 --precision bf16 --warm-up 0 --epochs 2 --images-per-epoch 2560 --learning-rate 0.0002 --weights {}",
        start.display()
    );
    let world = World {
        name: "faces",
        takes: |_| true,
        face_px: 112,
        flags,
        classifier: "--keep-classification 0.1",
        tests: [(source.clone(), "test"), (target.clone(), "validation")],
        source,
        target,
        folder,
    };
    section(
        bench,
        &world,
        "Photos and rendered faces",
        "Source: CelebA's 241 training identities, with labels. Target: half of DigiFace's 164 identities, without labels. \
         Evaluated on the other half of DigiFace and on CelebA's 58 test identities. All networks start with the weights of \
         `cosface-64` of the training bench and are trained with 160 batches of batch-hard triplets at 64 px.",
    )
}

/// The bench's folder, beside the folder of the built program.
fn folder(bench: &Bench, name: &str) -> Result<PathBuf> {
    let release = bench.likeness.parent().context("the program is in a folder")?;
    let folder = release.with_file_name(name);
    fs_err::create_dir_all(&folder)?;
    Ok(folder)
}

fn section(bench: &Bench, world: &World, title: &'static str, about: &str) -> Result<Section> {
    let file = repository().join(RESULTS).join(world.name).with_extension("json");
    let kept = || match fs_err::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text),
        Err(_) => Ok(Found::new()),
    };
    let methods = || METHODS.iter().filter(|method| (world.takes)(method));
    let [seeds, runs] = ["LIKENESS_SEEDS", "LIKENESS_RECIPES"].map(Chosen::from_environment);
    for seed in (0..SEEDS).filter(|seed| seeds.has(&seed.to_string())) {
        for method in methods().filter(|method| runs.has(method.run)) {
            let key = format!("{}, seed {seed}", method.name);
            if !kept()?.contains_key(&key) {
                let shares = world.measure(bench, method, seed)?;
                let mut found = kept()?;
                found.insert(key, shares);
                fs_err::create_dir_all(repository().join(RESULTS))?;
                fs_err::write(&file, serde_json::to_string_pretty(&found)? + "\n")?;
            }
        }
    }
    let found = kept()?;
    let expected = methods().count() * SEEDS as usize;
    ensure!(found.len() >= expected, "{} of {expected} networks have been measured", found.len());
    let all = |method: &str, domain: usize, share: usize| -> Vec<f64> {
        (0..SEEDS).map(|seed| found[&format!("{method}, seed {seed}")][domain][share]).collect()
    };
    let gap = |method: &str, share: usize| {
        let [source, with_labels, here] = [SOURCE_ONLY, LABELLED, method].map(|m| mean(&all(m, 1, share)));
        format!("{:.0} %", 100.0 * (here - source) / (with_labels - source))
    };
    let rows = methods().map(|method| {
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
            "{about} Percent, leave-one-out; mean and standard deviation of {SEEDS} seeds. The gap is the difference on the \
             target between training with target labels and training on the source alone; its closed share is given for top-1 \
             and mAP."
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
    /// Results of the method's networks in both domains; missing networks are trained.
    fn measure(&self, bench: &Bench, method: &Method, seed: u64) -> Result<[Shares; 2]> {
        let likeness = bench.likeness.as_path();
        let run = self.folder.join(format!("{}-{seed}", method.run));
        let mut command = bench.train();
        if method.name == MERGED {
            command.arg(self.merged(likeness, seed)?);
        } else {
            command.arg(&self.source);
            let flags = method.flags.replace("CLASSIFIER", self.classifier);
            command.arg("--adapt-to").arg(&self.target).args(flags.split_whitespace());
        }
        command
            .arg("-o")
            .arg(&run)
            .args(bench.flags(&self.flags))
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
    fn merged(&self, likeness: &Path, seed: u64) -> Result<PathBuf> {
        // One dataset for each seed, because seeds may be measured at the same time.
        let dataset = self.folder.join(format!("both-{seed}"));
        let table = dataset.with_extension("csv");
        let mut lines = vec!["path,identity,split".to_owned()];
        for (domain, part) in [("source", &self.source), ("target", &self.target)] {
            for [path, identity, _] in listed(part)?.into_iter().filter(|[.., split]| split == "train") {
                lines.push(format!("{},{domain} {identity},train", part.join(path).display()));
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
