//! Teams that a base leaves without a member for the policies that extend it.

use crate::people::PeopleDirectory;

/// How many made-up people a team gets that is left for others to fill: more than a rule asks for.
const MADE_UP_MEMBERS: usize = 24;

impl PeopleDirectory {
    /// Gives each team without a member some made-up people, so that what is asked of the team can be looked at where it
    /// is left for others to fill.
    pub(crate) fn fill_open_teams(&mut self) {
        for (number, team) in self.teams.values_mut().enumerate() {
            if !team.written.is_empty() {
                continue;
            }
            for member in 0..MADE_UP_MEMBERS {
                let address = format!("open-team-{number}-{member}@example.invalid");
                if self.is_roster_read {
                    self.keys_by_identity.insert(address.clone(), address.as_str().into());
                }
                team.written.push(address);
            }
        }
        self.resolve_teams();
    }
}
