//! `approvals`: who, other than those who made the change, stands behind it.
//!
//! Two questions are answered here and nowhere else: who took part in a change, and whether an
//! approval comes from somebody who did not.

use std::sync::Arc;

use super::parameters::teams;
use super::{Doc, Known, Reply, Seen};
use crate::change::person::{canonical_address, comparable_name};
use crate::change::{Commit, Missing, Need, Needs, Person, Stage, Text};
use crate::people::Who;
use crate::people::participants::{NotIndependent, Participant, independent};
use crate::verdict::{Finding, Line};
use crate::vocabulary::{Field, Kind};
use crate::yaml::decode::{Map, choice, count, texts, truth};
use crate::yaml::{Fault, Node};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "approvals",
    asks: "People who did not make the change have approved what lands.",
    why: "Four eyes are the core of change management: whoever wrote, recorded or pushed a change, or is named as \
          its co-author, does not approve it, and neither does a bot.",
    parameters: "\
- `at-least: N`: how many different people (1 unless said otherwise);
- `field: NAME` or a list: the fields that state an approval (`Reviewed-by` unless said otherwise);
- `from: [teams]`: only members of these teams count;
- `distinct-teams: true`: one approval from each of the teams in `from`, by different people;
- `of: final-revision` (the default): an approval counts that stands in the final revision, or in every commit \
of the change; `of: any-commit` accepts one that stands in any commit;
- `trust: claimed` accepts trailers, which prove only that somebody typed them; `trust: verified` (the default \
where nothing is said) wants reviews that a forge vouches for.",
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
        map.finish(faults);
        let people = if distinct_teams { u64::try_from(teams.len()).unwrap_or(u64::MAX) } else { 1 };
        let at_least = at_least.unwrap_or(people).max(people);
        (before == faults.len()).then_some(Approvals { at_least, fields, teams, distinct_teams, of, trust })
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.extend([Need::Approvals, Need::Pusher]);
        if self.of == Of::FinalRevision {
            needs.insert(Need::OwnContent);
        }
        if self.trust == Trust::Verified {
            needs.insert(Need::Reviews);
        }
    }

    pub(super) fn words(&self) -> String {
        let (people, stand) = match self.at_least {
            1 => ("somebody".to_owned(), "stands"),
            several => (format!("{several} people"), "stand"),
        };
        let from = match (self.teams.is_empty(), self.distinct_teams) {
            (true, _) => String::new(),
            (false, false) => format!(" from {}", self.teams.join(" or ")),
            (false, true) => format!(", one from each of {},", self.teams.join(", ")),
        };
        let names: Vec<_> = self.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        format!("{people}{from} who did not make the change {stand} behind it in {}", names.join(" or "))
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        if seen.change.stage == Stage::CommitMsg {
            return Err(Missing::NotAtThisStage(Need::Approvals));
        }
        if self.trust == Trust::Verified {
            let later = matches!(seen.change.stage, Stage::PrePush | Stage::Check);
            return Err(if later { Missing::NotAtThisStage } else { Missing::NotConfigured }(Need::Reviews));
        }
        let (participants, no_pusher) = seen.participants();
        let commits = &seen.change.commits;
        let covering = match self.of {
            Of::AnyCommit => commits.iter().flat_map(|commit| self.stated_in(commit)).collect(),
            Of::FinalRevision => self.covering(commits)?,
        };
        let mut findings = Vec::new();
        let mut approvers: Vec<Approver> = Vec::new();
        for stated in &covering {
            match self.approver(stated, participants, seen) {
                Ok(approver) if approvers.iter().any(|known| known.is(&approver)) => {}
                Ok(approver) => approvers.push(approver),
                Err(what) => findings.push(stated.finding(what)),
            }
        }
        if let Some(unresolved) = participants.iter().find(|participant| participant.who == Who::Stranger) {
            let what = Line::say(format!("{}, ", unresolved.role))
                .quote(&unresolved.name)
                .and(", cannot be identified, so nobody can be shown to be somebody else");
            findings.insert(0, Finding::new(what).by("whoever keeps the roster of people"));
            return Ok(Reply::Fails(findings));
        }
        if self.enough(&approvers, seen) {
            return match no_pusher {
                Some(missing) => Err(missing.clone()),
                None => Ok(Reply::Holds),
            };
        }
        for stated in commits.iter().flat_map(|commit| self.stated_in(commit)) {
            if !covering
                .iter()
                .any(|other| other.commit.id == stated.commit.id || other.value == stated.value)
            {
                let what = stated.says().and(", which does not cover the other commits of this change");
                findings.push(stated.finding(what));
            }
        }
        findings.insert(0, self.short(approvers.len(), seen));
        Ok(Reply::Fails(findings))
    }

    /// Returns the approvals that a commit states.
    fn stated_in<'change>(&self, commit: &'change Commit) -> Vec<Stated<'change>> {
        let ours = |key: &str| self.fields.iter().any(|field| field.answers_to(key));
        let trailers = commit.message.trailers().iter().filter(|trailer| ours(&trailer.key));
        trailers
            .map(|trailer| Stated { commit, key: &trailer.key, value: &trailer.value, line: trailer.line })
            .collect()
    }

    /// Returns the approvals that cover the final revision: those stated in it, and those stated in
    /// every commit that has content of its own. A merge that adds nothing to what its parents and
    /// a clean merge give has none.
    fn covering<'change>(&self, commits: &'change [Commit]) -> Result<Vec<Stated<'change>>, Missing> {
        let Some((tip, earlier)) = commits.split_last() else { return Ok(Vec::new()) };
        let mut covering = self.stated_in(tip);
        if earlier.is_empty() {
            return Ok(covering);
        }
        let mut everywhere: Option<Vec<Stated<'change>>> = None;
        for commit in commits {
            if commit.is_merge() && commit.own_content.as_ref().map_err(Clone::clone)?.is_empty() {
                continue;
            }
            let here = self.stated_in(commit);
            everywhere = Some(match everywhere {
                None => here,
                Some(so_far) => {
                    so_far.into_iter().filter(|one| here.iter().any(|other| other.same_person(one))).collect()
                }
            });
        }
        covering
            .extend(everywhere.unwrap_or_default().into_iter().filter(|stated| stated.commit.id != tip.id));
        Ok(covering)
    }

    /// Returns who an approval comes from, if it counts.
    fn approver(
        &self,
        stated: &Stated<'_>,
        participants: &[Participant],
        seen: &Seen<'_>,
    ) -> Result<Approver, Line> {
        let person = Person::read(stated.value.as_bytes())
            .map_err(|why| stated.says().and(format!(", which is not a person: {}", why.reason())))?;
        let key = independent(&person, participants, seen.people).map_err(|why| match why {
            NotIndependent::Participant(participant) => stated
                .says()
                .and(format!(", who is {} of this change, ", participant.role))
                .quote(&participant.name),
            NotIndependent::Bot => stated.says().and(", which is a bot and does not approve"),
            NotIndependent::Stranger => stated.says().and(", whom the roster does not know"),
        })?;
        let member = |team: &String| seen.people.is_member(&key, team);
        if !self.teams.is_empty() && !self.teams.iter().any(member) {
            return Err(stated.says().and(format!(", who is not in {}", self.teams.join(" or "))));
        }
        Ok(Approver { key, name: comparable_name(&person.name) })
    }

    fn enough(&self, approvers: &[Approver], seen: &Seen<'_>) -> bool {
        let count = u64::try_from(approvers.len()).unwrap_or(u64::MAX);
        self.at_least <= count && (!self.distinct_teams || one_for_each(&self.teams, approvers, seen))
    }

    fn short(&self, found: usize, seen: &Seen<'_>) -> Finding {
        let names: Vec<_> = self.fields.iter().map(|field| format!("`{}`", field.name)).collect();
        let who = match (self.teams.is_empty(), self.distinct_teams) {
            (true, _) => String::new(),
            (false, false) => format!(" from {}", self.teams.join(" or ")),
            (false, true) => format!(", one from each of {},", self.teams.join(", ")),
        };
        let (approvals, are) = if self.at_least == 1 { ("approval", "is") } else { ("approvals", "are") };
        let what = format!(
            "{} {approvals}{who} in {} {are} needed, and {found} count{}",
            self.at_least,
            names.join(" or "),
            if found == 1 { "s" } else { "" },
        );
        let tip = seen.change.tip().and_then(|commit| commit.id);
        let members =
            self.teams.iter().flat_map(|team| seen.people.team_members(team)).cloned().collect::<Vec<_>>();
        let whom = match (members.is_empty(), members.len()) {
            (true, _) => "somebody who did not make the change".into(),
            (false, 0..=6) => members.join(", "),
            (false, _) => format!("a member of {}", self.teams.join(" or ")),
        };
        let key = self.fields.first().map_or("Reviewed-by", |field| field.name.as_str());
        Finding::new(Line::say(what)).in_commit(tip).by(whom).paste(format!("{key}: <name> <address>"))
    }
}

/// An approval as it is stated.
#[derive(Clone, Copy)]
struct Stated<'change> {
    commit: &'change Commit,
    key: &'change str,
    value: &'change Text,
    line: usize,
}

impl Stated<'_> {
    fn says(&self) -> Line {
        Line::say(format!("`{}` names ", self.key)).quote(self.value)
    }

    fn finding(&self, what: Line) -> Finding {
        Finding::new(what)
            .in_commit(self.commit.id)
            .on_line(self.line)
            .by("somebody who did not make the change")
    }

    fn same_person(&self, other: &Stated<'_>) -> bool {
        let address = |stated: &Stated<'_>| {
            Person::read(stated.value.as_bytes())
                .ok()
                .and_then(|person| canonical_address(person.email.as_bytes()))
        };
        address(self).is_some_and(|mine| address(other) == Some(mine))
    }
}

/// Somebody whose approval counts.
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

#[cfg(test)]
mod tests {
    use super::super::examples::{example, texts};

    const QUESTION: &str = "
fields:
  Reviewed-by: { person: true }
  Authorized-by: { person: true }
people:
  teams: { security: [sec@example.com, both@example.com], ops: [both@example.com, ops@example.com] }
  bots: ['*[bot]']
";

    fn says(ask: &str, change: &str) -> Vec<String> {
        texts(&example(&format!("ask: {{ approvals: {ask} }}{QUESTION}change:\n{change}")))
    }

    fn reviewed_by(reviewer: &str) -> String {
        format!("  commits:\n  - message: \"x\\n\\nReviewed-by: {reviewer}\\n\"\n")
    }

    const CLAIMED: &str = "{ trust: claimed }";

    #[test]
    fn nobody_who_made_the_change_approves_it() {
        for (reviewer, extra) in [
            ("Ana <ana@example.com>", ""),
            ("A. <ANA+review@Example.COM>", ""),
            ("ana <other@example.com>", ""),
            ("Bob <bob@example.com>", "    committer: Bob <bob@example.com>\n"),
            ("Bob <bob@example.com>", "    author: Robert <bob@example.com>\n"),
        ] {
            let change = format!("{}{extra}", reviewed_by(reviewer));
            assert!(!says(CLAIMED, &change).is_empty(), "{reviewer}");
        }
        let co_author = "  commits:\n  - message: \"x\\n\\nCo-authored-by: Bob <bob@example.com>\\nReviewed-by: Bob <bob@example.com>\\n\"\n";
        assert!(!says(CLAIMED, co_author).is_empty());
        for pusher in ["bob@example.com", "bob", "BOB"] {
            let change = format!("  pusher: {pusher}\n{}", reviewed_by("Bob X <bob@example.com>"));
            assert!(!says(CLAIMED, &change).is_empty(), "{pusher}");
        }
    }

    #[test]
    fn bots_and_broken_names_do_not_approve() {
        for reviewer in [
            "helper[bot] <1+helper[bot]@users.noreply.github.com>",
            "Bob",
            "Bob <bob@x> <c@y>",
            "b\u{43e}b <b\u{43e}b@example.com>",
        ] {
            assert!(!says(CLAIMED, &reviewed_by(reviewer)).is_empty(), "{reviewer}");
        }
    }

    #[test]
    fn one_person_counts_once() {
        let twice = "  commits:\n  - message: \"x\\n\\nReviewed-by: Bob <bob@example.com>\\nReviewed-by: Bob <b@home.example>\\n\"\n";
        assert!(!says("{ at-least: 2, trust: claimed }", twice).is_empty());
        assert!(says("{ at-least: 1, trust: claimed }", twice).is_empty());
    }

    #[test]
    fn distinct_teams_take_distinct_people() {
        let both = reviewed_by("Both <both@example.com>");
        let ask = "{ from: [security, ops], distinct-teams: true, trust: claimed }";
        assert!(!says(ask, &both).is_empty());
        let two = "  commits:\n  - message: \"x\\n\\nReviewed-by: Both <both@example.com>\\nReviewed-by: Sec <sec@example.com>\\n\"\n";
        assert!(says(ask, two).is_empty());
        assert!(
            !says("{ from: security, trust: claimed }", &reviewed_by("Ops <ops@example.com>")).is_empty()
        );
    }

    #[test]
    fn an_approval_covers_what_it_was_given_for() {
        let inner =
            "  commits:\n  - message: \"x\\n\\nReviewed-by: Bob <bob@example.com>\\n\"\n  - message: y\n";
        assert_eq!(says(CLAIMED, inner).len(), 2);
        assert!(says("{ trust: claimed, of: any-commit }", inner).is_empty());
        let clean_merge =
            format!("{}  - {{ message: merge, merge: true }}\n", reviewed_by("Bob <bob@example.com>"));
        assert!(says(CLAIMED, &clean_merge).is_empty());
        let evil_merge = format!(
            "{}  - {{ message: merge, merge: true, own-content: [a] }}\n",
            reviewed_by("Bob <bob@example.com>")
        );
        assert!(!says(CLAIMED, &evil_merge).is_empty());
    }

    #[test]
    fn what_is_not_known_is_not_taken_for_granted() {
        let change = format!("  unknown: [pusher]\n{}", reviewed_by("Bob <bob@example.com>"));
        assert_eq!(says(CLAIMED, &change)[0].split(':').next(), Some("unknown"));
        assert_eq!(says("{}", &reviewed_by("Bob <bob@example.com>"))[0].split(':').next(), Some("unknown"));
        let stage = format!("  stage: commit-msg\n{}", reviewed_by("Bob <bob@example.com>"));
        assert_eq!(says(CLAIMED, &stage)[0].split(':').next(), Some("unknown"));
    }
}
