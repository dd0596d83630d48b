//! A change as one JSON document: every value that the page tells of, the timeline, and the page itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::audit::change_record::change_approvals::ChangeApproval;
use crate::audit::change_record::{ChangeJudgement, RelatedStep};
use crate::audit::show::change_sections::{
    build_class_section, build_makers_section, build_purpose_section, build_request_section, find_purpose,
};
use crate::audit::show::closure_sections::{
    build_commands_section, build_landing_section, build_limits_section, build_obligations_section,
    build_outcome_section, build_policy_section,
};
use crate::audit::show::page::{ChangePage, PageLine};
use crate::audit::show::review_sections::{
    build_approvals_section, build_attempts_section, build_content_section, build_tests_section,
};
use crate::audit::show::shown_change::ShownChange;
use crate::audit::show::timeline::{TimelineEvent, list_timeline};
use crate::audit::show::verdict_section::build_verdict_section;
use crate::change::{Oid, Text};
use crate::ledger::record::convert::convert_all;
use crate::ledger::record::{RecordedReasons, RecordedVerdict};

/// The name and version of the document.
pub const CHANGE_SCHEMA: &str = "changegate/change/v1";

/// A change as a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ChangeDocument {
    /// [`CHANGE_SCHEMA`].
    pub schema: String,
    /// The name and version of the program that wrote it.
    pub tool: String,
    /// The repository and the whole id of the commit that the change landed as.
    pub change_id: String,
    /// The name of the repository.
    pub repository: String,
    /// The full name of the ref.
    #[serde(rename = "ref")]
    pub ref_name: Text,
    /// The commit that it landed as.
    pub commit: Oid,
    /// When it was looked at; what is owed is open or overdue as of then.
    pub as_of: Timestamp,
    /// The first line of its message.
    pub title: Text,
    /// What it says of its purpose.
    pub purpose: Option<Text>,
    /// Where it stands: `closed`, `open`, `overdue` or `unauthorised`.
    pub state: String,
    /// What later changes say of it: `backed-out`, `failed` or `none-reported`.
    pub outcome: String,
    /// What the gate made of it.
    pub gate_result: String,
    /// Whether it came past the gate.
    pub bypassed: String,
    /// How it landed.
    pub landing: Value,
    /// What judged it.
    pub judged: Value,
    /// What its commits say.
    pub commits: Value,
    /// What the verdicts on it rest on, in the form of the ledger.
    pub reasons: Vec<RecordedReasons>,
    /// The verdicts, in the form of the ledger.
    pub verdicts: Vec<RecordedVerdict>,
    /// What it owed, in the form of the ledger.
    pub obligations: Value,
    /// The refused attempts that may have become it.
    pub attempts: Value,
    /// The records that speak for it.
    pub closing_records: Value,
    /// The changes that take it back.
    pub reverted_by: Value,
    /// The changes that it made necessary.
    pub caused: Value,
    /// What was said about it after it had landed, in the form of the ledger, oldest first.
    #[serde(default)]
    pub acts: Value,
    /// The signed approvals and rejections that are about it, in the form of the ledger, with what each was worth and how
    /// what landed relates to it, in the order of their receipt.
    #[serde(default)]
    pub signed_approvals: Value,
    /// The signed approvals and rejections about it that were refused, in the order of their records.
    #[serde(default)]
    pub refused_approvals: Value,
    /// What happened to it, oldest first.
    pub timeline: Vec<TimelineEvent>,
    /// The page for people.
    pub page: ChangePage,
}

/// Returns the page of a change.
pub fn build_page(shown: &ShownChange) -> ChangePage {
    let change = &shown.record;
    let title = match &change.facts {
        Ok(facts) => facts.title.clone(),
        Err(_) => Text::from("(its commits cannot be read)"),
    };
    let subtitle = PageLine::from_words(format!("change {} of ", change.id))
        .with_quote(&Text::from(change.repository.as_str()))
        .with_words(", as of ")
        .with_time(change.as_of);
    let mut sections = vec![
        build_purpose_section(shown),
        build_request_section(shown),
        build_class_section(shown),
        build_makers_section(shown),
        build_approvals_section(shown),
        build_tests_section(shown),
    ];
    sections.extend(build_content_section(shown));
    sections.extend(build_attempts_section(shown));
    sections.extend([
        build_landing_section(shown),
        build_verdict_section(shown),
        build_obligations_section(shown),
        build_outcome_section(shown),
        build_policy_section(shown),
        build_limits_section(shown),
        build_commands_section(shown),
    ]);
    ChangePage { title, subtitle, sections }
}

/// Returns the document of a change.
pub fn build_document(shown: &ShownChange) -> ChangeDocument {
    let change = &shown.record;
    let page = build_page(shown);
    ChangeDocument {
        schema: CHANGE_SCHEMA.to_owned(),
        tool: concat!("changegate ", env!("CARGO_PKG_VERSION")).to_owned(),
        change_id: change.change_id(),
        repository: change.repository.clone(),
        ref_name: change.ref_name.clone(),
        commit: change.id,
        as_of: change.as_of,
        title: page.title.clone(),
        purpose: find_purpose(change),
        state: change.state().code().to_owned(),
        outcome: change.outcome().code().to_owned(),
        gate_result: change.name_gate_result().to_owned(),
        bypassed: change.bypass().code().to_owned(),
        landing: json!({
            "at": change.landing.at,
            "clock": change.landing.clock.code(),
            "by": change.landing.by,
            "record": change.landing.record,
            "pull": change.landing.pull,
            "last-seen-before": change.landing.last_seen_before,
            "first-ref": change.landing.first_ref,
            "break-glass": change.break_glass,
        }),
        judged: build_judged_json(&change.judged_by),
        commits: build_commits_json(shown),
        reasons: change.reasons.clone(),
        verdicts: convert_all(&shown.verdicts),
        obligations: Value::Array(
            change.obligations.iter().map(|(id, owed)| json!({ "id": id, "obligation": owed })).collect(),
        ),
        attempts: Value::Array(
            change
                .attempts
                .iter()
                .map(|attempt| {
                    json!({
                        "record": attempt.record,
                        "at": attempt.at,
                        "revision": attempt.revision,
                        "subject": attempt.subject,
                        "rules": attempt.rules,
                        "link": attempt.link.code(),
                    })
                })
                .collect(),
        ),
        closing_records: build_steps_json(&change.closing_records),
        reverted_by: build_steps_json(&change.reverted_by),
        caused: build_steps_json(&change.caused),
        acts: Value::Array(
            change.acts.iter().map(|one| json!({ "record": one.record, "event": one.event })).collect(),
        ),
        refused_approvals: json!(change.refused_approvals),
        signed_approvals: Value::Array(change.signed_approvals.iter().map(build_approval_json).collect()),
        timeline: list_timeline(shown),
        page,
    }
}

fn build_approval_json(approval: &ChangeApproval) -> Value {
    let received = &approval.received;
    let landed = approval.landed.as_ref().map(|landed| {
        json!({
            "relation": landed.relation.word(),
            "as-approved": landed.is_as_approved(),
            "unapproved": landed.unapproved,
            "left-out-paths": landed.left_out_paths,
        })
    });
    json!({
        "record": received.record,
        "event": received.event,
        "standing": approval.standing.code(),
        "landed": landed,
    })
}

fn build_judged_json(judged_by: &ChangeJudgement) -> Value {
    match judged_by {
        ChangeJudgement::Recorded { record, at, tool, .. } => {
            json!({ "how": "recorded", "record": record, "at": at, "tool": tool })
        }
        ChangeJudgement::Afterwards { policy } => json!({ "how": "afterwards", "policy": policy }),
        ChangeJudgement::NotJudged(why) => json!({ "how": "not-judged", "why": why }),
    }
}

fn build_commits_json(shown: &ShownChange) -> Value {
    match &shown.record.facts {
        Ok(facts) => json!({
            "count": facts.commits,
            "author": { "name": facts.author.name, "email": facts.author.email },
            "authored-at": facts.authored_at,
            "committer": { "name": facts.committer.name, "email": facts.committer.email },
            "people": facts.people.iter()
                .map(|person| json!({ "name": person.name, "email": person.email }))
                .collect::<Vec<_>>(),
            "files": facts.files,
            "lines": facts.lines,
            "claimed-pull": facts.claimed_pull,
        }),
        Err(why) => json!({ "unreadable": why }),
    }
}

fn build_steps_json(steps: &[RelatedStep]) -> Value {
    let one = |step: &RelatedStep| {
        let mut value = json!({ "commit": step.id, "at": step.at, "clock": step.clock.code() });
        if let (Some(title), Some(keys)) = (&step.title, value.as_object_mut()) {
            let state = |(key, value): &(String, Text)| json!({ "key": key, "value": value });
            keys.insert("title".to_owned(), json!(title));
            keys.insert("states".to_owned(), step.states.iter().map(state).collect());
        }
        value
    };
    Value::Array(steps.iter().map(one).collect())
}

impl ChangeDocument {
    /// Returns the document as bytes, which are the same each time: two spaces of indent, a line end at the end.
    ///
    /// # Errors
    ///
    /// Fails if a value cannot be written as JSON.
    pub fn to_json_bytes(&self) -> serde_json::Result<Vec<u8>> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }
}
