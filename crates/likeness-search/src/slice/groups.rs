//! Divides the queries by the values of a column.

use std::collections::HashMap;

use super::Column;
use super::column::{Present, Value};
use crate::{Result, SearchError};

/// Numbers with at most this many different values form one group for each value.
const FEW_VALUES: usize = 10;
/// The shares of queries at which numbers are divided by default.
const QUANTILES: [f64; 2] = [0.1, 0.9];

/// The queries with one value, or with values in one range.
pub(super) struct Group {
    pub(super) label: String,
    /// Indices of queries, ascending; never empty.
    pub(super) queries: Vec<usize>,
}

/// The groups of a column: by value for text, sorted by label; by range for numbers, ascending.
///
/// # Shapes        rows: \[queries\], the row of each query
pub(super) fn groups(column: &Column, rows: &[usize]) -> Result<Vec<Group>> {
    if let Some(cuts) = &column.cuts {
        check_cuts(column, cuts)?;
    }
    let Some(numbers) = column.numbers() else {
        return Ok(by_value(column, rows));
    };
    let numbers: Vec<(usize, f64)> =
        rows.iter().enumerate().filter_map(|(query, &row)| Some((query, numbers[row]?))).collect();
    let mut sorted: Vec<f64> = numbers.iter().map(|(_, number)| *number).collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let mut different = sorted.clone();
    different.dedup();
    Ok(match &column.cuts {
        Some(cuts) => by_range(&numbers, cuts),
        None if different.len() <= FEW_VALUES => by_number(&numbers, &different),
        None => {
            let at = |share: f64| sorted[(share * sorted.len() as f64) as usize];
            let mut cuts = QUANTILES.map(at).to_vec();
            cuts.dedup();
            by_range(&numbers, &cuts)
        }
    })
}

fn check_cuts(column: &Column, cuts: &[f64]) -> Result<()> {
    let is_ascending = cuts.windows(2).all(|pair| pair[0] < pair[1]);
    if is_ascending && cuts.iter().all(|cut| cut.is_finite()) {
        return Ok(());
    }
    let reason =
        format!("{}: expected finite numbers in ascending order as cuts, found {cuts:?}", column.name);
    Err(SearchError::BadArgument { reason })
}

fn by_value(column: &Column, rows: &[usize]) -> Vec<Group> {
    let mut queries: HashMap<String, Vec<usize>> = HashMap::new();
    for (query, &row) in rows.iter().enumerate() {
        let label = match column.values[row].as_ref().and_then(Value::present) {
            None => continue,
            Some(Present::Text(text)) => text.to_owned(),
            Some(Present::Number(number)) => number.to_string(),
        };
        queries.entry(label).or_default().push(query);
    }
    let mut groups: Vec<Group> =
        queries.into_iter().map(|(label, queries)| Group { label, queries }).collect();
    groups.sort_unstable_by(|a, b| a.label.cmp(&b.label));
    groups
}

fn by_number(numbers: &[(usize, f64)], different: &[f64]) -> Vec<Group> {
    let of = |&value: &f64| {
        let queries = numbers.iter().filter(|(_, number)| *number == value).map(|(query, _)| *query);
        Group { label: value.to_string(), queries: queries.collect() }
    };
    different.iter().map(of).collect()
}

/// Ranges from one cut up to, but without, the next.
fn by_range(numbers: &[(usize, f64)], cuts: &[f64]) -> Vec<Group> {
    let label = |range: usize| match (range.checked_sub(1).map(|low| short(cuts[low])), cuts.get(range)) {
        (None, None) => "all".to_owned(),
        (None, Some(&high)) => format!("below {}", short(high)),
        (Some(low), None) => format!("{low} or more"),
        (Some(low), Some(&high)) => format!("{low} to below {}", short(high)),
    };
    let mut groups: Vec<Group> =
        (0..=cuts.len()).map(|range| Group { label: label(range), queries: Vec::new() }).collect();
    for &(query, number) in numbers {
        groups[cuts.partition_point(|&cut| cut <= number)].queries.push(query);
    }
    groups.retain(|group| !group.queries.is_empty());
    groups
}

/// A number with at most four digits after the point.
fn short(number: f64) -> String {
    ((number * 1e4).round() / 1e4).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(column: &Column) -> Vec<(String, usize)> {
        let rows: Vec<usize> = (0..column.values.len()).collect();
        let groups = groups(column, &rows).unwrap();
        groups.into_iter().map(|group| (group.label, group.queries.len())).collect()
    }

    #[test]
    fn numbers_are_divided_into_the_lowest_and_highest_tenth_and_the_rest() {
        let column = Column::of_numbers("width", (0..200).map(|i| Some(f64::from(i))));
        let expected = [("below 20", 20), ("20 to below 180", 160), ("180 or more", 20)];
        assert_eq!(labels(&column), expected.map(|(label, count)| (label.to_owned(), count)));
        let text: Vec<String> = (0..200).map(|i| format!(" {i} ")).collect();
        let as_text = Column::of_text("width", text.iter().map(|text| Some(text.as_str())));
        assert_eq!(labels(&as_text), labels(&column));
    }

    #[test]
    fn given_cuts_begin_ranges() {
        let mut column = Column::of_numbers("age", [3.0, 18.0, 17.9, 64.0, 65.0].map(Some));
        column.cuts = Some(vec![18.0, 65.0]);
        let expected = [("below 18", 2), ("18 to below 65", 2), ("65 or more", 1)];
        assert_eq!(labels(&column), expected.map(|(label, count)| (label.to_owned(), count)));
        column.cuts = Some(vec![65.0, 18.0]);
        let error = groups(&column, &[]).err().unwrap().to_string();
        assert_eq!(error, "age: expected finite numbers in ascending order as cuts, found [65.0, 18.0]");
    }

    #[test]
    fn few_numbers_ties_and_absent_values() {
        let few = Column::of_numbers("faces", [Some(2.0), None, Some(1.0), Some(2.0), Some(f64::NAN)]);
        assert_eq!(labels(&few), [("1".to_owned(), 1), ("2".to_owned(), 2)]);
        // More than nine tenths have one value: both quantiles are equal.
        let tied =
            Column::of_numbers("blur", (0..400).map(|i| Some(if i < 20 { f64::from(i) } else { 7.0 })));
        assert_eq!(labels(&tied).iter().map(|(_, count)| count).sum::<usize>(), 400);
        let empty = Column::of_text("empty", [None, Some("  "), None]);
        assert!(labels(&empty).is_empty());
        let mixed = Column::of_text("mixed", [Some("b"), Some("7"), Some("b "), Some("b")]);
        assert_eq!(labels(&mixed), [("7".to_owned(), 1), ("b".to_owned(), 3)]);
    }
}
