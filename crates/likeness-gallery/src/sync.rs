//! Compares the files of a folder with those that a gallery knows.
//!
//! A file that has the size and the time that the gallery knows is not read again. A file that has another size or time, or that
//! is new, is read: its content decides whether it is a new photo or a known one that was moved, copied or touched.

use std::collections::HashMap;

use crate::catalogue::PhotoFile;

/// A file in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// Its path below the folder, with `/` between folders.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was changed, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// What a sync has to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncPlan {
    /// Files to read, in the order in which they were seen.
    pub read: Vec<SeenFile>,
    /// Paths of files that are gone, in order.
    pub gone: Vec<String>,
    /// Number of files that have not changed.
    pub unchanged: usize,
}

impl SyncPlan {
    /// The plan for a folder with the files `seen`, of which the gallery knows `known`, by path.
    ///
    /// Files in `unread` could not be looked at; they are neither read nor gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::collections::HashMap;
    /// use likeness_gallery::sync::{SeenFile, SyncPlan};
    /// let seen = vec![SeenFile { path: "a.jpg".into(), bytes: 7, modified_ns: 0 }];
    /// let plan = SyncPlan::new(&HashMap::new(), seen.clone(), |_| false);
    /// assert_eq!((plan.read, plan.gone.len()), (seen, 0));
    /// ```
    pub fn new(
        known: &HashMap<String, PhotoFile>,
        seen: Vec<SeenFile>,
        unread: impl Fn(&str) -> bool,
    ) -> Self {
        let mut plan = Self::default();
        let mut gone: HashMap<&str, ()> = known.keys().map(|path| (path.as_str(), ())).collect();
        for file in seen {
            gone.remove(file.path.as_str());
            let same = |known: &PhotoFile| {
                known.file.bytes == file.bytes && known.file.modified_ns == file.modified_ns
            };
            match known.get(&file.path) {
                Some(known) if same(known) => plan.unchanged += 1,
                _ => plan.read.push(file),
            }
        }
        plan.gone = gone.into_keys().filter(|path| !unread(path)).map(str::to_owned).collect();
        plan.gone.sort_unstable();
        plan
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::FileKey;
    use crate::{PhotoId, RootId};

    fn seen(path: &str, bytes: u64, modified_ns: i64) -> SeenFile {
        SeenFile { path: path.to_owned(), bytes, modified_ns }
    }

    fn known(files: &[SeenFile]) -> HashMap<String, PhotoFile> {
        let file = |(n, file): (usize, &SeenFile)| {
            let SeenFile { path, bytes, modified_ns } = file.clone();
            let key = FileKey { root: RootId(1), path: path.clone(), bytes, modified_ns };
            (path, PhotoFile { photo: PhotoId(n as i64), file: key })
        };
        files.iter().enumerate().map(file).collect()
    }

    #[test]
    fn only_what_changed_is_read() {
        let before = known(&[seen("a", 1, 1), seen("b", 2, 2), seen("c", 3, 3), seen("d/e", 4, 4)]);
        let now = vec![seen("a", 1, 1), seen("b", 2, 9), seen("c", 9, 3), seen("new", 1, 1)];
        let plan = SyncPlan::new(&before, now, |_| false);
        assert_eq!(plan.unchanged, 1);
        assert_eq!(plan.read, [seen("b", 2, 9), seen("c", 9, 3), seen("new", 1, 1)]);
        assert_eq!(plan.gone, ["d/e"]);
    }

    #[test]
    fn a_file_that_could_not_be_looked_at_is_not_gone() {
        let before = known(&[seen("locked/a", 1, 1), seen("b", 2, 2)]);
        let plan = SyncPlan::new(&before, Vec::new(), |path| path.starts_with("locked/"));
        assert_eq!(plan.gone, ["b"]);
        assert!(plan.read.is_empty());
    }
}
