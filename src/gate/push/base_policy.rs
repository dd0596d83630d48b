//! The policies of a push: that of the policy ref, and those that the pushed refs held before.

use std::collections::HashMap;
use std::rc::Rc;

use crate::change::{Oid, Text};
use crate::gate::policy_findings::{REF_UNREADABLE, refuse_missing_policy, unreadable_policy};
use crate::gate::policy_source::{
    LoadedPolicy, UnusablePolicy, load_from_commit, load_from_disk, load_from_pack,
};
use crate::gate::settings::{GateSettings, MissingPolicyAction};
use crate::git::{PeeledObject, Repository};
use crate::push::{GateRule, refuse_by_rule};
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
                Err(refuse_missing_policy(&UnusablePolicy::Absent, &settings.policy_ref, settings))
            }
            PushBasePolicy::Refused(judgement) => Err(judgement.clone()),
        }
    }
}

/// The policies that were read for a push, each once.
pub(crate) struct PolicyCache<'push> {
    repository: &'push Repository,
    settings: &'push GateSettings,
    policies: HashMap<Oid, Result<Rc<LoadedPolicy>, UnusablePolicy>>,
}

impl<'push> PolicyCache<'push> {
    /// Returns a cache that has read nothing yet.
    pub(crate) fn new(repository: &'push Repository, settings: &'push GateSettings) -> Self {
        PolicyCache { repository, settings, policies: HashMap::new() }
    }

    /// Reads the policy of the policy ref, or the file on the server that takes its place.
    pub(crate) fn find_base_policy(&mut self) -> PushBasePolicy {
        let settings = self.settings;
        if let Some(file) = &settings.policy_file {
            let folder = file.parent().unwrap_or(file);
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let loaded = load_from_disk(folder, &name).map(Rc::new);
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

    fn use_policy(&self, found: Result<Rc<LoadedPolicy>, UnusablePolicy>, place: &Text) -> PushBasePolicy {
        match found {
            Ok(loaded) => PushBasePolicy::Loaded(loaded),
            Err(why) => PushBasePolicy::Refused(refuse_missing_policy(&why, place, self.settings)),
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
                load_from_commit(self.repository, commit, path, &name).map(Rc::new)
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
