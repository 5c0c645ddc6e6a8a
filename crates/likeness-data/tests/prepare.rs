//! Tests `prepare`: equal input gives equal files, finished work is not repeated, and other files are not touched.
#![allow(clippy::unwrap_used, clippy::disallowed_methods)]

mod common;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use common::{contents, photo};
use likeness_data::DataError;
use likeness_data::dataset::Dataset;
use likeness_data::limits::Limits;
use likeness_data::prepare::{PrepareRun, Prepared, prepare};
use likeness_data::sampling::SamplingConfig;
use likeness_data::settings::PrepareConfig;
use likeness_data::split::{SplitConfig, SplitMethod};

const JOURNAL: &str = ".prepare.journal";

/// A temporary folder with photos and datasets.
struct Bench(tempfile::TempDir);

impl Bench {
    /// Creates four identities with five photos each.
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
        let run = PrepareRun {
            detector: None,
            stop: &stop,
            progress: &|_, _| {},
            limits,
            threads,
            replace,
            exclude: None,
        };
        prepare(&self.at("photos"), &self.at(output), config, &run)
    }

    fn small(&self, output: &str) -> Prepared {
        self.run(output, &small(), 2, false).unwrap()
    }

    fn bytes(&self, output: &str) -> Vec<(String, Vec<u8>)> {
        let mut files = contents(&self.at(output), JOURNAL);
        files.retain(|(name, _)| name != likeness_artifact::LOCK_FILE);
        files
    }

    /// Checks that the dataset `output` equals the one that a new run makes.
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
    // The last line is the mark that all faces are synced. Without it they are compared with their checksums.
    let mark = journal.len() - journal[..journal.len() - 1].iter().rposition(|&b| b == b'\n').unwrap() - 1;
    for (cut, worked) in [(20, 0), (mark, 0), (mark + 20, 1)] {
        fs_err::write(bench.at("out").join(JOURNAL), &journal[..journal.len() - cut]).unwrap();
        assert_eq!(bench.small("out").worked, worked, "{cut} bytes cut off");
        bench.is_as_fresh("out");
    }
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
    let run = PrepareRun {
        detector: None,
        stop: &stop,
        progress: &progress,
        limits,
        threads: 2,
        replace: false,
        exclude: None,
    };
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
    let run = PrepareRun {
        detector: None,
        stop: &stop,
        progress: &|_, _| {},
        limits,
        threads: 2,
        replace: true,
        exclude: None,
    };
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
fn datasets_and_contact_sheets_below_a_folder_are_no_photos() {
    let bench = Bench::new();
    bench.small("photos/p0/out");
    let drawn = std::fs::read(bench.at("photos/p1/0.png")).unwrap();
    let mut sheet = std::fs::File::create(bench.at("photos/p1/sheet.png")).unwrap();
    likeness_artifact::signature::write_marked_png(&drawn, &mut sheet).unwrap();
    let (found, skipped) = likeness_data::photos::find(&[bench.at("photos")], None).unwrap();
    assert_eq!(found.len(), 20, "{found:?}");
    let reasons: Vec<(&str, bool)> =
        skipped.iter().map(|skip| (skip.name.as_str(), skip.reason.contains("Likeness"))).collect();
    assert_eq!(reasons, [("p1/sheet.png", true), ("p0/out", true)]);
    // A dataset that is given explicitly is searched.
    assert!(!likeness_data::photos::find(&[bench.at("photos/p0/out")], None).unwrap().0.is_empty());
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

#[test]
fn two_runs_in_one_folder_do_not_mix() {
    let bench = Bench::new();
    let (inside, outside) = (std::sync::Barrier::new(2), std::sync::Barrier::new(2));
    std::thread::scope(|scope| {
        let first = scope.spawn(|| {
            let waited = AtomicBool::new(false);
            let progress = |_, _| {
                if !waited.swap(true, Ordering::Relaxed) {
                    inside.wait();
                    outside.wait();
                }
            };
            let (stop, limits) = (AtomicBool::new(false), Limits::default());
            let run = PrepareRun {
                detector: None,
                stop: &stop,
                progress: &progress,
                limits,
                threads: 1,
                replace: false,
                exclude: None,
            };
            prepare(&bench.at("photos"), &bench.at("out"), &small(), &run).unwrap().images
        });
        inside.wait();
        let other = PrepareConfig { size: 8, ..PrepareConfig::default() };
        for (config, replace) in [(small(), false), (other, true)] {
            let error = bench.run("out", &config, 2, replace).unwrap_err();
            assert!(
                matches!(&error, DataError::Occupied { reason, .. } if reason.contains("another process")),
                "{error}"
            );
            assert!(error.hint().unwrap().contains("-o"));
        }
        outside.wait();
        assert_eq!(first.join().unwrap(), 20);
    });
    assert_eq!(bench.small("out").worked, 0, "the lock is free again");
    bench.is_as_fresh("out");
}

/// Removes the last line of the journal, which must be a mark.
fn cut_last_mark(journal: &str) -> String {
    let mut lines: Vec<&str> = journal.lines().collect();
    assert!(lines.pop().unwrap().contains("synced_but_last"));
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_face_that_a_power_loss_damaged_is_made_again() {
    let bench = Bench::new();
    bench.small("out");
    let journal = fs_err::read_to_string(bench.at("out").join(JOURNAL)).unwrap();
    let face = bench.at("out/faces/p1/1.png");
    let zeros = vec![0; fs_err::read(&face).unwrap().len()];
    // Without the last mark the entries may not be synced: zeros of the right length are detected.
    fs_err::write(bench.at("out").join(JOURNAL), cut_last_mark(&journal)).unwrap();
    fs_err::remove_file(bench.at("out/dataset.toml")).unwrap();
    fs_err::write(&face, &zeros).unwrap();
    assert_eq!(bench.small("out").worked, 1);
    bench.is_as_fresh("out");
}

#[test]
fn a_change_that_was_cut_short_leaves_no_complete_dataset() {
    let bench = Bench::new();
    bench.small("out");
    fs_err::remove_file(bench.at("photos/p1/2.png")).unwrap();
    // The manifest cannot be replaced, so the run ends after a face was removed and before the new tables are written.
    fs_err::remove_file(bench.at("out/manifest.csv")).unwrap();
    fs_err::create_dir(bench.at("out/manifest.csv")).unwrap();
    assert!(bench.run("out", &small(), 2, false).is_err());
    assert!(!bench.at("out/dataset.toml").exists(), "the old card would vouch for the new faces");
    fs_err::remove_dir(bench.at("out/manifest.csv")).unwrap();
    bench.small("out");
    bench.is_as_fresh("out");
}

#[test]
fn the_collections_own_split_is_kept_by_default() {
    let bench = Bench::new();
    let mut table = String::from("path,person_id,split,role\n");
    for at in 0..20 {
        let (split, role) = [("train", ""), ("test", "gallery"), ("test", "query")][at % 3];
        table += &format!("p{}/{}.png,{},{split},{role}\n", at / 5, at % 5, at / 5);
    }
    common::text(&bench.at("photos/table.csv"), &table);
    let prepared = bench.small("out");
    assert!(prepared.notes.iter().any(|n| n.starts_with("split official: ")), "{:?}", prepared.notes);
    let dataset = Dataset::open(&bench.at("out")).unwrap();
    let found: Vec<_> = dataset.faces.iter().map(|f| (f.split.name(), f.role)).collect();
    use likeness_data::sample::Role;
    assert_eq!(found[..3], [("train", Role::Both), ("test", Role::Gallery), ("test", Role::Query)]);
    let images = SplitConfig { method: SplitMethod::Images, ..SplitConfig::default() };
    let prepared = bench.run("images", &PrepareConfig { split: images, ..small() }, 2, false).unwrap();
    assert!(
        prepared.notes.iter().any(|n| n.contains("is not used; --split official")),
        "{:?}",
        prepared.notes
    );
    assert!(Dataset::open(&bench.at("images")).unwrap().faces.iter().all(|f| f.split.name() != "test"));
}

#[test]
fn labels_hold_every_identity_and_read_back() {
    let bench = Bench::new();
    let identities = [" Ann  Lee ", "two\nlines", "100%", "漢字 😀", "plain", "c%E9"];
    let mut table = csv::Writer::from_path(bench.at("photos/table.csv")).unwrap();
    table.write_record(["path", "identity"]).unwrap();
    for (at, identity) in identities.iter().enumerate() {
        table.write_record([format!("p{}/{}.png", at / 5, at % 5), (*identity).to_owned()]).unwrap();
    }
    table.flush().unwrap();
    let (stop, limits) = (AtomicBool::new(false), Limits::default());
    let run = PrepareRun {
        detector: None,
        stop: &stop,
        progress: &|_, _| {},
        limits,
        threads: 2,
        replace: false,
        exclude: None,
    };
    prepare(&bench.at("photos/table.csv"), &bench.at("out"), &small(), &run).unwrap();
    let (rows, skipped, _) = likeness_data::source::read_identities(&bench.at("out/labels.txt")).unwrap();
    assert!(skipped.is_empty());
    let dataset = Dataset::open(&bench.at("out")).unwrap();
    let manifest: Vec<_> = dataset.faces.iter().map(|f| f.identity.clone().unwrap()).collect();
    let labels: Vec<_> = rows.into_iter().map(|(_, identity)| identity).collect();
    assert_eq!(labels, manifest);
    // The values of a table lose leading and trailing blanks; blanks inside are kept.
    assert_eq!(labels, identities.map(str::trim));
}
