//! The people whose approvals count, for whom they count, and whether each team can be given one of its own.

use jiff::Timestamp;

use crate::change::Person;
use crate::change::person::{canonical_address, comparable_name};
use crate::change::pull_request::ForgeAccount;
use crate::people::ResolvedIdentity;
use crate::predicates::support::context::EvaluationContext;

/// One approval of a person: when it was given, and for whom.
#[derive(Clone)]
struct ApproverWord {
    /// The time by a clock that somebody vouches for.
    at: Timestamp,
    /// The team for which alone it was given; `None` for every team of the approver.
    role: Option<String>,
}

/// A person whose approval counts.
#[derive(Clone)]
pub(super) struct CountedApprover {
    pub(super) key: String,
    /// The key of the person for whom it counts: their own, or that of a member of a team for whom they act.
    pub(super) seat: String,
    /// Their approvals that count: one, or one for each of several teams.
    words: Vec<ApproverWord>,
    /// The name in the form in which names are compared; empty for an account.
    pub(super) name: String,
    /// What tells the person by the number of an account; empty without one.
    speaker: String,
    /// The account, with its forge, or what the address begins with.
    pub(super) login: String,
    /// The number of the account, where the forge says it.
    pub(super) number: Option<u64>,
}

impl CountedApprover {
    /// Returns an approver who is known by an account; `speaker` is equal for all logins of its number.
    pub(super) fn from_account(
        key: &str,
        seat: String,
        at: Timestamp,
        speaker: String,
        account: Option<&ForgeAccount>,
    ) -> Self {
        let login = account.map(|account| account.id.to_lossy().to_ascii_lowercase()).unwrap_or_default();
        let number = account.and_then(|account| account.number);
        let (key, name) = (key.to_owned(), String::new());
        let words = vec![ApproverWord { at, role: None }];
        CountedApprover { key, seat, words, name, speaker, login, number }
    }

    /// Returns an approver who is known by name and address.
    pub(super) fn from_person(key: String, seat: String, at: Timestamp, person: &Person) -> Self {
        let address = canonical_address(person.email.as_bytes()).unwrap_or_default();
        CountedApprover {
            key,
            seat,
            words: vec![ApproverWord { at, role: None }],
            name: comparable_name(&person.name),
            speaker: String::new(),
            login: address.split('@').next().unwrap_or_default().to_owned(),
            number: None,
        }
    }

    /// Returns the same approver, counted for this team alone.
    pub(super) fn in_role(mut self, role: &str) -> Self {
        for word in &mut self.words {
            word.role = Some(role.to_owned());
        }
        self
    }

    /// Returns true if the approvals of the same person for the same seat say nothing more than those that are known here.
    pub(super) fn includes_words(&self, other: &CountedApprover) -> bool {
        let is_known = |word: &ApproverWord| self.words.iter().any(|known| known.role == word.role);
        other.words.iter().all(is_known) || self.key != other.key || self.seat != other.seat
    }

    /// Adds what the same person has said for other teams: it counts for these as well, and fills no second place.
    pub(super) fn add_words(&mut self, other: CountedApprover) {
        self.words.extend(other.words);
    }

    /// Returns the teams for which alone the approvals were given; `None` if one of them is for every team.
    pub(super) fn list_roles(&self) -> Option<Vec<&str>> {
        self.words.iter().map(|word| word.role.as_deref()).collect()
    }

    /// Returns true for the same person: one key, one name under two addresses, or one account under two logins; and for
    /// two approvals that count for the same person.
    pub(super) fn is_same_person(&self, other: &CountedApprover) -> bool {
        self.key == other.key
            || self.seat == other.seat
            || (!self.name.is_empty() && self.name == other.name)
            || (!self.speaker.is_empty() && self.speaker == other.speaker)
    }

    /// Returns true if the approver was in a team when they approved for it, or acted for somebody who was.
    pub(super) fn holds_team(&self, team: &str, context: &EvaluationContext<'_>) -> bool {
        self.words.iter().any(|word| {
            word.role.as_ref().is_none_or(|role| role == team)
                && find_seat(&self.key, word.at, context, &|holds_team| holds_team(team)).is_some()
        })
    }
}

/// Tells whether a team is held.
pub(crate) type HeldTeams<'test> = dyn Fn(&str) -> bool + 'test;

/// Returns the key of the person for whom an approval counts: the approver, or a person for whom they act. `is_asked`
/// tells whether the teams that are held are among those that are asked.
///
/// A delegate can do no more than the person: nobody acts for a contributor to the change.
pub(crate) fn find_seat(
    key: &str,
    at: Timestamp,
    context: &EvaluationContext<'_>,
    is_asked: &dyn Fn(&HeldTeams<'_>) -> bool,
) -> Option<String> {
    let people = context.people;
    if is_asked(&|team| people.is_own_member(key, team, at)) {
        return Some(key.to_owned());
    }
    for delegator in people.list_possible_delegators(key) {
        let holds_team = |team: &str| people.list_delegators(key, team, at).contains(&delegator);
        if is_asked(&holds_team) && !is_contributor(delegator, context) {
            return Some(delegator.to_owned());
        }
    }
    None
}

/// Returns true if the person with this key made the change.
pub(super) fn is_contributor(key: &str, context: &EvaluationContext<'_>) -> bool {
    let is_it =
        |identity: &ResolvedIdentity| matches!(identity, ResolvedIdentity::Human(known) if known == key);
    context.participants().0.iter().any(|participant| is_it(&participant.identity))
}

/// Returns how many of the teams can be given an approver of their own.
pub(super) fn count_covered_teams(
    teams: &[String],
    approvers: &[CountedApprover],
    context: &EvaluationContext<'_>,
) -> usize {
    let mut members = Vec::new();
    for team in teams {
        let mut indexes = Vec::new();
        for (index, approver) in approvers.iter().enumerate() {
            if approver.holds_team(team, context) {
                indexes.push(index);
            }
        }
        members.push(indexes);
    }
    count_assigned(&members, approvers.len())
}

/// Returns how many of the places, each with the approvers who can take it, can be taken by approvers of their own.
pub(crate) fn count_assigned(candidates: &[Vec<usize>], approvers: usize) -> usize {
    let mut assigned = vec![None; approvers];
    let mut count = 0;
    for place in 0..candidates.len() {
        let mut tried = vec![false; approvers];
        count += usize::from(assign_approver(place, candidates, &mut assigned, &mut tried));
    }
    count
}

/// Gives a team one of its members, and moves those who are assigned already if that takes it.
///
/// This is an augmenting path of a bipartite matching: an approver may be a member of several teams,
/// so that assigning them in order could leave a team without one.
fn assign_approver(
    team: usize,
    members: &[Vec<usize>],
    assigned: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let Some(candidates) = members.get(team) else { return false };
    for &approver in candidates {
        match tried.get_mut(approver) {
            Some(was_tried) if !*was_tried => *was_tried = true,
            _ => continue,
        }
        let is_free = match assigned.get(approver).copied().flatten() {
            None => true,
            Some(other) => assign_approver(other, members, assigned, tried),
        };
        if is_free {
            if let Some(slot) = assigned.get_mut(approver) {
                *slot = Some(team);
            }
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    const POLICY: &str = "
fields: { Reviewed-by: { person: true } }
people: { teams: { security: [ana@example.com], ops: [cy@example.com] } }
";

    /// Asks about a push of Dan, seen at a time, whose message has these trailers.
    fn pushed(question: &str, roster: &str, at: &str, approvers: &[&str]) -> Vec<String> {
        let mut message = String::from("Cache it\\n\\n");
        for name in approvers {
            message += &format!("Reviewed-by: {name} <{name}@example.com>\\n");
        }
        let text = format!(
            "ask: {{ approvals: {{ trust: claimed{question} }} }}{POLICY}roster:\n  people:\n{roster}    dan: {{ addresses: [dan@example.com] }}\nchange:\n  at: {at}\n  commits: [{{ author: Dan <dan@example.com>, message: \"{message}\" }}]"
        );
        finding_texts(&answer_example(&text))
    }

    fn reviewed(question: &str, roster: &str, review: &str) -> Vec<String> {
        let text = format!(
            "ask: {{ approvals: {{ trust: claimed{question} }} }}{POLICY}roster:\n  people:\n{roster}    dan: {{ addresses: [dan@example.com], accounts: ['github:dan'] }}\nchange:\n  stage: pull-request\n  at: 2026-12-15T12:00:00Z\n  commits: [{{ author: Dan <dan@example.com> }}]\n  pull: {{ opener: dan, reviews: [{{ {review} }}] }}"
        );
        finding_texts(&answer_example(&text))
    }

    const ANA: &str = "    ana: { addresses: [ana@example.com], accounts: ['github:ana'], joined: 2026-03-01, left: 2026-11-30 }\n";

    #[test]
    fn an_approval_counts_while_the_approver_is_there() {
        for (at, said) in [
            ("2026-02-28T12:00:00Z", Some("had not joined by then: their first day is 2026-03-01")),
            ("2026-03-01T00:00:00Z", None),
            ("2026-11-30T23:00:00Z", None),
            ("2026-12-01T00:00:00Z", Some("had left by then: their last day was 2026-11-30")),
        ] {
            let found = pushed("", ANA, at, &["ana"]);
            match said {
                None => assert_eq!(found, [""; 0], "{at}"),
                Some(said) => assert!(found.iter().any(|one| one.contains(said)), "{at}: {found:?}"),
            }
        }
    }

    #[test]
    fn a_change_of_somebody_who_has_left_is_refused_with_that_reason() {
        let roster = "    ana: { addresses: [ana@example.com] }\n    eve: { addresses: [eve@example.com], left: 2026-11-30 }\n";
        let asked = |at: &str| {
            let text = format!(
                "ask: {{ approvals: {{ trust: claimed }} }}{POLICY}roster:\n  people:\n{roster}change:\n  at: {at}\n  commits: [{{ author: Eve <eve@example.com>, message: \"Cache it\\n\\nReviewed-by: Ana <ana@example.com>\\n\" }}]"
            );
            finding_texts(&answer_example(&text))
        };
        assert_eq!(asked("2026-11-30T12:00:00Z"), [""; 0]);
        let found = asked("2026-12-01T00:00:00Z");
        assert!(found[0].contains("had left: their last day was 2026-11-30"), "{found:?}");
        assert!(found[0].contains("correct `left` of `eve`"), "{found:?}");
    }

    #[test]
    fn a_team_is_held_when_the_approval_is_given() {
        let roster = "    ana: { addresses: [ana@example.com] }\n    ben: { addresses: [ben@example.com], accounts: ['github:ben'], teams: { security: { from: 2026-06-01, until: 2026-11-30 } } }\n";
        let question = ", from: [security]";
        assert_eq!(pushed(question, roster, "2026-07-01T00:00:00Z", &["ben"]), [""; 0]);
        let found = pushed(question, roster, "2026-12-01T00:00:00Z", &["ben"]);
        assert!(found[1].contains("was not a member of security on 2026-12-01"), "{found:?}");
        // A forge vouches for the time of a review, which is before the change is seen.
        let of = |at: &str| reviewed(question, roster, &format!("by: ben, at: {at}"));
        assert_eq!(of("2026-11-30T20:00:00Z"), [""; 0]);
        let found = of("2026-12-01T20:00:00Z");
        assert!(found[1].contains("was not a member of security on 2026-12-01"), "{found:?}");
    }

    #[test]
    fn a_review_of_before_somebody_left_stays_one() {
        assert_eq!(reviewed("", ANA, "by: ana, at: 2026-11-30T20:00:00Z"), [""; 0]);
        let found = reviewed("", ANA, "by: ana, at: 2026-12-01T20:00:00Z");
        assert!(found[1].contains("had left by then"), "{found:?}");
    }

    #[test]
    fn only_trained_people_approve_where_that_is_asked() {
        let roster = "    ana: { addresses: [ana@example.com], trained-until: 2026-06-30 }\n    ben: { addresses: [ben@example.com] }\n";
        let asked = |at: &str, name: &str| pushed(", trained: true", roster, at, &[name]);
        assert_eq!(asked("2026-06-30T23:59:59Z", "ana"), [""; 0]);
        for (at, name) in [("2026-07-01T00:00:00Z", "ana"), ("2026-06-30T00:00:00Z", "ben")] {
            let found = asked(at, name);
            let said = "does not say that the approver was trained on 2026-0";
            assert!(found.iter().any(|text| text.contains(said)), "{found:?}");
        }
        let faults = question_faults(
            "ask: { approvals: { trained: true } }\nfields: { Reviewed-by: { person: true } }",
        );
        assert_eq!(faults, ["`trained` needs a roster"]);
    }

    #[test]
    fn a_delegate_counts_for_one_member_who_did_not_make_the_change() {
        let roster = "    ana: { addresses: [ana@example.com], delegate: { to: ben, for: security, until: 2026-07-14 } }\n    ben: { addresses: [ben@example.com] }\n    cy: { addresses: [cy@example.com] }\n";
        let question = ", from: [security]";
        assert_eq!(pushed(question, roster, "2026-07-14T00:00:00Z", &["ben"]), [""; 0]);
        assert_eq!(pushed(question, roster, "2026-07-15T00:00:00Z", &["ben"]).len(), 2);
        // One member gives one approval, by herself or by her delegate.
        let two = ", from: [security, ops], at-least: 2";
        assert_eq!(pushed(two, roster, "2026-07-01T00:00:00Z", &["ana", "ben"]).len(), 1);
        assert_eq!(pushed(two, roster, "2026-07-01T00:00:00Z", &["ben", "cy"]), [""; 0]);
        // Who made the change has nobody approve it in her place.
        let text = format!(
            "ask: {{ approvals: {{ trust: claimed, from: [security] }} }}{POLICY}roster:\n  people:\n{roster}change:\n  at: 2026-07-01T00:00:00Z\n  commits: [{{ author: Ana <ana@example.com>, message: \"Cache it\\n\\nReviewed-by: Ben <ben@example.com>\\n\" }}]"
        );
        let found = finding_texts(&answer_example(&text));
        let said = "the approver acts for ana, who made this change";
        assert!(found.iter().any(|text| text.contains(said)), "{found:?}");
    }

    #[test]
    fn a_review_without_a_time_never_counts() {
        let text = format!(
            "ask: {{ approvals: {{ trust: claimed }} }}{POLICY}roster:\n  people:\n{ANA}    dan: {{ addresses: [dan@example.com], accounts: ['github:dan'] }}\nchange:\n  stage: pull-request\n  at: 2026-11-15T12:00:00Z\n  commits: [{{ author: Dan <dan@example.com> }}]\n  pull: {{ opener: dan, reviews: [{{ by: ana }}] }}"
        );
        let without_time = answer_edited(&text, |change| {
            for review in change.pull.as_mut().unwrap().reviews.as_mut().unwrap() {
                review.at = None;
            }
        });
        assert!(!finding_texts(&without_time).is_empty());
        assert_eq!(finding_texts(&answer_example(&text)), [""; 0]);
    }
}
