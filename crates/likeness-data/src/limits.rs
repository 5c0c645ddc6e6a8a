//! What a picture may cost: width, height, and memory, charged before it is taken.

use std::sync::{Condvar, Mutex, PoisonError};

/// The largest picture that is read, and the memory that all pictures read at one time may take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Widest picture, in pixels.
    pub max_width: u32,
    /// Tallest picture, in pixels.
    pub max_height: u32,
    /// Bytes for files and pixels in flight, over all threads.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    /// 65,535 pixels a side, the most that a JPEG can have, and 2 GiB: a JPEG of 200 megapixels fits, progressive and
    /// turned too. Photos of usual sizes take far less, and all threads share the memory.
    fn default() -> Self {
        Self { max_width: 65_535, max_height: 65_535, max_memory_bytes: 2 << 30 }
    }
}

/// The memory of [`Limits::max_memory_bytes`], shared by all threads: a thread that needs more than is left waits.
#[derive(Debug)]
pub struct MemoryBudget {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// A part of a [`MemoryBudget`]; dropping it gives it back.
#[derive(Debug)]
pub struct MemoryCharge<'a> {
    budget: &'a MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    /// A budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self { total, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// The whole budget in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Takes `bytes`, waiting until they are free; `None` when they exceed the whole budget.
    pub fn charge(&self, bytes: u64) -> Option<MemoryCharge<'_>> {
        if bytes > self.total {
            return None;
        }
        let used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let mut used = self
            .freed
            .wait_while(used, |used| *used + bytes > self.total)
            .unwrap_or_else(PoisonError::into_inner);
        *used += bytes;
        Some(MemoryCharge { budget: self, bytes })
    }
}

impl MemoryCharge<'_> {
    /// Raises the charge to `bytes` in all, waiting until they are free; `None` when they exceed the whole budget.
    ///
    /// The old charge is given back before the new one is taken: two threads that hold a part and wait for more would
    /// otherwise wait for each other. What the old charge stood for is uncounted for that moment.
    pub fn raise_to(self, bytes: u64) -> Option<Self> {
        let budget = self.budget;
        drop(self);
        budget.charge(bytes)
    }
}

impl Drop for MemoryCharge<'_> {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charges_come_back_and_never_exceed_the_budget() {
        let budget = MemoryBudget::new(100);
        assert!(budget.charge(101).is_none());
        let first = budget.charge(60).unwrap();
        assert!(first.raise_to(101).is_none());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let part = budget.charge(30).unwrap().raise_to(55).unwrap();
                        assert!(*budget.used.lock().unwrap() <= 100);
                        drop(part);
                    }
                });
            }
        });
        assert_eq!(*budget.used.lock().unwrap(), 0);
    }
}
