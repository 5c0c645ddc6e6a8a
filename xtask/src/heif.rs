//! The system's libheif, which decodes HEIC and AVIF: whether it is there, and its installation for the tests.

use std::process::{Command, Stdio};

/// A part of the name of each test that decodes with libheif.
pub(crate) const TESTS: &str = "with_libheif";

/// Debian's packages: the library, and its decoders where these are packages of their own.
const PACKAGES: [&str; 3] = ["libheif1", "libheif-plugin-libde265", "libheif-plugin-dav1d"];

/// Whether libheif is installed. It is installed first if this process may do that; otherwise the remedy is printed.
pub(crate) fn is_installed() -> bool {
    if is_there() {
        return true;
    }
    if may_install() {
        install();
    }
    let there = is_there();
    if !there {
        eprintln!(
            "libheif is not installed: tests that decode HEIC and AVIF are skipped (apt-get install {})",
            PACKAGES[0]
        );
    }
    there
}

fn is_there() -> bool {
    let listed = Command::new("ldconfig").arg("-p").output();
    listed.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("libheif.so.1"))
}

/// Whether this is the administrator of a system with Debian's packages.
fn may_install() -> bool {
    let user = Command::new("id").arg("-u").output();
    let is_root = user.is_ok_and(|output| output.stdout.trim_ascii() == b"0");
    is_root && succeeds("apt-get", &["--version"])
}

fn install() {
    eprintln!("installing {}", PACKAGES[0]);
    if !succeeds("apt-get", &["install", "-y", PACKAGES[0]]) {
        succeeds("apt-get", &["update"]);
        succeeds("apt-get", &["install", "-y", PACKAGES[0]]);
    }
    for package in &PACKAGES[1..] {
        if succeeds("apt-cache", &["show", package]) {
            succeeds("apt-get", &["install", "-y", package]);
        }
    }
}

fn succeeds(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(args).env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}
