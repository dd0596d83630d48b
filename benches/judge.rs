//! The judge and the reader of messages, in the same run as what they are to be compared with.
//!
//! `cargo bench --bench judge`. A change is judged by the pack `iso27001`, with every fact in hand;
//! beside it stands the reading of its message, which is done once for each commit anyway.
#![allow(clippy::unwrap_used, clippy::unreachable, clippy::panic, missing_docs, reason = "benchmark")]

use changegate::change::message::trailers::{TrailerReader, read_trailers};
use changegate::change::{Change, CommitMessage};
use changegate::policy::{self, Policy};
use changegate::{fixture, judge, yaml};
use divan::{Bencher, black_box};

const GOOD: &str = include_str!("../tests/fixtures/good.yml");
const EMERGENCY: &str = include_str!("../tests/fixtures/emergency.yml");
const PLACEHOLDERS: &str = include_str!("../tests/fixtures/placeholders.yml");

fn main() {
    divan::main();
}

/// Reads the change of a fixture, which stands beside a line about it.
fn change(text: &str) -> Change {
    let yaml::YamlValue::Map(entries) = yaml::read_document(text.as_bytes()).unwrap().value else {
        unreachable!()
    };
    let (_, node) = entries.iter().find(|(key, _)| key.text == "change").unwrap();
    fixture::read_change(node, &mut Vec::new()).unwrap()
}

fn iso27001() -> Policy {
    policy::load_policy("iso27001", &mut |_| Ok(None)).unwrap()
}

fn judge_it(bencher: Bencher<'_, '_>, text: &str) {
    let (policy, change) = (iso27001(), change(text));
    bencher.bench(|| judge::judge_change(black_box(&policy), black_box(&change), true));
}

#[divan::bench]
fn judge_a_good_change(bencher: Bencher<'_, '_>) {
    judge_it(bencher, GOOD);
}

#[divan::bench]
fn judge_an_emergency(bencher: Bencher<'_, '_>) {
    judge_it(bencher, EMERGENCY);
}

#[divan::bench]
fn judge_placeholders(bencher: Bencher<'_, '_>) {
    judge_it(bencher, PLACEHOLDERS);
}

#[divan::bench]
fn read_its_message(bencher: Bencher<'_, '_>) {
    let raw = change(GOOD).commits.first().message.raw().clone();
    bencher.bench(|| CommitMessage::new(black_box(&raw).clone()));
}

#[divan::bench]
fn read_a_mebibyte_in_one_line(bencher: Bencher<'_, '_>) {
    let line = vec![b'x'; 1 << 20];
    bencher.bench(|| read_trailers(black_box(&line), TrailerReader::Log));
}

#[divan::bench]
fn load_the_pack(bencher: Bencher<'_, '_>) {
    bencher.bench(iso27001);
}
