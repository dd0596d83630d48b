//! Comments that approve by a command, where the policy allows that.

use crate::change::Oid;
use crate::change::pull_request::PullComment;
use crate::predicates::approvals::decisions::ReviewDecision;
use crate::predicates::approvals::reviews::{GivenApproval, ReviewCounter};
use crate::verdict::{Message, messages};

messages! {
    EDITED_COMMENT = "approvals.edited-comment": "the comment was edited";
    COMMAND_WITHOUT_REVISION = "approvals.command-without-revision":
        "the comment must start with a line that has the command and all digits of the final revision, and nothing else: `{command} {revision}`";
    COMMAND_TOO_EARLY = "approvals.command-too-early": "the comment was written before the revision was pushed";
    COMMAND_PUSH_UNKNOWN = "approvals.command-push-unknown":
        "it is not known when the final revision was pushed, so the comment may be older; give an approving review";
    COMMAND_FOR_OTHER_REVISION = "approvals.command-for-other-revision": "it is of another revision";
    DISMISSED_LATER = "approvals.dismissed-later": "a later review by the same person was dismissed";
}

impl ReviewCounter<'_> {
    /// Returns the approval that a comment gives; `None` if it does not begin with a command.
    pub(super) fn approval_from_comment<'change>(
        &self,
        comment: &'change PullComment,
        decisions: &[ReviewDecision<'_>],
    ) -> Option<GivenApproval<'change>> {
        let mut words = comment.text.as_utf8()?.lines().next()?.trim_end().split(' ');
        let command = words.next()?;
        if !self.predicate.commands.iter().any(|known| known == command) {
            return None;
        }
        let coverage = match (words.next(), words.next()) {
            _ if comment.is_edited => Err(Message::from(&EDITED_COMMENT)),
            (Some(digits), None) => match Oid::from_hex(&digits.to_ascii_lowercase()) {
                Some(revision) => self.check_command_revision(revision, comment, decisions),
                None => Err(self.refuse_command(command)),
            },
            _ => Err(self.refuse_command(command)),
        };
        let at = Some(comment.at);
        Some(GivenApproval { by: comment.by.as_ref(), at, may_approve: &comment.may_approve, coverage })
    }

    /// Returns the message that a command does not name the final revision by all its digits. With fewer, a
    /// commit could be made that begins with the digits of an approval that is there already.
    fn refuse_command(&self, command: &str) -> Message {
        COMMAND_WITHOUT_REVISION.with("command", command).with("revision", self.pull.head.id.to_string())
    }

    fn check_command_revision(
        &self,
        revision: Oid,
        comment: &PullComment,
        decisions: &[ReviewDecision<'_>],
    ) -> Result<(), Message> {
        if revision != self.pull.head.id {
            return Err(Message::from(&COMMAND_FOR_OTHER_REVISION));
        }
        match self.pull.pushed_at {
            // GitHub tells whole seconds, so one of the same second may have been first.
            Some(pushed) if comment.at <= pushed => return Err(Message::from(&COMMAND_TOO_EARLY)),
            Some(_) => {}
            None => return Err(Message::from(&COMMAND_PUSH_UNKNOWN)),
        }
        // A dismissal is meant for all approvals of a person, not only for the review.
        if self.is_dismissed_later(comment, decisions) {
            return Err(Message::from(&DISMISSED_LATER));
        }
        Ok(())
    }

    fn is_dismissed_later(&self, comment: &PullComment, decisions: &[ReviewDecision<'_>]) -> bool {
        let Some(by) = &comment.by else { return false };
        let key = self.speakers.person_key(by, self.context);
        for decision in decisions {
            let ReviewDecision::Dismissed(review) = decision else { continue };
            let Some(reviewer) = &review.by else { continue };
            let is_same = self.speakers.person_key(reviewer, self.context) == key;
            if is_same && review.at.is_none_or(|at| comment.at <= at) {
                return true;
            }
        }
        false
    }
}
