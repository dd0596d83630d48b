//! Git, as far as this branch of the house needs it.
pub mod signature;
