//! Choices of pairs and triplets within a batch, one file each.
