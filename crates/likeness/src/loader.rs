//! Loads or computes the embeddings of photos, folders, tables, datasets and embeddings files.

mod choose;
mod queries;
mod sources;

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use likeness_data::cut::{CutConfig, NoFace};
use likeness_data::photos::Skipped;
use likeness_embed::cache::EmbeddingCache;
use likeness_embed::embed::{EmbedRun, Gathered, tag};
use likeness_embed::{EmbedError, Embedder, FlipEmbedder, load_embedder_in};
use likeness_model::Alignment;
use likeness_model::builtin::FACE;
use likeness_search::{EmbeddingTable, EmbeddingWriter, ModelTag, Row, SkippedRow, TableKind};

use crate::context::Context;
use crate::detector::{self, LoadedDetector};
use crate::licence::Usage;
use crate::options::{ModelChoice, PhotoOptions};
use crate::trained::{self, Marks};
use crate::{Result, invalid};
pub(crate) use queries::report_standing;
pub use queries::{Queries, Query, Standing};
pub use sources::check_exists;
use sources::{Content, Source};

/// Loads embeddings from files, and computes those of photos. The model is opened when it is first needed.
pub struct Loader<'a> {
    model: &'a ModelChoice,
    photos: &'a PhotoOptions,
    context: Context<'a>,
    embedder: OnceLock<Box<dyn Embedder>>,
    /// The model of embeddings that were loaded before photos.
    adopted: OnceLock<(PathBuf, ModelTag)>,
    detector: OnceLock<Option<LoadedDetector>>,
    /// Maximum number of photos per input, sampled evenly.
    most: Option<usize>,
}

/// The result of [`Loader::load`].
#[derive(Debug)]
pub struct Loaded {
    /// Embeddings in the order of the inputs.
    pub table: EmbeddingTable,
    /// Photos without an embedding, with the reasons.
    pub skipped: Vec<Skipped>,
}

impl<'a> Loader<'a> {
    /// Creates a loader.
    pub fn new(model: &'a ModelChoice, photos: &'a PhotoOptions, context: Context<'a>) -> Self {
        Self {
            model,
            photos,
            context,
            embedder: OnceLock::new(),
            adopted: OnceLock::new(),
            detector: OnceLock::new(),
            most: None,
        }
    }

    /// The context of the loader.
    pub(crate) fn context(&self) -> Context<'a> {
        self.context
    }

    /// How the loader reads photos.
    pub(crate) fn photo_options(&self) -> &'a PhotoOptions {
        self.photos
    }

    /// Returns this loader with an open embedder, limited to `most` photos per input.
    pub fn using(self, embedder: Box<dyn Embedder>, most: Option<usize>) -> Self {
        Self { embedder: OnceLock::from(embedder), most, ..self }
    }

    /// Loads the embeddings of `inputs`, or only those of their `split`.
    ///
    /// # Errors        an input that cannot be read, no photo that can be embedded, embeddings of several models
    pub fn load(&self, inputs: &[PathBuf], split: Option<&str>) -> Result<Loaded> {
        let mut sources = self.sources(inputs, split)?;
        if let [Source { content: Content::Table(_), .. }] = sources[..]
            && let Some(Source { content: Content::Table(table), .. }) = sources.pop()
        {
            let skipped = skipped_of(&table);
            self.context.skipped(&skipped);
            return Ok(Loaded { table, skipped });
        }
        let mut gathered = Gathered::default();
        let skipped = self.visit(&sources, &mut |row, embedding| {
            gathered.keep(row, embedding);
            Ok(())
        })?;
        self.context.skipped(&skipped);
        if gathered.is_empty() {
            return Err(nothing_embedded(skipped));
        }
        let table = gathered.into_table_of(self.model_of(&sources)?)?;
        Ok(Loaded { table, skipped })
    }

    /// Writes the embeddings of `inputs` to `output` one by one. Returns their number and their dimension.
    ///
    /// # Errors        the errors of [`load`](Self::load); a file that cannot be written
    pub fn save(&self, inputs: &[PathBuf], split: Option<&str>, output: &Path) -> Result<(u64, usize)> {
        let sources = self.sources(inputs, split)?;
        let made_by = self.model_of(&sources)?;
        let dimension = made_by.dimension;
        let mut writer = EmbeddingWriter::create(output, made_by)?;
        let (mut marked, mut names) = (Vec::new(), HashSet::new());
        let skipped = self.visit(&sources, &mut |row, embedding| {
            writer.push(&row, embedding)?;
            names.insert(row.name);
            if row.trained_on.is_some() {
                let (sha256, identity, trained_on) = (row.sha256, row.identity, row.trained_on);
                marked.push(Row { sha256, identity, trained_on, ..Row::default() });
            }
            Ok(())
        })?;
        self.context.skipped(&skipped);
        for photo in without_embedding(&sources, skipped.clone()) {
            if names.insert(photo.row.name.clone()) {
                writer.skip(&photo);
            }
        }
        trained::overlap(None, &marked, self.context)?;
        let count = writer.len();
        if count == 0 {
            return Err(nothing_embedded(skipped));
        }
        writer.finish()?;
        Ok((count, dimension))
    }

    /// Resolves `inputs` to sources. Embeddings files are read; photos are only listed.
    fn sources(&self, inputs: &[PathBuf], split: Option<&str>) -> Result<Vec<Source>> {
        inputs.iter().try_for_each(|input| check_exists(input))?;
        // A model that is missing or damaged is reported before a large folder is searched.
        if self.model.name().is_some() && inputs.iter().any(|input| TableKind::of(input) == TableKind::Other)
        {
            self.embedder()?;
        }
        let mut sources = sources::read(inputs, self.photos.layout, self.context)?;
        for source in &mut sources {
            source.keep_split(split)?;
            if let Some(most) = self.most {
                source.keep_spread(most);
            }
            if let Content::Table(table) = &mut source.content {
                self.state_model(&source.input, table)?;
                self.check_table(&source.input, table)?;
            }
        }
        sources::name_apart(&mut sources);
        if self.embedder.get().is_none() && sources.iter().any(|s| !matches!(s.content, Content::Table(_))) {
            self.choose(&sources)?;
        }
        Ok(sources)
    }

    /// The model that makes or made the embeddings of `sources`.
    fn model_of(&self, sources: &[Source]) -> Result<ModelTag> {
        let of_table = sources.iter().find_map(|source| match &source.content {
            Content::Table(table) => Some(table.model().clone()),
            _ => None,
        });
        match (of_table, sources.first()) {
            (Some(model), _) => Ok(model),
            (None, Some(_)) => Ok(tag(self.embedder()?.spec())),
            (None, None) => Err(invalid("there is no input", "name photos, a folder or an embeddings file")),
        }
    }

    /// Calls `keep` with each embedding of `sources`, in order. Returns the skipped photos.
    fn visit(
        &self,
        sources: &[Source],
        keep: &mut (dyn FnMut(Row, &[f32]) -> likeness_search::Result<()> + Send),
    ) -> Result<Vec<Skipped>> {
        self.check_one_model(sources)?;
        let mut skipped = Vec::new();
        for source in sources {
            skipped.extend(source.skipped.iter().cloned());
            match &source.content {
                Content::Table(table) => {
                    skipped.extend(skipped_of(table).into_iter().map(|skip| source.named_skip(skip)));
                    for (at, row) in table.rows().iter().enumerate() {
                        keep(source.named(row.clone()), table.embedding(at))?;
                    }
                }
                _ => skipped.extend(self.embed(source, keep)?),
            }
        }
        Ok(skipped)
    }

    /// Fails if the embeddings of `sources` come from different models.
    fn check_one_model(&self, sources: &[Source]) -> Result<()> {
        let mut first: Option<(&Path, String, String)> = None;
        for source in sources {
            let (name, fingerprint) = match &source.content {
                Content::Table(table) => (table.model().name.clone(), table.model().fingerprint.clone()),
                _ if sources.len() == 1 => return Ok(()),
                _ => {
                    let spec = self.embedder()?.spec();
                    (spec.name.clone(), spec.fingerprint.clone())
                }
            };
            match &first {
                None => first = Some((&source.input, name, fingerprint)),
                Some((input, other, of_first)) if *of_first != fingerprint => {
                    return Err(invalid(
                        format!(
                            "{}: its embeddings come from the model {name}, those of {} from {other}",
                            source.input.display(),
                            input.display()
                        ),
                        "embed all inputs with one model",
                    ));
                }
                Some(_) => {}
            }
        }
        Ok(())
    }

    /// Embeds the photos of `source`. Returns the skipped photos.
    fn embed(
        &self,
        source: &Source,
        keep: &mut (dyn FnMut(Row, &[f32]) -> likeness_search::Result<()> + Send),
    ) -> Result<Vec<Skipped>> {
        let embedder = self.embedder()?;
        let progress = self.context.stage("embed");
        let is_cropped = source.is_cropped();
        let detector = if is_cropped { None } else { self.detector()? };
        self.report_alignment(source, detector.is_some());
        let cut = &self.cut(source)?;
        let cache = self.cache(embedder, detector, cut)?;
        let note = |line: &str| self.context.observer.note(line);
        let run = EmbedRun {
            say: &note,
            detection: detector.map(|d| (d.detector.as_ref(), cut)),
            progress: &|done, total| progress.show(done, total),
            cache: cache.as_ref(),
            ..self.run()
        };
        let marks = Marks::of(self.model.name())?;
        let mut keep = |mut row: Row, embedding: &[f32]| {
            row.trained_on = marks.mark(&row);
            keep(row, embedding)
        };
        let unusable = match source.each(embedder, &run, &mut keep) {
            Err(EmbedError::NothingEmbedded { skipped, .. }) => skipped,
            outcome => outcome?,
        };
        progress.end(source.len(), "photos");
        if let Some(cache) = &cache {
            self.context.note(format!(
                "{} of {} photos were already in the cache: {}",
                cache.hits(),
                source.len(),
                cache.path().display()
            ));
            if let Some(fault) = cache.fault() {
                self.context
                    .note(format!("{}: no more embeddings could be cached: {fault}", cache.path().display()));
            }
        }
        Ok(unusable)
    }

    /// Settings of an embedding run without a detector and without a cache.
    fn run(&self) -> EmbedRun<'_> {
        EmbedRun {
            detection: None,
            stop: self.context.stop,
            progress: &|_, _| {},
            limits: self.photos.limits,
            threads: self.photos.threads,
            cache: None,
            batch: self.model.batch,
            say: &|_| {},
        }
    }

    /// Opens the embedding cache, if a folder is set, for this embedder and detector.
    fn cache(
        &self,
        embedder: &dyn Embedder,
        detector: Option<&LoadedDetector>,
        cut: &CutConfig,
    ) -> Result<Option<EmbeddingCache>> {
        let Some(folder) = &self.model.cache else { return Ok(None) };
        let spec = embedder.spec();
        // All other influences on a crop are constants of this version of the program.
        let way = serde_json::to_string(&(
            env!("CARGO_PKG_VERSION"),
            &spec.fingerprint,
            detector.map(|d| d.settings(cut)),
        ))?;
        Ok(Some(EmbeddingCache::open(folder, &way, spec.dimension)?))
    }

    /// States that embeddings of another program come from the model that the user names, which they do not state themselves.
    fn state_model(&self, file: &Path, table: &mut EmbeddingTable) -> Result<()> {
        if !table.model().is_external() || self.model.name().is_none() || self.model.is_default {
            return Ok(());
        }
        let spec = self.embedder()?.spec();
        if spec.dimension != table.model().dimension {
            return Err(invalid(
                format!(
                    "{}: its embeddings have {} values, those of the model {} have {}",
                    file.display(),
                    table.model().dimension,
                    spec.name,
                    spec.dimension
                ),
                "name the model that made them with --model, or leave it out to compare embeddings only",
            ));
        }
        let rows = std::mem::replace(table, EmbeddingTable::new(tag(spec), Vec::new(), Vec::new())?);
        *table = rows.with_model(tag(spec))?;
        Ok(())
    }

    /// Checks the licence of `table`, and fails if it was made by another model than the one that is named.
    fn check_table(&self, file: &Path, table: &EmbeddingTable) -> Result<()> {
        let usage = Usage::of(self.model.commercial);
        usage.check(&file.display().to_string(), table.model().licence.as_ref())?;
        if self.model.name().is_none() || self.model.is_default {
            self.adopted.get_or_init(|| (file.to_owned(), table.model().clone()));
            return Ok(());
        }
        let spec = self.embedder()?.spec();
        let (made_by, now) = (table.model(), &spec.fingerprint);
        if made_by.fingerprint == *now {
            return Ok(());
        }
        Err(invalid(
            format!(
                "{}: its embeddings come from the model {} ({}), not from {} ({})",
                file.display(),
                made_by.name,
                short(&made_by.fingerprint),
                spec.name,
                short(now)
            ),
            "embed the photos again with this model, or leave --model out",
        ))
    }

    /// The configured detector, loaded when it is first needed.
    fn detector(&self) -> Result<Option<&LoadedDetector>> {
        if self.detector.get().is_none() {
            // Only networks of aligned faces need a detector that nobody asked for.
            let options = &self.photos.detection;
            let is_needed = !detector::is_auto(options) || self.needs_faces()?;
            let loaded = if is_needed { detector::load(options)? } else { None };
            if let Some(loaded) = &loaded {
                self.context.note(format!("detector {}", loaded.title));
            }
            return Ok(self.detector.get_or_init(|| loaded).as_ref());
        }
        Ok(self.detector.get().and_then(Option::as_ref))
    }

    /// Whether the model takes aligned faces.
    fn needs_faces(&self) -> Result<bool> {
        Ok(self.embedder()?.spec().alignment.is_some_and(Alignment::is_of_faces))
    }

    /// How faces of `source` are cropped for the model.
    fn cut(&self, source: &Source) -> Result<CutConfig> {
        let mut cut = self.photos.detection.cut.clone();
        cut.template = sources::template(self.embedder()?.spec()).unwrap_or_default();
        if source.is_prepared() {
            // A face of a dataset is a face, even if it is not found again.
            cut.no_face = NoFace::Keep;
        }
        Ok(cut)
    }

    /// The detector for photos, and how faces are cropped for the model.
    pub(crate) fn detection(&self) -> Result<(Option<&LoadedDetector>, CutConfig)> {
        let mut cut = self.photos.detection.cut.clone();
        cut.template = sources::template(self.embedder()?.spec()).unwrap_or_default();
        Ok((self.detector()?, cut))
    }

    /// Warns if the model was trained on aligned faces and those of `source` will not be aligned for it.
    fn report_alignment(&self, source: &Source, is_detected: bool) {
        let Some(embedder) =
            self.embedder.get().filter(|e| e.spec().alignment.is_some_and(Alignment::is_of_faces))
        else {
            return;
        };
        let name = &embedder.spec().name;
        if let (true, Some(template)) = (source.is_cropped(), source.template) {
            let wanted = sources::template(embedder.spec()).unwrap_or_default();
            if template != wanted {
                self.context.note(format!(
                    "warning: {}: its faces are aligned to the template {}, but {name} was trained on {}; they are aligned again, \
                     without the parts that were cut off",
                    source.input.display(),
                    template.name(),
                    wanted.name()
                ));
                self.context
                    .note(format!("hint: prepare the dataset with --align {} for this model", wanted.name()));
            }
        } else if !is_detected && !source.is_prepared() {
            self.context.note(format!(
                "warning: {name} was trained on aligned faces, but face detection is off; leave --detector out to detect and align \
                 faces"
            ));
        }
    }

    /// The embedder that is named or was chosen.
    pub(crate) fn embedder(&self) -> Result<&dyn Embedder> {
        if let Some(embedder) = self.embedder.get() {
            return Ok(embedder.as_ref());
        }
        self.open(self.model.name().unwrap_or(FACE.name))
    }

    /// Opens the model `name`, which is used from now on.
    fn open(&self, name: &str) -> Result<&dyn Embedder> {
        let models = self.photos.detection.models.as_deref();
        let mut embedder = load_embedder_in(models, name, &self.model.preprocess, &self.model.engine)?;
        Usage::of(self.model.commercial).check(name, embedder.spec().licence.as_ref())?;
        if let Some(engine) = embedder.engine() {
            self.context.note(format!("engine: {engine}"));
        }
        if self.model.flips {
            embedder = Box::new(FlipEmbedder::new(embedder));
        }
        Ok(self.embedder.get_or_init(|| embedder).as_ref())
    }
}

/// The photos of a table without an embedding.
fn skipped_of(table: &EmbeddingTable) -> Vec<Skipped> {
    table.skipped().iter().map(|photo| Skipped::new(&photo.row.name, &photo.reason)).collect()
}

/// The rows of the `skipped` photos of `sources`, each once. Files that are not photos are omitted.
fn without_embedding(sources: &[Source], skipped: Vec<Skipped>) -> Vec<SkippedRow> {
    if skipped.is_empty() {
        return Vec::new();
    }
    let mut reasons: HashMap<String, String> =
        skipped.into_iter().map(|skip| (skip.name, skip.reason)).collect();
    let photos = sources.iter().flat_map(|source| source.items().into_iter().chain(source.unreadable()));
    photos
        .filter_map(|item| Some(SkippedRow { reason: reasons.remove(&item.row.name)?, row: item.row }))
        .collect()
}

/// The first digits of a fingerprint.
fn short(fingerprint: &str) -> &str {
    fingerprint.get(..12).unwrap_or(fingerprint)
}

fn nothing_embedded(skipped: Vec<Skipped>) -> crate::LikenessError {
    EmbedError::NothingEmbedded { total: skipped.len(), skipped }.into()
}
