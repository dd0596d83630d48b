//! The report as SARIF 2.1.0, for code scanning and whatever else collects results of analyses.
//!
//! A rule of the policy is a rule, and each thing that speaks against it a result; what denies is an
//! error and nothing else is one. Code scanning shows results in files. A finding about a path
//! stands there; one about a message stands in the policy that asked, and its logical location says
//! which message it is. The words of a message can be seen and hold no links; the exact finding, as
//! in the JSON of the decision, is in the result's properties.
//!
//! The structs of `schema` are the few parts of SARIF that are written. `serde-sarif` has them all,
//! and would bring in a generator of code, with two parsers of Rust, to build them from the schema.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Serializer;
use sha2::{Digest, Sha256};

use crate::change::text;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::json::visible::VisibleJsonFormatter;
use crate::report::ranked_judgements::{JudgementRank, RankedJudgement, RuleObjection, rank_report};
use crate::report::{GroupScope, Report, ReportStyle, escape, json};
use crate::verdict::{Decision, RuleLevel, Sentence};

mod schema;
#[cfg(test)]
pub(crate) mod tests;

use crate::report::sarif::schema::*;

/// How many results code scanning shows; of more, those that matter most are written.
const MAX_RESULTS: usize = 5_000;

/// How many tags a rule may have in code scanning.
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
    let (results, left_out) = build_sarif_results(report, policy, &places);
    let undecided = rank_report(report).any(|told| told.rank == JudgementRank::DeniedUnknown);
    let unexplained =
        report.decision == Decision::Deny && !rank_report(report).any(|told| told.rank.is_denying());
    let mut notes: Vec<SarifNotification> =
        report.notes.iter().map(|note| build_notification("note", &note.sentence())).collect();
    if 0 < left_out {
        let what = format!("{left_out} more results are not written; these are the ones that matter most");
        notes.push(build_notification("warning", &Sentence::from_words(what)));
    }
    if unexplained {
        // A run without an error and without this would look as if all were well.
        notes.insert(0, build_notification("error", &Sentence::from_words("denied, and no rule says why")));
    }
    SarifRun {
        tool: SarifTool {
            driver: SarifDriver { name: "changegate", semantic_version: env!("CARGO_PKG_VERSION"), rules },
        },
        automation_details: SarifAutomationDetails { id: "changegate/" },
        invocations: [SarifInvocation {
            execution_successful: report.policy.is_some() && !undecided && !unexplained,
            end_time_utc: report.seen_at.to_string(),
            tool_execution_notifications: notes,
        }],
        version_control_provenance: build_provenance(report, style),
        results,
        properties: SarifRunProperties {
            decision: report.decision,
            stage: report.stage,
            enforced: report.enforced,
            policy: report.policy.as_ref().map(|policy| SarifPolicy {
                name: &policy.name,
                digest: format!("sha256:{}", policy.digest),
                source: &policy.source,
            }),
        },
    }
}

/// Returns the rules in the order of the report, and the place of each.
fn build_sarif_rules(report: &Report) -> (Vec<SarifRule<'_>>, HashMap<&str, usize>) {
    let (mut rules, mut places) = (Vec::new(), HashMap::new());
    for told in rank_report(report) {
        let name = &told.judgement.rule;
        if places.contains_key(name.id.as_str()) {
            continue;
        }
        places.insert(name.id.as_str(), rules.len());
        let help = match name.controls.as_slice() {
            [] => "The policy asks this.".to_owned(),
            controls => format!("The policy asks this; it supports {}.", controls.join(", ")),
        };
        // Whoever shows a rule wants some words for it.
        let title = if name.title.trim().is_empty() { &name.id } else { &name.title };
        rules.push(SarifRule {
            id: &name.id,
            short_description: build_sarif_message(&Sentence::from_words(title)),
            full_description: build_sarif_message(&Sentence::from_words(title)),
            help: build_sarif_message(&Sentence::from_words(help)),
            default_configuration: SarifConfiguration {
                level: if told.judgement.level == RuleLevel::Deny { "error" } else { "warning" },
            },
            properties: SarifRuleProperties { tags: select_tags(&name.controls), controls: &name.controls },
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
    let mut told: Vec<RankedJudgement<'r>> =
        rank_report(report).filter(|told| told.rank <= JudgementRank::Warning).collect();
    told.sort_by_key(|told| told.rank);
    let mut seen: HashMap<String, usize> = HashMap::new();
    let mut results = Vec::new();
    let mut left_out = 0;
    for told in told {
        for point in told.objections() {
            if results.len() == MAX_RESULTS {
                left_out += 1;
                continue;
            }
            let mut fingerprint = compute_fingerprint(&told, &point);
            // The same thing in two changes of one subject is two things.
            let count = seen.entry(fingerprint.clone()).or_insert(0);
            *count += 1;
            fingerprint.push_str(&format!(":{count}"));
            results.push(build_sarif_result(&told, &point, policy, fingerprint, places));
        }
    }
    (results, left_out)
}

fn build_sarif_result<'r>(
    told: &RankedJudgement<'r>,
    point: &RuleObjection<'r>,
    policy: &str,
    fingerprint: String,
    places: &HashMap<&str, usize>,
) -> SarifResult<'r> {
    let rule = &told.judgement.rule;
    let change = match (told.verdict, told.revision()) {
        (Some(_), Some(id)) => format!("{}: ", id.short_hex()),
        (Some(_), None) => "this commit: ".to_owned(),
        (None, _) => String::new(),
    };
    let mut line = Sentence::from_words(change);
    line.0.extend(point.describe_fully(told.revision()).0);
    let path = match point {
        RuleObjection::Finding(finding) => finding.at.path.as_ref(),
        RuleObjection::Missing(_) => None,
    };
    SarifResult {
        rule_id: &rule.id,
        rule_index: places.get(rule.id.as_str()).copied().unwrap_or_default(),
        level: match told.rank {
            JudgementRank::Denied | JudgementRank::DeniedUnknown => "error",
            JudgementRank::Warning => "warning",
            _ => "note",
        },
        message: build_sarif_message(&line),
        locations: [SarifLocation {
            physical_location: SarifPhysicalLocation {
                artifact_location: SarifArtifactLocation {
                    uri: path
                        .map_or_else(|| encode_uri(policy.as_bytes()), |path| encode_uri(path.as_bytes())),
                },
                region: SarifRegion { start_line: 1 },
            },
            logical_locations: [build_logical_location(told, point)],
        }],
        partial_fingerprints: SarifFingerprints { primary: fingerprint.clone(), own: fingerprint },
        properties: match point {
            RuleObjection::Finding(finding) => SarifResultProperties {
                finding: Some(convert_to_json(json::serialize_finding(finding))),
                missing: None,
            },
            RuleObjection::Missing(missing) => SarifResultProperties {
                finding: None,
                missing: Some(convert_to_json(json::serialize_missing(missing))),
            },
        },
    }
}

/// Returns in which message something was said, or about which change or ref.
fn build_logical_location(told: &RankedJudgement<'_>, point: &RuleObjection<'_>) -> SarifLogicalLocation {
    let at = match point {
        RuleObjection::Finding(finding) => Some(&finding.at),
        RuleObjection::Missing(_) => None,
    };
    let commit = at.and_then(|at| at.commit).or(told.revision());
    let of = match (commit, told.verdict) {
        (Some(id), _) => id.to_string(),
        (None, Some(_)) => "COMMIT_EDITMSG".to_owned(),
        (None, None) => "ref".to_owned(),
    };
    let what = match at {
        Some(at) if at.in_description => "description",
        Some(at) if at.line.is_some() => "message",
        _ => "change",
    };
    let line = at.and_then(|at| at.line).map(|line| format!(":{line}")).unwrap_or_default();
    SarifLogicalLocation { name: what, fully_qualified_name: format!("{of}:{what}{line}") }
}

/// Returns what stays the same while the thing itself does, whatever its commit is called now.
///
/// An amended commit has another id and most often the same subject. Each part goes in with its
/// length, so that no two lists of parts look alike.
fn compute_fingerprint(told: &RankedJudgement<'_>, point: &RuleObjection<'_>) -> String {
    let mut digest = Sha256::new();
    let mut part = |bytes: &[u8]| {
        digest.update(bytes.len().to_le_bytes());
        digest.update(bytes);
    };
    part(told.judgement.rule.id.as_bytes());
    part(told.verdict.map(|verdict| verdict.subject.as_bytes()).unwrap_or_default());
    match point {
        RuleObjection::Finding(finding) => {
            part(finding.at.path.as_ref().map(|path| path.as_bytes()).unwrap_or_default());
            part(if finding.at.in_description { b"description" } else { b"message" });
        }
        RuleObjection::Missing(missing) => part(missing.fact_kind().to_string().as_bytes()),
    }
    part(escape::escape_sentence(&point.describe_problem()).as_bytes());
    // Half of the digest is more than enough to tell results apart, and shorter to look at.
    text::encode_hex(&digest.finalize()).chars().take(32).collect()
}

/// Returns the file of the policy, for what is about no file.
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
    // What starts with a slash would be a place on another host or outside the repository.
    if uri.starts_with('/') { format!(".{uri}") } else { uri }
}

fn build_provenance<'r>(report: &'r Report, style: &'r ReportStyle) -> Vec<SarifProvenance<'r>> {
    let Some(web) = &style.repository_url else { return Vec::new() };
    let mut known = Vec::new();
    for group in &report.groups {
        let branch = match &group.scope {
            GroupScope::Ref { name, .. } => name.as_utf8().and_then(|name| name.strip_prefix("refs/heads/")),
            GroupScope::Range(_) | GroupScope::PullRequest(_) | GroupScope::Message => None,
        };
        if let Some(id) = group.verdicts.iter().rev().find_map(|verdict| verdict.revision) {
            let one = SarifProvenance { repository_uri: web.as_str(), revision_id: id.to_string(), branch };
            if !known.contains(&one) {
                known.push(one);
            }
        }
    }
    known
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

/// Returns something as JSON; what cannot be, which nothing here is, as null.
fn convert_to_json(of: impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}
