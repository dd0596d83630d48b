//! The end of a page: how the change landed, what it owed, what became of it, what judged it, what is not known.

use crate::audit::change_record::change_acts::describe_act_author;
use crate::audit::change_record::standing::{ChangeOutcome, ChangeState, GateBypass};
use crate::audit::change_record::{LandingClock, RelatedStep};
use crate::audit::show::change_sections::describe_gap_cause;
use crate::audit::show::page::{PageLine, PageSection};
use crate::audit::show::shown_change::ShownChange;
use crate::change::Text;
use crate::ledger::record::{ObligationEvidence, RecordedActKind, RecordedPolicySource};
use crate::ledger::state::{ObligationOwner, TrackedObligation};
use crate::report::due_time::format_duration;
use crate::verdict::Message;
use crate::verdict::quote_for_shell;

/// The trailers of a later change that name the people behind what it states.
const CLOSING_PEOPLE: [&str; 3] = ["Reviewed-by", "Approved-by", "Authorized-by"];

/// Returns how the change came to its ref.
pub(super) fn build_landing_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let landing = &change.landing;
    let mut section = PageSection::new("Landing");
    let clock = match landing.clock {
        LandingClock::Gate => " by the clock of the gate",
        LandingClock::Committer => " by the committer's own clock, which nobody vouches for",
    };
    section.add_row("landed", PageLine::default().with_time(landing.at).with_words(clock));
    match &landing.by {
        Some(by) => section.add_row("by", PageLine::from_quote(by)),
        None => section.add_row("by", PageLine::from_words("not known")),
    }
    section.add_row("on", PageLine::from_quote(&change.ref_name));
    if let Some(pull) = &landing.pull {
        section.add_row("pull request", PageLine::from_quote(pull));
    } else if let Ok(facts) = &change.facts
        && let Some(number) = facts.claimed_pull
    {
        section.add_row("pull request", PageLine::from_words(format!("#{number}, as its message claims")));
    }
    let how = match change.bypass() {
        GateBypass::None => "a decision allowed it",
        GateBypass::Regularised => "it came WITHOUT A DECISION and was regularised",
        GateBypass::Unauthorised => "it came WITHOUT A DECISION",
        GateBypass::UndecidedPolicy => "a decision allowed it, by a policy that came WITHOUT A DECISION",
        GateBypass::PolicyNotKnown => {
            "a decision allowed it; whether its policy came without one is not known, since the history is cut"
        }
        GateBypass::NotEnforced => "NOT ENFORCED: it landed in evaluate mode, which blocks nothing",
        GateBypass::DeniedNotEnforced => {
            "DENIED AND NOT ENFORCED: it landed in evaluate mode, which blocks nothing"
        }
        GateBypass::NotKnown => "not known: no record tells how it landed",
        GateBypass::BeforeGate => "it landed before the gate stood",
    };
    section.add_row("decision", PageLine::from_words(how));
    if let Some(seen) = landing.last_seen_before {
        section
            .add_row("not before", PageLine::from_words("the ref was seen without it on ").with_time(seen));
    }
    for session in &change.break_glass {
        let line =
            PageLine::from_quote(session).with_words(", a break-glass session that was open when it landed");
        let list = PageLine::from_words("to see it: ")
            .with_line(PageLine::from_command("changegate breakglass list --all"));
        section.add_lines("break glass", vec![line, list]);
    }
    if let Some(record) = landing.record {
        section.add_row("record", PageLine::from_words(format!("{record} of the ledger")));
    }
    section
}

/// Returns what the change owed, and how that was met.
pub(super) fn build_obligations_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Owed");
    for (id, owed) in &change.obligations {
        let word = match &owed.closed {
            Some(closed) if closed.late_by.is_some() => "met late",
            Some(_) => "met in time",
            None if change.is_overdue(owed) => "OVERDUE",
            None => "open",
        };
        let mut lines = describe_obligation(owed, &change.closing_records);
        if let Some(at) = change.closed_later.get(id) {
            lines.push(PageLine::from_words("closed later, on ").with_time(*at));
        }
        section.add_lines(word, lines);
    }
    if section.rows.is_empty() {
        let words = if shown.has_ledger { "nothing" } else { "not known without a ledger" };
        section.add_row("", PageLine::from_words(words));
    }
    section
}

fn describe_obligation(owed: &TrackedObligation, closing: &[RelatedStep]) -> Vec<PageLine> {
    let mut lines = vec![PageLine::from_message(&Message::from(&owed.what))];
    let due = match owed.due {
        Some(due) => PageLine::from_words("due ").with_time(due),
        None => PageLine::from_words("no due time"),
    };
    let due = due.with_words(format!(", asked by {}, owed by ", owed.rule.as_str()));
    lines.push(match &owed.owner {
        ObligationOwner::Account { account, .. } => due.with_quote(account),
        ObligationOwner::Role(_) => due.with_words(owed.owner.describe()),
    });
    if let Some(closed) = &owed.closed {
        let evidence = Text::from(closed.by.describe());
        let mut line =
            PageLine::from_words("met ").with_time(closed.at).with_words(" by ").with_quote(&evidence);
        if let Some(seconds) = closed.late_by {
            let late = format_duration(i64::try_from(seconds).unwrap_or(i64::MAX));
            line = line.with_words(format!(", {late} late"));
        }
        lines.push(line);
        let by = match &closed.by {
            ObligationEvidence::Change { id } => closing.iter().find(|step| step.id == *id),
            _ => None,
        };
        for (key, value) in by.iter().flat_map(|step| list_shown_states(step, owed)) {
            lines.push(PageLine::from_quote(&Text::from(key)).with_words(": ").with_quote(value));
        }
    }
    lines
}

/// Returns what a later change states of something that was owed: the field itself, and who reviewed or approved it.
fn list_shown_states<'a>(step: &'a RelatedStep, owed: &TrackedObligation) -> Vec<(&'a str, &'a Text)> {
    let field = owed.field.as_deref();
    let is_shown = |key: &str| {
        field.is_none_or(|field| field.eq_ignore_ascii_case(key))
            || CLOSING_PEOPLE.iter().any(|known| known.eq_ignore_ascii_case(key))
    };
    let states = step.states.iter().map(|(key, value)| (key.as_str(), value));
    states.filter(|(key, _)| is_shown(key)).collect()
}

/// Returns where the change stands and which later changes speak of it.
pub(super) fn build_outcome_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut section = PageSection::new("Since then");
    let state = match change.state() {
        ChangeState::Closed => "closed: it owes nothing",
        ChangeState::Open => "open: it owes something, in time so far",
        ChangeState::Overdue => "OVERDUE: it owes something whose time is up",
        ChangeState::NotKnown => "not known: no record tells how it landed, so nothing tells what it owes",
        ChangeState::Unauthorised => "UNAUTHORISED: it came without a decision and is not regularised",
    };
    // Without a ledger, nothing tells whether it owes something.
    let state = if shown.has_ledger { state } else { "not known without a ledger" };
    let mut line = PageLine::from_words(state);
    if let Some(at) = change.closed_at().filter(|_| shown.has_ledger) {
        line = line.with_words(", since ").with_time(at);
    }
    section.add_row("state", line);
    let outcome = match change.outcome() {
        ChangeOutcome::BackedOut => "backed out",
        ChangeOutcome::Failed => "failed: a later change or an incident names it, or a report says so",
        ChangeOutcome::ReportedOk => "reported to have worked",
        ChangeOutcome::NoneReported => {
            "no later change says that it failed, which is no proof that it worked"
        }
    };
    section.add_row("outcome", PageLine::from_words(outcome));
    if let Some((failed, repaired)) = change.find_repair() {
        let line = PageLine::from_words("reported to have failed ").with_time(failed);
        section.add_row("repaired", line.with_words(", repaired ").with_time(repaired));
    }
    for one in &change.acts {
        let (label, said) = describe_act(&one.event.act.says);
        let line = said.with_words(", by ").with_quote(&describe_act_author(&one.event)).with_words(" ");
        section.add_row(label, line.with_time(one.event.observed_at).with_words(", by the gate's clock"));
        if let Some(note) = &one.event.act.note {
            section.add_row("remark", PageLine::from_quote(note));
        }
    }
    let lists = [
        ("closed by", &change.closing_records),
        ("taken back by", &change.reverted_by),
        ("caused", &change.caused),
        ("claimed by", &change.doubted_claims),
    ];
    for (label, steps) in lists {
        for RelatedStep { id, at, clock, title, states } in steps {
            let line = PageLine::from_words(format!("{} of ", id.short_hex())).with_time(*at);
            let mut lines = vec![line.with_words(format!(", by the {}'s clock", clock.code()))];
            lines.extend(title.iter().map(PageLine::from_quote));
            for (key, value) in states {
                lines
                    .push(PageLine::from_quote(&Text::from(key.as_str())).with_words(": ").with_quote(value));
            }
            section.add_lines(label, lines);
        }
    }
    section
}

/// Returns the label of an act on the page, and what it says.
fn describe_act(says: &RecordedActKind) -> (&'static str, PageLine) {
    match says {
        RecordedActKind::Outcome { outcome, incident } => {
            let line = PageLine::from_words(outcome.code());
            let line = match incident {
                Some(incident) => line.with_words(" in ").with_quote(incident),
                None => line,
            };
            ("reported", line)
        }
        RecordedActKind::Approval(approval) => ("signed", PageLine::from_words(approval.decision.word())),
        RecordedActKind::Verified => ("verified", PageLine::from_words("as working; that approves nothing")),
        RecordedActKind::Attachment { name, bytes, digest, .. } => {
            let line = PageLine::from_quote(&Text::from(name.as_str()));
            ("attached", line.with_words(format!(", {bytes} bytes, {digest}")))
        }
        RecordedActKind::Deployment { environment, before, failed } => {
            let line = PageLine::from_words("to ").with_quote(environment);
            let line = match before {
                Some(before) => line.with_words(format!(" in place of {}", before.short_hex())),
                None => line,
            };
            ("deployed", if *failed { line.with_words("; that failed") } else { line })
        }
    }
}

/// Returns which policy and roster judged, with the commands that show them.
pub(super) fn build_policy_section(shown: &ShownChange) -> PageSection {
    let mut section = PageSection::new("Policy, by SHA-256");
    let mut known: Vec<(&str, Option<&str>)> = Vec::new();
    for policy in shown.record.reasons.iter().flat_map(|reasons| &reasons.policies) {
        let digests = (policy.digest.as_str(), policy.roster_digest.as_deref());
        if !known.contains(&digests) {
            known.push(digests);
        }
    }
    for (policy, roster) in &known {
        section.add_row("policy", PageLine::from_words((*policy).to_owned()));
        let roster = roster.map_or_else(|| "none".to_owned(), |digest| digest.to_owned());
        section.add_row("roster", PageLine::from_words(roster));
    }
    for source in shown.decision.iter().flat_map(|decided| &decided.policies) {
        match source {
            RecordedPolicySource::Commit { id, path, .. } => {
                let object = quote_for_shell(&format!("{}:{path}", id.short_hex()));
                section.add_row("read from", PageLine::from_command(format!("git show {object}")));
            }
            RecordedPolicySource::Pack { name, .. } => {
                let name = quote_for_shell(name);
                section.add_row(
                    "read from",
                    PageLine::from_command(format!("changegate policy show --pack {name}")),
                );
            }
            RecordedPolicySource::Disk { path, .. } => {
                section.add_row("read from", PageLine::from_words(format!("{path} on the server")));
            }
            RecordedPolicySource::Elsewhere { place, .. } => {
                section.add_row("read from", PageLine::from_words(place.clone()));
            }
        }
    }
    if section.rows.is_empty() {
        section.add_row("policy", PageLine::from_words("none judged it"));
    }
    section
}

/// Returns what could not be known of the change.
pub(super) fn build_limits_section(shown: &ShownChange) -> PageSection {
    let change = &shown.record;
    let mut lines: Vec<PageLine> = Vec::new();
    for gap in change.reasons.iter().flat_map(|reasons| &reasons.missing) {
        let line = PageLine::from_words(format!("{}: {}", gap.fact, describe_gap_cause(gap.cause)));
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let left_out: usize = change.reasons.iter().map(|reasons| reasons.left_out).sum();
    if left_out > 0 {
        lines.push(PageLine::from_words(format!("{left_out} further reasons were too many to be kept")));
    }
    if let Some(decided) = &shown.decision
        && !decided.has_reasons
    {
        lines.push(PageLine::from_words(format!(
            "what the verdict of record {} rests on, which was not kept: approvals, people and fields are worked out now",
            decided.record
        )));
    }
    for why in &shown.unavailable {
        lines.push(PageLine::from_words(why.clone()));
    }
    if let Some(why) = change.find_unread_part() {
        lines.push(PageLine::from_words(why.to_owned()));
    }
    if !shown.has_ledger {
        lines.push(PageLine::from_words(
            "there is no ledger here: when and by whom it landed, what was refused and what is owed",
        ));
    }
    if shown.unreadable_records > 0 {
        let records = shown.unreadable_records;
        lines.push(PageLine::from_words(format!("what {records} unreadable records of the ledger say")));
    }
    lines.push(PageLine::from_words(
        "that its texts are true, that its approvers understood it, and what was done outside Git",
    ));
    let mut section = PageSection::new("Not known");
    section.add_lines("", lines);
    section
}

/// Returns the commands that show more.
pub(super) fn build_commands_section(shown: &ShownChange) -> PageSection {
    let id = shown.record.id.short_hex();
    let mut section = PageSection::new("More");
    if shown.has_ledger {
        let trace = format!("changegate ledger trace {id}");
        section.add_row("records", PageLine::from_command(trace));
    }
    section.add_row("the diff", PageLine::from_command(format!("git show --first-parent -m {id}")));
    section
}
