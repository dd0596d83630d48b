//! The middle of a page: who approved, what was tested, what was refused before.

use crate::audit::change_record::field_values as fields;
use crate::audit::show::change_sections::MAX_ROWS;
use crate::audit::show::page::{PageLine, PageSection};
use crate::audit::show::shown_change::ShownChange;
use crate::change::Text;
use crate::ledger::record::{
    RecordedApproval, RecordedApprovalDecision, RecordedApprovalSource, RecordedCheck, RecordedCheckState,
    RecordedTrust,
};
use crate::verdict::Message;

/// Returns every approval and objection, with what it was worth.
pub(super) fn build_approvals_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Approvals");
    let approvals = change.list_approvals();
    for approval in approvals.iter().take(MAX_ROWS) {
        let word = match approval.decision {
            RecordedApprovalDecision::Approved => "approved",
            RecordedApprovalDecision::ChangesRequested => "objected",
            RecordedApprovalDecision::Dismissed => "dismissed",
        };
        section.add_lines(word, describe_approval(approval));
    }
    match approvals.len() {
        0 if change.reasons.is_empty() => {
            section.add_row("", PageLine::from_words("not known: nothing judged this change"));
        }
        0 => section.add_row("", PageLine::from_words("none")),
        many if many > MAX_ROWS => {
            section.add_row("", PageLine::from_words(format!("and {} more", many - MAX_ROWS)));
        }
        _ => {}
    }
    section
}

fn describe_approval(approval: &RecordedApproval) -> Vec<PageLine> {
    let mut who = match &approval.by {
        Some(by) => PageLine::from_quote(by),
        None => PageLine::from_words("an account that was deleted"),
    };
    if !approval.teams.is_empty() {
        who = who.with_words(format!(", of {}", approval.teams.join(", ")));
    } else if approval.person.is_none() {
        who = who.with_words(", not known to the policy");
    }
    let source = match approval.source {
        RecordedApprovalSource::Review => "by a review",
        RecordedApprovalSource::Comment => "by a comment",
        RecordedApprovalSource::Trailer => "by a trailer, which anyone can type",
        RecordedApprovalSource::Push => "by pushing it",
        RecordedApprovalSource::Signature => "by their own signature",
    };
    let is_signed = approval.source == RecordedApprovalSource::Signature;
    let trust = match approval.trust {
        RecordedTrust::Verified if is_signed => "the signature was checked",
        RecordedTrust::Verified => "the forge vouches for it",
        RecordedTrust::Claimed => "claimed",
    };
    let mut how = PageLine::from_words(format!("{source}; {trust}; "));
    how = match approval.given_at {
        Some(at) => how.with_words("given ").with_time(at).with_words(if is_signed {
            " by the server's clock"
        } else {
            " by the forge's clock"
        }),
        None => how.with_words("when, no clock tells"),
    };
    if let Some(revision) = approval.revision {
        how = how.with_words(format!("; of revision {}", revision.short_hex()));
    }
    if let Some(relation) = &approval.relation {
        how = how.with_words(format!("; what landed is {relation}"));
    }
    let mut lines = vec![who, how];
    for used in &approval.uses {
        let mut line = PageLine::from_words(if used.counts { "counts for " } else { "does not count for " });
        line = line.with_words(used.rule.clone());
        if let Some(person) = &used.acts_for {
            line = line.with_words(", acting for ").with_quote(&Text::from(person.as_str()));
        }
        if !used.counts {
            line = match &used.why_not {
                Some(why) => line.with_words(": ").with_line(PageLine::from_message(&Message::from(why))),
                None => line.with_words(": withdrawn"),
            };
        }
        lines.push(line);
    }
    if approval.uses.is_empty() {
        lines.push(PageLine::from_words("no rule asked for it"));
    }
    lines
}

/// Returns the checks of the final revision and what the change says of its tests.
pub(super) fn build_tests_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Checks and tests");
    let mut checks: Vec<&RecordedCheck> = Vec::new();
    for check in change.reasons.iter().flat_map(|reasons| &reasons.checks) {
        if !checks.contains(&check) {
            checks.push(check);
        }
    }
    for check in checks.iter().take(MAX_ROWS) {
        section.add_row("check", describe_check(check));
    }
    if checks.len() > MAX_ROWS {
        section.add_row("", PageLine::from_words(format!("and {} more", checks.len() - MAX_ROWS)));
    }
    section.add_quote("test plan", change.find_value(fields::TEST_PLAN).as_ref());
    section.add_quote("environment", change.find_value(fields::TEST_ENVIRONMENT).as_ref());
    section.add_quote("evidence", change.find_value(fields::TEST_EVIDENCE).as_ref());
    section.add_quote("verified by", change.find_value(fields::VERIFIED_BY).as_ref());
    if section.rows.is_empty() {
        section.add_row("", PageLine::from_words("no check was reported and no test is stated"));
    }
    section
}

fn describe_check(check: &RecordedCheck) -> PageLine {
    let mut line = PageLine::from_quote(&check.name).with_words(": ");
    line = match &check.state {
        RecordedCheckState::Success => line.with_words("succeeded"),
        RecordedCheckState::Neutral => line.with_words("neither succeeded nor failed"),
        RecordedCheckState::Skipped => line.with_words("skipped"),
        RecordedCheckState::Pending => line.with_words("not finished"),
        RecordedCheckState::Unknown => line.with_words("its result then is not known"),
        RecordedCheckState::Failed(word) => line.with_words("failed: ").with_quote(word),
    };
    if let Some(tests) = check.tests {
        line = line.with_words(format!(", {tests} tests"));
    }
    if let Some(by) = &check.by {
        line = line.with_words(", reported by ").with_quote(by);
    }
    line
}

/// Returns the refused attempts that may have become the change; `None` if there are none.
pub(super) fn build_attempts_section(shown: &ShownChange) -> Option<PageSection> {
    let attempts = &shown.record.attempts;
    if attempts.is_empty() {
        return None;
    }
    let mut section = PageSection::new("Refused before");
    for attempt in attempts {
        let what =
            PageLine::from_words(format!("{} ", attempt.revision.short_hex())).with_quote(&attempt.subject);
        let rules = PageLine::from_words(format!("denied by {}", attempt.rules.join(", ")));
        let when = PageLine::from_words("on ")
            .with_time(attempt.at)
            .with_words(" by the gate's clock; linked by the same ")
            .with_words(attempt.link.describe());
        section.add_lines(format!("record {}", attempt.record), vec![what, rules, when]);
    }
    Some(section)
}
