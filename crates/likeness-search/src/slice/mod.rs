//! Metrics of slices: the queries that share a value of a column.
