//! Checks of labels: identities that the embeddings contradict.
