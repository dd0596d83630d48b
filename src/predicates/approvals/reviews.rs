//! Approvals that a forge vouches for: the reviews of a pull request, and comments where the policy
//! says so.
//!
//! The latest word of each person counts, yes or no; whoever approves twice takes nothing back. Each
//! approval that does not count is told with its reason. Whether facts are missing matters only
//! where they would decide.

use std::collections::HashMap;

use jiff::Timestamp;

use crate::change::pull_request::{ForgeAccount, PullComment, PullReview, ReviewState};
use crate::change::{Fact, FactKind, Missing, PullRequest};
use crate::people::ResolvedIdentity;
use crate::people::contributors::{NotIndependent, ResolvedContributor, check_independent_account};
use crate::predicates::approvals::{ApprovalCoverage, ApprovalsPredicate, CountedApprover, backed, coverage};
use crate::predicates::parameters::find_unidentified_contributor;
use crate::predicates::{EvaluationContext, PredicateOutcome};
use crate::verdict::{Finding, Sentence};

/// How many digits of a revision a comment has to name.
const MIN_REVISION_DIGITS: usize = 12;

const FIXED_BY_REVIEWER: &str = "the reviewer, by approving again";
const FIXED_BY_OTHERS: &str = "somebody who did not make the change";

/// Answers the question from the reviews of the pull request.
pub(crate) fn evaluate_reviews(
    asked: &ApprovalsPredicate,
    seen: &EvaluationContext<'_>,
) -> Result<PredicateOutcome, Missing> {
    let pull = seen.change.require_pull(FactKind::Reviews)?;
    let reviews = pull.reviews.as_ref().map_err(Clone::clone)?;
    let (participants, no_maker) = seen.participants();
    let hearing = ReviewCounter { predicate: asked, context: seen, pull, participants };
    let mut tally = ReviewCount::default();
    let words = latest_decisions(reviews, seen);
    for word in &words {
        match word {
            ReviewDecision::Approved(given) => {
                let given: Vec<_> = given.iter().map(|review| hearing.approval_from_review(review)).collect();
                hearing.count_approvals(&given, &mut tally);
            }
            ReviewDecision::ChangesRequested(review) => hearing.count_objection(review, &mut tally),
            ReviewDecision::Dismissed(_) => {}
        }
    }
    if !asked.commands.is_empty() {
        let comments = pull.comments.as_ref().map_err(Clone::clone)?;
        for given in comments.iter().filter_map(|comment| hearing.approval_from_comment(comment, &words)) {
            hearing.count_approvals(&[given], &mut tally);
        }
    }
    let (untrue, doubted) =
        backed::check_approval_claims(asked, seen, participants, &tally.approved_keys, &tally.undecided_keys);
    let mut best = tally.counted_approvers.clone();
    best.extend(
        tally
            .possible_approvers
            .iter()
            .filter(|one| !tally.counted_approvers.iter().any(|known| known.is_same_person(one)))
            .cloned(),
    );
    let mut findings: Vec<Finding> = find_unidentified_contributor(participants).into_iter().collect();
    findings.append(&mut tally.objections);
    findings.extend(untrue);
    if !asked.has_enough_approvals(&best, seen) {
        findings.push(hearing.shortfall_finding(tally.counted_approvers.len()));
    }
    if !findings.is_empty() {
        findings.append(&mut tally.ignored_approvals);
        return Ok(PredicateOutcome::Fails(findings));
    }
    let enough = asked.has_enough_approvals(&tally.counted_approvers, seen);
    let unknown = tally.undecided_keys.into_iter().map(|(_, gap)| gap).next().filter(|_| !enough);
    match unknown.or(tally.missing_objector).or(doubted).or(no_maker.cloned()) {
        Some(missing) => Err(missing),
        None => Ok(PredicateOutcome::Holds),
    }
}

/// What was heard.
#[derive(Default)]
struct ReviewCount {
    /// Who approves, of those who are asked.
    counted_approvers: Vec<CountedApprover>,
    /// Who may be approving, of those who are asked.
    possible_approvers: Vec<CountedApprover>,
    /// The keys of all who approve, asked or not.
    approved_keys: Vec<String>,
    /// The keys of all who may be approving, with what is missing to tell.
    undecided_keys: Vec<(String, Missing)>,
    /// The objections.
    objections: Vec<Finding>,
    /// What is missing to tell whether an objection is one.
    missing_objector: Option<Missing>,
    /// The approvals that do not count, and why.
    ignored_approvals: Vec<Finding>,
}

/// An approval that somebody has given.
struct GivenApproval<'change> {
    by: Option<&'change ForgeAccount>,
    at: Option<Timestamp>,
    may_approve: &'change Fact<bool>,
    /// Whether it is of what lands, or why not.
    coverage: Result<(), Sentence>,
}

/// The latest word of a person.
enum ReviewDecision<'change> {
    /// All approvals since he last said anything else.
    Approved(Vec<&'change PullReview>),
    ChangesRequested(&'change PullReview),
    /// It was yes or no until somebody took it away, which brings no earlier word back.
    Dismissed(&'change PullReview),
}

/// Returns the latest word of each person. An account that is gone is somebody else each time.
fn latest_decisions<'change>(
    reviews: &'change [PullReview],
    seen: &EvaluationContext<'_>,
) -> Vec<ReviewDecision<'change>> {
    let mut words: Vec<ReviewDecision<'_>> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for review in reviews {
        let word = match review.state {
            ReviewState::Approved if review.at.is_some() => ReviewDecision::Approved(vec![review]),
            ReviewState::ChangesRequested => ReviewDecision::ChangesRequested(review),
            ReviewState::Dismissed => ReviewDecision::Dismissed(review),
            // What is not handed in says nothing yet.
            ReviewState::Approved | ReviewState::Commented | ReviewState::Pending | ReviewState::Other(_) => {
                continue;
            }
        };
        let place = review.by.as_ref().map(|by| *places.entry(identity_key(by, seen)).or_insert(words.len()));
        match (place.and_then(|place| words.get_mut(place)), word) {
            (Some(ReviewDecision::Approved(earlier)), ReviewDecision::Approved(_)) => earlier.push(review),
            (Some(earlier), word) => *earlier = word,
            (None, word) => words.push(word),
        }
    }
    words
}

/// Returns what is equal for all accounts of one person.
fn identity_key(account: &ForgeAccount, seen: &EvaluationContext<'_>) -> String {
    match seen.people.identify_forge_account(account) {
        ResolvedIdentity::Human(key) => format!("person {key}"),
        ResolvedIdentity::Bot | ResolvedIdentity::Unknown => {
            format!("account {}", account.id.to_lossy().to_ascii_lowercase())
        }
    }
}

/// Returns the start of a sentence about an approval.
fn uncounted_approval_line(by: Option<&ForgeAccount>) -> Sentence {
    match by {
        Some(account) => {
            Sentence::from_words("the approval of ").with_quote(&account.id).with_words(" does not count: ")
        }
        None => Sentence::from_words("an approval does not count: "),
    }
}

struct ReviewCounter<'judge> {
    predicate: &'judge ApprovalsPredicate,
    context: &'judge EvaluationContext<'judge>,
    pull: &'judge PullRequest,
    participants: &'judge [ResolvedContributor],
}

impl ReviewCounter<'_> {
    fn approval_from_review<'change>(&self, review: &'change PullReview) -> GivenApproval<'change> {
        let covers = match (&review.revision, self.predicate.coverage) {
            (None, _) => Err(Sentence::from_words("the forge has lost which revision was looked at")),
            (Some(_), ApprovalCoverage::AnyCommit) => Ok(()),
            (Some(of), ApprovalCoverage::FinalRevision) => {
                coverage::check_revision(of, self.context, &self.pull.head)
            }
        };
        GivenApproval {
            by: review.by.as_ref(),
            at: review.at,
            may_approve: &review.may_approve,
            coverage: covers,
        }
    }

    /// Returns the approval that a comment gives; `None` if it does not begin with a command.
    fn approval_from_comment<'change>(
        &self,
        comment: &'change PullComment,
        words: &[ReviewDecision<'_>],
    ) -> Option<GivenApproval<'change>> {
        let mut written = comment.text.as_utf8()?.lines().next()?.trim_end().split(' ');
        let command = written.next()?;
        if !self.predicate.commands.iter().any(|known| known == command) {
            return None;
        }
        let digits = written.next().filter(|digits| {
            MIN_REVISION_DIGITS <= digits.len() && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let head = self.pull.head.id.to_string();
        let covers = match digits.filter(|_| written.next().is_none()) {
            _ if comment.is_edited => Err("the comment was edited".to_owned()),
            None => Err(format!(
                "`{command}` is followed by at least {MIN_REVISION_DIGITS} digits of a revision, and no more"
            )),
            Some(digits) if !head.starts_with(&digits.to_ascii_lowercase()) => {
                Err("it is of another revision".to_owned())
            }
            // Who takes back one approval does not mean to leave another.
            Some(_) if self.is_taken_back(comment, words) => {
                Err("a later review of the same person was taken away".to_owned())
            }
            Some(_) => Ok(()),
        };
        let covers = covers.map_err(Sentence::from_words);
        Some(GivenApproval {
            by: comment.by.as_ref(),
            at: Some(comment.at),
            may_approve: &comment.may_approve,
            coverage: covers,
        })
    }

    fn is_taken_back(&self, comment: &PullComment, words: &[ReviewDecision<'_>]) -> bool {
        let Some(by) = &comment.by else { return false };
        words.iter().any(|word| {
            let ReviewDecision::Dismissed(review) = word else { return false };
            let same = review
                .by
                .as_ref()
                .is_some_and(|other| identity_key(other, self.context) == identity_key(by, self.context));
            same && review.at.is_none_or(|at| comment.at <= at)
        })
    }

    /// Hears the approvals of one person, of which one is enough; of those that do not count the
    /// last one is told.
    fn count_approvals(&self, given: &[GivenApproval<'_>], tally: &mut ReviewCount) {
        let weighed: Vec<_> = given.iter().map(|given| self.weigh_approval(given)).collect();
        let sure = weighed.iter().find(|weighed| matches!(weighed, Ok((_, None))));
        let best = sure.or(weighed.iter().rev().find(|weighed| weighed.is_ok())).or(weighed.last());
        let by = given.last().and_then(|given| given.by);
        let (key, gap) = match best {
            Some(Ok(weighed)) => weighed,
            Some(Err((why, who))) => {
                tally.ignored_approvals.push(
                    Finding::new(uncounted_approval_line(by).with_sentence(why.clone())).fixed_by(*who),
                );
                return;
            }
            None => return,
        };
        let approver = CountedApprover { key: key.clone(), name: String::new() };
        let among = match gap {
            None => {
                tally.approved_keys.push(key.clone());
                &mut tally.counted_approvers
            }
            Some(gap) => {
                tally.undecided_keys.push((key.clone(), gap.clone()));
                let what = uncounted_approval_line(by).with_words(gap.to_string());
                tally.ignored_approvals.push(Finding::new(what).fixed_by("whoever administrates the gate"));
                &mut tally.possible_approvers
            }
        };
        if !self.predicate.accepts_approver(key, self.context) {
            let what = uncounted_approval_line(by)
                .with_words(format!("this is nobody in {}", self.predicate.teams.join(" or ")));
            tally.ignored_approvals.push(Finding::new(what).fixed_by("somebody who is asked"));
        } else if !among.iter().any(|known| known.is_same_person(&approver)) {
            among.push(approver);
        }
    }

    /// Returns the key of whoever gave an approval, and what is missing to be sure that it counts.
    ///
    /// # Errors
    ///
    /// Says why it does not, and who can mend that.
    fn weigh_approval(
        &self,
        given: &GivenApproval<'_>,
    ) -> Result<(String, Option<Missing>), (Sentence, &'static str)> {
        let account =
            given.by.ok_or((Sentence::from_words("the account that gave it is gone"), FIXED_BY_OTHERS))?;
        let key =
            check_independent_account(account, self.participants, self.context.people).map_err(|why| {
                match why {
                    NotIndependent::Contributor(participant) => {
                        let what =
                            Sentence::from_words(format!("this is {} of the change, ", participant.role));
                        (what.with_quote(&participant.name), FIXED_BY_OTHERS)
                    }
                    NotIndependent::Bot => (Sentence::from_words("a bot does not approve"), FIXED_BY_OTHERS),
                    NotIndependent::Unknown => (
                        Sentence::from_words("the roster does not know this account"),
                        "whoever keeps the roster of people",
                    ),
                }
            })?;
        if given.may_approve == &Ok(false) {
            return Err((
                Sentence::from_words("this account may not write to the repository"),
                "somebody who may",
            ));
        }
        given.coverage.clone().map_err(|why| (why, FIXED_BY_REVIEWER))?;
        let at = given.at.ok_or((Sentence::from_words("it is not handed in"), FIXED_BY_REVIEWER))?;
        let gap = match coverage::check_proposal(self.pull, at, self.context) {
            Ok(Err(why)) => return Err((why, FIXED_BY_REVIEWER)),
            Ok(Ok(())) => None,
            Err(gap) => Some(gap),
        };
        Ok((key, given.may_approve.as_ref().err().cloned().or(gap)))
    }

    /// Hears an objection. It stands whatever revision it is of, and whoever made the change.
    fn count_objection(&self, review: &PullReview, tally: &mut ReviewCount) {
        let Some(account) = review.by.as_ref().filter(|account| account.is_person) else { return };
        if self.context.people.identify_forge_account(account) == ResolvedIdentity::Bot {
            return;
        }
        match &review.may_approve {
            Ok(true) => {
                let what = Sentence::from_words("changes are requested by ").with_quote(&account.id);
                let who = "the reviewer, by approving, or whoever may dismiss the review";
                tally.objections.push(Finding::new(what).fixed_by(who));
            }
            Ok(false) => {}
            Err(gap) => tally.missing_objector = Some(gap.clone()),
        }
    }

    fn shortfall_finding(&self, found: usize) -> Finding {
        let (what, place) = match self.predicate.coverage {
            ApprovalCoverage::FinalRevision => ("approving review", "of the final revision"),
            ApprovalCoverage::AnyCommit => ("approving review", "of this pull request"),
        };
        self.predicate.shortfall_finding(found, what, place, self.context)
    }
}

#[cfg(test)]
mod tests {
    use crate::change::{Change, FactKind, Missing, PusherIdentity};
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

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

    const SHORT: &str = "1 approving review of the final revision is needed, and 0 count";

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
        assert!(
            found[0].ends_with("who has not approved this here: ask for the review, or take the line out")
        );
        assert_eq!(found[1], SHORT);
        // It is true as soon as he has.
        let backed = text("{}", POLICY, commit, "reviews: [{ by: bob }]");
        assert_eq!(finding_texts(&answer_example(&backed)), [""; 0]);
        // Somebody else's review does not make it true.
        let other = text("{}", POLICY, commit, "reviews: [{ by: carol }]");
        assert_eq!(finding_texts(&answer_example(&other)).len(), 1);
    }

    #[test]
    fn a_name_is_backed_only_by_the_account_that_it_is_tied_to() {
        let named = |who: &str| format!("body: \"Reviewed-by: {who}\"\nreviews: [{{ by: bob }}]");
        let found = says("{}", &named("Bob <bob@example.com>"));
        assert!(found[0].contains("nobody can tie to an account"), "{found:?}");
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
            ("", "reviews: [{ by: ana }]", "this is the author of the change, "),
            ("", "reviews: [{ by: ANA }]", "this is the author of the change, "),
            ("", "opener: bob\nreviews: [{ by: bob }]", "this is the opener of the change, "),
            (
                "committer: Bob <bob@example.com>",
                "reviews: [{ by: bob }]",
                "this is the committer of the change, ",
            ),
            (
                "message: \"x\\n\\nCo-authored-by: Bob <bob@example.com>\\n\"",
                "reviews: [{ by: bob }]",
                "this is a co-author of the change, ",
            ),
            (
                "",
                "makers: [{ role: pusher, account: bob }]\nreviews: [{ by: bob }]",
                "this is the pusher of the change, ",
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
        // One person with two accounts, or with an account and an address.
        assert_eq!(known("{}", "", "reviews: [{ by: ana-home }]").len(), 2);
        let pushed = known("{}", "", "makers: [{ role: pusher, account: bob-home }]\nreviews: [{ by: bob }]");
        assert_eq!(pushed.len(), 2);
        assert_eq!(known("{}", "", "reviews: [{ by: bob-home }]"), [""; 0]);
    }

    #[test]
    fn each_review_that_does_not_count_is_told_with_its_reason() {
        for (review, said) in [
            ("by: gone", "an approval does not count: the account that gave it is gone"),
            ("by: 'helper[bot]'", "a bot does not approve"),
            ("by: bob, may-approve: false", "this account may not write to the repository"),
            ("by: bob, of: earlier", "it is of another revision, 5b5b5b5b5b"),
            ("by: bob, of: same-tree", "it is of another revision, 5b5b5b5b5b"),
            ("by: bob, of: lost", "the forge has lost which revision was looked at"),
        ] {
            let found = of_review(review);
            assert!(found.len() == 2 && found[1].ends_with(said), "{found:?}");
        }
        assert_eq!(
            known("{}", "", "reviews: [{ by: carol }]")[1].split(": ").nth(1),
            Some("the roster does not know this account")
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
            // Of the same instant, nobody knows which came first.
            "{ at: 5h, body: 'Risk: low' }, { at: 2h, body: 'Risk: high' }, { at: 1h, body: 'Risk: low' }",
            "{ at: 5h, body: 'Risk: high' }, { at: 2h, body: 'Risk: low' }",
        ] {
            let found = said(edits);
            assert!(
                found[1].ends_with("the description states something else in `Risk` since"),
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
            assert!(found[1].ends_with("it was for another branch than this one"), "{found:?}");
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
        // The roster knows an address that the forge does not; a bot is a bot; a forge is nobody.
        let maker =
            |maker: &str| format!("makers: [{{ role: committer, {maker} }}]\nreviews: [{{ by: bob }}]");
        assert_eq!(known("{}", "", &maker("email: kim@example.com")), [""; 0]);
        assert_eq!(says("{}", &maker("email: 'x[bot]@example.com'")), [""; 0]);
        assert_eq!(says("{}", &maker("email: noreply@github.com")), [""; 0]);
        assert_eq!(says("{}", &maker("email: kim@example.com")).len(), 1);
        // A commit that the forge lists nobody for.
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
        assert!(found[1].ends_with("this is nobody in duty"), "{found:?}");
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
    fn a_comment_approves_only_where_the_policy_says_so() {
        let ask = "{ commands: ['/approve'] }";
        let said = |ask: &str, comment: &str| says(ask, &format!("comments: [{{ by: bob, {comment} }}]"));
        let head = "010101010101";
        let good = format!("text: \"/approve {head}\\r\\n\\nWell done.\"");
        assert_eq!(said(ask, &good), [""; 0]);
        assert_eq!(said(ask, &format!("text: /approve {}", "01".repeat(20))), [""; 0]);
        assert_eq!(said("{}", &good), [SHORT]);
        for (comment, why) in [
            (format!("{good}, edited: true"), "the comment was edited"),
            (format!("{good}, may-approve: false"), "may not write to the repository"),
            ("text: /approve 01010101010".to_owned(), "at least 12 digits of a revision, and no more"),
            ("text: /approve".to_owned(), "at least 12 digits of a revision, and no more"),
            (format!("text: /approve {head} please"), "at least 12 digits of a revision, and no more"),
            (format!("text: /approve {}", "01".repeat(21)), "it is of another revision"),
            ("text: /approve 020202020202".to_owned(), "it is of another revision"),
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
                "reviews: [{{ by: bob, state: {state} }}]\ncomments: [{{ by: bob, at: 1h, text: /approve {head} }}]"
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
        let twice = "reviews: [{ by: bob }]\ncomments: [{ by: bob, may-approve: unknown, text: /approve 010101010101 }]";
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
