//! Git is the judge: subjects, bodies, trailers and tidied messages, compared byte for byte with
//! what the git on `PATH` makes of the same messages.
//!
//! With `CHANGEGATE_ORACLE_REPO=/path/to/repository` every commit of that repository is compared
//! too.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "test code, which says what it skips and asks the environment where to look"
)]

mod corpus;
mod git;

use std::collections::HashSet;

use changegate::change::message::cleanup::{CleanupMode, clean_up_message, cut_at_scissors, strip_space};
use changegate::change::message::near_miss::{NearMissReason, find_near_misses};
use changegate::change::message::trailers::{TrailerReader, read_trailers};
use changegate::change::{CommitMessage, Text};

use git::{Git, Logged};

/// The seed of the generated messages, and how many there are.
const GENERATED: (u64, usize) = (20_260_801, 4000);

fn all_messages() -> Vec<Vec<u8>> {
    let mut messages = corpus::by_hand();
    messages.extend(corpus::generated(GENERATED.0, GENERATED.1));
    messages
}

/// Returns the trailers as git prints them.
fn printed(message: &[u8], like: TrailerReader) -> Vec<u8> {
    let mut printed = Vec::new();
    for trailer in read_trailers(message, like).trailers {
        printed.extend_from_slice(trailer.key.as_bytes());
        printed.extend_from_slice(b": ");
        printed.extend_from_slice(trailer.value.as_bytes());
        printed.push(b'\n');
    }
    printed
}

/// The messages about which git and the reader differ.
#[derive(Default)]
struct Differences {
    compared: usize,
    shown: Vec<String>,
    count: usize,
}

impl Differences {
    fn compare(&mut self, what: &str, message: &[u8], ours: &[u8], gits: &[u8]) {
        self.compared += 1;
        if ours == gits {
            return;
        }
        self.count += 1;
        if self.shown.len() < 10 {
            let short = |bytes: &[u8]| bytes[..bytes.len().min(500)].escape_ascii().to_string();
            let lines = format!(
                "{what} of \"{}\"\n   ours \"{}\"\n  git's \"{}\"",
                short(message),
                short(ours),
                short(gits)
            );
            self.shown.push(lines);
        }
    }

    fn compare_logged(&mut self, raw: &[u8], logged: &Logged) {
        let message = CommitMessage::new(Text::new(raw));
        self.compare("subject", raw, message.subject().as_bytes(), &logged.subject);
        self.compare("body", raw, message.body(), &logged.body);
        self.compare("trailers in log", raw, &printed(raw, TrailerReader::Log), &logged.trailers);
    }

    fn compare_interpreted(&mut self, git: &Git, messages: &[Vec<u8>]) {
        for (like, options) in
            [(TrailerReader::Parse, &[][..]), (TrailerReader::ParseNoDivider, &["--no-divider"][..])]
        {
            for (message, gits) in messages.iter().zip(git.interpret(messages, options)) {
                self.compare(&format!("trailers {like:?}"), message, &printed(message, like), &gits);
            }
        }
    }

    fn none(self) {
        assert!(self.count == 0, "{} of {} differ:\n{}", self.count, self.compared, self.shown.join("\n"));
    }
}

#[test]
fn log_shows_the_same_subject_body_and_trailers() {
    let messages = all_messages();
    let mut differences = Differences::default();
    for (message, logged) in messages.iter().zip(Git::new().log(&messages)) {
        differences.compare_logged(message, &logged);
    }
    assert_eq!(differences.compared, 3 * messages.len());
    differences.none();
}

#[test]
fn interpret_trailers_prints_the_same_trailers() {
    let mut differences = Differences::default();
    differences.compare_interpreted(&Git::new(), &all_messages());
    differences.none();
}

#[test]
fn the_messages_are_worth_comparing() {
    let generated = corpus::generated(GENERATED.0, GENERATED.1);
    let count = |holds: &dyn Fn(&Vec<u8>) -> bool| generated.iter().filter(|message| holds(message)).count();
    let one_in_five = generated.len() / 5;
    let with_trailers = count(&|message| !printed(message, TrailerReader::Log).is_empty());
    assert!(one_in_five < with_trailers && with_trailers < 4 * one_in_five, "{with_trailers}");
    // Some have to tell the readers of git from each other, and some have to mix.
    for (one, other) in [
        (TrailerReader::Log, TrailerReader::ParseNoDivider),
        (TrailerReader::Parse, TrailerReader::ParseNoDivider),
    ] {
        assert!(10 < count(&|message| printed(message, one) != printed(message, other)), "{one:?} {other:?}");
    }
    assert!(50 < count(&|message| read_trailers(message, TrailerReader::Log).mixed_line.is_some()));
}

#[test]
fn a_near_miss_is_never_a_trailer_that_git_reads() {
    let known = ["A", "Reviewed-by", "Signed-off-by", "Key", "Conflicts"];
    let is_known = |key: &str| known.iter().any(|known| known.eq_ignore_ascii_case(key));
    let mut found = 0;
    for message in all_messages() {
        for like in [TrailerReader::Log, TrailerReader::Parse, TrailerReader::ParseNoDivider] {
            let block = read_trailers(&message, like);
            let lines: HashSet<usize> = block
                .trailers
                .iter()
                .filter(|trailer| is_known(&trailer.key))
                .map(|trailer| trailer.line)
                .collect();
            for miss in find_near_misses(&message, like, &known) {
                found += 1;
                let shown = message[..message.len().min(500)].escape_ascii();
                assert!(!lines.contains(&miss.line), "{like:?} {miss:?} \"{shown}\"");
                if let NearMissReason::NotTrailerBlock { prose_line: prose, unread_trailers: unread } =
                    miss.reason
                {
                    assert!(block.trailers.is_empty() && 0 < unread, "{miss:?} \"{shown}\"");
                    let named = message.split(|byte| *byte == b'\n').nth(prose - 1).unwrap();
                    assert!(!named.is_empty(), "{miss:?} \"{shown}\"");
                }
            }
        }
    }
    assert!(1000 < found, "{found}");
}

#[test]
fn tidied_messages_are_those_of_stripspace() {
    let git = Git::new();
    let mut differences = Differences::default();
    let is_short = |message: &Vec<u8>| message.len() < 1 << 16;
    let by_hand = corpus::by_hand().into_iter().filter(is_short).step_by(5);
    for message in by_hand.chain(corpus::generated(7, 300)) {
        let gits = git.run(&["stripspace"], &message);
        differences.compare("whitespace", &message, &strip_space(&message, None), &gits);
        for comment in ["#", "--", "A:"] {
            let setting = format!("core.commentString={comment}");
            let gits = git.run(&["-c", &setting, "stripspace", "--strip-comments"], &message);
            let ours = strip_space(&message, Some(comment.as_bytes()));
            differences.compare(&format!("strip {comment}"), &message, &ours, &gits);
        }
    }
    differences.none();
}

#[test]
fn a_commit_holds_what_cleanup_says_it_will() {
    let git = Git::new();
    let mut differences = Differences::default();
    let scissors = "# ------------------------ >8 ------------------------";
    let mut messages: Vec<Vec<u8>> = [
        format!("s  \n\n\n# c\nbody\t\n\n{scissors}\ndiff\n"),
        format!("{scissors}\ns\n"),
        format!("s\n{scissors}"),
        format!("s\n{scissors} \n# c\n"),
        format!("\n\ns\n\n;{scissors}\n; c\n{}\nrest", scissors.replace('#', ";")),
        format!("s\n\nA: b\n\n# c\n{scissors}\n{scissors}\nx\n"),
    ]
    .map(String::into_bytes)
    .to_vec();
    for bytes in [
        &b"J\xf6rg"[..],
        b"\xed\xa0\x80",
        b"\xef\xbf\xbe",
        b"\xef\xb7\x90",
        b"\xf0\x9f\x98",
        b"\xc0\x80 \xf4\x90\x80\x80",
    ] {
        messages.push([b"s\n\nReviewed-by: ", bytes, " J\u{f6}rg \u{1f600}\n".as_bytes()].concat());
    }
    // Git refuses to record a message with a NUL in it.
    messages.extend(corpus::generated(11, 15).into_iter().filter(|message| !message.contains(&0)));
    for message in messages {
        for (mode, name) in [
            (CleanupMode::Strip, "strip"),
            (CleanupMode::Whitespace, "whitespace"),
            (CleanupMode::Verbatim, "verbatim"),
            (CleanupMode::Scissors, "scissors"),
        ] {
            for comment in ["#", ";"] {
                let setting = format!("core.commentString={comment}");
                let gits = git.commit(&message, &["-c", &setting, "commit", &format!("--cleanup={name}")]);
                let ours = clean_up_message(&message, mode, comment.as_bytes());
                differences.compare(&format!("{name} {comment}"), &message, &ours, &gits);
            }
        }
        let verbose = git.commit(&message, &["commit", "--verbose", "--cleanup=strip"]);
        let ours = clean_up_message(cut_at_scissors(&message, b"#"), CleanupMode::Strip, b"#");
        differences.compare("verbose", &message, &ours, &verbose);
    }
    differences.none();
}

#[test]
fn every_commit_of_a_whole_repository_reads_the_same() {
    let Some(path) = std::env::var_os("CHANGEGATE_ORACLE_REPO") else {
        eprintln!("skipped: CHANGEGATE_ORACLE_REPO names no repository to compare with");
        return;
    };
    let mut differences = Differences::default();
    let mut distinct = HashSet::new();
    let mut commits = 0;
    for (raw, logged) in git::log_of_repository(path.to_str().unwrap()) {
        commits += 1;
        differences.compare_logged(&raw, &logged);
        distinct.insert(raw);
    }
    let mut distinct: Vec<Vec<u8>> = distinct.into_iter().collect();
    distinct.sort();
    differences.compare_interpreted(&Git::new(), &distinct);
    eprintln!(
        "{commits} commits with {} distinct messages: {} comparisons, {} differences",
        distinct.len(),
        differences.compared,
        differences.count
    );
    assert!(0 < commits, "the repository has no commits");
    differences.none();
}
