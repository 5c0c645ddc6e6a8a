//! The files of a crate, and which file uses what another one defines.
//!
//! Three rules decide what a use is:
//!
//! 1. A name leads to the file that defines it, through any number of re-exports and imports on the way.
//! 2. A re-export is no use, unless the file that re-exports a name uses it, too.
//! 3. Tests use what they like: `#[cfg(test)]` items, `tests/`, `examples/` and `benches/` are not read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::Module;

/// A crate's modules, the root first.
#[derive(Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
}

struct Node {
    /// Path from the root, empty for the root: `bounds::rules`.
    path: String,
    parent: usize,
    /// The module whose file this module is in: itself, unless it is inline.
    file: usize,
    children: BTreeMap<String, usize>,
    module: Module,
}

/// Longest chain of re-exports that is followed; a longer one is circular.
const LONGEST_CHAIN: usize = 32;

impl Graph {
    /// Reads the crate with the given root file.
    ///
    /// # Errors        a file is missing or is not Rust
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let mut graph = Self::default();
        let folder = root.parent().expect("a crate's root is in a folder");
        graph.add_file(root, folder, "", 0)?;
        Ok(graph)
    }

    /// Adds the module in `file` and those it declares, whose files lie in `folder`.
    fn add_file(&mut self, file: &Path, folder: &Path, path: &str, parent: usize) -> anyhow::Result<usize> {
        let module = Module::parse(&fs_err::read_to_string(file)?)
            .map_err(|error| anyhow::anyhow!("{}: {error}", file.display()))?;
        self.add(module, folder, path, parent, None)
    }

    fn add(
        &mut self,
        mut module: Module,
        folder: &Path,
        path: &str,
        parent: usize,
        file: Option<usize>,
    ) -> anyhow::Result<usize> {
        let (files, inline) = (std::mem::take(&mut module.files), std::mem::take(&mut module.inline));
        let this = self.nodes.len();
        let file = file.unwrap_or(this);
        self.nodes.push(Node { path: path.to_owned(), parent, file, children: BTreeMap::new(), module });
        let path_of = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}::{name}") };
        for name in files {
            let (beside, inside) = (folder.join(&name).with_extension("rs"), folder.join(&name));
            let text = if beside.is_file() { beside } else { inside.join("mod.rs") };
            let child = self.add_file(&text, &inside, &path_of(&name), this)?;
            self.nodes[this].children.insert(name, child);
        }
        for (name, module) in inline {
            let child = self.add(module, &folder.join(&name), &path_of(&name), this, Some(file))?;
            self.nodes[this].children.insert(name, child);
        }
        Ok(this)
    }

    /// The uses between files: the module path of the user, that of the used, and the path that names it.
    pub(crate) fn uses(&self) -> Vec<(String, String, String)> {
        let mut uses = Vec::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for path in self.named(index) {
                let target = self.resolve(index, &path, LONGEST_CHAIN).map(|module| self.nodes[module].file);
                if let Some(target) = target.filter(|&target| target != node.file) {
                    let [from, to] = [node.file, target].map(|file| self.nodes[file].path.clone());
                    uses.push((from, to, path.join("::")));
                }
            }
        }
        uses
    }

    /// The paths that a module uses, its imports included.
    fn named(&self, index: usize) -> BTreeSet<Vec<String>> {
        let module = &self.nodes[index].module;
        let used = module.imports.iter().filter(|i| !i.exported || module.names.contains(&i.name));
        used.map(|import| import.path.clone()).chain(module.paths.iter().cloned()).collect()
    }

    /// The module that defines what `path` names in the module `at`; `None` for other crates and local names.
    fn resolve(&self, at: usize, path: &[String], depth: usize) -> Option<usize> {
        let (first, rest) = path.split_first()?;
        match first.as_str() {
            "crate" => self.lookup(0, rest, depth),
            "self" => self.lookup(at, rest, depth),
            "super" => {
                let up = self.nodes[at].parent;
                match rest.first().is_some_and(|next| next == "super") {
                    true => self.resolve(up, rest, depth),
                    false => self.lookup(up, rest, depth),
                }
            }
            _ if self.declares(at, first) => self.lookup(at, path, depth),
            _ => None,
        }
    }

    fn declares(&self, at: usize, name: &str) -> bool {
        let node = &self.nodes[at];
        node.children.contains_key(name)
            || node.module.items.contains(name)
            // `use other_crate;` imports the name from itself.
            || node.module.imports.iter().any(|i| i.name == name && i.path.first().is_some_and(|f| f != name))
    }

    /// The module that defines what `path` names, seen from inside the module `at`.
    fn lookup(&self, at: usize, path: &[String], depth: usize) -> Option<usize> {
        let Some((first, rest)) = path.split_first() else { return Some(at) };
        let depth = depth.checked_sub(1)?;
        let node = &self.nodes[at];
        if let Some(&child) = node.children.get(first) {
            return self.lookup(child, rest, depth);
        }
        if node.module.items.contains(first) {
            return Some(at);
        }
        if let Some(import) = node.module.imports.iter().find(|import| import.name == *first) {
            let whole: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            return self.resolve(at, &whole, depth);
        }
        for import in node.module.imports.iter().filter(|import| import.name == "*") {
            let all = self.resolve(at, &import.path, depth);
            if let Some(found) = all.filter(|&all| all != at && self.declares(all, first)) {
                return self.lookup(found, path, depth);
            }
        }
        // A name that a macro defines.
        Some(at)
    }
}
