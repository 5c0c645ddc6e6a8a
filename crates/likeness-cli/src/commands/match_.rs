//! `likeness match`: ranks a gallery for each query and writes the results.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context as _;
use likeness::search::{SearchOptions, Sides};
use likeness::submit::{self, Server};
use likeness::{Loader, check_exists};
use likeness_report::grid;
use likeness_search::{Distance, Results, ResultsShape};

use super::print_json;
use crate::Outcome;
use crate::args::MatchArgs;
use crate::failure::hinted;
use crate::output::{Content, Outputs};
use crate::print::{print_json_text, say};
use crate::progress::Terminal;

/// Runs the command.
pub(crate) fn run(args: MatchArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let server = args.submit.as_deref().map(Server::at).transpose()?;
    let (queries, gallery) = args.sides();
    queries.iter().chain(gallery).try_for_each(|input| check_exists(input))?;
    check_outputs(&args)?;
    let (model, photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    let loader = Loader::new(&model, &photos, context);
    let sides = match gallery {
        [] => Sides::within(&loader, queries)?,
        gallery => Sides::between(&loader, queries, gallery)?,
    };
    let options = SearchOptions {
        k: args.k,
        distance: args.search.distance.map(Distance::from),
        allow_self: args.search.allow_self,
    };
    let search = sides.search(&options, context)?;
    let results = search.results(&args.group)?;
    let shape = ResultsShape::from(args.shape);
    if let Some(path) = &args.output {
        if let Err(error) = results.write(path, shape) {
            if server.is_some() {
                let kept = submit::keep(&results.to_json(shape)?)?;
                say(format!("the results were not sent; they are kept in {}", kept.display()));
            }
            return Err(error.into());
        }
        say(format!("results for {} queries in {}", results.entries().len(), path.display()));
    }
    if let Some(path) = &args.grid {
        grid::draw(search.rankings(), search.distance(), args.grid_queries, path)?;
        say(format!("contact sheet in {}", path.display()));
    }
    let answer = server.map(|server| submitted(&server, &results, shape, &args)).transpose()?;
    match (&answer, args.json, &args.output) {
        (_, true, _) => print_json(&search.document(answer.as_ref()))?,
        (Some(answer), false, _) => print_json(answer)?,
        (None, false, None) => print_json_text(&results.to_pretty_json(shape)?)?,
        (None, false, Some(_)) => {}
    }
    Ok(Outcome::Done)
}

/// Checks every file that the command will write.
fn check_outputs(args: &MatchArgs) -> anyhow::Result<()> {
    let inputs = args.input.iter().chain(&args.gallery).map(PathBuf::as_path);
    let mut outputs = Outputs::new(inputs, args.force);
    if args.json || args.output.is_none() || args.submit.is_some() {
        outputs.stdout("the answer on stdout");
    }
    if let Some(path) = &args.output {
        outputs.add("--output", path, Content::Results)?;
    }
    if let Some(path) = &args.grid {
        outputs.add("--grid", path, Content::Sheet)?;
    }
    Ok(())
}

/// Posts the results. They are kept in a file if the server does not accept them.
fn submitted(
    server: &Server,
    results: &Results,
    shape: ResultsShape,
    args: &MatchArgs,
) -> anyhow::Result<serde_json::Value> {
    let text = results.to_json(shape)?;
    // Written before they are sent: a signal may end the program during the wait for the server.
    let (file, place) = match &args.output {
        Some(path) => (path.clone(), "are in"),
        None => {
            let kept = submit::keep(&text).context("the results could not be saved")?;
            (kept, "are kept in")
        }
    };
    let not_taken = match server.post(&text, Duration::from_secs(args.submit_timeout)) {
        Ok(answer) => {
            if args.output.is_none() {
                fs_err::remove_file(file)?;
            }
            return Ok(answer);
        }
        Err(not_taken) => not_taken,
    };
    say(format!("the results {place} {}", file.display()));
    let again = || {
        format!(
            "submit them again with: curl -H 'content-type: application/json' --data-binary @{} ADDRESS",
            file.display()
        )
    };
    Err(hinted(not_taken.reason, not_taken.hint.unwrap_or_else(again)))
}
