//! What rules and exemptions apply to: classes that no change can have, and exemptions wider than their rule.

pub(crate) mod exemption_scopes;
pub(crate) mod reach;
pub(crate) mod rule_scopes;
pub(crate) mod unruled_changes;
