//! Verification: whether two images show the same identity, measured on all pairs.
