//! The licence of evaluated data, and whether it allows copies.

use std::path::Path;

use likeness_report::evaluation::Terms;

/// The file that CelebA's identities are in.
const CELEBA: &str = "identity_CelebA.txt";
/// The licence of CelebA.
const CELEBA_LICENCE: &str = "CelebA, non-commercial research, no copies";
/// Words of licences that forbid copies.
const NO_COPIES: [&str; 5] =
    ["no copies", "no-copies", "no redistribution", "research only", "noderivatives"];
/// Words of licences that allow no commercial use.
const NON_COMMERCIAL: [&str; 3] = ["non-commercial", "noncommercial", "-nc"];
/// Words of licences that ask for the same terms.
const SHARE_ALIKE: [&str; 3] = ["-sa", "sharealike", "gpl"];
/// Words of licences without conditions.
const FREE: [&str; 4] = ["cc0", "public domain", "unlicense", "cc-zero"];
/// Words of licences that ask for credit.
const ATTRIBUTION: [&str; 6] = ["cc-by", "cc by", "mit", "apache", "bsd", "isc"];

/// The licence of the data at `data`: the stated one, or that of CelebA, which is recognised by its files. Without either, the
/// terms are unknown.
pub fn terms_of_data(data: &Path, stated: Option<&str>) -> (Option<String>, Terms) {
    if let Some(licence) = stated {
        return (Some(licence.to_owned()), terms(licence));
    }
    match is_celeba(data) {
        true => (Some(CELEBA_LICENCE.to_owned()), Terms::NoCopies),
        false => (None, Terms::Unknown),
    }
}

/// Whether the data is CelebA, or a dataset that was prepared from it.
fn is_celeba(data: &Path) -> bool {
    let prepared_from = fs_err::read_to_string(data.join("dataset.toml")).ok().and_then(|card| {
        let line = card.lines().find_map(|line| line.strip_prefix("input = "))?;
        Some(line.trim_matches('"').to_owned())
    });
    let folders = [Some(data.to_owned()), prepared_from.map(Into::into)];
    folders.into_iter().flatten().any(|folder| {
        let name = folder.file_name().map(|name| name.to_string_lossy().to_lowercase());
        folder.join(CELEBA).is_file() || name.is_some_and(|name| name.contains("celeba"))
    })
}

fn terms(licence: &str) -> Terms {
    let licence = licence.to_lowercase();
    let names = |words: &[&str]| words.iter().any(|word| licence.contains(word));
    match () {
        () if names(&NO_COPIES) => Terms::NoCopies,
        () if names(&NON_COMMERCIAL) => Terms::NonCommercial,
        () if names(&SHARE_ALIKE) => Terms::ShareAlike,
        () if names(&FREE) => Terms::Free,
        () if names(&ATTRIBUTION) => Terms::Attribution,
        () => Terms::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn licences_are_ordered_by_what_they_allow() {
        for (licence, expected) in [
            ("CC BY 4.0", Terms::Attribution),
            ("CC-BY-NC-4.0", Terms::NonCommercial),
            ("CC-BY-SA-4.0", Terms::ShareAlike),
            ("CC0-1.0", Terms::Free),
            ("research only", Terms::NoCopies),
            ("house rules", Terms::Unknown),
        ] {
            assert_eq!(terms(licence), expected, "{licence}");
        }
    }

    #[test]
    fn celeba_is_recognised_and_a_stated_licence_wins() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(terms_of_data(folder.path(), None), (None, Terms::Unknown));
        fs_err::write(folder.path().join(CELEBA), "000001.jpg 1\n").unwrap();
        assert_eq!(terms_of_data(folder.path(), None).1, Terms::NoCopies);
        assert_eq!(terms_of_data(folder.path(), Some("CC0")), (Some("CC0".to_owned()), Terms::Free));
        let dataset = tempfile::tempdir().unwrap();
        fs_err::write(
            dataset.path().join("dataset.toml"),
            format!("format = 1\ninput = \"{}\"\n", folder.path().display()),
        )
        .unwrap();
        assert_eq!(terms_of_data(dataset.path(), None).1, Terms::NoCopies);
    }
}
