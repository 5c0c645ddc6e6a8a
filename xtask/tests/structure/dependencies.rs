//! The dependencies between the workspace's crates, and the crates that heavy dependencies belong to.
//!
//! A crate may use fewer dependencies than the design allows. Build dependencies count as normal ones.

use std::collections::BTreeSet;

use anyhow::Result;
use serde_json::Value;

use crate::{list, packages, text};

/// Every crate of the workspace, with the crates of the workspace that it may depend on.
const ALLOWED: &[(&str, &[&str])] = &[
    ("likeness-artifact", &[]),
    ("likeness-engine", &[ARTIFACT]),
    ("likeness-search", &[ARTIFACT]),
    ("likeness-data", &[ARTIFACT]),
    ("likeness-model", &[ARTIFACT, SEARCH]),
    ("likeness-synth", &[ARTIFACT, DATA]),
    ("likeness-report", &[ARTIFACT, DATA, SEARCH]),
    ("likeness-train", &[ARTIFACT, DATA, MODEL, SEARCH]),
    ("likeness-embed", &[ARTIFACT, DATA, ENGINE, MODEL, SEARCH]),
    ("likeness-gallery", &[ARTIFACT, SEARCH]),
    ("likeness", &[ARTIFACT, DATA, EMBED, ENGINE, GALLERY, MODEL, REPORT, SEARCH, SYNTH, TRAIN]),
    (CLI, &["likeness", ARTIFACT, DATA, EMBED, ENGINE, GALLERY, MODEL, REPORT, SEARCH, SYNTH, TRAIN]),
    ("xtask", &[]),
];

const ARTIFACT: &str = "likeness-artifact";
const CLI: &str = "likeness-cli";
const DATA: &str = "likeness-data";
const EMBED: &str = "likeness-embed";
const ENGINE: &str = "likeness-engine";
const GALLERY: &str = "likeness-gallery";
const MODEL: &str = "likeness-model";
const REPORT: &str = "likeness-report";
const SEARCH: &str = "likeness-search";
const SYNTH: &str = "likeness-synth";
const TRAIN: &str = "likeness-train";

/// Heavy dependencies from outside, and the crates that they belong to. `burn*` is every name that starts with `burn`.
/// Any crate may use them as dev-dependencies.
const HEAVY: &[(&str, &[&str])] = &[
    ("burn*", &[TRAIN]),
    ("rten*", &[ENGINE]),
    ("ort", &[ENGINE]),
    ("ureq", &[MODEL, "likeness"]),
    ("rusqlite", &[GALLERY]),
    ("resvg", &[REPORT]),
    ("plotters", &[REPORT]),
    ("bhtsne", &[REPORT]),
    ("ab_glyph", &[REPORT]),
    ("unifont*", &[REPORT]),
    ("tiny-skia", &[REPORT, SYNTH]),
    ("clap", &[CLI]),
    ("indicatif", &[CLI]),
];

/// Dependencies that the design does not have and that are still to be removed. Each one must exist.
const KNOWN: &[(&str, &str)] = &[];

#[test]
fn crates_depend_only_on_what_the_design_allows() {
    let packages = packages().expect("cargo metadata works offline");
    let found: BTreeSet<_> = packages.iter().flat_map(forbidden).collect();
    let known = KNOWN.iter().map(|&(from, to)| (from.to_owned(), to.to_owned())).collect();
    let report = |found: &BTreeSet<(String, String)>| {
        found.iter().map(|(from, to)| format!("\n  {from} depends on {to}")).collect::<String>()
    };
    let (new, gone): (BTreeSet<_>, BTreeSet<_>) = (&found - &known, &known - &found);
    assert!(new.is_empty(), "dependencies that the design does not have:{}", report(&new));
    assert!(gone.is_empty(), "these no longer exist; remove them from KNOWN:{}", report(&gone));
}

#[test]
fn every_crate_is_part_of_the_design() {
    for package in packages().expect("cargo metadata works offline") {
        let name = text(&package, "name");
        assert!(allowed(name).is_some(), "{name} is not in ALLOWED: add it with the crates it may depend on");
    }
}

#[test]
fn forbidden_dependencies_are_found() -> Result<()> {
    let package: Value = serde_json::from_str(
        r#"{ "name": "likeness-search", "dependencies": [
            { "name": "likeness-artifact", "kind": null, "path": "x" },
            { "name": "likeness-data", "kind": null, "path": "x" },
            { "name": "likeness-data", "kind": "dev", "path": "x" },
            { "name": "likeness-cli", "kind": "dev", "path": "x" },
            { "name": "burn-store", "kind": null },
            { "name": "burn-store", "kind": "dev" },
            { "name": "ort", "kind": "build" },
            { "name": "ort-like", "kind": null }
        ] }"#,
    )?;
    let found: Vec<String> = forbidden(&package).into_iter().map(|(_, to)| to).collect();
    assert_eq!(found, ["likeness-data", "likeness-cli (dev)", "burn-store", "ort"]);
    Ok(())
}

fn allowed(name: &str) -> Option<&'static [&'static str]> {
    ALLOWED.iter().find(|(crate_, _)| *crate_ == name).map(|(_, to)| *to)
}

/// The dependencies of a package that the design does not have, each as from and to.
fn forbidden(package: &Value) -> Vec<(String, String)> {
    let from = text(package, "name");
    let mut found = Vec::new();
    for dependency in list(package, "dependencies") {
        let to = text(dependency, "name");
        let is_dev = text(dependency, "kind") == "dev";
        let ours = dependency["path"].is_string();
        let is_allowed = match (is_dev, ours) {
            (true, ours) => !ours || to != CLI,
            (false, true) => allowed(from).is_some_and(|allowed| allowed.contains(&to)),
            (false, false) => owners(to).is_none_or(|owners| owners.contains(&from)),
        };
        if !is_allowed {
            let note = if is_dev { " (dev)" } else { "" };
            found.push((from.to_owned(), format!("{to}{note}")));
        }
    }
    found
}

/// The crates that a dependency from outside belongs to; `None` if any crate may use it.
fn owners(name: &str) -> Option<&'static [&'static str]> {
    let is_meant = |pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    HEAVY.iter().find(|(pattern, _)| is_meant(pattern)).map(|(_, owners)| *owners)
}
