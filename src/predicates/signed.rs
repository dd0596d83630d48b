//! `signed`: whether every commit carries a good signature, and whose.
//!
//! Whether a signature is good was found out before, against the keys of the target ref; here it is
//! asked whether that is enough.

use crate::change::person::canonical_address;
use crate::change::{Commit, FactKind, Missing, NeededFacts, Person, SignatureStatus, Text};
use crate::people::{ResolvedIdentity, is_forge_committer};
use crate::predicates::parameters::{commit_finding, is_in_teams, read_teams};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, read_bool, read_choice};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "signed",
    summary: "Every commit of the change carries a good signature, by a key that the target ref knows.",
    why: "Author and committer are typed; a signature is what ties a commit to somebody. Merges are no exception, \
          not even those that a forge makes: its signature says what the forge did, not who wanted it.",
    parameters: "\
- `true`: the signatures are good, whoever made them;
- `by: author`: the signer is the same person as the author or the committer of the commit (a forge that puts its \
own address down as committer is nobody);
- `from: [teams]`: the signer is a member of one of these teams;
- `commits: every`: always so, and may be said.",
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

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct SignedPredicate {
    must_be_author: bool,
    teams: Vec<String>,
}

impl SignedPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut signed = SignedPredicate { must_be_author: false, teams: Vec::new() };
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            signed.must_be_author =
                map.find_key("by").and_then(|node| read_choice(node, &[("author", ())], faults)).is_some();
            signed.teams =
                map.find_key("from").map(|node| read_teams(node, known, faults)).unwrap_or_default();
            map.find_key("commits").and_then(|node| read_choice(node, &[("every", ())], faults));
            map.refuse_unknown_keys(faults);
        } else if read_bool(node, faults) == Some(false) {
            let help = "ask `not: { signed: true }`, or leave the question out";
            faults.push(YamlFault::new(node.at, "`signed` can only be `true`").with_help(help));
        }
        (before == faults.len()).then_some(signed)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Signatures);
    }

    pub(crate) fn describe(&self) -> String {
        let by = if self.must_be_author { " by its author or committer" } else { "" };
        match self.teams.is_empty() {
            true => format!("every commit is signed{by}"),
            false => format!("every commit is signed{by}, from {}", self.teams.join(" or ")),
        }
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        for commit in &seen.change.commits {
            match &commit.signature {
                Ok(SignatureStatus::Good { signer, .. }) => {
                    findings.extend(self.find_wrong_signer(commit, signer, seen))
                }
                Ok(SignatureStatus::None) => findings
                    .push(signature_finding(commit, Sentence::from_words("this commit is not signed"))),
                Ok(SignatureStatus::Bad(why)) => {
                    // The reason may repeat words that stand in the signature.
                    let what = Sentence::from_words("the signature of this commit does not hold: ");
                    findings.push(signature_finding(commit, what.with_quote(&why.as_str().into())));
                }
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    fn find_wrong_signer(
        &self,
        commit: &Commit,
        signer: &Text,
        seen: &EvaluationContext<'_>,
    ) -> Option<Finding> {
        let person = Person { name: Text::default(), email: signer.clone() };
        let who = seen.people.identify_person(&person);
        let says = || Sentence::from_words("this commit is signed by ").with_quote(signer);
        if self.must_be_author {
            let committer = Some(&commit.committer).filter(|committer| !is_forge_committer(committer));
            let same = |other: &Person| is_same_person(&person, &who, other, seen);
            if !same(&commit.author) && !committer.is_some_and(same) {
                return Some(signature_finding(
                    commit,
                    says().with_words(", who is neither its author nor its committer"),
                ));
            }
        }
        if !self.teams.is_empty() && !is_in_teams(&who, &self.teams, seen) {
            return Some(signature_finding(
                commit,
                says().with_words(format!(", who is not in {}", self.teams.join(" or "))),
            ));
        }
        None
    }
}

/// Returns true for one person, or one bot: bots and strangers are somebody by their address only,
/// and a stranger is not shown to be anybody.
fn is_same_person(
    signer: &Person,
    who: &ResolvedIdentity,
    other: &Person,
    seen: &EvaluationContext<'_>,
) -> bool {
    match (who, seen.people.identify_person(other)) {
        (ResolvedIdentity::Human(key), ResolvedIdentity::Human(other)) => *key == other,
        (ResolvedIdentity::Bot, ResolvedIdentity::Bot) => {
            let address = canonical_address(signer.email.as_bytes());
            address.is_some() && address == canonical_address(other.email.as_bytes())
        }
        _ => false,
    }
}

fn signature_finding(commit: &Commit, what: Sentence) -> Finding {
    commit_finding(commit, what).fixed_by("whoever recorded the commit, by signing it again")
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_example, finding_texts, question_faults};

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
            ["this commit is not signed", "the signature of this commit does not hold: `expired\u{1b}[2J`"]
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
            assert!(found[0].starts_with("unknown: who signed"), "{found:?}");
        }
    }

    #[test]
    fn a_question_that_means_the_contrary_is_refused() {
        for question in ["false", "yes", "{ by: anyone }", "{ commits: last }", "{ from: nobody }"] {
            assert_eq!(question_faults(&format!("ask: {{ signed: {question} }}")).len(), 1, "{question}");
        }
    }
}
