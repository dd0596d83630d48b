//! Parameters and sentences that more than one predicate has, so that they mean the same in each.

use super::{Known, Seen};
use crate::change::{Commit, Text};
use crate::pattern::PathPattern;
use crate::people::Who;
use crate::people::participants::Participant;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, count, items, text, truth, unknown};
use crate::yaml::{Fault, Key, Node};

/// How many paths a finding lists.
const LISTED: usize = 10;

/// Reads the names of teams that the policy has.
pub(crate) fn teams(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Vec<String> {
    let mut names = Vec::new();
    for item in items(node, faults) {
        let Some(name) = text(item, faults) else { continue };
        if !known.people.team_names().any(|team| team == name) {
            let key = Key { at: item.at, text: name.to_owned() };
            faults.push(unknown("team", &key, known.people.team_names()));
        }
        names.push(name.to_owned());
    }
    names
}

/// Returns true if and only if this is a person who belongs to one of the teams.
pub(super) fn in_a_team(who: &Who, teams: &[String], seen: &Seen<'_>) -> bool {
    matches!(who, Who::Human(key) if teams.iter().any(|team| seen.people.is_member(key, team)))
}

/// Returns the finding that one of those who made a change cannot be identified, if there is one.
pub(super) fn unidentified(participants: &[Participant]) -> Option<Finding> {
    let unknown = participants.iter().find(|participant| participant.who == Who::Stranger)?;
    let what = Line::say(format!("{}, ", unknown.role))
        .quote(&unknown.name)
        .and(", cannot be identified, so nobody can be shown to be somebody else");
    Some(Finding::new(what).by("whoever keeps the roster of people"))
}

/// What somebody is to the policy: `team` and `bot`, both of which are meant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Standing {
    teams: Vec<String>,
    bot: Option<bool>,
}

impl Standing {
    pub(super) fn read(map: &mut Map<'_>, known: &Known<'_>, faults: &mut Vec<Fault>) -> Self {
        let teams = map.get("team").map(|node| teams(node, known, faults)).unwrap_or_default();
        let bot = map.get("bot").and_then(|node| truth(node, faults));
        Standing { teams, bot }
    }

    /// Returns why somebody is not meant, in words that follow his name; `None` if he is. `whose` are
    /// the one or several ways in which he is known.
    pub(super) fn mismatch(&self, whose: &[Who], seen: &Seen<'_>) -> Option<String> {
        if !self.teams.is_empty() && !whose.iter().any(|who| in_a_team(who, &self.teams, seen)) {
            return Some(format!(" is not in {}", self.teams.join(" or ")));
        }
        let is_bot = whose.contains(&Who::Bot);
        let is_human = whose.iter().any(|who| matches!(who, Who::Human(_)));
        match (self.bot, is_bot, is_human) {
            (None, ..) | (Some(true), true, _) | (Some(false), false, true) => None,
            (Some(_), false, false) => Some(" is not somebody whom the roster knows".into()),
            (Some(true), false, true) => Some(" is not a bot".into()),
            (Some(false), true, _) => Some(" is a bot".into()),
        }
    }

    /// Returns what is asked, each in words that follow a name.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let team = (!self.teams.is_empty()).then(|| format!("is in {}", self.teams.join(" or ")));
        let bot = self.bot.map(|bot| if bot { "is a bot" } else { "is not a bot" }.to_owned());
        team.into_iter().chain(bot)
    }
}

/// Reads `{ at-most: N }`.
pub(super) fn at_most(node: &Node, faults: &mut Vec<Fault>) -> Option<u64> {
    let mut map = Map::new(node, faults)?;
    let most = map.require("at-most", faults).and_then(|node| count(node, 0, u64::MAX, faults));
    map.finish(faults);
    most
}

/// Returns a number of things in words: `1 commit`, `2 commits`.
pub(super) fn counted(number: u64, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

/// Returns a limit in words that follow `has 3 parents, and`.
pub(super) fn allowed(most: u64) -> String {
    format!("at most {most} {} allowed", if most == 1 { "is" } else { "are" })
}

/// Returns true if and only if one of the patterns matches.
pub(super) fn matched(patterns: &[PathPattern], path: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches(path.as_bytes()))
}

/// Returns patterns for a sentence: `` `a`, `b` or `c` ``.
pub(super) fn either<T: ToString>(patterns: &[T]) -> String {
    let words: Vec<_> = patterns.iter().map(|pattern| format!("`{}`", pattern.to_string())).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// Adds paths to a sentence, at most ten of them.
pub(super) fn list(mut line: Line, paths: &[&Text]) -> Line {
    for (index, path) in paths.iter().take(LISTED).enumerate() {
        if 0 < index {
            line = line.and(", ");
        }
        line = line.quote(path);
    }
    match paths.len().saturating_sub(LISTED) {
        0 => line,
        more => line.and(format!(" and {more} more")),
    }
}

/// Returns a finding about one commit.
pub(super) fn about(commit: &Commit, what: Line) -> Finding {
    Finding::new(what).in_commit(commit.id)
}
