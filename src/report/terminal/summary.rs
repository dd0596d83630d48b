//! The end of the report: what is still to be asked, what else to know, what was decided.

use std::io;

use crate::change::Missing;
use crate::report::ranked_judgements::describe_later_check;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::report::{GroupScope, PolicyDescription, Report, ReportCounts, ReportStyle, escape};
use crate::verdict::{Decision, Judgement, RuleOutcome};

/// Writes it.
pub(crate) fn write_summary(
    page: &mut TerminalPage<'_>,
    report: &Report,
    style: &ReportStyle,
    counts: &ReportCounts,
) -> io::Result<()> {
    page.request_gap();
    write_deferred_rules(page, report)?;
    for note in &report.notes {
        page.write_paragraph(
            0,
            &[
                styled_text(TextStyle::Warning, "note"),
                plain_text(": "),
                plain_text(escape::escape_sentence(&note.sentence())),
            ],
        )?;
    }
    page.request_gap();
    if let Some(policy) = &report.policy
        && (style.verbose || report.decision == Decision::Deny)
    {
        page.write_paragraph(
            0,
            &[styled_text(TextStyle::Secondary, format!("policy: {}", escape::escape_words(&policy.source)))],
        )?;
    }
    let (word, look) = match report.decision {
        Decision::Deny => ("denied", TextStyle::Denied),
        Decision::Allow => ("allowed", TextStyle::Allowed),
    };
    let words = build_headline(report, style.verbose, counts);
    page.write_paragraph(
        0,
        &[plain_text("changegate: "), styled_text(look, word), plain_text(format!(" - {words}"))],
    )
}

/// Returns what was decided, about how much and by which policy, as the end of a sentence.
pub(crate) fn build_headline(report: &Report, verbose: bool, counts: &ReportCounts) -> String {
    match report.decision {
        Decision::Deny => build_denied_headline(report, verbose, counts),
        Decision::Allow => build_allowed_headline(report, verbose, counts),
    }
}

fn build_denied_headline(report: &Report, verbose: bool, counts: &ReportCounts) -> String {
    let policy = describe_policy(report.policy.as_ref(), verbose);
    let one = counts.changes == 1;
    let changes = match counts.denied_changes {
        0 => None,
        _ if one && matches!(report.groups.as_slice(), [group] if group.scope == GroupScope::Message) => {
            Some("this commit".to_owned())
        }
        _ if one => Some("the change".to_owned()),
        denied => Some(format!("{denied} of {} changes", counts.changes)),
    };
    let refs = (0 < counts.refused_refs).then(|| match counts.refused_refs {
        1 if report.groups.len() == 1 => "the ref".to_owned(),
        refused => format!("{refused} of {} refs", report.groups.len()),
    });
    let plural = |several: bool, broken: bool| match (broken, several) {
        (true, true) => "break",
        (true, false) => "breaks",
        (false, true) => "do not pass",
        (false, false) => "does not pass",
    };
    let several = (refs.is_some() && changes.is_some())
        || 1 < counts.refused_refs
        || (1 < counts.denied_changes)
        || (0 < counts.denied_changes && !one && counts.denied_changes != 1);
    let Some(policy) = policy else { return "no policy can be used here".into() };
    match [refs, changes].into_iter().flatten().collect::<Vec<_>>().join(" and ") {
        who if who.is_empty() => format!("for the reasons above, under {policy}"),
        who => format!("{who} {} {policy}", plural(several, has_only_failures(report))),
    }
}

fn build_allowed_headline(report: &Report, verbose: bool, counts: &ReportCounts) -> String {
    let mut words = match counts.changes {
        0 => "no change to judge".to_owned(),
        changes => format_count(changes, "change", "changes"),
    };
    if let Some(policy) = describe_policy(report.policy.as_ref(), verbose) {
        words.push_str(&format!(" under {policy}"));
    }
    for (count, one, several) in [
        (counts.owed_obligations, "obligation owed", "obligations owed"),
        (counts.undecided_rules, "rule undecided", "rules undecided"),
        (counts.warnings, "warning", "warnings"),
        (counts.used_exemptions, "exemption used", "exemptions used"),
        (counts.deferred_rules, "rule asked later", "rules asked later"),
    ] {
        if 0 < count {
            words.push_str(&format!(", {}", format_count(count, one, several)));
        }
    }
    words
}

/// Returns true if every refusal is for something wrong, and none for something unknown.
fn has_only_failures(report: &Report) -> bool {
    let fails = |judgement: &Judgement| matches!(judgement.outcome, RuleOutcome::Fail(_));
    report.groups.iter().all(|group| {
        let refusals = group.refusals.iter().filter(|one| one.is_denying(report.enforced)).all(fails);
        refusals
            && group.verdicts.iter().all(|verdict| {
                verdict.judgements.iter().filter(|one| one.is_denying(verdict.enforced)).all(fails)
            })
    })
}

fn describe_policy(policy: Option<&PolicyDescription>, verbose: bool) -> Option<String> {
    let policy = policy?;
    let length = if verbose { usize::MAX } else { 12 };
    let digest: String = policy.digest.chars().take(length).collect();
    Some(format!(
        "the policy {} (sha256:{})",
        escape::escape_words(&policy.name),
        escape::escape_words(&digest)
    ))
}

/// Lists the rules that a later stage will ask, under what they wait for.
fn write_deferred_rules(page: &mut TerminalPage<'_>, report: &Report) -> io::Result<()> {
    let mut waiting: Vec<((&str, String), Vec<&str>)> = Vec::new();
    for (judgement, missing) in list_deferred_judgements(report) {
        for one in missing {
            let what = describe_awaited_fact(one);
            let place = match waiting.iter().position(|(known, _)| *known == what) {
                Some(place) => place,
                None => {
                    waiting.push((what, Vec::new()));
                    waiting.len() - 1
                }
            };
            if let Some((_, rules)) = waiting.get_mut(place)
                && !rules.contains(&judgement.rule.id.as_str())
            {
                rules.push(&judgement.rule.id);
            }
        }
    }
    if waiting.is_empty() {
        return Ok(());
    }
    page.write_paragraph(0, &[plain_text("asked later, and not passed yet:")])?;
    for ((when, what), rules) in waiting {
        let mut spans = vec![plain_text(format!("- {when}: "))];
        for (index, rule) in rules.iter().enumerate() {
            spans.push(plain_text(if index == 0 { "" } else { ", " }));
            spans.push(styled_text(TextStyle::Name, escape::escape_words(rule)));
        }
        spans.push(styled_text(TextStyle::Secondary, format!(" ({what})")));
        page.write_paragraph(2, &spans)?;
    }
    page.request_gap();
    Ok(())
}

fn list_deferred_judgements(report: &Report) -> impl Iterator<Item = (&Judgement, &Vec<Missing>)> {
    report.groups.iter().flat_map(|group| {
        let of_ref = group.refusals.iter().map(|judgement| (judgement, report.enforced));
        let of_changes = group
            .verdicts
            .iter()
            .flat_map(|verdict| verdict.judgements.iter().map(|judgement| (judgement, verdict.enforced)));
        of_ref.chain(of_changes).filter_map(|(judgement, enforced)| match &judgement.outcome {
            RuleOutcome::Deferred(missing) if !judgement.is_denying(enforced) => Some((judgement, missing)),
            _ => None,
        })
    })
}

/// Returns when and by whom it is asked, and what.
fn describe_awaited_fact(missing: &Missing) -> (&'static str, String) {
    let need = missing.fact_kind();
    match missing {
        Missing::NotAtThisStage(_) => (describe_later_check(need), need.to_string()),
        Missing::NotConfigured(_) => ("where the gate is set up to know it", need.to_string()),
        Missing::Unavailable(_, why) => (
            describe_later_check(need),
            format!("{need}, which could not be read here: {}", escape::escape_words(why)),
        ),
    }
}

fn format_count(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
