//! `likeness prepare`: a collection enters, a dataset leaves.

use std::sync::atomic::AtomicBool;

use likeness_data::prepare::{PrepareConfig, PrepareRun, prepare};
use likeness_data::sample::SamplingConfig;
use likeness_data::split::SplitConfig;

use super::print_json;
use crate::Outcome;
use crate::args::PrepareArgs;
use crate::detector;
use crate::input::check_exists;
use crate::output::{Content, Outputs};
use crate::preview;
use crate::print::{say, say_skipped};
use crate::progress::Progress;

/// Runs the command.
pub(crate) fn run(args: PrepareArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    check_exists(&args.photos)?;
    if let Some(path) = &args.preview {
        let mut outputs = Outputs::new([args.photos.as_path()], args.force);
        if args.json {
            outputs.stdout("the counts on stdout");
        }
        outputs.add("--preview", path, Content::Sheet)?;
    }
    let detector = detector::load(&args.detection)?;
    let config = PrepareConfig {
        layout: args.layout.into(),
        sampling: SamplingConfig {
            identities: args.identities,
            min_images: args.min_images,
            max_images: args.max_images,
        },
        split: SplitConfig { method: args.split.into(), validation: args.validation, seed: args.seed },
        size: args.size,
        format: args.format.into(),
        domain: args.domain,
        detection: detector.as_ref().map(|d| d.settings(&args.detection)),
    };
    let progress = Progress::begin("prepare");
    let prepared = prepare(
        &args.photos,
        &args.output,
        &config,
        &PrepareRun {
            detector: detector.as_ref().map(|d| d.detector.as_ref()),
            stop,
            progress: &|done, total| progress.show(done, total),
            limits: args.reading.limits(),
            threads: args.reading.threads,
            replace: args.replace,
        },
    )?;
    progress.end(prepared.worked, "photos");
    prepared.notes.iter().for_each(say);
    say_skipped(&prepared.skipped, Some(&args.output.join("dataset.toml").display().to_string()));
    if prepared.worked == 0 {
        say("nothing to do: the dataset is up to date");
    }
    let (images, identities) = (prepared.images, prepared.identities);
    say(format!("{images} images of {identities} identities in {}", args.output.display()));
    if let Some(path) = &args.preview {
        preview::of_dataset(&prepared.examples, path)?;
        say(format!("preview in {}", path.display()));
    }
    if args.json {
        print_json(&serde_json::json!({
            "images": images,
            "identities": identities,
            "skipped": prepared.skipped.len(),
            "worked": prepared.worked,
            "skipped_photos": prepared.skipped.iter()
                .map(|s| serde_json::json!({ "name": s.name, "reason": s.reason }))
                .collect::<Vec<_>>(),
        }))?;
    }
    Ok(Outcome::Done)
}
