//! Approvals that people signed with their own keys: whose they are, whether they are of what lands, and which count.
//!
//! The latest decision of each person about what lands counts, by the time of its receipt. An approval counts if what lands
//! is what was approved, or relates to it in a way that the question accepts. An objection holds for a part of it as well.

use crate::change::{
    ContentRelation, Missing, Person, SignatureStatus, SignedApproval, SignedDecision, Text,
};
use crate::people::ResolvedIdentity;
use crate::people::contributors::NotIndependent;
use crate::people::independence::ParticipantIndex;
use crate::people::service::PersonAbsence;
use crate::predicates::approvals::approved_content::{check_not_maker, check_relation, check_signer};
use crate::predicates::approvals::approvers::{CountedApprover, find_seat};
use crate::predicates::approvals::named_people::{
    describe_dependence, describe_unknown, named_message, read_named_person,
};
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::approvals::reviews::{COUNTED_ALREADY, SUPERSEDED};
use crate::predicates::approvals::signing_advice::{advise_signing, describe_ref_option};
use crate::predicates::approvals::stated_approvals::find_all_approvals;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::find_unidentified_contributor;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    TOO_FEW_SIGNED = "approvals.too-few-signed":
        "needs {needed} signed {needed:approval|approvals}{from} of the final revision; {count} {count:counts|count}";
    SIGNED_NOT_COUNTED = "approvals.signed-not-counted":
        "the signed approval of {signer} does not count: {reason}";
    SIGNED_OBJECTION = "approvals.signed-objection":
        "{signer} rejects revision {revision}; they take that back with `changegate approve {revision}{option} --revoke`";
    UNCOMPARED_OBJECTION = "approvals.uncompared-objection":
        "{signer} rejects revision {revision}, and what lands could not be compared with it: {reason}; they take that back \
         with `changegate approve {revision}{option} --revoke`";
    OBJECTOR_LEFT = "approvals.objector-left": "the signer has left, with {day} as their last day";
    OBJECTOR_GONE = "approvals.objector-gone": "the policy knows neither the signer nor the key any more";
    KEY_CHANGED_HANDS = "approvals.key-changed-hands":
        "{author} wrote it, and the key that signed it is not theirs any more";
    SIGNATURE_INVALID = "approvals.signature-invalid": "its signature is not valid any more: {reason}";
    SIGNER_NAME = "approvals.signer-name": "{signer}";
    OTHER_ROLE = "approvals.other-role":
        "it was given for {role} alone, and this rule does not name that team; approve without `--role` for it";
    NOT_IN_ROLE = "approvals.not-in-role":
        "it was given for {role} alone, of which the approver was no member then";
    OTHER_CONTENT = "approvals.other-content": "it is of revision {revision}, and what lands has other content";
    REVOKED = "approvals.revoked": "the signer has revoked it";
    NAMED_NOT_SIGNED = "approvals.named-not-signed":
        "this person has not signed an approval of what lands; ask them for `changegate approve`, or remove the line";
}

/// What a signed approval is worth to a question.
pub(super) struct WeighedSigned<'change> {
    pub(super) approval: &'change SignedApproval,
    pub(super) person: Option<String>,
    /// The approver or, for an objection that stands, `None`; or why it does not count.
    pub(super) weight: Result<Option<CountedApprover>, Message>,
}

/// Answers the question from signed approvals alone.
pub(super) fn evaluate_signed(
    asked: &ApprovalsPredicate,
    approvals: &[SignedApproval],
    context: &EvaluationContext<'_>,
) -> Result<PredicateOutcome, Missing> {
    let (participants, missing_contributor) = context.participants();
    if let Some(finding) = find_unidentified_contributor(participants, context) {
        return Ok(PredicateOutcome::Fails(vec![finding]));
    }
    let weighed = weigh_signed_approvals(asked, approvals, context);
    let mut findings = list_objections(&weighed, context);
    findings.extend(find_unsigned_names(asked, &weighed, context));
    let approvers = list_approvers(&weighed);
    if !asked.has_enough_approvals(&approvers, context) {
        let counted = (approvers.as_slice(), approvers.len());
        let mut shortfalls = asked.list_shortfalls(&TOO_FEW_SIGNED, counted, context);
        shortfalls.extend(list_uncounted(&weighed));
        let tip = context.change.tip();
        if let Some(id) = tip.id {
            let message = advise_signing(id, context);
            shortfalls.push(Finding::new(message).in_commit(tip.id).fixed_by(asked.approval_fixer()));
        }
        shortfalls.append(&mut findings);
        findings = shortfalls;
    }
    if !findings.is_empty() {
        return Ok(PredicateOutcome::Fails(findings));
    }
    match missing_contributor {
        Some(missing) => Err(missing.clone()),
        None => Ok(PredicateOutcome::Holds),
    }
}

/// Returns what each signed approval is worth, in the order of receipt.
pub(super) fn weigh_signed_approvals<'change>(
    asked: &ApprovalsPredicate,
    approvals: &'change [SignedApproval],
    context: &EvaluationContext<'_>,
) -> Vec<WeighedSigned<'change>> {
    let (participants, _) = context.participants();
    let index = ParticipantIndex::new(participants);
    let mut counted: Vec<CountedApprover> = Vec::new();
    let mut weighed = Vec::with_capacity(approvals.len());
    for (place, approval) in approvals.iter().enumerate() {
        let later = approvals.get(place + 1..).unwrap_or_default();
        let weight = match approval.decision {
            _ if is_superseded(approval, later, context) => Err(Message::from(&SUPERSEDED)),
            SignedDecision::Rejected => weigh_objection(approval, context),
            SignedDecision::Revoked => Err(Message::from(&REVOKED)),
            SignedDecision::Approved => match find_approver(asked, approval, &index, context) {
                Ok(approver) if !count_words(&mut counted, &approver) => Err(Message::from(&COUNTED_ALREADY)),
                Ok(approver) => Ok(Some(approver)),
                Err(why) => Err(why),
            },
        };
        let person = match identify_signer(approval, context) {
            (_, ResolvedIdentity::Human(key)) => Some(key),
            _ => None,
        };
        weighed.push(WeighedSigned { approval, person, weight });
    }
    weighed
}

/// Returns the people whose signed approvals of a change count, each once.
pub(super) fn list_signed_approvers(
    asked: &ApprovalsPredicate,
    context: &EvaluationContext<'_>,
) -> Vec<CountedApprover> {
    let approvals = context.change.signed_approvals.as_deref().unwrap_or_default();
    list_approvers(&weigh_signed_approvals(asked, approvals, context))
}

/// Returns the people whose signed approvals count, each once, with what they said for several teams.
pub(super) fn list_approvers(weighed: &[WeighedSigned<'_>]) -> Vec<CountedApprover> {
    let mut approvers = Vec::new();
    for one in weighed {
        if let Ok(Some(approver)) = &one.weight {
            count_words(&mut approvers, approver);
        }
    }
    approvers
}

/// Counts an approver, or what they say for another team beside what counts already; returns false if that is nothing more.
fn count_words(counted: &mut Vec<CountedApprover>, approver: &CountedApprover) -> bool {
    let Some(known) = counted.iter_mut().find(|known| known.is_same_person(approver)) else {
        counted.push(approver.clone());
        return true;
    };
    let says_more = !known.includes_words(approver);
    if says_more {
        known.add_words(approver.clone());
    }
    says_more
}

/// Returns a finding for each objection that stands.
pub(super) fn list_objections(
    weighed: &[WeighedSigned<'_>],
    context: &EvaluationContext<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in weighed {
        if let Ok(None) = one.weight {
            let option = describe_ref_option(context);
            let message = match &one.approval.relation {
                ContentRelation::Uncompared(why) => {
                    UNCOMPARED_OBJECTION.with("reason", Text::from(why.as_str()))
                }
                _ => Message::from(&SIGNED_OBJECTION),
            };
            let message = message.with("signer", name_signer(one.approval)).with("option", option);
            let message = message.with("revision", one.approval.revision.short_hex());
            findings.push(Finding::new(message).fixed_by(Fixer::Author).or_by(Fixer::Reviewer));
        }
    }
    findings
}

/// Returns a finding for each approval that does not count, unless the same person said something later.
pub(super) fn list_uncounted(weighed: &[WeighedSigned<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for one in weighed {
        let Err(reason) = &one.weight else { continue };
        let is_settled = *reason == Message::from(&SUPERSEDED) || *reason == Message::from(&COUNTED_ALREADY);
        if one.approval.decision != SignedDecision::Rejected && !is_settled {
            let message = SIGNED_NOT_COUNTED.with("signer", name_signer(one.approval));
            findings.push(Finding::new(message.with("reason", reason.clone())).fixed_by(Fixer::Reviewer));
        }
    }
    findings
}

/// Returns a finding for each trailer that names an approver who has not signed an approval that counts or would count
/// in another role: a claim that the signatures could confirm, and do not.
fn find_unsigned_names(
    asked: &ApprovalsPredicate,
    weighed: &[WeighedSigned<'_>],
    context: &EvaluationContext<'_>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (participants, _) = context.participants();
    let index = ParticipantIndex::new(participants);
    for stated in find_all_approvals(asked, &context.change.commits) {
        let reason = match read_named_person(stated.value) {
            Err(reason) => Some(reason),
            Ok(person) => match context.people.identify_person(&person) {
                ResolvedIdentity::Human(key) => {
                    let has_signed = weighed.iter().any(|one| {
                        one.approval.decision == SignedDecision::Approved
                            && matches!(one.approval.signature, SignatureStatus::Good { .. })
                            && one.weight.as_ref().err() != Some(&Message::from(&SUPERSEDED))
                            && one.person.as_ref() == Some(&key)
                            && is_confirming(asked, one.approval, &index, context)
                    });
                    if has_signed { None } else { Some(Message::from(&NAMED_NOT_SIGNED)) }
                }
                ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot => {
                    Some(describe_dependence(&NotIndependent::Bot))
                }
                ResolvedIdentity::Unknown => {
                    Some(describe_unknown(&person.name, Some(&person.email), context.people))
                }
            },
        };
        if let Some(reason) = reason {
            let message = named_message(stated.key, stated.value, reason);
            let finding = Finding::new(message).in_commit(stated.commit.id).on_message_line(stated.line);
            findings.push(finding.fixed_by(asked.approval_fixer()).or_by(Fixer::Author));
        }
    }
    findings
}

/// Returns true if an approval says of what lands what a trailer states of its signer: that somebody who is independent has
/// approved it, in whatever role.
fn is_confirming(
    asked: &ApprovalsPredicate,
    approval: &SignedApproval,
    index: &ParticipantIndex<'_>,
    context: &EvaluationContext<'_>,
) -> bool {
    let SignatureStatus::Good { signer, .. } = &approval.signature else { return false };
    let person = Person { name: Text::default(), email: signer.clone() };
    check_signer(asked, &person, approval, (index, context)).is_ok()
        && check_relation(asked, approval, context).is_ok()
        && check_not_maker(&person, approval, context).is_ok()
}

/// Returns the person whose approval this is, if it counts.
fn find_approver(
    asked: &ApprovalsPredicate,
    approval: &SignedApproval,
    index: &ParticipantIndex<'_>,
    context: &EvaluationContext<'_>,
) -> Result<CountedApprover, Message> {
    let signer = match &approval.signature {
        SignatureStatus::Good { signer, .. } => signer,
        SignatureStatus::None => return Err(SIGNATURE_INVALID.with("reason", Text::from("it has none"))),
        SignatureStatus::Bad(why) => {
            return Err(SIGNATURE_INVALID.with("reason", Text::from(why.as_str())));
        }
    };
    let person = Person { name: Text::default(), email: signer.clone() };
    let at = approval.received_at;
    // A key that is given to another person later makes nobody else the approver of what it signed.
    let signed_by = context.people.identify_person(&person);
    let is_theirs = |other: &ResolvedIdentity| *other == signed_by;
    if !is_theirs(&context.people.identify_person(&approval.author))
        || !is_theirs(&identify_signer(approval, context).1)
    {
        return Err(KEY_CHANGED_HANDS.with("author", &approval.author.email));
    }
    let key = check_signer(asked, &person, approval, (index, context))?;
    check_relation(asked, approval, context)?;
    check_not_maker(&person, approval, context)?;
    let seat = asked.find_approver_seat(&key, at, context)?;
    let Some(role) = &approval.role else {
        return Ok(CountedApprover::from_person(key, seat, at, &person));
    };
    // What is said for one team counts for that one, and not where a rule asks anyone or the owners of the files.
    let Some(team) = asked.asked_teams().iter().find(|team| team.as_bytes() == role.as_bytes()) else {
        return Err(OTHER_ROLE.with("role", role));
    };
    let Some(seat) = find_seat(&key, at, context, &|holds_team| holds_team(team)) else {
        return Err(NOT_IN_ROLE.with("role", role));
    };
    Ok(CountedApprover::from_person(key, seat, at, &person).in_role(team))
}

/// Returns true if the same person has said something else later, about the same revision or about all that lands. What they
/// say of a part of it, of other content or for one team alone takes back nothing of the rest. What a key signed that is not
/// theirs any more lifts no objection.
fn is_superseded(
    approval: &SignedApproval,
    later: &[SignedApproval],
    context: &EvaluationContext<'_>,
) -> bool {
    let speaker = name_speaker(approval, context);
    later.iter().any(|other| {
        other.decision != approval.decision
            && (other.revision == approval.revision || other.relation.is_of_all())
            && (other.role.is_none() || other.role == approval.role)
            && name_speaker(other, context) == speaker
            && (approval.decision != SignedDecision::Rejected
                || (is_still_theirs(other, context) && !was_held_back(other, approval)))
    })
}

/// Returns true for a word that was signed before another one and received after it. About one revision the server refuses
/// such a word; about another form of the same content it knows no better than the dates.
fn was_held_back(word: &SignedApproval, other: &SignedApproval) -> bool {
    word.revision != other.revision
        && word.signed_at.zip(other.signed_at).is_some_and(|(signed, other)| signed < other)
}

/// Returns true if the key that signed a word is still one of the person from whom it was received.
fn is_still_theirs(approval: &SignedApproval, context: &EvaluationContext<'_>) -> bool {
    let SignatureStatus::Good { signer, .. } = &approval.signature else { return false };
    let signed_by = context.people.identify_person(&Person { name: Text::default(), email: signer.clone() });
    signed_by == identify_signer(approval, context).1
}

/// Returns that an objection stands, or why it does not. It holds for what was rejected, for a part of that, and for the same
/// in another form, as long as its signer can take it back: those who have left can not.
fn weigh_objection(
    approval: &SignedApproval,
    context: &EvaluationContext<'_>,
) -> Result<Option<CountedApprover>, Message> {
    if let ContentRelation::Changed { .. } = approval.relation {
        return Err(OTHER_CONTENT.with("revision", approval.revision.short_hex()));
    }
    match identify_signer(approval, context) {
        (_, ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot) => {
            Err(describe_dependence(&NotIndependent::Bot))
        }
        (_, ResolvedIdentity::Human(key)) => {
            match context.people.find_absence(&key, context.change.seen_at) {
                Some(PersonAbsence::Left(day)) => Err(OBJECTOR_LEFT.with("day", day.to_string())),
                // The signature was good when it was received, and losing a key takes no objection back.
                _ => Ok(None),
            }
        }
        (_, ResolvedIdentity::Unknown) => match &approval.signature {
            SignatureStatus::Good { .. } => Ok(None),
            SignatureStatus::None | SignatureStatus::Bad(_) => Err(Message::from(&OBJECTOR_GONE)),
        },
    }
}

/// Returns the address of the signer, and who that is. It is that of the receipt: a key that is given to another person later
/// takes nothing of what it signed along.
fn identify_signer<'change>(
    approval: &'change SignedApproval,
    context: &EvaluationContext<'_>,
) -> (&'change Text, ResolvedIdentity) {
    let signer = &approval.received_from;
    let person = Person { name: Text::default(), email: signer.clone() };
    (signer, context.people.identify_person(&person))
}

/// Returns a key that is equal for all approvals of one person.
fn name_speaker(approval: &SignedApproval, context: &EvaluationContext<'_>) -> String {
    match identify_signer(approval, context) {
        (_, ResolvedIdentity::Human(key)) => format!("person {key}"),
        (signer, _) => format!("address {}", signer.to_lossy()),
    }
}

fn name_signer(approval: &SignedApproval) -> Message {
    SIGNER_NAME.with("signer", &approval.received_from)
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const POLICY: &str = "
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: [ana] }
    ben: { addresses: [ben@example.com], accounts: [ben] }
    kim: { addresses: [kim@example.com, kim@example.org], accounts: [kim] }
    lea: { addresses: [lea@example.com], accounts: [lea], left: 2025-06-30 }
people:
  teams: { security: [kim@example.com], ops: [ben@example.com, kim@example.com] }
  bots: [ci@example.com]
fields: { Reviewed-by: { person: true }, Risk: { one-of: [low, high] } }
";

    /// Asks about a commit of Ana with this message and these signed approvals.
    fn told(question: &str, message: &str, approvals: &str) -> Vec<String> {
        let text = format!(
            "ask: {{ approvals: {question} }}{POLICY}change: {{ author: Ana <ana@example.com>, pusher: ana, message: \"{message}\", signed-approvals: [{approvals}] }}"
        );
        finding_texts(&answer_example(&text))
    }

    fn counts(question: &str, approvals: &str) -> bool {
        told(question, "Cache it", approvals) == [""; 0]
    }

    const BEN: &str = "{ by: ben@example.com }";

    #[test]
    fn people_other_than_the_authors_count_once_each() {
        assert!(counts("{}", BEN));
        for other in ["ana@example.com", "ci@example.com", "eve@example.com", "lea@example.com"] {
            assert!(!counts("{}", &format!("{{ by: {other} }}")), "{other}");
        }
        assert!(!counts("{}", "{ by: ben@example.com, signature: bad }"));
        assert!(!counts("{ at-least: 2 }", &format!("{BEN}, {BEN}")));
        assert!(!counts("{ at-least: 2 }", "{ by: kim@example.com }, { by: kim@example.org }"));
        assert!(counts("{ at-least: 2 }", &format!("{BEN}, {{ by: kim@example.com }}")));
        // Signatures count where less would do.
        assert!(counts("{ trust: claimed }", BEN));
    }

    #[test]
    fn the_latest_decision_of_each_person_counts() {
        let by = |who: &str, decision: &str| format!("{{ by: {who}@example.com, decision: {decision} }}");
        for (first, second, is_enough) in [
            ("approved", "revoked", false),
            ("revoked", "approved", true),
            ("rejected", "approved", true),
            ("approved", "rejected", false),
        ] {
            let both = format!("{}, {}", by("ben", first), by("ben", second));
            assert_eq!(counts("{}", &both), is_enough, "{both}");
        }
        for who in ["kim", "ana", "eve"] {
            let objection = format!("{BEN}, {}", by(who, "rejected"));
            assert!(!counts("{}", &objection), "{who}");
            // Also where a trailer would be enough.
            let message = "Cache it\\n\\nReviewed-by: Ben <ben@example.com>\\n";
            let found = told("{ trust: claimed }", message, &by(who, "rejected"));
            assert!(found[0].contains("rejects revision"), "{found:?}");
        }
        let unknown = "{ by: kim@example.com, decision: rejected, relation: uncompared }";
        let found = told("{}", "Tidy\n", unknown);
        assert!(found.iter().any(|one| one.contains("could not be compared with it")), "{found:?}");
        // Of other content, and of what holds more than lands, nothing is said by it.
        let other = "{ by: kim@example.com, decision: rejected, relation: changed }";
        assert!(counts("{}", &format!("{BEN}, {other}")));
        let part = "{ by: kim@example.com, decision: rejected, relation: partial }";
        assert!(!counts("{}", &format!("{BEN}, {part}")));
        // A machine objects to nothing, and losing a key takes nothing back.
        assert!(counts("{}", &format!("{BEN}, {}", by("ci", "rejected"))));
        let lost = "{ by: kim@example.com, decision: rejected, signature: bad }";
        assert!(!counts("{}", &format!("{BEN}, {lost}")));
    }

    #[test]
    fn a_role_counts_for_its_team_alone() {
        let kim = |role: &str| format!("{{ by: kim@example.com, role: {role} }}");
        let each = "{ from: [security, ops], distinct-teams: true }";
        assert!(counts("{ from: [security] }", &kim("security")));
        assert!(!counts("{ from: [security] }", &kim("ops")));
        assert!(counts(each, &format!("{BEN}, {}", kim("security"))));
        assert!(!counts(each, &format!("{BEN}, {}", kim("ops"))));
        assert!(!counts(each, &format!("{}, {}", kim("ops"), kim("security"))));
        // Nor does it count where no team is asked, or for a team that they are not in.
        assert!(!counts("{}", &kim("security")));
        assert!(!counts("{ from: [security, ops] }", "{ by: ben@example.com, role: security }"));
    }

    #[test]
    fn what_one_person_says_for_several_teams_adds_up() {
        let by = |who: &str, rest: &str| format!("{{ by: {who}@example.com{rest} }}");
        let ben = by("ben", ", role: ops");
        let each = "{ from: [security, ops], distinct-teams: true }";
        let of_kim = |words: &[&str]| -> String {
            let words: Vec<String> = words.iter().map(|rest| by("kim", rest)).collect();
            format!("{ben}, {}", words.join(", "))
        };
        assert!(!counts(each, &of_kim(&[", role: ops"])));
        for more in ["", ", role: security"] {
            assert!(counts(each, &of_kim(&[", role: ops", more])), "{more}");
            assert!(counts(each, &of_kim(&[more, ", role: ops"])), "{more}");
        }
        // Until one of them is taken back.
        let revoked = ", role: security, decision: revoked";
        assert!(!counts(each, &of_kim(&[", role: ops", ", role: security", revoked])));
        // However many teams, they fill one place.
        let both = format!("{}, {}", by("kim", ", role: ops"), by("kim", ", role: security"));
        assert!(!counts("{ at-least: 2, from: [security, ops] }", &both));
        assert!(counts("{ at-least: 1, from: [security, ops] }", &both));
    }

    #[test]
    fn only_accepted_relations_carry_an_approval_over() {
        let of = |relation: &str| format!("{{ by: ben@example.com, relation: {relation} }}");
        for (relation, by_default) in [
            ("exact", true),
            ("clean-merge", true),
            ("message-only", true),
            ("same-tree", true),
            ("clean-rebase", false),
            ("squash", false),
            ("partial", false),
            ("changed", false),
        ] {
            assert_eq!(counts("{}", &of(relation)), by_default, "{relation}");
            assert_eq!(counts("{ carries-over: [] }", &of(relation)), relation == "exact", "{relation}");
            let can_be_asked = relation != "partial" && relation != "changed" && relation != "exact";
            if can_be_asked {
                assert!(counts(&format!("{{ carries-over: [{relation}] }}"), &of(relation)), "{relation}");
            }
        }
        assert_eq!(
            question_faults(&format!("ask: {{ approvals: {{ carries-over: [changed] }} }}{POLICY}")).len(),
            1
        );
    }

    #[test]
    fn authors_approve_the_parts_of_each_other_where_they_may() {
        let both = "Cache it\\n\\nCo-authored-by: Ben <ben@example.com>\\n";
        let (ana, ben) = ("{ by: ana@example.com }", "{ by: ben@example.com }");
        let each = format!("{ana}, {ben}");
        assert!(!told("{}", both, &each).is_empty());
        assert_eq!(told("{ authors: cross }", both, &each), [""; 0]);
        assert!(!told("{ authors: cross }", both, ben).is_empty());
        // One person for each role, by their own signatures.
        let roles = "{ from: [security], distinct: people }";
        let two = format!(
            "{{ all: [{{ approvals: {roles} }}, {{ approvals: {{ from: [ops], distinct: people }} }}] }}"
        );
        let asked = |approvals: &str| {
            let text = format!(
                "ask: {two}{POLICY}change: {{ author: Ana <ana@example.com>, pusher: ana, message: Cache it, signed-approvals: [{approvals}] }}"
            );
            finding_texts(&answer_example(&text))
        };
        assert!(!asked("{ by: kim@example.com }").is_empty());
        assert_eq!(asked(&format!("{{ by: kim@example.com }}, {ben}")), [""; 0]);
    }

    #[test]
    fn whom_a_trailer_names_has_to_have_signed() {
        let named = |who: &str| format!("Cache it\\n\\nReviewed-by: {who} <{who}@example.com>\\n");
        assert_eq!(told("{}", &named("ben"), BEN), [""; 0]);
        let found = told("{}", &named("kim"), BEN);
        assert!(found[0].contains("has not signed an approval of what lands"), "{found:?}");
        // What was taken back, or is signed by a key that is gone, is no approval either.
        let kim = "{ by: kim@example.com }";
        for gone in ["decision: revoked", "decision: rejected"] {
            let both = format!("{BEN}, {kim}, {{ by: kim@example.com, {gone} }}");
            assert!(!told("{}", &named("kim"), &both).is_empty(), "{gone}");
        }
        let bad = format!("{BEN}, {{ by: kim@example.com, signature: bad }}");
        assert!(!told("{}", &named("kim"), &bad).is_empty());
    }

    #[test]
    fn without_what_the_server_received_nothing_is_known() {
        let text = |trust: &str, rest: &str| {
            format!(
                "ask: {{ approvals: {{ trust: {trust} }} }}{POLICY}change: {{ author: Ana <ana@example.com>, pusher: ana, message: \"Cache it\\n\\nReviewed-by: Ben <ben@example.com>\\n\"{rest} }}"
            )
        };
        for trust in ["verified", "claimed"] {
            let gap = ", signed-approvals: [{ by: ben@example.com }], unknown: [signed-approvals]";
            let found = finding_texts(&answer_example(&text(trust, gap)));
            assert!(found[0].starts_with("unknown"), "{trust}: {found:?}");
        }
    }
}
