//! Refs, by their full names only.
//!
//! Git's short names are dangerous for a gate: a tag called `main` would win over the branch. So a
//! name that is not found exactly as it is written does not exist.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};
use gix::bstr::ByteSlice;
use gix::refs::file::find::ReferenceDecode;
use gix::refs::{FullName, Target};

use crate::change::{Oid, Text};

use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// A ref after symbolic refs have been followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRef {
    /// The full name of the ref at the end. A write to the ref that was asked for changes this one.
    pub name: Text,
    /// The object that the ref holds (possibly an annotated tag); `None` if there is no such ref.
    pub id: Option<Oid>,
}

/// The refs under a prefix, apart by whether they can be read.
#[derive(Debug, Default)]
pub(crate) struct SortedRefs {
    pub(crate) readable: Vec<ResolvedRef>,
    /// The names of the damaged ones; only the prefix where not even the name is known.
    pub(crate) damaged: Vec<Text>,
}

/// A move of a ref, as git logged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReflogEntry {
    /// What the ref held before; `None` if it did not exist.
    pub(crate) old: Option<Oid>,
    /// What the ref held afterwards; `None` if it was deleted.
    pub(crate) new: Option<Oid>,
    /// The time of the move in seconds since 1970, by the clock of the machine that moved it.
    pub(crate) moved_at: i64,
}

/// The branch or object that is checked out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadState {
    /// A branch is checked out; its id is `None` before its first commit.
    Branch(ResolvedRef),
    /// An object is checked out without a branch.
    Detached(Oid),
}

/// How many bytes at the end of a ref's log are read.
const MAX_REFLOG_BYTES: u64 = 1 << 20;

/// How many symbolic refs may point to one another, as in git.
const MAX_SYMBOLIC_REFS: usize = 5;

impl Repository {
    /// Follows the ref with this full name through symbolic refs to the one that holds an id.
    ///
    /// # Errors
    ///
    /// Fails for a name that no ref can have, for a damaged ref, and for more than five symbolic
    /// refs in a row.
    pub fn resolve_ref(&self, full_name: &[u8]) -> Result<ResolvedRef> {
        let mut name = FullName::try_from(full_name.as_bstr())
            .with_context(|| format!("`{}` is not the name of a ref", full_name.escape_ascii()))?;
        for _ in 0..=MAX_SYMBOLIC_REFS {
            match self.read_ref_target(&name)? {
                None => return Ok(ResolvedRef { name: ref_name_text(&name), id: None }),
                Some(Target::Object(id)) => {
                    return Ok(ResolvedRef { name: ref_name_text(&name), id: Some(to_oid(&id)) });
                }
                Some(Target::Symbolic(next)) => name = next,
            }
        }
        bail!("the symbolic ref `{}` leads through too many other refs", full_name.escape_ascii())
    }

    /// Returns all refs whose names begin with `prefix`, which is a directory such as
    /// `refs/heads/`, in the order of their names. Symbolic refs appear under their own names.
    ///
    /// # Errors
    ///
    /// Fails if any of them is damaged.
    pub fn list_refs(&self, prefix: &str) -> Result<Vec<ResolvedRef>> {
        let mut found = Vec::new();
        for reference in self.read_refs_under(prefix)? {
            let id = self.resolve_target(reference.target)?;
            found.push(ResolvedRef { name: ref_name_text(&reference.name), id });
        }
        Ok(found)
    }

    /// Returns all refs whose names begin with `prefix`, the damaged ones by their names.
    ///
    /// # Errors
    ///
    /// Fails if the refs cannot be listed at all.
    pub(crate) fn sort_refs_by_damage(&self, prefix: &str) -> Result<SortedRefs> {
        let mut sorted = SortedRefs::default();
        self.for_each_ref_under(prefix, |read| {
            match read {
                Ok(reference) => {
                    let name = ref_name_text(&reference.name);
                    match self.resolve_target(reference.target) {
                        Ok(id) => sorted.readable.push(ResolvedRef { name, id }),
                        Err(_) => sorted.damaged.push(name),
                    }
                }
                Err(error) => {
                    let decoding = error.downcast_any_ref::<ReferenceDecode>();
                    let name = decoding.map(|decoding| decoding.relative_path.as_os_str().as_encoded_bytes());
                    sorted.damaged.push(Text::from(name.unwrap_or(prefix.as_bytes())));
                }
            }
            Ok(())
        })?;
        Ok(sorted)
    }

    /// Returns all refs whose names begin with `prefix`, as [`Repository::list_refs`] does, but without
    /// the symbolic ones: they stand for another ref.
    ///
    /// # Errors
    ///
    /// Fails if any of them is damaged.
    pub(crate) fn list_direct_refs(&self, prefix: &str) -> Result<Vec<ResolvedRef>> {
        let mut found = Vec::new();
        for reference in self.read_refs_under(prefix)? {
            if let Target::Object(id) = reference.target {
                found.push(ResolvedRef { name: ref_name_text(&reference.name), id: Some(to_oid(&id)) });
            }
        }
        Ok(found)
    }

    /// Returns the symbolic refs whose names begin with `prefix`, each with the ref that it leads to.
    ///
    /// A damaged one is left out: git cannot push through it either. Packed refs are never symbolic, so
    /// only the others are read.
    ///
    /// # Errors
    ///
    /// Fails if the refs cannot be listed at all.
    pub(crate) fn list_symbolic_refs(&self, prefix: &str) -> Result<Vec<(Text, ResolvedRef)>> {
        let context = || format!("cannot list the refs under `{prefix}`");
        let relative = prefix.as_bytes().as_bstr().try_into().with_context(context)?;
        let mut found = Vec::new();
        for reference in self.ref_store.loose_iter_prefixed(relative).with_context(context)?.flatten() {
            if let Target::Symbolic(_) = reference.target
                && let Ok(resolved) = self.resolve_ref(reference.name.as_bstr())
            {
                found.push((ref_name_text(&reference.name), resolved));
            }
        }
        Ok(found)
    }

    /// Returns the moves of a ref, oldest first, as git logged them; of a long log only the newest part.
    /// The list is empty if there is no log.
    pub(crate) fn read_reflog(&self, name: &Text) -> Vec<ReflogEntry> {
        let Some(name) = name.as_utf8() else { return Vec::new() };
        let log = self.shared.layout.common_dir.join("logs").join(name);
        let Ok(end) = read_reflog_tail(&log) else { return Vec::new() };
        // The first line may be cut off; it is skipped then, like any line that is malformed.
        end.split(|byte| *byte == b'\n').filter_map(parse_reflog_line).collect()
    }

    /// Returns what is checked out, or what `HEAD` of a bare repository points to.
    ///
    /// # Errors
    ///
    /// Fails if `HEAD` cannot be read.
    pub fn read_head(&self) -> Result<HeadState> {
        let head = self.resolve_ref(b"HEAD").context("cannot read `HEAD`")?;
        match head.id {
            Some(id) if head.name.as_bytes() == b"HEAD" => Ok(HeadState::Detached(id)),
            _ if head.name.as_bytes() == b"HEAD" => bail!("there is no `HEAD`"),
            _ => Ok(HeadState::Branch(head)),
        }
    }

    fn resolve_target(&self, target: Target) -> Result<Option<Oid>> {
        match target {
            Target::Object(id) => Ok(Some(to_oid(&id))),
            Target::Symbolic(next) => Ok(self.resolve_ref(next.as_bstr())?.id),
        }
    }

    fn read_refs_under(&self, prefix: &str) -> Result<Vec<gix::refs::Reference>> {
        let mut references = Vec::new();
        self.for_each_ref_under(prefix, |read| {
            references.push(read.with_context(|| format!("cannot list the refs under `{prefix}`"))?);
            Ok(())
        })?;
        Ok(references)
    }

    /// Calls `take` for each ref under `prefix`, or with the reason why it cannot be read.
    fn for_each_ref_under(
        &self,
        prefix: &str,
        mut take: impl FnMut(Result<gix::refs::Reference, gix::error::Error>) -> Result<()>,
    ) -> Result<()> {
        let context = || format!("cannot list the refs under `{prefix}`");
        let relative = prefix.as_bytes().as_bstr().try_into().with_context(context)?;
        let platform = self.ref_store.iter().with_context(context)?;
        for reference in platform.prefixed(relative).with_context(context)? {
            take(reference)?;
        }
        Ok(())
    }

    fn read_ref_target(&self, name: &FullName) -> Result<Option<Target>> {
        match self.ref_store.try_find(name.as_ref()) {
            // The library also tries `refs/tags/NAME` and the like; those are other refs.
            Ok(Some(reference)) if reference.name == *name => Ok(Some(reference.target)),
            Ok(_) => Ok(None),
            Err(error) => {
                Err(error).context(format!("cannot read the ref `{}`", name.as_bstr().escape_ascii()))
            }
        }
    }
}

/// Reads the newest part of a ref's log.
fn read_reflog_tail(log: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_REFLOG_BYTES)))?;
    let mut end = Vec::new();
    file.take(MAX_REFLOG_BYTES).read_to_end(&mut end)?;
    Ok(end)
}

/// Parses a line of a log: two ids, a name, an address, seconds, a time zone, a tab, a message.
fn parse_reflog_line(line: &[u8]) -> Option<ReflogEntry> {
    let end = memchr::memchr(b'\t', line).unwrap_or(line.len());
    let mut words = std::str::from_utf8(line.get(..end)?).ok()?.split(' ');
    let old = Oid::from_hex(words.next()?)?;
    let new = Oid::from_hex(words.next()?)?;
    let moved_at = words.nth_back(1)?.parse().ok()?;
    Some(ReflogEntry { old: old.none_if_null(), new: new.none_if_null(), moved_at })
}

fn ref_name_text(name: &FullName) -> Text {
    Text::new(name.as_bstr().to_vec())
}
