//! `field`: what the change says in a field.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::calendar::TimeLimit;
use crate::change::{Missing, NeededFacts};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Obligation, Sentence};
use crate::vocabulary::{FieldClaim, FieldDefinition, FieldKind, FieldReading};
use crate::yaml::decode::{
    MapReader, parse_each, parse_one, read_bool, read_choice, read_entries, read_text,
};
use crate::yaml::{YamlFault, YamlNode, YamlValue, shorten_for_message};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "field",
    summary: "The change says something in a field, and it is what the policy's vocabulary and this question accept.",
    why: "Risk, type, ticket and back-out plan are the record of a change; a field that is empty, a placeholder \
          or contradicts itself is none.",
    parameters: "\
- a map from field names to what is asked of each:
  - `present`: it is stated, and valid;
  - `absent`: it is not stated at all;
  - a word, or `one-of: [words]`: that is what counts;
  - `at-least: WORD`, `at-most: WORD`: for a field of ordered words;
  - `present: true` with `within: 24h` or `within: 5 business days`: it may still be missing, and is owed until then;
  - `until: FIELD` instead of `within`: owed until the day or instant that the change states in that field; a change \
that states none owes nothing;
  - `by: others`, beside either: what is owed is closed only by somebody who did not make the change.",
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

/// The question about each field.
#[derive(Clone, Debug, PartialEq)]
pub struct FieldPredicate {
    requirements: Vec<(Arc<FieldDefinition>, FieldRequirement)>,
}

/// What is asked of a field.
#[derive(Clone, Debug, PartialEq)]
enum FieldRequirement {
    Present { deadline: Option<FieldDeadline>, by_others: bool },
    Absent,
    OneOf(Vec<usize>),
    AtLeast(usize),
    AtMost(usize),
}

/// Until when a field may be missing.
#[derive(Clone, Debug, PartialEq)]
enum FieldDeadline {
    Within(TimeLimit),
    /// Until what the change states in this field.
    Until(Arc<FieldDefinition>),
}

impl FieldDeadline {
    fn describe_deadline(&self) -> String {
        match self {
            FieldDeadline::Within(within) => format!("within {within}"),
            FieldDeadline::Until(field) => format!("until what `{}` says", field.name),
        }
    }

    /// Returns the obligation to state `field`, if the change owes it, or what is wrong.
    fn compute_obligation(
        &self,
        field: &FieldDefinition,
        seen: &EvaluationContext<'_>,
    ) -> Result<Option<Obligation>, Vec<Finding>> {
        let until = match self {
            FieldDeadline::Within(within) => return Ok(Some(field_obligation(field, *within, seen))),
            FieldDeadline::Until(until) => until,
        };
        let claims = match until.read_from_change(seen.change) {
            FieldReading::Absent => return Ok(None),
            FieldReading::Invalid(reasons) => return Err(reasons),
            FieldReading::Stated { claims, .. } => claims,
        };
        let mut first = Timestamp::MAX;
        for claim in claims {
            let wrong = |why: &str| {
                let what = Sentence::from_words(format!("`{}` is ", until.name))
                    .with_quote(claim.value)
                    .with_words(why);
                vec![claim.locate_finding(Finding::new(what), seen.change)]
            };
            let why = ", which is neither a day such as 2026-12-31 nor an instant in RFC 3339";
            let due = parse_end_instant(&claim.value.to_lossy()).ok_or_else(|| wrong(why))?;
            if due < seen.change.seen_at {
                return Err(wrong(", which is over"));
            }
            first = first.min(due);
        }
        Ok(Some(Obligation {
            what: format!("`{}` until {}", field.name, first.strftime("%F %R UTC")).into(),
            owner: "the author".into(),
            due: Some(first),
            evidence: field.trailer_template().into(),
            field: Some(field.name.clone()),
            by_others: false,
        }))
    }
}

/// Returns the last instant of a day in UTC, or an instant as it is written.
fn parse_end_instant(written: &str) -> Option<Timestamp> {
    if let Ok(instant) = written.parse::<Timestamp>() {
        return Some(instant);
    }
    // A day with a time but without an offset is no instant.
    let day: Date = written.parse().ok().filter(|_| written.len() == 10)?;
    day.at(23, 59, 59, 0).to_zoned(TimeZone::UTC).ok().map(|end| end.timestamp())
}

impl FieldPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut asked = Vec::new();
        for (key, node) in read_entries(node, faults) {
            let place = YamlNode { at: key.at, value: YamlValue::List(Vec::new()) };
            let Some(field) = known.vocabulary.resolve_field(&place, &key.text, faults) else { continue };
            if let Some(question) = FieldRequirement::read_requirement(node, field, known, faults) {
                asked.push((field.clone(), question));
            }
        }
        if asked.is_empty() && before == faults.len() {
            faults.push(
                YamlFault::new(node.at, "no field is named").with_help("as in `field: { Risk: present }`"),
            );
        }
        (before == faults.len()).then_some(FieldPredicate { requirements: asked })
    }

    pub(crate) fn add_needs(&self, _: &mut NeededFacts) {}

    /// Returns the fields that must be stated now.
    pub(crate) fn required_fields(&self) -> Vec<&FieldDefinition> {
        let now = self.requirements.iter().filter(|(_, asked)| {
            !matches!(asked, FieldRequirement::Absent | FieldRequirement::Present { deadline: Some(_), .. })
        });
        now.map(|(field, _)| field.as_ref()).collect()
    }

    pub(crate) fn describe(&self) -> String {
        let parts = self.requirements.iter().map(|(field, asked)| {
            let name = &field.name;
            let word = |level: &usize| {
                field.allowed_words().and_then(|words| words.get(*level)).map_or("?", String::as_str)
            };
            match asked {
                FieldRequirement::Present { deadline: None, .. } => format!("`{name}` is stated"),
                FieldRequirement::Present { deadline: Some(owed), by_others: false } => {
                    format!("`{name}` is stated {}", owed.describe_deadline())
                }
                FieldRequirement::Present { deadline: Some(owed), by_others: true } => {
                    let within = owed.describe_deadline();
                    format!("`{name}` is stated {within} by somebody who did not make the change")
                }
                FieldRequirement::Absent => format!("`{name}` is not stated"),
                FieldRequirement::OneOf(levels) => {
                    format!("`{name}` is {}", levels.iter().map(word).collect::<Vec<_>>().join(" or "))
                }
                FieldRequirement::AtLeast(level) => format!("`{name}` is at least {}", word(level)),
                FieldRequirement::AtMost(level) => format!("`{name}` is at most {}", word(level)),
            }
        });
        parts.collect::<Vec<_>>().join(", and ")
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut owed = Vec::new();
        for (field, asked) in &self.requirements {
            match (field.read_from_change(seen.change), asked) {
                (FieldReading::Absent, FieldRequirement::Absent) => {}
                (FieldReading::Absent, FieldRequirement::Present { deadline: Some(until), by_others }) => {
                    match until.compute_obligation(field, seen) {
                        Ok(one) => owed.extend(one.map(|one| Obligation { by_others: *by_others, ..one })),
                        Err(wrong) => findings.extend(wrong),
                    }
                }
                (FieldReading::Absent, _) => {
                    findings.push(seen.reason_or_empty(|| {
                        let paste = asked.suggest_trailer(field).unwrap_or_else(|| field.trailer_template());
                        missing_field_finding(field, paste, seen)
                    }));
                }
                (FieldReading::Invalid(reasons), FieldRequirement::Absent) => {
                    findings.push(Finding::new(Sentence::from_words(format!(
                        "`{}` is stated and must not be",
                        field.name
                    ))));
                    findings.extend(reasons);
                }
                (FieldReading::Invalid(reasons), _) => findings.extend(reasons),
                (FieldReading::Stated { claims, level }, asked) => {
                    let holds = match (asked, level) {
                        (FieldRequirement::Present { .. }, _) => true,
                        (FieldRequirement::OneOf(accepted), Some(level)) => accepted.contains(&level),
                        (FieldRequirement::AtLeast(least), Some(level)) => *least <= level,
                        (FieldRequirement::AtMost(most), Some(level)) => level <= *most,
                        (
                            FieldRequirement::Absent
                            | FieldRequirement::OneOf(_)
                            | FieldRequirement::AtLeast(_)
                            | FieldRequirement::AtMost(_),
                            _,
                        ) => false,
                    };
                    if !holds {
                        findings.push(
                            seen.reason_or_empty(|| asked.mismatch_finding(field, &claims, level, seen)),
                        );
                    }
                }
            }
        }
        Ok(match (findings.is_empty(), owed.is_empty()) {
            (false, _) => PredicateOutcome::Fails(findings),
            (true, false) => PredicateOutcome::Owed(owed),
            (true, true) => PredicateOutcome::Holds,
        })
    }
}

impl FieldRequirement {
    fn read_requirement(
        node: &YamlNode,
        field: &FieldDefinition,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        match &node.value {
            YamlValue::Map(_) => FieldRequirement::read_requirement_map(node, field, known, faults),
            YamlValue::Scalar { text, .. } if text == "present" => {
                Some(FieldRequirement::Present { deadline: None, by_others: false })
            }
            YamlValue::Scalar { text, .. } if text == "absent" => Some(FieldRequirement::Absent),
            _ => parse_one(node, faults, |word| parse_level(field, word))
                .map(|level| FieldRequirement::OneOf(vec![level])),
        }
    }

    fn read_requirement_map(
        node: &YamlNode,
        field: &FieldDefinition,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let mut map = MapReader::new(node, faults)?;
        let asked = if let Some(node) = map.find_key("at-least") {
            parse_one(node, faults, |word| parse_ordered_level(field, word)).map(FieldRequirement::AtLeast)
        } else if let Some(node) = map.find_key("at-most") {
            parse_one(node, faults, |word| parse_ordered_level(field, word)).map(FieldRequirement::AtMost)
        } else if let Some(node) = map.find_key("one-of") {
            let before = faults.len();
            let levels = parse_each(node, faults, |word| parse_level(field, word));
            (before == faults.len()).then_some(FieldRequirement::OneOf(levels))
        } else {
            let (within, until) = (map.find_key("within"), map.find_key("until"));
            match map.find_key("present") {
                Some(node) if read_bool(node, faults) == Some(false) => faults.push(
                    YamlFault::new(node.at, "`present` can only be `true`")
                        .with_help("write `absent` for the contrary"),
                ),
                None if within.is_none() && until.is_none() => {
                    let what = "expected one of at-least, at-most, one-of, present, until, within";
                    faults.push(YamlFault::new(node.at, what));
                }
                _ => {}
            }
            let by = map.find_key("by");
            if let (Some(_), Some(node)) = (within, until) {
                faults.push(YamlFault::new(node.at, "either `within` or `until`, not both"));
            }
            if let (Some(node), None) = (by, within.or(until)) {
                faults.push(YamlFault::new(
                    node.at,
                    "`by` is about what is owed, and takes a `within` or an `until`",
                ));
            }
            let by_others =
                by.and_then(|node| read_choice(node, &[("others", true)], faults)).unwrap_or(false);
            let within = within.and_then(|node| read_within(node, known, faults));
            let owed = within.map(FieldDeadline::Within).or_else(|| read_until_field(until?, known, faults));
            Some(FieldRequirement::Present { deadline: owed, by_others })
        };
        map.refuse_unknown_keys(faults);
        asked
    }

    /// Returns the finding that what counts, `level`, is not what is asked.
    fn mismatch_finding(
        &self,
        field: &FieldDefinition,
        claims: &[FieldClaim<'_>],
        level: Option<usize>,
        seen: &EvaluationContext<'_>,
    ) -> Finding {
        let deciding = claims.iter().find(|claim| {
            level.is_none() || field.find_level(strip_rationale(claim.value.to_lossy().as_ref())) == level
        });
        let finding = match deciding {
            Some(claim) => {
                let what = Sentence::from_words(format!("`{}` is ", field.name))
                    .with_quote(claim.value)
                    .with_words(format!(", and is asked to be {}", self.describe_expected(field)));
                claim.locate_finding(Finding::new(what), seen.change)
            }
            None => Finding::new(Sentence::from_words(format!("`{}` is not what is asked", field.name))),
        };
        match self.suggest_trailer(field) {
            Some(paste) => finding.with_paste(paste),
            None => finding,
        }
    }

    fn describe_expected(&self, field: &FieldDefinition) -> String {
        let word = |level: &usize| {
            field.allowed_words().and_then(|words| words.get(*level)).cloned().unwrap_or_default()
        };
        match self {
            FieldRequirement::Present { .. } => "stated".into(),
            FieldRequirement::Absent => "left out".into(),
            FieldRequirement::OneOf(levels) => levels.iter().map(word).collect::<Vec<_>>().join(" or "),
            FieldRequirement::AtLeast(level) => format!("at least {}", word(level)),
            FieldRequirement::AtMost(level) => format!("at most {}", word(level)),
        }
    }

    fn suggest_trailer(&self, field: &FieldDefinition) -> Option<String> {
        let words = field.allowed_words()?;
        let accepted: Vec<_> = words
            .iter()
            .enumerate()
            .filter(|(level, _)| match self {
                FieldRequirement::OneOf(levels) => levels.contains(level),
                FieldRequirement::AtLeast(least) => least <= level,
                FieldRequirement::AtMost(most) => level <= most,
                FieldRequirement::Present { .. } => true,
                FieldRequirement::Absent => false,
            })
            .map(|(_, word)| word.as_str())
            .collect();
        match accepted.as_slice() {
            [] => None,
            [word] => Some(format!("{}: {word}", field.name)),
            words => Some(format!("{}: <{}>", field.name, words.join("|"))),
        }
    }
}

fn parse_level(field: &FieldDefinition, word: &str) -> Result<usize, String> {
    let words = field.allowed_words().ok_or_else(|| format!("`{}` is not a field of words", field.name))?;
    field.find_level(word).ok_or_else(|| {
        format!(
            "`{}` cannot be `{}`; it is one of {}",
            field.name,
            shorten_for_message(word),
            words.join(", ")
        )
    })
}

fn parse_ordered_level(field: &FieldDefinition, word: &str) -> Result<usize, String> {
    match &field.kind {
        // The words of `one-of` stand strictest first, so "at least" would mean its contrary.
        FieldKind::OneOf(_) => {
            Err(format!("the words of `{}` have no order; write `one-of` here", field.name))
        }
        _ => parse_level(field, word),
    }
}

fn strip_rationale(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

fn read_until_field(
    node: &YamlNode,
    known: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<FieldDeadline> {
    check_obligation_allowed(node, known, faults);
    let name = read_text(node, faults)?;
    known.vocabulary.resolve_field(node, name, faults).cloned().map(FieldDeadline::Until)
}

fn check_obligation_allowed(node: &YamlNode, known: &PolicyScope<'_>, faults: &mut Vec<YamlFault>) {
    if !known.allows_obligations {
        let what = "only a `require` can leave something owed, and not under `not`";
        faults.push(YamlFault::new(node.at, what));
    }
}

/// Reads for how long something may be missing; leaves a fault where nothing may be owed.
pub(crate) fn read_within(
    node: &YamlNode,
    known: &PolicyScope<'_>,
    faults: &mut Vec<YamlFault>,
) -> Option<TimeLimit> {
    check_obligation_allowed(node, known, faults);
    parse_one(node, faults, TimeLimit::new)
}

/// Returns the finding that a field is not stated, with the text to paste.
pub(crate) fn missing_field_finding(
    field: &FieldDefinition,
    paste: String,
    seen: &EvaluationContext<'_>,
) -> Finding {
    let tip = seen.change.tip().id;
    Finding::new(Sentence::from_words(format!("`{}` is missing", field.name)))
        .in_commit(tip)
        .with_paste(paste)
}

/// Returns the obligation to state a field in time, counted from when the change is seen.
pub(crate) fn field_obligation(
    field: &FieldDefinition,
    within: TimeLimit,
    seen: &EvaluationContext<'_>,
) -> Obligation {
    Obligation {
        what: format!("`{}` within {within}", field.name).into(),
        owner: "the author".into(),
        due: within.due_after(seen.change.seen_at),
        evidence: field.trailer_template().into(),
        field: Some(field.name.clone()),
        by_others: false,
    }
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_for_messages, findings_for_messages, question_faults};
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
        assert_eq!(found, ["`Owner` says `b` here and `a` elsewhere in the same change"]);
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
        let both = "x\n\nTemporary-Until: 2026-03-01\nTaken-Back: with this commit\n";
        assert_eq!(until(both), PredicateAnswer::Holds(Vec::new()));
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
            ["only a `require` can leave something owed, and not under `not`"]
        );
    }
}
