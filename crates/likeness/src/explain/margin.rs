//! The margin of a query: how much nearer its identity is than any other.

use likeness_search::{Hit, Row};

/// The nearest picture of an identity in a ranking, and the nearest of another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Margin<'a> {
    /// The nearest picture of the identity; `None` if the ranking has none.
    pub own: Option<&'a Hit>,
    /// The nearest picture of another identity; `None` if the ranking has none.
    pub other: Option<&'a Hit>,
}

impl Margin<'_> {
    /// The distance of the nearest other identity less that of the identity: negative if another identity is nearer.
    pub fn value(&self) -> Option<f32> {
        Some(self.other?.distance - self.own?.distance)
    }
}

/// The margin of `identity` in `hits`, nearest first, which are rows of the gallery `rows`. Pictures without an identity are
/// left out.
///
/// # Examples
/// ```
/// use likeness::explain::margin;
/// use likeness_search::{GalleryId, Hit, Row};
///
/// let row = |name: &str| Row { identity: Some(name.into()), ..Row::new(name) };
/// let hit = |at: u32, distance| Hit { gallery_id: GalleryId::new(at), distance, rank: at + 1 };
/// let (rows, hits) = ([row("Ben"), row("Anna"), row("Ben")], [hit(0, 0.25), hit(1, 0.5), hit(2, 0.75)]);
/// assert_eq!(margin("Ben", &hits, &rows).value(), Some(0.25));
/// assert_eq!(margin("Anna", &hits, &rows).value(), Some(-0.25));
/// assert_eq!(margin("Carla", &hits, &rows).value(), None);
/// ```
pub fn margin<'a>(identity: &str, hits: &'a [Hit], rows: &[Row]) -> Margin<'a> {
    let of = |hit: &Hit| rows[hit.gallery_id.index()].identity.as_deref();
    Margin {
        own: hits.iter().find(|hit| of(hit) == Some(identity)),
        other: hits.iter().find(|hit| of(hit).is_some_and(|found| found != identity)),
    }
}
