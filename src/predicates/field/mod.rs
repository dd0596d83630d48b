//! `field`: what the change says in a field.

mod requirement;
mod wanted;

use std::sync::Arc;

use crate::change::{Missing, NeededFacts};
use crate::predicates::field::requirement::FieldRequirement;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::field_levels::{AssumedField, limit_message, name_level, name_levels};
use crate::predicates::support::field_obligation::{DeferredField, missing_field_finding};
use crate::predicates::support::outcome::PredicateOutcome;
use crate::verdict::{Finding, Fixer, Message, Obligation, messages};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldReading};
use crate::yaml::decode::read_entries;
use crate::yaml::{YamlFault, YamlNode, YamlValue, refuse_unbracketed_items};

pub(crate) use crate::predicates::field::wanted::WantedField;

messages! {
    OWN_STATEMENT = "obligation.own-statement": "{owed}; what this change states itself does not count";
    QUESTION = "field.question": "{parts+, and }";
    QUESTION_STATED = "field.question-stated": "`{field}` is stated";
    QUESTION_STATED_LATER = "field.question-stated-later": "`{field}` is stated {deadline}";
    QUESTION_STATED_BY_OTHERS = "field.question-stated-by-others":
        "`{field}` is stated {deadline} by a person who did not contribute to the change";
    QUESTION_ABSENT = "field.question-absent": "`{field}` is not stated";
    QUESTION_ONE_OF = "field.question-one-of": "`{field}` is {words/or}";
    QUESTION_AT_LEAST = "field.question-at-least": "`{field}` is at least {word}";
    QUESTION_AT_MOST = "field.question-at-most": "`{field}` is at most {word}";
    MUST_BE_ABSENT = "field.must-be-absent": "`{field}` must not be stated";
    NOT_ACCEPTED = "field.not-accepted": "`{field}` is {value}; it must be {accepted/or}";
    TOO_LOW = "field.too-low": "`{field}` is {value}; it must be at least {limit}";
    TOO_HIGH = "field.too-high": "`{field}` is {value}; it must be at most {limit}";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "field",
    summary: "The change states a field, with a value that the policy's vocabulary and this predicate accept.",
    why: "Risk, type, ticket and back-out plan are the record of a change; a field that is empty, is a placeholder or \
          contradicts itself records nothing.",
    parameters: "\
- a map from field names to what each has to be:
  - `present`: it is stated, and valid;
  - `absent`: it is not stated at all;
  - a word, or `one-of: [words]`: the value that counts is one of these;
  - `at-least: WORD`, `at-most: WORD`: for a field of ordered words;
  - `present: true` with `within: 24h` or `within: 5 business days`: it may still be missing, and is owed until then;
  - `until: FIELD` instead of `within`: it is owed until the day or time that the change states in that field, also if it states both; a \
change that states none owes nothing;
  - `by: others`, beside either: only a person who did not contribute to the change can state what is owed.",
    passing_example: "
ask: { field: { Risk: { at-least: medium } } }
fields: { Risk: { ordered: [low, medium, high], on-conflict: highest } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Risk: High; touches the token check
",
    failing_example: "
ask: { field: { Back-out-Plan: present } }
fields: { Back-out-Plan: { text: { min-length: 20 } } }
change:
  commits:
    - message: |
        Cache the tenant lookup

        Back-out-Plan: n/a
",
};

/// The parameters of `field`: what each field has to be.
#[derive(Clone, Debug)]
pub struct FieldPredicate {
    requirements: Vec<(Arc<FieldDefinition>, FieldRequirement)>,
}

impl PartialEq for FieldPredicate {
    fn eq(&self, other: &Self) -> bool {
        // A definition has all words of the field, and questions of one policy share it.
        let is_same = |(one, asked): &(Arc<FieldDefinition>, FieldRequirement),
                       (other, given): &(Arc<FieldDefinition>, FieldRequirement)| {
            asked == given && (Arc::ptr_eq(one, other) || one == other)
        };
        self.requirements.len() == other.requirements.len()
            && self.requirements.iter().zip(&other.requirements).all(|(one, other)| is_same(one, other))
    }
}

impl FieldPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut requirements = Vec::new();
        let entries = read_entries(node, faults);
        for (index, (key, node)) in entries.iter().enumerate() {
            if refuse_unbracketed_items(entries, index, faults) {
                continue;
            }
            let place = YamlNode { at: key.at, value: YamlValue::List(Vec::new()) };
            let Some(field) = scope.vocabulary.resolve_field(&place, &key.text, faults) else { continue };
            if let Some(requirement) = FieldRequirement::read_requirement(node, field, scope, faults) {
                requirements.push((field.clone(), requirement));
            }
        }
        if requirements.is_empty() && before == faults.len() {
            faults.push(
                YamlFault::new(node.at, "`field` names no field")
                    .with_help("as in `field: { Risk: present }`"),
            );
        }
        (before == faults.len()).then_some(FieldPredicate { requirements })
    }

    /// Returns what the question wants of each field.
    pub(crate) fn list_wanted(&self) -> Vec<WantedField<'_>> {
        let mut wanted = Vec::new();
        for (field, requirement) in &self.requirements {
            wanted.push(WantedField { field, requirement });
        }
        wanted
    }

    /// Returns the fields that are asked about.
    pub(crate) fn named_fields(&self) -> impl Iterator<Item = &FieldDefinition> {
        self.requirements.iter().map(|(field, _)| field.as_ref())
    }

    pub(crate) fn add_needs(&self, _: &mut NeededFacts) {}

    /// Returns the fields that must be stated now, or those that may be stated after the change has landed.
    pub(crate) fn asked_fields(&self, is_later: bool) -> Vec<&FieldDefinition> {
        let mut fields = Vec::new();
        for (field, requirement) in &self.requirements {
            let is_owed = matches!(requirement, FieldRequirement::Present { deadline: Some(_), .. });
            if *requirement != FieldRequirement::Absent && is_owed == is_later {
                fields.push(field.as_ref());
            }
        }
        fields
    }

    /// Returns what may be stated after the change has landed, with its deadlines.
    pub(crate) fn list_late_statements(&self) -> Vec<DeferredField<'_>> {
        let mut late = Vec::new();
        for (field, requirement) in &self.requirements {
            if let FieldRequirement::Present { deadline: Some(deadline), by_others } = requirement {
                let (deadline, by_others) = (deadline.describe_deadline(), *by_others);
                late.push(DeferredField { field, deadline, by_others });
            }
        }
        late
    }

    /// Returns the field without which nothing is asked: all that is wanted is owed until the end that a change states
    /// there.
    pub(crate) fn find_end_field(&self) -> Option<&str> {
        let mut ends = self.requirements.iter().map(|(_, requirement)| match requirement {
            FieldRequirement::Present { deadline: Some(deadline), .. } => deadline.end_field(),
            _ => None,
        });
        let first = ends.next()??;
        ends.all(|end| end == Some(first)).then_some(first)
    }

    /// Describes the contrary, if one sentence says it.
    pub(crate) fn describe_contrary(&self) -> Option<Message> {
        let [(field, requirement)] = self.requirements.as_slice() else { return None };
        let template = match requirement {
            FieldRequirement::Absent => &QUESTION_STATED,
            FieldRequirement::Present { deadline: None, .. } => &QUESTION_ABSENT,
            _ => return None,
        };
        Some(template.with("field", field.name.as_str()))
    }

    pub(crate) fn describe(&self) -> Message {
        let mut parts = Vec::new();
        for (field, requirement) in &self.requirements {
            parts.push(requirement.describe_requirement(field));
        }
        QUESTION.with("parts", parts)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut owed = Vec::new();
        let mut unknown = None;
        for (field, requirement) in &self.requirements {
            match (field.read_from_change(context.change), requirement) {
                (FieldReading::Absent, FieldRequirement::Absent) => {}
                // A review of what has not landed yet is none, and no author reviews their own change. What
                // ends later has not ended yet; the statement may be about an earlier change.
                (
                    said @ (FieldReading::Absent | FieldReading::Stated { .. }),
                    FieldRequirement::Present { deadline: Some(deadline), by_others },
                ) if said == FieldReading::Absent || *by_others || deadline.is_stated_end() => {
                    match deadline.compute_obligation(field, context)? {
                        Ok(Some(mut obligation)) => {
                            if said != FieldReading::Absent {
                                obligation.what = OWN_STATEMENT.with("owed", obligation.what);
                            }
                            owed.push(assign_obligation(obligation, *by_others));
                        }
                        Ok(None) => {}
                        Err(reasons) => findings.extend(reasons),
                    }
                }
                (FieldReading::Absent, _) => findings.push(context.reason_or_empty(|| {
                    let paste =
                        requirement.suggest_trailer(field).unwrap_or_else(|| field.trailer_template());
                    missing_field_finding(field, paste, context)
                })),
                // Both are said: correcting the value alone would not help, since the field must go.
                (FieldReading::Invalid(reasons), FieldRequirement::Absent) => {
                    findings.push(Finding::new(MUST_BE_ABSENT.with("field", field.name.as_str())));
                    findings.extend(reasons);
                }
                (FieldReading::Invalid(reasons), _) => findings.extend(reasons),
                (FieldReading::Unknown(missing), _) => unknown = Some(missing),
                (FieldReading::Stated { claims, level }, _) => {
                    if !requirement.accepts_level(level) {
                        findings.push(context.reason_or_empty(|| {
                            requirement.mismatch_finding(field, &claims, level, context)
                        }));
                    }
                }
            }
        }
        Ok(match (unknown, findings.is_empty(), owed.is_empty()) {
            // A finding is certain, whatever is not known beside it.
            (_, false, _) => PredicateOutcome::Fails(findings),
            (Some(missing), true, _) => return Err(missing),
            (None, true, false) => PredicateOutcome::Owed(owed),
            (None, true, true) => PredicateOutcome::Holds,
        })
    }
}

/// Returns an obligation of the author, or of another person where the author cannot close it.
fn assign_obligation(obligation: Obligation, by_others: bool) -> Obligation {
    let owner = if by_others { Fixer::Reviewer } else { obligation.owner };
    Obligation { by_others, owner, ..obligation }
}

impl FieldRequirement {
    /// Describes what is asked of the field.
    fn describe_requirement(&self, field: &FieldDefinition) -> Message {
        let message = match self {
            FieldRequirement::Present { deadline: None, .. } => Message::from(&QUESTION_STATED),
            FieldRequirement::Present { deadline: Some(deadline), by_others } => {
                let template = if *by_others { &QUESTION_STATED_BY_OTHERS } else { &QUESTION_STATED_LATER };
                template.with("deadline", deadline.describe_deadline())
            }
            FieldRequirement::Absent => Message::from(&QUESTION_ABSENT),
            FieldRequirement::OneOf(levels) => QUESTION_ONE_OF.with("words", name_levels(field, levels)),
            FieldRequirement::AtLeast(level) => QUESTION_AT_LEAST.with("word", name_level(field, *level)),
            FieldRequirement::AtMost(level) => QUESTION_AT_MOST.with("word", name_level(field, *level)),
        };
        message.with("field", field.name.as_str())
    }

    /// Returns whether a stated field is as required; `level` is the word that counts.
    fn answer_assumed(&self, assumed: AssumedField) -> Option<bool> {
        match (self, assumed) {
            (_, AssumedField::Invalid) => Some(false),
            // It depends on the day, or on what others state later.
            (FieldRequirement::Present { deadline: Some(_), .. }, _) => None,
            (FieldRequirement::Absent, AssumedField::Absent) => Some(true),
            (_, AssumedField::Absent) => Some(false),
            (_, AssumedField::Stated(level)) => Some(self.accepts_level(level)),
        }
    }

    fn accepts_level(&self, level: Option<usize>) -> bool {
        match (self, level) {
            (FieldRequirement::Present { .. }, _) => true,
            (FieldRequirement::Absent, _) | (_, None) => false,
            (FieldRequirement::OneOf(accepted), Some(level)) => accepted.contains(&level),
            (FieldRequirement::AtLeast(least), Some(level)) => level >= *least,
            (FieldRequirement::AtMost(most), Some(level)) => level <= *most,
        }
    }

    /// Returns the finding that the word that counts, `level`, is not as required.
    fn mismatch_finding(
        &self,
        field: &FieldDefinition,
        claims: &[FieldClaim<'_>],
        level: Option<usize>,
        context: &EvaluationContext<'_>,
    ) -> Finding {
        let message = match self {
            FieldRequirement::AtLeast(limit) => limit_message(&TOO_LOW, field, *limit),
            FieldRequirement::AtMost(limit) => limit_message(&TOO_HIGH, field, *limit),
            FieldRequirement::OneOf(levels) => {
                NOT_ACCEPTED.with("field", field.name.as_str()).with("accepted", name_levels(field, levels))
            }
            FieldRequirement::Absent | FieldRequirement::Present { .. } => {
                MUST_BE_ABSENT.with("field", field.name.as_str())
            }
        };
        // The claim that decides is shown, and not the first: with `on-conflict`, another one may count.
        let deciding = claims.iter().find(|claim| {
            level.is_none() || field.find_stated_level(claim.value.to_lossy().as_ref()) == level
        });
        let finding = match deciding.or(claims.first()) {
            Some(claim) => {
                claim.locate_finding(Finding::new(message.with("value", &*claim.value)), context.change)
            }
            None => Finding::new(message),
        };
        match self.suggest_trailer(field) {
            Some(paste) => finding.with_paste(paste),
            None => finding,
        }
    }

    /// Returns the trailer to paste, with the words that are accepted; `None` for a field without words.
    fn suggest_trailer(&self, field: &FieldDefinition) -> Option<String> {
        let mut accepted = Vec::new();
        for (level, word) in field.allowed_words()?.iter().enumerate() {
            if self.accepts_level(Some(level)) {
                accepted.push(word.as_str());
            }
        }
        match accepted.as_slice() {
            [] => None,
            [word] => Some(format!("{}: {word}", field.name)),
            words => Some(format!("{}: <{}>", field.name, words.join("|"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{
        answer_edited, answer_for_messages, finding_texts, findings_for_messages, question_faults,
    };
    use crate::verdict::PredicateAnswer;

    const FIELDS: &str = "
fields:
  Risk: { ordered: [low, medium, high], on-conflict: highest }
  Change-Type: { one-of: [normal, standard, emergency], on-conflict: strictest }
  Owner: { one-of: [a, b] }
  Plan: { text: { min-length: 10, refuse: [revert the commit] } }
  Ticket: { matches: '[A-Z]+-[0-9]+', aliases: [Refs], many: true }
";

    fn says(question: &str, messages: &[&str]) -> Vec<String> {
        findings_for_messages(&format!("ask: {{ field: {question} }}{FIELDS}"), messages)
    }

    #[test]
    fn what_others_state_later_is_not_stated_by_the_change_itself() {
        let answer = |requirement: &str, message: &str| {
            let text = format!("ask: {{ field: {{ Plan: {{ {requirement} }} }} }}{FIELDS}");
            answer_for_messages(&text, &[message])
        };
        let stated = "a\n\nPlan: all went well, nothing to see here\n";
        for requirement in ["within: 5 business days, by: others", "within: 24h, by: others"] {
            for message in ["a\n", stated] {
                let PredicateAnswer::Holds(owed) = answer(requirement, message) else { panic!("{message}") };
                assert!(owed[0].by_others, "{owed:?}");
                let words = owed[0].what.to_plain_text();
                assert_eq!(words.contains("does not count"), message == stated, "{words}");
            }
        }
        assert_eq!(answer("within: 24h", stated), PredicateAnswer::Holds(Vec::new()));
    }

    /// Returns what a pull request by `opener` lacks, if nothing but its description states anything.
    fn says_of_pull(question: &str, opener: &str, template: &str, body: &str) -> Vec<String> {
        let text = format!(
            "ask: {{ field: {question} }}{FIELDS}  Bot: {{ one-of: [a, b], stated-by-bots: ['github:Renovate[bot]'] }}
change:
  stage: pull-request
  commits: [{{ message: a }}]
  pull: {{ opener: {opener:?}, template: {template:?}, body: {body:?} }}
"
        );
        finding_texts(&answer_edited(&text, |_| {}))
    }

    #[test]
    fn a_bot_states_only_what_the_policy_lets_it_state() {
        let body = "Risk: low\nBot: a\n";
        let says = |question, opener| says_of_pull(question, opener, "x", &format!("x\n\n{body}"));
        assert_eq!(says("{ Risk: present, Bot: present }", "ana"), [""; 0]);
        assert_eq!(says("{ Bot: a }", "renovate[bot]"), [""; 0]);
        for opener in ["renovate[bot]", "other[bot]"] {
            let found = says("{ Risk: present }", opener);
            assert_eq!(
                found,
                [format!(
                    "`Risk` is not stated: a description by `github:{opener}` cannot state it here; add `Risk: <low|medium|high>` to the trailers of a commit"
                )]
            );
        }
        assert_eq!(says("{ Bot: present }", "other[bot]").len(), 1);
        assert_eq!(says("{ Bot: present }", "gone").len(), 1);
        assert_eq!(
            question_faults(
                "ask: { draft: true }\nfields: { A: { one-of: [a], stated-by-bots: ['*[bot]', renovate] } }"
            ),
            [
                "`*[bot]` is a pattern; name each bot that may state the field",
                "`renovate` does not say on which forge it is an account"
            ]
        );
    }

    #[test]
    fn a_user_whom_the_policy_lists_as_a_bot_states_what_a_bot_may() {
        let says = |bots: &str, question: &str, opener: &str| {
            let text = format!(
                "ask: {{ field: {question} }}\npeople: {{ bots: [{bots}] }}{FIELDS}  Bot: {{ one-of: [a, b], stated-by-bots: ['github:acme-ci'] }}
change:
  stage: pull-request
  commits: [{{ message: a }}]
  pull: {{ opener: {opener}, template: x, body: \"x\\n\\nRisk: low\\nBot: a\\n\" }}
"
            );
            finding_texts(&answer_edited(&text, |_| {})).len()
        };
        for bots in
            ["'github:acme-ci'", "acme-ci", "'acme-*'", "'*+acme-ci@users.noreply.github.com'", "'*-ci@*'"]
        {
            assert_eq!(says(bots, "{ Risk: present }", "acme-ci"), 1, "{bots}");
            assert_eq!(says(bots, "{ Bot: present }", "acme-ci"), 0, "{bots}");
            assert_eq!(says(bots, "{ Risk: present }", "ana"), 0, "{bots}");
        }
    }

    #[test]
    fn what_states_another_field_is_no_part_of_a_section() {
        let says = |question: &str, body: &str| says_of_pull(question, "ana", "x", body);
        let plan = "{ Plan: present, Ticket: present }";
        for state in [
            "**Ticket:** PAY-1",
            "**Ticket:**\nPAY-1",
            "Refs: PAY-1",
            "- Ticket: PAY-1",
            "### Ticket\n\nPAY-1",
            "### Ticket: PAY-1",
            "| What | Which |\n|---|---|\n| Ticket | PAY-1 |",
            "**Ticket**\n\nPAY-1",
        ] {
            let found = says(plan, &format!("## Plan\n\n{state}\n"));
            assert_eq!(found.len(), 1, "{state}: {found:?}");
            assert!(found[0].starts_with("`Plan` is not stated: line "), "{state}: {found:?}");
            let full = format!("## Plan\n\nPut the last release back.\n\n{state}\n");
            assert_eq!(says(plan, &full), [""; 0], "{state}");
        }
        assert_eq!(
            says("{ Plan: present }", "## Plan\n\n**Ticket:** PAY-1\n"),
            [
                "`Plan` is not stated: line 3 of the description, `Ticket: PAY-1`, states `Ticket`, and nothing else stands there"
            ]
        );
        // What no field of the policy is called is the author's text.
        assert_eq!(says("{ Plan: present }", "## Plan\n\n**Step one:** stop it\n"), [""; 0]);
        // It is not the reason, or the value, of another kind of field either.
        let ticket = "## Ticket\n\nPAY-1\n\n**Risk:** low\n\n- Owner: a\n";
        assert_eq!(says("{ Ticket: present, Risk: low, Owner: a }", ticket), [""; 0]);
    }

    proptest::proptest! {
        /// Lines that state other fields never make up for a plan, and never take anything from one.
        #[test]
        fn a_plan_is_what_no_other_field_states(
            lines in proptest::collection::vec(proptest::sample::select(vec![
                "**Ticket:** PAY-1", "- Risk: low", "**Owner:** a", "### Risk\n\nhigh", "**Ticket:**",
            ]), 1..6),
            at in 0_usize..6,
        ) {
            let body = |lines: &[&str]| format!("## Plan\n\n{}\n\n## End\n\nx\n", lines.join("\n\n"));
            let question = "{ Plan: present }";
            proptest::prop_assert_eq!(says_of_pull(question, "ana", "x", &body(&lines)).len(), 1);
            // Below a heading or a bold label, text would be the answer to that.
            let at = at.min(lines.iter().position(|line| line.starts_with(['#', '*'])).unwrap_or(lines.len()));
            let mut with = lines.clone();
            with.insert(at, "Put the last release back.");
            proptest::prop_assert_eq!(says_of_pull(question, "ana", "x", &body(&with)), [""; 0]);
        }
    }

    #[test]
    fn an_answer_quotes_what_is_there_in_the_wrong_form() {
        let says = |template, body| says_of_pull("{ Risk: present }", "ana", template, body);
        for (template, body, expected) in [
            (
                "x",
                "## Risk\n\n<level>\n",
                "nothing that counts stands below line 1 of the description, `## Risk`",
            ),
            (
                "x",
                "## Risk\n\n[level]\n",
                "line 3 of the description, `[level]`, is a placeholder, a question or an instruction",
            ),
            (
                "## Risk\n\nlow\n",
                "## Risk\n\nlow\n",
                "line 3 of the description, `low`, is what the template says",
            ),
            ("x", "## Risk\n\n- [ ] low\n", "no box is ticked from line 3 of the description on, `[ ] low`"),
            (
                "x",
                "## Risk\n\n```\nlow\n```\n",
                "line 4 of the description, `low`, is code or a table, and text is needed",
            ),
            (
                "x",
                "> Risk: low\n",
                "line 1 of the description, `> Risk: low`, is quoted, pasted from release notes, struck out, hidden, a footnote, code, a comment, or in the middle of a text",
            ),
            ("x", "Some text.\n", "`Risk` is missing"),
        ] {
            let found = says(template, body);
            let expected = if expected.starts_with('`') {
                expected.to_owned()
            } else {
                format!("`Risk` is not stated: {expected}")
            };
            assert_eq!(found, [expected], "{body}");
        }
    }

    #[test]
    fn a_template_that_is_not_known_leaves_open_what_a_description_states() {
        let says = |question, body| says_of_pull(question, "ana", "unknown", body);
        assert!(says("{ Risk: present }", "Risk: low\n")[0].starts_with("unknown: "));
        assert!(says("{ Risk: absent }", "Risk: low\n")[0].starts_with("unknown: "));
        assert_eq!(says("{ Risk: present, Owner: present }", "Risk: low\n").len(), 1);
        assert_eq!(says("{ Risk: absent }", "Owner: a\n"), [""; 0]);
    }

    #[test]
    fn a_field_of_prose_takes_commands_and_no_other_field_does() {
        let plan = |body| says_of_pull("{ Plan: present }", "ana", "x", body);
        assert_eq!(plan("## Plan\n\n```\ngit revert HEAD\n```\n"), [""; 0]);
        assert_eq!(plan("## Plan\n\n- [ ] data\n\nTurn it off again.\n"), [""; 0]);
        assert_eq!(plan("## Plan\n\n- [x] flag\n\nTurn it off again.\n"), [""; 0]);
        assert_eq!(plan("## Plan\n\n- [x] flag\n").len(), 1);
        let risk = |body| says_of_pull("{ Risk: low }", "ana", "x", body);
        assert_eq!(risk("## Risk\n\nlow\n\n```\nhigh\n```\n"), [""; 0]);
        assert_eq!(risk("## Risk\n\n- [x] **LOW** - docs\n- [ ] **HIGH** - code\n"), [""; 0]);
        assert_eq!(risk("## Risk\n\n- [x] low or high\n").len(), 1);
    }

    #[test]
    fn the_highest_of_several_statements_counts() {
        assert_eq!(says("{ Risk: high }", &["a\n\nRisk: low\n", "b\n\nrisk: HIGH; new cache\n"]), [""; 0]);
        assert_eq!(
            says("{ Risk: { at-most: medium } }", &["a\n\nRisk: low\n", "b\n\nRisk: high\n"]).len(),
            1
        );
        assert_eq!(
            says("{ Change-Type: normal }", &["a\n\nChange-Type: emergency\n", "b\n\nChange-Type: normal\n"]),
            [""; 0]
        );
    }

    #[test]
    fn a_disagreement_that_nothing_settles_is_a_finding() {
        let found = says("{ Owner: present }", &["a\n\nOwner: a\nOwner: b\n"]);
        assert_eq!(found, ["`Owner` is `b` here and `a` elsewhere in this change"]);
    }

    #[test]
    fn text_that_says_nothing_does_not_count() {
        for nothing in [
            "TODO",
            "n/a",
            "...",
            "xxx",
            "<in your own words>",
            "-",
            "\u{200b}",
            "Revert the commit!",
            "too short",
            "The subject",
        ] {
            assert_eq!(
                says("{ Plan: present }", &[&format!("The subject\n\nPlan: {nothing}\n")]).len(),
                1,
                "{nothing}"
            );
        }
        assert_eq!(says("{ Plan: present }", &["x\n\nPlan: set CACHE=off and redeploy\n"]), [""; 0]);
    }

    #[test]
    fn an_alias_and_several_values_count_where_the_policy_says_so() {
        assert_eq!(says("{ Ticket: present }", &["x\n\nRefs: PAY-1\nTicket: PAY-2\n"]), [""; 0]);
        assert_eq!(says("{ Ticket: present }", &["x\n\nTicket: PAY-1\nTicket: soon\n"]).len(), 1);
    }

    #[test]
    fn what_is_owed_holds_with_a_due_time() {
        let owed = answer_for_messages(
            &format!("ask: {{ field: {{ Ticket: {{ within: 24h }} }} }}{FIELDS}"),
            &["x\n"],
        );
        let PredicateAnswer::Holds(owed) = owed else { panic!("{owed:?}") };
        assert_eq!(owed[0].due.unwrap().to_string(), "2026-01-02T00:00:00Z");
    }

    #[test]
    fn what_is_temporary_is_owed_until_it_says() {
        let until = |message: &str| {
            let fields = "
fields:
  Temporary-Until: { matches: '[0-9TZ:+-]+' }
  Taken-Back: { text: { min-length: 5 } }
";
            answer_for_messages(
                &format!("ask: {{ field: {{ Taken-Back: {{ until: Temporary-Until }} }} }}{fields}"),
                &[message],
            )
        };
        for (said, due) in [
            ("2026-03-01", "2026-03-01T23:59:59Z"),
            ("2026-03-01T10:00:00Z", "2026-03-01T10:00:00Z"),
            ("2026-03-01T10:00:00+02:00", "2026-03-01T08:00:00Z"),
        ] {
            let PredicateAnswer::Holds(owed) = until(&format!("x\n\nTemporary-Until: {said}\n")) else {
                panic!("{said}")
            };
            assert_eq!(owed[0].due.unwrap().to_string(), due);
        }
        for wrong in ["2026-02-30", "2026-03-01T10:00:00", "2025-12-30", "20260301"] {
            let answer = until(&format!("x\n\nTemporary-Until: {wrong}\n"));
            assert!(matches!(answer, PredicateAnswer::Fails(_)), "{wrong} {answer:?}");
        }
        assert_eq!(until("x\n"), PredicateAnswer::Holds(Vec::new()));
        // One that takes back an earlier change and has an end of its own owes that; so does one that says
        // beforehand how it will be taken back.
        let both = "x\n\nTemporary-Until: 2026-03-01\nTaken-Back: with this commit\n";
        let PredicateAnswer::Holds(owed) = until(both) else { panic!() };
        assert_eq!(owed[0].due.unwrap().to_string(), "2026-03-01T23:59:59Z");
        assert!(owed[0].what.to_plain_text().contains("does not count"), "{owed:?}");
        let past = both.replace("2026-03", "2025-03");
        assert!(matches!(until(&past), PredicateAnswer::Fails(_)));
        let only = "x\n\nTaken-Back: with this commit\n";
        assert_eq!(until(only), PredicateAnswer::Holds(Vec::new()));
    }

    #[test]
    fn a_question_that_would_mean_something_else_is_refused() {
        let faults = |question: &str| question_faults(&format!("ask: {{ field: {question} }}{FIELDS}"));
        assert_eq!(faults("{ Risk: { present: false } }"), ["`present` can only be `true`"]);
        assert_eq!(faults("{ Risk: { present: soon } }"), ["expected `true` or `false`"]);
        assert_eq!(
            faults("{ Change-Type: { at-least: standard } }"),
            ["the words of `Change-Type` have no order; write `one-of` here"]
        );
        assert_eq!(faults("{ Risk: { at-least: low, within: 24h } }"), ["unknown key `within`"]);
        assert_eq!(faults("{ Risk: {} }").len(), 1);
        assert_eq!(
            question_faults(&format!("ask: {{ not: {{ field: {{ Ticket: {{ within: 24h }} }} }} }}{FIELDS}")),
            ["obligations are allowed only in `require`, and not under `not`"]
        );
    }
}
