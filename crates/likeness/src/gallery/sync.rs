//! Adds photos to a gallery, and keeps it up to date with its folders.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use likeness_data::cut::KeepFaces;
use likeness_data::photos::{self, Skipped, display_name};
use likeness_embed::embed::tag;
use likeness_gallery::catalogue::{
    FileKey, ItemKind, PhotoState, ReadCatalogue, Root, StoredModel, WriteCatalogue,
};
use likeness_gallery::sync::{SeenFile, SyncPlan};
use likeness_gallery::{Gallery, PhotoId, RootId};

use super::ingest::{self, Ingested, Reading, Source};
use super::{check_model, choice, list, photo_options};
use crate::context::Context;
use crate::loader::{Loader, check_exists};
use crate::options::{ModelChoice, PhotoOptions};
use crate::{Result, invalid};

/// Options of [`add`] and [`sync`].
#[derive(Debug, Clone, Default)]
pub struct SyncOptions {
    /// The model for a gallery that has none yet, and its engine.
    pub model: ModelChoice,
    /// How photos are read. The gallery decides about detection.
    pub photos: PhotoOptions,
    /// Whether a folder without a single photo is taken for empty. Otherwise it is taken for one that is not mounted.
    pub allow_empty: bool,
}

/// What [`add`] or [`sync`] did.
#[derive(Debug, Clone, Default)]
pub struct Synced {
    /// What became of the files that were read.
    pub ingested: Ingested,
    /// Files that had not changed, and were not read.
    pub unchanged: usize,
    /// Files that are gone.
    pub gone: usize,
    /// Root folders that are not there: nothing of them was marked missing.
    pub absent: Vec<String>,
    /// Files and folders that could not be looked at, with the reasons.
    pub skipped: Vec<Skipped>,
    /// Faces that got a person, or another one.
    pub assigned: usize,
    /// Files to forget once the others are read.
    dropped: Vec<(RootId, Vec<String>)>,
}

impl Synced {
    /// Whether anything changed.
    pub fn is_change(&self) -> bool {
        let Ingested { added, known, unreadable, .. } = &self.ingested;
        added + known + unreadable.len() + self.gone + self.assigned > 0
    }
}

/// Adds folders, which later syncs keep up to date, and single photos.
///
/// # Errors        an input that does not exist; a model that cannot be opened; a gallery that cannot be written to
pub fn add(
    gallery: &mut Gallery,
    inputs: &[PathBuf],
    options: &SyncOptions,
    context: Context<'_>,
) -> Result<Synced> {
    inputs.iter().try_for_each(|input| check_exists(input))?;
    let inputs: Vec<PathBuf> = inputs.iter().map(fs_err::canonicalize).collect::<std::io::Result<_>>()?;
    let (choice, photos) = model_options(gallery, options)?;
    let loader = Loader::new(&choice, &photos, context);
    let model = match gallery.model()? {
        Some(model) => model,
        None => first_model(gallery, &choice, &photos, &loader)?,
    };
    // What somebody adds again is read again.
    let removed =
        gallery.catalogue().photos(None)?.into_iter().filter(|photo| photo.state == PhotoState::Removed);
    let removed: HashSet<PhotoId> = removed.map(|photo| photo.id).collect();
    let mut done = Synced::default();
    let mut single: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
    let mut work = Vec::new();
    for input in inputs {
        if !input.is_dir() {
            let folder = input.parent().unwrap_or(Path::new("/")).to_owned();
            single.entry(folder).or_default().push(input);
            continue;
        }
        let roots = gallery.catalogue().roots()?;
        // A folder within a known one belongs to it.
        let around = roots.into_iter().find(|root| root.is_whole && input.starts_with(&root.path));
        let root = match around {
            Some(root) => root,
            None => root_of(gallery, &input, true)?,
        };
        let below = input.strip_prefix(&root.path).map(display_name).unwrap_or_default();
        work.extend(plan_folder(gallery, &root, &below, (options, &removed), &mut done)?);
    }
    for (folder, files) in single {
        let root = root_of(gallery, &folder, false)?;
        let seen = files.iter().filter_map(|file| seen(file, &folder)).collect();
        let mut known = gallery.catalogue().files(root.id)?;
        known.retain(|_, file| !removed.contains(&file.photo));
        let plan = SyncPlan::new(&known, seen, |_| true);
        done.unchanged += plan.unchanged;
        work.extend(sources(&root, plan.read));
    }
    finish(gallery, &model, &work, &loader, true, done)
}

/// Brings the gallery up to date with its folders: new photos are added, moved ones are followed, and photos without a file are
/// marked missing.
///
/// # Errors        a gallery without folders; a model that cannot be opened; a gallery that cannot be written to
pub fn sync(gallery: &mut Gallery, options: &SyncOptions, context: Context<'_>) -> Result<Synced> {
    let model = gallery.active_model()?;
    let mut done = Synced::default();
    let mut work = Vec::new();
    for root in gallery.catalogue().roots()? {
        work.extend(match root.is_whole {
            true => plan_folder(gallery, &root, "", (options, &HashSet::new()), &mut done)?,
            false => plan_files(gallery, &root, &mut done)?,
        });
    }
    let (choice, photos) = model_options(gallery, options)?;
    let loader = Loader::new(&choice, &photos, context);
    finish(gallery, &model, &work, &loader, false, done)
}

fn root_of(gallery: &mut Gallery, folder: &Path, is_whole: bool) -> Result<Root> {
    let path = display_name(folder);
    let id = gallery.catalogue_mut().add_root(&path, is_whole)?;
    Ok(Root { id, path, is_whole })
}

/// The files to read below a folder of a root. Files that are gone are recorded as gone; files of photos to revive are read
/// again.
fn plan_folder(
    gallery: &mut Gallery,
    root: &Root,
    below: &str,
    (options, revived): (&SyncOptions, &HashSet<PhotoId>),
    done: &mut Synced,
) -> Result<Vec<Source>> {
    let folder = Path::new(&root.path).join(below);
    let prefix = if below.is_empty() { String::new() } else { format!("{below}/") };
    let mut known = gallery.catalogue().files(root.id)?;
    known.retain(|path, file| path.starts_with(&prefix) && !revived.contains(&file.photo));
    if !folder.is_dir() {
        done.absent.push(display_name(&folder));
        return Ok(Vec::new());
    }
    let (found, skipped) = photos::find(std::slice::from_ref(&folder), None)?;
    if found.is_empty() && !known.is_empty() && !options.allow_empty {
        done.absent.push(display_name(&folder));
        return Ok(Vec::new());
    }
    let files: Vec<SeenFile> =
        found.iter().filter_map(|photo| seen(&photo.path, Path::new(&root.path))).collect();
    // What lies below something that could not be looked at is not gone.
    let unread: Vec<String> = skipped
        .iter()
        .map(|skip| match Path::new(&skip.name).strip_prefix(&root.path) {
            Ok(inside) => display_name(inside),
            Err(_) => format!("{prefix}{}", skip.name),
        })
        .collect();
    let is_unread = |path: &str| {
        unread
            .iter()
            .any(|name| path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
    };
    let plan = SyncPlan::new(&known, files, is_unread);
    done.skipped.extend(skipped);
    done.unchanged += plan.unchanged;
    done.gone += plan.gone.len();
    // The new places of moved files are recorded before the old ones are dropped, so that no photo is ever missing between.
    done.dropped.push((root.id, plan.gone));
    Ok(sources(root, plan.read))
}

/// The single files of a root that changed or are gone.
fn plan_files(gallery: &mut Gallery, root: &Root, done: &mut Synced) -> Result<Vec<Source>> {
    let folder = Path::new(&root.path);
    if !folder.is_dir() {
        done.absent.push(root.path.clone());
        return Ok(Vec::new());
    }
    let known = gallery.catalogue().files(root.id)?;
    let mut paths: Vec<&String> = known.keys().collect();
    paths.sort_unstable();
    let files = paths.into_iter().filter_map(|path| seen(&folder.join(path), folder)).collect();
    let plan = SyncPlan::new(&known, files, |_| false);
    done.unchanged += plan.unchanged;
    done.gone += plan.gone.len();
    done.dropped.push((root.id, plan.gone));
    Ok(sources(root, plan.read))
}

fn sources(root: &Root, files: Vec<SeenFile>) -> Vec<Source> {
    let source = |file: SeenFile| {
        let SeenFile { path, bytes, modified_ns } = file;
        Source {
            path: Path::new(&root.path).join(&path),
            key: FileKey { root: root.id, path, bytes, modified_ns },
            attributes: Vec::new(),
        }
    };
    files.into_iter().map(source).collect()
}

/// Path, size and time of a file; `None` if it is gone.
fn seen(file: &Path, root: &Path) -> Option<SeenFile> {
    let metadata = fs_err::metadata(file).ok()?;
    let modified = metadata.modified().ok()?;
    let modified_ns = match modified.duration_since(UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_nanos()).unwrap_or(i64::MAX),
        Err(before) => -i64::try_from(before.duration().as_nanos()).unwrap_or(i64::MAX),
    };
    let path = display_name(file.strip_prefix(root).unwrap_or(file));
    Some(SeenFile { path, bytes: metadata.len(), modified_ns })
}

/// Reads the files, records what is gone, and names the new faces.
fn finish(
    gallery: &mut Gallery,
    model: &StoredModel,
    work: &[Source],
    loader: &Loader<'_>,
    revive: bool,
    mut done: Synced,
) -> Result<Synced> {
    if !work.is_empty() {
        check_model(gallery, model, loader)?;
        let (detector, cut) = loader.detection()?;
        let reading = Reading {
            embedder: loader.embedder()?,
            detector: detector.map(|detector| detector.detector.as_ref()),
            cut: &cut,
            limits: loader.photo_options().limits,
            threads: loader.photo_options().threads,
            revive,
        };
        done.ingested = ingest::ingest(gallery, model, work, &reading, loader.context())?;
    }
    for (root, gone) in std::mem::take(&mut done.dropped) {
        if !gone.is_empty() {
            gallery.catalogue_mut().drop_files(root, &gone)?;
        }
    }
    done.assigned = list::reassign(gallery)?;
    Ok(done)
}

/// The model and the photo options of a gallery; one without a model gets those of the options.
///
/// # Errors        options that name another model than the gallery's
fn model_options(gallery: &Gallery, options: &SyncOptions) -> Result<(ModelChoice, PhotoOptions)> {
    if let Some(model) = gallery.model()? {
        if let Some(name) =
            options.model.name().filter(|name| !options.model.is_default && *name != model.source)
        {
            return Err(invalid(
                format!(
                    "{}: the gallery uses the model {}, not {name}",
                    gallery.catalogue().path().display(),
                    model.tag.name
                ),
                "leave --model out, or change the model with `likeness gallery migrate --model`",
            ));
        }
        return Ok((choice(&model, &options.model), photo_options(&model, &options.photos)));
    }
    let kind = gallery.catalogue().info()?.kind;
    let (mut choice, mut photos) = (options.model.clone(), options.photos.clone());
    photos.detection.cut.faces = KeepFaces::All;
    let default = match kind {
        ItemKind::Pictures => {
            photos.detection.detector = "none".to_owned();
            "picture"
        }
        ItemKind::Faces => "face",
    };
    choice.model = choice.model.filter(|name| name != "auto").or_else(|| Some(default.to_owned()));
    Ok((choice, photos))
}

/// Stores the first model of a gallery.
fn first_model(
    gallery: &mut Gallery,
    choice: &ModelChoice,
    photos: &PhotoOptions,
    loader: &Loader<'_>,
) -> Result<StoredModel> {
    let spec = loader.embedder()?.spec().clone();
    let source = source_of(choice.name().unwrap_or_default())?;
    let (detector, _) = loader.detection()?;
    let detector = match detector {
        Some(_) => photos.detection.detector.clone(),
        None if gallery.catalogue().info()?.kind == ItemKind::Faces => {
            return Err(invalid(
                format!("{}: the model is not one of faces, and no detector is chosen", spec.name),
                "create the gallery with `likeness gallery create --kind pictures`, or choose a --detector",
            ));
        }
        None => String::new(),
    };
    gallery.catalogue_mut().add_model(&tag(&spec), &source, &detector)?;
    Ok(gallery.active_model()?)
}

/// How a model is opened again: a file by its absolute path.
pub(super) fn source_of(name: &str) -> Result<String> {
    let path = Path::new(name);
    Ok(if path.exists() { display_name(&fs_err::canonicalize(path)?) } else { name.to_owned() })
}
