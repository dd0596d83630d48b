//! `pusher`: who pushes, as the server knows it.
//!
//! This is the one identity that nobody can type into a commit, so exemptions rest on it. Names in
//! commits are for `author`.

use super::parameters::{Standing, either};
use super::{Doc, Known, Reply, Seen};
use crate::change::person::is_invisible;
use crate::change::{Missing, Need, Needs, Pusher, Text};
use crate::pattern::NamePattern;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, each};
use crate::yaml::{Fault, Node, Value};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "pusher",
    asks: "The change is pushed by one of these accounts, a member of these teams, or a bot.",
    why: "The account that pushes was authenticated by the server, whereas an author's name is only typed. What \
          is left to a machine, such as bumps of lock files, is left to its account. A server that does not \
          tell people apart names nobody, and then this does not hold.",
    parameters: "\
- a name, or a list of them: the account, the whole of it, in any case; `*` stands for any characters; an account of \
a forge is named together with it, as in `github:renovate[bot]`;
- as a map: `account` with such a list, `team: [teams]`, and `bot: true` or `bot: false`; of several, all are meant.",
    passes: "
ask: { pusher: 'renovate[bot]' }
change:
  pusher: renovate[bot]
  commits:
    - author: renovate[bot] <bot@renovate.example>
",
    fails: "
ask: { pusher: 'renovate[bot]' }
change:
  pusher: mallory
  commits:
    - author: renovate[bot] <bot@renovate.example>
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct PushedBy {
    accounts: Vec<NamePattern>,
    standing: Standing,
}

impl PushedBy {
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let pusher = if let Value::Map(_) = &node.value {
            let mut map = Map::new(node, faults)?;
            let accounts = map.get("account").map(|node| each(node, faults, NamePattern::new));
            let standing = Standing::read(&mut map, known, faults);
            map.finish(faults);
            PushedBy { accounts: accounts.unwrap_or_default(), standing }
        } else {
            PushedBy { accounts: each(node, faults, NamePattern::new), standing: Standing::default() }
        };
        if before == faults.len() && pusher.parts().is_empty() {
            faults.push(Fault::new(node.at, "expected one of account, bot, team"));
        }
        (before == faults.len()).then_some(pusher)
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Pusher);
    }

    pub(super) fn words(&self) -> String {
        format!("the pusher {}", self.parts().join(" and "))
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let what = match seen.change.pusher.as_ref().map_err(Clone::clone)? {
            Pusher::Unidentified => Some(Line::say("this server does not tell who pushes")),
            Pusher::Account(account) => {
                self.mismatch(account, seen).map(|reason| Line::say("the pusher ").quote(account).and(reason))
            }
        };
        Ok(Reply::from_findings(what.map(Finding::new).into_iter().collect()))
    }

    /// Returns why `account` is not meant, in words that follow it; `None` if it is.
    fn mismatch(&self, account: &Text, seen: &Seen<'_>) -> Option<String> {
        // `*` would match what a planted variable smuggles in behind a line end.
        if account
            .as_utf8()
            .is_none_or(|name| name.trim() != name || name.is_empty() || name.chars().any(is_invisible))
        {
            return Some(" is not the name of an account".into());
        }
        if !self.accounts.is_empty() && !self.accounts.iter().any(|name| name.matches(account.as_bytes())) {
            let login = account.as_utf8().and_then(|name| name.split_once(':'));
            let bare = login
                .is_some_and(|(_, login)| self.accounts.iter().any(|name| name.matches(login.as_bytes())));
            // A server's account may be somebody else's on a forge.
            let help = if bare { "; an account of a forge is named together with it" } else { "" };
            return Some(format!(" is not {}{help}", either(&self.accounts)));
        }
        self.standing.mismatch(&[seen.people.behind(account)], seen)
    }

    fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.accounts.is_empty() {
            parts.push(format!("is {}", either(&self.accounts)));
        }
        parts.extend(self.standing.words());
        parts
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};
    use crate::change::{Pusher, Text};

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
        texts(&edited(&text, |change| change.pusher = Ok(Pusher::Account(account.clone()))))
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
        let found = texts(&example(&format!("ask: {{ pusher: '*a*' }}\n{nobody}")));
        assert_eq!(found, ["this server does not tell who pushes"]);
        let unknown = "change: { unknown: [pusher], commits: [{}] }";
        for ask in ["{ pusher: ana }", "{ not: { pusher: ana } }"] {
            let found = texts(&example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: who pushes"), "{found:?}");
        }
    }

    #[test]
    fn a_question_that_would_match_everybody_is_refused() {
        for question in ["'*'", "[]", "{}", "{ team: nobody }", "{ accounts: ana }"] {
            assert_eq!(faults(&format!("ask: {{ pusher: {question} }}")).len(), 1, "{question}");
        }
    }
}
