//! Which rules there are, what they are about, and how hard they are.
//!
//! A [`Policy`] is what is left when every file has been read, joined and found to be without
//! fault: nothing in it can be misspelt or refer to something that does not exist. Loading needs no
//! repository; whoever loads says how a file is fetched.

pub mod break_glass;
pub(crate) mod emergency;
mod load;
mod obligations;
pub mod packs;
pub mod schema;
pub(crate) mod ticket_confirmation;
pub(crate) mod ticket_systems;

use std::sync::Arc;

use jiff::civil::Date;

use crate::change::{Change, FactKind, NeededFacts, Text};
use crate::pattern::RefPattern;
use crate::people::PeopleDirectory;
use crate::predicates::Condition;
use crate::verdict::{RuleDescription, RuleLevel};
use crate::vocabulary::{FieldReading, FieldVocabulary};
use crate::yaml::YamlFault;

pub use crate::policy::break_glass::BreakGlassPolicy;
pub use crate::policy::emergency::{EMERGENCY_CLASS, EMERGENCY_REASON_FIELD};
pub use crate::policy::load::files::FetchedFile;
pub use crate::policy::load::load_policy;
pub use crate::policy::obligations::{ObligationPolicy, RegularisePolicy};
pub use crate::policy::ticket_systems::{
    TicketSystem, TicketSystems, is_repository_name, parse_system_address,
};

/// Where the policy stands in a repository, unless the installation says otherwise.
pub const DEFAULT_POLICY_PATH: &str = "policies/changegate.yml";

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
    pub protected_refs: Vec<RefPattern>,
    /// What counts as one change.
    pub change_unit: ChangeUnit,
    /// Who is whom.
    pub people: PeopleDirectory,
    /// The fields that changes are described in.
    pub vocabulary: FieldVocabulary,
    /// Whose signatures count.
    pub signer_keys: SignerKeys,
    /// Which tickets are in which system.
    pub ticket_systems: TicketSystems,
    /// The kinds of changes; the first that holds is the one.
    pub classes: Vec<ChangeClass>,
    /// The rules, in order.
    pub rules: Vec<Rule>,
    /// What may break a rule, until when, and who allowed it.
    pub exemptions: Vec<RuleExemption>,
    /// What becomes of those who owe something.
    pub obligations: ObligationPolicy,
    /// Who may open a break-glass session; `None` for nobody.
    pub break_glass: Option<BreakGlassPolicy>,
}

/// The files that hold the keys of those whose signatures count, as they stand beside the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SignerKeys {
    /// In the format of ALLOWED SIGNERS in ssh-keygen(1).
    pub ssh: Option<KeyFile>,
    /// An OpenPGP keyring, armoured or not.
    pub openpgp: Option<KeyFile>,
}

/// A file of keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyFile {
    /// Its path in the repository.
    pub path: String,
    /// What it holds.
    pub source: Vec<u8>,
}

/// What counts as one change when commits are pushed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChangeUnit {
    /// One step of the target's first-parent history, with all that it brings in.
    #[default]
    Step,
    /// Every new commit by itself.
    Commit,
}

/// A kind of changes.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeClass {
    /// Its name.
    pub name: String,
    /// Which changes are of it.
    pub when: Condition,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id, title and controls.
    pub name: Arc<RuleDescription>,
    /// Why it is there.
    pub why: Option<String>,
    /// How hard it is.
    pub level: RuleLevel,
    /// For a warning, the last day on which it is only that.
    pub warn_until: Option<Date>,
    /// The classes that it is for, as places in [`Policy::classes`]; `None` means all.
    pub class_indexes: Option<Vec<usize>>,
    /// Which changes it is about, beside their class.
    pub when: Option<Condition>,
    /// What it asks.
    pub require: Condition,
}

impl Rule {
    /// Returns how hard the rule is on this day: a warning whose time is over denies.
    pub fn level_on(&self, day: Date) -> RuleLevel {
        match (self.level, self.warn_until) {
            (RuleLevel::Warn, Some(until)) if until < day => RuleLevel::Deny,
            (level, _) => level,
        }
    }
}

/// Something that may break a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleExemption {
    /// The rule's place in [`Policy::rules`].
    pub rule_index: usize,
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
    pub faulty_files: Vec<FaultyFile>,
}

/// A file and its faults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FaultyFile {
    /// Its name, as a person would look for it.
    pub name: String,
    /// What it holds; empty if it could not be read.
    pub source: Vec<u8>,
    /// What is wrong with it.
    pub faults: Vec<YamlFault>,
}

impl PolicyErrors {
    /// Returns the number of faults.
    pub fn count_faults(&self) -> usize {
        self.faulty_files.iter().map(|file| file.faults.len()).sum()
    }
}

impl Policy {
    /// Returns true if and only if the ref with this full name is under change control.
    pub fn protects_ref(&self, full_name: &[u8]) -> bool {
        self.protected_refs.iter().any(|pattern| pattern.matches_ref(full_name))
    }

    /// Returns the facts that judging a change by this policy can take.
    pub fn needed_facts(&self) -> NeededFacts {
        let mut needs = NeededFacts::new();
        self.iter_conditions().for_each(|condition| condition.add_needs(&mut needs));
        needs
    }

    /// Returns every question that the policy asks.
    fn iter_conditions(&self) -> impl Iterator<Item = &Condition> {
        let classes = self.classes.iter().map(|class| &class.when);
        let rules = self.rules.iter().flat_map(|rule| rule.when.iter().chain(std::iter::once(&rule.require)));
        let exemptions = self.exemptions.iter().map(|exemption| &exemption.when);
        classes.chain(rules).chain(exemptions)
    }

    /// Returns the keys of the tickets that judging the change can take, each once: what it says in
    /// the fields about whose tickets the policy asks, as far as that is valid.
    pub fn find_ticket_keys(&self, change: &Change) -> Vec<Text> {
        let mut fields = Vec::new();
        self.iter_conditions().for_each(|condition| condition.add_ticket_fields(&mut fields));
        let mut keys: Vec<Text> = Vec::new();
        for field in fields {
            let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { continue };
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
    pub fn forge_dependent_rules(&self, day: Date) -> impl Iterator<Item = (&Rule, FactKind)> {
        let denies = move |rule: &&Rule| rule.level_on(day) == RuleLevel::Deny;
        self.rules
            .iter()
            .filter(denies)
            .filter_map(|rule| Some((rule, rule.require.required_fact(&FactKind::FORGE_ONLY)?)))
    }

    /// Returns the exemptions whose last day is before `day`.
    pub fn expired_exemptions(&self, day: Date) -> impl Iterator<Item = &RuleExemption> {
        self.exemptions.iter().filter(move |exemption| exemption.until < day)
    }
}
