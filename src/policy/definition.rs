//! A policy as data: rules, classes, exemptions, and what they refer to.
//!
//! A [`Policy`] is complete and valid: every name in it refers to something that exists. Only the
//! loader makes one, so code that holds a policy does not check it again.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;

use crate::catalogue::StandardCatalogue;
use crate::change::{Change, FactKind, NeededFacts, Text};
use crate::pattern::RefPattern;
use crate::people::PeopleDirectory;
use crate::policy::acts::ActsPolicy;
use crate::policy::break_glass::BreakGlassPolicy;
use crate::policy::obligations::ObligationPolicy;
use crate::policy::ticket_systems::TicketSystems;
use crate::predicates::support::condition::Condition;
use crate::verdict::{ClassId, ExemptionId, RuleDescription, RuleLevel};
use crate::vocabulary::{FieldDefinition, FieldReading, FieldVocabulary};

/// A policy, complete and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// What verdicts call the policy; its path if it has no name.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// The last day before the policy is due for a review.
    pub review_by: Option<Date>,
    /// SHA-256 over the names and contents of all its files, in hexadecimal.
    pub digest: String,
    /// The same without the files of keys, as earlier versions computed it.
    pub digest_without_keys: String,
    /// The refs under change control.
    pub protected_refs: Vec<RefPattern>,
    /// What counts as one change.
    pub change_unit: ChangeUnit,
    /// The teams, the bots and the roster.
    pub people: PeopleDirectory,
    /// The fields that describe changes.
    pub vocabulary: FieldVocabulary,
    /// The keys that signatures are verified with.
    pub signer_keys: SignerKeys,
    /// Which tickets are in which system.
    pub ticket_systems: TicketSystems,
    /// The standard changes that were approved in advance.
    pub standard_changes: Arc<StandardCatalogue>,
    /// The paths of the files that the policy is made of: its own, the roster, the catalogue, the keys.
    pub gate_files: Vec<String>,
    /// The classes of changes; a change is of the first one that holds.
    pub classes: Vec<ChangeClass>,
    /// The rules, in the order of the files.
    pub rules: Vec<Rule>,
    /// The rules that are switched off, which ask nothing.
    pub switched_off: Vec<SwitchedOffRule>,
    /// The exemptions from rules, each with a last day.
    pub exemptions: Vec<RuleExemption>,
    /// What follows from an overdue obligation.
    pub obligations: ObligationPolicy,
    /// Who may open a break-glass session; `None` if the policy allows no sessions.
    pub break_glass: Option<BreakGlassPolicy>,
    /// Who may say something about a change after it has landed; `None` if the policy lets nobody.
    pub acts: Option<ActsPolicy>,
}

/// The files with the keys that signatures are verified with, as they stand beside the policy.
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
    /// The bytes of the file, not parsed yet.
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

/// A class of changes, such as `emergency`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeClass {
    /// The name that rules refer to.
    pub id: ClassId,
    /// Which changes are of it.
    pub when: Condition,
}

/// What the policy requires of some changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its id, title and controls.
    pub description: Arc<RuleDescription>,
    /// Why the rule exists.
    pub why: Option<String>,
    /// Whether it denies or warns.
    pub level: RuleLevel,
    /// For a warning, the last day on which it is only that.
    pub warn_until: Option<Date>,
    /// The classes that it applies to, as indexes of [`Policy::classes`]; `None` means all.
    pub class_indexes: Option<Vec<usize>>,
    /// Which changes it applies to, beside their class.
    pub when: Option<Condition>,
    /// What it requires of them.
    pub require: Condition,
}

/// A rule that is switched off, and asks nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SwitchedOffRule {
    /// Its id, title and controls.
    pub description: RuleDescription,
    /// Why it is switched off.
    pub reason: String,
}

impl Rule {
    /// Returns the level of the rule on this day: a warning whose last day is over denies.
    pub fn level_on(&self, day: Date) -> RuleLevel {
        match (self.level, self.warn_until) {
            (RuleLevel::Warn, Some(until)) if until < day => RuleLevel::Deny,
            (level, _) => level,
        }
    }
}

/// Permission for some changes to break a rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleExemption {
    /// The index of the rule in [`Policy::rules`].
    pub rule_index: usize,
    /// Which changes; never all of them.
    pub when: Condition,
    /// Why the exemption was granted.
    pub reason: String,
    /// Who granted it, as the policy names them.
    pub approved_by: String,
    /// The last day on which it holds.
    pub until: Date,
    /// Where it stands, which is what names it.
    pub id: ExemptionId,
}

impl Policy {
    /// Returns true if both are made of the same files. The keys of signatures are no part of the digest.
    pub(crate) fn has_same_content(&self, other: &Policy) -> bool {
        self.digest == other.digest && self.signer_keys == other.signer_keys
    }

    /// Returns true if a record that names a policy by this digest can mean this one; records of earlier versions leave out
    /// the files of keys.
    pub(crate) fn has_recorded_digest(&self, recorded: &str) -> bool {
        self.digest == recorded || self.digest_without_keys == recorded
    }

    /// Returns true if the ref with this full name is under change control.
    pub(crate) fn protects_ref(&self, full_name: &[u8]) -> bool {
        self.protected_refs.iter().any(|pattern| pattern.matches_ref(full_name))
    }

    /// Returns the fields that an ordinary change must state: one of the last class, which applies unless another does.
    pub(crate) fn list_required_fields(&self) -> Vec<&FieldDefinition> {
        self.collect_ordinary_fields(|rule| rule.when.is_none())
    }

    /// Returns the fields that an ordinary change may have to state, those of rules for some of them included.
    pub(crate) fn list_ordinary_fields(&self) -> Vec<&FieldDefinition> {
        self.collect_ordinary_fields(|_| true)
    }

    fn collect_ordinary_fields(&self, is_meant: impl Fn(&Rule) -> bool) -> Vec<&FieldDefinition> {
        let ordinary = self.classes.len().checked_sub(1);
        let mut required: Vec<&FieldDefinition> = Vec::new();
        for rule in &self.rules {
            let is_for_ordinary = match (&rule.class_indexes, ordinary) {
                (None, _) => true,
                (Some(classes), Some(ordinary)) => classes.contains(&ordinary),
                (Some(_), None) => false,
            };
            if is_for_ordinary && is_meant(rule) {
                rule.require.add_required_fields(&mut required);
            }
        }
        let mut fields: Vec<&FieldDefinition> = Vec::new();
        for field in required {
            if !fields.iter().any(|known| known.name == field.name) {
                fields.push(field);
            }
        }
        fields
    }

    /// Returns the facts that judging a change by this policy can take.
    pub(crate) fn needed_facts(&self) -> NeededFacts {
        let mut needs = NeededFacts::new();
        for condition in self.conditions() {
            condition.add_needs(&mut needs);
        }
        needs
    }

    /// Returns every condition of the policy.
    pub(crate) fn conditions(&self) -> Vec<&Condition> {
        let mut conditions = Vec::new();
        for class in &self.classes {
            conditions.push(&class.when);
        }
        for rule in &self.rules {
            conditions.extend(&rule.when);
            conditions.push(&rule.require);
        }
        for exemption in &self.exemptions {
            conditions.push(&exemption.when);
        }
        conditions
    }

    /// Returns the keys of the tickets that judging the change can take, each once: the valid values
    /// of the fields that the policy's questions about tickets name.
    pub(crate) fn find_ticket_keys(&self, change: &Change) -> Vec<Text> {
        let mut fields = Vec::new();
        for condition in self.conditions() {
            condition.add_ticket_fields(&mut fields);
        }
        let mut keys: Vec<Text> = Vec::new();
        for field in fields {
            let FieldReading::Stated { claims, .. } = field.read_from_change(change) else { continue };
            for claim in claims {
                if !keys.contains(&claim.value) {
                    keys.push(claim.value.into_owned());
                }
            }
        }
        keys
    }

    /// Returns the rules that deny on `day` and cannot be met without a fact that only a forge
    /// provides, each with that fact; `has_keys` says whether the policy knows keys, with which people approve on a server.
    pub(crate) fn forge_dependent_rules(
        &self,
        day: Date,
        has_keys: bool,
    ) -> impl Iterator<Item = (&Rule, FactKind)> {
        let mut dependent = Vec::new();
        for rule in &self.rules {
            if rule.level_on(day) == RuleLevel::Deny
                && let Some(fact) = self.find_forge_fact(rule, has_keys)
            {
                dependent.push((rule, fact));
            }
        }
        dependent.into_iter()
    }

    /// Returns the policy with what a forge told about its teams when the change was judged.
    pub(crate) fn tell_recorded_teams(&self, change: &Change) -> Cow<'_, Policy> {
        if change.forge_teams.is_empty() || !self.people.has_untold_teams() {
            return Cow::Borrowed(self);
        }
        let people = self.people.with_recorded_teams(&change.forge_teams);
        Cow::Owned(Policy { people, ..self.clone() })
    }

    /// Returns the policy with its people as they are on a day.
    pub(crate) fn with_people_of(&self, day: Date) -> Cow<'_, Policy> {
        match self.people.as_of(day) {
            Cow::Borrowed(_) => Cow::Borrowed(self),
            Cow::Owned(people) => Cow::Owned(Policy { people, ..self.clone() }),
        }
    }

    /// Returns the fact without which a rule is never met and that only a forge has.
    fn find_forge_fact(&self, rule: &Rule, has_keys: bool) -> Option<FactKind> {
        if let Some(fact) = rule.require.required_fact(FactKind::list_forge_only(has_keys)) {
            return Some(fact);
        }
        let people = &self.people;
        let is_untold = |team: &String| people.has_untold_members(team) && !people.may_have_members(team);
        let asked = rule.require.list_required().into_iter().map(|predicate| predicate.asked_teams());
        let mut asked = asked.filter(|teams| !teams.is_empty());
        asked.any(|teams| teams.iter().all(is_untold)).then_some(FactKind::ForgeTeams)
    }

    /// Returns the rules that ask for the check `name` without a wildcard.
    pub(crate) fn rules_asking_check(&self, name: &str) -> Vec<&Rule> {
        let mut asking = Vec::new();
        for rule in &self.rules {
            let mut predicates = Vec::new();
            rule.require.add_predicates(&mut predicates);
            if predicates.iter().any(|predicate| predicate.asks_check(name)) {
                asking.push(rule);
            }
        }
        asking
    }

    /// Returns the rules that deny on `day` and cannot be met unless it is known which account pushes.
    pub(crate) fn pusher_dependent_rules(&self, day: Date) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(move |rule| rule.level_on(day) == RuleLevel::Deny && rule.require.requires_pusher())
    }

    /// Returns the rules that deny on `day` and cannot be met by a push that is not signed. One that has a `when` may be about
    /// other changes only.
    pub(crate) fn signed_push_rules(&self, day: Date) -> impl Iterator<Item = &Rule> {
        self.rules
            .iter()
            .filter(move |rule| rule.level_on(day) == RuleLevel::Deny && rule.require.requires_signed_push())
    }

    /// Returns the exemptions whose last day is before `day`.
    pub fn expired_exemptions(&self, day: Date) -> impl Iterator<Item = &RuleExemption> {
        self.exemptions.iter().filter(move |exemption| exemption.until < day)
    }
}
