//! `branch`: which ref the change is for.

use super::parameters::either;
use super::{Doc, Known, Reply, Seen};
use crate::change::{Missing, Need, Needs};
use crate::pattern::RefPattern;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::each;
use crate::yaml::{Fault, Node};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "branch",
    asks: "The change is for one of these branches, or for another ref that is named in full.",
    why: "A release branch deserves other rules than the trunk. Names are compared as a whole, so `main` is \
          neither `main-fix` nor the tag `main`.",
    parameters: "\
- a pattern, or a list of them, one of which matches: `main` means `refs/heads/main`; what starts with `refs/` is \
the full name; `*` stands for any characters, `/` among them.",
    passes: "
ask: { branch: [main, 'release/*'] }
change:
  target: refs/heads/release/1/fix
  commits: [{}]
",
    fails: "
ask: { branch: [main, 'release/*'] }
change:
  target: refs/heads/main-fix
  commits: [{}]
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct Branch {
    patterns: Vec<RefPattern>,
}

impl Branch {
    pub(super) fn read(node: &Node, _: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let patterns = each(node, faults, RefPattern::new);
        (before == faults.len()).then_some(Branch { patterns })
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Target);
    }

    pub(super) fn words(&self) -> String {
        format!("the change is for {}", either(&self.patterns))
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let target = seen.change.target.as_ref().map_err(Clone::clone)?;
        let holds = self.patterns.iter().any(|pattern| pattern.matches(target.as_bytes()));
        Ok(Reply::when(holds, || {
            let what = Line::say("this is for ").quote(target);
            Finding::new(what.and(format!(", and not for {}", either(&self.patterns))))
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::examples::{edited, example, faults, texts};

    fn says(question: &str, target: &str) -> Vec<String> {
        let text = format!("ask: {{ branch: {question} }}\nchange: {{ commits: [{{}}] }}");
        texts(&edited(&text, |change| change.target = Ok(target.into())))
    }

    #[test]
    fn a_branch_is_compared_as_a_whole() {
        assert_eq!(says("main", "refs/heads/main"), [""; 0]);
        assert_eq!(says("['release/*', 'refs/tags/v*']", "refs/tags/v1"), [""; 0]);
        let found = says("[main, 'release/*']", "refs/heads/main-fix");
        assert_eq!(found, ["this is for `refs/heads/main-fix`, and not for `main` or `release/*`"]);
        for target in
            ["refs/tags/main", "refs/heads/x/main", "main", "refs/heads/main\n", "refs/heads/Main", ""]
        {
            assert_eq!(says("main", target).len(), 1, "{target}");
        }
    }

    #[test]
    fn a_branch_that_is_not_known_is_no_other_branch() {
        let unknown = "change: { unknown: [target], commits: [{}] }";
        for ask in ["{ branch: main }", "{ not: { branch: main } }"] {
            let found = texts(&example(&format!("ask: {ask}\n{unknown}")));
            assert!(found[0].starts_with("unknown: the branch"), "{found:?}");
        }
    }

    #[test]
    fn what_no_ref_can_be_called_is_refused() {
        for question in ["[]", "''", "'a b'", "{ name: main }", "'refs/changegate/ledger'"] {
            assert_eq!(faults(&format!("ask: {{ branch: {question} }}")).len(), 1, "{question}");
        }
    }
}
