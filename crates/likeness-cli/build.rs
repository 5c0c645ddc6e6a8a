//! Lets the linker fold identical functions, which makes the program several megabytes smaller.

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    // Rust's own linker for this target; others may not know the option.
    if std::env::var("TARGET").as_deref() == Ok("x86_64-unknown-linux-gnu") && has_bundled_lld() {
        println!("cargo:rustc-link-arg-bins=-Wl,--icf=all");
    }
}

/// Whether this compiler links with the linker that it brings along, and no flag names another one.
fn has_bundled_lld() -> bool {
    let is_flagged = |name: &str| std::env::var(name).is_ok_and(|flags| flags.contains("link"));
    if is_flagged("CARGO_ENCODED_RUSTFLAGS") || std::env::var_os("RUSTC_LINKER").is_some_and(|l| l != "cc") {
        return false;
    }
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let sysroot = std::process::Command::new(rustc).args(["--print", "sysroot"]).output();
    let Ok(sysroot) = sysroot.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()) else {
        return false;
    };
    std::path::Path::new(&sysroot).join("lib/rustlib/x86_64-unknown-linux-gnu/bin/gcc-ld/ld.lld").is_file()
}
