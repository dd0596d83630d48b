//! What `approvals` asks for, and when it is enough.

use std::sync::Arc;

use jiff::Timestamp;

use crate::change::Text;
use crate::people::service::find_day;
use crate::predicates::approvals::approvers::{CountedApprover, HeldTeams, find_seat};
use crate::predicates::approvals::carried_relation::CarriedRelation;
use crate::predicates::approvals::owners::{UnownedPaths, not_an_owner_message, unowned_message};
use crate::predicates::support::context::EvaluationContext;
use crate::predicates::support::parameters::quote_patterns;
use crate::verdict::{Finding, Fixer, Message, MessageTemplate, MessageValue, messages};
use crate::vocabulary::FieldDefinition;

messages! {
    QUESTION_ONE = "approvals.question-one":
        "someone{from} other than its authors approves the change in {fields/or}";
    QUESTION_PUSHER = "approvals.question-pusher":
        "the person who pushes the change{from} made no part of it{signed}";
    AUTHORS_SIGNED = "approvals.authors-signed": ", and its authors have signed it";
    QUESTION_SIGNED_PUSH = "approvals.question-signed-push":
        "the person who pushes the change{from} made no part of it{signed}, and has signed the push";
    QUESTION_SEVERAL = "approvals.question-several":
        "{count} people{from} other than its authors approve the change in {fields/or}";
    NOT_TRAINED = "approvals.not-trained": "the roster does not say that the approver was trained on {day} (`trained-until`)";
    NOT_IN_TEAM = "approvals.not-in-team": "the approver is not a member of {teams/or}";
    NOT_IN_TEAM_THEN = "approvals.not-in-team-then": "the approver was not a member of {teams/or} on {day}";
    DELEGATE_OF_CONTRIBUTOR = "approvals.delegate-of-contributor":
        "the approver acts for {person}, who made this change and cannot approve it";
    FROM_TRAINED = "approvals.from-trained": "{from}, trained by the roster,";
    FROM_OWNERS = "approvals.from-owners": " from the code owners of what it touches";
    FROM_TEAMS = "approvals.from-teams": " from {teams/or}";
    FROM_MEMBERS = "approvals.from-members": " from {teams/or} ({members/or})";
    ALLOWED_CLAIMS = "approvals.allowed-claims": "an approval that a trailer claims counts";
    ALLOWED_REVISIONS = "approvals.allowed-revisions": "an approval of an earlier revision counts";
    ALLOWED_COMMANDS = "approvals.allowed-commands": "a comment that says {commands/or} counts as an approval";
    UNOWNED_BY_ANYONE = "approvals.unowned-by-anyone": "anyone's approval counts for paths without an owner";
    UNOWNED_BY_NOBODY = "approvals.unowned-by-nobody": "paths without an owner need no approval";
    UNOWNED_REFUSED = "approvals.unowned-refused": "paths without an owner are refused";
}

/// The field that states an approval where the policy names none.
pub(crate) const DEFAULT_APPROVAL_FIELD: &str = "Reviewed-by";

/// How many members of teams a finding names.
const MAX_MEMBERS_NAMED: usize = 6;

/// The parameters of `approvals`.
#[derive(Clone, Debug, PartialEq)]
pub struct ApprovalsPredicate {
    pub(super) min_approvals: u64,
    pub(super) fields: Vec<Arc<FieldDefinition>>,
    pub(super) teams: Vec<String>,
    pub(super) distinct_teams: bool,
    /// From how many different teams the approvals are; 0 where it does not matter.
    pub(super) different_teams: u64,
    /// True if nobody gives this approval and another one that asks for the same.
    pub(super) distinct_people: bool,
    /// True if the authors approve the parts of each other.
    pub(super) admits_authors: bool,
    /// True if a reviewer whose suggestion was applied is no author by that.
    pub(super) admits_suggesters: bool,
    /// True if only people whom the roster calls trained count.
    pub(super) trained: bool,
    /// What becomes of paths without an owner, if owners have to approve; `None` if they need not.
    pub(super) owners: Option<UnownedPaths>,
    pub(super) coverage: ApprovalCoverage,
    pub(super) trust: ApprovalTrust,
    pub(super) commands: Vec<String>,
    pub(super) giver: ApprovalGiver,
    /// True if the push counts only with a certificate that the pusher has signed.
    pub(super) signed_push: bool,
    /// The relations over which a signed approval is carried to what lands.
    pub(super) carried: Vec<CarriedRelation>,
}

/// Whose approval is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApprovalGiver {
    /// That of anyone who reviews, or whom a trailer names.
    Reviewer,
    /// That of the person who pushes.
    Pusher,
}

/// Which content an approval has to be of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApprovalCoverage {
    FinalRevision,
    AnyCommit,
}

/// Which approvals count: what a trailer claims, or only what a forge vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApprovalTrust {
    Claimed,
    Verified,
}

impl ApprovalsPredicate {
    /// Returns true if the approvals asked for are reviews, and not another kind of approval.
    pub(crate) fn asks_for_reviews(&self) -> bool {
        self.fields.iter().any(|field| field.name == DEFAULT_APPROVAL_FIELD)
    }

    /// Returns the fields that state an approval.
    pub(crate) fn approval_fields(&self) -> Vec<&FieldDefinition> {
        self.fields.iter().map(Arc::as_ref).collect()
    }

    /// Returns how many people have to approve.
    pub(crate) fn asked_count(&self) -> u64 {
        self.min_approvals
    }

    /// Returns the teams of those who may approve; empty for everyone.
    pub(crate) fn asked_teams(&self) -> &[String] {
        &self.teams
    }

    /// Returns true if the owners of what is touched have to approve.
    pub(crate) fn asks_code_owners(&self) -> bool {
        self.owners.is_some()
    }

    /// Returns the touched paths that are refused because nobody owns them; none where owners need not approve.
    pub(crate) fn list_refused_paths<'found>(
        &self,
        context: &'found EvaluationContext<'_>,
    ) -> &'found [Text] {
        match (self.owners, context.owned_paths()) {
            (Some(UnownedPaths::Refused), Ok(owned)) => &owned.unowned,
            _ => &[],
        }
    }

    /// Returns the message that touched paths have no owner and are refused; `None` if no path is.
    pub(crate) fn describe_refused_paths(&self, context: &EvaluationContext<'_>) -> Option<Message> {
        let owned = context.owned_paths().ok()?;
        let is_refused = !self.list_refused_paths(context).is_empty();
        is_refused.then(|| unowned_message(owned))
    }

    /// Returns true if the approval asked for is that of the person who pushes.
    pub(crate) fn is_given_by_pusher(&self) -> bool {
        self.giver == ApprovalGiver::Pusher
    }

    /// Returns true if the push has to be signed by the person who pushes.
    pub(crate) fn requires_signed_push(&self) -> bool {
        self.signed_push
    }

    /// Returns true if the people who may approve are known from the policy alone: those of teams or of the roster who
    /// made no part of a change.
    pub(crate) fn is_of_listed_people(&self) -> bool {
        !self.asks_code_owners() && !self.is_given_by_pusher() && !self.admits_authors
    }

    /// Returns true if only approvals of the content that lands count.
    pub(crate) fn requires_final_revision(&self) -> bool {
        self.coverage == ApprovalCoverage::FinalRevision
    }

    /// Returns the words that count as an approval where a person writes one as a comment.
    pub(crate) fn approval_commands(&self) -> &[String] {
        &self.commands
    }

    /// Returns true if only approvals that a forge vouches for count.
    pub(crate) fn requires_verified(&self) -> bool {
        self.trust == ApprovalTrust::Verified
    }

    /// Returns true if an approval can be that of a member of a team who is written like this, where no roster connects
    /// addresses with accounts: reviews come from accounts of a forge, trailers name addresses, and in a pull request
    /// both count.
    pub(crate) fn knows_approver(&self, member: &str, has_keys: bool) -> bool {
        match self.requires_verified() && !has_keys {
            true => member.contains(':') && !member.contains('@'),
            false => member.contains('@') || member.contains(':'),
        }
    }

    /// Describes which approvals count beside those that a forge vouches for, of the content that lands.
    pub(super) fn describe_allowances(&self) -> Vec<Message> {
        let mut allowances = Vec::new();
        if self.trust == ApprovalTrust::Claimed && !self.is_given_by_pusher() {
            allowances.push(Message::from(&ALLOWED_CLAIMS));
        }
        if self.coverage == ApprovalCoverage::AnyCommit {
            allowances.push(Message::from(&ALLOWED_REVISIONS));
        }
        allowances.extend(self.describe_admitted_authors());
        if !self.commands.is_empty() {
            allowances.push(ALLOWED_COMMANDS.with("commands", quote_patterns(&self.commands)));
        }
        allowances.extend(self.owners.map(|unowned| {
            Message::from(match unowned {
                UnownedPaths::ByAnyone => &UNOWNED_BY_ANYONE,
                UnownedPaths::ByNobody => &UNOWNED_BY_NOBODY,
                UnownedPaths::Refused => &UNOWNED_REFUSED,
            })
        }));
        allowances
    }

    pub(super) fn describe_question(&self) -> Message {
        if self.is_given_by_pusher() {
            let from = match self.teams.is_empty() {
                true => MessageValue::empty(),
                false => FROM_TEAMS.with("teams", self.teams.clone()).into(),
            };
            let signed = match self.trust {
                ApprovalTrust::Verified => MessageValue::from(&AUTHORS_SIGNED),
                ApprovalTrust::Claimed => MessageValue::empty(),
            };
            let template = if self.signed_push { &QUESTION_SIGNED_PUSH } else { &QUESTION_PUSHER };
            return template.with("from", from).with("signed", signed);
        }
        let template = if self.min_approvals == 1 { &QUESTION_ONE } else { &QUESTION_SEVERAL };
        let from = match (self.teams.is_empty(), self.describe_each_team()) {
            _ if self.owners.is_some() => Message::from(&FROM_OWNERS).into(),
            (true, _) => MessageValue::empty(),
            (false, None) => FROM_TEAMS.with("teams", self.teams.clone()).into(),
            (false, Some(each)) => each,
        };
        let template = if self.admits_authors { self.cross_question() } else { template };
        let from = if self.trained { FROM_TRAINED.with("from", from).into() } else { from };
        template.with("count", self.min_approvals).with("from", from).with("fields", self.quote_field_names())
    }

    /// Returns the key of the person for whom an approval at the time `at` counts, where it counts: the approver's own,
    /// or that of a member of a team for whom they act.
    ///
    /// # Errors
    ///
    /// Returns why the approver is none of those who are asked.
    pub(crate) fn find_approver_seat(
        &self,
        key: &str,
        at: Timestamp,
        context: &EvaluationContext<'_>,
    ) -> Result<String, Message> {
        let people = context.people;
        if self.trained && !people.is_trained(key, at) {
            return Err(NOT_TRAINED.with("day", find_day(at).to_string()));
        }
        let is_asked = |holds_team: &HeldTeams<'_>| match self.owners {
            Some(unowned) => unowned.accepts_approver(key, holds_team, context),
            None => self.teams.is_empty() || self.teams.iter().any(|team| holds_team(team)),
        };
        if let Some(seat) = find_seat(key, at, context, &is_asked) {
            return Ok(seat);
        }
        let acts_for = |team: &String| people.list_delegators(key, team, at).first().copied();
        if let Some(delegator) = self.teams.iter().find_map(acts_for) {
            return Err(DELEGATE_OF_CONTRIBUTOR.with("person", people.name_person(delegator)));
        }
        if self.teams.iter().any(|team| people.holds_team_later_or_earlier(key, team, at)) {
            let message = NOT_IN_TEAM_THEN.with("teams", self.teams.clone());
            return Err(message.with("day", find_day(at).to_string()));
        }
        Err(self.not_in_team_message())
    }

    /// Returns true if only people whom the roster calls trained may approve.
    pub(crate) fn requires_training(&self) -> bool {
        self.trained
    }

    pub(super) fn has_enough_approvals(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> bool {
        self.accepts_approvers(approvers, context)
            && (!self.admits_authors || self.list_open_parts(approvers, context).is_empty())
    }

    /// Returns true if these people are enough, whoever made the change.
    pub(super) fn accepts_approvers(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> bool {
        self.has_enough_people(approvers.len(), context)
            && self.covers_teams(approvers, context)
            && self.find_owner_shortfalls(approvers, context).is_empty()
    }

    /// Returns true if these are as many people as have to approve.
    fn has_enough_people(&self, count: usize, context: &EvaluationContext<'_>) -> bool {
        let needed = match self.owners {
            Some(unowned) => unowned.count_needed(self.min_approvals, context),
            None => self.min_approvals,
        };
        u64::try_from(count).unwrap_or(u64::MAX) >= needed
    }

    /// Returns a finding for each entry of the file of code owners that lacks an approval by its owners.
    fn find_owner_shortfalls(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> Vec<Finding> {
        // A question about owners who are not known is not answered at all.
        let found = self.owners.map(|unowned| unowned.find_shortfalls(approvers, context));
        found.and_then(Result::ok).unwrap_or_default()
    }

    /// Returns what is missing: first the number of approvals, then the owners of what is touched. `approvers` are
    /// those who count, or may count; `counted` of them count for certain.
    pub(super) fn list_shortfalls(
        &self,
        template: &'static MessageTemplate,
        (approvers, counted): (&[CountedApprover], usize),
        context: &EvaluationContext<'_>,
    ) -> Vec<Finding> {
        if self.admits_authors && self.accepts_approvers(approvers, context) {
            return self.list_part_shortfalls(approvers, context);
        }
        let owners = self.find_owner_shortfalls(approvers, context);
        let mut findings = Vec::new();
        // An owner who is missing says it better.
        let asks_several = self.min_approvals > 1 && !self.has_enough_people(approvers.len(), context);
        if owners.is_empty() || asks_several {
            findings.push(self.shortfall_finding(template, counted, context));
        }
        findings.extend(owners);
        findings
    }

    /// Returns the finding that too few approvals count. `template` says of which kind they are.
    pub(super) fn shortfall_finding(
        &self,
        template: &'static MessageTemplate,
        found: usize,
        context: &EvaluationContext<'_>,
    ) -> Finding {
        let what = template
            .with("needed", self.min_approvals)
            .with("from", self.teams_clause(context))
            .with("fields", self.quote_field_names())
            .with("count", found);
        let tip = context.change.tip().id;
        Finding::new(what).in_commit(tip).fixed_by(self.approval_fixer())
    }

    /// Returns the teams whose approvals are needed, as a value that follows the number of approvals.
    /// The members of small teams are named, so that the author knows who to ask.
    pub(super) fn teams_clause(&self, context: &EvaluationContext<'_>) -> MessageValue {
        if self.owners.is_some() {
            // Of what nobody owns, anyone can approve.
            let is_owned = context.owned_paths().is_ok_and(|owned| !owned.required.is_empty());
            return if is_owned { Message::from(&FROM_OWNERS).into() } else { MessageValue::empty() };
        }
        if self.teams.is_empty() {
            return "".into();
        }
        if let Some(each) = self.describe_each_team() {
            return each;
        }
        let mut members = Vec::new();
        for team in &self.teams {
            members.extend_from_slice(context.people.team_members(team));
        }
        if members.is_empty() || members.len() > MAX_MEMBERS_NAMED {
            return FROM_TEAMS.with("teams", self.teams.clone()).into();
        }
        FROM_MEMBERS.with("teams", self.teams.clone()).with("members", members).into()
    }

    /// Returns the role of those whose approval would count.
    pub(crate) fn approval_fixer(&self) -> Fixer {
        if self.teams.is_empty() { Fixer::Reviewer } else { Fixer::TeamMember(self.teams.clone()) }
    }

    fn not_in_team_message(&self) -> Message {
        if self.owners.is_some() {
            return not_an_owner_message();
        }
        NOT_IN_TEAM.with("teams", self.teams.clone())
    }

    pub(super) fn quote_field_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        for field in &self.fields {
            names.push(field.name.as_str());
        }
        quote_patterns(&names)
    }
}
