//! The contributors to a change, grouped by who may be one person: for approvals that contributors give each other.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::change::Text;
use crate::change::person::comparable_name;
use crate::people::ResolvedIdentity;
use crate::people::contributors::{ResolvedContributor, local_part};

/// The start of a key that is made of an account of GitHub.
const GITHUB_START: &str = "github:";

/// What two contributors have in common who may be one person.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum ContributorTrait {
    Key(String),
    /// A name in the form in which names are compared.
    Name(String),
    /// A bare account, or the login that an address of the same person begins with.
    Account(String),
    /// The number of an account, which stays when the login is another one.
    Number(u64),
}

/// Contributors who are people, in groups. Two of one group may be one person; two of different groups are not.
pub(crate) struct ContributorGroups<'people> {
    group_by_trait: HashMap<ContributorTrait, usize>,
    /// A name for each group, by its number.
    names: BTreeMap<usize, &'people Text>,
}

impl<'people> ContributorGroups<'people> {
    /// Groups the contributors to a change. Machines are in no group, and neither is a contributor who cannot be
    /// identified, next to whom nobody approves. Where a roster says who is whom (`has_roster`), two of its people may have
    /// one name.
    pub(crate) fn new(participants: &'people [ResolvedContributor], has_roster: bool) -> Self {
        let bare: HashSet<&str> = participants.iter().filter_map(|one| one.account.as_deref()).collect();
        let mut parents: Vec<usize> = (0..participants.len()).collect();
        let mut first: HashMap<ContributorTrait, usize> = HashMap::new();
        for (place, participant) in participants.iter().enumerate() {
            for one in list_traits(participant, &bare) {
                if has_roster && matches!(one, ContributorTrait::Name(_)) {
                    continue;
                }
                let known = *first.entry(one).or_insert(place);
                join_groups(&mut parents, known, place);
            }
        }
        let mut names = BTreeMap::new();
        for (place, participant) in participants.iter().enumerate() {
            if matches!(participant.identity, ResolvedIdentity::Human(_)) {
                names.entry(find_root(&parents, place)).or_insert(&participant.name);
            }
        }
        let group_by_trait =
            first.into_iter().map(|(one, place)| (one, find_root(&parents, place))).collect();
        ContributorGroups { group_by_trait, names }
    }

    /// Returns the groups in which an approver may be: by their key, their name, which is empty for an account, their
    /// login, and the number of their account.
    pub(crate) fn find_groups(
        &self,
        key: &str,
        name: &str,
        login: &str,
        number: Option<u64>,
    ) -> BTreeSet<usize> {
        let mut traits =
            vec![ContributorTrait::Key(key.to_owned()), ContributorTrait::Account(login.to_owned())];
        if !name.is_empty() {
            traits.push(ContributorTrait::Name(name.to_owned()));
        }
        traits.extend(login.split_once(':').map(|(_, bare)| ContributorTrait::Account(bare.to_owned())));
        traits.extend(number.map(ContributorTrait::Number));
        traits.iter().filter_map(|one| self.group_by_trait.get(one).copied()).collect()
    }

    /// Returns the number of each group with the name of one of its contributors.
    pub(crate) fn list_groups(&self) -> impl Iterator<Item = (usize, &'people Text)> {
        self.names.iter().map(|(group, name)| (*group, *name))
    }
}

fn list_traits(participant: &ResolvedContributor, bare: &HashSet<&str>) -> Vec<ContributorTrait> {
    let ResolvedIdentity::Human(key) = &participant.identity else { return Vec::new() };
    let mut traits = vec![ContributorTrait::Key(key.clone())];
    let name = comparable_name(&participant.name);
    if !name.is_empty() {
        traits.push(ContributorTrait::Name(name));
    }
    traits.extend(participant.account.clone().map(ContributorTrait::Account));
    traits.extend(participant.number.map(ContributorTrait::Number));
    // A bare account may be that of each address that begins with it.
    let login = local_part(key);
    let login = login.strip_prefix(GITHUB_START).unwrap_or(login);
    if bare.contains(login) {
        traits.push(ContributorTrait::Account(login.to_owned()));
    }
    traits
}

fn join_groups(parents: &mut [usize], one: usize, other: usize) {
    let (one, other) = (find_root(parents, one), find_root(parents, other));
    // The smaller number stays, so that paths are short: contributors come in their order.
    if let Some(parent) = parents.get_mut(one.max(other)) {
        *parent = one.min(other);
    }
}

fn find_root(parents: &[usize], mut place: usize) -> usize {
    while let Some(parent) = parents.get(place).copied().filter(|parent| *parent != place) {
        place = parent;
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people::contributors::ROLE_AUTHOR;

    fn maker(key: &str, name: &str, account: Option<&str>, number: Option<u64>) -> ResolvedContributor {
        ResolvedContributor {
            identity: ResolvedIdentity::Human(key.into()),
            name: name.into(),
            address: None,
            role: &ROLE_AUTHOR,
            account: account.map(str::to_owned),
            number,
            absence: None,
        }
    }

    #[test]
    fn whoever_may_be_one_person_is_in_one_group() {
        let made = [
            maker("ana", "Ana", None, None),
            maker("ben@example.com", "Ben", None, None),
            // The second address of Ana, by her name, and her account under another login.
            maker("a@home.example", "ana", None, Some(7)),
            maker("github:ana-fox", "ana-fox", None, Some(7)),
            maker("cy@example.com", "Cy", None, None),
            maker("ben", "", Some("ben"), None),
        ];
        let groups = ContributorGroups::new(&made, false);
        assert_eq!(
            groups.list_groups().map(|(_, name)| name.to_lossy()).collect::<Vec<_>>(),
            ["Ana", "Ben", "Cy"]
        );
        let of =
            |key: &str, name: &str, login: &str, number| groups.find_groups(key, name, login, number).len();
        let ana = groups.find_groups("ana", "", "", None);
        assert_eq!(groups.find_groups("github:other", "", "github:other", Some(7)), ana);
        assert_eq!(groups.find_groups("x@example.com", "ana", "x", None), ana);
        assert_eq!(groups.find_groups("github:ben", "", "github:ben", None).len(), 1, "the bare account");
        assert_eq!(of("dan@example.com", "dan", "dan", Some(9)), 0);
        assert_eq!(of("cy@example.com", "ana", "cy", None), 2, "who may be two people is in both groups");
    }

    #[test]
    fn a_machine_is_in_no_group() {
        let mut machine = maker("x", "Helper", None, None);
        machine.identity = ResolvedIdentity::Bot;
        assert_eq!(ContributorGroups::new(&[machine], false).list_groups().count(), 0);
    }
}
