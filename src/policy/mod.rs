//! Which rules there are, what they are about, and how hard they are.
//!
//! A [`Policy`] is what is left when every file has been read, joined and found to be without
//! fault: nothing in it can be misspelt or refer to something that does not exist. Loading needs no
//! repository; whoever loads says how a file is fetched.

pub mod break_glass;
mod confirming;
mod declaring;
mod files;
mod load;
mod obligations;
pub mod packs;
mod probe;
mod rules;
pub mod schema;
mod tickets;

use std::sync::Arc;

use jiff::civil::Date;

use crate::change::{Change, Need, Needs, Text};
use crate::pattern::RefPattern;
use crate::people::People;
use crate::predicates::Condition;
use crate::verdict::{Level, RuleName};
use crate::vocabulary::{Reading, Vocabulary};
use crate::yaml::Fault;

pub use break_glass::BreakGlass;
pub use declaring::{EMERGENCY, REASON};
pub use files::Fetched;
pub use load::load;
pub use obligations::{Obligations, Regularise};
pub use tickets::{System, TicketSystems, address, is_repository};

/// Where the policy stands in a repository, unless the installation says otherwise.
pub const PATH: &str = "policies/changegate.yml";

/// A policy, complete and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What it is called.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day before it should be looked at again.
    pub review_by: Option<Date>,
    /// SHA-256 over the names and contents of all its files, in hexadecimal.
    pub digest: String,
    /// The refs under change control.
    pub protects: Vec<RefPattern>,
    /// What counts as one change.
    pub unit: Unit,
    /// Who is whom.
    pub people: People,
    /// The fields that changes are described in.
    pub vocabulary: Vocabulary,
    /// Whose signatures count.
    pub signers: Signers,
    /// Which tickets are in which system.
    pub tickets: TicketSystems,
    /// The kinds of changes; the first that holds is the one.
    pub classes: Vec<Class>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// What may break a rule, until when, and who allowed it.
    pub exemptions: Vec<Exemption>,
    /// What becomes of those who owe something.
    pub obligations: Obligations,
    /// Who may open a break-glass session; `None` for nobody.
    pub break_glass: Option<BreakGlass>,
}

/// The files that hold the keys of those whose signatures count, as they stand beside the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Signers {
    /// In the format of ALLOWED SIGNERS in ssh-keygen(1).
    pub ssh: Option<KeyFile>,
    /// An OpenPGP keyring, armoured or not.
    pub openpgp: Option<KeyFile>,
}

/// A file of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFile {
    /// Its path in the repository.
    pub name: String,
    /// What it holds.
    pub source: Vec<u8>,
}

/// What counts as one change when commits are pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// One step of the target's first-parent history, with all that it brings in.
    #[default]
    Step,
    /// Every new commit by itself.
    Commit,
}

/// A kind of changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: String,
    /// Which changes are of it.
    pub when: Condition,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id, title and controls.
    pub name: Arc<RuleName>,
    /// Why it is there.
    pub why: Option<String>,
    /// How hard it is.
    pub level: Level,
    /// For a warning, the last day on which it is only that.
    pub warn_until: Option<Date>,
    /// The classes that it is for, as places in [`Policy::classes`]; `None` means all.
    pub classes: Option<Vec<usize>>,
    /// Which changes it is about, beside their class.
    pub when: Option<Condition>,
    /// What it asks.
    pub require: Condition,
}

impl Rule {
    /// Returns how hard the rule is on this day: a warning whose time is over denies.
    pub fn level_on(&self, day: Date) -> Level {
        match (self.level, self.warn_until) {
            (Level::Warn, Some(until)) if until < day => Level::Deny,
            (level, _) => level,
        }
    }
}

/// Something that may break a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemption {
    /// The rule's place in [`Policy::rules`].
    pub rule: usize,
    /// Which changes; never all of them.
    pub when: Condition,
    /// Why.
    pub reason: String,
    /// Who allowed it.
    pub approved_by: String,
    /// The last day on which it holds.
    pub until: Date,
    /// The file and line on which it stands, for reports.
    pub place: String,
}

/// What is wrong with a policy, by file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyErrors {
    /// The files with faults.
    pub files: Vec<FaultyFile>,
}

/// A file and its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultyFile {
    /// Its name, as a person would look for it.
    pub name: String,
    /// What it holds; empty if it could not be read.
    pub source: Vec<u8>,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl PolicyErrors {
    /// Returns the number of faults.
    pub fn count(&self) -> usize {
        self.files.iter().map(|file| file.faults.len()).sum()
    }
}

impl Policy {
    /// Returns true if and only if the ref with this full name is under change control.
    pub fn protects(&self, full_name: &[u8]) -> bool {
        self.protects.iter().any(|pattern| pattern.matches(full_name))
    }

    /// Returns the facts that judging a change by this policy can take.
    pub fn needs(&self) -> Needs {
        let mut needs = Needs::new();
        self.conditions().for_each(|condition| condition.needs(&mut needs));
        needs
    }

    /// Returns every question that the policy asks.
    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let classes = self.classes.iter().map(|class| &class.when);
        let rules = self.rules.iter().flat_map(|rule| rule.when.iter().chain(std::iter::once(&rule.require)));
        let exemptions = self.exemptions.iter().map(|exemption| &exemption.when);
        classes.chain(rules).chain(exemptions)
    }

    /// Returns the keys of the tickets that judging the change can take, each once: what it says in
    /// the fields about whose tickets the policy asks, as far as that is valid.
    pub fn tickets_named(&self, change: &Change) -> Vec<Text> {
        let mut fields = Vec::new();
        self.conditions().for_each(|condition| condition.tickets(&mut fields));
        let mut keys: Vec<Text> = Vec::new();
        for field in fields {
            let Reading::Stated { claims, .. } = field.reading(change) else { continue };
            for claim in claims {
                if !keys.contains(claim.value) {
                    keys.push(claim.value.clone());
                }
            }
        }
        keys
    }

    /// Returns the rules that deny on `day` and cannot be kept without a fact that only a forge
    /// tells, each with that fact.
    pub fn kept_on_a_forge(&self, day: Date) -> impl Iterator<Item = (&Rule, Need)> {
        let denies = move |rule: &&Rule| rule.level_on(day) == Level::Deny;
        self.rules
            .iter()
            .filter(denies)
            .filter_map(|rule| Some((rule, rule.require.hangs_on(&Need::OF_A_FORGE)?)))
    }

    /// Returns the exemptions whose last day is before `day`.
    pub fn expired(&self, day: Date) -> impl Iterator<Item = &Exemption> {
        self.exemptions.iter().filter(move |exemption| exemption.until < day)
    }
}
