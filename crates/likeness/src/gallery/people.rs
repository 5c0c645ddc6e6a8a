//! People: who is in the gallery, and decisions about faces.

use std::collections::{BTreeMap, HashMap, HashSet};

use likeness_gallery::catalogue::{Assignment, ItemRow, Label, Origin, ReadCatalogue};
use likeness_gallery::decision::{Change, Decision};
use likeness_gallery::{Gallery, ItemId, PersonId};
use serde_json::json;

pub use super::groups::Group;
use super::groups::{self, Grouping};
use super::list;
use crate::Result;

/// A person of a gallery, with counts of faces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonSummary {
    /// The number.
    pub id: PersonId,
    /// The name; `None` for a person without one.
    pub name: Option<String>,
    /// Whether the person is left out of lists.
    pub hidden: bool,
    /// The birth date.
    pub born: Option<String>,
    /// Faces that somebody named.
    pub manual: usize,
    /// Faces of which somebody confirmed that the program was right.
    pub confirmed: usize,
    /// Faces that the program assigned.
    pub automatic: usize,
    /// Faces that are perhaps the person's.
    pub suggested: usize,
}

impl PersonSummary {
    /// Number of faces of the person.
    pub fn faces(&self) -> usize {
        self.manual + self.confirmed + self.automatic
    }
}

/// Who is in a gallery.
#[derive(Debug, Clone, Default)]
pub struct Overview {
    /// The people, those with the most faces first.
    pub people: Vec<PersonSummary>,
    /// Groups of unnamed faces, the largest first.
    pub groups: Vec<Group>,
    /// Unnamed faces without a group.
    pub alone: usize,
}

/// Who is in `gallery`.
///
/// # Errors        a gallery that cannot be read
pub fn overview(gallery: &mut Gallery) -> Result<Overview> {
    let people = gallery.people()?;
    let mut summaries: BTreeMap<PersonId, PersonSummary> = people
        .persons()
        .map(|person| {
            let (id, name) = (person.id, person.name.clone());
            let (hidden, born) = (person.hidden, person.born.clone());
            let summary =
                PersonSummary { id, name, hidden, born, manual: 0, confirmed: 0, automatic: 0, suggested: 0 };
            (id, summary)
        })
        .collect();
    let present: HashSet<ItemId> = gallery.catalogue().item_ids(None)?.into_iter().collect();
    for Assignment { item, label } in gallery.catalogue().assignments()? {
        let (person, count): (PersonId, fn(&mut PersonSummary) -> &mut usize) = match label {
            Label::Person { person, origin: Origin::Manual, .. } => (person, |s| &mut s.manual),
            Label::Person { person, origin: Origin::Confirmed, .. } => (person, |s| &mut s.confirmed),
            Label::Person { person, origin: Origin::Automatic, .. } => (person, |s| &mut s.automatic),
            Label::Suggested { person, .. } => (person, |s| &mut s.suggested),
            Label::NotAFace | Label::Ignored => continue,
        };
        if let Some(summary) = summaries.get_mut(&person).filter(|_| present.contains(&item)) {
            *count(summary) += 1;
        }
    }
    let mut people: Vec<PersonSummary> = summaries.into_values().collect();
    people.sort_by_key(|person| (std::cmp::Reverse(person.faces()), person.id));
    let Grouping { groups, alone } = groups::groups(gallery)?;
    Ok(Overview { people, groups, alone })
}

impl Overview {
    /// The JSON document.
    pub fn document(&self) -> serde_json::Value {
        let person = |person: &PersonSummary| {
            json!({
                "id": person.id, "name": person.name, "hidden": person.hidden, "born": person.born,
                "faces": person.faces(), "manual": person.manual, "confirmed": person.confirmed,
                "automatic": person.automatic, "suggested": person.suggested,
            })
        };
        json!({
            "people": self.people.iter().map(person).collect::<Vec<_>>(),
            "groups": self.groups.iter().map(|group| json!({ "faces": group.items, "likely": group.likely })).collect::<Vec<_>>(),
            "alone": self.alone,
        })
    }
}

/// A decision, and what followed from it.
#[derive(Debug, Clone)]
pub struct Decided {
    /// The decision, as it was appended to the log.
    pub decision: Decision,
    /// Number of faces whose person, suggestion or exclusion changed.
    pub changed: usize,
}

/// Appends a decision to the log, and names further faces by it.
///
/// # Errors        a change that is not possible; a gallery that cannot be written to
pub fn decide(gallery: &mut Gallery, actor: &str, change: &Change) -> Result<Decided> {
    let (decision, _) = gallery.decide(actor, change)?;
    let changed = list::reassign(gallery)?;
    Ok(Decided { decision, changed })
}

/// Moves faces to another person. Those that the program assigned to somebody else are rejected from that person first, so that
/// they do not return.
///
/// # Errors        as [`decide`]
pub fn move_faces(
    gallery: &mut Gallery,
    actor: &str,
    person: PersonId,
    items: Vec<ItemId>,
) -> Result<Decided> {
    let labels = list::labels(gallery)?;
    let mut from: BTreeMap<PersonId, Vec<ItemId>> = BTreeMap::new();
    for item in &items {
        if let Some(Label::Person { person: other, origin: Origin::Automatic, .. }) = labels.get(item)
            && *other != person
        {
            from.entry(*other).or_default().push(*item);
        }
    }
    for (other, items) in from {
        gallery.decide(actor, &Change::Reject { person: other, items })?;
    }
    decide(gallery, actor, &Change::Move { person, items })
}

/// Undoes the last `n` decisions that hold, newest first.
///
/// # Errors        a gallery that cannot be written to
pub fn undo_last(gallery: &mut Gallery, actor: &str, n: usize) -> Result<Vec<Decided>> {
    let last = gallery.people()?.undo_last(n);
    let mut undone = Vec::with_capacity(last.len());
    for decision in last {
        let (decision, _) = gallery.decide(actor, &Change::Undo { decision })?;
        undone.push(Decided { decision, changed: 0 });
    }
    let changed = list::reassign(gallery)?;
    if let Some(last) = undone.last_mut() {
        last.changed = changed;
    }
    Ok(undone)
}

/// The faces that a person has or may have, those that the user should look at first: suggestions, then automatic ones from the
/// farthest, then the others.
///
/// # Errors        a gallery that cannot be read
pub fn faces_of(gallery: &Gallery, person: PersonId) -> Result<Vec<(ItemRow, Label)>> {
    let labels: HashMap<ItemId, Label> = gallery
        .catalogue()
        .assignments()?
        .into_iter()
        .filter(|assignment| match assignment.label {
            Label::Person { person: of, .. } | Label::Suggested { person: of, .. } => of == person,
            Label::NotAFace | Label::Ignored => false,
        })
        .map(|assignment| (assignment.item, assignment.label))
        .collect();
    let mut items: Vec<ItemId> = labels.keys().copied().collect();
    items.sort_unstable();
    let rows = gallery.catalogue().items_by_id(&items)?;
    let mut faces: Vec<(ItemRow, Label)> = rows
        .into_iter()
        .filter(|row| !row.path.is_empty())
        .map(|row| {
            let label = labels[&row.item.id];
            (row, label)
        })
        .collect();
    let rank = |label: &Label| match label {
        Label::Suggested { distance, .. } => (0, -distance),
        Label::Person { origin: Origin::Automatic, distance, .. } => (1, -distance.unwrap_or(0.0)),
        _ => (2, 0.0),
    };
    faces.sort_by(|a, b| {
        let (a_rank, b_rank) = (rank(&a.1), rank(&b.1));
        a_rank.0.cmp(&b_rank.0).then(a_rank.1.total_cmp(&b_rank.1)).then(a.0.item.id.cmp(&b.0.item.id))
    });
    Ok(faces)
}
