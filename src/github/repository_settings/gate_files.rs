//! The gate's own files: who may edit them, and whether the workflow that runs the gate runs on every event.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::github::api::names::escape_path;
use crate::github::repository_settings::advice::{ApiFetch, ExaminedRepository, SettingAdvice};
use crate::github::repository_settings::branch_protection::BranchProtection;
use crate::github::repository_settings::workflow_triggers::{WorkflowTriggers, read_triggers};

/// How to find out what cannot be read.
const USE_CONTENTS_TOKEN: &str = "use a token that has `contents: read`";

/// The types of a pull request event that the gate has to run on, since each can change a verdict.
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

/// The paths at which GitHub looks for code owners, the first one first.
const CODEOWNERS_PATHS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/// What the gate's own files say.
pub(crate) struct ExaminedGateFiles {
    pub(crate) advice: Vec<SettingAdvice>,
    /// The events that the gate's workflows run on.
    pub(crate) events: Vec<String>,
    /// The names of the check runs that the workflows have the gate write.
    pub(crate) check_names: Vec<String>,
}

impl ExaminedGateFiles {
    fn new(advice: Vec<SettingAdvice>) -> Self {
        ExaminedGateFiles { advice, events: Vec::new(), check_names: Vec::new() }
    }
}

/// Examines the code owners and the workflows of the gate on a branch.
pub(crate) fn advise_gate_files(
    subject: &ExaminedRepository<'_>,
    branch: &str,
    protection: &BranchProtection,
    fetch: &mut ApiFetch<'_>,
) -> ExaminedGateFiles {
    let mut advice = vec![advise_code_owners(subject, branch, fetch)];
    let mut events = Vec::new();
    if protection.rules_of_kind("workflows").next().is_some() {
        // The required workflow runs from elsewhere; the workflows of this repository do not matter.
        return ExaminedGateFiles::new(advice);
    }
    let folder =
        format!("/repos/{}/contents/.github/workflows?ref={}", subject.repository, escape_path(branch));
    let files = match fetch(&folder) {
        Ok(Value::Array(files)) => files,
        Ok(_) => {
            let what = "cannot read the workflows: GitHub's answer is no list of files";
            advice.push(SettingAdvice::unknown_setting(what, USE_CONTENTS_TOKEN));
            return ExaminedGateFiles::new(advice);
        }
        Err(refused) if refused.status == Some(404) => Vec::new(),
        Err(refused) => {
            let what = format!("cannot read the workflows: {}", refused.why);
            advice.push(SettingAdvice::unknown_setting(what, USE_CONTENTS_TOKEN));
            return ExaminedGateFiles::new(advice);
        }
    };
    let mut found = false;
    let mut texts = Vec::new();
    for file in &files {
        let Some(path) = file.get("path").and_then(Value::as_str) else { continue };
        if !path.ends_with(".yml") && !path.ends_with(".yaml") {
            continue;
        }
        match read_file_content(subject.repository, branch, path, fetch) {
            Ok(Some(text)) => texts.push((path.to_owned(), text)),
            Ok(None) => {}
            Err(why) => advice.push(SettingAdvice::unknown_setting(
                format!("cannot read {path}: {why}"),
                USE_CONTENTS_TOKEN,
            )),
        }
    }
    let mut check_names = Vec::new();
    for (path, text) in &texts {
        check_names.extend(list_check_names(text));
        if !uses_gate(text) {
            continue;
        }
        advice.extend(advise_evaluation(path, text));
        let heard = find_heard_workflows(text, &texts);
        if is_for_landed(text, &heard) {
            advice.extend(advise_unpinned_action(path, text));
            continue;
        }
        if let Ok(Some(triggers)) = read_triggers(text) {
            events.extend(triggers.event_names().map(str::to_owned));
            if triggers.event_names().eq(["merge_group"]) {
                advice.extend(advise_unpinned_action(path, text));
                continue;
            }
        }
        found = true;
        advice.extend(advise_workflow(path, text, &heard));
        for heard in &heard {
            events.extend(heard.event_names().map(str::to_owned));
        }
    }
    if found && !events.iter().any(|event| event == "merge_group") {
        advice.extend(advise_missing_queue(protection));
    }
    if !found {
        advice.push(SettingAdvice::weak_setting(
            "no workflow on the branch runs the gate",
            "add the workflow of docs/github.md, or require one by a ruleset",
        ));
    }
    events.sort_unstable();
    events.dedup();
    ExaminedGateFiles { advice, events, check_names }
}

/// Returns the names of the check runs that a workflow has the gate write, as far as its text tells.
pub(crate) fn list_check_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    if !uses_gate(text) {
        return names;
    }
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        let Some((_, rest)) = line.split_once("check-run:") else { continue };
        let value = rest.trim_start();
        let quote = value.chars().next().filter(|sign| matches!(sign, '"' | '\''));
        let name = match quote {
            Some(quote) => value.split(quote).nth(1),
            None => value.split([',', '}', '#']).next(),
        };
        let name = name.unwrap_or_default().trim();
        // What an expression gives is known when it runs.
        if !name.is_empty() && !name.contains("${{") {
            names.push(name.to_owned());
        }
    }
    names
}

/// Returns whether a workflow runs the gate, as far as its text tells, and does not only have its name, or print it: by the
/// action, by an image, or by the program.
fn uses_gate(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim().trim_start_matches("- ");
        if ["name:", "group:", "#"].iter().any(|start| line.starts_with(start)) {
            return false;
        }
        let is_named =
            |key: &str| line.split_once(key).is_some_and(|(_, value)| value.contains("changegate"));
        if is_named("uses:") || is_named("image:") {
            return true;
        }
        let is_program = |word: &str| {
            let word = word.trim_matches(['"', '\'']);
            word == "changegate" || word.ends_with("/changegate")
        };
        !line.contains("echo ") && line.split_whitespace().any(is_program)
    })
}

/// Returns the advice where no workflow of the gate runs in a merge queue; nothing if there is no queue.
fn advise_missing_queue(protection: &BranchProtection) -> Option<SettingAdvice> {
    let fix = "add `merge_group:` to the workflow of the gate";
    if protection.rules_of_kind("merge_queue").next().is_some() {
        let what = "the branch has a merge queue, and no workflow of the gate runs in it: a required check never reports there";
        return Some(SettingAdvice::broken_setting(what, fix));
    }
    let refused = protection.ruleset_rules.as_ref().err()?;
    Some(SettingAdvice::unknown_setting(
        format!(
            "no workflow of the gate runs in a merge queue, and it is not known whether there is one: {}",
            refused.why
        ),
        fix,
    ))
}

/// Returns whether a workflow only judges what has landed, or keeps the ledger.
fn is_for_landed(text: &str, heard: &[WorkflowTriggers]) -> bool {
    let Ok(Some(triggers)) = read_triggers(text) else { return false };
    let is_for_pulls = ["pull_request", "pull_request_target", "pull_request_review", "merge_group"];
    triggers.has_event("push")
        && heard.is_empty()
        && !is_for_pulls.iter().any(|event| triggers.has_event(event))
}

/// Returns the events of the workflows whose runs start this one by `workflow_run`.
fn find_heard_workflows(text: &str, all: &[(String, String)]) -> Vec<WorkflowTriggers> {
    let mut heard = Vec::new();
    if !read_triggers(text).is_ok_and(|triggers| triggers.is_some_and(|one| one.has_event("workflow_run"))) {
        return heard;
    }
    for (_, other) in all {
        let named = other.lines().find_map(|line| line.strip_prefix("name:"));
        let name = named.map(|name| name.trim().trim_matches(['"', '\''])).unwrap_or_default();
        let is_named = |line: &str| line.trim().trim_start_matches("workflows:").contains(name);
        if !name.is_empty()
            && other != text
            && text.lines().any(|line| line.contains("workflows:") && is_named(line))
            && let Ok(Some(triggers)) = read_triggers(other)
        {
            heard.push(triggers);
        }
    }
    heard
}

/// Examines whether the gate's files have owners.
fn advise_code_owners(
    subject: &ExaminedRepository<'_>,
    branch: &str,
    fetch: &mut ApiFetch<'_>,
) -> SettingAdvice {
    // GitHub uses the first file that exists, whatever the others say.
    for path in CODEOWNERS_PATHS {
        match read_file_content(subject.repository, branch, path, fetch) {
            Ok(Some(text)) => {
                let folder = subject.policy_path.split('/').next().unwrap_or_default();
                if has_owner(&text, folder) && has_owner(&text, ".github/workflows") {
                    return SettingAdvice::good_setting(format!(
                        "{path} names owners for the policy and the workflows"
                    ));
                }
                return SettingAdvice::weak_setting(
                    format!("{path} names no owners for the policy and the workflows"),
                    format!("add lines for `/{folder}/` and `/.github/`"),
                );
            }
            Ok(None) => {}
            Err(why) => {
                let what = format!("cannot read {path}: {why}");
                return SettingAdvice::unknown_setting(what, USE_CONTENTS_TOKEN);
            }
        }
    }
    SettingAdvice::weak_setting(
        "there is no CODEOWNERS: any reviewer can approve a change to the gate",
        "name owners for the policy and the workflows, and require their review",
    )
}

fn has_owner(code_owners: &str, folder: &str) -> bool {
    code_owners.lines().any(|line| names_owner(line, folder))
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

/// Examines whether one workflow runs on every event that the gate needs, and names the action by a commit.
fn advise_workflow(path: &str, text: &str, heard: &[WorkflowTriggers]) -> Vec<SettingAdvice> {
    // A verdict can change with each of these events; without a run for it, the old one stays.
    let triggers = match read_triggers(text) {
        Ok(Some(triggers)) => triggers,
        Ok(None) => {
            return vec![SettingAdvice::weak_setting(
                format!("{path} does not say when it runs"),
                "give it an `on:`",
            )];
        }
        Err(why) => {
            return vec![SettingAdvice::unknown_setting(
                format!("cannot read {path} as a workflow: {why}"),
                "check the file, and whether GitHub accepts it",
            )];
        }
    };
    let mut advice = advise_pull_request_events(path, &triggers, heard);
    let hears_reviews = heard.iter().any(|one| one.has_event("pull_request_review"));
    if !triggers.has_event("pull_request_review") && !hears_reviews {
        advice.push(SettingAdvice::weak_setting(
            format!("{path} does not run on reviews"),
            "add `pull_request_review: { types: [submitted, edited, dismissed] }`",
        ));
    }
    advice.extend(advise_unpinned_action(path, text));
    advice
}

fn advise_pull_request_events(
    path: &str,
    triggers: &WorkflowTriggers,
    heard: &[WorkflowTriggers],
) -> Vec<SettingAdvice> {
    // `pull_request_target` runs the workflow of the base branch, so it counts if both are there.
    // So does `workflow_run`, which follows a run of the pull request's own workflow.
    let target = triggers
        .event_types("pull_request_target")
        .or_else(|| heard.iter().find_map(|one| one.event_types("pull_request")));
    let is_from_target = target.is_some();
    let Some(types) = target.or_else(|| triggers.event_types("pull_request")) else {
        return vec![SettingAdvice::weak_setting(
            format!("{path} does not run on pull requests"),
            "run it on `pull_request_target`",
        )];
    };
    let mut missing = Vec::new();
    for needed in PULL_REQUEST_TYPES {
        if !types.iter().any(|known| known == needed) {
            missing.push(needed);
        }
    }
    let mut advice = vec![if missing.is_empty() {
        SettingAdvice::good_setting(format!("{path} runs on every change of a pull request"))
    } else {
        SettingAdvice::weak_setting(
            format!("{path} does not run when a pull request is {}", missing.join(", ")),
            format!("add `types: [{}]`", PULL_REQUEST_TYPES.join(", ")),
        )
    }];
    if !is_from_target {
        advice.push(SettingAdvice::weak_setting(
            format!("{path} runs in the version of the pull request, so a pull request can change it"),
            "run it on `pull_request_target`, or require it by a ruleset",
        ));
    }
    advice
}

/// Examines whether a workflow runs the gate in evaluate mode, as far as its text tells.
fn advise_evaluation(path: &str, text: &str) -> Option<SettingAdvice> {
    let is_set = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        let value = line.split_once("evaluate:").map(|(_, value)| value.trim().trim_matches(['"', '\'']));
        line.contains("--evaluate") || value.is_some_and(|value| !value.is_empty() && value != "false")
    };
    text.lines().any(is_set).then(|| {
        SettingAdvice::weak_setting(
            format!("{path} runs the gate in evaluate mode, which blocks nothing"),
            "remove `evaluate` from the workflow when the policy is to be enforced",
        )
    })
}

/// Examines whether the action is named by a commit.
fn advise_unpinned_action(path: &str, text: &str) -> Option<SettingAdvice> {
    for line in text.lines() {
        let Some(action) = line.trim().trim_start_matches("- ").strip_prefix("uses:") else { continue };
        let action = action.trim();
        if action.contains("changegate") && !action.starts_with('.') && !is_pinned(action) {
            return Some(SettingAdvice::weak_setting(
                format!("{path} names the action by a ref that can be moved: {action}"),
                "name it by the full id of a commit",
            ));
        }
    }
    None
}

/// Returns whether what follows `@` is the full id of a commit.
fn is_pinned(action: &str) -> bool {
    let Some((_, version)) = action.split_once('@') else { return false };
    let id = version.split_whitespace().next().unwrap_or_default();
    id.len() == 40 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns a file's text; `None` if there is no such file.
fn read_file_content(
    repository: &str,
    branch: &str,
    path: &str,
    fetch: &mut ApiFetch<'_>,
) -> Result<Option<String>, String> {
    let answer = match fetch(&format!("/repos/{repository}/contents/{path}?ref={}", escape_path(branch))) {
        Ok(answer) => answer,
        Err(refused) if refused.status == Some(404) => return Ok(None),
        Err(refused) => return Err(refused.why),
    };
    let text = answer.get("content").and_then(Value::as_str).ok_or("it is not a file")?;
    let digits: String = text.split_whitespace().collect();
    let bytes = STANDARD.decode(&digits).map_err(|_| "it is not base64")?;
    String::from_utf8(bytes).map(Some).map_err(|_| "it is not UTF-8".into())
}
