//! The context of an operation: an observer of its progress, and a flag that stops it.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};

use likeness_data::photos::Skipped;

/// Receives the messages and the progress of an operation.
///
/// Operations never print. A program shows the reports as it likes; [`Silent`] discards them.
pub trait Observer: Sync {
    /// Reports a message of one line.
    fn note(&self, line: &str);

    /// Reports a list of photos under a heading, each with the reason why it is listed.
    fn list(&self, heading: &str, photos: &[Skipped]);

    /// Begins a stage, such as `embed`. The stage ends with [`Stage::end`].
    fn stage(&self, name: &'static str, unit: Unit) -> Box<dyn Stage + '_>;
}

/// One stage of an operation.
pub trait Stage: Sync {
    /// Reports that `done` of `total` items are finished. Threads may report out of order.
    fn show(&self, done: usize, total: usize);

    /// Ends the stage after `count` items. `what` is the plural noun for them, such as `photos`.
    fn end(self: Box<Self>, count: usize, what: &str);
}

/// The unit in which a stage counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Items, such as photos or queries.
    Items,
    /// Bytes.
    Bytes,
}

/// An observer that discards all reports.
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

/// The observer of an operation, and the flag that stops it.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Observer that receives the reports.
    pub observer: &'a dyn Observer,
    /// Flag that stops the operation when it is set. Work in progress is finished first.
    pub stop: &'a AtomicBool,
}

impl<'a> Context<'a> {
    /// Creates a context from an observer and a stop flag.
    pub fn new(observer: &'a dyn Observer, stop: &'a AtomicBool) -> Self {
        Self { observer, stop }
    }

    /// Whether the stop flag is set.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn note(&self, line: impl Display) {
        self.observer.note(&line.to_string());
    }

    /// Reports photos that were skipped, if there are any.
    pub(crate) fn skipped(&self, photos: &[Skipped]) {
        if !photos.is_empty() {
            self.observer.list(&format!("skipped {}:", photos.len()), photos);
        }
    }

    pub(crate) fn stage(&self, name: &'static str) -> Box<dyn Stage + 'a> {
        self.observer.stage(name, Unit::Items)
    }
}
