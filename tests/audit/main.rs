//! What auditors take away, read by the programs that they have: spreadsheets and engines of others.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::print_stderr,
    reason = "test code"
)]

mod filled;
mod fleet;
mod merged_pulls;
mod procedure;
mod resume;
mod sample;
mod tables;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Returns what `read_tables.py` finds in a folder; `None` where its libraries are not installed.
fn read_tables(folder: &Path) -> Option<Value> {
    read_with_python("tests/audit/read_tables.py", "duckdb, openpyxl", folder)
}

/// Returns what a script finds in a file or a folder; `None` where the libraries that it imports are not installed.
fn read_with_python(script: &str, libraries: &str, path: &Path) -> Option<Value> {
    read_with_tools("target/audit-tools", script, libraries, path)
}

/// Returns what a script finds with Spark, which takes Java and a while to start; `None` where one of both is missing.
fn read_with_spark(script: &str, path: &Path) -> Option<Value> {
    let mut java = Command::new("java");
    java.arg("-version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    if !java.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: Spark needs Java");
        return None;
    }
    read_with_tools("target/spark-tools", script, "pyspark", path)
}

fn read_with_tools(tools: &str, script: &str, libraries: &str, path: &Path) -> Option<Value> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join(tools).join("bin/python3");
    let python = if own.is_file() { own } else { "python3".into() };
    let mut probe = Command::new(&python);
    probe.args(["-c", &format!("import {libraries}")]).stderr(Stdio::null()).stdin(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: `{script}` needs {libraries} for Python");
        return None;
    }
    let told = Command::new(&python).current_dir(root).arg(root.join(script)).arg(path).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Some(serde_json::from_slice(&told.stdout).unwrap())
}
