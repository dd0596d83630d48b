//! `changegate ledger trace`: how one change went, for people and for programs.

use std::io::{self, BufWriter, Write};

use serde_json::{Value, json};

use super::super::obligations::{Listing, SOON};
use super::super::{Exit, Stop, World, visible};
use super::reading::pusher;
use crate::calendar::Within;
use crate::change::{Needs, Oid};
use crate::cli::output::{self, wrapped};
use crate::git::Repository;
use crate::ledger::record::{Decided, Event};
use crate::ledger::trace::{Came, Told, Trace, trace};
use crate::ledger::{REF, message};
use crate::report::{due, escape};
use crate::verdict::{Decision, Judgement, Outcome, Verdict};

/// The name and version of what is told to programs.
const SCHEMA: &str = "changegate/trace/v1";

/// Tells how the commit that `named` leads to went.
pub(super) fn run_trace(
    repository: &Repository,
    named: &str,
    as_json: bool,
    world: &World,
) -> Result<Exit, Stop> {
    if repository.resolve_ref(REF.as_bytes())?.id.is_none() {
        return Err(Stop::Wrong(format!("there is no ledger here: {REF} does not exist")));
    }
    let change = repository.rev_parse(&format!("{named}^{{commit}}"));
    let change = change.map_err(|_| {
        Stop::Wrong(format!("`{}` does not name a commit of this repository", escape::words(named)))
    })?;
    let trace = trace(repository, change)?;
    let soon = Within::new(SOON).ok().and_then(|soon| soon.due(world.now)).unwrap_or(world.now);
    let owed = Listing::of(&trace.state, world.now, soon);
    let mut out = BufWriter::new(io::stdout().lock());
    let told = if as_json {
        json(change, &trace, &owed, &mut out)
    } else {
        terminal(repository, change, &trace, &owed, &mut out)
    };
    output::said(told.and_then(|()| out.flush()))?;
    let is_in = |came: &Came| *came != Came::Undecided;
    let is_well = !trace.landed.is_empty() && trace.landed.values().all(is_in);
    Ok(if is_well && trace.unreadable == 0 { owed.exit() } else { Exit::Denied })
}

fn json(change: Oid, trace: &Trace, owed: &Listing<'_>, out: &mut dyn Write) -> io::Result<()> {
    let records: Vec<Value> = trace
        .told
        .iter()
        .map(|told| {
            let verdicts: Vec<Value> = told
                .verdicts
                .iter()
                .map(|(name, verdict)| json!({ "ref": name.to_lossy(), "verdict": verdict }))
                .collect();
            json!({ "commit": told.commit, "record": told.record, "verdicts": verdicts, "cannot": told.cannot })
        })
        .collect();
    let landed: Vec<Value> = trace
        .landed
        .iter()
        .map(|(name, came)| json!({ "ref": name.to_lossy(), "came": word(*came) }))
        .collect();
    let whole = json!({
        "schema": SCHEMA,
        "change": change,
        "landed": landed,
        "records": records,
        "obligations": owed.values(),
        "unreadable": trace.unreadable,
    });
    writeln!(out, "{}", visible(&format!("{whole:#}")))
}

fn word(came: Came) -> &'static str {
    match came {
        Came::Before => "before",
        Came::Decided => "decided",
        Came::Undecided => "undecided",
        Came::Declared => "declared",
    }
}

fn terminal(
    repository: &Repository,
    change: Oid,
    trace: &Trace,
    owed: &Listing<'_>,
    out: &mut dyn Write,
) -> io::Result<()> {
    if let Ok(commit) = repository.commit(change, &Needs::new()) {
        let subject = escape::terminal(commit.message.subject().as_bytes(), 66);
        writeln!(out, "{} \"{subject}\"", change.short())?;
        let name = escape::terminal(commit.author.name.as_bytes(), 40);
        let email = escape::terminal(commit.author.email.as_bytes(), 60);
        writeln!(out, "{}", wrapped("  made by ", 4, &format!("{name} <{email}>, as the commit says")))?;
        for said in commit.message.trailers() {
            let value = escape::terminal(said.value.as_bytes(), escape::MOST);
            writeln!(out, "{}", wrapped(&format!("  {}: ", escape::words(&said.key)), 4, &value))?;
        }
    }
    for told in &trace.told {
        writeln!(out)?;
        let text = message::of(&told.record);
        let (number, at) = (told.record.number, due::instant(told.record.recorded_at));
        let subject = text.lines().next().unwrap_or_default();
        writeln!(out, "{}", wrapped(&format!("{number:>4}  {at} "), 6, subject))?;
        about(told, out)?;
    }
    writeln!(out)?;
    owed.terminal(true, out)?;
    for (name, came) in &trace.landed {
        let name = escape::terminal(name.as_bytes(), 60);
        let how = match came {
            Came::Before => "was there before the ledger began, on ",
            Came::Decided => "landed as decided, on ",
            Came::Undecided => "landed WITHOUT A DECISION, on ",
            Came::Declared => "landed without a decision, and was declared after the fact, on ",
        };
        writeln!(out, "{}", wrapped(how, 2, &name))?;
    }
    if trace.landed.is_empty() {
        let what = if trace.told.is_empty() { "no record tells of it" } else { "it has not landed" };
        writeln!(out, "{what}")?;
    }
    if 0 < trace.unreadable {
        let many =
            if trace.unreadable == 1 { "1 record".into() } else { format!("{} records", trace.unreadable) };
        writeln!(out, "{many} cannot be read; see `changegate ledger verify`")?;
    }
    Ok(())
}

/// Tells what one record says beyond its subject.
fn about(told: &Told, out: &mut dyn Write) -> io::Result<()> {
    match &told.record.event {
        Event::Decision(decided) => decision(decided, told, out),
        Event::Discharged(one) => {
            writeln!(out, "{}", wrapped("      by ", 9, &one.evidence.words()))
        }
        Event::Flagged(flagged) => {
            let from = escape::words(&flagged.from.join(", "));
            writeln!(out, "{}", wrapped("      may be declared by ", 9, &from))
        }
        _ => Ok(()),
    }
}

fn decision(decided: &Decided, told: &Told, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "      pushed by {}, seen {}", pusher(&decided.pusher), due::instant(decided.observed_at))?;
    if let Some(policy) = &decided.policy {
        let from = format!("{}, {}", escape::words(&policy.name), escape::words(&policy.source));
        writeln!(out, "{}", wrapped("      policy ", 9, &from))?;
    }
    for (name, verdict) in &told.verdicts {
        let word = if verdict.decision() == Decision::Allow { "allowed" } else { "denied" };
        let class = verdict.class.as_deref().unwrap_or("no class that is certain");
        let on = escape::terminal(name.as_bytes(), 60);
        writeln!(
            out,
            "{}",
            wrapped(&format!("      {word} on "), 9, &format!("{on}, {}", escape::words(class)))
        )?;
        judgements(verdict, out)?;
    }
    for way in decided.refs.iter().flat_map(|one| &one.brought) {
        if told.verdicts.iter().any(|(_, verdict)| verdict.revision == Some(way.change)) {
            let pull = escape::terminal(way.pull.as_bytes(), 60);
            writeln!(out, "{}", wrapped("      brought by ", 9, &pull))?;
        }
    }
    told.cannot.iter().try_for_each(|why| writeln!(out, "{}", wrapped("      ", 9, why)))
}

fn judgements(verdict: &Verdict, out: &mut dyn Write) -> io::Result<()> {
    let mut besides: usize = 0;
    for judgement in &verdict.judgements {
        let Some((word, more)) = outcome(judgement) else {
            besides += 1;
            continue;
        };
        let rule = &judgement.rule;
        let what = format!("{}: {}", escape::words(&rule.id), escape::words(&rule.title));
        writeln!(out, "{}", wrapped(&format!("        {word:<9}"), 19, &what))?;
        more.iter().try_for_each(|more| writeln!(out, "{}", wrapped(&" ".repeat(19), 19, more)))?;
    }
    match besides {
        0 => Ok(()),
        1 => writeln!(out, "        1 rule is not about it"),
        many => writeln!(out, "        {many} rules are not about it"),
    }
}

/// Returns how a rule went and what there is to say about that; nothing for one that is not about the change.
fn outcome(judgement: &Judgement) -> Option<(&'static str, Vec<String>)> {
    Some(match &judgement.outcome {
        Outcome::NotApplicable => return None,
        Outcome::Pass => ("kept", Vec::new()),
        Outcome::Fail(findings) => {
            ("broken", findings.iter().map(|one| escape::sentence(&one.what)).collect())
        }
        Outcome::Undecided(_) => ("open", vec!["a fact was missing".into()]),
        Outcome::Deferred(_) => ("later", Vec::new()),
        Outcome::Owed(owed) => {
            ("owed", owed.iter().map(|one| escape::words(&one.what).to_string()).collect())
        }
        Outcome::Exempted { reason, approved_by, until, .. } => {
            let (reason, by, until) =
                (escape::words(reason), escape::words(approved_by), escape::words(until));
            ("exempted", vec![format!("until {until}, by {by}: {reason}")])
        }
    })
}
