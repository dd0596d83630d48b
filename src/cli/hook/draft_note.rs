//! What a policy that is not committed yet would say of a message: advice, since nothing judges so far.

use std::io::Write as _;

use crate::cli::output;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::report::Report;

/// How many rules of a draft are named.
const MAX_DRAFT_RULES: usize = 3;

/// Writes on the error stream which rules of a draft would deny the commit, if any would. No server judges the change
/// that brings the first policy, and before it none judges at all.
pub(super) fn write_draft_note(report: &Report) {
    let mut rules: Vec<&str> = Vec::new();
    for verdict in report.groups.iter().flat_map(|group| &group.verdicts) {
        for judgement in &verdict.judgements {
            let id = judgement.rule.id.as_str();
            if judgement.is_denying(report.enforced) && !rules.contains(&id) {
                rules.push(id);
            }
        }
    }
    if rules.is_empty() {
        return;
    }
    let note = format!(
        "not judged, since no policy is committed yet; the draft `{DEFAULT_POLICY_PATH}` would ask for {}",
        name_first_rules(&rules)
    );
    // Where nothing can be written, there is no reader.
    let _ = writeln!(std::io::stderr().lock(), "{}", output::wrap_text("changegate: ", 2, &note));
}

/// Returns the first rules as a person lists them, and how many more there are.
fn name_first_rules(rules: &[&str]) -> String {
    let (named, more) = rules.split_at(rules.len().min(MAX_DRAFT_RULES));
    let mut words: Vec<String> = named.iter().map(|rule| format!("`{rule}`")).collect();
    if !more.is_empty() {
        words.push(format!("{} more", more.len()));
    }
    match words.pop() {
        Some(last) if !words.is_empty() => format!("{} and {last}", words.join(", ")),
        last => last.unwrap_or_default(),
    }
}
