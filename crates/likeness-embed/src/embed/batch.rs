//! How many faces a worker embeds at once: an embedder and the work ahead enter, a number leaves.
//!
//! Which number is fastest depends on network, engine and machine: weights that do not fit into the caches are read once
//! a batch, and feature maps of a large batch leave them. So a long run begins with a short measurement, on all workers
//! at once, as they will share caches and memory later. A batch never takes more than a share of the free memory.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use image::RgbImage;

use crate::{EmbedError, Embedder, Result};

/// Faces at once where nothing is measured.
pub(super) const USUAL: usize = 8;
/// What else is tried, the likeliest first.
const OTHERS: [usize; 4] = [16, 4, 32, 1];
/// Shorter runs are over before a measurement has paid.
const MEASURED_FROM_PHOTOS: usize = 2048;
/// Most of a run's expected time that measuring may take.
const MOST_OF_RUN: f64 = 0.02;
/// How much faster than the usual another number must be, as timings vary.
const CLEARLY: f64 = 1.04;
/// The free memory's share that all workers' batches may take.
const SHARE_OF_MEMORY: usize = 2;
/// Faces that are embedded to see what memory one takes, where the engine cannot say.
const PROBED: usize = 4;

/// The number of faces that workers embed at once, which falls when memory proves too small.
pub(super) struct Batch<'a> {
    faces: AtomicUsize,
    say: &'a (dyn Fn(&str) + Sync),
}

impl<'a> Batch<'a> {
    /// The number for `photos` on `threads` workers: `asked`, else measured where that pays, and what fits in memory.
    pub(super) fn choose(
        embedder: &dyn Embedder,
        (photos, threads): (usize, usize),
        asked: Option<usize>,
        say: &'a (dyn Fn(&str) + Sync),
    ) -> Self {
        let measures = asked.is_none() && photos >= MEASURED_FROM_PHOTOS && embedder.engine().is_some();
        let memory = Memory {
            free: free_bytes().map(|free| free / SHARE_OF_MEMORY / threads.max(1)),
            each: if asked.is_some() || measures { bytes_each(embedder) } else { None },
        };
        let wanted = asked.unwrap_or(USUAL).max(1);
        let fitting = memory.fitting(embedder, wanted);
        if fitting < wanted {
            say(&format!(
                "a batch of {wanted} faces on each of {threads} workers would take more than half of the free memory: batches \
                 of {fitting}"
            ));
        }
        let faces = match measures {
            true => measured(embedder, fitting, (photos, threads), &memory, say),
            false => fitting,
        };
        Self { faces: AtomicUsize::new(faces), say }
    }

    /// Faces at once, now.
    pub(super) fn faces(&self) -> usize {
        self.faces.load(Ordering::Relaxed)
    }

    /// The embeddings of `faces`, in smaller batches where memory is too small for one of that length.
    ///
    /// # Errors        those of the embedder; too little memory for a single face
    pub(super) fn embed(&self, embedder: &dyn Embedder, faces: &[RgbImage]) -> Result<Vec<f32>> {
        match embedder.embed(faces) {
            Err(error) if faces.len() > 1 && error.may_fit_a_smaller_batch() => {
                let half = faces.len() / 2;
                if self.faces.fetch_min(half, Ordering::Relaxed) > half {
                    let found = faces.len();
                    (self.say)(&match error {
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

/// What a worker's batch may take, and what a face takes.
#[derive(Debug)]
struct Memory {
    /// Bytes, where the system says.
    free: Option<usize>,
    /// Bytes of a face, where the engine cannot say and it was measured.
    each: Option<usize>,
}

impl Memory {
    /// The largest number up to `wanted`, halved as often as needed, that fits; at least one.
    fn fitting(&self, embedder: &dyn Embedder, wanted: usize) -> usize {
        let bytes = |faces: usize| {
            let faces = faces.min(embedder.most_at_once());
            embedder.batch_bytes(faces).or_else(|| self.each.map(|each| each.saturating_mul(faces)))
        };
        let fits = |faces: usize| match (bytes(faces), self.free) {
            (Some(bytes), Some(free)) => bytes <= free,
            (Some(bytes), None) => bytes < usize::MAX,
            (None, _) => true,
        };
        std::iter::successors(Some(wanted), |n| (*n > 1).then_some(n / 2)).find(|&n| fits(n)).unwrap_or(1)
    }
}

/// The bytes that a face takes on an engine that cannot say: what the process grows by while a few are embedded, where the
/// system tells (Linux).
fn bytes_each(embedder: &dyn Embedder) -> Option<usize> {
    if embedder.engine().is_none() || embedder.batch_bytes(1).is_some() {
        return None;
    }
    let (width, height) = embedder.spec().input_size;
    let grey = vec![RgbImage::from_pixel(width, height, image::Rgb([127; 3])); PROBED];
    let resident = |field: &str| bytes_in("/proc/self/status", field);
    // Has the peak begin anew, proc(5).
    #[allow(clippy::disallowed_methods)] // no file, but a request to the kernel
    fs_err::write("/proc/self/clear_refs", "5").ok()?;
    let before = resident("VmRSS:")?;
    embedder.embed(&grey).ok()?;
    Some(resident("VmHWM:")?.saturating_sub(before) / PROBED)
}

/// The fastest number of faces, the usual one unless another is clearly faster.
fn measured(
    embedder: &dyn Embedder,
    usual: usize,
    (photos, threads): (usize, usize),
    memory: &Memory,
    say: &(dyn Fn(&str) + Sync),
) -> usize {
    let Some(usual_speed) = speed(embedder, usual, threads) else { return usual };
    let mut speeds = vec![(usual, usual_speed)];
    let mut left = MOST_OF_RUN * photos as f64 / usual_speed - Rounds::seconds(usual, threads, usual_speed);
    for faces in OTHERS.into_iter().filter(|&n| n != usual && memory.fitting(embedder, n) == n) {
        let cost = Rounds::seconds(faces, threads, usual_speed);
        if cost > left {
            continue;
        }
        left -= cost;
        speeds.extend(speed(embedder, faces, threads).map(|speed| (faces, speed)));
    }
    let chosen = clearly_fastest(&speeds);
    speeds.sort_by_key(|(faces, _)| *faces);
    let told: Vec<_> = speeds.iter().map(|(faces, speed)| format!("{faces}: {speed:.0}/s")).collect();
    say(&format!("batch: {chosen} faces at once, measured ({})", told.join(", ")));
    chosen
}

/// The number of faces with the highest speed; the first, which is the usual one, unless another is clearly faster.
fn clearly_fastest(speeds: &[(usize, f64)]) -> usize {
    let usual = speeds[0];
    let fastest = speeds.iter().copied().fold(usual, |a, b| if b.1 > a.1 { b } else { a });
    if fastest.1 > CLEARLY * usual.1 { fastest.0 } else { usual.0 }
}

/// How often a number of faces is tried.
struct Rounds;

impl Rounds {
    /// The first round makes buffers and counts for nothing.
    const WARM: usize = 1;
    /// The fastest of these counts.
    const TIMED: usize = 3;

    /// Seconds that [`speed`] will take.
    fn seconds(faces: usize, threads: usize, faces_per_second: f64) -> f64 {
        ((Self::WARM + Self::TIMED) * faces * threads) as f64 / faces_per_second
    }
}

/// Faces a second with `faces` at once on all workers; `None` where the embedder fails.
fn speed(embedder: &dyn Embedder, faces: usize, threads: usize) -> Option<f64> {
    let (width, height) = embedder.spec().input_size;
    let grey = vec![RgbImage::from_pixel(width, height, image::Rgb([127; 3])); faces];
    let worker = || -> Option<Duration> {
        let mut fastest = Duration::MAX;
        for round in 0..Rounds::WARM + Rounds::TIMED {
            let start = Instant::now();
            embedder.embed(&grey).ok()?;
            if round >= Rounds::WARM {
                fastest = fastest.min(start.elapsed());
            }
        }
        Some(fastest)
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let times: Option<Vec<Duration>> = workers.into_iter().map(|w| w.join().ok().flatten()).collect();
        Some(times?.iter().map(|time| faces as f64 / time.as_secs_f64().max(1e-9)).sum())
    })
}

/// The bytes that a file of `/proc` says after `field`.
fn bytes_in(file: &str, field: &str) -> Option<usize> {
    let text = fs_err::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(field))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<usize>().ok()?.saturating_mul(1024))
}

/// The bytes that this process can still take, where the system says (Linux, with the limit of its control group).
fn free_bytes() -> Option<usize> {
    let machine = bytes_in("/proc/meminfo", "MemAvailable:")?;
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

    use likeness_search::Distance;

    use super::*;
    use crate::EmbedderSpec;
    use likeness_engine::{Engine, EngineChoice};

    /// Embeds at most so many faces at once, each as its first number.
    struct Cramped {
        spec: EmbedderSpec,
        engine: Engine,
        most: usize,
        at_once: usize,
        bytes_each: usize,
    }

    impl Cramped {
        fn new(most: usize, bytes_each: usize) -> Self {
            let spec = EmbedderSpec {
                name: "cramped".into(),
                fingerprint: String::new(),
                dimension: 1,
                input_size: (1, 1),
                distance: Distance::Cosine,
                alignment: None,
            };
            let engine = Engine { kind: EngineChoice::Direct, library: None, reason: String::new() };
            Self { spec, engine, most, at_once: usize::MAX, bytes_each }
        }
    }

    impl Embedder for Cramped {
        fn spec(&self) -> &EmbedderSpec {
            &self.spec
        }

        fn engine(&self) -> Option<&Engine> {
            Some(&self.engine)
        }

        fn most_at_once(&self) -> usize {
            self.at_once
        }

        fn batch_bytes(&self, faces: usize) -> Option<usize> {
            self.bytes_each.checked_mul(faces)
        }

        fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
            match faces.len() > self.most {
                true => Err(EmbedError::OutOfMemory { model: "cramped".into(), reason: "too much".into() }),
                false => Ok(faces.iter().map(|face| f32::from(face.as_raw()[0])).collect()),
            }
        }
    }

    #[test]
    fn batches_that_do_not_fit_are_halved_and_said_once() {
        let said = Mutex::new(Vec::new());
        let say = |line: &str| said.lock().unwrap().push(line.to_owned());
        let embedder = Cramped::new(3, 0);
        let batch = Batch::choose(&embedder, (100, 2), Some(16), &say);
        let faces: Vec<_> = (0..16).map(|v| RgbImage::from_pixel(1, 1, image::Rgb([v; 3]))).collect();
        let expected: Vec<f32> = (0..16).map(|v| v as f32).collect();
        assert_eq!(batch.embed(&embedder, &faces).unwrap(), expected);
        assert_eq!(batch.faces(), 2);
        assert_eq!(batch.embed(&embedder, &faces).unwrap(), expected);
        let said = said.lock().unwrap();
        assert_eq!(said.len(), 3, "{said:?}");
        assert_eq!(said[0], "memory is too small for a batch of 16 faces: batches of 8");
        let alone =
            Batch::choose(&Cramped::new(0, 0), (1, 1), None, &|_| {}).embed(&Cramped::new(0, 0), &faces[..1]);
        assert!(matches!(alone, Err(EmbedError::OutOfMemory { .. })));
    }

    #[test]
    fn a_batch_fits_into_what_is_free() {
        let embedder = Cramped::new(usize::MAX, 100);
        let fitting = |free: Option<usize>| Memory { free, each: None }.fitting(&embedder, 64);
        assert_eq!([6400, 6399, 10].map(|free| fitting(Some(free))), [64, 32, 1]);
        assert_eq!(fitting(None), 64);
        // Whose batches are computed in short runs takes what a run takes.
        let short = Cramped { at_once: 4, ..Cramped::new(usize::MAX, 100) };
        let fitting = |free, each| Memory { free: Some(free), each }.fitting(&short, 64);
        assert_eq!([400, 399].map(|free| fitting(free, None)), [64, 2]);
        // More than any machine has.
        let said = Mutex::new(String::new());
        let say = |line: &str| said.lock().unwrap().push_str(line);
        let huge = Cramped::new(usize::MAX, usize::MAX / 4096);
        assert_eq!(Batch::choose(&huge, (100, 1), Some(1024), &say).faces(), 1);
        if free_bytes().is_some() {
            assert!(said.lock().unwrap().contains("a batch of 1024 faces"), "{said:?}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn what_a_face_takes_is_seen_where_the_engine_cannot_say() {
        const EACH: usize = 16 << 20;
        /// Takes memory, and does not say how much.
        struct Silent(Cramped);
        impl Embedder for Silent {
            fn spec(&self) -> &EmbedderSpec {
                &self.0.spec
            }
            fn engine(&self) -> Option<&Engine> {
                Some(&self.0.engine)
            }
            fn embed(&self, faces: &[RgbImage]) -> Result<Vec<f32>> {
                let taken = std::hint::black_box(vec![1u8; faces.len() * EACH]);
                Ok(vec![f32::from(taken[0]); faces.len()])
            }
        }
        let embedder = Silent(Cramped::new(usize::MAX, 0));
        let each = bytes_each(&embedder).unwrap();
        // Other tests of the process take memory at the same time.
        assert!(each > EACH / 2, "{each}");
        let said = Mutex::new(String::new());
        let say = |line: &str| said.lock().unwrap().push_str(line);
        assert!(Batch::choose(&embedder, (100, 1), Some(1 << 24), &say).faces() < 1 << 24);
        assert!(said.lock().unwrap().contains("more than half of the free memory"), "{said:?}");
    }

    #[test]
    fn long_runs_measure_and_short_ones_do_not() {
        let said = Mutex::new(String::new());
        let say = |line: &str| said.lock().unwrap().push_str(line);
        let embedder = Cramped::new(usize::MAX, 0);
        assert_eq!(Batch::choose(&embedder, (100, 2), None, &say).faces(), USUAL);
        assert!(said.lock().unwrap().is_empty());
        let chosen = Batch::choose(&embedder, (1_000_000_000, 2), None, &say).faces();
        let said = said.lock().unwrap().clone();
        let tried = said.strip_prefix(&format!("batch: {chosen} faces at once, measured (")).unwrap();
        let tried: Vec<&str> = tried.split(", ").map(|part| part.split(':').next().unwrap()).collect();
        assert_eq!(tried, ["1", "4", "8", "16", "32"], "{said}");
    }

    #[test]
    fn another_number_is_chosen_where_it_is_clearly_faster() {
        assert_eq!(clearly_fastest(&[(8, 100.0)]), 8);
        assert_eq!(clearly_fastest(&[(8, 100.0), (16, 103.9), (1, 50.0)]), 8, "timings vary");
        assert_eq!(clearly_fastest(&[(8, 100.0), (16, 104.1), (1, 50.0)]), 16);
        assert_eq!(clearly_fastest(&[(8, 100.0), (16, 120.0), (4, 130.0), (1, 110.0)]), 4);
    }
}
