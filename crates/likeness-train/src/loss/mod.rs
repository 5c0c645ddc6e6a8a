//! Losses over a batch of embeddings, one file each.
