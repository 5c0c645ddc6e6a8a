//! No circles between modules of a crate.
//!
//! Of the modules that one parent declares, no two may use each other, directly or through others. A module counts with
//! everything below it. Uses between a module and its own ancestors do not count: a parent declares what its children
//! share, and calls them. What a use is, [`Graph`] defines.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::graph::Graph;
use crate::{list, packages, text};

/// Circles that are still to be removed: the crate, and the modules in order. Each one must exist.
const KNOWN: &[(&str, &str)] = &[
    ("likeness-artifact", "destination, write"),
    ("likeness-data", "prepare::journal, prepare::plan"),
    ("likeness-data", "source::columns, source::csv"),
    ("likeness-search", "index, protocol"),
    ("likeness-train", "backbone, network, parameter"),
    ("likeness-train", "train::config, train::difference"),
    ("likeness-train", "weights::file, weights::pickle"),
];

/// The modules of a circle.
type Circle = BTreeSet<String>;

/// For each of a parent's modules, the siblings that it uses, and as evidence the files: `a::b uses c`, and by what path.
type Siblings = BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>;

#[test]
fn modules_of_a_crate_form_no_circles() {
    let (mut found, mut report) = (BTreeSet::new(), String::new());
    for package in packages().expect("cargo metadata works offline") {
        let name = text(&package, "name");
        for (circle, evidence) in of_package(&package).expect("the sources are readable") {
            let modules = join(&circle);
            if !KNOWN.contains(&(name, &modules)) {
                report += &format!("\n(\"{name}\", \"{modules}\")\n  {}", evidence.join("\n  "));
            }
            found.insert((name.to_owned(), modules));
        }
    }
    assert!(report.is_empty(), "modules that use each other in circles:{report}");
    for &(name, modules) in KNOWN {
        let exists = found.contains(&(name.to_owned(), modules.to_owned()));
        assert!(exists, "{name}: {modules} is no longer a circle; remove it from KNOWN");
    }
}

fn join(circle: &Circle) -> String {
    circle.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The circles in a package's library and programs, with the uses that close them.
fn of_package(package: &Value) -> Result<Vec<(Circle, Vec<String>)>> {
    let mut circles = Vec::new();
    for target in list(package, "targets") {
        if list(target, "kind").any(|kind| kind == "lib" || kind == "bin") {
            let root = Path::new(text(target, "src_path"));
            circles.extend(of_graph(&Graph::read(root).with_context(|| root.display().to_string())?));
        }
    }
    Ok(circles)
}

fn of_graph(graph: &Graph) -> Vec<(Circle, Vec<String>)> {
    let parents = siblings(graph);
    parents.values().flat_map(of_siblings).collect()
}

/// The uses between the modules of each parent.
fn siblings(graph: &Graph) -> BTreeMap<String, Siblings> {
    let mut parents: BTreeMap<String, Siblings> = BTreeMap::new();
    for (from, to, by) in graph.uses() {
        let Some((parent, [user, used])) = branches(&from, &to) else { continue };
        let evidence = parents.entry(parent).or_default().entry(user).or_default().entry(used).or_default();
        evidence.insert(format!("{from} uses {to}"), by);
    }
    parents
}

/// The closest common ancestor of two modules, and its children that the two lie in; `None` if one lies in the other.
fn branches(one: &str, other: &str) -> Option<(String, [String; 2])> {
    // The root's path is empty.
    let [one, other] =
        [one, other].map(|path| path.split("::").filter(|s| !s.is_empty()).collect::<Vec<_>>());
    let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
    let branch = |path: &[&str]| path.get(..=shared).map(|path| path.join("::"));
    Some((one[..shared].join("::"), [branch(&one)?, branch(&other)?]))
}

/// The circles between one parent's modules: those that reach each other.
fn of_siblings(siblings: &Siblings) -> Vec<(Circle, Vec<String>)> {
    let reached: BTreeMap<&String, Circle> =
        siblings.keys().map(|from| (from, reached(siblings, from))).collect();
    let mut circles = BTreeMap::new();
    for (&module, reaches) in &reached {
        let back = |other: &&String| reached.get(other).is_some_and(|reaches| reaches.contains(module));
        let circle: Circle = reaches.iter().filter(back).cloned().collect();
        if circle.contains(module) {
            let inside = siblings.iter().filter(|(from, _)| circle.contains(*from));
            let uses = inside.flat_map(|(_, used)| used.iter().filter(|(to, _)| circle.contains(*to)));
            let evidence = uses
                .flat_map(|(_, evidence)| evidence.iter().map(|(files, path)| format!("{files} ({path})")))
                .collect();
            circles.insert(circle, evidence);
        }
    }
    circles.into_iter().collect()
}

/// Everything that a module uses, directly or through others.
fn reached(siblings: &Siblings, from: &String) -> Circle {
    let (mut seen, mut open) = (Circle::new(), vec![from]);
    while let Some(module) = open.pop() {
        for used in siblings.get(module).into_iter().flat_map(BTreeMap::keys) {
            if seen.insert(used.clone()) {
                open.push(used);
            }
        }
    }
    seen
}

#[cfg(test)]
#[allow(clippy::disallowed_methods)] // Tests write their own files.
mod tests {
    use super::{branches, join, of_graph};
    use crate::graph::Graph;

    /// The circles of a crate of these files.
    fn circles(files: &[(&str, &str)]) -> Vec<String> {
        let folder =
            std::env::temp_dir().join(format!("likeness-circles-{}-{:p}", std::process::id(), files));
        for (name, text) in files {
            let file = folder.join(name);
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(file, text).unwrap();
        }
        let graph = Graph::read(&folder.join("lib.rs")).unwrap();
        fs_err::remove_dir_all(folder).unwrap();
        of_graph(&graph).iter().map(|(circle, _)| join(circle)).collect()
    }

    #[test]
    fn siblings_that_use_each_other_are_a_circle() {
        let one = ("one.rs", "use crate::two::Two; pub struct One(Two);");
        let two = ("two.rs", "pub struct Two; fn f() { let _ = super::one::One; }");
        assert_eq!(circles(&[("lib.rs", "mod one; mod two;"), one, two]), ["one, two"]);
        let harmless = ("two.rs", "pub struct Two; #[cfg(test)] mod tests { use crate::one::One; }");
        assert!(circles(&[("lib.rs", "mod one; mod two;"), one, harmless]).is_empty());
    }

    #[test]
    fn re_exported_names_lead_to_the_file_that_defines_them() {
        let lib = ("lib.rs", "mod a; mod b; mod c; pub use a::inner::A; pub use c::*;");
        let a = [("a.rs", "pub mod inner;"), ("a/inner.rs", "use crate::C; pub struct A(C);")];
        let b = ("b.rs", "use crate::A; pub struct B(A);");
        let c = ("c.rs", "use crate::b::B; pub struct C(B);");
        assert_eq!(circles(&[lib, a[0], a[1], b, c]), ["a, b, c"]);
    }

    #[test]
    fn a_parent_and_its_children_are_no_circle() {
        let parent = ("lib.rs", "mod child; pub struct Shared; fn f() { child::g(); }");
        assert!(circles(&[parent, ("child.rs", "use super::Shared; pub fn g(_: Shared) {}")]).is_empty());
    }

    #[test]
    fn common_ancestors() {
        let both =
            |parent: &str, one: &str, other: &str| Some((parent.to_owned(), [one, other].map(str::to_owned)));
        assert_eq!(branches("a::b::c", "a::d"), both("a", "a::b", "a::d"));
        assert_eq!(branches("a", "d::e"), both("", "a", "d"));
        assert_eq!(branches("a::b", "a"), None);
        assert_eq!(branches("", "a"), None);
    }
}
