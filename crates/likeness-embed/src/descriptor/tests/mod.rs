//! Descriptors against the references' values, against obvious slow twins, and on arbitrary pictures.

mod golden;
mod pictures;
mod properties;
mod twins;
