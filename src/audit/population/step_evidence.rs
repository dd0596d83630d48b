//! What the commits of one step say, and the verdict on them where no record holds it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::change::{
    Change, Commit, CommitMessage, Commits, Fact, FactKind, Missing, NeededFacts, Oid, Person, Stage, Text,
};
use crate::gate::LoadedPolicy;
use crate::gate::obligations::find_closing;
use crate::gate::push::change_judge::collect_commits;
use crate::gate::walk_facts::WalkFacts;
use crate::git::UnreadableCommit;
use crate::judge::{collect_reasons, judge_change};
use crate::ledger::audit::attempts::ChangeMarks;
use crate::ledger::record::RecordedReasons;
use crate::policy::{ChangeUnit, FOR_CHANGE_TRAILER};
use crate::verdict::Verdict;

/// How many bytes of a purpose are kept.
const MAX_PURPOSE_BYTES: usize = 500;

/// How many paths of a step are kept.
const MAX_FEW_PATHS: usize = 10;

/// How many people of one kind are kept for a step.
const MAX_PEOPLE: usize = 50;

/// What the commits of a step say.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct StepFacts {
    /// The number of its commits.
    pub(crate) commits: usize,
    /// The first line of the message of its last commit; for a merge that GitHub or GitLab made, the title of the
    /// request that was merged.
    pub(crate) title: Text,
    /// The first paragraph of the message after the title, without trailers.
    pub(crate) purpose: Text,
    /// The author of its last commit.
    pub(crate) author: Person,
    /// When that commit was written, as it claims.
    pub(crate) authored_at: Timestamp,
    /// When that commit was made, as it claims.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) committed_at: Option<Timestamp>,
    /// The committer of its last commit.
    pub(crate) committer: Person,
    /// Everybody who is named as author or co-author, each once, in the order in which they are named.
    pub(crate) people: Vec<Person>,
    /// How many paths it changes, against the step before.
    pub(crate) files: Option<usize>,
    /// The paths that it changes, if they are few.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) paths: Vec<Text>,
    /// How many lines it adds and removes, where the policy asks for that.
    pub(crate) lines: Option<u64>,
    /// The number of the pull request that the message names, as a forge writes it.
    pub(crate) claimed_pull: Option<u64>,
    /// The values of trailers that a change log shows, whatever the policy calls its fields.
    pub(crate) trailers: BTreeMap<String, Text>,
    /// Which part of it cannot be read, and why, if one cannot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) unread: Option<String>,
}

/// Everything that is read of one step.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct StepEvidence {
    /// What its commits say, or why they cannot be read.
    pub(crate) facts: Result<StepFacts, String>,
    /// The ids of its commits, the last of which is the step's own.
    pub(crate) commits: Vec<Oid>,
    /// What the verdicts on it rest on, where they were asked for: one, or one for each commit.
    pub(crate) judged: Vec<RecordedReasons>,
    /// These verdicts themselves, where they are kept.
    #[serde(skip)]
    pub(crate) verdicts: Vec<Verdict>,
    /// True if it states something for an earlier change and changes no file: it is a record of that change.
    pub(crate) is_record: bool,
    /// What refused attempts are recognised by, where there are any.
    pub(crate) marks: Option<ChangeMarks>,
    /// True if all of its commits say that they are older than the audit: then it does not matter when that is made.
    pub(crate) is_older_than_audit: bool,
}

impl StepEvidence {
    /// Returns what is known of a step that cannot be read.
    pub(crate) fn unreadable(id: Oid, why: String) -> StepEvidence {
        StepEvidence {
            facts: Err(why),
            commits: vec![id],
            judged: Vec::new(),
            verdicts: Vec::new(),
            is_record: false,
            marks: None,
            is_older_than_audit: false,
        }
    }
}

/// What judges the steps of a history whose verdicts no record holds.
pub(crate) struct StepJudge<'a> {
    /// The policy that the ref held before; absent where it held none that can be used.
    pub(crate) loaded: Option<&'a LoadedPolicy>,
    /// The ref.
    pub(crate) target: &'a Text,
    /// The time of the audit: no change is seen later than that.
    pub(crate) now: Timestamp,
    /// True if the ledger holds refused attempts.
    pub(crate) wants_marks: bool,
    /// True if the verdicts are kept, and not only what they rest on.
    pub(crate) keeps_verdicts: bool,
    /// The facts that are read.
    pub(crate) needs: &'a NeededFacts,
    /// What completes each step, if there is a policy.
    pub(crate) walk_facts: Option<WalkFacts<'a>>,
}

impl StepJudge<'_> {
    /// Reads a step, and judges it if `is_judged` says so of its last commit.
    pub(crate) fn read_step(
        &self,
        commits: Vec<Result<Commit, UnreadableCommit>>,
        is_judged: impl Fn(Oid) -> bool,
    ) -> StepEvidence {
        let mut ids = Vec::with_capacity(commits.len());
        for commit in &commits {
            ids.extend(match commit {
                Ok(commit) => commit.id,
                Err(unreadable) => Some(unreadable.id),
            });
        }
        let mut evidence = StepEvidence {
            facts: Err(String::new()),
            commits: ids,
            judged: Vec::new(),
            verdicts: Vec::new(),
            is_record: false,
            marks: None,
            is_older_than_audit: false,
        };
        if let Some(unreadable) = commits.iter().find_map(|commit| commit.as_ref().err()) {
            evidence.facts = Err(format!("commit {} cannot be read: {}", unreadable.id, unreadable.reason));
            return evidence;
        }
        let commits = match collect_commits(commits) {
            Ok(commits) => commits,
            Err(_) => {
                evidence.facts = Err("its commits have more trailers than are judged".to_owned());
                return evidence;
            }
        };
        evidence.is_older_than_audit =
            commits.iter().all(|commit| find_commit_time(commit).is_some_and(|at| at <= self.now));
        let unread = find_unread_part(&commits, self.needs);
        evidence.facts = Ok(StepFacts { unread, ..StepFacts::from_commits(&commits) });
        if self.wants_marks {
            evidence.marks = Some(ChangeMarks::from_commits(&commits));
        }
        let is_judged = commits.last().id.is_some_and(is_judged);
        let divided = match self.loaded {
            Some(loaded) if loaded.policy.change_unit == ChangeUnit::Commit => {
                commits.iter().cloned().map(Commits::from).collect()
            }
            _ => vec![commits],
        };
        evidence.is_record = divided.iter().all(|commits| self.is_record(commits));
        if let Some(loaded) = self.loaded
            && is_judged
        {
            for commits in divided {
                let change = self.build_change(commits);
                let verdict = judge_change(&loaded.policy, &change, false);
                let reasons = collect_reasons(&[&loaded.policy], &change, &verdict);
                evidence.judged.push(RecordedReasons::from(&reasons));
                if self.keeps_verdicts {
                    evidence.verdicts.push(verdict);
                }
            }
        }
        evidence
    }

    fn build_change(&self, commits: Commits) -> Change {
        let committed_at = find_commit_time(commits.last());
        let seen_at = committed_at.map_or(self.now, |committed| committed.min(self.now));
        let pusher = Err(Missing::NotAtThisStage(FactKind::Pusher));
        let target = Ok(self.target.clone());
        let mut change = Change::from_repository(Stage::Check, target, pusher, seen_at, commits);
        if let Some(walk_facts) = &self.walk_facts {
            walk_facts.complete_change(&mut change);
        }
        change
    }

    /// Returns true if a change has no file, and speaks for an earlier one.
    fn is_record(&self, commits: &Commits) -> bool {
        let is_empty = |paths: &Fact<Vec<_>>| paths.as_ref().is_ok_and(Vec::is_empty);
        let Some(loaded) = self.loaded else { return false };
        if !commits.iter().all(|commit| is_empty(&commit.paths)) {
            return false;
        }
        let closing = find_closing(&self.build_change(commits.clone()), &loaded.policy, None);
        // Whoever only names an earlier change says nothing of it.
        closing.is_some_and(|closing| {
            closing.states.iter().any(|stated| !stated.field.eq_ignore_ascii_case(FOR_CHANGE_TRAILER))
        })
    }
}

impl StepFacts {
    /// Returns true if both say the same of commits; what the files and lines are, the commits alone do not say.
    pub(crate) fn says_same_of_commits(&self, other: &StepFacts) -> bool {
        self.commits == other.commits
            && self.title == other.title
            && self.purpose == other.purpose
            && self.author == other.author
            && self.authored_at == other.authored_at
            && self.committed_at == other.committed_at
            && self.committer == other.committer
            && self.people == other.people
            && self.claimed_pull == other.claimed_pull
            && self.trailers == other.trailers
    }

    /// Returns true if it names these paths: all of those that it changes, or none where they are many or were not read.
    pub(crate) fn has_paths<'a>(&self, paths: impl Iterator<Item = &'a Text>) -> bool {
        let mut changed: Vec<&Text> = paths.collect();
        if self.files.is_none() || changed.len() > MAX_FEW_PATHS {
            changed.clear();
        }
        let mut named: Vec<&Text> = self.paths.iter().collect();
        named.sort_unstable();
        changed.sort_unstable();
        named == changed
    }

    fn from_commits(commits: &Commits) -> StepFacts {
        let last = commits.last();
        let (title, purpose) = split_message(last);
        let mut people: Vec<Person> = Vec::new();
        let mut add_person = |person: Person| {
            if people.len() < MAX_PEOPLE && !people.contains(&person) {
                people.push(person);
            }
        };
        let mut trailers = BTreeMap::new();
        for commit in commits {
            // A merge that somebody made of the work of others is not their work.
            if commits.len() == 1 || !commit.is_merge() {
                add_person(commit.author.clone());
            }
            for trailer in commit.message.trailers() {
                if trailer.key.eq_ignore_ascii_case("Co-authored-by")
                    && let Ok(person) = Person::parse_person(trailer.value.as_bytes())
                {
                    add_person(person);
                }
                if let Some(known) =
                    SHOWN_TRAILERS.iter().find(|known| known.eq_ignore_ascii_case(&trailer.key))
                {
                    trailers.entry((*known).to_owned()).or_insert_with(|| trailer.value.clone());
                }
            }
        }
        StepFacts {
            commits: commits.len(),
            claimed_pull: find_claimed_pull(&last.message),
            title,
            purpose,
            author: last.author.clone(),
            authored_at: Timestamp::from_second(last.authored_at).unwrap_or(Timestamp::UNIX_EPOCH),
            committed_at: find_commit_time(last),
            committer: last.committer.clone(),
            people,
            files: last.paths.as_ref().ok().map(Vec::len),
            paths: list_few_paths(last),
            lines: last.lines.as_ref().ok().map(|lines| lines.added.saturating_add(lines.removed)),
            trailers,
            unread: None,
        }
    }
}

/// Returns the paths that a commit changes; none if they are many, as only those of small changes are compared.
fn list_few_paths(commit: &Commit) -> Vec<Text> {
    match &commit.paths {
        Ok(paths) if paths.len() <= MAX_FEW_PATHS => paths.iter().map(|one| one.path.clone()).collect(),
        _ => Vec::new(),
    }
}

/// Returns when a commit was made, as it claims; `None` for what is no time.
fn find_commit_time(commit: &Commit) -> Option<Timestamp> {
    Timestamp::from_second(commit.committed_at).ok()
}

/// Returns which of the facts that were asked for cannot be read, and why: that of the first commit that lacks one.
fn find_unread_part(commits: &Commits, needs: &NeededFacts) -> Option<String> {
    commits.iter().find_map(|commit| {
        let blobs = commit.paths.iter().flatten().map(|path| &path.blob);
        let blob = blobs.filter_map(|blob| find_loss(blob, needs, FactKind::Blobs)).next();
        let found = find_loss(&commit.paths, needs, FactKind::Paths)
            .or_else(|| find_loss(&commit.lines, needs, FactKind::Lines))
            .or(blob);
        let id = commit.id.map(|id| id.short_hex()).unwrap_or_default();
        if let Some(why) = found {
            return Some(format!("what {id} changes cannot be read: {why}"));
        }
        let why = find_loss(&commit.evil_merge_paths, needs, FactKind::EvilMerges)?;
        Some(format!("what the merge {id} itself adds to what it brings in is not known: {why}"))
    })
}

/// Returns why a fact that was asked for is lost; what is merely too large is not.
fn find_loss<'a, T>(fact: &'a Fact<T>, needs: &NeededFacts, kind: FactKind) -> Option<&'a str> {
    match fact {
        Err(Missing::Unavailable(_, why)) if needs.contains(&kind) => Some(why),
        _ => None,
    }
}

/// The trailers that a change log shows although no pack defines a field for them.
pub(crate) const SHOWN_TRAILERS: [&str; 7] =
    ["Requested-by", "Affects", "Impact", "Depends-On", "Test-Evidence", "Reason", "Caused-by"];

/// Returns the title of a commit, and the first paragraph after it that is no trailer.
fn split_message(commit: &Commit) -> (Text, Text) {
    let subject = commit.message.subject();
    let body = commit.message.body();
    let mut paragraphs = body
        .split(|byte| *byte == b'\n')
        .map(<[u8]>::trim_ascii_end)
        .collect::<Vec<_>>()
        .split(|line| line.is_empty())
        .filter(|lines| !lines.is_empty())
        .map(|lines| lines.join(&b' '))
        .collect::<Vec<_>>()
        .into_iter();
    let mut title = subject;
    if title.as_bytes().starts_with(b"Merge pull request #")
        && let Some(line) = paragraphs.next()
    {
        // GitHub puts the title of the pull request under its own first line.
        title = Text::new(line);
    }
    let trailers = commit.message.trailers();
    let is_trailer = |paragraph: &Vec<u8>| {
        trailers.iter().any(|trailer| {
            paragraph.len() > trailer.key.len()
                && paragraph.get(..trailer.key.len()).is_some_and(|start| start == trailer.key.as_bytes())
                && paragraph.get(trailer.key.len()) == Some(&b':')
        })
    };
    let purpose = paragraphs.find(|paragraph| !is_trailer(paragraph)).unwrap_or_default();
    (title, Text::new(purpose).cut_to(MAX_PURPOSE_BYTES))
}

/// Returns the number of the pull request that a forge wrote into the first line of a message.
pub(crate) fn find_claimed_pull(message: &CommitMessage) -> Option<u64> {
    let subject = message.subject();
    let subject = subject.as_utf8()?;
    let digits = match subject.strip_prefix("Merge pull request #") {
        Some(rest) => rest.split(' ').next()?,
        // A squash ends with the number in brackets.
        None => subject.trim_end().strip_suffix(')')?.rsplit_once("(#")?.1,
    };
    digits.parse().ok()
}
