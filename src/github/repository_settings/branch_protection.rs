//! Rulesets and branch protection: what GitHub itself requires of a branch, and of whom.
//!
//! A branch can be under both at once. Each is read by itself, and a question is answered by the
//! stricter of the two, since GitHub requires what either of them does.

use serde_json::Value;

use crate::github::api::names::escape_path;
use crate::github::api::request::GitHubFailure;
use crate::github::repository_settings::advice::{
    ApiFetch, ExaminedRepository, GITHUB_ACTIONS_APP_ID, SettingAdvice,
};

/// How to find out what the token may not read.
const ASK_AS_ADMINISTRATOR: &str = "use the token of an administrator (`Administration: read`)";

/// The requirements that GitHub enforces for a branch.
pub(crate) struct BranchProtection {
    /// The rules of active rulesets.
    pub(crate) ruleset_rules: Result<Vec<Value>, GitHubFailure>,
    /// Those rulesets, with who may bypass them; the id of one that cannot be read.
    rulesets: Vec<Result<Value, (String, GitHubFailure)>>,
    /// Classic branch protection, which is older than rulesets; `None` if there is none.
    pub(crate) classic_protection: Result<Option<Value>, GitHubFailure>,
}

impl BranchProtection {
    /// Reads the rulesets and the branch protection that apply to a branch.
    pub(crate) fn read_protection(repository: &str, branch: &str, fetch: &mut ApiFetch<'_>) -> Self {
        // What cannot be read stays an error in its place, so that no question takes it for good.
        let branch = escape_path(branch);
        let ruleset_rules = match fetch(&format!("/repos/{repository}/rules/branches/{branch}")) {
            Ok(Value::Array(rules)) => Ok(rules),
            Ok(_) => Err(GitHubFailure::new("the rules are not a list")),
            Err(refused) => Err(refused),
        };
        let mut ids = Vec::new();
        for rule in ruleset_rules.iter().flatten() {
            ids.extend(rule.get("ruleset_id").and_then(Value::as_u64));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut rulesets = Vec::new();
        for id in ids {
            let ruleset = fetch(&format!("/repos/{repository}/rulesets/{id}"));
            rulesets.push(ruleset.map_err(|refused| (id.to_string(), refused)));
        }
        let classic_protection = read_classic_protection(repository, &branch, fetch);
        BranchProtection { ruleset_rules, rulesets, classic_protection }
    }

    /// Returns the parameters of every rule of one kind.
    pub(crate) fn rules_of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.ruleset_rules
            .iter()
            .flatten()
            .filter(move |rule| rule.get("type").and_then(Value::as_str) == Some(kind))
            .map(|rule| rule.get("parameters").unwrap_or(&Value::Null))
    }

    /// Returns the classic protection, if there is one that can be read.
    pub(crate) fn readable_classic_protection(&self) -> Option<&Value> {
        self.classic_protection.as_ref().ok()?.as_ref()
    }

    /// Returns what could not be read, and why; `None` if everything could.
    pub(crate) fn describe_unread(&self) -> Option<String> {
        let mut unread = Vec::new();
        if let Err(refused) = &self.ruleset_rules {
            unread.push(format!("rulesets: {}", refused.why));
        }
        if let Err(refused) = &self.classic_protection {
            unread.push(format!("branch protection: {}", refused.why));
        }
        if unread.is_empty() { None } else { Some(unread.join("; ")) }
    }

    /// Returns whether a rule of this kind applies to the branch.
    fn has_rule(&self, kind: &str) -> bool {
        self.rules_of_kind(kind).next().is_some()
    }

    /// Returns the advice on a missing requirement: weak, or unknown if something could not be read.
    fn advise_missing(&self, what: &str, fix: &str) -> SettingAdvice {
        match self.describe_unread() {
            None => SettingAdvice::weak_setting(what, fix),
            Some(why) => SettingAdvice::unknown_setting(
                format!("as far as this token can see, {what} (not read: {why})"),
                ASK_AS_ADMINISTRATOR,
            ),
        }
    }

    /// Returns the advice on a requirement that is there or not.
    fn advise_requirement(&self, is_met: bool, good: &str, weak: &str, fix: &str) -> SettingAdvice {
        if is_met { SettingAdvice::good_setting(good) } else { self.advise_missing(weak, fix) }
    }
}

fn read_classic_protection(
    repository: &str,
    branch: &str,
    fetch: &mut ApiFetch<'_>,
) -> Result<Option<Value>, GitHubFailure> {
    let refused = match fetch(&format!("/repos/{repository}/branches/{branch}/protection")) {
        Ok(protection) => return Ok(Some(protection)),
        Err(refused) => refused,
    };
    if refused.status != Some(404) {
        return Err(refused);
    }
    // GitHub answers 404 both for a branch that is not protected and for a token that may not
    // know; the branch itself says which it is.
    match fetch(&format!("/repos/{repository}/branches/{branch}")) {
        Ok(found) if found.get("protected").and_then(Value::as_bool) == Some(false) => Ok(None),
        // A ruleset makes a branch protected too, without any classic protection; the answer 404
        // has words of its own for that.
        Ok(_) if refused.why.contains("Branch not protected") => Ok(None),
        _ => Err(refused),
    }
}

/// Examines whether the check is required, and from which app.
pub(crate) fn advise_required_check(
    subject: &ExaminedRepository<'_>,
    protection: &BranchProtection,
) -> Vec<SettingAdvice> {
    // A workflow that a ruleset requires counts more than a check of its name, so it is looked for first.
    let name = subject.check_name;
    let workflows = list_required_workflows(protection);
    if !workflows.is_empty() {
        return vec![advise_required_workflow(name, &workflows)];
    }
    let apps = list_expected_apps(name, protection);
    if apps.is_empty() {
        return vec![protection.advise_missing(
            &format!("the check `{name}` is not required"),
            &format!("require `{name}` in a ruleset for this branch, from the app that reports it"),
        )];
    }
    let mut advice = vec![SettingAdvice::good_setting(format!("the check `{name}` is required"))];
    advice.push(match apps.iter().flatten().next() {
        Some(app) if *app == subject.app_id => {
            SettingAdvice::good_setting(format!("the check counts only if the app {app} reports it"))
        }
        Some(app) => SettingAdvice::weak_setting(
            format!("the check is expected from the app {app}, but the gate reports as {}", subject.app_id),
            "choose the gate's app as the expected source, or name the app with --app",
        ),
        None => SettingAdvice::weak_setting(
            "any app, and anyone who can write, can report the check",
            "choose the app as the expected source of the check",
        ),
    });
    if subject.app_id == GITHUB_ACTIONS_APP_ID {
        advice.push(SettingAdvice::weak_setting(
            "every workflow of the repository reports as GitHub Actions, also those that a pull request adds",
            "require the gate as a workflow by a ruleset of the organisation, or report by an app of its own",
        ));
    }
    advice
}

/// Returns the paths of the workflows that rulesets require.
fn list_required_workflows(protection: &BranchProtection) -> Vec<&str> {
    let mut paths = Vec::new();
    for parameters in protection.rules_of_kind("workflows") {
        for workflow in list_members(parameters, "workflows") {
            paths.extend(workflow.get("path").and_then(Value::as_str));
        }
    }
    paths
}

fn advise_required_workflow(check_name: &str, paths: &[&str]) -> SettingAdvice {
    for path in paths {
        if path.contains("changegate") || path.contains(check_name) {
            return SettingAdvice::good_setting(format!(
                "a ruleset requires the workflow {path:?}, which no pull request can edit"
            ));
        }
    }
    SettingAdvice::unknown_setting(
        format!("a ruleset requires {paths:?}; it is not known whether one of them runs the gate"),
        "look at these workflows, or name the one of the gate changegate.yml",
    )
}

/// Returns the app that the check is expected from, for each requirement; `None` where any app will do.
fn list_expected_apps(check_name: &str, protection: &BranchProtection) -> Vec<Option<u64>> {
    let mut apps = Vec::new();
    for parameters in protection.rules_of_kind("required_status_checks") {
        for check in list_members(parameters, "required_status_checks") {
            if has_text(check, "context", check_name) {
                apps.push(check.get("integration_id").and_then(Value::as_u64));
            }
        }
    }
    if let Some(classic) = protection.readable_classic_protection()
        && let Some(required) = classic.get("required_status_checks")
    {
        for check in list_members(required, "checks") {
            if has_text(check, "context", check_name) {
                // The app -1 stands for any.
                apps.push(check.get("app_id").and_then(Value::as_u64));
            }
        }
    }
    apps
}

/// Examines who may bypass the requirements.
pub(crate) fn advise_bypass(protection: &BranchProtection) -> Vec<SettingAdvice> {
    let mut advice = Vec::new();
    for ruleset in &protection.rulesets {
        advice.push(match ruleset {
            Ok(ruleset) => advise_ruleset_bypass(ruleset),
            Err((id, refused)) => SettingAdvice::unknown_setting(
                format!("cannot read the ruleset {id}: {}", refused.why),
                ASK_AS_ADMINISTRATOR,
            ),
        });
    }
    if let Some(classic) = protection.readable_classic_protection() {
        advice.push(if is_enabled(classic, "enforce_admins") {
            SettingAdvice::good_setting("branch protection applies to administrators too")
        } else {
            SettingAdvice::weak_setting(
                "administrators can merge past branch protection",
                "switch on \"Do not allow bypassing the above settings\"",
            )
        });
    }
    advice
}

fn advise_ruleset_bypass(ruleset: &Value) -> SettingAdvice {
    let name = ruleset.get("name").and_then(Value::as_str).unwrap_or("without a name");
    match ruleset.get("bypass_actors").and_then(Value::as_array) {
        Some(actors) if actors.is_empty() => {
            SettingAdvice::good_setting(format!("no account can bypass the ruleset {name:?}"))
        }
        Some(actors) => SettingAdvice::weak_setting(
            format!("the ruleset {name:?} can be bypassed by {}", describe_bypass_actors(actors)),
            "empty its bypass list; for emergencies, the policy has its own procedure",
        ),
        None => SettingAdvice::unknown_setting(
            format!("GitHub does not tell this token who can bypass the ruleset {name:?}"),
            ASK_AS_ADMINISTRATOR,
        ),
    }
}

/// Examines whether the history of the branch can be rewritten, and the branch deleted.
pub(crate) fn advise_history(protection: &BranchProtection) -> Vec<SettingAdvice> {
    vec![
        protection.advise_requirement(
            is_refused(protection, "non_fast_forward", "allow_force_pushes"),
            "the history of the branch cannot be rewritten",
            "the history of the branch can be rewritten",
            "block force pushes",
        ),
        protection.advise_requirement(
            is_refused(protection, "deletion", "allow_deletions"),
            "the branch cannot be deleted",
            "the branch can be deleted",
            "restrict deletions",
        ),
    ]
}

/// Examines whether a merge queue lands only what has passed by itself; nothing if there is no queue.
pub(crate) fn advise_merge_queue(protection: &BranchProtection) -> Vec<SettingAdvice> {
    let mut advice = Vec::new();
    for parameters in protection.rules_of_kind("merge_queue") {
        advice.push(if has_text(parameters, "grouping_strategy", "ALLGREEN") {
            SettingAdvice::good_setting("the merge queue lands only entries whose own checks have passed")
        } else {
            SettingAdvice::weak_setting(
                "the merge queue lands an entry whose checks failed, if those of a later entry pass",
                "switch on \"Require all queue entries to pass required checks\"",
            )
        });
    }
    advice
}

/// Returns whether a rule refuses something, or classic protection does not allow it.
fn is_refused(protection: &BranchProtection, rule: &str, allowance: &str) -> bool {
    let classic = protection.readable_classic_protection();
    // An answer without the setting says nothing of it.
    let is_told =
        |classic: &Value| classic.get(allowance).and_then(|setting| setting.get("enabled")).is_some();
    protection.has_rule(rule)
        || classic.is_some_and(|classic| is_told(classic) && !is_enabled(classic, allowance))
}

/// Examines whether GitHub's own rules about reviews support those of the gate.
///
/// The gate judges at one moment. Between that moment and the merge, GitHub's rules apply: a push
/// dismisses stale approvals and starts the check again only if the branch requires that.
pub(crate) fn advise_reviews(protection: &BranchProtection) -> Vec<SettingAdvice> {
    // Rulesets and classic protection have the same rules under different names.
    let classic = protection.readable_classic_protection();
    let needs_pull = protection.has_rule("pull_request")
        || classic.is_some_and(|classic| classic.get("required_pull_request_reviews").is_some());
    vec![
        protection.advise_requirement(
            needs_pull,
            "commits reach the branch by pull requests only",
            "commits can be pushed to the branch without a pull request",
            "require a pull request before merging",
        ),
        protection.advise_requirement(
            is_review_rule_on(protection, "dismiss_stale_reviews_on_push", "dismiss_stale_reviews"),
            "a push dismisses earlier approvals",
            "an approval stays after a push",
            "dismiss stale pull request approvals when new commits are pushed",
        ),
        protection.advise_requirement(
            is_review_rule_on(protection, "require_last_push_approval", "require_last_push_approval"),
            "the last pusher cannot approve",
            "the last pusher can approve",
            "require approval of the most recent reviewable push",
        ),
        protection.advise_requirement(
            is_review_rule_on(protection, "require_code_owner_review", "require_code_owner_reviews"),
            "code owners must review what they own",
            "no code owner has to review the gate's own files",
            "name owners for the policy and the workflows in CODEOWNERS, and require their review",
        ),
    ]
}

/// Returns whether a rule about reviews is on, in a ruleset or in classic protection.
fn is_review_rule_on(protection: &BranchProtection, ruleset_key: &str, classic_key: &str) -> bool {
    for parameters in protection.rules_of_kind("pull_request") {
        if is_true(parameters, ruleset_key) {
            return true;
        }
    }
    let classic = protection.readable_classic_protection();
    let reviews = classic.and_then(|classic| classic.get("required_pull_request_reviews"));
    reviews.is_some_and(|reviews| is_true(reviews, classic_key))
}

/// Returns the accounts of a bypass list, in words.
fn describe_bypass_actors(actors: &[Value]) -> String {
    let described: Vec<String> = actors.iter().map(describe_bypass_actor).collect();
    described.join(", ")
}

fn describe_bypass_actor(actor: &Value) -> String {
    let id = actor.get("actor_id").and_then(Value::as_u64);
    let when = match actor.get("bypass_mode").and_then(Value::as_str) {
        Some("pull_request") => " (in pull requests)",
        _ => "",
    };
    let kind = match (actor.get("actor_type").and_then(Value::as_str), id) {
        (Some("OrganizationAdmin"), _) => "owners of the organisation",
        // The ids of GitHub's own roles.
        (Some("RepositoryRole"), Some(5)) => "administrators of the repository",
        (Some("RepositoryRole"), Some(2)) => "maintainers",
        (Some("RepositoryRole"), Some(4)) => "everyone who can write",
        (Some("RepositoryRole"), _) => "a role of the repository",
        (Some("DeployKey"), _) => "deploy keys",
        (Some("Team"), Some(id)) => return format!("team {id}{when}"),
        (Some("Integration"), Some(id)) => return format!("app {id}{when}"),
        (_, Some(id)) => return format!("account {id}{when}"),
        (_, None) => "an unknown account",
    };
    format!("{kind}{when}")
}

/// Returns the members of a list; none if it is missing.
fn list_members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn has_text(value: &Value, key: &str, wanted: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(wanted)
}

fn is_true(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(true)
}

/// Returns whether a setting of branch protection, which is a map with `enabled`, is on.
fn is_enabled(classic: &Value, key: &str) -> bool {
    classic.get(key).and_then(|setting| setting.get("enabled")).and_then(Value::as_bool) == Some(true)
}
