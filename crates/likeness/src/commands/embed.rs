//! `likeness embed`: photos enter, an embeddings file leaves.

use std::sync::atomic::AtomicBool;

use crate::Outcome;
use crate::args::EmbedArgs;
use crate::input::Loader;
use crate::progress::say;

/// Runs the command.
pub(crate) fn run(args: EmbedArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let loader = Loader::new(&args.model, args.photos.refer(), stop);
    let (count, dimension) = loader.save(&args.input, args.split.name(), &args.output)?;
    say(format!("{count} embeddings of {dimension} numbers in {}", args.output.display()));
    Ok(Outcome::Done)
}
