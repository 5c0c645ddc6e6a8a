//! Maps of embeddings with the wrong queries.

use crate::evaluation::data::{self, EmbeddingMap, Section};
use crate::evaluation::document::{Block, Cell, Column, Figure, Markup, Prose, Table};
use crate::evaluation::number;
use crate::evaluation::view::View;
use crate::evaluation::words::{counted, listed};
use crate::figure::{self, Map, Named, Wrong};

/// The most points of a map on the page.
const MOST: usize = 3000;

/// One map per model.
pub(super) fn blocks(view: &View) -> Vec<Block> {
    let heading = Block::Heading("Embedding map".into(), Prose::default());
    let maps: Vec<&EmbeddingMap> = view.report.maps.iter().filter(|map| !map.points.is_empty()).collect();
    let Some(first) = maps.first() else {
        let reason = "No map was computed.";
        return vec![heading, Block::Lead(view.absent(Section::Map, reason))];
    };
    let figures = maps.iter().map(|map| figure(view, map)).collect();
    let method = Prose::default().name(&first.method);
    let text = method.text(". Only neighbourhoods mean something; distances between groups do not.");
    vec![heading, Block::Figures(figures), Block::Note(text)]
}

fn figure(view: &View, map: &EmbeddingMap) -> Figure {
    let wrong = map.points.iter().filter(|point| point.wrong_hit.is_some()).count();
    let queries = counted(wrong, "wrong query", "wrong queries");
    let named: Vec<Prose> = map.named.iter().map(|named| Prose::default().name(&named.identity)).collect();
    let names = listed(named).plain();
    let most = match map.named.is_empty() {
        true => String::new(),
        false => format!(" Named: the {} with most errors.", view.words.many()),
    };
    let label = match names.is_empty() {
        true => format!("Map of embeddings with {queries}."),
        false => format!("Map of embeddings with {queries}; most errors: {names}."),
    };
    let each = if wrong == 1 { "with a line to its first hit" } else { "each with a line to its first hit" };
    Figure {
        title: view_title(view, map.model),
        reading: format!("{queries} (×), {each}.{most}").into(),
        drawing: Markup::trusted(figure::map(&drawing(map), &label)),
        numbers: (!map.named.is_empty()).then(|| numbers(view, map)),
    }
}

fn view_title(view: &View, model: usize) -> Prose {
    Prose::default().name(view.name(model))
}

/// All wrong queries and their hits, all images of named identities, and a sample of the others.
fn drawing(map: &EmbeddingMap) -> Map {
    let place = |point: &data::MapPoint| (point.x, point.y);
    let finite = |point: &&data::MapPoint| point.x.is_finite() && point.y.is_finite();
    let all = || map.points.iter().filter(finite);
    let wrong = all().filter_map(|point| {
        let hit = map.points.get(point.wrong_hit?).filter(finite).map(place);
        Some(Wrong { query: place(point), hit })
    });
    let wrong: Vec<Wrong> = wrong.take(MOST).collect();
    let named = map.named.iter().enumerate().map(|(index, named)| Named {
        name: named.identity.clone(),
        points: sample(all().filter(|point| point.named == Some(index)).map(place).collect(), MOST / 10),
    });
    let others: Vec<(f64, f64)> =
        all().filter(|point| point.wrong_hit.is_none() && point.named.is_none()).map(place).collect();
    let named: Vec<Named> = named.filter(|named| !named.points.is_empty()).collect();
    let taken = wrong.len() + named.iter().map(|named| named.points.len()).sum::<usize>();
    Map { points: sample(others, MOST.saturating_sub(taken)), wrong, named }
}

/// At most this many of the values, evenly chosen.
fn sample(values: Vec<(f64, f64)>, most: usize) -> Vec<(f64, f64)> {
    match values.len() <= most {
        true => values,
        false => (0..most).map(|index| values[index * values.len() / most]).collect(),
    }
}

fn numbers(view: &View, map: &EmbeddingMap) -> Table {
    let one = if view.words.one() == "person" { "Person" } else { "Object" };
    let columns =
        vec![Column::words(one), Column::number("Images on the map"), Column::number("Wrong queries")];
    let mut table = Table::new("Identities with most errors", columns);
    for (index, named) in map.named.iter().enumerate().take(Figure::MOST_NUMBERS) {
        let images = map.points.iter().filter(|point| point.named == Some(index)).count();
        let count = |number: usize| Cell::new(number::count(number as u64));
        table.row(vec![Cell::name(&named.identity), count(images), count(named.errors)]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::data::MapPoint;

    #[test]
    fn a_large_map_keeps_all_wrong_queries_and_samples_the_rest() {
        let wrong = |index: usize| index.is_multiple_of(100).then_some(1);
        let points = (0..20_000).map(|i| MapPoint { x: i as f64, y: 0.0, wrong_hit: wrong(i), named: None });
        let map = drawing(&EmbeddingMap { points: points.collect(), ..EmbeddingMap::default() });
        assert_eq!(map.wrong.len(), 200);
        assert_eq!(map.points.len() + map.wrong.len(), MOST);
    }

    #[test]
    fn a_hit_outside_of_the_map_draws_no_line() {
        let points = vec![MapPoint { wrong_hit: Some(9), ..MapPoint::default() }];
        let map = drawing(&EmbeddingMap { points, ..EmbeddingMap::default() });
        assert_eq!(map.wrong, vec![Wrong { query: (0.0, 0.0), hit: None }]);
    }
}
