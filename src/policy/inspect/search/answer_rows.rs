//! The answers that the questions of a policy about wording, labels, merges or sizes can have together.
//!
//! A row has an answer for each question. What a row leaves out is certain not to happen; what cannot be
//! decided is in it.

use std::collections::BTreeSet;

use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;

/// How many questions about subjects, or about titles, are weighed against each other.
const MAX_WORDINGS: usize = 6;

/// How many labels are tried, each with and without.
const MAX_LABELS: usize = 7;

/// How many sizes are tried, over lines and commits.
const MAX_SIZES: usize = 500;

/// Returns the answers that questions about the wording of one line can have together: all but those where two
/// hold that no line answers both; none if there are too many.
pub(crate) fn list_wordings(questions: &[&Predicate]) -> BTreeSet<Vec<Option<bool>>> {
    let mut rows = BTreeSet::new();
    if questions.is_empty() || questions.len() > MAX_WORDINGS {
        return rows;
    }
    for choice in 0..1_u32 << questions.len() {
        let mut row = Vec::new();
        let mut held: Vec<&Predicate> = Vec::new();
        for (place, question) in questions.iter().enumerate() {
            let holds = choice >> place & 1 == 1;
            row.push(Some(holds));
            if holds {
                held.push(question);
            }
        }
        let is_impossible = held.iter().any(|one| held.iter().any(|other| exclude_each_other(one, other)));
        if !is_impossible {
            rows.insert(row);
        }
    }
    rows
}

fn exclude_each_other(one: &Predicate, other: &Predicate) -> bool {
    match (one, other) {
        (Predicate::Subject(one), Predicate::Subject(other)) => one.excludes(other),
        (Predicate::Title(one), Predicate::Title(other)) => one.excludes(other),
        _ => false,
    }
}

/// Returns the answers about each set of the labels that questions name; none if there are too many.
pub(crate) fn list_label_sets(
    questions: &[&Predicate],
    budget: &SearchBudget,
) -> BTreeSet<Vec<Option<bool>>> {
    let mut names: BTreeSet<String> = BTreeSet::new();
    let mut rows = BTreeSet::new();
    for question in questions {
        if let Predicate::Label(asked) = question {
            names.extend(asked.asked_labels());
        }
    }
    if names.is_empty() || names.len() > MAX_LABELS || !budget.spend_steps(questions.len() << names.len()) {
        return rows;
    }
    for choice in 0..1_u32 << names.len() {
        let mut chosen: BTreeSet<&str> = BTreeSet::new();
        for (place, name) in names.iter().enumerate() {
            if choice >> place & 1 == 1 {
                chosen.insert(name);
            }
        }
        let answer = |question: &&Predicate| match question {
            Predicate::Label(asked) => asked.answer_assumed(&|name| chosen.contains(name)),
            _ => None,
        };
        rows.insert(questions.iter().map(answer).collect());
    }
    rows
}

/// Returns the answers about changes without a merge, with a clean one and with another one, of each number of
/// parents that makes a difference; none if there are too many.
pub(crate) fn list_merges(questions: &[&Predicate], budget: &SearchBudget) -> BTreeSet<Vec<Option<bool>>> {
    let mut numbers: BTreeSet<u64> = BTreeSet::from([1, 2]);
    for question in questions {
        if let Predicate::Merge(asked) = question
            && let Some(limit) = asked.max_parents()
        {
            numbers.extend([limit.max(1), limit.saturating_add(1)]);
        }
    }
    let mut rows = BTreeSet::new();
    if !budget.spend_steps(numbers.len().saturating_mul(2 * questions.len())) {
        return rows;
    }
    for parents in numbers {
        for is_clean in [true, false] {
            let answer = |question: &&Predicate| match question {
                Predicate::Merge(asked) => Some(asked.answer_assumed(parents, is_clean)),
                _ => None,
            };
            rows.insert(questions.iter().map(answer).collect());
        }
    }
    rows
}

/// Returns the answers about changes of each number of lines and commits that makes a difference, whatever they say
/// about files; none if there are too many. A change has a commit at least, and this many lines.
pub(crate) fn list_sizes(
    questions: &[&Predicate],
    fewest_lines: u64,
    budget: &SearchBudget,
) -> BTreeSet<Vec<Option<bool>>> {
    let mut numbers = [BTreeSet::from([fewest_lines]), BTreeSet::from([1])];
    let mut limits_of_all = Vec::new();
    for question in questions {
        let limits = match question {
            Predicate::Size(asked) => asked.list_limits(),
            _ => [None; 3],
        };
        let [_, lines, commits] = limits;
        for (known, limit) in numbers.iter_mut().zip([lines, commits]) {
            known.extend(limit.map(|limit| limit.saturating_add(1)));
        }
        limits_of_all.push([lines, commits]);
    }
    let [lines, commits] = &numbers;
    let mut rows = BTreeSet::new();
    let sizes = lines.len().saturating_mul(commits.len());
    if sizes > MAX_SIZES || !budget.spend_steps(sizes.saturating_mul(questions.len())) {
        return rows;
    }
    for lines in lines {
        for commits in commits {
            let is_kept = |limits: &[Option<u64>; 2]| {
                let mut each = limits.iter().zip([lines, commits]);
                Some(each.all(|(limit, number)| limit.is_none_or(|limit| *number <= limit)))
            };
            rows.insert(limits_of_all.iter().map(is_kept).collect());
        }
    }
    rows
}
