//! Every approval and objection that the question looked at, with what each was worth: the record of who
//! counted, which nobody can find out later.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::change::pull_request::{ForgeAccount, PullReview};
use crate::change::{FactKind, Missing, Person, PullRequest, Text};
use crate::people::independence::ParticipantIndex;
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::predicates::approvals::cross_approval::AuthorParts;
use crate::predicates::approvals::decisions::{ReviewDecision, latest_decisions};
use crate::predicates::approvals::pusher_approval::{
    find_pushing_account, identify_pusher, list_content_commits,
};
use crate::predicates::approvals::requirement::{ApprovalCoverage, ApprovalTrust, ApprovalsPredicate};
use crate::predicates::approvals::reviews::{
    COUNTED_ALREADY, GivenApproval, PUSHER_UNKNOWN, ReviewCount, ReviewCounter, SUPERSEDED, UNDECIDED,
    WeighedReview,
};
use crate::predicates::approvals::stated_approvals::{StatedApproval, find_all_approvals};
use crate::predicates::approvals::trailer_approvals::{PARTIAL, find_covering_approvals, identify_approver};
use crate::predicates::signed::find_unsigned_commits;
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::parameters::find_unidentified_contributor;
use crate::verdict::reasons::MAX_REASONS_OF_A_KIND;
use crate::verdict::{ApprovalDecision, ApprovalSource, ChangeLocation, ConsideredApproval, Message};

/// An approval or an objection, and what it was worth to one question.
pub(crate) struct WeighedApproval {
    /// The approval; [`ConsideredApproval::uses`] is empty.
    pub(crate) approval: ConsideredApproval,
    /// True if it counts.
    pub(crate) counts: bool,
    /// The key of the person for whom it counts; `None` if that is the approver.
    pub(crate) acts_for: Option<String>,
    /// Why it does not; `None` for an objection that was withdrawn.
    pub(crate) why_not: Option<Message>,
}

impl WeighedApproval {
    fn new(approval: ConsideredApproval, weight: Result<Option<String>, Option<Message>>) -> WeighedApproval {
        let counts = weight.is_ok();
        match weight {
            Ok(acts_for) => WeighedApproval { approval, counts, acts_for, why_not: None },
            Err(why_not) => WeighedApproval { approval, counts, acts_for: None, why_not },
        }
    }
}

/// Approvals and objections with what they were worth: those that count first, as many as are kept.
#[derive(Default)]
pub(crate) struct WeighedApprovals {
    pub(crate) kept: Vec<WeighedApproval>,
    /// How many more there are.
    pub(crate) left_out: usize,
}

impl WeighedApprovals {
    /// Adds an approval if it counts, or if there is room. A message can name thousands.
    pub(super) fn add_approval(
        &mut self,
        weight: Result<Option<String>, Option<Message>>,
        build: impl FnOnce() -> ConsideredApproval,
    ) {
        if self.kept.len() < MAX_REASONS_OF_A_KIND {
            self.kept.push(WeighedApproval::new(build(), weight));
            return;
        }
        self.left_out += 1;
        if weight.is_err() {
            return;
        }
        // Who counts is the last thing to be left out.
        if let Some(other) = self.kept.iter_mut().rev().find(|other| !other.counts) {
            *other = WeighedApproval::new(build(), weight);
        }
    }
}

impl ApprovalsPredicate {
    /// Returns the approvals and objections that the question looks at.
    ///
    /// # Errors
    ///
    /// Returns the fact that is missing to know them.
    pub(crate) fn list_weighed_approvals(
        &self,
        context: &EvaluationContext<'_>,
    ) -> Result<WeighedApprovals, Missing> {
        if self.is_given_by_pusher() {
            return self.weigh_pusher(context);
        }
        match &context.change.pull {
            Ok(pull) => self.weigh_reviews(pull, context),
            Err(_) => {
                // Where only what is verified counts, a trailer names at most who has to have signed.
                let mut weighed = match self.trust {
                    ApprovalTrust::Claimed => self.weigh_trailers(context)?,
                    ApprovalTrust::Verified => WeighedApprovals::default(),
                };
                self.weigh_signatures(context, &mut weighed);
                Ok(weighed)
            }
        }
    }

    fn weigh_reviews(
        &self,
        pull: &PullRequest,
        context: &EvaluationContext<'_>,
    ) -> Result<WeighedApprovals, Missing> {
        let reviews = pull.reviews.as_ref().map_err(Missing::clone)?;
        let hindrance = find_hindrance(context, context.participants().1);
        let counter = ReviewCounter::new(self, context, pull);
        let parts = self.list_author_parts(context);
        let decisions = latest_decisions(reviews, &counter.speakers, context);
        let mut weighed = WeighedApprovals::default();
        let mut counted: HashSet<String> = HashSet::new();
        for review in reviews {
            let Some(decision) = ApprovalDecision::from_review(&review.state) else { continue };
            let weight = match find_decision(&decisions, review) {
                None => Err(Some(Message::from(&SUPERSEDED))),
                Some(ReviewDecision::Approved(_)) => {
                    let given = counter.approval_from_review(review);
                    counter.weigh_counted(&given, (&parts, hindrance.as_ref()), &mut counted)
                }
                Some(ReviewDecision::ChangesRequested(_)) => {
                    counter.weigh_objection(|count| counter.count_objection(review, count))
                }
                Some(ReviewDecision::Dismissed(_)) => {
                    counter.weigh_objection(|count| counter.count_dismissal(review, count))
                }
            };
            weighed.add_approval(weight, || review_approval(review, decision, context));
        }
        if self.commands.is_empty() {
            return Ok(weighed);
        }
        for comment in pull.comments.as_ref().map_err(Missing::clone)? {
            let Some(given) = counter.approval_from_comment(comment, &decisions) else { continue };
            let weight = counter.weigh_counted(&given, (&parts, hindrance.as_ref()), &mut counted);
            weighed.add_approval(weight, || {
                let (source, decision) = (ApprovalSource::Comment, ApprovalDecision::Approved);
                let mut approval = build_approval(source, decision, (given.by, given.at), context);
                approval.revision = given.coverage.is_ok().then_some(pull.head.id);
                approval
            });
        }
        Ok(weighed)
    }

    /// Weighs the push as an approval.
    fn weigh_pusher(&self, context: &EvaluationContext<'_>) -> Result<WeighedApprovals, Missing> {
        let mut weighed = WeighedApprovals::default();
        let Ok(account) = find_pushing_account(context.change)? else { return Ok(weighed) };
        let content = list_content_commits(context.change)?;
        let hindrance = find_hindrance(context, None).or(self.describe_unsigned_push(context.change)?);
        let unsigned = match self.trust {
            ApprovalTrust::Verified => {
                let (findings, missing) = find_unsigned_commits(&content, context);
                findings
                    .into_iter()
                    .map(|one| one.message)
                    .next()
                    .or(missing.map(|_| Message::from(&UNDECIDED)))
            }
            ApprovalTrust::Claimed => None,
        };
        let weight = match identify_pusher(self, account, &content, context) {
            Err(reason) => Err(Some(reason)),
            Ok(pusher) => match hindrance.or(unsigned) {
                Some(why) => Err(Some(why)),
                None => Ok(name_delegator(&pusher.key, pusher.seat)),
            },
        };
        weighed.add_approval(weight, || {
            let person = match context.people.identify_pusher(account) {
                ResolvedIdentity::Human(key) => Some(key),
                _ => None,
            };
            ConsideredApproval {
                source: ApprovalSource::Push,
                decision: ApprovalDecision::Approved,
                by: Some(account.clone()),
                account_number: None,
                teams: list_teams(person.as_deref(), context.change.seen_at, context.people),
                person,
                at: Some(context.change.seen_at),
                revision: context.change.tip().id,
                relation: None,
                place: ChangeLocation::default(),
                uses: Vec::new(),
            }
        });
        Ok(weighed)
    }

    fn weigh_trailers(&self, context: &EvaluationContext<'_>) -> Result<WeighedApprovals, Missing> {
        let (participants, missing_contributor) = context.participants();
        let hindrance = find_hindrance(context, missing_contributor);
        let index = ParticipantIndex::new(participants);
        let commits = &context.change.commits;
        let parts = self.list_author_parts(context);
        let covering = match self.coverage {
            ApprovalCoverage::AnyCommit => find_all_approvals(self, commits),
            ApprovalCoverage::FinalRevision => find_covering_approvals(self, commits)?,
        };
        // A line is known by where its value stands.
        let covering: HashSet<*const Text> =
            covering.iter().map(|one| std::ptr::from_ref(one.value)).collect();
        let mut counted = HashSet::new();
        let mut weighed = WeighedApprovals::default();
        for stated in &find_all_approvals(self, commits) {
            let is_covering = covering.contains(&std::ptr::from_ref(stated.value));
            let weight = match identify_approver(self, stated, &index, context) {
                Err(uncounted) => Err(Some(uncounted.reason)),
                Ok(_) if !is_covering => Err(Some(Message::from(&PARTIAL))),
                Ok(approver) => {
                    let own =
                        parts.find_hindrance(&approver.key, &approver.name, &approver.login, approver.number);
                    let acts_for = name_delegator(&approver.key, approver.seat);
                    let by = (approver.key.as_str(), acts_for);
                    count_person(approver.key.clone(), by, own.as_ref().or(hindrance.as_ref()), &mut counted)
                }
            };
            weighed.add_approval(weight, || trailer_approval(stated, context));
        }
        Ok(weighed)
    }
}

impl ReviewCounter<'_> {
    /// Returns whether an approval counts; each person counts once.
    fn weigh_counted(
        &self,
        given: &GivenApproval<'_>,
        (parts, hindrance): (&AuthorParts<'_>, Option<&Message>),
        counted: &mut HashSet<String>,
    ) -> Result<Option<String>, Option<Message>> {
        let WeighedReview { key, gap, seat, .. } =
            self.weigh_approval(given).map_err(|why| Some(why.message))?;
        let login = given.by.map(|account| account.id.to_lossy().to_ascii_lowercase()).unwrap_or_default();
        let number = given.by.and_then(|account| account.number);
        if let Some(why) = parts.find_hindrance(&key, "", &login, number) {
            return Err(Some(why));
        }
        if gap.is_some() {
            return Err(Some(Message::from(&UNDECIDED)));
        }
        let acts_for = name_delegator(&key, seat.map_err(Some)?);
        let speaker = given.by.map(|account| self.speakers.person_key(account, self.context));
        count_person(speaker.unwrap_or_else(|| key.clone()), (&key, acts_for), hindrance, counted)
    }

    /// Returns whether an objection stands, as `count` finds out.
    fn weigh_objection(
        &self,
        count: impl FnOnce(&mut ReviewCount),
    ) -> Result<Option<String>, Option<Message>> {
        let mut found = ReviewCount::default();
        count(&mut found);
        if !found.objections.is_empty() {
            return Ok(None);
        }
        Err(found.missing_objector.map(|_| Message::from(&UNDECIDED)))
    }
}

/// Returns the key of the person for whom an approval counts, unless that is the approver.
pub(super) fn name_delegator(key: &str, seat: String) -> Option<String> {
    if seat == key { None } else { Some(seat) }
}

/// Counts a person, unless they or those for whom they act are counted already, or something keeps everybody from
/// counting. Returns for whom they act.
fn count_person(
    speaker: String,
    (key, acts_for): (&str, Option<String>),
    hindrance: Option<&Message>,
    counted: &mut HashSet<String>,
) -> Result<Option<String>, Option<Message>> {
    if let Some(hindrance) = hindrance {
        return Err(Some(hindrance.clone()));
    }
    let seat = format!("seat of {}", acts_for.as_deref().unwrap_or(key));
    if counted.contains(&seat) || !counted.insert(speaker) {
        return Err(Some(Message::from(&COUNTED_ALREADY)));
    }
    counted.insert(seat);
    Ok(acts_for)
}

/// Returns why nobody can be shown to be independent of the change; `None` if somebody can.
pub(super) fn find_hindrance(context: &EvaluationContext<'_>, missing: Option<&Missing>) -> Option<Message> {
    let (participants, _) = context.participants();
    let unidentified = find_unidentified_contributor(participants, context);
    unidentified.map(|finding| finding.message).or_else(|| missing.map(describe_missing_contributor))
}

/// Returns why an approval cannot be shown to be independent where a contributor is not known.
///
/// Records keep the code of what a server or a forge could have known and did not, and are judged again by it.
fn describe_missing_contributor(missing: &Missing) -> Message {
    match missing {
        Missing::NotAtThisStage(FactKind::Pusher) => Message::from(&PUSHER_UNKNOWN),
        _ => Message::from(&UNDECIDED),
    }
}

/// Returns the decision in force that this review is, or is one of.
fn find_decision<'decisions, 'change>(
    decisions: &'decisions [ReviewDecision<'change>],
    review: &PullReview,
) -> Option<&'decisions ReviewDecision<'change>> {
    decisions.iter().find(|decision| match decision {
        ReviewDecision::Approved(reviews) => reviews.iter().any(|one| std::ptr::eq(*one, review)),
        ReviewDecision::ChangesRequested(one) | ReviewDecision::Dismissed(one) => std::ptr::eq(*one, review),
    })
}

/// Returns a review in the form in which it is kept.
pub(crate) fn review_approval(
    review: &PullReview,
    decision: ApprovalDecision,
    context: &EvaluationContext<'_>,
) -> ConsideredApproval {
    let given = (review.by.as_ref(), review.at);
    let mut approval = build_approval(ApprovalSource::Review, decision, given, context);
    approval.revision = review.revision.as_ref().map(|revision| revision.id);
    approval
}

fn build_approval(
    source: ApprovalSource,
    decision: ApprovalDecision,
    (by, at): (Option<&ForgeAccount>, Option<Timestamp>),
    context: &EvaluationContext<'_>,
) -> ConsideredApproval {
    let people = context.people;
    let person = match by.map(|account| people.identify_forge_account(account)) {
        Some(ResolvedIdentity::Human(key)) => Some(key),
        _ => None,
    };
    ConsideredApproval {
        source,
        decision,
        by: by.map(|account| account.id.clone()),
        account_number: by.and_then(|account| account.number),
        teams: list_teams(person.as_deref(), at.unwrap_or(context.change.seen_at), people),
        person,
        at,
        revision: None,
        relation: None,
        place: ChangeLocation::default(),
        uses: Vec::new(),
    }
}

fn trailer_approval(stated: &StatedApproval<'_>, context: &EvaluationContext<'_>) -> ConsideredApproval {
    let people = context.people;
    let person = match Person::parse_person(stated.value.as_bytes()) {
        Ok(person) => match people.identify_person(&person) {
            ResolvedIdentity::Human(key) => Some(key),
            _ => None,
        },
        Err(_) => None,
    };
    let place =
        ChangeLocation { commit: stated.commit.id, line: Some(stated.line), ..ChangeLocation::default() };
    ConsideredApproval {
        source: ApprovalSource::Trailer,
        decision: ApprovalDecision::Approved,
        by: Some(stated.value.clone()),
        account_number: None,
        teams: list_teams(person.as_deref(), context.change.seen_at, people),
        person,
        at: None,
        revision: stated.commit.id,
        relation: None,
        place,
        uses: Vec::new(),
    }
}

/// Returns the teams that a person was in at a time, or in which they acted for somebody who was.
pub(super) fn list_teams(person: Option<&str>, at: Timestamp, people: &PeopleDirectory) -> Vec<String> {
    let Some(person) = person else { return Vec::new() };
    let mut teams = Vec::new();
    for team in people.team_names() {
        if people.is_member(person, team, at) {
            teams.push(team.to_owned());
        }
    }
    teams
}
