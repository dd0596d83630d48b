//! Given files to a [`Policy`], or to everything that is wrong with them.
//!
//! Files are joined base first. Names, refs, unit and classes of a later file replace those of an
//! earlier one; teams, fields and rules are joined by name, a rule key by key, so that a policy can
//! change the level of a shipped rule without repeating what it asks. Places are kept throughout: a
//! fault is reported where it was written, whichever file that is.

use super::files::{Fetched, Files};
use super::{
    BreakGlass, Class, FaultyFile, KeyFile, Obligations, Policy, PolicyErrors, Rule, Signers, TicketSystems,
    Unit,
};
use crate::change::Need;
use crate::pattern::RefPattern;
use crate::people::{People, plain_path};
use crate::predicates::{Condition, Known};
use crate::verdict::Level;
use crate::vocabulary::Vocabulary;
use crate::yaml::decode::{Map, choice, day, each, entries, is_meant, one, text, unknown};
use crate::yaml::{self, Fault, Node, Place, Value, shown};

/// Every key that a policy file may have at its top, and what it says.
pub(super) const KEYS: [(&str, &str); 17] = [
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
pub(super) const UNITS: [(&str, Unit); 2] = [("step", Unit::Step), ("commit", Unit::Commit)];

/// The kinds of files of keys.
pub(super) const SIGNERS: [&str; 2] = ["ssh", "openpgp"];

/// Loads the policy called `entry`: a pack's name, or a path that `fetch` understands.
///
/// # Errors
///
/// Returns every fault of every file. A file that cannot be fetched is one, as is a policy that
/// protects nothing, has no rule that denies, or refers to what does not exist.
pub fn load(entry: &str, fetch: &mut dyn FnMut(&str) -> Fetched) -> Result<Policy, PolicyErrors> {
    let mut files = Files::gather(entry, fetch)?;
    let nodes: Vec<Node> = files.files.iter_mut().map(|file| std::mem::take(&mut file.node)).collect();
    let names: Vec<String> = files.files.iter().map(|file| file.name.clone()).collect();
    let mut loader = Loader { nodes: &nodes, names: &names, faults: vec![Vec::new(); nodes.len()] };
    loader.check_keys();
    let vocabulary = loader.vocabulary();
    let mut people = loader.people();
    let roster = loader.roster(&mut people, fetch);
    let signers = loader.signers(fetch);
    let digest = files.digest(roster.as_ref().map(|file| (file.name.as_str(), file.source.as_slice())));
    let policy = loader.policy(people, vocabulary, signers, digest, entry);
    for (file, faults) in files.files.iter_mut().zip(loader.faults) {
        file.faults.extend(faults);
    }
    let mut faulty = files.faulty();
    faulty.extend(roster.filter(|roster| !roster.faults.is_empty()));
    match policy {
        Some(policy) if faulty.is_empty() => Ok(policy),
        _ => Err(PolicyErrors { files: faulty }),
    }
}

pub(super) struct Loader<'nodes> {
    nodes: &'nodes [Node],
    names: &'nodes [String],
    faults: Vec<Vec<Fault>>,
}

/// A value and the file that it is from.
#[derive(Clone, Copy)]
pub(super) struct Given<'node> {
    pub(super) file: usize,
    pub(super) node: &'node Node,
}

impl<'nodes> Loader<'nodes> {
    pub(super) fn fault(&mut self, file: usize, fault: Fault) {
        if let Some(faults) = self.faults.get_mut(file) {
            faults.push(fault);
        }
    }

    /// Returns what a file is called.
    pub(super) fn name(&self, file: usize) -> &'nodes str {
        self.names.get(file).map_or("", String::as_str)
    }

    /// Runs `read` with the faults of `file`.
    pub(super) fn within<T>(&mut self, file: usize, read: impl FnOnce(&mut Vec<Fault>) -> T) -> T {
        let mut faults = self.faults.get_mut(file).map(std::mem::take).unwrap_or_default();
        let value = read(&mut faults);
        if let Some(kept) = self.faults.get_mut(file) {
            *kept = faults;
        }
        value
    }

    /// Returns every statement of `key`, base first.
    pub(super) fn all(&self, key: &str) -> Vec<Given<'nodes>> {
        let value = |node: &'nodes Node| match &node.value {
            Value::Map(entries) => entries.iter().find(|(given, _)| given.text == key).map(|(_, node)| node),
            _ => None,
        };
        let nodes: &'nodes [Node] = self.nodes;
        nodes.iter().enumerate().filter_map(|(file, node)| Some(Given { file, node: value(node)? })).collect()
    }

    /// Returns the statement of `key` that counts, which is the last.
    pub(super) fn last(&self, key: &str) -> Option<Given<'nodes>> {
        self.all(key).last().copied()
    }

    /// Returns true if a key at the top can only have been meant as `key`.
    fn is_misspelt(&self, key: &str) -> bool {
        let known = KEYS.map(|(key, _)| key);
        self.nodes.iter().any(|node| match &node.value {
            Value::Map(entries) => entries.iter().any(|(given, _)| is_meant(given, key, known)),
            _ => false,
        })
    }

    fn check_keys(&mut self) {
        for (file, node) in self.nodes.iter().enumerate() {
            self.within(file, |faults| {
                let keys = match &node.value {
                    Value::Map(entries) => entries.as_slice(),
                    _ => {
                        faults.push(Fault::new(node.at, format!("a policy is a map, and this is {}", node.kind())));
                        return;
                    }
                };
                let known = KEYS.map(|(key, _)| key);
                for (key, _) in keys.iter().filter(|(key, _)| !known.contains(&key.text.as_str())) {
                    faults.push(unknown("key", key, known));
                }
                match keys.iter().find(|(key, _)| key.text == "changegate") {
                    None => faults.push(
                        Fault::new(node.at, "`changegate: 1` is missing").help("the first line says which format this is"),
                    ),
                    Some((_, version)) if !matches!(&version.value, Value::Scalar { text, plain: true } if text == "1") => {
                        faults.push(Fault::new(version.at, "this binary reads format 1 and no other"));
                    }
                    Some(_) => {}
                }
            });
        }
    }

    fn vocabulary(&mut self) -> Vocabulary {
        let mut vocabulary = Vocabulary::default();
        for Given { file, node } in self.all("fields") {
            self.within(file, |faults| vocabulary.read(node, faults));
        }
        vocabulary
    }

    fn people(&mut self) -> People {
        let mut people = People::default();
        for Given { file, node } in self.all("people") {
            people.extend(self.within(file, |faults| People::read(node, faults)));
        }
        people
    }

    /// Reads the roster, if the policy names one; returns it with what is wrong with it.
    fn roster(&mut self, people: &mut People, fetch: &mut dyn FnMut(&str) -> Fetched) -> Option<FaultyFile> {
        let name = people.roster.clone()?;
        let Given { file, node } = self.last("people")?;
        let mut roster = FaultyFile { name: name.clone(), ..FaultyFile::default() };
        match fetch(&name) {
            Ok(Some(source)) => {
                match yaml::read(&source) {
                    Ok(node) => people.read_roster(&node, &mut roster.faults),
                    Err(faults) => roster.faults = faults,
                }
                roster.source = source;
            }
            Ok(None) => {
                self.fault(file, Fault::new(node.at, format!("there is no roster `{}`", shown(&name))))
            }
            Err(why) => {
                self.fault(file, Fault::new(node.at, format!("`{}` cannot be read: {why}", shown(&name))))
            }
        }
        Some(roster)
    }

    /// Fetches the files of keys, if the policy names any.
    fn signers(&mut self, fetch: &mut dyn FnMut(&str) -> Fetched) -> Signers {
        let Some(Given { file, node }) = self.last("signers") else { return Signers::default() };
        self.within(file, |faults| {
            let Some(mut map) = Map::new(node, faults) else { return Signers::default() };
            let mut key_file = |key: &'static str| {
                let node = map.get(key)?;
                let name = one(node, faults, |path| plain_path(path).map(str::to_owned))?;
                match fetch(&name) {
                    Ok(Some(source)) => return Some(KeyFile { name, source }),
                    Ok(None) => faults.push(Fault::new(node.at, format!("there is no `{}`", shown(&name)))),
                    Err(why) => {
                        faults.push(Fault::new(node.at, format!("`{}` cannot be read: {why}", shown(&name))))
                    }
                }
                None
            };
            let [ssh, openpgp] = SIGNERS.map(&mut key_file);
            let signers = Signers { ssh, openpgp };
            map.finish(faults);
            signers
        })
    }

    fn policy(
        &mut self,
        people: People,
        vocabulary: Vocabulary,
        signers: Signers,
        digest: String,
        entry: &str,
    ) -> Option<Policy> {
        let top = self.nodes.len().checked_sub(1)?;
        let start = Place { line: 1, column: 1, length: 1 };
        let mut words = |key: &str| {
            let Given { file, node } = self.last(key)?;
            self.within(file, |faults| text(node, faults)).map(str::to_owned)
        };
        let name = words("name").unwrap_or_else(|| entry.to_owned());
        let owner = words("owner");
        words("summary");
        let review_by =
            self.last("review-by").and_then(|at| self.within(at.file, |faults| day(at.node, faults)));
        let protects = match self.last("protects") {
            Some(at) => self.within(at.file, |faults| each(at.node, faults, RefPattern::new)),
            // One that is misspelt has been told, with the right word.
            None if self.is_misspelt("protects") => Vec::new(),
            None => {
                self.fault(top, Fault::new(start, "`protects` is missing").help("as in `protects: [main]`"));
                Vec::new()
            }
        };
        let unit =
            self.last("unit").and_then(|at| self.within(at.file, |faults| choice(at.node, &UNITS, faults)));
        let known = Known { vocabulary: &vocabulary, people: &people, may_owe: false };
        let obligations = self
            .last("obligations")
            .map(|at| self.within(at.file, |faults| Obligations::read(at.node, &known, faults)))
            .unwrap_or_default();
        let break_glass = self
            .last("break-glass")
            .and_then(|at| self.within(at.file, |faults| BreakGlass::read(at.node, &known, faults)));
        let classes = self.classes(&known);
        let written = self.written_rules();
        let ids: Vec<&str> = written.iter().map(|rule| rule.id.text.as_str()).collect();
        let rules: Vec<(String, Option<Rule>)> =
            written.iter().map(|rule| (rule.id.text.clone(), self.rule(rule, &classes, &known))).collect();
        let exemptions = self.exemptions(&ids, &rules, &known);
        let rules: Vec<Rule> = rules.into_iter().filter_map(|(_, rule)| rule).collect();
        if !rules.iter().any(|rule| rule.level == Level::Deny) && self.faults.iter().all(Vec::is_empty) {
            self.fault(top, Fault::new(start, "no rule of this policy denies anything"));
        }
        let mut tickets = TicketSystems::default();
        for Given { file, node } in self.all("tickets") {
            self.within(file, |faults| tickets.read(node, faults));
        }
        let policy = Policy {
            name,
            owner,
            review_by,
            digest,
            protects,
            unit: unit.unwrap_or_default(),
            people,
            vocabulary,
            signers,
            tickets,
            classes,
            rules,
            exemptions,
            obligations,
            break_glass,
        };
        let asks = policy.tickets.is_empty() && policy.needs().contains(&Need::Tickets);
        if asks && self.faults.iter().all(Vec::is_empty) {
            let fault = Fault::new(start, "a rule asks what a ticket system says, and `tickets` names none");
            self.fault(top, fault.help("as in `tickets: { PAY: { jira: https://acme.atlassian.net } }`"));
        }
        Some(policy)
    }

    fn classes(&mut self, known: &Known<'_>) -> Vec<Class> {
        let Some(Given { file, node }) = self.last("classes") else { return Vec::new() };
        self.within(file, |faults| {
            let classes: Vec<Class> = entries(node, faults)
                .iter()
                .filter_map(|(key, node)| {
                    Some(Class { name: key.text.clone(), when: Condition::read(node, known, faults)? })
                })
                .collect();
            if let Some(swallowing) = classes.iter().position(|class| class.when.is_empty())
                && swallowing + 1 < classes.len()
            {
                let name = classes.get(swallowing).map(|class| class.name.clone()).unwrap_or_default();
                faults.push(
                    Fault::new(
                        node.at,
                        format!(
                            "every change is of the class `{}`, so no later one is reached",
                            shown(&name)
                        ),
                    )
                    .help("move it to the end"),
                );
            }
            classes
        })
    }
}
