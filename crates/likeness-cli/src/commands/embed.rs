//! `likeness embed`: writes the embeddings of photos to a file.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use likeness::Loader;

use crate::Outcome;
use crate::args::EmbedArgs;
use crate::output::{Content, Outputs};
use crate::print::say;
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: EmbedArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let mut outputs = Outputs::new(args.input.iter().map(PathBuf::as_path), args.force);
    outputs.add("--output", &args.output, Content::Embeddings)?;
    let (model, photos) = (args.model.choice(args.photos.detection.commercial), args.photos.options());
    let loader = Loader::new(&model, &photos, Terminal::context(stop));
    let (count, dimension) = loader.save(&args.input, args.split.name(), &args.output)?;
    say(format!("{count} embeddings of dimension {dimension} in {}", args.output.display()));
    Ok(Outcome::Done)
}
