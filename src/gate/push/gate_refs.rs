//! Judges the refs below `refs/changegate/` that clients can push to, requests, acts and signed approvals, and names that a file system would
//! take for one of a protected ref.

use crate::change::Text;
use crate::gate::policy_findings::REF_UNREADABLE;
use crate::gate::push::base_policy::PushBasePolicy;
use crate::gate::push::ref_judge::RefJudge;
use crate::gate::push::unreadable::add_detail;
use crate::gate::{acts, break_glass, signed_approvals};
use crate::git::{RefUpdate, ResolvedRef};
use crate::push::{self, GateRule, refuse_by_rule};
use crate::report::ReportGroup;
use crate::verdict::{Finding, Fixer, Judgement};

impl RefJudge<'_> {
    /// Judges an update that requests a break-glass session, records an act or brings a signed approval; `None` for any other.
    ///
    /// A symbolic ref that leads to such a ref is not one: it must have the name under which it was pushed.
    pub(super) fn judge_gate_ref(
        &mut self,
        update: &RefUpdate,
        resolved: &ResolvedRef,
        base: &PushBasePolicy,
    ) -> Option<ReportGroup> {
        if resolved.name != update.name {
            return None;
        }
        let (repository, updates, settings, now) = (self.repository, self.updates, self.settings, self.now);
        if break_glass::is_request_ref(&update.name) {
            let push = break_glass::RequestPush { repository, updates, settings, now };
            let base = base.require_loaded(settings);
            return Some(push.judge_request_ref(update, resolved, base, &mut self.facts));
        }
        if acts::is_act_ref(&update.name) {
            let push = acts::ActPush { repository, updates, settings, scope: &self.scope, now };
            let base = base.require_loaded(settings);
            return Some(push.judge_act_ref(update, resolved, base, &mut self.facts));
        }
        if signed_approvals::is_approval_ref(&update.name) {
            let (scope, received) = (&self.scope, self.approvals);
            let push = signed_approvals::approval_push::ApprovalPush {
                repository,
                updates,
                settings,
                scope,
                received,
                now,
            };
            let base = base.require_loaded(settings);
            return Some(push.judge_approval_ref(update, resolved, base, &mut self.facts));
        }
        None
    }

    /// Returns the refusal of a name that the file system would take for a protected one.
    pub(super) fn refuse_case_twin(&self, name: &Text) -> Option<Judgement> {
        match self.scope.find_case_twin(self.repository, name) {
            Ok(None) => None,
            Ok(Some(twin)) => Some(push::refuse_case_twin(name, &twin)),
            Err(error) => {
                let message = add_detail(REF_UNREADABLE.with("ref", name), &error);
                let finding = Finding::new(message).fixed_by(Fixer::ServerAdministrator);
                Some(refuse_by_rule(GateRule::RefCase, finding))
            }
        }
    }
}
