//! The policies of a push: that of the policy ref, and those that the pushed refs held before.
//!
//! A move of the policy ref without a decision cannot choose the policy that it is judged by. Until it is
//! regularised, the ref holds the earlier policy again, or the server administrator has put what it holds into
//! force, the last policy that was decided goes on.

use std::collections::HashMap;
use std::rc::Rc;

use crate::change::{Oid, Text};
use crate::gate::committed_policy::load_for_hook;
use crate::gate::policy_findings::{
    REF_UNREADABLE, find_pushed_policy, list_branches_with_policy, refuse_missing_policy,
    refuse_pushed_policy, unreadable_policy,
};
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy, load_from_folder, load_from_pack};
use crate::gate::settings::{GateSettings, MissingPolicyAction};
use crate::git::{PeeledObject, RefUpdate, Repository};
use crate::policy::ChangeUnit;
use crate::push::{GateRule, refuse_by_rule};
use crate::report::PolicyLocation;
use crate::verdict::{Finding, Fixer, Judgement, MessageValue};

/// The policy that says which refs are under change control.
pub(crate) enum PushBasePolicy {
    /// There is a valid policy.
    Loaded(Rc<LoadedPolicy>),
    /// There is no policy, and the server administrator has chosen to allow all pushes then.
    Unrestricted,
    /// There is no valid policy, so every push is refused.
    Refused(Judgement),
}

impl PushBasePolicy {
    /// Returns the policy, or the refusal where there is none to judge by.
    pub(crate) fn require_loaded(&self, settings: &GateSettings) -> Result<&LoadedPolicy, Judgement> {
        match self {
            PushBasePolicy::Loaded(loaded) => Ok(loaded),
            PushBasePolicy::Unrestricted => {
                Err(refuse_missing_policy(&UnusablePolicy::Absent, &settings.policy_ref, settings, &[]))
            }
            PushBasePolicy::Refused(judgement) => Err(judgement.clone()),
        }
    }
}

/// A move of the policy ref without a decision, which has not been regularised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UndecidedMove {
    /// What the ref held before; `None` for nothing.
    pub old: Option<Oid>,
    /// What it held afterwards; `None` for nothing.
    pub new: Option<Oid>,
}

/// How the base policy came into force.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum PolicyOrigin {
    /// It is what the policy ref holds, or what takes its place, and nothing else has to be said.
    #[default]
    Current,
    /// The policy ref moved to this commit without a decision, and the server administrator put the policy
    /// that was there into force.
    Accepted(Oid),
    /// It is the last policy that was decided, and not what the policy ref holds. That is a usable policy at
    /// this commit, if there is one.
    Earlier(Option<Oid>),
}

/// The policies that were read for a push, each once.
pub(crate) struct PolicyCache<'push> {
    repository: &'push Repository,
    settings: &'push GateSettings,
    /// The moves of the policy ref without a decision, in their order.
    undecided: &'push [UndecidedMove],
    /// What is pushed, which may bring the policy that is lacking.
    updates: &'push [RefUpdate],
    policies: HashMap<Oid, Result<Rc<LoadedPolicy>, UnusablePolicy>>,
    origin: PolicyOrigin,
}

impl<'push> PolicyCache<'push> {
    /// Returns a cache that has read nothing yet.
    pub(crate) fn new(
        repository: &'push Repository,
        settings: &'push GateSettings,
        undecided: &'push [UndecidedMove],
        updates: &'push [RefUpdate],
    ) -> Self {
        PolicyCache {
            repository,
            settings,
            undecided,
            updates,
            policies: HashMap::new(),
            origin: PolicyOrigin::Current,
        }
    }

    /// Returns the moves of the policy ref without a decision, in their order.
    pub(crate) fn undecided_moves(&self) -> &'push [UndecidedMove] {
        self.undecided
    }

    /// Returns true if each commit was a change by the policy that the policy ref had when it held `commit`; with a policy of
    /// the server, by that.
    pub(crate) fn judges_by_commit_at(&mut self, commit: Oid) -> bool {
        if self.settings.policy_file.is_some() {
            let base = self.find_base_policy();
            return matches!(base, PushBasePolicy::Loaded(loaded) if loaded.policy.change_unit == ChangeUnit::Commit);
        }
        let called = self.settings.policy_ref.clone();
        let loaded = self.load_policy_at(commit, &called);
        loaded.is_ok_and(|loaded| loaded.policy.change_unit == ChangeUnit::Commit)
    }

    /// Returns how the base policy came into force, once it was found.
    pub(crate) fn base_origin(&self) -> PolicyOrigin {
        self.origin
    }

    /// Returns the commits that hold a policy which waits for a decision; none unless the base policy is the
    /// last one that was decided.
    pub(crate) fn list_undecided_commits(&self) -> Vec<Oid> {
        if !matches!(self.origin, PolicyOrigin::Earlier(_)) {
            return Vec::new();
        }
        let tip = self.repository.resolve_ref(self.settings.policy_ref.as_bytes()).ok().and_then(|at| at.id);
        let commits = self.undecided.iter().filter_map(|moved| moved.new).chain(tip);
        commits.filter(|id| matches!(self.repository.peel_tags(*id), Ok(PeeledObject::Commit(_)))).collect()
    }

    /// Reads the policy of the policy ref, or the file on the server that takes its place; after a move of
    /// the policy ref without a decision, the last policy that was decided.
    pub(crate) fn find_base_policy(&mut self) -> PushBasePolicy {
        let settings = self.settings;
        if let Some(file) = &settings.policy_file {
            let folder = file.parent().unwrap_or(file);
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let loaded = load_from_folder(Some(self.repository), folder, &name).map(Rc::new);
            return self.use_policy(loaded, &Text::from("changegate.policyFile"));
        }
        let tip = match self.repository.resolve_ref(settings.policy_ref.as_bytes()) {
            Ok(at) => at.id,
            Err(error) => {
                let message = REF_UNREADABLE
                    .with("ref", &settings.policy_ref)
                    .with("detail", MessageValue::unrecorded(Text::from(format!("{error:#}"))));
                let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator);
                return PushBasePolicy::Refused(refuse_by_rule(GateRule::PolicyPresent, finding));
            }
        };
        if let Some(decided) = self.find_decided_policy(tip) {
            let called = settings.policy_ref.clone();
            let usable = tip.filter(|tip| self.load_policy_at(*tip, &called).is_ok());
            self.origin = PolicyOrigin::Earlier(usable);
            return PushBasePolicy::Loaded(decided);
        }
        let found = match tip {
            Some(tip) => self.load_policy_at(tip, &settings.policy_ref),
            None => Err(UnusablePolicy::Absent),
        };
        match (&found, &settings.missing_policy) {
            (Err(UnusablePolicy::Absent), MissingPolicyAction::Allow) => PushBasePolicy::Unrestricted,
            (Err(UnusablePolicy::Absent), MissingPolicyAction::Pack(pack)) => {
                self.use_policy(load_from_pack(pack).map(Rc::new), &Text::from(pack.as_str()))
            }
            _ => self.use_policy(found, &settings.policy_ref),
        }
    }

    /// Returns the last policy that was decided, if the policy ref, which holds `tip`, has another by a move
    /// without a decision. If there was no usable policy before that move, there is none to go on with.
    fn find_decided_policy(&mut self, tip: Option<Oid>) -> Option<Rc<LoadedPolicy>> {
        let mut decided: Option<Rc<LoadedPolicy>> = None;
        for (place, moved) in self.undecided.iter().enumerate() {
            decided = match decided {
                None => {
                    let before = self.load_earlier_policy(moved.old);
                    before.filter(|before| !self.holds_policy(moved.new, before))
                }
                Some(before) => Some(before).filter(|before| !self.holds_policy(moved.new, before)),
            };
            // A change that puts the policy back is decided by it, and what comes after that as well.
            let until = self.undecided.get(place + 1).map_or(tip, |next| next.old);
            if let (Some(before), Some(from), Some(until)) = (&decided, moved.new, until)
                && self.puts_policy_back(from, until, before)
            {
                decided = None;
            }
            if let (Some(_), Some(accepted), Some(from), Some(until)) =
                (&decided, self.settings.accepted_policy, moved.new, until)
                && self.holds_commit(from, until, accepted)
            {
                decided = None;
                self.origin = PolicyOrigin::Accepted(accepted);
            }
        }
        decided
    }

    /// Returns the policy that the policy ref had when it held `tip`; `None` if no usable one.
    fn load_earlier_policy(&mut self, tip: Option<Oid>) -> Option<Rc<LoadedPolicy>> {
        let called = self.settings.policy_ref.clone();
        match (self.load_policy_at(tip?, &called), &self.settings.missing_policy) {
            (Ok(loaded), _) => Some(loaded),
            (Err(UnusablePolicy::Absent), MissingPolicyAction::Pack(pack)) => {
                load_from_pack(pack).map(Rc::new).ok()
            }
            (Err(_), _) => None,
        }
    }

    /// Returns true if a tip of the policy ref has this policy, in every file of it.
    fn holds_policy(&mut self, tip: Option<Oid>, policy: &LoadedPolicy) -> bool {
        let Some(tip) = tip else { return false };
        if let PolicyLocation::Commit { .. } = policy.place {
            return policy.is_same_at(self.repository, tip);
        }
        // A pack stands in where there is no policy.
        let called = self.settings.policy_ref.clone();
        matches!(self.load_policy_at(tip, &called), Err(UnusablePolicy::Absent))
    }

    /// Returns true if a step from `from` to `until` has this policy.
    fn puts_policy_back(&mut self, from: Oid, until: Oid, policy: &LoadedPolicy) -> bool {
        let steps = self.repository.list_steps(until, &[from]).unwrap_or_default();
        steps.iter().any(|step| self.holds_policy(step.last().copied(), policy))
    }

    /// Returns true if the policy ref held `commit` on its way from `from` to `until`.
    fn holds_commit(&self, from: Oid, until: Oid, commit: Oid) -> bool {
        let steps = self.repository.list_steps(until, &[from]).unwrap_or_default();
        from == commit || steps.iter().any(|step| step.last() == Some(&commit))
    }

    fn use_policy(&self, found: Result<Rc<LoadedPolicy>, UnusablePolicy>, place: &Text) -> PushBasePolicy {
        match found {
            Ok(loaded) => PushBasePolicy::Loaded(loaded),
            Err(why) => {
                let is_looked_for =
                    matches!(why, UnusablePolicy::Absent) && self.settings.policy_file.is_none();
                let mut elsewhere = Vec::new();
                if is_looked_for {
                    elsewhere = list_branches_with_policy(self.repository, &self.settings.policy_path);
                }
                if is_looked_for
                    && elsewhere.is_empty()
                    && let Some(branch) =
                        find_pushed_policy(self.repository, self.updates, &self.settings.policy_path)
                    && branch != *place
                {
                    return PushBasePolicy::Refused(refuse_pushed_policy(&branch, place, self.settings));
                }
                PushBasePolicy::Refused(refuse_missing_policy(&why, place, self.settings, &elsewhere))
            }
        }
    }

    /// Returns the policy at a commit, which reports call `called`; it is read once.
    pub(crate) fn load_policy_at(
        &mut self,
        commit: Oid,
        called: &Text,
    ) -> Result<Rc<LoadedPolicy>, UnusablePolicy> {
        if let Some(known) = self.policies.get(&commit) {
            return known.clone();
        }
        let path = &self.settings.policy_path;
        let name = called.to_lossy();
        // Only a commit can lack a policy: what cannot be read is not the same as an absent file.
        let loaded = match self.repository.peel_tags(commit) {
            Ok(PeeledObject::Commit(commit)) => {
                load_for_hook(self.repository, commit, path, &name).map(Rc::new)
            }
            Ok(PeeledObject::Other(kind)) => {
                Err(unreadable_policy(path, format!("{name} is a {kind}, not a commit")))
            }
            Ok(PeeledObject::Missing) => {
                Err(unreadable_policy(path, format!("the object of {name} is not in the repository")))
            }
            Err(error) => Err(unreadable_policy(path, format!("{error:#}"))),
        };
        self.policies.insert(commit, loaded.clone());
        loaded
    }
}
