//! Approvals that a forge vouches for: the reviews of a pull request, and comments where that is asked.
//!
//! The latest decision of each person counts, yes or no; approving twice withdraws nothing. Each
//! approval that does not count has a finding with the reason. A missing fact matters only where it
//! would decide.

use jiff::Timestamp;

use crate::change::pull_request::{ForgeAccount, PullReview};
use crate::change::{Fact, FactKind, Missing, PullRequest, Text};
use crate::people::contributors::NotIndependent;
use crate::people::independence::ParticipantIndex;
use crate::predicates::approvals::approvers::CountedApprover;
use crate::predicates::approvals::coverage;
use crate::predicates::approvals::decisions::{ReviewDecision, SpeakerKeys, latest_decisions};
use crate::predicates::approvals::named_people::{describe_dependence, describe_unknown};
use crate::predicates::approvals::requirement::{ApprovalCoverage, ApprovalsPredicate};
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::find_unidentified_contributor;
use crate::verdict::{Finding, Fixer, Message, messages};

messages! {
    TOO_FEW_REVIEWS = "approvals.too-few-reviews":
        "needs {needed} approving {needed:review|reviews}{from} of the final revision; {count} {count:counts|count}";
    TOO_FEW_REVIEWS_OF_ANY = "approvals.too-few-reviews-of-any-revision":
        "needs {needed} approving {needed:review|reviews}{from} of this pull request; {count} {count:counts|count}";
    NOT_COUNTED = "approvals.not-counted": "the approval of {account} does not count: {reason}";
    GHOST_NOT_COUNTED = "approvals.ghost-not-counted":
        "an approval does not count: the account that gave it no longer exists";
    UNLISTED_APPROVER = "approvals.unlisted-approver":
        "the approver is not in the roster; list the account there as `{listed}`";
    READ_ONLY_ACCOUNT = "approvals.read-only-account": "the account may not write to the repository";
    NOT_SUBMITTED = "approvals.not-submitted": "the review is not submitted";
    LOST_REVISION = "approvals.lost-revision": "the forge has lost the revision that was reviewed";
    UNDECIDED = "approvals.undecided": "what is known here does not tell whether it counts";
    PUSHER_UNKNOWN = "approvals.pusher-unknown":
        "it is not known here who pushes, and the pusher's own approval does not count";
    SUPERSEDED = "approvals.superseded": "a later decision of the same person replaced it";
    COUNTED_ALREADY = "approvals.counted-already": "another approval of the same person counts";
    UNCOMPARED_MERGE = "approvals.uncompared-merge":
        "the merge {revision} counts as a commit of its author: the forge gave no comparison that could prove that it brings nothing but the base";
}

/// Answers the question from the reviews of the pull request.
pub(crate) fn evaluate_reviews(
    asked: &ApprovalsPredicate,
    context: &EvaluationContext<'_>,
) -> Result<PredicateOutcome, Missing> {
    let pull = context.change.require_pull(FactKind::Reviews)?;
    let reviews = pull.reviews.as_ref().map_err(Missing::clone)?;
    let (participants, missing_contributor) = context.participants();
    let counter = ReviewCounter::new(asked, context, pull);
    let mut count = counter.count_reviews(reviews)?;
    let (mut untrue_claims, doubtful_claim) = counter.check_approval_claims(&count);
    let mut findings = Vec::new();
    findings.extend(find_unidentified_contributor(participants, context));
    findings.append(&mut count.objections);
    findings.append(&mut untrue_claims);
    // A refusal needs no missing fact if even all undecided approvals would be too few.
    if !asked.has_enough_approvals(&count.best_case(), context) {
        findings.append(&mut counter.list_shortfalls(&count));
        if pull.uncompared.contains(&pull.head.id) {
            let what = UNCOMPARED_MERGE.with("revision", pull.head.id.short_hex());
            findings.push(Finding::new(what).fixed_by(asked.approval_fixer()));
        }
    }
    if !findings.is_empty() {
        findings.append(&mut count.ignored_approvals);
        return Ok(PredicateOutcome::Fails(findings));
    }
    if !asked.has_enough_approvals(&count.counted_approvers, context)
        && let Some((_, missing)) = count.undecided_keys.into_iter().next()
    {
        return Err(missing);
    }
    match count.missing_objector.or(doubtful_claim).or(missing_contributor.cloned()) {
        Some(missing) => Err(missing),
        None => Ok(PredicateOutcome::Holds),
    }
}

/// The approvals and objections of a pull request.
#[derive(Default)]
pub(super) struct ReviewCount {
    /// The people who approve and are asked.
    pub(super) counted_approvers: Vec<CountedApprover>,
    /// The people who are asked, and approve if a missing fact turns out well.
    possible_approvers: Vec<CountedApprover>,
    /// The keys of all who approve, asked or not.
    pub(super) approved_keys: Vec<String>,
    /// The keys of all who may be approving, with what is missing to tell.
    pub(super) undecided_keys: Vec<(String, Missing)>,
    /// The findings about requested changes.
    pub(super) objections: Vec<Finding>,
    /// What is missing to tell whether an objection is one.
    pub(super) missing_objector: Option<Missing>,
    /// The findings about approvals that do not count.
    ignored_approvals: Vec<Finding>,
}

impl ReviewCount {
    /// Returns the approvers if all that is undecided turns out well, each once.
    fn best_case(&self) -> Vec<CountedApprover> {
        let mut approvers = self.counted_approvers.clone();
        for possible in &self.possible_approvers {
            if !self.counted_approvers.iter().any(|known| known.is_same_person(possible)) {
                approvers.push(possible.clone());
            }
        }
        approvers
    }
}

/// An approval, by a review or by a comment.
pub(super) struct GivenApproval<'change> {
    pub(super) by: Option<&'change ForgeAccount>,
    pub(super) at: Option<Timestamp>,
    pub(super) may_approve: &'change Fact<bool>,
    /// Whether it is of the final revision, or why not.
    pub(super) coverage: Result<(), Message>,
}

/// Why an approval does not count, and who can fix that.
pub(super) struct UncountedApproval {
    pub(super) message: Message,
    fixer: Fixer,
}

/// An approval of a person who is independent of the change.
pub(super) struct WeighedReview {
    /// The key of the person.
    pub(super) key: String,
    /// When it was given.
    at: Timestamp,
    /// What is missing to be sure that it counts.
    pub(super) gap: Option<Missing>,
    /// The key of the person for whom it counts, or why the approver is none of those who are asked.
    pub(super) seat: Result<String, Message>,
}

/// Returns how much an approval is worth beside others of the same person.
fn rank_weight(weighed: &Result<WeighedReview, UncountedApproval>) -> u8 {
    match weighed {
        Err(_) => 0,
        Ok(one) => 1 + 2 * u8::from(one.seat.is_ok()) + u8::from(one.gap.is_none()),
    }
}

/// What counting the reviews of a pull request takes.
pub(super) struct ReviewCounter<'judge> {
    pub(super) predicate: &'judge ApprovalsPredicate,
    pub(super) context: &'judge EvaluationContext<'judge>,
    pub(super) pull: &'judge PullRequest,
    pub(super) participants: ParticipantIndex<'judge>,
    pub(super) speakers: SpeakerKeys,
}

impl<'judge> ReviewCounter<'judge> {
    pub(super) fn new(
        predicate: &'judge ApprovalsPredicate,
        context: &'judge EvaluationContext<'judge>,
        pull: &'judge PullRequest,
    ) -> Self {
        let participants = ParticipantIndex::new(predicate.find_participants(context));
        ReviewCounter { predicate, context, pull, participants, speakers: SpeakerKeys::new(pull, context) }
    }
}

impl ReviewCounter<'_> {
    /// Counts the reviews, and the comments where these count as well.
    ///
    /// # Errors
    ///
    /// Returns the gap if the comments are not known.
    pub(super) fn count_reviews(&self, reviews: &[PullReview]) -> Result<ReviewCount, Missing> {
        let decisions = latest_decisions(reviews, &self.speakers, self.context);
        let mut count = self.count_decisions(&decisions);
        if !self.predicate.commands.is_empty() {
            for comment in self.pull.comments.as_ref().map_err(Missing::clone)? {
                if let Some(approval) = self.approval_from_comment(comment, &decisions) {
                    self.count_approvals(&[approval], &mut count);
                }
            }
        }
        Ok(count)
    }

    fn count_decisions(&self, decisions: &[ReviewDecision<'_>]) -> ReviewCount {
        let mut count = ReviewCount::default();
        for decision in decisions {
            match decision {
                ReviewDecision::Approved(reviews) => {
                    let mut approvals = Vec::new();
                    for review in reviews {
                        approvals.push(self.approval_from_review(review));
                    }
                    self.count_approvals(&approvals, &mut count);
                }
                ReviewDecision::ChangesRequested(review) => self.count_objection(review, &mut count),
                ReviewDecision::Dismissed(review) => self.count_dismissal(review, &mut count),
            }
        }
        count
    }

    pub(super) fn approval_from_review<'change>(
        &self,
        review: &'change PullReview,
    ) -> GivenApproval<'change> {
        let coverage = match (&review.revision, self.predicate.coverage) {
            (None, _) => Err(Message::from(&LOST_REVISION)),
            (Some(_), ApprovalCoverage::AnyCommit) => Ok(()),
            (Some(of), ApprovalCoverage::FinalRevision) => {
                coverage::check_revision(self.predicate, of, self.context, self.pull)
            }
        };
        let by = review.by.as_ref();
        GivenApproval { by, at: review.at, may_approve: &review.may_approve, coverage }
    }

    /// Counts the approvals of one person, of which one is enough. If none of them counts, the last
    /// one has a finding.
    fn count_approvals(&self, approvals: &[GivenApproval<'_>], count: &mut ReviewCount) {
        // The best of a person's approvals counts: a stale one takes nothing from one that is sure, and one from when
        // they were in a team nothing from one from when they were not.
        let mut best: Option<Result<WeighedReview, UncountedApproval>> = None;
        for approval in approvals {
            let weighed = self.weigh_approval(approval);
            if best.as_ref().is_none_or(|best| rank_weight(best) <= rank_weight(&weighed)) {
                best = Some(weighed);
            }
        }
        let by = approvals.last().and_then(|approval| approval.by);
        let WeighedReview { key, at, gap, seat } = match best {
            Some(Ok(weighed)) => weighed,
            Some(Err(why)) => {
                count.ignored_approvals.push(uncounted_finding(by, why.message, why.fixer));
                return;
            }
            None => return,
        };
        let speaker = by.map(|account| self.speakers.person_key(account, self.context));
        let own = seat.as_ref().unwrap_or(&key).clone();
        let approver = CountedApprover::from_account(&key, own, at, speaker.unwrap_or_default(), by);
        let approvers = match gap {
            None => {
                count.approved_keys.push(key);
                &mut count.counted_approvers
            }
            Some(gap) => {
                count.undecided_keys.push((key, gap));
                let message = Message::from(&UNDECIDED);
                count.ignored_approvals.push(uncounted_finding(by, message, Fixer::GateAdministrator));
                &mut count.possible_approvers
            }
        };
        if let Err(message) = seat {
            let fixer = self.predicate.approval_fixer();
            count.ignored_approvals.push(uncounted_finding(by, message, fixer));
        } else if !approvers.iter().any(|known| known.is_same_person(&approver)) {
            approvers.push(approver);
        }
    }

    /// Returns the person who gave an approval, for whom it counts, and what is missing to be sure that it
    /// counts.
    ///
    /// # Errors
    ///
    /// Returns why it does not count, and who can fix that.
    pub(super) fn weigh_approval(
        &self,
        approval: &GivenApproval<'_>,
    ) -> Result<WeighedReview, UncountedApproval> {
        let uncounted = |message: Message| UncountedApproval { message, fixer: Fixer::Reviewer };
        let Some(account) = approval.by else { return Err(uncounted(Message::from(&GHOST_NOT_COUNTED))) };
        // The forge vouches for the time of what was submitted; nothing else counts.
        let given_at = approval.at.unwrap_or(self.context.change.seen_at);
        let checked =
            self.predicate.check_account(account, &self.participants, self.context.people, given_at);
        let key = match checked {
            Ok(key) => key,
            // An account that may not write is not to be listed either.
            Err(NotIndependent::Unknown) if approval.may_approve == &Ok(false) => {
                return Err(uncounted(Message::from(&READ_ONLY_ACCOUNT)));
            }
            Err(why) => {
                let is_unknown = matches!(
                    why,
                    NotIndependent::Unknown | NotIndependent::ChangedHands { .. } | NotIndependent::Absent(_)
                );
                let fixer = if is_unknown { Fixer::RosterOwner } else { Fixer::Reviewer };
                let message = match account.number {
                    // The number is what GitHub says now, and nothing that a person typed.
                    Some(number) if why == NotIndependent::Unknown => {
                        UNLISTED_APPROVER.with("listed", format!("{}#{number}", account.id.to_lossy()))
                    }
                    None if why == NotIndependent::Unknown => {
                        describe_unknown(&Text::default(), Some(&account.id), self.context.people)
                    }
                    _ => describe_dependence(&why),
                };
                return Err(UncountedApproval { message, fixer });
            }
        };
        if approval.may_approve == &Ok(false) {
            return Err(uncounted(Message::from(&READ_ONLY_ACCOUNT)));
        }
        approval.coverage.clone().map_err(uncounted)?;
        let Some(at) = approval.at else { return Err(uncounted(Message::from(&NOT_SUBMITTED))) };
        let gap = match coverage::check_proposal(self.pull, at, self.context) {
            Ok(Err(reason)) => return Err(uncounted(reason)),
            Ok(Ok(())) => None,
            Err(gap) => Some(gap),
        };
        let gap = approval.may_approve.as_ref().err().cloned().or(gap);
        let seat = self.predicate.find_approver_seat(&key, at, self.context);
        Ok(WeighedReview { key, at, gap, seat })
    }

    fn list_shortfalls(&self, count: &ReviewCount) -> Vec<Finding> {
        let template = match self.predicate.coverage {
            ApprovalCoverage::FinalRevision => &TOO_FEW_REVIEWS,
            ApprovalCoverage::AnyCommit => &TOO_FEW_REVIEWS_OF_ANY,
        };
        let approvers = (count.best_case(), count.counted_approvers.len());
        self.predicate.list_shortfalls(template, (&approvers.0, approvers.1), self.context)
    }
}

/// Returns the finding that the approval of an account does not count; without an account, the reason
/// is that it is gone.
fn uncounted_finding(by: Option<&ForgeAccount>, reason: Message, fixer: Fixer) -> Finding {
    let what = match by {
        Some(account) => NOT_COUNTED.with("account", &account.id).with("reason", reason),
        None => reason,
    };
    Finding::new(what).fixed_by(fixer)
}

#[cfg(test)]
mod tests {
    use crate::change::{Change, FactKind, Missing, PusherIdentity};
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    const POLICY: &str = "
fields:
  Risk: { ordered: [low, high] }
  Reviewed-by: { person: true }
  Authorized-by: { person: true }
people:
  teams: { duty: ['github:kim', 'github:ana'], security: ['github:sec', 'github:kim'] }
  bots: ['*[bot]']
";
    const ROSTER: &str = "
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: ['github:ana', 'github:ana-home'] }
    bob: { addresses: [bob@example.com], accounts: ['github:bob', 'github:bob-home'] }
    kim: { addresses: [kim@example.com], accounts: ['github:kim'] }
";

    fn text(ask: &str, policy: &str, commit: &str, pull: &str) -> String {
        let pull: String = pull.lines().map(|line| format!("    {line}\n")).collect();
        format!(
            "ask: {{ approvals: {ask} }}{policy}change:\n  stage: pull-request\n  commits: [{{ {commit} }}]\n  pull:\n    name: acme/shop#12\n{pull}"
        )
    }

    fn says(ask: &str, pull: &str) -> Vec<String> {
        finding_texts(&answer_example(&text(ask, POLICY, "", pull)))
    }

    /// Returns what is said of one review.
    fn of_review(review: &str) -> Vec<String> {
        says("{ trust: claimed }", &format!("reviews: [{{ {review} }}]"))
    }

    fn known(ask: &str, commit: &str, pull: &str) -> Vec<String> {
        finding_texts(&answer_example(&text(ask, &format!("{POLICY}{ROSTER}"), commit, pull)))
    }

    const SHORT: &str = "needs 1 approving review of the final revision; 0 count";

    #[test]
    fn a_review_by_somebody_else_counts_whatever_trust_is_asked() {
        for ask in ["{}", "{ trust: claimed }", "{ trust: verified }"] {
            assert_eq!(says(ask, "reviews: [{ by: bob }]"), [""; 0], "{ask}");
            assert_eq!(says(ask, "title: x"), [SHORT], "{ask}");
        }
    }

    #[test]
    fn a_trailer_is_no_review() {
        let commit = "message: \"x\\n\\nReviewed-by: Bob <bob@users.noreply.github.com>\\n\"";
        let found = finding_texts(&answer_example(&text("{ trust: claimed }", POLICY, commit, "title: x")));
        assert_eq!(found.len(), 2);
        assert!(found[0].contains("has not approved the pull request"), "{found:?}");
        assert_eq!(found[1], SHORT);
        // It is true as soon as they have.
        let backed = text("{}", POLICY, commit, "reviews: [{ by: bob }]");
        assert_eq!(finding_texts(&answer_example(&backed)), [""; 0]);
        // Another person's review does not make it true.
        let other = text("{}", POLICY, commit, "reviews: [{ by: carol }]");
        assert_eq!(finding_texts(&answer_example(&other)).len(), 1);
    }

    #[test]
    fn a_name_is_backed_only_by_the_account_that_it_is_tied_to() {
        let named = |who: &str| format!("body: \"Reviewed-by: {who}\"\nreviews: [{{ by: bob }}]");
        let found = says("{}", &named("Bob <bob@example.com>"));
        assert!(found[0].contains("not tied to an account"), "{found:?}");
        assert_eq!(known("{}", "", &named("Bob <bob@example.com>")), [""; 0]);
        assert_eq!(known("{}", "", &named("Kim <kim@example.com>")).len(), 1);
        assert_eq!(known("{}", "", &named("Zoe <zoe@example.com>")).len(), 1);
        for who in ["Ana <ana@users.noreply.github.com>", "Bob", "x[bot] <x@example.com>"] {
            assert_eq!(says("{}", &named(who)).len(), 1, "{who}");
        }
        // A field that the question does not read is another question's business.
        assert_eq!(
            says("{}", "body: 'Authorized-by: Kim <kim@example.com>'\nreviews: [{ by: bob }]"),
            [""; 0]
        );
    }

    #[test]
    fn the_same_false_name_in_many_commits_is_told_once() {
        let text = text("{}", POLICY, "", "reviews: [{ by: bob }]")
            .replace("[{  }]", "[{ message: \"x\\n\\nReviewed-by: Zoe <z@example.com>\\n\" }, { message: \"y\\n\\nReviewed-by: Zoe <z@example.com>\\n\" }]");
        assert_eq!(finding_texts(&answer_example(&text)).len(), 1);
    }

    #[test]
    fn nobody_who_made_it_approves_it() {
        for (commit, pull, said) in [
            ("", "reviews: [{ by: ana }]", " is the author of this change"),
            ("", "reviews: [{ by: ANA }]", " is the author of this change"),
            ("", "opener: bob\nreviews: [{ by: bob }]", " is the opener of this change"),
            (
                "committer: Bob <bob@example.com>",
                "reviews: [{ by: bob }]",
                " is the committer of this change",
            ),
            (
                "message: \"x\\n\\nCo-authored-by: Bob <bob@example.com>\\n\"",
                "reviews: [{ by: bob }]",
                " is a co-author of this change",
            ),
            (
                "",
                "makers: [{ role: pusher, account: bob }]\nreviews: [{ by: bob }]",
                " is the pusher of this change",
            ),
        ] {
            let found = finding_texts(&answer_example(&text("{}", POLICY, commit, pull)));
            assert!(found.len() == 2 && found[1].contains(said), "{found:?}");
        }
        for pusher in ["github:bob", "bob", "github:BOB"] {
            let found = answer_edited(&text("{}", POLICY, "", "reviews: [{ by: bob }]"), |change| {
                change.pusher = Ok(PusherIdentity::Account(pusher.into()));
            });
            assert_eq!(finding_texts(&found).len(), 2, "{pusher}");
        }
        assert_eq!(
            known("{}", "", "reviews: [{ by: 'carol#12' }]")[1].split(": ").nth(1),
            Some("the approver is not in the roster; list the account there as `github:carol#12`")
        );
        // One person with two accounts, or with an account and an address.
        assert_eq!(known("{}", "", "reviews: [{ by: ana-home }]").len(), 2);
        let pushed = known("{}", "", "makers: [{ role: pusher, account: bob-home }]\nreviews: [{ by: bob }]");
        assert_eq!(pushed.len(), 2);
        assert_eq!(known("{}", "", "reviews: [{ by: bob-home }]"), [""; 0]);
    }

    #[test]
    fn each_review_that_does_not_count_is_told_with_its_reason() {
        for (review, said) in [
            ("by: gone", "an approval does not count: the account that gave it no longer exists"),
            ("by: 'helper[bot]'", "a bot cannot approve"),
            ("by: bob, may-approve: false", "the account may not write to the repository"),
            ("by: bob, of: earlier", "it is of another revision, 5b5b5b5b5b"),
            ("by: bob, of: same-tree", "it is of another revision, 5b5b5b5b5b"),
            ("by: bob, of: lost", "the forge has lost the revision that was reviewed"),
        ] {
            let found = of_review(review);
            assert!(found.len() == 2 && found[1].ends_with(said), "{found:?}");
        }
        assert_eq!(
            known("{}", "", "reviews: [{ by: carol }]")[1].split(": ").nth(1),
            Some("the approver is not in the roster")
        );
        for state in ["commented", "pending"] {
            assert_eq!(of_review(&format!("by: bob, state: {state}")), [SHORT]);
        }
    }

    #[test]
    fn a_machine_that_nobody_calls_a_bot_approves_nothing_either() {
        let found = answer_edited(&text("{}", POLICY, "", "reviews: [{ by: bob }]"), |change| {
            let review = &mut change.pull.as_mut().unwrap().reviews.as_mut().unwrap()[0];
            review.by.as_mut().unwrap().is_person = false;
        });
        assert_eq!(finding_texts(&found).len(), 2);
    }

    #[test]
    fn an_amended_message_keeps_a_review_unless_a_field_says_something_else() {
        let now = "message: \"x\\n\\nRisk: low\\n\"";
        let said = |then: &str| {
            let review = format!("reviews: [{{ by: bob, of: amended, message: \"{then}\" }}]");
            finding_texts(&answer_example(&text("{}", POLICY, now, &review)))
        };
        assert_eq!(said("a misspelt subject\\n\\nBug: 1\\nRisk: low\\n"), [""; 0]);
        for then in ["x\\n\\nRisk: high\\n", "x\\n", "x\\n\\nRisk: low\\nRisk: low\\n"] {
            let found = said(then);
            assert!(found[1].ends_with("whose message states something else in `Risk`"), "{found:?}");
        }
        // Of an earlier revision on demand, and never of one that is lost.
        assert_eq!(says("{ of: any-commit }", "reviews: [{ by: bob, of: earlier }]"), [""; 0]);
        assert_eq!(says("{ of: any-commit }", "reviews: [{ by: bob, of: lost }]").len(), 2);
    }

    #[test]
    fn what_the_description_stated_is_part_of_what_was_approved() {
        let said = |edits: &str| {
            says("{}", &format!("body: 'Risk: low'\nedits: [{edits}]\nreviews: [{{ by: bob, at: 2h }}]"))
        };
        for edits in [
            "",
            "{ at: 5h, body: 'Risk: low' }",
            "{ at: 5h, body: 'Risk: high' }, { at: 3h, body: 'Risk: low' }",
            "{ at: 5h, body: 'Risk: low' }, { at: 1h, body: 'Risk: high' }, { at: 0h, body: 'Risk: low' }",
            "{ at: 5h, body: 'Other: words' }, { at: 3h, body: \"Risk: low\\nOther: x\" }, { at: 1h, body: 'Risk: low' }",
        ] {
            assert_eq!(said(edits), [""; 0], "{edits}");
        }
        for edits in [
            "{ at: 5h, body: 'Risk: high' }, { at: 1h, body: 'Risk: low' }",
            "{ at: 5h, body: 'nothing' }, { at: 1h, body: 'Risk: low' }",
            // Of two at the same instant, it is unknown which came first.
            "{ at: 5h, body: 'Risk: low' }, { at: 2h, body: 'Risk: high' }, { at: 1h, body: 'Risk: low' }",
            "{ at: 5h, body: 'Risk: high' }, { at: 2h, body: 'Risk: low' }",
        ] {
            let found = said(edits);
            assert!(
                found[1].ends_with("`Risk` changed in the description after the approval"),
                "{edits}: {found:?}"
            );
        }
        for edits in ["{ at: 5h }, { at: 1h, body: 'Risk: low' }", "{ at: 1h, body: 'Risk: low' }"] {
            let found = said(edits);
            assert!(found[1].ends_with("does not say what the description stated at that time"), "{found:?}");
        }
    }

    #[test]
    fn an_approval_for_another_branch_is_none() {
        assert_eq!(says("{}", "retargeted: 3h\nreviews: [{ by: bob, at: 2h }]"), [""; 0]);
        for at in ["3h", "4h"] {
            let found = says("{}", &format!("retargeted: 3h\nreviews: [{{ by: bob, at: {at} }}]"));
            assert!(
                found[1].ends_with("it was given before the base branch was changed, replaced or deleted"),
                "{found:?}"
            );
        }
    }

    #[test]
    fn the_latest_word_of_each_person_counts() {
        let said = |reviews: &str| known("{}", "", &format!("reviews: [{reviews}]"));
        let (yes, no) = ("{ by: bob }", "{ by: bob, state: changes-requested, of: earlier }");
        let (gone, hm) = ("{ by: bob, state: dismissed }", "{ by: bob, state: commented }");
        for reviews in [format!("{no}, {yes}"), format!("{yes}, {hm}"), format!("{gone}, {yes}")] {
            assert_eq!(said(&reviews), [""; 0], "{reviews}");
        }
        // Who approves twice takes nothing back.
        assert_eq!(said("{ by: bob }, { by: bob, of: earlier }"), [""; 0]);
        // A dismissed word brings no earlier one back.
        for reviews in [format!("{yes}, {gone}"), format!("{no}, {gone}"), gone.to_owned()] {
            assert_eq!(said(&reviews), [SHORT], "{reviews}");
        }
        let objected = "changes are requested by `github:bob`";
        for reviews in [format!("{yes}, {no}"), format!("{no}, {hm}"), format!("{no}, {{ by: kim }}")] {
            assert_eq!(said(&reviews)[0], objected, "{reviews}");
        }
        // Two accounts are one person.
        assert_eq!(said("{ by: bob-home }, { by: bob, state: dismissed }"), [SHORT]);
        assert_eq!(said("{ by: bob, state: changes-requested }, { by: bob-home }"), [""; 0]);
    }

    #[test]
    fn an_objection_stands_unless_it_is_nobodys_business() {
        let said = |objection: &str| {
            says("{}", &format!("reviews: [{{ by: bob }}, {{ {objection}, state: changes-requested }}]"))
        };
        for objection in ["by: carol", "by: carol, of: lost", "by: ana"] {
            assert_eq!(said(objection).len(), 1, "{objection}");
        }
        for objection in ["by: gone", "by: 'helper[bot]'", "by: carol, may-approve: false"] {
            assert_eq!(said(objection), [""; 0], "{objection}");
        }
        let open = said("by: carol, may-approve: unknown");
        assert!(open[0].starts_with("unknown: reviews"), "{open:?}");
        // Whom the roster does not know is not ignored.
        let stranger = "reviews: [{ by: bob }, { by: zoe, state: changes-requested }]";
        assert_eq!(known("{}", "", stranger), ["changes are requested by `github:zoe`"]);
    }

    #[test]
    fn next_to_somebody_unknown_nobody_is_somebody_else() {
        for (commit, pull) in [
            ("", "opener: gone"),
            ("", "makers: [{ role: author, email: zoe@example.com }]"),
            ("", "makers: [{ role: pusher }]"),
            ("message: \"x\\n\\nCo-authored-by: Zoe\\n\"", "title: x"),
        ] {
            let pull = format!("{pull}\nreviews: [{{ by: bob }}]");
            for policy in [POLICY, &format!("{POLICY}{ROSTER}")] {
                let found = finding_texts(&answer_example(&text("{}", policy, commit, &pull)));
                assert!(found.len() == 1 && found[0].contains("cannot be identified"), "{found:?}");
            }
        }
        // The roster knows an address that the forge does not; a bot is a bot; a forge is no person.
        let maker =
            |maker: &str| format!("makers: [{{ role: committer, {maker} }}]\nreviews: [{{ by: bob }}]");
        assert_eq!(known("{}", "", &maker("email: kim@example.com")), [""; 0]);
        assert_eq!(says("{}", &maker("email: 'x[bot]@example.com'")).len(), 1);
        assert_eq!(says("{}", &maker("account: 'x[bot]', email: 'x[bot]@example.com'")), [""; 0]);
        let co_author = "makers: [{ role: co-author, email: 'x[bot]@example.com' }]\nreviews: [{ by: bob }]";
        assert_eq!(says("{}", co_author), [""; 0]);
        assert_eq!(says("{}", &maker("email: noreply@github.com")).len(), 1);
        assert_eq!(says("{}", &maker("email: kim@example.com")).len(), 1);
        // A commit for which the forge lists no account.
        let found = answer_edited(&text("{}", POLICY, "", "reviews: [{ by: bob }]"), |change| {
            change.pull.as_mut().unwrap().contributors = Ok(Vec::new());
        });
        assert!(finding_texts(&found)[0].starts_with("the author, `Ana`, cannot be identified"), "{found:?}");
    }

    #[test]
    fn a_team_approves_by_its_members_and_a_trailer_adds_nobody() {
        let ask = "{ field: Authorized-by, from: [duty] }";
        assert_eq!(says(ask, "reviews: [{ by: kim }]"), [""; 0]);
        let found = says(ask, "reviews: [{ by: bob }]");
        assert!(found[1].ends_with("the approver is not a member of duty"), "{found:?}");
        let named = "body: 'Authorized-by: Kim <kim@users.noreply.github.com>'";
        assert_eq!(says(ask, named).len(), 2);
        assert_eq!(says(ask, &format!("{named}\nreviews: [{{ by: kim }}]")), [""; 0]);
        assert_eq!(says(ask, "reviews: [{ by: ana }]").len(), 2);
    }

    #[test]
    fn several_are_counted_by_person_and_by_team() {
        assert_eq!(known("{ at-least: 2 }", "", "reviews: [{ by: bob }, { by: bob-home }]").len(), 1);
        assert_eq!(known("{ at-least: 2 }", "", "reviews: [{ by: bob }, { by: kim }]"), [""; 0]);
        let ask = "{ from: [duty, security], distinct-teams: true }";
        assert_eq!(says(ask, "reviews: [{ by: kim }]").len(), 1);
        assert_eq!(says(ask, "reviews: [{ by: kim }, { by: sec }]"), [""; 0]);
    }

    #[test]
    fn people_are_told_apart_by_the_numbers_of_their_accounts() {
        let two = |reviews: &str| says("{ at-least: 2 }", &format!("reviews: [{reviews}]"));
        assert_eq!(two("{ by: 'bob#7' }, { by: 'carol#8' }"), [""; 0]);
        assert_eq!(two("{ by: 'bob#7' }, { by: 'carol#7' }").len(), 1);
        // A login with another number does not add a person for sure.
        assert_eq!(two("{ by: 'bob#7' }, { by: 'bob#8' }").len(), 1);
        let head = "01".repeat(20);
        let commanded = |by: &str| {
            let ask = "{ at-least: 2, commands: ['/approve'] }";
            says(
                ask,
                &format!("reviews: [{{ by: 'bob#7' }}]\ncomments: [{{ by: '{by}', text: /approve {head} }}]"),
            )
        };
        assert_eq!((commanded("carol#8").len(), commanded("carol#7").len()), (0, 1));
        // Nor does it take back what another account said under that login.
        let objected = |rest: &str| says("{}", &format!("reviews: [{{ by: carol }}, {rest}]"));
        let no = "{ by: 'bob#7', state: changes-requested }";
        assert_eq!(objected(&format!("{no}, {{ by: 'bob#7' }}")), [""; 0]);
        assert_eq!(objected(&format!("{no}, {{ by: 'robert#7' }}")), [""; 0]);
        assert_eq!(objected(&format!("{no}, {{ by: 'bob#8' }}")).len(), 1);
        let dismissed = |by: &str| {
            objected(&format!(
                "{{ by: 'bob#7', state: dismissed, was: changes-requested, dismissed-by: '{by}' }}"
            ))
        };
        assert_eq!(dismissed("bob#7"), [""; 0]);
        assert_eq!(dismissed("bob#8").len(), 1);
        // Nor does a login whose number is not told.
        assert_eq!(objected(&format!("{no}, {{ by: bob }}")).len(), 1);
        assert_eq!(objected(&format!("{no}, {{ by: bob, state: dismissed }}")).len(), 1);
        assert_eq!(dismissed("bob").len(), 1);
        // What another account dismisses stays, whoever is to approve.
        for ask in ["{}", "{ from: [duty] }"] {
            let by = |account: &str| {
                let review = "by: bob, state: dismissed, was: changes-requested";
                says(ask, &format!("reviews: [{{ by: kim }}, {{ {review}, dismissed-by: {account} }}]"))
            };
            assert_eq!(by("bob"), [""; 0], "{ask}");
            for account in ["kim", "carol", "ana"] {
                assert!(by(account)[0].contains("does not withdraw it"), "{ask}: {account}");
            }
        }
    }

    #[test]
    fn a_command_counts_only_if_it_is_known_to_come_after_the_push() {
        let comment = format!("comments: [{{ by: bob, text: /approve {} }}]", "01".repeat(20));
        let ask = "{ at-least: 1, commands: ['/approve'] }";
        let text = text(ask, POLICY, "author: Ana <ana@example.com>", &comment);
        let said = |is_known: bool| {
            finding_texts(&answer_edited(&text, |change| {
                if let Ok(pull) = &mut change.pull {
                    pull.pushed_at = pull.pushed_at.filter(|_| is_known);
                }
            }))
        };
        assert_eq!(said(true), [""; 0]);
        assert!(said(false).concat().contains("not known when the final revision was pushed"));
    }

    #[test]
    fn a_comment_approves_only_where_the_policy_says_so() {
        let ask = "{ commands: ['/approve'] }";
        let said = |ask: &str, comment: &str| says(ask, &format!("comments: [{{ by: bob, {comment} }}]"));
        let head = "01".repeat(20);
        let good = format!("text: \"/approve {head}\\r\\n\\nWell done.\"");
        assert_eq!(said(ask, &good), [""; 0]);
        assert_eq!(said(ask, &format!("{good}, at: 0h")), [""; 0]);
        assert_eq!(said("{}", &good), [SHORT]);
        let all = "and nothing else: `/approve 0101010101010101010101010101010101010101`";
        for (comment, why) in [
            (format!("{good}, edited: true"), "the comment was edited"),
            (format!("{good}, may-approve: false"), "may not write to the repository"),
            ("text: /approve 010101010101".to_owned(), all),
            ("text: /approve".to_owned(), all),
            (format!("text: /approve {head} please"), all),
            (format!("text: /approve {}", "01".repeat(21)), all),
            (format!("text: /approve {}", "02".repeat(20)), "it is of another revision"),
            (format!("{good}, at: 1h"), "the comment was written before the revision was pushed"),
        ] {
            let found = said(ask, &comment);
            assert!(found.len() == 2 && found[1].ends_with(why), "{found:?}");
        }
        for comment in [
            format!("text: \"I would say /approve {head}\""),
            format!("text: \"> x\\n/approve {head}\""),
            format!("text: \" /approve {head}\""),
            format!("text: /APPROVE {head}"),
            format!("text: /approves {head}"),
        ] {
            assert_eq!(said(ask, &comment), [SHORT], "{comment}");
        }
        let by = |who: &str| says(ask, &format!("comments: [{{ by: {who}, text: /approve {head} }}]"));
        for who in ["ana", "gone", "'x[bot]'"] {
            assert_eq!(by(who).len(), 2, "{who}");
        }
        // An objection is taken back by a review, and what was taken away stays so.
        for state in ["changes-requested", "dismissed"] {
            let reviews = format!(
                "reviews: [{{ by: bob, state: {state} }}]\npushed: 2h\ncomments: [{{ by: bob, at: 1h, text: /approve {head} }}]"
            );
            assert!(!says(ask, &reviews).is_empty(), "{state}");
        }
    }

    #[test]
    fn a_fact_that_is_missing_is_missing_only_where_it_decides() {
        let without = |pull: &str, forget: fn(&mut Change)| {
            finding_texts(&answer_edited(&text("{}", POLICY, "", pull), forget))
        };
        let gap = || Missing::Unavailable(FactKind::Reviews, "it was taken away".into());
        let unknown = |found: Vec<String>| assert!(found[0].starts_with("unknown: "), "{found:?}");
        let one = "reviews: [{ by: bob }]";
        unknown(says("{}", "reviews: [{ by: bob, may-approve: unknown }]"));
        assert_eq!(says("{}", "reviews: [{ by: bob, may-approve: unknown }, { by: carol }]"), [""; 0]);
        assert_eq!(says("{ at-least: 2 }", "reviews: [{ by: bob, may-approve: unknown }]").len(), 2);
        let twice = "reviews: [{ by: bob }]\ncomments: [{ by: bob, may-approve: unknown, text: /approve 0101010101010101010101010101010101010101 }]";
        assert_eq!(says("{ at-least: 2, commands: ['/approve'] }", twice).len(), 2);
        let forgets: [fn(&mut Change); 4] = [
            |change| change.pull.as_mut().unwrap().reviews = Err(Missing::NotConfigured(FactKind::Reviews)),
            |change| change.pull.as_mut().unwrap().edits = Err(Missing::NotConfigured(FactKind::Reviews)),
            |change| {
                change.pull.as_mut().unwrap().retargeted_at = Err(Missing::NotConfigured(FactKind::Reviews))
            },
            |change| {
                change.pull.as_mut().unwrap().contributors = Err(Missing::NotConfigured(FactKind::Pusher))
            },
        ];
        for forget in forgets {
            unknown(without(one, forget));
        }
        unknown(without(one, |change| change.pusher = Err(Missing::NotConfigured(FactKind::Pusher))));
        // Too few are too few, whoever made it.
        assert_eq!(without("title: x", forgets[3]), [SHORT]);
        // A claim may still be true.
        let named = "body: 'Reviewed-by: Bob <bob@users.noreply.github.com>'";
        unknown(says(
            "{}",
            &format!("{named}\nreviews: [{{ by: carol }}, {{ by: bob, may-approve: unknown }}]"),
        ));
        // A pull request that could not be read is no push.
        unknown(finding_texts(&answer_edited(&text("{ trust: claimed }", POLICY, "", one), move |change| {
            change.pull = Err(gap())
        })));
    }

    #[test]
    fn a_command_that_is_none_is_refused() {
        for question in
            ["{ commands: [] }", "{ commands: approve }", "{ commands: '/a b' }", "{ commands: '/' }"]
        {
            assert_eq!(
                question_faults(&format!("ask: {{ approvals: {question} }}{POLICY}")).len(),
                1,
                "{question}"
            );
        }
    }
}
