//! `likeness prepare`: makes a dataset of a collection of photos.

use std::sync::atomic::AtomicBool;

use likeness::check_exists;
use likeness::inspect::exclusions;
use likeness::prepare::{PrepareOptions, prepare_dataset};
use likeness_data::sampling::SamplingConfig;
use likeness_data::settings::PrepareConfig;
use likeness_data::split::SplitConfig;
use likeness_report::preview;

use super::print_json;
use crate::Outcome;
use crate::args::PrepareArgs;
use crate::output::{Content, Outputs};
use crate::print::{say, say_skipped};
use crate::progress::Terminal;

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
    let mut detection = args.detection.options();
    detection.cut.template = args.align.into();
    let options = PrepareOptions {
        config: PrepareConfig {
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
            detection: None,
            template: args.align.into(),
        },
        detection,
        limits: args.reading.limits(),
        threads: args.reading.threads,
        replace: args.replace,
        exclude: args.exclude.as_deref().map(|table| exclusions(table, &args.issues)).transpose()?,
    };
    let prepared = prepare_dataset(&args.photos, &args.output, &options, Terminal::context(stop))?;
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
