//! `draft`: whether the author of a pull request holds it for finished.

use super::{Doc, Known, Reply, Seen};
use crate::change::{Missing, Need, Needs};
use crate::verdict::{Finding, Line};
use crate::yaml::decode::truth;
use crate::yaml::{Fault, Node};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "draft",
    asks: "The pull request is a draft, or it is not.",
    why: "A draft says of itself that it is not finished, and what was approved then may not be what was meant.",
    parameters: "- `false`: it is no draft; `true`: it is one.",
    passes: "
ask: { draft: false }
change:
  commits: [{}]
  pull: {}
",
    fails: "
ask: { draft: false }
change:
  commits: [{}]
  pull: { draft: true }
",
};

/// The question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draft {
    wanted: bool,
}

impl Draft {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        truth(node, faults).map(|wanted| Draft { wanted })
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Pull);
    }

    pub(super) fn words(&self) -> String {
        format!("the pull request is {}", if self.wanted { "a draft" } else { "no draft" })
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let is_draft = seen.change.pull(Need::Pull)?.is_draft;
        Ok(Reply::when(is_draft == self.wanted, || {
            let what = if is_draft { "this is a draft" } else { "this is no draft" };
            Finding::new(Line::say(what)).by("the author, by saying whether it is ready for review")
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{example, faults, texts};

    #[test]
    fn a_draft_is_one_or_it_is_not() {
        for (wanted, is_draft, said) in [
            (true, true, None),
            (false, false, None),
            (true, false, Some("this is no draft")),
            (false, true, Some("this is a draft")),
        ] {
            let pull = format!("change: {{ commits: [{{}}], pull: {{ draft: {is_draft} }} }}");
            let found = texts(&example(&format!("ask: {{ draft: {wanted} }}\n{pull}")));
            assert_eq!(found, Vec::from_iter(said));
        }
    }

    #[test]
    fn without_a_pull_request_there_is_neither() {
        for ask in ["{ draft: false }", "{ not: { draft: true } }"] {
            let found = texts(&example(&format!("ask: {ask}\nchange: {{ commits: [{{}}] }}")));
            assert_eq!(found, ["unknown: nothing here is set up to tell the pull request"]);
        }
        assert_eq!(faults("ask: { draft: no }").len(), 1);
    }
}
