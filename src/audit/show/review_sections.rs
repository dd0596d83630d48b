//! The middle of a page: who approved, what was tested, what was refused before.

use crate::audit::change_record::change_acts::describe_act_author;
use crate::audit::change_record::change_approvals::ChangeApproval;
use crate::audit::change_record::field_values as fields;
use crate::audit::change_record::refused_approvals::RefusedApproval;
use crate::audit::show::change_sections::MAX_ROWS;
use crate::audit::show::page::{PageLine, PageSection};
use crate::audit::show::shown_change::ShownChange;
use crate::change::{ContentRelation, SignedDecision, Text, UnapprovedPath};
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
    let unweighed = change.signed_approvals.iter().filter(|one| !one.standing.is_weighed());
    for approval in unweighed.clone().take(MAX_ROWS) {
        section.add_lines(name_signed_decision(approval), describe_signed(approval));
    }
    for refused in change.refused_approvals.iter().take(MAX_ROWS) {
        section.add_lines("refused", describe_refused(refused));
    }
    match approvals.len() {
        0 if unweighed.count() > 0 => {}
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

/// Returns the label of a signed approval on the page.
fn name_signed_decision(approval: &ChangeApproval) -> &'static str {
    match approval.statement().map(|signed| signed.decision) {
        Some(SignedDecision::Rejected) => "rejected",
        Some(SignedDecision::Revoked) => "revoked",
        Some(SignedDecision::Approved) | None => "approved",
    }
}

/// Describes a signed approval of which no verdict tells.
fn describe_signed(approval: &ChangeApproval) -> Vec<PageLine> {
    let event = &approval.received.event;
    let mut who = PageLine::from_quote(&describe_act_author(event));
    if let Some(role) = approval.statement().and_then(|signed| signed.role.as_ref()) {
        who = who.with_words(", for ").with_quote(role);
    }
    let how = PageLine::from_words("by their own signature; received ")
        .with_time(event.observed_at)
        .with_words(" by the server's clock; of revision ")
        .with_words(event.act.change.short_hex())
        .with_words(format!(" (record {})", approval.received.record));
    let mut lines = vec![who, how, PageLine::from_words(approval.standing.describe())];
    if let Some(note) = &event.act.note {
        lines.push(PageLine::from_words("it says ").with_quote(note));
    }
    lines
}

/// Describes a signed approval that was refused.
fn describe_refused(refused: &RefusedApproval) -> Vec<PageLine> {
    let revision = refused.revision.short_hex();
    let what = PageLine::from_words(format!("{} {revision}, as it claims; pushed by ", refused.decision));
    let what = match &refused.by {
        Some(by) => what.with_quote(by),
        None => what.with_words("an unknown account"),
    };
    let when = PageLine::from_words("refused ").with_time(refused.at);
    let why = format!(" by the server's clock: {} (record {})", refused.codes.join(", "), refused.record);
    vec![what, when.with_words(why)]
}

/// Returns how what landed relates to each signed approval, and the lines that nobody approved; `None` if nothing was
/// signed about it.
pub(super) fn build_content_section(shown: &ShownChange) -> Option<PageSection> {
    let approvals = &shown.record.signed_approvals;
    if approvals.is_empty() {
        return None;
    }
    let mut section = PageSection::new("Landed as approved");
    for approval in approvals.iter().take(MAX_ROWS) {
        section.add_lines(format!("record {}", approval.received.record), describe_landed(approval));
    }
    if approvals.len() > MAX_ROWS {
        section.add_row("", PageLine::from_words(format!("and {} more", approvals.len() - MAX_ROWS)));
    }
    Some(section)
}

/// Describes how what landed relates to a signed approval, as it was worked out again.
fn describe_landed(approval: &ChangeApproval) -> Vec<PageLine> {
    let revision = approval.received.event.act.change.short_hex();
    let who = describe_act_author(&approval.received.event);
    let head = PageLine::from_words(format!("{} {revision}, by ", name_signed_decision(approval)))
        .with_quote(&who)
        .with_words("; ");
    let Some(landed) = &approval.landed else {
        return vec![head.with_words("what landed is not of it")];
    };
    // What no verdict tells of says so above.
    let note = approval.received.event.act.note.as_ref().filter(|_| approval.standing.is_weighed());
    let mut lines = vec![match &landed.relation {
        ContentRelation::Uncompared(why) => {
            let why = Text::from(why.as_str());
            head.with_words("it could not be compared with what landed: ").with_quote(&why)
        }
        ContentRelation::Partial { commit } => {
            head.with_words(format!("what landed is partial: {} is no part of it", commit.short_hex()))
        }
        ContentRelation::Changed { commit, .. } => {
            head.with_words(format!("what landed is changed: {} holds something else", commit.short_hex()))
        }
        relation => head.with_words(format!("what landed is {}", relation.word())),
    }];
    lines.extend(note.map(|note| PageLine::from_words("it says ").with_quote(note)));
    for one in &landed.unapproved {
        lines.extend(describe_unapproved(one));
    }
    if landed.left_out_paths > 0 {
        lines.push(PageLine::from_words(format!("and {} further paths", landed.left_out_paths)));
    }
    lines
}

/// Returns the lines of a path that nobody approved.
fn describe_unapproved(path: &UnapprovedPath) -> Vec<PageLine> {
    let head = PageLine::from_words("not approved: ").with_quote(&path.path);
    let head = head.with_words(format!(" in {}", path.commit.short_hex()));
    if let Some(why) = &path.without_lines {
        return vec![head.with_words(format!(": no lines to show, {why}"))];
    }
    let mut lines = vec![head];
    for line in &path.lines {
        let sign = if line.has_landed { '+' } else { '-' };
        lines.push(PageLine::from_words(format!("{sign} line {}: ", line.number)).with_quote(&line.text));
    }
    if path.left_out_lines > 0 {
        lines.push(PageLine::from_words(format!("and {} further lines", path.left_out_lines)));
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
