//! `pusher`: who pushes, as the server knows it.
//!
//! This is the one identity that cannot be typed into a commit, so exemptions rest on it. Names in
//! commits are for `author`. Several accounts can push to a pull request; unless the policy says `any`,
//! the answer holds for every one of them, so that the last push does not speak for those before it.

use crate::change::person::is_invisible;
use crate::change::pull_request::{ContributorRole, ForgeAccount};
use crate::change::{FactKind, Missing, NeededFacts, PusherIdentity, Text};
use crate::pattern::NamePattern;
use crate::people::ResolvedIdentity;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{IdentityRequirement, quote_patterns, read_list};
use crate::verdict::{Finding, Fixer, Message, messages};
use crate::yaml::decode::{MapReader, parse_each, read_choice};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION = "pusher.question": "the pusher {parts/and}";
    QUESTION_ANY = "pusher.question-any": "one of the pushers {parts/and}";
    QUESTION_ACCOUNTS = "pusher.question-accounts": "is {accounts/or}";
    UNIDENTIFIED = "pusher.unidentified": "this server does not identify who pushes";
    INVALID_ACCOUNT = "pusher.invalid-account": "the pusher {account} is not the name of an account";
    OTHER_ACCOUNT = "pusher.other-account": "the pusher {account} is not {allowed/or}";
    FORGE_ACCOUNT = "pusher.forge-account": "the pusher {account} is not {allowed/or}; name an account of a forge together with the forge";
    NOT_ALLOWED = "pusher.not-allowed": "the pusher {account} {reason}";
    ACCOUNT_DELETED = "pusher.account-deleted": "an account that pushed a commit of this change was deleted";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "pusher",
    summary: "Every account that pushed the change is one of these, of a member of these teams, or of a bot.",
    why: "The server has authenticated the account that pushes; an author's name is only typed. What is left to \
          automation, such as updates of lock files, is left to its account. Several accounts can push to a pull \
          request: a bot's push on top of a person's commits does not make them the bot's. On a server that does \
          not identify who pushes, this fails.",
    parameters: "\
- the name of an account, or a list of them; the whole name is compared, in any case, and `*` stands for any \
characters; write an account of a forge together with the forge, as in `github:renovate[bot]`;
- as a map: `account` with such a list, `team: [teams]`, and `bot: true` or `bot: false`; all that are given apply, to \
the same account;
- `pushers: any`, beside them: one account that pushed a commit of the pull request is enough, as under `not`; the \
default is `every`.",
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

/// The parameters of `pusher`.
#[derive(Clone, Debug, PartialEq)]
pub struct PusherPredicate {
    accounts: Vec<NamePattern>,
    identity: IdentityRequirement,
    /// True if one pusher who is meant is enough.
    is_any_enough: bool,
}

impl PusherPredicate {
    /// Returns the teams that the pusher has to be in one of; empty for everyone.
    pub(crate) fn asked_teams(&self) -> &[String] {
        self.identity.asked_teams()
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let pusher = if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let accounts = read_list(&mut map, "account", faults, NamePattern::new);
            let identity = IdentityRequirement::read_identity(&mut map, scope, faults);
            let choices = [("every", false), ("any", true)];
            let chosen = map.find_key("pushers").and_then(|node| read_choice(node, &choices, faults));
            map.refuse_unknown_keys(faults);
            PusherPredicate { accounts, identity, is_any_enough: chosen.unwrap_or(false) }
        } else {
            PusherPredicate {
                accounts: parse_each(node, faults, NamePattern::new),
                identity: IdentityRequirement::default(),
                is_any_enough: false,
            }
        };
        if before == faults.len() && pusher.describe_parts().is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of account, bot, team"));
        }
        (before == faults.len()).then_some(pusher)
    }

    /// Returns true if one of several pushers is enough.
    pub(crate) fn accepts_any_pusher(&self) -> bool {
        self.is_any_enough
    }

    /// Returns the patterns of accounts that the pusher has to match one of; empty for every account.
    pub(crate) fn asked_accounts(&self) -> &[NamePattern] {
        &self.accounts
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pusher);
    }

    pub(crate) fn describe(&self) -> Message {
        let question = if self.is_any_enough { &QUESTION_ANY } else { &QUESTION };
        question.with("parts", self.describe_parts())
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut pushers = PusherAnswers::default();
        match &context.change.pusher {
            Ok(PusherIdentity::Unidentified) => {
                return Ok(PredicateOutcome::Fails(vec![
                    Finding::new(&UNIDENTIFIED).fixed_by(Fixer::ServerAdministrator),
                ]));
            }
            Ok(PusherIdentity::Account(account)) => {
                pushers.add(match find_forge_account(account, context) {
                    Some(known) => self.find_forge_mismatch(known, context),
                    None => self.find_mismatch(account, context),
                });
            }
            Err(missing) => pushers.missing = Some(missing.clone()),
        }
        // A push tells who makes it; a forge also knows who pushed each commit of a pull request before.
        match context.change.pull.as_ref().map(|pull| &pull.contributors) {
            Ok(Ok(contributors)) => {
                for one in contributors.iter().filter(|one| one.role == ContributorRole::Pusher) {
                    pushers.add(match &one.account {
                        Some(account) => self.find_forge_mismatch(account, context),
                        None => Some(Message::from(&ACCOUNT_DELETED)),
                    });
                }
            }
            Ok(Err(missing)) => pushers.missing = Some(missing.clone()),
            Err(_) => {}
        }
        if self.is_any_enough {
            return match (pushers.has_match, pushers.missing) {
                (true, _) => Ok(PredicateOutcome::Holds),
                (false, Some(missing)) => Err(missing),
                (false, None) => Ok(PredicateOutcome::from_findings(pushers.findings)),
            };
        }
        PredicateOutcome::from_findings_or_missing(pushers.findings, pushers.missing)
    }

    /// Returns why the policy does not mean `account` of this server; `None` if it does.
    fn find_mismatch(&self, account: &Text, context: &EvaluationContext<'_>) -> Option<Message> {
        let matches = |pattern: &NamePattern| pattern.matches_name(account.as_bytes());
        self.check_account(account, matches, context.people.identify_account(account), context)
    }

    /// Returns why the policy does not mean an account of a forge; `None` if it does.
    fn find_forge_mismatch(
        &self,
        account: &ForgeAccount,
        context: &EvaluationContext<'_>,
    ) -> Option<Message> {
        let matches = |pattern: &NamePattern| pattern.matches_account(account.id.as_bytes(), account.number);
        self.check_account(&account.id, matches, context.people.identify_forge_account(account), context)
    }

    fn check_account(
        &self,
        account: &Text,
        matches: impl Fn(&NamePattern) -> bool,
        identity: ResolvedIdentity,
        context: &EvaluationContext<'_>,
    ) -> Option<Message> {
        let name = match account.as_utf8() {
            Some(name) if is_account_name(name) => name,
            _ => return Some(INVALID_ACCOUNT.with("account", account)),
        };
        if !self.accounts.is_empty() && !self.accounts.iter().any(matches) {
            // A server's account may be another person's on a forge.
            let template = match name.split_once(':') {
                Some((_, login)) if self.matches_account(login) => &FORGE_ACCOUNT,
                _ => &OTHER_ACCOUNT,
            };
            let allowed = quote_patterns(&self.accounts);
            return Some(template.with("account", account).with("allowed", allowed));
        }
        let reason = self.identity.find_mismatch(&[identity], context)?;
        Some(NOT_ALLOWED.with("account", account).with("reason", reason))
    }

    fn matches_account(&self, name: &str) -> bool {
        self.accounts.iter().any(|pattern| pattern.matches_name(name.as_bytes()))
    }

    fn describe_parts(&self) -> Vec<Message> {
        let mut parts = Vec::new();
        if !self.accounts.is_empty() {
            parts.push(QUESTION_ACCOUNTS.with("accounts", quote_patterns(&self.accounts)));
        }
        parts.extend(self.identity.describe_parts());
        parts
    }
}

/// What the question comes to for each account that pushed.
#[derive(Default)]
struct PusherAnswers {
    has_match: bool,
    findings: Vec<Finding>,
    missing: Option<Missing>,
}

impl PusherAnswers {
    /// Adds the answer for one account: why the policy does not mean it, or `None` if it does.
    fn add(&mut self, mismatch: Option<Message>) {
        let Some(message) = mismatch else {
            self.has_match = true;
            return;
        };
        let finding = Finding::new(message).fixed_by(Fixer::Pusher);
        // The account that pushed last is among those that pushed a commit.
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }
}

/// Returns the account that pushed last as the forge knows it, with its number; `None` on a server.
fn find_forge_account<'a>(account: &Text, context: &EvaluationContext<'a>) -> Option<&'a ForgeAccount> {
    let Ok(Ok(contributors)) = context.change.pull.as_ref().map(|pull| &pull.contributors) else {
        return None;
    };
    let pushers = contributors.iter().filter(|one| one.role == ContributorRole::Pusher);
    pushers.filter_map(|one| one.account.as_ref()).find(|known| known.id == *account)
}

/// Returns false for a name that `*` must not match: what a planted variable smuggles in behind a line end.
fn is_account_name(name: &str) -> bool {
    name.trim() == name && !name.is_empty() && !name.chars().any(is_invisible)
}

#[cfg(test)]
mod tests {
    use crate::change::{PusherIdentity, Text};
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

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
            ["the pusher `github:ana` is not `ana`; name an account of a forge together with the forge"]
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
        assert_eq!(says("{ team: release }", "bob"), ["the pusher `bob` is not a member of release"]);
        assert_eq!(says("{ team: release }", "renovate[bot]").len(), 1);
        assert_eq!(says("{ team: release, bot: false }", "ana"), [""; 0]);
        assert_eq!(says("{ bot: false }", "carol").len(), 1);
    }

    fn says_of_pull(question: &str, pushers: &[&str]) -> Vec<String> {
        let mut makers = String::new();
        for pusher in pushers {
            makers += &format!("{{ role: pusher, account: '{pusher}' }}, ");
        }
        let pull = format!("change: {{ commits: [{{}}], pull: {{ makers: [{makers}] }} }}\n");
        let text = format!("ask: {{ pusher: {question} }}{}{pull}", PEOPLE.split("change:").next().unwrap());
        // The last one pushed the final revision.
        let last: Text = format!("github:{}", pushers.last().unwrap()).as_str().into();
        finding_texts(&answer_edited(&text, |change| {
            change.pusher = Ok(PusherIdentity::Account(last.clone()))
        }))
    }

    #[test]
    fn the_last_push_does_not_speak_for_those_before_it() {
        let bot = "'github:renovate[bot]'";
        assert_eq!(says_of_pull(bot, &["renovate[bot]"]), [""; 0]);
        let said = ["the pusher `github:ana` is not `github:renovate[bot]`"];
        // In every order, and for every other way to say it.
        assert_eq!(says_of_pull(bot, &["ana", "renovate[bot]"]), said);
        assert_eq!(says_of_pull(bot, &["renovate[bot]", "ana"]), said);
        assert_eq!(says_of_pull(bot, &["renovate[bot]", "ana", "renovate[bot]"]), said);
        assert_eq!(says_of_pull("{ bot: true }", &["ana", "renovate[bot]"]).len(), 1);
        assert_eq!(
            says_of_pull(bot, &["gone", "renovate[bot]"]),
            ["an account that pushed a commit of this change was deleted"]
        );
    }

    #[test]
    fn a_number_is_of_one_account_whatever_its_login_is() {
        let ask = |question: &str, pusher: &str| {
            let people = "people: { teams: { release: ['github:ana#7'] }, bots: ['github:sync#9'] }\n";
            let pull = format!(
                "change: {{ commits: [{{}}], pull: {{ makers: [{{ role: pusher, account: '{pusher}' }}] }} }}\n"
            );
            let text = format!("ask: {{ pusher: {question} }}\n{people}{pull}");
            let login = pusher.split('#').next().unwrap();
            let last: Text = format!("github:{login}").as_str().into();
            finding_texts(&answer_edited(&text, |change| {
                change.pusher = Ok(PusherIdentity::Account(last.clone()))
            }))
        };
        let team = "{ team: release }";
        for (question, pusher) in [(team, "ana#7"), (team, "ana2#7"), ("'github:ana#7'", "ana2#7")] {
            assert_eq!(ask(question, pusher), [""; 0], "{question} {pusher}");
        }
        assert_eq!(ask("{ bot: true }", "sync2#9"), [""; 0]);
        // The login belongs to another account now.
        for (question, pusher) in [
            (team, "ana#8"),
            ("'github:ana#7'", "ana#8"),
            ("{ bot: true }", "sync#8"),
            ("'github:ana#7'", "ana"),
        ] {
            assert_eq!(ask(question, pusher).len(), 1, "{question} {pusher}");
        }
    }

    #[test]
    fn a_policy_can_ask_for_any_of_the_pushers() {
        let any = "{ account: 'github:ana', pushers: any }";
        for pushers in [["ana", "renovate[bot]"], ["renovate[bot]", "ana"]] {
            assert_eq!(says_of_pull(any, &pushers), [""; 0]);
        }
        assert_eq!(says_of_pull(any, &["bob", "renovate[bot]"]).len(), 2);
        let unknown = "ask: { pusher: { account: ana, pushers: any } }\nchange: { commits: [{}], pull: {} }";
        let found = answer_edited(unknown, |change| {
            change.pusher = Ok(PusherIdentity::Account("bob".into()));
            let gap = crate::change::Missing::NotConfigured(crate::change::FactKind::Pusher);
            change.pull.as_mut().unwrap().contributors = Err(gap);
        });
        assert!(finding_texts(&found)[0].contains("the pusher"), "{found:?}");
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
        assert_eq!(found, ["this server does not identify who pushes"]);
        let unknown = "change: { unknown: [pusher], commits: [{}] }";
        for ask in ["{ pusher: ana }", "{ not: { pusher: ana } }"] {
            let found = finding_texts(&answer_example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: the pusher"), "{found:?}");
        }
    }

    #[test]
    fn a_question_that_would_match_everybody_is_refused() {
        for question in [
            "'*'",
            "[]",
            "{}",
            "{ team: nobody }",
            "{ accounts: ana }",
            "{ pushers: any }",
            "{ account: ana, pushers: last }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ pusher: {question} }}")).len(), 1, "{question}");
        }
    }
}
