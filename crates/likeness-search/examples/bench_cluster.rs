//! Clusters faces, and prints metrics and times as JSON.
//!
//! ```text
//! cargo run --release -p likeness-search --example bench_cluster -- FILE [--part even|odd|test] [--calibrate FILE]
//! cargo run --release -p likeness-search --example bench_cluster -- --grow 100000
//! ```
//!
//! `--part` uses the identities with even or odd numbers only, or the test split. `--calibrate` measures the thresholds of a
//! model that has none, on the pairs of different people with even numbers in another file. `--grow` clusters artificial faces,
//! and adds a hundredth of them to the others.
#![allow(clippy::print_stdout)]

use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

use likeness_search::cluster::{
    ClusterCache, ClusterConfig, Clusters, Constraints, Faces, Neighbours, cluster,
};
use likeness_search::metric::{ClusterAgreement, bcubed, pairwise};
use likeness_search::{Distance, EmbeddingTable, Threshold, Thresholds};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// The number of neighbours.
const K: usize = 20;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let after = |flag: &str| words.iter().position(|w| w == flag).and_then(|at| words.get(at + 1)).cloned();
    let answer = match after("--grow") {
        Some(faces) => grown(faces.parse()?)?,
        None => {
            let file = words.first().ok_or("expected an embeddings file")?;
            let labelled = Labelled::load(file, &after("--part").unwrap_or_default())?;
            let thresholds = match after("--calibrate") {
                Some(file) => Labelled::load(&file, "even")?.thresholds()?,
                None => labelled.stored.clone(),
            };
            measured(&labelled, &thresholds)?
        }
    };
    println!("{answer}");
    Ok(())
}

/// Faces of known people.
struct Labelled {
    faces: Faces,
    people: Vec<String>,
    /// The thresholds of the model.
    stored: Thresholds,
}

impl Labelled {
    fn load(file: &str, part: &str) -> Outcome<Self> {
        let table = EmbeddingTable::load(file.as_ref())?;
        let number = |name: &Option<String>| name.as_ref().and_then(|n| n.parse::<u64>().ok());
        let table = table.select(|row| match part {
            "even" => number(&row.identity).is_some_and(|n| n % 2 == 0),
            "odd" => number(&row.identity).is_some_and(|n| n % 2 == 1),
            "test" => row.split.as_deref() == Some("test"),
            _ => row.identity.is_some(),
        });
        let model = table.model();
        Ok(Self {
            faces: Faces::new(table.embeddings(), table.dimension(), model.distance)?,
            people: table.rows().iter().map(|row| row.identity.clone().unwrap_or_default()).collect(),
            stored: model.thresholds.clone(),
        })
    }

    /// Thresholds from all pairs of different people.
    fn thresholds(&self) -> Outcome<Thresholds> {
        let mut distances = Vec::new();
        for a in 0..self.faces.len() as u32 {
            let others = (0..a).filter(|b| self.people[*b as usize] != self.people[a as usize]);
            distances.extend(others.map(|b| self.faces.distance(a, b)));
        }
        distances.sort_unstable_by(f32::total_cmp);
        let pairs = distances.len();
        let at = |fmr: f64| Threshold {
            fmr,
            distance: distances[(fmr * pairs as f64) as usize],
            pairs: pairs as u64,
        };
        Ok(Thresholds::new([1e-4, 1e-3, 1e-2].map(at).to_vec())?)
    }
}

fn measured(labelled: &Labelled, thresholds: &Thresholds) -> Outcome<Value> {
    let Labelled { faces, people, .. } = labelled;
    let start = Instant::now();
    let neighbours = Neighbours::new(faces, K)?;
    let config = ClusterConfig::fit(faces, thresholds);
    let found = clustered(faces, &neighbours, &Constraints::default(), &config)?;
    let seconds = start.elapsed().as_secs_f64();
    let shown = |a: ClusterAgreement| json!({"precision": a.precision, "recall": a.recall, "f": a.f});
    let mut random = Pcg64::seed_from_u64(1);
    let by_person = faces_of(people);
    let drawn: Vec<u32> = by_person.values().map(|own| own[random.random_range(0..own.len())]).collect();
    let asked: Vec<u32> = by_person.values().map(|own| most_typical(own, &found, faces)).collect();
    let named = |chosen: &[u32]| named(labelled, &neighbours, &config, chosen);
    Ok(json!({
        "faces": faces.len(),
        "people": by_person.len(),
        "clusters": found.len(),
        "seconds": seconds,
        "bcubed": shown(bcubed(people, found.of_faces()).ok_or("no faces")?),
        "pairwise": shown(pairwise(people, found.of_faces())),
        "config": config,
        "drawn": named(&drawn)?,
        "asked": named(&asked)?,
    }))
}

fn clustered(
    faces: &Faces,
    neighbours: &Neighbours,
    constraints: &Constraints,
    config: &ClusterConfig,
) -> Outcome<Clusters> {
    Ok(cluster(faces, neighbours, constraints, config, &mut ClusterCache::default())?)
}

fn faces_of(people: &[String]) -> BTreeMap<&str, Vec<u32>> {
    let mut faces: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
    (0u32..).zip(people).for_each(|(face, person)| faces.entry(person).or_default().push(face));
    faces
}

/// A person's face nearest to the medoid of the cluster with most of the person's faces, as a program would ask for it.
fn most_typical(own: &[u32], found: &Clusters, faces: &Faces) -> u32 {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    own.iter().for_each(|face| *counts.entry(found.of(*face)).or_default() += 1);
    let largest = counts.into_iter().max_by_key(|(_, count)| *count).map_or(0, |(cluster, _)| cluster);
    let medoid = found.medoid(largest);
    let members = own.iter().filter(|face| found.of(**face) == largest);
    let nearest = members.min_by(|a, b| faces.distance(**a, medoid).total_cmp(&faces.distance(**b, medoid)));
    *nearest.expect("a person has a face")
}

/// The shares of the other faces that are named after one face of each person is named.
///
/// Faces in a cluster with a named face get its name. A cluster without one gets the name of the nearest named face, if that
/// is nearer to its medoid than the limit for single faces.
fn named(
    labelled: &Labelled,
    neighbours: &Neighbours,
    config: &ClusterConfig,
    chosen: &[u32],
) -> Outcome<Value> {
    let Labelled { faces, people, .. } = labelled;
    let pairs = chosen.iter().enumerate().flat_map(|(at, &a)| chosen[..at].iter().map(move |&b| (a, b)));
    let constraints = Constraints { cannot_link: pairs.collect(), ..Constraints::default() };
    let found = clustered(faces, neighbours, &constraints, config)?;
    let of_cluster: HashMap<u32, u32> = chosen.iter().map(|face| (found.of(*face), *face)).collect();
    let limit = faces.unsquared(config.single);
    let nearest = |cluster: u32| {
        let medoid = found.medoid(cluster);
        let distance = |face: &u32| (faces.distance(*face, medoid), *face);
        let (distance, face) = chosen.iter().map(distance).min_by(|a, b| a.0.total_cmp(&b.0))?;
        (distance < limit).then_some(face)
    };
    let names: Vec<Option<u32>> =
        (0..found.len() as u32).map(|c| of_cluster.get(&c).copied().or_else(|| nearest(c))).collect();
    let (mut right, mut wrong, mut open) = (0, 0, 0);
    for face in (0..faces.len() as u32).filter(|face| !chosen.contains(face)) {
        match names[found.of(face) as usize] {
            None => open += 1,
            Some(name) if people[name as usize] == people[face as usize] => right += 1,
            Some(_) => wrong += 1,
        }
    }
    let share = |count: usize| count as f64 / (right + wrong + open) as f64;
    Ok(json!({"right": share(right), "wrong": share(wrong), "open": share(open)}))
}

/// Times with artificial faces: people with twenty faces each, with the distances of a typical network.
fn grown(count: usize) -> Outcome<Value> {
    const DIM: usize = 128;
    let mut random = Pcg64::seed_from_u64(1);
    let mut direction = || -> Vec<f32> {
        let normal = |_| (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
        let row: Vec<f32> = (0..DIM).map(normal).collect();
        let length = row.iter().map(|v| v * v).sum::<f32>().sqrt();
        row.into_iter().map(|v| v / length).collect()
    };
    let mut values = Vec::with_capacity(count * DIM);
    while values.len() < count * DIM {
        let person = direction();
        for _ in 0..20.min(count - values.len() / DIM) {
            values.extend(person.iter().zip(direction()).map(|(p, n)| 0.72 * p + 0.69 * n));
        }
    }
    let old = count - count / 100;
    let mut faces = Faces::new(&values[..old * DIM], DIM, Distance::Cosine)?;
    let mut cache = ClusterCache::default();
    let none = Constraints::default();
    // Wall and CPU time in seconds.
    let seconds = |start: (Instant, f64)| [start.0.elapsed().as_secs_f64(), cpu_seconds() - start.1];
    let now = || (Instant::now(), cpu_seconds());
    let start = now();
    let mut neighbours = Neighbours::new(&faces, K)?;
    let graph = seconds(start);
    let config = ClusterConfig::fit(&faces, &Thresholds::default());
    let start = now();
    cluster(&faces, &neighbours, &none, &config, &mut cache)?;
    let first = seconds(start);
    faces.extend(&values[old * DIM..])?;
    let start = now();
    neighbours.extend(&faces)?;
    let extended = seconds(start);
    let start = now();
    let found = cluster(&faces, &neighbours, &none, &config, &mut cache)?;
    let again = seconds(start);
    let people: Vec<usize> = (0..count).map(|face| face / 20).collect();
    Ok(json!({
        "faces": count, "added": count / 100, "clusters": found.len(),
        "f": bcubed(&people, found.of_faces()).ok_or("no faces")?.f,
        "graph": graph, "cluster": first, "extend": extended, "again": again,
        "reused": cache.reused(), "components": cache.len(), "peak_mib": peak_mib(),
    }))
}

/// CPU time of this process in seconds; 0 unless the system reports it in ticks of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(')').map_or(vec![], |(_, rest)| rest.split_whitespace().collect());
    let ticks = |at: usize| fields.get(at).and_then(|ticks| ticks.parse::<f64>().ok()).unwrap_or(0.0);
    (ticks(11) + ticks(12)) / 100.0
}

/// Peak resident memory of this process in MiB; `None` unless the system reports it.
fn peak_mib() -> Option<f64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").parse::<f64>().ok()? / 1024.0)
}
