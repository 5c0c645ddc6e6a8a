//! Ctrl-C: the first asks to stop after the work in hand, the second quits at once.

use std::sync::atomic::{AtomicBool, Ordering};

static STOP: AtomicBool = AtomicBool::new(false);

/// The flag that Ctrl-C, or a request to terminate, raises.
#[allow(clippy::print_stderr)]
pub(crate) fn listen() -> &'static AtomicBool {
    let listening = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        eprintln!("\nstopping after the work in hand; once more to quit at once");
    });
    if let Err(error) = listening {
        eprintln!("note: Ctrl-C will stop without finishing the work in hand: {error}");
    }
    &STOP
}
