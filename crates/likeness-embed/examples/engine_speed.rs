//! Times a network on one engine, from faces to embeddings; prints JSON, a line for each BATCHxTHREADS.
//!
//! Run: `cargo run --release -p likeness-model --example engine_speed -- MODEL ENGINE SIDE SECONDS BATCHxTHREADS…`. As many
//! callers as THREADS, each on one thread with its own batches; ORT_DYLIB_PATH names ONNX Runtime's library.
//! `xtask/peers/engine.py` does the same with Python's libraries.

#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use anyhow::Context;
use image::RgbImage;
use likeness_embed::{Embedder, load_embedder_on};
use likeness_engine::EngineConfig;
use likeness_model::preprocess::PreprocessOverrides;

/// Seconds of processor time, and the largest resident size in MiB, as Linux tells them.
fn usage() -> (f64, f64) {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let ticks = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: f64 = ticks.skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = fs_err::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|line| line.trim().trim_end_matches(" kB").parse::<f64>().ok());
    (ticks / 100.0, peak.unwrap_or(0.0) / 1024.0)
}

/// What the callers of one mode are given.
struct Mode {
    faces: Vec<RgbImage>,
    threads: usize,
    length: Duration,
}

impl Mode {
    /// Reads "BATCHxTHREADS".
    fn parse(text: &str, side: u32, length: Duration) -> anyhow::Result<Self> {
        let (batch, threads) = text.split_once('x').context("expected BATCHxTHREADS")?;
        let value = |x: u32, y: u32, at: u32| ((x * 7 + y * 13 + at * 29) % 256) as u8;
        let face = |at: u32| {
            RgbImage::from_fn(side, side, |x, y| {
                image::Rgb([value(x, y, at), value(y, x, at), value(x, x, y)])
            })
        };
        Ok(Self { faces: (0..batch.parse()?).map(face).collect(), threads: threads.parse()?, length })
    }

    /// The seconds that each call took.
    fn latencies(&self, embedder: &dyn Embedder) -> likeness_embed::Result<Vec<f64>> {
        let caller = || {
            let (start, mut own) = (Instant::now(), Vec::new());
            while start.elapsed() < self.length {
                let call = Instant::now();
                embedder.embed(&self.faces)?;
                own.push(call.elapsed().as_secs_f64());
            }
            Ok(own)
        };
        let parts = std::thread::scope(|scope| {
            let callers: Vec<_> = (0..self.threads).map(|_| scope.spawn(caller)).collect();
            let ends = callers.into_iter().map(|c| c.join().expect("embedding does not panic"));
            ends.collect::<likeness_embed::Result<Vec<_>>>()
        })?;
        Ok(parts.concat())
    }
}

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, engine, side, seconds, modes @ ..] = &arguments[..] else {
        anyhow::bail!("expected MODEL ENGINE SIDE SECONDS BATCHxTHREADS...");
    };
    let (side, length) = (side.parse()?, Duration::from_secs_f64(seconds.parse()?));
    for told in modes {
        let mode = Mode::parse(told, side, length)?;
        let begun = Instant::now();
        let overrides = PreprocessOverrides { input_size: Some([side; 2]), ..Default::default() };
        let config = EngineConfig { choice: engine.parse()?, ..EngineConfig::default() };
        let embedder = load_embedder_on(model, &overrides, &config)?;
        let load = begun.elapsed();
        Mode { length: Duration::from_millis(1), faces: mode.faces.clone(), ..mode }
            .latencies(embedder.as_ref())?;
        let (cpu_before, _) = usage();
        let start = Instant::now();
        let mut latencies = mode.latencies(embedder.as_ref())?;
        let wall = start.elapsed().as_secs_f64();
        latencies.sort_by(f64::total_cmp);
        let (cpu, peak_mib) = usage();
        let pictures = (latencies.len() * mode.faces.len()) as f64;
        let quantile = |share: f64| 1e3 * latencies[((latencies.len() - 1) as f64 * share).ceil() as usize];
        let answer = serde_json::json!({
            "engine": engine,
            "mode": told,
            "images_per_s": pictures / wall,
            "p50_ms": quantile(0.5),
            "p99_ms": quantile(0.99),
            "cpu_ms": 1e3 * (cpu - cpu_before) / pictures,
            "peak_mib": peak_mib,
            "load_ms": 1e3 * load.as_secs_f64(),
        });
        println!("{answer}");
    }
    Ok(())
}
