//! Trailers that git does not read, and the edit that makes git read them.

use crate::change::message::near_miss::{NearMiss, NearMissReason};
use crate::change::{Commit, Oid};
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::LineEdit;
use crate::vocabulary::FieldDefinition;

/// A line that was meant to state a field.
pub(crate) struct MisplacedTrailer {
    pub(crate) commit: Option<Oid>,
    /// The line to edit, which for prose among trailers is that of the prose.
    pub(crate) line: usize,
    pub(crate) edit: LineEdit,
}

/// Returns the last line that was meant to state `field`, and that git does not read as such.
pub(crate) fn find_misplaced_trailer(
    field: &FieldDefinition,
    context: &EvaluationContext<'_>,
) -> Option<MisplacedTrailer> {
    let known: Vec<&str> = context.vocabulary.trailer_keys().collect();
    for commit in context.change.commits.iter().rev() {
        for miss in commit.message.find_near_misses(&known).iter().rev() {
            if field.matches_key(&miss.key) {
                let (line, edit) = choose_line_edit(commit, miss);
                return Some(MisplacedTrailer { commit: commit.id, line, edit });
            }
        }
    }
    None
}

/// Returns the line to edit so that git reads what was meant to be a trailer, and how.
pub(crate) fn choose_line_edit(commit: &Commit, miss: &NearMiss) -> (usize, LineEdit) {
    match miss.reason {
        NearMissReason::NotTrailerBlock { prose_line, .. } => (prose_line, LineEdit::DeleteOrMoveUp),
        NearMissReason::FirstParagraph => (miss.line, LineEdit::SeparateFromAbove),
        // The last paragraph may be prose, which no trailer can join.
        NearMissReason::EarlierParagraph { .. } | NearMissReason::AfterEnd { .. } => {
            let has_trailers = !commit.message.trailers().is_empty();
            (miss.line, if has_trailers { LineEdit::MoveToTrailers } else { LineEdit::MoveToEnd })
        }
        NearMissReason::Indented { .. }
        | NearMissReason::Misspelt { .. }
        | NearMissReason::InvisibleCharacter
        | NearMissReason::LookAlikeCharacter
        | NearMissReason::InvalidKeyCharacter => (miss.line, LineEdit::Correct),
    }
}
