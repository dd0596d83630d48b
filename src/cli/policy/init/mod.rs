//! `changegate policy init`: writes a first policy and what stands beside it, from what the repository tells: its history,
//! branches, owners and templates.
//!
//! Nothing that is there is overwritten, so the command can be run again. What is written is checked before.

mod history_hints;
mod missing_roster;
mod owner_rule;
mod policy_draft;
mod report;
mod repository_survey;
mod starter_files;
mod suite_draft;
mod template_fields;

use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::policy::init::history_hints::{draft_roster, read_hint};
use crate::cli::policy::init::missing_roster::load_with_drafted_roster;
use crate::cli::policy::init::owner_rule::{OwnerDraft, draft_owner_rule, find_owners_path};
use crate::cli::policy::init::policy_draft::{MODEL_PACK, PolicyDraft, RosterState};
use crate::cli::policy::init::report::{InitReport, PlannedFile, write_init_report};
use crate::cli::policy::init::repository_survey::{LikelyForge, RepositorySurvey, survey_repository};
use crate::cli::policy::init::starter_files::{
    COMMIT_TEMPLATE_PATH, ExistingTemplate, PULL_TEMPLATE_PATH, WORKFLOWS, find_pull_template,
    render_commit_template, render_pull_template,
};
use crate::cli::policy::init::suite_draft::{
    OwnedSample, SuitePerson, draft_suite, is_plain_address, list_suite_people,
};
use crate::cli::policy::init::template_fields::{TemplateReading, read_template_fields};
use crate::cli::policy::lookup::{
    find_work_tree, load_local_policy, refuse_bare_repository, unknown_pack_error,
};
use crate::cli::policy::roster_draft::RosterDraft;
use crate::gate::{LoadedPolicy, check_policy, load_from_files, load_from_pack};
use crate::git::Repository;
use crate::people::PeopleDirectory;
use crate::policy::packs::{self, PolicyPack};
use crate::policy::schema::{render_roster_schema, render_schema};
use crate::policy::{DEFAULT_POLICY_PATH, Policy};
use crate::yaml::read_document;

/// The path of the schema of the roster that is drafted.
const ROSTER_SCHEMA_PATH: &str = "policies/people.schema.json";

/// The name of the schema of the roster, from its folder; the first line of the roster names it.
const ROSTER_SCHEMA_NAME: &str = "people.schema.json";

/// The path of the schema, which the first line of the policy names.
const SCHEMA_PATH: &str = "policies/changegate.schema.json";

/// The name of the schema, from the folder of the policy.
const SCHEMA_NAME: &str = "changegate.schema.json";

/// The path of the roster that is drafted.
const ROSTER_PATH: &str = "policies/people.yml";

/// The path of the tests.
const SUITE_PATH: &str = "policies/changegate.test.yml";

/// How many bots of the history a policy lists.
const MAX_LISTED_BOTS: usize = 30;

/// The parameters of `policy init`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Nothing that is there already is overwritten, so it can be run again.

Examples:
  changegate policy init --dry-run
  changegate policy init
  changegate policy init --pack startup
  changegate policy init --github     with GitHub's files, wherever it seems to be")]
pub(super) struct PolicyInitArgs {
    /// Pack to extend
    #[arg(long, default_value = packs::DEFAULT_PACK)]
    pack: String,

    /// List what would be written, and write nothing
    #[arg(long)]
    dry_run: bool,

    /// Write the files for GitHub although the repository seems to be elsewhere
    #[arg(long)]
    github: bool,
}

pub(super) fn init_policy(args: &PolicyInitArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let Ok(pack_policy) = load_from_pack(&args.pack) else { return Err(unknown_pack_error(&args.pack)) };
    refuse_bare_repository("policy init", context)?;
    let root = find_work_tree(context);
    let mut survey = survey_repository(&root);
    if args.github && survey.forge == LikelyForge::Other {
        survey.forge = LikelyForge::GitHub(None);
    }
    let template = find_pull_template(&root);
    let mut report = InitReport {
        is_dry_run: args.dry_run,
        pack: args.pack.clone(),
        roster_path: ROSTER_PATH.to_owned(),
        ..InitReport::default()
    };
    let policy = match root.join(DEFAULT_POLICY_PATH).exists() {
        // A policy that is there decides what stands beside it, and is to be valid first.
        true => {
            let loaded = load_existing_policy(&root, &pack_policy, context, &mut report)?;
            let people = list_suite_people(&loaded.policy.people);
            if let Some(pack) = find_extended_pack(&root) {
                add_suite(&root, pack, &loaded.policy, &people, None, &mut report);
            }
            loaded
        }
        false => {
            draft_first_policy(args, &root, &survey, template.as_ref(), &pack_policy, context, &mut report)?
        }
    };
    report.add_file(&root, SCHEMA_PATH, render_schema());
    report.add_file(&root, COMMIT_TEMPLATE_PATH, render_commit_template(&policy.policy));
    match &template {
        Some(found) => {
            report.add_file(&root, &found.path, String::new());
            report.template = Some((found.path.clone(), list_missing_labels(&found.text, &policy.policy)));
        }
        None if survey.forge != LikelyForge::Other => {
            report.add_file(&root, PULL_TEMPLATE_PATH, render_pull_template(&policy.policy));
        }
        None => {}
    }
    if survey.forge != LikelyForge::Other {
        for (path, text) in WORKFLOWS {
            report.add_file(&root, path, text.to_owned());
        }
    }
    report.forge.clone_from(&survey.forge);
    report.has_repository = Repository::discover_from(&root).is_ok();
    report.has_models = survey.has_models && args.pack != MODEL_PACK && !policy.extends_pack(MODEL_PACK);
    report.git_location = context.git_location();
    report.program_location = context.program_location();
    report.is_below_root = std::path::absolute(&context.directory).is_ok_and(|folder| folder != root);
    if !args.dry_run {
        write_files(&root, &mut report.files)?;
    }
    let mut out = std::io::stdout().lock();
    write_init_report(&report, &mut out)?;
    out.flush()?;
    Ok(CommandExit::Allowed)
}

/// Loads the policy that is there, and adds a draft of the roster to what is to be written where it names one that is missing.
fn load_existing_policy(
    root: &Path,
    pack_policy: &LoadedPolicy,
    context: &Context,
    report: &mut InitReport,
) -> Result<LoadedPolicy, CommandError> {
    report.add_file(root, DEFAULT_POLICY_PATH, String::new());
    let Some(drafted) = load_with_drafted_roster(root, &pack_policy.policy.people) else {
        return load_local_policy(None, context);
    };
    let (loaded, roster) =
        drafted.map_err(|why| CommandError::from_unusable_policy(why, DEFAULT_POLICY_PATH))?;
    let folder = roster.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let schema = Path::new(folder).join(ROSTER_SCHEMA_NAME);
    report.add_file(root, &schema.to_string_lossy(), render_roster_schema());
    report.roster = Some((RosterState::InForce, roster.count, false));
    report.roster_path.clone_from(&roster.path);
    report.add_file(root, &roster.path, roster.text);
    Ok(loaded)
}

/// Drafts the policy, its roster and its tests, and adds them to what is to be written.
fn draft_first_policy(
    args: &PolicyInitArgs,
    root: &Path,
    survey: &RepositorySurvey,
    template: Option<&ExistingTemplate>,
    pack_policy: &LoadedPolicy,
    context: &Context,
    report: &mut InitReport,
) -> Result<LoadedPolicy, CommandError> {
    let drafted = draft_roster(root, &pack_policy.policy.people);
    let existing_roster = read_hint(&root.join(ROSTER_PATH));
    let has_roster = root.join(ROSTER_PATH).exists();
    let count = drafted.as_ref().map_or(0, RosterDraft::count_people);
    let (roster_text, known) = match has_roster {
        true => (existing_roster.unwrap_or_default(), None),
        false if count > 0 => (render_roster(drafted.as_ref()), Some(count)),
        false => (String::new(), None),
    };
    let people = read_people(&roster_text);
    let state = match known.or(people.count_roster_people()) {
        Some(0 | 1) => RosterState::TooSmall,
        // One that cannot be read is named all the same, so that the check of the policy tells what is wrong with it.
        Some(_) => RosterState::InForce,
        None if has_roster => RosterState::InForce,
        None => RosterState::Absent,
    };
    let bots: Vec<String> = match &drafted {
        Some(draft) => draft
            .list_bots()
            .filter(|bot| is_plain_address(bot))
            .take(MAX_LISTED_BOTS)
            .map(str::to_owned)
            .collect(),
        None => Vec::new(),
    };
    let owners = find_owners(root, &people, context.now);
    let reading =
        template.map(|found| (found.path.as_str(), read_template_fields(&found.text, &pack_policy.policy)));
    let mut draft = PolicyDraft {
        pack: &args.pack,
        schema: SCHEMA_NAME,
        survey,
        roster: state,
        bots: &bots,
        owners: owners.as_ref(),
        enforces_owners: true,
        template: reading.as_ref().map(|(path, reading)| (*path, reading)),
    };
    let (text, loaded) = choose_valid_draft(&mut draft, &roster_text, context)?;
    let state = draft.roster;
    report.roster = Some((state, count, has_roster));
    let asked = owners.as_ref().filter(|_| draft.is_owner_rule_in_force());
    report.is_owner_rule_in_force = asked.is_some();
    let mut owned = None;
    if let Some(asked) = asked {
        let is_plain = |path: &str| path.chars().all(|one| one.is_ascii_graphic() || one == ' ');
        let paths: Vec<String> = survey.paths.iter().filter(|path| is_plain(path)).cloned().collect();
        owned = asked
            .find_owned_path(&paths, &loaded.policy.people, context.now)
            .map(|(path, keys)| OwnedSample { path: path.to_owned(), keys });
    }
    report.owners = owners;
    report.add_file(root, DEFAULT_POLICY_PATH, text);
    if state != RosterState::Absent {
        report.add_file(root, ROSTER_SCHEMA_PATH, render_roster_schema());
        report.add_file(root, ROSTER_PATH, roster_text);
    }
    if let Some(pack) = packs::find_pack(&args.pack) {
        let mut people = list_suite_people(&loaded.policy.people);
        // An owner can review what the tests of the pack change.
        people.sort_by_key(|person| !owned.as_ref().is_some_and(|owned| owned.keys.contains(&person.key)));
        add_suite(root, pack, &loaded.policy, &people, owned.as_ref(), report);
    }
    Ok(loaded)
}

/// Returns the first of the drafts that `policy check` accepts: with everything, without the rule for owners, without the fields
/// of a template, and without the roster.
fn choose_valid_draft(
    draft: &mut PolicyDraft<'_>,
    roster: &str,
    context: &Context,
) -> Result<(String, LoadedPolicy), CommandError> {
    let mut last = None;
    for step in 0..4 {
        if step > 0 {
            draft.enforces_owners = false;
        }
        if step > 1 {
            draft.template = None;
        }
        // Rules that ask for more people than the history has can be met without a roster, by whoever comes.
        if step > 2 && draft.roster == RosterState::InForce {
            draft.roster = RosterState::TooSmall;
        }
        let text = draft.render_policy();
        let mut fetch = |path: &str| {
            Ok(match path {
                DEFAULT_POLICY_PATH => Some(text.clone().into_bytes()),
                ROSTER_PATH if !roster.is_empty() => Some(roster.as_bytes().to_vec()),
                path => {
                    draft.owners.filter(|owners| owners.path() == path).map(|owners| owners.source.clone())
                }
            })
        };
        let loaded = load_from_files(DEFAULT_POLICY_PATH, DEFAULT_POLICY_PATH.to_owned(), &mut fetch);
        match loaded.map(|loaded| check_policy(&loaded, &[], context.now).map(|_| loaded)) {
            Ok(Ok(loaded)) => return Ok((text, loaded)),
            Ok(Err(errors)) => last = Some(CommandError::InvalidPolicy(errors, None)),
            Err(why) => last = Some(CommandError::from_unusable_policy(why, DEFAULT_POLICY_PATH)),
        }
    }
    Err(last.unwrap_or_else(|| CommandError::usage("no policy can be drafted for this repository")))
}

fn add_suite(
    root: &Path,
    pack: &PolicyPack,
    policy: &Policy,
    people: &[SuitePerson],
    owned: Option<&OwnedSample>,
    report: &mut InitReport,
) {
    if let Some(suite) = draft_suite(pack, policy, people, owned) {
        report.left_out_tests = suite.left_out;
        report.add_file(root, SUITE_PATH, suite.text);
    }
}

/// Returns the pack that the policy of the work tree extends by its own words.
fn find_extended_pack(root: &Path) -> Option<&'static PolicyPack> {
    let text = read_hint(&root.join(DEFAULT_POLICY_PATH))?;
    let document: serde_yaml::Value = serde_yaml::from_str(&text).ok()?;
    let extended = document.get("extends")?;
    match extended.as_sequence() {
        Some(names) => names.iter().find_map(|name| packs::find_pack(name.as_str()?)),
        None => packs::find_pack(extended.as_str()?),
    }
}

/// Returns what the file of code owners that counts amounts to.
fn find_owners(root: &Path, people: &PeopleDirectory, now: Timestamp) -> Option<OwnerDraft> {
    let path = find_owners_path(|path| root.join(path).is_file())?;
    let text = read_hint(&root.join(path))?;
    Some(draft_owner_rule(path, text.as_bytes(), root.join(".gitlab-ci.yml").exists(), people, now))
}

/// Returns the labels of the fields that a template has no place for under a policy.
fn list_missing_labels(template: &str, policy: &Policy) -> Vec<String> {
    let TemplateReading { missing_fields, .. } = read_template_fields(template, policy);
    missing_fields.iter().map(|name| starter_files::to_label(name)).collect()
}

fn render_roster(draft: Option<&RosterDraft>) -> String {
    draft.map(RosterDraft::render_roster).unwrap_or_default()
}

/// Returns the people of a roster; none if it cannot be read, which the check of the policy tells.
fn read_people(roster: &str) -> PeopleDirectory {
    let mut people = PeopleDirectory::default();
    if let Ok(node) = read_document(roster.as_bytes()) {
        people.read_roster(&node, &mut Vec::new());
    }
    people
}

/// Writes the files that are not there yet. `create_new` never overwrites one.
fn write_files(root: &Path, files: &mut [PlannedFile]) -> Result<(), CommandError> {
    for file in files.iter_mut().filter(|file| !file.is_there) {
        let path = root.join(&file.path);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut opened) => opened.write_all(file.text.as_bytes())?,
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => file.is_there = true,
            Err(error) => return Err(CommandError::from(error)),
        }
    }
    Ok(())
}
