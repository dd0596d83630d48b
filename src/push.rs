//! The gate's own rules: what may happen to a ref under change control, whatever it holds.
//!
//! Without these rules a push could get around the policy. They are not written in a policy, and no
//! policy can switch them off; only the server administrator can change such a ref in another way.
//! Everything here is a function of what was read before.

use std::sync::Arc;

use crate::change::{Oid, Text};
use crate::verdict::{
    Finding, Fixer, Judgement, MessageTemplate, MessageValue, RuleDescription, RuleId, RuleLevel,
    RuleOutcome, messages, quote_for_shell,
};

messages! {
    GATE_NAMESPACE = "push.gate-namespace":
        "cannot push to {ref}: `refs/changegate/` belongs to the gate";
    REPLACE_NAMESPACE = "push.replace-namespace":
        "cannot push to {ref}: with `refs/replace/`, git shows another history than the one that lands";
    FOREIGN_NAMESPACE = "push.foreign-namespace":
        "cannot push to {ref}: `refs/namespaces/` holds the refs of other repositories";
    CASE_TWIN = "push.case-twin":
        "{ref} differs from {protected}, which is under change control, only by case, and the file system of the server takes both for one; choose another name";
    STALE_START = "push.stale-start":
        "the push starts from {claimed}, but {ref} holds {actual}";
    NO_COMMIT = "push.no-commit":
        "nothing";
    REF_DELETED = "push.ref-deleted":
        "deletes {ref}, which is under change control";
    REF_ABSENT = "push.ref-absent":
        "cannot delete {ref}: it does not exist";
    OBJECT_ABSENT = "push.object-absent":
        "{object} is not in the repository";
    OBJECT_KIND = "push.object-kind":
        "{object} is a {kind}, not a commit";
    TAG_ON_BRANCH = "push.tag-on-branch":
        "{object} is an annotated tag, but a branch holds commits";
    TAG_MOVED = "push.tag-moved":
        "moves the tag {ref}, which holds {old}";
    HISTORY_REWRITTEN = "push.history-rewritten":
        "{new} does not contain {old}, so the push would rewrite {ref}";
}

/// The namespaces that clients cannot write to, each with the message that refuses.
const RESERVED_REF_PREFIXES: [(&str, &MessageTemplate); 3] = [
    ("refs/changegate/", &GATE_NAMESPACE),
    ("refs/replace/", &REPLACE_NAMESPACE),
    ("refs/namespaces/", &FOREIGN_NAMESPACE),
];

/// Makes [`GateRule`] of lists of rules: the name here, the id, and what the rule asks.
macro_rules! gate_rules {
    ($(#[doc = $doc:literal] $LIST:ident: { $($Rule:ident = $id:literal: $title:literal;)* })*) => {
        /// A rule of the gate itself, which no policy can switch off.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum GateRule {
            $($(#[doc = concat!("`", $id, "`: ", $title, ".")] $Rule,)*)*
        }

        impl GateRule {
            /// Returns the id, as reports and records have it.
            pub fn id(self) -> &'static str {
                match self {
                    $($(GateRule::$Rule => $id,)*)*
                }
            }

            /// Returns what the rule asks, as a sentence.
            pub fn title(self) -> &'static str {
                match self {
                    $($(GateRule::$Rule => $title,)*)*
                }
            }
        }

        $(#[doc = $doc] pub const $LIST: &[GateRule] = &[$(GateRule::$Rule),*];)*
    };
}

gate_rules! {
    /// The rules about pushes, in the order in which they are documented.
    PUSH_RULES: {
        RefOnce = "ref-once": "a push names each ref once";
        RefReserved = "ref-reserved": "clients do not write to reserved refs";
        RefCase = "ref-case": "where names differ only by case, one is not pushed for another";
        RefDeleted = "ref-deleted": "refs under change control are not deleted";
        RefRewritten = "ref-rewritten": "refs under change control only move forward";
        RefCurrent = "ref-current": "a push starts from what the ref holds";
        RefObject = "ref-object": "a branch holds a commit that exists";
        TagMoved = "tag-moved": "tags under change control do not move";
        TagOfReviewed = "tag-of-reviewed":
            "tags under change control point to commits of a branch under change control";
        WholeHistory = "whole-history": "the whole history of a change can be read";
        ReadableCommits = "readable-commits": "every commit can be read";
        PushSize = "push-size": "a push is small enough to judge";
        PolicyPresent = "policy-present": "there is a policy to judge by";
        PolicyValid = "policy-valid": "the policy is valid before and after the push";
        GateFiles = "gate-files": "files that the policy comes to name are changed as files of the gate";
        NothingOverdue = "nothing-overdue": "overdue obligations of a branch are closed first";
        ShortcutSuspended = "shortcut-suspended": "no emergency changes while you have an overdue obligation";
        BreakGlass = "break-glass":
            "break-glass sessions are requested in a fixed form, by the teams that the policy names";
        Acts = "acts":
            "acts about changes come in a fixed form, from those whom the policy names";
        SignedApprovals = "signed-approvals":
            "a signed approval says what it is of, and a key that the policy knows signs it";
        PushCertificate = "push-certificate": "who signs a push is who pushes it";
        ObligationsKnown = "obligations-known":
            "the ledger can tell what is overdue, where the policy asks for it";
    }
    /// The rules about pull requests, beside those about pushes.
    PULL_REQUEST_RULES: {
        PullCurrent = "pull-current": "what is judged is what would be merged";
        PullComplete = "pull-complete": "all of the pull request can be read";
        PullTarget = "pull-target": "the target branch is under change control";
        PullQueued = "pull-queued": "it is known what the merge queue merges";
        LandedContent = "landed-content": "what lands is what was reviewed";
        LandingMessage = "landing-message": "the message that lands states what the pull request stated";
    }
}

impl GateRule {
    /// Returns true if the rule is enforced in evaluate mode as well: it guards the gate itself, or refuses what
    /// cannot be judged.
    pub fn is_always_enforced(self) -> bool {
        matches!(
            self,
            GateRule::RefOnce
                | GateRule::RefReserved
                | GateRule::RefCase
                | GateRule::RefCurrent
                | GateRule::RefObject
                | GateRule::WholeHistory
                | GateRule::ReadableCommits
                | GateRule::PushSize
                | GateRule::BreakGlass
                | GateRule::Acts
                | GateRule::SignedApprovals
        )
    }
}

/// Returns the judgement that refuses by this rule.
pub(crate) fn refuse_by_rule(rule: GateRule, finding: Finding) -> Judgement {
    refuse_by_findings(rule, vec![finding])
}

/// Returns the judgement that refuses by this rule, for one reason or several.
pub(crate) fn refuse_by_findings(rule: GateRule, findings: Vec<Finding>) -> Judgement {
    let description =
        RuleDescription { id: RuleId::new(rule.id()), title: rule.title().to_owned(), controls: Vec::new() };
    Judgement { rule: Arc::new(description), level: RuleLevel::Deny, outcome: RuleOutcome::Fail(findings) }
}

/// What a push asks of a ref under change control, and what the server knows of that ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRefUpdate<'push> {
    /// The full name of the ref, after symbolic refs have been followed.
    pub name: &'push Text,
    /// What the ref holds by the client's account; `None` for nothing.
    pub claimed_old: Option<Oid>,
    /// What the ref really holds; `None` for nothing.
    pub actual_old: Option<Oid>,
    /// What the ref is to hold; `None` to delete it.
    pub new: Option<Oid>,
    /// The kind of object that `new` names; without meaning if `new` is `None`.
    pub target_kind: RefTargetKind,
    /// True if `actual_old` is part of the history of `new`.
    pub is_fast_forward: bool,
}

/// The kind of object that a push would put into a ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefTargetKind {
    /// A commit, as branches need it.
    Commit,
    /// An annotated tag that leads to a commit.
    Tag,
    /// Something else, such as `tree`.
    Other(&'static str),
    /// An object that is not in the repository.
    Missing,
}

/// Returns the refusal of a name that clients cannot write to, whether or not it is under change control.
///
/// Names are compared without case, since some file systems do not tell them apart.
pub(crate) fn check_reserved_ref(name: &Text) -> Option<Judgement> {
    for (prefix, template) in RESERVED_REF_PREFIXES {
        if is_reserved_by(name.as_bytes(), prefix) {
            let finding = Finding::new(template.with("ref", name)).fixed_by(Fixer::Pusher);
            return Some(refuse_by_rule(GateRule::RefReserved, finding));
        }
    }
    None
}

/// Returns the refusal of a name that differs only by case from `protected`, a name under change control.
pub(crate) fn refuse_case_twin(name: &Text, protected: &Text) -> Judgement {
    let message = CASE_TWIN.with("ref", name).with("protected", protected);
    refuse_by_rule(GateRule::RefCase, Finding::new(message).fixed_by(Fixer::Pusher))
}

/// Returns true if `name` is below `prefix`, or the prefix without its last `/`.
fn is_reserved_by(name: &[u8], prefix: &str) -> bool {
    let folder = prefix.trim_end_matches('/');
    match name.get(..prefix.len()) {
        Some(start) => start.eq_ignore_ascii_case(prefix.as_bytes()),
        None => name.eq_ignore_ascii_case(folder.as_bytes()),
    }
}

/// Returns everything that refuses what a push asks of a ref under change control.
///
/// All rules are checked, so that one push shows every reason.
pub(crate) fn judge_ref_update(asked: &ProposedRefUpdate<'_>) -> Vec<Judgement> {
    let name = asked.name;
    let mut refusals = Vec::new();
    // A deletion that names no old value is answered below.
    if asked.claimed_old != asked.actual_old && (asked.claimed_old.is_some() || asked.new.is_some()) {
        let message = STALE_START
            .with("claimed", describe_oid(asked.claimed_old))
            .with("ref", name)
            .with("actual", describe_oid(asked.actual_old));
        let mut finding = Finding::new(message).fixed_by(Fixer::Pusher);
        // There is nothing to pull where the ref does not exist, and no tag is made again from another.
        if asked.actual_old.is_some() && !is_tag_name(name) {
            finding = finding.with_paste(build_pull_command(name));
        }
        refusals.push(refuse_by_rule(GateRule::RefCurrent, finding));
    }
    let Some(new) = asked.new else {
        refusals.push(match asked.actual_old {
            Some(_) => refuse_by_rule(
                GateRule::RefDeleted,
                Finding::new(REF_DELETED.with("ref", name)).fixed_by(Fixer::ServerAdministrator),
            ),
            None => refuse_by_rule(
                GateRule::RefCurrent,
                Finding::new(REF_ABSENT.with("ref", name)).fixed_by(Fixer::Pusher),
            ),
        });
        return refusals;
    };
    let is_tag = is_tag_name(name);
    let object = new.short_hex();
    let bad_object = match asked.target_kind {
        RefTargetKind::Missing => Some(OBJECT_ABSENT.with("object", object)),
        RefTargetKind::Other(kind) => Some(OBJECT_KIND.with("object", object).with("kind", kind)),
        RefTargetKind::Tag if !is_tag => Some(TAG_ON_BRANCH.with("object", object)),
        RefTargetKind::Tag | RefTargetKind::Commit => None,
    };
    if let Some(message) = bad_object {
        refusals.push(refuse_by_rule(GateRule::RefObject, Finding::new(message).fixed_by(Fixer::Pusher)));
    }
    if let Some(actual) = asked.actual_old {
        if is_tag {
            let message = TAG_MOVED.with("ref", name).with("old", actual.short_hex());
            refusals.push(refuse_by_rule(
                GateRule::TagMoved,
                Finding::new(message).fixed_by(Fixer::ServerAdministrator),
            ));
        } else if !asked.is_fast_forward && asked.target_kind == RefTargetKind::Commit {
            let message = HISTORY_REWRITTEN
                .with("new", new.short_hex())
                .with("old", actual.short_hex())
                .with("ref", name);
            let finding = Finding::new(message).fixed_by(Fixer::Pusher).with_paste(build_pull_command(name));
            refusals.push(refuse_by_rule(GateRule::RefRewritten, finding));
        }
    }
    refusals
}

fn is_tag_name(name: &Text) -> bool {
    name.as_bytes().starts_with(b"refs/tags/")
}

/// Returns the command that puts what a clone has checked out upon what the ref holds. The branch is named, since
/// what is checked out may follow another one or none, and what is not committed is kept. A server does not know
/// how a clone calls it; `origin` is the usual name.
fn build_pull_command(name: &Text) -> String {
    let name = name.to_lossy();
    let branch = name.strip_prefix("refs/heads/").unwrap_or(&name);
    format!("git pull --rebase --autostash origin {}", quote_for_shell(branch))
}

/// Returns the first digits of an id, or the message that stands for no commit.
fn describe_oid(id: Option<Oid>) -> MessageValue {
    match id {
        Some(id) => id.short_hex().into(),
        None => (&NO_COMMIT).into(),
    }
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
        judge_ref_update(&asked).into_iter().map(|judgement| judgement.rule.id.to_string()).collect()
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
    fn what_is_there_is_pulled_by_its_name() {
        for (name, pulled) in
            [("refs/heads/release/1", "release/1"), ("refs/heads/a;b", "'a;b'"), ("refs/for/x", "refs/for/x")]
        {
            for (claimed, is_fast_forward) in [(id(1), false), (id(3), true)] {
                let name = Text::from(name);
                let asked = ProposedRefUpdate {
                    name: &name,
                    claimed_old: Some(claimed),
                    actual_old: Some(id(1)),
                    new: Some(id(2)),
                    target_kind: RefTargetKind::Commit,
                    is_fast_forward,
                };
                let refusals = judge_ref_update(&asked);
                let RuleOutcome::Fail(findings) = &refusals[0].outcome else { panic!("{refusals:?}") };
                let paste = findings[0].paste.as_deref().unwrap();
                assert_eq!(paste, format!("git pull --rebase --autostash origin {pulled}"));
            }
        }
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
