//! What may happen to a ref under change control, whatever it holds.
//!
//! These rules are the gate's own: without them the policy could be walked around. They are not
//! written in a policy and cannot be switched off by one; who has to break one of them
//! administrates the server. Everything here is a function of what was read before.

use std::sync::Arc;

use crate::change::{Oid, Text};
use crate::verdict::{Finding, Judgement, RuleDescription, RuleLevel, RuleOutcome, Sentence};

/// The namespaces that no client writes to.
const RESERVED_REF_PREFIXES: [(&str, &str); 3] = [
    ("refs/changegate/", "it belongs to the gate"),
    ("refs/replace/", "a replaced object shows another history than the one that lands"),
    ("refs/namespaces/", "it holds the refs of other repositories under other names"),
];

/// The rules, in the order in which they are documented: id, what it asks.
pub const PUSH_RULES: [(&str, &str); 17] = [
    ("ref-once", "a push names a ref once"),
    ("ref-reserved", "clients do not write to reserved refs"),
    ("ref-deleted", "a ref under change control is not deleted"),
    ("ref-rewritten", "a ref under change control only moves forward"),
    ("ref-current", "a push starts from what the ref holds"),
    ("ref-object", "a branch holds a commit that is there"),
    ("tag-moved", "a tag under change control stays where it is"),
    ("tag-of-reviewed", "a tag under change control is of a commit on a branch under change control"),
    ("whole-history", "the history of a change can be seen"),
    ("readable-commits", "every commit can be read"),
    ("push-size", "a push is small enough to be judged"),
    ("policy-present", "there is a policy to judge by"),
    ("policy-valid", "the policy can be used, and stays so"),
    ("nothing-overdue", "a ref with something overdue takes what closes it first"),
    ("shortcut-suspended", "who owes something overdue takes no shortcut"),
    ("break-glass", "a break-glass session is opened and closed by those whom the policy names, in one form"),
    ("obligations-known", "where the policy asks what is overdue, the ledger can tell"),
];

/// Returns the judgement that refuses by the rule `id`.
pub fn refuse_by_rule(id: &str, finding: Finding) -> Judgement {
    let title = PUSH_RULES.iter().find(|(known, _)| *known == id).map_or(id, |(_, title)| title);
    Judgement {
        rule: Arc::new(RuleDescription { id: id.into(), title: title.into(), controls: Vec::new() }),
        level: RuleLevel::Deny,
        outcome: RuleOutcome::Fail(vec![finding]),
    }
}

/// What a push asks of a ref under change control, held against what the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRefUpdate<'push> {
    /// The full name of the ref, after symbolic refs have been followed.
    pub name: &'push Text,
    /// What the client says that it holds; `None` for nothing.
    pub claimed_old: Option<Oid>,
    /// What it holds.
    pub actual_old: Option<Oid>,
    /// What it is to hold; `None` to delete it.
    pub new: Option<Oid>,
    /// What `new` is, where it is something.
    pub target_kind: RefTargetKind,
    /// Whether `actual` is part of the history of `new`, where both are something.
    pub is_fast_forward: bool,
}

/// What a push would put into a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefTargetKind {
    /// A commit.
    Commit,
    /// An annotated tag that leads to a commit.
    Tag,
    /// Something else, such as `tree`.
    Other(&'static str),
    /// An object that is not there.
    Missing,
}

/// Returns why a name is not for clients to write to, whether or not it is under change control.
///
/// Names are compared without case, since some file systems do not tell them apart.
pub fn check_reserved_ref(name: &Text) -> Option<Judgement> {
    let name_bytes = name.as_bytes();
    let below = |prefix: &str| {
        let whole = prefix.trim_end_matches('/').len();
        name_bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
            || (name_bytes.len() == whole
                && prefix.as_bytes().get(..whole).is_some_and(|start| start.eq_ignore_ascii_case(name_bytes)))
    };
    let (prefix, why) = RESERVED_REF_PREFIXES.iter().find(|(prefix, _)| below(prefix))?;
    let what = Sentence::from_words("nobody pushes to ")
        .with_quote(name)
        .with_words(format!(": `{prefix}` is reserved; {why}"));
    Some(refuse_by_rule("ref-reserved", Finding::new(what).fixed_by("nobody")))
}

/// Returns everything that speaks against what a push asks of a ref under change control.
pub fn judge_ref_update(asked: &ProposedRefUpdate<'_>) -> Vec<Judgement> {
    let is_tag = asked.name.as_bytes().starts_with(b"refs/tags/");
    let administrator = "whoever administrates the server";
    let mut against = Vec::new();
    let mut refuse_by = |id: &str, finding: Finding| against.push(refuse_by_rule(id, finding));
    if asked.claimed_old != asked.actual_old && (asked.claimed_old.is_some() || asked.new.is_some()) {
        let what = Sentence::from_words("the push starts from ")
            .with_words(describe_oid(asked.claimed_old))
            .with_words(", and the ref holds ")
            .with_words(describe_oid(asked.actual_old));
        refuse_by("ref-current", Finding::new(what).fixed_by("the pusher").with_paste("git pull --rebase"));
    }
    let Some(new) = asked.new else {
        if asked.actual_old.is_some() {
            let what = Sentence::from_words("this deletes ").with_quote(asked.name);
            refuse_by("ref-deleted", Finding::new(what).fixed_by(administrator));
        } else {
            let what = Sentence::from_words("there is no ").with_quote(asked.name).with_words(" to delete");
            refuse_by("ref-current", Finding::new(what).fixed_by("the pusher"));
        }
        return against;
    };
    match asked.target_kind {
        RefTargetKind::Missing => {
            let what = Sentence::from_words(format!("{} is not in the repository", new.short_hex()));
            refuse_by("ref-object", Finding::new(what).fixed_by("the pusher"));
        }
        RefTargetKind::Other(kind) => {
            let what = Sentence::from_words(format!("{} is a {kind}, and not a commit", new.short_hex()));
            refuse_by("ref-object", Finding::new(what).fixed_by("the pusher"));
        }
        RefTargetKind::Tag if !is_tag => {
            let what = Sentence::from_words(format!(
                "{} is an annotated tag, and a branch holds commits",
                new.short_hex()
            ));
            refuse_by("ref-object", Finding::new(what).fixed_by("the pusher"));
        }
        RefTargetKind::Tag | RefTargetKind::Commit => {}
    }
    if let Some(actual) = asked.actual_old {
        if is_tag {
            let what = Sentence::from_words("this moves ")
                .with_quote(asked.name)
                .with_words(format!(" away from {}", actual.short_hex()));
            refuse_by("tag-moved", Finding::new(what).fixed_by(administrator));
        } else if !asked.is_fast_forward && matches!(asked.target_kind, RefTargetKind::Commit) {
            let what = Sentence::from_words(format!(
                "{} is not part of the history of {}",
                actual.short_hex(),
                new.short_hex()
            ));
            let finding = Finding::new(what).fixed_by("the pusher");
            refuse_by("ref-rewritten", finding.with_paste("git pull --rebase"));
        }
    }
    against
}

fn describe_oid(id: Option<Oid>) -> String {
    id.map_or_else(|| "nothing".into(), |id| id.short_hex())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> Oid {
        Oid::from_bytes(&[byte; 20]).unwrap()
    }

    fn ids(
        name: &str,
        claimed: Option<Oid>,
        actual: Option<Oid>,
        new: Option<Oid>,
        forward: bool,
    ) -> Vec<String> {
        let name = Text::from(name);
        let asked = ProposedRefUpdate {
            name: &name,
            claimed_old: claimed,
            actual_old: actual,
            new,
            target_kind: RefTargetKind::Commit,
            is_fast_forward: forward,
        };
        judge_ref_update(&asked).into_iter().map(|judgement| judgement.rule.id.clone()).collect()
    }

    #[test]
    fn a_branch_moves_forward_from_where_it_is() {
        assert_eq!(ids("refs/heads/main", Some(id(1)), Some(id(1)), Some(id(2)), true), [""; 0]);
        assert_eq!(ids("refs/heads/main", None, None, Some(id(2)), false), [""; 0]);
        assert_eq!(ids("refs/heads/main", Some(id(1)), Some(id(1)), Some(id(2)), false), ["ref-rewritten"]);
        assert_eq!(ids("refs/heads/main", Some(id(3)), Some(id(1)), Some(id(2)), true), ["ref-current"]);
        assert_eq!(ids("refs/heads/main", None, Some(id(1)), Some(id(2)), true), ["ref-current"]);
    }

    #[test]
    fn a_deletion_is_one_whatever_the_client_says_was_there() {
        assert_eq!(ids("refs/heads/main", None, Some(id(1)), None, false), ["ref-deleted"]);
        assert_eq!(
            ids("refs/heads/main", Some(id(9)), Some(id(1)), None, false),
            ["ref-current", "ref-deleted"]
        );
    }

    #[test]
    fn a_tag_stays_where_it_is() {
        assert_eq!(ids("refs/tags/v1", Some(id(1)), Some(id(1)), Some(id(2)), true), ["tag-moved"]);
        assert_eq!(ids("refs/tags/v1", None, None, Some(id(2)), false), [""; 0]);
    }

    #[test]
    fn reserved_names_are_reserved_in_any_case() {
        for name in ["refs/changegate/ledger", "refs/Changegate/x", "refs/changegate", "refs/replace/abc"] {
            assert!(check_reserved_ref(&name.into()).is_some(), "{name}");
        }
        assert!(check_reserved_ref(&"refs/changegated/x".into()).is_none());
    }
}
