//! `changegate policy`: write a policy, check it, look things up in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use crate::calendar::TimeLimit;
use crate::change::FactKind;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::wrap_text;
use crate::gate::{LoadedPolicy, UnusablePolicy, load_from_disk, load_from_pack};
use crate::git::Repository;
use crate::policy::{DEFAULT_POLICY_PATH, Policy, packs};
use crate::predicates::PREDICATE_DOCS;
use crate::verdict::RuleLevel;

/// Write a policy, check it, look things up
#[derive(Debug, clap::Args)]
pub(crate) struct PolicyArgs {
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Write policies/changegate.yml, building on a shipped pack
    #[command(after_help = "\
Examples:
  changegate policy init
  changegate policy init --pack startup")]
    Init {
        /// The pack to build on
        #[arg(long, default_value = packs::DEFAULT_PACK)]
        pack: String,
    },
    /// Show everything that is wrong with a policy
    #[command(after_help = "\
Examples:
  changegate policy check
  changegate policy check policies/changegate.yml")]
    Check {
        /// The file; policies/changegate.yml of this repository if it is left out
        file: Option<PathBuf>,
    },
    /// List the rules of a policy as they stand once everything is joined
    #[command(after_help = "\
Examples:
  changegate policy show
  changegate policy show --pack iso27001")]
    Show {
        /// A shipped pack instead of this repository's policy
        #[arg(long, conflicts_with = "file")]
        pack: Option<String>,
        /// The file; policies/changegate.yml of this repository if it is left out
        file: Option<PathBuf>,
    },
    /// List the shipped packs
    Packs {
        /// Print the YAML of this one
        name: Option<String>,
    },
    /// Explain a predicate, with an example that passes and one that fails
    #[command(after_help = "\
Examples:
  changegate policy explain
  changegate policy explain approvals")]
    Explain {
        /// Its name; a list of all of them if it is left out
        predicate: Option<String>,
    },
    /// Print the JSON Schema of a policy file, for editors
    Schema,
}

pub(crate) fn run_policy(args: &PolicyArgs, world: &Context) -> Result<CommandExit, CommandError> {
    match &args.command {
        PolicyCommand::Init { pack } => init_policy(pack, world),
        PolicyCommand::Check { file } => check_policy(file.as_deref(), world),
        PolicyCommand::Show { pack, file } => show_policy(pack.as_deref(), file.as_deref(), world),
        PolicyCommand::Packs { name } => list_packs(name.as_deref()),
        PolicyCommand::Explain { predicate } => explain_predicate(predicate.as_deref()),
        PolicyCommand::Schema => {
            std::io::stdout().lock().write_all(crate::policy::schema::render_schema().as_bytes())?;
            Ok(CommandExit::Allowed)
        }
    }
}

/// Returns the root of the work tree around the directory of the command, or that directory itself.
pub(crate) fn find_work_tree(world: &Context) -> PathBuf {
    let start = std::path::absolute(&world.directory).unwrap_or_else(|_| world.directory.clone());
    let has_git = |folder: &&Path| folder.join(".git").exists();
    start.ancestors().find(has_git).map_or_else(|| world.directory.clone(), Path::to_path_buf)
}

fn init_policy(pack: &str, world: &Context) -> Result<CommandExit, CommandError> {
    if packs::find_pack(pack).is_none() {
        return Err(unknown_pack_error(pack));
    }
    let root = find_work_tree(world);
    let path = root.join(DEFAULT_POLICY_PATH);
    let branch = match Repository::discover_from(&root).and_then(|repository| repository.read_head()) {
        Ok(crate::git::HeadState::Branch(branch)) => {
            branch.name.to_lossy().strip_prefix("refs/heads/").unwrap_or("main").to_owned()
        }
        _ => "main".to_owned(),
    };
    let text = format!(
        "\
# The change-management policy of this repository. The gate reads it from the branch that is
# pushed to, as it was before the push; so a change of this file counts from the next one on.
#
#   changegate policy check     shows every mistake in it
#   changegate policy show      lists the rules that result
#   changegate policy explain   tells what can be asked
changegate: 1
name: change-management
extends: [{pack}]

# Branches and tags under change control; everything else is free.
protects: [{branch}, 'release/*', 'refs/tags/v*']

# people:
#   teams:
#     security: [somebody@example.com]
#   roster: policies/people.yml

# A rule of the pack can be changed here by its id:
# rules:
#   change-type: {{ level: warn, reason: we are learning, until: 2030-12-31 }}
"
    );
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            return Err(CommandError::Usage(format!(
                "{} is there already, and stays as it is",
                path.display()
            )));
        }
        Err(error) => return Err(error.into()),
    };
    file.write_all(text.as_bytes())?;
    writeln!(
        std::io::stdout().lock(),
        "wrote {DEFAULT_POLICY_PATH}, which builds on {pack}\nnext: look at it, run `changegate policy check`, and commit it"
    )?;
    Ok(CommandExit::Allowed)
}

/// Loads the policy in `file`, or this repository's.
pub(crate) fn load_local_policy(file: Option<&Path>, world: &Context) -> Result<LoadedPolicy, CommandError> {
    let (root, name) = match file {
        None => (find_work_tree(world), DEFAULT_POLICY_PATH.to_owned()),
        Some(file) => locate_policy_file(file, world),
    };
    load_from_disk(&root, &name).map_err(|why| match why {
        UnusablePolicy::Absent if name == DEFAULT_POLICY_PATH => {
            CommandError::Usage(format!("there is no `{name}`; `changegate policy init` writes one"))
        }
        UnusablePolicy::Absent => CommandError::Usage(format!("there is no `{name}`")),
        faulty @ UnusablePolicy::Faulty(_) => CommandError::from_unusable_policy(faulty, &name),
    })
}

/// Returns the folder from which the policy in `file` is read, and its path from there: the root of
/// the repository where there is one, so that a roster is found.
fn locate_policy_file(file: &Path, world: &Context) -> (PathBuf, String) {
    let file = std::path::absolute(world.resolve_path(file)).unwrap_or_else(|_| world.resolve_path(file));
    let root = find_work_tree(world);
    match file.strip_prefix(&root) {
        Ok(below) => (root, below.to_string_lossy().into_owned()),
        Err(_) => {
            let folder = file.parent().map_or_else(|| world.directory.clone(), Path::to_path_buf);
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (folder, name)
        }
    }
}

fn check_policy(file: Option<&Path>, world: &Context) -> Result<CommandExit, CommandError> {
    let loaded = load_local_policy(file, world)?;
    let policy = &loaded.policy;
    compile_patterns(policy)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{}: no fault; {} rules, {} exemptions, sha256:{}",
        loaded.source,
        policy.rules.len(),
        policy.exemptions.len(),
        policy.digest.get(..12).unwrap_or_default(),
    )?;
    let today = world.now.to_zoned(jiff::tz::TimeZone::UTC).date();
    for exemption in policy.expired_exemptions(today) {
        let rule =
            policy.rules.get(exemption.rule_index).map(|rule| rule.name.id.as_str()).unwrap_or_default();
        writeln!(out, "note: the exemption from `{rule}` ({}) ended on {}", exemption.id, exemption.until)?;
    }
    if let Some(day) = policy.review_by.filter(|day| *day < today) {
        writeln!(out, "note: the policy was to be reviewed by {day}")?;
    }
    if policy.needed_facts().contains(&FactKind::Reviews) {
        let what = "a rule wants reviews that a forge vouches for (`trust: verified`, which is what `approvals` means";
        writeln!(out, "note: {what}\n  where nothing is said); a server hook cannot see them, and denies")?;
    }
    for (rule, need) in policy.forge_dependent_rules(today).filter(|(_, need)| *need != FactKind::Reviews) {
        let id = &rule.name.id;
        writeln!(out, "note: the rule `{id}` wants {need}; a server hook cannot see that, and denies")?;
    }
    if !policy.people.has_roster() {
        writeln!(out, "note: there is no roster, so every address counts as a person of its own")?;
    }
    Ok(CommandExit::Allowed)
}

/// Compiles every pattern, which loading leaves until one is used.
fn compile_patterns(policy: &Policy) -> Result<(), CommandError> {
    for pattern in policy.vocabulary.value_patterns() {
        pattern
            .check_compiles()
            .map_err(|why| CommandError::Usage(format!("the pattern `{pattern}`: {why}")))?;
    }
    Ok(())
}

fn show_policy(
    pack: Option<&str>,
    file: Option<&Path>,
    world: &Context,
) -> Result<CommandExit, CommandError> {
    let loaded = match pack {
        Some(pack) => load_from_pack(pack).map_err(|_| unknown_pack_error(pack))?,
        None => load_local_policy(file, world)?,
    };
    let policy = &loaded.policy;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let protects: Vec<_> = policy.protected_refs.iter().map(ToString::to_string).collect();
    writeln!(out, "{} ({})", policy.name, loaded.source)?;
    writeln!(out, "protects {}", protects.join(", "))?;
    if policy.obligations.block_on_overdue {
        writeln!(out, "what is overdue on a ref blocks it")?;
    }
    if policy.obligations.suspend_shortcut {
        writeln!(out, "who owes something overdue takes no shortcut")?;
    }
    if let Some(regularise) = &policy.obligations.regularise {
        let (from, within) = (regularise.teams.join(", "), regularise.time_limit);
        writeln!(out, "what landed without a decision is declared by {from} within {within}")?;
    }
    if let Some(break_glass) = &policy.break_glass {
        let (from, longest) = (break_glass.teams.join(", "), TimeLimit::Minutes(break_glass.max_minutes));
        writeln!(out, "a break-glass session is opened by {from} for at most {longest}")?;
    }
    for rule in &policy.rules {
        let level = if rule.level == RuleLevel::Warn { " (warns only)" } else { "" };
        writeln!(out, "\n{}{level}\n{}", rule.name.id, wrap_text("  ", 2, &rule.name.title))?;
        if let Some(classes) = &rule.class_indexes {
            let names =
                classes.iter().filter_map(|class| policy.classes.get(*class)).map(|class| class.id.as_str());
            writeln!(out, "{}", wrap_text("  for      ", 11, &names.collect::<Vec<_>>().join(", ")))?;
        }
        if let Some(when) = &rule.when {
            writeln!(out, "{}", wrap_text("  when     ", 11, &when.describe()))?;
        }
        writeln!(out, "{}", wrap_text("  requires ", 11, &rule.require.describe()))?;
        if let Some(why) = &rule.why {
            writeln!(out, "{}", wrap_text("  why      ", 11, why))?;
        }
        if !rule.name.controls.is_empty() {
            writeln!(out, "{}", wrap_text("  supports ", 11, &rule.name.controls.join(", ")))?;
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
            let doc = PREDICATE_DOCS.iter().find(|doc| doc.name == name).ok_or_else(|| {
                let near = crate::yaml::find_nearest_word(name, PREDICATE_DOCS.iter().map(|doc| doc.name));
                let list = "; `changegate policy explain` lists all of them".to_owned();
                let help = near.map_or(list, |near| format!("; did you mean `{near}`?"));
                CommandError::Usage(format!("there is no predicate `{name}`{help}"))
            })?;
            let about = wrap_text("", 0, &format!("{} {}", doc.summary, doc.why));
            writeln!(out, "{}\n\n{about}\n", doc.name)?;
            for item in doc.parameters.lines() {
                let indent = item.len() - item.trim_start().len();
                writeln!(out, "{}", wrap_text(&" ".repeat(indent), indent + 2, item.trim_start()))?;
            }
            writeln!(out)?;
            writeln!(out, "This holds:\n{}", doc.passing_example.trim_end())?;
            writeln!(out, "\nThis does not:\n{}", doc.failing_example.trim_end())?;
        }
    }
    out.flush()?;
    Ok(CommandExit::Allowed)
}

pub(crate) fn unknown_pack_error(name: &str) -> CommandError {
    let names: Vec<_> = packs::POLICY_PACKS.iter().map(|pack| pack.name).collect();
    CommandError::Usage(format!("there is no pack `{name}`; there are {}", names.join(", ")))
}
