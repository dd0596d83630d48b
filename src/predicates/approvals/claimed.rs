//! Approvals that are claimed in trailers, where nobody vouches for more.
//!
//! A trailer says what somebody typed. It counts if it names a person who took no part in the change
//! and if it covers what lands.

use super::super::parameters::unidentified;
use super::super::{Reply, Seen};
use super::{Approvals, Approver, Of, words_on};
use crate::change::person::{canonical_address, comparable_name};
use crate::change::{Commit, Missing, Person, Text};
use crate::people::participants::{Participant, independent};
use crate::verdict::{Finding, Line};

/// Answers the question from the trailers of the commits.
pub(super) fn ask(asked: &Approvals, seen: &Seen<'_>) -> Result<Reply, Missing> {
    let (participants, no_pusher) = seen.participants();
    let commits = &seen.change.commits;
    let covering = match asked.of {
        Of::AnyCommit => commits.iter().flat_map(|commit| asked.stated_in(commit)).collect(),
        Of::FinalRevision => asked.covering(commits)?,
    };
    let mut findings = Vec::new();
    let mut approvers: Vec<Approver> = Vec::new();
    for stated in &covering {
        match asked.approver(stated, participants, seen) {
            Ok(approver) if approvers.iter().any(|known| known.is(&approver)) => {}
            Ok(approver) => approvers.push(approver),
            Err(what) => findings.push(stated.finding(what)),
        }
    }
    if let Some(finding) = unidentified(participants) {
        findings.insert(0, finding);
        return Ok(Reply::Fails(findings));
    }
    if asked.enough(&approvers, seen) {
        return match no_pusher {
            Some(missing) => Err(missing.clone()),
            None => Ok(Reply::Holds),
        };
    }
    for stated in commits.iter().flat_map(|commit| asked.stated_in(commit)) {
        if !covering.iter().any(|other| other.commit.id == stated.commit.id || other.value == stated.value) {
            let what = stated.says().and(", which does not cover the other commits of this change");
            findings.push(stated.finding(what));
        }
    }
    let key = asked.fields.first().map_or("Reviewed-by", |field| field.name.as_str());
    let place = format!("in {}", asked.field_names());
    let short = asked.short(approvers.len(), "approval", &place, seen);
    findings.insert(0, short.paste(format!("{key}: <name> <address>")));
    Ok(Reply::Fails(findings))
}

impl Approvals {
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
        let key = independent(&person, participants, seen.people)
            .map_err(|why| stated.says().then(words_on(&why)))?;
        if !self.asks(&key, seen) {
            return Err(stated.says().and(format!(", who is not in {}", self.teams.join(" or "))));
        }
        Ok(Approver { key, name: comparable_name(&person.name) })
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
