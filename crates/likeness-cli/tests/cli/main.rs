//! The program as its users meet it: exit code, stdout and stderr, with good input, bad input and bad luck.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod adapted;
mod bench;
mod cached;
mod config;
mod detectors;
mod engines;
mod files;
mod find;
mod interrupted;
mod matching;
mod models;
mod networks;
mod numbers;
mod outputs;
mod pictures;
mod printed;
mod quantized;
mod results;
mod runs;
mod shared;
mod shared_folders;
mod signalled;
mod submitted;
mod training;
mod words;
