//! The map of the house.
pub mod calendar;
pub mod change;
pub mod cli;
pub mod fixture;
pub mod gate;
pub mod git;
pub mod judge;
pub mod pattern;
pub mod people;
pub mod policy;
pub mod predicates;
pub mod push;
pub mod report;
pub mod verdict;
pub mod vocabulary;
pub mod yaml;
