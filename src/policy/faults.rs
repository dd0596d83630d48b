//! The faults of a policy, by file.

use crate::yaml::YamlFault;

/// What is wrong with a policy, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyErrors {
    /// The files with faults; never empty.
    pub faulty_files: Vec<FaultyFile>,
    /// What kept files of a commit from being read, if anything did: then the repository is at fault.
    pub unread: Option<UnreadFiles>,
}

/// Files of a policy that a commit has, and that could not be read from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadFiles {
    /// Why the first of them could not be read.
    pub why: String,
    /// What git fetches as soon as it is asked for it, as in `1a2b3c4d5e:policies/changegate.yml`; empty unless the
    /// clone is partial.
    pub fetchable: Vec<String>,
}

/// A file and its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultyFile {
    /// Its name, as a person would look for it.
    pub name: String,
    /// The bytes of the file; empty if it could not be read.
    pub source: Vec<u8>,
    /// What is wrong with it, in the order in which it was found.
    pub faults: Vec<YamlFault>,
}

impl PolicyErrors {
    /// Returns the number of faults in all files.
    pub fn count_faults(&self) -> usize {
        let mut count = 0;
        for file in &self.faulty_files {
            count += file.faults.len();
        }
        count
    }
}
