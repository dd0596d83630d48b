//! `label`: which labels a pull request has, and who put them there.

use crate::change::pull_request::PullLabel;
use crate::change::{FactKind, Missing, NeededFacts};
use crate::people::ResolvedIdentity;
use crate::people::contributors::check_independent_account;
use crate::predicates::parameters::{
    find_unidentified_contributor, format_alternatives, is_in_teams, read_teams,
};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, parse_each, read_choice};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "label",
    summary: "The pull request has these labels, or has not.",
    why: "Labels are how people sort changes where they look at them. Whoever may triage can put one there, the author \
          among them; where one opens a door, say who has to have put it there.",
    parameters: "\
- a name: it has this label; names are compared as a whole, in any case, and `*` is a star like any other;
- `any-of: [names]`: it has at least one of these;
- `all-of: [names]`: it has every one of these;
- `none-of: [names]`: it has none of these; of several parameters, all are meant;
- `by: [teams]`: a label of `any-of` and `all-of` counts only if it was put there last by a person who is a member of \
one of these teams and had no hand in the change, and that after the final revision was pushed;
- `of: any-revision`, beside `by`: a label counts as well that was there before the last push.",
    passing_example: "
ask: { label: { any-of: [hotfix], by: duty, none-of: [do-not-merge] } }
people: { teams: { duty: ['github:kim'] } }
change:
  commits: [{}]
  pull:
    labels: [docs, { name: hotfix, by: kim }]
",
    failing_example: "
ask: { label: { any-of: [hotfix], by: duty } }
people: { teams: { duty: ['github:kim', 'github:ana'] } }
change:
  commits: [{}]
  pull:
    labels: [{ name: hotfix, by: ana }]
",
};

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelPredicate {
    any_of: Vec<String>,
    all_of: Vec<String>,
    none_of: Vec<String>,
    teams: Vec<String>,
    /// Whether a label has to be younger than the final revision.
    final_revision_only: bool,
}

/// What became of the labels that are asked for by one name.
enum LabelMatch {
    Counts,
    /// It is there, and it cannot be known whether it counts.
    Unknown(Missing),
    /// None counts, for these reasons; there may be none at all.
    NotFound(Vec<Finding>),
}

impl LabelPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        known: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let (any_of, all_of, none_of, teams_of) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut label =
            LabelPredicate { any_of, all_of, none_of, teams: teams_of, final_revision_only: true };
        if let YamlValue::Map(_) = &node.value {
            let mut map = MapReader::new(node, faults)?;
            let mut names = |key: &'static str, faults: &mut Vec<YamlFault>| {
                map.find_key(key).map(|node| parse_each(node, faults, parse_label_name)).unwrap_or_default()
            };
            label.any_of = names("any-of", faults);
            label.all_of = names("all-of", faults);
            label.none_of = names("none-of", faults);
            let by = map.find_key("by");
            label.teams = by.map(|node| read_teams(node, known, faults)).unwrap_or_default();
            let revisions = [("final-revision", true), ("any-revision", false)];
            let of = map.find_key("of");
            label.final_revision_only =
                of.and_then(|node| read_choice(node, &revisions, faults)).unwrap_or(true);
            if let (Some(of), None) = (of, by) {
                faults.push(YamlFault::new(
                    of.at,
                    "`of` is asked of labels `by` somebody, and nobody is named",
                ));
            }
            map.refuse_unknown_keys(faults);
            let wanted = !label.any_of.is_empty() || !label.all_of.is_empty();
            if before == faults.len() && !wanted && label.none_of.is_empty() {
                faults.push(YamlFault::new(node.at, "expected one of all-of, any-of, none-of"));
            } else if let (Some(by), false) = (by, wanted || before < faults.len()) {
                faults.push(YamlFault::new(
                    by.at,
                    "`by` is asked of `any-of` and `all-of`, and there is neither",
                ));
            }
        } else {
            label.all_of = parse_each(node, faults, parse_label_name);
            if 1 < label.all_of.len() {
                let help = "write `any-of: [...]` or `all-of: [...]`";
                faults.push(
                    YamlFault::new(node.at, "of several labels, it is to be said which are meant")
                        .with_help(help),
                );
            }
        }
        (before == faults.len()).then_some(label)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pull);
        if !self.teams.is_empty() {
            needs.insert(FactKind::Pusher);
        }
    }

    pub(crate) fn describe(&self) -> String {
        let by = match self.teams.is_empty() {
            true => String::new(),
            false => format!(", put there by {}", self.teams.join(" or ")),
        };
        let any =
            (!self.any_of.is_empty()).then(|| format!("the label {}{by}", format_alternatives(&self.any_of)));
        let all = self.all_of.iter().map(|name| format!("the label `{name}`{by}"));
        let none =
            (!self.none_of.is_empty()).then(|| format!("no label {}", format_alternatives(&self.none_of)));
        let parts: Vec<_> = any.into_iter().chain(all).chain(none).collect();
        format!("the pull request has {}", parts.join(", and "))
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let labels = seen.change.require_pull(FactKind::Pull)?.labels.as_ref().map_err(Clone::clone)?;
        let (mut findings, mut missing) = (Vec::new(), None);
        for name in &self.all_of {
            match self.find_label(std::slice::from_ref(name), labels, seen) {
                LabelMatch::Counts => {}
                LabelMatch::Unknown(gap) => missing = Some(gap),
                LabelMatch::NotFound(reasons) => {
                    findings.extend(missing_label_findings(format!("`{name}`"), reasons))
                }
            }
        }
        if !self.any_of.is_empty() {
            match self.find_label(&self.any_of, labels, seen) {
                LabelMatch::Counts => {}
                LabelMatch::Unknown(gap) => missing = Some(gap),
                LabelMatch::NotFound(reasons) => {
                    findings.extend(missing_label_findings(format_alternatives(&self.any_of), reasons))
                }
            }
        }
        for label in labels.iter().filter(|label| self.none_of.iter().any(|name| has_label_name(label, name)))
        {
            let what = Sentence::from_words("this has the label ")
                .with_quote(&label.name)
                .with_words(", and must not have it");
            findings.push(Finding::new(what).fixed_by("whoever put it there"));
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Looks for a label of one of these names that counts.
    fn find_label(&self, names: &[String], labels: &[PullLabel], seen: &EvaluationContext<'_>) -> LabelMatch {
        let (mut reasons, mut open) = (Vec::new(), None);
        for label in labels.iter().filter(|label| names.iter().any(|name| has_label_name(label, name))) {
            if self.teams.is_empty() {
                return LabelMatch::Counts;
            }
            match self.check_labeller(label, seen) {
                Ok(None) => return LabelMatch::Counts,
                Ok(Some(reason)) => reasons.push(reason),
                Err(gap) => open = Some(gap),
            }
        }
        open.map_or(LabelMatch::NotFound(reasons), LabelMatch::Unknown)
    }

    /// Returns why a label was not put there by somebody who is asked; `None` if it was.
    fn check_labeller(
        &self,
        label: &PullLabel,
        seen: &EvaluationContext<'_>,
    ) -> Result<Option<Finding>, Missing> {
        let says =
            || Sentence::from_words("the label ").with_quote(&label.name).with_words(" was put there by ");
        let finding = |what: Sentence| {
            Ok(Some(Finding::new(what).fixed_by(format!("a member of {}", self.teams.join(" or ")))))
        };
        let Some(account) = label.by.as_ref().map_err(Clone::clone)? else {
            return finding(says().with_words("an account that nobody knows"));
        };
        let says = || says().with_quote(&account.id);
        let (participants, no_maker) = seen.participants();
        if let Some(unknown) = find_unidentified_contributor(participants) {
            return Ok(Some(unknown));
        }
        match check_independent_account(account, participants, seen.people) {
            Err(_) => finding(says().with_words(", who is a bot, is unknown or had a hand in the change")),
            Ok(key) if !is_in_teams(&ResolvedIdentity::Human(key.clone()), &self.teams, seen) => {
                finding(says().with_words(format!(", who is not in {}", self.teams.join(" or "))))
            }
            Ok(_) if self.final_revision_only => match self.is_after_final_push(label, seen)? {
                true => no_maker.map_or(Ok(None), |gap| Err(gap.clone())),
                false => {
                    finding(says().with_words(" before the last push; take it off and put it there again"))
                }
            },
            Ok(_) => no_maker.map_or(Ok(None), |gap| Err(gap.clone())),
        }
    }

    /// Returns whether a label was put there after the final revision was pushed.
    fn is_after_final_push(&self, label: &PullLabel, seen: &EvaluationContext<'_>) -> Result<bool, Missing> {
        let gap = |need, what: &str| Missing::Unavailable(need, what.to_owned());
        let put =
            label.at.ok_or_else(|| gap(FactKind::Pull, "the forge does not tell when this label was set"))?;
        let pushed = seen.change.require_pull(FactKind::Pull)?.pushed_at;
        let why = "the forge does not tell when the final revision was pushed";
        Ok(pushed.ok_or_else(|| gap(FactKind::Pusher, why))? < put)
    }
}

/// Returns the finding that a label is not there, and why what is there does not count.
fn missing_label_findings(names: String, reasons: Vec<Finding>) -> Vec<Finding> {
    match reasons.is_empty() {
        true => vec![Finding::new(Sentence::from_words(format!("the label {names} is missing")))],
        false => reasons,
    }
}

/// Reads the name of a label.
fn parse_label_name(written: &str) -> Result<String, String> {
    match written.trim() == written && !written.is_empty() {
        true => Ok(written.to_owned()),
        false => Err("the name of a label is not empty, and has no white space at its ends".into()),
    }
}

fn has_label_name(label: &PullLabel, name: &str) -> bool {
    label.name.as_utf8().is_some_and(|written| written.to_lowercase() == name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use crate::predicates::examples::{answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "people: { teams: { duty: ['github:kim', 'github:ana', 'github:ops[bot]'] } }";

    fn says(question: &str, labels: &str) -> Vec<String> {
        let pull = format!("pull: {{ labels: [{labels}] }}");
        let change = format!("change: {{ commits: [{{}}], {pull} }}");
        finding_texts(&answer_example(&format!("ask: {{ label: {question} }}\n{PEOPLE}\n{change}")))
    }

    #[test]
    fn a_label_is_compared_as_a_whole_and_in_any_case() {
        assert_eq!(says("hotfix", "Hotfix, docs"), [""; 0]);
        for labels in ["", "hotfixes", "'hotfix '", "'h\u{43e}tfix'"] {
            assert_eq!(says("hotfix", labels), ["the label `hotfix` is missing"], "{labels}");
        }
    }

    #[test]
    fn any_all_and_none_are_all_meant() {
        let ask = "{ any-of: [a, b], all-of: [c, d], none-of: [e] }";
        assert_eq!(says(ask, "b, c, d"), [""; 0]);
        assert_eq!(
            says(ask, "c, E"),
            [
                "the label `d` is missing",
                "the label `a` or `b` is missing",
                "this has the label `E`, and must not have it",
            ]
        );
        assert_eq!(says("{ none-of: [e] }", ""), [""; 0]);
    }

    #[test]
    fn a_label_counts_only_from_those_who_are_asked() {
        let ask = "{ any-of: [hotfix], by: duty }";
        assert_eq!(says(ask, "{ name: hotfix, by: kim }"), [""; 0]);
        for by in ["bob", "ana", "gone", "'ops[bot]'"] {
            assert_eq!(says(ask, &format!("{{ name: hotfix, by: {by} }}")).len(), 1, "{by}");
        }
        let found = says(ask, "{ name: hotfix, by: unknown }");
        assert!(found[0].starts_with("unknown: "), "{found:?}");
        assert_eq!(says(ask, "docs"), ["the label `hotfix` is missing"]);
        // Who took part is not known, and would matter.
        let change = "change: { unknown: [pusher], commits: [{}], pull: { labels: [{ name: a, by: kim }] } }";
        let found = finding_texts(&answer_example(&format!(
            "ask: {{ label: {{ any-of: a, by: duty }} }}\n{PEOPLE}\n{change}"
        )));
        assert!(found[0].starts_with("unknown: the pusher"), "{found:?}");
    }

    #[test]
    fn a_label_is_of_what_lands_unless_the_policy_says_otherwise() {
        let after = |of: &str, at: &str| {
            let ask = format!("ask: {{ label: {{ any-of: a, by: duty{of} }} }}");
            let pull = format!("{{ pushed: 2h, labels: [{{ name: a, by: kim, at: {at} }}] }}");
            finding_texts(&answer_example(&format!(
                "{ask}\n{PEOPLE}\nchange: {{ commits: [{{}}], pull: {pull} }}"
            )))
        };
        assert_eq!(after("", "1h"), [""; 0]);
        for at in ["2h", "3h"] {
            assert_eq!(after(", of: any-revision", at), [""; 0]);
            assert!(after("", at)[0].contains("before the last push"), "{at}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_there() {
        for change in ["{ commits: [{}] }", "{ unknown: [pull], commits: [{}], pull: {} }"] {
            for ask in ["{ label: a }", "{ not: { label: a } }", "{ label: { none-of: [a] } }"] {
                let found = finding_texts(&answer_example(&format!("ask: {ask}\nchange: {change}")));
                assert!(found[0].starts_with("unknown: "), "{found:?}");
            }
        }
    }

    #[test]
    fn a_question_that_asks_nothing_is_refused() {
        for question in [
            "[]",
            "[a, b]",
            "{}",
            "' a'",
            "{ by: nobody, any-of: a }",
            "{ none-of: [a], by: duty }",
            "{ any-of: [a], of: any-revision }",
            "{ any-of: [a], by: duty, of: whatever }",
            "{ all: [a] }",
        ] {
            let text = format!("ask: {{ label: {question} }}\n{PEOPLE}");
            assert_eq!(question_faults(&text).len(), 1, "{question}");
        }
    }
}
