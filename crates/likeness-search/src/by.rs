//! Evaluation per group of images: within each group, and between each pair of groups.
//!
//! A group is the set of images with one value of a column, such as the domain. How well a network finds people within a
//! domain and how well between two domains are different questions. A metric over all images answers neither.

use serde::Serialize;

use crate::metric::proxy_a_distance;
use crate::protocol::evaluate_rows;
use crate::{EmbeddingTable, EvaluateConfig, Evaluation, Protocol, Result, SearchError};

/// The largest number of groups; a column with more values is unlikely to describe groups.
const MAX_GROUPS: usize = 50;

/// The evaluation with the images of one group as queries and those of another (or the same) group as gallery.
#[derive(Debug, Clone, Serialize)]
pub struct GroupEvaluation {
    /// The column value shared by all queries.
    pub queries_of: String,
    /// The column value shared by all gallery images.
    pub gallery_of: String,
    /// The metrics; `None` if no query has an image of its identity in the gallery.
    pub evaluation: Option<Evaluation>,
}

/// How well a linear classifier separates two groups.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupDistance {
    /// The column values of the two groups.
    pub groups: [String; 2],
    /// See [`proxy_a_distance`](crate::metric::proxy_a_distance); `None` if a group has too few images.
    pub proxy_a_distance: Option<f64>,
}

/// The evaluation of a table per group.
#[derive(Debug, Clone, Serialize)]
pub struct EvaluationBy {
    /// One evaluation for each ordered pair of groups, sorted by query group, then by gallery group.
    pub pairs: Vec<GroupEvaluation>,
    /// One distance for each unordered pair of different groups.
    pub distances: Vec<GroupDistance>,
}

/// One value of the column, with the rows that have it.
struct Group {
    name: String,
    rows: Vec<usize>,
}

/// Evaluates `table` within and between groups; `values` gives the group of each row.
///
/// # Conventions   within a group as [`evaluate`](crate::evaluate) under `protocol`; between groups all images of the one are
///   queries and all of the other the gallery; images without a value form the group "none"
/// # Errors        the number of values differs from the number of rows; more than 50 groups; no query in any group has a match
pub fn evaluate_by(
    table: &EmbeddingTable,
    values: &[Option<String>],
    protocol: Protocol,
    config: &EvaluateConfig,
) -> Result<EvaluationBy> {
    config.validate()?;
    let groups = groups(table, values)?;
    let mut pairs = Vec::new();
    for queries in &groups {
        for gallery in &groups {
            let evaluation = match evaluate_pair(table, queries, gallery, protocol, config) {
                Ok(evaluation) => Some(evaluation),
                Err(SearchError::BadArgument { .. }) => None,
                Err(error) => return Err(error),
            };
            let (queries_of, gallery_of) = (queries.name.clone(), gallery.name.clone());
            pairs.push(GroupEvaluation { queries_of, gallery_of, evaluation });
        }
    }
    if pairs.iter().all(|pair| pair.evaluation.is_none()) {
        let reason = "expected a group in which a query has an image of its identity, found none".to_owned();
        return Err(SearchError::BadArgument { reason });
    }
    let parts: Vec<EmbeddingTable> = groups.iter().map(|group| table.take(&group.rows)).collect();
    let mut distances = Vec::new();
    for (i, one) in parts.iter().enumerate() {
        for (j, other) in parts.iter().enumerate().skip(i + 1) {
            let groups = [groups[i].name.clone(), groups[j].name.clone()];
            distances
                .push(GroupDistance { groups, proxy_a_distance: proxy_a_distance(one, other, config.seed) });
        }
    }
    Ok(EvaluationBy { pairs, distances })
}

/// The groups sorted by name, each with its rows in ascending order.
fn groups(table: &EmbeddingTable, values: &[Option<String>]) -> Result<Vec<Group>> {
    let bad = |reason: String| Err(SearchError::BadArgument { reason });
    if values.len() != table.len() {
        let (expected, found) = (table.len(), values.len());
        return bad(format!("expected {expected} values, one for each image, found {found}"));
    }
    let name = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let mut names: Vec<String> = values.iter().map(name).collect();
    names.sort();
    names.dedup();
    if names.len() > MAX_GROUPS {
        let found = names.len();
        return bad(format!(
            "expected a column with at most {MAX_GROUPS} different values to group by, found {found}"
        ));
    }
    let rows = |group: &str| (0..table.len()).filter(|&row| name(&values[row]) == group).collect();
    Ok(names.into_iter().map(|name| Group { rows: rows(&name), name }).collect())
}

fn evaluate_pair(
    table: &EmbeddingTable,
    queries: &Group,
    gallery: &Group,
    protocol: Protocol,
    config: &EvaluateConfig,
) -> Result<Evaluation> {
    if queries.name != gallery.name {
        return evaluate_rows(table, (&queries.rows, &gallery.rows), None, config);
    }
    let (query_rows, gallery_rows) = protocol.rows(table);
    let of_group = |rows: Vec<usize>| -> Vec<usize> {
        rows.into_iter().filter(|row| queries.rows.binary_search(row).is_ok()).collect()
    };
    evaluate_rows(table, (&of_group(query_rows), &of_group(gallery_rows)), Some(protocol), config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distance, ModelTag, Role, Row, evaluate, evaluate_between};

    /// Three identities in two domains; the second domain is far from the first along the last axis.
    fn table() -> (EmbeddingTable, Vec<Option<String>>) {
        let (mut rows, mut values, mut domains) = (Vec::new(), Vec::new(), Vec::new());
        for (d, domain) in ["drawn", "photo"].into_iter().enumerate() {
            for identity in 0..3 {
                for image in 0..4 {
                    rows.push(Row {
                        identity: Some(identity.to_string()),
                        ..Row::new(format!("{domain}{identity}{image}"))
                    });
                    values.extend([identity as f32, 0.1 * image as f32, 40.0 * d as f32]);
                    domains.push(Some(domain.to_owned()));
                }
            }
        }
        let model = ModelTag::new("toy", "", 3, Distance::Euclidean);
        (EmbeddingTable::new(model, rows, values).unwrap(), domains)
    }

    fn config() -> EvaluateConfig {
        EvaluateConfig { distance: Distance::Euclidean, resamples: 0, ..EvaluateConfig::default() }
    }

    #[test]
    fn each_pair_of_groups_is_the_evaluation_of_its_parts() {
        let (table, domains) = table();
        let by = evaluate_by(&table, &domains, Protocol::LeaveOneOut, &config()).unwrap();
        let names: Vec<_> = by.pairs.iter().map(|p| (p.queries_of.as_str(), p.gallery_of.as_str())).collect();
        assert_eq!(names, [("drawn", "drawn"), ("drawn", "photo"), ("photo", "drawn"), ("photo", "photo")]);
        let drawn = table.select(|row| row.name.starts_with("drawn"));
        let photo = table.select(|row| row.name.starts_with("photo"));
        let within = evaluate(&drawn, Protocol::LeaveOneOut, &config()).unwrap();
        let across = evaluate_between(&drawn, &photo, &config()).unwrap();
        assert_eq!(by.pairs[0].evaluation.as_ref(), Some(&within));
        assert_eq!(by.pairs[1].evaluation.as_ref(), Some(&across));
        assert_eq!(by.distances.len(), 1);
        assert!(by.distances[0].proxy_a_distance.unwrap() > 1.9, "{:?}", by.distances);
    }

    #[test]
    fn a_group_without_a_match_has_no_evaluation() {
        let (table, mut domains) = table();
        // One image that is alone in its group.
        domains[0] = None;
        let by = evaluate_by(&table, &domains, Protocol::LeaveOneOut, &config()).unwrap();
        let of = |q: &str, g: &str| by.pairs.iter().find(|p| p.queries_of == q && p.gallery_of == g).unwrap();
        assert!(of("none", "none").evaluation.is_none());
        assert_eq!(of("none", "drawn").evaluation.as_ref().unwrap().queries, 1);
        let alone = by.distances.iter().find(|d| d.groups.contains(&"none".to_owned())).unwrap();
        assert_eq!(alone.proxy_a_distance, None);
    }

    #[test]
    fn roles_decide_within_a_group_and_not_between_two() {
        let (table, domains) = table();
        let mut rows = table.rows().to_vec();
        for (i, row) in rows.iter_mut().enumerate() {
            row.role = if i % 2 == 0 { Role::Query } else { Role::Gallery };
        }
        let table = EmbeddingTable::new(table.model().clone(), rows, table.embeddings().to_vec()).unwrap();
        let by = evaluate_by(&table, &domains, Protocol::QueryGallery, &config()).unwrap();
        let sizes: Vec<_> =
            by.pairs.iter().flat_map(|p| &p.evaluation).map(|e| (e.queries, e.gallery)).collect();
        assert_eq!(sizes, [(6, 6), (12, 12), (12, 12), (6, 6)]);
        let drawn = table.select(|row| row.name.starts_with("drawn"));
        let within = evaluate(&drawn, Protocol::QueryGallery, &config()).unwrap();
        assert_eq!(by.pairs[0].evaluation.as_ref(), Some(&within));
    }

    #[test]
    fn a_face_finds_no_other_face_of_its_photo_in_another_group() {
        let (table, domains) = table();
        let mut rows = table.rows().to_vec();
        // Row i + 12 is the second face of the photo of row i.
        for i in 0..12 {
            rows[i + 12] = Row { face: 1, ..rows[i].clone() };
        }
        let table = EmbeddingTable::new(table.model().clone(), rows, table.embeddings().to_vec()).unwrap();
        let by = evaluate_by(&table, &domains, Protocol::LeaveOneOut, &config()).unwrap();
        let between = by.pairs[1].evaluation.as_ref().unwrap();
        assert!(between.outcomes.iter().all(|outcome| outcome.relevant_ranks.len() == 3), "{between:?}");
    }

    #[test]
    fn columns_that_make_no_groups_are_refused() {
        let reason = |table: &EmbeddingTable, values: &[Option<String>]| {
            evaluate_by(table, values, Protocol::LeaveOneOut, &config()).unwrap_err().to_string()
        };
        assert!(reason(&table().0, &[]).contains("expected 24 values"));
        let rows: Vec<Row> = (0..60).map(|i| Row::new(i.to_string())).collect();
        let names: Vec<Option<String>> = rows.iter().map(|row| Some(row.name.clone())).collect();
        let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
        let table = EmbeddingTable::new(model, rows, vec![0.0; 60]).unwrap();
        assert!(reason(&table, &names).contains("found 60"));
        assert!(reason(&table, &vec![None; 60]).contains("found none"), "nobody has an identity");
        assert!(reason(&table.take(&[]), &[]).contains("found none"), "nobody is there");
        let endless = EvaluateConfig { resamples: u32::MAX, ..config() };
        let error = evaluate_by(&table, &vec![None; 60], Protocol::LeaveOneOut, &endless).unwrap_err();
        assert!(error.to_string().starts_with("resamples: expected"), "{error}");
    }
}
