//! `changegate policy`: writes a policy, checks it, and explains what it can say.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::calendar::TimeLimit;
use crate::change::FactKind;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_disk, load_from_pack};
use crate::git::{HeadState, Repository};
use crate::policy::{DEFAULT_POLICY_PATH, packs};
use crate::predicates::PREDICATE_DOCS;
use crate::verdict::{RuleLevel, time_limit_message};

/// Write, check and explain a policy
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Write policies/changegate.yml, which extends a shipped pack
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
        PolicyCommand::Init { pack } => init_policy(pack, context),
        PolicyCommand::Check { file } => check_policy(file.as_deref(), context),
        PolicyCommand::Show { pack, file } => show_policy(pack.as_deref(), file.as_deref(), context),
        PolicyCommand::Packs { name } => list_packs(name.as_deref()),
        PolicyCommand::Explain { predicate } => explain_predicate(predicate.as_deref()),
        PolicyCommand::Schema => {
            std::io::stdout().lock().write_all(crate::policy::schema::render_schema().as_bytes())?;
            Ok(CommandExit::Allowed)
        }
    }
}

/// Returns the root of the work tree around the directory of the command, or else that directory.
fn find_work_tree(context: &Context) -> PathBuf {
    let start = std::path::absolute(&context.directory).unwrap_or_else(|_| context.directory.clone());
    for directory in start.ancestors() {
        if directory.join(".git").exists() {
            return directory.to_path_buf();
        }
    }
    context.directory.clone()
}

/// Returns the short name of the branch that HEAD is on, or `main`.
fn find_current_branch(root: &Path) -> String {
    if let Ok(repository) = Repository::discover_from(root)
        && let Ok(HeadState::Branch(branch)) = repository.read_head()
        && let Some(name) = branch.name.to_lossy().strip_prefix("refs/heads/")
    {
        return name.to_owned();
    }
    "main".to_owned()
}

fn init_policy(pack: &str, context: &Context) -> Result<CommandExit, CommandError> {
    if packs::find_pack(pack).is_none() {
        return Err(unknown_pack_error(pack));
    }
    let root = find_work_tree(context);
    let path = root.join(DEFAULT_POLICY_PATH);
    let branch = find_current_branch(&root);
    let text = format!(
        "\
# The change-management policy of this repository. The gate reads it from the target branch as it
# was before the push, so a change of this file takes effect with the next push.
#
#   changegate policy check     shows all errors in it
#   changegate policy show      lists the effective rules
#   changegate policy explain   lists what a rule can require
changegate: 1
name: change-management
extends: [{pack}]

# Branches and tags under change control; all others are free.
protects: [{branch}, 'release/*', 'refs/tags/v*']

# people:
#   teams:
#     security: [dana@example.com]
#   roster: policies/people.yml

# Change a rule of the pack here, by its id:
# rules:
#   change-type: {{ level: warn, reason: introduced step by step, until: 2030-12-31 }}
"
    );
    if let Some(directory) = path.parent() {
        std::fs::create_dir_all(directory)?;
    }
    // `create_new` never overwrites a policy.
    let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(CommandError::Usage(format!(
                "{} already exists, and is not changed",
                path.display()
            )));
        }
        Err(error) => return Err(error.into()),
    };
    file.write_all(text.as_bytes())?;
    writeln!(
        std::io::stdout().lock(),
        "wrote {DEFAULT_POLICY_PATH}, which extends {pack}\nnext: review it, run `changegate policy check`, and commit it"
    )?;
    Ok(CommandExit::Allowed)
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
    let mut out = std::io::stdout().lock();
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
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
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
    let mut out = std::io::stdout().lock();
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
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
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

pub(crate) fn unknown_pack_error(name: &str) -> CommandError {
    let names: Vec<_> = packs::POLICY_PACKS.iter().map(|pack| pack.name).collect();
    CommandError::Usage(format!("there is no pack `{name}`; the packs are {}", names.join(", ")))
}
