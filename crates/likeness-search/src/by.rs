//! Evaluation apart by what is known of the images: within each group, and from each group into every other.
//!
//! A group is all images with one value of a column, such as the domain. What a network finds within a domain, and
//! across domains, are different questions, and one number over all hides both.

use serde::Serialize;

use crate::metric::proxy_a_distance;
use crate::{
    EmbeddingTable, EvaluateConfig, Evaluation, Protocol, Result, SearchError, evaluate, evaluate_between,
};

/// Groups beyond this number are no column to tell apart by.
const MAX_GROUPS: usize = 50;

/// What queries of one group find in the images of another, or of their own.
#[derive(Debug, Clone, Serialize)]
pub struct GroupEvaluation {
    /// The queries' value of the column.
    pub queries_of: String,
    /// The gallery's.
    pub gallery_of: String,
    /// What was found; `None` where no query has an image of its identity there.
    pub evaluation: Option<Evaluation>,
}

/// How far apart two groups are for a linear classifier.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupDistance {
    /// Both values of the column.
    pub groups: [String; 2],
    /// See [`proxy_a_distance`](crate::metric::proxy_a_distance); `None` where a group has too few images.
    pub proxy_a_distance: Option<f64>,
}

/// A table evaluated apart.
#[derive(Debug, Clone, Serialize)]
pub struct EvaluationBy {
    /// One for each pair of groups, queries' group by queries' group, in order of name.
    pub pairs: Vec<GroupEvaluation>,
    /// One for each two different groups.
    pub distances: Vec<GroupDistance>,
}

/// Evaluates `table` within and across the groups that `values`, one for each row, put its images into.
///
/// # Conventions   within a group as [`evaluate`] under `protocol`; across groups all images of the one are queries and
///   all of the other the gallery; images without a value are the group "none"
/// # Errors        another number of values than rows, more than 50 groups; no group with a query that has a match
pub fn evaluate_by(
    table: &EmbeddingTable,
    values: &[Option<String>],
    protocol: Protocol,
    config: &EvaluateConfig,
) -> Result<EvaluationBy> {
    let bad = |reason: String| SearchError::BadArgument { reason };
    if values.len() != table.len() {
        return Err(bad(format!(
            "expected {} values, one for each image, found {}",
            table.len(),
            values.len()
        )));
    }
    let name = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    let mut groups: Vec<String> = values.iter().map(name).collect();
    groups.sort();
    groups.dedup();
    if groups.len() > MAX_GROUPS {
        return Err(bad(format!(
            "expected a column with at most {MAX_GROUPS} values to evaluate by, found {}",
            groups.len()
        )));
    }
    let part = |group: &String| {
        let rows: Vec<usize> = (0..table.len()).filter(|&i| name(&values[i]) == *group).collect();
        table.take(&rows)
    };
    let parts: Vec<EmbeddingTable> = groups.iter().map(part).collect();
    let mut pairs = Vec::new();
    for (queries_of, queries) in groups.iter().zip(&parts) {
        for (gallery_of, gallery) in groups.iter().zip(&parts) {
            let found = if queries_of == gallery_of {
                evaluate(queries, protocol, config)
            } else {
                evaluate_between(queries, gallery, config)
            };
            let evaluation = match found {
                Ok(evaluation) => Some(evaluation),
                Err(SearchError::BadArgument { .. }) => None,
                Err(error) => return Err(error),
            };
            let (queries_of, gallery_of) = (queries_of.clone(), gallery_of.clone());
            pairs.push(GroupEvaluation { queries_of, gallery_of, evaluation });
        }
    }
    if pairs.iter().all(|pair| pair.evaluation.is_none()) {
        return Err(bad(
            "expected a group in which a query has an image of its identity, found none".to_owned()
        ));
    }
    let mut distances = Vec::new();
    for (i, one) in parts.iter().enumerate() {
        for (j, other) in parts.iter().enumerate().skip(i + 1) {
            let groups = [groups[i].clone(), groups[j].clone()];
            distances
                .push(GroupDistance { groups, proxy_a_distance: proxy_a_distance(one, other, config.seed) });
        }
    }
    Ok(EvaluationBy { pairs, distances })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Distance, ModelTag, Row};

    /// Three identities in two domains, the second far from the first along the last axis.
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
    fn a_group_without_a_match_is_told_apart_from_one_with_none_right() {
        let (table, mut domains) = table();
        // One image alone in its group.
        domains[0] = None;
        let by = evaluate_by(&table, &domains, Protocol::LeaveOneOut, &config()).unwrap();
        let of = |q: &str, g: &str| by.pairs.iter().find(|p| p.queries_of == q && p.gallery_of == g).unwrap();
        assert!(of("none", "none").evaluation.is_none());
        assert_eq!(of("none", "drawn").evaluation.as_ref().unwrap().queries, 1);
        let alone = by.distances.iter().find(|d| d.groups.contains(&"none".to_owned())).unwrap();
        assert_eq!(alone.proxy_a_distance, None);
    }

    #[test]
    fn columns_that_tell_nothing_apart_are_refused() {
        let told = |table: &EmbeddingTable, values: &[Option<String>]| {
            evaluate_by(table, values, Protocol::LeaveOneOut, &config()).unwrap_err().to_string()
        };
        assert!(told(&table().0, &[]).contains("expected 24 values"));
        let rows: Vec<Row> = (0..60).map(|i| Row::new(i.to_string())).collect();
        let names: Vec<Option<String>> = rows.iter().map(|row| Some(row.name.clone())).collect();
        let model = ModelTag::new("toy", "", 1, Distance::Euclidean);
        let table = EmbeddingTable::new(model, rows, vec![0.0; 60]).unwrap();
        assert!(told(&table, &names).contains("found 60"));
        assert!(told(&table, &vec![None; 60]).contains("found none"), "nobody has an identity");
    }
}
