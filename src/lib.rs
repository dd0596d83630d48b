//! The map of the house.
pub mod change;
pub mod git;
