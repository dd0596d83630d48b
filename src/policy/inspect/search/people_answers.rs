//! What the questions of a policy about people answer together.
//!
//! Whoever authors, commits or pushes a change does not approve it, and a signature is of one who has a key. So
//! rules about authors, pushers, signatures and approvals that people can keep one by one may leave nobody
//! who keeps all of them. Every choice of author, committer, key and pusher is tried, of people who are alike
//! only a few.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{InspectionFacts, JudgingPlace};
use crate::policy::inspect::samples::change_makers::{
    ChangeMaker, list_author_makers, list_bot_makers, list_key_holders, list_pusher_makers, list_signers,
    sign_change,
};
use crate::policy::inspect::samples::known_bots::PushingBots;
use crate::policy::inspect::samples::sample_changes::evaluate_sample;
use crate::policy::inspect::search::approver_sets::ApproverSets;
use crate::policy::inspect::search::asked_rules::AskedRules;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::policy::inspect::staff::team_people::{PeopleSet, TeamPeople};
use crate::predicates::Predicate;
use crate::predicates::approvals::ApprovalsPredicate;

/// How many people who are alike are tried: a change has an author, a committer and a pusher.
const MAX_ALIKE: usize = 3;

/// How many choices of author, committer, key and pusher are tried; beyond, the questions are left apart.
const MAX_CHOICES: usize = 30_000;

/// How many rows of answers are weighed.
const MAX_ROWS: usize = 400;

/// How many questions about approvals are answered either way, and each time they are asked in the same way.
const MAX_REPEATED_APPROVALS: usize = 4;

/// How many steps of a search take as long as it takes to ask a question about one person.
const PERSON_COST: usize = 40;

/// The questions about people that are asked together, by their numbers, and a row of answers for each choice of people.
pub(crate) struct JoinedPeopleAnswers {
    pub(crate) questions: Vec<usize>,
    pub(crate) rows: BTreeSet<Vec<Option<bool>>>,
}

/// The people who may give an approval.
struct Approvers<'policy> {
    asked: &'policy ApprovalsPredicate,
    people: PeopleSet<'policy>,
    /// The members of each team that has to give one of its own.
    teams: Vec<PeopleSet<'policy>>,
    /// True if the question is asked more than once.
    is_repeated: bool,
}

/// The questions about people with their numbers, by the role that they are about.
struct PeopleQuestions<'policy> {
    authors: Vec<(usize, &'policy Predicate)>,
    signatures: Vec<(usize, &'policy Predicate)>,
    pushers: Vec<(usize, &'policy Predicate)>,
    approvals: Vec<(usize, Approvers<'policy>)>,
}

impl<'policy> PeopleQuestions<'policy> {
    /// Gathers the questions of the rules; `None` if there are too many people to look at. `holders` are those who have a
    /// key, where approvals are signed.
    fn gather_questions<'asked: 'policy>(
        asked: &AskedRules<'asked>,
        has_keys: bool,
        holders: Option<&'policy BTreeSet<String>>,
        budget: &'policy SearchBudget,
    ) -> Option<Self> {
        let mut questions = PeopleQuestions {
            authors: Vec::new(),
            signatures: Vec::new(),
            pushers: Vec::new(),
            approvals: Vec::new(),
        };
        let policy = asked.policy;
        let people = TeamPeople::new(&policy.people, budget).with_keys(has_keys);
        let mut sets = ApproverSets::new(people, holders);
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for number in &asked.asked_questions {
            *counts.entry(*number).or_default() += 1;
        }
        for number in &asked.asked_questions {
            let Some(count) = counts.remove(number) else { continue };
            let Some(predicate) = asked.numbers.find_question(*number) else { continue };
            let one = (*number, predicate);
            match predicate {
                Predicate::Author(_) => questions.authors.push(one),
                Predicate::Signed(_) => questions.signatures.push(one),
                Predicate::Pusher(pusher) if !pusher.accepts_any_pusher() => questions.pushers.push(one),
                Predicate::Approvals(approvals) => {
                    let approvers = Approvers::from_question(approvals, policy, &mut sets, count > 1)?;
                    questions.approvals.extend(approvers.map(|approvers| (*number, approvers)));
                }
                _ => {}
            }
        }
        Some(questions)
    }

    /// Returns true if the answers about one role depend on another role, or on what the roster lists.
    fn are_joined(&self) -> bool {
        let asks_addresses = |(_, asked): &(usize, &Predicate)| matches!(asked, Predicate::Author(author) if author.asks_addresses());
        !self.signatures.is_empty() || !self.approvals.is_empty() || self.authors.iter().any(asks_addresses)
    }

    /// Returns the numbers of all questions, in the order of a row.
    fn list_all(&self) -> Vec<usize> {
        let roles = self.authors.iter().chain(&self.signatures).chain(&self.pushers);
        let mut numbers: Vec<usize> = roles.map(|(number, _)| *number).collect();
        numbers.extend(self.approvals.iter().map(|(number, _)| *number));
        numbers
    }

    /// Returns how many sets of people there are.
    fn count_sets(&self) -> usize {
        self.approvals.iter().map(|(_, approvers)| approvers.teams.len() + 1).sum()
    }
}

fn list_predicates<'policy>(questions: &[(usize, &'policy Predicate)]) -> Vec<&'policy Predicate> {
    questions.iter().map(|(_, predicate)| *predicate).collect()
}

impl<'policy> Approvers<'policy> {
    /// Returns the people who may approve; nothing where anyone with an address could, or where a team is for
    /// policies to fill, and `None` where there are too many people to look at.
    fn from_question(
        asked: &'policy ApprovalsPredicate,
        policy: &Policy,
        sets: &mut ApproverSets<'policy>,
        is_repeated: bool,
    ) -> Option<Option<Self>> {
        // Who owns what a change touches is not known before there is one.
        if !asked.is_of_listed_people() {
            return Some(None);
        }
        let people = &policy.people;
        let is_open = |team: &String| {
            !people.has_members(std::slice::from_ref(team)) || people.has_untold_members(team)
        };
        if asked.asked_teams().iter().any(is_open) {
            return Some(None);
        }
        let approvers = match asked.asked_teams() {
            [] => sets.list_all(asked),
            teams => Some(sets.list_members(teams, asked)?),
        };
        let Some(approvers) = approvers else { return Some(None) };
        let mut teams = Vec::new();
        if asked.asks_each_team() {
            for team in asked.asked_teams() {
                teams.push(sets.list_members(std::slice::from_ref(team), asked)?);
            }
        }
        Some(Some(Approvers { asked, people: approvers, teams, is_repeated }))
    }

    /// Returns true unless these makers leave too few people to approve.
    fn can_approve(&self, makers: &[&ChangeMaker]) -> bool {
        if makers.iter().any(|maker| maker.is_unknown) {
            return false;
        }
        let made: BTreeSet<&str> = makers.iter().filter_map(|maker| maker.person.as_deref()).collect();
        // The sets are large, and the makers are few.
        let count_left = |people: &BTreeSet<&str>| {
            people.len() - made.iter().filter(|person| people.contains(*person)).count()
        };
        u64::try_from(count_left(&self.people)).unwrap_or(u64::MAX) >= self.asked.asked_count()
            && self.teams.iter().all(|team| count_left(team) > 0)
    }
}

/// Joins what the questions of rules say about people; `None` where what one says has nothing to do with another, or
/// where there are too many choices. Bots are authors as well, `with_bots`.
pub(crate) fn join_people_answers<'policy>(
    asked: &AskedRules<'policy>,
    facts: &InspectionFacts<'_>,
    place: JudgingPlace,
    with_bots: bool,
    budget: &'policy SearchBudget,
) -> Option<JoinedPeopleAnswers> {
    let policy = asked.policy;
    let has_keys = !facts.signing_keys.is_empty();
    let holders =
        (has_keys && place == JudgingPlace::ServerHook).then(|| list_key_holders(policy, facts.signing_keys));
    let questions = PeopleQuestions::gather_questions(asked, has_keys, holders.as_ref(), budget)?;
    if !questions.are_joined() {
        return None;
    }
    let (of_authors, of_pushers) = (list_predicates(&questions.authors), list_predicates(&questions.pushers));
    let of_signatures = list_predicates(&questions.signatures);
    let mut authors = list_author_makers(policy, &of_authors, place, budget)?;
    if with_bots {
        authors.extend(list_bot_makers(policy, &of_authors, budget));
    }
    let bots = if with_bots { PushingBots::Any } else { PushingBots::Named };
    let mut pushers = list_pusher_makers(policy, &of_pushers, (place, facts.pusher), bots, budget)?;
    let mut signers = match of_signatures.is_empty() {
        true => Vec::new(),
        false => list_signers(policy, facts.signing_keys, &of_signatures, budget)?,
    };
    let makers = authors.len() + pushers.len() + signers.len();
    if !budget.spend_steps(makers.saturating_mul(questions.count_sets() + 1)) {
        return None;
    }
    keep_distinct_makers(&questions, [&mut authors, &mut pushers, &mut signers]);
    let signed = authors.len().saturating_mul(2 * signers.len() + 1);
    let choices = signed.saturating_mul(pushers.len());
    let asking = signed.saturating_mul(of_signatures.len()).saturating_mul(PERSON_COST);
    let row_size = of_authors.len() + of_pushers.len() + of_signatures.len() + questions.count_sets();
    if choices > MAX_CHOICES || !budget.spend_steps(asking.saturating_add(choices.saturating_mul(row_size))) {
        return None;
    }
    let mut rows = BTreeSet::new();
    let with_committers = place != JudgingPlace::OwnCommits;
    for author in &authors {
        for signed in list_signed_changes(policy, author, &signers, &of_signatures, with_committers) {
            for pusher in &pushers {
                let makers: Vec<&ChangeMaker> =
                    [author, pusher].into_iter().chain(signed.committer).collect();
                let mut row = author.answers.clone();
                row.extend_from_slice(&signed.answers);
                row.extend_from_slice(&pusher.answers);
                add_rows(&questions.approvals, &makers, row, &mut rows);
            }
            // So many are not weighed, and do not become fewer.
            if rows.len() > MAX_ROWS.saturating_mul(2) {
                return None;
            }
        }
    }
    if !budget.spend_steps(rows.len().saturating_mul(rows.len()).saturating_add(row_size)) {
        return None;
    }
    let rows = drop_covered_rows(rows);
    (rows.len() <= MAX_ROWS).then(|| JoinedPeopleAnswers { questions: questions.list_all(), rows })
}

/// Adds the answers of the questions about approvals to a row. One that can be given is open; if its question is
/// repeated, there is a row for each answer.
fn add_rows(
    approvals: &[(usize, Approvers<'_>)],
    makers: &[&ChangeMaker],
    row: Vec<Option<bool>>,
    rows: &mut BTreeSet<Vec<Option<bool>>>,
) {
    let mut so_far = vec![row];
    let mut repeated = 0;
    for (_, approvers) in approvals {
        let answers: &[Option<bool>] = match approvers.can_approve(makers) {
            false => &[Some(false)],
            true if approvers.is_repeated && repeated < MAX_REPEATED_APPROVALS => {
                repeated += 1;
                &[Some(false), Some(true)]
            }
            true => &[None],
        };
        let mut longer = Vec::new();
        for row in &so_far {
            for answer in answers {
                longer.push(row.iter().copied().chain([*answer]).collect());
            }
        }
        so_far = longer;
    }
    rows.extend(so_far);
}

/// Leaves out each row that says no more than another one: where they differ, the other leaves it open.
fn drop_covered_rows(rows: BTreeSet<Vec<Option<bool>>>) -> BTreeSet<Vec<Option<bool>>> {
    let covers = |wide: &Vec<Option<bool>>, narrow: &Vec<Option<bool>>| {
        wide != narrow && wide.iter().zip(narrow).all(|(wide, narrow)| wide.is_none() || wide == narrow)
    };
    rows.iter().filter(|row| !rows.iter().any(|other| covers(other, row))).cloned().collect()
}

/// A change of an author, with what the questions about signatures say of it.
struct SignedChange<'maker> {
    /// Who commits it, if that is not its author.
    committer: Option<&'maker ChangeMaker>,
    answers: Vec<Option<bool>>,
}

/// Returns the change of an author without a signature, signed with each key, and committed by each who has one.
fn list_signed_changes<'maker>(
    policy: &Policy,
    author: &ChangeMaker,
    signers: &'maker [ChangeMaker],
    questions: &[&Predicate],
    with_committers: bool,
) -> Vec<SignedChange<'maker>> {
    let mut signed = vec![SignedChange { committer: None, answers: vec![Some(false); questions.len()] }];
    let named = &author.change.tip().author;
    for signer in signers {
        let address = &signer.change.tip().author.email;
        for committer in [None, Some(signer)] {
            if committer.is_some() && !with_committers {
                continue;
            }
            let by = committer.map_or(named, |committer| &committer.change.tip().author);
            let change = sign_change(&author.change, named, by, address);
            let answers = questions.iter().map(|asked| evaluate_sample(policy, asked, &change)).collect();
            signed.push(SignedChange { committer, answers });
        }
    }
    signed
}

/// Keeps a few of the people who are alike: with the same answers in each role, and in the same teams.
fn keep_distinct_makers(questions: &PeopleQuestions<'_>, roles: [&mut Vec<ChangeMaker>; 3]) {
    type Kind = ([BTreeSet<Vec<Option<bool>>>; 3], Vec<bool>);
    let mut kinds: BTreeMap<String, Kind> = BTreeMap::new();
    for (role, makers) in roles.iter().enumerate() {
        for maker in makers.iter() {
            let Some(person) = &maker.person else { continue };
            let kind = kinds.entry(person.clone()).or_insert_with(|| {
                let mut memberships = Vec::new();
                for (_, approvers) in &questions.approvals {
                    memberships.push(approvers.people.contains(person.as_str()));
                    memberships.extend(approvers.teams.iter().map(|team| team.contains(person.as_str())));
                }
                (Default::default(), memberships)
            });
            if let Some(answers) = kind.0.get_mut(role) {
                answers.insert(maker.answers.clone());
            }
        }
    }
    let mut alike: BTreeMap<Kind, usize> = BTreeMap::new();
    let mut kept: BTreeSet<String> = BTreeSet::new();
    for (person, kind) in kinds {
        let count = alike.entry(kind).or_default();
        if *count < MAX_ALIKE {
            *count += 1;
            kept.insert(person);
        }
    }
    for makers in roles {
        let mut known: BTreeSet<(Option<String>, bool, Vec<Option<bool>>)> = BTreeSet::new();
        makers.retain(|maker| {
            maker.person.as_ref().is_none_or(|person| kept.contains(person))
                && known.insert((maker.person.clone(), maker.is_unknown, maker.answers.clone()))
        });
    }
}
