//! Finds model files on this machine.
//!
//! The search order is: the folder that the user names, `LIKENESS_MODELS`, the user's data folder, and, for cascades, the
//! folders that OpenCV installs to. In the first three, direct subfolders are searched too.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::cascade::find_cascade;
use super::entry::{DetectorFamily, Entry, by_name, entries};

/// The environment variable that names the models folder.
pub const MODELS_VARIABLE: &str = "LIKENESS_MODELS";

/// Extensions that may be omitted when a model is given by name.
const ENDINGS: [&str; 5] = ["onnx", "xml", "pth", "pt", "safetensors"];

/// The folders that are searched for models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    folders: Vec<PathBuf>,
    opencv: bool,
}

impl Places {
    /// The folders of the user: `models_dir`, `LIKENESS_MODELS`, the data folder, and OpenCV's folders.
    pub fn of_user(models_dir: Option<&Path>) -> Self {
        Self::from_environment(models_dir, |name| std::env::var_os(name))
    }

    /// Only these folders.
    pub fn only(folders: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { folders: folders.into_iter().collect(), opencv: false }
    }

    fn from_environment(models_dir: Option<&Path>, variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let candidates = [models_dir.map(Path::to_owned), set(MODELS_VARIABLE), data_folder(set)];
        let mut folders: Vec<PathBuf> = Vec::new();
        for folder in candidates.into_iter().flatten() {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        Self { folders, opencv: true }
    }

    /// The folders in search order, without OpenCV's.
    pub fn folders(&self) -> &[PathBuf] {
        &self.folders
    }

    /// The first folder, where new models are stored.
    pub fn target(&self) -> Option<&Path> {
        self.folders.first().map(PathBuf::as_path)
    }

    /// The file of `entry`, under any of the entry's names.
    pub fn find(&self, entry: &Entry) -> Option<PathBuf> {
        let found = self.folders.iter().find_map(|folder| find_in(folder, || entry.file_names()));
        found.or_else(|| {
            let installed = self.opencv && entry.family == Some(DetectorFamily::Haar);
            installed.then(|| find_cascade(&entry.file)).flatten()
        })
    }

    /// The file of the model `name`: an entry's name, a file name, or a file name without its extension.
    pub fn find_by_name(&self, name: &str) -> Option<PathBuf> {
        if let Some(entry) = by_name(name) {
            return self.find(entry);
        }
        if Path::new(name).file_name().is_none_or(|plain| plain != name) {
            return None;
        }
        let names: Vec<String> = std::iter::once(name.to_owned())
            .chain(ENDINGS.iter().map(|end| format!("{name}.{end}")))
            .collect();
        self.folders.iter().find_map(|folder| find_in(folder, || names.iter().map(String::as_str)))
    }

    /// The best available detector, in the order YuNet, SCRFD, YOLOv8-face, Ultra-Light, frontal Haar cascade.
    pub fn best_detector(&self) -> Option<(&'static Entry, PathBuf)> {
        self.best_of(|entry| entry.auto.is_some())
    }

    /// The best available entry among those for which `wanted` is true, by its rank in `auto`.
    fn best_of(&self, wanted: impl Fn(&Entry) -> bool) -> Option<(&'static Entry, PathBuf)> {
        let mut ranked: Vec<_> = entries().iter().filter(|entry| wanted(entry)).collect();
        ranked.sort_by_key(|entry| (entry.auto.is_none(), entry.auto));
        ranked.into_iter().find_map(|entry| Some((entry, self.find(entry)?)))
    }
}

/// The detector `name` in the user's folders: a model as in [`find_model`], or the best available one of a family
/// (`scrfd`, `haar`).
pub fn find_detector(name: &str, models_dir: Option<&Path>) -> Option<PathBuf> {
    let places = Places::of_user(models_dir);
    let family = |entry: &Entry| entry.family.is_some_and(|family| family.name() == name);
    places.find_by_name(name).or_else(|| places.best_of(family).map(|(_, path)| path))
}

/// Calls [`Places::find_by_name`] with the user's folders.
pub fn find_model(name: &str, models_dir: Option<&Path>) -> Option<PathBuf> {
    Places::of_user(models_dir).find_by_name(name)
}

/// Calls [`Places::best_detector`] with the user's folders.
pub fn best_detector(models_dir: Option<&Path>) -> Option<(&'static Entry, PathBuf)> {
    Places::of_user(models_dir).best_detector()
}

/// The folder for users' data on this system: XDG Base Directory Specification, Application Support on macOS, the local
/// application data on Windows.
fn data_folder(set: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    let home = || set("HOME").filter(|home| home.is_absolute());
    let data = if cfg!(windows) {
        set("LOCALAPPDATA")
    } else {
        // The specification requires relative paths to be ignored.
        set("XDG_DATA_HOME").filter(|path| path.is_absolute()).or_else(|| {
            let below =
                if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/share" };
            home().map(|home| home.join(below))
        })
    };
    data.map(|data| data.join("likeness").join("models"))
}

/// The first of `names` in `folder`, or else in its direct subfolders, in alphabetical order.
fn find_in<'a, I: Iterator<Item = &'a str>>(folder: &Path, names: impl Fn() -> I) -> Option<PathBuf> {
    let first = |folder: &Path| names().map(|name| folder.join(name)).find(|path| path.is_file());
    first(folder).or_else(|| {
        // A folder that cannot be listed is ignored.
        let listed = fs_err::read_dir(folder).ok()?;
        let mut below: Vec<_> = listed.flatten().map(|e| e.path()).filter(|path| path.is_dir()).collect();
        below.sort();
        below.iter().find_map(|folder| first(folder))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(given: Option<&str>, variables: &[(&str, &str)]) -> Vec<PathBuf> {
        let look = |name: &str| variables.iter().find(|(n, _)| *n == name).map(|(_, v)| OsString::from(v));
        Places::from_environment(given.map(Path::new), look).folders
    }

    #[cfg(all(unix, not(target_os = "macos")))]
    #[test]
    fn the_flag_comes_before_the_variable_before_the_data_folder() {
        let all = [("LIKENESS_MODELS", "/b"), ("XDG_DATA_HOME", "/data"), ("HOME", "/home/me")];
        let expected = ["/a", "/b", "/data/likeness/models"].map(PathBuf::from);
        assert_eq!(folders(Some("/a"), &all), expected);
        assert_eq!(folders(Some("/b"), &all), expected[1..], "a folder named twice is looked at once");
        let home = PathBuf::from("/home/me/.local/share/likeness/models");
        assert_eq!(folders(None, &[("HOME", "/home/me")]), std::slice::from_ref(&home));
        let empty = [("LIKENESS_MODELS", ""), ("XDG_DATA_HOME", "relative"), ("HOME", "/home/me")];
        assert_eq!(folders(None, &empty), [home]);
        assert!(folders(None, &[]).is_empty());
    }
}
