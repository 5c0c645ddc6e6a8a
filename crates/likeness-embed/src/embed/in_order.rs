//! Results of workers, handed on in the order of their turns; a worker that is too far ahead waits.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::Result;

/// Turns that a worker may be ahead of the slowest.
const AHEAD: usize = 64;
/// A worker that waits looks so often whether it is to stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// The place where workers leave what they have made.
pub(super) struct InOrder<T, F> {
    state: Mutex<State<T, F>>,
    moved: Condvar,
}

struct State<T, F> {
    /// The first turn that was not handed on.
    next: usize,
    waiting: BTreeMap<usize, T>,
    receive: F,
    /// Why nothing more is handed on.
    ended: Option<Result<()>>,
}

impl<T, F: FnMut(T) -> Result<()>> InOrder<T, F> {
    /// Hands on to `receive`; the first error of a worker or of `receive` ends the work.
    pub(super) fn new(receive: F) -> Self {
        let state = State { next: 0, waiting: BTreeMap::new(), receive, ended: None };
        Self { state: Mutex::new(state), moved: Condvar::new() }
    }

    /// Waits until `turn` is near enough; whether it should be begun at all.
    ///
    /// The worker of the first turn that is missing never waits, so that somebody always works.
    pub(super) fn may_begin(&self, turn: usize, stop: &AtomicBool) -> bool {
        let mut state = self.lock();
        while state.ended.is_none() && turn > state.next + AHEAD && !stop.load(Ordering::Relaxed) {
            let waited = self.moved.wait_timeout(state, PATIENCE);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ended.is_none() && !stop.load(Ordering::Relaxed)
    }

    /// Takes what `turn` gave, and hands on whatever is next by now.
    pub(super) fn deliver(&self, turn: usize, result: Result<T>) {
        let mut state = self.lock();
        match result {
            Ok(made) => drop(state.waiting.insert(turn, made)),
            Err(error) => drop(state.ended.get_or_insert(Err(error))),
        }
        while state.ended.is_none() {
            let next = state.next;
            let Some(made) = state.waiting.remove(&next) else { break };
            match (state.receive)(made) {
                Ok(()) => state.next += 1,
                Err(error) => state.ended = Some(Err(error)),
            }
        }
        self.moved.notify_all();
    }

    /// How many turns were handed on, one after another from the first.
    ///
    /// # Errors        the first error
    pub(super) fn finish(self) -> Result<usize> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        state.ended.unwrap_or(Ok(())).map(|()| state.next)
    }

    /// Lets the others go when the worker that holds this panics, as its turn will never come.
    pub(super) fn released_on_panic(&self) -> impl Drop + '_ {
        Release(self)
    }

    fn lock(&self) -> MutexGuard<'_, State<T, F>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Release<'a, T, F: FnMut(T) -> Result<()>>(&'a InOrder<T, F>);

impl<T, F: FnMut(T) -> Result<()>> Drop for Release<'_, T, F> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().ended.get_or_insert(Ok(()));
            self.0.moved.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::EmbedError;

    fn fault() -> EmbedError {
        EmbedError::BadArgument { reason: "no".into(), hint: None }
    }

    #[test]
    fn whatever_the_order_of_delivery_turns_are_handed_on_in_theirs() {
        let mut seen = Vec::new();
        let in_order = InOrder::new(|turn| {
            seen.push(turn);
            Ok(())
        });
        for turn in [2, 0, 3, 1, 5] {
            in_order.deliver(turn, Ok(turn));
        }
        assert_eq!(in_order.finish().unwrap(), 4);
        assert_eq!(seen, [0, 1, 2, 3]);
    }

    #[test]
    fn an_error_of_a_worker_or_of_the_receiver_ends_the_work() {
        let stop = AtomicBool::new(false);
        let in_order = InOrder::new(|_: usize| Ok(()));
        assert!(in_order.may_begin(0, &stop));
        in_order.deliver(0, Err(fault()));
        assert!(!in_order.may_begin(1, &stop));
        assert!(in_order.finish().is_err());

        let in_order = InOrder::new(|turn| if turn == 1 { Err(fault()) } else { Ok(()) });
        (0..3).for_each(|turn| in_order.deliver(turn, Ok(turn)));
        assert!(in_order.finish().is_err());
    }

    #[test]
    fn one_far_ahead_waits_for_the_slowest() {
        let stop = AtomicBool::new(false);
        let in_order = InOrder::new(|_: usize| Ok(()));
        let begun = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert!(in_order.may_begin(AHEAD + 1, &stop));
                begun.store(true, Ordering::SeqCst);
            });
            std::thread::sleep(PATIENCE * 2);
            assert!(!begun.load(Ordering::SeqCst));
            in_order.deliver(0, Ok(0));
        });
        assert!(begun.load(Ordering::SeqCst));
    }

    #[test]
    fn a_worker_that_panics_or_a_stop_lets_the_others_go() {
        let stop = AtomicBool::new(false);
        let in_order = InOrder::new(|_: usize| Ok(()));
        std::thread::scope(|scope| {
            let panicking = scope.spawn(|| {
                let _released = in_order.released_on_panic();
                std::panic::resume_unwind(Box::new("by the test"));
            });
            assert!(panicking.join().is_err());
            assert!(!in_order.may_begin(AHEAD + 1, &stop));
        });
        let in_order = InOrder::new(|_: usize| Ok(()));
        stop.store(true, Ordering::Relaxed);
        assert!(!in_order.may_begin(AHEAD + 1, &stop));
    }
}
