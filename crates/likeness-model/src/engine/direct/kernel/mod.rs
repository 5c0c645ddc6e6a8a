//! The inner loops, each written once over [`lanes::Wide`].

pub(crate) mod conv;
pub(crate) mod finish;
pub(crate) mod lanes;
pub(crate) mod pack;
pub(crate) mod plain;
pub(crate) mod pool;
pub(crate) mod reshape;
