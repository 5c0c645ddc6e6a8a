//! `likeness gallery export`: embeddings and rows for other programs.

use std::path::Path;

use likeness::gallery::exchange::export;
use likeness::gallery::open;
use likeness_gallery::exchange::ExportFormat;

use crate::args::{ExportArgs, ExportFormatArg};
use crate::failure::hinted;
use crate::print::say;

pub(super) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let format = match args.format {
        Some(ExportFormatArg::Safetensors) => ExportFormat::Safetensors,
        Some(ExportFormatArg::Npz) => ExportFormat::Npz,
        Some(ExportFormatArg::Parquet) => ExportFormat::Parquet,
        Some(ExportFormatArg::Csv) => ExportFormat::Csv,
        None => ExportFormat::of(&args.output).ok_or_else(|| {
            hinted(
                format!("{}: the extension names no format", args.output.display()),
                "name the file .embeddings, .safetensors, .npz, .parquet or .csv, or give --format",
            )
        })?,
    };
    check_output((&args.gallery, &args.output), args.force, |path| format.is_ours(path))?;
    let gallery = open(&args.gallery, false)?;
    let count = export(&gallery, &args.output, format, args.condition.as_ref())?;
    say(format!("{count} {} in {}", likeness::gallery::noun(&gallery)?, args.output.display()));
    Ok(())
}

/// Fails if the output exists and is not a file that this program wrote, or if it is the gallery.
pub(in crate::commands) fn check_output(
    (gallery, path): (&Path, &Path),
    force: bool,
    is_ours: impl FnOnce(&Path) -> std::io::Result<bool>,
) -> anyhow::Result<()> {
    if likeness_artifact::same_file(gallery, path) {
        return Err(hinted(format!("{}: is the gallery itself", path.display()), "name another file"));
    }
    if force || !path.is_file() || is_ours(path)? {
        return Ok(());
    }
    Err(hinted(
        format!("{}: exists, and Likeness did not write it", path.display()),
        "name another file, or overwrite it with --force",
    ))
}
