//! `changegate check`: judge commits on request.

mod args;
mod changes;
mod policies;
mod reports;
mod request;

use std::io::Write as _;

use anyhow::Context as _;

use crate::change::{FactKind, Missing, Oid, Stage, Text};
use crate::cli::check::args::{ChangeUnitArg, LandingArg};
use crate::cli::check::policies::{
    HistoryPolicies, is_brought_policy, load_check_policy, load_history_policies,
};
use crate::cli::check::reports::{
    check_output_files, open_spools, print_range_report, refuse_shared_files, remove_stale_reports,
    select_held_changes, write_output_files, writes_reasons,
};
use crate::cli::check::request::{
    CheckRequest, describe_idle_head, find_default_branch, find_upstream_target, list_approval_targets,
    refuse_empty_request, resolve_request,
};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::{Context, count_threads};
use crate::cli::output;
use crate::cli::policy::lookup::find_bare_repository;
use crate::cli::progress::ProgressLine;
use crate::gate::published_commits::mark_published_commits;
use crate::gate::push::promotion::deferred_rules::describe_deferred_rules;
use crate::gate::rewording_place::{find_reader_checkout, mark_rewrites};
use crate::gate::{LoadedPolicy, RangeDivision, RangePart, RangeRequest, judge_parts};
use crate::git::{CommitRange, Repository};
use crate::ledger::server::undecided_moves::read_unauthorised_records;
use crate::ledger::store::state_reader::LedgerStateReader;
use crate::policy::ChangeUnit;
use crate::report::{GroupScope, ReportStyle, SpooledRange};
use crate::verdict::{Message, MessageTemplate};

pub(crate) use crate::cli::check::args::CheckArgs;
pub(crate) use crate::cli::check::changes::{CheckedChanges, list_checked_changes};

// No record holds these notes, since `check` writes none.

/// The note on teams of which only GitHub knows the members.
static TEAMS_NOT_ASKED: MessageTemplate = MessageTemplate {
    code: "check.teams-not-asked",
    text: "GitHub was not asked who is in {teams/and}, so whether their members approved is unknown here; `changegate pr` and the Action ask",
};

/// The note on the policies that a history was judged by.
static POLICIES_OF_HISTORY: MessageTemplate = MessageTemplate {
    code: "check.policies-of-history",
    text: "each change was judged by the policy that the branch held before it ({count} {count:policy|policies}), at the time of its last commit; --as-of now judges by the policy of today",
};

/// The note on what came before the first policy.
static NOT_JUDGED: MessageTemplate = MessageTemplate {
    code: "check.before-first-policy",
    text: "{count} {count:step|steps} at the start of the history came before the branch held a policy, and {count:was|were} not judged; --as-of now judges all of it by the policy of today",
};

/// The note on changes that had no policy before them.
static BEFORE_POLICY: MessageTemplate = MessageTemplate {
    code: "check.before-policy",
    text: "the branch held no policy that can be used before {count} {count:part|parts} of its history, which {count:was|were} judged by the next one that it held",
};

/// The note on the clock of a history with one policy.
static CLOCK_OF_HISTORY: MessageTemplate = MessageTemplate {
    code: "check.clock-of-history",
    text: "every change was judged by {source}, at {time}",
};

/// The note on a policy that the change brings itself.
static BROUGHT_POLICY: MessageTemplate = MessageTemplate {
    code: "check.brought-policy",
    text: "no policy was there before this change, so it was judged by the one that it brings ({source}); that is advice only, and with --enforce it is an error",
};

/// The note on what a squash keeps.
static SQUASHED_MESSAGES: MessageTemplate = MessageTemplate {
    code: "check.squashed-messages",
    text: "the message of a squash has to state again what these messages state",
};

pub(crate) fn run_check(args: &CheckArgs, context: &Context) -> Result<CommandExit, CommandError> {
    refuse_shared_files(args, context)?;
    check_output_files(args, context)?;
    let judged = judge_and_report(args, context);
    if judged.is_err() {
        remove_stale_reports(args, context);
    }
    judged
}

fn judge_and_report(args: &CheckArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory)?;
    let request = resolve_request(args, &repository)?;
    if args.asks_only_advice()
        && let Some(idle) = describe_idle_head(&repository, &request)?
    {
        if !args.quiet {
            let mut out = std::io::stdout().lock();
            output::ignore_broken_pipe(writeln!(out, "{}", output::wrap_text("changegate: ", 2, &idle)))?;
        }
        return Ok(CommandExit::Allowed);
    }
    if !args.history && !args.allow_empty {
        refuse_empty_request(&repository, &request, args.revisions.is_some() || args.onto.is_some())?;
    }
    let policies = match args.history {
        true => load_history_policies(args, &repository, &request, context)?,
        false => HistoryPolicies {
            spans: Vec::new(),
            fallback: load_check_policy(args, &repository, &request, context)?,
            clock: Some(context.now),
        },
    };
    let unauthorised = read_unauthorised_records(&LedgerStateReader::new(&repository));
    let approval_targets = list_approval_targets(args, &repository, &request)?;
    let range_request = RangeRequest {
        range: CommitRange { tip: request.new, hidden_tips: &request.hidden, trusted_keys: None },
        display_name: Text::from(request.range_label.as_str()),
        target: request.target.clone(),
        approval_targets: &approval_targets,
        pusher: Err(Missing::NotAtThisStage(FactKind::Pusher)),
        push_certificate: crate::change::PushCertificate::Absent,
        unauthorised: unauthorised.as_deref(),
        stage: Stage::Check,
        unit: ChangeUnit::Step,
        enforce: args.enforce,
        held: select_held_changes(args),
        explain: args.explain,
        wants_reasons: writes_reasons(args),
        // What a history was denied for is past all acts.
        wants_plans: !args.history,
        // For one change it would be noise.
        names_unused: request.covers_many_changes,
        threads: count_threads,
        now: policies.clock.unwrap_or(context.now),
        own_time: policies.clock.is_none(),
    };
    let mut bases = Vec::new();
    for span in &policies.spans {
        bases.push(Vec::from_iter(span.base));
    }
    let parts = build_parts(args, &request, &policies, &bases);
    let is_one_change = parts.iter().all(|part| part.division == RangeDivision::Whole);
    let range = SpooledRange {
        scope: &GroupScope::Range(range_request.display_name.clone()),
        seen_at: context.now,
        is_one_change,
    };
    let mut spools = open_spools(args, &range)?;
    let mut progress = ProgressLine::start_counting("changes judged", context);
    let mut is_anything_judged = false;
    let mut observe = |verdict: &_, traces: &[_]| {
        is_anything_judged = true;
        progress.count_step();
        spools
            .add_change(verdict, traces)
            .context("cannot keep what was judged in a temporary file; TMPDIR says where")
    };
    let report = judge_parts(&repository, &parts, &range_request, &mut observe);
    drop(progress);
    let mut report = report?;
    let is_refused = report.groups.iter().any(|group| !group.refusals.is_empty());
    if request.landing == Some(LandingArg::Rebase) && !is_anything_judged && !is_refused && !args.allow_empty
    {
        return Err(CommandError::usage(
            "nothing to judge: the branch adds nothing but merges, which a rebase leaves out; to accept that: \
             --allow-empty",
        ));
    }
    report.seen_at = context.now;
    report.is_evaluation = args.evaluate;
    for group in &mut report.groups {
        group.is_one_change = is_one_change;
    }
    // Warnings bring lines to paste too.
    if report.has_remarks() {
        let policy = &policies.fallback.policy;
        let target = request.target.as_ref().ok();
        // What cannot be walked is in the report already.
        let _ = mark_published_commits(&mut report, &repository, policy, &[request.new], target)
            .and_then(|()| mark_rewrites(&mut report.groups, &repository, Some(request.new)));
        let checkout = find_reader_checkout(&repository, find_named_branch(&repository, &request));
        let is_at_head = checkout.branch_to_switch.is_none()
            && repository.resolve_revision("HEAD").is_ok_and(|head| head == request.new);
        for group in &mut report.groups {
            // A whole history is not compared with the branch that it is for.
            group.is_to_land = request.landing.is_some() || (group.is_to_land && !args.history);
            group.amendable = is_at_head.then_some(request.new);
            group.checkout = checkout.clone();
        }
    }
    report.notes.extend(list_landing_notes(args, &request, &policies));
    if !args.history {
        report.notes.extend(find_deferred_rules(&repository, &request, &policies.fallback)?);
    }
    let style = ReportStyle {
        colour: output::stdout_colour(context.colour),
        width: 78,
        max_changes: if args.verbose { usize::MAX } else { ReportStyle::default().max_changes },
        verbose: args.verbose,
        quiet: args.quiet,
        repository_url: output::read_repository_url(context),
        git_location: context.git_location(),
        has_work_tree: find_bare_repository(context).is_none(),
        ..ReportStyle::default()
    };
    // Where a file cannot be written, nothing says that the change is allowed.
    write_output_files(args, &report, &mut spools, &style, context)?;
    print_range_report(args.format, &report, &mut spools, &style)?;
    Ok(report.effective_decision().into())
}

/// Returns what is left to the push of commits that the default branch holds already, where they are for another one.
fn find_deferred_rules(
    repository: &Repository,
    request: &CheckRequest,
    loaded: &LoadedPolicy,
) -> anyhow::Result<Option<Message>> {
    let Ok(target) = &request.target else { return Ok(None) };
    let default = find_default_branch(repository, true)?;
    let Some(tip) = default.id else { return Ok(None) };
    let protects = |name: &Text| loaded.policy.protects_ref(name.as_bytes());
    let is_vouching =
        find_upstream_target(&default.name).is_ok_and(|name| name != *target && protects(&name));
    if !is_vouching || !protects(target) {
        return Ok(None);
    }
    let called = default.name.to_lossy();
    let called = ["refs/remotes/", "refs/heads/"].iter().find_map(|prefix| called.strip_prefix(prefix));
    let vouching = (tip, called.unwrap_or("the default branch"));
    describe_deferred_rules(repository, loaded, (request.new, &request.hidden, target), vouching)
}

/// Returns the name of the branch that the range ends with, if it names one.
fn find_named_branch<'check>(repository: &Repository, request: &'check CheckRequest) -> Option<&'check str> {
    let name = request.range_label.rsplit("..").next()?;
    let branch = repository.resolve_ref(format!("refs/heads/{name}").as_bytes()).ok()?;
    if branch.id == Some(request.new) { Some(name) } else { None }
}

/// Returns what is judged by which policy: all of it by one, or each span of a history by its own.
fn build_parts<'check>(
    args: &CheckArgs,
    request: &'check CheckRequest,
    policies: &'check HistoryPolicies,
    bases: &'check [Vec<Oid>],
) -> Vec<RangePart<'check>> {
    let divide = |unit: ChangeUnit| match (args.unit, request.landing) {
        (Some(ChangeUnitArg::Step), _) => RangeDivision::Steps,
        (Some(ChangeUnitArg::Commit), _) => RangeDivision::Commits,
        (None, Some(LandingArg::Rebase)) => RangeDivision::RebasedCommits,
        // A merge of commits that count one by one is judged one by one.
        (None, Some(LandingArg::Merge)) if unit == ChangeUnit::Commit => RangeDivision::Commits,
        (None, Some(LandingArg::Merge | LandingArg::Squash)) => RangeDivision::Whole,
        (None, None) => unit.into(),
    };
    if policies.spans.is_empty() {
        let loaded = &policies.fallback;
        let division = divide(loaded.policy.change_unit);
        return vec![RangePart { loaded, tip: request.new, hidden_tips: &request.hidden, division }];
    }
    let mut parts = Vec::new();
    for (index, (span, base)) in
        policies.spans.iter().zip(bases).enumerate().skip(policies.count_unjudged_spans())
    {
        // Where there is none, the one that came next is nearest to its time.
        let later = policies.spans.get(index..).unwrap_or_default();
        let loaded = later.iter().find_map(|span| span.policy.as_ref().ok()).unwrap_or(&policies.fallback);
        let division = divide(loaded.policy.change_unit);
        parts.push(RangePart { loaded, tip: span.tip, hidden_tips: base, division });
    }
    parts
}

/// Returns the notes on which policies and which clock were used, and on what a landing leaves open.
fn list_landing_notes(args: &CheckArgs, request: &CheckRequest, policies: &HistoryPolicies) -> Vec<Message> {
    let mut notes = Vec::new();
    let untold: Vec<Text> =
        policies.fallback.policy.people.list_untold_teams().into_iter().map(Text::from).collect();
    if !untold.is_empty() {
        notes.push(TEAMS_NOT_ASKED.with("teams", untold));
    }
    if request.landing == Some(LandingArg::Squash) {
        notes.push((&SQUASHED_MESSAGES).into());
    }
    if is_brought_policy(args, request, &policies.fallback) {
        notes.push(BROUGHT_POLICY.with("source", Text::from(policies.fallback.source.as_str())));
    }
    if !args.history {
        return notes;
    }
    if policies.spans.is_empty() {
        let source = Text::from(policies.fallback.source.as_str());
        let time =
            policies.clock.map_or_else(|| "the time of its last commit".to_owned(), |at| format!("{at:.0}"));
        notes.push(CLOCK_OF_HISTORY.with("source", source).with("time", time));
        return notes;
    }
    let mut digests: Vec<&str> = Vec::new();
    let mut without = 0_usize;
    let (unjudged, judged) = policies.spans.split_at(policies.count_unjudged_spans());
    for span in judged {
        match &span.policy {
            Ok(loaded) if digests.contains(&loaded.policy.digest.as_str()) => {}
            Ok(loaded) => digests.push(&loaded.policy.digest),
            Err(_) => without += 1,
        }
    }
    if !digests.is_empty() {
        notes.push(POLICIES_OF_HISTORY.with("count", digests.len()));
    }
    let steps: usize = unjudged.iter().map(|span| span.steps).sum();
    if steps > 0 {
        notes.push(NOT_JUDGED.with("count", steps));
    }
    if without > 0 {
        notes.push(BEFORE_POLICY.with("count", without));
    }
    notes
}
