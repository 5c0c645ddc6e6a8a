//! How many faces a worker embeds at once: an embedder's cost and the free memory enter, a number leaves.
//!
//! The default is the number of faces that the embedder computes in one run, between 1 and [`MOST_BY_DEFAULT`], or
//! [`DEFAULT`] where the embedder does not state one. All workers' batches together take at most half of the free memory.

use std::sync::atomic::{AtomicUsize, Ordering};

use image::RgbImage;

use crate::{Cost, EmbedError, Embedder, Result};

/// Faces at once where the embedder states no number.
pub(super) const DEFAULT: usize = 8;
/// Most faces at once by default: a longer batch of a small network saves nothing that can be measured.
const MOST_BY_DEFAULT: usize = 32;
/// The free memory is divided by this; the workers' batches together take one part.
const SHARE_OF_MEMORY: usize = 2;

/// The number of faces that workers embed at once; it is halved when memory proves too small.
pub(super) struct Batch<'a> {
    faces: AtomicUsize,
    warn: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Batch<'a> {
    /// The number for `threads` workers: `requested`, else the default, halved until it fits into memory.
    pub(super) fn choose(
        embedder: &dyn Embedder,
        threads: usize,
        requested: Option<usize>,
        warn: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        let cost = embedder.cost();
        let wanted = requested.unwrap_or_else(|| default_faces(cost)).max(1);
        let free = free_bytes().map(|free| free / SHARE_OF_MEMORY / threads.max(1));
        let faces = fitting(cost, wanted, free);
        if faces < wanted {
            warn(&format!(
                "a batch of {wanted} faces on each of {threads} workers would take more than half of the free memory: batches \
                 of {faces}"
            ));
        }
        Self { faces: AtomicUsize::new(faces), warn }
    }

    /// The current number of faces at once.
    pub(super) fn faces(&self) -> usize {
        self.faces.load(Ordering::Relaxed)
    }

    /// The embeddings of `faces`, in smaller batches where a batch of that length fails for want of memory.
    ///
    /// # Errors        those of the embedder; too little memory for a single face
    pub(super) fn embed(&self, embedder: &dyn Embedder, faces: &[RgbImage]) -> Result<Vec<f32>> {
        match embedder.embed(faces) {
            Err(error) if faces.len() > 1 && error.may_fit_a_smaller_batch() => {
                let half = faces.len() / 2;
                if self.faces.fetch_min(half, Ordering::Relaxed) > half {
                    let found = faces.len();
                    (self.warn)(&match error {
                        EmbedError::OutOfMemory { .. } => {
                            format!("memory is too small for a batch of {found} faces: batches of {half}")
                        }
                        error => format!("a batch of {found} faces failed ({error}): batches of {half}"),
                    });
                }
                let mut values = Vec::new();
                for part in faces.chunks(half) {
                    values.append(&mut self.embed(embedder, part)?);
                }
                Ok(values)
            }
            result => result,
        }
    }
}

/// Faces at once where none were requested.
fn default_faces(cost: Cost) -> usize {
    cost.run_faces.map_or(DEFAULT, |faces| faces.clamp(1, MOST_BY_DEFAULT))
}

/// The largest number up to `wanted`, halved as often as needed, that takes at most `free` bytes; at least one.
fn fitting(cost: Cost, wanted: usize, free: Option<usize>) -> usize {
    let fits = |faces: usize| match (cost.bytes(faces), free) {
        (Some(bytes), Some(free)) => bytes <= free,
        (Some(bytes), None) => bytes < usize::MAX,
        (None, _) => true,
    };
    std::iter::successors(Some(wanted), |n| (*n > 1).then_some(n / 2)).find(|&n| fits(n)).unwrap_or(1)
}

/// The bytes that this process can still take, if the system tells (Linux, with the limit of its control group).
fn free_bytes() -> Option<usize> {
    let text = fs_err::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let machine = line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.saturating_mul(1024);
    let number = |name: &str| -> Option<usize> {
        fs_err::read_to_string(format!("/sys/fs/cgroup/{name}")).ok()?.trim().parse().ok()
    };
    let group =
        number("memory.max").zip(number("memory.current")).map(|(max, used)| max.saturating_sub(used));
    Some(group.map_or(machine, |group| group.min(machine)))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use likeness_engine::EngineError;
    use likeness_search::Distance;

    use super::*;
    use crate::EmbedderSpec;

    type MakeError = fn() -> EngineError;

    /// Embeds at most `most` faces at once, each as its first value.
    struct Limited {
        spec: EmbedderSpec,
        most: usize,
        cost: Cost,
        error: MakeError,
    }

    impl Limited {
        fn new(most: usize, cost: Cost) -> Self {
            let spec = EmbedderSpec {
                name: "limited".into(),
                fingerprint: String::new(),
                dimension: 1,
                input_size: (1, 1),
                distance: Distance::Cosine,
                alignment: None,
                licence: None,
                thresholds: Default::default(),
            };
            Self { spec, most, cost, error: || EngineError::OutOfMemory { reason: "too much".into() } }
        }
    }

    impl Embedder for Limited {
        fn spec(&self) -> &EmbedderSpec {
            &self.spec
        }

        fn cost(&self) -> Cost {
            self.cost
        }

        fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
            match faces.len() > self.most {
                true => Err(EmbedError::of_run("limited", (self.error)())),
                false => Ok(faces.iter().map(|face| f32::from(face.as_raw()[0])).collect()),
            }
        }
    }

    #[test]
    fn batches_that_fail_are_halved_and_warned_of_once() {
        let kinds: [(MakeError, &str); 2] = [
            (
                || EngineError::OutOfMemory { reason: "too much".into() },
                "memory is too small for a batch of 16 faces: batches of 8",
            ),
            (
                || EngineError::RunFailed { engine: "onnxruntime", reason: "bad_alloc".into() },
                "a batch of 16 faces failed (limited: bad_alloc): batches of 8",
            ),
        ];
        for (error, expected) in kinds {
            let warned = Mutex::new(Vec::new());
            let warn = |line: &str| warned.lock().unwrap().push(line.to_owned());
            let embedder = Limited { error, ..Limited::new(3, Cost::default()) };
            let batch = Batch::choose(&embedder, 2, Some(16), &warn);
            let faces: Vec<_> = (0..16).map(|v| RgbImage::from_pixel(1, 1, image::Rgb([v; 3]))).collect();
            let values: Vec<f32> = (0..16).map(|v| v as f32).collect();
            assert_eq!(batch.embed(&embedder, &faces).unwrap(), values);
            assert_eq!(batch.faces(), 2);
            assert_eq!(batch.embed(&embedder, &faces).unwrap(), values);
            let warned = warned.lock().unwrap();
            assert_eq!(warned.len(), 3, "{warned:?}");
            assert_eq!(warned[0], expected);
            let none = Limited { error, ..Limited::new(0, Cost::default()) };
            assert!(Batch::choose(&none, 1, None, &|_| {}).embed(&none, &faces[..1]).is_err());
        }
    }

    #[test]
    fn other_errors_are_not_tried_again() {
        let error = || EngineError::Internal { reason: "the direct engine panicked".into() };
        let embedder = Limited { error, ..Limited::new(1, Cost::default()) };
        let batch = Batch::choose(&embedder, 1, Some(2), &|_| panic!("nothing to warn of"));
        let faces = vec![RgbImage::new(1, 1); 2];
        assert!(batch.embed(&embedder, &faces).unwrap_err().to_string().contains("panicked"));
    }

    #[test]
    fn a_batch_fits_into_the_free_memory() {
        let cost = |run_faces, face_bytes| Cost { run_faces, face_bytes: Some(face_bytes) };
        let fits = |free: Option<usize>| fitting(cost(None, 100), 64, free);
        assert_eq!([6400, 6399, 10].map(|free| fits(Some(free))), [64, 32, 1]);
        assert_eq!(fits(None), 64);
        // An embedder that splits batches needs memory for one run only.
        let fits = |free| fitting(cost(Some(4), 100), 64, Some(free));
        assert_eq!([400, 399].map(fits), [64, 2]);
        // Unknown memory limits nothing; more than any machine has leaves one.
        assert_eq!(fitting(Cost::default(), 64, Some(1)), 64);
        let warned = Mutex::new(String::new());
        let warn = |line: &str| warned.lock().unwrap().push_str(line);
        let huge = Limited::new(usize::MAX, cost(None, usize::MAX / 4096));
        assert_eq!(Batch::choose(&huge, 1, Some(1024), &warn).faces(), 1);
        if free_bytes().is_some() {
            assert!(warned.lock().unwrap().contains("a batch of 1024 faces"), "{warned:?}");
        }
    }

    #[test]
    fn the_default_is_what_the_embedder_computes_in_one_run() {
        let default = |run_faces| default_faces(Cost { run_faces, face_bytes: None });
        assert_eq!([None, Some(0), Some(4), Some(256)].map(default), [8, 1, 4, 32]);
    }
}
