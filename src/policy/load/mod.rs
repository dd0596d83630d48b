//! Loading: from files to a [`Policy`], or to everything that is wrong with them.
//!
//! Files are joined base first. Names, refs, unit and classes of a later file replace those of an
//! earlier one. Teams, fields and rules are joined by name, a rule key by key, so a policy can change
//! the level of a shipped rule without repeating what it requires. Every value keeps its place, so a
//! fault is reported in the file and on the line where it was written.

mod classes;
mod code_owners;
mod consequences;
pub(crate) mod exemptions;
pub(crate) mod files;
mod holidays;
pub(crate) mod loader;
mod permissions;
pub(crate) mod roster;
pub(crate) mod rules;
mod standard_changes;

use std::sync::Arc;

use crate::catalogue::StandardCatalogue;
use crate::change::FactKind;
use crate::pattern::RefPattern;
use crate::people::{PeopleDirectory, check_plain_path};
use crate::policy::definition::{ChangeUnit, KeyFile, Policy, SignerKeys};
use crate::policy::faults::{FaultyFile, PolicyErrors};
use crate::policy::gate_files::guard_classes;
use crate::policy::load::classes::{ClassIndex, read_classes};
use crate::policy::load::code_owners::fetch_code_owners;
use crate::policy::load::consequences::{adopt_pack_faults, drop_missing_names, hides_names};
use crate::policy::load::exemptions::read_exemptions;
use crate::policy::load::files::{FetchedFile, PolicyFiles, name_root, unreadable_file_fault};
use crate::policy::load::holidays::fetch_holidays;
use crate::policy::load::loader::{PolicyLoader, SourcedNode};
use crate::policy::load::permissions::{PolicyPermissions, read_permissions};
use crate::policy::load::roster::{
    FetchedRoster, NoRosterIndexes, RosterIndexes, fetch_roster, find_indexed_digests,
};
use crate::policy::load::rules::{join_written_rules, list_switched_off, read_rule};
use crate::policy::load::standard_changes::{fetch_standard_changes, list_gate_files};
use crate::policy::packs::find_pack;
use crate::policy::ticket_systems::TicketSystems;
use crate::predicates::PolicyScope;
use crate::verdict::RuleLevel;
use crate::vocabulary::FieldVocabulary;
use crate::yaml::decode::{
    MapReader, parse_each, parse_one, read_choice, read_day, read_entries, read_text, unknown_word_fault,
};
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// Every key that a policy file may have at its top, with its description.
pub(crate) const POLICY_KEYS: [(&str, &str); 20] = [
    ("changegate", "The version of the format, which is 1."),
    ("name", "What the policy is called in reports."),
    ("summary", "What the policy is for, in one sentence."),
    ("owner", "Who answers for the policy."),
    ("review-by", "The last day before the policy is due for a review; after it, reports carry a note."),
    ("extends", "What the policy builds on: shipped packs by name, files beside this one by path."),
    ("protects", "The branches and tags under change control; `main` means `refs/heads/main`."),
    ("unit", "What counts as one change: a step of the first-parent history, or every commit."),
    ("people", "Teams, bots, and the roster of people with their addresses and accounts."),
    ("fields", "The fields that describe changes, by the keys of their trailers."),
    (
        "standard-changes",
        "The standard changes that were approved in advance, by id; or the file that lists them.",
    ),
    ("classes", "The classes of changes, by name; a change is of the first class whose question holds."),
    ("rules", "What changes must meet, by rule id; a rule of a base is changed key by key."),
    ("exemptions", "Which changes may break a rule, until when, and who allowed it."),
    ("obligations", "What follows from an overdue obligation."),
    ("break-glass", "Who may open a break-glass session, and for how long."),
    ("acts", "Who may say something about a landed change: `outcome`, `verified`, `attach`, `deployed`."),
    ("signers", "The files with the keys that signatures are verified with."),
    ("tickets", "Which tickets are in which system, by the prefix of their keys."),
    (
        "reasons",
        "Why the policy weakens what it extends: by `classes`, `protects`, `unit`, `obligations`, `break-glass`, `acts`, `signers`, `tickets`, `roster`, `codeowners`, or `fields.`, `teams.` or `standard-changes.` and a name.",
    ),
];

/// What counts as one change, by its word.
pub(crate) const UNIT_WORDS: [(&str, ChangeUnit); 2] =
    [("step", ChangeUnit::Step), ("commit", ChangeUnit::Commit)];

/// The kinds of files of keys.
pub(crate) const SIGNER_KINDS: [&str; 2] = ["ssh", "openpgp"];

/// The place of a fault that is about a file as a whole.
const FILE_START: YamlPlace = YamlPlace { line: 1, column: 1, length: 1 };

/// Loads the policy called `entry`: a pack's name, or a path that `fetch` understands.
///
/// # Errors
///
/// Returns every fault of every file. A file that cannot be fetched is one, as is a policy that
/// protects nothing, has no rule that denies, or refers to what does not exist.
pub fn load_policy(entry: &str, fetch: &mut dyn FnMut(&str) -> FetchedFile) -> Result<Policy, PolicyErrors> {
    load_indexed_policy(entry, fetch, &mut NoRosterIndexes)
}

/// As [`load_policy`]; a long roster is looked up in the index that `indexes` keep of it.
///
/// # Errors
///
/// As [`load_policy`].
pub(crate) fn load_indexed_policy(
    entry: &str,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
    indexes: &mut dyn RosterIndexes,
) -> Result<Policy, PolicyErrors> {
    let mut files = PolicyFiles::gather_files(entry, fetch)?;
    // The readers borrow the trees while the faults of the files grow, so the trees are taken out.
    let mut nodes = Vec::new();
    let mut names = Vec::new();
    for file in &mut files.files {
        nodes.push(std::mem::take(&mut file.node));
        names.push(file.name.clone());
    }
    let mut loader = PolicyLoader::new(&nodes, &names);
    check_top_keys(&mut loader);
    let mut vocabulary = read_vocabulary(&mut loader);
    let mut people = read_people(&mut loader);
    let roster = fetch_roster(&mut loader, &mut people, fetch, indexes);
    let has_index = roster.as_ref().is_some_and(|roster| roster.has_index);
    let mut ticket_systems = TicketSystems::default();
    for SourcedNode { file, node } in loader.find_nodes("tickets") {
        ticket_systems.read_systems(node, loader.faults_of(file));
    }
    for address in ticket_systems.list_addresses() {
        vocabulary.add_ticket_address(address);
    }
    vocabulary.connect_fields(&people);
    let (catalogue, mut read_beside) = fetch_standard_changes(&mut loader, &people, fetch);
    let signers = fetch_signer_keys(&mut loader, fetch);
    let code_owners = fetch_code_owners(&mut loader, &mut people, fetch);
    read_beside.splice(0..0, roster.map(|FetchedRoster { file, .. }| file));
    read_beside.extend(fetch_holidays(&mut loader, &mut people, fetch));
    read_beside.extend(code_owners.file);
    let key_files: Vec<&KeyFile> = [&signers.ssh, &signers.openpgp].into_iter().flatten().collect();
    let compute_digests = |read_beside: &[FaultyFile]| files.compute_digests(read_beside, &key_files);
    let (digest, digest_without_keys) = match read_beside.first_mut().filter(|_| has_index) {
        Some(_) => {
            find_indexed_digests(&mut loader, &people, &mut read_beside, &compute_digests, fetch, indexes)
        }
        None => compute_digests(&read_beside),
    };
    let gate_files = list_gate_files(&names, &read_beside, &signers, code_owners.paths);
    let catalogue = Arc::new(catalogue);
    let parts = PolicyParts {
        people,
        vocabulary,
        ticket_systems,
        catalogue,
        signers,
        gate_files,
        digest,
        digest_without_keys,
    };
    loader.lacks_base = files.lacks_base();
    let policy = build_policy(&mut loader, parts, entry);
    let hides_names = loader.lacks_base || hides_names(&loader);
    adopt_pack_faults(&mut loader);
    let mut found = loader.into_faults();
    for (index, file) in files.files.iter_mut().enumerate() {
        file.faults.extend(found.remove(&index).unwrap_or_default());
    }
    let mut faulty_files = files.into_faulty_files();
    faulty_files.extend(read_beside.into_iter().filter(|file| !file.faults.is_empty()));
    if hides_names {
        drop_missing_names(&mut faulty_files);
    }
    match policy {
        Some(policy) if faulty_files.is_empty() => Ok(policy),
        _ => Err(PolicyErrors { faulty_files, unread: None }),
    }
}

/// Checks the keys at the top of each file, and the version of its format.
fn check_top_keys(loader: &mut PolicyLoader<'_>) {
    let known = POLICY_KEYS.map(|(key, _)| key);
    for (file, node) in loader.nodes().iter().enumerate() {
        let faults = loader.faults_of(file);
        let YamlValue::Map(entries) = &node.value else {
            let what = format!("a policy is a map, and this is {}", node.describe_kind());
            faults.push(YamlFault::new(node.at, what));
            continue;
        };
        let mut version = None;
        for (key, value) in entries {
            if !known.contains(&key.text.as_str()) {
                faults.push(unknown_word_fault("key", key, known));
            } else if key.text == "changegate" {
                version = Some(value);
            }
        }
        match version {
            None => faults.push(
                YamlFault::new(node.at, "`changegate: 1` is missing")
                    .with_help("the first line says which format this is"),
            ),
            Some(version) if !is_supported_version(version) => {
                let fault = YamlFault::new(version.at, "this binary reads format 1 and no other");
                faults.push(fault.with_help("write `changegate: 1`, without quotes, or update changegate"));
            }
            Some(_) => {}
        }
    }
}

fn is_supported_version(node: &YamlNode) -> bool {
    matches!(&node.value, YamlValue::Scalar { text, is_plain: true } if text == "1")
}

fn read_vocabulary(loader: &mut PolicyLoader<'_>) -> FieldVocabulary {
    let mut vocabulary = FieldVocabulary::default();
    for SourcedNode { file, node } in loader.find_nodes("fields") {
        vocabulary.read_fields(node, loader.faults_of(file));
    }
    vocabulary
}

fn read_people(loader: &mut PolicyLoader<'_>) -> PeopleDirectory {
    let mut people = PeopleDirectory::default();
    for SourcedNode { file, node } in loader.find_nodes("people") {
        let is_base = find_pack(loader.file_name(file)).is_some() || !loader.states_key(file, "protects");
        let faults = loader.faults_of(file);
        people.merge_child(match is_base {
            true => PeopleDirectory::read_base_people(node, faults),
            false => PeopleDirectory::read_people(node, faults),
        });
    }
    people
}

/// Fetches the files of keys, if the policy names any.
fn fetch_signer_keys(
    loader: &mut PolicyLoader<'_>,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> SignerKeys {
    let Some(SourcedNode { file, node }) = loader.find_last_node("signers") else {
        return SignerKeys::default();
    };
    let root = name_root(loader.file_name(file));
    let faults = loader.faults_of(file);
    let Some(mut map) = MapReader::new(node, faults) else { return SignerKeys::default() };
    let [ssh, openpgp] = SIGNER_KINDS.map(|kind| {
        let node = map.find_key(kind)?;
        fetch_key_file(node, root, fetch, faults)
    });
    map.refuse_unknown_keys(faults);
    SignerKeys { ssh, openpgp }
}

fn fetch_key_file(
    node: &YamlNode,
    root: &str,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
    faults: &mut Vec<YamlFault>,
) -> Option<KeyFile> {
    let path = parse_one(node, faults, |path| check_plain_path(path).map(str::to_owned))?;
    match fetch(&path) {
        Ok(Some(source)) => Some(KeyFile { path, source }),
        Ok(None) => {
            let what = format!("there is no `{}`", shorten_for_message(&path));
            let help = format!("add the file, or correct the path, which starts from {root}");
            faults.push(YamlFault::new(node.at, what).with_help(help));
            None
        }
        Err(why) => {
            faults.push(unreadable_file_fault(&path, node.at, &why));
            None
        }
    }
}

/// What is read of a policy before its rules.
struct PolicyParts {
    people: PeopleDirectory,
    vocabulary: FieldVocabulary,
    ticket_systems: TicketSystems,
    catalogue: Arc<StandardCatalogue>,
    signers: SignerKeys,
    gate_files: Vec<String>,
    digest: String,
    digest_without_keys: String,
}

/// Reads everything else, and puts the policy together. `None` if there is no file at all.
///
/// Each part refers to those read before it: rules name classes, fields and teams; exemptions name
/// rules.
fn build_policy(loader: &mut PolicyLoader<'_>, parts: PolicyParts, entry: &str) -> Option<Policy> {
    let PolicyParts {
        people,
        vocabulary,
        ticket_systems,
        catalogue,
        signers: signer_keys,
        gate_files,
        digest,
        digest_without_keys,
    } = parts;
    // A fault of the policy as a whole is reported in the file that was asked for, which is the last.
    let top = loader.nodes().len().checked_sub(1)?;
    let name = loader.read_top_text("name").unwrap_or(entry).to_owned();
    let owner = loader.read_top_text("owner").map(str::to_owned);
    // The summary is for readers of the file; reading it finds out whether it is a text.
    loader.read_top_text("summary");
    let mut review_by = None;
    if let Some(at) = loader.find_last_node("review-by") {
        review_by = read_day(at.node, loader.faults_of(at.file));
    }
    let protected_refs = read_protected_refs(loader, top);
    let mut change_unit = ChangeUnit::default();
    if let Some(at) = loader.find_last_node("unit") {
        change_unit = read_choice(at.node, &UNIT_WORDS, loader.faults_of(at.file)).unwrap_or_default();
    }
    let scope = PolicyScope {
        vocabulary: &vocabulary,
        people: &people,
        catalogue: &catalogue,
        allows_obligations: false,
    };
    let PolicyPermissions { obligations, break_glass, acts } = read_permissions(loader, &scope);
    let classes = guard_classes(read_classes(loader, &scope), &gate_files);
    let class_index = ClassIndex::index_classes(&classes);
    let mut rules = Vec::new();
    let written_rules = join_written_rules(loader);
    for written in &written_rules {
        rules.extend(read_rule(loader, written, &class_index, &scope));
    }
    let ids: Vec<&str> = written_rules.iter().map(|written| written.id.text.as_str()).collect();
    let exemptions = read_exemptions(loader, &ids, &rules, &scope);
    loader.refuse_missing_classes();
    if !rules.iter().any(|rule| rule.level == RuleLevel::Deny) && loader.is_faultless() {
        loader.faults_of(top).push(
            YamlFault::new(FILE_START, "no rule of this policy denies anything")
                .with_help("leave one rule without `level: warn` and `level: off`"),
        );
    }
    // Reasons are for readers of the file, and for the inspection.
    for SourcedNode { file, node } in loader.find_nodes("reasons") {
        let faults = loader.faults_of(file);
        for (_, reason) in read_entries(node, faults) {
            read_text(reason, faults);
        }
    }
    let policy = Policy {
        name,
        owner,
        review_by,
        digest,
        digest_without_keys,
        protected_refs,
        change_unit,
        people,
        vocabulary,
        signer_keys,
        ticket_systems,
        standard_changes: catalogue,
        gate_files,
        classes,
        switched_off: list_switched_off(&written_rules, &rules),
        rules,
        exemptions,
        obligations,
        break_glass,
        acts,
    };
    if policy.ticket_systems.is_empty()
        && policy.needed_facts().contains(&FactKind::Tickets)
        && loader.is_faultless()
    {
        let fault =
            YamlFault::new(FILE_START, "a rule asks what a ticket system says, and `tickets` names none")
                .with_help("as in `tickets: { PAY: { jira: https://acme.atlassian.net } }`");
        loader.faults_of(top).push(fault);
    }
    Some(policy)
}

/// Reads the refs under change control; a policy without any is at fault.
fn read_protected_refs(loader: &mut PolicyLoader<'_>, top: usize) -> Vec<RefPattern> {
    if let Some(at) = loader.find_last_node("protects") {
        return parse_each(at.node, loader.faults_of(at.file), RefPattern::new);
    }
    // A misspelt key has a fault already, with the right word; a base that cannot be read may have the key.
    if !loader.has_misspelt_key("protects", POLICY_KEYS.map(|(key, _)| key)) {
        let fault = YamlFault::new(FILE_START, "`protects` is missing").with_help("as in `protects: [main]`");
        loader.faults_of(top).push(fault.with_expected(ExpectedValue::DefinedName));
    }
    Vec::new()
}
