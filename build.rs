//! Lets the linker put the functions that a hook runs side by side.
//!
//! The kernel reads a program in pieces of 64 KiB around the pages that are used. The functions of one hook are a
//! twelfth of the program and lie all over it, so without this a hook takes twice the memory, and a fifth more time.
//! It is only a faster layout: where the linker does not know such scripts, the program is linked without it.

#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a build script is asked by environment variables, and answers on its standard output"
)]

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The script, which benches/order.py writes.
const LINKER_SCRIPT: &str = "link/first-functions.ld";

/// Packs the 25,000 places that are corrected at each start into a fiftieth of the bytes to read. The C library has to
/// know that form, as glibc does since 2.36.
const PACKED_RELOCATIONS: &str = "-Wl,-z,pack-relative-relocs";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed={LINKER_SCRIPT}");
    let is_variable = |name, value| env::var_os(name).is_some_and(|found| found == value);
    // A development build is linked often, and its memory does not matter.
    if !is_variable("PROFILE", "release") || !is_variable("CARGO_CFG_TARGET_OS", "linux") {
        return;
    }
    let Some(root) = env::var_os("CARGO_MANIFEST_DIR") else { return };
    let script = Path::new(&root).join(LINKER_SCRIPT);
    for option in [format!("-Wl,-T,{}", script.display()), PACKED_RELOCATIONS.to_owned()] {
        if links_with_option(&option).is_some_and(|does| does) {
            println!("cargo:rustc-link-arg-bins={option}");
        }
    }
}

/// Returns whether the linker of this build takes the option and the system starts what it makes, by linking and
/// running a program of one line with it.
fn links_with_option(option: &str) -> Option<bool> {
    let folder = PathBuf::from(env::var_os("OUT_DIR")?);
    let source = folder.join("trial.rs");
    let program = folder.join("trial");
    fs::write(&source, "fn main() { println!(\"{}\", std::env::args().count()); }\n").ok()?;
    let target = env::var_os("TARGET")?;
    let mut compiler = Command::new(env::var_os("RUSTC")?);
    compiler.arg(&source).arg("-o").arg(&program).args(["--crate-name", "trial", "--target"]).arg(&target);
    for flag in env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default().split('\x1f') {
        if !flag.is_empty() {
            compiler.arg(flag);
        }
    }
    if let Some(linker) = env::var_os("RUSTC_LINKER") {
        let mut option = OsString::from("linker=");
        option.push(linker);
        compiler.arg("-C").arg(option);
    }
    compiler.arg("-C").arg(format!("link-arg={option}")).stdout(Stdio::null()).stderr(Stdio::null());
    if !compiler.status().ok()?.success() {
        return Some(false);
    }
    if env::var_os("HOST")? != target {
        // A script changes nothing that the system would have to know.
        return Some(option != PACKED_RELOCATIONS);
    }
    let ran = Command::new(&program).stdout(Stdio::null()).stderr(Stdio::null()).status().ok()?;
    Some(ran.success())
}
