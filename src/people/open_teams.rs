//! Teams that a base leaves without a member for the policies that extend it.

use std::sync::Arc;

use crate::people::PeopleDirectory;
use crate::people::roster_people::RosterPeople;

/// How many made-up people a team gets that is left for others to fill: more than a rule asks for.
const MADE_UP_MEMBERS: usize = 24;

impl PeopleDirectory {
    /// Gives each team without a member some made-up people, so that what is asked of the team can be looked at where it
    /// is left for others to fill.
    pub(crate) fn fill_open_teams(&mut self) {
        let mut maps = self.is_roster_read.then(|| self.rostered.read_maps().clone());
        for (number, team) in self.teams.values_mut().enumerate() {
            if !team.written.is_empty() {
                continue;
            }
            for member in 0..MADE_UP_MEMBERS {
                let address = format!("open-team-{number}-{member}@example.invalid");
                if let Some(maps) = &mut maps {
                    maps.keys_by_identity.insert(address.clone(), address.as_str().into());
                }
                team.written.push(address);
            }
        }
        if let Some(maps) = maps {
            self.rostered = Arc::new(RosterPeople::from_maps(maps));
        }
        self.resolve_teams();
    }
}
