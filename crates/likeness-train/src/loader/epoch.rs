//! The batches of one epoch, prepared by several threads and delivered in order.
//!
//! The unit of work is one face, so that all threads work on the next batch. A face is started only if its batch is within
//! a window after the current batch, which bounds the memory.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use likeness_data::augment::{augment, numbers};
use likeness_model::preprocess::Normalization;

use super::LoaderConfig;
use super::store::FaceStore;
use crate::Result;

/// A batch of faces, prepared for the network.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Normalised pixels, `[batch, 3, size, size]`, channels in the order red, green, blue.
    pub pixels: Vec<f32>,
    /// Identities of the faces, `[batch]`.
    pub labels: Vec<u32>,
    /// Indices of the faces, `[batch]`.
    pub faces: Vec<usize>,
    /// Width and height of a face, in pixels.
    pub size: u32,
}

impl Batch {
    /// The batch as a tensor on `device`.
    ///
    /// # Shapes        output: [batch, 3, size, size]
    pub fn images(&self, device: &Device) -> Tensor<4> {
        let side = self.size as usize;
        Tensor::from_data(TensorData::new(self.pixels.clone(), [self.labels.len(), 3, side, side]), device)
    }
}

/// The batches of an epoch, in order. Batches without a readable face are left out.
#[derive(Debug)]
pub struct Epoch {
    work: Arc<Work>,
    threads: Vec<JoinHandle<()>>,
    waited: Duration,
}

/// State shared by the threads.
#[derive(Debug)]
struct Work {
    faces: Arc<FaceStore>,
    config: LoaderConfig,
    /// The normalised value of each level, by channel.
    levels: Box<[[f32; 256]; 3]>,
    epoch: u64,
    /// Index of the face at every position of the epoch.
    order: Vec<usize>,
    /// Number of the batch at every position, counted from 0.
    batch_of: Vec<usize>,
    /// Positions of every batch.
    batches: Vec<std::ops::Range<usize>>,
    state: Mutex<State>,
    /// Notified when a batch is complete.
    complete: Condvar,
    /// Notified when the window moves, or when the epoch stops.
    room: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The next position to start.
    next: usize,
    /// The next batch to be delivered.
    wanted: usize,
    begun: BTreeMap<usize, Part>,
    stopped: bool,
}

/// A batch in preparation.
#[derive(Debug)]
struct Part {
    /// Number of faces that are not finished.
    left: usize,
    /// Pixels of the finished faces, by position; `None` for unreadable faces.
    faces: Vec<Option<Vec<f32>>>,
}

impl Epoch {
    pub(super) fn start(
        faces: Arc<FaceStore>,
        config: LoaderConfig,
        epoch: u64,
        batches: &[Vec<usize>],
    ) -> Result<Self> {
        let work = Arc::new(Work::new(faces, config, epoch, batches));
        let mut this = Self { work, threads: Vec::new(), waited: Duration::ZERO };
        for _ in 0..config.threads.min(this.work.order.len()) {
            let work = Arc::clone(&this.work);
            let run = std::thread::Builder::new().name("loader".to_owned()).spawn(move || work.run());
            match run {
                Ok(thread) => this.threads.push(thread),
                // Fewer threads than asked for are slower, but correct.
                Err(_) if !this.threads.is_empty() => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(this)
    }

    /// Seconds that [`next`](Iterator::next) waited for faces so far.
    pub fn waited_seconds(&self) -> f64 {
        self.waited.as_secs_f64()
    }
}

impl Iterator for Epoch {
    type Item = Batch;

    fn next(&mut self) -> Option<Batch> {
        loop {
            let start = Instant::now();
            let taken = self.work.take();
            self.waited += start.elapsed();
            let (batch, part) = taken?;
            let batch = self.work.assemble(batch, part);
            if !batch.labels.is_empty() {
                return Some(batch);
            }
        }
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        self.work.state().stopped = true;
        self.work.room.notify_all();
        for thread in self.threads.drain(..) {
            // `Work::run` catches panics; another one could not be reported here.
            let _ = thread.join();
        }
    }
}

impl Work {
    fn new(faces: Arc<FaceStore>, config: LoaderConfig, epoch: u64, batches: &[Vec<usize>]) -> Self {
        // A batch without faces is never delivered: no thread would ever complete it.
        let batches: Vec<&Vec<usize>> = batches.iter().filter(|b| !b.is_empty()).collect();
        let order: Vec<usize> = batches.iter().flat_map(|b| b.iter().copied()).collect();
        let batch_of = batches.iter().enumerate().flat_map(|(i, b)| vec![i; b.len()]).collect();
        let mut end = 0;
        let range = |b: &&Vec<usize>| {
            end += b.len();
            end - b.len()..end
        };
        let batches = batches.iter().map(range).collect();
        Self {
            faces,
            config,
            levels: levels(&config.normalization),
            epoch,
            order,
            batch_of,
            batches,
            state: Mutex::default(),
            complete: Condvar::new(),
            room: Condvar::new(),
        }
    }

    /// The loop of a thread, which runs until all faces are started.
    fn run(&self) {
        while let Some(place) = self.begin() {
            let face = self.order[place];
            let pixels = catch_unwind(AssertUnwindSafe(|| self.prepare(place)));
            let pixels = pixels.unwrap_or_else(|_| {
                self.faces.leave_out(face, "preparing it failed".to_owned());
                None
            });
            self.finish(place, pixels);
        }
    }

    /// Waits until the batch of the next position is within the window, and returns the position.
    fn begin(&self) -> Option<usize> {
        let mut state = self.state();
        loop {
            let place = state.next;
            if state.stopped || place == self.order.len() {
                return None;
            }
            let batch = self.batch_of[place];
            if batch < state.wanted + self.config.batches_ahead {
                state.next += 1;
                let count = self.batches[batch].len();
                let new = || Part { left: count, faces: vec![None; count] };
                state.begun.entry(batch).or_insert_with(new);
                return Some(place);
            }
            state = self.room.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn prepare(&self, place: usize) -> Option<Vec<f32>> {
        let face = self.order[place];
        let picture = self.faces.picture(face)?;
        let mut chance = numbers(self.config.seed, self.epoch, place as u64);
        match augment(&picture, self.config.size, &self.config.augment, &mut chance) {
            Ok(varied) => Some(normalized(varied.as_raw(), &self.levels)),
            Err(error) => {
                self.faces.leave_out(face, error.reason());
                None
            }
        }
    }

    fn finish(&self, place: usize, pixels: Option<Vec<f32>>) {
        let mut state = self.state();
        let batch = self.batch_of[place];
        let Some(part) = state.begun.get_mut(&batch) else { return };
        part.faces[place - self.batches[batch].start] = pixels;
        part.left -= 1;
        if part.left == 0 {
            self.complete.notify_all();
        }
    }

    /// Waits for the next batch; `None` after the last.
    fn take(&self) -> Option<(usize, Part)> {
        let mut state = self.state();
        let batch = state.wanted;
        if batch == self.batches.len() {
            return None;
        }
        while state.begun.get(&batch).is_none_or(|part| part.left > 0) {
            state = self.complete.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let part = state.begun.remove(&batch)?;
        state.wanted += 1;
        self.room.notify_all();
        Some((batch, part))
    }

    fn assemble(&self, batch: usize, part: Part) -> Batch {
        let size = self.config.size;
        let read = part.faces.iter().flatten().count();
        let mut pixels = Vec::with_capacity(read * 3 * (size as usize).pow(2));
        let (mut labels, mut faces) = (Vec::with_capacity(read), Vec::with_capacity(read));
        for (place, face_pixels) in self.batches[batch].clone().zip(part.faces) {
            let Some(face_pixels) = face_pixels else { continue };
            pixels.extend(face_pixels);
            labels.push(self.faces.label(self.order[place]));
            faces.push(self.order[place]);
        }
        Batch { pixels, labels, faces, size }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn levels(normalization: &Normalization) -> Box<[[f32; 256]; 3]> {
    let Normalization { mean, std } = normalization;
    Box::new([0, 1, 2].map(|c| std::array::from_fn(|level| (level as f32 - mean[c]) / std[c])))
}

/// Converts interleaved RGB bytes to a red, a green and a blue plane of normalised values.
fn normalized(bytes: &[u8], levels: &[[f32; 256]; 3]) -> Vec<f32> {
    let area = bytes.len() / 3;
    let mut planes = vec![0.0; 3 * area];
    for (c, (plane, levels)) in planes.chunks_exact_mut(area.max(1)).zip(levels).enumerate() {
        for (value, pixel) in plane.iter_mut().zip(bytes.chunks_exact(3)) {
            *value = levels[usize::from(pixel[c])];
        }
    }
    planes
}
