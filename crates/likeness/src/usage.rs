//! Processor time and peak memory of this process.

use std::time::Duration;

/// Processor time of all threads so far.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}

/// Peak resident memory in bytes; `None` where the system does not tell.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = fs_err::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib * 1024)
}

/// Starts a new measurement of peak memory, where the system allows it.
#[allow(clippy::disallowed_methods)] // The system's own file is not replaced by a new one.
pub(crate) fn reset_peak_memory() {
    // Value 5 of proc(5) resets VmHWM. Without permission the peak is that of the whole run.
    let _ = fs_err::write("/proc/self/clear_refs", "5");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_grows() {
        let before = cpu_time();
        let mut sum = 0u64;
        while cpu_time() < before + Duration::from_millis(20) {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(cpu_time() > before && sum > 0);
    }
}
