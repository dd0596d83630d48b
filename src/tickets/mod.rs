//! Ticket systems: GitHub's issues, Jira, Linear, and a file for everything else.
//!
//! One question is asked of all of them: what do you say of these keys? A key is read before anything
//! is sent, so that no text of a contributor becomes part of an address. A token goes to the one
//! address that it was given for, and nowhere else: no redirect is followed. One deadline holds for
//! all that is asked at once, and what a system does not answer is a fact that is missing.
//!
//! No hook comes here: opening a connection is for those who have time for it.

mod csv;
mod door;
mod export;
mod github;
mod jira;
mod json;
mod linear;
mod naming;
mod neighbours;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::change::ticket::Key;
use crate::change::{Fact, LookedUp, Missing, Need, Text, Ticket};
use crate::policy::{System, TicketSystems};
use door::Door;

pub use export::{COLUMNS, Export};

/// How many tickets one change may name.
const MOST: usize = 50;

/// How long all systems together have to answer, unless somebody says otherwise.
const DEADLINE: Duration = Duration::from_secs(20);

/// What whoever runs the gate brings: tokens, the address that each is for, a file.
#[derive(Clone, Debug)]
pub struct Access {
    /// Where Jira is, and who asks it.
    pub jira: Option<JiraAccess>,
    /// A key for Linear.
    pub linear: Option<Secret>,
    /// Where Linear is.
    pub linear_url: String,
    /// A token for GitHub; public repositories can be read without.
    pub github: Option<Secret>,
    /// Where GitHub's API is.
    pub github_url: String,
    /// The repository that is judged, as in `acme/shop`.
    pub repository: Option<String>,
    /// The export of a ticket system, or why it cannot be read.
    pub export: Option<Result<Export, String>>,
    /// How long all systems together have to answer.
    pub deadline: Duration,
}

/// Who asks Jira.
#[derive(Clone, Debug)]
pub struct JiraAccess {
    /// The one address that the token is for.
    pub url: String,
    /// The account's address; Jira Data Center takes a token alone.
    pub email: Option<String>,
    /// The token.
    pub token: Secret,
}

/// A token, which is never shown.
#[derive(Clone)]
pub struct Secret(String);

/// Where tickets are looked up, and what was found so far: each ticket is asked for once.
#[derive(Debug)]
pub struct Sources {
    systems: TicketSystems,
    access: Access,
    found: BTreeMap<Text, Fact<Option<Ticket>>>,
    /// How long all that is still to be asked may take together; `None` if nobody has said.
    left: Option<Duration>,
}

impl Default for Access {
    fn default() -> Self {
        Access {
            jira: None,
            linear: None,
            linear_url: "https://api.linear.app/graphql".into(),
            github: None,
            github_url: "https://api.github.com".into(),
            repository: None,
            export: None,
            deadline: DEADLINE,
        }
    }
}

impl Secret {
    /// Returns the token that was given.
    ///
    /// # Errors
    ///
    /// Refuses what no header can carry; the reason does not repeat it.
    pub fn new(token: &str) -> Result<Self, String> {
        let token = token.trim();
        match !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            true => Ok(Secret(token.to_owned())),
            false => Err("is empty, or holds characters that no token has".into()),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl Sources {
    /// Returns the systems of a policy, with what it takes to ask them.
    pub fn new(systems: TicketSystems, access: Access) -> Self {
        Sources { systems, access, found: BTreeMap::new(), left: None }
    }

    /// Gives all that will ever be asked so much time together.
    #[must_use]
    pub fn within(self, all: Duration) -> Self {
        Sources { left: Some(all), ..self }
    }

    /// Opens a door for what is asked at once.
    fn open(&self) -> Door {
        Door::new(self.left.map_or(self.access.deadline, |left| left.min(self.access.deadline)))
    }

    fn close(&mut self, door: &Door) {
        self.left = self.left.map(|left| left.saturating_sub(door.spent()));
    }

    /// Returns what the systems say of these keys, in this order.
    pub fn look_up(&mut self, keys: &[Text]) -> Vec<LookedUp> {
        let door = self.open();
        let mut looked_up: Vec<LookedUp> = Vec::with_capacity(keys.len());
        for key in keys {
            if looked_up.iter().any(|known| known.key == *key) {
                continue;
            }
            let found = match self.found.get(key) {
                Some(found) => found.clone(),
                None if MOST <= looked_up.len() => {
                    Err(unavailable(format!("more than {MOST} tickets are named")))
                }
                None => {
                    let found = self.find(key, &door);
                    self.found.insert(key.clone(), found.clone());
                    found
                }
            };
            looked_up.push(LookedUp { key: key.clone(), found });
        }
        self.close(&door);
        looked_up
    }

    fn find(&self, written: &Text, door: &Door) -> Fact<Option<Ticket>> {
        let key = Key::read(written)
            .ok_or_else(|| unavailable("this is not the key of a ticket, such as PAY-412 or #12".into()))?;
        let system = self.systems.find(&key).ok_or_else(|| {
            unavailable(format!("the policy's `tickets` name no system for `{}`", key.prefix))
        })?;
        let access = &self.access;
        match system {
            System::GitHub { repository } => {
                let here = repository.as_deref().or(access.repository.as_deref());
                let here =
                    here.ok_or_else(|| unavailable("nobody says of which repository on GitHub".into()))?;
                github::find(door, access, here, &key)
            }
            System::Jira(url) => jira::find(door, self.jira(url)?, jira::Kind::Cloud, &key),
            System::JiraDataCenter(url) => jira::find(door, self.jira(url)?, jira::Kind::DataCenter, &key),
            System::Linear => match &access.linear {
                Some(token) => linear::find(door, &access.linear_url, token, &key),
                None => Err(linear::NO_TOKEN.into()),
            },
            System::Export => match &access.export {
                Some(Ok(export)) => export.find(&key),
                Some(Err(why)) => Err(why.clone()),
                None => Err(export::NONE.into()),
            },
        }
        .map_err(unavailable)
    }

    /// Returns who asks the Jira at `url`: nobody, unless the token was given for just this address.
    fn jira(&self, url: &str) -> Fact<&JiraAccess> {
        match &self.access.jira {
            None => Err(unavailable("no token for Jira is set (JIRA_URL, JIRA_TOKEN)".into())),
            Some(access) if access.url == url => Ok(access),
            Some(access) => {
                let why = format!("the token for Jira is for {}, and the policy names {url}", access.url);
                Err(unavailable(why))
            }
        }
    }
}

fn unavailable(why: String) -> Missing {
    Missing::Unavailable(Need::Tickets, why)
}
