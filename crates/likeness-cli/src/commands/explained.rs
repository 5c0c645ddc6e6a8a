//! Explained matches as the contact sheet of `--explain` shows them.

use likeness::Result;
use likeness::explain::Explained;
use likeness_report::overlay::pairs::{Pair, Shown};

/// Most matches on a contact sheet of explanations.
pub(super) const EXPLAINED: usize = 5;

/// A pair with the `names` of query and hit, their distance and verdict, and the nearest other identity.
pub(super) fn pair_of(
    [query, hit]: [String; 2],
    explained: &Result<Explained>,
    (distance, verdict): (f32, Option<&'static str>),
    other: Option<(Shown, f32)>,
) -> Pair {
    let [of_query, of_hit] = match explained {
        Ok(explained) => explained.overlays().map(Ok),
        Err(error) => [Err(error.to_string()), Err(error.to_string())],
    };
    Pair {
        query: Shown { name: query, picture: of_query },
        hit: Shown { name: hit, picture: of_hit },
        distance,
        verdict,
        other,
    }
}
