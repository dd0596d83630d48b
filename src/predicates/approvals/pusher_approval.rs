//! The approval of whoever pushes a change that others made: the server knows them, and they have put it where it lands.
//!
//! A clean merge has no content of its own, so whoever makes one contributes nothing by it. Who made the other commits
//! is what the commits say, unless it is asked that their authors have signed them.

use crate::change::{Change, Commit, FactKind, Missing, PusherIdentity, Stage, Text};
use crate::people::ResolvedIdentity;
use crate::people::contributors::{
    NotIndependent, account_contributor, find_commit_contributors, to_contributors,
};
use crate::predicates::approvals::approvers::CountedApprover;
use crate::predicates::approvals::named_people::{describe_dependence, describe_unknown};
use crate::predicates::approvals::push_signature::find_unsigned_push;
use crate::predicates::approvals::requirement::{ApprovalTrust, ApprovalsPredicate};
use crate::predicates::signed::find_unsigned_commits;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::find_unidentified_contributor;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    NOBODY_PUSHED = "approvals.nobody-pushed": "this server does not identify who pushes, so a push approves nothing";
    PUSHER_DOES_NOT_COUNT = "approvals.pusher-does-not-count": "the pusher {account} does not approve by pushing: {reason}";
    ACCOUNT_WITHOUT_ROSTER = "approvals.account-without-roster":
        "without a roster nothing tells which of the authors has this account";
    MADE_IT = "approvals.pusher-made-it": "they made a part of the change";
    PUSH_BY_OTHER = "approvals.push-by-other": "someone{from} who made no part of it has to push the change";
}

/// Answers the question from who pushes.
pub(super) fn evaluate_pusher(
    asked: &ApprovalsPredicate,
    context: &EvaluationContext<'_>,
) -> Result<PredicateOutcome, Missing> {
    let change = context.change;
    let account = match find_pushing_account(change)? {
        Ok(account) => account,
        Err(finding) => return Ok(PredicateOutcome::Fails(vec![finding])),
    };
    let content = list_content_commits(change)?;
    let mut findings = Vec::new();
    let mut missing = None;
    if asked.trust == ApprovalTrust::Verified {
        let (unsigned, gap) = find_unsigned_commits(&content, context);
        findings.extend(unsigned);
        missing = gap;
    }
    if asked.requires_signed_push() {
        findings.extend(find_unsigned_push(change)?);
    }
    let (participants, _) = context.participants();
    findings.extend(find_unidentified_contributor(participants, context));
    if let Err(reason) = identify_pusher(asked, account, &content, context) {
        let by = asked.approval_fixer();
        let what = PUSHER_DOES_NOT_COUNT.with("account", account).with("reason", reason);
        findings.insert(0, Finding::new(what).in_commit(change.tip().id).fixed_by(by.clone()));
        let what = PUSH_BY_OTHER.with("from", asked.teams_clause(context));
        findings.insert(1, Finding::new(what).in_commit(change.tip().id).fixed_by(by));
    }
    PredicateOutcome::from_findings_or_missing(findings, missing)
}

/// Returns the account that pushes the change, or the finding that this server knows none. Of a signed push, the address
/// of the signer stands for them.
///
/// # Errors
///
/// Returns the gap where nobody pushes yet, and in a pull request, which is merged after it was judged.
pub(super) fn find_pushing_account(change: &Change) -> Result<Result<&Text, Finding>, Missing> {
    if change.pull.is_ok() || change.stage == Stage::PullRequest {
        return Err(Missing::NotConfigured(FactKind::Pusher));
    }
    match &change.pusher {
        Ok(PusherIdentity::Account(account)) => {
            Ok(Ok(change.push_certificate.find_signer().unwrap_or(account)))
        }
        Ok(PusherIdentity::Unidentified) => {
            Ok(Err(Finding::new(&NOBODY_PUSHED).fixed_by(Fixer::ServerAdministrator)))
        }
        Err(missing) => Err(missing.clone()),
    }
}

/// Returns the commits of a change without its clean merges.
///
/// # Errors
///
/// Returns the gap if it is not known whether a merge is clean.
pub(super) fn list_content_commits(change: &Change) -> Result<Vec<&Commit>, Missing> {
    let mut content = Vec::new();
    for commit in &change.commits {
        if !commit.is_merge() || !commit.evil_merge_paths.as_ref().map_err(Missing::clone)?.is_empty() {
            content.push(commit);
        }
    }
    Ok(content)
}

/// Returns the person who pushes, if they approve by it.
///
/// # Errors
///
/// Returns why they do not.
pub(super) fn identify_pusher(
    asked: &ApprovalsPredicate,
    account: &Text,
    content: &[&Commit],
    context: &EvaluationContext<'_>,
) -> Result<CountedApprover, Message> {
    let people = context.people;
    let key = match people.identify_pusher(account) {
        ResolvedIdentity::Human(key) => key,
        ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => {
            return Err(describe_dependence(&NotIndependent::Bot));
        }
        ResolvedIdentity::Unknown => return Err(describe_unknown(account, None, people)),
    };
    let at = context.change.seen_at;
    if let Some(absence) = people.find_absence(&key, at) {
        return Err(describe_dependence(&NotIndependent::Absent(absence)));
    }
    if !people.has_roster() && !account.as_bytes().contains(&b'@') {
        return Err(Message::from(&ACCOUNT_WITHOUT_ROSTER));
    }
    let makers = find_commit_contributors(content.iter().copied(), context.change, people);
    if let Some(pusher) = account_contributor(account, people) {
        let made = to_contributors(&makers);
        if made.iter().any(|maker| maker.key.is_some() && maker.may_be_same(&pusher)) {
            return Err(Message::from(&MADE_IT));
        }
    }
    let seat = asked.find_approver_seat(&key, at, context)?;
    Ok(CountedApprover::from_account(&key, seat, at, String::new(), None))
}

#[cfg(test)]
mod tests {
    use crate::change::{CertificateFault, Oid, PushCertificate};
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    const PEOPLE: &str = "
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: [ana] }
    ben: { addresses: [ben@example.com], accounts: [ben] }
    kim: { addresses: [kim@example.com], accounts: [kim] }
people:
  teams: { duty: [kim@example.com] }
  bots: [ci]
";

    fn says(question: &str, people: &str, change: &str) -> Vec<String> {
        let text = format!("ask: {{ approvals: {{ by: pusher{question} }} }}{people}change:{change}");
        finding_texts(&answer_example(&text))
    }

    fn claimed(change: &str) -> Vec<String> {
        says(", trust: claimed", PEOPLE, change)
    }

    #[test]
    fn somebody_else_approves_by_pushing() {
        let by_ana = "{ author: Ana <ana@example.com> }";
        assert_eq!(claimed(&format!(" {{ pusher: ben, commits: [{by_ana}] }}")), [""; 0]);
        for (pusher, reason) in [("ana", "made a part"), ("ci", "a bot"), ("eve", "not in the roster")] {
            let found = claimed(&format!(" {{ pusher: {pusher}, commits: [{by_ana}] }}"));
            assert!(found[0].contains(reason), "{pusher}: {found:?}");
            assert!(found[1].contains("who made no part of it has to push"), "{found:?}");
        }
        let unidentified = claimed(&format!(" {{ commits: [{by_ana}] }}"));
        assert_eq!(unidentified, ["this server does not identify who pushes, so a push approves nothing"]);
    }

    #[test]
    fn whoever_made_a_part_in_any_role_does_not() {
        for made in [
            "{ author: Ana <ana@example.com>, committer: Ben <ben@example.com> }",
            "{ author: Ana <ana@example.com>, message: \"One\\n\\nCo-authored-by: Ben <ben@example.com>\\n\" }",
            "{ author: Ana <ana@example.com> }, { author: Ben <ben@example.com> }",
            "{ author: Ana <ana@example.com> }, { author: Ben <ben@example.com>, merge: true, own-content: [a] }",
            "{ author: Ana <ana@example.com>, committer: BEN <b@example.org> }",
        ] {
            let found = claimed(&format!(" {{ pusher: ben, commits: [{made}] }}"));
            assert!(!found.is_empty(), "{made}");
        }
    }

    #[test]
    fn a_clean_merge_of_the_pusher_is_no_part() {
        let merged = "{ author: Ana <ana@example.com> }, { author: Ben <ben@example.com>, merge: true }";
        assert_eq!(claimed(&format!(" {{ pusher: ben, commits: [{merged}] }}")), [""; 0]);
        let found = claimed(&format!(" {{ unknown: [own-content], pusher: ben, commits: [{merged}] }}"));
        assert!(found[0].starts_with("unknown"), "{found:?}");
    }

    #[test]
    fn a_team_can_be_asked() {
        let by_ana = "commits: [{ author: Ana <ana@example.com> }]";
        let asked = ", trust: claimed, from: duty";
        assert_eq!(says(asked, PEOPLE, &format!(" {{ pusher: kim, {by_ana} }}")), [""; 0]);
        assert!(says(asked, PEOPLE, &format!(" {{ pusher: ben, {by_ana} }}"))[0].contains("not a member"));
    }

    #[test]
    fn verified_takes_the_signatures_of_the_authors() {
        let by_ana = |signature: &str| {
            format!(
                " {{ pusher: ben, commits: [{{ author: Ana <ana@example.com>, signature: {signature} }}] }}"
            )
        };
        assert_eq!(says("", PEOPLE, &by_ana("{ good: ana@example.com }")), [""; 0]);
        assert_eq!(says("", PEOPLE, &by_ana("none")), ["this commit is not signed"]);
        assert!(says("", PEOPLE, &by_ana("{ good: ben@example.com }"))[0].contains("neither its author"));
        // Only what was signed is known to be of another person.
        let merged = " { pusher: ben, commits: [
            { author: Ana <ana@example.com>, signature: { good: ana@example.com } },
            { author: Ben <ben@example.com>, merge: true, signature: none } ] }";
        assert_eq!(says("", PEOPLE, merged), [""; 0]);
    }

    #[test]
    fn a_signed_push_can_be_asked() {
        let asked = ", trust: claimed, signed-push: true";
        let by_ana = "commits: [{ author: Ana <ana@example.com> }]";
        let signed = |more: &str| says(asked, PEOPLE, &format!(" {{ pusher: ben, {more} {by_ana} }}"));
        assert_eq!(signed("signed-push: true,"), [""; 0]);
        let found = signed("");
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].contains("came without a certificate"), "{found:?}");
        assert!(signed("stage: check,")[0].starts_with("unknown"));
        let beside = "ask: { approvals: { signed-push: true } }\nfields: { Reviewed-by: { person: true } }\n";
        assert_eq!(question_faults(beside).len(), 1);
    }

    #[test]
    fn the_signer_of_a_push_is_who_pushes() {
        let fault = CertificateFault::OtherNonce;
        let good = |signer: &str| PushCertificate::Good {
            id: Oid::from_hex(&"1".repeat(40)).unwrap(),
            signer: signer.into(),
            key: "SHA256:x".to_owned(),
        };
        let ask = |certificate: PushCertificate| {
            let text = format!(
                "ask: {{ approvals: {{ by: pusher, trust: claimed, signed-push: true }} }}{PEOPLE}\
                 change: {{ pusher: ben, commits: [{{ author: Ana <ana@example.com> }}] }}"
            );
            finding_texts(&answer_edited(&text, |change| change.push_certificate = certificate.clone()))
        };
        assert_eq!(ask(good("kim@example.com")), [""; 0]);
        assert!(ask(good("ana@example.com"))[0].contains("made a part"));
        assert!(ask(good("eve@example.com"))[0].contains("not in the roster"));
        assert!(ask(PushCertificate::Bad(fault))[0].contains("does not count: its nonce"));
    }

    #[test]
    fn without_a_roster_an_account_may_be_any_author() {
        let by_ana = "commits: [{ author: Ana <ana@example.com> }]";
        let found = says(", trust: claimed", "\n", &format!(" {{ pusher: ben, {by_ana} }}"));
        assert!(found[0].contains("without a roster"), "{found:?}");
        assert_eq!(
            says(", trust: claimed", "\n", &format!(" {{ pusher: ben@example.com, {by_ana} }}")),
            [""; 0]
        );
    }

    #[test]
    fn a_pull_request_has_no_pusher_to_ask() {
        let found = claimed(
            " { stage: pull-request, commits: [{ author: Ana <ana@example.com> }], pull: { opener: github:ana } }",
        );
        assert!(found[0].starts_with("unknown"), "{found:?}");
    }

    #[test]
    fn what_says_nothing_beside_it_is_refused() {
        for beside in
            ["at-least: 2", "of: any-commit", "from: codeowners", "commands: ['/ok']", "field: Reviewed-by"]
        {
            let text = format!(
                "ask: {{ approvals: {{ by: pusher, {beside} }} }}\nfields: {{ Reviewed-by: {{ person: true }} }}\n"
            );
            assert_eq!(question_faults(&text).len(), 1, "{beside}");
        }
        assert_eq!(question_faults("ask: { approvals: { by: anyone } }").len(), 2);
    }
}
