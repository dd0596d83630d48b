//! `comments-resolved`: whether every conversation about a pull request has come to an end.

use crate::change::pull_request::ReviewConversation;
use crate::change::{FactKind, Missing, NeededFacts};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::read_bool;
use crate::yaml::{YamlFault, YamlNode};

/// How many conversations are told one by one.
const MAX_CONVERSATIONS_LISTED: usize = 10;

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "comments-resolved",
    summary: "Every conversation about the lines of the pull request is marked as resolved.",
    why: "A question that a reviewer has asked and that nobody has answered is easily forgotten once somebody else \
          approves.",
    parameters: "- `true`: that is all there is to say.",
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

/// The question.
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

    pub(crate) fn describe(&self) -> String {
        "every conversation about the pull request is resolved".into()
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let conversations = &seen.change.require_pull(FactKind::Conversations)?.conversations;
        let conversations = conversations.as_ref().map_err(Clone::clone)?;
        let open: Vec<_> = conversations.iter().filter(|conversation| !conversation.is_resolved).collect();
        let mut findings: Vec<_> = open
            .iter()
            .take(MAX_CONVERSATIONS_LISTED)
            .map(|conversation| conversation_finding(conversation))
            .collect();
        match open.len().saturating_sub(MAX_CONVERSATIONS_LISTED) {
            0 => {}
            1 => findings.push(Finding::new(Sentence::from_words("1 more conversation is not resolved"))),
            more => findings.push(Finding::new(Sentence::from_words(format!(
                "{more} more conversations are not resolved"
            )))),
        }
        Ok(PredicateOutcome::from_findings(findings))
    }
}

fn conversation_finding(conversation: &ReviewConversation) -> Finding {
    let what = match &conversation.by {
        Some(account) => {
            Sentence::from_words("the conversation that ").with_quote(&account.id).with_words(" began")
        }
        None => Sentence::from_words("a conversation"),
    };
    let what = what.with_words(" about ").with_quote(&conversation.path).with_words(" is not resolved");
    let what = match conversation.url.as_bytes() {
        [] => what,
        _ => what.with_words(": ").with_quote(&conversation.url),
    };
    Finding::new(what)
        .at_path(&conversation.path)
        .fixed_by("the author and the reviewer, by ending the conversation")
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

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
                let found = finding_texts(&answer_example(&format!("ask: {ask}\nchange: {change}")));
                assert!(found[0].starts_with("unknown: "), "{found:?}");
            }
        }
        assert_eq!(question_faults("ask: { comments-resolved: false }").len(), 1);
    }
}
