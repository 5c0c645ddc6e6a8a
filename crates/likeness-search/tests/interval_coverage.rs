//! Verifies by simulation that intervals of error rates contain the true rate in about 95 % of trials.
#![allow(clippy::unwrap_used)]

#[path = "interval_coverage/simulation.rs"]
mod simulation;

use simulation::Simulation;

#[test]
#[ignore = "simulates for half a minute"]
fn adjusted_intervals_contain_the_true_rate_in_95_percent_of_trials() {
    // Standard normal quantiles of 1 − rate.
    for (rate, quantile, mated) in [(0.01, 2.326_347_874, false), (0.05, 1.644_853_627, true)] {
        for identities in [50, 100] {
            let [adjusted, plain, _] =
                Simulation { identities, images: 4, rate, quantile, mated }.coverage(600);
            // Two standard errors of a share of 0.95 of 600 trials are 0.018. With few and very different people coverage is 92 to 95 %.
            assert!((0.90..=0.985).contains(&adjusted.covered), "{rate} {identities}: {adjusted:?}");
            assert!(plain.covered < adjusted.covered, "plain intervals ignore that people differ: {plain:?}");
            assert!(adjusted.width > plain.width);
        }
    }
}
