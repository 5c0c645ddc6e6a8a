//! Times one ONNX graph on our own engine and on rten, on one thread; prints milliseconds of CPU time a picture.
//!
//! Run: `cargo run --release -p likeness-model --example engine_speed -- MODEL.onnx BATCH SIZE [HEIGHT]`

#![allow(clippy::print_stdout)]

use std::time::Instant;

use anyhow::{Context, anyhow};
use likeness_model::engine::DirectNetwork;
use rten_tensor::prelude::*;

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, batch, width, rest @ ..] = arguments.as_slice() else {
        return Err(anyhow!("expected MODEL.onnx BATCH WIDTH [HEIGHT]"));
    };
    let (batch, width): (usize, usize) = (batch.parse()?, width.parse()?);
    let height = rest.first().map_or(Ok(width), |h| h.parse())?;
    let bytes = fs_err::read(path)?;
    let shape = [batch, 3, height, width];
    let input: Vec<f32> =
        (0..shape.iter().product()).map(|i| ((i * 7919 % 1021) as f32 / 4.0).floor()).collect();

    let ours = DirectNetwork::load(&bytes).map_err(|e| anyhow!("{path}: {e}"))?;
    let answers = ours.run(&shape, &input, None).map_err(|e| anyhow!("{path}: {e}"))?;
    let milliseconds = time(|| drop(ours.run(&shape, &input, None)));
    println!("direct {:8.3} ms", milliseconds / batch as f64);

    let model = rten::Model::load(bytes)?;
    let pool = std::sync::Arc::new(rten::ThreadPool::with_num_threads(1));
    let tensor = rten_tensor::NdTensor::from_data(shape, input);
    let run = || {
        let options = rten::RunOptions::default().with_thread_pool(Some(pool.clone()));
        model.run(vec![(model.input_ids()[0], tensor.view().into())], model.output_ids(), Some(options))
    };
    let expected = run()?;
    for (ours, theirs) in answers.iter().zip(expected) {
        let theirs = rten_tensor::Tensor::<f32>::try_from(theirs).map_err(|e| anyhow!("{e}"))?;
        anyhow::ensure!(ours.shape == theirs.shape(), "{}: {:?} {:?}", ours.name, ours.shape, theirs.shape());
        let theirs = theirs.to_vec();
        let difference = ours.data.iter().zip(&theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        let largest = theirs.iter().map(|v| v.abs()).fold(0.0, f32::max);
        println!("  {:12} {:?}: largest {largest:.4}, difference {difference:.2e}", ours.name, ours.shape);
    }
    println!("rten   {:8.3} ms", time(|| drop(run())) / batch as f64);
    Ok(())
}

/// The median time of a call, in milliseconds, over rounds that are long beside the clock's ticks.
fn time(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    work();
    let calls = (0.2 / start.elapsed().as_secs_f64()).ceil().max(1.0);
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let before = cpu_seconds().unwrap_or_default();
            (0..calls as usize).for_each(|_| work());
            (cpu_seconds().unwrap_or_default() - before) / calls
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2] * 1e3
}

/// CPU time of this process, all threads together.
fn cpu_seconds() -> anyhow::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs_err::read_dir("/proc/self/task")? {
        let text = fs_err::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += text.split_whitespace().next().context("empty")?.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}
