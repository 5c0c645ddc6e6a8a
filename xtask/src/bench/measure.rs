//! Measures a program: wall time, CPU time and peak resident memory.
//!
//! CPU time is the kernel's count for finished child processes, with their own children. Peak memory is `VmHWM`, read while
//! the program runs. Both exist on Linux only and are zero elsewhere.

use std::io::Read;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

/// Time between two reads of the peak memory. The peak never falls, so only its last rise can be missed.
const LOOK: Duration = Duration::from_millis(10);
/// Linux reports CPU time in units of 1/100 s, whatever the kernel's own tick.
const TICKS_PER_SECOND: f64 = 100.0;

/// Time and memory of one run.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Usage {
    pub(super) seconds: f64,
    pub(super) cpu_seconds: f64,
    pub(super) peak_mib: f64,
}

/// Runs `command` to its end, without its output.
///
/// # Errors        it cannot be started, or its exit status is not 0
pub(super) fn measure(command: &mut Command) -> Result<Usage> {
    measure_output(command).map(|(_, usage)| usage)
}

/// As [`measure`], and returns the command's stdout.
pub(super) fn measure_output(command: &mut Command) -> Result<(String, Usage)> {
    let cpu_before = children_cpu_seconds();
    let start = Instant::now();
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("cannot be started")?;
    let mut stdout = child.stdout.take().context("has no stdout")?;
    let reader = std::thread::spawn(move || {
        let mut text = String::new();
        stdout.read_to_string(&mut text).map(|_| text)
    });
    let mut peak_mib: f64 = 0.0;
    let status = loop {
        peak_mib = peak_mib.max(resident_peak_mib(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(LOOK);
    };
    let seconds = start.elapsed().as_secs_f64();
    ensure!(status.success(), "{:?} ended with {status}", command.get_program());
    let text = reader.join().expect("reading does not panic").context("printed no text")?;
    Ok((text, Usage { seconds, cpu_seconds: children_cpu_seconds() - cpu_before, peak_mib }))
}

/// Wall time of `command` in seconds, without reading its memory.
pub(super) fn time(command: &mut Command) -> Result<f64> {
    let start = Instant::now();
    let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    ensure!(status.success(), "{:?} ended with {status}", command.get_program());
    Ok(start.elapsed().as_secs_f64())
}

/// The median; of an even number of values the upper of the middle two.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

fn resident_peak_mib(process: u32) -> f64 {
    let status = fs_err::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// The fields `cutime` and `cstime` of `proc_pid_stat(5)`.
fn children_cpu_seconds() -> f64 {
    let stat = fs_err::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = after_name.split_whitespace().skip(13).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / TICKS_PER_SECOND
}
