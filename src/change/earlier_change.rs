//! Whether a change names an earlier change of its branch in `For-Change`.

use crate::change::fact::{Fact, FactKind, Missing};

/// The trailer by which a change speaks for an earlier one.
pub(crate) const FOR_CHANGE_TRAILER: &str = "For-Change";

/// Returns the gap of a change of which nobody asked whether what it names is there.
pub(crate) fn unrequested_earlier_change() -> Fact<bool> {
    Err(Missing::Unavailable(FactKind::EarlierChange, "it was not asked for".to_owned()))
}

/// Returns true for that gap, which is not written.
pub(crate) fn is_unrequested_earlier_change(fact: &Fact<bool>) -> bool {
    *fact == unrequested_earlier_change()
}
