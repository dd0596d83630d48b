//! `comments-resolved`: whether every conversation about a pull request has come to an end.

use super::{Doc, Known, Reply, Seen};
use crate::change::pull::Conversation;
use crate::change::{Missing, Need, Needs};
use crate::verdict::{Finding, Line};
use crate::yaml::decode::truth;
use crate::yaml::{Fault, Node};

/// How many conversations are told one by one.
const TOLD: usize = 10;

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "comments-resolved",
    asks: "Every conversation about the lines of the pull request is marked as resolved.",
    why: "A question that a reviewer has asked and that nobody has answered is easily forgotten once somebody else \
          approves.",
    parameters: "- `true`: that is all there is to say.",
    passes: "
ask: { comments-resolved: true }
change:
  commits: [{}]
  pull:
    conversations: [{ by: bob, resolved: true }]
",
    fails: "
ask: { comments-resolved: true }
change:
  commits: [{}]
  pull:
    conversations: [{ by: bob, resolved: true }, { by: carol, path: src/main.rs }]
",
};

/// The question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommentsResolved;

impl CommentsResolved {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        if truth(node, faults)? {
            return Some(CommentsResolved);
        }
        let help = "ask `not: { comments-resolved: true }`, or leave the question out";
        faults.push(Fault::new(node.at, "`comments-resolved` can only be `true`").help(help));
        None
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Conversations);
    }

    pub(super) fn words(&self) -> String {
        "every conversation about the pull request is resolved".into()
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let conversations = &seen.change.pull(Need::Conversations)?.conversations;
        let conversations = conversations.as_ref().map_err(Clone::clone)?;
        let open: Vec<_> = conversations.iter().filter(|conversation| !conversation.is_resolved).collect();
        let mut findings: Vec<_> = open.iter().take(TOLD).map(|conversation| finding(conversation)).collect();
        match open.len().saturating_sub(TOLD) {
            0 => {}
            1 => findings.push(Finding::new(Line::say("1 more conversation is not resolved"))),
            more => {
                findings.push(Finding::new(Line::say(format!("{more} more conversations are not resolved"))))
            }
        }
        Ok(Reply::from_findings(findings))
    }
}

fn finding(conversation: &Conversation) -> Finding {
    let what = match &conversation.by {
        Some(account) => Line::say("the conversation that ").quote(&account.id).and(" began"),
        None => Line::say("a conversation"),
    };
    let what = what.and(" about ").quote(&conversation.path).and(" is not resolved");
    let what = match conversation.url.as_bytes() {
        [] => what,
        _ => what.and(": ").quote(&conversation.url),
    };
    Finding::new(what)
        .at_path(&conversation.path)
        .by("the author and the reviewer, by ending the conversation")
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};

    fn says(conversations: &str) -> Vec<String> {
        let pull = format!("pull: {{ conversations: [{conversations}] }}");
        texts(&example(&format!("ask: {{ comments-resolved: true }}\nchange: {{ commits: [{{}}], {pull} }}")))
    }

    #[test]
    fn each_conversation_is_told_with_its_place() {
        let text = "ask: { comments-resolved: true }
change: { commits: [{}], pull: { conversations: [{ by: bob, path: a.rs }, { by: gone, path: b.rs }] } }";
        let found = edited(text, |change| {
            let conversations = change.pull.as_mut().unwrap().conversations.as_mut().unwrap();
            conversations[0].url = "https://forge.example/12#r1".into();
        });
        assert_eq!(
            texts(&found),
            [
                "the conversation that `github:bob` began about `a.rs` is not resolved: `https://forge.example/12#r1`",
                "a conversation about `b.rs` is not resolved",
            ]
        );
    }

    #[test]
    fn many_are_counted() {
        let many = |number: usize| says(&vec!["{ by: bob }"; number].join(", "));
        assert_eq!(many(10).len(), 10);
        assert_eq!(many(11).last().unwrap(), "1 more conversation is not resolved");
        assert_eq!(many(30).last().unwrap(), "20 more conversations are not resolved");
        assert_eq!(says(""), [""; 0]);
    }

    #[test]
    fn what_is_not_known_is_not_resolved() {
        for change in ["{ commits: [{}] }", "{ unknown: [conversations], commits: [{}], pull: {} }"] {
            for ask in ["{ comments-resolved: true }", "{ not: { comments-resolved: true } }"] {
                let found = texts(&example(&format!("ask: {ask}\nchange: {change}")));
                assert!(found[0].starts_with("unknown: "), "{found:?}");
            }
        }
        assert_eq!(faults("ask: { comments-resolved: false }").len(), 1);
    }
}
