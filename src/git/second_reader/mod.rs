//! The second reader: what the gate reads of a repository, read again with libgit2 and compared.
//!
//! The gate decides by what its own reader says. An auditor who does not want to trust one
//! implementation has every ref, tag, commit and tree read by another one, which shares no code with it:
//! where the two see different things, one of them is wrong, and that is a finding. The first reader
//! leads the walk; the second one has to arrive at the same objects. What one of them cannot read is a
//! finding as well, and so is what neither can: without a finding, both have read everything.

mod comparison;
pub(crate) mod merge_replay;

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, Result, bail};
use gix::ObjectId;
use gix::objs::Kind;

use crate::change::message::encoding::MessageEncoding;
use crate::change::{NeededFacts, Oid, PathEntryKind, Person, Text};
use crate::git::objects::reader::to_oid;
use crate::git::objects::tree_entry::TreeEntryMode;
use crate::git::repository::{Repository, parse_tag_target};
use crate::git::signature::ObjectFormat;

pub use comparison::{ReaderComparison, ReaderDifference, ReaderDisagreement};

/// Reads every ref of a repository, every tag, commit and tree that they lead to, and the files beside
/// the records of the ledger at `ledger_ref`, with both readers. `progress` is called for each commit.
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
        seen_targets: HashSet::new(),
        seen_trees: HashSet::new(),
        comparison: ReaderComparison::default(),
    };
    let mut next = readers.compare_refs()?;
    let mut seen: HashSet<Oid> = next.iter().copied().collect();
    while let Some(id) = next.pop() {
        for parent in readers.compare_commit(id) {
            if seen.insert(parent) {
                next.push(parent);
            }
        }
        progress();
    }
    // A ledger ref that is damaged is a difference already.
    let ledger_tip = repository.resolve_ref(ledger_ref.as_bytes()).ok().and_then(|ledger| ledger.id);
    readers.compare_record_files(ledger_tip);
    Ok(readers.comparison)
}

struct BothReaders<'a> {
    first: &'a Repository,
    second: &'a git2::Repository,
    store: &'a git2::Odb<'a>,
    /// What refs and tags name.
    seen_targets: HashSet<Oid>,
    seen_trees: HashSet<Oid>,
    comparison: ReaderComparison,
}

impl BothReaders<'_> {
    /// Compares all refs and the trees that they name, and returns the commits that they lead to, each
    /// once.
    fn compare_refs(&mut self) -> Result<Vec<Oid>> {
        let mut tips = Vec::new();
        let listed = self.list_second_refs().ok();
        if listed.is_none() {
            let disagreement = ReaderDisagreement::UnreadableByLibgit2;
            self.comparison.add_difference("refs/".to_owned(), "list of refs", disagreement);
        }
        let is_listed = listed.is_some();
        let mut targets = listed.unwrap_or_default();
        let refs = self.first.sort_refs_by_damage("refs/")?;
        for name in refs.damaged {
            let second = targets.remove(name.as_bytes()).flatten();
            self.comparison.require_both(name, "ref", None::<()>, second);
        }
        for one in refs.readable {
            let second = targets.remove(one.name.as_bytes()).flatten();
            if is_listed
                && let Some((first, second)) =
                    self.comparison.require_both(one.name.clone(), "ref", Some(one.id), second)
            {
                self.comparison.refs += 1;
                if first != second {
                    self.comparison.add_difference(one.name, "target", ReaderDisagreement::Different);
                }
            }
            tips.extend(one.id.and_then(|id| self.compare_tags(id)));
        }
        for name in targets.into_keys() {
            self.comparison.add_difference(Text::new(name), "ref", ReaderDisagreement::UnreadableByGate);
        }
        tips.sort_unstable();
        Ok(tips)
    }

    /// Returns the refs that libgit2 lists by their names, which need not be UTF-8, each with the object
    /// at its end: `Some(None)` if it leads to a ref that does not exist, `None` if it cannot be read.
    fn list_second_refs(&self) -> Result<HashMap<Vec<u8>, Option<Option<Oid>>>> {
        let mut targets = HashMap::new();
        for reference in self.second.references().context("libgit2 cannot list the refs")? {
            let reference = reference.context("libgit2 cannot read a ref")?;
            let target = match reference.resolve() {
                Ok(resolved) => resolved.target().map(|id| Oid::from_bytes(id.as_bytes())),
                Err(error) if error.code() == git2::ErrorCode::NotFound => Some(None),
                Err(_) => None,
            };
            targets.insert(reference.name_bytes().to_vec(), target);
        }
        Ok(targets)
    }

    /// Compares an object that a ref names, and the objects that it leads to if it is a tag. Returns the
    /// commit at the end, if no other ref led there; a tree there is compared.
    fn compare_tags(&mut self, target: Oid) -> Option<Oid> {
        let mut next = Some(target);
        while let Some(id) = next.take() {
            if !self.seen_targets.insert(id) {
                return None;
            }
            let (first, second) = (self.read_first_object(id), self.read_second_object(id));
            match first.as_ref().or(second.as_ref()).map(|(kind, _)| *kind) {
                Some(Kind::Commit) => return Some(id),
                Some(Kind::Tree) => {
                    self.compare_trees(id);
                    return None;
                }
                Some(Kind::Tag) => next = self.compare_tag_target(id, &first),
                Some(Kind::Blob) | None => {}
            }
            if let Some((first, second)) =
                self.comparison.require_both(id.to_string(), "object", first, second)
                && first != second
            {
                self.comparison.add_difference(id.to_string(), "bytes", ReaderDisagreement::Different);
            }
        }
        None
    }

    /// Compares what a tag names, and returns it.
    fn compare_tag_target(&mut self, id: Oid, read: &Option<(Kind, Vec<u8>)>) -> Option<Oid> {
        let first = read.as_ref().and_then(|(_, raw)| parse_tag_target(raw)).map(|target| to_oid(&target));
        let tag = to_git2(id).and_then(|id| Ok(self.second.find_tag(id)?)).ok();
        let second = tag.and_then(|tag| Oid::from_bytes(tag.target_id().as_bytes()));
        if let Some((first, second)) = self.comparison.require_both(id.to_string(), "tag", first, second)
            && first != second
        {
            self.comparison.add_difference(id.to_string(), "target", ReaderDisagreement::Different);
        }
        first.or(second)
    }

    fn read_first_object(&self, id: Oid) -> Option<(Kind, Vec<u8>)> {
        let object_id = self.first.to_object_id(id).ok()?;
        self.first.with_reader(|reader| {
            let (kind, raw) = reader.read_object(&object_id).ok()??;
            Some((kind, raw.to_vec()))
        })
    }

    fn read_second_object(&self, id: Oid) -> Option<(Kind, Vec<u8>)> {
        let object = self.store.read(to_git2(id).ok()?).ok()?;
        let kind = match object.kind() {
            git2::ObjectType::Commit => Kind::Commit,
            git2::ObjectType::Tree => Kind::Tree,
            git2::ObjectType::Tag => Kind::Tag,
            git2::ObjectType::Blob => Kind::Blob,
            git2::ObjectType::Any => return None,
        };
        Some((kind, object.data().to_vec()))
    }

    /// Compares one commit and the trees below it, and returns its parents.
    ///
    /// A commit that one reader refuses has parents and a tree all the same. They are taken from the first
    /// reader if it has read the commit, then from libgit2, then from the lines at the start of the
    /// object, so that what stands behind the commit is compared.
    fn compare_commit(&mut self, id: Oid) -> Vec<Oid> {
        let first = self.first.read_commit(id, &NeededFacts::new()).ok();
        let second = to_git2(id).and_then(|id| Ok(self.second.find_commit(id)?)).ok();
        let first_raw = self.first.read_raw_commit(id).ok();
        let second_raw = to_git2(id).and_then(|id| Ok(self.store.read(id)?)).ok();
        if let (Some(first), Some(second)) = (&first_raw, &second_raw)
            && first != second.data()
        {
            self.comparison.add_difference(id.to_string(), "bytes", ReaderDisagreement::Different);
        }
        let raw = first_raw.as_deref().or(second_raw.as_ref().map(git2::OdbObject::data));
        let links = raw.map(read_commit_links).unwrap_or_default();
        let mut root = self.first.find_root_tree(id).ok();
        let second_parents = second.as_ref().map(list_second_parents);
        if let Some((first, second)) =
            self.comparison.require_both(id.to_string(), "commit", first.as_ref(), second.as_ref())
        {
            self.comparison.commits += 1;
            // libgit2 leaves the bytes as they are stored; git shows what they stand for.
            let encoding = second.message_encoding().ok().flatten().unwrap_or("UTF-8");
            let encoding = MessageEncoding::find_by_name(encoding.as_bytes()).unwrap_or_default();
            let author = is_same_identity(&first.author, first.authored_at, &second.author(), encoding);
            let committer =
                is_same_identity(&first.committer, first.committed_at, &second.committer(), encoding);
            let message = encoding.decode_text(second.message_raw_bytes());
            let is_same = [
                ("tree", root == Oid::from_bytes(second.tree_id().as_bytes())),
                ("parents", Some(&first.parents) == second_parents.as_ref()),
                ("author", author),
                ("committer", committer),
                ("message", first.message.raw().as_bytes() == &*message),
            ];
            for (part, holds) in is_same {
                if !holds {
                    self.comparison.add_difference(id.to_string(), part, ReaderDisagreement::Different);
                }
            }
        }
        root = root.or(links.tree);
        if let Some(root) = root {
            self.compare_trees(root);
        }
        first.map(|first| first.parents).or(second_parents).unwrap_or(links.parents)
    }

    /// Compares a tree and all below it that was not compared before.
    fn compare_trees(&mut self, root: Oid) {
        let mut next = vec![root];
        while let Some(id) = next.pop() {
            if !self.seen_trees.insert(id) {
                continue;
            }
            let (first, second) = (self.first_entries(id), self.second_entries(id));
            let read = self.comparison.require_both(id.to_string(), "tree", first.as_ref(), second.as_ref());
            if let Some((first, second)) = read {
                self.comparison.trees += 1;
                if first != second {
                    self.comparison.add_difference(id.to_string(), "entries", ReaderDisagreement::Different);
                }
            }
            for entry in first.or(second).unwrap_or_default() {
                if entry.mode == TreeEntryMode::Tree {
                    next.push(entry.id);
                }
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
            entries.push(ComparedEntry { name: entry.name.to_vec(), mode: entry.mode, id });
        }
        Some(entries)
    }

    fn second_entries(&self, id: Oid) -> Option<Vec<ComparedEntry>> {
        let tree = self.second.find_tree(to_git2(id).ok()?).ok()?;
        let mut entries = Vec::new();
        for entry in &tree {
            entries.push(ComparedEntry {
                name: entry.name_bytes().to_vec(),
                mode: classify_mode(entry.filemode_raw())?,
                id: Oid::from_bytes(entry.id().as_bytes())?,
            });
        }
        Some(entries)
    }

    /// Compares the bytes of every file beside every record, newest first.
    fn compare_record_files(&mut self, ledger_tip: Option<Oid>) {
        // Where the chain or a tree of it cannot be read, the walk over the commits has said so.
        let (commits, _) = self.first.walk_chain(ledger_tip);
        for (commit, _) in commits {
            let root = self.first.find_root_tree(commit).ok();
            for entry in root.and_then(|root| self.first_entries(root)).unwrap_or_default() {
                if entry.mode == TreeEntryMode::Tree {
                    continue;
                }
                let first = self.first.read_blob(entry.id, u64::MAX).ok();
                let second = to_git2(entry.id).and_then(|id| Ok(self.store.read(id)?)).ok();
                let read = self.comparison.require_both(entry.id.to_string(), "file", first, second);
                let Some((first, second)) = read else { continue };
                self.comparison.record_files += 1;
                if first != second.data() {
                    let id = entry.id.to_string();
                    self.comparison.add_difference(id, "bytes", ReaderDisagreement::Different);
                }
            }
        }
    }
}

/// An entry of a tree, as far as both readers keep the same of it.
#[derive(PartialEq, Eq)]
struct ComparedEntry {
    name: Vec<u8>,
    mode: TreeEntryMode,
    id: Oid,
}

/// What stands at the start of a commit, whether or not the rest of it can be read.
#[derive(Default)]
struct CommitLinks {
    tree: Option<Oid>,
    parents: Vec<Oid>,
}

fn read_commit_links(raw: &[u8]) -> CommitLinks {
    let Some((tree, mut rest)) = read_header_id(raw, b"tree ") else { return CommitLinks::default() };
    let mut parents = Vec::new();
    while let Some((parent, after)) = read_header_id(rest, b"parent ") {
        parents.push(parent);
        rest = after;
    }
    CommitLinks { tree: Some(tree), parents }
}

/// Reads a line that holds an id after `name`, and returns the rest after it.
fn read_header_id<'a>(raw: &'a [u8], name: &[u8]) -> Option<(Oid, &'a [u8])> {
    let (line, rest) = raw.split_at_checked(memchr::memchr(b'\n', raw)?)?;
    let id = Oid::from_hex(std::str::from_utf8(line.strip_prefix(name)?).ok()?)?;
    Some((id, rest.get(1..)?))
}

fn list_second_parents(commit: &git2::Commit<'_>) -> Vec<Oid> {
    commit.parent_ids().filter_map(|parent| Oid::from_bytes(parent.as_bytes())).collect()
}

/// Returns what libgit2's mode means to git; `None` for no kind that git knows.
fn classify_mode(mode: i32) -> Option<TreeEntryMode> {
    let is_executable = mode & 0o100 != 0;
    Some(match mode & 0o170_000 {
        0o040_000 => TreeEntryMode::Tree,
        0o100_000 if is_executable => TreeEntryMode::Leaf(PathEntryKind::Executable),
        0o100_000 => TreeEntryMode::Leaf(PathEntryKind::File),
        0o120_000 => TreeEntryMode::Leaf(PathEntryKind::Symlink),
        0o160_000 => TreeEntryMode::Leaf(PathEntryKind::Submodule),
        _ => return None,
    })
}

/// Returns whether both readers name the same person at the same second. libgit2 trims white space around names.
fn is_same_identity(
    first: &Person,
    seconds: i64,
    second: &git2::Signature<'_>,
    encoding: MessageEncoding,
) -> bool {
    first.name.as_bytes().trim_ascii() == encoding.decode_text(second.name_bytes().trim_ascii()).as_ref()
        && first.email.as_bytes().trim_ascii()
            == encoding.decode_text(second.email_bytes().trim_ascii()).as_ref()
        && seconds == second.when().seconds()
}

fn to_git2(id: Oid) -> Result<git2::Oid> {
    git2::Oid::from_bytes(id.as_bytes()).context("an id that libgit2 does not take")
}
