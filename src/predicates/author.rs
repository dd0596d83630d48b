//! `author`: who the commits name as their author.
//!
//! It reads what commits claim. `pusher` asks who pushes, `signed` whose key proved what, and
//! `approvals` who may approve, which takes every contributor into account.

use crate::change::person::canonical_address;
use crate::change::pull_request::{ContributorRole, PullContributor};
use crate::change::{FactKind, Missing, NeededFacts, Person, PusherIdentity, Text};
use crate::pattern::NamePattern;
use crate::people::ResolvedIdentity;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{
    IdentityRequirement, commit_finding, quote_patterns, read_list,
};
use crate::verdict::{Message, messages};
use crate::yaml::decode::MapReader;
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

messages! {
    QUESTION = "author.question": "the author of every commit {parts/and}";
    QUESTION_ADDRESSES = "author.question-addresses": "is {addresses/or}";
    QUESTION_DOMAINS = "author.question-domains": "is at {domains/or}";
    NOT_ACCEPTED = "author.not-accepted": "the author {author} {reason}";
    NO_ADDRESS = "author.no-address": "has no address of the form `name@domain` in plain ASCII";
    OTHER_ADDRESS = "author.other-address": "is not {addresses/or}";
    OTHER_DOMAIN = "author.other-domain": "is not at {domains/or}";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "author",
    summary: "Every commit of the change names an author of this kind.",
    why: "A policy may want work from known addresses only, or ask more of a change that a bot wrote. The author of \
          a commit is a claim: anyone can type any name there. Never let an exemption rest on `author`; use \
          `pusher`, which the server knows.",
    parameters: "\
- `address: [patterns]`: the address is one of these; `*` stands for any characters, case does not matter;
- `domain: [domains]`: the address is at one of these domains, compared as a whole (`example.com` is neither \
`mail.example.com` nor `example.com.evil`);
- `team: [teams]`: the author is a member of one of these teams;
- `bot: true` or `bot: false`: the author is, or is not, one of the policy's bots; an author who is not in the roster \
is neither. A typed name or address makes no bot: an account has to stand behind it, that of the author on a forge \
or that of the pusher on a server;
- a merge that brings to a branch what `changegate.policyRef` vouches for is a change by itself, so that its own author is \
asked, and not those of what it brings (see \
[where the policy is read from](policy.md#where-the-policy-is-read-from));
- if there are several parameters, all of them must hold. In a pull request, `team` and `bot` also consider the \
account that the forge ties the address to.",
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

/// The parameters of `author`.
#[derive(Clone, Debug, PartialEq)]
pub struct AuthorPredicate {
    addresses: Vec<NamePattern>,
    domains: Vec<String>,
    identity: IdentityRequirement,
}

impl AuthorPredicate {
    /// Returns the teams that the author has to be in one of; empty for everyone.
    pub(crate) fn asked_teams(&self) -> &[String] {
        self.identity.asked_teams()
    }

    /// Returns true if the question is about what an address looks like.
    pub(crate) fn asks_addresses(&self) -> bool {
        !self.addresses.is_empty() || !self.domains.is_empty()
    }

    /// Returns the patterns of addresses that the author has to match one of; empty for every address.
    pub(crate) fn asked_addresses(&self) -> &[NamePattern] {
        &self.addresses
    }

    /// Returns the domains, at one of which the author's address has to be; empty for every domain.
    pub(crate) fn asked_domains(&self) -> &[String] {
        &self.domains
    }

    /// Returns true if the question accepts a change of this person, who has the address because a forge says so.
    pub(crate) fn accepts_person(
        &self,
        address: &str,
        identity: ResolvedIdentity,
        context: &EvaluationContext<'_>,
    ) -> bool {
        self.accepts_address(address) && self.accepts_identity(identity, context)
    }

    /// Returns true if the question accepts this person by some address.
    pub(crate) fn accepts_identity(
        &self,
        identity: ResolvedIdentity,
        context: &EvaluationContext<'_>,
    ) -> bool {
        self.identity.find_mismatch(&[identity], context).is_none()
    }

    /// Returns true if the question accepts an address, as far as it is about what an address looks like.
    pub(crate) fn accepts_address(&self, address: &str) -> bool {
        self.find_address_mismatch(address.as_bytes()).is_none()
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let author = AuthorPredicate {
            addresses: read_list(&mut map, "address", faults, NamePattern::new),
            domains: read_list(&mut map, "domain", faults, parse_domain),
            identity: IdentityRequirement::read_identity(&mut map, scope, faults),
        };
        map.refuse_unknown_keys(faults);
        if before == faults.len() && author.describe_parts().is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of address, bot, domain, team"));
        }
        (before == faults.len()).then_some(author)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        // A forge tells which account an address belongs to together with who made a pull request.
        if self.identity != IdentityRequirement::default() {
            needs.insert(FactKind::Pusher);
        }
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("parts", self.describe_parts())
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        for commit in &context.change.commits {
            match self.find_mismatch(&commit.author, context) {
                Ok(None) => {}
                Ok(Some(reason)) => {
                    let what =
                        NOT_ACCEPTED.with("author", format_author(&commit.author)).with("reason", reason);
                    findings.push(commit_finding(commit, what));
                }
                Err(gap) => missing = Some(gap),
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns why `author` is not accepted, as a message that follows the name; `None` if they are.
    fn find_mismatch(
        &self,
        author: &Person,
        context: &EvaluationContext<'_>,
    ) -> Result<Option<Message>, Missing> {
        if let Some(reason) = self.find_address_mismatch(author.email.as_bytes()) {
            return Ok(Some(reason));
        }
        // Identities, which may be unknown, matter only to a question about them.
        if self.identity == IdentityRequirement::default() {
            return Ok(None);
        }
        Ok(self.identity.find_mismatch(&identify_author(author, context)?, context))
    }

    /// Returns why an address is not accepted, as a message that follows the name; `None` if it is.
    fn find_address_mismatch(&self, email: &[u8]) -> Option<Message> {
        if canonical_address(email).is_none() {
            return Some(Message::from(&NO_ADDRESS));
        }
        if !self.addresses.is_empty() && !self.addresses.iter().any(|pattern| pattern.matches_name(email)) {
            return Some(OTHER_ADDRESS.with("addresses", quote_patterns(&self.addresses)));
        }
        if !self.domains.is_empty() && !self.accepts_domain(email) {
            return Some(OTHER_DOMAIN.with("domains", quote_patterns(&self.domains)));
        }
        None
    }

    fn accepts_domain(&self, email: &[u8]) -> bool {
        let domain = email.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
        let domain = domain.strip_suffix(b".").unwrap_or(domain);
        self.domains.iter().any(|accepted| domain.eq_ignore_ascii_case(accepted.as_bytes()))
    }

    fn describe_parts(&self) -> Vec<Message> {
        let mut parts = Vec::new();
        if !self.addresses.is_empty() {
            parts.push(QUESTION_ADDRESSES.with("addresses", quote_patterns(&self.addresses)));
        }
        if !self.domains.is_empty() {
            parts.push(QUESTION_DOMAINS.with("domains", quote_patterns(&self.domains)));
        }
        parts.extend(self.identity.describe_parts());
        parts
    }
}

/// Returns the identities of an author: by address, and in a pull request by the accounts that the
/// forge ties the address to.
fn identify_author(
    author: &Person,
    context: &EvaluationContext<'_>,
) -> Result<Vec<ResolvedIdentity>, Missing> {
    let mut identities = vec![context.people.identify_person(author)];
    if context.change.pull.is_err()
        && identities.contains(&ResolvedIdentity::ClaimedBot)
        && let PusherIdentity::Account(account) = context.change.pusher.as_ref().map_err(Missing::clone)?
        && context.people.identify_account(account) == ResolvedIdentity::Bot
    {
        // Anyone can type the name of a bot; this one was pushed by a bot's account.
        identities.push(ResolvedIdentity::Bot);
    }
    if let Ok(pull) = &context.change.pull {
        let contributors = pull.contributors.as_ref().map_err(Missing::clone)?;
        let address = canonical_address(author.email.as_bytes());
        for contributor in contributors {
            let Some(account) = &contributor.account else { continue };
            if contributor.role == ContributorRole::Author && has_address(contributor, address.as_deref()) {
                identities.push(context.people.identify_forge_account(account));
            }
        }
    }
    Ok(identities)
}

/// Returns whether a contributor has this address; never for none.
fn has_address(contributor: &PullContributor, address: Option<&str>) -> bool {
    let Some(email) = &contributor.email else { return false };
    address.is_some() && canonical_address(email.as_bytes()).as_deref() == address
}

fn format_author(author: &Person) -> Text {
    Text::new([author.name.as_bytes(), b" <", author.email.as_bytes(), b">"].concat())
}

/// Reads a domain, which is compared as a whole.
fn parse_domain(written: &str) -> Result<String, String> {
    if written.split('.').all(is_domain_label) {
        Ok(written.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is not a domain; expected one such as `example.com`", shorten_for_message(written)))
    }
}

fn is_domain_label(label: &str) -> bool {
    !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

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
        assert_eq!(says("{ bot: true }", "renovate[bot] <r@example.com>").len(), 1);
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
