//! A gallery: the catalogue, the codes that searches read, and the people.
//!
//! The codes (`NAME.gallery.codes`) are a copy of the embeddings that can be rebuilt from the catalogue at any time. A file that
//! is missing, damaged, or of another gallery or model is replaced. Codes that are behind the catalogue, after a kill for
//! example, are brought up to date before a search.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use likeness_search::{
    CodesKey, GraphSearch, HnswConfig, HnswIndex, Int8Index, Neighbour, QueryExpansion, Reciprocal,
    SearchError, Vectors,
};

use crate::catalogue::{
    Filter, ItemKind, ModelState, ReadCatalogue, SqliteCatalogue, StoredModel, WriteCatalogue,
};
use crate::decision::{Change, Decision};
use crate::people::People;
use crate::{GalleryError, ItemId, ModelId, Result};

/// Items that are read and appended to the codes at a time.
const BATCH: usize = 4096;

/// Hits that are re-ranked.
const RERANKED: usize = 50;

/// How to search a gallery.
#[derive(Debug, Clone, Copy, Default)]
pub struct SearchPlan<'a> {
    /// Maximum number of hits for each query.
    pub k: usize,
    /// Condition on the items to find.
    pub filter: Option<&'a Filter>,
    /// Number of candidates of an approximate search by the stored graph; `None` for an exact search.
    pub graph: Option<usize>,
    /// Number of nearest items that each query is moved towards before a second search (α-weighted query expansion).
    pub expand: Option<usize>,
    /// Whether the nearest 50 hits are re-ranked by the neighbours that they share with the query (k-reciprocal re-ranking).
    pub rerank: bool,
}

/// A gallery: photos, faces, people, and how to search them.
pub struct Gallery {
    catalogue: SqliteCatalogue,
    codes: Option<Int8Index>,
    /// The graph for approximate searches, with the revision of the codes that it was made for.
    graph: Option<(u64, HnswIndex)>,
    is_writable: bool,
}

/// The embeddings of one model in a catalogue.
struct StoredVectors<'a> {
    catalogue: &'a SqliteCatalogue,
    model: ModelId,
}

impl Vectors for StoredVectors<'_> {
    fn read(&self, ids: &[u64], into: &mut Vec<f32>) -> likeness_search::Result<()> {
        let items: Vec<ItemId> = ids.iter().map(|id| ItemId(*id as i64)).collect();
        let read = self.catalogue.vectors(self.model, &items, into);
        read.map_err(|error| SearchError::BadEmbeddings { reason: error.to_string() })
    }
}

impl Gallery {
    /// Creates a gallery at `path`.
    ///
    /// # Errors        as [`SqliteCatalogue::create`]
    pub fn create(path: &Path, kind: ItemKind) -> Result<Self> {
        let catalogue = SqliteCatalogue::create(path, kind)?;
        Ok(Self { catalogue, codes: None, graph: None, is_writable: true })
    }

    /// Opens a gallery for reading and writing.
    ///
    /// # Errors        as [`SqliteCatalogue::open`]
    pub fn open(path: &Path) -> Result<Self> {
        let catalogue = SqliteCatalogue::open(path)?;
        Ok(Self { catalogue, codes: None, graph: None, is_writable: true })
    }

    /// Opens a gallery for reading only.
    ///
    /// # Errors        as [`SqliteCatalogue::open_read_only`]
    pub fn open_read_only(path: &Path) -> Result<Self> {
        let catalogue = SqliteCatalogue::open_read_only(path)?;
        Ok(Self { catalogue, codes: None, graph: None, is_writable: false })
    }

    /// The catalogue.
    pub fn catalogue(&self) -> &SqliteCatalogue {
        &self.catalogue
    }

    /// The catalogue, to change it.
    pub fn catalogue_mut(&mut self) -> &mut SqliteCatalogue {
        &mut self.catalogue
    }

    /// The model that searches use; `None` before the first photo was added.
    pub fn model(&self) -> Result<Option<StoredModel>> {
        Ok(self.catalogue.models()?.into_iter().find(|model| model.state == ModelState::Active))
    }

    /// The model that searches use.
    ///
    /// # Errors        a gallery without a photo → `BadArgument`
    pub fn active_model(&self) -> Result<StoredModel> {
        self.model()?.ok_or_else(|| GalleryError::BadArgument {
            reason: format!("{}: the gallery has no photos", self.catalogue.path().display()),
            hint: "add some with `likeness gallery add`".into(),
        })
    }

    /// The people, by a replay of the log.
    pub fn people(&self) -> Result<People> {
        People::replay(&self.catalogue.decisions()?)
    }

    /// Checks and stores a decision, and returns the people after it.
    ///
    /// # Errors        a change that is not possible; a face that does not exist → `NoItem`
    pub fn decide(&mut self, actor: &str, change: &Change) -> Result<(Decision, People)> {
        let people = self.people()?;
        people.validate(change)?;
        let known: HashSet<ItemId> =
            self.catalogue.items_by_id(change.items())?.into_iter().map(|row| row.item.id).collect();
        if let Some(item) = change.items().iter().find(|item| !known.contains(item)) {
            return Err(GalleryError::NoItem { item: *item });
        }
        let decision = self.catalogue.append(actor, change)?;
        Ok((decision, self.people()?))
    }

    /// The path of the codes.
    pub fn codes_path(&self) -> PathBuf {
        let mut name = self.catalogue.path().as_os_str().to_owned();
        name.push(".codes");
        PathBuf::from(name)
    }

    /// The nearest items of each query, with their distances from it, best first.
    ///
    /// # Shapes        queries: n × dimension, row-major · output: n lists of at most `plan.k`
    /// # Errors        a gallery without photos, queries of another length, no graph for an approximate search; a damaged
    /// embedding
    pub fn search(&mut self, queries: &[f32], plan: &SearchPlan<'_>) -> Result<Vec<Vec<(ItemId, f32)>>> {
        let model = self.active_model()?;
        self.ready_codes(&model)?;
        if plan.graph.is_some() {
            self.ready_graph()?;
        }
        let allowed = self.allowed(plan.filter)?;
        let Some(codes) = &self.codes else { unreachable!("the codes were opened") };
        let selection = allowed.map(|ids| codes.select(&ids));
        let source = StoredVectors { catalogue: &self.catalogue, model: model.id };
        let find = |queries: &[f32], k: usize| -> Result<Vec<Vec<Neighbour>>> {
            let found = match (&self.graph, plan.graph) {
                (Some((_, graph)), Some(effort)) => {
                    let search = GraphSearch { k, candidates: effort.max(k), selection: selection.as_ref() };
                    graph.search(codes, queries, &search, &source)?
                }
                _ => codes.search(queries, k, selection.as_ref(), &source)?,
            };
            Ok(found.neighbours)
        };
        let (distance, dimension) = (model.tag.distance, model.tag.dimension);
        let wide = if plan.rerank { plan.k.max(RERANKED) } else { plan.k };
        let mut found = match plan.expand {
            Some(neighbours) => {
                let first = find(queries, neighbours)?;
                let expanded = expanded(queries, &first, neighbours, &source)?;
                find(&expanded, wide)?
            }
            None => find(queries, wide)?,
        };
        for (query, hits) in queries.chunks_exact(dimension).zip(&mut found) {
            if plan.rerank && hits.len() > 1 {
                *hits = Reciprocal::default().rerank(distance, query, hits, &source)?;
            }
            hits.truncate(plan.k);
        }
        let is_refined = plan.rerank || plan.expand.is_some();
        queries
            .chunks_exact(dimension)
            .zip(found)
            .map(|(query, hits)| {
                if !is_refined {
                    return Ok(hits.iter().map(|near| (ItemId(near.id as i64), near.distance)).collect());
                }
                // Verdicts need the distance from the query itself.
                let ids: Vec<u64> = hits.iter().map(|near| near.id).collect();
                let mut vectors = Vec::new();
                source.read(&ids, &mut vectors)?;
                let distances =
                    vectors.chunks_exact(dimension).map(|vector| distance.between(query, vector) as f32);
                Ok(ids.iter().map(|id| ItemId(*id as i64)).zip(distances).collect())
            })
            .collect()
    }

    /// The path of the graph for approximate searches.
    pub fn graph_path(&self) -> PathBuf {
        let mut name = self.catalogue.path().as_os_str().to_owned();
        name.push(".hnsw");
        PathBuf::from(name)
    }

    /// Makes or completes the graph for approximate searches, and stores it. Returns the number of its nodes.
    ///
    /// # Errors        a gallery without photos; files that cannot be written
    pub fn make_graph(&mut self) -> Result<usize> {
        let model = self.active_model()?;
        let path = self.graph_path();
        let codes = self.ready_codes(&model)?;
        let graph = up_to_date(&path, codes);
        graph.save(&path, codes)?;
        Ok(graph.nodes())
    }

    /// Opens the stored graph, with all rows of the codes.
    fn ready_graph(&mut self) -> Result<()> {
        let path = self.graph_path();
        if !path.is_file() {
            return Err(GalleryError::BadArgument {
                reason: format!("{}: the gallery has no graph for approximate searches", path.display()),
                hint: "make it with `likeness gallery index --hnsw`".into(),
            });
        }
        let Some(codes) = &self.codes else { unreachable!("the codes were opened") };
        let revision = codes.revision();
        let known = self.graph.take().filter(|(of, _)| *of == revision);
        self.graph = Some(known.unwrap_or_else(|| (revision, up_to_date(&path, codes))));
        Ok(())
    }

    /// The items that a search may find; `None` if it may find all.
    fn allowed(&self, filter: Option<&Filter>) -> Result<Option<Vec<u64>>> {
        let items = match filter {
            Some(filter) => self.catalogue.item_ids(Some(filter))?,
            None if self.catalogue.has_hidden_items()? => self.catalogue.item_ids(None)?,
            None => return Ok(None),
        };
        Ok(Some(items.iter().map(|item| item.0 as u64).collect()))
    }

    /// Opens the codes of the active model, up to date.
    ///
    /// # Errors        a gallery without photos; files that cannot be written
    pub fn ready_codes(&mut self, model: &StoredModel) -> Result<&Int8Index> {
        let revision = self.catalogue.vector_revision(model.id)?;
        let key = self.key(model)?;
        let is_ready = |codes: &Int8Index| codes.key() == &key && codes.revision() == revision;
        if !self.codes.as_ref().is_some_and(is_ready) {
            self.codes = None;
            let path = self.codes_path();
            let opened = Int8Index::open(&path, &key).ok().filter(is_ready);
            self.codes = Some(match opened {
                Some(codes) => codes,
                None => self.updated(model, &key)?,
            });
        }
        self.codes.as_ref().ok_or_else(|| unreachable!("the codes were just opened"))
    }

    fn key(&self, model: &StoredModel) -> Result<CodesKey> {
        Ok(CodesKey {
            fingerprint: model.tag.fingerprint.clone(),
            dimension: model.tag.dimension,
            distance: model.tag.distance,
            gallery: self.catalogue.info()?.uuid,
        })
    }

    /// Brings the codes up to date, or rebuilds them.
    fn updated(&self, model: &StoredModel, key: &CodesKey) -> Result<Int8Index> {
        let state = self.catalogue.vector_state(model.id)?;
        let path = self.codes_path();
        let wanted: HashSet<u64> = state.items.iter().map(|item| item.0 as u64).collect();
        if let Ok(mut codes) = Int8Index::open_writable(&path, key)
            && !codes.is_worth_compacting()
        {
            let gone: Vec<u64> = codes.ids().into_iter().filter(|id| !wanted.contains(id)).collect();
            let new: Vec<ItemId> =
                state.items.iter().copied().filter(|item| !codes.contains(item.0 as u64)).collect();
            codes.remove(&gone, codes.revision())?;
            for items in new.chunks(BATCH) {
                let (ids, vectors) = self.batch(model.id, items)?;
                codes.append(&ids, &vectors, codes.revision())?;
            }
            // The revision is stored last: codes that are not complete are completed by the next one who opens them.
            codes.remove(&[], state.revision)?;
            return Ok(codes);
        }
        match Int8Index::rebuild(&path, key, state.revision, self.rows(model.id, &state.items)) {
            // On a read-only disk the codes are made elsewhere, for this search.
            Err(_) if !self.is_writable => {
                let path = std::env::temp_dir().join(format!("likeness-{}.codes", std::process::id()));
                let codes = Int8Index::rebuild(&path, key, state.revision, self.rows(model.id, &state.items));
                let _ = fs_err::remove_file(&path);
                Ok(codes?)
            }
            codes => Ok(codes?),
        }
    }

    /// The embeddings of `items`, one by one, read in batches.
    fn rows<'a>(
        &'a self,
        model: ModelId,
        items: &'a [ItemId],
    ) -> impl Iterator<Item = likeness_search::Result<(u64, Vec<f32>)>> + 'a {
        items.chunks(BATCH).flat_map(move |items| {
            let batch = self.batch(model, items);
            let rows: Vec<likeness_search::Result<(u64, Vec<f32>)>> = match batch {
                Ok((ids, vectors)) => {
                    let dimension = vectors.len() / ids.len().max(1);
                    let vectors = vectors.chunks_exact(dimension.max(1)).map(<[f32]>::to_vec);
                    ids.into_iter().zip(vectors).map(Ok).collect()
                }
                Err(error) => vec![Err(SearchError::BadEmbeddings { reason: error.to_string() })],
            };
            rows
        })
    }

    fn batch(&self, model: ModelId, items: &[ItemId]) -> Result<(Vec<u64>, Vec<f32>)> {
        let mut vectors = Vec::new();
        self.catalogue.vectors(model, items, &mut vectors)?;
        Ok((items.iter().map(|item| item.0 as u64).collect(), vectors))
    }
}

/// Each query moved towards its nearest items, with its own length.
fn expanded(
    queries: &[f32],
    first: &[Vec<Neighbour>],
    neighbours: usize,
    source: &StoredVectors<'_>,
) -> Result<Vec<f32>> {
    let dimension = queries.len() / first.len().max(1);
    let expansion = QueryExpansion { neighbours, ..QueryExpansion::default() };
    let mut expanded = Vec::with_capacity(queries.len());
    for (query, hits) in queries.chunks_exact(dimension.max(1)).zip(first) {
        let ids: Vec<u64> = hits.iter().map(|near| near.id).collect();
        let mut vectors = Vec::new();
        source.read(&ids, &mut vectors)?;
        let nearest: Vec<&[f32]> = vectors.chunks_exact(dimension).collect();
        let length = query.iter().map(|value| value * value).sum::<f32>().sqrt();
        expanded.extend(expansion.expanded(query, &nearest).iter().map(|value| value * length));
    }
    Ok(expanded)
}

/// The stored graph with all rows of the codes, or a new one.
fn up_to_date(path: &Path, codes: &Int8Index) -> HnswIndex {
    match HnswIndex::open(path, codes) {
        Ok(mut graph) => {
            graph.update(codes);
            graph
        }
        Err(_) => HnswIndex::build(codes, HnswConfig::default()),
    }
}
