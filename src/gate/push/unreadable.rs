//! What is said of a part of a push that cannot be read, and who can fix it.

use crate::change::Text;
use crate::git::CHAIN_TOO_LONG;
use crate::verdict::{Finding, Fixer, Message, MessageValue};

/// What stores objects anew, each as a chain of few deltas, so that a push sends them so.
const REPACK_COMMAND: &str = "git repack -adf --depth=50";

/// Adds what git says to a message, as a quotation.
pub(super) fn add_detail(message: Message, error: &anyhow::Error) -> Message {
    message.with("detail", MessageValue::unrecorded(Text::from(format!("{error:#}"))))
}

/// Returns the finding that something cannot be read, for `reason`: the pusher repacks what is stored in a form
/// that is not read, and all else is for `fixer`.
pub(super) fn build_unreadable_finding(message: Message, reason: &str, fixer: Fixer) -> Finding {
    let finding = Finding::new(message);
    // The error is one of the library by then, and holds these words of ours.
    match reason.contains(CHAIN_TOO_LONG) {
        true => finding.fixed_by(Fixer::Pusher).with_paste(REPACK_COMMAND),
        false => finding.fixed_by(fixer),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pusher_can_store_a_chain_of_deltas_anew_and_no_one_else_has_to() {
        let find = |reason: &str| {
            let message = Message::from(crate::gate::push::change_judge::MESSAGES[0]);
            build_unreadable_finding(message, reason, Fixer::ServerAdministrator)
        };
        let long = find(&format!("cannot read the commit 1: {CHAIN_TOO_LONG}"));
        assert_eq!(long.fixers, [Fixer::Pusher]);
        assert_eq!(long.paste.as_deref(), Some("git repack -adf --depth=50"));
        let lost = find("cannot read the commit 1: it is not there");
        assert_eq!((lost.fixers, lost.paste), (vec![Fixer::ServerAdministrator], None));
    }
}
