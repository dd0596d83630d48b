//! `changegate policy`: write a policy, check it, look things up in it.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::output::wrapped;
use super::{Exit, Stop, World};
use crate::calendar::Within;
use crate::change::Need;
use crate::gate::{Loaded, Unusable, from_disk, from_pack};
use crate::git::Repository;
use crate::policy::{PATH, Policy, packs};
use crate::predicates::DOCS;
use crate::verdict::Level;

/// Write a policy, check it, look things up
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Write policies/changegate.yml, building on a shipped pack
    #[command(after_help = "\
Examples:
  changegate policy init
  changegate policy init --pack startup")]
    Init {
        /// The pack to build on
        #[arg(long, default_value = packs::DEFAULT)]
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

pub(super) fn run(args: &Args, world: &World) -> Result<Exit, Stop> {
    match &args.command {
        Command::Init { pack } => init(pack, world),
        Command::Check { file } => check(file.as_deref(), world),
        Command::Show { pack, file } => show(pack.as_deref(), file.as_deref(), world),
        Command::Packs { name } => list_packs(name.as_deref()),
        Command::Explain { predicate } => explain(predicate.as_deref()),
        Command::Schema => {
            std::io::stdout().lock().write_all(crate::policy::schema::text().as_bytes())?;
            Ok(Exit::Allowed)
        }
    }
}

/// Returns the root of the work tree around the directory of the command, or that directory itself.
pub(super) fn root(world: &World) -> PathBuf {
    let start = std::path::absolute(&world.directory).unwrap_or_else(|_| world.directory.clone());
    let has_git = |folder: &&Path| folder.join(".git").exists();
    start.ancestors().find(has_git).map_or_else(|| world.directory.clone(), Path::to_path_buf)
}

fn init(pack: &str, world: &World) -> Result<Exit, Stop> {
    if packs::find(pack).is_none() {
        return Err(no_pack(pack));
    }
    let root = root(world);
    let path = root.join(PATH);
    let branch = match Repository::discover(&root).and_then(|repository| repository.head()) {
        Ok(crate::git::Head::Branch(branch)) => {
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
            return Err(Stop::Wrong(format!("{} is there already, and stays as it is", path.display())));
        }
        Err(error) => return Err(error.into()),
    };
    file.write_all(text.as_bytes())?;
    writeln!(
        std::io::stdout().lock(),
        "wrote {PATH}, which builds on {pack}\nnext: look at it, run `changegate policy check`, and commit it"
    )?;
    Ok(Exit::Allowed)
}

/// Loads the policy in `file`, or this repository's.
pub(super) fn load(file: Option<&Path>, world: &World) -> Result<Loaded, Stop> {
    let (root, name) = match file {
        None => (root(world), PATH.to_owned()),
        Some(file) => place(file, world),
    };
    from_disk(&root, &name).map_err(|why| match why {
        Unusable::Absent if name == PATH => {
            Stop::Wrong(format!("there is no `{name}`; `changegate policy init` writes one"))
        }
        Unusable::Absent => Stop::Wrong(format!("there is no `{name}`")),
        faulty @ Unusable::Faulty(_) => Stop::unusable(faulty, &name),
    })
}

/// Returns the folder from which the policy in `file` is read, and its path from there: the root of
/// the repository where there is one, so that a roster is found.
fn place(file: &Path, world: &World) -> (PathBuf, String) {
    let file = std::path::absolute(world.at(file)).unwrap_or_else(|_| world.at(file));
    let root = root(world);
    match file.strip_prefix(&root) {
        Ok(below) => (root, below.to_string_lossy().into_owned()),
        Err(_) => {
            let folder = file.parent().map_or_else(|| world.directory.clone(), Path::to_path_buf);
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (folder, name)
        }
    }
}

fn check(file: Option<&Path>, world: &World) -> Result<Exit, Stop> {
    let loaded = load(file, world)?;
    let policy = &loaded.policy;
    compile(policy)?;
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
    for exemption in policy.expired(today) {
        let rule = policy.rules.get(exemption.rule).map(|rule| rule.name.id.as_str()).unwrap_or_default();
        writeln!(
            out,
            "note: the exemption from `{rule}` ({}) ended on {}",
            exemption.place, exemption.until
        )?;
    }
    if let Some(day) = policy.review_by.filter(|day| *day < today) {
        writeln!(out, "note: the policy was to be reviewed by {day}")?;
    }
    if policy.needs().contains(&Need::Reviews) {
        let what = "a rule wants reviews that a forge vouches for (`trust: verified`, which is what `approvals` means";
        writeln!(out, "note: {what}\n  where nothing is said); a server hook cannot see them, and denies")?;
    }
    for (rule, need) in policy.kept_on_a_forge(today).filter(|(_, need)| *need != Need::Reviews) {
        let id = &rule.name.id;
        writeln!(out, "note: the rule `{id}` wants {need}; a server hook cannot see that, and denies")?;
    }
    if !policy.people.has_roster() {
        writeln!(out, "note: there is no roster, so every address counts as a person of its own")?;
    }
    Ok(Exit::Allowed)
}

/// Compiles every pattern, which loading leaves until one is used.
fn compile(policy: &Policy) -> Result<(), Stop> {
    for pattern in policy.vocabulary.patterns() {
        pattern.compile().map_err(|why| Stop::Wrong(format!("the pattern `{pattern}`: {why}")))?;
    }
    Ok(())
}

fn show(pack: Option<&str>, file: Option<&Path>, world: &World) -> Result<Exit, Stop> {
    let loaded = match pack {
        Some(pack) => from_pack(pack).map_err(|_| no_pack(pack))?,
        None => load(file, world)?,
    };
    let policy = &loaded.policy;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let protects: Vec<_> = policy.protects.iter().map(ToString::to_string).collect();
    writeln!(out, "{} ({})", policy.name, loaded.source)?;
    writeln!(out, "protects {}", protects.join(", "))?;
    if policy.obligations.block_on_overdue {
        writeln!(out, "what is overdue on a ref blocks it")?;
    }
    if policy.obligations.suspend_shortcut {
        writeln!(out, "who owes something overdue takes no shortcut")?;
    }
    if let Some(regularise) = &policy.obligations.regularise {
        let (from, within) = (regularise.from.join(", "), regularise.within);
        writeln!(out, "what landed without a decision is declared by {from} within {within}")?;
    }
    if let Some(break_glass) = &policy.break_glass {
        let (from, longest) = (break_glass.from.join(", "), Within::Minutes(break_glass.longest));
        writeln!(out, "a break-glass session is opened by {from} for at most {longest}")?;
    }
    for rule in &policy.rules {
        let level = if rule.level == Level::Warn { " (warns only)" } else { "" };
        writeln!(out, "\n{}{level}\n{}", rule.name.id, wrapped("  ", 2, &rule.name.title))?;
        if let Some(classes) = &rule.classes {
            let names = classes
                .iter()
                .filter_map(|class| policy.classes.get(*class))
                .map(|class| class.name.as_str());
            writeln!(out, "{}", wrapped("  for      ", 11, &names.collect::<Vec<_>>().join(", ")))?;
        }
        if let Some(when) = &rule.when {
            writeln!(out, "{}", wrapped("  when     ", 11, &when.words()))?;
        }
        writeln!(out, "{}", wrapped("  requires ", 11, &rule.require.words()))?;
        if let Some(why) = &rule.why {
            writeln!(out, "{}", wrapped("  why      ", 11, why))?;
        }
        if !rule.name.controls.is_empty() {
            writeln!(out, "{}", wrapped("  supports ", 11, &rule.name.controls.join(", ")))?;
        }
    }
    out.flush()?;
    Ok(Exit::Allowed)
}

fn list_packs(name: Option<&str>) -> Result<Exit, Stop> {
    let mut out = std::io::stdout().lock();
    match name {
        Some(name) => out.write_all(packs::find(name).ok_or_else(|| no_pack(name))?.source.as_bytes())?,
        None => {
            for pack in packs::ALL {
                writeln!(out, "{}", wrapped(&format!("{:<10} ", pack.name), 11, pack.summary))?;
            }
        }
    }
    Ok(Exit::Allowed)
}

fn explain(predicate: Option<&str>) -> Result<Exit, Stop> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    match predicate {
        None => {
            for doc in DOCS {
                writeln!(out, "{}", wrapped(&format!("{:<17} ", doc.name), 18, doc.asks))?;
            }
        }
        Some(name) => {
            let doc = DOCS.iter().find(|doc| doc.name == name).ok_or_else(|| {
                let near = crate::yaml::nearest(name, DOCS.iter().map(|doc| doc.name));
                let list = "; `changegate policy explain` lists all of them".to_owned();
                let help = near.map_or(list, |near| format!("; did you mean `{near}`?"));
                Stop::Wrong(format!("there is no predicate `{name}`{help}"))
            })?;
            let about = wrapped("", 0, &format!("{} {}", doc.asks, doc.why));
            writeln!(out, "{}\n\n{about}\n", doc.name)?;
            for item in doc.parameters.lines() {
                let indent = item.len() - item.trim_start().len();
                writeln!(out, "{}", wrapped(&" ".repeat(indent), indent + 2, item.trim_start()))?;
            }
            writeln!(out)?;
            writeln!(out, "This holds:\n{}", doc.passes.trim_end())?;
            writeln!(out, "\nThis does not:\n{}", doc.fails.trim_end())?;
        }
    }
    out.flush()?;
    Ok(Exit::Allowed)
}

pub(super) fn no_pack(name: &str) -> Stop {
    let names: Vec<_> = packs::ALL.iter().map(|pack| pack.name).collect();
    Stop::Wrong(format!("there is no pack `{name}`; there are {}", names.join(", ")))
}
