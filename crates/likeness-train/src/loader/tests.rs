use std::path::Path;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use likeness_data::augment::{augment, numbers};

use super::*;

const SIDE: u32 = 20;
const PICTURE_BYTES: u64 = 3 * (SIDE as u64) * (SIDE as u64);

fn picture(face: usize) -> RgbImage {
    RgbImage::from_fn(SIDE, SIDE, |x, y| {
        Rgb([(9 * face) as u8, (x * 12) as u8, (y * 11 + face as u32) as u8])
    })
}

/// `count` faces in `folder`, of identities face / 3.
fn faces(folder: &Path, count: usize) -> Vec<FaceFile> {
    let face = |i: usize| {
        let path = folder.join(format!("{i}.png"));
        picture(i).save(&path).unwrap();
        FaceFile { path, label: i as u32 / 3 }
    };
    (0..count).map(face).collect()
}

fn config(threads: usize) -> LoaderConfig {
    LoaderConfig {
        size: 16,
        normalization: Normalization { mean: [127.5, 120.0, 110.0], std: [128.0, 60.0, 50.0] },
        augment: AugmentConfig::strong(),
        seed: 5,
        threads,
        batches_ahead: 2,
        cache_bytes: 1 << 20,
    }
}

fn batches() -> Vec<Vec<usize>> {
    vec![vec![3, 1, 4], vec![1, 5, 9, 2], vec![], vec![6], vec![0, 0, 7], vec![8, 10, 11]]
}

fn collect(loader: &Loader, epoch: u64) -> Vec<Batch> {
    loader.epoch(epoch, &batches()).unwrap().collect()
}

#[test]
fn batches_are_what_one_loop_would_make_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(3);
    let loader = Loader::new(faces(folder.path(), 12), config).unwrap();
    for epoch in 0..2 {
        let found = collect(&loader, epoch);
        let expected: Vec<_> = batches().into_iter().filter(|b| !b.is_empty()).collect();
        assert_eq!(found.iter().map(|b| b.faces.clone()).collect::<Vec<_>>(), expected);
        let mut place = 0;
        for batch in &found {
            assert_eq!(batch.pixels.len(), batch.faces.len() * 3 * 16 * 16);
            for (slot, face) in batch.faces.iter().enumerate() {
                assert_eq!(batch.labels[slot], *face as u32 / 3);
                let mut chance = numbers(5, epoch, place);
                let varied = augment(&picture(*face), 16, &config.augment, &mut chance).unwrap();
                for (x, y, pixel) in varied.enumerate_pixels() {
                    for c in 0..3 {
                        let at = ((slot * 3 + c) * 16 + y as usize) * 16 + x as usize;
                        let Normalization { mean, std } = config.normalization;
                        let value = (f32::from(pixel.0[c]) - mean[c]) / std[c];
                        assert_eq!(batch.pixels[at], value);
                    }
                }
                place += 1;
            }
        }
    }
}

#[test]
fn neither_threads_nor_memory_change_the_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let faces = faces(folder.path(), 12);
    let loader = Loader::new(faces.clone(), config(1)).unwrap();
    let expected = [collect(&loader, 0), collect(&loader, 1)];
    assert_ne!(expected[0], expected[1]);
    for (threads, cache_bytes, batches_ahead) in [(1, 0, 1), (2, 4000, 4), (7, 1 << 20, 2), (40, 0, 64)] {
        let config = LoaderConfig { cache_bytes, batches_ahead, ..config(threads) };
        let loader = Loader::new(faces.clone(), config).unwrap();
        assert_eq!([collect(&loader, 0), collect(&loader, 1)], expected, "{threads} threads");
    }
}

#[test]
fn unreadable_photos_are_left_out_and_listed_once() {
    let folder = tempfile::tempdir().unwrap();
    let faces = faces(folder.path(), 12);
    fs_err::write(&faces[1].path, b"not a picture").unwrap();
    fs_err::remove_file(&faces[6].path).unwrap();
    let loader = Loader::new(faces.clone(), config(2)).unwrap();
    for epoch in 0..2 {
        let found = collect(&loader, epoch);
        let expected = [vec![3, 4], vec![5, 9, 2], vec![0, 0, 7], vec![8, 10, 11]];
        assert_eq!(found.iter().map(|b| b.faces.clone()).collect::<Vec<_>>(), expected);
        assert!(found.iter().all(|b| b.labels.len() == b.faces.len()));
    }
    let report = loader.report();
    let paths: Vec<_> = report.unreadable.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(paths, [faces[1].path.clone(), faces[6].path.clone()]);
    assert!(report.unreadable.iter().all(|(_, reason)| !reason.is_empty()));
    assert_eq!(report.left_out, 6);
}

#[test]
fn pictures_are_read_once_as_far_as_the_memory_goes() {
    let folder = tempfile::tempdir().unwrap();
    let faces = faces(folder.path(), 12);
    let reads = |cache_bytes| {
        let loader = Loader::new(faces.clone(), LoaderConfig { cache_bytes, ..config(1) }).unwrap();
        for epoch in 0..3 {
            assert_eq!(collect(&loader, epoch).len(), 5);
        }
        let report = loader.report();
        assert!(report.cached_bytes <= cache_bytes);
        (report.reads, report.cached_bytes / PICTURE_BYTES)
    };
    assert_eq!(reads(1 << 20), (12, 12));
    assert_eq!(reads(0), (3 * 14, 0));
    // Room for five: the rest is read every time.
    let (few, kept) = reads(5 * PICTURE_BYTES + 7);
    assert_eq!(kept, 5);
    assert!((12..42).contains(&few), "{few}");
}

#[test]
fn only_the_window_ahead_is_prepared() {
    let folder = tempfile::tempdir().unwrap();
    let faces = faces(folder.path(), 12);
    let loader = Loader::new(faces, LoaderConfig { cache_bytes: 0, ..config(4) }).unwrap();
    let batches: Vec<Vec<usize>> = (0..12).map(|i| vec![i]).collect();
    let mut epoch = loader.epoch(0, &batches).unwrap();
    assert_eq!(epoch.next().unwrap().faces, [0]);
    // One delivered, two ahead; a busy machine may take its time, and a moment more must change nothing.
    let start = Instant::now();
    while loader.report().reads < 3 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(Duration::from_millis(100));
    assert_eq!(loader.report().reads, 3);
    assert!(epoch.waited_seconds() > 0.0);
    assert_eq!(epoch.count(), 11);
}

#[test]
fn dropping_stops_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let faces = faces(folder.path(), 12);
    let loader = Loader::new(faces, config(3)).unwrap();
    let batches: Vec<Vec<usize>> = (0..5000).map(|i| vec![i % 12; 8]).collect();
    let mut epoch = loader.epoch(0, &batches).unwrap();
    assert!(epoch.next().is_some());
    let start = Instant::now();
    drop(epoch);
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // One that nobody ever asked stops as well, and the loader goes on.
    drop(loader.epoch(1, &batches).unwrap());
    assert_eq!(collect(&loader, 2).len(), 5);
}

#[test]
fn wrong_settings_and_places_are_refused() {
    for change in [
        |c: &mut LoaderConfig| c.threads = 0,
        |c: &mut LoaderConfig| c.batches_ahead = 0,
        |c: &mut LoaderConfig| c.size = 0,
        |c: &mut LoaderConfig| c.normalization.std[1] = 0.0,
        |c: &mut LoaderConfig| c.normalization.mean[2] = f32::NAN,
        |c: &mut LoaderConfig| c.augment.flip = 2.0,
    ] {
        let mut config = config(1);
        change(&mut config);
        assert!(Loader::new(Vec::new(), config).is_err(), "{config:?}");
    }
    let loader = Loader::new(Vec::new(), config(1)).unwrap();
    let error = loader.epoch(0, &[vec![3]]).unwrap_err();
    assert_eq!(error.to_string(), "a batch names face 3, but there are 0");
    assert_eq!(loader.epoch(0, &[]).unwrap().count(), 0);
}
