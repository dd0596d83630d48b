//! `comments-resolved`: whether every conversation about a pull request is marked as resolved.

use crate::change::pull_request::ReviewConversation;
use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Fixer, Message, messages};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "comments-resolved.question": "every conversation about the pull request is resolved";
    UNRESOLVED = "comments-resolved.unresolved": "{conversation} about {path} is not resolved";
    UNRESOLVED_AT = "comments-resolved.unresolved-at": "{conversation} about {path} is not resolved: {url}";
    MORE_UNRESOLVED = "comments-resolved.more-unresolved":
        "{count} more {count:conversation is|conversations are} not resolved";
    CONVERSATION_BY = "comments-resolved.conversation-by": "the conversation started by {account}";
    CONVERSATION = "comments-resolved.conversation": "a conversation";
}

/// How many conversations have a finding of their own.
const MAX_CONVERSATIONS_LISTED: usize = 10;

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "comments-resolved",
    summary: "Every conversation about the lines of the pull request is marked as resolved.",
    why: "A reviewer's open question is easily forgotten once another reviewer approves.",
    parameters: "- `true`: the only value.",
    passing_example: "
ask: { comments-resolved: true }
change:
  commits: [{}]
  pull:
    conversations: [{ by: bob, resolved: true }]
",
    failing_example: "
ask: { comments-resolved: true }
change:
  commits: [{}]
  pull:
    conversations: [{ by: bob, resolved: true }, { by: carol, path: src/main.rs }]
",
};

/// The predicate, which has no parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommentsResolvedPredicate;

impl CommentsResolvedPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        if read_bool(node, faults)? {
            return Some(CommentsResolvedPredicate);
        }
        let help = "ask `not: { comments-resolved: true }`, or leave the question out";
        faults.push(YamlFault::new(node.at, "`comments-resolved` can only be `true`").with_help(help));
        None
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Conversations);
    }

    pub(crate) fn describe(&self) -> Message {
        Message::from(&QUESTION)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let conversations = &context.change.require_pull(FactKind::Conversations)?.conversations;
        let mut findings = Vec::new();
        let mut more: usize = 0;
        for conversation in conversations.as_ref().map_err(Missing::clone)? {
            if conversation.is_resolved {
                continue;
            }
            if findings.len() < MAX_CONVERSATIONS_LISTED {
                findings.push(conversation_finding(conversation));
            } else {
                more += 1;
            }
        }
        if more > 0 {
            let what = MORE_UNRESOLVED.with("count", more);
            findings.push(Finding::new(what).or_by(Fixer::Reviewer));
        }
        Ok(PredicateOutcome::from_findings(findings))
    }
}

fn conversation_finding(conversation: &ReviewConversation) -> Finding {
    let subject = match &conversation.by {
        Some(account) => CONVERSATION_BY.with("account", &account.id),
        None => Message::from(&CONVERSATION),
    };
    let has_url = !conversation.url.as_bytes().is_empty();
    let template = if has_url { &UNRESOLVED_AT } else { &UNRESOLVED };
    let mut what = template.with("conversation", subject).with("path", &conversation.path);
    if has_url {
        what = what.with("url", &conversation.url);
    }
    Finding::new(what).at_path(&conversation.path).or_by(Fixer::Reviewer)
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    fn says(conversations: &str) -> Vec<String> {
        let pull = format!("pull: {{ conversations: [{conversations}] }}");
        finding_texts(&answer_example(&format!(
            "ask: {{ comments-resolved: true }}\nchange: {{ commits: [{{}}], {pull} }}"
        )))
    }

    #[test]
    fn each_conversation_is_told_with_its_place() {
        let text = "ask: { comments-resolved: true }
change: { commits: [{}], pull: { conversations: [{ by: bob, path: a.rs }, { by: gone, path: b.rs }] } }";
        let found = answer_edited(text, |change| {
            let conversations = change.pull.as_mut().unwrap().conversations.as_mut().unwrap();
            conversations[0].url = "https://forge.example/12#r1".into();
        });
        assert_eq!(
            finding_texts(&found),
            [
                "the conversation started by `github:bob` about `a.rs` is not resolved: `https://forge.example/12#r1`",
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
                let found = finding_texts(&answer_example(&format!("ask: {ask}\nchange: {change}")));
                assert!(found[0].starts_with("unknown: "), "{found:?}");
            }
        }
        assert_eq!(question_faults("ask: { comments-resolved: false }").len(), 1);
    }
}
