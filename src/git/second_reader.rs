//! The second reader: what the gate reads of a repository, read again with libgit2 and compared.
//!
//! The gate decides by what its own reader says. An auditor who does not want to trust one
//! implementation has every ref, commit and tree read by another one, which shares no code with it:
//! where the two see different things, one of them is wrong, and that is a finding. The first reader
//! leads the walk; the second one has to arrive at the same objects.

use std::collections::HashSet;

use anyhow::{Context as _, Result, bail};
use gix::ObjectId;

use crate::change::{NeededFacts, Oid, Person, Text};
use crate::git::objects::reader::to_oid;
use crate::git::objects::tree_entry::TreeEntryMode;
use crate::git::repository::{PeeledObject, Repository};
use crate::git::signature::ObjectFormat;

/// How many differences are listed; further ones are counted only.
const MAX_DIFFERENCES: usize = 100;

/// What both readers read, and where they disagree.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReaderComparison {
    /// How many refs both read.
    pub refs: usize,
    /// How many commits both read.
    pub commits: usize,
    /// How many trees both read.
    pub trees: usize,
    /// How many files beside records both read.
    pub record_files: usize,
    /// Where they disagree, at most 100 of them.
    pub differences: Vec<ReaderDifference>,
    /// How many further differences there are.
    pub omitted_differences: usize,
}

/// Something that one reader sees, and the other one does not or differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderDifference {
    /// What is read: the full name of a ref, or the id of an object.
    pub subject: Text,
    /// Which part of it differs: `target`, `bytes`, `tree`, `parents`, `author`, `committer`,
    /// `message`, `entries`, or `unreadable` where one reader cannot read it.
    pub part: &'static str,
}

impl ReaderComparison {
    /// Returns true if both readers see the same.
    pub fn is_identical(&self) -> bool {
        self.differences.is_empty()
    }

    fn add_difference(&mut self, subject: Text, part: &'static str) {
        if self.differences.len() < MAX_DIFFERENCES {
            self.differences.push(ReaderDifference { subject, part });
        } else {
            self.omitted_differences += 1;
        }
    }

    fn add_object_difference(&mut self, id: Oid, part: &'static str) {
        self.add_difference(Text::from(id.to_string()), part);
    }
}

/// Reads every ref of a repository, every commit and tree that they lead to, and the files beside the
/// records of the ledger at `ledger_ref`, with both readers. `progress` is called for each commit.
///
/// # Errors
///
/// Fails if libgit2 cannot open the repository at all (it reads no SHA-256 repositories), or the
/// refs cannot be listed.
pub fn compare_readers(
    repository: &Repository,
    ledger_ref: &str,
    progress: &mut dyn FnMut(),
) -> Result<ReaderComparison> {
    if repository.object_format() != ObjectFormat::Sha1 {
        bail!("the second reader cannot read repositories with SHA-256 ids");
    }
    let second =
        git2::Repository::open(repository.git_dir()).context("libgit2 cannot open the repository")?;
    let store = second.odb().context("libgit2 cannot open the object store")?;
    let mut readers = BothReaders {
        first: repository,
        second: &second,
        store: &store,
        seen_trees: HashSet::new(),
        comparison: ReaderComparison::default(),
    };
    let mut next = readers.compare_refs()?;
    let ledger_tip = repository.resolve_ref(ledger_ref.as_bytes())?.id;
    let mut seen: HashSet<Oid> = next.iter().copied().collect();
    // A stack instead of recursion: a history can be deeper than the program's stack.
    while let Some(id) = next.pop() {
        for parent in readers.compare_commit(id) {
            if seen.insert(parent) {
                next.push(parent);
            }
        }
        progress();
    }
    readers.compare_record_files(ledger_tip);
    Ok(readers.comparison)
}

struct BothReaders<'a> {
    first: &'a Repository,
    second: &'a git2::Repository,
    store: &'a git2::Odb<'a>,
    seen_trees: HashSet<Oid>,
    comparison: ReaderComparison,
}

impl BothReaders<'_> {
    /// Compares all refs, and returns the commits that they lead to, each once.
    fn compare_refs(&mut self) -> Result<Vec<Oid>> {
        let mut tips = Vec::new();
        let mut unseen = self.second_ref_names()?;
        for one in self.first.list_refs("refs/")? {
            self.comparison.refs += 1;
            unseen.remove(one.name.as_bytes());
            let target = self.second_ref_target(&one.name);
            if target != one.id {
                self.comparison.add_difference(one.name.clone(), "target");
            }
            let Some(id) = one.id else { continue };
            if let PeeledObject::Commit(commit) = self.first.peel_tags(id)? {
                let peeled =
                    self.second.find_object(to_git2(id)?, None).and_then(|object| object.peel_to_commit());
                if peeled.ok().map(|peeled| peeled.id()) != to_git2(commit).ok() {
                    self.comparison.add_difference(one.name, "target");
                }
                tips.push(commit);
            }
        }
        for name in unseen {
            self.comparison.add_difference(Text::new(name), "target");
        }
        tips.sort_unstable();
        tips.dedup();
        Ok(tips)
    }

    fn second_ref_names(&self) -> Result<HashSet<Vec<u8>>> {
        let mut names = HashSet::new();
        for reference in self.second.references().context("libgit2 cannot list the refs")? {
            names.insert(reference.context("libgit2 cannot read a ref")?.name_bytes().to_vec());
        }
        Ok(names)
    }

    fn second_ref_target(&self, name: &Text) -> Option<Oid> {
        let id = self.second.refname_to_id(name.as_utf8()?).ok()?;
        Oid::from_bytes(id.as_bytes())
    }

    /// Compares one commit and the trees below it, and returns its parents as the first reader has them.
    fn compare_commit(&mut self, id: Oid) -> Vec<Oid> {
        self.comparison.commits += 1;
        let first = self.first.read_commit(id, &NeededFacts::new());
        let second = to_git2(id).ok().and_then(|id| self.second.find_commit(id).ok());
        let (Ok(first), Some(second)) = (first, second) else {
            self.comparison.add_object_difference(id, "unreadable");
            return Vec::new();
        };
        let raw = self.store.read(second.id());
        // The bytes are compared as well as the parts: two parsers can agree on the parts of different
        // bytes.
        let is_same_bytes = match (&raw, self.first.read_raw_commit(id)) {
            (Ok(raw), Ok(first_raw)) => raw.data() == first_raw,
            _ => false,
        };
        let root = self.first.find_root_tree(id).ok();
        let author = second.author();
        let committer = second.committer();
        let parents: Vec<Option<Oid>> =
            second.parent_ids().map(|parent| Oid::from_bytes(parent.as_bytes())).collect();
        let first_parents: Vec<Option<Oid>> = first.parents.iter().copied().map(Some).collect();
        let is_same = [
            ("bytes", is_same_bytes),
            ("tree", root == Oid::from_bytes(second.tree_id().as_bytes())),
            ("parents", first_parents == parents),
            ("author", is_same_identity(&first.author, first.authored_at, &author)),
            ("committer", is_same_identity(&first.committer, first.committed_at, &committer)),
            ("message", first.message.raw().as_bytes() == second.message_raw_bytes()),
        ];
        for (part, holds) in is_same {
            if !holds {
                self.comparison.add_object_difference(id, part);
            }
        }
        if let Some(root) = root {
            self.compare_trees(root);
        }
        first.parents
    }

    /// Compares a tree and all below it that was not compared before.
    fn compare_trees(&mut self, root: Oid) {
        let mut next = vec![root];
        while let Some(id) = next.pop() {
            if !self.seen_trees.insert(id) {
                continue;
            }
            self.comparison.trees += 1;
            let (first, second) = (self.first_entries(id), self.second_entries(id));
            match (first, second) {
                (Some(first), Some(second)) => {
                    if first != second {
                        self.comparison.add_object_difference(id, "entries");
                    }
                    for entry in first {
                        if entry.is_tree {
                            next.push(entry.id);
                        }
                    }
                }
                _ => self.comparison.add_object_difference(id, "unreadable"),
            }
        }
    }

    fn first_entries(&self, id: Oid) -> Option<Vec<ComparedEntry>> {
        let object_id = self.first.to_object_id(id).ok()?;
        let tree = self.first.with_reader(|reader| reader.read_tree(&object_id)).ok()?;
        let format = object_id.kind();
        let mut entries = Vec::new();
        for index in 0..tree.len() {
            let entry = tree.entry_at(index, format)?;
            let id = to_oid(&ObjectId::try_from(entry.id).ok()?);
            entries.push(ComparedEntry {
                name: entry.name.to_vec(),
                is_tree: entry.mode == TreeEntryMode::Tree,
                id,
            });
        }
        Some(entries)
    }

    fn second_entries(&self, id: Oid) -> Option<Vec<ComparedEntry>> {
        let tree = self.second.find_tree(to_git2(id).ok()?).ok()?;
        let mut entries = Vec::new();
        for entry in &tree {
            entries.push(ComparedEntry {
                name: entry.name_bytes().to_vec(),
                is_tree: entry.filemode_raw() & 0o170_000 == 0o040_000,
                id: Oid::from_bytes(entry.id().as_bytes())?,
            });
        }
        Some(entries)
    }

    /// Compares the bytes of every file beside every record, newest first.
    fn compare_record_files(&mut self, ledger_tip: Option<Oid>) {
        let (commits, _) = self.first.walk_chain(ledger_tip);
        for (commit, _) in commits {
            let Some(entries) =
                self.first.find_root_tree(commit).ok().and_then(|root| self.first_entries(root))
            else {
                continue;
            };
            for entry in entries {
                if entry.is_tree {
                    continue;
                }
                self.comparison.record_files += 1;
                let first = self.first.read_blob(entry.id, u64::MAX);
                let second = to_git2(entry.id).and_then(|id| Ok(self.store.read(id)?));
                let is_same = match (first, second) {
                    (Ok(first), Ok(second)) => first == second.data(),
                    _ => false,
                };
                if !is_same {
                    self.comparison.add_object_difference(entry.id, "bytes");
                }
            }
        }
    }
}

/// An entry of a tree, as far as both readers keep the same of it.
#[derive(PartialEq, Eq)]
struct ComparedEntry {
    name: Vec<u8>,
    is_tree: bool,
    id: Oid,
}

/// Returns whether both readers name the same person at the same second. libgit2 trims white space around names.
fn is_same_identity(first: &Person, seconds: i64, second: &git2::Signature<'_>) -> bool {
    first.name.as_bytes().trim_ascii() == second.name_bytes().trim_ascii()
        && first.email.as_bytes().trim_ascii() == second.email_bytes().trim_ascii()
        && seconds == second.when().seconds()
}

fn to_git2(id: Oid) -> Result<git2::Oid> {
    git2::Oid::from_bytes(id.as_bytes()).context("an id that libgit2 does not take")
}
