//! Gathering the files of a policy: the one that is asked for, and all that it extends.
//!
//! A policy extends shipped packs by name and files beside it by path; both are read the same way,
//! bases before what builds on them. How a file is fetched is the caller's business, so that the
//! same code reads from a ref, from a work tree and from a test.

use sha2::{Digest, Sha256};

use super::{FaultyFile, PolicyErrors, packs};
use crate::people::plain_path;
use crate::yaml::decode::{items, text};
use crate::yaml::{self, Fault, Node, Place, Value, shown};

/// How many files a policy may consist of.
const MOST_FILES: usize = 16;

/// What fetching a file came to: its bytes, nothing there, or why it cannot be read.
pub type Fetched = Result<Option<Vec<u8>>, String>;

/// One file of a policy, read as YAML.
pub(super) struct File {
    /// Its name, as a person would look for it.
    pub(super) name: String,
    /// Its bytes.
    pub(super) source: Vec<u8>,
    /// What it says.
    pub(super) node: Node,
    /// What is wrong with it, as far as known.
    pub(super) faults: Vec<Fault>,
}

/// The files of a policy, bases first, the one that was asked for last.
pub(super) struct Files {
    pub(super) files: Vec<File>,
}

impl Files {
    /// Fetches `entry` and everything that it extends.
    ///
    /// # Errors
    ///
    /// Returns every file that cannot be fetched or is not YAML.
    pub(super) fn gather(entry: &str, fetch: &mut dyn FnMut(&str) -> Fetched) -> Result<Self, PolicyErrors> {
        let mut gathering = Gathering { fetch, files: Vec::new(), open: Vec::new(), broken: Vec::new() };
        let start = Place { line: 1, column: 1, length: 1 };
        if let Err(fault) = gathering.add(entry, start) {
            gathering.broken.push(FaultyFile { name: entry.into(), source: Vec::new(), faults: vec![fault] });
        }
        let mut broken = gathering.broken;
        let mut files = gathering.files;
        if broken.is_empty() {
            return Ok(Files { files });
        }
        // What is wrong with the files that could be read belongs to the same report.
        for file in files.drain(..).filter(|file| !file.faults.is_empty()) {
            broken.push(FaultyFile { name: file.name, source: file.source, faults: file.faults });
        }
        Err(PolicyErrors { files: broken })
    }

    /// Returns SHA-256 over names, lengths and contents.
    pub(super) fn digest(&self, roster: Option<(&str, &[u8])>) -> String {
        let mut digest = Sha256::new();
        let files = self.files.iter().map(|file| (file.name.as_str(), file.source.as_slice()));
        for (name, source) in files.chain(roster) {
            digest.update(format!("{} {}\n", name.len(), source.len()));
            digest.update(name);
            digest.update(source);
        }
        crate::change::text::hex(&digest.finalize())
    }

    /// Returns every file that has a fault.
    pub(super) fn faulty(self) -> Vec<FaultyFile> {
        let faulty = self.files.into_iter().filter(|file| !file.faults.is_empty());
        faulty.map(|file| FaultyFile { name: file.name, source: file.source, faults: file.faults }).collect()
    }
}

struct Gathering<'fetch> {
    fetch: &'fetch mut dyn FnMut(&str) -> Fetched,
    files: Vec<File>,
    open: Vec<String>,
    broken: Vec<FaultyFile>,
}

impl Gathering<'_> {
    /// Adds the file called `name`, after all that it extends. The fault belongs to whoever named
    /// it.
    fn add(&mut self, name: &str, at: Place) -> Result<(), Fault> {
        if self.files.iter().any(|file| file.name == name) || self.broken.iter().any(|file| file.name == name)
        {
            return Ok(());
        }
        if self.open.iter().any(|open| open == name) {
            return Err(Fault::new(at, format!("`{}` extends itself", shown(name))));
        }
        if MOST_FILES <= self.files.len() + self.open.len() {
            return Err(Fault::new(at, format!("a policy consists of at most {MOST_FILES} files")));
        }
        let source = match packs::find(name) {
            Some(pack) => pack.source.as_bytes().to_vec(),
            None => (self.fetch)(name)
                .map_err(|why| Fault::new(at, format!("`{}` cannot be read: {why}", shown(name))))?
                .ok_or_else(|| absent(name, at))?,
        };
        let (node, mut faults) = yaml::read_anyway(&source);
        let Some(node) = node else {
            self.broken.push(FaultyFile { name: name.into(), source, faults });
            return Ok(());
        };
        self.open.push(name.into());
        for (base, at) in bases(&node, name, &mut faults) {
            if let Err(fault) = self.add(&base, at) {
                faults.push(fault);
            }
        }
        self.open.pop();
        self.files.push(File { name: name.into(), source, node, faults });
        Ok(())
    }
}

/// Returns what a file extends: pack names as they are, paths from the root of the repository.
fn bases(node: &Node, name: &str, faults: &mut Vec<Fault>) -> Vec<(String, Place)> {
    let Value::Map(entries) = &node.value else { return Vec::new() };
    let Some((_, extends)) = entries.iter().find(|(key, _)| key.text == "extends") else { return Vec::new() };
    let mut bases = Vec::new();
    for item in items(extends, faults) {
        let Some(base) = text(item, faults) else { continue };
        if packs::find(base).is_some() {
            bases.push((base.to_owned(), item.at));
            continue;
        }
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        match plain_path(base) {
            Ok(path) if path.ends_with(".yml") || path.ends_with(".yaml") => {
                let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
                bases.push((path, item.at));
            }
            Ok(_) => faults.push(absent(base, item.at)),
            Err(what) => faults.push(Fault::new(item.at, what)),
        }
    }
    bases
}

fn absent(name: &str, at: Place) -> Fault {
    let fault = Fault::new(at, format!("there is no `{}`", shown(name)));
    match yaml::nearest(name, packs::ALL.iter().map(|pack| pack.name)) {
        Some(near) => fault.help(format!("did you mean the pack `{near}`?")),
        None => {
            let names: Vec<_> = packs::ALL.iter().map(|pack| pack.name).collect();
            fault.help(format!(
                "name a file beside this one (`name.yml`), or one of the packs {}",
                names.join(", ")
            ))
        }
    }
}
