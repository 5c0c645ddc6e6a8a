//! `bench restyled`: queries are redrawn or recompressed photos of CelebA's test identities, the gallery is unchanged photos.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::report::Section;
use super::{Bench, listed};
use crate::process::{self, output};

/// Styles, as the example `restyle` names them.
const STYLES: [&str; 4] = ["sketch", "posterise", "outline", "jpeg"];
/// Styles for which networks are also adapted with clusters; each takes three minutes.
const GROUPED: [&str; 2] = ["sketch", "jpeg"];
/// Starting weights and length of training, as in the bench `domains`.
const FLAGS: &str = "--size 64 --precision bf16 --warm-up 0 --epochs 2 --images-per-epoch 2560 --learning-rate 0.0002 \
                     --augment style --validation 0";
const GROUPS: &str = "--adapt clusters --adapt-neighbours 20 --adapt-statistics shared";

/// Runs the bench.
pub(super) fn run(bench: &Bench) -> Result<Section> {
    let shared = process::shared()?.context("LIKENESS_SHARED is missing: this bench needs its photos")?;
    let release = bench.likeness.parent().context("the program is in a folder")?;
    let folder = release.with_file_name("restyled");
    fs_err::create_dir_all(&folder)?;
    let start = release.with_file_name("training").join("cosface-64/model");
    ensure!(
        start.exists(),
        "{} is missing: run the bench training with LIKENESS_RECIPES=cosface-64",
        start.display()
    );
    process::run(&mut process::cargo(&["build", "--release", "--workspace", "--example", "restyle"]))?;
    let place = Place {
        bench,
        restyle: process::target()?.join("release/examples/restyle"),
        photos: bench.faces(&shared, "celeba", folder.join("celeba"), "--split official")?,
        start,
        folder,
    };
    let styled = place.trained("style", &[])?;
    let mut rows = Vec::new();
    for style in STYLES {
        let dataset = place.restyled(style)?;
        rows.push(place.row(style, "cosface-64", &dataset, &place.start)?);
        rows.push(place.row(style, "`--augment style`", &dataset, &styled)?);
        if GROUPED.contains(&style) {
            let target = dataset.display().to_string();
            let flags: Vec<&str> =
                ["--adapt-to", &target].into_iter().chain(GROUPS.split_whitespace()).collect();
            let grouped = place.trained(&format!("groups-{style}"), &flags)?;
            rows.push(place.row(style, "the same and groups", &dataset, &grouped)?);
        }
    }
    let studio = place.studio(&shared)?;
    let of = |model: &Path| -> Result<String> {
        let answer = place.evaluate(&studio, model, &["--split", "all"])?;
        Ok(format!("{} and {}", percent(&answer, "top1")?, percent(&answer, "map")?))
    };
    Ok(Section {
        page: "domains",
        title: "A larger domain shift: redrawn photos of CelebA",
        about: "Every second photo of the 58 test identities is redrawn by the example `restyle`, or compressed as JPEG of \
                quality 5. These are queries in a gallery of the unchanged photos, and the other way round. The networks \
                start with the weights of `cosface-64` and are trained with 160 batches of batch-hard triplets at 64 px. \
                Clusters are those of the redrawn training photos; both domains are normalised together. Percent; one seed."
            .to_owned(),
        columns: vec![
            "redrawn by",
            "network",
            "photo → photo top-1",
            "mAP",
            "redrawn → photo top-1",
            "top-5",
            "mAP",
            "redrawn → redrawn top-1",
        ],
        rows,
        remarks: vec![format!(
            "AT&T's 400 grey studio photos, leave-one-out, as a regression check: top-1 and mAP are {} with \
             `cosface-64` and {} with `--augment style`.",
            of(&place.start)?,
            of(&styled)?
        )],
    })
}

struct Place<'a> {
    bench: &'a Bench,
    restyle: PathBuf,
    folder: PathBuf,
    /// The dataset of photos.
    photos: PathBuf,
    start: PathBuf,
}

impl Place<'_> {
    /// A dataset with all training photos and every second test photo redrawn.
    fn restyled(&self, style: &str) -> Result<PathBuf> {
        let dataset = self.folder.join(style);
        if dataset.join("dataset.toml").exists() {
            return Ok(dataset);
        }
        let redrawn = self.folder.join(format!("{style}-faces"));
        let faces = self.photos.join("faces");
        output(Command::new(&self.restyle).arg(&faces).arg(&redrawn).arg(style))?;
        let rows = listed(&self.photos)?;
        let mut lines = vec!["path,identity,split,domain".to_owned()];
        let mut tests = 0;
        for [path, identity, split] in rows {
            let name = Path::new(&path).file_name().context("a face has a name")?;
            tests += usize::from(split == "test");
            let (folder, domain) =
                if split == "test" && tests % 2 == 0 { (&faces, "photo") } else { (&redrawn, style) };
            lines.push(format!("{},{},{},{domain}", folder.join(name).display(), identity, split));
        }
        let table = self.folder.join(format!("{style}.csv"));
        fs_err::write(&table, lines.join("\n") + "\n")?;
        let mut prepare = Command::new(&self.bench.likeness);
        prepare.arg("prepare").arg(&table).arg("-o").arg(&dataset);
        output(prepare.args(["--layout", "csv", "--size", "112", "--split", "official"]))?;
        Ok(dataset)
    }

    /// The dataset of AT&T's photos.
    fn studio(&self, shared: &Path) -> Result<PathBuf> {
        self.bench.faces(shared, "att", self.folder.join("att"), "--layout folders")
    }

    /// The network of a run, trained if it does not exist.
    fn trained(&self, run: &str, flags: &[&str]) -> Result<PathBuf> {
        let run = self.folder.join(format!("run-{run}"));
        let mut command = self.bench.train();
        command.arg(&self.photos).arg("-o").arg(&run).args(self.bench.flags(FLAGS)).args(flags);
        command.arg("--weights").arg(self.start.join("weights.safetensors"));
        if run.join("run.toml").exists() {
            command.arg("--resume");
        }
        process::run(&mut command)?;
        Ok(run.join("model"))
    }

    fn evaluate(&self, dataset: &Path, model: &Path, flags: &[&str]) -> Result<Value> {
        let mut command = Command::new(&self.bench.likeness);
        command.arg("evaluate").arg(dataset).arg("--model").arg(model).args(flags);
        let answer = output(command.args(["--protocol", "leave-one-out", "--json"]))?;
        Ok(serde_json::from_str(&answer)?)
    }

    fn row(&self, style: &str, name: &str, dataset: &Path, model: &Path) -> Result<Vec<String>> {
        let answer = self.evaluate(dataset, model, &["--split", "test", "--by", "domain"])?;
        let pairs = answer["by"]["pairs"].as_array().context("evaluate --json has no pairs")?;
        let pair = |queries: &str, gallery: &str| {
            let found = pairs.iter().find(|p| p["queries_of"] == queries && p["gallery_of"] == gallery);
            found.map(|p| &p["evaluation"]).with_context(|| format!("no queries of {queries} in {gallery}"))
        };
        let [photos, across, redrawn] = [pair("photo", "photo")?, pair(style, "photo")?, pair(style, style)?];
        let mut row = vec![style.to_owned(), name.to_owned()];
        for (evaluation, key) in [
            (photos, "top1"),
            (photos, "map"),
            (across, "top1"),
            (across, "top5"),
            (across, "map"),
            (redrawn, "top1"),
        ] {
            row.push(percent(evaluation, key)?);
        }
        Ok(row)
    }
}

fn percent(answer: &Value, key: &str) -> Result<String> {
    let share = answer[key].as_f64().with_context(|| format!("evaluate --json has no {key}"))?;
    Ok(format!("{:.1}", 100.0 * share))
}
