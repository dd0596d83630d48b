//! What a policy weakens of the policies that it extends.
//!
//! A rule, a field or a list of classes that a later file states again replaces that of an earlier one. It
//! is a weakening unless its wording shows that it asks at least as much: when in doubt, it is one. Each
//! needs a reason, so that it is a decision and no accident.

use std::collections::HashMap;

use crate::policy::inspect::covered_questions::covers_conjuncts;
use crate::policy::inspect::findings::FileFindings;
use crate::policy::inspect::rule_index::index_entries;
use crate::policy::inspect::weakening::asked_less::may_be_asked_less;
use crate::policy::inspect::weakening::strictness::{
    are_obligations_as_strict, is_as_strict, is_field_as_strict, is_settings_map_as_strict,
};
use crate::policy::inspect::written::{
    find_entry, is_same_value, list_conjuncts, list_entries, list_items, list_texts, scalar_text,
};
use crate::policy::load::files::PolicyFile;
use crate::policy::packs::find_pack;
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlPlace, shorten_for_message};

/// Something that a file asks less strictly than a file that it extends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWeakening {
    /// The name of the file that weakens.
    pub file: String,
    /// The place in that file.
    pub at: YamlPlace,
    /// The pack or the file that is weakened.
    pub base: String,
    /// What is weakened, as in `rule ticket: require`.
    pub what: String,
    /// The reason that the policy gives.
    pub reason: Option<String>,
    /// Where the reason belongs: `None` for the rule itself, or the key of `reasons`.
    pub(crate) reason_key: Option<String>,
}

impl PolicyWeakening {
    /// Returns the fault that no reason is given.
    pub(crate) fn missing_reason_fault(&self) -> YamlFault {
        let (what, base) = (shorten_for_message(&self.what), shorten_for_message(&self.base));
        let fault =
            YamlFault::new(self.at, format!("{what} may be weaker than in `{base}`, and no reason says why"));
        fault.with_help(match &self.reason_key {
            None => "add `reason: ...` to the rule".to_owned(),
            Some(key) => format!("add `reasons: {{ {key}: ... }}` at the top of the file"),
        })
    }
}

/// Returns what the file at `index` weakens of the files before it: by itself, and by a pack that it extends
/// after another one.
///
/// `catalogues` are those that the files name instead of their standard changes.
pub(crate) fn find_weakenings(
    files: &[PolicyFile],
    catalogues: &[Option<PolicyFile>],
    index: usize,
) -> Vec<PolicyWeakening> {
    let Some(file) = files.get(index) else { return Vec::new() };
    let mut found = find_pack_conflicts(files, file);
    found.extend(find_own_weakenings(files, catalogues, index));
    found
}

/// Returns what packs that `file` extends weaken of others before them, which they do not extend.
///
/// No pack can give a reason for that, so it belongs to the file that puts them in this order.
fn find_pack_conflicts(files: &[PolicyFile], file: &PolicyFile) -> Vec<PolicyWeakening> {
    let mut found = Vec::new();
    let extended = find_entry(&file.node, "extends").map(list_items).unwrap_or_default();
    let reason = find_entry(&file.node, "reasons").and_then(|reasons| find_entry(reasons, "extends"));
    for item in extended {
        let Some(pack) = scalar_text(item).filter(|name| find_pack(name).is_some()) else { continue };
        let Some(index) = files.iter().position(|known| known.name == pack) else { continue };
        let own_bases = list_bases(files, pack);
        for weakening in find_own_weakenings(files, &[], index) {
            // What a pack changes of its own bases is how it is meant.
            if own_bases.contains(&weakening.base.as_str()) {
                continue;
            }
            found.push(PolicyWeakening {
                file: file.name.clone(),
                at: item.at,
                what: format!("{} in `{pack}`", weakening.what),
                base: weakening.base,
                reason: reason.and_then(scalar_text).map(str::to_owned),
                reason_key: Some("extends".to_owned()),
            });
        }
    }
    found
}

/// Returns the names of all packs that the pack called `name` builds on.
fn list_bases<'files>(files: &'files [PolicyFile], name: &str) -> Vec<&'files str> {
    let mut bases: Vec<&str> = Vec::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        let Some(file) = files.iter().find(|file| file.name == name) else { continue };
        for base in find_entry(&file.node, "extends").map(list_texts).unwrap_or_default() {
            if !bases.contains(&base) {
                bases.push(base);
                open.push(base);
            }
        }
    }
    bases
}

fn find_own_weakenings(
    files: &[PolicyFile],
    catalogues: &[Option<PolicyFile>],
    index: usize,
) -> Vec<PolicyWeakening> {
    let Some(file) = files.get(index) else { return Vec::new() };
    let earlier: Vec<&PolicyFile> = files.iter().take(index).collect();
    let catalogue_at = |index: usize| catalogues.get(index).and_then(Option::as_ref);
    let earlier_catalogues: Vec<Option<&PolicyFile>> = (0..index).map(catalogue_at).collect();
    let catalogues = (earlier_catalogues.as_slice(), catalogue_at(index));
    WeakeningSearch::new(&earlier, file, catalogues).list_weakenings()
}

/// Returns what a file weakens of these, which come before it, apart from catalogues in files of their own.
pub(crate) fn list_weakenings_of(earlier: &[&PolicyFile], file: &PolicyFile) -> Vec<PolicyWeakening> {
    WeakeningSearch::new(earlier, file, (&[], None)).list_weakenings()
}

/// Refuses a reason for what is not weakened: it would hide that a later change weakens it.
pub(crate) fn inspect_reasons(file: &YamlNode, weakenings: &[PolicyWeakening], found: &mut FileFindings) {
    let Some(reasons) = find_entry(file, "reasons") else { return };
    for (key, _) in list_entries(reasons) {
        if !weakenings.iter().any(|weakening| weakening.reason_key.as_deref() == Some(&key.text)) {
            let what = format!("`{}` weakens nothing, so it needs no reason", shorten_for_message(&key.text));
            found.notes.push(YamlFault::new(key.at, what).with_help("remove this line"));
        }
    }
}

/// A file, and those that it builds on.
pub(super) struct WeakeningSearch<'files> {
    pub(super) earlier: &'files [&'files PolicyFile],
    /// The rules of the earlier files, by their ids.
    rules: Vec<HashMap<&'files str, &'files YamlNode>>,
    /// The catalogues that the earlier files name instead of their standard changes, in the same order.
    pub(super) earlier_catalogues: &'files [Option<&'files PolicyFile>],
    pub(super) file: &'files PolicyFile,
    /// The catalogue that the file names.
    pub(super) catalogue: Option<&'files PolicyFile>,
}

impl<'files> WeakeningSearch<'files> {
    fn new(
        earlier: &'files [&'files PolicyFile],
        file: &'files PolicyFile,
        (earlier_catalogues, catalogue): (&'files [Option<&'files PolicyFile>], Option<&'files PolicyFile>),
    ) -> Self {
        let mut rules = Vec::new();
        for file in earlier {
            rules.push(find_entry(&file.node, "rules").map(index_entries).unwrap_or_default());
        }
        WeakeningSearch { earlier, rules, earlier_catalogues, file, catalogue }
    }

    fn list_weakenings(&self) -> Vec<PolicyWeakening> {
        let mut found = Vec::new();
        self.add_rules(&mut found);
        self.add_fields(&mut found);
        self.add_classes(&mut found);
        self.add_settings(&mut found);
        self.add_people(&mut found);
        self.add_tickets(&mut found);
        self.add_standard_changes(&mut found);
        self.add_exemptions(&mut found);
        found
    }

    /// Returns the last value at `path` in the earlier files, with the name of the file.
    pub(super) fn find_base(&self, path: &[&str]) -> Option<(&'files str, &'files YamlNode)> {
        self.earlier.iter().zip(&self.rules).rev().find_map(|(file, rules)| {
            let (mut node, path) = match path {
                ["rules", id, path @ ..] => (rules.get(id).copied()?, path),
                path => (&file.node, path),
            };
            for key in path {
                node = find_entry(node, key)?;
            }
            Some((file.name.as_str(), node))
        })
    }

    fn add_rules(&self, found: &mut Vec<PolicyWeakening>) {
        let Some(rules) = find_entry(&self.file.node, "rules") else { return };
        for (id, rule) in list_entries(rules) {
            let Some((base, _)) = self.find_base(&["rules", &id.text]) else { continue };
            let reason = find_entry(rule, "reason").and_then(scalar_text).map(str::to_owned);
            for (key, value) in list_entries(rule) {
                let earlier = self.find_base(&["rules", &id.text, &key.text]);
                let known = earlier.map(|(_, node)| node);
                let is_condition = key.text == "when" || key.text == "require";
                let is_asked_less =
                    is_condition && known.is_some_and(|known| may_be_asked_less(known, value));
                if !may_weaken_rule(&key.text, known, value) && !is_asked_less {
                    continue;
                }
                found.push(PolicyWeakening {
                    file: self.file.name.clone(),
                    at: key.at,
                    base: earlier.map_or(base, |(name, _)| name).to_owned(),
                    what: format!("rule `{}`: `{}`", id.text, key.text),
                    reason: reason.clone(),
                    reason_key: None,
                });
            }
        }
    }

    fn add_fields(&self, found: &mut Vec<PolicyWeakening>) {
        let Some(fields) = find_entry(&self.file.node, "fields") else { return };
        for (name, field) in list_entries(fields) {
            if let Some((base, earlier)) = self.find_base(&["fields", &name.text])
                && !is_field_as_strict(earlier, field)
            {
                let what = format!("field `{}`", name.text);
                found.push(self.weakening(name, base, what, format!("fields.{}", name.text)));
            }
        }
    }

    /// Every rule counts on the classes, so other classes are a weakening.
    fn add_classes(&self, found: &mut Vec<PolicyWeakening>) {
        let Some((key, classes)) = self.find_own_key("classes") else { return };
        let Some((base, earlier)) = self.find_base(&["classes"]) else { return };
        let (earlier, classes) = (list_entries(earlier), list_entries(classes));
        let is_same = earlier.len() == classes.len()
            && earlier
                .iter()
                .zip(classes)
                .all(|((one, asked), (other, given))| one.text == other.text && is_same_value(asked, given));
        if !is_same {
            found.push(self.weakening(key, base, "`classes`".into(), "classes".into()));
        }
    }

    /// The other statements of an earlier file that a later one replaces.
    fn add_settings(&self, found: &mut Vec<PolicyWeakening>) {
        for name in ["protects", "unit", "obligations", "break-glass", "acts", "signers"] {
            let Some((key, value)) = self.find_own_key(name) else { continue };
            let Some((base, earlier)) = self.find_base(&[name]) else { continue };
            // A pack cannot know the branches of the repositories that extend it.
            if name == "protects" && find_pack(base).is_some() {
                continue;
            }
            let keeps_all = match name {
                "protects" => {
                    let refs = list_texts(value);
                    list_texts(earlier).iter().all(|one| refs.contains(one))
                }
                "unit" => is_same_value(earlier, value) || scalar_text(value) == Some("commit"),
                "obligations" => {
                    are_obligations_as_strict(earlier, value, self.leaves_teams_open(base, earlier))
                }
                "break-glass" => {
                    is_settings_map_as_strict(earlier, value, self.leaves_teams_open(base, earlier))
                }
                _ => is_same_value(earlier, value),
            };
            if !keeps_all {
                found.push(self.weakening(key, base, format!("`{name}`"), name.to_owned()));
            }
        }
    }

    /// Returns true if a pack states who may do something, and no policy after it has said who is in these teams: then it is
    /// for whoever extends the pack.
    fn leaves_teams_open(&self, base: &str, stated: &YamlNode) -> bool {
        let stated = find_entry(stated, "regularise").unwrap_or(stated);
        let teams = find_entry(stated, "from").map(list_texts).unwrap_or_default();
        let fills_team = |file: &&PolicyFile| {
            let filled = find_entry(&file.node, "people").and_then(|people| find_entry(people, "teams"));
            let has_members = |team: &&str| {
                filled
                    .and_then(|filled| find_entry(filled, team))
                    .is_some_and(|members| !list_texts(members).is_empty())
            };
            find_pack(&file.name).is_none() && teams.iter().any(has_members)
        };
        find_pack(base).is_some() && !self.earlier.iter().any(fills_team)
    }

    /// An exemption has a reason already; it is listed beside the rest.
    fn add_exemptions(&self, found: &mut Vec<PolicyWeakening>) {
        let Some(exemptions) = find_entry(&self.file.node, "exemptions") else { return };
        for exemption in list_items(exemptions) {
            let Some(id) = find_entry(exemption, "rule").and_then(scalar_text) else { continue };
            let Some((base, _)) = self.find_base(&["rules", id]) else { continue };
            found.push(PolicyWeakening {
                file: self.file.name.clone(),
                at: exemption.at,
                base: base.to_owned(),
                what: format!("exemption from `{id}`"),
                reason: find_entry(exemption, "reason").and_then(scalar_text).map(str::to_owned),
                reason_key: None,
            });
        }
    }

    pub(super) fn find_own_key(&self, name: &str) -> Option<(&'files YamlKey, &'files YamlNode)> {
        let found = list_entries(&self.file.node).iter().find(|(key, _)| key.text == name);
        found.map(|(key, value)| (key, value))
    }

    /// Returns a weakening whose reason stands under `reasons`.
    pub(super) fn weakening(
        &self,
        key: &YamlKey,
        base: &str,
        what: String,
        reason_key: String,
    ) -> PolicyWeakening {
        let reason =
            find_entry(&self.file.node, "reasons").and_then(|reasons| find_entry(reasons, &reason_key));
        PolicyWeakening {
            file: self.file.name.clone(),
            at: key.at,
            base: base.to_owned(),
            what,
            reason: reason.and_then(scalar_text).map(str::to_owned),
            reason_key: Some(reason_key),
        }
    }
}

/// Returns whether a rule may ask less where `key` is `value` instead of `earlier`.
pub(crate) fn may_weaken_rule(key: &str, earlier: Option<&YamlNode>, value: &YamlNode) -> bool {
    match key {
        "for" => {
            let given = list_texts(value);
            !earlier.is_some_and(|earlier| list_texts(earlier).iter().all(|class| given.contains(class)))
        }
        "not-for" => {
            let spared = earlier.map(list_texts).unwrap_or_default();
            !list_texts(value).iter().all(|class| spared.contains(class))
        }
        "when" => {
            // Without a `when`, the rule applies to all changes; so does one that asks nothing.
            let asked = list_conjuncts(value);
            let applied = earlier.map(list_conjuncts).unwrap_or_default();
            !covers_conjuncts(&asked, &applied)
        }
        "require" => !earlier.is_some_and(|earlier| is_as_strict(earlier, value)),
        "level" => {
            let is_denial = |node: &YamlNode| scalar_text(node) == Some("deny");
            !is_denial(value) && !earlier.is_some_and(|earlier| is_same_value(earlier, value))
        }
        // The days are written so that the order of texts is that of days.
        "until" => earlier.is_none_or(|earlier| scalar_text(earlier) < scalar_text(value)),
        _ => false,
    }
}
