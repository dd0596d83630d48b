//! `changegate policy show`: the effective policy, each value with where it came from.

mod content;
mod controls;
mod entries_outline;
mod json;
mod outline;
mod stages;
mod terminal;

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write as _};
use std::path::PathBuf;

use crate::change::Change;
use crate::cli::check::list_checked_changes;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{ListFormatArg, ignore_broken_pipe};
use crate::cli::policy::lookup::load_policy_or_pack;
use crate::cli::policy::show::content::{AppliedChange, ShownPolicy};
use crate::cli::policy::show::controls::{list_controls, read_control_list};
use crate::cli::policy::show::outline::PolicyOutlineBuilder;
use crate::cli::policy::show::stages::StageArg;
use crate::gate::LoadedPolicy;
use crate::judge::{ExplainedQuestion, RuleReach, explain_verdict, judge_change};
use crate::policy::origins::ValueOrigins;
use crate::verdict::PredicateAnswer;

/// How many changes `--for` shows the policy of.
const MAX_CHANGES: usize = 20;

/// Show the effective policy, each value with the file and the line that it came from
///
/// The files are joined first: what a policy took the place of in what it extends
/// stands below the value. A value without a place came from where its item did.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate policy show
  changegate policy show --pack iso27001
  changegate policy show --stage commit-msg      what the hook in a clone asks
  changegate policy show --for main..topic       what applies to a change, and why
  changegate policy show --controls              which rules serve which control
  changegate policy show --controls --for main..topic
  changegate policy show --controls --control-list soa.txt
  changegate policy show --format json")]
pub(super) struct PolicyShowArgs {
    /// Shipped pack to show instead of this repository's policy
    #[arg(long, conflicts_with = "file")]
    pack: Option<String>,

    /// Policy file [default: policies/changegate.yml of this repository]
    file: Option<PathBuf>,

    /// Show only the rules that can be asked at this stage
    #[arg(long, value_name = "STAGE", conflicts_with = "applied_to")]
    stage: Option<StageArg>,

    /// Show only what applies to this commit or range, judged as `check` does
    #[arg(long = "for", value_name = "CHANGE", id = "applied_to")]
    applied_to: Option<String>,

    /// Show control by control which rules name it, and which controls none does
    #[arg(long, conflicts_with = "stage")]
    controls: bool,

    /// With --controls: the controls that matter to you, one id to a line, instead of those of shipped packs
    #[arg(long, value_name = "FILE", requires = "controls")]
    control_list: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

pub(super) fn show_policy(args: &PolicyShowArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let (loaded, changes, left_out) = match &args.applied_to {
        Some(revisions) => {
            let named = (args.file.clone(), args.pack.clone());
            let checked = list_checked_changes(Some(revisions.clone()), named, MAX_CHANGES, context)?;
            (checked.loaded, checked.changes, checked.left_out)
        }
        None => (load_policy_or_pack(args.pack.as_deref(), args.file.as_deref(), context)?, Vec::new(), 0),
    };
    let origins = loaded.find_origins().map_err(|errors| CommandError::InvalidPolicy(errors, None))?;
    let builder = PolicyOutlineBuilder::new(&loaded, &origins);
    let policy = &loaded.policy;
    let mut shown = ShownPolicy {
        name: policy.name.clone(),
        source: loaded.source.clone(),
        digest: policy.digest.clone(),
        stage: args.stage.map(StageArg::stage_name),
        sections: Vec::new(),
        elsewhere: Vec::new(),
        changes: Vec::new(),
        left_out,
        controls: Vec::new(),
        has_own_controls: false,
    };
    for change in &changes {
        shown.changes.push(apply_policy(&loaded, &origins, change));
    }
    if args.controls {
        let wanted = match &args.control_list {
            Some(file) => Some(read_control_list(file, context)?),
            None => None,
        };
        let applying = args.applied_to.as_ref().map(|_| take_applied_rules(&mut shown.changes));
        shown.controls = list_controls(policy, applying.as_ref(), wanted.as_deref());
        shown.has_own_controls = wanted.is_some();
    } else if args.applied_to.is_some() {
        // The changes say all.
    } else if let Some(stage) = args.stage {
        shown.sections = vec![
            builder.build_classes(),
            builder.build_rules(&|rule| stage.find_unknown_fact(rule, loaded.keys.is_some()).is_none()),
        ];
        for rule in &policy.rules {
            if let Some(fact) = stage.find_unknown_fact(rule, loaded.keys.is_some()) {
                shown.elsewhere.push((rule.description.id.to_string(), fact.to_string()));
            }
        }
    } else {
        shown.sections = builder.build_sections();
    }
    shown.sections.retain(|section| !section.items.is_empty());
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        ListFormatArg::Terminal => terminal::write_terminal(&shown, &mut out),
        ListFormatArg::Json => json::write_json(&shown, &mut out),
    };
    ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    Ok(CommandExit::Allowed)
}

/// Returns what of a policy applies to a change, and why it is of its class.
fn apply_policy(loaded: &LoadedPolicy, origins: &ValueOrigins, change: &Change) -> AppliedChange {
    let policy = &loaded.policy;
    let verdict = judge_change(policy, change, false);
    let explained = explain_verdict(policy, change, verdict);
    let mut because = Vec::new();
    for class in explained.classes.iter().filter(|class| class.is_chosen) {
        match &class.question {
            Some(question) => add_reasons(question, &mut because),
            None => because.push("no class before it holds, and it is for all other changes".to_owned()),
        }
    }
    let applies = |id: &str| {
        explained.rules.iter().any(|rule| {
            rule.judgement.rule.id.as_str() == id
                && !matches!(rule.reach, RuleReach::OtherClass | RuleReach::WhenFails)
        })
    };
    let exempts = |id: &str| {
        let exemptions = explained.rules.iter().flat_map(|rule| &rule.exemptions);
        exemptions
            .filter(|exemption| exemption.id.as_str() == id && !exemption.is_over)
            .any(|exemption| !matches!(exemption.question.answer, PredicateAnswer::Fails(_)))
    };
    let builder = PolicyOutlineBuilder::new(loaded, origins);
    let mut sections = vec![
        builder.build_rules(&|rule| applies(rule.description.id.as_str())),
        builder.build_exemptions(&|exemption| exempts(exemption.id.as_str())),
    ];
    sections.retain(|section| !section.items.is_empty());
    AppliedChange {
        revision: explained.verdict.revision.map(|id| id.to_string()),
        subject: explained.verdict.subject.to_lossy().into_owned(),
        class: explained.verdict.class.as_ref().map(ToString::to_string),
        because,
        sections,
    }
}

/// Returns the rules that apply to one of the changes, and leaves of the changes what they are.
fn take_applied_rules(changes: &mut [AppliedChange]) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    for change in changes {
        for section in change.sections.drain(..).filter(|section| section.id == "rules") {
            rules.extend(section.items.into_iter().map(|item| item.name));
        }
    }
    rules
}

/// Adds the question of a class, and the facts by which it holds.
fn add_reasons(question: &ExplainedQuestion, because: &mut Vec<String>) {
    if question.parts.is_empty() {
        because.push(question.question.to_plain_text());
        for fact in &question.facts {
            let trust = if fact.is_verified { "verified" } else { "claimed" };
            because.push(format!("{} [{trust}: {}]", fact.what.to_plain_text(), fact.source.source_code()));
        }
    }
    for part in &question.parts {
        if !matches!(part.answer, PredicateAnswer::Fails(_)) {
            add_reasons(part, because);
        }
    }
}
