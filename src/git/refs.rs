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

use super::layout::Layout;
use super::reader::oid;
use super::repository::Repository;

/// Where a ref leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefAt {
    /// The full name, after symbolic refs have been followed. Whoever writes to the ref that was
    /// asked for writes to this one.
    pub name: Text,
    /// The object that it names (which may be an annotated tag); `None` if there is no such ref.
    pub id: Option<Oid>,
}

/// A move of a ref: what it held, and what it held then; `None` for nothing.
pub type LoggedMove = (Option<Oid>, Option<Oid>);

/// What `HEAD` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Head {
    /// This branch is checked out; its id is `None` before its first commit.
    Branch(RefAt),
    /// No branch is checked out, but this object.
    Detached(Oid),
}

/// How many bytes of a ref's log are looked at.
const LOGGED: u64 = 1 << 20;

/// How many symbolic refs may point to one another, as in git.
const SYMBOLIC_REFS: usize = 5;

/// Opens the refs of a repository, without reading any.
pub(super) fn store(layout: &Layout) -> gix::refs::file::Store {
    let options = gix::refs::store::init::Options::default();
    let git_dir = layout.git_dir.clone();
    if layout.git_dir == layout.common_dir {
        gix::refs::file::Store::at_opts(git_dir, layout.format, options)
    } else {
        let common_dir = layout.common_dir.clone();
        gix::refs::file::Store::for_linked_worktree_opts(git_dir, common_dir, layout.format, options)
    }
}

impl Repository {
    /// Follows the ref with this full name through symbolic refs to the one that holds an id.
    ///
    /// # Errors
    ///
    /// Fails for a name that no ref may have, for a damaged ref, and for more than five symbolic
    /// refs in a row.
    pub fn resolve_ref(&self, full_name: &[u8]) -> Result<RefAt> {
        let mut name = FullName::try_from(full_name.as_bstr())
            .with_context(|| format!("`{}` is not the name of a ref", full_name.escape_ascii()))?;
        for _ in 0..=SYMBOLIC_REFS {
            match self.target(&name)? {
                None => return Ok(RefAt { name: text(&name), id: None }),
                Some(Target::Object(id)) => return Ok(RefAt { name: text(&name), id: Some(oid(&id)) }),
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
    pub fn refs(&self, prefix: &str) -> Result<Vec<RefAt>> {
        let context = || format!("cannot list the refs under `{prefix}`");
        let relative = prefix.as_bytes().as_bstr().try_into().with_context(context)?;
        let platform = self.refs.iter().with_context(context)?;
        let mut found = Vec::new();
        for reference in platform.prefixed(relative).with_context(context)? {
            let reference = reference.with_context(context)?;
            let id = match reference.target {
                Target::Object(id) => Some(oid(&id)),
                Target::Symbolic(next) => self.resolve_ref(next.as_bstr())?.id,
            };
            found.push(RefAt { name: text(&reference.name), id });
        }
        Ok(found)
    }

    /// Returns all refs whose names begin with `prefix`, as [`Repository::refs`] does, without the
    /// symbolic ones: what those lead to is another ref.
    ///
    /// # Errors
    ///
    /// Fails if any of them is damaged.
    pub fn direct_refs(&self, prefix: &str) -> Result<Vec<RefAt>> {
        let context = || format!("cannot list the refs under `{prefix}`");
        let relative = prefix.as_bytes().as_bstr().try_into().with_context(context)?;
        let platform = self.refs.iter().with_context(context)?;
        let mut found = Vec::new();
        for reference in platform.prefixed(relative).with_context(context)? {
            let reference = reference.with_context(context)?;
            if let Target::Object(id) = reference.target {
                found.push(RefAt { name: text(&reference.name), id: Some(oid(&id)) });
            }
        }
        Ok(found)
    }

    /// Returns the moves of a ref since it last came to hold `known`, as git's own log of it has them;
    /// `None` if no log is kept, or if it does not reach back so far. Only the newest part of a long
    /// log is looked at.
    pub fn moves_since(&self, name: &Text, known: Option<Oid>) -> Option<Vec<LoggedMove>> {
        let log = self.shared.layout.common_dir.join("logs").join(name.as_utf8()?);
        let end = end_of(&log).ok()?;
        let mut moves: Vec<LoggedMove> = Vec::new();
        let mut reaches = false;
        for line in end.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            // The first line may be cut.
            let Some((old, new)) = logged(line) else { continue };
            if old == known && moves.is_empty() {
                reaches = true;
            }
            moves.push((old, new));
            if new == known {
                moves.clear();
                reaches = true;
            }
        }
        let is_whole = moves.windows(2).all(|pair| matches!(pair, [one, next] if one.1 == next.0));
        (reaches && is_whole).then_some(moves)
    }

    /// Returns what is checked out, or what `HEAD` of a bare repository points to.
    ///
    /// # Errors
    ///
    /// Fails if `HEAD` cannot be read.
    pub fn head(&self) -> Result<Head> {
        let head = self.resolve_ref(b"HEAD").context("cannot read `HEAD`")?;
        match head.id {
            Some(id) if head.name.as_bytes() == b"HEAD" => Ok(Head::Detached(id)),
            _ if head.name.as_bytes() == b"HEAD" => bail!("there is no `HEAD`"),
            _ => Ok(Head::Branch(head)),
        }
    }

    fn target(&self, name: &FullName) -> Result<Option<Target>> {
        let found = self.refs.try_find(name.as_ref());
        let found =
            found.with_context(|| format!("cannot read the ref `{}`", name.as_bstr().escape_ascii()))?;
        // The library goes on to try `refs/tags/NAME` and the like; those are other refs.
        Ok(found.filter(|reference| reference.name == *name).map(|reference| reference.target))
    }
}

/// Reads the newest part of a log.
fn end_of(log: &Path) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(LOGGED)))?;
    let mut end = Vec::new();
    file.take(LOGGED).read_to_end(&mut end)?;
    Ok(end)
}

/// Reads a line of a log.
fn logged(line: &[u8]) -> Option<LoggedMove> {
    let mut words = line.splitn(3, |byte| *byte == b' ');
    let mut id = || Oid::from_hex(std::str::from_utf8(words.next()?).ok()?);
    let given = |id: Oid| (!id.is_null()).then_some(id);
    Some((given(id()?), given(id()?)))
}

fn text(name: &FullName) -> Text {
    Text::new(name.as_bstr().to_vec())
}
