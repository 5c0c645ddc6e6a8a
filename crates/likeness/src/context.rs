//! What an operation needs beside its options: someone who observes it, and a flag that stops it.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use likeness_data::photos::Skipped;

/// Receives what an operation reports while it works.
///
/// Operations never print. A program shows these reports as it likes; [`Silent`] drops them.
pub trait Observer: Sync {
    /// A message of one line.
    fn note(&self, line: &str);

    /// A heading and photos with the reasons why they are listed.
    fn list(&self, heading: &str, photos: &[Skipped]);

    /// A stage begins, such as `embed`; it ends with [`Stage::end`].
    fn stage(&self, name: &'static str, unit: Unit) -> Box<dyn Stage + '_>;
}

/// One stage of an operation.
pub trait Stage: Sync {
    /// `done` of `total` are finished. Threads may report out of order.
    fn show(&self, done: usize, total: usize);

    /// The stage has finished `count` items, which are called `what`.
    fn end(self: Box<Self>, count: usize, what: &str);
}

/// What a stage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Photos, queries and the like.
    Items,
    /// Bytes.
    Bytes,
}

/// Drops all reports.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {
    fn note(&self, _line: &str) {}

    fn list(&self, _heading: &str, _photos: &[Skipped]) {}

    fn stage(&self, _name: &'static str, _unit: Unit) -> Box<dyn Stage + '_> {
        Box::new(*self)
    }
}

impl Stage for Silent {
    fn show(&self, _done: usize, _total: usize) {}

    fn end(self: Box<Self>, _count: usize, _what: &str) {}
}

/// Who observes an operation, and the flag that stops it after the work in hand.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Receives reports.
    pub observer: &'a dyn Observer,
    /// Raised to stop the operation.
    pub stop: &'a AtomicBool,
}

impl<'a> Context<'a> {
    /// A context of these two.
    pub fn new(observer: &'a dyn Observer, stop: &'a AtomicBool) -> Self {
        Self { observer, stop }
    }

    /// Whether the operation is asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn note(&self, line: impl Display) {
        self.observer.note(&line.to_string());
    }

    /// Reports photos that could not be used.
    pub(crate) fn skipped(&self, photos: &[Skipped]) {
        if !photos.is_empty() {
            self.observer.list(&format!("skipped {}:", photos.len()), photos);
        }
    }

    pub(crate) fn stage(&self, name: &'static str) -> Box<dyn Stage + 'a> {
        self.observer.stage(name, Unit::Items)
    }
}
