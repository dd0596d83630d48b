//! What `approvals` asks for, and when it is enough.

use std::sync::Arc;

use crate::change::{Person, Text};
use crate::people::contributors::{NotIndependent, ResolvedContributor};
use crate::predicates::approvals::approvers::{CountedApprover, covers_each_team};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::parameters::{quote_patterns, read_list, read_teams};
use crate::verdict::{Finding, Fixer, Message, MessageTemplate, MessageValue, messages};
use crate::vocabulary::value_check::person_error;
use crate::vocabulary::{FieldDefinition, FieldKind};
use crate::yaml::decode::{MapReader, read_bool, read_choice, read_count, read_texts};
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, shorten_for_message};

messages! {
    QUESTION_ONE = "approvals.question-one":
        "someone{from} other than its authors approves the change in {fields/or}";
    QUESTION_SEVERAL = "approvals.question-several":
        "{count} people{from} other than its authors approve the change in {fields/or}";
    BY_CONTRIBUTOR = "approvals.by-contributor": "{name} is {role} of this change and cannot approve it";
    BY_BOT = "approvals.by-bot": "a bot cannot approve";
    NOT_IN_ROSTER = "approvals.not-in-roster": "the approver is not in the roster";
    LOGIN_CHANGED_HANDS = "approvals.login-changed-hands": "this login is listed for the account with number {listed}, and belongs to number {found} now";
    NOT_IN_TEAM = "approvals.not-in-team": "the approver is not a member of {teams/or}";
    NOT_A_PERSON = "approvals.not-a-person": "this is not a person: {reason}";
    NAMED_CONTRIBUTOR = "approvals.named-contributor":
        "`{key}`: {person} is {role} of this change and cannot approve it";
    NAMED = "approvals.named": "`{key}` names {person}: {reason}";
    FROM_TEAMS = "approvals.from-teams": " from {teams/or}";
    FROM_MEMBERS = "approvals.from-members": " from {teams/or} ({members/or})";
    FROM_EACH_TEAM = "approvals.from-each-team": " (one each from {teams/and})";
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
    distinct_teams: bool,
    pub(super) coverage: ApprovalCoverage,
    pub(super) trust: ApprovalTrust,
    pub(super) commands: Vec<String>,
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

const COVERAGE_WORDS: [(&str, ApprovalCoverage); 2] =
    [("final-revision", ApprovalCoverage::FinalRevision), ("any-commit", ApprovalCoverage::AnyCommit)];

const TRUST_WORDS: [(&str, ApprovalTrust); 2] =
    [("claimed", ApprovalTrust::Claimed), ("verified", ApprovalTrust::Verified)];

impl ApprovalsPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let mut asked = ApprovalsPredicate {
            min_approvals: 1,
            fields: match map.find_key("field") {
                Some(node) => read_approval_fields(node, scope, faults),
                None => default_approval_field(node, scope, faults),
            },
            teams: Vec::new(),
            distinct_teams: false,
            coverage: ApprovalCoverage::FinalRevision,
            trust: ApprovalTrust::Verified,
            commands: read_list(&mut map, "commands", faults, parse_command),
        };
        if let Some(node) = map.find_key("at-least") {
            asked.min_approvals = read_count(node, 1, 100, faults).unwrap_or(1);
        }
        if let Some(node) = map.find_key("from") {
            asked.teams = read_teams(node, scope, faults);
        }
        if let Some(node) = map.find_key("distinct-teams") {
            asked.distinct_teams = read_bool(node, faults).unwrap_or(false);
            if asked.distinct_teams && asked.teams.len() < 2 {
                faults.push(YamlFault::new(node.at, "`distinct-teams` needs two or more teams in `from`"));
            }
        }
        if let Some(node) = map.find_key("of") {
            asked.coverage = read_choice(node, &COVERAGE_WORDS, faults).unwrap_or(asked.coverage);
        }
        if let Some(node) = map.find_key("trust") {
            asked.trust = read_choice(node, &TRUST_WORDS, faults).unwrap_or(asked.trust);
        }
        map.refuse_unknown_keys(faults);
        // Each team needs an approver of its own.
        if asked.distinct_teams {
            let teams = u64::try_from(asked.teams.len()).unwrap_or(u64::MAX);
            asked.min_approvals = asked.min_approvals.max(teams);
        }
        (before == faults.len()).then_some(asked)
    }

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

    /// Returns true if each of the teams has to approve.
    pub(crate) fn asks_each_team(&self) -> bool {
        self.distinct_teams
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

    pub(super) fn describe_question(&self) -> Message {
        let template = if self.min_approvals == 1 { &QUESTION_ONE } else { &QUESTION_SEVERAL };
        let from = match (self.teams.is_empty(), self.distinct_teams) {
            (true, _) => MessageValue::empty(),
            (false, false) => FROM_TEAMS.with("teams", self.teams.clone()).into(),
            (false, true) => FROM_EACH_TEAM.with("teams", self.teams.clone()).into(),
        };
        template.with("count", self.min_approvals).with("from", from).with("fields", self.quote_field_names())
    }

    /// Returns true if and only if the person with this key is in one of the teams that are asked.
    pub(crate) fn accepts_approver(&self, key: &str, context: &EvaluationContext<'_>) -> bool {
        self.teams.is_empty() || self.teams.iter().any(|team| context.people.is_member(key, team))
    }

    pub(super) fn has_enough_approvals(
        &self,
        approvers: &[CountedApprover],
        context: &EvaluationContext<'_>,
    ) -> bool {
        let count = u64::try_from(approvers.len()).unwrap_or(u64::MAX);
        count >= self.min_approvals
            && (!self.distinct_teams || covers_each_team(&self.teams, approvers, context))
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

    /// Returns the trailers to paste: one for each approval that is missing.
    ///
    /// Where each team has to approve and some teams have, it is not said here which ones are left.
    pub(super) fn suggest_trailers(&self, key: &str, found: usize) -> String {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        let mut lines = Vec::new();
        if self.distinct_teams && found == 0 {
            for team in &self.teams {
                lines.push(format!("{key}: <name of a member of {team}> <address>"));
            }
        }
        let name = match self.teams.as_slice() {
            [] => "<name>".to_owned(),
            teams => format!("<name of a member of {}>", teams.join(" or ")),
        };
        let given = found.saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
        // Enough approvals may come from too few teams.
        let missing = self.min_approvals.saturating_sub(given).max(u64::from(lines.is_empty()));
        for _ in 0..missing {
            lines.push(format!("{key}: {name} <address>"));
        }
        lines.join("\n")
    }

    /// Returns the teams whose approvals are needed, as a value that follows the number of approvals.
    /// The members of small teams are named, so that the author knows who to ask.
    fn teams_clause(&self, context: &EvaluationContext<'_>) -> MessageValue {
        if self.teams.is_empty() {
            return "".into();
        }
        if self.distinct_teams {
            return FROM_EACH_TEAM.with("teams", self.teams.clone()).into();
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

    pub(super) fn not_in_team_message(&self) -> Message {
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

/// Returns why a person's approval does not count.
pub(super) fn describe_dependence(why: &NotIndependent<'_>) -> Message {
    match why {
        NotIndependent::Contributor(ResolvedContributor { name, role, .. }) => {
            BY_CONTRIBUTOR.with("name", name).with("role", *role)
        }
        NotIndependent::Bot => Message::from(&BY_BOT),
        NotIndependent::Unknown => Message::from(&NOT_IN_ROSTER),
        NotIndependent::ChangedHands { listed, found } => {
            LOGIN_CHANGED_HANDS.with("listed", listed.to_string()).with("found", found.to_string())
        }
    }
}

/// Returns the person that a trailer or a line of a description names.
///
/// # Errors
///
/// Returns why it does not name one.
pub(super) fn read_named_person(value: &Text) -> Result<Person, Message> {
    Person::parse_person(value.as_bytes()).map_err(|error| NOT_A_PERSON.with("reason", person_error(error)))
}

/// Returns the message that a trailer or a line of a description names a person in vain.
pub(super) fn named_message(key: &str, person: &Text, reason: Message) -> Message {
    // A contributor is the person named, who would be named twice.
    if reason.code() == BY_CONTRIBUTOR.code
        && let Some((_, role)) = reason.values().find(|(name, _)| *name == "role")
    {
        return NAMED_CONTRIBUTOR.with("key", key).with("person", person).with("role", role.clone());
    }
    NAMED.with("key", key).with("person", person).with("reason", reason)
}

/// Returns `Reviewed-by`, which states an approval where the policy names no field.
fn default_approval_field(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<Arc<FieldDefinition>> {
    if let Some(field) = scope.vocabulary.find_field(DEFAULT_APPROVAL_FIELD) {
        return vec![field.clone()];
    }
    let what = format!("`approvals` reads `{DEFAULT_APPROVAL_FIELD}`, and the policy has no such field");
    let help = format!(
        "name another with `field`, or add `{DEFAULT_APPROVAL_FIELD}: {{ person: true }}` to `fields`"
    );
    let fault = YamlFault::new(node.at, what).with_help(help);
    faults.push(fault.with_expected(ExpectedValue::DefinedName));
    Vec::new()
}

fn read_approval_fields(
    node: &YamlNode,
    scope: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Vec<Arc<FieldDefinition>> {
    let mut fields = Vec::new();
    for name in read_texts(node, faults) {
        let Some(field) = scope.vocabulary.resolve_field(node, name, faults) else { continue };
        if field.kind != FieldKind::Person {
            faults.push(YamlFault::new(node.at, format!("`{}` does not name a person", field.name)));
        }
        fields.push(field.clone());
    }
    fields
}

/// Reads a word by which a comment approves.
fn parse_command(written: &str) -> Result<String, String> {
    match written.strip_prefix('/') {
        Some(word) if !word.is_empty() && word.bytes().all(is_command_byte) => Ok(written.to_owned()),
        _ => Err(format!("`{}` is not a command such as `/approve`", shorten_for_message(written))),
    }
}

fn is_command_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}
