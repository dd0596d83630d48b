//! What the questions of a policy about people answer together.
//!
//! Whoever authors, commits or pushes a change does not approve it, and a signature is of one who has a key. So
//! rules about authors, pushers, signatures and approvals that people can keep one by one may leave nobody
//! who keeps all of them. Every choice of author, committer, key and pusher is tried, of people who are alike
//! only a few.

use std::collections::{BTreeMap, BTreeSet};

use crate::policy::definition::Policy;
use crate::policy::inspect::findings::{InspectionFacts, JudgingPlace};
use crate::policy::inspect::samples::change_makers::{
    ChangeMaker, list_author_makers, list_bot_makers, list_pusher_makers, list_signers, sign_change,
};
use crate::policy::inspect::samples::sample_changes::evaluate_sample;
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

/// The questions about people that are asked together, and a row of answers for each choice of people.
pub(crate) struct JoinedPeopleAnswers<'asked> {
    pub(crate) questions: Vec<&'asked Predicate>,
    pub(crate) rows: BTreeSet<Vec<Option<bool>>>,
}

/// The people who may give an approval.
struct Approvers<'policy> {
    asked: &'policy ApprovalsPredicate,
    people: BTreeSet<&'policy str>,
    /// The members of each team that has to give one of its own.
    teams: Vec<BTreeSet<&'policy str>>,
    /// True if the question is asked more than once.
    is_repeated: bool,
}

/// The questions about people, by the role that they are about.
struct PeopleQuestions<'policy> {
    authors: Vec<&'policy Predicate>,
    signatures: Vec<&'policy Predicate>,
    pushers: Vec<&'policy Predicate>,
    approvals: Vec<(&'policy Predicate, Approvers<'policy>)>,
}

impl<'policy> PeopleQuestions<'policy> {
    fn gather_questions(policy: &'policy Policy, asked: &[&'policy Predicate]) -> Self {
        let mut questions = PeopleQuestions {
            authors: Vec::new(),
            signatures: Vec::new(),
            pushers: Vec::new(),
            approvals: Vec::new(),
        };
        for (index, predicate) in asked.iter().copied().enumerate() {
            if asked.iter().take(index).any(|known| *known == predicate) {
                continue;
            }
            match predicate {
                Predicate::Author(_) => questions.authors.push(predicate),
                Predicate::Signed(_) => questions.signatures.push(predicate),
                Predicate::Pusher(pusher) if !pusher.accepts_any_pusher() => {
                    questions.pushers.push(predicate)
                }
                Predicate::Approvals(approvals) => {
                    let is_repeated = asked.iter().filter(|other| **other == predicate).count() > 1;
                    let approvers = Approvers::from_question(approvals, policy, is_repeated);
                    questions.approvals.extend(approvers.map(|approvers| (predicate, approvers)));
                }
                _ => {}
            }
        }
        questions
    }

    /// Returns true if the answers about one role depend on another role, or on what the roster lists.
    fn are_joined(&self) -> bool {
        let asks_addresses =
            |asked: &&Predicate| matches!(asked, Predicate::Author(author) if author.asks_addresses());
        !self.signatures.is_empty() || !self.approvals.is_empty() || self.authors.iter().any(asks_addresses)
    }

    fn list_all(&self) -> Vec<&'policy Predicate> {
        let approvals = self.approvals.iter().map(|(predicate, _)| *predicate);
        let roles = self.authors.iter().chain(&self.signatures).chain(&self.pushers);
        roles.copied().chain(approvals).collect()
    }
}

impl<'policy> Approvers<'policy> {
    /// Returns the people who may approve; `None` where anyone with an address could, or where a team is for
    /// policies to fill.
    fn from_question(
        asked: &'policy ApprovalsPredicate,
        policy: &'policy Policy,
        is_repeated: bool,
    ) -> Option<Self> {
        // Who owns what a change touches is not known before there is one.
        if asked.asks_code_owners() {
            return None;
        }
        let people = &policy.people;
        if asked.asked_teams().iter().any(|team| people.team_members(team).is_empty()) {
            return None;
        }
        let list_members = |teams: &[String]| {
            let mut members = people.list_human_members(teams);
            // Only a roster connects an address with an account.
            members.retain(|member| people.has_roster() || asked.knows_approver(member));
            members
        };
        let approvers = match asked.asked_teams() {
            [] => people.list_roster_humans()?,
            teams => list_members(teams),
        };
        let mut teams = Vec::new();
        if asked.asks_each_team() {
            for team in asked.asked_teams() {
                teams.push(list_members(std::slice::from_ref(team)));
            }
        }
        Some(Approvers { asked, people: approvers, teams, is_repeated })
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

/// Joins what the questions `asked` say about people, each as often as it is asked; `None` where what one says
/// has nothing to do with another, or where there are too many choices. Bots are authors as well, `with_bots`.
pub(crate) fn join_people_answers<'policy>(
    policy: &'policy Policy,
    asked: &[&'policy Predicate],
    facts: &InspectionFacts<'_>,
    place: JudgingPlace,
    with_bots: bool,
) -> Option<JoinedPeopleAnswers<'policy>> {
    let questions = PeopleQuestions::gather_questions(policy, asked);
    if !questions.are_joined() {
        return None;
    }
    let mut authors = list_author_makers(policy, &questions.authors, place);
    if with_bots {
        authors.extend(list_bot_makers(policy, &questions.authors));
    }
    let mut pushers = list_pusher_makers(policy, &questions.pushers, place, facts.pusher);
    let mut signers = match questions.signatures.is_empty() {
        true => Vec::new(),
        false => list_signers(policy, facts.signing_keys, &questions.signatures),
    };
    keep_distinct_makers(&questions, [&mut authors, &mut pushers, &mut signers]);
    let choices = authors.len().saturating_mul(pushers.len());
    if choices.saturating_mul(2 * signers.len() + 1) > MAX_CHOICES {
        return None;
    }
    let mut rows = BTreeSet::new();
    let with_committers = place != JudgingPlace::OwnCommits;
    for author in &authors {
        for signed in list_signed_changes(policy, author, &signers, &questions.signatures, with_committers) {
            for pusher in &pushers {
                let makers: Vec<&ChangeMaker> =
                    [author, pusher].into_iter().chain(signed.committer).collect();
                let mut row = author.answers.clone();
                row.extend_from_slice(&signed.answers);
                row.extend_from_slice(&pusher.answers);
                add_rows(&questions.approvals, &makers, row, &mut rows);
            }
        }
    }
    let rows = drop_covered_rows(rows);
    (rows.len() <= MAX_ROWS).then(|| JoinedPeopleAnswers { questions: questions.list_all(), rows })
}

/// Adds the answers of the questions about approvals to a row. One that can be given is open; if its question is
/// repeated, there is a row for each answer.
fn add_rows(
    approvals: &[(&Predicate, Approvers<'_>)],
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
    if rows.len() > MAX_ROWS.saturating_mul(2) {
        return rows;
    }
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
