//! Parameters and sentences that more than one predicate has, so that they mean the same in each.

use crate::change::{Commit, Text};
use crate::pattern::PathPattern;
use crate::people::ResolvedIdentity;
use crate::people::contributors::ResolvedContributor;
use crate::predicates::{EvaluationContext, PolicyScope};
use crate::verdict::{Finding, Message, Sentence};
use crate::yaml::decode::{MapReader, read_bool, read_count, read_items, read_text, unknown_word_fault};
use crate::yaml::{YamlFault, YamlKey, YamlNode};

/// Reads the names of teams that the policy has.
pub(crate) fn read_teams(
    node: &YamlNode,
    known: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<String> {
    let mut names = Vec::new();
    for item in read_items(node, faults) {
        let Some(name) = read_text(item, faults) else { continue };
        if !known.people.team_names().any(|team| team == name) {
            let key = YamlKey { at: item.at, text: name.to_owned() };
            faults.push(unknown_word_fault("team", &key, known.people.team_names()));
        }
        names.push(name.to_owned());
    }
    names
}

/// Returns true if and only if this is a person who belongs to one of the teams.
pub(crate) fn is_in_teams(who: &ResolvedIdentity, teams: &[String], seen: &EvaluationContext<'_>) -> bool {
    matches!(who, ResolvedIdentity::Human(key) if teams.iter().any(|team| seen.people.is_member(key, team)))
}

/// Returns the finding that one of those who made a change cannot be identified, if there is one.
pub(crate) fn find_unidentified_contributor(participants: &[ResolvedContributor]) -> Option<Finding> {
    let unknown =
        participants.iter().find(|participant| participant.identity == ResolvedIdentity::Unknown)?;
    let what = Sentence::from_words(format!("{}, ", unknown.role))
        .with_quote(&unknown.name)
        .with_words(", cannot be identified, so nobody can be shown to be somebody else");
    Some(Finding::new(what).fixed_by("whoever keeps the roster of people"))
}

/// What somebody is to the policy: `team` and `bot`, both of which are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IdentityRequirement {
    teams: Vec<String>,
    bot: Option<bool>,
}

impl IdentityRequirement {
    pub(crate) fn read_identity(
        map: &mut MapReader<'_>,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Self {
        let teams = map.find_key("team").map(|node| read_teams(node, known, faults)).unwrap_or_default();
        let bot = map.find_key("bot").and_then(|node| read_bool(node, faults));
        IdentityRequirement { teams, bot }
    }

    /// Returns why somebody is not meant, in words that follow his name; `None` if he is. `whose` are
    /// the one or several ways in which he is known.
    pub(crate) fn describe_mismatch(
        &self,
        whose: &[ResolvedIdentity],
        seen: &EvaluationContext<'_>,
    ) -> Option<String> {
        if !self.teams.is_empty() && !whose.iter().any(|who| is_in_teams(who, &self.teams, seen)) {
            return Some(format!(" is not in {}", self.teams.join(" or ")));
        }
        let is_bot = whose.contains(&ResolvedIdentity::Bot);
        let is_human = whose.iter().any(|who| matches!(who, ResolvedIdentity::Human(_)));
        match (self.bot, is_bot, is_human) {
            (None, ..) | (Some(true), true, _) | (Some(false), false, true) => None,
            (Some(_), false, false) => Some(" is not somebody whom the roster knows".into()),
            (Some(true), false, true) => Some(" is not a bot".into()),
            (Some(false), true, _) => Some(" is a bot".into()),
        }
    }

    /// Returns what is asked, each in words that follow a name.
    pub(crate) fn describe_parts(&self) -> impl Iterator<Item = String> {
        let team = (!self.teams.is_empty()).then(|| format!("is in {}", self.teams.join(" or ")));
        let bot = self.bot.map(|bot| if bot { "is a bot" } else { "is not a bot" }.to_owned());
        team.into_iter().chain(bot)
    }
}

/// Reads `{ at-most: N }`.
pub(crate) fn read_at_most(node: &YamlNode, faults: &mut Vec<YamlFault>) -> Option<u64> {
    let mut map = MapReader::new(node, faults)?;
    let most = map.require_key("at-most", faults).and_then(|node| read_count(node, 0, u64::MAX, faults));
    map.refuse_unknown_keys(faults);
    most
}

/// Returns a number of things in words: `1 commit`, `2 commits`.
pub(crate) fn format_count(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Returns a limit in words that follow `has 3 parents, and`.
pub(crate) fn describe_limit(most: u64) -> String {
    format!("at most {most} {} allowed", if most == 1 { "is" } else { "are" })
}

/// Returns true if and only if one of the patterns matches.
pub(crate) fn matches_any_pattern(patterns: &[PathPattern], path: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches_path(path.as_bytes()))
}

/// Returns patterns for a sentence: `` `a`, `b` or `c` ``.
pub(crate) fn format_alternatives<T: ToString>(patterns: &[T]) -> String {
    let words: Vec<_> = patterns.iter().map(|pattern| format!("`{}`", pattern.to_string())).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Returns a finding about one commit.
pub(crate) fn commit_finding(commit: &Commit, message: impl Into<Message>) -> Finding {
    Finding::new(message).in_commit(commit.id)
}
