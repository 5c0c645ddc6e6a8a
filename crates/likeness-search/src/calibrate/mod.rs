//! Calibration: thresholds at a given error rate, measured on labelled embeddings.
