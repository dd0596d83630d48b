//! The people of teams, each list of teams looked up once.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use jiff::civil::Date;

use crate::people::PeopleDirectory;
use crate::people::service::PersonAbsence;
use crate::policy::inspect::search::search_budget::SearchBudget;
use crate::predicates::approvals::ApprovalsPredicate;

/// How many steps of a search take as long as it takes to look up a member of a team.
const MEMBER_COST: usize = 30;

/// People, by their keys.
pub(crate) type PeopleSet<'people> = Rc<BTreeSet<&'people str>>;

/// Finds the people of teams who are no bots.
pub(crate) struct TeamPeople<'people> {
    people: &'people PeopleDirectory,
    /// The same people with all their dates, where `people` are those of one day.
    dated: Option<&'people PeopleDirectory>,
    budget: &'people SearchBudget,
    /// True if the policy knows keys, with which people approve on a server.
    pub(crate) has_keys: bool,
    rostered: OnceCell<Option<PeopleSet<'people>>>,
    identities: OnceCell<BTreeMap<&'people str, &'people str>>,
    addresses: OnceCell<Vec<&'people str>>,
    /// The first address or account of each entry of the roster, by the name of the entry without its case.
    entries: OnceCell<HashMap<String, &'people str>>,
    /// By the names of the teams.
    members: RefCell<HashMap<Vec<String>, PeopleSet<'people>>>,
}

impl<'people> TeamPeople<'people> {
    /// Returns the same people, whose policy knows keys or does not.
    pub(crate) fn with_keys(self, has_keys: bool) -> Self {
        TeamPeople { has_keys, ..self }
    }

    /// Prepares to look up the teams of a policy.
    pub(crate) fn new(people: &'people PeopleDirectory, budget: &'people SearchBudget) -> Self {
        TeamPeople {
            people,
            dated: None,
            budget,
            has_keys: false,
            rostered: OnceCell::new(),
            identities: OnceCell::new(),
            addresses: OnceCell::new(),
            entries: OnceCell::new(),
            members: RefCell::default(),
        }
    }

    /// Returns the same with the dates of all people, to tell why somebody is missing.
    pub(crate) fn with_dates(self, dated: &'people PeopleDirectory) -> Self {
        TeamPeople { dated: Some(dated), ..self }
    }

    /// Returns true if the roster gives a team to a member on some days and not on others.
    pub(crate) fn has_team_days(&self, written: &str, team: &str) -> bool {
        let record = self.dated.and_then(|dated| {
            let key = dated.find_person(written)?;
            dated.find_service_record(key)
        });
        let spans = record.as_ref().and_then(|record| record.teams.get(team));
        spans.is_some_and(|spans| !spans.iter().any(|span| span.is_open()))
    }

    /// Returns why the person with this address or account is not there on a day; `None` if they are, or are not known.
    pub(crate) fn find_absence(&self, written: &str, day: Date) -> Option<PersonAbsence> {
        let dated = self.dated?;
        dated.find_service_record(dated.find_person(written)?)?.find_absence(day)
    }

    /// Returns true if there is a roster.
    pub(crate) fn has_roster(&self) -> bool {
        self.people.has_roster()
    }

    /// Returns the people whom the roster lists; `None` without a roster. Where there are too many to tell them from
    /// bots, all are people.
    pub(crate) fn list_rostered(&self) -> Option<PeopleSet<'people>> {
        let list = || {
            let identities = self.list_identities();
            let comparisons = identities.len().saturating_mul(self.people.bot_patterns().len() + 1);
            match self.budget.spend_steps(comparisons.saturating_mul(MEMBER_COST)) {
                true => self.people.list_roster_humans().map(Rc::new),
                false => self.has_roster().then(|| Rc::new(identities.values().copied().collect())),
            }
        };
        self.rostered.get_or_init(list).clone()
    }

    /// Returns the addresses and accounts that the roster lists, each with the key of its person.
    pub(crate) fn list_identities(&self) -> &BTreeMap<&'people str, &'people str> {
        self.identities.get_or_init(|| self.people.list_identities())
    }

    /// Returns the addresses that the roster lists.
    pub(crate) fn list_addresses(&self) -> &[&'people str] {
        self.addresses.get_or_init(|| {
            self.list_identities().keys().copied().filter(|identity| identity.contains('@')).collect()
        })
    }

    /// Returns the first address or account of the entry of the roster with this name.
    pub(crate) fn find_entry_identity(&self, name: &str) -> Option<&'people str> {
        let entries = self.entries.get_or_init(|| {
            let mut entries = HashMap::new();
            for (identity, key) in self.list_identities() {
                entries.entry(key.to_ascii_lowercase()).or_insert(*identity);
            }
            entries
        });
        entries.get(&name.to_ascii_lowercase()).copied()
    }

    /// Returns true if only a forge knows who else is in one of these teams.
    pub(crate) fn has_untold_members(&self, teams: &[String]) -> bool {
        teams.iter().any(|team| self.people.has_untold_members(team))
    }

    /// Returns those of `people` who count for a question about approvals: all, or only those who are trained.
    pub(crate) fn keep_trained(
        &self,
        people: PeopleSet<'people>,
        asked: &ApprovalsPredicate,
    ) -> PeopleSet<'people> {
        if !asked.requires_training() {
            return people;
        }
        Rc::new(people.iter().copied().filter(|key| self.people.is_trained_then(key)).collect())
    }

    /// Returns the people in these teams; `None` where there are too many to look up.
    pub(crate) fn list_members(&self, teams: &[String]) -> Option<PeopleSet<'people>> {
        if let Some(known) = self.members.borrow().get(teams) {
            return Some(known.clone());
        }
        let rostered = self.list_rostered();
        let mut members = BTreeSet::new();
        for team in teams {
            let mut count = self.people.count_members(team);
            if rostered.is_none() {
                count = count.saturating_mul(self.people.bot_patterns().len() + 1);
            }
            if !self.budget.spend_steps(count.saturating_mul(MEMBER_COST)) {
                return None;
            }
            members.extend(self.people.list_team_humans(team, rostered.as_deref()));
        }
        let members = Rc::new(members);
        self.members.borrow_mut().insert(teams.to_vec(), members.clone());
        Some(members)
    }
}
