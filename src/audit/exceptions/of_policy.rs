//! What a policy asks less than the one before it, part by part, as `changegate policy diff` compares them.
//!
//! What is written in another way is told as such: whether it asks less is for a person to read.

use jiff::Timestamp;

use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::change::Oid;
use crate::gate::LoadedPolicy;
use crate::policy::difference::wording::{IS_NEW, PART_FIELD, PART_PROTECTS, PART_ROSTER};
use crate::policy::{Policy, PolicyDifference, PolicyDirection};

/// How many differences one exception names.
const MAX_NAMED_DIFFERENCES: usize = 12;

/// How many addresses and accounts of joiners are named.
const MAX_NAMED_JOINERS: usize = 5;

/// How many digits of a digest are shown.
const SHORT_DIGITS: usize = 12;

/// Returns the exception of the step that brought `new` in place of `old`, which landed `at`; `None` if nothing says
/// that it asks less.
pub(crate) fn build_policy_exception(
    repository: &str,
    (id, at): (Oid, Timestamp),
    (old, new): (&LoadedPolicy, &LoadedPolicy),
) -> Option<AuditException> {
    if old.policy.has_same_content(&new.policy) {
        return None;
    }
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
    Some(AuditException::open_exception(
        ExceptionKind::PolicyLoosened,
        (format!("{repository}@{id}"), new.policy.name.as_str().into()),
        (what, at),
        format!("policy {} before, {} after", short(&old.policy.digest), short(&new.policy.digest)),
    ))
}

/// Returns the differences after which `new` may ask less than `old`, in words, those that surely do first.
fn list_differences(old: &LoadedPolicy, new: &LoadedPolicy) -> Vec<String> {
    let Ok(mut found) = old.find_differences(new) else {
        return vec!["the two cannot be compared".to_owned()];
    };
    found.retain(|one| {
        one.direction.may_loosen() && !is_mere_addition(one) && one.part.code() != PART_ROSTER.code
    });
    found.sort_by_key(|one| std::cmp::Reverse(one.direction));
    let mut words: Vec<String> = found
        .into_iter()
        .map(|one| format!("{}: {}", one.part.to_plain_text(), one.what.to_plain_text()))
        .collect();
    words.extend(describe_joiners(&old.policy, &new.policy));
    words
}

/// Returns whom the roster has in addition; that somebody has left asks nothing less.
fn describe_joiners(old: &Policy, new: &Policy) -> Option<String> {
    if old.people.roster_digest.is_some() && new.people.roster_digest.is_none() {
        return Some("there is no roster any more".to_owned());
    }
    let known = old.people.list_identities();
    let is_new = |(id, key): &(&str, &str)| known.get(id) != Some(key);
    let mut joined: Vec<String> =
        new.people.list_identities().into_iter().filter(is_new).map(|(id, _)| format!("`{id}`")).collect();
    if joined.is_empty() {
        return None;
    }
    let more = joined.len().saturating_sub(MAX_NAMED_JOINERS);
    joined.truncate(MAX_NAMED_JOINERS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("{}: has {}{more} as well, or of another person", PART_ROSTER.text, joined.join(", ")))
}

/// Returns true for what a policy gets in addition and that only a gate of pushes has to doubt.
fn is_mere_addition(difference: &PolicyDifference) -> bool {
    let (part, what) = (difference.part.code(), difference.what.code());
    difference.direction == PolicyDirection::Different
        && (part == PART_PROTECTS.code || part == PART_FIELD.code && what == IS_NEW.code)
}
