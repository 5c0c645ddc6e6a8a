//! Compares models on the same queries: differences with intervals and p-values.
