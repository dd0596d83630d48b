//! Resolves the revisions that a person types, and finds the upstream of the checked out branch.
//!
//! Short names are accepted here only: a command answers the person who typed them. The hooks use
//! full names and ids.

use std::collections::HashSet;

use anyhow::{Context, Result, bail};

use crate::change::{Oid, Text};

use crate::git::objects::reader::to_oid;
use crate::git::repository::Repository;
use crate::git::repository::refs::HeadState;

impl Repository {
    /// Returns the object that `spec` names, in the syntax of `git rev-parse`: `HEAD~2`,
    /// `main@{1}`, `v1.0^{commit}`, an abbreviated id.
    ///
    /// # Errors
    ///
    /// Fails if it names nothing, more than one object, or a range.
    pub fn resolve_revision(&self, spec: &str) -> Result<Oid> {
        let repository = self.open_gix_repository()?;
        let context = || format!("`{}` does not name a revision", spec.escape_debug());
        let id = repository.rev_parse_single(spec).with_context(context)?;
        Ok(to_oid(&id.detach()))
    }

    /// Returns the objects whose ids begin with these hexadecimal digits; those of a push that is still in quarantine
    /// are not seen.
    ///
    /// # Errors
    ///
    /// Fails if the objects cannot be listed.
    pub(crate) fn find_objects_by_prefix(&self, digits: &str) -> Result<Vec<Oid>> {
        let repository = self.open_gix_repository()?;
        if digits.len() > repository.object_hash().len_in_hex() {
            return Ok(Vec::new());
        }
        let context = || format!("cannot look for objects that begin with {}", digits.escape_debug());
        let prefix = gix::hash::Prefix::from_hex(digits).with_context(context)?;
        let mut found = HashSet::new();
        repository.objects.lookup_prefix(prefix, Some(&mut found)).with_context(context)?;
        let mut ids: Vec<Oid> = found.iter().map(|id| to_oid(id)).collect();
        ids.sort_unstable();
        Ok(ids)
    }

    /// Returns the full name of the remote-tracking ref that the checked out branch follows, as in
    /// `refs/remotes/origin/main`; `None` if it follows none, or no branch is checked out.
    ///
    /// # Errors
    ///
    /// Fails if `HEAD` or the configuration cannot be read.
    pub fn find_upstream_ref(&self) -> Result<Option<Text>> {
        let HeadState::Branch(branch) = self.read_head()? else { return Ok(None) };
        let repository = self.open_gix_repository()?;
        let name = gix::refs::FullName::try_from(gix::bstr::BStr::new(branch.name.as_bytes()))?;
        match repository.branch_remote_tracking_ref_name(name.as_ref(), gix::remote::Direction::Fetch) {
            None => Ok(None),
            Some(Ok(upstream)) => Ok(Some(Text::new(upstream.as_bstr().to_vec()))),
            Some(Err(error)) => Err(error).context("cannot find the upstream of the current branch"),
        }
    }

    /// Opens the repository again with the library, which resolves the names. This takes several times as
    /// long as [`Repository::open_at`], and sees no quarantine.
    fn open_gix_repository(&self) -> Result<gix::Repository> {
        if self.shared.layout.git_dir.as_os_str().is_empty() {
            bail!("there is no repository");
        }
        let options = gix::open::Options::isolated()
            .open_path_as_is(true)
            .with(gix::sec::Trust::Full)
            .config_overrides(["core.useReplaceRefs=false", "gitoxide.objects.noReplace=true"]);
        let opened = gix::ThreadSafeRepository::open_opts(self.git_dir(), options);
        let opened = opened.with_context(|| format!("cannot open `{}`", self.git_dir().display()))?;
        Ok(opened.to_thread_local())
    }
}
