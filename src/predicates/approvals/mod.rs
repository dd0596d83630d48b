//! `approvals`: who, other than those who made the change, stands behind it.
//!
//! This file holds the question, and what is enough. Where there is a pull request, the approvals
//! are its reviews (`reviewed`), whatever trailers say; everywhere else they are trailers
//! (`claimed`).

mod backed;
pub(crate) mod coverage;
pub(crate) mod reviews;
#[cfg(test)]
mod tests;
pub(crate) mod trailer_approvals;

use std::sync::Arc;

use crate::change::{FactKind, Missing, NeededFacts, Stage};
use crate::people::contributors::NotIndependent;
use crate::predicates::parameters::read_teams;
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::vocabulary::{FieldDefinition, FieldKind};
use crate::yaml::decode::{MapReader, parse_each, read_bool, read_choice, read_count, read_texts};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "approvals",
    summary: "People who did not make the change have approved what lands.",
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
    passing_example: "
ask: { approvals: { at-least: 1, trust: claimed } }
fields: { Reviewed-by: { person: true } }
change:
  commits:
    - author: Ana <ana@example.com>
      message: |
        Cache the tenant lookup

        Reviewed-by: Bob <bob@example.com>
",
    failing_example: "
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
const DEFAULT_APPROVAL_FIELD: &str = "Reviewed-by";

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalsPredicate {
    min_approvals: u64,
    fields: Vec<Arc<FieldDefinition>>,
    teams: Vec<String>,
    distinct_teams: bool,
    coverage: ApprovalCoverage,
    trust: ApprovalTrust,
    commands: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ApprovalCoverage {
    FinalRevision,
    AnyCommit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ApprovalTrust {
    Claimed,
    Verified,
}

impl ApprovalsPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let at_least = map.find_key("at-least").and_then(|node| read_count(node, 1, 100, faults));
        let fields = match map.find_key("field") {
            Some(node) => read_approval_fields(node, known, faults),
            None => {
                let usual = known.vocabulary.find_field(DEFAULT_APPROVAL_FIELD).cloned();
                if usual.is_none() {
                    let what = format!(
                        "`approvals` reads `{DEFAULT_APPROVAL_FIELD}`, and the policy has no such field"
                    );
                    let help = format!(
                        "name another with `field`, or add `{DEFAULT_APPROVAL_FIELD}: {{ person: true }}` to `fields`"
                    );
                    faults.push(YamlFault::new(node.at, what).with_help(help));
                }
                usual.into_iter().collect()
            }
        };
        let from = map.find_key("from");
        let teams = from.map(|node| read_teams(node, known, faults)).unwrap_or_default();
        let distinct = map.find_key("distinct-teams");
        let distinct_teams = distinct.and_then(|node| read_bool(node, faults)).unwrap_or(false);
        if let (Some(node), true) = (distinct, distinct_teams && teams.len() < 2) {
            faults.push(YamlFault::new(node.at, "`distinct-teams` takes two teams or more in `from`"));
        }
        let of = [
            ("final-revision", ApprovalCoverage::FinalRevision),
            ("any-commit", ApprovalCoverage::AnyCommit),
        ];
        let of = map
            .find_key("of")
            .and_then(|node| read_choice(node, &of, faults))
            .unwrap_or(ApprovalCoverage::FinalRevision);
        let trust = [("claimed", ApprovalTrust::Claimed), ("verified", ApprovalTrust::Verified)];
        let trust = map
            .find_key("trust")
            .and_then(|node| read_choice(node, &trust, faults))
            .unwrap_or(ApprovalTrust::Verified);
        let commands =
            map.find_key("commands").map(|node| parse_each(node, faults, parse_command)).unwrap_or_default();
        map.refuse_unknown_keys(faults);
        let people = if distinct_teams { u64::try_from(teams.len()).unwrap_or(u64::MAX) } else { 1 };
        let at_least = at_least.unwrap_or(people).max(people);
        (before == faults.len()).then_some(ApprovalsPredicate {
            min_approvals: at_least,
            fields,
            teams,
            distinct_teams,
            coverage: of,
            trust,
            commands,
        })
    }

    /// Returns true if reviews are asked for, and not another kind of approval.
    pub fn asks_for_reviews(&self) -> bool {
        self.fields.iter().any(|field| field.name == DEFAULT_APPROVAL_FIELD)
    }

    /// Returns true if only what a forge vouches for counts.
    pub fn requires_verified(&self) -> bool {
        self.trust == ApprovalTrust::Verified
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.extend([FactKind::Approvals, FactKind::Pusher]);
        if self.coverage == ApprovalCoverage::FinalRevision {
            needs.insert(FactKind::EvilMerges);
        }
        if self.trust == ApprovalTrust::Verified {
            needs.insert(FactKind::Reviews);
        }
        if !self.commands.is_empty() {
            needs.insert(FactKind::Comments);
        }
    }

    pub(crate) fn describe(&self) -> String {
        let (people, stand) = match self.min_approvals {
            1 => ("somebody".to_owned(), "stands"),
            several => (format!("{several} people"), "stand"),
        };
        let (from, names) = (self.describe_teams(), self.quote_field_names());
        format!("{people}{from} who did not make the change {stand} behind it in {names}")
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        if seen.change.stage == Stage::CommitMsg {
            return Err(Missing::NotAtThisStage(FactKind::Approvals));
        }
        if seen.change.pull.is_ok() || seen.change.stage == Stage::PullRequest {
            return reviews::evaluate_reviews(self, seen);
        }
        if self.trust == ApprovalTrust::Verified {
            let later = matches!(seen.change.stage, Stage::PrePush | Stage::Check);
            return Err(if later { Missing::NotAtThisStage } else { Missing::NotConfigured }(
                FactKind::Reviews,
            ));
        }
        trailer_approvals::evaluate_trailers(self, seen)
    }

    /// Returns true if and only if somebody with this key is one of those who are asked.
    fn accepts_approver(&self, key: &str, seen: &EvaluationContext<'_>) -> bool {
        let member = |team: &String| seen.people.is_member(key, team);
        self.teams.is_empty() || self.teams.iter().any(member)
    }

    fn has_enough_approvals(&self, approvers: &[CountedApprover], seen: &EvaluationContext<'_>) -> bool {
        let count = u64::try_from(approvers.len()).unwrap_or(u64::MAX);
        self.min_approvals <= count
            && (!self.distinct_teams || covers_each_team(&self.teams, approvers, seen))
    }

    /// Returns from whom approvals are wanted, in words that follow them.
    fn describe_teams(&self) -> String {
        match (self.teams.is_empty(), self.distinct_teams) {
            (true, _) => String::new(),
            (false, false) => format!(" from {}", self.teams.join(" or ")),
            (false, true) => format!(", one from each of {},", self.teams.join(", ")),
        }
    }

    /// Returns the finding that too few approvals count, `what` being what one of them is.
    fn shortfall_finding(
        &self,
        found: usize,
        what: &str,
        place: &str,
        seen: &EvaluationContext<'_>,
    ) -> Finding {
        let (s, are) = if self.min_approvals == 1 { ("", "is") } else { ("s", "are") };
        let (at_least, from) = (self.min_approvals, self.describe_teams());
        let counts = if found == 1 { "counts" } else { "count" };
        let what = format!("{at_least} {what}{s}{from} {place} {are} needed, and {found} {counts}");
        let tip = seen.change.tip().id;
        let members =
            self.teams.iter().flat_map(|team| seen.people.team_members(team)).cloned().collect::<Vec<_>>();
        let whom = match (members.is_empty(), members.len()) {
            (true, _) => "somebody who did not make the change".into(),
            (false, 0..=6) => members.join(", "),
            (false, _) => format!("a member of {}", self.teams.join(" or ")),
        };
        Finding::new(Sentence::from_words(what)).in_commit(tip).fixed_by(whom)
    }

    fn quote_field_names(&self) -> String {
        self.fields.iter().map(|field| format!("`{}`", field.name)).collect::<Vec<_>>().join(" or ")
    }
}

/// Returns why somebody does not approve, in words that follow his name.
fn describe_dependence(why: &NotIndependent<'_>) -> Sentence {
    match why {
        NotIndependent::Contributor(participant) => {
            Sentence::from_words(format!(", who is {} of this change, ", participant.role))
                .with_quote(&participant.name)
        }
        NotIndependent::Bot => Sentence::from_words(", which is a bot and does not approve"),
        NotIndependent::Unknown => Sentence::from_words(", whom the roster does not know"),
    }
}

/// Somebody whose approval counts.
#[derive(Clone)]
struct CountedApprover {
    key: String,
    name: String,
}

impl CountedApprover {
    /// Returns true for the same person: one key, or one name under two addresses.
    fn is_same_person(&self, other: &CountedApprover) -> bool {
        self.key == other.key || (!self.name.is_empty() && self.name == other.name)
    }
}

/// Returns true if each team can be given an approver of its own.
fn covers_each_team(teams: &[String], approvers: &[CountedApprover], seen: &EvaluationContext<'_>) -> bool {
    fn assign_approver(
        team: usize,
        members: &[Vec<usize>],
        taken: &mut [Option<usize>],
        tried: &mut [bool],
    ) -> bool {
        for &approver in members.get(team).map(Vec::as_slice).unwrap_or_default() {
            if tried.get(approver).copied().unwrap_or(true) {
                continue;
            }
            if let Some(seen) = tried.get_mut(approver) {
                *seen = true;
            }
            let free = match taken.get(approver).copied().flatten() {
                None => true,
                Some(other) => assign_approver(other, members, taken, tried),
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
            let ours = |approver: &&CountedApprover| seen.people.is_member(&approver.key, team);
            (0..approvers.len()).filter(|index| approvers.get(*index).as_ref().is_some_and(ours)).collect()
        })
        .collect();
    let mut taken = vec![None; approvers.len()];
    (0..teams.len())
        .all(|team| assign_approver(team, &members, &mut taken, &mut vec![false; approvers.len()]))
}

fn read_approval_fields(
    node: &YamlNode,
    known: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<Arc<FieldDefinition>> {
    let mut fields = Vec::new();
    for name in read_texts(node, faults) {
        let Some(field) = known.vocabulary.resolve_field(node, name, faults) else { continue };
        if field.kind != FieldKind::Person {
            faults.push(YamlFault::new(node.at, format!("`{}` does not name a person", field.name)));
        }
        fields.push(field.clone());
    }
    fields
}

/// Reads a word by which a comment approves.
fn parse_command(written: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    match written.strip_prefix('/') {
        Some(word) if !word.is_empty() && word.bytes().all(plain) => Ok(written.to_owned()),
        _ => Err(format!("`{}` is not a command such as `/approve`", shorten_for_message(written))),
    }
}
