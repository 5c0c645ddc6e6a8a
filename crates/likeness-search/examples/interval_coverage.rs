//! Prints the coverage of three kinds of intervals of error rates on simulated people.
//!
//! Run: `cargo run --release -p likeness-search --example interval_coverage [REPETITIONS]`
#![allow(clippy::unwrap_used, clippy::print_stdout)]

#[path = "../tests/interval_coverage/simulation.rs"]
mod simulation;

use simulation::Simulation;

fn main() {
    let repetitions = std::env::args().nth(1).map_or(1000, |count| count.parse().expect("a number"));
    println!("| rate | true | people | images | adjusted Wilson | plain Wilson | bootstrap | widths |");
    println!("|---|---|---|---|---|---|---|---|");
    // Standard normal quantiles of 1 − rate.
    let rates = [(0.01, 2.326_347_874, false), (0.001, 3.090_232_306, false), (0.05, 1.644_853_627, true)];
    for (rate, quantile, mated) in rates {
        for (identities, images) in [(25, 4), (50, 4), (100, 4), (58, 8)] {
            let [a, b, c] = Simulation { identities, images, rate, quantile, mated }.coverage(repetitions);
            println!(
                "| {} | {rate} | {identities} | {images} | {:.3} | {:.3} | {:.3} | {:.4} {:.4} {:.4} |",
                if mated { "FNMR" } else { "FMR" },
                a.covered,
                b.covered,
                c.covered,
                a.width,
                b.width,
                c.width
            );
        }
    }
}
