//! The remote that a push goes to, and whether its gate is the one that the policy speaks for.
//!
//! A fork is fetched from like the repository that it comes from, and holds a copy of its policy. A push to a
//! fork is not the gate's business. So where several remotes hold a policy on the branch that is pushed, one of
//! them is taken for the one with the gate, by what git itself knows, and pushes to the others go through.

use crate::change::{Oid, Text};
use crate::gate::committed_policy::load_for_hook;
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::git::Repository;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::verdict::quote_for_shell;

/// The name that the repository which a fork comes from has in most clones.
const PARENT_REMOTE: &str = "upstream";

/// The name that git gives to the remote of a clone.
const DEFAULT_REMOTE: &str = "origin";

/// The remote that a push goes to, as this clone knows it.
pub(crate) struct PushRemote<'push> {
    pub(crate) name: &'push str,
    /// The patterns of its refs, each with that of the refs that keep them here.
    refspecs: Vec<(String, String)>,
    /// What the configuration says about a gate there; `None` if it says nothing.
    pub(crate) has_gate: Option<bool>,
    /// The options that lead git to the repository from the folder of the user.
    pub(crate) git_location: String,
    /// The address that git pushes to, as it tells the hook; `None` if it is not known.
    pub(crate) push_url: Option<String>,
}

/// Where the gate for a branch is taken to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum GatePlace {
    /// At the remote that was asked about.
    Here,
    /// At the remote of this name.
    At(String),
    /// At one of several remotes.
    Unknown,
}

/// What the remote with the gate holds of a branch, as it was fetched last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GateBranch {
    /// The name as git calls it here, such as `origin/main`.
    pub(crate) name: String,
    /// The commit that it holds.
    pub(crate) tip: Oid,
    /// The full name of the branch.
    branch: Text,
    remote: String,
}

impl GateBranch {
    /// Finds the branch with this full name at the remote that is taken to have the gate; `None` if no remote
    /// has the branch, or it is not known which of them has the gate.
    ///
    /// # Errors
    ///
    /// Fails if the configuration or the refs cannot be read.
    pub(crate) fn find_by_name(repository: &Repository, branch: &Text) -> anyhow::Result<Option<GateBranch>> {
        let names = repository.list_config_subsections("remote")?;
        let mut known = Vec::new();
        for name in &names {
            let remote = PushRemote::read_config(repository, name)?;
            if remote.has_gate != Some(false)
                && let Some(tip) = remote.find_fetched_tip(repository, branch)
            {
                known.push((remote, tip));
            }
        }
        // One remote alone needs no look at its policy.
        if known.len() > 1 {
            let mut at_gate = Vec::new();
            for (remote, tip) in known {
                if remote.holds_policy(repository, branch)
                    && remote.find_gate_place(repository, branch)? == GatePlace::Here
                {
                    at_gate.push((remote, tip));
                }
            }
            known = at_gate;
        }
        let Some((remote, tip)) = known.first() else { return Ok(None) };
        let short = branch.to_lossy();
        let short = short.strip_prefix("refs/heads/").unwrap_or(&short);
        Ok(Some(GateBranch {
            name: format!("{}/{short}", remote.name),
            tip: *tip,
            branch: branch.clone(),
            remote: remote.name.to_owned(),
        }))
    }

    /// Returns the commits that are judged already when something is pushed to the branch: what it holds, and
    /// what the default branch of the remote holds, where the gate reads its policy.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be read.
    pub(crate) fn list_judged_tips(&self, repository: &Repository) -> anyhow::Result<Vec<Oid>> {
        let mut tips = vec![self.tip];
        tips.extend(
            PushRemote::read_config(repository, &self.remote)?.find_default_tip(repository, &self.branch),
        );
        Ok(tips)
    }

    /// Returns the policy that judges a branch which has none of its own, if it protects the branch.
    pub(crate) fn find_default_policy(&self, repository: &Repository) -> Option<LoadedPolicy> {
        let remote = PushRemote::read_config(repository, &self.remote).ok()?;
        let (_, loaded) = remote.find_default_policy(repository, &self.branch)?;
        loaded.policy.protects_ref(self.branch.as_bytes()).then_some(loaded)
    }
}

impl PushRemote<'_> {
    /// Reads what the configuration says about a remote.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be read.
    pub(crate) fn read_config<'push>(
        repository: &Repository,
        name: &'push str,
    ) -> anyhow::Result<PushRemote<'push>> {
        let mut refspecs = Vec::new();
        for refspec in repository.read_config_values(&format!("remote.{name}.fetch"))? {
            let refspec = refspec.strip_prefix('+').unwrap_or(&refspec);
            if let Some((theirs, ours)) = refspec.split_once(':') {
                refspecs.push((theirs.to_owned(), ours.to_owned()));
            }
        }
        let has_gate = repository.read_config_value(&format!("remote.{name}.changegate"))?;
        let has_gate = has_gate.map(|value| is_true(&value));
        Ok(PushRemote { name, refspecs, has_gate, git_location: String::new(), push_url: None })
    }

    /// Returns the command that says whether this remote has a gate.
    pub(crate) fn build_setting_command(&self, has_gate: bool) -> String {
        let key = quote_for_shell(&format!("remote.{}.changegate", self.name));
        format!("git {}config {key} {has_gate}", self.git_location)
    }

    /// Returns why this remote may have no gate of its own for a branch on which it holds a policy; `None` if
    /// it is the remote that the policy speaks for.
    ///
    /// # Errors
    ///
    /// Fails if the configuration or the refs cannot be read.
    pub(crate) fn find_doubt(
        &self,
        repository: &Repository,
        remote_name: &Text,
    ) -> anyhow::Result<Option<String>> {
        let command = self.build_setting_command(true);
        if self.has_gate != Some(true) && self.is_pushed_elsewhere(repository)? {
            return Ok(Some(format!(
                "{} pushes to another repository than it fetches from (if that one has the gate: {command})",
                self.name
            )));
        }
        Ok(match self.find_gate_place(repository, remote_name)? {
            GatePlace::Here => None,
            GatePlace::At(home) => Some(format!(
                "the gate is taken to be at {home}, which holds a policy as well (if {} has one: {command})",
                self.name
            )),
            GatePlace::Unknown => {
                Some(format!("several remotes hold a policy (if {} has a gate: {command})", self.name))
            }
        })
    }

    /// Returns true if git pushes to another repository than it fetches from: what is fetched says nothing about
    /// a gate there.
    fn is_pushed_elsewhere(&self, repository: &Repository) -> anyhow::Result<bool> {
        let Some(push_url) = &self.push_url else { return Ok(false) };
        let urls = repository.read_config_values(&format!("remote.{}.url", self.name))?;
        // Of several addresses, git fetches from the first, and pushes to all.
        let Some(fetch_url) = urls.first() else { return Ok(false) };
        let fetch_url = rewrite_url(repository, fetch_url)?;
        Ok(!names_same_repository(&fetch_url, push_url))
    }

    /// Returns where the gate for a branch is taken to be, if this remote holds a policy on it.
    ///
    /// # Errors
    ///
    /// Fails if the configuration or the refs cannot be read.
    pub(crate) fn find_gate_place(
        &self,
        repository: &Repository,
        remote_name: &Text,
    ) -> anyhow::Result<GatePlace> {
        if self.has_gate == Some(true) {
            return Ok(GatePlace::Here);
        }
        let mut others = Vec::new();
        for name in repository.list_config_subsections("remote")? {
            let other = PushRemote::read_config(repository, &name)?;
            if name == self.name || other.has_gate == Some(false) {
                continue;
            }
            if other.holds_policy(repository, remote_name) {
                others.push((name.clone(), other.has_gate));
            }
        }
        if others.is_empty() {
            return Ok(GatePlace::Here);
        }
        let is_other = |name: &str| others.iter().any(|(other, _)| other == name);
        let branch = remote_name.as_utf8().and_then(|name| name.strip_prefix("refs/heads/"));
        let followed = match branch {
            Some(branch) => repository.read_config_value(&format!("branch.{branch}.remote"))?,
            None => None,
        };
        let known =
            others.iter().find(|(_, has_gate)| *has_gate == Some(true)).map(|(name, _)| name.as_str());
        let usual = [Some(PARENT_REMOTE), followed.as_deref(), Some(DEFAULT_REMOTE)];
        let home =
            known.or_else(|| usual.into_iter().flatten().find(|name| *name == self.name || is_other(name)));
        Ok(match home {
            Some(home) if home == self.name => GatePlace::Here,
            Some(home) => GatePlace::At(home.to_owned()),
            None => GatePlace::Unknown,
        })
    }

    /// Returns true if the branch of this name, as it was fetched last, holds a policy that protects it, or one that
    /// cannot be used here and may protect it.
    fn holds_policy(&self, repository: &Repository, remote_name: &Text) -> bool {
        let Some(tip) = self.find_fetched_tip(repository, remote_name) else { return false };
        match load_for_hook(repository, tip, DEFAULT_POLICY_PATH, "") {
            Ok(loaded) => loaded.policy.protects_ref(remote_name.as_bytes()),
            Err(UnusablePolicy::Faulty(_)) => true,
            Err(UnusablePolicy::Absent) => false,
        }
    }

    /// Returns the commit that a branch of the remote held when it was fetched last.
    fn find_fetched_tip(&self, repository: &Repository, remote_name: &Text) -> Option<Oid> {
        let tracking_ref = self.find_tracking_ref(remote_name.as_bytes())?;
        repository.resolve_ref(&tracking_ref).ok()?.id
    }

    /// Returns the commit of the branch that the remote's HEAD names, as it was fetched last, if that is not
    /// `branch` itself and is under change control: there the gate reads its policy, and what it holds is
    /// judged.
    pub(crate) fn find_default_tip(&self, repository: &Repository, branch: &Text) -> Option<Oid> {
        self.find_default_policy(repository, branch).map(|(tip, _)| tip)
    }

    /// Returns the policy of the branch that the remote's HEAD names, with its commit, under the same conditions: it judges
    /// a branch that is older than its policy.
    pub(crate) fn find_default_policy(
        &self,
        repository: &Repository,
        branch: &Text,
    ) -> Option<(Oid, LoadedPolicy)> {
        let head = repository.resolve_ref(format!("refs/remotes/{}/HEAD", self.name).as_bytes()).ok()?;
        let folder = format!("refs/remotes/{}/", self.name);
        let default_branch = format!("refs/heads/{}", head.name.as_utf8()?.strip_prefix(&folder)?);
        let tip = head.id?;
        if default_branch.as_bytes() == branch.as_bytes() {
            return None;
        }
        let called = head.name.as_utf8()?.strip_prefix("refs/remotes/")?;
        let loaded = load_for_hook(repository, tip, DEFAULT_POLICY_PATH, called).ok()?;
        loaded.policy.protects_ref(default_branch.as_bytes()).then_some((tip, loaded))
    }

    /// Returns the name of the ref that keeps `remote_name` here; `None` if no ref does, as with a remote
    /// that is an address or a mirror.
    pub(crate) fn find_tracking_ref(&self, remote_name: &[u8]) -> Option<Vec<u8>> {
        for (theirs, ours) in &self.refspecs {
            let tracking_ref = match (theirs.split_once('*'), ours.split_once('*')) {
                (None, None) if theirs.as_bytes() == remote_name => ours.clone().into_bytes(),
                (Some((start, end)), Some((our_start, our_end))) => {
                    let rest = remote_name.strip_prefix(start.as_bytes());
                    let Some(middle) = rest.and_then(|rest| rest.strip_suffix(end.as_bytes())) else {
                        continue;
                    };
                    [our_start.as_bytes(), middle, our_end.as_bytes()].concat()
                }
                _ => continue,
            };
            return Some(tracking_ref);
        }
        None
    }
}

/// Returns false for the words that git takes for no.
fn is_true(value: &str) -> bool {
    !["false", "no", "off", "0", ""].contains(&value.to_ascii_lowercase().as_str())
}

/// Returns the address that git reads in the place of `url`, by `url.BASE.insteadOf`: the longest beginning counts.
fn rewrite_url(repository: &Repository, url: &str) -> anyhow::Result<String> {
    let mut rewritten = url.to_owned();
    let mut longest = 0;
    for base in repository.list_config_subsections("url")? {
        for beginning in repository.read_config_values(&format!("url.{base}.insteadOf"))? {
            if let Some(rest) = url.strip_prefix(&beginning)
                && beginning.len() > longest
            {
                longest = beginning.len();
                rewritten = format!("{base}{rest}");
            }
        }
    }
    Ok(rewritten)
}

/// Returns true if two addresses lead to one repository, by whatever protocol and as whatever user.
fn names_same_repository(one: &str, other: &str) -> bool {
    if one == other {
        return true;
    }
    match (split_address(one), split_address(other)) {
        ((None, path), (None, other_path)) => {
            let resolve = |path: &str| std::fs::canonicalize(path).ok();
            path == other_path || resolve(path).is_some_and(|found| Some(found) == resolve(other_path))
        }
        ((Some(host), path), (Some(other_host), other_path)) => {
            host.eq_ignore_ascii_case(other_host)
                && trim_repository_path(path) == trim_repository_path(other_path)
        }
        _ => false,
    }
}

/// Returns the host of an address, without user and port, and the path; no host for a path of this machine.
fn split_address(url: &str) -> (Option<&str>, &str) {
    let without_user = |authority: &'_ str| authority.rfind('@').map_or(0, |at| at + 1);
    if let Some(path) = url.strip_prefix("file://") {
        return (None, path);
    }
    if let Some((_, rest)) = url.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let host = authority.get(without_user(authority)..).unwrap_or_default();
        return (Some(host.split_once(':').map_or(host, |(host, _)| host)), path);
    }
    match url.split_once(':') {
        Some((authority, path)) if !authority.contains('/') => {
            (Some(authority.get(without_user(authority)..).unwrap_or_default()), path)
        }
        _ => (None, url),
    }
}

/// Returns the path of a repository on a server as most addresses have it.
fn trim_repository_path(path: &str) -> &str {
    let path = path.trim_matches('/');
    path.strip_suffix(".git").unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_the_same_by_every_protocol() {
        let known = "https://git.example.com/acme/shop.git";
        for same in [
            "https://ana:secret@git.example.com/acme/shop",
            "git@git.example.com:acme/shop.git",
            "ssh://git@GIT.example.com:2222/acme/shop.git/",
            "git.example.com:/acme/shop",
        ] {
            assert!(names_same_repository(known, same), "{same}");
        }
        for other in [
            "https://git.example.com/ana/shop.git",
            "https://mirror.example.com/acme/shop.git",
            "git@github.com:acme/shop.git",
            "/srv/acme/shop.git",
            "file:///acme/shop.git",
            "",
        ] {
            assert!(!names_same_repository(known, other), "{other}");
        }
        assert!(names_same_repository("file:///srv/x.git", "/srv/x.git"));
        assert!(!names_same_repository("/srv/x.git", "/srv/y.git"));
    }
}
