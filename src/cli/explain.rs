//! `changegate explain`: tells how the judgement of a change comes about.

use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use crate::change::Change;
use crate::cli::check::{CheckedChanges, list_checked_changes};
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ListFormatArg, ignore_broken_pipe};
use crate::cli::policy::lookup::load_policy_or_pack;
use crate::cli::try_change::{DraftArgs, build_draft_changes};
use crate::gate::LoadedPolicy;
use crate::judge::{AssumedFacts, ChangeExplanation, explain_verdict, judge_change};
use crate::report::ReportStyle;
use crate::report::explanation::{ExplanationFormat, ExplanationReport, write_explanation};
use crate::unblock::plan_unblocking;
use crate::verdict::RuleId;
use crate::yaml::{find_nearest_word, shorten_for_message};

/// How many changes are explained.
const MAX_EXPLAINED: usize = 50;

/// Tell how the judgement of a change comes about, rule by rule
///
/// Shows the class of the change and why, and for each rule whether it applies, the
/// tree of its questions with the answers, the facts that each answer rests on,
/// where a fact came from, and whether somebody vouches for it (verified) or it
/// is only claimed; at the end, the fewest acts that get a denied change allowed.
///
/// A commit or a range is judged as `changegate check` does. With the options of a
/// draft, the change is one that does not exist yet, as `changegate try` takes it.
/// Nothing is decided here, so the exit code is 0 also for a denied change.
///
/// What a predicate of a policy means: `changegate policy explain PREDICATE`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate explain                        what HEAD adds to its upstream
  changegate explain HEAD --rule peer-review
  changegate explain main..topic --format json
  changegate explain main..topic --as push --pusher ana
  changegate explain -m 'Patch it' --field Risk=high --path src/login.rs
  changegate explain --body pr.md --approved-by ben")]
pub(crate) struct ExplainArgs {
    /// Commit, for its newest change, or range OLD..NEW
    #[arg(conflicts_with_all = ["message", "file", "diff", "path", "author"])]
    change: Option<String>,

    /// Rule to explain; may be repeated [default: all]
    #[arg(long, value_name = "ID")]
    rule: Vec<String>,

    #[command(flatten)]
    draft: DraftArgs,

    /// Policy file to judge by [default: as check or try finds it]
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    policy: Option<PathBuf>,

    /// Shipped pack to judge by
    #[arg(long)]
    pack: Option<String>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

pub(crate) fn run_explain(args: &ExplainArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let (loaded, changes, left_out) = if args.draft.is_given() {
        let loaded = load_policy_or_pack(args.pack.as_deref(), args.policy.as_deref(), context)?;
        let range = args.change.as_deref().map(name_range);
        let mut changes = build_draft_changes(range.as_deref(), &args.draft, &loaded, context)?;
        let left_out = changes.len().saturating_sub(MAX_EXPLAINED);
        changes.truncate(MAX_EXPLAINED);
        (loaded, changes, left_out)
    } else {
        let checked = list_checked_changes(
            args.change.clone(),
            (args.policy.clone(), args.pack.clone()),
            MAX_EXPLAINED,
            context,
        )?;
        let CheckedChanges { loaded, changes, left_out } = checked;
        (loaded, changes, left_out)
    };
    let Some(first) = changes.first() else {
        return Err(CommandError::usage("there is no change to explain"));
    };
    let enforced = first.stage.is_enforcing();
    let mut report = ExplanationReport {
        policy: loaded.name(),
        stage: first.stage,
        enforced,
        seen_at: context.now,
        changes: Vec::new(),
        left_out,
    };
    let assumed = AssumedFacts {
        arrival: args.draft.is_given(),
        commits: args.draft.is_given() && args.change.is_none(),
        time: args.draft.names_time(),
    };
    for change in &changes {
        let mut explained = explain_change(&loaded, change, enforced);
        explained.mark_assumed(assumed);
        report.changes.push(explained);
    }
    select_rules(&mut report, &args.rule)?;
    let style =
        ReportStyle { colour: output::stdout_colour(context.colour), width: 79, ..ReportStyle::default() };
    let format = match args.format {
        ListFormatArg::Terminal => ExplanationFormat::Terminal,
        ListFormatArg::Json => ExplanationFormat::Json,
    };
    let mut out = BufWriter::new(io::stdout().lock());
    ignore_broken_pipe(write_explanation(format, &report, &style, &mut out).and_then(|()| out.flush()))?;
    Ok(CommandExit::Allowed)
}

/// Returns the range of one change, where only its last commit is named.
fn name_range(change: &str) -> String {
    if change.contains("..") { change.to_owned() } else { format!("{change}^..{change}") }
}

fn explain_change(loaded: &LoadedPolicy, change: &Change, enforced: bool) -> ChangeExplanation {
    let policy = &loaded.policy;
    let mut verdict = judge_change(policy, change, enforced);
    verdict.plan = plan_unblocking(&[policy], change, enforced).map(|proved| Box::new(proved.plan));
    explain_verdict(policy, change, verdict)
}

/// Leaves only the rules that are asked for, and refuses one that there is not.
fn select_rules(report: &mut ExplanationReport, asked: &[String]) -> Result<(), CommandError> {
    if asked.is_empty() {
        return Ok(());
    }
    let mut known: Vec<RuleId> = Vec::new();
    for rule in report.changes.iter().flat_map(|change| &change.rules) {
        if !known.contains(&rule.judgement.rule.id) {
            known.push(rule.judgement.rule.id.clone());
        }
    }
    for id in asked {
        if known.iter().any(|rule| rule.as_str() == id) {
            continue;
        }
        let shown = shorten_for_message(id);
        let near = find_nearest_word(id, known.iter().map(RuleId::as_str));
        return Err(CommandError::Usage(match near {
            Some(near) => format!("the policy has no rule `{shown}`; did you mean `{near}`?"),
            None => {
                let rules: Vec<&str> = known.iter().map(RuleId::as_str).collect();
                format!(
                    "the policy has no rule `{shown}`; its rules are {}",
                    shorten_for_message(&rules.join(", "))
                )
            }
        }));
    }
    for change in &mut report.changes {
        change.rules.retain(|rule| asked.iter().any(|id| rule.judgement.rule.id.as_str() == id));
    }
    Ok(())
}
