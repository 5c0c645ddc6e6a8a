//! Clusterings of random people: constraints hold, and nothing depends on the order of the faces or on what was computed before.

use likeness_search::cluster::{
    ClusterCache, ClusterConfig, Clusters, Constraints, Faces, Neighbours, cluster,
};
use likeness_search::metric::{bcubed, pairwise};
use likeness_search::{Distance, SearchError, Threshold, Thresholds};
use proptest::prelude::*;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

const DIM: usize = 24;
const K: usize = 10;
const CONFIG: ClusterConfig =
    ClusterConfig { radius: 1.1, single: 0.8, limit: 0.7, attach: 0.8, core_size: 4 };

/// Embeddings of people with 1 to 12 photos each, and the person of each face.
fn people(seed: u64, people: usize, noise: f32) -> (Vec<f32>, Vec<usize>) {
    let mut random = Pcg64::seed_from_u64(seed);
    let (mut values, mut labels) = (Vec::new(), Vec::new());
    for person in 0..people {
        let centre: Vec<f32> = (0..DIM).map(|_| random.random::<f32>() - 0.5).collect();
        for _ in 0..random.random_range(1..13) {
            values.extend(centre.iter().map(|c| c + noise * (random.random::<f32>() - 0.5)));
            labels.push(person);
        }
    }
    (values, labels)
}

fn clustered(values: &[f32], constraints: &Constraints) -> Result<Clusters, SearchError> {
    let faces = Faces::new(values, DIM, Distance::Cosine)?;
    let neighbours = Neighbours::new(&faces, K)?;
    cluster(&faces, &neighbours, constraints, &CONFIG, &mut ClusterCache::default())
}

/// Pairs of faces, drawn at random.
fn pairs(random: &mut Pcg64, faces: usize, count: usize) -> Vec<(u32, u32)> {
    let mut face = || random.random_range(0..faces as u32);
    (0..count).map(|_| (face(), face())).filter(|(a, b)| a != b).collect()
}

/// The clusters of the faces as sets, in any numbering.
fn same_sets(a: &[u32], b: &[u32]) -> bool {
    let found = pairwise(a, b);
    found.precision == 1.0 && found.recall == 1.0
}

#[test]
fn people_are_found() {
    let (values, labels) = people(1, 60, 0.5);
    let found = clustered(&values, &Constraints::default()).unwrap();
    let agreement = bcubed(&labels, found.of_faces()).unwrap();
    assert!(agreement.precision > 0.99 && agreement.recall > 0.97, "{agreement:?}");
    assert_eq!(found.sizes().sum::<usize>(), labels.len());
    for number in 0..found.len() as u32 {
        assert!(found.members(number).iter().all(|face| found.of(*face) == number));
        assert!(found.members(number).contains(&found.medoid(number)));
        assert!(
            number == 0 || found.members(number - 1)[0] < found.members(number)[0],
            "order of first faces"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn constraints_always_hold(seed in 0u64..1_000_000, noise in 0.5f32..1.6, links in 0usize..30) {
        let (values, labels) = people(seed, 20, noise);
        let n = labels.len();
        let mut random = Pcg64::seed_from_u64(seed + 1);
        let photos: Vec<u32> = (0..n).map(|_| random.random_range(0..(n as u32 / 2))).collect();
        let mut constraints = Constraints {
            must_link: pairs(&mut random, n, links / 3),
            cannot_link: Vec::new(),
            photos: photos.clone(),
        };
        for pair in pairs(&mut random, n, links) {
            constraints.cannot_link.push(pair);
            if constraints.check(n).is_err() {
                constraints.cannot_link.pop();
            }
        }
        let found = clustered(&values, &constraints).unwrap();
        for &(a, b) in &constraints.must_link {
            prop_assert_eq!(found.of(a), found.of(b));
        }
        for &(a, b) in &constraints.cannot_link {
            prop_assert_ne!(found.of(a), found.of(b));
        }
        let only_linked = Constraints { cannot_link: Vec::new(), photos: Vec::new(), ..constraints.clone() };
        let connected = linked(&only_linked.must_link, n);
        for a in 0..n {
            for b in 0..a {
                if photos[a] == photos[b] && connected[a] != connected[b] {
                    prop_assert_ne!(found.of(a as u32), found.of(b as u32), "faces of one photo");
                }
            }
        }
    }

    #[test]
    fn the_order_of_the_faces_does_not_matter(seed in 0u64..1_000_000, noise in 0.5f32..1.6) {
        let (values, labels) = people(seed, 25, noise);
        let mut random = Pcg64::seed_from_u64(seed + 1);
        let constraints = Constraints {
            must_link: pairs(&mut random, labels.len(), 3),
            cannot_link: Vec::new(),
            photos: (0..labels.len()).map(|_| random.random_range(0..60)).collect(),
        };
        let mut order: Vec<usize> = (0..labels.len()).collect();
        order.shuffle(&mut random);
        let mut place = vec![0u32; order.len()];
        order.iter().enumerate().for_each(|(at, &face)| place[face] = at as u32);
        let shuffled: Vec<f32> = order.iter().flat_map(|&f| values[f * DIM..][..DIM].to_vec()).collect();
        let moved = Constraints {
            must_link: constraints.must_link.iter().map(|&(a, b)| (place[a as usize], place[b as usize])).collect(),
            cannot_link: Vec::new(),
            photos: order.iter().map(|&face| constraints.photos[face]).collect(),
        };
        let found = clustered(&values, &constraints).unwrap();
        let other = clustered(&shuffled, &moved).unwrap();
        let back: Vec<u32> = place.iter().map(|&at| other.of(at)).collect();
        prop_assert!(same_sets(found.of_faces(), &back));
    }

    #[test]
    fn added_and_removed_faces_give_the_clusters_from_scratch(
        seed in 0u64..1_000_000, noise in 0.5f32..1.6, share in 0.1f64..0.99,
    ) {
        let (values, labels) = people(seed, 25, noise);
        let start = 1 + (labels.len() as f64 * share) as usize;
        let mut faces = Faces::new(&values[..start.min(labels.len()) * DIM], DIM, Distance::Cosine).unwrap();
        let mut neighbours = Neighbours::new(&faces, K).unwrap();
        let (mut cache, constraints) = (ClusterCache::default(), Constraints::default());
        cluster(&faces, &neighbours, &constraints, &CONFIG, &mut cache).unwrap();
        for rest in values[faces.len() * DIM..].chunks(3 * DIM) {
            faces.extend(rest).unwrap();
            neighbours.extend(&faces).unwrap();
            let found = cluster(&faces, &neighbours, &constraints, &CONFIG, &mut cache).unwrap();
            prop_assert_eq!(&found, &clustered(&values[..faces.len() * DIM], &constraints).unwrap());
        }
        let mut random = Pcg64::seed_from_u64(seed + 1);
        let kept: Vec<bool> = labels.iter().map(|_| random.random::<f32>() < 0.8).collect();
        let remaining: Vec<f32> = values.chunks(DIM).zip(&kept).filter(|(_, k)| **k).flat_map(|(v, _)| v).copied().collect();
        let faces = Faces::new(&remaining, DIM, Distance::Cosine).unwrap();
        neighbours.remove(&kept, &faces).unwrap();
        prop_assert_eq!(&neighbours, &Neighbours::new(&faces, K).unwrap());
        let found = cluster(&faces, &neighbours, &constraints, &CONFIG, &mut cache).unwrap();
        prop_assert_eq!(found, clustered(&remaining, &constraints).unwrap());
    }
}

/// For every face the smallest face that links connect it with.
fn linked(links: &[(u32, u32)], faces: usize) -> Vec<u32> {
    let mut names: Vec<u32> = (0..faces as u32).collect();
    for _ in 0..=links.len() {
        for &(a, b) in links {
            let least = names[a as usize].min(names[b as usize]);
            (names[a as usize], names[b as usize]) = (least, least);
        }
    }
    names
}

#[test]
fn unchanged_components_are_not_clustered_again() {
    let (values, _) = people(5, 40, 0.5);
    let faces = Faces::new(&values, DIM, Distance::Cosine).unwrap();
    let neighbours = Neighbours::new(&faces, K).unwrap();
    let (mut cache, none) = (ClusterCache::default(), Constraints::default());
    cluster(&faces, &neighbours, &none, &CONFIG, &mut cache).unwrap();
    assert!(cache.len() > 20 && cache.reused() == 0);
    cluster(&faces, &neighbours, &none, &CONFIG, &mut cache).unwrap();
    assert_eq!(cache.reused(), cache.len());
    let separated = Constraints { cannot_link: vec![(0, 1)], ..none };
    let found = cluster(&faces, &neighbours, &separated, &CONFIG, &mut cache).unwrap();
    assert_eq!(cache.reused(), cache.len() - 1);
    assert_ne!(found.of(0), found.of(1));
}

#[test]
fn a_person_with_many_equal_photos_is_one_cluster() {
    // Every face has more near duplicates than neighbours, so that no edge leads from one burst to the next.
    let mut random = Pcg64::seed_from_u64(3);
    let mut values = Vec::new();
    for burst in 0..6 {
        for _ in 0..3 * K {
            let mut face = vec![0.0f32; DIM];
            (face[0], face[1 + burst]) = (2.0, 0.9);
            face.iter_mut().for_each(|value| *value += 0.001 * random.random::<f32>());
            values.extend(face);
        }
    }
    let found = clustered(&values, &Constraints::default()).unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn euclidean_embeddings_are_clustered_too() {
    let (values, labels) = people(7, 40, 0.5);
    let faces = Faces::new(&values, DIM, Distance::Euclidean).unwrap();
    let neighbours = Neighbours::new(&faces, K).unwrap();
    let config = ClusterConfig { radius: 2.5, single: 1.8, limit: 0.9, attach: 1.2, core_size: 4 };
    let found =
        cluster(&faces, &neighbours, &Constraints::default(), &config, &mut ClusterCache::default()).unwrap();
    let agreement = bcubed(&labels, found.of_faces()).unwrap();
    assert!(agreement.precision > 0.99 && agreement.recall > 0.97, "{agreement:?}");
}

#[test]
fn contradictions_and_wrong_sizes_are_refused() {
    let (values, labels) = people(2, 5, 0.5);
    let refused = |constraints: &Constraints| clustered(&values, constraints).unwrap_err();
    let contradiction =
        Constraints { must_link: vec![(0, 1), (1, 2)], cannot_link: vec![(2, 0)], photos: Vec::new() };
    let error = refused(&contradiction);
    assert!(matches!(error, SearchError::ContradictoryLinks { a: 2, b: 0 }), "{error}");
    assert!(error.hint().is_some());
    let itself = Constraints { cannot_link: vec![(3, 3)], ..Constraints::default() };
    assert!(matches!(refused(&itself), SearchError::ContradictoryLinks { a: 3, b: 3 }));
    let n = labels.len() as u32;
    for bad in [
        Constraints { must_link: vec![(0, n)], ..Constraints::default() },
        Constraints { cannot_link: vec![(n, 0)], ..Constraints::default() },
        Constraints { photos: vec![0; labels.len() + 1], ..Constraints::default() },
    ] {
        assert!(matches!(refused(&bad), SearchError::BadArgument { .. }), "{bad:?}");
    }
    // Must-links outweigh the rule that faces of a photo are of different people.
    let collage =
        Constraints { must_link: vec![(0, 1)], cannot_link: Vec::new(), photos: vec![7; labels.len()] };
    let found = clustered(&values, &collage).unwrap();
    assert_eq!((found.of(0), found.len()), (found.of(1), labels.len() - 1));
}

#[test]
fn few_equal_and_broken_faces() {
    let none = Constraints::default();
    assert!(clustered(&[], &none).unwrap().is_empty());
    assert_eq!(clustered(&[1.0; DIM], &none).unwrap().of_faces(), [0]);
    assert_eq!(clustered(&[1.0; 30 * DIM], &none).unwrap().of_faces(), [0; 30]);
    let zero = clustered(&[0.0; 3 * DIM], &none).unwrap();
    assert_eq!(zero.len(), 3, "a zero vector is near no face");
    for bad in [f32::NAN, f32::INFINITY] {
        let error = clustered(&[bad; DIM], &none).unwrap_err();
        assert!(matches!(error, SearchError::BadEmbeddings { .. }), "{error}");
    }
    assert!(Faces::new(&[1.0; 5], 2, Distance::Cosine).is_err());
    assert!(Faces::new(&[], 0, Distance::Cosine).is_err());
    assert!(Faces::new(&[1.0; 4], 2, Distance::Jaccard).is_err());
    let faces = Faces::new(&[1.0; 4], 2, Distance::Cosine).unwrap();
    assert!(Neighbours::new(&faces, 0).is_err());
    let neighbours = Neighbours::new(&faces, 5).unwrap();
    let more = Faces::new(&[1.0; 6], 2, Distance::Cosine).unwrap();
    assert!(cluster(&more, &neighbours, &none, &CONFIG, &mut ClusterCache::default()).is_err());
    let fewer = Faces::new(&[1.0; 2], 2, Distance::Cosine).unwrap();
    assert!(neighbours.clone().extend(&fewer).is_err());
    assert!(neighbours.clone().remove(&[true, true], &fewer).is_err());
    neighbours.clone().remove(&[true, false], &fewer).unwrap();
}

#[test]
fn limits_follow_from_the_thresholds_and_the_gallery() {
    let at = |distance, fmr| Threshold { fmr, distance, pairs: 1000 };
    let thresholds = Thresholds::new(vec![at(0.56, 1e-4), at(0.67, 1e-3), at(0.76, 1e-2)]).unwrap();
    let few = Faces::new(&people(1, 2, 0.5).0, DIM, Distance::Cosine).unwrap();
    let config = ClusterConfig::fit(&few, &thresholds);
    assert!(
        (config.radius - 1.52).abs() < 1e-6 && (config.single - 0.97 * 1.12).abs() < 1e-6,
        "a small gallery says nothing: {config:?}"
    );
    // People who have a direction in common are nearer to each other.
    let shifted: Vec<f32> = people(1, 50, 0.5)
        .0
        .chunks(DIM)
        .flat_map(|face| {
            face.iter().enumerate().map(|(at, v)| if at == 0 { v + 0.8 } else { *v }).collect::<Vec<_>>()
        })
        .collect();
    let shifted = ClusterConfig::fit(&Faces::new(&shifted, DIM, Distance::Cosine).unwrap(), &thresholds);
    assert!(shifted.single < 0.8 * config.single && shifted.radius < config.radius, "{shifted:?}");
    // Without thresholds they are estimated.
    let many = Faces::new(&people(1, 50, 0.5).0, DIM, Distance::Cosine).unwrap();
    let estimated = ClusterConfig::fit(&many, &Thresholds::default());
    assert!(
        estimated.single > 0.0 && estimated.single < estimated.radius && estimated.radius < 2.0,
        "{estimated:?}"
    );
}
