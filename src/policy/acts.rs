//! Who may say something about a change after it has landed, without a commit on its branch.
//!
//! An act changes nothing in the repository and grants nothing: it records what became of a change, that it
//! was verified or deployed, or a file about it. So the policy names who may record that.

use crate::change::Text;
use crate::people::ResolvedIdentity;
use crate::predicates::PolicyScope;
use crate::predicates::support::byte_limit::ByteLimit;
use crate::predicates::support::parameters::read_teams;
use crate::yaml::decode::{MapReader, parse_each, parse_one};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

/// How many bytes an attached file can have where the policy sets no limit.
const DEFAULT_ATTACHMENT_BYTES: u64 = 5_000_000;

/// The most bytes that a policy can allow for an attached file: every clone of the acts carries it.
const MAX_ATTACHMENT_BYTES: u64 = 100_000_000;

/// Who may record which act.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActsPolicy {
    /// Who may report what became of a change.
    pub outcome: ActPermission,
    /// Who may say that a change was verified.
    pub verified: ActPermission,
    /// Who may attach a file to a change.
    pub attach: ActPermission,
    /// Who may record a deployment.
    pub deployed: ActPermission,
    /// The most bytes of an attached file.
    pub max_attachment_bytes: u64,
}

/// Who may record one kind of act; nobody if both lists are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActPermission {
    /// The teams, by name; the members of any of them may.
    pub teams: Vec<String>,
    /// The accounts of bots that may.
    pub bots: Vec<String>,
}

impl ActPermission {
    /// Returns true if nobody may.
    pub fn is_empty(&self) -> bool {
        self.teams.is_empty() && self.bots.is_empty()
    }
}

impl ActsPolicy {
    /// Reads the `acts` of a policy.
    pub(crate) fn read_acts(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let mut map = MapReader::new(node, faults)?;
        let mut acts = ActsPolicy { max_attachment_bytes: DEFAULT_ATTACHMENT_BYTES, ..ActsPolicy::default() };
        if let Some(node) = map.find_key("attach")
            && let Some(mut inner) = MapReader::new(node, faults)
        {
            if let Some(node) = inner.find_key("largest")
                && let Some(limit) = parse_one(node, faults, parse_attachment_limit)
            {
                acts.max_attachment_bytes = limit;
            }
            acts.attach = read_permission(node, inner, scope, faults);
        }
        if let Some(node) = map.find_key("outcome")
            && let Some(mut inner) = MapReader::new(node, faults)
        {
            if let Some(from) = inner.require_key("from", faults) {
                acts.outcome.teams = read_teams(from, scope, faults);
            }
            inner.refuse_unknown_keys(faults);
        }
        if let Some(node) = map.find_key("verified")
            && let Some(inner) = MapReader::new(node, faults)
        {
            acts.verified = read_permission(node, inner, scope, faults);
        }
        if let Some(node) = map.find_key("deployed")
            && let Some(inner) = MapReader::new(node, faults)
        {
            acts.deployed = read_permission(node, inner, scope, faults);
        }
        map.refuse_unknown_keys(faults);
        Some(acts)
    }

    /// Leaves only what somebody may: a team that a pack leaves for policies to fill gives nothing to anyone.
    pub(crate) fn drop_empty_teams(&mut self, has_members: impl Fn(&[String]) -> bool) {
        for permission in [&mut self.outcome, &mut self.verified, &mut self.attach, &mut self.deployed] {
            if !has_members(&permission.teams) {
                permission.teams.clear();
            }
        }
    }
}

fn parse_attachment_limit(written: &str) -> Result<u64, String> {
    let limit = ByteLimit::new(written)?.bytes;
    if limit == 0 || limit > MAX_ATTACHMENT_BYTES {
        return Err("an attached file has between 1 byte and 100MB".into());
    }
    Ok(limit)
}

/// Reads the teams, and the bots that the policy lists by their whole names. A pattern of bots gives no
/// rights, since anyone can choose a name that it matches.
fn read_permission(
    node: &YamlNode,
    mut map: MapReader<'_>,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> ActPermission {
    let before = faults.len();
    let mut permission = ActPermission::default();
    if let Some(bots) = map.find_key("bots") {
        permission.bots =
            parse_each(bots, faults, |name| match scope.people.identify_account(&Text::from(name)) {
                ResolvedIdentity::Bot => Ok(name.to_owned()),
                _ => Err(format!(
                    "`{}` is no bot of this policy; add the account to `bots` below `people`",
                    shorten_for_message(name)
                )),
            });
    }
    if let Some(from) = map.find_key("from") {
        permission.teams = read_teams(from, scope, faults);
    }
    map.refuse_unknown_keys(faults);
    if before == faults.len() && permission.is_empty() {
        faults.push(YamlFault::new(node.at, "expected one of bots, from"));
    }
    permission
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::people::PeopleDirectory;
    use crate::vocabulary::FieldVocabulary;
    use crate::yaml;

    fn read(written: &str) -> (Option<ActsPolicy>, Vec<String>) {
        let mut faults = Vec::new();
        let people =
            yaml::read_document(b"{ teams: { duty: [kim@example.com] }, bots: [monitor, 'deploy-*'] }")
                .unwrap();
        let people = PeopleDirectory::read_people(&people, &mut faults);
        let scope = PolicyScope {
            vocabulary: &FieldVocabulary::default(),
            people: &people,
            catalogue: &Arc::default(),
            allows_obligations: false,
        };
        let node = yaml::read_document(written.as_bytes()).unwrap();
        let found = ActsPolicy::read_acts(&node, &scope, &mut faults);
        (found, faults.into_iter().map(|fault| fault.what).collect())
    }

    #[test]
    fn what_is_not_named_nobody_may() {
        let (acts, faults) = read("outcome: { from: [duty] }");
        assert_eq!(faults, Vec::<String>::new());
        let acts = acts.unwrap();
        assert_eq!(acts.outcome.teams, ["duty"]);
        assert!(acts.verified.is_empty() && acts.attach.is_empty() && acts.deployed.is_empty());
        assert_eq!(acts.max_attachment_bytes, 5_000_000);
        let (acts, _) = read("{ attach: { from: [duty], largest: 1KB }, verified: { bots: [monitor] } }");
        let acts = acts.unwrap();
        assert_eq!((acts.max_attachment_bytes, acts.verified.bots), (1_000, vec!["monitor".to_owned()]));
    }

    #[test]
    fn what_cannot_be_meant_is_a_fault() {
        for (written, wanted) in [
            ("outcome: {}", "`from` is missing here"),
            ("outcome: { from: [dooty] }", "unknown team `dooty`"),
            ("outcome: { from: [duty], bots: [monitor] }", "unknown key `bots`"),
            ("verified: {}", "expected one of bots, from"),
            ("verified: { bots: [ana] }", "`ana` is no bot"),
            // A pattern that anyone can match gives no right.
            ("verified: { bots: [deploy-1] }", "`deploy-1` is no bot"),
            ("attach: { from: [duty], largest: 1GB }", "between 1 byte and 100MB"),
            ("attach: { from: [duty], largest: 0B }", "between 1 byte and 100MB"),
            ("attach: { from: [duty], largest: 5 }", "expected a size"),
            ("deployed: {}", "expected one of bots, from"),
            ("approve: { from: [duty] }", "unknown key `approve`"),
        ] {
            let faults = read(written).1;
            assert!(faults.iter().any(|fault| fault.contains(wanted)), "{written}: {faults:?}");
        }
    }
}
