//! Fuzzes the reader of push certificates; the function is the one that tests call.
#![no_main]
#![allow(dead_code, unreachable_pub, reason = "each target calls one of the entries")]

#[path = "../../tests/entries/mod.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| entries::push_certificate(bytes));
