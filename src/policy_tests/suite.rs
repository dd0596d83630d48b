//! A suite of tests, read for the policy that it tests.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::change::Change;
use crate::fixture::{list_field_names, read_change};
use crate::people::contributors::CO_AUTHOR_TRAILERS;
use crate::people::forge_teams::{ForgeTeamMembers, ForgeTeamName};
use crate::people::normalise_identity;
use crate::policy::Policy;
use crate::policy_tests::expectation::{TestExpectation, read_expectation};
use crate::policy_tests::suite_change::{merge_change, place_change};
use crate::policy_tests::suite_header::SUITE_KEYS;
use crate::yaml::decode::{MapReader, parse_each, read_entries, read_items, read_text, unknown_word_fault};
use crate::yaml::{YamlFault, YamlNode, YamlPlace, YamlValue, find_nearest_word, shorten_for_message};

/// Trailers that git and Linux know, which a policy need not define.
const COMMON_TRAILERS: [&str; 8] =
    ["Signed-off-by", "Reviewed-by", "Acked-by", "Tested-by", "Reported-by", "Fixes", "Cc", "Change-Id"];

/// A name that is no field of a policy and no common trailer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UnknownField {
    /// The name of a field that is near enough for a typing mistake.
    pub(crate) nearest: Option<String>,
}

/// Returns what is known of a name that is no field of `policy` and no common trailer; `None` if it is one.
pub(crate) fn find_unknown_field(name: &str, policy: &Policy) -> Option<UnknownField> {
    if list_known_fields(policy).any(|known| known.eq_ignore_ascii_case(name)) {
        return None;
    }
    Some(UnknownField { nearest: find_nearest_word(name, list_known_fields(policy)).map(str::to_owned) })
}

fn list_known_fields(policy: &Policy) -> impl Iterator<Item = &str> {
    policy.vocabulary.trailer_keys().chain(COMMON_TRAILERS).chain(CO_AUTHOR_TRAILERS)
}

/// The tests of a policy.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTestSuite {
    /// The tests, in the order written; never empty.
    pub tests: Vec<PolicyTest>,
    /// Who is in the teams of a forge that the policy names; one that is left out is not known.
    pub forge_teams: ForgeTeamMembers,
}

impl PolicyTestSuite {
    /// Returns the policy with the members that the suite gives to the teams of a forge.
    pub(crate) fn tell_teams<'policy>(&self, policy: &'policy Policy) -> Cow<'policy, Policy> {
        if self.forge_teams.is_empty() {
            return Cow::Borrowed(policy);
        }
        let mut told = policy.clone();
        told.people.set_forge_teams(self.forge_teams.clone());
        Cow::Owned(told)
    }
}

/// A change, and what the policy is to say about it.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyTest {
    /// Its name; of a case, that of its table and its own.
    pub name: String,
    /// Where it stands.
    pub at: YamlPlace,
    /// The change.
    pub change: Change,
    /// What is expected.
    pub expected: TestExpectation,
}

/// Reads a suite for the policy that it tests.
///
/// `None` if anything is wrong, so that no test is run of a suite that may mean something else; the faults
/// say what. A case is the change of the suite, changed by what its table says, and then by what it says itself.
pub fn read_suite(node: &YamlNode, policy: &Policy, faults: &mut Vec<YamlFault>) -> Option<PolicyTestSuite> {
    let before = faults.len();
    let mut map = MapReader::new(node, faults)?;
    map.allow_keys(&SUITE_KEYS);
    let forge_teams = match map.find_key("forge-teams") {
        Some(node) => read_forge_teams(node, policy, faults),
        None => ForgeTeamMembers::new(),
    };
    let empty = YamlNode { at: node.at, value: YamlValue::Map(Vec::new()) };
    let base = map.find_key("change").unwrap_or(&empty);
    // What every test starts from has to be a map, or the merge would drop it without a word.
    MapReader::new(base, faults)?;
    let tests = map.require_key("tests", faults)?;
    let mut reader = SuiteReader { policy, names: BTreeSet::new(), tests: Vec::new() };
    for item in read_items(tests, faults) {
        reader.read_test(item, base, faults);
    }
    map.refuse_unknown_keys(faults);
    (faults.len() == before).then_some(PolicyTestSuite { tests: reader.tests, forge_teams })
}

/// Reads who is in the teams of a forge: accounts of that forge, by their logins.
fn read_forge_teams(node: &YamlNode, policy: &Policy, faults: &mut Vec<YamlFault>) -> ForgeTeamMembers {
    let mut members = ForgeTeamMembers::new();
    let known = policy.people.list_forge_teams();
    for (key, node) in read_entries(node, faults) {
        let Some(name) = known.iter().find(|name| name.written().eq_ignore_ascii_case(&key.text)) else {
            let words: Vec<String> = known.iter().map(ForgeTeamName::written).collect();
            faults.push(unknown_word_fault("team of a forge", key, words.iter().map(String::as_str)));
            continue;
        };
        let logins = match &node.value {
            YamlValue::List(items) if items.is_empty() => Vec::new(),
            _ => parse_each(node, faults, parse_login),
        };
        members.insert(name.clone(), Ok(logins));
    }
    members
}

fn parse_login(written: &str) -> Result<String, String> {
    let account = match written.starts_with("github:") {
        true => written.to_owned(),
        false => format!("github:{written}"),
    };
    match normalise_identity(&account) {
        Some(_) if !written.contains('@') => Ok(account),
        _ => Err(format!("`{}` is no account, which is written as in `ana`", shorten_for_message(written))),
    }
}

struct SuiteReader<'policy> {
    policy: &'policy Policy,
    names: BTreeSet<String>,
    tests: Vec<PolicyTest>,
}

impl SuiteReader<'_> {
    /// Reads a test, or a table with its cases.
    fn read_test(&mut self, node: &YamlNode, base: &YamlNode, faults: &mut Vec<YamlFault>) {
        let Some(mut map) = MapReader::new(node, faults) else { return };
        let name = map.require_key("name", faults).and_then(|node| read_text(node, faults));
        let change = self.merge_change(base, map.find_key("change"), faults);
        let expected = map.find_key("expect");
        let cases = map.find_key("cases");
        map.refuse_unknown_keys(faults);
        let (Some(name), Some(change)) = (name, change) else { return };
        if !self.names.insert(name.to_owned()) {
            let what = format!("another test is called `{}` too", shorten_for_message(name));
            faults.push(YamlFault::new(node.at, what).with_help("give each test a name of its own"));
        }
        let Some(cases) = cases else {
            let Some(expected) = expected else {
                let fault = YamlFault::new(node.at, "`expect` is missing here");
                faults.push(fault.with_help("add `expect: allowed`, or `expect: { denied-by: [RULE] }`"));
                return;
            };
            self.add_test(name.to_owned(), node.at, &change, expected, faults);
            return;
        };
        for (index, case) in read_items(cases, faults).iter().enumerate() {
            let Some(mut map) = MapReader::new(case, faults) else { continue };
            let own_name = map.find_key("name").and_then(|node| read_text(node, faults));
            let change = self.merge_change(&change, map.find_key("change"), faults);
            let own_expected = map.find_key("expect").or(expected);
            map.refuse_unknown_keys(faults);
            let name = match own_name {
                Some(own_name) => format!("{name}: {own_name}"),
                None => format!("{name}: case {}", index + 1),
            };
            match (change, own_expected) {
                (Some(change), Some(expected)) => self.add_test(name, case.at, &change, expected, faults),
                (_, None) => {
                    let fault = YamlFault::new(case.at, "`expect` is missing here, and in the table");
                    faults.push(fault.with_help("add `expect: allowed`, or `expect: { denied-by: [RULE] }`"));
                }
                (None, _) => {}
            }
        }
    }

    fn add_test(
        &mut self,
        name: String,
        at: YamlPlace,
        change: &YamlNode,
        expected: &YamlNode,
        faults: &mut Vec<YamlFault>,
    ) {
        self.refuse_unknown_fields(change, faults);
        let mut found = Vec::new();
        let change = read_change(&place_change(change, self.policy, &mut found), &mut found);
        let expected = read_expectation(expected, self.policy, &mut found);
        // What all tests start from is told once.
        for fault in found {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        if let (Some(change), Some(expected)) = (change, expected) {
            self.tests.push(PolicyTest { name, at, change, expected });
        }
    }

    /// Returns the change that `base` and what stands under `change` describe together.
    fn merge_change(
        &self,
        base: &YamlNode,
        change: Option<&YamlNode>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<YamlNode> {
        let Some(change) = change else { return Some(base.clone()) };
        MapReader::new(change, faults)?;
        // A field that is taken away is not seen in what is left.
        self.refuse_unknown_fields(change, faults);
        Some(merge_change(base, change, faults))
    }

    fn refuse_unknown_fields(&self, change: &YamlNode, faults: &mut Vec<YamlFault>) {
        for key in list_field_names(change) {
            if find_unknown_field(&key.text, self.policy).is_none() {
                continue;
            }
            let fault = unknown_word_fault("field", key, list_known_fields(self.policy));
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
    }
}
