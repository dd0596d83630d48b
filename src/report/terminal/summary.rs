//! The end of the report: what is still to be asked, what else to know, what was decided.

use std::io;

use crate::change::Missing;
use crate::report::page::{Look, Page, plain, span};
use crate::report::points::later;
use crate::report::{Counts, Of, PolicyName, Report, Style, escape};
use crate::verdict::{Decision, Judgement, Outcome};

/// Writes it.
pub(super) fn write(page: &mut Page<'_>, report: &Report, style: &Style, counts: &Counts) -> io::Result<()> {
    page.gap();
    deferred(page, report)?;
    for note in &report.notes {
        page.paragraph(0, &[span(Look::Warning, "note"), plain(": "), plain(escape::sentence(note))])?;
    }
    page.gap();
    if let Some(policy) = &report.policy
        && (style.verbose || report.decision == Decision::Deny)
    {
        page.paragraph(0, &[span(Look::Faint, format!("policy: {}", escape::words(&policy.source)))])?;
    }
    let (word, look) = match report.decision {
        Decision::Deny => ("denied", Look::Denied),
        Decision::Allow => ("allowed", Look::Allowed),
    };
    let words = headline(report, style.verbose, counts);
    page.paragraph(0, &[plain("changegate: "), span(look, word), plain(format!(" - {words}"))])
}

/// Returns what was decided, about how much and by which policy, as the end of a sentence.
pub(in crate::report) fn headline(report: &Report, verbose: bool, counts: &Counts) -> String {
    match report.decision {
        Decision::Deny => denied(report, verbose, counts),
        Decision::Allow => allowed(report, verbose, counts),
    }
}

fn denied(report: &Report, verbose: bool, counts: &Counts) -> String {
    let policy = named(report.policy.as_ref(), verbose);
    let one = counts.changes == 1;
    let changes = match counts.denied {
        0 => None,
        _ if one && matches!(report.groups.as_slice(), [group] if group.of == Of::Message) => {
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
        || (1 < counts.denied)
        || (0 < counts.denied && !one && counts.denied != 1);
    let Some(policy) = policy else { return "no policy can be used here".into() };
    match [refs, changes].into_iter().flatten().collect::<Vec<_>>().join(" and ") {
        who if who.is_empty() => format!("for the reasons above, under {policy}"),
        who => format!("{who} {} {policy}", plural(several, is_broken(report))),
    }
}

fn allowed(report: &Report, verbose: bool, counts: &Counts) -> String {
    let mut words = match counts.changes {
        0 => "no change to judge".to_owned(),
        changes => counted(changes, "change", "changes"),
    };
    if let Some(policy) = named(report.policy.as_ref(), verbose) {
        words.push_str(&format!(" under {policy}"));
    }
    for (count, one, several) in [
        (counts.owed, "obligation owed", "obligations owed"),
        (counts.undecided, "rule undecided", "rules undecided"),
        (counts.warnings, "warning", "warnings"),
        (counts.exempted, "exemption used", "exemptions used"),
        (counts.deferred, "rule asked later", "rules asked later"),
    ] {
        if 0 < count {
            words.push_str(&format!(", {}", counted(count, one, several)));
        }
    }
    words
}

/// Returns true if every refusal is for something wrong, and none for something unknown.
fn is_broken(report: &Report) -> bool {
    let fails = |judgement: &Judgement| matches!(judgement.outcome, Outcome::Fail(_));
    report.groups.iter().all(|group| {
        let refusals = group.refusals.iter().filter(|one| one.denies(report.enforced)).all(fails);
        refusals
            && group.verdicts.iter().all(|verdict| {
                verdict.judgements.iter().filter(|one| one.denies(verdict.enforced)).all(fails)
            })
    })
}

fn named(policy: Option<&PolicyName>, verbose: bool) -> Option<String> {
    let policy = policy?;
    let length = if verbose { usize::MAX } else { 12 };
    let digest: String = policy.digest.chars().take(length).collect();
    Some(format!("the policy {} (sha256:{})", escape::words(&policy.name), escape::words(&digest)))
}

/// Lists the rules that a later stage will ask, under what they wait for.
fn deferred(page: &mut Page<'_>, report: &Report) -> io::Result<()> {
    let mut waiting: Vec<((&str, String), Vec<&str>)> = Vec::new();
    for (judgement, missing) in all_deferred(report) {
        for one in missing {
            let what = awaited(one);
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
    page.paragraph(0, &[plain("asked later, and not passed yet:")])?;
    for ((when, what), rules) in waiting {
        let mut spans = vec![plain(format!("- {when}: "))];
        for (index, rule) in rules.iter().enumerate() {
            spans.push(plain(if index == 0 { "" } else { ", " }));
            spans.push(span(Look::Name, escape::words(rule)));
        }
        spans.push(span(Look::Faint, format!(" ({what})")));
        page.paragraph(2, &spans)?;
    }
    page.gap();
    Ok(())
}

fn all_deferred(report: &Report) -> impl Iterator<Item = (&Judgement, &Vec<Missing>)> {
    report.groups.iter().flat_map(|group| {
        let of_ref = group.refusals.iter().map(|judgement| (judgement, report.enforced));
        let of_changes = group
            .verdicts
            .iter()
            .flat_map(|verdict| verdict.judgements.iter().map(|judgement| (judgement, verdict.enforced)));
        of_ref.chain(of_changes).filter_map(|(judgement, enforced)| match &judgement.outcome {
            Outcome::Deferred(missing) if !judgement.denies(enforced) => Some((judgement, missing)),
            _ => None,
        })
    })
}

/// Returns when and by whom it is asked, and what.
fn awaited(missing: &Missing) -> (&'static str, String) {
    let need = missing.need();
    match missing {
        Missing::NotAtThisStage(_) => (later(need), need.to_string()),
        Missing::NotConfigured(_) => ("where the gate is set up to know it", need.to_string()),
        Missing::Unavailable(_, why) => {
            (later(need), format!("{need}, which could not be read here: {}", escape::words(why)))
        }
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}
