//! `pusher`: who pushes, as the server knows it.
//!
//! This is the one identity that nobody can type into a commit, so exemptions rest on it. Names in
//! commits are for `author`.

use crate::change::person::is_invisible;
use crate::change::{FactKind, Missing, NeededFacts, PusherIdentity, Text};
use crate::pattern::NamePattern;
use crate::predicates::parameters::{IdentityRequirement, format_alternatives};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, parse_each};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "pusher",
    summary: "The change is pushed by one of these accounts, a member of these teams, or a bot.",
    why: "The account that pushes was authenticated by the server, whereas an author's name is only typed. What \
          is left to a machine, such as bumps of lock files, is left to its account. A server that does not \
          tell people apart names nobody, and then this does not hold.",
    parameters: "\
- a name, or a list of them: the account, the whole of it, in any case; `*` stands for any characters; an account of \
a forge is named together with it, as in `github:renovate[bot]`;
- as a map: `account` with such a list, `team: [teams]`, and `bot: true` or `bot: false`; of several, all are meant.",
    passing_example: "
ask: { pusher: 'renovate[bot]' }
change:
  pusher: renovate[bot]
  commits:
    - author: renovate[bot] <bot@renovate.example>
",
    failing_example: "
ask: { pusher: 'renovate[bot]' }
change:
  pusher: mallory
  commits:
    - author: renovate[bot] <bot@renovate.example>
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct PusherPredicate {
    accounts: Vec<NamePattern>,
    identity: IdentityRequirement,
}

impl PusherPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let pusher = if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let accounts = map.find_key("account").map(|node| parse_each(node, faults, NamePattern::new));
            let standing = IdentityRequirement::read_identity(&mut map, known, faults);
            map.refuse_unknown_keys(faults);
            PusherPredicate { accounts: accounts.unwrap_or_default(), identity: standing }
        } else {
            PusherPredicate {
                accounts: parse_each(node, faults, NamePattern::new),
                identity: IdentityRequirement::default(),
            }
        };
        if before == faults.len() && pusher.describe_parts().is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of account, bot, team"));
        }
        (before == faults.len()).then_some(pusher)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pusher);
    }

    pub(crate) fn describe(&self) -> String {
        format!("the pusher {}", self.describe_parts().join(" and "))
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let what = match seen.change.pusher.as_ref().map_err(Clone::clone)? {
            PusherIdentity::Unidentified => {
                Some(Sentence::from_words("this server does not tell who pushes"))
            }
            PusherIdentity::Account(account) => self
                .describe_mismatch(account, seen)
                .map(|reason| Sentence::from_words("the pusher ").with_quote(account).with_words(reason)),
        };
        Ok(PredicateOutcome::from_findings(what.map(Finding::new).into_iter().collect()))
    }

    /// Returns why `account` is not meant, in words that follow it; `None` if it is.
    fn describe_mismatch(&self, account: &Text, seen: &EvaluationContext<'_>) -> Option<String> {
        // `*` would match what a planted variable smuggles in behind a line end.
        if account
            .as_utf8()
            .is_none_or(|name| name.trim() != name || name.is_empty() || name.chars().any(is_invisible))
        {
            return Some(" is not the name of an account".into());
        }
        if !self.accounts.is_empty()
            && !self.accounts.iter().any(|name| name.matches_name(account.as_bytes()))
        {
            let login = account.as_utf8().and_then(|name| name.split_once(':'));
            let bare = login.is_some_and(|(_, login)| {
                self.accounts.iter().any(|name| name.matches_name(login.as_bytes()))
            });
            // A server's account may be somebody else's on a forge.
            let help = if bare { "; an account of a forge is named together with it" } else { "" };
            return Some(format!(" is not {}{help}", format_alternatives(&self.accounts)));
        }
        self.identity.describe_mismatch(&[seen.people.identify_account(account)], seen)
    }

    fn describe_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.accounts.is_empty() {
            parts.push(format!("is {}", format_alternatives(&self.accounts)));
        }
        parts.extend(self.identity.describe_parts());
        parts
    }
}

#[cfg(test)]
mod tests {
    use crate::change::{PusherIdentity, Text};
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "
people:
  teams: { release: [ana@example.com] }
  bots: ['*[bot]']
roster:
  people:
    ana: { addresses: [ana@example.com], accounts: [ana] }
    bob: { addresses: [bob@example.com], accounts: [bob] }
change: { commits: [{ author: 'renovate[bot] <r@example.com>' }] }
";

    fn says(question: &str, account: impl Into<Text>) -> Vec<String> {
        let account = account.into();
        let text = format!("ask: {{ pusher: {question} }}{PEOPLE}");
        finding_texts(&answer_edited(&text, |change| {
            change.pusher = Ok(PusherIdentity::Account(account.clone()))
        }))
    }

    #[test]
    fn an_account_is_compared_as_a_whole() {
        for account in ["ci-deploy", "CI-Deploy"] {
            assert_eq!(says("[ana, 'ci-*']", account), [""; 0]);
        }
        assert_eq!(says("ana", "ana2"), ["the pusher `ana2` is not `ana`"]);
    }

    #[test]
    fn an_account_of_a_forge_is_not_that_of_a_server() {
        assert_eq!(says("'github:ana'", "github:Ana"), [""; 0]);
        assert_eq!(
            says("ana", "github:ana"),
            ["the pusher `github:ana` is not `ana`; an account of a forge is named together with it"]
        );
        assert_eq!(says("{ team: release }", "github:ana").len(), 1);
    }

    #[test]
    fn the_name_in_a_commit_does_not_make_a_pusher() {
        assert_eq!(says("'renovate[bot]'", "mallory").len(), 1);
        assert_eq!(says("{ bot: true }", "bob"), ["the pusher `bob` is not a bot"]);
        assert_eq!(says("{ bot: true }", "renovate[bot]"), [""; 0]);
    }

    #[test]
    fn a_team_is_asked_by_person() {
        assert_eq!(says("{ team: release }", "ana"), [""; 0]);
        assert_eq!(says("{ team: release }", "bob"), ["the pusher `bob` is not in release"]);
        assert_eq!(says("{ team: release }", "renovate[bot]").len(), 1);
        assert_eq!(says("{ team: release, bot: false }", "ana"), [""; 0]);
        assert_eq!(says("{ bot: false }", "carol").len(), 1);
    }

    #[test]
    fn an_account_that_hides_something_matches_nothing() {
        for account in ["", "ci-\ncarol", "ci-x\u{200b}", "ci-x ", "ci-\u{202e}x"] {
            assert_eq!(says("'ci-*'", account).len(), 1, "{account:?}");
        }
        assert_eq!(says("'ci-*'", &b"ci-\xff"[..]).len(), 1);
    }

    #[test]
    fn nobody_in_particular_is_nobody_and_not_knowing_is_not_knowing() {
        let nobody = "change: { commits: [{}] }";
        let found = finding_texts(&answer_example(&format!("ask: {{ pusher: '*a*' }}\n{nobody}")));
        assert_eq!(found, ["this server does not tell who pushes"]);
        let unknown = "change: { unknown: [pusher], commits: [{}] }";
        for ask in ["{ pusher: ana }", "{ not: { pusher: ana } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: the pusher"), "{found:?}");
        }
    }

    #[test]
    fn a_question_that_would_match_everybody_is_refused() {
        for question in ["'*'", "[]", "{}", "{ team: nobody }", "{ accounts: ana }"] {
            assert_eq!(question_faults(&format!("ask: {{ pusher: {question} }}")).len(), 1, "{question}");
        }
    }
}
