//! Given files to a [`Policy`], or to everything that is wrong with them.
//!
//! Files are joined base first. Names, refs, unit and classes of a later file replace those of an
//! earlier one; teams, fields and rules are joined by name, a rule key by key, so that a policy can
//! change the level of a shipped rule without repeating what it asks. Places are kept throughout: a
//! fault is reported where it was written, whichever file that is.

pub(crate) mod files;
pub(crate) mod rules;

use crate::change::FactKind;
use crate::pattern::RefPattern;
use crate::people::{PeopleDirectory, check_plain_path};
use crate::policy::load::files::{FetchedFile, PolicyFiles};
use crate::policy::{
    BreakGlassPolicy, ChangeClass, ChangeUnit, FaultyFile, KeyFile, ObligationPolicy, Policy, PolicyErrors,
    Rule, SignerKeys, TicketSystems,
};
use crate::predicates::{Condition, PolicyScope};
use crate::verdict::RuleLevel;
use crate::vocabulary::FieldVocabulary;
use crate::yaml::decode::{
    MapReader, is_misspelt_key, parse_each, parse_one, read_choice, read_day, read_entries, read_text,
    unknown_word_fault,
};
use crate::yaml::{self, YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// Every key that a policy file may have at its top, and what it says.
pub(crate) const POLICY_KEYS: [(&str, &str); 17] = [
    ("changegate", "The version of the format, which is 1."),
    ("name", "What the policy is called in reports."),
    ("summary", "What it is for, in one sentence."),
    ("owner", "Who answers for it."),
    ("review-by", "The last day before somebody should look at it again; past it, reports carry a note."),
    ("extends", "What it builds on: shipped packs by name, files beside this one by path."),
    ("protects", "The branches and tags under change control; `main` means `refs/heads/main`."),
    ("unit", "What counts as one change: a step of the first-parent history, or every commit."),
    ("people", "Who is whom: teams, bots, and the roster of people with their addresses and accounts."),
    ("fields", "The vocabulary of changes: fields by the keys of their trailers."),
    ("classes", "The kinds of changes, by name; the first whose question holds is the one."),
    ("rules", "What is asked of changes, by id; a rule of a base is changed key by key."),
    ("exemptions", "What may break a rule, until when, and who allowed it."),
    ("obligations", "What becomes of those who owe something that is overdue."),
    ("break-glass", "Who may open a break-glass session, and for how long."),
    ("signers", "The files with the keys of those whose signatures count."),
    ("tickets", "Which tickets are in which system, by the front of their keys."),
];

/// What counts as one change, by its word.
pub(crate) const UNIT_WORDS: [(&str, ChangeUnit); 2] =
    [("step", ChangeUnit::Step), ("commit", ChangeUnit::Commit)];

/// The kinds of files of keys.
pub(crate) const SIGNER_KINDS: [&str; 2] = ["ssh", "openpgp"];

/// Loads the policy called `entry`: a pack's name, or a path that `fetch` understands.
///
/// # Errors
///
/// Returns every fault of every file. A file that cannot be fetched is one, as is a policy that
/// protects nothing, has no rule that denies, or refers to what does not exist.
pub fn load_policy(entry: &str, fetch: &mut dyn FnMut(&str) -> FetchedFile) -> Result<Policy, PolicyErrors> {
    let mut files = PolicyFiles::gather_files(entry, fetch)?;
    let nodes: Vec<YamlNode> = files.files.iter_mut().map(|file| std::mem::take(&mut file.node)).collect();
    let names: Vec<String> = files.files.iter().map(|file| file.name.clone()).collect();
    let mut loader = PolicyLoader { nodes: &nodes, names: &names, faults: vec![Vec::new(); nodes.len()] };
    loader.check_keys();
    let vocabulary = loader.read_vocabulary();
    let mut people = loader.read_people();
    let roster = loader.fetch_roster(&mut people, fetch);
    let signers = loader.fetch_signer_keys(fetch);
    let digest =
        files.compute_digest(roster.as_ref().map(|file| (file.name.as_str(), file.source.as_slice())));
    let policy = loader.build_policy(people, vocabulary, signers, digest, entry);
    for (file, faults) in files.files.iter_mut().zip(loader.faults) {
        file.faults.extend(faults);
    }
    let mut faulty = files.into_faulty_files();
    faulty.extend(roster.filter(|roster| !roster.faults.is_empty()));
    match policy {
        Some(policy) if faulty.is_empty() => Ok(policy),
        _ => Err(PolicyErrors { faulty_files: faulty }),
    }
}

pub(crate) struct PolicyLoader<'nodes> {
    nodes: &'nodes [YamlNode],
    names: &'nodes [String],
    faults: Vec<Vec<YamlFault>>,
}

/// A value and the file that it is from.
#[derive(Clone, Copy)]
pub(crate) struct SourcedNode<'node> {
    pub(crate) file: usize,
    pub(crate) node: &'node YamlNode,
}

impl<'nodes> PolicyLoader<'nodes> {
    pub(crate) fn add_fault(&mut self, file: usize, fault: YamlFault) {
        if let Some(faults) = self.faults.get_mut(file) {
            faults.push(fault);
        }
    }

    /// Returns what a file is called.
    pub(crate) fn file_name(&self, file: usize) -> &'nodes str {
        self.names.get(file).map_or("", String::as_str)
    }

    /// Runs `read` with the faults of `file`.
    pub(crate) fn with_file_faults<T>(
        &mut self,
        file: usize,
        read: impl FnOnce(&mut Vec<YamlFault>) -> T,
    ) -> T {
        let mut faults = self.faults.get_mut(file).map(std::mem::take).unwrap_or_default();
        let value = read(&mut faults);
        if let Some(kept) = self.faults.get_mut(file) {
            *kept = faults;
        }
        value
    }

    /// Returns every statement of `key`, base first.
    pub(crate) fn find_nodes(&self, key: &str) -> Vec<SourcedNode<'nodes>> {
        let value = |node: &'nodes YamlNode| match &node.value {
            YamlValue::Map(entries) => {
                entries.iter().find(|(given, _)| given.text == key).map(|(_, node)| node)
            }
            _ => None,
        };
        let nodes: &'nodes [YamlNode] = self.nodes;
        nodes
            .iter()
            .enumerate()
            .filter_map(|(file, node)| Some(SourcedNode { file, node: value(node)? }))
            .collect()
    }

    /// Returns the statement of `key` that counts, which is the last.
    pub(crate) fn find_last_node(&self, key: &str) -> Option<SourcedNode<'nodes>> {
        self.find_nodes(key).last().copied()
    }

    /// Returns true if a key at the top can only have been meant as `key`.
    fn is_key_misspelt(&self, key: &str) -> bool {
        let known = POLICY_KEYS.map(|(key, _)| key);
        self.nodes.iter().any(|node| match &node.value {
            YamlValue::Map(entries) => entries.iter().any(|(given, _)| is_misspelt_key(given, key, known)),
            _ => false,
        })
    }

    fn check_keys(&mut self) {
        for (file, node) in self.nodes.iter().enumerate() {
            self.with_file_faults(file, |faults| {
                let keys = match &node.value {
                    YamlValue::Map(entries) => entries.as_slice(),
                    _ => {
                        faults.push(YamlFault::new(node.at, format!("a policy is a map, and this is {}", node.describe_kind())));
                        return;
                    }
                };
                let known = POLICY_KEYS.map(|(key, _)| key);
                for (key, _) in keys.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
                    faults.push(unknown_word_fault("key", key, known));
                }
                match keys.iter().find(|(key, _)| key.text == "changegate") {
                    None => faults.push(
                        YamlFault::new(node.at, "`changegate: 1` is missing").with_help("the first line says which format this is"),
                    ),
                    Some((_, version)) if !matches!(&version.value, YamlValue::Scalar { text, is_plain: true } if text == "1") => {
                        faults.push(YamlFault::new(version.at, "this binary reads format 1 and no other"));
                    }
                    Some(_) => {}
                }
            });
        }
    }

    fn read_vocabulary(&mut self) -> FieldVocabulary {
        let mut vocabulary = FieldVocabulary::default();
        for SourcedNode { file, node } in self.find_nodes("fields") {
            self.with_file_faults(file, |faults| vocabulary.read_fields(node, faults));
        }
        vocabulary
    }

    fn read_people(&mut self) -> PeopleDirectory {
        let mut people = PeopleDirectory::default();
        for SourcedNode { file, node } in self.find_nodes("people") {
            people.merge_child(
                self.with_file_faults(file, |faults| PeopleDirectory::read_people(node, faults)),
            );
        }
        people
    }

    /// Reads the roster, if the policy names one; returns it with what is wrong with it.
    fn fetch_roster(
        &mut self,
        people: &mut PeopleDirectory,
        fetch: &mut dyn FnMut(&str) -> FetchedFile,
    ) -> Option<FaultyFile> {
        let name = people.roster.clone()?;
        let SourcedNode { file, node } = self.find_last_node("people")?;
        let mut roster = FaultyFile { name: name.clone(), ..FaultyFile::default() };
        match fetch(&name) {
            Ok(Some(source)) => {
                match yaml::read_document(&source) {
                    Ok(node) => people.read_roster(&node, &mut roster.faults),
                    Err(faults) => roster.faults = faults,
                }
                roster.source = source;
            }
            Ok(None) => self.add_fault(
                file,
                YamlFault::new(node.at, format!("there is no roster `{}`", shorten_for_message(&name))),
            ),
            Err(why) => self.add_fault(
                file,
                YamlFault::new(node.at, format!("`{}` cannot be read: {why}", shorten_for_message(&name))),
            ),
        }
        Some(roster)
    }

    /// Fetches the files of keys, if the policy names any.
    fn fetch_signer_keys(&mut self, fetch: &mut dyn FnMut(&str) -> FetchedFile) -> SignerKeys {
        let Some(SourcedNode { file, node }) = self.find_last_node("signers") else {
            return SignerKeys::default();
        };
        self.with_file_faults(file, |faults| {
            let Some(mut map) = MapReader::new(node, faults) else { return SignerKeys::default() };
            let mut key_file = |key: &'static str| {
                let node = map.find_key(key)?;
                let name = parse_one(node, faults, |path| check_plain_path(path).map(str::to_owned))?;
                match fetch(&name) {
                    Ok(Some(source)) => return Some(KeyFile { path: name, source }),
                    Ok(None) => faults.push(YamlFault::new(
                        node.at,
                        format!("there is no `{}`", shorten_for_message(&name)),
                    )),
                    Err(why) => faults.push(YamlFault::new(
                        node.at,
                        format!("`{}` cannot be read: {why}", shorten_for_message(&name)),
                    )),
                }
                None
            };
            let [ssh, openpgp] = SIGNER_KINDS.map(&mut key_file);
            let signers = SignerKeys { ssh, openpgp };
            map.refuse_unknown_keys(faults);
            signers
        })
    }

    fn build_policy(
        &mut self,
        people: PeopleDirectory,
        vocabulary: FieldVocabulary,
        signers: SignerKeys,
        digest: String,
        entry: &str,
    ) -> Option<Policy> {
        let top = self.nodes.len().checked_sub(1)?;
        let start = YamlPlace { line: 1, column: 1, length: 1 };
        let mut words = |key: &str| {
            let SourcedNode { file, node } = self.find_last_node(key)?;
            self.with_file_faults(file, |faults| read_text(node, faults)).map(str::to_owned)
        };
        let name = words("name").unwrap_or_else(|| entry.to_owned());
        let owner = words("owner");
        words("summary");
        let review_by = self
            .find_last_node("review-by")
            .and_then(|at| self.with_file_faults(at.file, |faults| read_day(at.node, faults)));
        let protects = match self.find_last_node("protects") {
            Some(at) => self.with_file_faults(at.file, |faults| parse_each(at.node, faults, RefPattern::new)),
            // One that is misspelt has been told, with the right word.
            None if self.is_key_misspelt("protects") => Vec::new(),
            None => {
                self.add_fault(
                    top,
                    YamlFault::new(start, "`protects` is missing").with_help("as in `protects: [main]`"),
                );
                Vec::new()
            }
        };
        let unit = self.find_last_node("unit").and_then(|at| {
            self.with_file_faults(at.file, |faults| read_choice(at.node, &UNIT_WORDS, faults))
        });
        let known = PolicyScope { vocabulary: &vocabulary, people: &people, allows_obligations: false };
        let obligations = self
            .find_last_node("obligations")
            .map(|at| {
                self.with_file_faults(at.file, |faults| {
                    ObligationPolicy::read_obligations(at.node, &known, faults)
                })
            })
            .unwrap_or_default();
        let break_glass = self.find_last_node("break-glass").and_then(|at| {
            self.with_file_faults(at.file, |faults| {
                BreakGlassPolicy::read_break_glass(at.node, &known, faults)
            })
        });
        let classes = self.read_classes(&known);
        let written = self.join_written_rules();
        let ids: Vec<&str> = written.iter().map(|rule| rule.id.text.as_str()).collect();
        let rules: Vec<(String, Option<Rule>)> = written
            .iter()
            .map(|rule| (rule.id.text.clone(), self.read_rule(rule, &classes, &known)))
            .collect();
        let exemptions = self.read_exemptions(&ids, &rules, &known);
        let rules: Vec<Rule> = rules.into_iter().filter_map(|(_, rule)| rule).collect();
        if !rules.iter().any(|rule| rule.level == RuleLevel::Deny) && self.faults.iter().all(Vec::is_empty) {
            self.add_fault(top, YamlFault::new(start, "no rule of this policy denies anything"));
        }
        let mut tickets = TicketSystems::default();
        for SourcedNode { file, node } in self.find_nodes("tickets") {
            self.with_file_faults(file, |faults| tickets.read_systems(node, faults));
        }
        let policy = Policy {
            name,
            owner,
            review_by,
            digest,
            protected_refs: protects,
            change_unit: unit.unwrap_or_default(),
            people,
            vocabulary,
            signer_keys: signers,
            ticket_systems: tickets,
            classes,
            rules,
            exemptions,
            obligations,
            break_glass,
        };
        let asks = policy.ticket_systems.is_empty() && policy.needed_facts().contains(&FactKind::Tickets);
        if asks && self.faults.iter().all(Vec::is_empty) {
            let fault =
                YamlFault::new(start, "a rule asks what a ticket system says, and `tickets` names none");
            self.add_fault(
                top,
                fault.with_help("as in `tickets: { PAY: { jira: https://acme.atlassian.net } }`"),
            );
        }
        Some(policy)
    }

    fn read_classes(&mut self, known: &PolicyScope<'_>) -> Vec<ChangeClass> {
        let Some(SourcedNode { file, node }) = self.find_last_node("classes") else { return Vec::new() };
        self.with_file_faults(file, |faults| {
            let classes: Vec<ChangeClass> = read_entries(node, faults)
                .iter()
                .filter_map(|(key, node)| {
                    Some(ChangeClass {
                        name: key.text.clone(),
                        when: Condition::read_condition(node, known, faults)?,
                    })
                })
                .collect();
            if let Some(swallowing) = classes.iter().position(|class| class.when.is_empty())
                && swallowing + 1 < classes.len()
            {
                let name = classes.get(swallowing).map(|class| class.name.clone()).unwrap_or_default();
                faults.push(
                    YamlFault::new(
                        node.at,
                        format!(
                            "every change is of the class `{}`, so no later one is reached",
                            shorten_for_message(&name)
                        ),
                    )
                    .with_help("move it to the end"),
                );
            }
            classes
        })
    }
}
