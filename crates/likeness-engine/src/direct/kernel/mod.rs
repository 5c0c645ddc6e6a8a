//! The inner loops, each written once over [`lanes::Wide`].

pub(crate) mod conv;
pub(crate) mod conv8;
pub(crate) mod dots;
pub(crate) mod finish;
pub(crate) mod image;
pub(crate) mod lanes;
pub(crate) mod pack;
pub(crate) mod pack8;
pub(crate) mod plain;
pub(crate) mod pool;
pub(crate) mod reshape;
pub(crate) mod target;
