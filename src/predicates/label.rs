//! `label`: which labels a pull request has, and who added them.

use unicode_normalization::UnicodeNormalization as _;

use crate::change::folded_name::fold_name;
use crate::change::message::known_keys::fold_homoglyph;
use crate::change::person::is_invisible;
use crate::change::pull_request::PullLabel;
use crate::change::{FactKind, Missing, NeededFacts};
use crate::people::ResolvedIdentity;
use crate::people::contributors::NotIndependent;
use crate::people::independence::{ParticipantIndex, check_independent_account};
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{
    find_unidentified_contributor, is_in_teams, quote_patterns, read_list, read_teams,
};
use crate::verdict::{Finding, Fixer, Message, messages};
use crate::yaml::decode::{MapReader, parse_each, read_choice};
use crate::yaml::{YamlFault, YamlNode, YamlValue};

messages! {
    QUESTION = "label.question": "the pull request has {parts+, and }";
    QUESTION_LABEL = "label.question-label": "the label {names/or}";
    QUESTION_LABEL_BY = "label.question-label-by": "the label {names/or}, added by {teams/or}";
    QUESTION_NO_LABEL = "label.question-no-label": "no label {names/or}";
    ALLOWED_REVISIONS = "label.allowed-revisions": "a label that was added before the last push counts";
    MISSING = "label.missing": "the label {names/or} is missing";
    LOOK_ALIKE = "label.look-alike": "the label {label} is not `{name}`: it contains characters that only look alike";
    REFUSED = "label.refused": "this has the label {label}, which is not allowed";
    UNKNOWN_LABELLER = "label.unknown-labeller": "the label {label} was added by an unknown account";
    ADDED_BY_BOT = "label.added-by-bot": "the label {label} was added by {account}, who is a bot";
    ADDED_BY_STRANGER = "label.added-by-stranger": "the label {label} was added by {account}, who cannot be identified";
    ADDED_BY_ABSENT = "label.added-by-absent": "the label {label} was added by {account}, who had left or had not joined by then (`left` and `joined` of the roster)";
    ADDED_BY_CONTRIBUTOR = "label.added-by-contributor": "the label {label} was added by {account}, who contributed to this change";
    OUTSIDE_TEAMS = "label.outside-teams": "the label {label} was added by {account}, who is not in {teams/or}";
    BEFORE_LAST_PUSH = "label.before-last-push": "the label {label} was added by {account} before the last push; remove it and add it again";
}

/// The documentation for policy authors.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "label",
    summary: "The pull request has these labels, or does not have them.",
    why: "Labels sort changes where people look at them. Anyone who may triage can add a label, the author included; \
          if a label grants something, say who has to have added it.",
    parameters: "\
- a name: it has this label; the whole name is compared, in any case, and `*` is a literal star;
- `any-of: [names]`: it has at least one of these;
- `all-of: [names]`: it has every one of these;
- `none-of: [names]`: it has none of these; all parameters that are given apply;
- `by: [teams]`: a label of `any-of` and `all-of` counts only if it was added last by a person who is a member of \
one of these teams and no contributor to the change, after the final revision was pushed;
- `of: any-revision`, beside `by`: a label that was added before the last push counts, too.",
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

/// The parameters of `label`.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelPredicate {
    any_of: Vec<String>,
    all_of: Vec<String>,
    none_of: Vec<String>,
    teams: Vec<String>,
    /// True if a label has to be newer than the final revision.
    final_revision_only: bool,
}

/// The answer to the question whether a label of certain names counts.
enum LabelMatch {
    Counts,
    /// A label is there, and it cannot be known whether it counts.
    Unknown(Missing),
    /// No label counts, for these reasons; never empty.
    NotFound(Vec<Finding>),
}

impl LabelPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        if let YamlValue::Map(_) = &node.value {
            let label = LabelPredicate::read_map(node, scope, faults)?;
            return (before == faults.len()).then_some(label);
        }
        let all_of = parse_each(node, faults, parse_label_name);
        if all_of.len() > 1 {
            let fault = YamlFault::new(node.at, "a list of labels does not say whether any or all are meant");
            faults.push(fault.with_help("write `any-of: [...]` or `all-of: [...]`"));
        }
        (before == faults.len()).then_some(LabelPredicate {
            any_of: Vec::new(),
            all_of,
            none_of: Vec::new(),
            teams: Vec::new(),
            final_revision_only: true,
        })
    }

    fn read_map(node: &YamlNode, scope: &PolicyScope<'_>, faults: &mut Vec<YamlFault>) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let any_of = read_list(&mut map, "any-of", faults, parse_label_name);
        let all_of = read_list(&mut map, "all-of", faults, parse_label_name);
        let none_of = read_list(&mut map, "none-of", faults, parse_label_name);
        let by = map.find_key("by");
        let teams = match by {
            Some(node) => read_teams(node, scope, faults),
            None => Vec::new(),
        };
        let revisions = [("final-revision", true), ("any-revision", false)];
        let of = map.find_key("of");
        let final_revision_only = match of {
            Some(node) => read_choice(node, &revisions, faults).unwrap_or(true),
            None => true,
        };
        if let (Some(of), None) = (of, by) {
            faults.push(YamlFault::new(of.at, "`of` needs `by`: it is about labels that a team adds"));
        }
        map.refuse_unknown_keys(faults);
        let wants_label = !any_of.is_empty() || !all_of.is_empty();
        // A list with a fault is empty, so only without faults can it be told that a list is lacking.
        if before == faults.len() {
            if !wants_label && none_of.is_empty() {
                faults.push(YamlFault::new(node.at, "expected one of all-of, any-of, none-of"));
            } else if let (Some(by), false) = (by, wants_label) {
                faults.push(YamlFault::new(by.at, "`by` needs `any-of` or `all-of`"));
            }
        }
        Some(LabelPredicate { any_of, all_of, none_of, teams, final_revision_only })
    }

    /// Returns the names of the labels that are wanted: one of each list.
    pub(crate) fn list_wanted(&self) -> Vec<&[String]> {
        let mut lists: Vec<&[String]> = self.all_of.iter().map(std::slice::from_ref).collect();
        if !self.any_of.is_empty() {
            lists.push(&self.any_of);
        }
        lists
    }

    /// Returns the labels that must not be there, of those that a pull request has.
    pub(crate) fn list_refused<'change>(&self, labels: &'change [PullLabel]) -> Vec<&'change PullLabel> {
        labels
            .iter()
            .filter(|label| {
                has_any_name(label, &self.none_of) || find_looked_like(label, &self.none_of).is_some()
            })
            .collect()
    }

    /// Returns the teams one of whose members has to add the labels; empty for everyone.
    pub(crate) fn asked_teams(&self) -> &[String] {
        &self.teams
    }

    /// Returns true if a label of one of these names counts.
    pub(crate) fn has_counting_label(
        &self,
        names: &[String],
        labels: &[PullLabel],
        context: &EvaluationContext<'_>,
    ) -> bool {
        matches!(self.find_label(names, labels, context), LabelMatch::Counts)
    }

    /// Returns the names of the labels that this asks about, in small letters.
    pub(crate) fn asked_labels(&self) -> impl Iterator<Item = String> {
        self.any_of.iter().chain(&self.all_of).chain(&self.none_of).map(|name| fold_name(name))
    }

    /// Returns the answer about a pull request that has those labels of which `has_label` says so; `None`
    /// where it depends on who added them.
    pub(crate) fn answer_assumed(&self, has_label: &dyn Fn(&str) -> bool) -> Option<bool> {
        let has = |name: &String| has_label(&fold_name(name));
        let lacks_any = !self.any_of.is_empty() && !self.any_of.iter().any(has);
        if lacks_any || !self.all_of.iter().all(has) || self.none_of.iter().any(has) {
            return Some(false);
        }
        if self.teams.is_empty() { Some(true) } else { None }
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Pull);
        if !self.teams.is_empty() {
            needs.insert(FactKind::Pusher);
        }
    }

    /// Returns what counts as having been added in time.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        let counts_early = !self.teams.is_empty() && !self.final_revision_only;
        if counts_early { vec![Message::from(&ALLOWED_REVISIONS)] } else { Vec::new() }
    }

    pub(crate) fn describe(&self) -> Message {
        let label = |names: &[String]| match self.teams.is_empty() {
            true => QUESTION_LABEL.with("names", quote_patterns(names)),
            false => QUESTION_LABEL_BY.with("names", quote_patterns(names)).with("teams", self.teams.clone()),
        };
        let mut parts = Vec::new();
        if !self.any_of.is_empty() {
            parts.push(label(&self.any_of));
        }
        for name in &self.all_of {
            parts.push(label(std::slice::from_ref(name)));
        }
        if !self.none_of.is_empty() {
            parts.push(QUESTION_NO_LABEL.with("names", quote_patterns(&self.none_of)));
        }
        QUESTION.with("parts", parts)
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let labels = context.change.require_pull(FactKind::Pull)?.labels.as_ref().map_err(Clone::clone)?;
        let mut findings = Vec::new();
        let mut missing = None;
        // Each list of names is one question: every name of `all-of` by itself, `any-of` as a whole.
        let mut name_lists: Vec<&[String]> = self.all_of.iter().map(std::slice::from_ref).collect();
        if !self.any_of.is_empty() {
            name_lists.push(&self.any_of);
        }
        for names in name_lists {
            match self.find_label(names, labels, context) {
                LabelMatch::Counts => {}
                LabelMatch::Unknown(gap) => missing = Some(gap),
                LabelMatch::NotFound(reasons) => findings.extend(reasons),
            }
        }
        for label in labels {
            if has_any_name(label, &self.none_of) {
                let message = REFUSED.with("label", &label.name);
                findings.push(Finding::new(message).fixed_by(Fixer::Labeller));
            } else if let Some(name) = find_looked_like(label, &self.none_of) {
                // It does not say what it seems to say, and a reader cannot tell.
                findings.push(look_alike_finding(label, name));
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Looks for a label of one of these names that counts.
    fn find_label(
        &self,
        names: &[String],
        labels: &[PullLabel],
        context: &EvaluationContext<'_>,
    ) -> LabelMatch {
        let mut reasons = Vec::new();
        let mut missing = None;
        for label in labels {
            if !has_any_name(label, names) {
                continue;
            }
            if self.teams.is_empty() {
                return LabelMatch::Counts;
            }
            match self.check_labeller(label, context) {
                Ok(None) => return LabelMatch::Counts,
                Ok(Some(reason)) => reasons.push(reason),
                Err(gap) => missing = Some(gap),
            }
        }
        if let Some(gap) = missing {
            return LabelMatch::Unknown(gap);
        }
        for label in labels {
            if let Some(name) = find_looked_like(label, names) {
                reasons.push(look_alike_finding(label, name));
            }
        }
        if reasons.is_empty() {
            let finding = Finding::new(MISSING.with("names", quote_patterns(names)));
            // A label that only a team may set is not for the author to set.
            reasons.push(match self.teams.is_empty() {
                true => finding,
                false => finding.fixed_by(Fixer::TeamMember(self.teams.clone())),
            });
        }
        LabelMatch::NotFound(reasons)
    }

    /// Returns why a label does not count: because of the account that added it, or of when. `None` if
    /// it counts.
    fn check_labeller(
        &self,
        label: &PullLabel,
        context: &EvaluationContext<'_>,
    ) -> Result<Option<Finding>, Missing> {
        let Some(account) = label.by.as_ref().map_err(Clone::clone)? else {
            return Ok(Some(self.team_finding(UNKNOWN_LABELLER.with("label", &label.name))));
        };
        let (participants, missing_contributor) = context.participants();
        if let Some(unknown) = find_unidentified_contributor(participants, context) {
            return Ok(Some(unknown));
        }
        let index = ParticipantIndex::new(participants);
        // What the forge does not date counts from when the change was seen.
        let at = label.at.unwrap_or(context.change.seen_at);
        let template = match check_independent_account(account, &index, context.people, at) {
            Err(NotIndependent::Bot) => &ADDED_BY_BOT,
            Err(NotIndependent::Absent(_)) => &ADDED_BY_ABSENT,
            Err(NotIndependent::Unknown | NotIndependent::ChangedHands { .. }) => &ADDED_BY_STRANGER,
            Err(NotIndependent::Contributor(_)) => &ADDED_BY_CONTRIBUTOR,
            Ok(key) if !is_in_teams(&ResolvedIdentity::Human(key.clone()), &self.teams, at, context) => {
                &OUTSIDE_TEAMS
            }
            Ok(_) if self.final_revision_only && !is_after_final_push(label, context)? => &BEFORE_LAST_PUSH,
            Ok(_) => {
                return match missing_contributor {
                    Some(gap) => Err(gap.clone()),
                    None => Ok(None),
                };
            }
        };
        let message = template.with("label", &label.name).with("account", &account.id);
        Ok(Some(self.team_finding(message.with("teams", self.teams.clone()))))
    }

    fn team_finding(&self, message: Message) -> Finding {
        Finding::new(message).fixed_by(Fixer::TeamMember(self.teams.clone()))
    }
}

/// Returns whether a label was added after the final revision was pushed.
fn is_after_final_push(label: &PullLabel, context: &EvaluationContext<'_>) -> Result<bool, Missing> {
    let Some(added) = label.at else {
        let why = "the forge does not say when this label was added";
        return Err(Missing::Unavailable(FactKind::Pull, why.into()));
    };
    let Some(pushed) = context.change.require_pull(FactKind::Pull)?.pushed_at else {
        let why = "the forge does not say when the final revision was pushed";
        return Err(Missing::Unavailable(FactKind::Pusher, why.into()));
    };
    Ok(added > pushed)
}

/// Reads the name of a label, as a policy writes it.
fn parse_label_name(written: &str) -> Result<String, String> {
    if written.trim() == written && !written.is_empty() {
        Ok(written.to_owned())
    } else {
        Err("the name of a label cannot be empty or have white space at its ends".into())
    }
}

fn has_any_name(label: &PullLabel, names: &[String]) -> bool {
    let Some(written) = label.name.as_utf8() else { return false };
    let written = fold_name(written);
    names.iter().any(|name| written == fold_name(name))
}

/// Returns the name that a label only looks like: with letters of another alphabet, or characters that are not seen.
fn find_looked_like<'a>(label: &PullLabel, names: &'a [String]) -> Option<&'a String> {
    let written = label.name.as_utf8()?;
    if written.is_ascii() || has_any_name(label, names) {
        return None;
    }
    let seen = fold_look(written);
    names.iter().find(|name| fold_look(name) == seen)
}

/// Returns a name as a reader sees it, in lower case.
fn fold_look(name: &str) -> String {
    let mut seen = String::with_capacity(name.len());
    // A letter with an accent can be one character or two, which look the same.
    for character in name.chars().nfc().filter(|one| !is_invisible(*one)) {
        // A reader tells letters with an accent apart from those without.
        let is_accented = matches!(character, '\u{c0}'..='\u{130}' | '\u{132}'..='\u{17e}');
        seen.push(if is_accented { character } else { fold_homoglyph(character) });
    }
    fold_name(&seen)
}

fn look_alike_finding(label: &PullLabel, name: &str) -> Finding {
    let message = LOOK_ALIKE.with("label", &label.name).with("name", name.to_owned());
    Finding::new(message).fixed_by(Fixer::Labeller)
}

#[cfg(test)]
mod tests {
    use crate::predicates::label::fold_look;
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const PEOPLE: &str = "people: { teams: { duty: ['github:kim', 'github:ana', 'github:ops[bot]'] } }";

    fn says(question: &str, labels: &str) -> Vec<String> {
        let pull = format!("pull: {{ labels: [{labels}] }}");
        let change = format!("change: {{ commits: [{{}}], {pull} }}");
        finding_texts(&answer_example(&format!("ask: {{ label: {question} }}\n{PEOPLE}\n{change}")))
    }

    #[test]
    fn a_label_is_compared_as_a_whole_and_in_any_case() {
        assert_eq!(says("hotfix", "Hotfix, docs"), [""; 0]);
        assert_eq!(fold_look("hot\u{200b}fix"), "hotfix");
        // An accent of its own, and one that is part of the letter.
        for (name, label) in [("gepr\u{fc}ft", "gepru\u{308}ft"), ("gepru\u{308}ft", "gepr\u{fc}ft")] {
            let found = says(&format!("{{ none-of: [{name}] }}"), label);
            assert!(found.len() == 1 && found[0].contains("look alike"), "{name:?}: {found:?}");
            assert_eq!(says(&format!("{{ none-of: [{name}] }}"), "gepruft"), [""; 0]);
        }
        for labels in ["", "hotfixes", "'hotfix '", "'h\u{f6}tfix'"] {
            assert_eq!(says("hotfix", labels), ["the label `hotfix` is missing"], "{labels}");
        }
        for alike in ["h\u{43e}tfix", "\u{39d}\u{43e}ok", "o\u{212a}"] {
            let name = if alike.contains('f') {
                "hotfix"
            } else if alike.starts_with('o') {
                "ok"
            } else {
                "nook"
            };
            let ends = format!("is not `{name}`: it contains characters that only look alike");
            for question in [name.to_owned(), format!("{{ none-of: [{name}] }}")] {
                let said = says(&question, &format!("'{alike}'"));
                assert!(matches!(&said[..], [one] if one.ends_with(&ends)), "{said:?}");
            }
            // It takes nothing away from the right one beside it.
            assert_eq!(says(name, &format!("'{alike}', {name}")), [""; 0]);
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
                "this has the label `E`, which is not allowed",
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
