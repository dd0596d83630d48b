//! Rulesets and branch protection: what GitHub itself asks of a branch, and of whom.
//!
//! A branch can be under both at once. Each of them is read by itself, and a question is answered by
//! the stricter of the two, since GitHub asks for what either of them asks.

use serde_json::Value;

use crate::github::repository_settings::{ApiFetch, ExaminedRepository, GitHubFailure, SettingAdvice};

/// What GitHub asks of a branch.
pub(crate) struct BranchProtection {
    /// The rules of active rulesets.
    pub(crate) ruleset_rules: Result<Vec<Value>, GitHubFailure>,
    /// Those rulesets, with who may walk around them.
    rulesets: Vec<Result<Value, (String, GitHubFailure)>>,
    /// Branch protection as it was before there were rulesets; `None` if there is none.
    pub(crate) classic_protection: Result<Option<Value>, GitHubFailure>,
}

impl BranchProtection {
    pub(crate) fn read_protection(repository: &str, branch: &str, ask: &mut ApiFetch<'_>) -> Self {
        let branch = escape_branch(branch);
        let rules = ask(&format!("/repos/{repository}/rules/branches/{branch}")).and_then(|answer| {
            let unlisted = || GitHubFailure { status: None, why: "the rules are not a list".into() };
            answer.as_array().cloned().ok_or_else(unlisted)
        });
        let mut ids: Vec<u64> = rules
            .iter()
            .flatten()
            .filter_map(|rule| rule.get("ruleset_id").and_then(Value::as_u64))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        let mut rulesets = Vec::new();
        for id in ids {
            rulesets.push(
                ask(&format!("/repos/{repository}/rulesets/{id}")).map_err(|why| (id.to_string(), why)),
            );
        }
        let classic = match ask(&format!("/repos/{repository}/branches/{branch}/protection")) {
            Ok(protection) => Ok(Some(protection)),
            // GitHub answers 404 both for a branch that is not protected and for a token that may not
            // know; the branch itself says which it is.
            Err(refused) if refused.status == Some(404) => {
                match ask(&format!("/repos/{repository}/branches/{branch}")) {
                    Ok(found) if is_false(&found, "protected") => Ok(None),
                    // A ruleset makes a branch protected too, without any classic protection; the
                    // answer 404 has words of its own for that.
                    Ok(_) if refused.why.contains("Branch not protected") => Ok(None),
                    _ => Err(refused),
                }
            }
            Err(refused) => Err(refused),
        };
        BranchProtection { ruleset_rules: rules, rulesets, classic_protection: classic }
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

    /// Returns what could not be read of it, in words that follow "because".
    pub(crate) fn describe_unread(&self) -> Option<String> {
        let rules = self.ruleset_rules.as_ref().err().map(|refused| format!("rulesets: {}", refused.why));
        let classic = self
            .classic_protection
            .as_ref()
            .err()
            .map(|refused| format!("branch protection: {}", refused.why));
        match (rules, classic) {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(one), Some(other)) => Some(format!("{one}; {other}")),
        }
    }

    /// Returns the advice for what no rule asks: weak, or unknown while something could not be read.
    pub(crate) fn advise_missing(&self, what: &str, mend: &str) -> SettingAdvice {
        match self.describe_unread() {
            None => SettingAdvice::weak(what, mend),
            Some(why) => SettingAdvice::unknown(
                format!("it cannot be told whether the contrary holds, but as far as is seen {what} ({why})"),
                "ask with the token of an administrator (`Administration: read`)",
            ),
        }
    }
}

/// Asks whether the check is required, and from whom.
pub(crate) fn advise_required_check(
    subject: &ExaminedRepository<'_>,
    protection: &BranchProtection,
) -> Vec<SettingAdvice> {
    let name = subject.check_name;
    let workflows =
        protection.rules_of_kind("workflows").flat_map(|parameters| list_members(parameters, "workflows"));
    let mut paths = workflows.filter_map(|workflow| workflow.get("path").and_then(Value::as_str)).peekable();
    if paths.peek().is_some() {
        let paths: Vec<_> = paths.collect();
        return vec![match paths.iter().find(|path| path.contains("changegate") || path.contains(name)) {
            Some(path) => SettingAdvice::good(format!(
                "a ruleset requires the workflow {path:?}, which no pull request can edit"
            )),
            None => SettingAdvice::unknown(
                format!("a ruleset requires {paths:?}; nothing tells whether the gate is in there"),
                "look at that workflow, or call it changegate.yml",
            ),
        }];
    }
    let by_rules = protection.rules_of_kind("required_status_checks").flat_map(|parameters| {
        list_members(parameters, "required_status_checks")
            .filter(|check| has_text(check, "context", name))
            .map(|check| check.get("integration_id").and_then(Value::as_u64))
    });
    let by_classic = protection.readable_classic_protection().into_iter().flat_map(|classic| {
        let checks = classic.get("required_status_checks").unwrap_or(&Value::Null);
        list_members(checks, "checks")
            .filter(|check| has_text(check, "context", name))
            // The app -1 stands for any.
            .map(|check| check.get("app_id").and_then(Value::as_u64))
    });
    let apps: Vec<Option<u64>> = by_rules.chain(by_classic).collect();
    if apps.is_empty() {
        return vec![protection.advise_missing(
            &format!("the check `{name}` is not required"),
            &format!("require `{name}` in a ruleset for this branch, from the app that reports it"),
        )];
    }
    let mut advice = vec![SettingAdvice::good(format!("the check `{name}` is required"))];
    advice.push(match apps.iter().flatten().next() {
        Some(app) if *app == subject.app_id => {
            SettingAdvice::good(format!("it counts only if the app {app} reports it"))
        }
        Some(app) => SettingAdvice::weak(
            format!("it is expected from the app {app}, and the gate reports as {}", subject.app_id),
            "choose the gate's app as the expected source, or name the app with --app",
        ),
        None => SettingAdvice::weak(
            "any app and anybody who may write can report it",
            "choose the app as the expected source of the check",
        ),
    });
    if subject.app_id == crate::github::repository_settings::GITHUB_ACTIONS_APP_ID {
        advice.push(SettingAdvice::weak(
            "every workflow of the repository reports as GitHub Actions, those that a pull request brings too",
            "require the gate as a workflow by a ruleset of the organisation, or report by an app of its own",
        ));
    }
    advice
}

/// Asks who may walk around.
pub(crate) fn advise_bypass(protection: &BranchProtection) -> Vec<SettingAdvice> {
    let mut advice = Vec::new();
    for ruleset in &protection.rulesets {
        match ruleset {
            Ok(ruleset) => {
                let name = ruleset.get("name").and_then(Value::as_str).unwrap_or("without a name");
                match ruleset.get("bypass_actors").and_then(Value::as_array) {
                    Some(actors) if actors.is_empty() => {
                        advice.push(SettingAdvice::good(format!("nobody may bypass the ruleset {name:?}")));
                    }
                    Some(actors) => advice.push(SettingAdvice::weak(
                        format!("the ruleset {name:?} can be bypassed by {}", describe_bypass_actors(actors)),
                        "empty its bypass list; an emergency has a way of its own in the policy",
                    )),
                    None => advice.push(SettingAdvice::unknown(
                        format!("GitHub does not tell this token who may bypass the ruleset {name:?}"),
                        "ask with the token of an administrator (`Administration: read`)",
                    )),
                }
            }
            Err((id, refused)) => advice.push(SettingAdvice::unknown(
                format!("the ruleset {id} cannot be read: {}", refused.why),
                "ask with the token of an administrator (`Administration: read`)",
            )),
        }
    }
    if let Some(classic) = protection.readable_classic_protection() {
        advice.push(if is_enabled(classic, "enforce_admins") {
            SettingAdvice::good("administrators are held to branch protection as everybody is")
        } else {
            SettingAdvice::weak(
                "administrators can merge past branch protection",
                "switch on \"Do not allow bypassing the above settings\"",
            )
        });
    }
    advice
}

/// Asks whether history can be rewritten or deleted.
pub(crate) fn advise_history(protection: &BranchProtection) -> Vec<SettingAdvice> {
    let question = |rule: &str, allow: &str, good: &str, weak: &str, mend: &str| {
        let refused = protection.rules_of_kind(rule).next().is_some()
            || protection.readable_classic_protection().is_some_and(|classic| !is_enabled(classic, allow));
        if refused { SettingAdvice::good(good) } else { protection.advise_missing(weak, mend) }
    };
    vec![
        question(
            "non_fast_forward",
            "allow_force_pushes",
            "nobody rewrites the history of the branch",
            "the history of the branch can be rewritten",
            "block force pushes",
        ),
        question(
            "deletion",
            "allow_deletions",
            "nobody deletes the branch",
            "the branch can be deleted",
            "restrict deletions",
        ),
    ]
}

/// Returns those on a bypass list, in words.
fn describe_bypass_actors(actors: &[Value]) -> String {
    let one = |actor: &Value| {
        let kind = actor.get("actor_type").and_then(Value::as_str).unwrap_or("somebody");
        let id = actor.get("actor_id").and_then(Value::as_u64);
        let when = match actor.get("bypass_mode").and_then(Value::as_str) {
            Some("pull_request") => " (in pull requests)",
            _ => "",
        };
        let kind = match kind {
            "OrganizationAdmin" => "owners of the organisation",
            // The ids of GitHub's own roles.
            "RepositoryRole" if id == Some(5) => "administrators of the repository",
            "RepositoryRole" if id == Some(2) => "maintainers",
            "RepositoryRole" if id == Some(4) => "everybody who may write",
            "RepositoryRole" => "a role of the repository",
            "Team" => "a team",
            "Integration" => "an app",
            "DeployKey" => "deploy keys",
            _ => "somebody",
        };
        match id {
            Some(id) if matches!(kind, "a team" | "an app" | "somebody") => format!("{kind} {id}{when}"),
            _ => format!("{kind}{when}"),
        }
    };
    actors.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Returns the members of a list, none if it is not there.
pub(crate) fn list_members<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn has_text(value: &Value, key: &str, wanted: &str) -> bool {
    value.get(key).and_then(Value::as_str) == Some(wanted)
}

fn is_false(value: &Value, key: &str) -> bool {
    value.get(key).and_then(Value::as_bool) == Some(false)
}

/// Returns whether a setting of branch protection, which is a map with `enabled`, is on.
fn is_enabled(classic: &Value, key: &str) -> bool {
    classic.get(key).and_then(|setting| setting.get("enabled")).and_then(Value::as_bool) == Some(true)
}

/// Returns a branch's name as a part of an address.
pub(crate) fn escape_branch(branch: &str) -> String {
    let one = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    branch.bytes().map(one).collect()
}
