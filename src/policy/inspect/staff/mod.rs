//! Whether the people that a policy names can do what its rules ask of them.

pub(crate) mod code_owners;
pub(crate) mod ending_days;
pub(crate) mod own_changes;
pub(crate) mod people_as_bots;
pub(crate) mod signatures;
pub(crate) mod staffing;
pub(crate) mod team_people;
pub(crate) mod teams;
pub(crate) mod unreachable_people;
