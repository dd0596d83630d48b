//! What auditors take away, read by the programs that they have: spreadsheets and engines of others.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stderr, reason = "test code")]

mod sample;
mod tables;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

/// Returns what `read_tables.py` finds in a folder; `None` where its libraries are not installed.
fn read_tables(folder: &Path) -> Option<Value> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/audit-tools/bin/python3");
    let python = if own.is_file() { own } else { "python3".into() };
    let mut probe = Command::new(&python);
    probe.args(["-c", "import duckdb, openpyxl"]).stderr(Stdio::null()).stdin(Stdio::null());
    if !probe.status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: install `duckdb` and `openpyxl` for Python to have tables read by them");
        return None;
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/audit/read_tables.py");
    let told = Command::new(&python).arg(script).arg(folder).output().unwrap();
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    Some(serde_json::from_slice(&told.stdout).unwrap())
}
