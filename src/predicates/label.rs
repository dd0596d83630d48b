//! `label`: which labels a pull request has, and who put them there.

use super::parameters::{either, in_a_team, teams, unidentified};
use super::{Doc, Known, Reply, Seen};
use crate::change::pull::Label;
use crate::change::{Missing, Need, Needs};
use crate::people::Who;
use crate::people::participants::independent_account;
use crate::verdict::{Finding, Line};
use crate::yaml::decode::{Map, choice, each};
use crate::yaml::{Fault, Node, Value};

/// What a policy's author reads about it.
pub const DOC: Doc = Doc {
    name: "label",
    asks: "The pull request has these labels, or has not.",
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
    passes: "
ask: { label: { any-of: [hotfix], by: duty, none-of: [do-not-merge] } }
people: { teams: { duty: ['github:kim'] } }
change:
  commits: [{}]
  pull:
    labels: [docs, { name: hotfix, by: kim }]
",
    fails: "
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
pub struct Labelled {
    any_of: Vec<String>,
    all_of: Vec<String>,
    none_of: Vec<String>,
    teams: Vec<String>,
    /// Whether a label has to be younger than the final revision.
    of_final: bool,
}

/// What became of the labels that are asked for by one name.
enum Found {
    Counts,
    /// It is there, and it cannot be known whether it counts.
    Open(Missing),
    /// None counts, for these reasons; there may be none at all.
    Nothing(Vec<Finding>),
}

impl Labelled {
    pub(super) fn read(node: &Node, known: &Known<'_>, faults: &mut Vec<Fault>) -> Option<Self> {
        let before = faults.len();
        let (any_of, all_of, none_of, teams_of) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut label = Labelled { any_of, all_of, none_of, teams: teams_of, of_final: true };
        if let Value::Map(_) = &node.value {
            let mut map = Map::new(node, faults)?;
            let mut names = |key: &'static str, faults: &mut Vec<Fault>| {
                map.get(key).map(|node| each(node, faults, name)).unwrap_or_default()
            };
            label.any_of = names("any-of", faults);
            label.all_of = names("all-of", faults);
            label.none_of = names("none-of", faults);
            let by = map.get("by");
            label.teams = by.map(|node| teams(node, known, faults)).unwrap_or_default();
            let revisions = [("final-revision", true), ("any-revision", false)];
            let of = map.get("of");
            label.of_final = of.and_then(|node| choice(node, &revisions, faults)).unwrap_or(true);
            if let (Some(of), None) = (of, by) {
                faults.push(Fault::new(of.at, "`of` is asked of labels `by` somebody, and nobody is named"));
            }
            map.finish(faults);
            let wanted = !label.any_of.is_empty() || !label.all_of.is_empty();
            if before == faults.len() && !wanted && label.none_of.is_empty() {
                faults.push(Fault::new(node.at, "expected one of all-of, any-of, none-of"));
            } else if let (Some(by), false) = (by, wanted || before < faults.len()) {
                faults
                    .push(Fault::new(by.at, "`by` is asked of `any-of` and `all-of`, and there is neither"));
            }
        } else {
            label.all_of = each(node, faults, name);
            if 1 < label.all_of.len() {
                let help = "write `any-of: [...]` or `all-of: [...]`";
                faults.push(
                    Fault::new(node.at, "of several labels, it is to be said which are meant").help(help),
                );
            }
        }
        (before == faults.len()).then_some(label)
    }

    pub(super) fn needs(&self, needs: &mut Needs) {
        needs.insert(Need::Pull);
        if !self.teams.is_empty() {
            needs.insert(Need::Pusher);
        }
    }

    pub(super) fn words(&self) -> String {
        let by = match self.teams.is_empty() {
            true => String::new(),
            false => format!(", put there by {}", self.teams.join(" or ")),
        };
        let any = (!self.any_of.is_empty()).then(|| format!("the label {}{by}", either(&self.any_of)));
        let all = self.all_of.iter().map(|name| format!("the label `{name}`{by}"));
        let none = (!self.none_of.is_empty()).then(|| format!("no label {}", either(&self.none_of)));
        let parts: Vec<_> = any.into_iter().chain(all).chain(none).collect();
        format!("the pull request has {}", parts.join(", and "))
    }

    pub(super) fn ask(&self, seen: &Seen<'_>) -> Result<Reply, Missing> {
        let labels = seen.change.pull(Need::Pull)?.labels.as_ref().map_err(Clone::clone)?;
        let (mut findings, mut missing) = (Vec::new(), None);
        for name in &self.all_of {
            match self.find(std::slice::from_ref(name), labels, seen) {
                Found::Counts => {}
                Found::Open(gap) => missing = Some(gap),
                Found::Nothing(reasons) => findings.extend(absent(format!("`{name}`"), reasons)),
            }
        }
        if !self.any_of.is_empty() {
            match self.find(&self.any_of, labels, seen) {
                Found::Counts => {}
                Found::Open(gap) => missing = Some(gap),
                Found::Nothing(reasons) => findings.extend(absent(either(&self.any_of), reasons)),
            }
        }
        for label in labels.iter().filter(|label| self.none_of.iter().any(|name| is_called(label, name))) {
            let what = Line::say("this has the label ").quote(&label.name).and(", and must not have it");
            findings.push(Finding::new(what).by("whoever put it there"));
        }
        Reply::settle(findings, missing)
    }

    /// Looks for a label of one of these names that counts.
    fn find(&self, names: &[String], labels: &[Label], seen: &Seen<'_>) -> Found {
        let (mut reasons, mut open) = (Vec::new(), None);
        for label in labels.iter().filter(|label| names.iter().any(|name| is_called(label, name))) {
            if self.teams.is_empty() {
                return Found::Counts;
            }
            match self.put_by(label, seen) {
                Ok(None) => return Found::Counts,
                Ok(Some(reason)) => reasons.push(reason),
                Err(gap) => open = Some(gap),
            }
        }
        open.map_or(Found::Nothing(reasons), Found::Open)
    }

    /// Returns why a label was not put there by somebody who is asked; `None` if it was.
    fn put_by(&self, label: &Label, seen: &Seen<'_>) -> Result<Option<Finding>, Missing> {
        let says = || Line::say("the label ").quote(&label.name).and(" was put there by ");
        let finding =
            |what: Line| Ok(Some(Finding::new(what).by(format!("a member of {}", self.teams.join(" or ")))));
        let Some(account) = label.by.as_ref().map_err(Clone::clone)? else {
            return finding(says().and("an account that nobody knows"));
        };
        let says = || says().quote(&account.id);
        let (participants, no_maker) = seen.participants();
        if let Some(unknown) = unidentified(participants) {
            return Ok(Some(unknown));
        }
        match independent_account(account, participants, seen.people) {
            Err(_) => finding(says().and(", who is a bot, is unknown or had a hand in the change")),
            Ok(key) if !in_a_team(&Who::Human(key.clone()), &self.teams, seen) => {
                finding(says().and(format!(", who is not in {}", self.teams.join(" or "))))
            }
            Ok(_) if self.of_final => match self.is_of_final(label, seen)? {
                true => no_maker.map_or(Ok(None), |gap| Err(gap.clone())),
                false => finding(says().and(" before the last push; take it off and put it there again")),
            },
            Ok(_) => no_maker.map_or(Ok(None), |gap| Err(gap.clone())),
        }
    }

    /// Returns whether a label was put there after the final revision was pushed.
    fn is_of_final(&self, label: &Label, seen: &Seen<'_>) -> Result<bool, Missing> {
        let gap = |need, what: &str| Missing::Unavailable(need, what.to_owned());
        let put =
            label.at.ok_or_else(|| gap(Need::Pull, "the forge does not tell when this label was set"))?;
        let pushed = seen.change.pull(Need::Pull)?.pushed_at;
        let why = "the forge does not tell when the final revision was pushed";
        Ok(pushed.ok_or_else(|| gap(Need::Pusher, why))? < put)
    }
}

/// Returns the finding that a label is not there, and why what is there does not count.
fn absent(names: String, reasons: Vec<Finding>) -> Vec<Finding> {
    match reasons.is_empty() {
        true => vec![Finding::new(Line::say(format!("the label {names} is missing")))],
        false => reasons,
    }
}

/// Reads the name of a label.
fn name(written: &str) -> Result<String, String> {
    match written.trim() == written && !written.is_empty() {
        true => Ok(written.to_owned()),
        false => Err("the name of a label is not empty, and has no white space at its ends".into()),
    }
}

fn is_called(label: &Label, name: &str) -> bool {
    label.name.as_utf8().is_some_and(|written| written.to_lowercase() == name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::super::examples::{example, faults, texts};

    const PEOPLE: &str = "people: { teams: { duty: ['github:kim', 'github:ana', 'github:ops[bot]'] } }";

    fn says(question: &str, labels: &str) -> Vec<String> {
        let pull = format!("pull: {{ labels: [{labels}] }}");
        let change = format!("change: {{ commits: [{{}}], {pull} }}");
        texts(&example(&format!("ask: {{ label: {question} }}\n{PEOPLE}\n{change}")))
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
        let found =
            texts(&example(&format!("ask: {{ label: {{ any-of: a, by: duty }} }}\n{PEOPLE}\n{change}")));
        assert!(found[0].starts_with("unknown: who pushes"), "{found:?}");
    }

    #[test]
    fn a_label_is_of_what_lands_unless_the_policy_says_otherwise() {
        let after = |of: &str, at: &str| {
            let ask = format!("ask: {{ label: {{ any-of: a, by: duty{of} }} }}");
            let pull = format!("{{ pushed: 2h, labels: [{{ name: a, by: kim, at: {at} }}] }}");
            texts(&example(&format!("{ask}\n{PEOPLE}\nchange: {{ commits: [{{}}], pull: {pull} }}")))
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
                let found = texts(&example(&format!("ask: {ask}\nchange: {change}")));
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
            assert_eq!(faults(&text).len(), 1, "{question}");
        }
    }
}
