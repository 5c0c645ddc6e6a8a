//! Measures a gallery of many faces: durable adds, the making of the codes, the first search and further ones.
//!
//! `bench_gallery FROM OUT FACES` makes the gallery OUT of FACES random faces with the model of the gallery FROM, one face for each
//! photo.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::path::Path;
use std::time::Instant;

use likeness_gallery::catalogue::{
    FileKey, NewItem, NewPhoto, ReadCatalogue, SqliteCatalogue, WriteCatalogue,
};
use likeness_gallery::{Gallery, SearchPlan};

/// The ten nearest.
const TEN: SearchPlan<'static> = SearchPlan { k: 10, filter: None, graph: None, expand: None, rerank: false };
/// Photos in a transaction.
const BATCH: usize = 256;

/// A linear congruential generator (Knuth): enough for random directions.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1 << 24) as f32 - 0.5
    }

    /// A vector of the length that embeddings of the face model have, about 1.
    fn vector(&mut self, dimension: usize) -> Vec<f32> {
        let values: Vec<f32> = (0..dimension).map(|_| self.next()).collect();
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        values.into_iter().map(|v| v / length).collect()
    }
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [from, out, faces] = args.as_slice() else {
        println!("usage: bench_gallery FROM OUT FACES");
        return;
    };
    let faces: usize = faces.parse().unwrap();
    let model = Gallery::open_read_only(Path::new(from)).unwrap().active_model().unwrap();
    let mut catalogue =
        SqliteCatalogue::create(Path::new(out), likeness_gallery::catalogue::ItemKind::Faces).unwrap();
    let id = catalogue.add_model(&model.tag, &model.source, &model.detector).unwrap();
    let root = catalogue.add_root("/nowhere", true).unwrap();
    let mut numbers = Numbers(1);
    let start = Instant::now();
    for batch in 0..faces.div_ceil(BATCH) {
        let photo = |at: usize| NewPhoto {
            sha256: format!("{at:064x}"),
            width: 640,
            height: 480,
            taken: None,
            unreadable: None,
            file: FileKey { root, path: format!("{at}.jpg"), bytes: 1, modified_ns: 1 },
            items: vec![NewItem {
                face_box: Some([10, 10, 100, 100]),
                landmarks: Some([[1.0; 2]; 5]),
                score: Some(0.9),
                quality: 0.9,
                vector: numbers.vector(model.tag.dimension),
            }],
            attributes: Vec::new(),
        };
        let photos: Vec<NewPhoto> = (batch * BATCH..faces.min((batch + 1) * BATCH)).map(photo).collect();
        catalogue.put_photos(id, &photos).unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("adds {faces} in {seconds:.2} s, {:.0} per second", faces as f64 / seconds);
    drop(catalogue);
    let path = Path::new(out);
    let first = |what: &str, numbers: &mut Numbers| {
        let start = Instant::now();
        let mut gallery = Gallery::open(path).unwrap();
        gallery.search(&numbers.vector(model.tag.dimension), &TEN).unwrap();
        println!("{what} {:.1} ms", start.elapsed().as_secs_f64() * 1e3);
        gallery
    };
    drop(first("open, make the codes and first search", &mut numbers));
    let mut gallery = first("open and first search", &mut numbers);
    let mut times: Vec<f64> = (0..200)
        .map(|_| {
            let query = numbers.vector(model.tag.dimension);
            let start = Instant::now();
            gallery.search(&query, &TEN).unwrap();
            start.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    println!("search p50 {:.2} ms, p99 {:.2} ms", times[100], times[197]);
    let size = |path: &Path| fs_err::metadata(path).map_or(0, |m| m.len()) as f64 / 1e6;
    println!("file {:.1} MB, codes {:.1} MB", size(path), size(&gallery.codes_path()));
    println!("counts {:?}", gallery.catalogue().counts().unwrap());
}
