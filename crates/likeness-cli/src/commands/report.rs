//! `likeness report`: writes an evaluation report as a page, as Markdown and as JSON.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use likeness::contestants::{Inputs, load};
use likeness::study::{Pictures, ReportOptions, SliceOptions, Study, terms_of_data};
use likeness_report::evaluation::{Report, html, json, markdown};

use super::compare::options;
use crate::Outcome;
use crate::args::{PicturesArg, ReportArgs};
use crate::failure::hinted;
use crate::output::{Content, Outputs};
use crate::print::say;
use crate::progress::Terminal;
use crate::today::today;

/// Runs the command.
pub(crate) fn run(args: ReportArgs, stop: &AtomicBool) -> anyhow::Result<Outcome> {
    let inputs = Inputs::of(&args.input)?;
    let files = Files::beside(&args.output)?;
    files.check(&inputs, args.force)?;
    let (choice, photos, context) =
        (args.model.choice(args.photos.detection.commercial), args.photos.options(), Terminal::context(stop));
    let contestants = load(&inputs, &choice, &photos, args.study.split.name(), context)?;
    let data = inputs.data_or_first();
    let study = Study::new(data.clone(), contestants, options(&args.study, &args.search), context)?;
    let (licence, terms) = terms_of_data(&data, args.data_licence.as_deref());
    let options = ReportOptions {
        title: args
            .title
            .clone()
            .unwrap_or_else(|| title(&data, args.study.split.name(), study.models.len())),
        date: today(),
        version: format!("likeness {}", env!("CARGO_PKG_VERSION")),
        command: command(),
        pictures: pictures(args.pictures, licence.as_deref(), terms),
        data_licence: licence,
        data_terms: terms,
        slices: SliceOptions { columns: args.study.slice.clone(), file: args.study.columns.clone() },
    };
    let report = study.report(&options, &choice, &photos, context)?;
    files.write(&report)?;
    say(format!(
        "report in {}, its numbers in {}, its text in {}",
        files.html.display(),
        files.json.display(),
        files.markdown.display()
    ));
    Ok(Outcome::Done)
}

/// The files of a report.
struct Files {
    html: PathBuf,
    markdown: PathBuf,
    json: PathBuf,
}

impl Files {
    /// The files of a report whose page is `html`.
    fn beside(html: &Path) -> anyhow::Result<Self> {
        let extension = html.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
        match extension.as_deref() {
            Some("html" | "htm") => Ok(Self {
                html: html.to_owned(),
                markdown: html.with_extension("md"),
                json: html.with_extension("json"),
            }),
            _ => Err(hinted(
                format!("--output {}: a report is an HTML page", html.display()),
                format!("name it {}.html; NAME.md and NAME.json are written beside it", html.display()),
            )),
        }
    }

    fn check(&self, inputs: &Inputs, force: bool) -> anyhow::Result<()> {
        let mut outputs = Outputs::new(inputs.files(), force);
        outputs.add("--output", &self.html, Content::Text)?;
        outputs.add("--output (text)", &self.markdown, Content::Text)?;
        outputs.add("--output (numbers)", &self.json, Content::Json)
    }

    fn write(&self, report: &Report) -> anyhow::Result<()> {
        for (path, text) in
            [(&self.json, json(report)), (&self.markdown, markdown(report)), (&self.html, html(report))]
        {
            likeness_artifact::write(path, |file| file.write_all(text.as_bytes()))?;
        }
        Ok(())
    }
}

/// Whether pictures are shown.
fn pictures(
    wanted: PicturesArg,
    licence: Option<&str>,
    terms: likeness_report::evaluation::Terms,
) -> Pictures {
    let forbids = terms == likeness_report::evaluation::Terms::NoCopies;
    match wanted {
        PicturesArg::All => Pictures::Shown,
        PicturesArg::None => {
            Pictures::Withheld("Pictures were left out on request (--pictures none).".to_owned())
        }
        PicturesArg::Auto if forbids => Pictures::Withheld(format!(
            "Pictures are not shown, because the licence of the data allows no copies ({}).",
            licence.unwrap_or("not stated")
        )),
        PicturesArg::Auto => Pictures::Shown,
    }
}

/// A headline made of the data's name.
fn title(data: &Path, split: Option<&str>, models: usize) -> String {
    let name = data
        .file_stem()
        .map_or_else(|| data.display().to_string(), |stem| stem.to_string_lossy().into_owned());
    let split = split.map_or(String::new(), |split| format!(", {split} split"));
    match models {
        1 => format!("{name}{split}: one model"),
        models => format!("{name}{split}: {models} models compared"),
    }
}

/// The command line, as a shell would read it.
fn command() -> String {
    let quoted =
        |argument: String| match argument.chars().all(|c| c.is_alphanumeric() || "-_./=,:".contains(c)) {
            true if !argument.is_empty() => argument,
            _ => format!("'{}'", argument.replace('\'', "'\\''")),
        };
    let arguments =
        std::env::args_os().skip(1).map(|argument| quoted(argument.to_string_lossy().into_owned()));
    std::iter::once("likeness".to_owned()).chain(arguments).collect::<Vec<_>>().join(" ")
}
