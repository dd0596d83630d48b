//! Gathering the files of a policy: the one that is asked for, and all that it extends.
//!
//! A policy extends shipped packs by name and files beside it by path; both are read the same way,
//! bases before what builds on them. How a file is fetched is the caller's business, so that the
//! same code reads from a ref, from a work tree and from a test.

use sha2::{Digest, Sha256};

use crate::people::check_plain_path;
use crate::policy::{FaultyFile, PolicyErrors, packs};
use crate::yaml::decode::{read_items, read_text};
use crate::yaml::{self, YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// How many files a policy may consist of.
const MAX_POLICY_FILES: usize = 16;

/// What fetching a file came to: its bytes, nothing there, or why it cannot be read.
pub type FetchedFile = Result<Option<Vec<u8>>, String>;

/// One file of a policy, read as YAML.
pub(crate) struct PolicyFile {
    /// Its name, as a person would look for it.
    pub(crate) name: String,
    /// Its bytes.
    pub(crate) source: Vec<u8>,
    /// What it says.
    pub(crate) node: YamlNode,
    /// What is wrong with it, as far as known.
    pub(crate) faults: Vec<YamlFault>,
}

/// The files of a policy, bases first, the one that was asked for last.
pub(crate) struct PolicyFiles {
    pub(crate) files: Vec<PolicyFile>,
}

impl PolicyFiles {
    /// Fetches `entry` and everything that it extends.
    ///
    /// # Errors
    ///
    /// Returns every file that cannot be fetched or is not YAML.
    pub(crate) fn gather_files(
        entry: &str,
        fetch: &mut dyn FnMut(&str) -> FetchedFile,
    ) -> Result<Self, PolicyErrors> {
        let mut gathering = PolicyFileCollector {
            fetch,
            files: Vec::new(),
            names_in_progress: Vec::new(),
            unreadable_files: Vec::new(),
        };
        let start = YamlPlace { line: 1, column: 1, length: 1 };
        if let Err(fault) = gathering.add_file(entry, start) {
            gathering.unreadable_files.push(FaultyFile {
                name: entry.into(),
                source: Vec::new(),
                faults: vec![fault],
            });
        }
        let mut broken = gathering.unreadable_files;
        let mut files = gathering.files;
        if broken.is_empty() {
            return Ok(PolicyFiles { files });
        }
        // What is wrong with the files that could be read belongs to the same report.
        for file in files.drain(..).filter(|file| !file.faults.is_empty()) {
            broken.push(FaultyFile { name: file.name, source: file.source, faults: file.faults });
        }
        Err(PolicyErrors { faulty_files: broken })
    }

    /// Returns SHA-256 over names, lengths and contents.
    pub(crate) fn compute_digest(&self, roster: Option<(&str, &[u8])>) -> String {
        let mut digest = Sha256::new();
        let files = self.files.iter().map(|file| (file.name.as_str(), file.source.as_slice()));
        for (name, source) in files.chain(roster) {
            digest.update(format!("{} {}\n", name.len(), source.len()));
            digest.update(name);
            digest.update(source);
        }
        crate::change::text::encode_hex(&digest.finalize())
    }

    /// Returns every file that has a fault.
    pub(crate) fn into_faulty_files(self) -> Vec<FaultyFile> {
        let faulty = self.files.into_iter().filter(|file| !file.faults.is_empty());
        faulty.map(|file| FaultyFile { name: file.name, source: file.source, faults: file.faults }).collect()
    }
}

struct PolicyFileCollector<'fetch> {
    fetch: &'fetch mut dyn FnMut(&str) -> FetchedFile,
    files: Vec<PolicyFile>,
    names_in_progress: Vec<String>,
    unreadable_files: Vec<FaultyFile>,
}

impl PolicyFileCollector<'_> {
    /// Adds the file called `name`, after all that it extends. The fault belongs to whoever named
    /// it.
    fn add_file(&mut self, name: &str, at: YamlPlace) -> Result<(), YamlFault> {
        if self.files.iter().any(|file| file.name == name)
            || self.unreadable_files.iter().any(|file| file.name == name)
        {
            return Ok(());
        }
        if self.names_in_progress.iter().any(|open| open == name) {
            return Err(YamlFault::new(at, format!("`{}` extends itself", shorten_for_message(name))));
        }
        if MAX_POLICY_FILES <= self.files.len() + self.names_in_progress.len() {
            return Err(YamlFault::new(at, format!("a policy consists of at most {MAX_POLICY_FILES} files")));
        }
        let source = match packs::find_pack(name) {
            Some(pack) => pack.source.as_bytes().to_vec(),
            None => (self.fetch)(name)
                .map_err(|why| {
                    YamlFault::new(at, format!("`{}` cannot be read: {why}", shorten_for_message(name)))
                })?
                .ok_or_else(|| missing_file_fault(name, at))?,
        };
        let (node, mut faults) = yaml::read_with_faults(&source);
        let Some(node) = node else {
            self.unreadable_files.push(FaultyFile { name: name.into(), source, faults });
            return Ok(());
        };
        self.names_in_progress.push(name.into());
        for (base, at) in read_bases(&node, name, &mut faults) {
            if let Err(fault) = self.add_file(&base, at) {
                faults.push(fault);
            }
        }
        self.names_in_progress.pop();
        self.files.push(PolicyFile { name: name.into(), source, node, faults });
        Ok(())
    }
}

/// Returns what a file extends: pack names as they are, paths from the root of the repository.
fn read_bases(node: &YamlNode, name: &str, faults: &mut Vec<YamlFault>) -> Vec<(String, YamlPlace)> {
    let YamlValue::Map(entries) = &node.value else { return Vec::new() };
    let Some((_, extends)) = entries.iter().find(|(key, _)| key.text == "extends") else { return Vec::new() };
    let mut bases = Vec::new();
    for item in read_items(extends, faults) {
        let Some(base) = read_text(item, faults) else { continue };
        if packs::find_pack(base).is_some() {
            bases.push((base.to_owned(), item.at));
            continue;
        }
        let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
        match check_plain_path(base) {
            Ok(path) if path.ends_with(".yml") || path.ends_with(".yaml") => {
                let path = if folder.is_empty() { path.to_owned() } else { format!("{folder}/{path}") };
                bases.push((path, item.at));
            }
            Ok(_) => faults.push(missing_file_fault(base, item.at)),
            Err(what) => faults.push(YamlFault::new(item.at, what)),
        }
    }
    bases
}

fn missing_file_fault(name: &str, at: YamlPlace) -> YamlFault {
    let fault = YamlFault::new(at, format!("there is no `{}`", shorten_for_message(name)));
    match yaml::find_nearest_word(name, packs::POLICY_PACKS.iter().map(|pack| pack.name)) {
        Some(near) => fault.with_help(format!("did you mean the pack `{near}`?")),
        None => {
            let names: Vec<_> = packs::POLICY_PACKS.iter().map(|pack| pack.name).collect();
            fault.with_help(format!(
                "name a file beside this one (`name.yml`), or one of the packs {}",
                names.join(", ")
            ))
        }
    }
}
