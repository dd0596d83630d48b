//! The map of the house.
pub mod calendar;
pub mod change;
pub mod fixture;
pub mod pattern;
pub mod people;
pub mod predicates;
pub mod report;
pub mod verdict;
pub mod vocabulary;
pub mod yaml;
