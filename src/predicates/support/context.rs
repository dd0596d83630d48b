//! What predicates are given: the policy's words when they are read, and a change when they answer.

use std::cell::OnceCell;
use std::sync::Arc;

use crate::catalogue::StandardCatalogue;
use crate::change::{Change, Missing};
use crate::people::PeopleDirectory;
use crate::people::contributors::{
    ResolvedContributor, find_contributors, find_contributors_beside_suggesters,
};
use crate::people::owned_paths::OwnedPaths;
use crate::verdict::{Finding, messages};
use crate::vocabulary::FieldVocabulary;

messages! {
    REASON_NOT_ASKED = "condition.reason-not-asked": "the reason was not asked for";
}

/// What a predicate may refer to when it is read.
pub struct PolicyScope<'policy> {
    /// The fields that the policy defines.
    pub vocabulary: &'policy FieldVocabulary,
    /// The teams, bots and roster of the policy.
    pub people: &'policy PeopleDirectory,
    /// The standard changes that the policy knows.
    pub catalogue: &'policy Arc<StandardCatalogue>,
    /// True where an answer may leave an obligation: in `require`, and not under `not`.
    pub allows_obligations: bool,
}

/// A change as predicates see it: with the policy's people and fields.
pub struct EvaluationContext<'judge> {
    /// The change that is judged.
    pub change: &'judge Change,
    /// The teams, bots and roster of the policy.
    pub people: &'judge PeopleDirectory,
    /// The fields that the policy defines.
    pub vocabulary: &'judge FieldVocabulary,
    participants: OnceCell<(Vec<ResolvedContributor>, Option<Missing>)>,
    beside_suggesters: OnceCell<Vec<ResolvedContributor>>,
    owned_paths: OnceCell<Result<OwnedPaths, Missing>>,
    /// Whether the caller wants to know why something does not hold.
    wants_reasons: bool,
}

impl<'judge> EvaluationContext<'judge> {
    /// Returns `change` as seen with these people and fields.
    pub fn new(
        change: &'judge Change,
        people: &'judge PeopleDirectory,
        vocabulary: &'judge FieldVocabulary,
    ) -> Self {
        EvaluationContext {
            change,
            people,
            vocabulary,
            participants: OnceCell::new(),
            beside_suggesters: OnceCell::new(),
            owned_paths: OnceCell::new(),
            wants_reasons: true,
        }
    }

    /// Returns the same as [`EvaluationContext::new`] for a caller that only asks whether something holds.
    ///
    /// Most findings then have no content, because composing them is most of the work.
    pub(crate) fn without_reasons(
        change: &'judge Change,
        people: &'judge PeopleDirectory,
        vocabulary: &'judge FieldVocabulary,
    ) -> Self {
        EvaluationContext { wants_reasons: false, ..EvaluationContext::new(change, people, vocabulary) }
    }

    /// Returns the reason why something does not hold, or a finding without content if the caller
    /// does not want to know.
    pub(crate) fn reason_or_empty(&self, reason: impl FnOnce() -> Finding) -> Finding {
        if self.wants_reasons { reason() } else { Finding::new(&REASON_NOT_ASKED) }
    }

    /// Returns every contributor to the change, and what is missing if it is not known who pushes.
    /// The first call finds them; later ones return the same.
    pub(crate) fn participants(&self) -> (&[ResolvedContributor], Option<&Missing>) {
        let (found, missing) = self.participants.get_or_init(|| find_contributors(self.change, self.people));
        (found, missing.as_ref())
    }

    /// Returns the contributors to the change without those who are co-authors only because a suggestion of theirs was
    /// applied on the forge.
    pub(crate) fn participants_beside_suggesters(&self) -> &[ResolvedContributor] {
        let find = || find_contributors_beside_suggesters(self.change, self.people);
        self.beside_suggesters.get_or_init(find)
    }

    /// Returns who owns the paths that the change touches, by the file of code owners.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing to know it.
    pub(crate) fn owned_paths(&self) -> Result<&OwnedPaths, Missing> {
        let owned = self.owned_paths.get_or_init(|| OwnedPaths::of_change(self.change, self.people));
        owned.as_ref().map_err(Missing::clone)
    }
}
