//! The formats for forges and pipelines: how they look, and that hostile words stay words in them.

use pulldown_cmark::{Event, Options, Parser, Tag};
use serde_json::Value;

use crate::report::tests::*;

const FORMATS: [ReportFormat; 6] = [
    ReportFormat::Terminal,
    ReportFormat::Json,
    ReportFormat::Github,
    ReportFormat::Sarif,
    ReportFormat::Junit,
    ReportFormat::Markdown,
];

/// The bytes that the summary of a step on GitHub may have.
const MAX_SUMMARY_BYTES: usize = 1 << 20;

fn web() -> ReportStyle {
    ReportStyle {
        repository_url: RepositoryUrl::new("https://git.example.com/acme/shop"),
        ..ReportStyle::default()
    }
}

fn all_samples() -> Vec<Report> {
    vec![
        denied(),
        allowed(),
        owed(),
        deferred(),
        refused_message(),
        undecided(),
        remarked(),
        hostile(),
        explained(),
        pulled(),
        disagreeing(),
        Report { policy: None, ..allowed() },
        sample_report(Vec::new()),
    ]
}

/// Returns a log without its token, which is another one for every word that changes.
fn without_token(text: String) -> String {
    let token = text.split_once("::stop-commands::").and_then(|(_, rest)| rest.lines().next());
    token.map_or(text.clone(), |token| text.replace(token, "TOKEN"))
}

/// Snapshots the samples in the formats, under names of both.
macro_rules! looks {
    ($($name:ident $format:ident: $($sample:ident)*;)*) => {$(
        #[test]
        fn $name() {
            $(
                let text = without_token(written(ReportFormat::$format, &samples::$sample(), &web()));
                insta::assert_snapshot!(concat!(stringify!($name), "_", stringify!($sample)), text);
            )*
        }
    )*};
}

looks! {
    github Github: denied allowed owed deferred undecided remarked hostile pulled;
    markdown Markdown: denied allowed owed deferred refused_message undecided remarked hostile explained pulled disagreeing;
    sarif Sarif: denied allowed undecided remarked hostile pulled;
    junit Junit: denied allowed owed deferred undecided remarked hostile;
}

#[test]
fn no_format_tells_another_decision() {
    for report in all_samples() {
        let denied = report.decision == Decision::Deny;
        let written = |format| written(format, &report, &ReportStyle::default());
        assert_eq!(written(ReportFormat::Github).lines().any(|line| line.starts_with("::error ")), denied);
        let sarif: Value = serde_json::from_str(&written(ReportFormat::Sarif)).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.iter().any(|one| one["level"] == "error"), denied, "{sarif:#}");
        let junit = quick_junit::Report::deserialize_from_str(&written(ReportFormat::Junit)).unwrap();
        assert_eq!(junit.failures + junit.errors > 0, denied);
        let word = if denied { "denied" } else { "allowed" };
        let sign = if denied { "❌" } else { "✅" };
        assert!(written(ReportFormat::Markdown).starts_with(&format!("## {sign} changegate: {word}\n")));
        assert!(written(ReportFormat::Terminal).trim_end().contains(&format!("changegate: {word} - ")));
    }
}

#[test]
fn a_denial_without_a_reason_is_still_an_error() {
    let mut report = allowed();
    report.decision = Decision::Deny;
    assert!(
        written(ReportFormat::Github, &report, &ReportStyle::default())
            .starts_with("::error title=changegate::denied")
    );
    let junit = written(ReportFormat::Junit, &report, &ReportStyle::default());
    assert_eq!(quick_junit::Report::deserialize_from_str(&junit).unwrap().errors, 1);
    let sarif: Value =
        serde_json::from_str(&written(ReportFormat::Sarif, &report, &ReportStyle::default())).unwrap();
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    assert_eq!(invocation["toolExecutionNotifications"][0]["level"], "error");
}

#[test]
fn the_same_report_gives_the_same_bytes() {
    for format in FORMATS {
        for report in all_samples() {
            assert_eq!(written(format, &report, &web()), written(format, &report.clone(), &web()));
        }
    }
}

#[test]
fn github_gets_ten_of_each_kind_and_the_worst_first() {
    let fail = |what: &str| RuleOutcome::Fail(vec![Finding::new(sample_message(what, "")); 7]);
    let gap = || RuleOutcome::Undecided(vec![Missing::NotConfigured(FactKind::Checks)]);
    let mut judgements: Vec<_> =
        (0..6).map(|n| denying_judgement(&format!("gap-{n}"), "it is known", gap())).collect();
    judgements
        .extend((0..6).map(|n| denying_judgement(&format!("wrong-{n}"), "it is right", fail("it is wrong"))));
    judgements.extend(
        (0..12).map(|n| {
            sample_judgement(&format!("warn-{n}"), "it is nice", RuleLevel::Warn, fail("it is not"))
        }),
    );
    let two = || sample_verdict("1", b"Do it", judgements.clone());
    let report = sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), vec![two(), two()])]);
    let text = written(ReportFormat::Github, &report, &ReportStyle::default());
    let errors: Vec<_> = text.lines().filter(|line| line.starts_with("::error ")).collect();
    assert_eq!(errors.len(), 10);
    assert!(errors[..6].iter().all(|line| line.contains("title=wrong-")), "{errors:#?}");
    assert!(errors[6..].iter().all(|line| line.contains("title=gap-")), "{errors:#?}");
    assert!(errors[0].ends_with("%0Aand 9 more like these"), "{}", errors[0]);
    assert_eq!(text.lines().filter(|line| line.starts_with("::warning ")).count(), 10);
    assert!(
        text.contains("\nchangegate: 4 more rules are not annotated; the report below has all of them\n")
    );
}

#[test]
fn what_stands_between_stop_and_token_is_the_report_for_people() {
    for report in all_samples() {
        let text = written(ReportFormat::Github, &report, &ReportStyle::default());
        let (_, rest) = text.split_once("::stop-commands::").unwrap();
        let (token, rest) = rest.split_once('\n').unwrap();
        assert_eq!(token.len(), "changegate-".len() + 64);
        let (body, end) = rest.split_once(&format!("::{token}::\n")).unwrap();
        assert_eq!(body, terminal(&report));
        assert_eq!(end, "::endgroup::\n");
        assert!(!body.contains(token));
    }
}

#[test]
fn results_are_told_apart_and_known_again() {
    let prints = |report: &Report| -> Vec<String> {
        let sarif: Value = serde_json::from_str(&written(ReportFormat::Sarif, report, &web())).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        results
            .iter()
            .map(|one| one["partialFingerprints"]["changegate/v1"].as_str().unwrap().to_owned())
            .collect()
    };
    let before = prints(&denied());
    let mut unique = before.clone();
    unique.sort();
    unique.dedup();
    assert_eq!(unique.len(), before.len());
    // An amended commit is another one, and what is wrong with it is the same.
    let mut amended = denied();
    for verdict in amended.groups.iter_mut().flat_map(|group| &mut group.verdicts) {
        verdict.revision = Some(sample_id("f"));
    }
    assert_eq!(prints(&amended), before);
}

#[test]
fn a_branch_that_is_one_change_is_known_again_after_a_push() {
    let prints = |report: &Report| -> Vec<String> {
        let sarif: Value = serde_json::from_str(&written(ReportFormat::Sarif, report, &web())).unwrap();
        let results = sarif["runs"][0]["results"].as_array().unwrap();
        let print = |one: &Value| one["partialFingerprints"]["changegate/v1"].as_str().unwrap().to_owned();
        results.iter().map(print).collect()
    };
    let classes = |report: &Report| -> Vec<String> {
        let junit = written(ReportFormat::Junit, report, &ReportStyle::default());
        let junit = quick_junit::Report::deserialize_from_str(&junit).unwrap();
        let cases = junit.test_suites.iter().flat_map(|suite| &suite.test_cases);
        cases.map(|case| case.classname.as_ref().unwrap().as_str().to_owned()).collect()
    };
    // The next push adds a commit, which gives the branch another subject and the finding another commit.
    let unsigned = |commit: &str| {
        let message = sample_message("unsigned: ", "").with("commit", sample_id(commit).short_hex());
        RuleOutcome::Fail(vec![Finding::new(message)])
    };
    let branch = |subject: &[u8], commit: &str, scope: GroupScope| {
        let judgement = denying_judgement("signed", "commits are signed", unsigned(commit));
        let mut group = ReportGroup::new(scope, vec![sample_verdict(commit, subject, vec![judgement])]);
        group.is_one_change = true;
        sample_report(vec![group])
    };
    let range = |label: &str| GroupScope::Range(Text::from(label));
    let pull = || GroupScope::PullRequest(Text::from("acme/shop#12"));
    let first = branch(b"Add a table", "a", range("main..aaaa"));
    assert_eq!(prints(&first), prints(&branch(b"Fill the table", "b", range("main..bbbb"))));
    let first = branch(b"Add a table", "a", pull());
    let second = branch(b"Fill the table", "b", pull());
    assert_eq!(prints(&first), prints(&second));
    assert_eq!(classes(&first), classes(&second));
    let other = branch(b"Add a table", "a", GroupScope::PullRequest(Text::from("acme/shop#13")));
    assert_ne!(prints(&first), prints(&other));
}

#[test]
fn a_summary_of_any_size_fits() {
    let finding = Finding::new(sample_message("this is wrong: ", &"x`".repeat(80))).with_paste("Risk: <low>");
    let many = |n: usize| {
        let id = format!("rule-{n}");
        sample_verdict(
            "6",
            b"Add a table",
            vec![denying_judgement(&id, "it is right", RuleOutcome::Fail(vec![finding.clone(); 12]))],
        )
    };
    let report =
        sample_report(vec![ReportGroup::new(moved_ref("refs/heads/main"), (0..40).map(many).collect())]);
    for limit in [0, 300, 5000, MAX_COMMENT_BYTES, MAX_SUMMARY_BYTES] {
        let style = ReportStyle { max_markdown_bytes: limit, verbose: true, ..ReportStyle::default() };
        let text = written(ReportFormat::Markdown, &report, &style);
        assert!(text.len() <= limit, "{limit}: {}", text.len());
        assert!(
            limit < 300 || text.contains("**Not all is shown:**") == (limit < MAX_SUMMARY_BYTES),
            "{limit}"
        );
    }
}

/// Returns the events of GitHub's dialect.
fn events(text: &str) -> Vec<Event<'_>> {
    let options = Options::all()
        .difference(Options::ENABLE_SMART_PUNCTUATION)
        .difference(Options::ENABLE_OLD_FOOTNOTES);
    Parser::new_ext(text, options).collect()
}

/// Asserts that nothing in the text acts on a reader, but for what changegate writes itself.
fn assert_tame(text: &str) {
    let own = ["<details>\n", "</details>\n"];
    let mut code = false;
    for event in events(text) {
        match &event {
            Event::Start(Tag::CodeBlock(_)) => code = true,
            Event::End(pulldown_cmark::TagEnd::CodeBlock) => code = false,
            Event::Html(html) => {
                let summary =
                    html.strip_prefix("<summary>").and_then(|rest| rest.strip_suffix("</summary>\n"));
                let plain =
                    |words: &str| words.chars().all(|one| one.is_ascii_alphanumeric() || " ,".contains(one));
                assert!(own.contains(&html.as_ref()) || summary.is_some_and(plain), "{html:?} in {text}");
            }
            Event::Text(words) if !code => {
                let lower = words.to_ascii_lowercase();
                for active in
                    ["@", "#", "://", "www.", "<", ">", "|", "[", "]", "*", "_", "~", "`", "$", "&", "gh-1"]
                {
                    assert!(!lower.contains(active), "{active:?} in {words:?} in {text}");
                }
                assert!(words.chars().all(escape::is_visible), "{words:?}");
            }
            Event::Code(words) => assert!(words.chars().all(escape::is_visible), "{words:?}"),
            Event::Start(
                Tag::Link { .. }
                | Tag::Image { .. }
                | Tag::BlockQuote(_)
                | Tag::FootnoteDefinition(_)
                | Tag::Emphasis
                | Tag::Strikethrough
                | Tag::MetadataBlock(_)
                | Tag::DefinitionList
                | Tag::Superscript
                | Tag::Subscript,
            )
            | Event::InlineHtml(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::FootnoteReference(_)
            | Event::Rule
            | Event::HardBreak
            | Event::TaskListMarker(_) => panic!("{event:?} in {text}"),
            _ => {}
        }
    }
}

/// Returns everything that a reader of the Markdown sees.
fn seen(text: &str) -> String {
    let words = events(text).into_iter().filter_map(|event| match event {
        Event::Text(words) | Event::Code(words) => Some(words.to_string()),
        Event::SoftBreak | Event::End(_) => Some("\n".into()),
        _ => None,
    });
    words.collect()
}

#[test]
fn samples_are_tame_and_whole() {
    for report in all_samples() {
        assert_tame(&written(ReportFormat::Markdown, &report, &ReportStyle::default()));
    }
}

proptest! {
    #[test]
    fn a_log_obeys_nobody_but_us(
        texts in proptest::array::uniform5(bytes()), of in 0usize..4, verbose: bool, colour: bool,
    ) {
        let style = ReportStyle { verbose, colour, ..ReportStyle::default() };
        let text = written(ReportFormat::Github, &full_of(&texts, of), &style);
        let text = if colour { without_colour(&text) } else { text };
        let token = text.split_once("::stop-commands::").unwrap().1.split_once('\n').unwrap().0.to_owned();
        let ours = ["::error ", "::warning ", "::notice ", "::group::changegate: ", "::stop-commands::changegate-"];
        for line in text.lines() {
            prop_assert!(line.chars().all(escape::is_visible), "{line:?}");
            prop_assert!(!line.contains("##["), "{line:?}");
            let bare = line.trim_start();
            if bare.starts_with("::") && line != format!("::{token}::") && line != "::endgroup::" {
                prop_assert!(ours.iter().any(|own| line.starts_with(own)), "{line:?}");
            }
            if let Some(command) = ours[..3].iter().find_map(|own| line.strip_prefix(own)) {
                // What a runner reads: properties up to the next `::`, and each of them is one of ours.
                let (properties, _) = command.split_once("::").unwrap();
                for property in properties.split(',') {
                    let name = property.split_once('=').unwrap().0;
                    prop_assert!(["file", "title"].contains(&name), "{property:?} in {line:?}");
                }
            }
        }
        for once in ["::stop-commands::", "::group::", "::endgroup::"] {
            prop_assert_eq!(text.lines().filter(|line| line.starts_with(once)).count(), 1);
        }
    }

    #[test]
    fn markdown_shows_words_and_nothing_else(
        texts in proptest::array::uniform5(bytes()), of in 0usize..4, verbose: bool,
        limit in prop_oneof![0usize..6000, Just(MAX_COMMENT_BYTES)],
    ) {
        let report = full_of(&texts, of);
        let style = ReportStyle { verbose, max_markdown_bytes: limit, ..ReportStyle::default() };
        let text = written(ReportFormat::Markdown, &report, &style);
        prop_assert!(text.len() <= limit);
        prop_assert!(text.chars().all(|one| one == '\n' || escape::is_visible(one)), "{text}");
        assert_tame(&text);
        if limit == MAX_COMMENT_BYTES && !text.contains("**Not all is shown:**") {
            let seen = seen(&text);
            for quote in [&texts[0], &texts[2]] {
                let shown = escape::escape_terminal(quote.as_bytes(), escape::MAX_QUOTE_COLUMNS);
                prop_assert!(seen.contains(&shown), "{shown:?} in {text}");
            }
        }
    }

    #[test]
    fn sarif_reads_back_as_it_was(texts in proptest::array::uniform5(bytes()), of in 0usize..4) {
        let report = full_of(&texts, of);
        let text = written(ReportFormat::Sarif, &report, &web());
        prop_assert!(text.chars().all(|one| one == '\n' || escape::is_visible(one)), "{text}");
        let json: Value = serde_json::from_str(&text).unwrap();
        sarif::tests::assert_valid(&json);
        let results = json["runs"][0]["results"].as_array().unwrap();
        let finding = results.iter().map(|one| &one["properties"]["finding"]).find(|one| !one.is_null()).unwrap();
        prop_assert_eq!(read_back(&finding["at"], "path"), texts[1].clone());
        prop_assert_eq!(read_back(&finding["what"]["parts"][1], "text"), texts[2].clone());
        prop_assert_eq!(finding["fixers"][1]["teams"][0].as_str().unwrap(), texts[4].to_lossy());
        for result in results {
            let message = result["message"]["text"].as_str().unwrap();
            prop_assert!(!message.contains("](") || message.contains("\\]("), "{message}");
            prop_assert!(message.chars().all(escape::is_visible), "{message}");
        }
    }

    #[test]
    fn junit_reads_back_as_it_is_shown(texts in proptest::array::uniform5(bytes()), of in 0usize..4) {
        let report = full_of(&texts, of);
        let text = written(ReportFormat::Junit, &report, &ReportStyle::default());
        prop_assert!(text.chars().all(|one| one == '\n' || escape::is_visible(one)), "{text:?}");
        let junit = quick_junit::Report::deserialize_from_str(&text).unwrap();
        prop_assert_eq!(junit.test_suites.len(), 2);
        let suite = &junit.test_suites[1];
        let subject = escape::escape_terminal(texts[0].as_bytes(), escape::MAX_QUOTE_COLUMNS);
        prop_assert!(suite.name.as_str().ends_with(&subject), "{:?} {subject:?}", suite.name);
        let id = escape::escape_words(&texts[4].to_lossy());
        for case in &suite.test_cases {
            prop_assert_eq!(case.name.as_str(), id.as_str());
        }
        let quick_junit::TestCaseStatus::NonSuccess { description: Some(told), .. } = &suite.test_cases[0].status
        else {
            panic!("{text}");
        };
        prop_assert!(told.as_str().contains(&escape::escape_quotation(texts[2].as_bytes())), "{told:?}");
    }
}
