//! Judges the policy that a push leaves on a ref.

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::gate::policy_check::find_policy_break;
use crate::gate::policy_effect::list_policy_change_notes;
use crate::gate::policy_file::read_file_at;
use crate::gate::policy_findings::is_plain_word;
use crate::gate::policy_source::{LoadedPolicy, UnusablePolicy};
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::push::base_policy::PolicyOrigin;
use crate::gate::push::ref_judge::RefJudge;
use crate::gate::shared_base::list_brought_bases;
use crate::git::{FileAtPath, PeeledObject, ResolvedRef};
use crate::push::{GateRule, refuse_by_findings, refuse_by_rule};
use crate::report::PolicyLocation;
use crate::verdict::{Finding, Fixer, Judgement, messages, quote_for_shell};

messages! {
    POLICY_BROKEN_BEFORE = "push.policy-broken-before":
        "the policy that {ref} holds was broken by a change that came without a decision, and not by this push";
    POLICY_RESTORABLE = "push.policy-restorable":
        "a change that restores the policy, and meets the rules in force, lands";
}

/// How many bytes of a policy are read to see that there is one.
const MAX_SEEN_BYTES: u64 = 0;

impl RefJudge<'_> {
    /// Returns true for the policy ref, which may also be a symbolic ref to the one of this name.
    pub(super) fn is_policy_ref(&self, name: &Text) -> bool {
        let policy_ref = &self.settings.policy_ref;
        name == policy_ref
            || self.repository.resolve_ref(policy_ref.as_bytes()).is_ok_and(|found| found.name == *name)
    }

    /// Returns the refusal of a push, judged by `own`, after which the ref `at` would have no valid policy for later pushes.
    ///
    /// A ref that is older than its policy has none before and none afterwards, and is judged as the policy ref says.
    pub(super) fn refuse_broken_policy(
        &mut self,
        own: &LoadedPolicy,
        new: Oid,
        at: &ResolvedRef,
        scope: &ProtectedScope,
    ) -> Option<Judgement> {
        let name = &at.name;
        let known_as = match self.is_policy_ref(name) {
            true => Some(scope.find_protected_name(name).unwrap_or(name).clone()),
            false => None,
        };
        let left = self.policies.load_policy_at(new, name);
        if matches!(left, Err(UnusablePolicy::Absent))
            && known_as.is_none()
            && self.is_older_than_policy(new, at)
        {
            return None;
        }
        let finding = find_policy_break(
            (left.as_deref(), own),
            known_as.as_ref(),
            self.settings,
            self.now,
            &mut self.notes,
        )?;
        match at.id.filter(|_| known_as.is_some()) {
            Some(old) if self.was_broken_before(own, old, new) => {
                let mut findings =
                    vec![Finding { paste: None, ..finding }.fixed_by(Fixer::ServerAdministrator)];
                findings.extend(self.list_ways_back(own, old, at));
                Some(refuse_by_findings(GateRule::PolicyValid, findings))
            }
            _ => Some(refuse_by_rule(GateRule::PolicyValid, finding)),
        }
    }

    /// Returns true if the policy ref, which holds `old`, has another policy than the one in force, and the push leaves that as
    /// it is.
    fn was_broken_before(&self, own: &LoadedPolicy, old: Oid, new: Oid) -> bool {
        let is_left =
            |path| read_file_at(self.repository, old, path) == read_file_at(self.repository, new, path);
        matches!(self.policies.base_origin(), PolicyOrigin::Earlier(_)) && own.file_paths().all(is_left)
    }

    /// Returns that a bypass broke the policy of a ref that holds `old`, and what puts back the one that is in force.
    fn list_ways_back(&self, own: &LoadedPolicy, old: Oid, at: &ResolvedRef) -> Vec<Finding> {
        let broken =
            Finding::new(POLICY_BROKEN_BEFORE.with("ref", &at.name)).fixed_by(Fixer::ServerAdministrator);
        let PolicyLocation::Commit { id: decided, .. } = &own.place else { return vec![broken] };
        let mut held = Some(*decided);
        for moved in self.policies.undecided_moves() {
            if moved.old == held {
                held = moved.new;
            }
        }
        let broken = match at.name.as_utf8().filter(|name| is_plain_word(name)) {
            // What was decided in between would be lost.
            Some(name) if held == Some(old) => broken.with_paste(format!("git update-ref {name} {decided}")),
            _ => broken,
        };
        let paths: Vec<String> = own.list_changed_files(self.repository, old).map(quote_for_shell).collect();
        let restore = format!("git checkout {} -- {}", decided.short_hex(), paths.join(" "));
        vec![broken, Finding::new(&POLICY_RESTORABLE).fixed_by(Fixer::Pusher).with_paste(restore)]
    }

    /// Notes what the push makes of the policy that has judged the branch so far. A new branch goes on being judged by the
    /// policy ref's policy too, so nothing is looser there, whatever it begins with.
    pub(super) fn note_policy_change(&mut self, own: &LoadedPolicy, new: Oid, at: &ResolvedRef) {
        let Some(old) = at.id.filter(|_| at.name.as_bytes().starts_with(b"refs/heads/")) else { return };
        let Ok(left) = self.policies.load_policy_at(new, &at.name) else { return };
        // A policy that came without a decision stands there already and is not in force.
        let is_there = self
            .policies
            .load_policy_at(old, &at.name)
            .is_ok_and(|held| held.policy.has_same_content(&left.policy));
        if !is_there {
            self.notes.extend(list_policy_change_notes(own, &left, &at.name));
            self.notes.extend(list_brought_bases(own, &left, &at.name));
        }
    }

    /// Returns true if nothing takes a policy away that leaves `new`, which has none, on the ref.
    fn is_older_than_policy(&mut self, new: Oid, at: &ResolvedRef) -> bool {
        match at.id {
            Some(old) => matches!(self.policies.load_policy_at(old, &at.name), Err(UnusablePolicy::Absent)),
            // What cannot be read may have had one.
            None => self.builds_on_policy(new).is_ok_and(|builds| !builds),
        }
    }

    /// Returns true if a commit that a new ref brings over the policy ref, or a parent of one, has a policy.
    fn builds_on_policy(&self, new: Oid) -> Result<bool> {
        let PeeledObject::Commit(tip) = self.repository.peel_tags(new)? else { return Ok(false) };
        let held = self.repository.resolve_ref(self.settings.policy_ref.as_bytes())?.id;
        let held: Vec<Oid> = held.into_iter().collect();
        for id in self.repository.find_new_history(tip, &held)?.list_ids() {
            for id in std::iter::once(id).chain(self.repository.list_parents(id)?) {
                let found = self.repository.read_file_at(id, &self.settings.policy_path, MAX_SEEN_BYTES)?;
                if !matches!(found, FileAtPath::Absent) {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}
