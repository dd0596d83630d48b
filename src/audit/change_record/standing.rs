//! How a change stands: what the gate made of it, whether it went past the gate, what it still owes, what became of it.

use jiff::Timestamp;

use crate::audit::change_record::field_values::{CHANGE_TYPE, EMERGENCY_TICKET};
pub(crate) use crate::audit::change_record::gate_result::GateResult;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord, LandingClock, RelatedStep};
use crate::change::{FactKind, Person, Text};
use crate::ledger::audit::trace::LandingOrigin;
use crate::ledger::record::{
    RecordedApproval, RecordedApprovalDecision, RecordedAuthor, RecordedIdentityKind, RecordedLevel,
    RecordedOutcomeWord, RecordedReasons, RecordedReport, RecordedRuleResult, RecordedTicketAnswer,
    RecordedTrust,
};
use crate::ledger::state::TrackedObligation;
use crate::policy::is_emergency_class;

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeOutcome {
    /// A later change took it back.
    BackedOut,
    /// A later change says that this one made it necessary, an incident names it as its cause, or it was
    /// reported to have failed.
    Failed,
    /// It was reported to have worked, and nothing says otherwise.
    ReportedOk,
    /// No later change says anything against it. That nobody says so is no proof that it worked.
    NoneReported,
}

/// How a change came past the gate, if it did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum GateBypass {
    /// It landed by a decision.
    None,
    /// It landed without a decision, and was regularised.
    Regularised,
    /// It landed without a decision.
    Unauthorised,
    /// It landed by a policy that came without a decision.
    UndecidedPolicy,
    /// It landed by a policy of which it is not known whether it came without a decision: the history is cut.
    PolicyNotKnown,
    /// It landed in evaluate mode, in which nothing is enforced; it would have been allowed.
    NotEnforced,
    /// It landed in evaluate mode although it was denied.
    DeniedNotEnforced,
    /// No record tells how it landed.
    NotKnown,
    /// It landed before the gate stood.
    BeforeGate,
}

/// Where a change stands between request and closure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChangeState {
    /// Everything that it owed is there.
    Closed,
    /// It landed and owes something, in time so far.
    Open,
    /// It owes something whose time is up.
    Overdue,
    /// It landed without a decision, and nobody has regularised it.
    Unauthorised,
    /// No record tells how it landed, so that nothing tells what it owes.
    NotKnown,
}

impl ChangeOutcome {
    /// Returns true if nothing says that the change failed or was taken back.
    pub fn is_success(self) -> bool {
        matches!(self, ChangeOutcome::ReportedOk | ChangeOutcome::NoneReported)
    }

    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            ChangeOutcome::BackedOut => "backed-out",
            ChangeOutcome::Failed => "failed",
            ChangeOutcome::ReportedOk => "ok",
            ChangeOutcome::NoneReported => "none-reported",
        }
    }
}

impl GateBypass {
    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            GateBypass::None => "none",
            GateBypass::Regularised => "regularised",
            GateBypass::Unauthorised => "unauthorised",
            GateBypass::UndecidedPolicy => "undecided-policy",
            GateBypass::PolicyNotKnown => "policy-not-known",
            GateBypass::NotEnforced => "not-enforced",
            GateBypass::DeniedNotEnforced => "denied-not-enforced",
            GateBypass::NotKnown => "not-known",
            GateBypass::BeforeGate => "before-gate",
        }
    }
}

impl ChangeState {
    /// Returns the word of a table.
    pub fn code(self) -> &'static str {
        match self {
            ChangeState::Closed => "closed",
            ChangeState::Open => "open",
            ChangeState::Overdue => "overdue",
            ChangeState::Unauthorised => "unauthorised",
            ChangeState::NotKnown => "not-known",
        }
    }
}

impl ChangeRecord {
    /// Returns what the gate made of the change.
    pub fn gate_result(&self) -> GateResult {
        if self.reasons.is_empty() {
            return GateResult::NotEvaluated;
        }
        let mut result = GateResult::Pass;
        for rule in self.reasons.iter().flat_map(|reasons| &reasons.rules) {
            if rule.level != RecordedLevel::Deny {
                continue;
            }
            let of_rule = match rule.outcome {
                RecordedOutcomeWord::Fail => GateResult::Fail,
                RecordedOutcomeWord::Undecided | RecordedOutcomeWord::Deferred => GateResult::Undecided,
                RecordedOutcomeWord::Exempted => GateResult::Waived,
                RecordedOutcomeWord::Owed => GateResult::PassOwing,
                RecordedOutcomeWord::Pass | RecordedOutcomeWord::NotApplicable => GateResult::Pass,
            };
            let rank = |result: GateResult| match result {
                GateResult::Pass => 0,
                GateResult::PassOwing => 1,
                GateResult::Waived => 2,
                GateResult::Undecided => 3,
                GateResult::Fail | GateResult::NotEvaluated => 4,
            };
            if rank(of_rule) > rank(result) {
                result = of_rule;
            }
        }
        result
    }

    /// Returns the word of a table for what judged the change: a result that only the audit reached is none of a gate,
    /// and in evaluate mode no gate stood in the way.
    pub fn name_gate_result(&self) -> &'static str {
        let result = self.gate_result();
        match (self.is_recorded(), self.is_enforced()) {
            (false, _) => result.code_afterwards(),
            (true, true) => result.code(),
            (true, false) => result.code_not_enforced(),
        }
    }

    /// Returns false if the change landed in evaluate mode, which blocks nothing.
    pub fn is_enforced(&self) -> bool {
        !matches!(self.bypass(), GateBypass::NotEnforced | GateBypass::DeniedNotEnforced)
    }

    /// Returns true if the change broke a rule, whatever the level of the rule.
    pub(crate) fn breaks_rule(&self) -> bool {
        self.gate_result() == GateResult::Fail || !self.list_rules(&[RecordedOutcomeWord::Fail]).is_empty()
    }

    /// Returns the rules with one of these outcomes, each once, in the order of the policy.
    pub fn list_rules(&self, outcomes: &[RecordedOutcomeWord]) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for rule in self.reasons.iter().flat_map(|reasons| &reasons.rules) {
            if outcomes.contains(&rule.outcome) && !found.contains(&rule.rule.as_str()) {
                found.push(&rule.rule);
            }
        }
        found
    }

    /// Returns whether the change came past the gate.
    pub fn bypass(&self) -> GateBypass {
        match self.landing.origin {
            Some(LandingOrigin::Decided) => GateBypass::None,
            Some(LandingOrigin::Regularised) => GateBypass::Regularised,
            Some(LandingOrigin::Unauthorised) => GateBypass::Unauthorised,
            Some(LandingOrigin::UndecidedPolicy) => GateBypass::UndecidedPolicy,
            Some(LandingOrigin::PolicyNotKnown) => GateBypass::PolicyNotKnown,
            Some(LandingOrigin::NotEnforced) => GateBypass::NotEnforced,
            Some(LandingOrigin::DeniedNotEnforced) => GateBypass::DeniedNotEnforced,
            Some(LandingOrigin::AlreadyThere | LandingOrigin::BeforeProtection) => GateBypass::BeforeGate,
            None => GateBypass::NotKnown,
        }
    }

    /// Returns what became of the change. What has failed stays failed: a report that it works now tells of its repair,
    /// and none outweighs a commit that takes the change back, or an incident that names it.
    pub fn outcome(&self) -> ChangeOutcome {
        let reports = self.list_outcome_reports();
        let is_reported = |word| reports.iter().any(|report| report.outcome == word);
        if !self.reverted_by.is_empty() || is_reported(RecordedReport::Reverted) {
            return ChangeOutcome::BackedOut;
        }
        let is_named = !self.caused.is_empty() || !self.incidents.is_empty();
        if is_named || is_reported(RecordedReport::Failed) {
            return ChangeOutcome::Failed;
        }
        if reports.is_empty() { ChangeOutcome::NoneReported } else { ChangeOutcome::ReportedOk }
    }

    /// Returns where the change stands.
    pub fn state(&self) -> ChangeState {
        if self.bypass() == GateBypass::Unauthorised {
            ChangeState::Unauthorised
        } else if self.obligations.iter().any(|(_, owed)| self.is_overdue(owed)) {
            ChangeState::Overdue
        } else if self.obligations.iter().any(|(_, owed)| owed.closed.is_none()) {
            ChangeState::Open
        } else if self.bypass() == GateBypass::NotKnown {
            ChangeState::NotKnown
        } else {
            ChangeState::Closed
        }
    }

    /// Returns when the last thing that it owed was there; when it landed, if it owed nothing; `None` while it owes
    /// something.
    pub fn closed_at(&self) -> Option<Timestamp> {
        if self.state() != ChangeState::Closed {
            return None;
        }
        let mut last = self.landing.at;
        for (_, owed) in &self.obligations {
            last = last.max(owed.closed.as_ref()?.at);
        }
        Some(last)
    }

    /// Returns true if something that is owed was not there in time and still is not.
    pub fn is_overdue(&self, owed: &TrackedObligation) -> bool {
        owed.closed.is_none() && owed.due.is_some_and(|due| due < self.as_of)
    }

    /// Returns the approvals that counted for a rule at least.
    pub fn list_counting_approvals(&self) -> Vec<&RecordedApproval> {
        let mut found: Vec<&RecordedApproval> = Vec::new();
        for approval in self.reasons.iter().flat_map(|reasons| &reasons.approvals) {
            let counts = approval.uses.iter().any(|one| one.counts);
            if counts && approval.decision == RecordedApprovalDecision::Approved && !found.contains(&approval)
            {
                found.push(approval);
            }
        }
        found
    }

    /// Returns what tells a person of a commit apart from others: the person whom the roster of the time lists with the
    /// address, or the address.
    pub(crate) fn identify_person(&self, person: &Person) -> String {
        let mut listed = self.reasons.iter().flat_map(|reasons| &reasons.contributors);
        let is_same = |one: &RecordedAuthor| {
            let address = one.address.as_ref().map(Text::as_bytes);
            address.is_some_and(|address| address.eq_ignore_ascii_case(person.email.as_bytes()))
        };
        let key = listed.find_map(|one| one.person.clone().filter(|_| is_same(one)));
        key.unwrap_or_else(|| person.email.to_lossy().to_ascii_lowercase())
    }

    /// Returns true if no approval counted, and whether one should have is not known: a rule that looked at one could not be
    /// decided, or what tells of approvals was missing.
    pub(crate) fn is_review_unknown(&self) -> bool {
        if !self.list_counting_approvals().is_empty() {
            return false;
        }
        self.reasons.iter().any(|reasons| {
            let is_open = |one: &&RecordedRuleResult| {
                matches!(one.outcome, RecordedOutcomeWord::Undecided | RecordedOutcomeWord::Deferred)
            };
            let mut open = reasons.rules.iter().filter(is_open).peekable();
            let lacks_source =
                reasons.missing.iter().any(|gap| matches!(gap.fact, FactKind::Approvals | FactKind::Reviews));
            let given = |one: &&RecordedApproval| one.decision == RecordedApprovalDecision::Approved;
            let weighed: Vec<&str> = reasons
                .approvals
                .iter()
                .filter(given)
                .flat_map(|one| one.uses.iter().map(|used| used.rule.as_str()))
                .collect();
            (lacks_source && open.peek().is_some()) || open.any(|rule| weighed.contains(&rule.rule.as_str()))
        })
    }

    /// Returns every review and approval, whether it counted or not.
    pub fn list_approvals(&self) -> Vec<&RecordedApproval> {
        let mut found: Vec<&RecordedApproval> = Vec::new();
        for approval in self.reasons.iter().flat_map(|reasons| &reasons.approvals) {
            if !found.contains(&approval) {
                found.push(approval);
            }
        }
        found
    }

    /// Returns the class of the change; for one of several commits, the classes of all of them, each once.
    pub fn list_classes(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        for class in self.reasons.iter().filter_map(|reasons| reasons.class.as_deref()) {
            if !found.contains(&class) {
                found.push(class);
            }
        }
        found
    }

    /// Returns true if a class of the change is named like those of the management system.
    pub fn is_isms_change(&self) -> bool {
        self.list_classes().iter().any(|class| *class == "isms" || class.starts_with("isms-"))
    }

    /// Returns true if the change is an emergency, by its class or by what it says of itself.
    pub fn is_emergency(&self) -> bool {
        let by_class = self.list_classes().iter().any(|class| is_emergency_class(class));
        by_class || self.find_word(CHANGE_TYPE).is_some_and(|word| word.eq_ignore_ascii_case("emergency"))
    }

    /// Returns true if a machine wrote the change, or is named as a co-author of it.
    pub fn is_made_with_machine(&self) -> bool {
        let contributors = self.reasons.iter().flat_map(|reasons| &reasons.contributors);
        contributors
            .filter(|one| matches!(one.role.code.as_str(), "role.author" | "role.co-author"))
            .any(|one| one.kind == RecordedIdentityKind::Bot)
    }

    /// Returns true if the change is an emergency that named its emergency ticket itself, so that none was owed.
    pub(crate) fn names_ticket_at_once(&self) -> bool {
        self.is_emergency()
            && self.find_obligation(EMERGENCY_TICKET).is_none()
            && !self.list_statements(EMERGENCY_TICKET).is_empty()
    }

    /// Returns the weakest trust of what its approvals rest on; `None` if none counted.
    pub fn weakest_trust(&self) -> Option<RecordedTrust> {
        self.list_counting_approvals().iter().map(|approval| approval.trust).min()
    }

    /// Returns when the ticket of the change was made, by the ticket system's clock, and its page.
    pub fn find_ticket(&self) -> Option<(Timestamp, &Text)> {
        let lookups = self.reasons.iter().flat_map(|reasons| &reasons.tickets);
        lookups.into_iter().find_map(|lookup| match &lookup.found {
            RecordedTicketAnswer::Ticket(ticket) => Some((ticket.created, &ticket.url)),
            _ => None,
        })
    }

    /// Returns the closed obligations that were closed late, and the open ones whose time is up.
    pub fn list_late_obligations(&self) -> Vec<&TrackedObligation> {
        let is_late = |owed: &&TrackedObligation| {
            owed.closed.as_ref().is_some_and(|closed| closed.late_by.is_some()) || self.is_overdue(owed)
        };
        self.obligations.iter().map(|(_, owed)| owed).filter(is_late).collect()
    }

    /// Returns when the obligation of this field was met; `None` if it was not owed, or is still owed.
    pub(crate) fn find_closing_time(&self, names: &[&str]) -> Option<Timestamp> {
        self.obligations.iter().find_map(|(_, owed)| {
            let field = owed.field.as_deref()?;
            let is_named = names.iter().any(|name| name.eq_ignore_ascii_case(field));
            if is_named { owed.closed.as_ref().map(|closed| closed.at) } else { None }
        })
    }

    /// Returns the first thing that was owed for this field, open or closed.
    pub(crate) fn find_obligation(&self, names: &[&str]) -> Option<&TrackedObligation> {
        self.obligations.iter().map(|(_, owed)| owed).find(|owed| {
            let field = owed.field.as_deref().unwrap_or_default();
            names.iter().any(|name| name.eq_ignore_ascii_case(field))
        })
    }

    /// Returns the first step that took the change back or says that it failed.
    pub fn find_failure(&self) -> Option<&RelatedStep> {
        self.reverted_by.iter().chain(&self.caused).min_by_key(|step| step.at)
    }

    /// Returns true if the record of the gate's own time judged the change.
    pub fn is_recorded(&self) -> bool {
        matches!(self.judged_by, ChangeJudgement::Recorded { .. })
    }

    /// Returns true if the time of the landing is that of a clock which its author cannot set.
    pub fn has_trusted_time(&self) -> bool {
        self.landing.clock == LandingClock::Gate
    }
}

/// Returns true if the policy of the ref had a roster when it judged.
pub(crate) fn has_roster(reasons: &RecordedReasons) -> bool {
    reasons.policies.first().is_some_and(|policy| policy.roster_digest.is_some())
}
