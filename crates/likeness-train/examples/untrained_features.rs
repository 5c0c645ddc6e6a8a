//! How far published weights get without any training: a ResNet's features after a stage, averaged over the picture.
//!
//! Run: `cargo run --release -p likeness-train --example untrained_features -- DATASET WEIGHTS [STAGE] [SIDE]`; searches
//! leave-one-out among the faces of the dataset's test split.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::{Context, bail};
use burn::tensor::Device;
use likeness_data::augment::AugmentConfig;
use likeness_data::dataset::Dataset;
use likeness_data::sample::Split;
use likeness_search::{Distance, EmbeddingTable, EvaluateConfig, ModelTag, Protocol, Row, evaluate};
use likeness_train::backbone::{Architecture, BackboneConfig, Layers};
use likeness_train::layer::Pass;
use likeness_train::loader::{FaceFile, Loader, LoaderConfig};
use likeness_train::weights::{LoadOptions, WeightsFile, load_from};

const BATCH: usize = 32;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [dataset, weights, more @ ..] = &arguments[..] else {
        bail!("expected DATASET WEIGHTS [STAGE] [SIDE]")
    };
    let number = |at: usize, default: u32| more.get(at).map_or(Ok(default), |text| text.parse());
    let (stages, size) = (number(0, 3)? as usize, number(1, 112)?);

    let file = WeightsFile::open(Path::new(weights))?;
    let mut config = BackboneConfig::new(Architecture::ResNet50);
    config.adopt(file.metadata())?;
    let device = Device::flex();
    let mut backbone = config.init_seeded(&device, 0)?;
    let later = (stages + 1..=4).map(|stage| format!("layer{stage}")).collect();
    load_from(&mut backbone, &file, &LoadOptions { allow_missing: later, ..LoadOptions::default() })?;
    let Layers::ResNet(layers) = backbone.layers() else { bail!("expected a ResNet") };

    let dataset = Dataset::open(Path::new(dataset))?;
    let faces: Vec<_> =
        dataset.faces.iter().filter(|f| f.split == Split::Test && f.identity.is_some()).collect();
    let files = faces.iter().map(|face| FaceFile { path: dataset.path_of(face), label: 0 }).collect();
    let loader = Loader::new(
        files,
        LoaderConfig {
            size,
            normalization: Architecture::ResNet50.normalization(),
            augment: AugmentConfig::none(),
            seed: 0,
            threads: 1,
            batches_ahead: 2,
            cache_bytes: 0,
        },
    )?;
    let order: Vec<usize> = (0..faces.len()).collect();
    let batches: Vec<Vec<usize>> = order.chunks(BATCH).map(<[usize]>::to_vec).collect();
    let (mut rows, mut values, mut dimension) = (Vec::new(), Vec::new(), 0);
    for batch in loader.epoch(0, &batches)? {
        let map = layers.feature_map(batch.images(&device), stages, &mut Pass::evaluation());
        dimension = map.dims()[1];
        let features = map.mean_dim(3).mean_dim(2).into_data();
        values.extend_from_slice(features.as_slice::<f32>().ok().context("expected 32-bit numbers")?);
        rows.extend(batch.faces.iter().map(|&i| Row {
            identity: faces[i].identity.clone(),
            sha256: faces[i].sha256.clone(),
            ..Row::new(&faces[i].path)
        }));
    }
    let table =
        EmbeddingTable::new(ModelTag::new("features", "", dimension, Distance::Cosine), rows, values)?;
    let found = evaluate(&table, Protocol::LeaveOneOut, &EvaluateConfig::default())?;
    let percent =
        [found.top1, found.top5, found.top10, found.map].map(|share| format!("{:.1}", 100.0 * share));
    println!(
        "{} queries: top-1 {} top-5 {} top-10 {} mAP {}",
        found.queries, percent[0], percent[1], percent[2], percent[3]
    );
    Ok(())
}
