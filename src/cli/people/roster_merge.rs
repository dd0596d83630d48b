//! Bringing a roster up to date by a list of people: who joined, who left, and what else is new. Nobody is taken out.

use std::collections::{BTreeSet, HashMap};

use jiff::civil::Date;

use crate::cli::people::roster_csv::ListedPerson;
use crate::cli::people::roster_entries::{RosterEntry, RosterText};
use crate::people::account_numbers::split_account_number;
use crate::people::normalise_identity;
use crate::yaml::shorten_for_message;

/// What a list of people changes of a roster.
#[derive(Clone, Debug, Default)]
pub(super) struct RosterChanges {
    /// Sentences, in the order of the list.
    pub(super) lines: Vec<String>,
    /// Which entries the list has, by their places.
    seen: BTreeSet<usize>,
    /// Those whose last day the list itself says.
    dated: BTreeSet<usize>,
    /// The places of the entries, by their keys, and by their addresses, accounts and numbers of accounts.
    by_key: HashMap<String, usize>,
    by_identity: HashMap<String, usize>,
}

impl RosterChanges {
    /// Prepares to change a roster.
    pub(super) fn of_roster(roster: &RosterText) -> RosterChanges {
        let mut changes = RosterChanges::default();
        for (place, entry) in roster.entries.iter().enumerate() {
            changes.index_entry(place, entry);
        }
        changes
    }

    fn index_entry(&mut self, place: usize, entry: &RosterEntry) {
        self.by_key.insert(entry.key.clone(), place);
        for written in entry.addresses.iter().chain(&entry.accounts) {
            for id in list_ids(written) {
                self.by_identity.insert(id, place);
            }
        }
    }

    /// Returns the places of the entries that a row is about: the one of its key, or those that have one of its addresses
    /// or accounts.
    fn find_entries(&self, listed: &ListedPerson) -> Vec<usize> {
        if let Some(key) = &listed.key {
            return self.by_key.get(key).copied().into_iter().collect();
        }
        let written = listed.addresses.iter().chain(&listed.accounts);
        let places: BTreeSet<usize> = written
            .flat_map(|written| list_ids(written))
            .filter_map(|id| self.by_identity.get(&id).copied())
            .collect();
        places.into_iter().collect()
    }

    /// Brings a roster up to date by one row of a list. What the row does not say stays as it is written.
    ///
    /// # Errors
    ///
    /// Returns why the row cannot be read as one person.
    pub(super) fn apply_row(&mut self, roster: &mut RosterText, listed: &ListedPerson) -> Result<(), String> {
        let places = self.find_entries(listed);
        let line = listed.line;
        match places.as_slice() {
            [] => {
                let entry = build_entry(roster, listed)?;
                self.lines.push(format!("joins: {}", describe_entry(&entry)));
                let place = roster.entries.len();
                self.note_row(place, listed);
                self.index_entry(place, &entry);
                roster.entries.push(entry);
            }
            [place] => {
                let Some(entry) = roster.entries.get_mut(*place) else { return Ok(()) };
                let before = entry.clone();
                update_entry(entry, listed);
                self.describe_update(&before, entry);
                let after = entry.clone();
                self.index_entry(*place, &after);
                self.note_row(*place, listed);
            }
            [one, other, ..] => {
                let [one, other] = [one, other].map(|place| {
                    roster.entries.get(*place).map_or(String::new(), |entry| shorten_for_message(&entry.key))
                });
                return Err(format!("line {line}: this row is both `{one}` and `{other}`"));
            }
        }
        Ok(())
    }

    fn note_row(&mut self, place: usize, listed: &ListedPerson) {
        self.seen.insert(place);
        if listed.left.is_some() {
            self.dated.insert(place);
        }
    }

    /// Gives everybody who is asked about, and whom the list does not have, `day` as their last day, unless they
    /// have an earlier one.
    pub(super) fn mark_leavers(
        &mut self,
        roster: &mut RosterText,
        day: Date,
        is_asked: impl Fn(&RosterEntry) -> bool,
    ) {
        for (place, entry) in roster.entries.iter_mut().enumerate() {
            if self.seen.contains(&place) || entry.kind.is_machine() || !is_asked(entry) {
                continue;
            }
            let has_begun = entry.days.from.is_none_or(|from| from <= day);
            // Who is not in the list any more does not stay until a later day that was planned.
            if entry.days.until.is_none_or(|until| day < until) && has_begun {
                entry.days.until = Some(day);
                self.lines.push(format!("leaves: {}, last day {day}", describe_entry(entry)));
            }
        }
    }

    /// Tells of people whom the list has as if they were there, and who have left by the roster.
    pub(super) fn tell_returned(&mut self, roster: &RosterText, day: Date) {
        for place in self.seen.difference(&self.dated) {
            let Some(entry) = roster.entries.get(*place) else { continue };
            if entry.days.until.is_some_and(|until| until < day) {
                let what = "left by the roster, and is in the list; if they are back, take `left` out";
                self.lines.push(format!("check: {} {what}", describe_entry(entry)));
            }
        }
    }

    fn describe_update(&mut self, before: &RosterEntry, after: &RosterEntry) {
        if before == after {
            return;
        }
        if before.days.until != after.days.until
            && let Some(day) = after.days.until
        {
            self.lines.push(format!("leaves: {}, last day {day}", describe_entry(after)));
        }
        let parts = [
            ("name", before.name != after.name),
            ("kind", before.kind != after.kind),
            ("addresses", before.addresses != after.addresses),
            ("accounts", before.accounts != after.accounts),
            ("joined", before.days.from != after.days.from),
            ("trained-until", before.trained_until != after.trained_until),
            ("teams", before.teams != after.teams),
            ("delegate", before.delegations != after.delegations),
            ("keys", before.signing_keys != after.signing_keys),
        ];
        let changed: Vec<&str> =
            parts.iter().filter(|(_, is_changed)| *is_changed).map(|(part, _)| *part).collect();
        if !changed.is_empty() {
            self.lines.push(format!("changes: {}: {}", describe_entry(after), changed.join(", ")));
        }
    }
}

fn describe_entry(entry: &RosterEntry) -> String {
    match &entry.name {
        Some(name) => format!("{} ({})", shorten_for_message(&entry.key), shorten_for_message(name)),
        None => shorten_for_message(&entry.key),
    }
}

/// Returns what an address or an account is found by: its usual form, and the number of the account.
fn list_ids(written: &str) -> Vec<String> {
    let mut ids: Vec<String> = normalise_identity(written).into_iter().collect();
    if let (login, Some(number)) = split_account_number(written) {
        let forge = login.split(':').next().unwrap_or_default().to_ascii_lowercase();
        ids.push(format!("{forge}#{number}"));
    }
    ids
}

/// Returns true for one address, one account, or one number of an account under two logins.
fn is_same(one: &str, other: &str) -> bool {
    let [number, other_number] = [one, other].map(|written| split_account_number(written).1);
    match (number, other_number) {
        (Some(number), Some(other_number)) => {
            let forge = |written: &str| written.split(':').next().map(str::to_ascii_lowercase);
            number == other_number && forge(one) == forge(other)
        }
        _ => {
            let id = normalise_identity(one);
            id.is_some() && id == normalise_identity(other)
        }
    }
}

fn build_entry(roster: &RosterText, listed: &ListedPerson) -> Result<RosterEntry, String> {
    let mut entry = RosterEntry::default();
    update_entry(&mut entry, listed);
    let Some(first) = entry.addresses.first() else {
        return Err(format!("line {}: somebody who is new needs an address", listed.line));
    };
    let wanted = match (&listed.key, &entry.name) {
        (Some(key), _) => {
            entry.key.clone_from(key);
            return Ok(entry);
        }
        (None, Some(name)) => name,
        (None, None) => match entry.accounts.first().map(|account| split_account_number(account).0) {
            Some(login) => login.rsplit(':').next().unwrap_or(login),
            None => first.split('@').next().unwrap_or(first),
        },
    };
    entry.key = roster.choose_key(wanted);
    Ok(entry)
}

/// Sets what a row says. With a key it says all addresses and accounts, without one it adds some.
fn update_entry(entry: &mut RosterEntry, listed: &ListedPerson) {
    if let Some(name) = &listed.name
        && (listed.key.is_some() || entry.name.is_none())
    {
        entry.name = Some(name.clone());
    }
    for (own, given) in [(&mut entry.addresses, &listed.addresses), (&mut entry.accounts, &listed.accounts)] {
        if listed.key.is_some() && !given.is_empty() {
            own.clone_from(given);
            continue;
        }
        for written in given {
            match own.iter_mut().find(|known| is_same(known, written)) {
                // The login of a number is the one that the list has.
                Some(known) if split_account_number(written).1.is_some() => known.clone_from(written),
                Some(_) => {}
                None => own.push(written.clone()),
            }
        }
    }
    entry.kind = listed.kind.unwrap_or(entry.kind);
    entry.days.from = listed.joined.or(entry.days.from);
    entry.days.until = listed.left.or(entry.days.until);
    entry.trained_until = listed.trained_until.or(entry.trained_until);
    if let Some(teams) = &listed.teams {
        entry.teams.clone_from(teams);
    }
    if let Some(delegations) = &listed.delegations {
        entry.delegations.clone_from(delegations);
    }
    if !listed.signing_keys.is_empty() {
        entry.signing_keys.clone_from(&listed.signing_keys);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(line: u64, addresses: &[&str], accounts: &[&str]) -> ListedPerson {
        let own = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        ListedPerson { line, addresses: own(addresses), accounts: own(accounts), ..ListedPerson::default() }
    }

    fn roster() -> RosterText {
        let text = "# Who is whom.\npeople:\n  ana: { name: Ana, addresses: [ana@example.com], accounts: ['github:ana#7'], trained-until: 2027-01-31 }\n  ben: { addresses: [ben@example.com], accounts: ['github:ben#8'] }\n  ci: { kind: bot, addresses: [ci@example.com], accounts: ['github:ci#9'] }\n";
        RosterText::read_roster(text.as_bytes()).unwrap()
    }

    #[test]
    fn who_is_gone_gets_a_last_day_and_nobody_is_taken_out() {
        let mut roster = roster();
        let before = roster.clone();
        let mut changes = RosterChanges::of_roster(&roster);
        // The account of Ana has another login by now, and its number stays.
        changes
            .apply_row(&mut roster, &row(1, &["7+ana-fox@users.noreply.github.com"], &["github:ana-fox#7"]))
            .unwrap();
        changes
            .apply_row(&mut roster, &row(2, &["10+cy@users.noreply.github.com"], &["github:cy#10"]))
            .unwrap();
        changes.mark_leavers(&mut roster, "2026-11-30".parse().unwrap(), |_| true);
        assert_eq!(
            changes.lines,
            ["changes: ana (Ana): addresses, accounts", "joins: cy", "leaves: ben, last day 2026-11-30"]
        );
        let [ana, ben, ci, cy] = roster.entries.as_slice() else { panic!() };
        assert_eq!(ana.accounts, ["github:ana-fox#7"]);
        assert_eq!(ana.trained_until, before.entries[0].trained_until);
        assert_eq!(ben.days.until.unwrap().to_string(), "2026-11-30");
        assert_eq!(*ci, before.entries[2], "a machine is in no list of people");
        assert_eq!(cy.accounts, ["github:cy#10"]);
        assert!(roster.render_roster().starts_with("# Who is whom.\npeople:\n  ana:\n"));
        // The same list again changes nothing.
        let mut again = RosterChanges::of_roster(&roster);
        again
            .apply_row(&mut roster, &row(1, &["7+ana-fox@users.noreply.github.com"], &["github:ana-fox#7"]))
            .unwrap();
        again
            .apply_row(&mut roster, &row(2, &["10+cy@users.noreply.github.com"], &["github:cy#10"]))
            .unwrap();
        again.mark_leavers(&mut roster, "2026-12-30".parse().unwrap(), |_| true);
        assert_eq!(again.lines, [""; 0]);
    }

    #[test]
    fn a_row_that_is_two_people_is_refused() {
        let mut roster = roster();
        let mut changes = RosterChanges::of_roster(&roster);
        let refused = changes.apply_row(&mut roster, &row(4, &["ANA@example.com"], &["github:x#8"]));
        assert_eq!(refused, Err("line 4: this row is both `ana` and `ben`".to_owned()));
        let nameless = changes.apply_row(&mut roster, &row(5, &[], &["github:z#11"]));
        assert_eq!(nameless, Err("line 5: somebody who is new needs an address".to_owned()));
    }
}
