//! Large buffers in huge pages, and an arena for many small buffers.
//!
//! A hundred megabytes of weights are twenty-five thousand pages of 4 KiB, and a page fault costs as much as computing on the
//! page. Linux provides pages of 2 MiB on request.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Huge pages are requested for buffers of at least this length.
#[cfg(target_os = "linux")]
const LEAST_BYTES: usize = 4 << 20;

/// A vector with capacity for `capacity` values, in huge pages if the system provides them.
pub(crate) fn with_capacity<T>(capacity: usize) -> Vec<T> {
    let vector = Vec::<T>::with_capacity(capacity);
    #[cfg(target_os = "linux")]
    advise(vector.as_ptr().addr(), capacity * size_of::<T>());
    vector
}

/// A vector of `length` zeros, in huge pages if the system provides them.
pub(crate) fn zeroed(length: usize) -> Vec<u8> {
    // Zeros come from the system, which hands the pages out as they are written to.
    let zeros = vec![0; length];
    #[cfg(target_os = "linux")]
    advise(zeros.as_ptr().addr(), length);
    zeros
}

/// Least length of a buffer of an [`Arena`] in bytes; the unused part of it costs no memory.
const ARENA_BYTES: usize = 16 << 20;

/// Memory for the values of many owners, whose own buffers would be too small for huge pages.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    buffers: Vec<Vec<T>>,
}

/// The range of an [`Arena`] that holds an owner's values.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    buffer: usize,
    range: Range<usize>,
}

/// The memory of an [`Arena`] to which no more values are added.
pub(crate) struct ClosedArena<T>(Vec<Arc<Vec<T>>>);

/// An owner's values.
#[derive(Debug, Clone)]
pub(crate) struct ArenaSlice<T> {
    buffer: Arc<Vec<T>>,
    range: Range<usize>,
}

impl<T> Default for Arena<T> {
    fn default() -> Self {
        Self { buffers: Vec::new() }
    }
}

impl<T> Arena<T> {
    /// Calls `fill`, which appends `length` values.
    pub(crate) fn fill(&mut self, length: usize, fill: impl FnOnce(&mut Vec<T>)) -> Span {
        if self.buffers.last().is_none_or(|buffer| buffer.capacity() - buffer.len() < length) {
            self.buffers.push(with_capacity(length.max(ARENA_BYTES / size_of::<T>())));
        }
        let at = self.buffers.len() - 1;
        let buffer = &mut self.buffers[at];
        let start = buffer.len();
        fill(buffer);
        Span { buffer: at, range: start..buffer.len() }
    }

    /// The memory, to be shared between the owners.
    pub(crate) fn close(self) -> ClosedArena<T> {
        ClosedArena(self.buffers.into_iter().map(Arc::new).collect())
    }
}

impl<T> ClosedArena<T> {
    /// The values in a range.
    pub(crate) fn at(&self, place: Span) -> ArenaSlice<T> {
        ArenaSlice { buffer: Arc::clone(&self.0[place.buffer]), range: place.range }
    }
}

impl<T> Deref for ArenaSlice<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.buffer[self.range.clone()]
    }
}

#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn advise(start: usize, bytes: usize) {
    const PAGE: usize = 4096;
    if bytes < LEAST_BYTES {
        return;
    }
    let (first, end) = (start.next_multiple_of(PAGE), (start + bytes) / PAGE * PAGE);
    // SAFETY: `MADV_HUGEPAGE` changes neither what the memory holds nor who may use it, only how large the pages are that
    // it lies in; so it may be given for any range. A refusal, where the kernel has no large pages, changes nothing.
    unsafe {
        libc::madvise(
            std::ptr::without_provenance_mut(first),
            end.saturating_sub(first),
            libc::MADV_HUGEPAGE,
        );
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn capacity_and_length_are_as_requested() {
        for capacity in [0, 1, 1000, 3 << 20] {
            let mut vector = super::with_capacity::<u64>(capacity);
            assert!(vector.capacity() >= capacity);
            vector.resize(capacity, 7);
            assert!(vector.iter().all(|v| *v == 7));
            assert!(super::zeroed(capacity).iter().all(|v| *v == 0));
        }
    }
}
