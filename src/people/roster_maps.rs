//! What a roster says of people, as it is read.

use std::collections::HashMap;
use std::sync::Arc;

use crate::pattern::NamePattern;
use crate::people::account_numbers::AccountNumbers;
use crate::people::service::ServiceRecords;

/// What a roster says, in maps. It is the same under every policy.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct RosterMaps {
    /// The keys of people by their addresses and accounts, in the form in which they are compared.
    pub(crate) keys_by_identity: HashMap<String, Arc<str>>,
    /// The numbers of the accounts that are listed with one.
    pub(crate) numbers: AccountNumbers,
    /// The names that the roster gives, by the keys of people.
    pub(crate) names_by_key: HashMap<Arc<str>, String>,
    /// What the roster says of people with dates.
    pub(crate) service: ServiceRecords,
    /// The exact names of machines, which are under `bots` as well.
    pub(crate) machine_names: Vec<NamePattern>,
}
