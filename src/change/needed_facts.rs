//! What a policy needs to know of a change: kinds of facts, and questions about new contents.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::change::content_question::ContentQuestion;
use crate::change::fact::FactKind;

/// The kinds of facts that a policy needs, and what it asks about new contents.
#[derive(Clone, Debug, Default)]
pub struct NeededFacts {
    kinds: BTreeSet<FactKind>,
    /// The questions, by what tells them apart.
    questions: BTreeMap<String, Arc<dyn ContentQuestion>>,
}

impl NeededFacts {
    /// Returns the needs of a policy that asks nothing.
    pub fn new() -> Self {
        NeededFacts::default()
    }

    /// Adds a question about new contents; the same question is asked once.
    pub(crate) fn add_question(&mut self, question: Arc<dyn ContentQuestion>) {
        self.questions.entry(question.id().to_owned()).or_insert(question);
    }

    /// Returns the questions about new contents.
    pub(crate) fn content_questions(&self) -> impl Iterator<Item = &Arc<dyn ContentQuestion>> {
        self.questions.values()
    }

    /// Adds what another policy needs.
    pub fn merge_needs(&mut self, other: NeededFacts) {
        self.kinds.extend(other.kinds);
        for question in other.questions.into_values() {
            self.add_question(question);
        }
    }
}

impl Deref for NeededFacts {
    type Target = BTreeSet<FactKind>;

    fn deref(&self) -> &BTreeSet<FactKind> {
        &self.kinds
    }
}

impl DerefMut for NeededFacts {
    fn deref_mut(&mut self) -> &mut BTreeSet<FactKind> {
        &mut self.kinds
    }
}

impl FromIterator<FactKind> for NeededFacts {
    fn from_iter<I: IntoIterator<Item = FactKind>>(kinds: I) -> Self {
        NeededFacts { kinds: kinds.into_iter().collect(), questions: BTreeMap::new() }
    }
}

impl<const N: usize> From<[FactKind; N]> for NeededFacts {
    fn from(kinds: [FactKind; N]) -> Self {
        kinds.into_iter().collect()
    }
}
