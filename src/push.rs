//! What may happen to a ref under change control, whatever it holds.
//!
//! These rules are the gate's own: without them the policy could be walked around. They are not
//! written in a policy and cannot be switched off by one; who has to break one of them
//! administrates the server. Everything here is a function of what was read before.

use std::sync::Arc;

use crate::change::{Oid, Text};
use crate::verdict::{Finding, Judgement, Level, Line, Outcome, RuleName};

/// The namespaces that no client writes to.
const RESERVED: [(&str, &str); 3] = [
    ("refs/changegate/", "it belongs to the gate"),
    ("refs/replace/", "a replaced object shows another history than the one that lands"),
    ("refs/namespaces/", "it holds the refs of other repositories under other names"),
];

/// The rules, in the order in which they are documented: id, what it asks.
pub const RULES: [(&str, &str); 17] = [
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
pub fn refuse(id: &str, finding: Finding) -> Judgement {
    let title = RULES.iter().find(|(known, _)| *known == id).map_or(id, |(_, title)| title);
    Judgement {
        rule: Arc::new(RuleName { id: id.into(), title: title.into(), controls: Vec::new() }),
        level: Level::Deny,
        outcome: Outcome::Fail(vec![finding]),
    }
}

/// What a push asks of a ref under change control, held against what the server knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked<'push> {
    /// The full name of the ref, after symbolic refs have been followed.
    pub name: &'push Text,
    /// What the client says that it holds; `None` for nothing.
    pub claimed: Option<Oid>,
    /// What it holds.
    pub actual: Option<Oid>,
    /// What it is to hold; `None` to delete it.
    pub new: Option<Oid>,
    /// What `new` is, where it is something.
    pub object: Object,
    /// Whether `actual` is part of the history of `new`, where both are something.
    pub forward: bool,
}

/// What a push would put into a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Object {
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
pub fn reserved(name: &Text) -> Option<Judgement> {
    let name_bytes = name.as_bytes();
    let below = |prefix: &str| {
        let whole = prefix.trim_end_matches('/').len();
        name_bytes.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
            || (name_bytes.len() == whole
                && prefix.as_bytes().get(..whole).is_some_and(|start| start.eq_ignore_ascii_case(name_bytes)))
    };
    let (prefix, why) = RESERVED.iter().find(|(prefix, _)| below(prefix))?;
    let what = Line::say("nobody pushes to ").quote(name).and(format!(": `{prefix}` is reserved; {why}"));
    Some(refuse("ref-reserved", Finding::new(what).by("nobody")))
}

/// Returns everything that speaks against what a push asks of a ref under change control.
pub fn judge(asked: &Asked<'_>) -> Vec<Judgement> {
    let is_tag = asked.name.as_bytes().starts_with(b"refs/tags/");
    let administrator = "whoever administrates the server";
    let mut against = Vec::new();
    let mut refuse_by = |id: &str, finding: Finding| against.push(refuse(id, finding));
    if asked.claimed != asked.actual && (asked.claimed.is_some() || asked.new.is_some()) {
        let what = Line::say("the push starts from ")
            .and(shown(asked.claimed))
            .and(", and the ref holds ")
            .and(shown(asked.actual));
        refuse_by("ref-current", Finding::new(what).by("the pusher").paste("git pull --rebase"));
    }
    let Some(new) = asked.new else {
        if asked.actual.is_some() {
            let what = Line::say("this deletes ").quote(asked.name);
            refuse_by("ref-deleted", Finding::new(what).by(administrator));
        } else {
            let what = Line::say("there is no ").quote(asked.name).and(" to delete");
            refuse_by("ref-current", Finding::new(what).by("the pusher"));
        }
        return against;
    };
    match asked.object {
        Object::Missing => {
            let what = Line::say(format!("{} is not in the repository", new.short()));
            refuse_by("ref-object", Finding::new(what).by("the pusher"));
        }
        Object::Other(kind) => {
            let what = Line::say(format!("{} is a {kind}, and not a commit", new.short()));
            refuse_by("ref-object", Finding::new(what).by("the pusher"));
        }
        Object::Tag if !is_tag => {
            let what = Line::say(format!("{} is an annotated tag, and a branch holds commits", new.short()));
            refuse_by("ref-object", Finding::new(what).by("the pusher"));
        }
        Object::Tag | Object::Commit => {}
    }
    if let Some(actual) = asked.actual {
        if is_tag {
            let what =
                Line::say("this moves ").quote(asked.name).and(format!(" away from {}", actual.short()));
            refuse_by("tag-moved", Finding::new(what).by(administrator));
        } else if !asked.forward && matches!(asked.object, Object::Commit) {
            let what = Line::say(format!("{} is not part of the history of {}", actual.short(), new.short()));
            let finding = Finding::new(what).by("the pusher");
            refuse_by("ref-rewritten", finding.paste("git pull --rebase"));
        }
    }
    against
}

fn shown(id: Option<Oid>) -> String {
    id.map_or_else(|| "nothing".into(), |id| id.short())
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
        let asked = Asked { name: &name, claimed, actual, new, object: Object::Commit, forward };
        judge(&asked).into_iter().map(|judgement| judgement.rule.id.clone()).collect()
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
            assert!(reserved(&name.into()).is_some(), "{name}");
        }
        assert!(reserved(&"refs/changegated/x".into()).is_none());
    }
}
