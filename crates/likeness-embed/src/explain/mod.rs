//! Explains a match: which regions of two pictures make a model place them near each other.
//!
//! [`explain`] hides one region of a picture after the other, embeds the results and measures how much the distance from the
//! other picture grows; then the same with the pictures exchanged. The result is an [`Evidence`] map for each picture.
//! [`faithfulness`] measures how well a map explains the distance, which is how the method was chosen.
//!
//! # Method
//! Occlusion with overlapping soft patches of several sizes ([`Occlusion`]). The growth of the distance that a patch causes
//! belongs to the pixels that it hides; the evidence at a pixel is the mean growth over all patches, weighted by how much they
//! hide the pixel. The model is a function only: networks, descriptors and external backends are all explained alike, without
//! gradients.
//!
//! # Choice of patches and fill
//! Deletion (smaller is better) and insertion (larger is better) of the built-in face model on four pairs of CelebA, means over both
//! pictures, measured with hidden pixels of the mean colour and with blurred ones (`examples/faithfulness.rs`):
//!
//! | patches | fill | embeddings | deletion, mean / blur | insertion, mean / blur |
//! |---|---|---|---|---|
//! | 0.14 | blur 0.15 | 514 | 0.307 / 0.243 | 0.816 / 0.825 |
//! | 0.20 | mean | 244 | 0.377 / 0.316 | 0.848 / 0.822 |
//! | 0.20 | blur 0.15 | 244 | 0.361 / 0.279 | 0.848 / 0.844 |
//! | 0.40 | blur 0.15 | 74 | 0.296 / 0.238 | 0.827 / 0.795 |
//! | 0.20 and 0.35 | mean | 342 | 0.321 / 0.273 | 0.849 / 0.821 |
//! | **0.20 and 0.35** | **blur 0.15** | 342 | 0.306 / 0.253 | 0.844 / 0.831 |
//! | 0.14, 0.25 and 0.45 | blur 0.15 | 748 | 0.310 / 0.236 | 0.846 / 0.828 |
//! | RISE, 200 random masks | blur 0.15 | 400 | 0.306 / 0.245 | 0.813 / 0.825 |
//! | RISE, 600 random masks | blur 0.15 | 1,200 | 0.266 / 0.206 | 0.829 / 0.840 |
//! | a map of noise | | | 0.686 / 0.703 | 0.671 / 0.687 |
//!
//! Small patches alone miss what is seen in several places, large ones alone are coarse. Blur is better than the mean colour, whose
//! patches are edges of their own. Two sizes are as good as three at half the cost, and insert better than as
//! many random masks. Three times as many random masks delete better.
//!
//! # References
//! - Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", 2014, section 4.2 (occlusion)
//! - Petsiuk, Das and Saenko, "RISE: Randomized Input Sampling for Explanation of Black-box Models", 2018: weighted means over
//!   masks, deletion and insertion
//! - Knoche et al., "Explainable Model-Agnostic Similarity and Confidence in Face Verification", 2023: occlusion for pairs of
//!   faces

mod evidence;
mod faithful;
mod fill;
mod occlusion;
mod patch;
mod vectors;

pub use evidence::Evidence;
pub use faithful::{Faithfulness, faithfulness};
pub use fill::Fill;
pub use occlusion::{ExplainRun, Explanation, Occlusion, explain};
