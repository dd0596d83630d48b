//! Somebody who rewrites a ledger with all that git offers, and knows its format.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::ledger_reader::LEDGER;
use crate::world::World;

/// One commit of a ledger, taken apart.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) message: Vec<u8>,
    who: String,
    pub(crate) mode: &'static str,
}

impl Link {
    /// Adds a header to the commit, after those that it has.
    pub(crate) fn add_header(&mut self, header: &str) {
        self.who.push_str(header);
        self.who.push('\n');
    }

    pub(crate) fn record(&self) -> Value {
        serde_json::from_slice(&self.files["record.json"]).unwrap()
    }

    /// Writes the record as the gate would.
    pub(crate) fn set_record(&mut self, record: &Value) {
        self.files.insert("record.json".into(), serde_json::to_vec(record).unwrap());
    }

    /// Says when the commit was made, in seconds since 1970.
    pub(crate) fn at(&mut self, seconds: &str) {
        let line = |line: &str| format!("{}> {seconds} +0000\n", line.split('>').next().unwrap());
        self.who = self.who.lines().map(line).collect();
    }

    /// Changes the record as a value.
    pub(crate) fn edit(&mut self, change: impl FnOnce(&mut Value)) {
        let mut record = self.record();
        change(&mut record);
        self.set_record(&record);
    }

    /// Replaces a piece of a file.
    #[track_caller]
    pub(crate) fn replace(&mut self, file: &str, old: &str, new: &str) {
        let text = String::from_utf8(self.files[file].clone()).unwrap();
        assert!(text.contains(old), "no {old:?} in {text}");
        self.files.insert(file.into(), text.replacen(old, new, 1).into_bytes());
    }
}

/// Makes every record name the digest of the one before, and its own place, from `first` on.
pub(crate) fn chain_anew(links: &mut [Link], first: usize) {
    for place in first..links.len() {
        let before = place.checked_sub(1).map(|before| {
            let digest: String = Sha256::digest(&links[before].files["record.json"])
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("sha256:{digest}")
        });
        links[place].edit(|record| {
            record["previous"] = before.into();
            record["number"] = (place + 1).into();
        });
        let number = place + 1;
        let text = String::from_utf8(links[place].message.clone()).unwrap();
        let at = text.find("Ledger-Record: ").unwrap();
        let end = at + text[at..].find('\n').unwrap();
        links[place].message = format!("{}Ledger-Record: {number}{}", &text[..at], &text[end..]).into_bytes();
        // Of the records that are appended at once, only the last has it.
        if let Some(state) = links[place].files.get_mut("state.json") {
            let mut changed: Value = serde_json::from_slice(state).unwrap();
            changed["number"] = number.into();
            *state = serde_json::to_vec(&changed).unwrap();
        }
    }
}

impl World {
    /// Takes the ledger of the server apart, oldest first.
    pub(crate) fn links(&self) -> Vec<Link> {
        let listed = self.git_in("server.git", &["rev-list", "--reverse", LEDGER]);
        listed.lines().map(|commit| self.link(commit)).collect()
    }

    fn link(&self, commit: &str) -> Link {
        let raw = self.git_fed("server.git", &["cat-file", "commit", commit], b"");
        let end = raw.windows(2).position(|pair| pair == b"\n\n").unwrap();
        let head = String::from_utf8(raw[..end].to_vec()).unwrap();
        let who = head.lines().filter(|line| line.starts_with("author") || line.starts_with("committer"));
        let who = who.map(|line| format!("{line}\n")).collect();
        let names = self.git_in("server.git", &["ls-tree", "--name-only", commit]);
        let files = names
            .lines()
            .map(|name| {
                let content =
                    self.git_fed("server.git", &["cat-file", "blob", &format!("{commit}:{name}")], b"");
                (name.to_owned(), content)
            })
            .collect();
        Link { files, message: raw[end + 2..].to_vec(), who, mode: "100644" }
    }

    /// Makes these the ledger of the server.
    pub(crate) fn forge(&self, links: &[Link]) {
        let mut tip: Vec<String> = Vec::new();
        for link in links {
            tip = vec![self.forge_one(link, &tip)];
        }
        self.git_in("server.git", &["update-ref", LEDGER, &tip[0]]);
    }

    /// Writes one commit upon these parents.
    pub(crate) fn forge_one(&self, link: &Link, parents: &[String]) -> String {
        let put = |kind: &str, content: &[u8]| {
            let id = self.git_fed(
                "server.git",
                &["hash-object", "-t", kind, "-w", "--stdin", "--literally"],
                content,
            );
            String::from_utf8(id).unwrap().trim_end().to_owned()
        };
        let tree: String = link
            .files
            .iter()
            .map(|(name, content)| format!("{} blob {}\t{name}\n", link.mode, put("blob", content)))
            .collect();
        let tree = self.git_fed("server.git", &["mktree"], tree.as_bytes());
        let tree = String::from_utf8(tree).unwrap();
        let parents: String = parents.iter().map(|parent| format!("parent {parent}\n")).collect();
        let mut raw = format!("tree {}\n{parents}{}\n", tree.trim_end(), link.who).into_bytes();
        raw.extend_from_slice(&link.message);
        put("commit", &raw)
    }

    /// Takes away what the server remembers of its newest record.
    pub(crate) fn forget(&self) {
        std::fs::remove_file(self.path("server.git/changegate/newest")).unwrap();
    }
}
