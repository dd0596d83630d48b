//! `changegate show`, `evidence` and `evidence verify`: one change on one page, and a folder that proves it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod bench_repository;
mod shown;
