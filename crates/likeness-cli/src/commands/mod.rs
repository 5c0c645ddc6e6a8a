//! The commands, one file each.

pub(crate) mod adapt;
pub(crate) mod calibrate;
pub(crate) mod compare;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod detect;
pub(crate) mod embed;
pub(crate) mod evaluate;
mod explained;
pub(crate) mod find;
pub(crate) mod gallery;
pub(crate) mod identify;
pub(crate) mod inspect;
pub(crate) mod match_;
pub(crate) mod models;
pub(crate) mod people;
pub(crate) mod prepare;
pub(crate) mod report;
pub(crate) mod search;
#[cfg(feature = "train")]
pub(crate) mod train;

pub(crate) use crate::print::{print_json, print_text};
