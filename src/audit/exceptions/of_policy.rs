//! What a policy asks less than the one before it, part by part, as `changegate policy diff` compares them.
//!
//! What is written in another way is told as such: whether it asks less is for a person to read.

use jiff::Timestamp;

use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::change::{Oid, Text};
use crate::gate::LoadedPolicy;
use crate::policy::difference::wording::{IS_NEW, PART_FIELD, PART_PROTECTS, PART_ROSTER};
use crate::policy::{Policy, PolicyDifference, PolicyDirection, PolicyErrors};
use crate::verdict::Message;

/// How many differences one exception names.
const MAX_NAMED_DIFFERENCES: usize = 12;

/// How many addresses and accounts of joiners are named.
const MAX_NAMED_JOINERS: usize = 5;

/// How many digits of a digest are shown.
const SHORT_DIGITS: usize = 12;

/// What a policy asks less than the one before it, or may ask less.
pub(crate) struct PolicyLoosening {
    /// The exception of the step that brought it.
    pub(crate) exception: AuditException,
    /// What it surely asks less, in words; `None` where it only is another one, which a person has to read.
    pub(crate) asks_less: Option<Text>,
}

/// Returns what the step that brought `new` in place of `old` loosens, which landed `at`; `None` if nothing says that it
/// may ask less.
pub(crate) fn build_policy_exception(
    repository: &str,
    (id, at): (Oid, Timestamp),
    (old, new): (&LoadedPolicy, &LoadedPolicy),
) -> Option<PolicyLoosening> {
    if old.policy.has_same_content(&new.policy) {
        return None;
    }
    let (looser, different) = list_differences(old, new);
    let (looser, different) = (join_differences(looser), join_differences(different));
    let what = match (&looser, &different) {
        (None, None) => return None,
        (Some(looser), None) => format!("the policy asks less than the one before: {looser}"),
        (None, Some(different)) => {
            format!("the policy may ask less than the one before, by what is another one: {different}")
        }
        (Some(looser), Some(different)) => format!(
            "the policy asks less than the one before: {looser}; and may ask less by what is another one: {different}"
        ),
    };
    let what = format!(
        "{what}. A rule that got another id, or a plan to bring one in step by step, looks the same; read both"
    );
    let short = |digest: &str| digest.chars().take(SHORT_DIGITS).collect::<String>();
    let exception = AuditException::open_exception(
        ExceptionKind::PolicyLoosened,
        (format!("{repository}@{id}"), new.policy.name.as_str().into()),
        (what, at),
        format!("policy {} before, {} after", short(&old.policy.digest), short(&new.policy.digest)),
    );
    Some(PolicyLoosening { exception, asks_less: looser.map(Text::from) })
}

/// Returns the exception of a policy with faults that was in force from `at` on; `id` is the step that brought it.
pub(crate) fn build_fault_exception(
    repository: &str,
    (id, at): (Oid, Timestamp),
    (policy, errors): (&Policy, &PolicyErrors),
) -> AuditException {
    let faults = errors.faulty_files.iter().flat_map(|file| &file.faults);
    let words = join_differences(faults.map(|fault| fault.what.clone()).collect()).unwrap_or_default();
    let what = format!(
        "the policy was in force although `changegate policy check` refuses it, and no decision that counts let it in: {words}"
    );
    AuditException::open_exception(
        ExceptionKind::FaultyPolicy,
        (format!("{repository}@{id}"), policy.name.as_str().into()),
        (what, at),
        format!("policy {}", policy.digest.chars().take(SHORT_DIGITS).collect::<String>()),
    )
}

/// Returns differences as one text, the first of them by name; `None` if there are none.
fn join_differences(mut differences: Vec<String>) -> Option<String> {
    let more = differences.len().saturating_sub(MAX_NAMED_DIFFERENCES);
    differences.truncate(MAX_NAMED_DIFFERENCES);
    if more > 0 {
        differences.push(format!("{more} more"));
    }
    if differences.is_empty() { None } else { Some(differences.join("; ")) }
}

/// Returns the exception of the step, which landed `at`, that was judged by a shared policy that may ask less than at the
/// decision before; `changes` is what its record says.
pub(crate) fn build_base_exception(
    repository: &str,
    (id, at): (Oid, Timestamp),
    (changes, evidence): (&[Message], String),
) -> AuditException {
    let (named, more) = changes.split_at(changes.len().min(MAX_NAMED_DIFFERENCES));
    let mut words: Vec<String> = named.iter().map(Message::to_plain_text).collect();
    if !more.is_empty() {
        words.push(format!("{} more", more.len()));
    }
    AuditException::open_exception(
        ExceptionKind::PolicyLoosened,
        (format!("{repository}@{id}"), "a shared policy".into()),
        (words.join("; "), at),
        evidence,
    )
}

/// Returns the differences by which `new` asks less than `old`, in words, and those by which it may.
fn list_differences(old: &LoadedPolicy, new: &LoadedPolicy) -> (Vec<String>, Vec<String>) {
    let (mut looser, mut different) = (Vec::new(), Vec::new());
    let Ok(found) = old.find_differences(new) else {
        different.push("the two cannot be compared".to_owned());
        return (looser, different);
    };
    for one in found.into_iter().filter(|one| !is_mere_addition(one) && one.part.code() != PART_ROSTER.code) {
        let words = format!("{}: {}", one.part.to_plain_text(), one.what.to_plain_text());
        match one.direction {
            PolicyDirection::Looser => looser.push(words),
            PolicyDirection::Different => different.push(words),
            PolicyDirection::Stricter => {}
        }
    }
    if old.policy.people.roster_digest.is_some() && new.policy.people.roster_digest.is_none() {
        looser.push("there is no roster any more".to_owned());
    } else {
        different.extend(describe_joiners(&old.policy, &new.policy));
    }
    (looser, different)
}

/// Returns whom the roster has in addition; that somebody has left asks nothing less.
fn describe_joiners(old: &Policy, new: &Policy) -> Option<String> {
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
