//! Limits for a picture's width, height and memory, checked before memory is allocated.

use std::sync::{Condvar, Mutex, PoisonError};

/// The maximum size of a picture, and the maximum memory for all pictures that are read at the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Maximum width of a picture, in pixels.
    pub max_width: u32,
    /// Maximum height of a picture, in pixels.
    pub max_height: u32,
    /// Maximum bytes for the files and pixels that all threads hold at the same time.
    pub max_memory_bytes: u64,
}

impl Default for Limits {
    /// 65,535 pixels per side, the maximum of the JPEG format, and 2 GiB, enough for a progressive, rotated JPEG of 200
    /// megapixels. Usual photos need far less, and all threads share the memory.
    fn default() -> Self {
        Self { max_width: 65_535, max_height: 65_535, max_memory_bytes: 2 << 30 }
    }
}

/// A memory budget shared by all threads; a thread that needs more than is left waits.
#[derive(Debug)]
pub struct MemoryBudget {
    total: u64,
    used: Mutex<u64>,
    freed: Condvar,
}

/// A reserved part of a [`MemoryBudget`]; dropping it releases the part.
#[derive(Debug)]
pub struct MemoryCharge<'a> {
    budget: &'a MemoryBudget,
    bytes: u64,
}

impl MemoryBudget {
    /// Creates a budget of `total` bytes.
    pub fn new(total: u64) -> Self {
        Self { total, used: Mutex::new(0), freed: Condvar::new() }
    }

    /// The whole budget in bytes.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Reserves `bytes`, waiting until they are available; `None` if they exceed the whole budget.
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
    /// Raises the reservation to a total of `bytes`, waiting until they are available; `None` if they exceed the whole budget.
    ///
    /// The old reservation is released before the new one is made, so that two threads that both wait for more memory cannot
    /// block each other. For that moment the memory of the old reservation is not counted.
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
