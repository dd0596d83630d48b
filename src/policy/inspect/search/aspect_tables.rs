//! What the questions about one aspect of a change answer under each of its choices.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::change::Change;
use crate::policy::definition::Policy;
use crate::policy::inspect::samples::sample_changes::ask_sample;
use crate::policy::inspect::search::choice_set::ChoiceSet;
use crate::policy::inspect::search::question_numbers::{QuestionNumbers, measure_sampling};
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::Predicate;

/// How many steps of a search take as long as it takes to ask a question about a sample.
const SAMPLE_COST: usize = 20;

/// Answers of several questions under one choice.
pub(crate) type AnswerRow = Vec<Option<bool>>;

/// What an aspect is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AspectKind {
    Branch,
    Pusher,
    Author,
    Time,
    Subject,
    Title,
    Labels,
    Merge,
    Size,
    /// Those who make a change, together.
    People,
    /// The paths, and how many there are.
    Paths,
    /// What can be either way, and is the same wherever it is asked about.
    Open,
}

/// What one question answers under each choice.
pub(crate) struct AspectColumn {
    /// The choices under which it holds.
    pub(crate) holds: ChoiceSet,
    /// The choices under which it fails.
    pub(crate) fails: ChoiceSet,
}

/// The answers of the questions about one aspect.
pub(crate) struct AspectTable {
    pub(crate) kind: AspectKind,
    /// The numbers of the questions.
    pub(crate) questions: Vec<usize>,
    /// What they answer under each choice, every row once.
    rows: BTreeSet<AnswerRow>,
    /// The same for each question.
    columns: Vec<Rc<AspectColumn>>,
}

impl AspectTable {
    /// Makes a table of rows; without any, everything is open.
    pub(crate) fn from_rows(kind: AspectKind, mut rows: BTreeSet<AnswerRow>, questions: Vec<usize>) -> Self {
        if rows.is_empty() {
            rows.insert(vec![None; questions.len()]);
        }
        let mut columns = Vec::new();
        for place in 0..questions.len() {
            let mut column = AspectColumn { holds: ChoiceSet::default(), fails: ChoiceSet::default() };
            for (choice, row) in rows.iter().enumerate() {
                match row.get(place).copied().flatten() {
                    Some(true) => column.holds.insert_number(choice),
                    Some(false) => column.fails.insert_number(choice),
                    None => {}
                }
            }
            columns.push(Rc::new(column));
        }
        AspectTable { kind, questions, rows, columns }
    }

    /// Makes a table of what the questions say about samples.
    pub(crate) fn from_samples(
        kind: AspectKind,
        policy: &Policy,
        numbers: &QuestionNumbers<'_>,
        questions: Vec<usize>,
        samples: &[Change],
        budget: &SearchBudget,
    ) -> Self {
        let rows = ask_samples(policy, numbers, &questions, samples, budget).unwrap_or_default();
        AspectTable::from_rows(kind, rows, questions)
    }

    /// Returns the same table with what the questions say about further samples.
    pub(crate) fn with_samples(
        &self,
        policy: &Policy,
        numbers: &QuestionNumbers<'_>,
        samples: &[Change],
        budget: &SearchBudget,
    ) -> Self {
        let mut rows = self.rows.clone();
        match ask_samples(policy, numbers, &self.questions, samples, budget) {
            Some(more) => rows.extend(more),
            None => rows = BTreeSet::new(),
        }
        AspectTable::from_rows(self.kind, rows, self.questions.clone())
    }

    /// Returns how many choices there are.
    pub(crate) fn count_choices(&self) -> usize {
        self.rows.len()
    }

    /// Returns true for the questions about pushers, those about authors, or both.
    pub(crate) fn is_about_makers(&self) -> bool {
        matches!(self.kind, AspectKind::Pusher | AspectKind::Author | AspectKind::People)
    }

    /// Returns the number of each question with what it answers.
    pub(crate) fn list_columns(&self) -> impl Iterator<Item = (usize, &Rc<AspectColumn>)> {
        self.questions.iter().copied().zip(&self.columns)
    }
}

/// Returns what the questions say about each sample; `None` where there is too much to ask.
fn ask_samples(
    policy: &Policy,
    numbers: &QuestionNumbers<'_>,
    questions: &[usize],
    samples: &[Change],
    budget: &SearchBudget,
) -> Option<BTreeSet<AnswerRow>> {
    let asked: Vec<&Predicate> =
        questions.iter().filter_map(|number| numbers.find_question(*number)).collect();
    let size: usize = asked.iter().map(|predicate| measure_sampling(policy, predicate)).sum();
    if !budget.spend_steps(samples.len().saturating_mul(size).saturating_mul(SAMPLE_COST)) {
        return None;
    }
    let ask_all = |sample: &Change| asked.iter().map(|asked| ask_sample(policy, asked, sample)).collect();
    Some(samples.iter().map(ask_all).collect())
}
