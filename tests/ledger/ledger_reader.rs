//! Reading a ledger as anybody can: with git, and as JSON.

use serde_json::Value;

use crate::world::{Pushed, World};

/// The ref of the ledger.
pub(crate) const LEDGER: &str = "refs/changegate/ledger";

/// Turns `{"event": {"begin": {...}}}` into `{"event": {"kind": "begin", ...}}`, which tests ask.
fn flat(mut record: Value) -> Value {
    let Value::Object(event) = record["event"].take() else { panic!("{record}") };
    let (kind, mut event) = event.into_iter().next().unwrap();
    event["kind"] = kind.into();
    record["event"] = event;
    record
}

impl World {
    /// Returns all records of the server, oldest first.
    pub(crate) fn records(&self) -> Vec<Value> {
        let listed = self.git_in("server.git", &["rev-list", "--reverse", LEDGER]);
        let asked: String = listed.lines().map(|commit| format!("{commit}:record.json\n")).collect();
        let told = self.git_fed("server.git", &["cat-file", "--batch"], asked.as_bytes());
        let mut rest = told.as_slice();
        let mut records = Vec::new();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let head = std::str::from_utf8(&rest[..end]).unwrap();
            let size: usize = head.rsplit(' ').next().unwrap().parse().unwrap();
            records.push(flat(serde_json::from_slice(&rest[end + 1..end + 1 + size]).unwrap()));
            rest = &rest[end + size + 2..];
        }
        records
    }

    /// Returns the kinds of all records, oldest first.
    pub(crate) fn kinds(&self) -> Vec<String> {
        self.records().iter().map(|record| record["event"]["kind"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) fn reconcile(&self) -> Pushed {
        self.changegate("server.git", &["ledger", "reconcile", "--now"])
    }

    pub(crate) fn verify(&self) -> Pushed {
        self.changegate("server.git", &["ledger", "verify"])
    }

    /// Returns what waits on the server's disk.
    pub(crate) fn waiting(&self) -> Vec<std::path::PathBuf> {
        let folder = std::fs::read_dir(self.path("server.git/changegate/journal"));
        let files = folder.into_iter().flatten().map(|entry| entry.unwrap().path());
        files.filter(|path| path.extension().is_some_and(|it| it == "json")).collect()
    }

    /// Folds in what is left, and asserts that the ledger is whole.
    #[track_caller]
    pub(crate) fn is_whole_but_for_denials(&self) {
        self.reconcile().accepted();
        self.is_whole();
    }

    /// Asserts that the ledger is whole, that each decision is recorded once, and that every tip of a
    /// ref under change control is one that landed in it.
    #[track_caller]
    pub(crate) fn is_whole(&self) {
        self.verify().accepted();
        assert_eq!(self.waiting(), Vec::<std::path::PathBuf>::new());
        let records = self.records();
        let mut ids: Vec<&str> = records.iter().filter_map(|record| record["event"]["id"].as_str()).collect();
        let all = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), all, "a decision is recorded twice");
    }
}
