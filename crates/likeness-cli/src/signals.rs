//! Ctrl-C, a request to terminate, and a closed terminal.
//!
//! The first signal asks the running command to stop after the current step; the second ends the process at once. A
//! command that has not stopped [`PATIENCE`] after the first signal is ended too: everything that the program writes
//! survives that. Signals that the parent process ignores, as `nohup` ignores SIGHUP, stay ignored. The exit code of a
//! stopped command is 128 plus the number of the signal, as in shells: 130 for SIGINT, 143 for SIGTERM.
// The one module that ends the process.
#![allow(clippy::disallowed_methods)]

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::Duration;

use crate::print::say;

static STOP: AtomicBool = AtomicBool::new(false);
/// The first signal that was received; 0 for none.
static RECEIVED: AtomicI32 = AtomicI32::new(0);

/// Longest time between the first signal and the end of the process.
const PATIENCE: Duration = Duration::from_secs(10);

/// Handles signals from now on. Returns the flag that the first signal raises.
pub(crate) fn listen() -> &'static AtomicBool {
    if let Err(error) = system::listen() {
        say(format!("warning: signals cannot be handled, so Ctrl-C ends the program at once: {error}"));
    }
    &STOP
}

/// The exit code of a command that was stopped by a signal; `None` without a signal.
pub(crate) fn exit_code() -> Option<u8> {
    match RECEIVED.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(code_of(signal)),
    }
}

fn code_of(signal: i32) -> u8 {
    u8::try_from(128 + signal).unwrap_or(u8::MAX)
}

/// Handles one signal on the listening thread.
fn handle(signal: i32) {
    let is_first = RECEIVED.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed).is_ok();
    STOP.store(true, Ordering::Relaxed);
    if !is_first {
        std::process::exit(i32::from(code_of(signal)));
    }
    say("stopping after the current step; send the signal again to quit at once");
    std::thread::spawn(move || {
        std::thread::sleep(PATIENCE);
        say(format!("not stopped after {} s: quitting", PATIENCE.as_secs()));
        std::process::exit(i32::from(code_of(signal)));
    });
}

#[cfg(unix)]
mod system {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::iterator::Signals;

    /// Starts a thread that handles all signals that are not ignored.
    pub(super) fn listen() -> std::io::Result<()> {
        let wanted: Vec<i32> = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|s| !is_ignored(*s)).collect();
        if wanted.is_empty() {
            return Ok(());
        }
        let mut signals = Signals::new(wanted)?;
        std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
            signals.forever().for_each(super::handle);
        })?;
        Ok(())
    }

    /// Whether the process was started with `signal` ignored.
    #[allow(unsafe_code)]
    fn is_ignored(signal: i32) -> bool {
        let mut action = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
        // SAFETY: a null new action only queries; `action` is a valid place for the answer, which is read only on success.
        unsafe {
            libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr()) == 0
                && action.assume_init().sa_sigaction == libc::SIG_IGN
        }
    }
}

#[cfg(not(unix))]
mod system {
    /// Leaves signals with their default effect: the program ends at once. Files stay intact.
    pub(super) fn listen() -> std::io::Result<()> {
        Ok(())
    }
}
