//! The end of the report: what is checked later, what else to know, what was decided.

use std::io;

use crate::push::GateRule;
use crate::report::check_title::{WAITING_HEADLINE, find_waiting_title};
use crate::report::content::{
    GroupScope, PolicyDescription, PolicyLocation, PolicyReference, Report, ReportGroup,
};
use crate::report::escape;
use crate::report::ranked_judgements::{JudgementRank, ReportCounts, describe_awaited_fact, rank_report};
use crate::report::style::{DeniedMessage, ReportStyle};
use crate::report::terminal::exemption_note::write_open_exemptions;
use crate::report::terminal::page::{TerminalPage, TextStyle, plain_text, styled_text};
use crate::verdict::{Decision, Judgement, RuleId, RuleOutcome, format_count};

/// The digits of a policy's digest that are shown unless all are asked for.
const SHORT_DIGEST_DIGITS: usize = 12;

/// From how many denied changes on the rules are totalled.
const MIN_TOTALLED_CHANGES: usize = 5;

/// Rules that wait for the same fact.
struct AwaitedFact<'report> {
    /// When, and by whom, the fact is checked.
    when: &'static str,
    /// The fact in words.
    fact: String,
    rule_ids: Vec<&'report RuleId>,
}

/// Writes the rules that are checked later, the notes, the policy and the decision.
pub(crate) fn write_summary(
    page: &mut TerminalPage<'_>,
    report: &Report,
    style: &ReportStyle,
    counts: &ReportCounts,
) -> io::Result<()> {
    page.request_gap();
    if counts.denied_changes >= MIN_TOTALLED_CHANGES {
        write_rule_totals(page, report)?;
    }
    write_deferred_rules(page, report)?;
    write_open_exemptions(page, report)?;
    for note in &report.notes {
        let note = plain_text(format!(": {}", escape::escape_sentence(&note.sentence())));
        page.write_paragraph(0, &[styled_text(TextStyle::Warning, "note"), note])?;
    }
    page.request_gap();
    if let Some(policy) = &report.policy
        && (style.verbose || report.decision == Decision::Deny)
    {
        let source = format!("policy: {}", escape::escape_words(&policy.source));
        page.write_paragraph(0, &[styled_text(TextStyle::Secondary, source)])?;
        write_own_policies(page, report)?;
    }
    let style_of_decision = match report.decision {
        Decision::Deny => TextStyle::Denied,
        Decision::Allow => TextStyle::Allowed,
    };
    let is_only_warned = style.denied_message == DeniedMessage::Committed;
    let is_waiting = find_waiting_title(report, style).is_some();
    let decision = match report.decision {
        Decision::Deny if report.is_evaluation => styled_text(TextStyle::Warning, "would have been denied"),
        Decision::Allow if report.is_evaluation => styled_text(TextStyle::Allowed, "would have been allowed"),
        Decision::Deny if is_waiting => styled_text(TextStyle::Warning, "waiting"),
        Decision::Deny if is_only_warned => styled_text(TextStyle::Warning, "this commit would be denied"),
        decision => styled_text(style_of_decision, decision.describe()),
    };
    let headline =
        if is_waiting { WAITING_HEADLINE.to_owned() } else { build_headline(report, style.verbose, counts) };
    let headline = plain_text(format!(" - {headline}"));
    page.write_paragraph(0, &[plain_text("changegate: "), decision, headline])
}

/// Writes which refs that are denied something were judged by a policy of their own as well, and where that stands.
fn write_own_policies(page: &mut TerminalPage<'_>, report: &Report) -> io::Result<()> {
    for group in &report.groups {
        let is_denied = !group.refusals.is_empty()
            || group.verdicts.iter().any(|verdict| verdict.decision() == Decision::Deny);
        let Some(judged) = group.judged_ref.as_ref().filter(|_| is_denied) else { continue };
        // Its own policy comes first, and that of the policy ref only where that is another.
        if let [PolicyReference { place: PolicyLocation::Commit { id, path }, .. }, _, ..] =
            judged.policies.as_slice()
        {
            let (name, path) = (escape::escape_words(&judged.name.to_lossy()), escape::escape_words(path));
            let roster = match &judged.own_roster {
                Some(roster) => format!(", with {} as it stands there", escape::escape_words(roster)),
                None => String::new(),
            };
            let also = format!("and, for {name}: {path} of that ref ({}){roster}", id.short_hex());
            page.write_paragraph(0, &[styled_text(TextStyle::Secondary, also)])?;
        }
    }
    Ok(())
}

/// Returns what was decided, about how much and by which policy, as the end of a sentence.
pub(crate) fn build_headline(report: &Report, verbose: bool, counts: &ReportCounts) -> String {
    match report.decision {
        Decision::Deny => build_denied_headline(report, verbose, counts),
        Decision::Allow => build_allowed_headline(report, verbose, counts),
    }
}

fn build_denied_headline(report: &Report, verbose: bool, counts: &ReportCounts) -> String {
    let Some(policy) = describe_policy(report.policy.as_ref(), verbose) else {
        return "no usable policy".into();
    };
    let mut denied = Vec::new();
    if counts.refused_refs > 0 {
        denied.push(describe_refused_refs(report, counts));
    }
    if counts.denied_changes > 0 {
        denied.push(describe_denied_changes(report, counts));
    }
    if denied.is_empty() {
        return format!("for the reasons above, under {policy}");
    }
    let several = denied.len() > 1 || counts.refused_refs > 1 || counts.denied_changes > 1;
    // What is not known is no breach of the policy.
    let verb = match (counts.denied_unknown == 0 && !has_unread_group(report), several) {
        (true, true) => "break",
        (true, false) => "breaks",
        (false, true) => "do not pass",
        (false, false) => "does not pass",
    };
    format!("{} {verb} {policy}", denied.join(" and "))
}

fn describe_refused_refs(report: &Report, counts: &ReportCounts) -> String {
    let is_pull = |group: &&ReportGroup| matches!(group.scope, GroupScope::PullRequest(_));
    let pulls = report.groups.iter().filter(is_pull).count();
    let refused_pulls = report.groups.iter().filter(is_pull).any(|group| !group.refusals.is_empty());
    // A run for a push has a group of the ref beside its pull requests, which is not refused for them.
    let refused_others = report.groups.iter().any(|group| !is_pull(&group) && !group.refusals.is_empty());
    let (thing, all) = match (refused_pulls, refused_others) {
        (true, false) => ("pull request", pulls),
        (true, true) => ("ref and pull request", report.groups.len()),
        (false, _) => ("ref", report.groups.len()),
    };
    match (counts.refused_refs, all) {
        (1, 1) => format!("the {thing}"),
        (refused, all) => format!("{refused} of {all} {}s", thing.replace("ref and", "refs and")),
    }
}

/// Returns true if a pull request or a push was refused because it could not be read.
fn has_unread_group(report: &Report) -> bool {
    let is_unread = |judgement: &Judgement| judgement.rule.id.as_str() == GateRule::PullComplete.id();
    report.groups.iter().flat_map(|group| &group.refusals).any(is_unread)
}

fn describe_denied_changes(report: &Report, counts: &ReportCounts) -> String {
    match (counts.changes, report.groups.as_slice()) {
        (1, [group]) if group.scope == GroupScope::Message => "this commit".to_owned(),
        (1, _) => "the change".to_owned(),
        (all, _) => format!("{} of {all} changes", counts.denied_changes),
    }
}

fn build_allowed_headline(report: &Report, verbose: bool, counts: &ReportCounts) -> String {
    let mut words = match counts.changes {
        0 => "no change to judge".to_owned(),
        changes => format_count(changes, "change"),
    };
    if let Some(policy) = describe_policy(report.policy.as_ref(), verbose) {
        words.push_str(&format!(" under {policy}"));
    }
    for (count, thing, state) in [
        (counts.owed_obligations, "obligation", " owed"),
        (counts.undecided_rules, "rule", " undecided"),
        (counts.warnings, "warning", ""),
        (counts.used_exemptions, "exemption", " used"),
        (counts.deferred_rules, "rule", " checked later"),
    ] {
        if count > 0 {
            words.push_str(&format!(", {}{state}", format_count(count, thing)));
        }
    }
    words
}

fn describe_policy(policy: Option<&PolicyDescription>, verbose: bool) -> Option<String> {
    let policy = policy?;
    let digits = if verbose { usize::MAX } else { SHORT_DIGEST_DIGITS };
    let digest: String = policy.digest.chars().take(digits).collect();
    Some(format!(
        "the policy {} (sha256:{})",
        escape::escape_words(&policy.name),
        escape::escape_words(&digest)
    ))
}

/// Writes how many changes each rule denies, most first.
fn write_rule_totals(page: &mut TerminalPage<'_>, report: &Report) -> io::Result<()> {
    let mut totals: Vec<(&RuleId, usize)> = Vec::new();
    let mut add_changes = |rank: JudgementRank, id, changes| {
        if !rank.is_denying() {
            return;
        }
        match totals.iter_mut().find(|(known, _)| *known == id) {
            Some((_, total)) => *total += changes,
            None => totals.push((id, changes)),
        }
    };
    for ranked in rank_report(report) {
        add_changes(ranked.rank, &ranked.judgement.rule.id, 1);
    }
    for left_out in report.groups.iter().flat_map(|group| &group.left_out.rules) {
        add_changes(left_out.rank, &left_out.rule.id, left_out.changes);
    }
    totals.sort_by_key(|(_, total)| std::cmp::Reverse(*total));
    page.write_paragraph(0, &[plain_text("denied by:")])?;
    for (id, total) in totals {
        let count = plain_text(format!(": {}", format_count(total, "change")));
        page.write_paragraph(2, &[styled_text(TextStyle::Name, escape::escape_words(id.as_str())), count])?;
    }
    page.request_gap();
    Ok(())
}

/// Lists the rules that a later stage checks, by what they wait for.
fn write_deferred_rules(page: &mut TerminalPage<'_>, report: &Report) -> io::Result<()> {
    let awaited = list_awaited_facts(report);
    if awaited.is_empty() {
        return Ok(());
    }
    page.write_paragraph(0, &[plain_text("checked later (not passed yet):")])?;
    for AwaitedFact { when, fact, rule_ids } in awaited {
        let mut spans = vec![plain_text(format!("- {when}: "))];
        for (index, rule_id) in rule_ids.iter().enumerate() {
            spans.push(plain_text(if index == 0 { "" } else { ", " }));
            spans.push(styled_text(TextStyle::Name, escape::escape_words(rule_id.as_str())));
        }
        spans.push(styled_text(TextStyle::Secondary, format!(" ({})", escape::escape_words(&fact))));
        page.write_paragraph(2, &spans)?;
    }
    page.request_gap();
    Ok(())
}

fn list_awaited_facts(report: &Report) -> Vec<AwaitedFact<'_>> {
    let mut awaited: Vec<AwaitedFact<'_>> = Vec::new();
    for ranked in rank_report(report) {
        let missing = match &ranked.judgement.outcome {
            RuleOutcome::Deferred(missing) => missing,
            RuleOutcome::MaybeExempted(possible) => &possible.missing,
            _ => continue,
        };
        if ranked.rank != JudgementRank::Deferred {
            continue;
        }
        let rule_id = &ranked.judgement.rule.id;
        for one in missing {
            let (when, fact) = describe_awaited_fact(one);
            match awaited.iter_mut().find(|known| known.when == when && known.fact == fact) {
                Some(known) if known.rule_ids.contains(&rule_id) => {}
                Some(known) => known.rule_ids.push(rule_id),
                None => awaited.push(AwaitedFact { when, fact, rule_ids: vec![rule_id] }),
            }
        }
    }
    awaited
}
