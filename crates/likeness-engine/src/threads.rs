//! Where rten and ONNX Runtime compute: one thread for each call, and panics become errors.

use std::sync::{Arc, Mutex, PoisonError};

use rten::{RunOptions, ThreadPool};

use crate::{EngineError, Result};

/// Runs graphs so that every call has one thread to itself.
///
/// rten computes on a rayon pool. A call that entered another pool from a worker of rayon would make that worker take
/// up further calls while it waits, so the call is made from a thread of its own; and each pool serves one call at a
/// time, so there are as many as there were calls at once.
#[derive(Default)]
pub(crate) struct SingleThreads {
    idle: Mutex<Vec<Arc<ThreadPool>>>,
}

impl SingleThreads {
    /// The result of `work`, given the options that keep it on one thread.
    ///
    /// # Errors        those of `work`; a panic of the engine → [`EngineError::Internal`]
    pub(crate) fn run<R: Send>(&self, work: impl FnOnce(RunOptions) -> Result<R> + Send) -> Result<R> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = idle().pop().unwrap_or_else(|| Arc::new(ThreadPool::with_num_threads(1)));
        let options = RunOptions::default().with_thread_pool(Some(pool.clone()));
        let result = caught(|| work(options));
        idle().push(pool);
        result
    }
}

/// Stack of a thread that an engine runs on. rten plans a graph recursively, with a frame for each operator of a chain, and
/// [`MAX_NODES`](super::bounds::MAX_NODES) of them have to fit; memory is taken as it is touched.
const STACK_BYTES: usize = 64 << 20;

/// The result of `work` on a thread of its own.
///
/// # Errors        those of `work`; a panic of the engine → [`EngineError::Internal`]; no thread can be started
pub(crate) fn caught<R: Send>(work: impl FnOnce() -> Result<R> + Send) -> Result<R> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let panicked = || EngineError::Internal { reason: "the inference engine panicked".into() };
        thread?.join().unwrap_or_else(|_| Err(panicked()))
    })
}
