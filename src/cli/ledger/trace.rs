//! `changegate ledger trace`: how one change went, for people and for programs.

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use crate::calendar::TimeLimit;
use crate::change::{NeededFacts, Oid};
use crate::cli::command_error::{CommandError, CommandExit, replace_invisible};
use crate::cli::context::Context;
use crate::cli::ledger::show_records::describe_pusher;
use crate::cli::obligations::{DEFAULT_DUE_SOON, ObligationList};
use crate::cli::output::{self, wrap_text};
use crate::git::Repository;
use crate::ledger::LEDGER_REF;
use crate::ledger::audit::trace::{ChangeTrace, LandingOrigin, TracedRecord, trace_change};
use crate::ledger::record::describe::describe_record;
use crate::ledger::record::{DecisionRecord, LedgerEvent, RecordedVerdict};
use crate::report::{due_time, escape};
use crate::verdict::{Decision, Judgement, RuleOutcome, Verdict};

/// The name and version of what is told to programs.
const TRACE_SCHEMA: &str = "changegate/trace/v1";

/// Tells how the commit that `named` leads to went.
pub(crate) fn run_ledger_trace(
    repository: &Repository,
    named: &str,
    as_json: bool,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    if repository.resolve_ref(LEDGER_REF.as_bytes())?.id.is_none() {
        return Err(CommandError::Usage(format!("there is no ledger here: {LEDGER_REF} does not exist")));
    }
    let change = repository.resolve_revision(&format!("{named}^{{commit}}"));
    let change = change.map_err(|_| {
        CommandError::Usage(format!(
            "`{}` does not name a commit of this repository",
            escape::escape_words(named)
        ))
    })?;
    let trace = trace_change(repository, change)?;
    let soon =
        TimeLimit::new(DEFAULT_DUE_SOON).ok().and_then(|soon| soon.due_after(world.now)).unwrap_or(world.now);
    let owed = ObligationList::from_state(&trace.state, world.now, soon);
    let mut out = BufWriter::new(io::stdout().lock());
    let told = if as_json {
        write_trace_json(change, &trace, &owed, &mut out)
    } else {
        write_trace(repository, change, &trace, &owed, &mut out)
    };
    output::ignore_broken_pipe(told.and_then(|()| out.flush()))?;
    let is_in = |came: &LandingOrigin| *came != LandingOrigin::Unauthorised;
    let is_well = !trace.landings.is_empty() && trace.landings.values().all(is_in);
    Ok(if is_well && trace.unreadable_records == 0 { owed.command_exit() } else { CommandExit::Denied })
}

fn write_trace_json(
    change: Oid,
    trace: &ChangeTrace,
    owed: &ObligationList<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let records: Vec<Value> = trace
        .records
        .iter()
        .map(|told| {
            let verdicts: Vec<Value> = told
                .verdicts
                .iter()
                .map(|(name, verdict)| json!({ "ref": name.to_lossy(), "verdict": RecordedVerdict::from(verdict) }))
                .collect();
            json!({ "commit": told.commit, "record": told.record, "verdicts": verdicts, "cannot": told.unavailable })
        })
        .collect();
    let landed: Vec<Value> = trace
        .landings
        .iter()
        .map(|(name, came)| json!({ "ref": name.to_lossy(), "came": describe_landing(*came) }))
        .collect();
    let whole = json!({
        "schema": TRACE_SCHEMA,
        "change": change,
        "landed": landed,
        "records": records,
        "obligations": owed.to_json_values(),
        "unreadable": trace.unreadable_records,
    });
    writeln!(out, "{}", replace_invisible(&format!("{whole:#}")))
}

fn describe_landing(came: LandingOrigin) -> &'static str {
    match came {
        LandingOrigin::AlreadyThere => "before",
        LandingOrigin::Decided => "decided",
        LandingOrigin::Unauthorised => "undecided",
        LandingOrigin::Regularised => "declared",
    }
}

fn write_trace(
    repository: &Repository,
    change: Oid,
    trace: &ChangeTrace,
    owed: &ObligationList<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Ok(commit) = repository.read_commit(change, &NeededFacts::new()) {
        let subject = escape::escape_terminal(commit.message.subject().as_bytes(), 66);
        writeln!(out, "{} \"{subject}\"", change.short_hex())?;
        let name = escape::escape_terminal(commit.author.name.as_bytes(), 40);
        let email = escape::escape_terminal(commit.author.email.as_bytes(), 60);
        writeln!(out, "{}", wrap_text("  made by ", 4, &format!("{name} <{email}>, as the commit says")))?;
        for said in commit.message.trailers() {
            let value = escape::escape_terminal(said.value.as_bytes(), escape::MAX_QUOTE_COLUMNS);
            writeln!(out, "{}", wrap_text(&format!("  {}: ", escape::escape_words(&said.key)), 4, &value))?;
        }
    }
    for told in &trace.records {
        writeln!(out)?;
        let (number, at) = (told.record.number, due_time::format_instant(told.record.recorded_at));
        let subject = describe_record(&told.record);
        writeln!(out, "{}", wrap_text(&format!("{number:>4}  {at} "), 6, &subject))?;
        write_record_details(told, out)?;
    }
    writeln!(out)?;
    owed.write_terminal(true, out)?;
    for (name, came) in &trace.landings {
        let name = escape::escape_terminal(name.as_bytes(), 60);
        let how = match came {
            LandingOrigin::AlreadyThere => "was there before the ledger began, on ",
            LandingOrigin::Decided => "landed as decided, on ",
            LandingOrigin::Unauthorised => "landed WITHOUT A DECISION, on ",
            LandingOrigin::Regularised => "landed without a decision, and was declared after the fact, on ",
        };
        writeln!(out, "{}", wrap_text(how, 2, &name))?;
    }
    if trace.landings.is_empty() {
        let what = if trace.records.is_empty() { "no record tells of it" } else { "it has not landed" };
        writeln!(out, "{what}")?;
    }
    if 0 < trace.unreadable_records {
        let many = if trace.unreadable_records == 1 {
            "1 record".into()
        } else {
            format!("{} records", trace.unreadable_records)
        };
        writeln!(out, "{many} cannot be read; see `changegate ledger verify`")?;
    }
    Ok(())
}

/// Tells what one record says beyond its subject.
fn write_record_details(told: &TracedRecord, out: &mut dyn Write) -> io::Result<()> {
    match &told.record.event {
        LedgerEvent::Decision(decided) => write_traced_decision(decided, told, out),
        LedgerEvent::Discharged(one) => {
            writeln!(out, "{}", wrap_text("      by ", 9, &one.evidence.describe()))
        }
        LedgerEvent::RegularisationTerms(flagged) => {
            let from = escape::escape_words(&flagged.teams.join(", "));
            writeln!(out, "{}", wrap_text("      may be declared by ", 9, &from))
        }
        _ => Ok(()),
    }
}

fn write_traced_decision(
    decided: &DecisionRecord,
    told: &TracedRecord,
    out: &mut dyn Write,
) -> io::Result<()> {
    writeln!(
        out,
        "      pushed by {}, seen {}",
        describe_pusher(&decided.pusher),
        due_time::format_instant(decided.observed_at)
    )?;
    if let Some(policy) = &decided.policy {
        let from =
            format!("{}, {}", escape::escape_words(&policy.name), escape::escape_words(&policy.source));
        writeln!(out, "{}", wrap_text("      policy ", 9, &from))?;
    }
    for (name, verdict) in &told.verdicts {
        let word = if verdict.decision() == Decision::Allow { "allowed" } else { "denied" };
        let class = verdict.class.as_deref().unwrap_or("no class that is certain");
        let on = escape::escape_terminal(name.as_bytes(), 60);
        writeln!(
            out,
            "{}",
            wrap_text(&format!("      {word} on "), 9, &format!("{on}, {}", escape::escape_words(class)))
        )?;
        write_judgements(verdict, out)?;
    }
    for way in decided.refs.iter().flat_map(|one| &one.pull_landings) {
        if told.verdicts.iter().any(|(_, verdict)| verdict.revision == Some(way.change)) {
            let pull = escape::escape_terminal(way.pull.as_bytes(), 60);
            writeln!(out, "{}", wrap_text("      brought by ", 9, &pull))?;
        }
    }
    told.unavailable.iter().try_for_each(|why| writeln!(out, "{}", wrap_text("      ", 9, why)))
}

fn write_judgements(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let mut besides: usize = 0;
    for judgement in &verdict.judgements {
        let Some((word, more)) = describe_outcome(judgement) else {
            besides += 1;
            continue;
        };
        let rule = &judgement.rule;
        let mut what = escape::escape_words(&rule.id);
        if !rule.title.is_empty() {
            what = format!("{what}: {}", escape::escape_words(&rule.title));
        }
        writeln!(out, "{}", wrap_text(&format!("        {word:<9}"), 19, &what))?;
        more.iter().try_for_each(|more| writeln!(out, "{}", wrap_text(&" ".repeat(19), 19, more)))?;
    }
    match besides {
        0 => Ok(()),
        1 => writeln!(out, "        1 rule is not about it"),
        many => writeln!(out, "        {many} rules are not about it"),
    }
}

/// Returns how a rule went and what there is to say about that; nothing for one that is not about the change.
fn describe_outcome(judgement: &Judgement) -> Option<(&'static str, Vec<String>)> {
    Some(match &judgement.outcome {
        RuleOutcome::NotApplicable => return None,
        RuleOutcome::Pass => ("kept", Vec::new()),
        RuleOutcome::Fail(findings) => {
            ("broken", findings.iter().map(|one| escape::escape_sentence(&one.message.sentence())).collect())
        }
        RuleOutcome::Undecided(_) => ("open", vec!["a fact was missing".into()]),
        RuleOutcome::Deferred(_) => ("later", Vec::new()),
        RuleOutcome::Owed(owed) => {
            ("owed", owed.iter().map(|one| escape::escape_sentence(&one.what.sentence())).collect())
        }
        RuleOutcome::Exempted { reason, approved_by, until, .. } => {
            let (reason, by, until) = (
                escape::escape_words(reason),
                escape::escape_words(approved_by),
                escape::escape_words(until),
            );
            ("exempted", vec![format!("until {until}, by {by}: {reason}")])
        }
    })
}
