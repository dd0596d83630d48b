//! Hostile input: none brings a parser down, keeps it busy, or is passed over in silence; and no
//! escape sequence comes out of any command.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::panic,
    clippy::disallowed_methods,
    unreachable_pub,
    dead_code,
    reason = "test code"
)]

mod entries;
mod lab;

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use changegate::yaml;
use cpu_time::ThreadTime;
use lab::Lab;
use proptest::prelude::*;

/// What in time means: a hook waits for it, in a debug build on a machine that is busy.
const SOON: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 1 });

fn soon<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let started = ThreadTime::now();
    let done = work();
    let took = started.elapsed();
    assert!(took < SOON, "{what} took {took:?}");
    done
}

/// Returns text made of what the parsers look for, and of some that they do not.
fn soup(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        8 => prop::sample::select(words).prop_map(|word| word.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ];
    prop::collection::vec(word, 0..80).prop_map(|words| words.concat())
}

const YAML: &[&str] = &[
    "changegate: 1\n",
    "protects: [main]\n",
    "rules:\n",
    "  a:\n",
    "    require: ",
    "{ ",
    " }",
    "[",
    "]",
    "- ",
    ": ",
    "? ",
    "&a ",
    "*a ",
    "!t ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "#",
    "---\n",
    "...\n",
    "<<: ",
    "\t",
    "\r\n",
    "\n",
    "  ",
    "field: ",
    "Risk: present",
    "extends: ",
    "iso27001",
    "main.yml",
    "\u{feff}",
    "%YAML 1.2\n",
];
const MESSAGE: &[&str] = &[
    "Subject",
    "\n",
    "\n\n",
    "Risk: low",
    "Risk:",
    ": ",
    " ",
    "\t",
    "\r\n",
    "\r",
    "\0",
    "---\n",
    "--- x",
    "# comment\n",
    "# ------------------------ >8 ------------------------\n",
    "Signed-off-by: A <a@example.com>",
    "(cherry picked from commit 0)",
    "Risk : high",
    "R\u{456}sk: low",
    "\u{202e}",
    "\u{1b}[2J",
    "\u{a0}",
    "  folded\n",
    "diff --git a b\n",
    "=",
    "#",
    "\u{200b}",
    "Conflicts:\n",
    "-",
    "\u{c}",
    "\u{b}",
];
const APPROVAL: &[&str] = &[
    "Approve 0123456789 for refs/heads/main\n\nChangegate-Approval: v1\nDecision: approved\n",
    "Repository: 0123456789abcdef0123456789abcdef01234567\n",
    "Target: refs/heads/main\n",
    "Base: 0123456789abcdef0123456789abcdef01234567\n",
    "Revision: 0123456789abcdef0123456789abcdef01234567\n",
    "Tree: 0123456789abcdef0123456789abcdef01234567\n",
    "Statements: sha256:0\n",
    "Role: security\n",
    "Note: read\n",
    "Note: \n",
    "Decision: rejected\n",
    " folded\n",
];
const SESSION: &[&str] = &[
    "Open a break-glass session for INC-1\n\nBreak-Glass: open\n",
    "Close the break-glass session 0123456789ab\n\nBreak-Glass: close\n",
    "Incident: INC-1\n",
    "Emergency-Reason: the queue is stuck\n",
    "Session-Limit: 4h\n",
    "Session: 0123456789ab\n",
    "Note: done\n",
    "Note: ",
    "Note:  x\n",
    "Break-Glass: open\n",
    "Emergency-Reason: a\n b\n",
    "Session-Limit: \n",
    "Incident : INC-1\n",
    "\n",
    " ",
    "\r\n",
    "\u{202e}",
];
const CATALOGUE: &[&str] = &[
    "standard-changes:\n",
    "  STD-A:\n",
    "  STD-A: { paths: [a], approved-by: D, approved-on: 2026-01-01, review-by: 2026-12-31 }\n",
    "    paths: ['**/Cargo.lock']\n",
    "    paths: ['**']\n",
    "    size: { files: { at-most: 3 } }\n",
    "    size: { lines: { at-most: -1 } }\n",
    "    who: { bots: ['renovate[bot]'] }\n",
    "    who: { teams: [nobody] }\n",
    "    approved-by: D\n",
    "    approved-on: 2026-05-04\n",
    "    approved-on: 9999-12-31\n",
    "    review-by: 2027-05-04\n",
    "    review-by: -9999-01-01\n",
    "[",
    "}",
    "*",
    "\n",
    "  ",
    "\u{2028}",
    "\0",
];
const BODY: &[&str] = &[
    "Risk: low",
    "**Risk:** low",
    "**Risk**",
    "# Risk",
    "\n",
    "\n\n",
    "\r\n",
    "\r",
    "- ",
    "- [x] ",
    "- [ ] ",
    "1. ",
    "> ",
    "  ",
    "    ",
    "\t",
    "| Risk | low |\n",
    "|---|---|\n",
    "a|b|c\n-|-|-\nx|y|z\n",
    "```change\n",
    "```\n",
    "~~~\n",
    "~~",
    "<!--",
    "-->",
    "<br>",
    "<del>",
    "</del>",
    "<blockquote>\n\n",
    "</blockquote>\n\n",
    "<details>\n",
    "<summary>Release notes</summary>\n",
    "<a b='",
    "<pre>\n",
    "\0",
    "low\n",
    "\u{2610} ",
    "\u{2611} ",
    "[ x ] ",
    "?",
    "{{ a }}",
    "$A ",
    "<div>\n",
    "`",
    "*",
    "__",
    "![a](b)",
    "[a](b)",
    "[a]: b\n",
    "<a@example.com>",
    "&amp;",
    ":",
    "---\n",
    "===\n",
    "Signed-off-by: A <a@example.com>\n",
    "TODO",
    "\u{200b}",
    "\u{26a0}\u{fe0f} ",
    "\\\n",
    "\0",
];
const OWNERS: &[&str] = &[
    "*",
    "**",
    "/",
    "docs/",
    "*.rs",
    " ",
    "\t",
    "\n",
    "\r\n",
    "@ana",
    "@acme/security",
    "@@maintainer",
    "a@example.com",
    "#",
    "\\#",
    "\\ ",
    "!",
    "[",
    "]",
    "[Name]",
    "^[Name][2]",
    "[name] @ana",
    "[Name][0]",
    "\\",
    "@",
    "\u{feff}",
    "\0",
];
const CALENDAR: &[&str] = &[
    "BEGIN:VCALENDAR\r\n",
    "END:VCALENDAR\r\n",
    "BEGIN:VEVENT\r\n",
    "END:VEVENT\r\n",
    "DTSTART;VALUE=DATE:20240229\r\n",
    "DTEND;VALUE=DATE:20240302\r\n",
    "DTSTART:20240229T000000Z\r\n",
    "DURATION:P1W\r\n",
    "DURATION:P99999999999W\r\n",
    "RRULE:FREQ=YEARLY\r\n",
    "RRULE:FREQ=YEARLY;COUNT=2;INTERVAL=100\r\n",
    "RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=-5MO\r\n",
    "RRULE:FREQ=YEARLY;BYMONTHDAY=31;BYMONTH=2\r\n",
    "EXDATE:20240229,20250229\r\n",
    "RDATE:99991231\r\n",
    "DTSTART:99991231\r\n",
    "DTSTART:00010101\r\n",
    "STATUS:CANCELLED\r\n",
    " ",
    "\r\n",
    ":",
    ";",
    "\"",
    "UNTIL=",
];
const HOOK: &[&str] = &[
    "0000000000000000000000000000000000000000",
    "1111111111111111111111111111111111111111",
    "0000000000000000000000000000000000000000000000000000000000000000",
    " ",
    "\n",
    "refs/heads/main",
    "refs/tags/v1",
    "HEAD@{1 day ago}",
    "\0",
    "\r",
    "refs/heads/../x",
    "ABCDEF",
    "\t",
    "(delete)",
];
const COMMIT: &[&str] = &[
    "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n",
    "parent 1111111111111111111111111111111111111111\n",
    "tree ",
    "parent ",
    "author ",
    "committer ",
    "A <a@example.com> 1 +0000\n",
    "<",
    ">",
    " 99999999999999999999 +0000\n",
    "encoding latin-1\n",
    "gpgsig -----BEGIN SSH SIGNATURE-----\n",
    " continued\n",
    "mergetag object 1\n",
    "\n",
    "Subject\n",
    "\0",
    "Risk: low\n",
    "author A <a@example.com> -1 +9999\n",
    "committer A <a@example.com> 1 +0000\n",
];

const CERTIFICATE: &[&str] = &[
    "certificate version 0.1\n",
    "pusher x 1 +0000\n",
    "pushee file:///srv/app.git\n",
    "nonce 1-ab\n",
    "push-option x\n",
    "\n",
    "1111111111111111111111111111111111111111 2222222222222222222222222222222222222222 refs/heads/main\n",
    "-----BEGIN SSH SIGNATURE-----\n",
    "-----BEGIN PGP SIGNATURE-----\n",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_bring_a_parser_down(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        entries::policy(&bytes);
        entries::message(&bytes);
        entries::trailers(&bytes);
        entries::hook_input(&bytes);
        entries::push_certificate(&bytes);
        entries::commit(&bytes);
        entries::body(&bytes);
        entries::html(&bytes);
        entries::template(&bytes);
        entries::export(&bytes);
        entries::session(&bytes);
        entries::approval(&bytes);
        entries::catalogue(&bytes);
        entries::code_owners(&bytes);
        entries::icalendar(&bytes);
    }

    #[test]
    fn nothing_like_an_approval_does(bytes in soup(APPROVAL)) { entries::approval(&bytes); }

    #[test]
    fn nothing_like_a_session_does(bytes in soup(SESSION)) { entries::session(&bytes); }

    #[test]
    fn nothing_like_a_policy_does(bytes in soup(YAML)) { entries::policy(&bytes); }

    #[test]
    fn nothing_like_a_file_of_code_owners_does(bytes in soup(OWNERS)) { entries::code_owners(&bytes); }

    #[test]
    fn nothing_like_a_calendar_does(bytes in soup(CALENDAR)) { entries::icalendar(&bytes); }

    #[test]
    fn nothing_like_a_catalogue_does(bytes in soup(CATALOGUE)) { entries::catalogue(&bytes); }

    #[test]
    fn nothing_like_a_message_does(bytes in soup(MESSAGE)) {
        entries::message(&bytes);
        entries::trailers(&bytes);
    }

    #[test]
    fn nothing_like_a_description_does(bytes in soup(BODY)) { entries::body(&bytes); }

    #[test]
    fn nothing_in_html_does(bytes in soup(BODY)) { entries::html(&bytes); }

    #[test]
    fn nothing_like_a_template_does(bytes in soup(BODY)) { entries::template(&bytes); }

    #[test]
    fn nothing_like_the_input_of_a_hook_does(bytes in soup(HOOK)) { entries::hook_input(&bytes); }

    #[test]
    fn nothing_like_a_push_certificate_does(bytes in soup(CERTIFICATE)) { entries::push_certificate(&bytes); }

    #[test]
    fn nothing_like_a_commit_does(bytes in soup(COMMIT)) { entries::commit(&bytes); }
}

#[test]
fn what_is_large_ends_soon() {
    let megabyte = "x".repeat(1 << 20);
    for (what, text) in [
        ("a line of 1 MiB", megabyte.clone()),
        ("a trailer of 1 MiB", format!("s\n\nRisk: {megabyte}\n")),
        ("a key of 1 MiB", format!("s\n\n{megabyte}: low\n")),
        ("25,000 trailers", format!("s\n\n{}", "Reviewed-by: A <a@example.com>\n".repeat(25_000))),
        (
            "25,000 misspelt trailers",
            format!("s\n\n{}\n\nend\n", "Reviewd-by: A <a@example.com>\n".repeat(25_000)),
        ),
        ("25,000 paragraphs", "a: b\n\n".repeat(25_000)),
        ("a value folded 100,000 times", format!("s\n\nRisk: low\n{}", " x\n".repeat(100_000))),
        ("1 MiB of line ends", "\n".repeat(1 << 20)),
        ("1 MiB of spaces", " ".repeat(1 << 20)),
        ("1 MiB of colons", format!("s\n\n{}", ":".repeat(1 << 20))),
        ("100,000 comments", "# x\n".repeat(100_000)),
    ] {
        soon(what, || entries::trailers(text.as_bytes()));
        soon(what, || entries::message(text.as_bytes()));
    }
    let zero = "0".repeat(40);
    let one = "1".repeat(40);
    let refs =
        |count: usize| (0..count).map(|n| format!("{zero} {one} refs/heads/{n}\n")).collect::<String>();
    soon("10,000 refs", || {
        assert_eq!(changegate::git::parse_pre_receive(refs(10_000).as_bytes()).unwrap().len(), 10_000);
    });
    soon("10,001 refs", || changegate::git::parse_pre_receive(refs(10_001).as_bytes()).unwrap_err());
    soon("a ref of 1 MiB", || {
        entries::hook_input(format!("{zero} {one} refs/heads/{megabyte}\n").as_bytes())
    });
    let head = "tree 4b825dc642cb6eb9a060e54bf8d69288fbee4904\n";
    let parents = "parent 1111111111111111111111111111111111111111\n".repeat(50_000);
    let who = "author A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n";
    soon("50,000 parents", || entries::commit(format!("{head}{parents}{who}\ns\n").as_bytes()));
    soon("a header of 1 MiB", || entries::commit(format!("{head}{who}x {megabyte}\n\ns\n").as_bytes()));
    soon("a name of 1 MiB", || entries::commit(format!("{head}{}", who.replace('A', &megabyte)).as_bytes()));
}

#[test]
fn a_description_that_nests_ends_soon() {
    const MOST: usize = 64 * 1024;
    let again = |piece: &str| piece.repeat(MOST / piece.len());
    let steps = |step: &dyn Fn(usize) -> String| {
        let mut text = String::new();
        let mut depth = 0;
        while text.len() < MOST {
            text += &step(depth);
            depth += 1;
        }
        text
    };
    for (what, text) in [
        ("quotations", again(">")),
        ("quotations that go on", again("> ")[..MOST / 2].to_owned() + &again("a\n")[..MOST / 2]),
        ("items", again("- ")),
        ("items of quotations", again("- > ")),
        ("lists by indentation", steps(&|depth| format!("{}- Risk:\n", "  ".repeat(depth)))),
        ("boxes by indentation", steps(&|depth| format!("{}- [x] **Risk**\n", "  ".repeat(depth)))),
        ("brackets", again("[")),
        ("pictures of pictures", again("![")),
        ("links", again("[a](")),
        ("emphasis", again("*a **b _c __d ")),
        ("emphasis that closes", again("**a *b ")[..MOST / 2].to_owned() + &again("c* d**")[..MOST / 2]),
        ("code", steps(&|depth| format!("{}a", "`".repeat(depth)))),
        ("HTML", again("<a <!-- <?")),
        ("cells", again("a|")),
        ("empty cells", format!("{}\n{}\n{}", "a|".repeat(9), "-|".repeat(9), again("a\n"))),
        ("boxes under one label", format!("## Risk\n{}", again("- [x] a: b\n"))),
        ("labels under one heading", format!("# Risk\n{}", again("**Risk**\n\n"))),
        ("headings", again("# Risk\n###### Risk\n")),
        ("one value", format!("**Risk:** {}", again("a "))),
        ("trailers in prose", format!("a\n\nSigned-off-by: a\n{}", again("a: b\nc\n"))),
        ("all of it", again("> - 1. **Risk:** [`a`](b \"c\") <!-- ~~d~~ | e\n")),
    ] {
        soon(what, || entries::body(text.as_bytes()));
    }
    soon("1 MiB", || entries::body("Risk: low\n".repeat(100_000).as_bytes()));
}

#[test]
fn a_bomb_in_a_policy_ends_soon() {
    let deep = |open: &str| open.repeat(64 * 1024 / open.len());
    for (what, text) in [
        ("lists in lists", deep("[")),
        ("maps in maps", deep("{a: ")),
        ("lines in lines", (0..350).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect()),
        ("dashes", deep("- ")),
        ("questions", deep("? ")),
        ("aliases", format!("a: &a [x]\n{}", "b: [*a, *a]\n".repeat(5_000))),
        ("quotes", deep("\"\\u0041")),
        ("anchors", deep("&a ")),
        ("tags", deep("!t ")),
        ("comments", deep("#")),
        ("a block", format!("a: |\n{}", " x\n".repeat(20_000))),
        ("one long key", format!("{}: 1\n", "k".repeat(200_000))),
    ] {
        soon(what, || entries::policy(text.as_bytes()));
        assert!(
            yaml::read_document(text.as_bytes()).is_err() || text.len() < yaml::MAX_DOCUMENT_BYTES,
            "{what}"
        );
    }
    let with = |pattern: &str| {
        format!(
            "changegate: 1\nprotects: [main]\nfields: {{ T: {{ matches: '{pattern}', example: a }} }}\n\
             rules: {{ a: {{ require: {{ subject: {{ matches: '{pattern}' }} }} }} }}\n"
        )
    };
    for pattern in [
        "(a{1000}){1000}",
        "((((a{50}){50}){50}){50})",
        "(a*)*b",
        "\\\\w{500}{500}",
        &"(".repeat(5_000),
        &"a|".repeat(20_000),
    ] {
        soon(pattern.get(..20).unwrap_or(pattern), || entries::policy(with(pattern).as_bytes()));
    }
    let many = format!("changegate: 1\nprotects: [{}]\n", "'*a*a*a*a*a*b', ".repeat(5_000));
    soon("many patterns", || entries::policy(many.as_bytes()));
    let glob = changegate::pattern::PathPattern::new(&"*a".repeat(20)).unwrap();
    soon("a pattern of many stars", || glob.matches_path("a".repeat(60).as_bytes()));
}

const POLICY: &str = "\
changegate: 1
name: strict
protects: [main, '*']
fields:
  Risk: { ordered: [low, high] }
  Reviewed-by: { person: true }
rules:
  risk: { require: { field: { Risk: present } } }
  review: { require: { approvals: { trust: claimed } } }
  paths: { require: { not: { touches: ['*'] } } }
  address: { require: { author: { address: nobody@example.com } } }
  subject: { require: { subject: { longest: 1 } } }
  trailers: { require: { trailers: clean } }
  small: { require: { blob: { largest: 1B } } }
";

fn binary(lab: &Lab, args: &[&str], input: &[u8]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_changegate"));
    command.args(args).current_dir(&lab.dir).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Pipes hold what these tests feed.
    let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input);
    child.wait_with_output().unwrap()
}

/// Fails if anything came out that could steer a terminal, or a line that a forge would obey.
fn is_clean(output: &Output, what: &str) {
    for bytes in [&output.stdout, &output.stderr] {
        let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what}: not UTF-8: {bytes:?}"));
        let bad = text.chars().find(|one| {
            (one.is_control() && *one != '\n')
                || matches!(one, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        });
        assert_eq!(bad, None, "{what}: {text}");
        let command = text.lines().find(|line| line.starts_with("::") || line.starts_with("##["));
        assert_eq!(command, None, "{what}");
    }
}

#[test]
fn a_hostile_commit_ends_in_an_answer() {
    let lab = Lab::new();
    let policy = lab.home().join("policy.yml");
    std::fs::write(&policy, POLICY).unwrap();
    let tree = lab.write("tree", b"").to_string();
    let base = lab.write(
        "commit",
        format!(
            "tree {tree}\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n\nbase\n"
        )
        .as_bytes(),
    );
    let who = "author A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n";
    let gone = "1".repeat(40);
    let commits: Vec<Vec<u8>> = vec![
        b"".to_vec(),
        b"\n".to_vec(),
        b"tree\n".to_vec(),
        format!("tree {tree}").into_bytes(),
        format!("tree {tree}\n\ns\n").into_bytes(),
        format!("tree {gone}\nparent {base}\n{who}\ns\n").into_bytes(),
        format!("tree {base}\nparent {base}\n{who}\ns\n").into_bytes(),
        format!("tree {tree}\nparent {gone}\n{who}\ns\n").into_bytes(),
        format!("tree {tree}\nparent {tree}\n{who}\ns\n").into_bytes(),
        format!("tree {tree}\nparent {base}\nparent {base}\n{who}\ns\n").into_bytes(),
        format!("tree {tree}\nparent {base}\nauthor <> 0 +0000\ncommitter <> 0 +0000\n\n").into_bytes(),
        format!("tree {tree}\nparent {base}\nauthor A <a@example.com> 99999999999999999999 +0000\ncommitter A <a> x\n\ns\n").into_bytes(),
        format!("tree {tree}\nparent {base}\nauthor A <a@example.com> 9223372036854775807 +0000\ncommitter A <a@example.com> -1 +9999\n\ns\n").into_bytes(),
        format!("tree {tree}\nparent {base}\n{who}{who}\ns\n").into_bytes(),
        format!("tree {tree}\nparent {base}\n{who}\ns\0hidden\n").into_bytes(),
        format!("tree {tree}\nparent {base}\n{who}gpgsig -----BEGIN PGP SIGNATURE-----\n\ns\n").into_bytes(),
        format!("tree {tree}\nparent {base}\n{who}\n{}\n", "x".repeat(1 << 20)).into_bytes(),
        format!("tree {tree}\nparent {base}\n{who}\n{}", "Risk: low\n".repeat(25_000)).into_bytes(),
        [format!("tree {tree}\nparent {base}\n{who}\n").as_bytes(), &b"\xff\xfe\x80"[..]].concat(),
        format!("tree {tree}\n{}{who}\ns\n", format!("parent {base}\n").repeat(1_000)).into_bytes(),
    ];
    for (number, content) in commits.iter().enumerate() {
        let id = lab.write("commit", content).to_string();
        for unit in ["step", "commit"] {
            let range = format!("{base}..{id}");
            let args = ["check", &range, "--policy", policy.to_str().unwrap(), "--unit", unit];
            let output = soon("a hostile commit", || binary(&lab, &args, b""));
            let code = output.status.code();
            assert!(matches!(code, Some(1..=3)), "commit {number} by {unit}: {code:?}\n{output:?}");
            is_clean(&output, &format!("commit {number}"));
        }
    }
}

#[test]
fn no_escape_sequence_comes_out_of_any_command() {
    const EVIL: &str = "\u{1b}]52;c;ZWNobw==\u{7}\u{1b}[2J\r::error::x\u{9b}31m\u{202e}\u{200b}";
    let lab = Lab::new();
    let evil_tree = {
        let blob = lab.write("blob", b"x");
        let mut content = Vec::new();
        for name in [format!("a{EVIL}"), "::warning::b".to_owned(), "c\nd".to_owned()] {
            content.extend_from_slice(format!("100644 {name}\0").as_bytes());
            content.extend(
                (0..20).map(|at| u8::from_str_radix(&blob.to_string()[2 * at..2 * at + 2], 16).unwrap()),
            );
        }
        lab.write("tree", &content)
    };
    let empty = lab.write("tree", b"");
    let commit = |tree: &str, parent: &str, message: &str| {
        let who =
            "author A\u{1b}[31m\u{202e} <a\u{1b}@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\n";
        lab.write("commit", format!("tree {tree}\n{parent}{who}\n{message}").as_bytes()).to_string()
    };
    let base = commit(&empty.to_string(), "", "base\n");
    let message = format!(
        "Subject {EVIL}\n\nRisk: {EVIL}\nReviewed-by: {EVIL} <b{EVIL}@example.com>\n::error::y: z\nRiskk: {EVIL}\n"
    );
    let evil = commit(&evil_tree.to_string(), &format!("parent {base}\n"), &message);
    let policy = lab.home().join("policy.yml");
    std::fs::write(&policy, POLICY).unwrap();
    let policy = policy.to_str().unwrap();
    lab.git(&["update-ref", "refs/heads/main", &base]);
    lab.git(&["config", "changegate.policyFile", policy]);
    lab.git(&["config", "changegate.pusher", "none"]);
    // A ref may hold what a terminal would reorder.
    let name = "refs/heads/::error::x\u{202e}\u{200b}";
    let range = format!("{base}..{evil}");
    let push = format!("{base} {evil} refs/heads/main\n{} {evil} {name}\n", "0".repeat(40));
    let offer = format!("{name} {evil} refs/heads/main {base}\n");
    lab.git(&["update-ref", "refs/remotes/origin/main", &base]);
    std::fs::write(lab.dir.join("message"), &message).unwrap();
    std::fs::write(lab.dir.join("evil.yml"), format!("changegate: 1\n\"{}\": x\nrules: {{ a: {{ require: {{ field: {{ \"q\\e[2J\": present }} }} }} }}\n", "k\\e[31m\\u202e")).unwrap();
    std::fs::write(lab.dir.join("raw.yml"), format!("changegate: 1\nname: {EVIL}\n")).unwrap();
    let nowhere = format!("nowhere{EVIL}");
    let runs: Vec<(Vec<&str>, &str)> = vec![
        (vec!["check", &range, "--policy", policy], ""),
        (vec!["check", &range, "--policy", policy, "-v"], ""),
        (vec!["check", &range, "--policy", policy, "--explain"], ""),
        (vec!["check", &range, "--policy", policy, "--format", "json"], ""),
        (vec!["check", &range, "--policy", policy, "--target", name], ""),
        (vec!["check", &nowhere], ""),
        (vec!["check", "--policy", &nowhere], ""),
        (vec!["check", "--pack", &nowhere], ""),
        (vec!["-C", &nowhere, "check"], ""),
        (vec!["hook", "pre-receive"], &push),
        (vec!["hook", "pre-receive", "--format", "json"], &push),
        (vec!["hook", "update", name, &base, &evil], ""),
        (vec!["hook", "pre-push", "origin"], &offer),
        (vec!["hook", "commit-msg", "message"], ""),
        (vec!["hook", "commit-msg", &nowhere], ""),
        (vec!["hook", "pre-receive"], EVIL),
        (vec!["trailers", "message"], ""),
        (vec!["trailers", &nowhere], ""),
        (vec!["policy", "check", "evil.yml"], ""),
        (vec!["policy", "check", "raw.yml"], ""),
        (vec!["policy", "show", "raw.yml"], ""),
        (vec!["policy", "explain", &nowhere], ""),
        (vec!["policy", "packs", &nowhere], ""),
        (vec!["man", &nowhere], ""),
    ];
    for (args, input) in runs {
        let output = binary(&lab, &args, input.as_bytes());
        let code = output.status.code();
        assert!(
            matches!(code, Some(0..=3)),
            "{args:?}: {code:?} {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if args[0] == "trailers" {
            // JSON holds what was said; it escapes controls itself, and what a reader does not see
            // is shown by whoever shows it.
            assert!(!output.stdout.contains(&0x1b) && !output.stdout.contains(&b'\r'));
            continue;
        }
        is_clean(&output, &format!("{args:?}"));
    }
    // A wrong name of an option is quoted too.
    for args in [&["--\u{1b}[2J"][..], &["chec\u{1b}[2J"], &["check", "--format", "\u{1b}[2J"]] {
        let output = binary(&lab, args, b"");
        assert_eq!(output.status.code(), Some(2));
    }
}
