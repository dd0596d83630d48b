//! `approvals`: who, other than those who made the change, stands behind it.
//!
//! This file holds the question, and what is enough. Where there is a pull request, the approvals
//! are its reviews (`reviewed`), whatever trailers say; everywhere else they are trailers
//! (`claimed`).

mod backed;
mod bound;
mod claimed;
mod reviewed;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::parameters::teams;
use super::{Doc, Known, Reply, Seen};
use crate::change::{Missing, Need, Needs, Stage};
use crate::people::participants::NotIndependent;
use crate::verdict::{Finding, Line};
use crate::vocabulary::{Field, Kind};
use crate::yaml::decode::{Map, choice, count, each, texts, truth};
use crate::yaml::{Fault, Node, shown};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "approvals",
    asks: "People who did not make the change have approved what lands.",
    why: "Four eyes are the core of change management: whoever wrote, recorded or pushed a change, opened its pull \
          request, or is named as its co-author, does not approve it, and neither does a bot. Of a pull request \
          only reviews count: the latest one of each person who may write to the repository, if it was of the \
          final revision (or of one that differs in nothing but its message, and there in no field of the policy), \
          for this branch, and under a description that stated the same. Changes that are requested stay requested \
          until they are taken back, and a trailer that names somebody who has not approved is refused.",
    parameters: "\
- `at-least: N`: how many different people (1 unless said otherwise);
- `field: NAME` or a list: the fields that state an approval (`Reviewed-by` unless said otherwise); in a pull \
request a review states it, and whoever such a field names must have approved;
- `from: [teams]`: only members of these teams count;
- `distinct-teams: true`: one approval from each of the teams in `from`, by different people;
- `of: final-revision` (the default): an approval counts that stands in the final revision, or in every commit \
of the change; `of: any-commit` accepts one that stands in any commit, and a review of an earlier revision;
- `trust: claimed` accepts trailers where there is no pull request; they prove only that somebody typed them. \
`trust: verified` (the default where nothing is said) wants reviews that a forge vouches for, everywhere;
- `commands: [words]`: a comment approves as well if its first line is one of these words and at least 12 digits \
of the final revision, as in `/approve 3f2a91c04b7d`, and it was never edited.",
    passes: "
ask: { approvals: { at-least: 1, trust: claimed } }
fields: { Reviewed-by: { person: true } }
change:
  commits:
    - author: Ana <ana@example.com>
      message: |
        Cache the tenant lookup

        Reviewed-by: Bob <bob@example.com>
",
    fails: "
ask: { approvals: { at-least: 1, trust: claimed } }
fields: { Reviewed-by: { person: true } }
change:
  commits:
    - author: Ana <ana@example.com>
      message: |
        Cache the tenant lookup

        Reviewed-by: Ana Ruiz <Ana+work@example.com>
",
};

/// The field that states an approval where the question names none.
const USUAL_FIELD: &str = "Reviewed-by";

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Approvals {
    at_least: u64,
    fields: Vec<Arc<Field>>,
    teams: Vec<String>,
    distinct_teams: bool,
    of: Of,
    trust: Trust,
    commands: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    FinalRevision,
    AnyCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trust {
    Claimed,
    Verified,
}

impl Approvals {
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut map = Map::new(node, faults)?;
        let at_least = map.get("at-least").and_then(|node| count(node, 1, 100, faults));
        let fields = match map.get("field") {
            Some(node) => read_fields(node, known, faults),
            None => {
                let usual = known.vocabulary.field(USUAL_FIELD).cloned();
                if usual.is_none() {
                    let what = format!("`approvals` reads `{USUAL_FIELD}`, and the policy has no such field");
                    let help = format!(
                        "name another with `field`, or add `{USUAL_FIELD}: {{ person: true }}` to `fields`"
                    );
                    faults.push(Fault::new(node.at, what).help(help));
                }
                usual.into_iter().collect()
            }
        };
        let from = map.get("from");
        let teams = from.map(|node| teams(node, known, faults)).unwrap_or_default();
        let distinct = map.get("distinct-teams");
        let distinct_teams = distinct.and_then(|node| truth(node, faults)).unwrap_or(false);
        if let (Some(node), true) = (distinct, distinct_teams && teams.len() < 2) {
            faults.push(Fault::new(node.at, "`distinct-teams` takes two teams or more in `from`"));
        }
        let of = [("final-revision", Of::FinalRevision), ("any-commit", Of::AnyCommit)];
        let of = map.get("of").and_then(|node| choice(node, &of, faults)).unwrap_or(Of::FinalRevision);
        let trust = [("claimed", Trust::Claimed), ("verified", Trust::Verified)];
        let trust = map.get("trust").and_then(|node| choice(node, &trust, faults)).unwrap_or(Trust::Verified);
        let commands = map.get("commands").map(|node| each(node, faults, command)).unwrap_or_default();
        map.finish(faults);
        let people = if distinct_teams { u64::try_from(teams.len()).unwrap_or(u64::MAX) } else { 1 };
        let at_least = at_least.unwrap_or(people).max(people);
        (before == faults.len()).then_some(Approvals {
            at_least,
            fields,
            teams,
            distinct_teams,
            of,
            trust,
            commands,
        })
    }

    /// Returns true if reviews are asked for, and not another kind of approval.
    pub fn is_of_reviews(&self) -> bool {
        self.fields.iter().any(|field| field.name == USUAL_FIELD)
    }

    /// Returns true if only what a forge vouches for counts.
    pub fn is_verified(&self) -> bool {
        self.trust == Trust::Verified
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.extend([Need::Approvals, Need::Pusher]);
        if self.of == Of::FinalRevision {
            needs.insert(Need::OwnContent);
        }
        if self.trust == Trust::Verified {
            needs.insert(Need::Reviews);
        }
        if !self.commands.is_empty() {
            needs.insert(Need::Comments);
        }
    }

    pub(super) fn words(&self) -> String {
        let (people, stand) = match self.at_least {
            1 => ("somebody".to_owned(), "stands"),
            several => (format!("{several} people"), "stand"),
        };
        let (from, names) = (self.from(), self.field_names());
        format!("{people}{from} who did not make the change {stand} behind it in {names}")
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        if seen.change.stage == Stage::CommitMsg {
            return Err(Missing::NotAtThisStage(Need::Approvals));
        }
        if seen.change.pull.is_ok() || seen.change.stage == Stage::PullRequest {
            return reviewed::ask(self, seen);
        }
        if self.trust == Trust::Verified {
            let later = matches!(seen.change.stage, Stage::PrePush | Stage::Check);
            return Err(if later { Missing::NotAtThisStage } else { Missing::NotConfigured }(Need::Reviews));
        }
        claimed::ask(self, seen)
    }

    /// Returns true if and only if somebody with this key is one of those who are asked.
    fn asks(&self, key: &str, seen: &Seen<'_>) -> bool {
        let member = |team: &String| seen.people.is_member(key, team);
        self.teams.is_empty() || self.teams.iter().any(member)
    }

    fn enough(&self, approvers: &[Approver], seen: &Seen<'_>) -> bool {
        let count = u64::try_from(approvers.len()).unwrap_or(u64::MAX);
        self.at_least <= count && (!self.distinct_teams || one_for_each(&self.teams, approvers, seen))
    }

    /// Returns from whom approvals are wanted, in words that follow them.
    fn from(&self) -> String {
        match (self.teams.is_empty(), self.distinct_teams) {
            (true, _) => String::new(),
            (false, false) => format!(" from {}", self.teams.join(" or ")),
            (false, true) => format!(", one from each of {},", self.teams.join(", ")),
        }
    }

    /// Returns the finding that too few approvals count, `what` being what one of them is.
    fn short(&self, found: usize, what: &str, place: &str, seen: &Seen<'_>) -> Finding {
        let (s, are) = if self.at_least == 1 { ("", "is") } else { ("s", "are") };
        let (at_least, from) = (self.at_least, self.from());
        let counts = if found == 1 { "counts" } else { "count" };
        let what = format!("{at_least} {what}{s}{from} {place} {are} needed, and {found} {counts}");
        let tip = seen.change.tip().and_then(|commit| commit.id);
        let members =
            self.teams.iter().flat_map(|team| seen.people.team_members(team)).cloned().collect::<Vec<_>>();
        let whom = match (members.is_empty(), members.len()) {
            (true, _) => "somebody who did not make the change".into(),
            (false, 0..=6) => members.join(", "),
            (false, _) => format!("a member of {}", self.teams.join(" or ")),
        };
        Finding::new(Line::say(what)).in_commit(tip).by(whom)
    }

    fn field_names(&self) -> String {
        self.fields.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(" or ")
    }
}

/// Returns why somebody does not approve, in words that follow his name.
fn words_on(why: &NotIndependent<'_>) -> Line {
    match why {
        NotIndependent::Participant(participant) => {
            Line::say(format!(", who is {} of this change, ", participant.role)).quote(&participant.name)
        }
        NotIndependent::Bot => Line::say(", which is a bot and does not approve"),
        NotIndependent::Stranger => Line::say(", whom the roster does not know"),
    }
}

/// Somebody whose approval counts.
#[derive(Clone)]
struct Approver {
    key: String,
    name: String,
}

impl Approver {
    /// Returns true for the same person: one key, or one name under two addresses.
    fn is(&self, other: &Approver) -> bool {
        self.key == other.key || (!self.name.is_empty() && self.name == other.name)
    }
}

/// Returns true if each team can be given an approver of its own.
fn one_for_each(teams: &[String], approvers: &[Approver], seen: &Seen<'_>) -> bool {
    fn place(team: usize, members: &[Vec<usize>], taken: &mut [Option<usize>], tried: &mut [bool]) -> bool {
        for &approver in members.get(team).map(Vec::as_slice).unwrap_or_default() {
            if tried.get(approver).copied().unwrap_or(true) {
                continue;
            }
            if let Some(seen) = tried.get_mut(approver) {
                *seen = true;
            }
            let free = match taken.get(approver).copied().flatten() {
                None => true,
                Some(other) => place(other, members, taken, tried),
            };
            if free {
                if let Some(slot) = taken.get_mut(approver) {
                    *slot = Some(team);
                }
                return true;
            }
        }
        false
    }
    let members: Vec<Vec<usize>> = teams
        .iter()
        .map(|team| {
            let ours = |approver: &&Approver| seen.people.is_member(&approver.key, team);
            (0..approvers.len()).filter(|index| approvers.get(*index).as_ref().is_some_and(ours)).collect()
        })
        .collect();
    let mut taken = vec![None; approvers.len()];
    (0..teams.len()).all(|team| place(team, &members, &mut taken, &mut vec![false; approvers.len()]))
}

fn read_fields(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Vec<Arc<Field>> {
    let mut fields = Vec::new();
    for name in texts(node, faults) {
        let Some(field) = known.vocabulary.find(node, name, faults) else { continue };
        if field.kind != Kind::Person {
            faults.push(Fault::new(node.at, format!("`{}` does not name a person", field.name)));
        }
        fields.push(field.clone());
    }
    fields
}

/// Reads a word by which a comment approves.
fn command(written: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match written.strip_prefix('/') {
        Some(word) if !word.is_empty() && word.bytes().all(plain) => Ok(written.to_owned()),
        _ => Err(format!("`{}` is not a command such as `/approve`", shown(written))),
    }
}
