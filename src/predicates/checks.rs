//! `checks`: what machines found out about exactly the revision that is judged.

use crate::change::pull_request::{CheckResult, CheckState};
use crate::change::{FactKind, Missing, NeededFacts};
use crate::pattern::NamePattern;
use crate::predicates::parameters::{format_alternatives, format_count};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, parse_each, read_choice, read_count, read_items};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "checks",
    summary: "These checks have succeeded for exactly the revision that is judged.",
    why: "A check that was skipped, that says neither yes nor no, that ran no test or that is still running has shown \
          nothing. Anybody who may write to a repository can report a status under any name, so that a name alone \
          proves little: say who is expected to report it.",
    parameters: "\
- a name, or a list of them: each is reported at least once, and every check of that name has succeeded; `*` stands \
for any characters, case does not matter;
- `named: [names]`: the same, beside other parameters;
- `by: APP` or a list: only what these apps or accounts report counts, named as the forge does \
(`github-actions`, `github:ci-robot`); a check of the same name by another is as good as none;
- `allow: [skipped, neutral]`: these count as well;
- `at-least-tests: N`: each of the checks says how many tests it ran, and ran as many.",
    passing_example: "
ask: { checks: { named: [test, 'lint *'], by: github-actions } }
change:
  commits: [{}]
  pull:
    checks:
      - { name: test, by: github-actions, tests: 212 }
      - { name: lint docs, by: github-actions }
      - { name: preview, by: pages, state: failed }
",
    failing_example: "
ask: { checks: { named: test, by: github-actions } }
change:
  commits: [{}]
  pull:
    checks:
      - { name: test, by: github-actions, state: skipped }
      - { name: test, by: 'github:mallory' }
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct ChecksPredicate {
    names: Vec<NamePattern>,
    reporters: Vec<NamePattern>,
    allowed_states: Vec<CheckState>,
    min_tests: Option<u64>,
}

const ALLOWED_STATE_WORDS: [(&str, CheckState); 2] =
    [("skipped", CheckState::Skipped), ("neutral", CheckState::Neutral)];

impl ChecksPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let names = |node: &YamlNode, faults: &mut Vec<YamlFault>| parse_each(node, faults, NamePattern::new);
        let checks = if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let named = map.require_key("named", faults).map(|node| names(node, faults)).unwrap_or_default();
            let by = map.find_key("by").map(|node| names(node, faults)).unwrap_or_default();
            let allow = map.find_key("allow").map(|node| read_items(node, faults)).unwrap_or_default();
            let allow =
                allow.iter().filter_map(|item| read_choice(item, &ALLOWED_STATE_WORDS, faults)).collect();
            let at_least_tests =
                map.find_key("at-least-tests").and_then(|node| read_count(node, 1, u64::MAX, faults));
            map.refuse_unknown_keys(faults);
            ChecksPredicate { names: named, reporters: by, allowed_states: allow, min_tests: at_least_tests }
        } else {
            ChecksPredicate {
                names: names(node, faults),
                reporters: Vec::new(),
                allowed_states: Vec::new(),
                min_tests: None,
            }
        };
        (before == faults.len()).then_some(checks)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Checks);
    }

    pub(crate) fn describe(&self) -> String {
        let by = if self.reporters.is_empty() {
            String::new()
        } else {
            format!(" of {}", format_alternatives(&self.reporters))
        };
        let names: Vec<_> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let tests = self.min_tests.map(|least| format!(" with at least {}", format_count(least, "test")));
        let (word, have) = if names.len() == 1 { ("check", "has") } else { ("checks", "have") };
        let names = names.join(", ");
        format!("the {word} {names}{by} {have} succeeded{}", tests.unwrap_or_default())
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let checks = seen.change.require_pull(FactKind::Checks)?.checks.as_ref().map_err(Clone::clone)?;
        let mut findings = Vec::new();
        let mut told: Vec<usize> = Vec::new();
        for name in &self.names {
            let called =
                || checks.iter().enumerate().filter(|(_, check)| name.matches_name(check.name.as_bytes()));
            if !called().any(|(_, check)| self.has_expected_reporter(check)) {
                let others: Vec<_> = called().map(|(_, check)| check).collect();
                findings.push(self.missing_check_finding(name, &others));
            }
            for (place, check) in called().filter(|(_, check)| self.has_expected_reporter(check)) {
                if !told.contains(&place) {
                    told.push(place);
                    findings.extend(self.find_violation(check).map(|reason| check_finding(check, reason)));
                }
            }
        }
        Ok(PredicateOutcome::from_findings(findings))
    }

    fn has_expected_reporter(&self, check: &CheckResult) -> bool {
        let reported =
            |by: &NamePattern| check.by.as_ref().is_some_and(|app| by.matches_name(app.as_bytes()));
        self.reporters.is_empty() || self.reporters.iter().any(reported)
    }

    /// Returns the finding that nobody has reported a check, or only somebody who was not expected to.
    fn missing_check_finding(&self, name: &NamePattern, others: &[&CheckResult]) -> Finding {
        let by = if self.reporters.is_empty() {
            String::new()
        } else {
            format!(" by {}", format_alternatives(&self.reporters))
        };
        let mut what = Sentence::from_words(format!("no check `{name}` is reported{by} for this revision"));
        if let [other, ..] = others {
            what = what.with_words(", and ").with_quote(&other.name).with_words(" does not count: ");
            what = match &other.by {
                Some(by) => what.with_words("it is reported by ").with_quote(by),
                None => what.with_words("it is not said who reports it"),
            };
        }
        Finding::new(what).fixed_by("whoever keeps the pipeline")
    }

    /// Returns why a check has not succeeded, in words that follow its name; `None` if it has.
    fn find_violation(&self, check: &CheckResult) -> Option<Sentence> {
        let state = match &check.state {
            CheckState::Success => None,
            state if self.allowed_states.contains(state) => None,
            CheckState::Pending => Some(Sentence::from_words(" is not finished")),
            CheckState::Skipped => Some(Sentence::from_words(" was skipped, which shows nothing")),
            CheckState::Neutral => Some(Sentence::from_words(" is neutral, which shows nothing")),
            CheckState::Failed(how) => {
                Some(Sentence::from_words(" has failed: ").with_quote(&how.as_str().into()))
            }
        };
        let tests = || match (check.tests, self.min_tests) {
            (Some(0), _) => Some(" ran no test".to_owned()),
            (Some(ran), Some(least)) if ran < least => {
                Some(format!(" ran {}, and at least {least} are asked for", format_count(ran, "test")))
            }
            (None, Some(_)) => Some(" does not say how many tests it ran".to_owned()),
            (Some(_) | None, _) => None,
        };
        state.or_else(|| tests().map(Sentence::from_words))
    }
}

fn check_finding(check: &CheckResult, reason: Sentence) -> Finding {
    let what = Sentence::from_words("the check ").with_quote(&check.name);
    let what = match &check.by {
        Some(by) => what.with_words(" of ").with_quote(by),
        None => what,
    };
    let what = what.with_sentence(reason);
    let what = match check.url.as_bytes() {
        [] => what,
        _ => what.with_words(" (").with_quote(&check.url).with_words(")"),
    };
    Finding::new(what).fixed_by("the author, or whoever keeps the pipeline")
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

    fn says(question: &str, checks: &str) -> Vec<String> {
        let pull = format!("pull: {{ checks: [{checks}] }}");
        finding_texts(&answer_example(&format!(
            "ask: {{ checks: {question} }}\nchange: {{ commits: [{{}}], {pull} }}"
        )))
    }

    #[test]
    fn only_success_is_success() {
        assert_eq!(says("test", "{ name: TEST }"), [""; 0]);
        for (state, said) in [
            ("pending", "the check `test` is not finished"),
            ("skipped", "the check `test` was skipped, which shows nothing"),
            ("neutral", "the check `test` is neutral, which shows nothing"),
            ("failed", "the check `test` has failed: `failure`"),
        ] {
            assert_eq!(says("test", &format!("{{ name: test, state: {state} }}")), [said]);
            let allowed = format!("{{ name: test, state: {state} }}");
            let found = says("{ named: test, allow: [skipped, neutral] }", &allowed);
            assert_eq!(found.is_empty(), matches!(state, "skipped" | "neutral"), "{state}");
        }
        assert_eq!(says("test", ""), ["no check `test` is reported for this revision"]);
    }

    #[test]
    fn every_check_of_a_name_has_to_succeed() {
        let two =
            "{ name: build (linux) }, { name: build (mac), state: failed }, { name: lint, state: failed }";
        assert_eq!(says("'build *'", two), ["the check `build (mac)` has failed: `failure`"]);
        assert_eq!(says("['build *', 'build (mac)']", two).len(), 1);
        assert_eq!(says("['build *', deploy]", two).len(), 2);
        assert_eq!(says("build", two), ["no check `build` is reported for this revision"]);
    }

    #[test]
    fn a_check_of_another_app_is_ignored_and_told() {
        let ask = "{ named: test, by: github-actions }";
        let forged = "{ name: test, by: 'github:mallory' }";
        assert_eq!(
            says(ask, forged),
            [
                "no check `test` is reported by `github-actions` for this revision, and `test` does not count: it is \
              reported by `github:mallory`"
            ]
        );
        assert_eq!(says(ask, "{ name: test }").len(), 1);
        assert_eq!(says(ask, &format!("{forged}, {{ name: test, by: github-actions }}")), [""; 0]);
        let failed = "{ name: test, by: github-actions, state: failed }";
        assert_eq!(says(ask, &format!("{forged}, {failed}")).len(), 1);
        assert_eq!(says("{ named: test, by: [github-actions, 'github:mallory'] }", forged), [""; 0]);
    }

    #[test]
    fn no_test_is_no_success() {
        assert_eq!(says("test", "{ name: test, tests: 0 }"), ["the check `test` ran no test"]);
        let ask = "{ named: test, at-least-tests: 3 }";
        assert_eq!(says(ask, "{ name: test, tests: 3 }"), [""; 0]);
        assert_eq!(says(ask, "{ name: test, tests: 2 }").len(), 1);
        assert_eq!(says(ask, "{ name: test }"), ["the check `test` does not say how many tests it ran"]);
    }

    #[test]
    fn names_of_others_are_quoted() {
        let text = "ask: { checks: 'a*' }\nchange: { commits: [{}], pull: { checks: [{ name: a, state: failed }] } }";
        let found = answer_edited(text, |change| {
            let check = &mut change.pull.as_mut().unwrap().checks.as_mut().unwrap()[0];
            check.name = "a\u{1b}[2J".into();
            check.url = "https://forge.example/1".into();
        });
        assert_eq!(
            finding_texts(&found),
            ["the check `a\u{1b}[2J` has failed: `failure` (`https://forge.example/1`)"]
        );
    }

    #[test]
    fn what_is_not_known_has_not_succeeded() {
        for change in ["{ commits: [{}] }", "{ unknown: [checks], commits: [{}], pull: {} }"] {
            for ask in ["{ checks: test }", "{ not: { checks: test } }"] {
                let found = finding_texts(&answer_example(&format!("ask: {ask}\nchange: {change}")));
                assert!(found[0].starts_with("unknown: "), "{found:?}");
            }
        }
    }

    #[test]
    fn a_question_that_asks_nothing_is_refused() {
        for question in [
            "[]",
            "'*'",
            "{}",
            "{ by: github-actions }",
            "{ named: test, allow: [failed] }",
            "{ named: test, at-least-tests: 0 }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ checks: {question} }}")).len(), 1, "{question}");
        }
    }
}
