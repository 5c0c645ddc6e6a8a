//! `likeness train`: trains a network in a run folder.

mod watch;

use std::sync::atomic::AtomicBool;

use likeness::train::{Trained, train};
use likeness_data::photos::display_name;

use super::print_json;
use crate::Outcome;
use crate::args::TrainArgs;
use crate::print::say;
use crate::progress::Terminal;
pub(crate) use watch::Watcher;

/// Runs the command.
pub(crate) fn run(args: TrainArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let options = args.options()?;
    let watch = |epochs| Watcher::new(&args.output, epochs, stop);
    let (trained, watcher) = train(&options, Terminal::context(stop), watch)?;
    watcher.end();
    report(&args, &trained)
}

fn report(args: &TrainArgs, Trained { outcome, epochs }: &Trained) -> anyhow::Result<Outcome> {
    if outcome.stopped {
        say(format!("stopped after epoch {}; continue with --resume", outcome.epochs));
    } else if outcome.stopped_early {
        say(format!(
            "stopped early after epoch {}: no better validation top-1 since epoch {}",
            outcome.epochs,
            outcome.best.map_or(0, |b| b.1)
        ));
    }
    if let Some((top1, epoch)) = outcome.best {
        say(format!("best validation top-1 {:.1} % after epoch {epoch}", 100.0 * top1));
    }
    if outcome.epochs > 0 {
        say(format!("the network is in {}", args.output.join("model").display()));
    }
    if args.json {
        let document = serde_json::json!({
            "epochs": outcome.epochs,
            "of": epochs,
            "stopped": outcome.stopped,
            "stopped_early": outcome.stopped_early,
            "validation_top1": outcome.best.map(|b| b.0),
            "best_epoch": outcome.best.map(|b| b.1),
            "run": display_name(&args.output),
        });
        print_json(&document)?;
    }
    Ok(if outcome.stopped { Outcome::Interrupted } else { Outcome::Done })
}
