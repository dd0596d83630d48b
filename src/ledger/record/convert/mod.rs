//! Translates between what the gate judges with and the wire form of records, both ways.
//!
//! Writing drops what is words only: the text to paste, the titles of rules, the detail of a missing
//! fact. Reading finds the template of each code in the [`catalogue`](crate::ledger::catalogue);
//! a code of another version becomes a message that shows the code and its values.

mod act;
mod decision;
mod message;
mod obligation;
mod reasons;

/// Returns each item in another form.
pub(crate) fn convert_all<'a, A: 'a, B: From<&'a A>>(items: impl IntoIterator<Item = &'a A>) -> Vec<B> {
    items.into_iter().map(B::from).collect()
}
