//! What a policy asks less than the one before it, as far as the two can be compared rule by rule.
//!
//! A rule that is written in another way is told as such: whether it asks less is for a person to read.

use crate::audit::exceptions::{AuditException, ExceptionKind, ExceptionStatus};
use crate::audit::population::ref_chain::ChainStep;
use crate::policy::{Policy, Rule};
use crate::verdict::RuleLevel;

/// How many differences one exception names.
const MAX_NAMED_DIFFERENCES: usize = 12;

/// How many digits of a digest are shown.
const SHORT_DIGITS: usize = 12;

/// Returns the exception of the step that brought `new` in place of `old`; `None` if nothing says that it asks less.
pub(crate) fn build_policy_exception(
    repository: &str,
    step: &ChainStep,
    (old, new): (&Policy, &Policy),
) -> Option<AuditException> {
    let mut differences = list_differences(old, new);
    if differences.is_empty() {
        return None;
    }
    let more = differences.len().saturating_sub(MAX_NAMED_DIFFERENCES);
    differences.truncate(MAX_NAMED_DIFFERENCES);
    if more > 0 {
        differences.push(format!("{more} more"));
    }
    let what = format!(
        "the policy may ask less than the one before: {}. A rule that got another id, or a plan to bring one in step by \
         step, looks the same; read both",
        differences.join("; ")
    );
    let short = |digest: &str| digest.chars().take(SHORT_DIGITS).collect::<String>();
    Some(AuditException {
        kind: ExceptionKind::PolicyLoosened,
        subject_id: format!("{repository}@{}", step.id),
        subject: new.name.as_str().into(),
        rule: None,
        what: what.into(),
        occurred_at: step.committed_at,
        detected_at: None,
        actor: None,
        approver: None,
        status: ExceptionStatus::Open,
        due: None,
        late_by: None,
        evidence: format!("policy {} before, {} after", short(&old.digest), short(&new.digest)),
    })
}

/// Returns what `new` asks less or otherwise than `old`, in words.
fn list_differences(old: &Policy, new: &Policy) -> Vec<String> {
    let mut found = Vec::new();
    for pattern in &old.protected_refs {
        if !new.protected_refs.contains(pattern) {
            found.push(format!("`{pattern}` is no longer under `protects`"));
        }
    }
    for rule in &old.rules {
        let id = rule.description.id.as_str();
        let Some(now) = new.rules.iter().find(|one| one.description.id == rule.description.id) else {
            found.push(format!("rule `{id}` is gone"));
            continue;
        };
        if (rule.level, now.level) == (RuleLevel::Deny, RuleLevel::Warn) {
            found.push(format!("rule `{id}` only warns"));
        }
        if rule.require != now.require {
            found.push(format!("rule `{id}` requires something else"));
        }
        if rule.when != now.when || list_class_names(old, rule) != list_class_names(new, now) {
            found.push(format!("rule `{id}` is about other changes"));
        }
    }
    for exemption in &new.exemptions {
        let Some(id) = find_rule_id(new, exemption.rule_index) else { continue };
        let is_known = old.exemptions.iter().any(|known| {
            find_rule_id(old, known.rule_index) == Some(id)
                && known.when == exemption.when
                && known.until >= exemption.until
        });
        if !is_known {
            found.push(format!(
                "an exemption from `{id}` until {}, approved by {}",
                exemption.until, exemption.approved_by
            ));
        }
    }
    found
}

fn find_rule_id(policy: &Policy, index: usize) -> Option<&str> {
    policy.rules.get(index).map(|rule| rule.description.id.as_str())
}

/// Returns the classes that a rule is for, by name; `None` for all.
fn list_class_names<'a>(policy: &'a Policy, rule: &Rule) -> Option<Vec<&'a str>> {
    let indexes = rule.class_indexes.as_ref()?;
    let mut names: Vec<&str> = Vec::new();
    for index in indexes {
        names.extend(policy.classes.get(*index).map(|class| class.id.as_str()));
    }
    names.sort_unstable();
    Some(names)
}
