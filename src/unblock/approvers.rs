//! Who could approve a change: the people of the roster and of the teams, and who of them cannot.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::change::pull_request::ForgeAccount;
use crate::change::{Change, Person, Text};
use crate::people::contributors::NotIndependent;
use crate::people::independence::ParticipantIndex;
use crate::people::owned_paths::PathOwners;
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::predicates::EvaluationContext;
use crate::predicates::approvals::ApprovalsPredicate;
use crate::unblock::wording::{EXCLUDED_BOT, EXCLUDED_CONTRIBUTOR, IS_BOT, IS_CONTRIBUTOR, NOT_BY};
use crate::verdict::{ExcludedPerson, Message, MessageValue};

/// How many people are looked at.
const MAX_PEOPLE: usize = 2_000;

/// How many people stand for everyone whom no roster lists.
const MAX_STRANGERS: usize = 6;

/// A person who could give an approval.
#[derive(Clone, Debug)]
pub(super) struct PossibleApprover {
    /// The name, as the policy has it.
    pub(super) name: String,
    /// The account on the forge, if one is known.
    pub(super) account: Option<ForgeAccount>,
    /// The name and the address, if one is known.
    pub(super) person: Option<Person>,
    /// True for someone who stands for everyone else.
    pub(super) is_anyone: bool,
}

/// A part of a question about approvals that is met by itself: whose approvals it asks for, and how many it lacks.
pub(super) struct QuestionPart<'asked> {
    whose: AskedApprover<'asked>,
    /// How many more approvals it takes, at the least.
    pub(super) lacking: usize,
}

/// Whose approvals one part of a question asks for.
enum AskedApprover<'asked> {
    /// Those of all whom the question accepts, beside these.
    Accepted(&'asked [String]),
    /// Those of the members of one team.
    MemberOf(&'asked str),
    /// Those of the owners of some paths.
    OwnerOf(&'asked PathOwners),
}

impl<'asked> QuestionPart<'asked> {
    /// Returns true if an approval of the person with this key counts here, where the question accepts them.
    pub(super) fn covers_person(&self, key: &str, people: &PeopleDirectory, at: Timestamp) -> bool {
        match &self.whose {
            AskedApprover::Accepted(counted) => !counted.iter().any(|known| known == key),
            AskedApprover::MemberOf(team) => people.is_member(key, team, at),
            AskedApprover::OwnerOf(entry) => {
                entry.includes_person(key, &|team| people.is_member(key, team, at))
            }
        }
    }

    /// Returns the line of the file of code owners whose owners are asked; `None` if others are.
    pub(super) fn owner_line(&self) -> Option<usize> {
        match &self.whose {
            AskedApprover::OwnerOf(entry) => Some(entry.line),
            AskedApprover::Accepted(_) | AskedApprover::MemberOf(_) => None,
        }
    }
}

/// One question about approvals, asked of one change.
pub(super) struct ApprovalQuestion<'asked> {
    pub(super) asked: &'asked ApprovalsPredicate,
    pub(super) context: EvaluationContext<'asked>,
    /// The keys of the people whose approvals count already, each once.
    counted: Vec<String>,
    /// Those of them who have approved for these teams alone, and can approve for others.
    in_roles: Vec<(String, Vec<String>)>,
}

impl<'asked> ApprovalQuestion<'asked> {
    pub(super) fn new(asked: &'asked ApprovalsPredicate, context: EvaluationContext<'asked>) -> Self {
        let mut counted = Vec::new();
        if let Ok(weighed) = asked.list_weighed_approvals(&context) {
            for one in weighed.kept {
                let person = one.approval.person.filter(|_| one.counts);
                counted.extend(person.filter(|person| !counted.contains(person)));
            }
        }
        let in_roles = asked.list_approvers_in_roles(&context);
        ApprovalQuestion { asked, context, counted, in_roles }
    }

    /// Returns how many people have given an approval that counts.
    pub(super) fn count_given(&self) -> usize {
        self.counted.len()
    }

    /// Returns the parts of the question. People who count for the same parts are worth the same to it.
    pub(super) fn list_parts(&self) -> Vec<QuestionPart<'_>> {
        let people = self.context.people;
        let at = self.context.change.seen_at;
        // Where enough people have approved, one of them can still do so for another team.
        let excluded: &[String] = if self.has_enough_people() { &[] } else { &self.counted };
        let whose = AskedApprover::Accepted(excluded);
        let mut parts = vec![QuestionPart { whose, lacking: self.count_missing() }];
        if self.asked.asks_each_team() {
            for team in self.asked.asked_teams() {
                let has_approver = self.counted.iter().any(|key| match self.find_roles(key) {
                    Some(roles) => roles.contains(team),
                    None => people.is_member(key, team, at),
                });
                let whose = AskedApprover::MemberOf(team);
                parts.push(QuestionPart { whose, lacking: usize::from(!has_approver) });
            }
        }
        if self.asked.asks_code_owners()
            && let Ok(owned) = self.context.owned_paths()
        {
            for entry in &owned.required {
                let needed = usize::try_from(entry.needed).unwrap_or(usize::MAX);
                let is_owner =
                    |key: &&String| entry.includes_person(key, &|team| people.is_member(key, team, at));
                let given = self.counted.iter().filter(is_owner).count();
                let lacking = needed.saturating_sub(given);
                if lacking > 0 {
                    parts.push(QuestionPart { whose: AskedApprover::OwnerOf(entry), lacking });
                }
            }
        }
        parts
    }

    /// Returns the teams for which alone a person has approved; `None` if it is for any, or if they have not.
    fn find_roles(&self, key: &str) -> Option<&[String]> {
        self.in_roles.iter().find(|(known, _)| known == key).map(|(_, roles)| roles.as_slice())
    }

    fn has_enough_people(&self) -> bool {
        let needed = usize::try_from(self.asked.asked_count()).unwrap_or(usize::MAX);
        self.counted.len() >= needed
    }

    /// Returns how many approvals are missing, at the least.
    fn count_missing(&self) -> usize {
        let needed = usize::try_from(self.asked.asked_count()).unwrap_or(usize::MAX);
        needed.saturating_sub(self.counted.len()).max(1)
    }

    /// Returns true if an approval that stands in this field counts; a review stands in none.
    pub(super) fn reads_field(&self, field: &str) -> bool {
        field.is_empty() || self.asked.approval_fields().iter().any(|known| known.name == field)
    }

    /// Returns the key of a person whose approval would count, and does not yet, or not for every team; `None` for anyone
    /// else.
    pub(super) fn find_approver_key(
        &self,
        one: &PossibleApprover,
        index: &ParticipantIndex<'_>,
    ) -> Option<String> {
        let key = self.check_approver(one, index)?.ok()?;
        let at = self.context.change.seen_at;
        let is_accepted = self.asked.find_approver_seat(&key, at, &self.context).is_ok();
        let would_count = is_accepted && (!self.counted.contains(&key) || self.find_roles(&key).is_some());
        would_count.then_some(key)
    }

    /// Returns the key of a person who is independent, or why they are not; `None` if they have no account or address
    /// to approve with.
    fn check_approver<'people>(
        &self,
        one: &PossibleApprover,
        index: &ParticipantIndex<'people>,
    ) -> Option<Result<String, NotIndependent<'people>>> {
        let people = self.context.people;
        let at = self.context.change.seen_at;
        match (&self.context.change.pull, &one.account, &one.person) {
            (Ok(_), Some(account), _) => Some(self.asked.check_account(account, index, people, at)),
            (Err(_), _, Some(person)) => Some(self.asked.check_approver(person, index, people, at)),
            _ => None,
        }
    }

    /// Returns who might be asked and cannot approve: contributors and bots whom the question would accept otherwise.
    pub(super) fn list_excluded(
        &self,
        possible: &[PossibleApprover],
        index: &ParticipantIndex<'_>,
    ) -> Vec<ExcludedPerson> {
        let mut excluded: Vec<ExcludedPerson> = Vec::new();
        for one in possible {
            if one.is_anyone || excluded.iter().any(|other| other.name == one.name) {
                continue;
            }
            let reason = match self.check_approver(one, index) {
                Some(Err(NotIndependent::Contributor(contributor))) => {
                    IS_CONTRIBUTOR.with("role", contributor.role)
                }
                Some(Err(NotIndependent::Bot)) => Message::from(&IS_BOT),
                _ => continue,
            };
            if self.is_in_asked_team(one) {
                excluded.push(ExcludedPerson { name: one.name.clone(), reason });
            }
        }
        excluded
    }

    /// Returns true if the person is of a team that is asked, or an owner, or if everyone is asked.
    fn is_in_asked_team(&self, one: &PossibleApprover) -> bool {
        let people = self.context.people;
        let at = self.context.change.seen_at;
        let teams = self.asked.asked_teams();
        let identities = [
            one.account.as_ref().map(|account| people.identify_forge_account(account)),
            one.person.as_ref().map(|person| people.identify_person(person)),
        ];
        let mut identities = identities.into_iter().flatten();
        if self.asked.asks_code_owners() {
            let owned = self.context.owned_paths();
            return identities.any(|identity| match identity {
                ResolvedIdentity::Human(key) => {
                    let holds_team = |team: &str| people.is_member(&key, team, at);
                    owned.as_ref().is_ok_and(|owned| owned.includes_person(&key, &holds_team))
                }
                _ => false,
            });
        }
        teams.is_empty()
            || identities.any(|identity| match identity {
                ResolvedIdentity::Human(key) => teams.iter().any(|team| people.is_member(&key, team, at)),
                // A bot that a team lists has no key.
                _ => teams.iter().any(|team| people.team_members(team).contains(&one.name)),
            })
    }

    /// Returns true if someone whom neither a team nor the file of code owners names may be asked.
    pub(super) fn may_accept_anyone(&self) -> bool {
        self.asked.asked_teams().is_empty()
    }
}

/// Returns the people who could approve, by the policy of `people`: those of the roster, or else the members of the
/// teams and the owners that are asked; with `asks_everyone`, also someone whom no one lists, if there is no roster.
pub(super) fn list_possible_approvers(
    people: &PeopleDirectory,
    questions: &[&ApprovalQuestion<'_>],
    change: &Change,
    asks_everyone: bool,
) -> Vec<PossibleApprover> {
    let forge = match change.pull.as_ref().ok().and_then(|pull| pull.opener.as_ref()) {
        Some(opener) => String::from_utf8_lossy(opener.forge()).into_owned(),
        None => "github".to_owned(),
    };
    let mut possible = Vec::new();
    if people.has_roster() {
        add_roster(people, change, &forge, &mut possible);
    } else {
        for member in list_asked_members(people, questions) {
            possible.push(build_member(people, &member, &forge));
        }
    }
    if asks_everyone && !people.has_roster() {
        for number in 1..=MAX_STRANGERS {
            let login = format!("{forge}:someone-{number}");
            possible.push(PossibleApprover {
                name: format!("someone {number}"),
                account: Some(people.build_forge_account(&login)),
                person: Some(Person {
                    name: Text::from(format!("Someone Else {number}")),
                    email: Text::from(format!("someone-{number}@changegate.example")),
                }),
                is_anyone: true,
            });
        }
    }
    possible.truncate(MAX_PEOPLE);
    possible
}

/// Returns the members of the teams that are asked and the owners of what is touched, each once.
fn list_asked_members(people: &PeopleDirectory, questions: &[&ApprovalQuestion<'_>]) -> Vec<String> {
    let mut teams: Vec<&String> = questions.iter().flat_map(|one| one.asked.asked_teams()).collect();
    teams.sort_unstable();
    teams.dedup();
    let mut members: Vec<String> = Vec::new();
    for team in teams {
        members.extend(people.list_member_identities(team));
    }
    for question in questions.iter().filter(|question| question.asked.asks_code_owners()) {
        let Ok(owned) = question.context.owned_paths() else { continue };
        for entry in owned.required.iter().chain(&owned.optional) {
            let keys = entry
                .owners
                .iter()
                .flat_map(|(_, owners)| owners.list_keys(people, question.context.change.seen_at));
            members.extend(keys.map(str::to_owned));
        }
    }
    let mut known = BTreeSet::new();
    members.retain(|member| known.insert(member.clone()));
    members
}

/// Adds the people of the roster, in the order of their names there.
fn add_roster(people: &PeopleDirectory, change: &Change, forge: &str, possible: &mut Vec<PossibleApprover>) {
    let mut persons: BTreeMap<&str, (Option<&str>, Option<&str>)> = BTreeMap::new();
    for (identity, key) in people.list_identities() {
        let (account, address) = persons.entry(key).or_default();
        if identity.contains('@') {
            address.get_or_insert(identity);
        } else if identity.strip_prefix(forge).is_some_and(|rest| rest.starts_with(':')) {
            account.get_or_insert(identity);
        }
    }
    for (key, (account, address)) in persons {
        let shown = people.name_person(key);
        let login = account.and_then(|account| account.split_once(':')).map(|(_, login)| login);
        let name = match login {
            Some(login) if change.pull.is_ok() && !login.eq_ignore_ascii_case(shown) => {
                format!("{shown} ({login})")
            }
            _ => shown.to_owned(),
        };
        possible.push(PossibleApprover {
            name,
            account: account.map(|account| people.build_forge_account(account)),
            person: address.map(|address| Person { name: Text::from(shown), email: Text::from(address) }),
            is_anyone: false,
        });
    }
}

/// Returns a member of a team, as the policy writes them, where there is no roster.
fn build_member(people: &PeopleDirectory, written: &str, forge: &str) -> PossibleApprover {
    let login = written.split('#').next().unwrap_or(written);
    if written.contains('@') {
        let (name, address) = match written.split_once('<') {
            Some((name, rest)) => (name.trim(), rest.trim_end_matches('>')),
            None => ("", written),
        };
        let person = Person { name: Text::from(name), email: Text::from(address) };
        return PossibleApprover {
            name: written.to_owned(),
            account: None,
            person: Some(person),
            is_anyone: false,
        };
    }
    let bare = login.split_once(':').map_or(login, |(_, bare)| bare);
    let account = login.starts_with(forge).then(|| people.build_forge_account(login));
    let person = (forge == "github" && account.is_some()).then(|| Person {
        name: Text::default(),
        email: Text::from(format!("{bare}@users.noreply.github.com")),
    });
    PossibleApprover { name: written.to_owned(), account, person, is_anyone: false }
}

/// Returns who cannot approve, as the end of a sentence.
pub(super) fn describe_excluded(excluded: &[ExcludedPerson]) -> MessageValue {
    if excluded.is_empty() {
        return MessageValue::empty();
    }
    let mut people = Vec::new();
    for one in excluded {
        let role = one.reason.values().find(|(name, _)| *name == "role").map(|(_, role)| role.clone());
        people.push(match role {
            Some(role) => EXCLUDED_CONTRIBUTOR.with("name", one.name.as_str()).with("role", role),
            None => EXCLUDED_BOT.with("name", one.name.as_str()),
        });
    }
    NOT_BY.with("people", people).into()
}
