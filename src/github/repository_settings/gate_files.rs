//! The gate's own files: who may edit them, and whether the workflow that runs it hears of everything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::github::repository_settings::branch_protection::{BranchProtection, escape_branch};
use crate::github::repository_settings::{ApiFetch, ExaminedRepository, SettingAdvice};
use crate::yaml::{self, YamlNode, YamlValue as Yaml};

/// The kinds of an event that a gate has to hear of, since each can turn a verdict around.
const PULL_REQUEST_TYPES: [&str; 8] = [
    "opened",
    "synchronize",
    "reopened",
    "edited",
    "labeled",
    "unlabeled",
    "ready_for_review",
    "converted_to_draft",
];

const CODEOWNERS_PATHS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

pub(crate) fn advise_gate_files(
    subject: &ExaminedRepository<'_>,
    branch: &str,
    protection: &BranchProtection,
    ask: &mut ApiFetch<'_>,
) -> Vec<SettingAdvice> {
    let mut advice = vec![advise_code_owners(subject, branch, ask)];
    if protection.rules_of_kind("workflows").next().is_some() {
        // It runs from elsewhere; what stands in this repository does not matter.
        return advice;
    }
    let folder =
        format!("/repos/{}/contents/.github/workflows?ref={}", subject.repository, escape_branch(branch));
    let files = match ask(&folder) {
        Ok(Value::Array(files)) => files,
        Ok(_) => Vec::new(),
        Err(refused) if refused.status == Some(404) => Vec::new(),
        Err(refused) => {
            advice.push(SettingAdvice::unknown(
                format!("the workflows cannot be read: {}", refused.why),
                "ask with a token that has `contents: read`",
            ));
            return advice;
        }
    };
    let mut found = false;
    for file in &files {
        let Some(path) = file.get("path").and_then(Value::as_str) else { continue };
        if !path.ends_with(".yml") && !path.ends_with(".yaml") {
            continue;
        }
        match read_file_content(subject.repository, branch, path, ask) {
            Ok(Some(text)) if text.contains("changegate") => {
                found = true;
                advice.extend(advise_workflow(path, &text));
            }
            Ok(_) => {}
            Err(why) => advice.push(SettingAdvice::unknown(
                format!("{path} cannot be read: {why}"),
                "ask with a token that has `contents: read`",
            )),
        }
    }
    if !found {
        advice.push(SettingAdvice::weak(
            "no workflow on the branch runs the gate",
            "add the workflow of docs/github.md, or require one by a ruleset",
        ));
    }
    advice
}

/// Asks whether the gate's files have owners.
fn advise_code_owners(
    subject: &ExaminedRepository<'_>,
    branch: &str,
    ask: &mut ApiFetch<'_>,
) -> SettingAdvice {
    for path in CODEOWNERS_PATHS {
        match read_file_content(subject.repository, branch, path, ask) {
            Ok(Some(text)) => {
                let folder = subject.policy_path.split('/').next().unwrap_or_default();
                let names = |what: &str| text.lines().any(|line| names_owner(line, what));
                return if names(folder) && names(".github/workflows") {
                    SettingAdvice::good(format!("{path} names owners for the policy and the workflows"))
                } else {
                    SettingAdvice::weak(
                        format!("{path} names no owners for the policy and the workflows"),
                        format!("add lines for `/{folder}/` and `/.github/`"),
                    )
                };
            }
            Ok(None) => {}
            Err(why) => {
                return SettingAdvice::unknown(
                    format!("{path} cannot be read: {why}"),
                    "ask with a token that has `contents: read`",
                );
            }
        }
    }
    SettingAdvice::weak(
        "there is no CODEOWNERS: anybody who reviews may approve a change of the gate",
        "name owners for the policy and the workflows, and require their review",
    )
}

/// Returns whether a line of CODEOWNERS names an owner for `folder`, as it is written there or by a
/// pattern for everything.
fn names_owner(line: &str, folder: &str) -> bool {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let Some(pattern) = words.next() else { return false };
    let plain = pattern.trim_matches(['/', '*']);
    let covers = (plain.is_empty() && !pattern.contains('.'))
        || folder == plain
        || folder.strip_prefix(plain).is_some_and(|rest| rest.starts_with('/'));
    covers && words.next().is_some()
}

/// Asks of one workflow whether it hears of what it has to hear of.
fn advise_workflow(path: &str, text: &str) -> Vec<SettingAdvice> {
    let Ok(node) = yaml::read_document(text.as_bytes()) else {
        return vec![SettingAdvice::unknown(
            format!("{path} is not YAML that can be read"),
            "look at it by hand",
        )];
    };
    let Some(on) = find_map_entry(&node, "on") else {
        return vec![SettingAdvice::weak(
            format!("{path} says nothing about when it runs"),
            "give it an `on:`",
        )];
    };
    let mut advice = Vec::new();
    let target = find_event_types(on, "pull_request_target");
    let pull = target.clone().or_else(|| find_event_types(on, "pull_request"));
    match &pull {
        None => advice.push(SettingAdvice::weak(
            format!("{path} does not run on pull requests"),
            "run it on `pull_request_target`",
        )),
        Some(kinds) => {
            let missing: Vec<_> = PULL_REQUEST_TYPES
                .iter()
                .filter(|kind| !kinds.iter().any(|known| known == *kind))
                .copied()
                .collect();
            if missing.is_empty() {
                advice.push(SettingAdvice::good(format!("{path} hears of every change of a pull request")));
            } else {
                advice.push(SettingAdvice::weak(
                    format!("{path} does not run when a pull request is {}", missing.join(", ")),
                    format!("add `types: [{}]`", PULL_REQUEST_TYPES.join(", ")),
                ));
            }
        }
    }
    if target.is_none() && pull.is_some() {
        advice.push(SettingAdvice::weak(
            format!("{path} runs as the pull request has it, so a pull request can change it"),
            "run it on `pull_request_target`, or require it by a ruleset",
        ));
    }
    if find_event_types(on, "pull_request_review").is_none() {
        advice.push(SettingAdvice::weak(
            format!("{path} does not run when somebody reviews"),
            "add `pull_request_review: { types: [submitted, edited, dismissed] }`",
        ));
    }
    if find_map_entry(on, "merge_group").is_none() && !names_event(on, "merge_group") {
        advice.push(SettingAdvice::unknown(
            format!("{path} does not run in a merge queue, if there is one"),
            "add `merge_group:`; without it a required check never reports there",
        ));
    }
    advice.extend(advise_unpinned_action(path, text));
    advice
}

/// Asks whether the action is named by a commit.
fn advise_unpinned_action(path: &str, text: &str) -> Option<SettingAdvice> {
    let uses = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses:"));
    let mut ours = uses.map(str::trim).filter(|what| what.contains("changegate") && !what.starts_with('.'));
    let by_name = |what: &&str| {
        let at = what.split('@').nth(1).unwrap_or_default().split_whitespace().next().unwrap_or_default();
        at.len() != 40 || !at.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let loose = ours.find(by_name)?;
    Some(SettingAdvice::weak(
        format!("{path} takes the action by a name that can be moved: {loose}"),
        "name it by the full id of a commit",
    ))
}

/// Returns the types that an event is heard of with, if it is heard of: the ones that are written, or
/// GitHub's three usual ones.
fn find_event_types(on: &YamlNode, name: &str) -> Option<Vec<String>> {
    let usual = || ["opened", "synchronize", "reopened"].map(str::to_owned).to_vec();
    if names_event(on, name) {
        return Some(usual());
    }
    let event = find_map_entry(on, name)?;
    let Some(types) = find_map_entry(event, "types") else { return Some(usual()) };
    Some(match &types.value {
        Yaml::Scalar { text, .. } => vec![text.clone()],
        Yaml::List(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                Yaml::Scalar { text, .. } => Some(text.clone()),
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    })
}

/// Returns true if `on` names the event alone, or in a list.
fn names_event(on: &YamlNode, name: &str) -> bool {
    let is = |node: &YamlNode| matches!(&node.value, Yaml::Scalar { text, .. } if text == name);
    match &on.value {
        Yaml::List(items) => items.iter().any(is),
        _ => is(on),
    }
}

fn find_map_entry<'node>(node: &'node YamlNode, name: &str) -> Option<&'node YamlNode> {
    match &node.value {
        Yaml::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
        _ => None,
    }
}

/// Returns a file's text; `None` if it is not there.
fn read_file_content(
    repository: &str,
    branch: &str,
    path: &str,
    ask: &mut ApiFetch<'_>,
) -> Result<Option<String>, String> {
    let answer = match ask(&format!("/repos/{repository}/contents/{path}?ref={}", escape_branch(branch))) {
        Ok(answer) => answer,
        Err(refused) if refused.status == Some(404) => return Ok(None),
        Err(refused) => return Err(refused.why),
    };
    let text = answer.get("content").and_then(Value::as_str).ok_or("it is not a file")?;
    let digits: String = text.split_whitespace().collect();
    let bytes = STANDARD.decode(&digits).map_err(|_| "it is not base64")?;
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".into())
}
