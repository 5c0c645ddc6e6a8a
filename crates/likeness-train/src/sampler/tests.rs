use std::collections::{BTreeSet, HashMap};

use proptest::prelude::*;

use super::*;

fn balanced(p: usize, k: usize, images_per_epoch: usize) -> SamplerConfig {
    SamplerConfig::Balanced(BalancedConfig {
        identities_per_batch: p,
        images_per_identity: k,
        images_per_epoch,
    })
}

fn shuffled(batch_size: usize) -> SamplerConfig {
    SamplerConfig::Shuffled(ShuffledConfig { batch_size })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn balanced_batches_hold_p_times_k(
        sizes in prop::collection::vec(1usize..9, 2..12), p in 2usize..12, k in 2usize..6, epoch in 0u64..9, more in 0usize..90,
    ) {
        let labels: Vec<u32> =
            sizes.iter().enumerate().flat_map(|(i, n)| vec![10 * i as u32; *n]).collect();
        prop_assume!(p <= sizes.len());
        let batches = balanced(p, k, more).build(&labels, 1).unwrap().batches(epoch);
        let images = if more == 0 { labels.len() } else { more };
        prop_assert_eq!(batches.len(), images.div_ceil(p * k));
        let mut turns = HashMap::new();
        for batch in &batches {
            prop_assert_eq!(batch.len(), p * k);
            let groups: Vec<u32> = batch.chunks(k).map(|group| labels[group[0]]).collect();
            prop_assert_eq!(groups.iter().collect::<BTreeSet<_>>().len(), p);
            for group in batch.chunks(k) {
                prop_assert!(group.iter().all(|i| labels[*i] == labels[group[0]]));
                let here = labels.iter().filter(|l| **l == labels[group[0]]).count();
                prop_assert_eq!(group.iter().collect::<BTreeSet<_>>().len(), k.min(here));
                *turns.entry(labels[group[0]]).or_insert(0usize) += 1;
            }
        }
        // Identities take turns: none comes twice more often than another.
        let count = |i: usize| turns.get(&(10 * i as u32)).copied().unwrap_or(0);
        let counts: Vec<usize> = (0..sizes.len()).map(count).collect();
        prop_assert!(counts.iter().max().unwrap() - counts.iter().min().unwrap() <= 1, "{:?}", counts);
    }

    #[test]
    fn images_of_an_identity_take_turns(n in 1usize..9, k in 2usize..6) {
        let labels: Vec<u32> = [vec![0; n], vec![1; 40]].concat();
        let batches = balanced(2, k, 20 * k).build(&labels, 3).unwrap().batches(0);
        let mut seen = vec![0usize; n];
        for image in batches.iter().flatten().filter(|i| **i < n) {
            seen[*image] += 1;
        }
        prop_assert_eq!(seen.iter().sum::<usize>(), 10 * k);
        prop_assert!(seen.iter().max().unwrap() - seen.iter().min().unwrap() <= 1, "{:?}", seen);
    }

    #[test]
    fn shuffled_batches_hold_every_image_once(n in 1usize..60, batch_size in 1usize..20) {
        let batches = shuffled(batch_size).build(&vec![0; n], 1).unwrap().batches(4);
        let mut all: Vec<usize> = batches.iter().flatten().copied().collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..n).collect::<Vec<_>>());
        let (last, before) = batches.split_last().unwrap();
        prop_assert!(before.iter().all(|b| b.len() == batch_size));
        prop_assert!(last.len() <= batch_size + 1);
        prop_assert!(last.len() > 1 || batch_size == 1 || n == 1);
    }
}

#[test]
fn epochs_differ_and_repeat() {
    let labels: Vec<u32> = (0..60).map(|i| i % 6).collect();
    for config in [balanced(3, 4, 0), shuffled(7)] {
        let sampler = config.build(&labels, 5).unwrap();
        assert_eq!(sampler.batches(2), config.build(&labels, 5).unwrap().batches(2));
        assert_ne!(sampler.batches(2), sampler.batches(3));
        assert_ne!(sampler.batches(2), config.build(&labels, 6).unwrap().batches(2));
    }
}

#[test]
fn impossible_settings_are_refused() {
    let labels = [0, 0, 1, 1];
    for config in [balanced(3, 2, 0), balanced(1, 2, 0), balanced(2, 1, 0), balanced(0, 0, 0), shuffled(0)] {
        assert!(config.build(&labels, 0).is_err(), "{config:?}");
    }
    let error = balanced(3, 2, 0).build(&labels, 0).unwrap_err();
    assert_eq!(error.to_string(), "batches of 3 identities, but there are 2");
    assert!(error.hint().unwrap().contains("--identities-per-batch 2 or fewer"), "{error:?}");
    let alone = balanced(2, 2, 0).build(&[4, 4, 4], 0).unwrap_err();
    assert_eq!(alone.hint(), Some("learning to tell people apart takes two identities or more"));
    assert!(shuffled(2).build(&[], 0).is_err());
}

#[test]
fn few_images_are_warned_of() {
    let sampler = balanced(2, 3, 0).build(&[0, 1, 1, 2, 2, 2], 0).unwrap();
    assert_eq!(
        sampler.warnings(),
        [
            SamplerWarning::SingleImage { identities: 1 },
            SamplerWarning::FewImages { identities: 2, images_per_identity: 3 }
        ]
    );
    assert!(balanced(2, 2, 0).build(&[0, 0, 1, 1], 0).unwrap().warnings().is_empty());
    assert!(shuffled(2).build(&[0, 1], 0).unwrap().warnings().is_empty());
}

#[test]
fn samplers_read_as_toml() {
    #[derive(Deserialize)]
    struct Run {
        sampler: SamplerConfig,
    }
    let text = "[sampler.balanced]\nidentities_per_batch = 8\n";
    let BalancedConfig { images_per_identity, images_per_epoch, .. } = BalancedConfig::default();
    let expected = BalancedConfig { identities_per_batch: 8, images_per_identity, images_per_epoch };
    assert_eq!(toml::from_str::<Run>(text).unwrap().sampler, SamplerConfig::Balanced(expected));
}
