//! Every message that a record may name, found by its code.

use crate::predicates::PREDICATE_MESSAGES;
use crate::verdict::MessageTemplate;

/// The lists of messages outside of predicates, file by file.
const OTHER_MESSAGES: &[&[&MessageTemplate]] = &[crate::ledger::server::push_refusals::MESSAGES];

/// Returns every message of the program, in the order of its files.
pub fn all_templates() -> impl Iterator<Item = &'static MessageTemplate> {
    PREDICATE_MESSAGES.iter().chain(OTHER_MESSAGES).copied().flatten().copied()
}

/// Returns what this version has for a code; `None` for a code of another version.
pub fn find_template(code: &str) -> Option<&'static MessageTemplate> {
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
