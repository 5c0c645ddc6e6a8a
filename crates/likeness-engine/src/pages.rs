//! Large buffers in large pages: room for values enters, the same room with advice to the system leaves.
//!
//! Weights of a hundred megabytes are twenty-five thousand pages of the usual size, and handing out each of them costs as
//! much as computing on it. Linux hands out pages of 2 MiB to those who ask.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Smaller buffers hold no large page.
#[cfg(target_os = "linux")]
const LEAST_BYTES: usize = 4 << 20;

/// A vector with room for `capacity` values, in large pages where there are some.
pub(crate) fn with_capacity<T>(capacity: usize) -> Vec<T> {
    let vector = Vec::<T>::with_capacity(capacity);
    #[cfg(target_os = "linux")]
    advise(vector.as_ptr().addr(), capacity * size_of::<T>());
    vector
}

/// So many zeros, in large pages where there are some.
pub(crate) fn zeroed(length: usize) -> Vec<u8> {
    // Zeros come from the system, which hands the pages out as they are written to.
    let zeros = vec![0; length];
    #[cfg(target_os = "linux")]
    advise(zeros.as_ptr().addr(), length);
    zeros
}

/// A buffer of a [`Arena`] takes at least so many bytes; what is not used of it costs no memory.
const ARENA_BYTES: usize = 16 << 20;

/// Memory that values of many owners are laid into, one after the other, as buffers of their own would be too small for
/// large pages.
#[derive(Debug)]
pub(crate) struct Arena<T> {
    buffers: Vec<Vec<T>>,
}

/// Where in a [`Arena`] an owner's values lie.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    buffer: usize,
    range: Range<usize>,
}

/// The memory of a [`Arena`] to which nothing more goes.
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
    /// Has `fill` append `length` values.
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

    /// Ends it.
    pub(crate) fn close(self) -> ClosedArena<T> {
        ClosedArena(self.buffers.into_iter().map(Arc::new).collect())
    }
}

impl<T> ClosedArena<T> {
    /// The values at `place`.
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
    fn there_is_room_for_what_was_asked() {
        for capacity in [0, 1, 1000, 3 << 20] {
            let mut vector = super::with_capacity::<u64>(capacity);
            assert!(vector.capacity() >= capacity);
            vector.resize(capacity, 7);
            assert!(vector.iter().all(|v| *v == 7));
            assert!(super::zeroed(capacity).iter().all(|v| *v == 0));
        }
    }
}
