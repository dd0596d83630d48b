//! Numbers for the questions of a policy: equal ones have the same number, so that each is answered once.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::policy::definition::Policy;
use crate::predicates::Predicate;
use crate::predicates::support::condition::Condition;

/// Every question of a policy, each once.
pub(crate) struct QuestionNumbers<'policy> {
    questions: Vec<&'policy Predicate>,
    /// The numbers by where the questions stand in memory.
    by_address: HashMap<usize, usize>,
    /// The numbers of the questions that are told in the same words.
    by_wording: HashMap<u64, Vec<usize>>,
}

impl<'policy> QuestionNumbers<'policy> {
    /// Numbers the questions of all conditions of the policy.
    pub(crate) fn number_questions(policy: &'policy Policy) -> Self {
        let mut numbers =
            QuestionNumbers { questions: Vec::new(), by_address: HashMap::new(), by_wording: HashMap::new() };
        let mut asked = Vec::new();
        for condition in policy.conditions() {
            condition.add_predicates(&mut asked);
        }
        for predicate in asked {
            let wording = hash_wording(predicate);
            let number = match numbers.find_equal(wording, predicate) {
                Some(number) => number,
                None => {
                    let number = numbers.questions.len();
                    numbers.questions.push(predicate);
                    numbers.by_wording.entry(wording).or_default().push(number);
                    number
                }
            };
            numbers.by_address.insert(std::ptr::from_ref(predicate).addr(), number);
        }
        numbers
    }

    /// Returns the number of a question that is equal to one of the policy; `None` for any other.
    pub(crate) fn find_number(&self, predicate: &Predicate) -> Option<usize> {
        let address = std::ptr::from_ref(predicate).addr();
        // The policy is there as long as this, so that nothing else stands where one of its questions does.
        let known = self.by_address.get(&address).copied();
        known.or_else(|| self.find_equal(hash_wording(predicate), predicate))
    }

    fn find_equal(&self, wording: u64, predicate: &Predicate) -> Option<usize> {
        let alike = self.by_wording.get(&wording)?;
        alike
            .iter()
            .copied()
            .find(|number| self.questions.get(*number).is_some_and(|known| *known == predicate))
    }

    /// Returns the question with this number.
    pub(crate) fn find_question(&self, number: usize) -> Option<&'policy Predicate> {
        self.questions.get(number).copied()
    }

    /// Returns how many questions there are.
    pub(crate) fn count_questions(&self) -> usize {
        self.questions.len()
    }

    /// Returns the numbers of the questions of these conditions, each once, in their order.
    pub(crate) fn list_unique<'one>(&self, conditions: impl Iterator<Item = &'one Condition>) -> Vec<usize> {
        let mut is_known = vec![false; self.questions.len()];
        let mut unique = Vec::new();
        for condition in conditions {
            let mut asked = Vec::new();
            condition.add_predicates(&mut asked);
            for number in asked.into_iter().filter_map(|predicate| self.find_number(predicate)) {
                if let Some(known) = is_known.get_mut(number).filter(|known| !**known) {
                    *known = true;
                    unique.push(number);
                }
            }
        }
        unique
    }
}

fn hash_wording(predicate: &Predicate) -> u64 {
    let mut hasher = DefaultHasher::new();
    predicate.predicate_name().hash(&mut hasher);
    predicate.describe().to_plain_text().hash(&mut hasher);
    hasher.finish()
}

/// Returns how many patterns, words or people a question names, which tells how long it takes to answer.
pub(crate) fn measure_question(predicate: &Predicate) -> usize {
    let named = match predicate {
        Predicate::Touches(asked) => asked.listed_patterns().len() + asked.ignored_patterns().len(),
        Predicate::OnlyTouches(asked) => asked.allowed_patterns().len(),
        Predicate::Size(asked) => asked.ignored_patterns().len(),
        Predicate::Branch(asked) => asked.asked_branches().len(),
        Predicate::Author(asked) => {
            asked.asked_teams().len() + asked.asked_addresses().len() + asked.asked_domains().len()
        }
        Predicate::Pusher(asked) => asked.asked_teams().len() + asked.asked_accounts().len(),
        Predicate::Signed(asked) => asked.asked_teams().len(),
        Predicate::Window(asked) => asked.list_days().iter().map(Vec::len).sum(),
        _ => 0,
    };
    named + 1
}

/// Returns how long it takes to ask a question about a sample, as [`measure_question`]: who makes a change is compared
/// with the patterns of bots, and where there is no roster, with the members of the teams.
pub(crate) fn measure_sampling(policy: &Policy, predicate: &Predicate) -> usize {
    let people = &policy.people;
    let teams = match predicate {
        Predicate::Author(asked) => asked.asked_teams(),
        Predicate::Pusher(asked) => asked.asked_teams(),
        Predicate::Signed(asked) => asked.asked_teams(),
        _ => return measure_question(predicate),
    };
    let mut size = measure_question(predicate).saturating_add(people.bot_patterns().len() / 2);
    if !people.has_roster() {
        size += teams.iter().map(|team| people.team_members(team).len()).sum::<usize>() / 8;
    }
    size
}
