//! `checks`: the results of check runs and statuses for exactly the revision that is judged.

use crate::change::pull_request::{CheckResult, CheckState};
use crate::change::{FactKind, Missing, NeededFacts, Text};
use crate::pattern::NamePattern;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{quote_patterns, read_list};
use crate::verdict::{Finding, Fixer, Message, MessageValue, messages};
use crate::yaml::decode::{MapReader, parse_each, read_choice, read_count, read_items};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION = "checks.question": "the {count:check|checks} {names}{reporters} {count:has|have} succeeded{tests}";
    QUESTION_REPORTERS = "checks.question-reporters": " of {reporters/or}";
    QUESTION_TESTS = "checks.question-tests": " with at least {count} {count:test|tests}";
    ALLOWED_STATES = "checks.allowed-states": "a check that {states/or} counts as a success";
    WAS_NEUTRAL = "checks.was-neutral": "was neutral";
    NOT_REPORTED = "checks.not-reported": "no check `{name}` is reported for this revision";
    NOT_REPORTED_BY = "checks.not-reported-by":
        "no check `{name}` is reported by {reporters/or} for this revision";
    OTHER_REPORTER = "checks.other-reporter":
        "{missing}; {check} does not count, because it is reported by {reporter}";
    UNKNOWN_REPORTER = "checks.unknown-reporter":
        "{missing}; {check} does not count, because its reporter is unknown";
    OF_GATE = "checks.of-gate": "{missing}; {check} does not count, because the gate itself writes it";
    UNSUCCESSFUL = "checks.unsuccessful": "the check {check} {reason}";
    CHECK_BY = "checks.check-by": "{check} of {reporter}";
    CHECK_AT = "checks.check-at": "{reason} ({url})";
    PENDING = "checks.pending": "is not finished";
    SKIPPED = "checks.skipped": "was skipped";
    NEUTRAL = "checks.neutral": "is neutral, which is not a success";
    FAILED = "checks.failed": "failed: {conclusion}";
    NO_TESTS = "checks.no-tests": "ran no tests";
    TOO_FEW_TESTS = "checks.too-few-tests": "ran {ran} {ran:test|tests}; at least {needed} are needed";
    UNKNOWN_TESTS = "checks.unknown-tests": "does not report how many tests it ran";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "checks",
    summary: "These checks have succeeded for exactly the revision that is judged.",
    why: "A check that was skipped, is neutral, ran no tests or is still running has shown nothing. Anyone who may \
          write to a repository can report a status under any name, so a name alone proves little: say who is \
          expected to report it.",
    parameters: "\
- a name, or a list of them: each is reported at least once, and every check of that name has succeeded; `*` stands \
for any characters, case does not matter;
- `named: [names]`: the same, beside other parameters;
- `by: APP` or a list: only reports of these apps or accounts count, named as the forge names them \
(`github-actions`, `github:ci-robot`); a check of the same name by another reporter does not count;
- `allow: [skipped, neutral]`: these results count as success;
- what the gate itself writes (its check run, and the job that it runs in) never counts, whatever the pattern;
- `at-least-tests: N`: each of the checks reports how many tests it ran, and ran at least N.",
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

/// The parameters of `checks`.
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
        let mut checks = ChecksPredicate {
            names: Vec::new(),
            reporters: Vec::new(),
            allowed_states: Vec::new(),
            min_tests: None,
        };
        // A name or a list of names is the short form of `named`.
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            if let Some(node) = map.require_key("named", faults) {
                checks.names = parse_each(node, faults, NamePattern::new);
            }
            checks.reporters = read_list(&mut map, "by", faults, NamePattern::new);
            if let Some(node) = map.find_key("allow") {
                for item in read_items(node, faults) {
                    checks.allowed_states.extend(read_choice(item, &ALLOWED_STATE_WORDS, faults));
                }
            }
            if let Some(node) = map.find_key("at-least-tests") {
                checks.min_tests = read_count(node, 1, u64::MAX, faults);
            }
            map.refuse_unknown_keys(faults);
        } else {
            checks.names = parse_each(node, faults, NamePattern::new);
        }
        (before == faults.len()).then_some(checks)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Checks);
    }

    /// Returns what counts as a success beside it.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        let mut states = Vec::new();
        for state in &self.allowed_states {
            match state {
                CheckState::Skipped => states.push(Message::from(&SKIPPED)),
                CheckState::Neutral => states.push(Message::from(&WAS_NEUTRAL)),
                _ => {}
            }
        }
        if states.is_empty() { Vec::new() } else { vec![ALLOWED_STATES.with("states", states)] }
    }

    pub(crate) fn describe(&self) -> Message {
        let reporters: MessageValue = match self.reporters.is_empty() {
            true => MessageValue::empty(),
            false => QUESTION_REPORTERS.with("reporters", quote_patterns(&self.reporters)).into(),
        };
        let tests = match self.min_tests {
            Some(needed) => QUESTION_TESTS.with("count", needed).into(),
            None => MessageValue::empty(),
        };
        QUESTION
            .with("count", self.names.len())
            .with("names", quote_patterns(&self.names))
            .with("reporters", reporters)
            .with("tests", tests)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let checks =
            context.change.require_pull(FactKind::Checks)?.checks.as_ref().map_err(Missing::clone)?;
        let mut findings = Vec::new();
        let mut missing = None;
        // Two names may match one check, which is reported once.
        let mut judged: Vec<usize> = Vec::new();
        for name in &self.names {
            let mut is_reported = false;
            let mut first_other = None;
            let mut own_check = None;
            for (index, check) in checks.iter().enumerate() {
                if !name.matches_name(check.name.as_bytes()) {
                    continue;
                }
                // What the gate writes ends after this judgement, so that waiting for it would never end.
                if check.is_of_gate {
                    own_check = own_check.or(Some(check));
                    continue;
                }
                if !self.has_expected_reporter(check) {
                    first_other = first_other.or(Some(check));
                    continue;
                }
                is_reported = true;
                if judged.contains(&index) {
                    continue;
                }
                judged.push(index);
                if check.state == CheckState::Unknown {
                    let why = "the result of a check is not known: it ran again after the merge, or has times that cannot be right";
                    missing = Some(Missing::Unavailable(FactKind::Checks, why.to_owned()));
                } else if let Some(reason) = self.find_violation(check) {
                    let finding = check_finding(check, reason);
                    // What has not ended is waited for; nothing in the change is wrong yet.
                    let is_pending = check.state == CheckState::Pending;
                    findings.push(if is_pending { finding.fixed_by(Fixer::PipelineOwner) } else { finding });
                }
            }
            if !is_reported {
                findings.push(match own_check {
                    Some(own) if name.is_exact() => self.own_check_finding(name, own),
                    _ => self.missing_check_finding(name, first_other),
                });
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns the checks that have to succeed for the question to hold, as they would be then.
    pub(crate) fn list_needed_checks(&self, checks: &[CheckResult]) -> Vec<CheckResult> {
        let mut needed: Vec<CheckResult> = Vec::new();
        for name in &self.names {
            let mut is_reported = false;
            for check in checks {
                let counts = name.matches_name(check.name.as_bytes())
                    && !check.is_of_gate
                    && self.has_expected_reporter(check);
                is_reported |= counts;
                if counts && self.find_violation(check).is_some() {
                    let tests = check.tests.max(self.min_tests);
                    needed.push(CheckResult { state: CheckState::Success, tests, ..check.clone() });
                }
            }
            if !is_reported {
                let by = self.reporters.first().map(|one| Text::from(one.to_string().replace('*', "x")));
                needed.push(CheckResult {
                    name: Text::from(name.to_string().replace('*', "x")),
                    by,
                    state: CheckState::Success,
                    tests: self.min_tests,
                    url: Text::default(),
                    is_of_gate: false,
                });
            }
        }
        needed
    }

    fn has_expected_reporter(&self, check: &CheckResult) -> bool {
        if self.reporters.is_empty() {
            return true;
        }
        let Some(app) = &check.by else { return false };
        self.reporters.iter().any(|reporter| reporter.matches_name(app.as_bytes()))
    }

    /// Returns the finding that a check is not reported, or only by `other`, which was not expected to.
    fn missing_check_finding(&self, name: &NamePattern, other: Option<&CheckResult>) -> Finding {
        let mut what = self.missing_check_message(name);
        if let Some(other) = other {
            what = match &other.by {
                Some(reporter) => OTHER_REPORTER.with("missing", what).with("reporter", reporter),
                None => UNKNOWN_REPORTER.with("missing", what),
            };
            what = what.with("check", &other.name);
        }
        Finding::new(what).fixed_by(Fixer::PipelineOwner)
    }

    /// Returns the finding that a check is asked for by name which the gate itself writes.
    fn own_check_finding(&self, name: &NamePattern, own: &CheckResult) -> Finding {
        let missing = self.missing_check_message(name);
        let what = OF_GATE.with("missing", missing).with("check", &own.name);
        Finding::new(what).fixed_by(Fixer::PolicyOwner)
    }

    fn missing_check_message(&self, name: &NamePattern) -> Message {
        let template = if self.reporters.is_empty() { &NOT_REPORTED } else { &NOT_REPORTED_BY };
        let what = template.with("name", name.to_string());
        if self.reporters.is_empty() {
            return what;
        }
        what.with("reporters", quote_patterns(&self.reporters))
    }

    /// Returns true if the check `name` is asked for without a wildcard.
    pub(crate) fn asks_exactly(&self, name: &str) -> bool {
        self.names.iter().any(|pattern| pattern.is_exact() && pattern.matches_name(name.as_bytes()))
    }

    /// Returns why a check has not succeeded, as a message that follows its name; `None` if it has.
    fn find_violation(&self, check: &CheckResult) -> Option<Message> {
        match &check.state {
            CheckState::Success => {}
            state if self.allowed_states.contains(state) => {}
            CheckState::Pending | CheckState::Unknown => return Some(Message::from(&PENDING)),
            CheckState::Skipped => return Some(Message::from(&SKIPPED)),
            CheckState::Neutral => return Some(Message::from(&NEUTRAL)),
            CheckState::Failed(conclusion) => {
                return Some(FAILED.with("conclusion", Text::from(conclusion.as_str())));
            }
        }
        match (check.tests, self.min_tests) {
            (Some(0), _) => Some(Message::from(&NO_TESTS)),
            (Some(ran), Some(needed)) if ran < needed => {
                Some(TOO_FEW_TESTS.with("ran", ran).with("needed", needed))
            }
            (None, Some(_)) => Some(Message::from(&UNKNOWN_TESTS)),
            (Some(_) | None, _) => None,
        }
    }
}

fn check_finding(check: &CheckResult, mut reason: Message) -> Finding {
    if !check.url.as_bytes().is_empty() {
        reason = CHECK_AT.with("reason", reason).with("url", &check.url);
    }
    let what = match &check.by {
        Some(reporter) => {
            UNSUCCESSFUL.with("check", CHECK_BY.with("check", &check.name).with("reporter", reporter))
        }
        None => UNSUCCESSFUL.with("check", &check.name),
    };
    Finding::new(what.with("reason", reason)).or_by(Fixer::PipelineOwner)
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

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
            ("skipped", "the check `test` was skipped"),
            ("neutral", "the check `test` is neutral, which is not a success"),
            ("failed", "the check `test` failed: `failure`"),
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
        assert_eq!(says("'build *'", two), ["the check `build (mac)` failed: `failure`"]);
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
                "no check `test` is reported by `github-actions` for this revision; `test` does not count, because it \
                 is reported by `github:mallory`"
            ]
        );
        assert_eq!(says(ask, "{ name: test }").len(), 1);
        assert_eq!(says(ask, &format!("{forged}, {{ name: test, by: github-actions }}")), [""; 0]);
        let failed = "{ name: test, by: github-actions, state: failed }";
        assert_eq!(says(ask, &format!("{forged}, {failed}")).len(), 1);
        assert_eq!(says("{ named: test, by: [github-actions, 'github:mallory'] }", forged), [""; 0]);
    }

    #[test]
    fn what_the_gate_writes_never_counts() {
        let own = "{ name: change-gate, of-gate: true, state: pending }";
        assert_eq!(says("'change-*'", &format!("{own}, {{ name: change-log }}")), [""; 0]);
        assert_eq!(says("'change-*'", own), ["no check `change-*` is reported for this revision"]);
        let good = own.replace("pending", "success");
        assert_eq!(
            says("change-gate", &good),
            [
                "no check `change-gate` is reported for this revision; `change-gate` does not count, because the \
                 gate itself writes it"
            ]
        );
    }

    #[test]
    fn no_test_is_no_success() {
        assert_eq!(says("test", "{ name: test, tests: 0 }"), ["the check `test` ran no tests"]);
        let ask = "{ named: test, at-least-tests: 3 }";
        assert_eq!(says(ask, "{ name: test, tests: 3 }"), [""; 0]);
        assert_eq!(says(ask, "{ name: test, tests: 2 }").len(), 1);
        assert_eq!(says(ask, "{ name: test }"), ["the check `test` does not report how many tests it ran"]);
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
            ["the check `a\u{1b}[2J` failed: `failure` (`https://forge.example/1`)"]
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
    fn a_check_that_ran_again_is_not_decided_and_another_one_is() {
        let found = says("test", "{ name: test, state: unknown }");
        assert!(found[0].starts_with("unknown: "), "{found:?}");
        let found = says("[test, lint]", "{ name: test, state: unknown }, { name: lint, state: failed }");
        assert_eq!(found, ["the check `lint` failed: `failure`"]);
        assert_eq!(says("lint", "{ name: test, state: unknown }, { name: lint }"), [""; 0]);
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
