//! What a verdict rests on, in the form of the schema.

use jiff::Timestamp;
use serde::Serialize;

use crate::change::pull_request::CheckState;
use crate::report::json::parts::*;
use crate::verdict::{
    ApprovalDecision, ApprovalSource, ConsideredApproval, ConsideredCheck, ConsideredContributor,
    ConsideredField, ConsideredTicket, IdentityKind, JudgingPolicy, TicketFacts, VerdictReasons,
};

#[derive(Serialize)]
pub(crate) struct JsonReasons<'r> {
    pull: Option<String>,
    contributors: Vec<JsonContributor<'r>>,
    fields: Vec<JsonField<'r>>,
    approvals: Vec<JsonApproval<'r>>,
    tickets: Vec<JsonTicketAnswer<'r>>,
    checks: Vec<JsonCheck<'r>>,
    left_out: usize,
    missing: Vec<JsonMissing<'r>>,
    policies: Vec<JsonJudgingPolicy>,
}

#[derive(Serialize)]
struct JsonContributor<'r> {
    role: JsonMessage<'r>,
    #[serde(flatten)]
    name: JsonText<'r, NameKey>,
    address: Option<String>,
    kind: &'static str,
    person: Option<&'r str>,
}

#[derive(Serialize)]
struct JsonField<'r> {
    field: &'r str,
    #[serde(flatten)]
    value: JsonText<'r, ValueKey>,
    word: Option<&'r str>,
    valid: bool,
    at: JsonLocation<'r>,
}

#[derive(Serialize)]
struct JsonApproval<'r> {
    source: &'static str,
    trust: &'static str,
    decision: &'static str,
    #[serde(flatten)]
    by: JsonText<'r, ByKey>,
    account_number: Option<u64>,
    person: Option<&'r str>,
    teams: &'r [String],
    given_at: Option<String>,
    revision: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    relation: Option<&'static str>,
    at: JsonLocation<'r>,
    uses: Vec<JsonApprovalUse<'r>>,
}

#[derive(Serialize)]
struct JsonApprovalUse<'r> {
    rule: &'r str,
    counts: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    acts_for: Option<&'r str>,
    why_not: Option<JsonMessage<'r>>,
}

#[derive(Serialize)]
struct JsonTicketAnswer<'r> {
    #[serde(flatten)]
    key: JsonText<'r, KeyKey>,
    answer: &'static str,
    ticket: Option<JsonTicketFacts<'r>>,
}

#[derive(Serialize)]
struct JsonTicketFacts<'r> {
    #[serde(flatten)]
    key: JsonText<'r, KeyKey>,
    #[serde(flatten)]
    title: JsonText<'r, TitleKey>,
    kind: String,
    state: String,
    closed: Option<bool>,
    created: String,
    assignee: Option<String>,
    url: String,
    source: String,
}

#[derive(Serialize)]
struct JsonCheck<'r> {
    #[serde(flatten)]
    name: JsonText<'r, NameKey>,
    by: Option<String>,
    state: &'static str,
    result: Option<&'r str>,
    tests: Option<u64>,
    url: String,
}

#[derive(Serialize)]
struct JsonJudgingPolicy {
    digest: String,
    roster_digest: Option<String>,
}

/// Returns what a verdict rests on in the form of the schema.
pub(crate) fn build_json_reasons(reasons: &VerdictReasons) -> JsonReasons<'_> {
    JsonReasons {
        pull: reasons.pull.as_ref().map(|pull| pull.to_lossy().into_owned()),
        contributors: reasons.contributors.iter().map(build_json_contributor).collect(),
        fields: reasons.fields.iter().map(build_json_field).collect(),
        approvals: reasons.approvals.iter().map(build_json_approval).collect(),
        tickets: reasons.tickets.iter().map(build_json_lookup).collect(),
        checks: reasons.checks.iter().map(build_json_check).collect(),
        left_out: reasons.left_out,
        missing: reasons.missing.iter().map(build_json_missing).collect(),
        policies: reasons.policies.iter().map(build_json_judging).collect(),
    }
}

fn build_json_contributor(one: &ConsideredContributor) -> JsonContributor<'_> {
    JsonContributor {
        role: build_json_message(&one.role),
        name: JsonText::from_text(Some(&one.name)),
        address: one.address.as_ref().map(|address| address.to_lossy().into_owned()),
        kind: match one.kind {
            IdentityKind::Person => "person",
            IdentityKind::Bot => "bot",
            IdentityKind::Unknown => "unknown",
        },
        person: one.person.as_deref(),
    }
}

fn build_json_field(one: &ConsideredField) -> JsonField<'_> {
    JsonField {
        field: &one.field,
        value: JsonText::from_text(Some(&one.value)),
        word: one.word.as_deref(),
        valid: one.is_valid,
        at: build_json_location(&one.at),
    }
}

fn build_json_approval(one: &ConsideredApproval) -> JsonApproval<'_> {
    let mut uses = Vec::new();
    for used in &one.uses {
        let why_not = used.why_not.as_ref().map(build_json_message);
        let acts_for = used.acts_for.as_deref();
        uses.push(JsonApprovalUse { rule: used.rule.as_str(), counts: used.counts, acts_for, why_not });
    }
    JsonApproval {
        source: match one.source {
            ApprovalSource::Review => "review",
            ApprovalSource::Comment => "comment",
            ApprovalSource::Trailer => "trailer",
            ApprovalSource::Push => "push",
            ApprovalSource::Signature => "signature",
        },
        trust: if one.source.is_verified() { "verified" } else { "claimed" },
        decision: match one.decision {
            ApprovalDecision::Approved => "approved",
            ApprovalDecision::ChangesRequested => "changes-requested",
            ApprovalDecision::Dismissed => "dismissed",
        },
        by: JsonText::from_text(one.by.as_ref()),
        account_number: one.account_number,
        person: one.person.as_deref(),
        teams: &one.teams,
        given_at: one.at.as_ref().map(Timestamp::to_string),
        revision: one.revision.map(format_id),
        relation: one.relation,
        at: build_json_location(&one.place),
        uses,
    }
}

fn build_json_lookup(one: &ConsideredTicket) -> JsonTicketAnswer<'_> {
    let (answer, ticket) = match &one.found {
        Ok(Some(ticket)) => ("found", Some(build_json_ticket(ticket))),
        Ok(None) => ("none", None),
        Err(_) => ("unknown", None),
    };
    JsonTicketAnswer { key: JsonText::from_text(Some(&one.key)), answer, ticket }
}

fn build_json_ticket(ticket: &TicketFacts) -> JsonTicketFacts<'_> {
    JsonTicketFacts {
        key: JsonText::from_text(Some(&ticket.key)),
        title: JsonText::from_text(Some(&ticket.title)),
        kind: ticket.kind.to_lossy().into_owned(),
        state: ticket.state.to_lossy().into_owned(),
        closed: ticket.is_closed,
        created: ticket.created.to_string(),
        assignee: ticket.assignee.as_ref().map(|assignee| assignee.to_lossy().into_owned()),
        url: ticket.url.to_lossy().into_owned(),
        source: ticket.source.to_lossy().into_owned(),
    }
}

fn build_json_check(one: &ConsideredCheck) -> JsonCheck<'_> {
    let (state, result) = match &one.state {
        CheckState::Success => ("success", None),
        CheckState::Neutral => ("neutral", None),
        CheckState::Skipped => ("skipped", None),
        CheckState::Pending => ("pending", None),
        CheckState::Unknown => ("unknown", None),
        CheckState::Failed(word) => ("failed", Some(word.as_str())),
    };
    JsonCheck {
        name: JsonText::from_text(Some(&one.name)),
        by: one.by.as_ref().map(|by| by.to_lossy().into_owned()),
        state,
        result,
        tests: one.tests,
        url: one.url.to_lossy().into_owned(),
    }
}

fn build_json_judging(policy: &JudgingPolicy) -> JsonJudgingPolicy {
    let prefixed = |digest: &String| format!("sha256:{digest}");
    JsonJudgingPolicy {
        digest: prefixed(&policy.digest),
        roster_digest: policy.roster_digest.as_ref().map(prefixed),
    }
}
