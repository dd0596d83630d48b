//! `agents`: whether AI agents took part in a change, and whether a person answers for what they made.
//!
//! Whoever answers for an agent is one who made the change: `approvals` counts nothing of theirs.

use crate::change::pull_request::{ContributorRole, ForgeAccount, PullContributor};
use crate::change::{
    Change, Commit, CommitMessage, ContentRelation, FactKind, Missing, NeededFacts, Person, PusherIdentity,
    SignedApproval, SignedDecision, Text,
};
use crate::people::contributors::CO_AUTHOR_TRAILERS;
use crate::people::{PeopleDirectory, ResolvedIdentity, is_forge_committer};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::read_choice_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::commit_finding;
use crate::verdict::{Finding, Fixer, Message, messages};
use crate::yaml::decode::{MapReader, read_choice};
use crate::yaml::{ExpectedValue, YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION_TOOK_PART = "agents.question-took-part": "an AI agent took part in the change";
    QUESTION_NONE = "agents.question-none": "no AI agent is named in the change";
    QUESTION_SPONSOR = "agents.question-sponsor": "a person answers for each commit of an AI agent";
    QUESTION_VERIFIED = "agents.question-verified": "the account of a person stands behind each commit of an AI agent";
    NONE_NAMED = "agents.none-named": "no AI agent is named as an author, and no trailer says that one helped";
    NO_SPONSOR = "agents.no-sponsor":
        "{agent} is an AI agent, and no person answers for this commit; a person who answers for it pushes the change or is named in `Co-authored-by`, and is an author of it then";
    NO_ACCOUNT = "agents.no-account":
        "{agent} is an AI agent, and no account of a person stands behind this commit; a person who answers for it opens the pull request or pushes the change, and is an author of it then";
}

/// The trailers that say that an agent helped.
const AGENT_TRAILERS: [&str; 2] = ["Assisted-by", "Generated-by"];

/// The values of such a trailer that say that none did.
const NO_AGENT_WORDS: [&str; 6] = ["", "none", "no", "nobody", "n/a", "-"];

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "agents",
    summary: "AI agents took part in the change, or a person answers for what they made.",
    why: "An agent cannot answer for a change, and its approval is recorded and never counts. Somebody who does answer \
          made the change by that, so another person has to approve it. What agents wrote may need more people who \
          read it: ask for them in a rule with `when: { agents: took-part }`. An agent that nobody names is not \
          found; never let an exemption rest on `not: { agents: took-part }`.",
    parameters: "\
- `took-part`: an agent is an author, committer, co-author, pusher or the opener of the pull request, or a trailer \
`Assisted-by` or `Generated-by` names something other than `none`; where a [signed \
approval](approvals.md) is carried over to other commits, what the approved ones name counts as well. An agent is an entry of the roster with `kind: \
agent`, or one of the usual ones by its name, address or account;
- `sponsor: claimed`: for each commit that an agent wrote or committed, a person is its author, committer or \
co-author, pushes the change, or opened the pull request;
- `sponsor: verified`: a person has pushed such a change, or opened its pull request, as the server or the forge knows \
them. A name in a commit is not enough.",
    passing_example: "
ask: { agents: { sponsor: claimed } }
change:
  pusher: helper
  commits:
    - author: Claude <noreply@anthropic.com>
      message: |
        Cache the tenant lookup

        Co-authored-by: Ana <ana@example.com>
people: { bots: [helper, noreply@anthropic.com] }
",
    failing_example: "
ask: { agents: { sponsor: claimed } }
change:
  pusher: helper
  commits:
    - author: Claude <noreply@anthropic.com>
people: { bots: [helper, noreply@anthropic.com] }
",
};

/// The parameters of `agents`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgentsPredicate {
    asked: AgentQuestion,
}

/// What is asked about agents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AgentQuestion {
    /// That one took part.
    TookPart,
    /// That a person answers for what they made, as the change says.
    NamedSponsor,
    /// That a person answers for what they made, as a server or a forge knows.
    VerifiedSponsor,
}

const SPONSOR_WORDS: [(&str, AgentQuestion); 2] =
    [("claimed", AgentQuestion::NamedSponsor), ("verified", AgentQuestion::VerifiedSponsor)];

impl AgentsPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let YamlValue::Map(_) = &node.value else {
            let asked = read_choice(node, &[("took-part", AgentQuestion::TookPart)], faults)?;
            return Some(AgentsPredicate { asked });
        };
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let asked = read_choice_key(&mut map, "sponsor", faults, &SPONSOR_WORDS);
        map.refuse_unknown_keys(faults);
        if asked.is_none() && before == faults.len() {
            let fault = YamlFault::new(node.at, "`sponsor` is missing here");
            let help = "as in `agents: { sponsor: verified }`, or write `agents: took-part`";
            faults.push(fault.with_help(help).with_expected(ExpectedValue::Key("sponsor")));
        }
        asked.filter(|_| before == faults.len()).map(|asked| AgentsPredicate { asked })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        // A forge tells who made a pull request together with who pushed.
        needs.insert(FactKind::Pusher);
    }

    pub(crate) fn describe(&self) -> Message {
        Message::from(match self.asked {
            AgentQuestion::TookPart => &QUESTION_TOOK_PART,
            AgentQuestion::NamedSponsor => &QUESTION_SPONSOR,
            AgentQuestion::VerifiedSponsor => &QUESTION_VERIFIED,
        })
    }

    /// Describes the contrary, if one sentence says it.
    pub(crate) fn describe_contrary(&self) -> Option<Message> {
        (self.asked == AgentQuestion::TookPart).then(|| Message::from(&QUESTION_NONE))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        match self.asked {
            AgentQuestion::TookPart => find_participation(context),
            AgentQuestion::NamedSponsor => self.find_unsponsored(context),
            AgentQuestion::VerifiedSponsor => self.find_unsponsored(context),
        }
    }

    /// Answers whether a person answers for each commit of an agent.
    fn find_unsponsored(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let change = context.change;
        let mut findings = Vec::new();
        for commit in &change.commits {
            let Some(agent) = list_makers(commit).into_iter().find(|one| context.people.names_agent(one))
            else {
                continue;
            };
            if self.asked == AgentQuestion::NamedSponsor && has_named_person(commit, context) {
                continue;
            }
            let template = match self.asked {
                AgentQuestion::NamedSponsor => &NO_SPONSOR,
                _ => &NO_ACCOUNT,
            };
            let finding = commit_finding(commit, template.with("agent", &agent.name));
            findings.push(finding.fixed_by(Fixer::Author));
        }
        findings.extend(self.find_unsponsored_approved(context).filter(|_| findings.is_empty()));
        findings.extend(
            find_agent_account(context)
                .map(|account| Finding::new(NO_ACCOUNT.with("agent", account)).fixed_by(Fixer::Author))
                .filter(|_| findings.is_empty() && self.asked == AgentQuestion::VerifiedSponsor),
        );
        // A person behind the whole of it answers for every commit.
        if findings.is_empty() || has_sponsoring_account(context)? {
            return Ok(PredicateOutcome::Holds);
        }
        Ok(PredicateOutcome::Fails(findings))
    }
}

impl AgentsPredicate {
    /// Returns a finding where an agent wrote or committed what was approved, the change does not name it any more, and no
    /// commit of it names a person.
    fn find_unsponsored_approved(&self, context: &EvaluationContext<'_>) -> Option<Finding> {
        let is_agent = |one: &&Person| context.people.names_agent(one);
        let agent =
            list_carried_approvals(context.change).find_map(|one| list_writers(one).find(is_agent))?;
        let commits = &context.change.commits;
        let template = match self.asked {
            AgentQuestion::NamedSponsor if commits.iter().any(|one| has_named_person(one, context)) => {
                return None;
            }
            AgentQuestion::NamedSponsor => &NO_SPONSOR,
            _ => &NO_ACCOUNT,
        };
        let finding = Finding::new(template.with("agent", &agent.name)).in_commit(context.change.tip().id);
        Some(finding.fixed_by(Fixer::Author))
    }
}

/// Returns the signed approvals that are of the content of the change in other commits.
fn list_carried_approvals(change: &Change) -> impl Iterator<Item = &SignedApproval> {
    change.signed_approvals.iter().flatten().filter(|one| {
        one.decision == SignedDecision::Approved
            && one.relation.is_of_all()
            && one.relation != ContentRelation::Exact
    })
}

/// Returns who wrote and who committed what was approved, without a forge that commits by itself.
fn list_writers(approval: &SignedApproval) -> impl Iterator<Item = &Person> {
    let committers = approval.approved_committers.iter().filter(|one| !is_forge_committer(one));
    approval.approved_authors.iter().chain(committers)
}

/// Returns true if the commits that were approved name an agent: what is amended away took part all the same.
fn has_approved_agent(context: &EvaluationContext<'_>) -> bool {
    let people = context.people;
    list_carried_approvals(context.change).any(|approval| {
        list_writers(approval).any(|one| people.names_agent(one))
            || approval.approved_messages.iter().any(|message| {
                let message = CommitMessage::new(message.clone());
                states_agent(&message) || list_co_authors(&message).iter().any(|one| people.names_agent(one))
            })
    })
}

/// Answers whether an agent took part.
fn find_participation(context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
    let (change, people) = (context.change, context.people);
    for commit in &change.commits {
        let makers = list_makers(commit).into_iter().chain(list_co_authors(&commit.message));
        if makers.into_iter().any(|one| people.names_agent(&one)) || states_agent(&commit.message) {
            return Ok(PredicateOutcome::Holds);
        }
    }
    if find_agent_account(context).is_some() || has_approved_agent(context) {
        return Ok(PredicateOutcome::Holds);
    }
    if let Ok(pull) = &change.pull {
        pull.contributors.as_ref().map_err(Missing::clone)?;
    }
    change.pusher.as_ref().map_err(Missing::clone)?;
    let tip = change.tip().id;
    Ok(PredicateOutcome::Fails(vec![Finding::new(&NONE_NAMED).in_commit(tip)]))
}

/// Returns an account of an agent behind the change: that of the pusher, or of those who made the pull request.
fn find_agent_account(context: &EvaluationContext<'_>) -> Option<Text> {
    let (change, people) = (context.change, context.people);
    if let Ok(PusherIdentity::Account(account)) = &change.pusher
        && people.is_agent_pusher(account)
    {
        return Some(account.clone());
    }
    let pull = change.pull.as_deref().ok()?;
    let opener = pull.opener.iter().find(|one| people.is_agent_account(one));
    let is_agent = |one: &&PullContributor| is_agent_contributor(one, people);
    let maker = pull.contributors.iter().flatten().find(is_agent).map(|one| match &one.account {
        Some(account) => account.id.clone(),
        None => one.name.clone(),
    });
    opener.map(|one| one.id.clone()).or(maker)
}

fn is_agent_contributor(one: &PullContributor, people: &PeopleDirectory) -> bool {
    let named = one.email.as_ref().map(|email| Person { name: one.name.clone(), email: email.clone() });
    one.account.as_ref().is_some_and(|account| people.is_agent_account(account))
        || named.is_some_and(|named| people.names_agent(&named))
}

/// Returns true if a person pushes the change, or opened or pushed to its pull request.
///
/// # Errors
///
/// Returns the gap if none is known to, and not everybody is known.
fn has_sponsoring_account(context: &EvaluationContext<'_>) -> Result<bool, Missing> {
    let (change, people) = (context.change, context.people);
    let Ok(pull) = &change.pull else {
        return match change.pusher.as_ref().map_err(Missing::clone)? {
            PusherIdentity::Account(account) => {
                Ok(is_present_person(&people.identify_pusher(account), change, people))
            }
            PusherIdentity::Unidentified => Ok(false),
        };
    };
    let is_person = |account: &ForgeAccount| {
        account.is_person
            && !people.is_machine_account(account)
            && is_present_person(&people.identify_forge_account(account), change, people)
    };
    if pull.opener.as_ref().is_some_and(is_person) {
        return Ok(true);
    }
    let contributors = pull.contributors.as_ref().map_err(Missing::clone)?;
    let mut pushers = contributors.iter().filter(|one| one.role == ContributorRole::Pusher);
    Ok(pushers.any(|one| one.account.as_ref().is_some_and(is_person)))
}

/// Returns true if the commit names a person who is there, and no machine.
fn has_named_person(commit: &Commit, context: &EvaluationContext<'_>) -> bool {
    let people = context.people;
    let named = list_makers(commit).into_iter().chain(list_co_authors(&commit.message));
    named.into_iter().any(|one| {
        !people.names_agent(&one) && is_present_person(&people.identify_person(&one), context.change, people)
    })
}

fn is_present_person(identity: &ResolvedIdentity, change: &Change, people: &PeopleDirectory) -> bool {
    matches!(identity, ResolvedIdentity::Human(key) if people.find_absence(key, change.seen_at).is_none())
}

/// Returns who wrote and who committed a commit, without a forge that commits by itself.
fn list_makers(commit: &Commit) -> Vec<Person> {
    let mut makers = vec![commit.author.clone()];
    if !is_forge_committer(&commit.committer) {
        makers.push(commit.committer.clone());
    }
    makers
}

fn list_co_authors(message: &CommitMessage) -> Vec<Person> {
    let mut named = Vec::new();
    for trailer in message.trailers() {
        if CO_AUTHOR_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key)) {
            named.extend(Person::parse_person(trailer.value.as_bytes()));
        }
    }
    named
}

/// Returns true if a trailer says that an agent helped.
fn states_agent(message: &CommitMessage) -> bool {
    message.trailers().iter().any(|trailer| {
        let value = trailer.value.to_lossy();
        AGENT_TRAILERS.iter().any(|key| key.eq_ignore_ascii_case(&trailer.key))
            && !NO_AGENT_WORDS.iter().any(|word| value.trim().eq_ignore_ascii_case(word))
    })
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "
people: { bots: ['*[bot]', noreply@anthropic.com, 'github:copilot-swe-agent'] }
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: ['github:ana', ana] }
    eve: { addresses: [eve@example.com], accounts: [eve], left: 2026-01-31 }
    helper: { kind: agent, addresses: [helper@example.com], accounts: ['github:helper-app', helper] }
    ci: { kind: bot, addresses: [ci@example.com], accounts: [ci] }
";

    fn says(ask: &str, change: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!("ask: {{ agents: {ask} }}{PEOPLE}change: {{ {change} }}")))
    }

    fn commit(author: &str, trailers: &str) -> String {
        format!("commits: [{{ author: {author}, message: \"Cache it\\n\\n{trailers}\\n\" }}]")
    }

    #[test]
    fn an_agent_took_part_if_it_is_named_anywhere() {
        let ana = "Ana <ana@example.com>";
        for change in [
            commit("Helper <helper@example.com>", ""),
            commit("Claude <noreply@anthropic.com>", ""),
            commit(ana, "Co-authored-by: Claude <noreply@anthropic.com>"),
            commit(ana, "Assisted-by: Claude:model [grep]"),
            commit(ana, "generated-by: some tool"),
            format!("pusher: helper, {}", commit(ana, "")),
            format!("stage: pull-request, pull: {{ opener: 'copilot-swe-agent[bot]' }}, {}", commit(ana, "")),
            format!(
                "stage: pull-request, pull: {{ makers: [{{ role: pusher, account: helper-app }}] }}, {}",
                commit(ana, "")
            ),
        ] {
            assert_eq!(says("took-part", &change), [""; 0], "{change}");
        }
        for change in [
            commit(ana, ""),
            commit(ana, "Assisted-by: none"),
            commit(ana, "Signed-off-by: Claude <noreply@anthropic.com>"),
            commit("CI <ci@example.com>", ""),
            format!("pusher: ci, {}", commit("Claude Monet <claude@example.com>", "")),
        ] {
            assert_eq!(says("took-part", &change).len(), 1, "{change}");
        }
        // An agent may still push it.
        let unknown = says("took-part", &format!("unknown: [pusher], {}", commit(ana, "")));
        assert!(unknown[0].starts_with("unknown"), "{unknown:?}");
    }

    #[test]
    fn a_person_answers_for_what_an_agent_made() {
        let claude = "Claude <noreply@anthropic.com>";
        let by_helper = |change: String| format!("pusher: helper, {change}");
        let named = commit(claude, "Co-authored-by: Ana <ana@example.com>");
        assert_eq!(says("{ sponsor: claimed }", &by_helper(named.clone())), [""; 0]);
        // A name in a commit is a claim.
        assert_eq!(says("{ sponsor: verified }", &by_helper(named)).len(), 1);
        assert_eq!(says("{ sponsor: verified }", &format!("pusher: ana, {}", commit(claude, ""))), [""; 0]);
        for nobody in [
            commit(claude, ""),
            commit(claude, "Co-authored-by: Helper <helper@example.com>"),
            commit(claude, "Co-authored-by: CI <ci@example.com>"),
            commit(claude, "Co-authored-by: Zoe <zoe@example.com>"),
            commit(claude, "Reviewed-by: Ana <ana@example.com>"),
        ] {
            assert_eq!(says("{ sponsor: claimed }", &by_helper(nobody.clone())).len(), 1, "{nobody}");
            assert_eq!(says("{ sponsor: verified }", &by_helper(nobody)).len(), 1);
        }
        // Who has left answers for nothing; a machine neither.
        for pusher in ["eve", "ci", "zoe"] {
            let change = format!("at: 2026-03-01T00:00:00Z, pusher: {pusher}, {}", commit(claude, ""));
            assert_eq!(says("{ sponsor: verified }", &change).len(), 1, "{pusher}");
        }
        // What people made needs nobody else.
        for ask in ["{ sponsor: claimed }", "{ sponsor: verified }"] {
            assert_eq!(says(ask, &format!("pusher: ci, {}", commit("Ana <ana@example.com>", ""))), [""; 0]);
        }
        assert_eq!(says("{ sponsor: verified }", &by_helper(commit("Ana <ana@example.com>", ""))).len(), 1);
        let unknown = says("{ sponsor: verified }", &format!("unknown: [pusher], {}", commit(claude, "")));
        assert!(unknown[0].starts_with("unknown"), "{unknown:?}");
    }

    #[test]
    fn a_person_opens_or_pushes_the_pull_request_of_an_agent() {
        let pulled = |pull: &str| {
            let change = format!(
                "stage: pull-request, pull: {{ {pull} }}, {}",
                commit("Claude <noreply@anthropic.com>", "")
            );
            says("{ sponsor: verified }", &change)
        };
        assert_eq!(pulled("opener: ana"), [""; 0]);
        assert_eq!(pulled("opener: 'copilot-swe-agent[bot]'").len(), 1);
        assert_eq!(pulled("opener: gone").len(), 1);
        assert_eq!(pulled("opener: helper-app, makers: [{ role: pusher, account: ana }]"), [""; 0]);
        assert_eq!(pulled("opener: helper-app, makers: [{ role: co-author, account: ana }]").len(), 1);
    }

    #[test]
    fn the_question_has_two_forms() {
        for (ask, said) in [
            ("{}", "`sponsor` is missing here"),
            ("{ sponsor: yes }", "unknown word `yes`"),
            ("none", "unknown word `none`"),
        ] {
            assert_eq!(question_faults(&format!("ask: {{ agents: {ask} }}")), [said], "{ask}");
        }
    }
}
