//! `signed`: whether every commit carries a valid signature, and whose.
//!
//! The signatures were verified before, against the keys of the target ref; this predicate asks whether
//! that is enough.

use crate::change::person::canonical_address;
use crate::change::{Commit, FactKind, Missing, NeededFacts, Person, SignatureStatus, Text};
use crate::people::{ResolvedIdentity, is_forge_committer};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::map_keys::read_choice_key;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{
    commit_finding, find_identity_absence, is_in_teams, read_teams,
};
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};
use crate::yaml::decode::{MapReader, read_bool};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION = "signed.question": "every commit is signed{by}{teams}";
    QUESTION_BY_AUTHOR = "signed.question-by-author": " by its author or committer";
    QUESTION_TEAMS = "signed.question-teams": ", from {teams/or}";
    UNSIGNED = "signed.unsigned": "this commit is not signed";
    INVALID_SIGNATURE = "signed.invalid-signature": "the signature of this commit is not valid: {reason}";
    OTHER_SIGNER = "signed.other-signer": "this commit is signed by {signer}, who is neither its author nor its committer";
    ABSENT_SIGNER = "signed.absent-signer": "this commit is signed by {signer}, who {reason}";
    BY_MACHINE = "signed.by-machine": "this commit is signed by {signer}, a machine, which does not say who wrote it";
    OUTSIDE_TEAMS = "signed.outside-teams": "this commit is signed by {signer}, who is not in {teams/or}";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "signed",
    summary: "Every commit of the change carries a valid signature, by a key that the target ref knows.",
    why: "Author and committer are only typed; a signature ties a commit to a person. Merges are no exception, not even \
          those that a forge makes: its signature tells what the forge did, not who asked for it.",
    parameters: "\
- `true`: the signatures are valid, by any signer;
- `by: author`: the signer is the same person as the author or the committer of the commit (a forge that names \
itself as the committer does not count);
- `from: [teams]`: the signer is a member of one of these teams;
- `commits: every`: always so, and may be written out.",
    passing_example: "
ask: { signed: { by: author } }
change:
  commits:
    - { author: Ana <ana@example.com>, signature: { good: ana@example.com } }
",
    failing_example: "
ask: { signed: true }
change:
  commits:
    - { message: Cache it, signature: { good: ana@example.com } }
    - { message: Merge branch cache, merge: true, signature: none }
",
};

/// The parameters of `signed`.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedPredicate {
    must_be_author: bool,
    teams: Vec<String>,
}

impl SignedPredicate {
    /// Returns the teams that the signer has to be in one of; empty for everyone.
    pub(crate) fn asked_teams(&self) -> &[String] {
        &self.teams
    }

    /// Returns true if the signer has to be the author or the committer.
    pub(crate) fn asks_for_author(&self) -> bool {
        self.must_be_author
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut signed = SignedPredicate { must_be_author: false, teams: Vec::new() };
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            signed.must_be_author = read_choice_key(&mut map, "by", faults, &[("author", ())]).is_some();
            if let Some(node) = map.find_key("from") {
                signed.teams = read_teams(node, scope, faults);
            }
            read_choice_key(&mut map, "commits", faults, &[("every", ())]);
            map.refuse_unknown_keys(faults);
        } else if read_bool(node, faults) == Some(false) {
            let help = "write `not: { signed: true }`, or leave it out";
            faults.push(YamlFault::new(node.at, "`signed` can only be `true`").with_help(help));
        }
        (before == faults.len()).then_some(signed)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Signatures);
    }

    pub(crate) fn describe(&self) -> Message {
        let by = match self.must_be_author {
            true => MessageValue::from(&QUESTION_BY_AUTHOR),
            false => MessageValue::empty(),
        };
        let teams = match self.teams.is_empty() {
            true => MessageValue::empty(),
            false => QUESTION_TEAMS.with("teams", self.teams.clone()).into(),
        };
        QUESTION.with("by", by).with("teams", teams)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let (findings, missing) = self.list_findings(context.change.commits.iter(), context);
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns what is wrong with the signatures of these commits, and the gap if one was not verified.
    fn list_findings<'change>(
        &self,
        commits: impl Iterator<Item = &'change Commit>,
        context: &EvaluationContext<'_>,
    ) -> (Vec<Finding>, Option<Missing>) {
        let mut findings = Vec::new();
        let mut missing = None;
        for commit in commits {
            match &commit.signature {
                Ok(SignatureStatus::Good { signer, .. }) => {
                    if let Some(message) = self.find_wrong_signer(commit, signer, context) {
                        findings.push(signature_finding(commit, message));
                    }
                }
                Ok(SignatureStatus::None) => {
                    findings.push(signature_finding(commit, Message::from(&UNSIGNED)))
                }
                Ok(SignatureStatus::Bad(why)) => {
                    // The reason may repeat words that stand in the signature.
                    let reason = Text::from(why.as_str());
                    findings.push(signature_finding(commit, INVALID_SIGNATURE.with("reason", reason)));
                }
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        (findings, missing)
    }

    fn find_wrong_signer(
        &self,
        commit: &Commit,
        signer: &Text,
        context: &EvaluationContext<'_>,
    ) -> Option<Message> {
        let person = Person { name: Text::default(), email: signer.clone() };
        let who = context.people.identify_person(&person);
        if self.must_be_author {
            let is_author = is_same_person(&person, &who, &commit.author, context);
            let is_committer = !is_forge_committer(&commit.committer)
                && is_same_person(&person, &who, &commit.committer, context);
            if !is_author && !is_committer {
                return Some(OTHER_SIGNER.with("signer", signer));
            }
        }
        if let Some(absence) = find_identity_absence(std::slice::from_ref(&who), context) {
            return Some(ABSENT_SIGNER.with("signer", signer).with("reason", absence));
        }
        if !self.teams.is_empty() && !is_in_teams(&who, &self.teams, context.change.seen_at, context) {
            return Some(OUTSIDE_TEAMS.with("signer", signer).with("teams", self.teams.clone()));
        }
        None
    }
}

/// Returns a finding for each of these commits that its author or committer has not signed, and the gap if it is not
/// known of one.
pub(crate) fn find_unsigned_commits(
    commits: &[&Commit],
    context: &EvaluationContext<'_>,
) -> (Vec<Finding>, Option<Missing>) {
    let by_author = SignedPredicate { must_be_author: true, teams: Vec::new() };
    let (mut findings, missing) = by_author.list_findings(commits.iter().copied(), context);
    // A machine that commits for a person does not say by its signature who wrote it.
    for commit in commits {
        let Ok(SignatureStatus::Good { signer, .. }) = &commit.signature else { continue };
        let person = Person { name: Text::default(), email: signer.clone() };
        let who = context.people.identify_person(&person);
        let is_machine = matches!(who, ResolvedIdentity::Bot | ResolvedIdentity::ClaimedBot);
        if is_machine && !is_same_person(&person, &who, &commit.author, context) {
            let message = BY_MACHINE.with("signer", signer);
            findings.push(signature_finding(commit, message));
        }
    }
    (findings, missing)
}

/// Returns true for one person, or one bot. Bots are told apart by address, and a signer whom the roster
/// does not know is not shown to be anyone.
fn is_same_person(
    signer: &Person,
    who: &ResolvedIdentity,
    other: &Person,
    context: &EvaluationContext<'_>,
) -> bool {
    match (who, context.people.identify_person(other)) {
        (ResolvedIdentity::Human(key), ResolvedIdentity::Human(other)) => *key == other,
        (ResolvedIdentity::ClaimedBot, ResolvedIdentity::ClaimedBot) => {
            let address = canonical_address(signer.email.as_bytes());
            address.is_some() && address == canonical_address(other.email.as_bytes())
        }
        _ => false,
    }
}

fn signature_finding(commit: &Commit, message: Message) -> Finding {
    commit_finding(commit, message).fixed_by(Fixer::Committer)
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "
people:
  teams: { security: [sec@example.com] }
  bots: ['*[bot]']
";

    fn says(question: &str, commits: &str) -> Vec<String> {
        let change = format!("change: {{ commits: [{commits}] }}");
        finding_texts(&answer_example(&format!("ask: {{ signed: {question} }}{PEOPLE}{change}")))
    }

    fn signed(author: &str, signer: &str) -> String {
        format!("{{ author: '{author}', signature: {{ good: '{signer}' }} }}")
    }

    #[test]
    fn every_commit_is_asked_and_every_reason_given() {
        let good = signed("Ana <ana@example.com>", "bob@example.com");
        assert_eq!(says("true", &good), [""; 0]);
        assert_eq!(
            says(
                "{ commits: every }",
                &format!("{good}, {{}}, {{ merge: true, signature: {{ bad: \"expired\\e[2J\" }} }}")
            ),
            ["this commit is not signed", "the signature of this commit is not valid: `expired\u{1b}[2J`"]
        );
    }

    #[test]
    fn the_signer_is_one_of_those_whom_the_commit_names() {
        assert_eq!(says("{ by: author }", &signed("Ana <ana@example.com>", "ANA+key@example.com")), [""; 0]);
        assert_eq!(says("{ by: author }", &signed("Ana <ana@example.com>", "bob@example.com")).len(), 1);
        let committer = "{ author: 'Ana <ana@example.com>', committer: 'Bob <bob@example.com>', signature: { good: bob@example.com } }";
        assert_eq!(says("{ by: author }", committer), [""; 0]);
    }

    #[test]
    fn a_forge_does_not_sign_for_an_author() {
        let forge = "{ author: 'Ana <ana@example.com>', committer: 'GitHub <noreply@github.com>', merge: true, signature: { good: noreply@github.com } }";
        assert_eq!(says("{ by: author }", forge).len(), 1);
        assert_eq!(says("true", forge), [""; 0]);
    }

    #[test]
    fn two_bots_and_two_strangers_are_not_one() {
        let bots = signed("a[bot] <a[bot]@example.com>", "b[bot]@example.com");
        assert_eq!(says("{ by: author }", &bots).len(), 1);
        assert_eq!(
            says("{ by: author }", &signed("a[bot] <a[bot]@example.com>", "a[bot]@example.com")),
            [""; 0]
        );
        let roster = "\nroster: { people: { ana: { addresses: [ana@example.com] } } }\n";
        let change = format!("change: {{ commits: [{}] }}", signed("X <x@example.com>", "x@example.com"));
        assert_eq!(
            finding_texts(&answer_example(&format!("ask: {{ signed: {{ by: author }} }}{roster}{change}")))
                .len(),
            1
        );
    }

    #[test]
    fn a_team_signs_by_its_members() {
        assert_eq!(says("{ from: security }", &signed("Ana <ana@example.com>", "sec@example.com")), [""; 0]);
        assert_eq!(says("{ from: security }", &signed("Ana <ana@example.com>", "ana@example.com")).len(), 1);
        assert_eq!(
            says("{ from: security }", &signed("Ana <ana@example.com>", "sec@example.com.evil")).len(),
            1
        );
        assert_eq!(says("{ from: security }", &signed("Ana <ana@example.com>", "sec")).len(), 1);
    }

    #[test]
    fn a_signature_that_was_not_verified_is_not_good() {
        let good = signed("Ana <ana@example.com>", "ana@example.com");
        let unknown = format!("change: {{ unknown: [signatures], commits: [{good}] }}");
        for ask in ["{ signed: true }", "{ not: { signed: true } }", "{ signed: { by: author } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: the signatures"), "{found:?}");
        }
    }

    #[test]
    fn a_question_that_means_the_contrary_is_refused() {
        for question in ["false", "yes", "{ by: anyone }", "{ commits: last }", "{ from: nobody }"] {
            assert_eq!(question_faults(&format!("ask: {{ signed: {question} }}")).len(), 1, "{question}");
        }
    }
}
