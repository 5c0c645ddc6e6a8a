//! Writes a bench's results as a Markdown section with a table, into a page of `docs/results/`.

use std::fmt::Write;

use anyhow::Result;

use crate::process::repository;

/// One bench's results.
pub(super) struct Section {
    /// The page in `docs/results/` that the section belongs to.
    pub(super) page: &'static str,
    pub(super) title: &'static str,
    /// What was measured and how, in one or two sentences.
    pub(super) about: String,
    pub(super) columns: Vec<&'static str>,
    pub(super) rows: Vec<Vec<String>>,
    /// Remarks on the results, below the table.
    pub(super) remarks: Vec<String>,
}

impl Section {
    /// The section's text. `repeats` is the number of repetitions, if the bench has any.
    pub(super) fn markdown(&self, name: &str, repeats: Option<usize>) -> String {
        let mut text = format!("## {}\n\n{}\n\n", self.title, self.about);
        let row = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
        let columns: Vec<String> = self.columns.iter().map(|c| (*c).to_owned()).collect();
        text += &row(&columns);
        text += &format!("|{}\n", "---|".repeat(columns.len()));
        for cells in &self.rows {
            text += &row(cells);
        }
        text.push('\n');
        for remark in &self.remarks {
            let _ = writeln!(text, "- {remark}");
        }
        let repeats = repeats.map_or_else(String::new, |n| format!(" --repeats {n}"));
        let _ = writeln!(text, "- `cargo xtask bench {name}{repeats}` on {}.", machine());
        text
    }
}

/// Replaces the section between its markers on the page. A missing page or section is added.
pub(super) fn write(name: &str, page: &str, section: &str) -> Result<()> {
    let place = format!("docs/results/{page}.md");
    let path = repository().join(&place);
    let start =
        format!("# {page}, measured\n\nMedians of one run; `cargo xtask bench --write` puts them here.\n");
    let page = if path.exists() { fs_err::read_to_string(&path)? } else { start };
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    fs_err::write(&path, placed(&page, name, section))?;
    eprintln!("written to {place}");
    Ok(())
}

fn placed(page: &str, name: &str, section: &str) -> String {
    let (open, close) = (format!("<!-- bench: {name} -->\n"), format!("<!-- end: {name} -->\n"));
    let inside = format!("{open}{section}{close}");
    match (page.find(&open), page.find(&close)) {
        (Some(from), Some(to)) if from < to => {
            format!("{}{inside}{}", &page[..from], &page[to + close.len()..])
        }
        _ => format!("{}\n\n{inside}", page.trim_end()),
    }
}

/// The processor and its cores.
fn machine() -> String {
    let info = fs_err::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    let model = model.and_then(|line| Some(line.split_once(':')?.1.trim())).unwrap_or(std::env::consts::ARCH);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores, {}", std::env::consts::OS)
}

#[cfg(test)]
mod tests {
    use super::placed;

    #[test]
    fn a_section_takes_its_own_place_again() {
        let once = placed("# Page\n", "a", "first\n");
        let both = placed(&once, "b", "second\n");
        let again = placed(&both, "a", "third\n");
        assert_eq!(again, both.replace("first", "third"));
        assert!(again.find("third") < again.find("second"));
    }
}
