//! Refs, by their full names and no others.
//!
//! Git's short names are a trap for a gate: a tag called `main` would win over the branch. So a
//! name that is not found as it stands is not there.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, bail};
use gix::bstr::ByteSlice;
use gix::refs::{FullName, Target};

use crate::change::{Oid, Text};

use crate::git::layout::RepositoryLayout;
use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;

/// Where a ref leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedRef {
    /// The full name, after symbolic refs have been followed. Whoever writes to the ref that was
    /// asked for writes to this one.
    pub name: Text,
    /// The object that it names (which may be an annotated tag); `None` if there is no such ref.
    pub id: Option<Oid>,
}

/// A move of a ref, as git has logged it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReflogEntry {
    /// What it held; `None` for nothing.
    pub old: Option<Oid>,
    /// What it held then; `None` for nothing.
    pub new: Option<Oid>,
    /// When, in seconds since 1970, by the clock of whoever moved it.
    pub moved_at: i64,
}

/// What `HEAD` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadState {
    /// This branch is checked out; its id is `None` before its first commit.
    Branch(ResolvedRef),
    /// No branch is checked out, but this object.
    Detached(Oid),
}

/// How many bytes of a ref's log are looked at.
const MAX_REFLOG_BYTES: u64 = 1 << 20;

/// How many symbolic refs may point to one another, as in git.
const MAX_SYMBOLIC_REFS: usize = 5;

/// Opens the refs of a repository, without reading any.
pub(crate) fn open_ref_store(layout: &RepositoryLayout) -> gix::refs::file::Store {
    let options = gix::refs::store::init::Options::default();
    let git_dir = layout.git_dir.clone();
    if layout.git_dir == layout.common_dir {
        gix::refs::file::Store::at_opts(git_dir, layout.object_format, options)
    } else {
        let common_dir = layout.common_dir.clone();
        gix::refs::file::Store::for_linked_worktree_opts(git_dir, common_dir, layout.object_format, options)
    }
}

impl Repository {
    /// Follows the ref with this full name through symbolic refs to the one that holds an id.
    ///
    /// # Errors
    ///
    /// Fails for a name that no ref may have, for a damaged ref, and for more than five symbolic
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
        bail!("the symbolic ref `{}` leads through too many others", full_name.escape_ascii())
    }

    /// Returns all refs whose names begin with `prefix`, which is a directory such as
    /// `refs/heads/`, in the order of their names. Symbolic refs appear under their own names.
    ///
    /// # Errors
    ///
    /// Fails if any of them is damaged.
    pub fn list_refs(&self, prefix: &str) -> Result<Vec<ResolvedRef>> {
        let context = || format!("cannot list the refs under `{prefix}`");
        let relative = prefix.as_bytes().as_bstr().try_into().with_context(context)?;
        let platform = self.ref_store.iter().with_context(context)?;
        let mut found = Vec::new();
        for reference in platform.prefixed(relative).with_context(context)? {
            let reference = reference.with_context(context)?;
            let id = match reference.target {
                Target::Object(id) => Some(to_oid(&id)),
                Target::Symbolic(next) => self.resolve_ref(next.as_bstr())?.id,
            };
            found.push(ResolvedRef { name: ref_name_text(&reference.name), id });
        }
        Ok(found)
    }

    /// Returns all refs whose names begin with `prefix`, as [`Repository::refs`] does, without the
    /// symbolic ones: what those lead to is another ref.
    ///
    /// # Errors
    ///
    /// Fails if any of them is damaged.
    pub fn list_direct_refs(&self, prefix: &str) -> Result<Vec<ResolvedRef>> {
        let context = || format!("cannot list the refs under `{prefix}`");
        let relative = prefix.as_bytes().as_bstr().try_into().with_context(context)?;
        let platform = self.ref_store.iter().with_context(context)?;
        let mut found = Vec::new();
        for reference in platform.prefixed(relative).with_context(context)? {
            let reference = reference.with_context(context)?;
            if let Target::Object(id) = reference.target {
                found.push(ResolvedRef { name: ref_name_text(&reference.name), id: Some(to_oid(&id)) });
            }
        }
        Ok(found)
    }

    /// Returns the moves of a ref, oldest first, as git's own log of it has them; of a long log only
    /// the newest part. Nothing is returned if no log is kept.
    pub fn read_reflog(&self, name: &Text) -> Vec<ReflogEntry> {
        let Some(name) = name.as_utf8() else { return Vec::new() };
        let end =
            read_reflog_tail(&self.shared.layout.common_dir.join("logs").join(name)).unwrap_or_default();
        // The first line may be cut.
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

    fn read_ref_target(&self, name: &FullName) -> Result<Option<Target>> {
        let found = self.ref_store.try_find(name.as_ref());
        let found =
            found.with_context(|| format!("cannot read the ref `{}`", name.as_bstr().escape_ascii()))?;
        // The library goes on to try `refs/tags/NAME` and the like; those are other refs.
        Ok(found.filter(|reference| reference.name == *name).map(|reference| reference.target))
    }
}

/// Reads the newest part of a log.
fn read_reflog_tail(log: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_REFLOG_BYTES)))?;
    let mut end = Vec::new();
    file.take(MAX_REFLOG_BYTES).read_to_end(&mut end)?;
    Ok(end)
}

/// Reads a line of a log: two ids, a name, an address, seconds, a time zone, a tab, some words.
fn parse_reflog_line(line: &[u8]) -> Option<ReflogEntry> {
    let head = line.split(|byte| *byte == b'\t').next()?;
    let mut words = std::str::from_utf8(head).ok()?.split(' ');
    let given = |digits: Option<&str>| Some(Some(Oid::from_hex(digits?)?).filter(|id| !id.is_null()));
    let (old, new) = (given(words.next())?, given(words.next())?);
    let at = words.nth_back(1)?.parse().ok()?;
    Some(ReflogEntry { old, new, moved_at: at })
}

fn ref_name_text(name: &FullName) -> Text {
    Text::new(name.as_bstr().to_vec())
}
