//! `changegate policy`: writes a policy, checks it, and explains what it can say.

mod init;
mod lookup;
mod roster_draft;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use jiff::civil::Date;

use crate::calendar::TimeLimit;
use crate::change::FactKind;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::cli::policy::lookup::find_work_tree;
pub(crate) use crate::cli::policy::lookup::unknown_pack_error;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_disk, load_from_pack};
use crate::policy::{DEFAULT_POLICY_PATH, EmergencyGap, Policy, packs};
use crate::predicates::PREDICATE_DOCS;
use crate::verdict::{RuleLevel, time_limit_message};
use crate::yaml::shorten_for_message;

/// Write, check and explain a policy
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Write policies/changegate.yml, which extends a shipped pack, and a draft of its roster
    #[command(after_help = "\
Examples:
  changegate policy init
  changegate policy init --pack startup")]
    Init {
        /// Pack to extend
        #[arg(long, default_value = packs::DEFAULT_PACK)]
        pack: String,
    },
    /// Show all errors of a policy
    #[command(after_help = "\
Examples:
  changegate policy check
  changegate policy check policies/changegate.yml")]
    Check {
        /// Policy file [default: policies/changegate.yml of this repository]
        file: Option<PathBuf>,
    },
    /// List the effective rules of a policy
    #[command(after_help = "\
Examples:
  changegate policy show
  changegate policy show --pack iso27001")]
    Show {
        /// Shipped pack to show instead of this repository's policy
        #[arg(long, conflicts_with = "file")]
        pack: Option<String>,
        /// Policy file [default: policies/changegate.yml of this repository]
        file: Option<PathBuf>,
    },
    /// List the shipped packs
    Packs {
        /// Pack to print as YAML
        name: Option<String>,
    },
    /// Explain a predicate, with an example that passes and one that fails
    #[command(after_help = "\
Examples:
  changegate policy explain
  changegate policy explain approvals")]
    Explain {
        /// Name of the predicate; without it, all predicates are listed
        predicate: Option<String>,
    },
    /// Print the JSON Schema of a policy file, for editors
    Schema,
}

pub(crate) fn run_policy(args: &PolicyArgs, context: &Context) -> Result<CommandExit, CommandError> {
    match &args.command {
        PolicyCommand::Init { pack } => init::init_policy(pack, context),
        PolicyCommand::Check { file } => check_policy(file.as_deref(), context),
        PolicyCommand::Show { pack, file } => show_policy(pack.as_deref(), file.as_deref(), context),
        PolicyCommand::Packs { name } => list_packs(name.as_deref()),
        PolicyCommand::Explain { predicate } => explain_predicate(predicate.as_deref()),
        PolicyCommand::Schema => {
            io::stdout().lock().write_all(crate::policy::schema::render_schema().as_bytes())?;
            Ok(CommandExit::Allowed)
        }
    }
}

/// Loads the policy in `file`, or the one of this repository.
pub(crate) fn load_local_policy(
    file: Option<&Path>,
    context: &Context,
) -> Result<LoadedPolicy, CommandError> {
    let (root, name) = match file {
        None => (find_work_tree(context), DEFAULT_POLICY_PATH.to_owned()),
        Some(file) => locate_policy_file(file, context),
    };
    load_from_disk(&root, &name).map_err(|why| match why {
        UnusablePolicy::Absent if name == DEFAULT_POLICY_PATH => {
            CommandError::Usage(format!("there is no `{name}`; to write one: changegate policy init"))
        }
        UnusablePolicy::Absent => CommandError::Usage(format!("there is no `{name}`")),
        faulty @ UnusablePolicy::Faulty(_) => CommandError::from_unusable_policy(faulty, &name),
    })
}

/// Returns the directory from which the policy in `file` is read, and its path from there: the root of
/// the repository where there is one, so that a roster is found.
fn locate_policy_file(file: &Path, context: &Context) -> (PathBuf, String) {
    let file = std::path::absolute(context.resolve_path(file)).unwrap_or_else(|_| context.resolve_path(file));
    let root = find_work_tree(context);
    match file.strip_prefix(&root) {
        Ok(below) => (root, below.to_string_lossy().into_owned()),
        Err(_) => {
            let directory = file.parent().map_or_else(|| context.directory.clone(), Path::to_path_buf);
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (directory, name)
        }
    }
}

fn check_policy(file: Option<&Path>, context: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_local_policy(file, context)?;
    let policy = &loaded.policy;
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "{}: valid; {} rules, {} exemptions, sha256:{}",
        loaded.source,
        policy.rules.len(),
        policy.exemptions.len(),
        policy.digest.get(..12).unwrap_or_default(),
    )?;
    let today = context.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for exemption in policy.expired_exemptions(today) {
        let Some(rule) = policy.rules.get(exemption.rule_index) else { continue };
        let rule = &rule.description.id;
        writeln!(out, "note: the exemption from `{rule}` ({}) ended on {}", exemption.id, exemption.until)?;
    }
    if let Some(day) = policy.review_by
        && day < today
    {
        writeln!(out, "note: the review of this policy was due on {day}")?;
    }
    write_standing_notes(policy, today, &mut out)?;
    // A server hook denies where only a forge has a fact, which is easy to overlook in a policy.
    if policy.needed_facts().contains(&FactKind::Reviews) {
        writeln!(
            out,
            "note: a rule needs reviews from a forge (`trust: verified`, the default of `approvals`);\n  \
             a server hook cannot see them, and denies"
        )?;
    }
    for (rule, need) in policy.forge_dependent_rules(today) {
        if need != FactKind::Reviews {
            let id = &rule.description.id;
            writeln!(out, "note: the rule `{id}` needs {need}; a server hook cannot see that, and denies")?;
        }
    }
    if !policy.people.has_roster() {
        writeln!(out, "note: without a roster, each address counts as a separate person")?;
    }
    Ok(CommandExit::Allowed)
}

/// Writes what a valid policy most likely does not mean, or means no longer.
fn write_standing_notes(policy: &Policy, today: Date, out: &mut impl Write) -> io::Result<()> {
    for (id, entry) in policy.standard_changes.list_entries() {
        if entry.review_by < today {
            writeln!(
                out,
                "note: the standard change `{id}` counted until {}; its review is due",
                entry.review_by
            )?;
        }
    }
    write_emergency_gaps(&policy.find_emergency_gaps(), out)?;
    for team in policy.people.list_empty_teams() {
        let note = match policy.people.team_members(team) {
            [] => format!("the team `{team}` has no members; name them under `people`, `teams`"),
            _ => format!("the roster knows no member of the team `{team}`"),
        };
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    for short in policy.find_understaffed_rules() {
        let teams: Vec<String> = short.teams.iter().map(|team| format!("`{team}`")).collect();
        let note = format!(
            "the rule `{}` needs {} from {}, where {} can approve; no change can meet it",
            short.rule,
            match short.min_approvals {
                1 => "1 approval".to_owned(),
                many => format!("{many} approvals"),
            },
            teams.join(" or "),
            match short.members {
                1 => "1 person".to_owned(),
                members => format!("{members} people"),
            },
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    for rule in policy.rules.iter().filter(|rule| !rule.changed_keys.is_empty()) {
        let keys: Vec<String> = rule.changed_keys.iter().map(|key| format!("`{key}`")).collect();
        let note = format!(
            "the rule `{}` is not what its base says: {} {} changed, and no `reason` says why",
            rule.description.id,
            keys.join(", "),
            if keys.len() == 1 { "is" } else { "are" },
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    Ok(())
}

/// Writes which files of the gate an emergency could change, those of the same classes together.
fn write_emergency_gaps(gaps: &[EmergencyGap], out: &mut impl Write) -> io::Result<()> {
    let mut told: Vec<&EmergencyGap> = Vec::new();
    for gap in gaps {
        if told.iter().any(|known| known.is_same_kind(gap)) {
            continue;
        }
        told.push(gap);
        let mut paths = Vec::new();
        for other in gaps.iter().filter(|other| other.is_same_kind(gap)) {
            paths.push(format!("`{}`", shorten_for_message(&other.path)));
        }
        let ordinary = match &gap.ordinary_class {
            Some(class) => format!("`{class}`"),
            None => "none".into(),
        };
        let note = format!(
            "a change that states `{}: emergency` is of the class `{}` and not {ordinary} if it touches {}; what \
             changes the gate is no emergency, so put the class that takes it first",
            gap.field,
            gap.class,
            paths.join(", "),
        );
        writeln!(out, "{}", wrap_text("note: ", 2, &note))?;
    }
    Ok(())
}

fn show_policy(
    pack: Option<&str>,
    file: Option<&Path>,
    context: &Context,
) -> Result<CommandExit, CommandError> {
    let loaded = match pack {
        Some(pack) => load_from_pack(pack).map_err(|_| unknown_pack_error(pack))?,
        None => load_local_policy(file, context)?,
    };
    let policy = &loaded.policy;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let protects: Vec<_> = policy.protected_refs.iter().map(ToString::to_string).collect();
    writeln!(out, "{} ({})", policy.name, loaded.source)?;
    writeln!(out, "protects {}", protects.join(", "))?;
    // Obligations have no rule ids, so they come before the rules.
    if policy.obligations.block_on_overdue {
        writeln!(out, "an overdue obligation blocks its branch")?;
    }
    if policy.obligations.suspend_shortcut {
        writeln!(out, "no emergency changes for authors with an overdue obligation")?;
    }
    if let Some(regularise) = &policy.obligations.regularise {
        let from = regularise.teams.join(", ");
        let within = time_limit_message(regularise.time_limit).to_plain_text();
        writeln!(out, "an unauthorised change is regularised by {from} within {within}")?;
    }
    if let Some(break_glass) = &policy.break_glass {
        let from = break_glass.teams.join(", ");
        let longest = time_limit_message(TimeLimit::Minutes(break_glass.max_minutes)).to_plain_text();
        writeln!(out, "a break-glass session is opened by {from}, for at most {longest}")?;
    }
    for (id, entry) in policy.standard_changes.list_entries() {
        let text = format!(
            "the standard change {id} counts from {} to {}, approved by {}",
            entry.approved_on,
            entry.review_by,
            shorten_for_message(&entry.approved_by),
        );
        writeln!(out, "{}", wrap_text("", 2, &text))?;
    }
    for rule in &policy.rules {
        let level = if rule.level == RuleLevel::Warn { " (warns only)" } else { "" };
        writeln!(out, "\n{}{level}\n{}", rule.description.id, wrap_text("  ", 2, &rule.description.title))?;
        if let Some(classes) = &rule.class_indexes {
            let mut names = Vec::new();
            for class in classes {
                names.extend(policy.classes.get(*class).map(|class| class.id.as_str()));
            }
            writeln!(out, "{}", wrap_text("  for      ", 11, &names.join(", ")))?;
        }
        if let Some(when) = &rule.when {
            writeln!(out, "{}", wrap_text("  when     ", 11, &when.describe().to_plain_text()))?;
        }
        writeln!(out, "{}", wrap_text("  requires ", 11, &rule.require.describe().to_plain_text()))?;
        if let Some(why) = &rule.why {
            writeln!(out, "{}", wrap_text("  why      ", 11, why))?;
        }
        if !rule.description.controls.is_empty() {
            writeln!(out, "{}", wrap_text("  supports ", 11, &rule.description.controls.join(", ")))?;
        }
    }
    out.flush()?;
    Ok(CommandExit::Allowed)
}

fn list_packs(name: Option<&str>) -> Result<CommandExit, CommandError> {
    let mut out = io::stdout().lock();
    match name {
        Some(name) => {
            out.write_all(packs::find_pack(name).ok_or_else(|| unknown_pack_error(name))?.source.as_bytes())?
        }
        None => {
            for pack in packs::POLICY_PACKS {
                writeln!(out, "{}", wrap_text(&format!("{:<10} ", pack.name), 11, pack.summary))?;
            }
        }
    }
    Ok(CommandExit::Allowed)
}

fn explain_predicate(predicate: Option<&str>) -> Result<CommandExit, CommandError> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    match predicate {
        None => {
            for doc in PREDICATE_DOCS {
                writeln!(out, "{}", wrap_text(&format!("{:<17} ", doc.name), 18, doc.summary))?;
            }
        }
        Some(name) => {
            let Some(doc) = PREDICATE_DOCS.iter().find(|doc| doc.name == name) else {
                return Err(unknown_predicate_error(name));
            };
            let about = wrap_text("", 0, &format!("{} {}", doc.summary, doc.why));
            writeln!(out, "{}\n\n{about}\n", doc.name)?;
            for item in doc.parameters.lines() {
                let indent = item.len() - item.trim_start().len();
                writeln!(out, "{}", wrap_text(&" ".repeat(indent), indent + 2, item.trim_start()))?;
            }
            writeln!(out)?;
            writeln!(out, "This passes:\n{}", doc.passing_example.trim_end())?;
            writeln!(out, "\nThis fails:\n{}", doc.failing_example.trim_end())?;
        }
    }
    out.flush()?;
    Ok(CommandExit::Allowed)
}

fn unknown_predicate_error(name: &str) -> CommandError {
    let near = crate::yaml::find_nearest_word(name, PREDICATE_DOCS.iter().map(|doc| doc.name));
    CommandError::Usage(match near {
        Some(near) => format!("there is no predicate `{name}`; did you mean `{near}`?"),
        None => format!("there is no predicate `{name}`; `changegate policy explain` lists all predicates"),
    })
}
