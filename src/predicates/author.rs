//! `author`: whom the commits name as their author.
//!
//! It reads what commits claim. Who really pushes is for `pusher` to say, whose key proved what is
//! for `signed`, and who may approve is for `approvals`, which counts everybody who took part.

use crate::change::person::canonical_address;
use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{FactKind, Missing, NeededFacts, Person, Text};
use crate::pattern::NamePattern;
use crate::people::ResolvedIdentity;
use crate::predicates::parameters::{IdentityRequirement, commit_finding, format_alternatives};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::Sentence;
use crate::verdict::messages;
use crate::yaml::decode::{MapReader, parse_each};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "author",
    summary: "Every commit of the change names an author of this kind.",
    why: "A policy may want work from known addresses only, or ask more of a change that a bot has written. \
          The author of a commit is a claim: anybody can type any name there. An exemption must rest on \
          `pusher`, which the server knows, and never on `author`.",
    parameters: "\
- `address: [patterns]`: the address is one of these; `*` stands for any characters, case does not matter;
- `domain: [domains]`: the address is at one of these domains, the whole of it (`example.com` is neither \
`mail.example.com` nor `example.com.evil`);
- `team: [teams]`: the author is a member of one of these teams;
- `bot: true` or `bot: false`: the author is, or is not, one of the policy's bots; somebody whom the roster does \
not know is neither;
- of several parameters, all are meant; for `team` and `bot` the account counts as well to which a forge ties the \
address in a pull request.",
    passing_example: "
ask: { author: { domain: example.com, bot: false } }
change:
  commits:
    - author: Ana <ana@example.com>
",
    failing_example: "
ask: { author: { domain: example.com } }
change:
  commits:
    - author: Ana <ana@example.com>
    - author: Ana <ana@example.com.evil>
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorPredicate {
    addresses: Vec<NamePattern>,
    domains: Vec<String>,
    identity: IdentityRequirement,
}

impl AuthorPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let addresses = map
            .find_key("address")
            .map(|node| parse_each(node, faults, NamePattern::new))
            .unwrap_or_default();
        let domains =
            map.find_key("domain").map(|node| parse_each(node, faults, parse_domain)).unwrap_or_default();
        let standing = IdentityRequirement::read_identity(&mut map, known, faults);
        map.refuse_unknown_keys(faults);
        let author = AuthorPredicate { addresses, domains, identity: standing };
        if before == faults.len() && author.describe_parts().is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of address, bot, domain, team"));
        }
        (before == faults.len()).then_some(author)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        // Which account an address belongs to, a forge says together with who made a pull request.
        if self.identity != IdentityRequirement::default() {
            needs.insert(FactKind::Pusher);
        }
    }

    pub(crate) fn describe(&self) -> String {
        format!("the author of every commit {}", self.describe_parts().join(" and "))
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let (mut findings, mut missing) = (Vec::new(), None);
        for commit in &seen.change.commits {
            match self.describe_mismatch(&commit.author, seen) {
                Ok(None) => {}
                Ok(Some(reason)) => {
                    let what = Sentence::from_words("the author ")
                        .with_quote(&format_author(&commit.author))
                        .with_words(reason);
                    findings.push(commit_finding(commit, what));
                }
                Err(gap) => missing = Some(gap),
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns why `author` is not meant, in words that follow the name; `None` if he is.
    fn describe_mismatch(
        &self,
        author: &Person,
        seen: &EvaluationContext<'_>,
    ) -> Result<Option<String>, Missing> {
        if let Some(reason) = self.describe_address_mismatch(author.email.as_bytes()) {
            return Ok(Some(reason));
        }
        // Without a question about people nobody is asked who they are.
        if self.identity == IdentityRequirement::default() {
            return Ok(None);
        }
        Ok(self.identity.describe_mismatch(&identify_author(author, seen)?, seen))
    }

    /// Returns why an address is not meant, in words that follow the name; `None` if it is.
    fn describe_address_mismatch(&self, email: &[u8]) -> Option<String> {
        if canonical_address(email).is_none() {
            return Some(" has no address of the form `name@domain` in plain ASCII".into());
        }
        if !self.addresses.is_empty() && !self.addresses.iter().any(|pattern| pattern.matches_name(email)) {
            return Some(format!(" is not {}", format_alternatives(&self.addresses)));
        }
        let at = email.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
        let at = at.strip_suffix(b".").unwrap_or(at);
        if !self.domains.is_empty()
            && !self.domains.iter().any(|domain| at.eq_ignore_ascii_case(domain.as_bytes()))
        {
            return Some(format!(" is not at {}", format_alternatives(&self.domains)));
        }
        None
    }

    fn describe_parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.addresses.is_empty() {
            parts.push(format!("is {}", format_alternatives(&self.addresses)));
        }
        if !self.domains.is_empty() {
            parts.push(format!("is at {}", format_alternatives(&self.domains)));
        }
        parts.extend(self.identity.describe_parts());
        parts
    }
}

/// Returns whom an author stands for: by address, and in a pull request by the accounts to which the
/// forge ties it.
fn identify_author(author: &Person, seen: &EvaluationContext<'_>) -> Result<Vec<ResolvedIdentity>, Missing> {
    let mut whose = vec![seen.people.identify_person(author)];
    if let Ok(pull) = &seen.change.pull {
        let makers = pull.contributors.as_ref().map_err(Clone::clone)?;
        let address = canonical_address(author.email.as_bytes());
        let is_tied = |maker: &&PullContributor| {
            let email = maker.email.as_ref().and_then(|email| canonical_address(email.as_bytes()));
            maker.role == ContributorRole::Author && email.is_some() && email == address
        };
        let accounts = makers.iter().filter(is_tied).filter_map(|maker| maker.account.as_ref());
        whose.extend(accounts.map(|account| seen.people.identify_forge_account(account)));
    }
    Ok(whose)
}

fn format_author(author: &Person) -> Text {
    Text::new([author.name.as_bytes(), b" <", author.email.as_bytes(), b">"].concat())
}

/// Reads a domain, which is compared as a whole.
fn parse_domain(written: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let usable = written.bytes().all(plain) && written.split('.').all(|part| !part.is_empty());
    if usable {
        Ok(written.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is not a domain", shorten_for_message(written)))
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "
people:
  teams: { platform: [ana@example.com] }
  bots: ['*[bot]']
";

    fn says(question: &str, author: &str) -> Vec<String> {
        let change = format!("change: {{ commits: [{{ author: '{author}' }}] }}");
        finding_texts(&answer_example(&format!("ask: {{ author: {question} }}{PEOPLE}{change}")))
    }

    #[test]
    fn a_domain_is_the_whole_of_it() {
        for author in ["A <a@example.com>", "A <a@EXAMPLE.com>", "A <a@example.com.>"] {
            assert_eq!(says("{ domain: Example.com }", author), [""; 0], "{author}");
        }
        for address in ["a@example.com.evil", "a@evilexample.com", "a@mail.example.com", "example.com@evil"] {
            assert_eq!(says("{ domain: example.com }", &format!("A <{address}>")).len(), 1, "{address}");
        }
    }

    #[test]
    fn every_commit_has_to_match_and_so_has_every_parameter() {
        let two = "change: { commits: [{ author: 'A <a@example.com>' }, { author: 'B <b@home.example>' }] }";
        let found =
            finding_texts(&answer_example(&format!("ask: {{ author: {{ domain: example.com }} }}\n{two}")));
        assert_eq!(found, ["the author `B <b@home.example>` is not at `example.com`"]);
        assert_eq!(says("{ address: 'a*@example.com', team: platform }", "Ana <ana@example.com>"), [""; 0]);
        assert_eq!(says("{ address: 'a*@example.com', team: platform }", "Al <al@example.com>").len(), 1);
    }

    #[test]
    fn a_bot_is_whom_the_policy_calls_one_and_a_stranger_is_neither() {
        assert_eq!(says("{ bot: true }", "renovate[bot] <r@example.com>"), [""; 0]);
        assert_eq!(says("{ bot: false }", "renovate[bot] <r@example.com>").len(), 1);
        assert_eq!(says("{ bot: true }", "Ana <ana@example.com>").len(), 1);
        for bot in [true, false] {
            let roster = "roster: { people: { ana: { addresses: [ana@example.com] } } }";
            let question = format!("ask: {{ author: {{ bot: {bot} }} }}\n{roster}\n");
            let stranger = "change: { commits: [{ author: 'Bob <bob@example.com>' }] }";
            assert_eq!(finding_texts(&answer_example(&format!("{question}{stranger}"))).len(), 1);
        }
    }

    #[test]
    fn an_address_that_is_none_matches_nothing() {
        for email in ["", "a@example.com\nb@example.com", "b@evil <a@example.com", "\u{430}@example.com", "a"]
        {
            for question in ["{ domain: example.com }", "{ address: '*example.com*' }", "{ bot: false }"] {
                let text = format!("ask: {{ author: {question} }}\nchange: {{ commits: [{{}}] }}");
                let answer = answer_edited(&text, |change| change.commits[0].author.email = email.into());
                assert_eq!(finding_texts(&answer).len(), 1, "{email} {question}");
            }
        }
    }

    #[test]
    fn a_question_that_asks_nothing_or_something_unknown_is_refused() {
        for question in [
            "{}",
            "{ domain: '@example.com' }",
            "{ domain: '*.example.com' }",
            "{ team: nobody }",
            "{ bot: yes }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ author: {question} }}")).len(), 1, "{question}");
        }
    }
}
