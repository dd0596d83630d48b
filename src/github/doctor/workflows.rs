//! The gate's own files: who may edit them, and whether the workflow that runs it hears of everything.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::protection::{Protection, escaped};
use super::{Advice, Ask, Subject};
use crate::yaml::{self, Node, Value as Yaml};

/// The kinds of an event that a gate has to hear of, since each can turn a verdict around.
const PULL_REQUEST: [&str; 8] = [
    "opened",
    "synchronize",
    "reopened",
    "edited",
    "labeled",
    "unlabeled",
    "ready_for_review",
    "converted_to_draft",
];

const OWNERS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

pub(super) fn advice(
    subject: &Subject<'_>,
    branch: &str,
    protection: &Protection,
    ask: &mut Ask<'_>,
) -> Vec<Advice> {
    let mut advice = vec![owners(subject, branch, ask)];
    if protection.rules_of("workflows").next().is_some() {
        // It runs from elsewhere; what stands in this repository does not matter.
        return advice;
    }
    let folder = format!("/repos/{}/contents/.github/workflows?ref={}", subject.repository, escaped(branch));
    let files = match ask(&folder) {
        Ok(Value::Array(files)) => files,
        Ok(_) => Vec::new(),
        Err(refused) if refused.status == Some(404) => Vec::new(),
        Err(refused) => {
            advice.push(Advice::unknown(
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
        match content(subject.repository, branch, path, ask) {
            Ok(Some(text)) if text.contains("changegate") => {
                found = true;
                advice.extend(workflow(path, &text));
            }
            Ok(_) => {}
            Err(why) => advice.push(Advice::unknown(
                format!("{path} cannot be read: {why}"),
                "ask with a token that has `contents: read`",
            )),
        }
    }
    if !found {
        advice.push(Advice::weak(
            "no workflow on the branch runs the gate",
            "add the workflow of docs/github.md, or require one by a ruleset",
        ));
    }
    advice
}

/// Asks whether the gate's files have owners.
fn owners(subject: &Subject<'_>, branch: &str, ask: &mut Ask<'_>) -> Advice {
    for path in OWNERS {
        match content(subject.repository, branch, path, ask) {
            Ok(Some(text)) => {
                let folder = subject.policy.split('/').next().unwrap_or_default();
                let names = |what: &str| text.lines().any(|line| owns(line, what));
                return if names(folder) && names(".github/workflows") {
                    Advice::good(format!("{path} names owners for the policy and the workflows"))
                } else {
                    Advice::weak(
                        format!("{path} names no owners for the policy and the workflows"),
                        format!("add lines for `/{folder}/` and `/.github/`"),
                    )
                };
            }
            Ok(None) => {}
            Err(why) => {
                return Advice::unknown(
                    format!("{path} cannot be read: {why}"),
                    "ask with a token that has `contents: read`",
                );
            }
        }
    }
    Advice::weak(
        "there is no CODEOWNERS: anybody who reviews may approve a change of the gate",
        "name owners for the policy and the workflows, and require their review",
    )
}

/// Returns whether a line of CODEOWNERS names an owner for `folder`, as it is written there or by a
/// pattern for everything.
fn owns(line: &str, folder: &str) -> bool {
    let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
    let Some(pattern) = words.next() else { return false };
    let plain = pattern.trim_matches(['/', '*']);
    let covers = (plain.is_empty() && !pattern.contains('.'))
        || folder == plain
        || folder.strip_prefix(plain).is_some_and(|rest| rest.starts_with('/'));
    covers && words.next().is_some()
}

/// Asks of one workflow whether it hears of what it has to hear of.
fn workflow(path: &str, text: &str) -> Vec<Advice> {
    let Ok(node) = yaml::read(text.as_bytes()) else {
        return vec![Advice::unknown(format!("{path} is not YAML that can be read"), "look at it by hand")];
    };
    let Some(on) = entry(&node, "on") else {
        return vec![Advice::weak(format!("{path} says nothing about when it runs"), "give it an `on:`")];
    };
    let mut advice = Vec::new();
    let target = event(on, "pull_request_target");
    let pull = target.clone().or_else(|| event(on, "pull_request"));
    match &pull {
        None => advice.push(Advice::weak(
            format!("{path} does not run on pull requests"),
            "run it on `pull_request_target`",
        )),
        Some(kinds) => {
            let missing: Vec<_> = PULL_REQUEST
                .iter()
                .filter(|kind| !kinds.iter().any(|known| known == *kind))
                .copied()
                .collect();
            if missing.is_empty() {
                advice.push(Advice::good(format!("{path} hears of every change of a pull request")));
            } else {
                advice.push(Advice::weak(
                    format!("{path} does not run when a pull request is {}", missing.join(", ")),
                    format!("add `types: [{}]`", PULL_REQUEST.join(", ")),
                ));
            }
        }
    }
    if target.is_none() && pull.is_some() {
        advice.push(Advice::weak(
            format!("{path} runs as the pull request has it, so a pull request can change it"),
            "run it on `pull_request_target`, or require it by a ruleset",
        ));
    }
    if event(on, "pull_request_review").is_none() {
        advice.push(Advice::weak(
            format!("{path} does not run when somebody reviews"),
            "add `pull_request_review: { types: [submitted, edited, dismissed] }`",
        ));
    }
    if entry(on, "merge_group").is_none() && !named(on, "merge_group") {
        advice.push(Advice::unknown(
            format!("{path} does not run in a merge queue, if there is one"),
            "add `merge_group:`; without it a required check never reports there",
        ));
    }
    advice.extend(pinned(path, text));
    advice
}

/// Asks whether the action is named by a commit.
fn pinned(path: &str, text: &str) -> Option<Advice> {
    let uses = text.lines().filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses:"));
    let mut ours = uses.map(str::trim).filter(|what| what.contains("changegate") && !what.starts_with('.'));
    let by_name = |what: &&str| {
        let at = what.split('@').nth(1).unwrap_or_default().split_whitespace().next().unwrap_or_default();
        at.len() != 40 || !at.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    let loose = ours.find(by_name)?;
    Some(Advice::weak(
        format!("{path} takes the action by a name that can be moved: {loose}"),
        "name it by the full id of a commit",
    ))
}

/// Returns the types that an event is heard of with, if it is heard of: the ones that are written, or
/// GitHub's three usual ones.
fn event(on: &Node, name: &str) -> Option<Vec<String>> {
    let usual = || ["opened", "synchronize", "reopened"].map(str::to_owned).to_vec();
    if named(on, name) {
        return Some(usual());
    }
    let event = entry(on, name)?;
    let Some(types) = entry(event, "types") else { return Some(usual()) };
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
fn named(on: &Node, name: &str) -> bool {
    let is = |node: &Node| matches!(&node.value, Yaml::Scalar { text, .. } if text == name);
    match &on.value {
        Yaml::List(items) => items.iter().any(is),
        _ => is(on),
    }
}

fn entry<'node>(node: &'node Node, name: &str) -> Option<&'node Node> {
    match &node.value {
        Yaml::Map(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
        _ => None,
    }
}

/// Returns a file's text; `None` if it is not there.
fn content(repository: &str, branch: &str, path: &str, ask: &mut Ask<'_>) -> Result<Option<String>, String> {
    let answer = match ask(&format!("/repos/{repository}/contents/{path}?ref={}", escaped(branch))) {
        Ok(answer) => answer,
        Err(refused) if refused.status == Some(404) => return Ok(None),
        Err(refused) => return Err(refused.why),
    };
    let text = answer.get("content").and_then(Value::as_str).ok_or("it is not a file")?;
    let digits: String = text.split_whitespace().collect();
    let bytes = STANDARD.decode(&digits).map_err(|_| "it is not base64")?;
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".into())
}
