//! The report as SARIF 2.1.0, for code scanning and other tools that collect results of analyses.
//!
//! A rule of the policy is a rule, and each thing that speaks against it a result; what denies is an
//! error and nothing else is one. Code scanning shows results in files. A finding about a path
//! stands there; one about a message stands in the policy that asked, and its logical location says
//! which message it is. The words of a message can be seen and hold no links; the exact finding, with
//! its code and values as in the JSON of the decision, is in the result's properties. A message has no
//! `id`: that would name a text among those of the rule, and the texts belong to no rule.
//!
//! The structs of `schema` are the few parts of SARIF that are written. `serde-sarif` has them all,
//! and would bring in a generator of code, with two parsers of Rust, to build them from the schema.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Serializer;

use crate::change::{Oid, Text};
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::content::{GroupScope, Report, ReportGroup};
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::ranked_judgements::{
    JudgementRank, RankedJudgement, RuleObjection, rank_group, rank_report,
};
use crate::report::style::ReportStyle;
use crate::report::{escape, json};
use crate::verdict::{Decision, RuleLevel, RuleOutcome, Sentence};

mod fingerprint;
mod schema;
#[cfg(test)]
pub(crate) mod tests;

use crate::report::sarif::fingerprint::compute_fingerprint;
use crate::report::sarif::schema::*;

/// The results that code scanning shows; of more, those that matter most are written.
pub(crate) const MAX_RESULTS: usize = 5_000;

/// The tags that a rule may have in code scanning.
const MAX_TAGS: usize = 10;

/// Writes the report as one JSON document and a line end.
pub(crate) fn write_sarif(report: &Report, style: &ReportStyle, out: &mut dyn Write) -> io::Result<()> {
    let log = SarifLog {
        schema: "https://json.schemastore.org/sarif-2.1.0.json",
        version: "2.1.0",
        runs: [build_sarif_run(report, style)],
    };
    log.serialize(&mut Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default()))?;
    writeln!(out)
}

fn build_sarif_run<'r>(report: &'r Report, style: &'r ReportStyle) -> SarifRun<'r> {
    let (rules, places) = build_sarif_rules(report);
    let policy = find_policy_file(report);
    let (results, omitted) = build_sarif_results(report, policy, &places);
    let is_undecided = rank_report(report).any(|ranked| ranked.rank == JudgementRank::DeniedUnknown);
    let is_unexplained =
        report.decision == Decision::Deny && !rank_report(report).any(|ranked| ranked.rank.is_denying());
    let mut notes = Vec::new();
    if is_unexplained {
        // A run without an error and without this would look as if all were well.
        notes.push(build_notification("error", &Sentence::from_words("denied, and no rule says why")));
    }
    for note in &report.notes {
        notes.push(build_notification("note", &note.sentence()));
    }
    if omitted > 0 {
        let what = format!("{omitted} more results are not written; these are the ones that matter most");
        notes.push(build_notification("warning", &Sentence::from_words(what)));
    }
    SarifRun {
        tool: SarifTool {
            driver: SarifDriver { name: "changegate", semantic_version: env!("CARGO_PKG_VERSION"), rules },
        },
        automation_details: SarifAutomationDetails { id: "changegate/" },
        invocations: [SarifInvocation {
            execution_successful: report.policy.is_some() && !is_undecided && !is_unexplained,
            end_time_utc: report.seen_at.to_string(),
            tool_execution_notifications: notes,
        }],
        version_control_provenance: build_provenance(report, style),
        results,
        properties: SarifRunProperties {
            decision: report.decision,
            stage: report.stage,
            enforced: report.enforced,
            policy: report.policy.as_ref().map(json::build_json_policy),
        },
    }
}

/// Returns the rules in the order of the report, and the place of each.
fn build_sarif_rules(report: &Report) -> (Vec<SarifRule<'_>>, HashMap<&str, usize>) {
    let mut rules = Vec::new();
    let mut places = HashMap::new();
    for ranked in rank_report(report) {
        let rule = &ranked.judgement.rule;
        if places.contains_key(rule.id.as_str()) {
            continue;
        }
        places.insert(rule.id.as_str(), rules.len());
        let help = match rule.controls.as_slice() {
            [] => "The policy requires this.".to_owned(),
            controls => format!("The policy requires this; it supports {}.", controls.join(", ")),
        };
        // A tool that shows a rule wants some words for it.
        let title = if rule.title.trim().is_empty() { rule.id.as_str() } else { rule.title.as_str() };
        rules.push(SarifRule {
            id: rule.id.as_str(),
            short_description: build_sarif_message(&Sentence::from_words(title)),
            full_description: build_sarif_message(&Sentence::from_words(title)),
            help: build_sarif_message(&Sentence::from_words(help)),
            default_configuration: SarifConfiguration {
                level: if ranked.judgement.level == RuleLevel::Deny { "error" } else { "warning" },
            },
            properties: SarifRuleProperties { tags: select_tags(&rule.controls), controls: &rule.controls },
        });
    }
    (rules, places)
}

/// Returns the first controls, each once: the standard takes no tag twice.
fn select_tags(controls: &[String]) -> Vec<&str> {
    let mut tags: Vec<&str> = Vec::new();
    for control in controls {
        if tags.len() < MAX_TAGS && !tags.contains(&control.as_str()) {
            tags.push(control);
        }
    }
    tags
}

/// Returns the results, those that matter most first, and how many were left out.
fn build_sarif_results<'r>(
    report: &'r Report,
    policy: &str,
    places: &HashMap<&str, usize>,
) -> (Vec<SarifResult<'r>>, usize) {
    let mut judgements: Vec<(RankedJudgement<'r>, &'r ReportGroup)> = Vec::new();
    for group in &report.groups {
        judgements.extend(rank_group(group, report.enforced).map(|ranked| (ranked, group)));
    }
    // What is broken unless an exemption applies is a note, which names the exemption.
    judgements.retain(|(ranked, _)| {
        ranked.rank <= JudgementRank::Warning
            || matches!(ranked.judgement.outcome, RuleOutcome::MaybeExempted(_))
    });
    judgements.sort_by_key(|(ranked, _)| ranked.rank);
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut results = Vec::new();
    let mut omitted = 0;
    for left_out in report.groups.iter().flat_map(|group| &group.left_out.rules) {
        omitted += if left_out.rank <= JudgementRank::Warning { left_out.objections } else { 0 };
    }
    for (ranked, group) in judgements {
        for objection in ranked.objections() {
            if results.len() == MAX_RESULTS {
                omitted += 1;
                continue;
            }
            let mut fingerprint = compute_fingerprint(group, &ranked, &objection);
            // The same thing in two changes of one subject is two things.
            let count = seen.entry(fingerprint.clone()).or_insert(0);
            *count += 1;
            fingerprint.push_str(&format!(":{count}"));
            results.push(build_sarif_result(&ranked, &objection, policy, fingerprint, places));
        }
    }
    (results, omitted)
}

fn build_sarif_result<'r>(
    ranked: &RankedJudgement<'r>,
    objection: &RuleObjection<'r>,
    policy: &str,
    fingerprint: String,
    places: &HashMap<&str, usize>,
) -> SarifResult<'r> {
    let rule = &ranked.judgement.rule;
    let change = match (ranked.verdict, ranked.revision()) {
        (Some(_), Some(id)) => format!("{}: ", id.short_hex()),
        (Some(_), None) => "this commit: ".to_owned(),
        (None, _) => String::new(),
    };
    let message = Sentence::from_words(change).with_sentence(objection.describe_fully(ranked.revision()));
    let path = objection.finding().and_then(|finding| finding.at.path.as_ref());
    // Code scanning shows only results with a file; one that is about no path is shown at the policy.
    let uri = encode_uri(path.map_or(policy.as_bytes(), Text::as_bytes));
    SarifResult {
        rule_id: rule.id.as_str(),
        rule_index: places.get(rule.id.as_str()).copied().unwrap_or_default(),
        level: match ranked.rank {
            JudgementRank::Denied | JudgementRank::DeniedUnknown => "error",
            JudgementRank::Warning => "warning",
            _ => "note",
        },
        message: build_sarif_message(&message),
        locations: [SarifLocation {
            physical_location: SarifPhysicalLocation {
                artifact_location: SarifArtifactLocation { uri },
                region: SarifRegion { start_line: 1 },
            },
            logical_locations: [build_logical_location(ranked, objection)],
        }],
        partial_fingerprints: SarifFingerprints { primary: fingerprint.clone(), own: fingerprint },
        properties: match objection {
            RuleObjection::Finding(finding) => SarifResultProperties {
                finding: Some(convert_to_json(json::serialize_finding(finding))),
                missing: None,
            },
            RuleObjection::Missing(missing) | RuleObjection::OpenExemption(_, missing) => {
                SarifResultProperties {
                    finding: None,
                    missing: Some(convert_to_json(json::serialize_missing(missing))),
                }
            }
        },
    }
}

/// Returns the message that a result is about, or the change or ref.
fn build_logical_location(
    ranked: &RankedJudgement<'_>,
    objection: &RuleObjection<'_>,
) -> SarifLogicalLocation {
    let at = objection.finding().map(|finding| &finding.at);
    let commit = at.and_then(|at| at.commit).or(ranked.revision());
    let owner = match (commit, ranked.verdict) {
        (Some(id), _) => id.to_string(),
        (None, Some(_)) => "COMMIT_EDITMSG".to_owned(),
        (None, None) => "ref".to_owned(),
    };
    let name = match at {
        Some(at) if at.in_description => "description",
        Some(at) if at.line.is_some() => "message",
        _ => "change",
    };
    let mut fully_qualified_name = format!("{owner}:{name}");
    if let Some(line) = at.and_then(|at| at.line) {
        fully_qualified_name.push_str(&format!(":{line}"));
    }
    SarifLogicalLocation { name, fully_qualified_name }
}

/// Returns the file of the policy, for a result that is about no file.
///
/// A source says where in the history it stood, too; a pack, which is no file, counts as the usual one.
fn find_policy_file(report: &Report) -> &str {
    let source = report.policy.as_ref().map(|policy| policy.source.as_str()).unwrap_or_default();
    let file = source.split(" at ").next().unwrap_or_default();
    if file.is_empty() || file.contains(char::is_whitespace) || file.starts_with('/') {
        DEFAULT_POLICY_PATH
    } else {
        file
    }
}

/// Returns a path as a reference relative to the root of the repository.
fn encode_uri(path: &[u8]) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(byte) {
            uri.push(char::from(*byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    // A path that starts with a slash would be on another host or outside the repository.
    if uri.starts_with('/') { format!(".{uri}") } else { uri }
}

/// Returns the last revision of each group, and its branch, where the address of the repository is known.
fn build_provenance<'r>(report: &'r Report, style: &'r ReportStyle) -> Vec<SarifProvenance<'r>> {
    let mut known = Vec::new();
    let Some(url) = &style.repository_url else { return known };
    for group in &report.groups {
        let Some(id) = find_last_revision(group) else { continue };
        let branch = match &group.scope {
            GroupScope::Ref { name, .. } => name.as_utf8().and_then(|name| name.strip_prefix("refs/heads/")),
            GroupScope::Range(_) | GroupScope::PullRequest(_) | GroupScope::Message => None,
        };
        let one = SarifProvenance { repository_uri: url.as_str(), revision_id: id.to_string(), branch };
        if !known.contains(&one) {
            known.push(one);
        }
    }
    known
}

fn find_last_revision(group: &ReportGroup) -> Option<Oid> {
    let held = || group.verdicts.iter().rev().find_map(|verdict| verdict.revision);
    group.left_out.newest_revision.or_else(held)
}

fn build_notification(level: &'static str, line: &Sentence) -> SarifNotification {
    SarifNotification { level, message: build_sarif_message(line) }
}

/// Returns a sentence in which every character can be seen, and none of which is a link.
fn build_sarif_message(line: &Sentence) -> SarifMessage {
    // SARIF reads `[words](place)` as a link in plain text, too, and a backslash keeps it from that.
    let text = escape::escape_sentence(line).replace('[', "\\[").replace(']', "\\]");
    SarifMessage { text }
}

/// Returns a value as JSON; one that cannot be, which none here is, as null.
fn convert_to_json(value: impl Serialize) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}
