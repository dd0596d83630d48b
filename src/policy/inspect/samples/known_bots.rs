//! Which bots can push: those whose accounts a policy or its roster names.
//!
//! The packs list bots by the form of their names, so that what these write counts for less. That such a bot may exist
//! is no reason to think that one pushes to this repository.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use crate::change::Text;
use crate::pattern::NamePattern;
use crate::people::ResolvedIdentity;
use crate::policy::definition::Policy;
use crate::policy::packs::POLICY_PACKS;
use crate::yaml::{YamlNode, YamlValue, read_stored_tree};

/// Which bots are taken for pushers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PushingBots {
    /// Any that a pattern of the policy matches.
    Any,
    /// Those whose accounts the policy, its roster or a question names.
    Named,
}

/// The names and patterns of bots that the packs list.
static PACK_BOTS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let mut names = BTreeSet::new();
    for pack in POLICY_PACKS {
        let Some(tree) = read_stored_tree(pack.stored_tree) else { continue };
        let bots = find_entry(&tree, "people").and_then(|people| find_entry(people, "bots"));
        let Some(YamlValue::List(bots)) = bots.map(|bots| &bots.value) else { continue };
        for bot in bots {
            if let YamlValue::Scalar { text, .. } = &bot.value {
                names.insert(text.clone());
            }
        }
    }
    names
});

fn find_entry<'tree>(node: &'tree YamlNode, key: &str) -> Option<&'tree YamlNode> {
    let YamlValue::Map(entries) = &node.value else { return None };
    entries.iter().find(|(name, _)| name.text == key).map(|(_, value)| value)
}

/// Returns true if a pattern of bots names one account that a policy of this repository listed.
pub(crate) fn names_pushing_bot(pattern: &NamePattern) -> bool {
    let name = pattern.to_string();
    let is_address = name.find('@').is_some_and(|at| at > 0);
    pattern.is_exact() && !is_address && !PACK_BOTS.contains(&name)
}

/// Returns true if the policy takes an account for that of a bot.
pub(crate) fn is_bot_account(policy: &Policy, account: &str) -> bool {
    let identity = policy.people.identify_account(&Text::from(account));
    account.ends_with("[bot]") || matches!(identity, ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot)
}
