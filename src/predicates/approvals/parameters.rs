//! Reads what `approvals` asks for.

use std::sync::Arc;

use crate::predicates::approvals::carried_relation::{CARRY_WORDS, CarriedRelation, DEFAULT_CARRIED};
use crate::predicates::approvals::owners::{UNOWNED_WORDS, UnownedPaths};
use crate::predicates::approvals::requirement::{
    ApprovalCoverage, ApprovalGiver, ApprovalTrust, ApprovalsPredicate, DEFAULT_APPROVAL_FIELD,
};
use crate::predicates::support::context::PolicyScope;
use crate::predicates::support::map_keys::read_choice_key;
use crate::predicates::support::parameters::{read_list, read_teams};
use crate::vocabulary::{FieldDefinition, FieldKind};
use crate::yaml::decode::{MapReader, read_bool, read_choice, read_count, read_texts};
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlPlace, YamlValue, shorten_for_message};

/// The word for the owners of what is touched, in `from`.
const CODE_OWNERS_WORD: &str = "codeowners";

/// How many different teams an approval can be asked of.
pub(crate) const MAX_DIFFERENT_TEAMS: u64 = 10;

const GIVER_WORDS: [(&str, ApprovalGiver); 1] = [("pusher", ApprovalGiver::Pusher)];

/// What can stand beside `by: pusher`, and the key itself.
const PUSHER_KEYS: [&str; 5] = ["by", "from", "signed-push", "trained", "trust"];

const COVERAGE_WORDS: [(&str, ApprovalCoverage); 2] =
    [("final-revision", ApprovalCoverage::FinalRevision), ("any-commit", ApprovalCoverage::AnyCommit)];

const TRUST_WORDS: [(&str, ApprovalTrust); 2] =
    [("claimed", ApprovalTrust::Claimed), ("verified", ApprovalTrust::Verified)];

impl ApprovalsPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let by = map.find_key("by").and_then(|node| read_choice(node, &GIVER_WORDS, faults));
        let giver = by.unwrap_or(ApprovalGiver::Reviewer);
        let mut asked = ApprovalsPredicate {
            min_approvals: 1,
            fields: match map.find_key("field") {
                Some(node) => read_approval_fields(node, scope, faults),
                // A push needs no line that states it.
                None if giver == ApprovalGiver::Pusher => Vec::new(),
                None => default_approval_field(node, scope, faults),
            },
            teams: Vec::new(),
            distinct_teams: false,
            different_teams: 0,
            distinct_people: read_choice_key(&mut map, "distinct", faults, &[("people", ())]).is_some(),
            admits_authors: read_choice_key(&mut map, "authors", faults, &[("cross", ())]).is_some(),
            admits_suggesters: read_choice_key(&mut map, "suggestions", faults, &[("count-as-review", ())])
                .is_some(),
            trained: false,
            owners: None,
            coverage: ApprovalCoverage::FinalRevision,
            trust: ApprovalTrust::Verified,
            commands: read_list(&mut map, "commands", faults, parse_command),
            giver,
            signed_push: false,
            carried: DEFAULT_CARRIED.to_vec(),
        };
        if let Some(node) = map.find_key("carries-over") {
            asked.carried = read_carried_relations(node, faults);
        }
        if let Some(node) = map.find_key("at-least") {
            asked.min_approvals = read_count(node, 1, 100, faults).unwrap_or(1);
        }
        match map.find_key("from") {
            Some(node) if names_code_owners(node) => {
                asked.owners = Some(UnownedPaths::ByAnyone);
                if scope.people.team_names().any(|team| team == CODE_OWNERS_WORD) {
                    let what =
                        "`codeowners` stands for the file of code owners here, and a team has that name";
                    faults.push(YamlFault::new(node.at, what).with_help("give the team another name"));
                }
            }
            Some(node) if list_words(node).contains(&CODE_OWNERS_WORD) => {
                let what = "`codeowners` stands alone in `from`";
                let help = "ask for the approval of a team in another `approvals`, both under `all`";
                faults.push(YamlFault::new(node.at, what).with_help(help));
            }
            Some(node) => asked.teams = read_teams(node, scope, faults),
            None => {}
        }
        if let Some(node) = map.find_key("unowned") {
            let unowned = read_choice(node, &UNOWNED_WORDS, faults);
            match &mut asked.owners {
                Some(owners) => *owners = unowned.unwrap_or(*owners),
                None => faults.push(YamlFault::new(node.at, "`unowned` needs `from: codeowners`")),
            }
        }
        if let Some(node) = map.find_key("distinct-teams") {
            asked.distinct_teams = read_bool(node, faults).unwrap_or(false);
            if asked.distinct_teams && asked.teams.len() < 2 {
                faults.push(YamlFault::new(node.at, "`distinct-teams` needs two or more teams in `from`"));
            }
        }
        if let Some(node) = map.find_key("different-teams") {
            asked.different_teams = read_count(node, 2, MAX_DIFFERENT_TEAMS, faults).unwrap_or(0);
            let given = u64::try_from(asked.teams.len()).unwrap_or(u64::MAX);
            if asked.different_teams > given {
                let what = format!("`different-teams` is more than the {given} teams in `from`");
                faults.push(YamlFault::new(node.at, what).with_help("name more teams in `from`"));
            }
            if asked.distinct_teams {
                let what = "`distinct-teams` asks for each team, and `different-teams` for some of them";
                faults.push(YamlFault::new(node.at, what).with_help("take one of them out"));
            }
        }
        if let Some(node) = map.find_key("trained") {
            asked.trained = read_bool(node, faults).unwrap_or(false);
            if asked.trained && scope.people.roster.is_none() && !scope.people.has_roster() {
                let help =
                    "name a roster under `people`, and write `trained-until` for those who are trained";
                faults.push(YamlFault::new(node.at, "`trained` needs a roster").with_help(help));
            }
        }
        if let Some(node) = map.find_key("signed-push") {
            asked.signed_push = read_bool(node, faults).unwrap_or(false);
            if asked.signed_push && giver != ApprovalGiver::Pusher {
                let what = "`signed-push` needs `by: pusher`";
                faults.push(YamlFault::new(node.at, what).with_help("add `by: pusher`, or take it out"));
            }
        }
        if let Some(node) = map.find_key("of") {
            asked.coverage = read_choice(node, &COVERAGE_WORDS, faults).unwrap_or(asked.coverage);
        }
        if let Some(node) = map.find_key("trust") {
            asked.trust = read_choice(node, &TRUST_WORDS, faults).unwrap_or(asked.trust);
        }
        map.refuse_unknown_keys(faults);
        asked.refuse_unmeant(node, faults);
        if asked.is_given_by_pusher() {
            refuse_beside_pusher(node, faults);
        }
        // Each team needs an approver of its own.
        if asked.distinct_teams {
            let teams = u64::try_from(asked.teams.len()).unwrap_or(u64::MAX);
            asked.min_approvals = asked.min_approvals.max(teams);
        }
        asked.min_approvals = asked.min_approvals.max(asked.different_teams);
        (before == faults.len()).then_some(asked)
    }

    /// Refuses parameters that cannot be meant together.
    fn refuse_unmeant(&self, node: &YamlNode, faults: &mut Vec<YamlFault>) {
        let at = |key: &str| find_entry_place(node, key).unwrap_or(node.at);
        if self.admits_authors && self.coverage == ApprovalCoverage::AnyCommit {
            // An author could approve, and then add to what the others have approved.
            let what =
                "`authors: cross` takes approvals of the final revision, and `of: any-commit` others as well";
            faults.push(YamlFault::new(at("authors"), what).with_help("take one of them out"));
        }
        if self.distinct_people && (self.owners.is_some() || self.different_teams > 0 || self.admits_authors)
        {
            let what =
                "`distinct: people` stands beside no `authors`, `different-teams` and `from: codeowners`";
            faults.push(YamlFault::new(at("distinct"), what).with_help("take one of them out"));
        }
    }
}

/// Returns the place of a key in a map.
fn find_entry_place(node: &YamlNode, key: &str) -> Option<YamlPlace> {
    let YamlValue::Map(entries) = &node.value else { return None };
    entries.iter().find(|(given, _)| given.text == key).map(|(given, _)| given.at)
}

/// Reads over which relations a signed approval is carried to what lands; an empty list means over none.
fn read_carried_relations(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Vec<CarriedRelation> {
    let YamlValue::List(items) = &node.value else {
        return read_choice(node, &CARRY_WORDS, faults).into_iter().collect();
    };
    let mut relations = Vec::new();
    for item in items {
        if let Some(relation) = read_choice(item, &CARRY_WORDS, faults)
            && !relations.contains(&relation)
        {
            relations.push(relation);
        }
    }
    relations
}

/// Refuses what says nothing beside `by: pusher`.
fn refuse_beside_pusher(asked: &YamlNode, faults: &mut Vec<YamlFault>) {
    let YamlValue::Map(entries) = &asked.value else { return };
    for (key, value) in entries {
        let is_owners = key.text == "from" && names_code_owners(value);
        if !PUSHER_KEYS.contains(&key.text.as_str()) || is_owners {
            let what = format!("`{}` says nothing beside `by: pusher`", shorten_for_message(&key.text));
            let help = "one person pushes; ask for other approvals in another `approvals`, both under `all`";
            faults.push(YamlFault::new(value.at, what).with_help(help));
        }
    }
}

/// Returns `Reviewed-by`, which states an approval where the policy names no field.
fn default_approval_field(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<Arc<FieldDefinition>> {
    if let Some(field) = scope.vocabulary.find_field(DEFAULT_APPROVAL_FIELD) {
        return vec![field.clone()];
    }
    let what = format!("`approvals` reads `{DEFAULT_APPROVAL_FIELD}`, and the policy has no such field");
    let help = format!(
        "name another with `field`, or add `{DEFAULT_APPROVAL_FIELD}: {{ person: true }}` to `fields`"
    );
    let fault = YamlFault::new(node.at, what).with_help(help);
    faults.push(fault.with_expected(ExpectedValue::DefinedName));
    Vec::new()
}

fn read_approval_fields(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<Arc<FieldDefinition>> {
    let mut fields = Vec::new();
    for name in read_texts(node, faults) {
        let Some(field) = scope.vocabulary.resolve_field(node, name, faults) else { continue };
        if field.kind != FieldKind::Person {
            faults.push(YamlFault::new(node.at, format!("`{}` does not name a person", field.name)));
        }
        fields.push(field.clone());
    }
    fields
}

/// Returns true if `from` asks for the approval of code owners.
pub(crate) fn names_code_owners(from: &YamlNode) -> bool {
    matches!(&from.value, YamlValue::Scalar { text, .. } if text == CODE_OWNERS_WORD)
}

/// Returns the texts of a list.
fn list_words(node: &YamlNode) -> Vec<&str> {
    let YamlValue::List(items) = &node.value else { return Vec::new() };
    let mut words = Vec::new();
    for item in items {
        if let YamlValue::Scalar { text, .. } = &item.value {
            words.push(text.as_str());
        }
    }
    words
}

/// Reads a word by which a comment approves.
fn parse_command(written: &str) -> Result<String, String> {
    match written.strip_prefix('/') {
        Some(word) if !word.is_empty() && word.bytes().all(is_command_byte) => Ok(written.to_owned()),
        _ => Err(format!("`{}` is not a command such as `/approve`", shorten_for_message(written))),
    }
}

fn is_command_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
