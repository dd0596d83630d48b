//! `author`: whom the commits name as their author.
//!
//! It reads what commits claim. Who really pushes is for `pusher` to say, whose key proved what is
//! for `signed`, and who may approve is for `approvals`, which counts everybody who took part.

use super::parameters::{Standing, about, either};
use super::{Doc, Known, Reply, Seen};
use crate::change::person::canonical_address;
use crate::change::pull::{Maker, Role};
use crate::change::{Missing, Need, Needs, Person, Text};
use crate::pattern::NamePattern;
use crate::people::Who;
use crate::verdict::Line;
use crate::yaml::decode::{Map, each};
use crate::yaml::{Fault, Node, shown};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "author",
    asks: "Every commit of the change names an author of this kind.",
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
    passes: "
ask: { author: { domain: example.com, bot: false } }
change:
  commits:
    - author: Ana <ana@example.com>
",
    fails: "
ask: { author: { domain: example.com } }
change:
  commits:
    - author: Ana <ana@example.com>
    - author: Ana <ana@example.com.evil>
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Author {
    addresses: Vec<NamePattern>,
    domains: Vec<String>,
    standing: Standing,
}

impl Author {
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let mut map = Map::new(node, faults)?;
        let addresses =
            map.get("address").map(|node| each(node, faults, NamePattern::new)).unwrap_or_default();
        let domains = map.get("domain").map(|node| each(node, faults, domain)).unwrap_or_default();
        let standing = Standing::read(&mut map, known, faults);
        map.finish(faults);
        let author = Author { addresses, domains, standing };
        if before == faults.len() && author.parts().is_empty() {
            faults.push(Fault::new(node.at, "expected one of address, bot, domain, team"));
        }
        (before == faults.len()).then_some(author)
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        // Which account an address belongs to, a forge says together with who made a pull request.
        if self.standing != Standing::default() {
            needs.insert(Need::Pusher);
        }
    }

    pub(super) fn words(&self) -> String {
        format!("the author of every commit {}", self.parts().join(" and "))
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let (mut findings, mut missing) = (Vec::new(), None);
        for commit in &seen.change.commits {
            match self.mismatch(&commit.author, seen) {
                Ok(None) => {}
                Ok(Some(reason)) => {
                    let what = Line::say("the author ").quote(&written(&commit.author)).and(reason);
                    findings.push(about(commit, what));
                }
                Err(gap) => missing = Some(gap),
            }
        }
        Reply::settle(findings, missing)
    }

    /// Returns why `author` is not meant, in words that follow the name; `None` if he is.
    fn mismatch(&self, author: &Person, seen: &Seen<'_>) -> Result<Option<String>, Missing> {
        if let Some(reason) = self.other_address(author.email.as_bytes()) {
            return Ok(Some(reason));
        }
        // Without a question about people nobody is asked who they are.
        if self.standing == Standing::default() {
            return Ok(None);
        }
        Ok(self.standing.mismatch(&whose(author, seen)?, seen))
    }

    /// Returns why an address is not meant, in words that follow the name; `None` if it is.
    fn other_address(&self, email: &[u8]) -> Option<String> {
        if canonical_address(email).is_none() {
            return Some(" has no address of the form `name@domain` in plain ASCII".into());
        }
        if !self.addresses.is_empty() && !self.addresses.iter().any(|pattern| pattern.matches(email)) {
            return Some(format!(" is not {}", either(&self.addresses)));
        }
        let at = email.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
        let at = at.strip_suffix(b".").unwrap_or(at);
        if !self.domains.is_empty()
            && !self.domains.iter().any(|domain| at.eq_ignore_ascii_case(domain.as_bytes()))
        {
            return Some(format!(" is not at {}", either(&self.domains)));
        }
        None
    }

    fn parts(&self) -> Vec<String> {
        let mut parts = Vec::new();
        if !self.addresses.is_empty() {
            parts.push(format!("is {}", either(&self.addresses)));
        }
        if !self.domains.is_empty() {
            parts.push(format!("is at {}", either(&self.domains)));
        }
        parts.extend(self.standing.words());
        parts
    }
}

/// Returns whom an author stands for: by address, and in a pull request by the accounts to which the
/// forge ties it.
fn whose(author: &Person, seen: &Seen<'_>) -> Result<Vec<Who>, Missing> {
    let mut whose = vec![seen.people.who(author)];
    if let Ok(pull) = &seen.change.pull {
        let makers = pull.makers.as_ref().map_err(Clone::clone)?;
        let address = canonical_address(author.email.as_bytes());
        let is_tied = |maker: &&Maker| {
            let email = maker.email.as_ref().and_then(|email| canonical_address(email.as_bytes()));
            maker.role == Role::Author && email.is_some() && email == address
        };
        let accounts = makers.iter().filter(is_tied).filter_map(|maker| maker.account.as_ref());
        whose.extend(accounts.map(|account| seen.people.whose(account)));
    }
    Ok(whose)
}

fn written(author: &Person) -> Text {
    Text::new([author.name.as_bytes(), b" <", author.email.as_bytes(), b">"].concat())
}

/// Reads a domain, which is compared as a whole.
fn domain(written: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
    let usable = written.bytes().all(plain) && written.split('.').all(|part| !part.is_empty());
    if usable {
        Ok(written.to_ascii_lowercase())
    } else {
        Err(format!("`{}` is not a domain", shown(written)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};

    const PEOPLE: &str = "
people:
  teams: { platform: [ana@example.com] }
  bots: ['*[bot]']
";

    fn says(question: &str, author: &str) -> Vec<String> {
        let change = format!("change: {{ commits: [{{ author: '{author}' }}] }}");
        texts(&example(&format!("ask: {{ author: {question} }}{PEOPLE}{change}")))
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
        let found = texts(&example(&format!("ask: {{ author: {{ domain: example.com }} }}\n{two}")));
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
            assert_eq!(texts(&example(&format!("{question}{stranger}"))).len(), 1);
        }
    }

    #[test]
    fn an_address_that_is_none_matches_nothing() {
        for email in ["", "a@example.com\nb@example.com", "b@evil <a@example.com", "\u{430}@example.com", "a"]
        {
            for question in ["{ domain: example.com }", "{ address: '*example.com*' }", "{ bot: false }"] {
                let text = format!("ask: {{ author: {question} }}\nchange: {{ commits: [{{}}] }}");
                let answer = edited(&text, |change| change.commits[0].author.email = email.into());
                assert_eq!(texts(&answer).len(), 1, "{email} {question}");
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
            assert_eq!(faults(&format!("ask: {{ author: {question} }}")).len(), 1, "{question}");
        }
    }
}
