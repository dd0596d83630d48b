//! What a report says of a long range is the same, whether it holds every change or a sample of them.

use std::io::Cursor;

use proptest::prelude::*;

use super::written;
use crate::report::change_selection::ChangeSelection;
use crate::report::ranked_judgements::{ReportCounts, rank_report};
use crate::report::samples::*;
use crate::report::*;
use crate::verdict::{Decision, Verdict};

/// Every change of the samples, and one without remarks.
fn sample_verdicts() -> Vec<Verdict> {
    let mut verdicts = vec![sample_verdict("f", b"Say nothing", Vec::new())];
    for report in [denied(), allowed(), owed(), deferred(), undecided(), remarked(), disagreeing(), hostile()]
    {
        verdicts.extend(report.groups.into_iter().flat_map(|group| group.verdicts));
    }
    verdicts
}

fn range_of(verdicts: &[Verdict], selection: &mut ChangeSelection) -> Report {
    let mut group = ReportGroup::new(GroupScope::Range("v1..main".into()), Vec::new());
    for verdict in verdicts {
        selection.add_change(&mut group, verdict.clone(), Vec::new());
    }
    sample_report(vec![group])
}

fn spools_of(verdicts: &[Verdict], report: &Report) -> ChangeSpools {
    let mut spools = ChangeSpools::default();
    for format in [ReportFormat::Json, ReportFormat::Junit, ReportFormat::Sarif] {
        let open = || Ok(Box::new(Cursor::new(Vec::new())) as Box<dyn SpoolStorage>);
        let scope = &report.groups[0].scope;
        let range = SpooledRange { scope, seen_at: report.seen_at, is_one_change: false };
        spools.add_format(format, &range, open).unwrap();
    }
    for verdict in verdicts {
        spools.add_change(verdict, &[]).unwrap();
    }
    spools
}

fn denied_verdict() -> Verdict {
    let mut denied = sample_verdicts().into_iter().filter(|verdict| verdict.decision() == Decision::Deny);
    denied.next().unwrap()
}

/// Returns the lines of a report that say how much there is, of all that is judged.
fn totals(text: &str) -> Vec<&str> {
    text.lines().filter(|line| line.contains("changes") || line.contains("changegate: ")).collect()
}

proptest! {
    #[test]
    fn a_sample_counts_what_it_does_not_hold(
        picked in proptest::collection::vec(any::<proptest::sample::Index>(), 0..60),
        max_changes in 0usize..4,
        max_of_outcome in 1usize..3,
    ) {
        let known = sample_verdicts();
        let verdicts: Vec<Verdict> = picked.iter().map(|index| index.get(&known).clone()).collect();
        let whole = range_of(&verdicts, &mut ChangeSelection::new(HeldChanges::All));
        let mut selection = ChangeSelection::new(HeldChanges::Sample { first: 0, objections: 0 });
        selection.max_changes = max_changes;
        selection.max_of_outcome = max_of_outcome;
        let sample = range_of(&verdicts, &mut selection);
        prop_assert_eq!(sample.decision, whole.decision);
        prop_assert_eq!(ReportCounts::count_report(&sample), ReportCounts::count_report(&whole));
        // Some of each outcome is held, so a report has a reason for each number.
        let outcomes = |report: &Report| {
            let mut found: Vec<_> = rank_report(report)
                .filter(|ranked| ranked.rank < judgement_rank::JudgementRank::Passed)
                .map(|ranked| (ranked.judgement.rule.id.clone(), ranked.rank))
                .collect();
            found.sort();
            found.dedup();
            found
        };
        prop_assert_eq!(outcomes(&sample), outcomes(&whole));
        let held = sample.groups[0].verdicts.len();
        prop_assert!(held <= 2 * max_changes + max_of_outcome * outcomes(&whole).len());
        // A reader is told the same numbers, if no more is shown than is held.
        let style = ReportStyle { max_changes: 0, ..ReportStyle::default() };
        let (shown, all) =
            (written(ReportFormat::Terminal, &sample, &style), written(ReportFormat::Terminal, &whole, &style));
        prop_assert_eq!(totals(&shown), totals(&all));
    }

    #[test]
    fn what_was_spooled_is_the_same_report(
        picked in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
    ) {
        let known = sample_verdicts();
        let verdicts: Vec<Verdict> = picked.iter().map(|index| index.get(&known).clone()).collect();
        let whole = range_of(&verdicts, &mut ChangeSelection::new(HeldChanges::All));
        let mut spools = spools_of(&verdicts, &whole);
        for format in [ReportFormat::Json, ReportFormat::Junit, ReportFormat::Terminal, ReportFormat::Json] {
            let mut out = Vec::new();
            let style = ReportStyle::default();
            write_range_report(format, &whole, &mut spools, &style, &mut out).unwrap();
            prop_assert_eq!(String::from_utf8(out).unwrap(), written(format, &whole, &style));
        }
    }
}

#[test]
fn a_verbose_report_holds_a_limited_number_of_changes_and_counts_the_rest() {
    let passing = || sample_verdict("1", b"Fine", vec![passed_judgement()]);
    let mut verdicts: Vec<Verdict> = (0..7).map(|_| passing()).collect();
    verdicts.push(denied_verdict());
    let mut selection = ChangeSelection::new(HeldChanges::Sample { first: 3, objections: 0 });
    let report = range_of(&verdicts, &mut selection);
    assert_eq!(report.groups[0].verdicts.len(), 4);
    let style = ReportStyle { verbose: true, ..ReportStyle::default() };
    let text = written(ReportFormat::Terminal, &report, &style);
    assert!(
        text.contains("and 4 more changes allowed: `changegate check --format json` lists all"),
        "{text}"
    );
    assert!(text.contains("1 of 8 changes"), "{text}");
}

#[test]
fn the_results_of_sarif_are_held_up_to_its_limit() {
    let denied = denied_verdict();
    let mut selection = ChangeSelection::new(HeldChanges::Sample { first: 0, objections: 12 });
    selection.max_changes = 1;
    selection.max_of_outcome = 1;
    let sample = range_of(&vec![denied; 40], &mut selection);
    let of_worst = rank_report(&sample).filter(|one| one.rank == judgement_rank::JudgementRank::Denied);
    assert!(of_worst.map(|one| one.objections().len()).sum::<usize>() >= 12);
    assert!(sample.groups[0].verdicts.len() <= 12);
    let sarif = written(ReportFormat::Sarif, &sample, &ReportStyle::default());
    assert!(sarif.contains("more results are not written"), "{sarif}");
}

#[test]
fn a_plan_says_for_how_many_changes_it_is_not() {
    let denied = denied_verdict();
    let mut selection = ChangeSelection::new(HeldChanges::Sample { first: 0, objections: 0 });
    selection.max_changes = 2;
    selection.max_of_outcome = 1;
    let sample = range_of(&vec![denied; 40], &mut selection);
    let markdown = written(ReportFormat::Markdown, &sample, &ReportStyle::default());
    assert!(markdown.contains("38 more denied changes may need others"), "{markdown}");
    assert!(markdown.contains("38 more changes are denied, and not listed here"), "{markdown}");
    let log = written(ReportFormat::Github, &sample, &ReportStyle::default());
    assert!(log.contains("more like these"), "{log}");
}
