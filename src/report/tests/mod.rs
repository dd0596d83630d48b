//! What the formats promise: the text as people see it, and nothing in it that acts on a reader.

use proptest::prelude::*;

use std::collections::HashSet;

use crate::change::{FactKind, Missing, Text};
use crate::predicates::support::condition::ConditionTrace;
use crate::report::samples::*;
use crate::report::style::MAX_COMMENT_BYTES;
use crate::report::*;
use crate::verdict::{
    ChangeLocation, ClassId, CommitShape, Decision, ExemptionId, Finding, Fixer, LineEdit, MessageTemplate,
    Obligation, PossibleExemption, PredicateAnswer, RuleId, RuleLevel, RuleOutcome,
};

/// A message with a value of every kind.
const ANY_MESSAGE: MessageTemplate =
    MessageTemplate { code: "sample.any", text: "{own}{quote}{own} {list} {nested} {number}" };

const ANY_WORDS: MessageTemplate = MessageTemplate { code: "sample.any-words", text: "{own}{quote}" };

const NESTED_MESSAGE: MessageTemplate = MessageTemplate { code: "sample.nested", text: "for {quote}" };

mod formats;
mod ranges;

fn written(format: ReportFormat, report: &Report, style: &ReportStyle) -> String {
    let mut out = Vec::new();
    write_report(format, report, style, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn terminal(report: &Report) -> String {
    written(ReportFormat::Terminal, report, &ReportStyle::default())
}

/// Snapshots the text of a report, under the name of the function in `samples` that makes it.
macro_rules! looks {
    ($($name:ident: $sample:ident)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!(concat!("terminal_", stringify!($sample)), terminal(&samples::$sample()));
        }
    )*};
}

looks! {
    a_denied_push_says_what_is_wrong_and_what_to_paste: denied
    an_allowed_push_is_one_line: allowed
    what_is_owed_has_a_due_time: owed
    what_is_asked_later_is_listed_and_not_passed: deferred
    a_refused_message_can_be_opened_again: refused_message
    what_cannot_be_decided_says_who_can_change_that: undecided
    exemptions_warnings_and_notes_are_told: remarked
    what_contradicts_itself_is_told_with_what_counts: disagreeing
    hostile_words_are_shown_and_do_nothing: hostile
    an_explanation_is_a_tree: explained
}

#[test]
fn verbose_shows_every_change_and_every_rule() {
    let style = ReportStyle { verbose: true, ..ReportStyle::default() };
    insta::assert_snapshot!("terminal_verbose", written(ReportFormat::Terminal, &denied(), &style));
}

#[test]
fn colour_adds_nothing_but_colour() {
    for report in [denied(), owed(), remarked(), explained(), deferred(), disagreeing(), hostile()] {
        let coloured =
            written(ReportFormat::Terminal, &report, &ReportStyle { colour: true, ..ReportStyle::default() });
        assert!(coloured.contains("\u{1b}["));
        assert_eq!(without_colour(&coloured), terminal(&report));
    }
}

#[test]
fn what_is_allowed_takes_one_line_or_none() {
    let quiet = ReportStyle { quiet: true, ..ReportStyle::default() };
    let wide = ReportStyle { width: 200, ..ReportStyle::default() };
    assert_eq!(written(ReportFormat::Terminal, &allowed(), &wide).lines().count(), 1);
    assert_eq!(written(ReportFormat::Terminal, &allowed(), &quiet), "");
    assert_eq!(written(ReportFormat::Terminal, &owed(), &quiet), "");
    assert_eq!(written(ReportFormat::Terminal, &denied(), &quiet), terminal(&denied()));
}

#[test]
fn what_is_left_out_is_counted() {
    let style = ReportStyle { max_changes: 1, ..ReportStyle::default() };
    let text = written(ReportFormat::Terminal, &denied(), &style);
    assert!(!text.contains("Raise the limit"), "{text}");
    assert!(text.contains("\nand 1 more change denied: `changegate check --verbose` shows more\n"), "{text}");
    assert!(text.contains("2 of 5 changes break"), "{text}");
}

#[test]
fn a_flood_of_findings_and_remarks_is_counted_too() {
    let warned = |findings: usize| {
        let finding = Finding::new(sample_message("this is long", ""));
        sample_judgement(
            "length",
            "lines are short",
            RuleLevel::Warn,
            RuleOutcome::Fail(vec![finding; findings]),
        )
    };
    let verdicts = (0..25).map(|_| sample_verdict("6", b"Add a table", vec![warned(12)])).collect();
    let report = sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), verdicts)]);
    let text = terminal(&report);
    assert_eq!(text.matches("- and 2 more like these\n").count(), 10, "{text}");
    assert!(text.contains("\nand 15 more changes allowed with remarks: `changegate"), "{text}");
    let verbose =
        written(ReportFormat::Terminal, &report, &ReportStyle { verbose: true, ..ReportStyle::default() });
    assert_eq!(verbose.matches("- this is long").count(), 25 * 12);
}

#[test]
fn everything_fits_beside_the_prefix_of_a_remote() {
    for report in
        [denied(), allowed(), owed(), deferred(), refused_message(), undecided(), remarked(), explained()]
    {
        for line in terminal(&report).lines() {
            assert!(escape::count_columns(line) <= 72, "{line}");
        }
    }
}

#[test]
fn a_gap_that_refuses_nothing_is_named_as_one() {
    let missing = vec![Missing::NotConfigured(FactKind::Paths)];
    let text = terminal(&message_report(vec![denying_judgement(
        "scope",
        "few files change",
        RuleOutcome::Undecided(missing),
    )]));
    assert!(text.contains("  undecided scope: few files change"), "{text}");
    assert!(text.contains(", 1 rule undecided"), "{text}");
}

#[test]
fn without_a_policy_the_last_line_says_so() {
    let finding = Finding::new(sample_message("there is no policy at `policies/changegate.yml`", ""));
    let refusal = denying_judgement(
        "policy-present",
        "changes are judged by a policy",
        RuleOutcome::Fail(vec![finding]),
    );
    let group =
        ReportGroup { refusals: vec![refusal], ..ReportGroup::new(moved_ref("refs/heads/main"), Vec::new()) };
    let report = Report { policy: None, ..sample_report(vec![group]) };
    assert!(terminal(&report).ends_with("\nchangegate: denied - no usable policy\n"));
}

#[test]
fn lines_to_paste_are_whole_and_stand_there_once() {
    let long = format!("Back-out-Plan: <{}>", "a way back ".repeat(12).trim_end());
    let finding = |paste: &str| Finding::new(sample_message("missing", "")).with_paste(paste);
    let findings =
        vec![finding("Risk: <low|high>"), finding(&long), finding("Risk: <low|high>\nTicket: <id>")];
    let text = terminal(&message_report(vec![denying_judgement(
        "all",
        "all is there",
        RuleOutcome::Fail(findings),
    )]));
    assert!(
        text.contains(&format!("\n      Risk: <low|high>\n      {long}\n      Ticket: <id>\n")),
        "{text}"
    );
}

#[test]
fn a_change_of_several_commits_is_rebased_with_its_merges() {
    let missing = Finding::new(sample_message("missing", ""))
        .in_commit(Some(sample_id("9")))
        .with_paste("Risk: <low|high>");
    let mut one = sample_verdict(
        "1",
        b"Merge it",
        vec![denying_judgement("risk", "it is stated", RuleOutcome::Fail(vec![missing]))],
    );
    one.commits = 3;
    one.commit_shapes = [("9", 1), ("1", 2)]
        .map(|(id, parents)| CommitShape {
            id: sample_id(id),
            parents,
            is_made_by_forge: false,
            may_be_empty: false,
        })
        .to_vec();
    let text = terminal(&sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), vec![one])]));
    assert!(text.contains("git rebase -i --rebase-merges --autostash 9999999999^\n"), "{text}");
    assert!(text.contains("- missing (commit 9999999999)\n"), "{text}");
}

/// Returns a report about a message that one rule objects to.
fn objected_message(findings: Vec<Finding>) -> Report {
    message_report(vec![denying_judgement("w", "w", RuleOutcome::Fail(findings))])
}

#[test]
fn lines_to_replace_are_named_before_lines_to_add() {
    let wrong = Finding::new(sample_message("wrong", "")).on_message_line(7).with_paste("Risk: <low|high>");
    let added = Finding::new(sample_message("missing", "")).with_paste("Ticket: <id>");
    let text = terminal(&objected_message(vec![added, wrong]));
    let steps = "  then replace line 7 of the message:\n      Risk: <low|high>\n  and add these trailers at the end of \
                 the message:\n      Ticket: <id>\n";
    assert!(text.contains(steps), "{text}");
}

#[test]
fn alternatives_are_not_a_list_of_what_is_needed() {
    let mut either = Finding::new(sample_message("missing", "")).with_paste("Incident: <like INC-2031>");
    either.paste_alternatives = vec!["CVE: <like CVE-2026-12345>".into()];
    let other = Finding::new(sample_message("missing", "")).with_paste("Risk: <low|high>");
    let text = terminal(&objected_message(vec![either, other]));
    let choice = "      Risk: <low|high>\n  and add one of these trailers at the end of the message:\n      \
                  Incident: <like INC-2031>\n    or\n      CVE: <like CVE-2026-12345>\n";
    assert!(text.contains(choice), "{text}");
}

#[test]
fn misplaced_lines_are_moved_and_what_follows_from_them_is_not_told() {
    let moved = |line: usize| {
        let finding = Finding::new(sample_message("stands above the last paragraph", ""));
        finding.on_message_line(line).with_line_edit(LineEdit::MoveToTrailers)
    };
    let follow_up = Finding { is_follow_up: true, ..moved(4) };
    let text = terminal(&message_report(vec![
        denying_judgement(
            "trailers",
            "trailers are read",
            RuleOutcome::Fail(vec![moved(3), moved(4), moved(6)]),
        ),
        denying_judgement("risk", "the risk is stated", RuleOutcome::Fail(vec![follow_up.clone()])),
    ]));
    assert!(text.contains("\n  then move lines 3, 4 and 6 into the last paragraph\n"), "{text}");
    assert!(!text.contains("the risk is stated") && !text.contains("add these"), "{text}");
    let text = terminal(&objected_message(vec![follow_up]));
    assert!(text.contains("\n  then move line 4 into the last paragraph\n"), "{text}");
}

#[test]
fn a_line_that_several_people_write_is_there_as_often() {
    let paste = "Reviewed-by: <name> <address>";
    let finding = |text: String| Finding::new(sample_message("short", "")).with_paste(text);
    let text = terminal(&objected_message(vec![finding(paste.into()), finding(format!("{paste}\n{paste}"))]));
    assert_eq!(text.matches(paste).count(), 2, "{text}");
}

#[test]
fn a_rule_without_a_title_is_named_once() {
    let text = terminal(&objected_message(vec![Finding::new(sample_message("missing", ""))]));
    assert!(text.contains("\n  w\n    - missing\n"), "{text}");
}

#[test]
fn what_is_overdue_is_closed_by_a_change_and_said_once() {
    let paste = "For-Change: 1b2c3d4e5f60\nFor-Change: 2c3d4e5f6071\nTicket: <id>";
    let refusal = |id: &str, paste: &str| {
        let finding = Finding::new(sample_message("overdue", "")).fixed_by(Fixer::ObligationOwner);
        denying_judgement(id, id, RuleOutcome::Fail(vec![finding.with_paste(paste)]))
    };
    let owed = sample_verdict("4", b"Stop it", owed().groups[0].verdicts[0].judgements.clone());
    let group = ReportGroup {
        refusals: vec![refusal("nothing-overdue", paste), refusal("shortcut-suspended", "Ticket: <id>")],
        ..ReportGroup::new(moved_ref("refs/heads/main"), vec![owed])
    };
    let text = terminal(&sample_report(vec![group]));
    let block = "  to fix: push a change that closes them, with these trailers:\n      For-Change: 1b2c3d4e5f60\n      \
                 For-Change: 2c3d4e5f6071\n      Ticket: <id>\n";
    assert!(text.contains(block), "{text}");
    assert_eq!(text.matches("Ticket: <id>").count(), 1, "{text}");
    assert!(!text.contains("owed") && !text.contains("allowed"), "{text}");
}

#[test]
fn a_hook_that_only_warns_says_what_would_be() {
    let report = objected_message(vec![Finding::new(sample_message("missing", "")).with_paste("Risk: low")]);
    let style = ReportStyle { denied_message: DeniedMessage::Committed, ..ReportStyle::default() };
    let text = written(ReportFormat::Terminal, &report, &style);
    assert!(text.starts_with("would be denied: this commit"), "{text}");
    assert!(text.contains("to fix: git commit --amend --only\n"), "{text}");
    assert!(text.contains("\nchangegate: this commit would be denied - "), "{text}");
}

fn without_colour(text: &str) -> String {
    let mut pieces = text.split("\u{1b}[");
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |plain, piece| {
        let (codes, rest) = piece.split_once('m').unwrap();
        assert!(codes.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "{codes:?}");
        plain + rest
    })
}

fn bytes() -> impl Strategy<Value = Text> {
    let nasty = proptest::sample::select(vec![
        "\n::error::x",
        "\r##[error]x",
        " ::set-output name=x::y",
        "\nremote: x",
        "\nGL-HOOK-ERR: x",
        "\u{1b}]52;c;eA==\u{7}",
        "\u{9b}31m",
        "\u{202e}\u{200b}\u{feff}\u{e0041}",
        "%0A::error file=x,line=1::y",
        "](http://evil.example) ![x](http://evil.example/x.png) <img src=x onerror=y>",
        "@acme/security #12 GH-12 acme/shop#1 http://evil.example www.evil.example a@evil.example",
        "|a|b|\n|---|---|\n</details></summary><!-- ",
        "``` `` ` ```` ~~~ $$x$$ $`x`$ :tada: [^1] [[x]] **b** _i_ ~~s~~",
        "\n# heading\n- [ ] item\n1. item\n> quote\n    code\n---\n===\n[x]: http://evil.example",
        "&lt;b&gt; &#64;team &amp; \\",
        "]]><x>&amp;&#x1b; _x000D_ \u{fffe}\u{0}",
    ]);
    let any_bytes = proptest::collection::vec(any::<u8>(), 0..60);
    (any_bytes, nasty, ".{0,20}").prop_map(|(mut bytes, nasty, text)| {
        bytes.extend_from_slice(nasty.as_bytes());
        bytes.extend_from_slice(text.as_bytes());
        Text::new(bytes)
    })
}

/// Returns a report that holds one of the texts, or its readable form, wherever a report holds text.
fn full_of(texts: &[Text; 5], of: usize) -> Report {
    let [subject, path, quote, name, own] = texts;
    let own = || own.to_lossy().into_owned();
    let message = ANY_MESSAGE
        .with("own", own())
        .with("quote", quote)
        .with("list", vec![own(), own()])
        .with("nested", NESTED_MESSAGE.with("quote", quote))
        .with("number", 7_u64);
    let mut finding = Finding::new(message)
        .fixed_by(Fixer::TeamMember(vec![own()]))
        .or_by(Fixer::TeamMember(vec![own()]))
        .with_paste(own());
    finding.at = ChangeLocation {
        commit: Some(sample_id("9")),
        line: Some(1),
        path: Some(path.clone()),
        ..ChangeLocation::default()
    };
    let owed = Obligation {
        what: ANY_WORDS.with("own", own()).with("quote", quote),
        owner: Fixer::TeamMember(vec![own()]),
        due: None,
        evidence: ANY_WORDS.with("own", own()).with("quote", quote),
        field: None,
        by_others: false,
    };
    let missing = vec![Missing::Unavailable(FactKind::Paths, own())];
    let exempted = RuleOutcome::Exempted {
        reason: own(),
        approved_by: own(),
        until: own(),
        exemption: ExemptionId::new(own()),
    };
    let possible = Box::new(PossibleExemption {
        findings: vec![finding.clone()],
        missing: missing.clone(),
        reason: own(),
        approved_by: own(),
        until: own(),
        exemption: ExemptionId::new(own()),
    });
    let judgements: Vec<_> = [
        RuleOutcome::Fail(vec![finding]),
        RuleOutcome::Owed(vec![owed]),
        RuleOutcome::Undecided(missing.clone()),
        RuleOutcome::Deferred(missing.clone()),
        RuleOutcome::MaybeExempted(possible.clone()),
        RuleOutcome::MaybeExempted(Box::new(PossibleExemption {
            missing: vec![Missing::NotAtThisStage(FactKind::Pusher)],
            ..*possible
        })),
        exempted,
        RuleOutcome::Pass,
    ]
    .into_iter()
    .map(|outcome| denying_judgement(&own(), &own(), outcome))
    .collect();
    let mut one = sample_verdict("1", subject.as_bytes(), judgements.clone());
    one.class = Some(ClassId::new(own()));
    one.enforced = of == 0;
    let part =
        ConditionTrace { question: own(), answer: PredicateAnswer::Unknown(missing), parts: Vec::new() };
    let trace =
        ConditionTrace { question: own(), answer: PredicateAnswer::Holds(Vec::new()), parts: vec![part] };
    let group = ReportGroup {
        scope: match of {
            0 => moved_ref("").renamed(name),
            1 => GroupScope::Range(name.clone()),
            2 => GroupScope::PullRequest(name.clone()),
            _ => GroupScope::Message,
        },
        refusals: judgements,
        verdicts: vec![one],
        judged_ref: None,
        omitted_passes: 0,
        left_out: LeftOutChanges::default(),
        amendable: None,
        published: HashSet::new(),
        is_one_change: false,
        is_to_land: true,
        checkout: ReaderCheckout::default(),
        rewrite: None,
        traces: vec![RuleTrace { verdict_index: 0, rule_id: RuleId::new(own()), trace }],
    };
    let mut report = sample_report(vec![group]);
    report.enforced = of == 0;
    report.policy = Some(PolicyDescription { name: own(), digest: own(), source: own() });
    report.notes = vec![ANY_WORDS.with("own", own()).with("quote", quote)];
    report
}

impl GroupScope {
    fn renamed(self, new: &Text) -> GroupScope {
        match self {
            GroupScope::Ref { update, .. } => GroupScope::Ref { name: new.clone(), update },
            other => other,
        }
    }
}

proptest! {
    #[test]
    fn a_terminal_gets_what_can_be_seen_and_no_commands(
        texts in proptest::array::uniform5(bytes()), of in 0usize..4, width in 1usize..120, verbose: bool,
    ) {
        let style = ReportStyle { colour: true, width, verbose, ..ReportStyle::default() };
        let text = without_colour(&written(ReportFormat::Terminal, &full_of(&texts, of), &style));
        for line in text.lines() {
            prop_assert!(line.chars().all(escape::is_visible), "{line:?}");
            for start in ["::", "##", "GL-HOOK-ERR:", "remote:"] {
                prop_assert!(!line.trim_start().starts_with(start), "{line:?}");
            }
            prop_assert!(!line.contains("##["), "{line:?}");
            prop_assert_eq!(line, line.trim_end());
        }
    }

    #[test]
    fn json_reads_back_as_it_was(texts in proptest::array::uniform5(bytes()), of in 0usize..4) {
        let text = written(ReportFormat::Json, &full_of(&texts, of), &ReportStyle::default());
        prop_assert!(text.chars().all(|one| one == '\n' || escape::is_visible(one)), "{text}");
        prop_assert!(!text.contains("##["), "{text}");
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let group = &json["groups"][0];
        let change = &group["changes"][0];
        let finding = &change["judgements"][0]["findings"][0];
        prop_assert_eq!(read_back(change, "subject"), texts[0].clone());
        prop_assert_eq!(read_back(&finding["at"], "path"), texts[1].clone());
        prop_assert_eq!(read_back(&finding["what"]["parts"][1], "text"), texts[2].clone());
        if of < 3 {
            prop_assert_eq!(read_back(group, "name"), texts[3].clone());
        }
        prop_assert_eq!(finding["code"].as_str().unwrap(), "sample.any");
        prop_assert_eq!(read_back(&finding["values"]["quote"], "quote"), texts[2].clone());
        let nested = &finding["values"]["nested"];
        prop_assert_eq!(read_back(&nested["values"]["quote"], "quote"), texts[2].clone());
        prop_assert_eq!(finding["values"]["own"].as_str().unwrap(), texts[4].to_lossy());
        prop_assert_eq!(finding["values"]["list"][1].as_str().unwrap(), texts[4].to_lossy());
        prop_assert_eq!(finding["values"]["number"].as_u64(), Some(7));
        prop_assert_eq!(finding["fixers"][0]["teams"][0].as_str().unwrap(), texts[4].to_lossy());
        prop_assert_eq!(finding["fixers"][1]["teams"][0].as_str().unwrap(), texts[4].to_lossy());
    }
}

fn read_back(holder: &serde_json::Value, key: &str) -> Text {
    match holder[format!("{key}_hex")].as_str() {
        Some(hex) => Text::new(crate::change::text::decode_hex(hex).unwrap()),
        None => holder[key].as_str().unwrap().into(),
    }
}
