//! `changegate ledger trace`: the history of one change, for people and for programs.

use std::io::{self, BufWriter, Write};

use serde_json::json;

use crate::calendar::{Holidays, TimeLimit};
use crate::change::{NeededFacts, Oid, Text};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::ledger::show_records::describe_push;
use crate::cli::obligations::{DEFAULT_DUE_SOON, ObligationList};
use crate::cli::output::{self, wrap_text};
use crate::cli::revision::resolve_commit;
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::attempts::RefusedAttempt;
use crate::ledger::audit::policy_changes::list_policy_changes;
use crate::ledger::audit::trace::{ChangeTrace, LandingOrigin, TracedRecord, trace_change};
use crate::ledger::record::describe::{describe_record, find_event_time};
use crate::ledger::record::{
    ChangeAct, DecisionRecord, LedgerEvent, RecordedActKind, RecordedApproval, RecordedApprovalDecision,
    RecordedApprovalSource, RecordedVerdict,
};
use crate::report::{due_time, escape};
use crate::verdict::{ClassId, Decision, Judgement, Message, RuleOutcome, Verdict};

/// The name and version of the JSON document.
const TRACE_SCHEMA: &str = "changegate/trace/v1";

/// Prints the history of the commit that a revision names.
pub(crate) fn run_ledger_trace(
    repository: &Repository,
    named: &str,
    as_json: bool,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    if repository.resolve_ref(LEDGER_REF.as_bytes())?.id.is_none() {
        return Err(CommandError::no_ledger(repository));
    }
    let change = resolve_commit(repository, named)?;
    let trace = trace_change(repository, change)?;
    let limit = TimeLimit::new(DEFAULT_DUE_SOON).ok();
    let soon =
        limit.and_then(|limit| limit.due_after(context.now, &Holidays::default())).unwrap_or(context.now);
    let owed = ObligationList::from_state(&trace.state, context.now, soon);
    let mut out = BufWriter::new(io::stdout().lock());
    let written = if as_json {
        write_trace_json(change, &trace, &owed, &mut out)
    } else {
        write_trace(repository, change, &trace, &owed, &mut out)
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    let has_landed = !trace.landings.is_empty();
    let is_authorised = trace.landings.values().all(|came| {
        !matches!(
            came,
            LandingOrigin::Unauthorised
                | LandingOrigin::UndecidedPolicy
                | LandingOrigin::PolicyNotKnown
                | LandingOrigin::NotEnforced
                | LandingOrigin::DeniedNotEnforced
        )
    });
    Ok(if has_landed && is_authorised && trace.unreadable_records == 0 {
        owed.command_exit()
    } else {
        CommandExit::Denied
    })
}

fn write_trace_json(
    change: Oid,
    trace: &ChangeTrace,
    owed: &ObligationList<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    // The keys belong to the schema: they stay when the wording of the text output changes.
    let mut records = Vec::new();
    for traced in &trace.records {
        let mut verdicts = Vec::new();
        for (name, verdict) in &traced.verdicts {
            verdicts.push(json!({ "ref": name.to_lossy(), "verdict": RecordedVerdict::from(verdict) }));
        }
        records.push(json!({
            "commit": traced.commit,
            "record": traced.record,
            "verdicts": verdicts,
            "cannot": traced.unavailable,
            "reasons": traced.reasons,
        }));
    }
    let mut landed = Vec::new();
    for (name, came) in &trace.landings {
        landed.push(json!({ "ref": name.to_lossy(), "came": came.code() }));
    }
    let mut attempts = Vec::new();
    for attempt in &trace.attempts {
        attempts.push(json!({
            "record": attempt.record,
            "at": attempt.at,
            "revision": attempt.revision,
            "subject": attempt.subject,
            "rules": attempt.rules,
            "link": attempt.link.code(),
        }));
    }
    let whole = json!({
        "schema": TRACE_SCHEMA,
        "change": change,
        "landed": landed,
        "records": records,
        "attempts": attempts,
        "obligations": owed.to_json_values(),
        "unreadable": trace.unreadable_records,
    });
    writeln!(out, "{}", replace_invisible(&format!("{whole:#}")))
}

fn write_trace(
    repository: &Repository,
    change: Oid,
    trace: &ChangeTrace,
    owed: &ObligationList<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Subject and trailers come from the repository, since records do not hold them.
    if let Ok(commit) = repository.read_commit(change, &NeededFacts::new()) {
        let subject = escape::escape_terminal(commit.message.subject().as_bytes(), 66);
        writeln!(out, "{} \"{subject}\"", change.short_hex())?;
        let name = escape::escape_terminal(commit.author.name.as_bytes(), 40);
        let email = escape::escape_terminal(commit.author.email.as_bytes(), 60);
        writeln!(out, "{}", wrap_text("  author ", 4, &format!("{name} <{email}> (claimed by the commit)")))?;
        for said in commit.message.trailers() {
            let value = escape::escape_terminal(said.value.as_bytes(), escape::MAX_QUOTE_COLUMNS);
            writeln!(out, "{}", wrap_text(&format!("  {}: ", escape::escape_words(&said.key)), 4, &value))?;
        }
    }
    write_attempts(&trace.attempts, out)?;
    for traced in &trace.records {
        writeln!(out)?;
        let subject = describe_record(&traced.record);
        let number = traced.record.number;
        let at = due_time::format_instant(find_event_time(&traced.record));
        writeln!(out, "{}", wrap_text(&format!("{number:>4}  {at} "), 6, &subject))?;
        write_record_details(traced, out)?;
        if let LedgerEvent::Decision(decided) = &traced.record.event
            && let Some(number) = trace.undecided_policies.get(&decided.id)
        {
            let what = match trace.uncompared_records.contains(number) {
                true => "whether this policy came without a decision is not known",
                false => "this policy came without a decision",
            };
            writeln!(out, "      {what} (record {number})")?;
        }
    }
    writeln!(out)?;
    owed.write_terminal(true, out)?;
    for (name, came) in &trace.landings {
        let name = escape::escape_terminal(name.as_bytes(), 60);
        writeln!(out, "{}", wrap_text(came.describe(), 2, &name))?;
    }
    if trace.landings.is_empty() {
        let what = if trace.records.is_empty() { "no records about this change" } else { "not landed" };
        writeln!(out, "{what}")?;
    }
    match trace.unreadable_records {
        0 => Ok(()),
        1 => writeln!(out, "1 record cannot be read; see `changegate ledger verify`"),
        many => writeln!(out, "{many} records cannot be read; see `changegate ledger verify`"),
    }
}

/// Writes what one record says beyond its subject.
fn write_record_details(traced: &TracedRecord, out: &mut dyn Write) -> io::Result<()> {
    match &traced.record.event {
        LedgerEvent::Decision(decided) => write_traced_decision(decided, traced, out),
        LedgerEvent::Discharged(one) => {
            writeln!(out, "{}", wrap_text("      by ", 9, &one.evidence.describe()))
        }
        LedgerEvent::Act(event) => write_act_details(event, out),
        LedgerEvent::RegularisationTerms(terms) => {
            let from = escape::escape_words(&terms.teams.join(", "));
            writeln!(out, "{}", wrap_text("      can be regularised by ", 9, &from))
        }
        _ => Ok(()),
    }
}

/// Writes what an act says beside its kind.
fn write_act_details(event: &ChangeAct, out: &mut dyn Write) -> io::Result<()> {
    match &event.act.says {
        RecordedActKind::Outcome { incident: Some(incident), .. } => {
            writeln!(out, "{}", wrap_text("      incident ", 9, &escape_text(incident)))?;
        }
        RecordedActKind::Attachment { digest, .. } => {
            writeln!(out, "      {}", escape::escape_words(digest))?
        }
        RecordedActKind::Outcome { incident: None, .. }
        | RecordedActKind::Verified
        | RecordedActKind::Approval(_)
        | RecordedActKind::Deployment { .. } => {}
    }
    match &event.act.note {
        Some(note) => writeln!(out, "{}", wrap_text("      ", 9, &escape_text(note))),
        None => Ok(()),
    }
}

fn escape_text(text: &Text) -> String {
    escape::escape_terminal(text.as_bytes(), escape::MAX_QUOTE_COLUMNS)
}

fn write_traced_decision(
    decided: &DecisionRecord,
    traced: &TracedRecord,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(
        out,
        "      pushed by {}, seen {}",
        describe_push(decided),
        due_time::format_instant(decided.observed_at)
    )?;
    if let Some(policy) = &decided.policy {
        let from =
            format!("{}, {}", escape::escape_words(&policy.name), escape::escape_words(&policy.source));
        writeln!(out, "{}", wrap_text("      policy ", 9, &from))?;
    }
    for change in list_policy_changes(decided) {
        let words = escape::escape_sentence(&change.sentence());
        writeln!(out, "{}", wrap_text("      policy change: ", 9, &words))?;
    }
    for (name, verdict) in &traced.verdicts {
        let word = if verdict.decision() == Decision::Allow { "allowed" } else { "denied" };
        let class = verdict.class.as_ref().map_or("class undecided", ClassId::as_str);
        let on = escape::escape_terminal(name.as_bytes(), 60);
        writeln!(
            out,
            "{}",
            wrap_text(&format!("      {word} on "), 9, &format!("{on}, {}", escape::escape_words(class)))
        )?;
        write_judgements(verdict, out)?;
        for reasons in traced.reasons.iter().filter(|reasons| reasons.revision == verdict.revision) {
            write_approvals(&reasons.approvals, out)?;
        }
    }
    // A push may merge several pull requests; only that of this change is of interest.
    for way in decided.refs.iter().flat_map(|one| &one.pull_landings) {
        if traced.verdicts.iter().any(|(_, verdict)| verdict.revision == Some(way.change)) {
            let pull = escape::escape_terminal(way.pull.as_bytes(), 60);
            writeln!(out, "{}", wrap_text("      merged from ", 9, &pull))?;
        }
    }
    for why in &traced.unavailable {
        writeln!(out, "{}", wrap_text("      ", 9, why))?;
    }
    Ok(())
}

/// Writes the refused attempts that may have become the change.
fn write_attempts(attempts: &[RefusedAttempt], out: &mut dyn Write) -> io::Result<()> {
    if attempts.is_empty() {
        return Ok(());
    }
    writeln!(out, "\nrefused before, as far as it can be told:")?;
    for attempt in attempts {
        let at = due_time::format_instant(attempt.at);
        let subject = escape::escape_terminal(attempt.subject.as_bytes(), 66);
        let rules: Vec<String> = attempt.rules.iter().map(|rule| escape::escape_words(rule)).collect();
        let head = format!("{:>4}  {at} ", attempt.record);
        let what = format!(
            "{} \"{subject}\": denied by {}; the same {}",
            attempt.revision.short_hex(),
            rules.join(", "),
            attempt.link.describe()
        );
        writeln!(out, "{}", wrap_text(&head, 6, &what))?;
    }
    Ok(())
}

/// Writes who counted as an approver, and who did not and why.
fn write_approvals(approvals: &[RecordedApproval], out: &mut dyn Write) -> io::Result<()> {
    for approval in approvals {
        let who = match &approval.by {
            Some(by) => escape::escape_terminal(by.as_bytes(), 60),
            None => "an account that is gone".into(),
        };
        let word = match approval.decision {
            RecordedApprovalDecision::Approved => "approved",
            RecordedApprovalDecision::ChangesRequested => "objected",
            RecordedApprovalDecision::Dismissed => "dismissed",
        };
        let source = match approval.source {
            RecordedApprovalSource::Review => "a review",
            RecordedApprovalSource::Comment => "a comment",
            RecordedApprovalSource::Trailer => "a trailer, which anyone can type",
            RecordedApprovalSource::Push => "the push itself",
            RecordedApprovalSource::Signature => "their own signature",
        };
        let mut what = format!("{who}, by {source}");
        if let Some(at) = approval.given_at {
            what.push_str(&format!(", {}", due_time::format_instant(at)));
        }
        if let (Some(relation), Some(revision)) = (&approval.relation, approval.revision) {
            let relation = escape::escape_words(relation);
            what.push_str(&format!(", of {}, and what landed is {relation}", revision.short_hex()));
        }
        for used in &approval.uses {
            let rule = escape::escape_words(&used.rule);
            match &used.why_not {
                _ if used.counts => {
                    what.push_str(&format!("; counts for {rule}"));
                    if let Some(person) = &used.acts_for {
                        what.push_str(&format!(", acting for {}", escape::escape_words(person)));
                    }
                }
                Some(why) => {
                    let why = escape::escape_sentence(&Message::from(why).sentence());
                    what.push_str(&format!("; not for {rule}: {why}"));
                }
                None => what.push_str(&format!("; not for {rule}: withdrawn")),
            }
        }
        writeln!(out, "{}", wrap_text(&format!("        {word:<11}"), 19, &what))?;
    }
    Ok(())
}

fn write_judgements(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let mut not_applicable: usize = 0;
    for judgement in &verdict.judgements {
        let Some((word, more)) = describe_outcome(judgement) else {
            not_applicable += 1;
            continue;
        };
        let rule = &judgement.rule;
        let what =
            format!("{}: {}", escape::escape_words(rule.id.as_str()), escape::escape_words(&rule.title));
        writeln!(out, "{}", wrap_text(&format!("        {word:<11}"), 19, &what))?;
        for line in &more {
            writeln!(out, "{}", wrap_text(&" ".repeat(19), 19, line))?;
        }
    }
    match not_applicable {
        0 => Ok(()),
        1 => writeln!(out, "        1 rule does not apply"),
        many => writeln!(out, "        {many} rules do not apply"),
    }
}

/// Returns the outcome of a rule in one word, with details; `None` if the rule does not apply.
fn describe_outcome(judgement: &Judgement) -> Option<(&'static str, Vec<String>)> {
    Some(match &judgement.outcome {
        RuleOutcome::NotApplicable => return None,
        RuleOutcome::Pass => ("passed", Vec::new()),
        RuleOutcome::Fail(findings) => {
            ("failed", escape_messages(findings.iter().map(|finding| &finding.message)))
        }
        RuleOutcome::Undecided(_) => ("undecided", vec!["a fact was missing".into()]),
        RuleOutcome::MaybeExempted(_) => ("undecided", vec!["a fact was missing".into()]),
        RuleOutcome::Deferred(_) => ("later", Vec::new()),
        RuleOutcome::Owed(owed) => ("owed", escape_messages(owed.iter().map(|one| &one.what))),
        RuleOutcome::Exempted { reason, approved_by, until, .. } => {
            let reason = escape::escape_words(reason);
            let by = escape::escape_words(approved_by);
            let until = escape::escape_words(until);
            ("exempted", vec![format!("until {until}, by {by}: {reason}")])
        }
    })
}

fn escape_messages<'a>(messages: impl Iterator<Item = &'a Message>) -> Vec<String> {
    let mut lines = Vec::new();
    for message in messages {
        lines.push(escape::escape_sentence(&message.sentence()));
    }
    lines
}
