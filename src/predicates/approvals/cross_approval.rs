//! Approvals by those who made a part of the change, where a policy admits them: authors approve the parts of each other,
//! and whoever only suggested a line is no author by that.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::change::pull_request::ForgeAccount;
use crate::change::{Person, Text};
use crate::people::PeopleDirectory;
use crate::people::contributor_groups::ContributorGroups;
use crate::people::contributors::{NotIndependent, ResolvedContributor};
use crate::people::independence::{
    ParticipantIndex, check_human, check_human_account, check_independent, check_independent_account,
};
use crate::predicates::approvals::approvers::CountedApprover;
use crate::predicates::approvals::requirement::ApprovalsPredicate;
use crate::predicates::support::context::EvaluationContext;
use crate::verdict::{Finding, Message, MessageTemplate, messages};

messages! {
    QUESTION_CROSS = "approvals.question-cross":
        "what each author made is approved by {count} {count:other person|other people}{from}, authors of other parts included, in {fields/or}";
    ALLOWED_AUTHORS = "approvals.allowed-authors": "an author's approval counts for the parts of the other authors";
    ALLOWED_SUGGESTERS = "approvals.allowed-suggesters":
        "a reviewer whose suggestion was applied on the forge is no author by that";
    OWN_PARTS = "approvals.own-parts": "the approver made every part of this change";
    OPEN_PART = "approvals.open-part":
        "what {name} made needs {needed} {needed:approval|approvals}{from} by others; {count} {count:counts|count}";
}

/// The parts of a change, where authors approve those of each other.
pub(super) struct AuthorParts<'context>(Option<ContributorGroups<'context>>);

impl AuthorParts<'_> {
    /// Returns why the approval of somebody counts for no part of the change: every part may be their own. `None` if there is
    /// a part of another author, or no part of theirs.
    pub(super) fn find_hindrance(
        &self,
        key: &str,
        name: &str,
        login: &str,
        number: Option<u64>,
    ) -> Option<Message> {
        let groups = self.0.as_ref()?;
        let own = groups.find_groups(key, name, login, number);
        let made_all = !own.is_empty() && groups.list_groups().all(|(group, _)| own.contains(&group));
        made_all.then(|| Message::from(&OWN_PARTS))
    }
}

/// How many authors whose parts nobody else has approved are named.
const MAX_OPEN_PARTS: usize = 5;

impl ApprovalsPredicate {
    /// Returns true if the authors approve the parts of each other.
    pub(crate) fn admits_authors(&self) -> bool {
        self.admits_authors
    }

    /// Returns true if a reviewer is no author by a suggestion that was applied.
    pub(crate) fn admits_suggesters(&self) -> bool {
        self.admits_suggesters
    }

    /// Returns the contributors to the change of whom an approver must be none.
    pub(crate) fn find_participants<'context>(
        &self,
        context: &'context EvaluationContext<'_>,
    ) -> &'context [ResolvedContributor] {
        match self.admits_suggesters {
            true => context.participants_beside_suggesters(),
            false => context.participants().0,
        }
    }

    /// Returns the key of a person whose approval can count: one who is independent of `participants`, or where authors
    /// are admitted, anyone who is there at the time `at`.
    ///
    /// # Errors
    ///
    /// Returns why it does not count.
    pub(crate) fn check_approver<'people>(
        &self,
        approver: &Person,
        participants: &ParticipantIndex<'people>,
        people: &PeopleDirectory,
        at: Timestamp,
    ) -> Result<String, NotIndependent<'people>> {
        match self.admits_authors {
            true => check_human(approver, people, at),
            false => check_independent(approver, participants, people, at),
        }
    }

    /// Does the same as [`Self::check_approver`] for an account of a forge.
    ///
    /// # Errors
    ///
    /// Returns why it does not count.
    pub(crate) fn check_account<'people>(
        &self,
        approver: &ForgeAccount,
        participants: &ParticipantIndex<'people>,
        people: &PeopleDirectory,
        at: Timestamp,
    ) -> Result<String, NotIndependent<'people>> {
        match self.admits_authors {
            true => check_human_account(approver, people, at),
            false => check_independent_account(approver, participants, people, at),
        }
    }

    /// Returns the parts of the change, for asking whose approval counts for one.
    pub(super) fn list_author_parts<'context>(
        &self,
        context: &'context EvaluationContext<'_>,
    ) -> AuthorParts<'context> {
        let has_roster = context.people.has_roster();
        AuthorParts(
            self.admits_authors.then(|| ContributorGroups::new(self.find_participants(context), has_roster)),
        )
    }

    pub(super) fn cross_question(&self) -> &'static MessageTemplate {
        &QUESTION_CROSS
    }

    /// Describes whose approvals count although they made a part of the change.
    pub(super) fn describe_admitted_authors(&self) -> Vec<Message> {
        let mut allowances = Vec::new();
        if self.admits_authors {
            allowances.push(Message::from(&ALLOWED_AUTHORS));
        }
        if self.admits_suggesters {
            allowances.push(Message::from(&ALLOWED_SUGGESTERS));
        }
        allowances
    }

    /// Returns the authors whose parts too few others approve, each by one name, with how many others do.
    ///
    /// An approver who may be an author under another name or account counts for none of the parts that may be theirs.
    pub(super) fn list_open_parts(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> Vec<(Text, usize)> {
        let groups = ContributorGroups::new(self.find_participants(context), context.people.has_roster());
        let mut own_parts = Vec::new();
        for one in approvers {
            own_parts.push(groups.find_groups(&one.key, &one.name, &one.login, one.number));
        }
        let approving: BTreeSet<usize> = own_parts.iter().flatten().copied().collect();
        let is_enough_of_all = self.accepts_approvers(approvers, context);
        let mut open = Vec::new();
        for (group, name) in groups.list_groups() {
            let mut others = Vec::new();
            // Most authors approve nothing, and their parts are approved by all.
            let is_enough = if approving.contains(&group) {
                for (one, own) in approvers.iter().zip(&own_parts) {
                    if !own.contains(&group) {
                        others.push(one.clone());
                    }
                }
                self.accepts_approvers(&others, context)
            } else {
                is_enough_of_all
            };
            if !is_enough {
                let count = if approving.contains(&group) { others.len() } else { approvers.len() };
                open.push((name.clone(), count));
            }
        }
        open
    }

    /// Returns a finding for each author whose part too few others approve.
    pub(super) fn list_part_shortfalls(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> Vec<Finding> {
        let mut findings = Vec::new();
        for (name, count) in self.list_open_parts(approvers, context).into_iter().take(MAX_OPEN_PARTS) {
            let what = OPEN_PART
                .with("name", name)
                .with("needed", self.min_approvals)
                .with("from", self.teams_clause(context))
                .with("count", count);
            let tip = context.change.tip().id;
            findings.push(Finding::new(what).in_commit(tip).fixed_by(self.approval_fixer()));
        }
        findings
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const POLICY: &str = "
fields: { Reviewed-by: { person: true } }
people: { teams: { security: [ana@example.com, ben@example.com], ops: [cy@example.com] }, bots: ['*[bot]', noreply@anthropic.com] }
roster:
  people:
    ana: { name: Ana Fox, addresses: [ana@example.com], accounts: ['github:ana#1'] }
    ben: { name: Ben Ito, addresses: [ben@example.com, b@home.example], accounts: ['github:ben#2', ben] }
    cy: { name: Cy Lee, addresses: [cy@example.com], accounts: ['github:cy#3'] }
    # A second entry under the name of Ana.
    twin: { name: Ana Fox, addresses: [twin@example.com], accounts: ['github:twin#4'] }
";

    const CROSS: &str = "{ authors: cross, trust: claimed }";

    /// Asks about one pushed commit of Ana with these trailers.
    fn pushed(ask: &str, trailers: &[&str], more: &str) -> Vec<String> {
        let lines: String = trailers.iter().map(|line| format!("{line}\\n")).collect();
        let text = format!(
            "ask: {{ approvals: {ask} }}{POLICY}change:\n{more}  commits: [{{ author: Ana Fox <ana@example.com>, message: \"Cache it\\n\\n{lines}\" }}]"
        );
        finding_texts(&answer_example(&text))
    }

    fn pulled(ask: &str, commits: &str, pull: &str) -> Vec<String> {
        let text = format!(
            "ask: {{ approvals: {ask} }}{POLICY}change:\n  stage: pull-request\n  commits: [{commits}]\n  pull: {{ {pull} }}"
        );
        finding_texts(&answer_example(&text))
    }

    const WITH_BEN: &str = "Co-authored-by: Ben Ito <ben@example.com>";
    const BY_ANA: &str = "Reviewed-by: Ana Fox <ana@example.com>";
    const BY_BEN: &str = "Reviewed-by: Ben Ito <ben@example.com>";
    const BY_CY: &str = "Reviewed-by: Cy Lee <cy@example.com>";

    #[test]
    fn two_authors_approve_the_parts_of_each_other() {
        assert_eq!(pushed(CROSS, &[WITH_BEN, BY_ANA, BY_BEN], ""), [""; 0]);
        // Without the option both are authors, and nothing more.
        assert_eq!(pushed("{ trust: claimed }", &[WITH_BEN, BY_ANA, BY_BEN], "").len(), 3);
        // What one of them made is approved by nobody else.
        let open = pushed(CROSS, &[WITH_BEN, BY_BEN], "");
        assert_eq!(open, ["what `Ben Ito` made needs 1 approval by others; 0 count"]);
        assert_eq!(pushed(CROSS, &[WITH_BEN, BY_ANA], "").len(), 1);
        // Another person approves all of it, as ever.
        assert_eq!(pushed(CROSS, &[WITH_BEN, BY_CY], ""), [""; 0]);
    }

    #[test]
    fn nobody_approves_their_own_part_by_another_name_or_account() {
        // The only author, under every name that she has.
        for by in [BY_ANA, "Reviewed-by: A. <ANA+2@example.com>"] {
            assert_eq!(pushed(CROSS, &[by], "").len(), 1, "{by}");
        }
        // One author who approves twice is one author.
        let twice = [WITH_BEN, BY_BEN, "Reviewed-by: Ben Ito <b@home.example>"];
        assert_eq!(pushed(CROSS, &twice, "").len(), 1);
        // Ana and her twin have one name, and are two by the roster.
        let twin =
            ["Co-authored-by: Ana Fox <twin@example.com>", BY_ANA, "Reviewed-by: Ana Fox <twin@example.com>"];
        assert_eq!(pushed(CROSS, &twin, ""), [""; 0]);
        // The pusher made a part of it as well, which is the last push.
        assert_eq!(pushed(CROSS, &[BY_BEN], "  pusher: ben\n").len(), 1);
        assert_eq!(pushed(CROSS, &[BY_BEN, BY_ANA], "  pusher: ben\n"), [""; 0]);
    }

    #[test]
    fn each_part_needs_as_many_and_from_the_same_teams() {
        let two = "{ authors: cross, at-least: 2, trust: claimed }";
        assert_eq!(pushed(two, &[WITH_BEN, BY_ANA, BY_BEN], "").len(), 2, "one other for each");
        assert_eq!(pushed(two, &[WITH_BEN, BY_ANA, BY_BEN, BY_CY], ""), [""; 0]);
        let team = "{ authors: cross, from: [security], trust: claimed }";
        assert_eq!(pushed(team, &[WITH_BEN, BY_ANA, BY_BEN], ""), [""; 0]);
        assert_eq!(pushed(team, &[WITH_BEN, BY_BEN, BY_CY], "").len(), 2);
        let each = "{ authors: cross, from: [security, ops], distinct-teams: true, trust: claimed }";
        assert_eq!(
            pushed(each, &[WITH_BEN, BY_ANA, BY_CY], "").len(),
            1,
            "security has not approved the part of Ana"
        );
        assert_eq!(pushed(each, &[WITH_BEN, BY_ANA, BY_BEN, BY_CY], ""), [""; 0]);
    }

    #[test]
    fn a_machine_and_an_unknown_author_open_nothing() {
        let agent = "Co-authored-by: Claude <noreply@anthropic.com>";
        assert_eq!(pushed(CROSS, &[agent, BY_ANA], "").len(), 1, "the agent is no second author");
        assert_eq!(pushed(CROSS, &[agent, "Reviewed-by: Claude <noreply@anthropic.com>"], "").len(), 2);
        // A co-author who only looks like a machine adds nothing.
        let called = "Co-authored-by: helper[bot] <helper@example.com>";
        assert_eq!(pushed("{ trust: claimed }", &[called, BY_CY], ""), [""; 0]);
        let unknown = pushed(CROSS, &["Co-authored-by: Zoe <zoe@example.com>", BY_ANA, BY_CY], "");
        assert!(unknown[0].contains("cannot be identified"), "{unknown:?}");
    }

    #[test]
    fn the_last_push_needs_the_approval_of_the_others() {
        let commits = "{ author: Ana Fox <ana@example.com> }, { author: Ben Ito <ben@example.com> }";
        let makers = "opener: ana, makers: [{ role: pusher, account: ben }]";
        let ask = "{ authors: cross, commands: [/approve] }";
        let reviews = |list: &str| pulled(ask, commits, &format!("{makers}, {list}"));
        assert_eq!(reviews("reviews: [{ by: ben }]").len(), 1, "Ben's own commits are approved by nobody");
        assert_eq!(reviews("reviews: [{ by: ben }, { by: ana }]"), [""; 0]);
        assert_eq!(reviews("reviews: [{ by: ben }, { by: ana, of: earlier }]").len(), 2);
        assert_eq!(reviews("reviews: [{ by: cy }]"), [""; 0]);
        // An objection of an author stands.
        assert_eq!(reviews("reviews: [{ by: cy }, { by: ben, state: changes-requested }]").len(), 1);
    }

    #[test]
    fn what_cannot_be_meant_together_is_refused() {
        for (ask, said) in [
            ("{ authors: cross, of: any-commit }", "`authors: cross` takes approvals of the final revision"),
            ("{ authors: all }", "unknown word `all`"),
            ("{ authors: cross, distinct: people }", "`distinct: people` stands beside no `authors`"),
            ("{ from: codeowners, distinct: people }", "`distinct: people` stands beside no `authors`"),
            ("{ by: pusher, authors: cross }", "`authors` says nothing beside `by: pusher`"),
            ("{ suggestions: yes }", "unknown word `yes`"),
        ] {
            let faults = question_faults(&format!(
                "ask: {{ approvals: {ask} }}\nfields: {{ Reviewed-by: {{ person: true }} }}"
            ));
            assert!(faults.iter().any(|fault| fault.contains(said)), "{ask}: {faults:?}");
        }
    }

    #[test]
    fn a_reviewer_stays_one_where_only_a_suggestion_was_applied() {
        let applied = "{ author: Ana Fox <ana@example.com>, committer: GitHub <noreply@github.com>, message: \"Apply a suggestion\\n\\nCo-authored-by: Ben Ito <ben@example.com>\\n\" }";
        let typed = applied.replace("committer: GitHub <noreply@github.com>, ", "");
        let first = "{ author: Ana Fox <ana@example.com> }";
        let ask = "{ suggestions: count-as-review }";
        let by_ben = "reviews: [{ by: ben }]";
        let both = format!("{first}, {applied}");
        assert_eq!(pulled(ask, &both, by_ben), [""; 0]);
        assert_eq!(pulled("{}", &both, by_ben).len(), 2, "not without the option");
        // Who wrote with somebody, wrote; and so did who committed, pushed, opened or applied it.
        assert_eq!(pulled(ask, &format!("{first}, {typed}"), by_ben).len(), 2);
        assert_eq!(pulled(ask, &format!("{typed}, {applied}"), by_ben).len(), 2);
        assert_eq!(
            pulled(ask, &both, "makers: [{ role: pusher, account: ben }], reviews: [{ by: ben }]").len(),
            2
        );
        assert_eq!(pulled(ask, &both, "opener: ben, reviews: [{ by: ben }]").len(), 2);
        let own = applied.replace("author: Ana Fox <ana@example.com>", "author: Ben Ito <ben@example.com>");
        assert_eq!(pulled(ask, &format!("{first}, {own}"), by_ben).len(), 2);
        let merged = applied.replace("message:", "merge: true, message:");
        assert_eq!(pulled(ask, &format!("{first}, {merged}"), by_ben).len(), 2);
        // Nobody approves for the author, and an unknown suggester denies as ever.
        assert_eq!(pulled(ask, &both, "reviews: [{ by: ana }]").len(), 2);
        let unknown = both.replace("Ben Ito <ben@example.com>", "Zoe <zoe@example.com>");
        assert!(!pulled(ask, &unknown, "reviews: [{ by: cy }]").is_empty());
        // Where there is no pull request, a trailer is a co-author.
        let text = format!(
            "ask: {{ approvals: {{ suggestions: count-as-review, trust: claimed }} }}{POLICY}change:\n  commits: [{}]",
            applied.replace("\\n\\n", "\\n\\nReviewed-by: Ben Ito <ben@example.com>\\n")
        );
        assert!(!finding_texts(&answer_example(&text)).is_empty());
    }
}
