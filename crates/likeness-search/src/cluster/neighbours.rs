//! The nearest neighbours of every face of a gallery: exact, and extended when faces are added.

use crate::cluster::Faces;
use crate::{
    Distance, EmbeddingTable, ModelTag, RankConfig, Rankings, Result, Row, SearchError, rank, rank_within,
};

/// A neighbour of a face.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Neighbour {
    pub(super) face: u32,
    /// The squared distance in the space of [`Faces`].
    pub(super) squared: f32,
}

/// For every face its nearest other faces, nearest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbours {
    k: usize,
    /// The end of each face's list.
    ends: Vec<usize>,
    lists: Vec<Neighbour>,
}

impl Neighbours {
    /// Finds the `k` nearest other faces of every face by exact search.
    ///
    /// # Conventions   equal distances are ordered by the faces' numbers
    /// # Errors        a `k` of 0 → `BadArgument`
    pub fn new(faces: &Faces, k: usize) -> Result<Self> {
        if k == 0 {
            let reason = "the number of neighbours must be at least 1, found 0".to_owned();
            return Err(SearchError::BadArgument { reason });
        }
        let mut empty = Self { k, ends: Vec::new(), lists: Vec::new() };
        empty.extend(faces)?;
        Ok(empty)
    }

    /// Adds the faces that `faces` has more than this graph; the result is that of [`new`](Self::new).
    ///
    /// Only the added faces are searched for: among all faces, and as new neighbours of the present faces.
    ///
    /// # Errors        fewer faces than in this graph → `BadArgument`
    pub fn extend(&mut self, faces: &Faces) -> Result<()> {
        let (old, all) = (self.len(), faces.len());
        if all < old {
            let reason = format!("expected at least the {old} faces of the graph, found {all}");
            return Err(SearchError::BadArgument { reason });
        }
        if all == old {
            return Ok(());
        }
        let mut lists = Vec::with_capacity(all);
        if old == 0 {
            let table = rows(faces, 0..all)?;
            let config = RankConfig { k: Some(self.k), allow_self: false };
            lists.extend(found(&rank_within(&table, search_distance(faces), &config)?, faces, 0));
        } else {
            let (present, added, both) = (rows(faces, 0..old)?, rows(faces, old..all)?, rows(faces, 0..all)?);
            let nearest_added = self.search(&present, &added, faces, old, self.k)?;
            for (face, nearer) in nearest_added.into_iter().enumerate() {
                lists.push(self.merged(self.of(face), &nearer));
            }
            // The nearest hit of an added face may be itself.
            let nearest = self.search(&added, &both, faces, 0, self.k + 1)?;
            for (face, list) in (old as u32..).zip(nearest) {
                lists.push(without(list, face, self.k));
            }
        }
        self.store(lists);
        Ok(())
    }

    /// Removes faces; the result is that of [`new`](Self::new) with the remaining ones.
    ///
    /// Only the faces that had a removed face as a neighbour are searched for again.
    ///
    /// # Shapes        kept: \[faces of this graph\] · faces: the kept ones, in order
    /// # Errors        other numbers of faces → `BadArgument`
    pub fn remove(&mut self, kept: &[bool], faces: &Faces) -> Result<()> {
        let remaining = kept.iter().filter(|kept| **kept).count();
        if kept.len() != self.len() || remaining != faces.len() {
            let reason = format!(
                "expected {} faces before and {remaining} after the removal, found {} and {}",
                self.len(),
                kept.len(),
                faces.len()
            );
            return Err(SearchError::BadArgument { reason });
        }
        let mut lists = self.renumbered(kept);
        let old = (0..kept.len()).filter(|face| kept[*face]).map(|face| self.of(face).len());
        let shortened: Vec<usize> = (old.zip(&lists).enumerate())
            .filter(|(_, (old, list))| list.len() < (*old).min(remaining - 1))
            .map(|(face, _)| face)
            .collect();
        if !shortened.is_empty() {
            let (queries, all) = (rows(faces, shortened.iter().copied())?, rows(faces, 0..remaining)?);
            let found = self.search(&queries, &all, faces, 0, self.k + 1)?;
            for (face, list) in shortened.into_iter().zip(found) {
                lists[face] = without(list, face as u32, self.k);
            }
        }
        self.store(lists);
        Ok(())
    }

    /// The number of faces.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are no faces.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The number of neighbours per face, or one less than the number of faces if that is smaller.
    pub fn k(&self) -> usize {
        self.k
    }

    /// The nearest other faces of a face, nearest first.
    ///
    /// # Panics        a face that does not exist
    pub fn nearest(&self, face: u32) -> impl Iterator<Item = u32> + '_ {
        self.of(face as usize).iter().map(|neighbour| neighbour.face)
    }

    pub(super) fn of(&self, face: usize) -> &[Neighbour] {
        let start = if face == 0 { 0 } else { self.ends[face - 1] };
        &self.lists[start..self.ends[face]]
    }

    /// The lists of the kept faces without the others, by their new numbers.
    fn renumbered(&self, kept: &[bool]) -> Vec<Vec<Neighbour>> {
        let mut numbers = vec![0u32; kept.len()];
        let remaining = numbers.iter_mut().zip(kept).filter(|(_, kept)| **kept);
        (0..).zip(remaining).for_each(|(next, (number, _))| *number = next);
        let renumbered = |face: usize| {
            let near = self.of(face).iter().filter(|n| kept[n.face as usize]);
            near.map(|n| Neighbour { face: numbers[n.face as usize], ..*n }).collect()
        };
        (0..kept.len()).filter(|face| kept[*face]).map(renumbered).collect()
    }

    fn store(&mut self, lists: Vec<Vec<Neighbour>>) {
        let end = |end: &mut usize, list: &Vec<Neighbour>| {
            *end += list.len();
            Some(*end)
        };
        self.ends = lists.iter().scan(0, end).collect();
        self.lists = lists.concat();
    }

    fn search(
        &self,
        queries: &EmbeddingTable,
        gallery: &EmbeddingTable,
        faces: &Faces,
        first: usize,
        k: usize,
    ) -> Result<Vec<Vec<Neighbour>>> {
        let config = RankConfig { k: Some(k), allow_self: true };
        Ok(found(&rank(queries, gallery, search_distance(faces), &config)?, faces, first))
    }

    fn merged(&self, old: &[Neighbour], new: &[Neighbour]) -> Vec<Neighbour> {
        let mut both = [old, new].concat();
        both.sort_by(|a, b| a.squared.total_cmp(&b.squared).then(a.face.cmp(&b.face)));
        both.truncate(self.k);
        both
    }
}

/// The distance of the search, whose values are squared distances of the space, or half of them.
fn search_distance(faces: &Faces) -> Distance {
    if faces.on_sphere() { Distance::Cosine } else { Distance::SquaredEuclidean }
}

/// A table of some of the faces.
fn rows(faces: &Faces, chosen: impl Iterator<Item = usize> + Clone) -> Result<EmbeddingTable> {
    let named = chosen.clone().map(|face| Row::new(face.to_string())).collect();
    let tag = ModelTag::new("clustering", "", faces.dimension(), search_distance(faces));
    EmbeddingTable::new(tag, named, chosen.flat_map(|face| faces.row(face)).copied().collect())
}

/// The `k` nearest of a list without the face itself.
fn without(mut list: Vec<Neighbour>, face: u32, k: usize) -> Vec<Neighbour> {
    list.retain(|neighbour| neighbour.face != face);
    list.truncate(k);
    list
}

/// The hits of a search as neighbours; the gallery begins with the face `first`.
fn found(rankings: &Rankings, faces: &Faces, first: usize) -> Vec<Vec<Neighbour>> {
    let scale = if faces.on_sphere() { 2.0 } else { 1.0 };
    let neighbour = |hit: &crate::Hit| Neighbour {
        face: (first + hit.gallery_id.index()) as u32,
        squared: scale * hit.distance,
    };
    rankings.iter().map(|ranking| ranking.hits().iter().map(neighbour).collect()).collect()
}
