//! Every message that a record may name, found by its code.

use crate::github::GITHUB_MESSAGES;
use crate::predicates::PREDICATE_MESSAGES;
use crate::predicates::support::shared_messages::SHARED_MESSAGES;
use crate::verdict::MessageTemplate;
use crate::vocabulary;
use crate::{gate, judge, people, push, verdict};

/// The lists of messages outside of predicates, file by file.
const OTHER_MESSAGES: &[&[&MessageTemplate]] = &[
    verdict::durations::MESSAGES,
    vocabulary::field::MESSAGES,
    vocabulary::claims::MESSAGES,
    vocabulary::value_check::MESSAGES,
    people::commit_people::MESSAGES,
    crate::policy::closing::MESSAGES,
    crate::policy::difference::wording::MESSAGES,
    crate::policy::inspect::findings::MESSAGES,
    push::MESSAGES,
    gate::acts::MESSAGES,
    gate::acts::author::MESSAGES,
    gate::signed_approvals::approval_push::MESSAGES,
    gate::signed_approvals::fetched_approvals::MESSAGES,
    gate::signed_approvals::approval_signer::MESSAGES,
    gate::break_glass::MESSAGES,
    gate::break_glass::request::MESSAGES,
    gate::policy_check::MESSAGES,
    gate::policy_effect::MESSAGES,
    gate::policy_findings::MESSAGES,
    gate::policy_ref::MESSAGES,
    gate::pusher_accounts::MESSAGES,
    gate::push::MESSAGES,
    gate::push_certificate::MESSAGES,
    gate::push::left_policy::MESSAGES,
    gate::push::new_gate_files::MESSAGES,
    gate::push::promotion::deferred_rules::MESSAGES,
    gate::push::promotion::promoted_changes::MESSAGES,
    gate::push::ref_judge::MESSAGES,
    gate::push::promotion::tag_judge::MESSAGES,
    gate::push::change_judge::MESSAGES,
    gate::range::MESSAGES,
    gate::shared_base::MESSAGES,
    judge::MESSAGES,
    judge::certificate_facts::MESSAGES,
    judge::used_facts::MESSAGES,
    crate::unblock::wording::MESSAGES,
    crate::ledger::forge::late_reviews::MESSAGES,
    crate::ledger::forge::pull_verdicts::MESSAGES,
    crate::ledger::forge::regularisation::MESSAGES,
    crate::ledger::forge::ticket_policies::MESSAGES,
    crate::ledger::server::confirm_tickets::MESSAGES,
    crate::ledger::server::decision::MESSAGES,
    crate::ledger::server::push_refusals::MESSAGES,
    crate::ledger::server::discharge::MESSAGES,
    crate::ledger::server::overdue::MESSAGES,
    crate::ledger::state::break_glass::MESSAGES,
    crate::ledger::state::unauthorised::MESSAGES,
];

/// Returns every message of the program, in the order of its files.
pub fn all_templates() -> impl Iterator<Item = &'static MessageTemplate> {
    let lists = PREDICATE_MESSAGES.iter().chain(SHARED_MESSAGES).chain(GITHUB_MESSAGES).chain(OTHER_MESSAGES);
    lists.copied().flatten().copied()
}

/// Returns what this version has for a code; `None` for a code of another version.
pub(crate) fn find_template(code: &str) -> Option<&'static MessageTemplate> {
    all_templates().find(|template| template.code == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_for_one_message() {
        let mut codes: Vec<&str> = all_templates().map(|template| template.code).collect();
        let all = codes.len();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
