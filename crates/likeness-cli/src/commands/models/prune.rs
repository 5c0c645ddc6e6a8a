//! `likeness models prune`: makes a smaller network with fewer channels, to be fine-tuned.

use std::collections::BTreeMap;

use likeness::trained;
use likeness_embed::model_folder::inspect;
use likeness_model::folder::{check_vacant, claim, weights_beside};
use likeness_train::device::device;
use likeness_train::export::{ModelCard, write_model_folder};
use likeness_train::network::{Network, parameters};
use likeness_train::weights::{WeightsFile, network_of, prune};

use super::print_lines;
use crate::args::PruneModelArgs;
use crate::print::say;

/// Runs the command.
pub(super) fn run(args: &PruneModelArgs) -> anyhow::Result<()> {
    check_vacant(&args.output)?;
    let seen = inspect(&args.model)?;
    let weights = weights_beside(&seen.graph)?;
    let device = device("cpu")?;
    let (network, _) = network_of(&WeightsFile::open(&weights)?, None, &device)?;
    let narrow = prune(&network, args.keep, &device)?;
    let count = |network: &Network| -> usize {
        parameters(network).iter().map(|info| info.shape.iter().product::<usize>()).sum()
    };
    say(format!("{} of {} parameters remain", count(&narrow), count(&network)));
    say(format!("next: likeness train DATASET --weights {} -o RUN", args.output.display()));
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "not stated".to_owned());
    let card = ModelCard {
        name: format!("{}-pruned", seen.spec.name),
        input_px: seen.spec.input_size.0,
        alignment: seen.spec.alignment.unwrap_or_default(),
        licence: known(&seen.description.licence),
        source: format!("pruned from {}", seen.spec.name),
        notes: BTreeMap::new(),
    };
    let _lock = claim(&args.output)?;
    write_model_folder(&narrow, &args.output, &card)?;
    trained::copy_list(&args.model, &args.output)?;
    print_lines(&[args.output.display().to_string()])
}
