//! Whether GitHub starts the gate's workflow: the Actions policies, and the version of an own server.
//!
//! A policy lists the events that may start a workflow. In a public repository GitHub itself blocks
//! `pull_request_target`, unless a policy allows it. A workflow that is not started reports nothing, so a
//! required check waits for ever.

use serde_json::Value;

use crate::github::repository_settings::advice::{ApiFetch, ExaminedRepository, SettingAdvice};

/// How many policies one answer lists.
const MAX_LISTED_POLICIES: usize = 100;

/// The event that GitHub blocks in public repositories.
const TARGET_EVENT: &str = "pull_request_target";

/// The rule of an Actions policy that lists the events that may start a workflow.
const EVENT_RULE: &str = "restrict_action_events";

/// Where an administrator sees and changes these policies.
const POLICY_PAGE: &str = "Settings > Actions > Policies";

/// The first version of GitHub Enterprise Server on which the event takes the workflow from the default branch.
const FIRST_SAFE_SERVER: (u64, u64) = (3, 20);

/// Examines whether the events that the gate's workflows run on may start them.
pub(crate) fn advise_actions_policies(
    subject: &ExaminedRepository<'_>,
    repository: &Value,
    events: &[String],
    fetch: &mut ApiFetch<'_>,
) -> Vec<SettingAdvice> {
    let mut advice = advise_server_version(events, fetch);
    // Only what GitHub says is public is: a token that sees nothing of it gets no advice on it either.
    let is_public = repository.get("private").and_then(Value::as_bool) == Some(false);
    let path = format!("/repos/{}/actions/policies?per_page=100", subject.repository);
    let policies = match fetch(&path) {
        Ok(answer) => match list_policies(&answer) {
            Ok(policies) => policies,
            Err(why) => {
                advice.push(SettingAdvice::unknown_setting(
                    format!("cannot read the Actions policies: {why}"),
                    format!("look at {POLICY_PAGE}"),
                ));
                return advice;
            }
        },
        Err(refused) => {
            let is_unknown_there = refused.status == Some(404) && !is_public;
            if !is_unknown_there {
                advice.push(SettingAdvice::unknown_setting(
                    format!("cannot read the Actions policies: {}", refused.why),
                    format!("use the token of an administrator, or look at {POLICY_PAGE}"),
                ));
            }
            return advice;
        }
    };
    let mut is_target_allowed = false;
    for policy in &policies {
        if policy.get("enforcement").and_then(Value::as_str) != Some("active") {
            continue;
        }
        match read_allowed_events(subject, policy, fetch) {
            Ok(Some(allowed)) => {
                is_target_allowed |= allowed.iter().any(|event| event == TARGET_EVENT);
                advice.extend(advise_blocked_events(policy, events, &allowed));
            }
            Ok(None) => {}
            Err(advised) => advice.push(advised),
        }
    }
    let wants_target = events.iter().any(|event| event == TARGET_EVENT);
    if is_public && wants_target && !is_target_allowed && advice.is_empty() {
        advice.push(SettingAdvice::weak_setting(
            format!(
                "the repository is public, and no Actions policy allows `{TARGET_EVENT}`: GitHub blocks it"
            ),
            format!(
                "allow the event in {POLICY_PAGE}, or run the gate on `workflow_run`; see docs/github.md"
            ),
        ));
    }
    if advice.is_empty() && !policies.is_empty() {
        advice.push(SettingAdvice::good_setting("the Actions policies let the gate's workflow start"));
    }
    advice
}

/// Returns the policies of an answer, if it has all of them.
fn list_policies(answer: &Value) -> Result<Vec<Value>, String> {
    let Some(policies) = answer.get("policies").and_then(Value::as_array) else {
        return Err("GitHub's answer has no list of them".into());
    };
    match answer.get("total_count").and_then(Value::as_u64) {
        Some(total) if usize::try_from(total) == Ok(policies.len()) => Ok(policies.clone()),
        Some(total) => Err(format!("GitHub counts {total}, and lists {}", policies.len())),
        None if policies.len() < MAX_LISTED_POLICIES => Ok(policies.clone()),
        None => Err(format!("GitHub lists {MAX_LISTED_POLICIES}, and does not say whether there are more")),
    }
}

/// Returns the events that an active policy allows; `None` if it has no rule about events.
fn read_allowed_events(
    subject: &ExaminedRepository<'_>,
    policy: &Value,
    fetch: &mut ApiFetch<'_>,
) -> Result<Option<Vec<String>>, SettingAdvice> {
    // The list of policies need not have their rules.
    let mut whole = policy.clone();
    if whole.get("rules").and_then(Value::as_array).is_none() {
        let id = policy.get("id").and_then(Value::as_u64).unwrap_or_default();
        whole =
            fetch(&format!("/repos/{}/actions/policies/{id}", subject.repository)).map_err(|refused| {
                SettingAdvice::unknown_setting(
                    format!("cannot read the Actions policy {}: {}", policy_name(policy), refused.why),
                    format!("look at {POLICY_PAGE}"),
                )
            })?;
    }
    let rules = whole.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
    for rule in &rules {
        if rule.get("type").and_then(Value::as_str) == Some(EVENT_RULE) {
            let allowed = rule.pointer("/parameters/allowed_events").and_then(Value::as_array);
            let names = allowed.map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str);
            return Ok(Some(names.map(str::to_owned).collect()));
        }
    }
    Ok(None)
}

fn policy_name(policy: &Value) -> &str {
    policy.get("name").and_then(Value::as_str).unwrap_or("without a name")
}

fn advise_blocked_events(policy: &Value, events: &[String], allowed: &[String]) -> Option<SettingAdvice> {
    let blocked: Vec<&str> =
        events.iter().filter(|event| !allowed.contains(event)).map(String::as_str).collect();
    if blocked.is_empty() {
        return None;
    }
    Some(SettingAdvice::weak_setting(
        format!(
            "the Actions policy {:?} does not let the gate's workflow start on {}",
            policy_name(policy),
            blocked.join(", ")
        ),
        format!("allow these events in {POLICY_PAGE}, or choose another set-up of docs/github.md"),
    ))
}

/// Examines whether a server of one's own takes the workflow of `pull_request_target` from the default branch.
fn advise_server_version(events: &[String], fetch: &mut ApiFetch<'_>) -> Vec<SettingAdvice> {
    if !events.iter().any(|event| event == TARGET_EVENT) {
        return Vec::new();
    }
    // github.com has no such version.
    let Ok(meta) = fetch("/meta") else { return Vec::new() };
    let Some(version) = meta.get("installed_version").and_then(Value::as_str) else { return Vec::new() };
    let mut parts = version.split('.').map(str::parse::<u64>);
    let (Some(Ok(major)), Some(Ok(minor))) = (parts.next(), parts.next()) else { return Vec::new() };
    if (major, minor) >= FIRST_SAFE_SERVER {
        return Vec::new();
    }
    vec![SettingAdvice::weak_setting(
        format!(
            "before 3.20, a server ({version}) takes the workflow of `{TARGET_EVENT}` from the base branch"
        ),
        "keep branches under change control from being made from old commits, or require the workflow by a ruleset",
    )]
}
