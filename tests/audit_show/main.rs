//! `changegate show`, `evidence` and `evidence verify`: one change on one page, and a folder that proves it.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "test code"
)]

mod bench_repository;
mod forged_packs;
mod indexed;
mod packed;
mod shown;
#[allow(dead_code, reason = "other tests use the rest of it")]
#[path = "../hooks/world.rs"]
mod world;
