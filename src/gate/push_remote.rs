//! The remote that a push goes to, and whether its gate is the one that the policy speaks for.
//!
//! A fork is fetched from like the repository that it comes from, and holds a copy of its policy. A push to a
//! fork is not the gate's business. So where several remotes hold a policy on the branch that is pushed, one of
//! them is taken for the one with the gate, by what git itself knows, and pushes to the others go through.

use crate::change::Text;
use crate::gate::policy_source::load_from_commit;
use crate::git::Repository;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::escape::shell::quote_for_shell;

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
        Ok(PushRemote { name, refspecs, has_gate, git_location: String::new() })
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

    /// Returns true if the branch of this name, as it was fetched last, holds a policy that protects it.
    fn holds_policy(&self, repository: &Repository, remote_name: &Text) -> bool {
        let Some(tracking_ref) = self.find_tracking_ref(remote_name.as_bytes()) else { return false };
        let Some(tip) = repository.resolve_ref(&tracking_ref).ok().and_then(|found| found.id) else {
            return false;
        };
        load_from_commit(repository, tip, DEFAULT_POLICY_PATH, "")
            .is_ok_and(|loaded| loaded.policy.protects_ref(remote_name.as_bytes()))
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
