//! What `prepare` promises: the same bytes from the same input, nothing done twice, nothing foreign touched.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{contents, photo};
use likeness_data::DataError;
use likeness_data::dataset::Dataset;
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareConfig, PrepareRun, Prepared, prepare};
use likeness_data::sample::SamplingConfig;
use likeness_data::split::{SplitConfig, SplitMethod};

const JOURNAL: &str = ".prepare.journal";

/// Photos in one folder, datasets beside it.
struct Bench(tempfile::TempDir);

impl Bench {
    /// Four identities of five photos.
    fn new() -> Self {
        let bench = Self(tempfile::tempdir().unwrap());
        for at in 0..20 {
            photo(&bench.at(&format!("photos/p{}/{}.png", at / 5, at % 5)), at);
        }
        bench
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn run(
        &self,
        output: &str,
        config: &PrepareConfig,
        threads: usize,
        replace: bool,
    ) -> Result<Prepared, DataError> {
        let (stop, limits) = (AtomicBool::new(false), Limits::default());
        let run = PrepareRun { detector: None, stop: &stop, progress: &|_, _| {}, limits, threads, replace };
        prepare(&self.at("photos"), &self.at(output), config, &run)
    }

    fn small(&self, output: &str) -> Prepared {
        self.run(output, &small(), 2, false).unwrap()
    }

    fn bytes(&self, output: &str) -> Vec<(String, Vec<u8>)> {
        contents(&self.at(output), JOURNAL)
    }

    /// The dataset `output` is what a fresh run would make.
    fn is_as_fresh(&self, output: &str) {
        let fresh = tempfile::tempdir_in(self.0.path()).unwrap();
        let name = fresh.path().file_name().unwrap().to_str().unwrap();
        self.small(name);
        let names = |files: &[(String, Vec<u8>)]| files.iter().map(|f| f.0.clone()).collect::<Vec<_>>();
        let (found, expected) = (self.bytes(output), self.bytes(name));
        assert_eq!(names(&found), names(&expected));
        assert!(found == expected, "other bytes than a fresh run's");
    }
}

fn small() -> PrepareConfig {
    PrepareConfig { size: 16, ..PrepareConfig::default() }
}

#[test]
fn threads_change_no_byte() {
    let bench = Bench::new();
    let split = SplitConfig { method: SplitMethod::Identities, validation: 0.5, seed: 9 };
    let config = PrepareConfig { split, ..small() };
    for (output, threads) in [("one", 1), ("two", 2)] {
        let prepared = bench.run(output, &config, threads, false).unwrap();
        assert_eq!((prepared.images, prepared.identities, prepared.worked), (20, 4, 20));
    }
    assert_eq!(bench.bytes("one").len(), 23);
    assert!(bench.bytes("one") == bench.bytes("two"));
}

#[test]
fn a_second_run_finds_nothing_to_do() {
    let bench = Bench::new();
    bench.small("out");
    let before = bench.bytes("out");
    assert_eq!(bench.small("out").worked, 0);
    assert!(bench.bytes("out") == before);
}

#[test]
fn changed_added_and_removed_photos_are_noticed() {
    let bench = Bench::new();
    bench.small("out");
    photo(&bench.at("photos/p0/0.png"), 77);
    photo(&bench.at("photos/p9/0.png"), 78);
    fs_err::remove_file(bench.at("photos/p1/2.png")).unwrap();
    let prepared = bench.small("out");
    assert_eq!((prepared.worked, prepared.images, prepared.identities), (2, 20, 5));
    assert!(!bench.at("out/faces/p1/2.png").exists());
    bench.is_as_fresh("out");
}

#[test]
fn a_photo_that_breaks_loses_its_face() {
    let bench = Bench::new();
    bench.small("out");
    fs_err::write(bench.at("photos/p0/0.png"), "no picture any more").unwrap();
    let prepared = bench.small("out");
    assert_eq!((prepared.images, prepared.skipped.len()), (19, 1));
    bench.is_as_fresh("out");
}

#[test]
fn faces_deleted_or_shortened_are_made_again() {
    let bench = Bench::new();
    bench.small("out");
    fs_err::remove_file(bench.at("out/faces/p0/0.png")).unwrap();
    fs_err::write(bench.at("out/faces/p1/1.png"), "short").unwrap();
    assert_eq!(bench.small("out").worked, 2);
    bench.is_as_fresh("out");
}

#[test]
fn other_settings_are_refused_unless_they_may_replace() {
    let bench = Bench::new();
    bench.small("out");
    let before = bench.bytes("out");
    let sampling = SamplingConfig { max_images: 2, ..SamplingConfig::default() };
    let other = PrepareConfig { size: 8, sampling, ..small() };
    let error = bench.run("out", &other, 2, false).unwrap_err();
    assert!(
        matches!(&error, DataError::Occupied { reason, .. } if reason.contains("other settings")),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("--replace"));
    assert!(bench.bytes("out") == before, "refusing must change nothing");
    assert_eq!(bench.run("out", &other, 2, true).unwrap().images, 8);
    bench.run("fresh", &other, 2, false).unwrap();
    assert!(bench.bytes("out") == bench.bytes("fresh"), "unwanted faces must go, the others be made anew");
}

#[test]
fn a_half_written_last_line_of_the_journal_costs_one_photo() {
    let bench = Bench::new();
    bench.small("out");
    let journal = fs_err::read(bench.at("out").join(JOURNAL)).unwrap();
    fs_err::write(bench.at("out").join(JOURNAL), &journal[..journal.len() - 20]).unwrap();
    assert_eq!(bench.small("out").worked, 1);
    bench.is_as_fresh("out");
    for noise in ["", "\0\0\0", "{}\n{}\n"] {
        fs_err::write(bench.at("out").join(JOURNAL), noise).unwrap();
        bench.run("out", &small(), 2, true).unwrap();
        bench.is_as_fresh("out");
    }
}

#[test]
fn a_stopped_run_is_no_dataset_and_goes_on_where_it_stopped() {
    let bench = Bench::new();
    let stop = AtomicBool::new(false);
    let progress = |done, _| stop.store(done >= 7, Ordering::Relaxed);
    let limits = Limits::default();
    let run =
        PrepareRun { detector: None, stop: &stop, progress: &progress, limits, threads: 2, replace: false };
    let error = prepare(&bench.at("photos"), &bench.at("out"), &small(), &run).unwrap_err();
    let DataError::Interrupted { done, total: 20 } = error else { panic!("{error}") };
    assert!((7..20).contains(&done), "{done}");
    assert!(Dataset::open(&bench.at("out")).is_err());
    assert_eq!(bench.small("out").worked, 20 - done);
    bench.is_as_fresh("out");
}

#[test]
fn a_stopped_change_is_no_complete_dataset() {
    let bench = Bench::new();
    bench.small("out");
    assert_eq!(Dataset::open(&bench.at("out")).unwrap().faces.len(), 20);
    let (stop, limits) = (AtomicBool::new(true), Limits::default());
    let run =
        PrepareRun { detector: None, stop: &stop, progress: &|_, _| {}, limits, threads: 2, replace: true };
    let other = PrepareConfig { size: 8, ..small() };
    assert!(prepare(&bench.at("photos"), &bench.at("out"), &other, &run).is_err());
    assert!(Dataset::open(&bench.at("out")).is_err(), "its faces are of two sizes");
    bench.run("out", &other, 2, false).unwrap();
    assert_eq!(Dataset::open(&bench.at("out")).unwrap().faces.len(), 20);
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let bench = Bench::new();
    common::text(&bench.at("out/thesis.txt"), "years of work");
    let error = bench.run("out", &small(), 2, true).unwrap_err();
    assert!(matches!(&error, DataError::Occupied { reason, .. } if reason.contains("thesis.txt")), "{error}");
    assert_eq!(bench.bytes("out").len(), 1);
    assert!(bench.run("photos", &small(), 2, true).is_err(), "the photos themselves");
}

#[test]
fn an_output_within_the_input_is_not_read_as_input() {
    let bench = Bench::new();
    for _ in 0..2 {
        assert_eq!(bench.small("photos/out").images, 20);
    }
    assert_eq!(bench.small("photos/out").worked, 0);
}

#[test]
fn equal_stems_do_not_collide() {
    let bench = Bench::new();
    let same = |path: &Path, seed| photo(path, seed);
    same(&bench.at("photos/p0/0.bmp"), 50);
    same(&bench.at("photos/p0/0.gif.png"), 51);
    same(&bench.at("photos/P0/0.png"), 52);
    same(&bench.at("photos/p0/0~2.png"), 53);
    let prepared = bench.small("out");
    assert_eq!(prepared.images, 24);
    let dataset = Dataset::open(&bench.at("out")).unwrap();
    let mut files: Vec<_> = dataset.faces.iter().map(|f| f.path.to_lowercase()).collect();
    files.sort();
    files.dedup();
    assert_eq!(files.len(), 24, "distinct even where upper and lower case are one");
    assert!(dataset.faces.iter().all(|f| dataset.path_of(f).is_file()));
}
