//! Open obligations of people who have left: to whom they go.

use jiff::Timestamp;

use crate::ledger::record::RecordedFixer;
use crate::ledger::state::{ObligationOwner, TrackedObligation};
use crate::people::PeopleDirectory;
use crate::people::service::{PersonAbsence, find_day};
use crate::policy::Policy;

/// Who owed something and has left, and to whom it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ObligationSuccession {
    /// The names of those who have left.
    pub(super) left: Vec<String>,
    /// The name of who has it now: a delegate, or the owner of the policy.
    pub(super) goes_to: String,
}

/// Returns to whom an open obligation goes at a time; `None` unless all who owe it have left by the roster.
///
/// What a team or a role of the gate owes stays with them.
pub(super) fn find_succession(
    owed: &TrackedObligation,
    policy: &Policy,
    now: Timestamp,
) -> Option<ObligationSuccession> {
    if owed.closed.is_some() {
        return None;
    }
    let people = &policy.people;
    let mut keys: Vec<&str> = Vec::new();
    match &owed.owner {
        ObligationOwner::Account { account, .. } => keys.push(people.find_person(account.as_utf8()?)?),
        ObligationOwner::Role(
            RecordedFixer::Author
            | RecordedFixer::Committer
            | RecordedFixer::Pusher
            | RecordedFixer::NamedPerson,
        ) => {
            for contributor in &owed.contributors {
                keys.push(contributor.key.as_deref()?);
            }
        }
        ObligationOwner::Role(_) => return None,
    }
    let has_left = |key: &&str| matches!(people.find_absence(key, now), Some(PersonAbsence::Left(_)));
    if keys.is_empty() || !keys.iter().all(has_left) {
        return None;
    }
    let delegate = keys.iter().find_map(|key| find_delegate(key, people, now));
    let goes_to = match delegate {
        Some(key) => people.name_person(&key).to_owned(),
        None => policy.owner.clone().unwrap_or_else(|| "the owner of the policy".to_owned()),
    };
    let left = keys.iter().map(|key| people.name_person(key).to_owned()).collect();
    Some(ObligationSuccession { left, goes_to })
}

/// Returns the key of who acts for a person today and is there.
fn find_delegate(key: &str, people: &PeopleDirectory, now: Timestamp) -> Option<String> {
    let day = find_day(now);
    let record = people.find_service_record(key)?;
    let mut delegates = record.delegations.iter().filter(|one| one.days.contains(day));
    delegates.find(|one| people.find_absence(&one.to, now).is_none()).map(|one| one.to.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Text;
    use crate::policy::load_policy;

    fn policy(roster: &str) -> Policy {
        let text = "changegate: 1\nextends: [startup]\nprotects: [main]\nowner: Dana Fox <dana@example.com>\npeople: { roster: people.yml, teams: { ops: [dan@example.com] } }\n";
        load_policy("p.yml", &mut |path| {
            Ok(match path {
                "p.yml" => Some(text.as_bytes().to_vec()),
                "people.yml" => Some(roster.as_bytes().to_vec()),
                _ => None,
            })
        })
        .unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn owed() -> TrackedObligation {
        serde_json::from_value(serde_json::json!({
            "by-others": false, "change": null, "closed": null, "contributors": [], "contributors-known": true,
            "decision": "", "due": null, "evidence": { "code": "x.y", "values": {} }, "field": null,
            "notice": null, "owner": { "account": { "account": "ana@example.com", "is-claimed": false } },
            "ref-name": "refs/heads/main", "rule": "r", "since": "2026-11-01T00:00:00Z",
            "what": { "code": "x.y", "values": {} },
        }))
        .unwrap()
    }

    #[test]
    fn what_a_leaver_owes_goes_to_their_delegate_or_to_the_owner_of_the_policy() {
        let owed = owed();
        let asked = |ana: &str, at: &str| {
            let roster = format!(
                "people:\n  ana: {{ name: Ana, addresses: [ana@example.com]{ana} }}\n  ben: {{ name: Ben, addresses: [ben@example.com] }}\n  dan: {{ addresses: [dan@example.com] }}\n"
            );
            find_succession(&owed, &policy(&roster), at.parse().unwrap()).map(|one| (one.left, one.goes_to))
        };
        let left = ", left: 2026-11-30";
        assert_eq!(asked(left, "2026-11-30T12:00:00Z"), None, "the last day counts");
        let to = |name: &str| Some((vec!["Ana".to_owned()], name.to_owned()));
        assert_eq!(asked(left, "2026-12-01T00:00:00Z"), to("Dana Fox <dana@example.com>"));
        let delegated = format!("{left}, delegate: {{ to: ben, for: ops, until: 2026-12-10 }}");
        assert_eq!(asked(&delegated, "2026-12-01T00:00:00Z"), to("Ben"));
        assert_eq!(asked(&delegated, "2026-12-11T00:00:00Z"), to("Dana Fox <dana@example.com>"));
        let account = Text::from("zoe@example.com");
        let unknown = TrackedObligation {
            owner: ObligationOwner::Account { account, is_claimed: false },
            ..owed.clone()
        };
        let roster = "people: { ana: { addresses: [ana@example.com], left: 2026-01-01 }, dan: { addresses: [dan@example.com] } }";
        assert_eq!(find_succession(&unknown, &policy(roster), "2026-12-01T00:00:00Z".parse().unwrap()), None);
    }
}
