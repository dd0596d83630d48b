//! People by what their approvals count for, and the fewest of them that meet all questions.
//!
//! A question has parts that are met by themselves: the owners of each touched path, one member of each team. People
//! who count for the same parts are worth the same, and whoever counts for more can stand in for them.

use std::cell::Cell;
use std::cmp::Reverse;

use crate::change::Change;
use crate::people::independence::ParticipantIndex;
use crate::unblock::applied::apply_repairs;
use crate::unblock::approvers::{ApprovalQuestion, PossibleApprover, QuestionPart};
use crate::unblock::court::{AskedApprovals, Court, QuestionsAnswer, ask_questions};
use crate::unblock::repair::{EligibleApprover, Repair};

/// How many further approvals are looked for.
const MAX_APPROVALS: usize = 5;

/// How often choices of people are tried for one plan.
const MAX_TRIES: usize = 400;

/// How many choices of groups one search looks at, most of which need not be tried.
const MAX_CHOICES: usize = 20_000;

/// People who would count for the same.
struct ApproverGroup<'people> {
    /// The field in which they approve; empty for a review, which every question takes.
    field: String,
    /// For each part of each question, whether an approval counts.
    counts: Vec<bool>,
    people: Vec<&'people PossibleApprover>,
}

/// What a search for groups comes to.
pub(super) enum GroupsFound {
    /// These approvals meet all questions.
    Acts(Vec<Repair>),
    /// There were too many choices to try.
    TooMany,
    /// No choice meets them.
    Nothing,
}

/// A search for a choice of groups.
struct GroupSearch<'search, 'people> {
    court: Court<'search>,
    change: &'search Change,
    asked: &'search AskedApprovals<'search>,
    groups: &'search [ApproverGroup<'people>],
    /// For each part of each question, how many approvals it lacks at the least.
    lacking: &'search [usize],
    choices: Cell<usize>,
}

/// Looks for the fewest approvals of these people that meet all questions; `questions` are those not met yet.
pub(super) fn search_groups(
    court: Court<'_>,
    change: &Change,
    asked: &AskedApprovals<'_>,
    questions: &[ApprovalQuestion<'_>],
    possible: &[PossibleApprover],
) -> GroupsFound {
    let parts: Vec<Vec<QuestionPart<'_>>> = questions.iter().map(ApprovalQuestion::list_parts).collect();
    let lacking: Vec<usize> = parts.iter().flatten().map(|part| part.lacking).collect();
    let groups = group_approvers(questions, &parts, possible);
    let search =
        GroupSearch { court, change, asked, groups: &groups, lacking: &lacking, choices: Cell::new(0) };
    let least = lacking.iter().copied().max().unwrap_or(1);
    for count in least..=MAX_APPROVALS {
        if let Some(chosen) = search.choose_groups(&mut Vec::new(), 0, count) {
            return GroupsFound::Acts(search.build_acts(&chosen, true));
        }
        if search.is_exhausted() {
            return GroupsFound::TooMany;
        }
    }
    GroupsFound::Nothing
}

/// Returns the fields in which approvals can be stated: the first one of each question, and none for reviews.
fn list_approval_fields(questions: &[ApprovalQuestion<'_>]) -> Vec<String> {
    if questions.iter().any(|question| question.context.change.pull.is_ok()) {
        return vec![String::new()];
    }
    let mut fields: Vec<String> = Vec::new();
    for question in questions {
        if let Some(field) = question.asked.approval_fields().first()
            && !fields.contains(&field.name)
        {
            fields.push(field.name.clone());
        }
    }
    fields
}

/// Returns the people by the parts of questions for which they would count; without those who count for none.
fn group_approvers<'people>(
    questions: &[ApprovalQuestion<'_>],
    parts: &[Vec<QuestionPart<'_>>],
    possible: &'people [PossibleApprover],
) -> Vec<ApproverGroup<'people>> {
    let mut groups: Vec<ApproverGroup<'people>> = Vec::new();
    let indexes: Vec<ParticipantIndex<'_>> = questions
        .iter()
        .map(|question| ParticipantIndex::new(question.asked.find_participants(&question.context)))
        .collect();
    for field in list_approval_fields(questions) {
        for one in possible {
            let mut counts: Vec<bool> = Vec::new();
            for ((question, index), parts) in questions.iter().zip(&indexes).zip(parts) {
                let key =
                    if question.reads_field(&field) { question.find_approver_key(one, index) } else { None };
                for part in parts {
                    let (people, at) = (question.context.people, question.context.change.seen_at);
                    counts.push(key.as_ref().is_some_and(|key| part.covers_person(key, people, at)));
                }
            }
            if !counts.contains(&true) {
                continue;
            }
            match groups.iter_mut().find(|group| group.field == field && group.counts == counts) {
                Some(group) => group.people.push(one),
                None => groups.push(ApproverGroup { field: field.clone(), counts, people: vec![one] }),
            }
        }
    }
    // Who serves more comes first.
    groups.sort_by_key(|group| Reverse(group.counts.iter().filter(|counts| **counts).count()));
    groups
}

impl ApproverGroup<'_> {
    /// Returns true if the people of this group can stand in for those of the other.
    fn can_replace(&self, other: &ApproverGroup<'_>) -> bool {
        self.field == other.field
            && other.counts.iter().zip(&self.counts).all(|(theirs, mine)| *mine || !*theirs)
    }
}

impl GroupSearch<'_, '_> {
    fn is_exhausted(&self) -> bool {
        self.court.tries.get() >= MAX_TRIES || self.choices.get() >= MAX_CHOICES
    }

    /// Returns the first choice of `left` more groups, none before `from`, with which all questions are met.
    fn choose_groups(&self, chosen: &mut Vec<usize>, from: usize, left: usize) -> Option<Vec<usize>> {
        self.choices.set(self.choices.get() + 1);
        if self.lacks_more_than(chosen, left) {
            return None;
        }
        if left == 0 {
            return self.meets_questions(chosen).then(|| chosen.clone());
        }
        let groups = self.groups;
        for (place, group) in groups.iter().enumerate().skip(from) {
            if chosen.iter().filter(|one| **one == place).count() >= group.people.len() {
                continue;
            }
            chosen.push(place);
            let found = self.choose_groups(chosen, place, left - 1);
            chosen.pop();
            if found.is_some() || self.is_exhausted() {
                return found;
            }
        }
        None
    }

    /// Returns true if a part of a question lacks more approvals than `left` beside the chosen ones.
    fn lacks_more_than(&self, chosen: &[usize], left: usize) -> bool {
        let groups: Vec<&ApproverGroup<'_>> =
            chosen.iter().filter_map(|place| self.groups.get(*place)).collect();
        self.lacking.iter().enumerate().any(|(part, lacking)| {
            let given = groups.iter().filter(|group| group.counts.get(part) == Some(&true)).count();
            given.saturating_add(left) < *lacking
        })
    }

    fn meets_questions(&self, chosen: &[usize]) -> bool {
        let tries = self.court.tries.get() + 1;
        self.court.tries.set(tries);
        if tries > MAX_TRIES {
            return false;
        }
        let after = apply_repairs(self.change, &self.build_acts(chosen, false));
        matches!(ask_questions(self.court, &after, self.asked), QuestionsAnswer::Met)
    }

    /// Returns the approvals of a choice: of each group as many people as it is chosen, each `with_others` who could
    /// give it as well.
    fn build_acts(&self, chosen: &[usize], with_others: bool) -> Vec<Repair> {
        let mut acts = Vec::new();
        for (turn, place) in chosen.iter().enumerate() {
            let Some(group) = self.groups.get(*place) else { continue };
            let nth = chosen.iter().take(turn).filter(|other| *other == place).count();
            let Some(one) = group.people.get(nth) else { continue };
            let key = group.field.clone();
            acts.push(Repair::Approve {
                account: self.change.pull.as_ref().ok().and(one.account.clone()),
                trailer: match self.change.pull {
                    Ok(_) => None,
                    Err(_) => one.person.clone().map(|person| (key, person)),
                },
                people: if with_others { self.list_eligible(group) } else { Vec::new() },
            });
        }
        acts
    }

    /// Returns everyone who can stand in for this group; nobody by name if anyone can.
    fn list_eligible(&self, group: &ApproverGroup<'_>) -> Vec<EligibleApprover> {
        let mut people = Vec::new();
        for (alike, other) in self.groups.iter().enumerate() {
            if !other.can_replace(group) {
                continue;
            }
            for one in &other.people {
                if one.is_anyone {
                    return Vec::new();
                }
                people.push(EligibleApprover {
                    name: one.name.clone(),
                    account: one.account.clone(),
                    person: one.person.clone(),
                    alike,
                });
            }
        }
        people
    }
}
