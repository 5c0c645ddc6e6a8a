//! An ordered worker pool: numbered jobs are computed on several threads, and the caller receives the results in the
//! order of the jobs.
//!
//! A worker takes the next job when it has finished one. It waits while too many jobs are under way, so that memory does
//! not depend on the number of jobs or on how much longer one takes than the others. The worker of the first job that has
//! not been received never waits, so that the pool cannot block itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a waiting worker looks at the stop flag.
const STOP_CHECK: Duration = Duration::from_millis(100);

/// The settings of an ordered worker pool.
#[derive(Debug, Clone, Copy)]
pub struct OrderedPool<'a> {
    /// Worker threads; at least one is started, and no more than there are jobs.
    pub threads: usize,
    /// Most jobs that are under way: begun, and their results not yet received. At least the number of threads counts.
    pub most_under_way: usize,
    /// Set from outside to stop: no job is begun any more, and the results of those that were are received.
    pub stop: &'a AtomicBool,
}

impl OrderedPool<'_> {
    /// Computes the jobs `0..jobs` and passes their results to `receive` in order; returns how many were received.
    ///
    /// Each worker calls `start` once and keeps the value for its own use in `work`. `receive` runs on the calling thread.
    /// Fewer jobs than `jobs` are received only if the pool was stopped.
    ///
    /// # Errors        the first error of `work` or of `receive`; nothing is received after it
    /// # Panics        if `start`, `work` or `receive` panics
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::AtomicBool;
    /// use likeness_data::ordered::OrderedPool;
    ///
    /// let stop = AtomicBool::new(false);
    /// let pool = OrderedPool { threads: 2, most_under_way: 8, stop: &stop };
    /// let mut squares = Vec::new();
    /// let received = pool.run(4, || (), |(), job| Ok::<_, String>(job * job), |_, square| {
    ///     squares.push(square);
    ///     Ok(())
    /// });
    /// assert_eq!((received, squares), (Ok(4), vec![0, 1, 4, 9]));
    /// ```
    pub fn run<S, T: Send, E: Send>(
        &self,
        jobs: usize,
        start: impl Fn() -> S + Sync,
        work: impl Fn(&mut S, usize) -> Result<T, E> + Sync,
        mut receive: impl FnMut(usize, T) -> Result<(), E>,
    ) -> Result<usize, E> {
        if jobs == 0 {
            return Ok(0);
        }
        let threads = self.threads.clamp(1, jobs);
        let shared = Shared {
            jobs,
            most_under_way: self.most_under_way.max(threads),
            stop: self.stop,
            state: Mutex::new(State::new(threads)),
            changed: Condvar::new(),
        };
        std::thread::scope(|scope| {
            // Workers end, too, if `receive` panics or a thread cannot be started.
            let _ended = EndOnPanic(&shared);
            for _ in 0..threads {
                scope.spawn(|| {
                    let _left = Leave(&shared);
                    let mut own = start();
                    while let Some(job) = shared.next_job() {
                        shared.deliver(job, work(&mut own, job));
                    }
                });
            }
            while let Some((job, result)) = shared.next_result() {
                shared.received(receive(job, result));
            }
        });
        let state = shared.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.error {
            Some(error) => Err(error),
            None => Ok(state.received),
        }
    }
}

/// What workers and receiver share.
struct Shared<'a, T, E> {
    jobs: usize,
    most_under_way: usize,
    stop: &'a AtomicBool,
    state: Mutex<State<T, E>>,
    /// Notified after every change of the state.
    changed: Condvar,
}

struct State<T, E> {
    begun: usize,
    received: usize,
    /// Results that wait for one of an earlier job.
    waiting: BTreeMap<usize, T>,
    /// Workers that have not ended.
    workers: usize,
    error: Option<E>,
    /// Set by an error or a panic: no job is begun and no result received any more.
    has_ended: bool,
}

impl<T, E> State<T, E> {
    fn new(workers: usize) -> Self {
        Self { begun: 0, received: 0, waiting: BTreeMap::new(), workers, error: None, has_ended: false }
    }

    /// Ends the work with `error`, unless it has ended.
    fn fail(&mut self, error: E) {
        if !self.has_ended {
            self.has_ended = true;
            self.error = Some(error);
        }
    }
}

impl<T, E> Shared<'_, T, E> {
    /// The job to begin next, once few enough are under way; `None` if there is none.
    fn next_job(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.has_ended || state.begun == self.jobs || self.stop.load(Ordering::Relaxed) {
                return None;
            }
            if state.begun - state.received < self.most_under_way {
                state.begun += 1;
                return Some(state.begun - 1);
            }
            let waited = self.changed.wait_timeout(state, STOP_CHECK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn deliver(&self, job: usize, result: Result<T, E>) {
        let mut state = self.lock();
        match result {
            Ok(made) => drop(state.waiting.insert(job, made)),
            Err(error) => state.fail(error),
        }
        self.changed.notify_all();
    }

    /// The next result in order, once it is there; `None` if it will not come.
    fn next_result(&self) -> Option<(usize, T)> {
        let mut state = self.lock();
        loop {
            let job = state.received;
            if state.has_ended {
                return None;
            }
            if let Some(made) = state.waiting.remove(&job) {
                return Some((job, made));
            }
            if state.workers == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn received(&self, outcome: Result<(), E>) {
        let mut state = self.lock();
        match outcome {
            Ok(()) => state.received += 1,
            Err(error) => state.fail(error),
        }
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes that a worker has ended; a panic of it ends the others, as its result will never come.
struct Leave<'a, 'b, T, E>(&'a Shared<'b, T, E>);

impl<T, E> Drop for Leave<'_, '_, T, E> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.workers -= 1;
        state.has_ended |= std::thread::panicking();
        self.0.changed.notify_all();
    }
}

/// Ends the workers if the calling thread panics.
struct EndOnPanic<'a, 'b, T, E>(&'a Shared<'b, T, E>);

impl<T, E> Drop for EndOnPanic<'_, '_, T, E> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().has_ended = true;
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::atomic::AtomicUsize;

    use proptest::prelude::*;

    use super::*;

    /// What happens to a job.
    #[derive(Debug, Clone, Copy)]
    enum Fate {
        Fine,
        WorkFails,
        ReceiveFails,
    }

    /// The reference implementation: one job after the other.
    fn in_a_loop(fates: &[Fate]) -> (Vec<usize>, Result<usize, usize>) {
        let mut received = Vec::new();
        for (job, fate) in fates.iter().enumerate() {
            match fate {
                Fate::Fine => received.push(3 * job),
                Fate::WorkFails | Fate::ReceiveFails => return (received, Err(job)),
            }
        }
        let count = received.len();
        (received, Ok(count))
    }

    fn in_the_pool(pool: OrderedPool<'_>, fates: &[Fate]) -> (Vec<usize>, Result<usize, usize>) {
        let (under_way, mut received) = (AtomicUsize::new(0), Vec::new());
        let most = pool.most_under_way.max(pool.threads.clamp(1, fates.len().max(1)));
        let work = |own: &mut usize, job: usize| {
            assert!(under_way.fetch_add(1, Ordering::SeqCst) < most, "too many jobs are under way");
            *own += 1;
            std::thread::sleep(Duration::from_micros((job as u64).wrapping_mul(2_654_435_761) % 300));
            if matches!(fates[job], Fate::WorkFails) { Err(job) } else { Ok(3 * job) }
        };
        let outcome = pool.run(
            fates.len(),
            || 0,
            work,
            |job, result| {
                assert_eq!(result, 3 * job);
                if matches!(fates[job], Fate::ReceiveFails) {
                    return Err(job);
                }
                received.push(result);
                under_way.fetch_sub(1, Ordering::SeqCst);
                Ok(())
            },
        );
        (received, outcome)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn results_are_those_of_a_loop(
            jobs in 0..40usize,
            failing in prop::option::of((0..40usize, any::<bool>())),
            threads in 0..6usize,
            most_under_way in 0..9usize,
        ) {
            let mut fates = vec![Fate::Fine; jobs];
            if let Some((at, in_work)) = failing && at < jobs {
                fates[at] = if in_work { Fate::WorkFails } else { Fate::ReceiveFails };
            }
            let stop = AtomicBool::new(false);
            let (expected, outcome) = in_a_loop(&fates);
            let found = in_the_pool(OrderedPool { threads, most_under_way, stop: &stop }, &fates);
            prop_assert_eq!(found.1, outcome);
            // An error of a worker ends the work at once, so that less may have been received.
            prop_assert!(expected.starts_with(&found.0), "{:?}", found.0);
            if !matches!(failing, Some((_, true))) {
                prop_assert_eq!(found.0, expected);
            }
        }
    }

    #[test]
    fn a_stop_leaves_what_was_begun_and_no_gap() {
        let stop = AtomicBool::new(false);
        let pool = OrderedPool { threads: 3, most_under_way: 5, stop: &stop };
        let (begun, mut received) = (AtomicUsize::new(0), Vec::new());
        let work = |(): &mut (), job: usize| {
            begun.fetch_add(1, Ordering::SeqCst);
            if job == 20 {
                stop.store(true, Ordering::Relaxed);
            }
            Ok::<_, ()>(job)
        };
        let count = pool.run(
            1000,
            || (),
            work,
            |job, _| {
                received.push(job);
                Ok(())
            },
        );
        assert_eq!(count, Ok(begun.load(Ordering::SeqCst)));
        assert_eq!(received, (0..received.len()).collect::<Vec<_>>());
        assert!((21..1000).contains(&received.len()), "{}", received.len());
        assert_eq!(pool.run(9, || (), work, |_, _| Ok(())), Ok(0), "stopped before it began");
    }

    #[test]
    fn a_stop_reaches_workers_that_wait() {
        let stop = AtomicBool::new(false);
        let pool = OrderedPool { threads: 2, most_under_way: 2, stop: &stop };
        // The first job ends only after the stop, while the other worker waits.
        let work = |(): &mut (), job: usize| {
            if job == 0 {
                std::thread::sleep(STOP_CHECK / 4);
                stop.store(true, Ordering::Relaxed);
                std::thread::sleep(STOP_CHECK * 2);
            }
            Ok::<_, ()>(())
        };
        assert_eq!(pool.run(100, || (), work, |_, ()| Ok(())), Ok(2));
    }

    #[test]
    fn a_panic_anywhere_reaches_the_caller() {
        let stop = AtomicBool::new(false);
        let pool = OrderedPool { threads: 2, most_under_way: 2, stop: &stop };
        for place in ["start", "work", "receive"] {
            let panics = |here: &str| {
                if here == place {
                    std::panic::resume_unwind(Box::new("by the test"));
                }
            };
            let work = |(): &mut (), job: usize| {
                if job == 5 {
                    panics("work");
                }
                Ok::<_, ()>(())
            };
            let receive = |job: usize, ()| {
                if job == 3 {
                    panics("receive");
                }
                Ok(())
            };
            let run = || pool.run(100, || panics("start"), work, receive);
            assert!(catch_unwind(AssertUnwindSafe(run)).is_err(), "{place}");
        }
    }
}
