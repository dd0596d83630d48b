//! Puts the policies that judged into a pack: every file that they are read from, also those of other repositories.

use std::collections::{BTreeMap, BTreeSet};

use crate::audit::evidence::pack_index::PackedBase;
use crate::change::Oid;
use crate::gate::committed_policy::load_with_paths;
use crate::gate::policy_repositories::open_policy_repository;
use crate::gate::recorded_policies::reload_policy;
use crate::git::evidence_objects::tree_walk::ObjectSink;
use crate::git::{ObjectFormat, Repository};
use crate::ledger::audit::replay::find_named_bases;
use crate::ledger::record::{DecisionRecord, RecordedPolicySource};
use crate::policy::{DEFAULT_POLICY_PATH, RemotePolicyFile};

/// The policies of a pack, as far as they are collected.
pub(super) struct PackedPolicies<'a> {
    repository: &'a Repository,
    bases: BTreeSet<PackedBase>,
    /// What could not be put into the pack, in sentences.
    limits: Vec<String>,
}

impl<'a> PackedPolicies<'a> {
    /// Starts with none.
    pub(super) fn new(repository: &'a Repository) -> Self {
        PackedPolicies { repository, bases: BTreeSet::new(), limits: Vec::new() }
    }

    /// Returns the files of other repositories that are in the pack.
    pub(super) fn list_bases(&self) -> Vec<PackedBase> {
        self.bases.iter().cloned().collect()
    }

    /// Returns what could not be put into the pack, once.
    pub(super) fn take_limits(&mut self) -> Vec<String> {
        std::mem::take(&mut self.limits)
    }

    /// Adds the policies that a decision was made by.
    pub(super) fn add_policies(&mut self, decided: &DecisionRecord, sink: &mut dyn ObjectSink) {
        let named = find_named_bases(decided);
        for source in decided.refs.iter().flat_map(|one| &one.policies) {
            match source {
                RecordedPolicySource::Commit { id, path, digest } => {
                    self.add_bases((*id, path), (&named, Some(digest)), sink);
                    self.add_policy_files(*id, path, sink);
                }
                RecordedPolicySource::Pack { .. } => {}
                RecordedPolicySource::Disk { path, .. } => self
                    .limits
                    .push(format!("the policy was read from {path} on the server, and is not in the pack")),
                RecordedPolicySource::Elsewhere { place, .. } => {
                    self.limits.push(format!("the policy was read from {place}, and is not in the pack"));
                }
            }
        }
    }

    /// Adds the policy of a commit, as it is now.
    pub(super) fn add_current_policy(&mut self, commit: Oid, sink: &mut dyn ObjectSink) {
        self.add_bases((commit, DEFAULT_POLICY_PATH), (&BTreeMap::new(), None), sink);
        self.add_policy_files(commit, DEFAULT_POLICY_PATH, sink);
    }

    /// Adds every file that a policy is read from, and what shows that a file it looks for is absent.
    fn add_policy_files(&mut self, commit: Oid, path: &str, sink: &mut dyn ObjectSink) {
        // The files that it is made of are known once it has been loaded, roster and catalogue too.
        let (_, mut paths) = load_with_paths(self.repository, commit, path, "the record");
        paths.push(path.to_owned());
        paths.sort();
        paths.dedup();
        for path in paths {
            if let Err(error) = self.repository.collect_path_objects(commit, &path, u64::MAX, sink) {
                let place = commit.short_hex();
                self.limits.push(format!("{path} of {place} is not in the pack: {error:#}"));
            }
        }
    }

    /// Adds the files of other repositories that a policy extends, as they were with its digest; without one, as they
    /// are now. What cannot be had is named.
    fn add_bases(
        &mut self,
        at: (Oid, &str),
        (named, digest): (&BTreeMap<String, Oid>, Option<&String>),
        sink: &mut dyn ObjectSink,
    ) {
        let bases = match reload_policy(self.repository, named, at, digest.map(String::as_str)) {
            Ok(reloaded) => reloaded.bases,
            Err(failure) => {
                // The files of the policy itself are told one by one.
                if failure.is_shared {
                    self.limits.push(format!("a policy is not whole in the pack: {}", failure.why));
                }
                return;
            }
        };
        for (name, commit) in bases {
            match self.collect_base(&name, commit, sink) {
                Ok(()) => drop(self.bases.insert(PackedBase { name, commit })),
                Err(why) => {
                    self.limits.push(format!("{name}, which the policy extends, is not in the pack: {why}"))
                }
            }
        }
    }

    /// Adds the objects that hold a file of another repository at a commit.
    fn collect_base(&self, name: &str, commit: Oid, sink: &mut dyn ObjectSink) -> Result<(), String> {
        let remote = RemotePolicyFile::parse_name(name)?;
        let other = open_policy_repository(Some(self.repository), &remote)?;
        if other.object_format() != ObjectFormat::Sha1 {
            return Err("its repository has SHA-256 ids".to_owned());
        }
        let collected = other.collect_path_objects(commit, &remote.path, u64::MAX, sink);
        collected.map_err(|error| format!("{error:#}"))
    }
}
