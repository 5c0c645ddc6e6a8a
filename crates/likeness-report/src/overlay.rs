//! Overlays that show which regions of two pictures make them match.
