//! What a policy weakens of bases in other repositories, which can only be tightened where they are used.
//!
//! Unlike the weakening of a pack, this is refused whenever a policy is loaded, and not only where it is written: a base
//! that many repositories share is to hold in each of them. A rule of it may say otherwise, by `may-be-weakened`.

use crate::policy::faults::{FaultyFile, PolicyErrors};
use crate::policy::inspect::weakening::opened_changes::list_opening_rules;
use crate::policy::inspect::weakening::weakened_entries::{PolicyWeakening, list_weakenings_of};
use crate::policy::inspect::written::{find_entry, is_same_value, list_entries, list_items, scalar_text};
use crate::policy::load::files::{FetchedFile, PolicyFile, PolicyFiles, read_bases};
use crate::policy::packs::find_pack;
use crate::policy::remote_file::{MAY_BE_WEAKENED, WITH_REASON, is_remote_name};
use crate::yaml::{YamlFault, YamlKey, YamlNode, YamlPlace, shorten_for_message};

/// The maps of a policy whose entries are restated as a whole, and decide who or what counts.
const RESTATED_MAPS: [&[&str]; 3] = [&["people", "teams"], &["standard-changes"], &["tickets"]];

/// The lists that a policy adds to: a further bot passes where a base exempts bots, and a further holiday is a later end.
const EXTENDED_LISTS: [&[&str]; 2] = [&["people", "bots"], &["people", "holidays"]];

/// The other values that decide who counts.
const RESTATED_VALUES: [&[&str]; 2] = [&["people", "roster"], &["people", "codeowners"]];

/// Refuses what a policy weakens of bases in other repositories, by itself or by what it extends beside them.
///
/// # Errors
///
/// Returns each place that weakens, in its file.
pub(crate) fn refuse_remote_weakenings(
    entry: &str,
    fetch: &mut dyn FnMut(&str) -> FetchedFile,
) -> Result<(), PolicyErrors> {
    let files = PolicyFiles::gather_files(entry, fetch)?.files;
    let mut faulty_files: Vec<FaultyFile> = Vec::new();
    for (index, file) in files.iter().enumerate() {
        let own_bases = list_reached_files(&files, &file.name);
        let is_shared = is_from_remote(&files, &file.name);
        let earlier: Vec<&PolicyFile> = files
            .get(..index)
            .unwrap_or_default()
            .iter()
            .filter(|base| is_from_remote(&files, &base.name))
            // What a shared file changes of its own bases is how it is meant.
            .filter(|base| !is_shared || !own_bases.contains(&base.name))
            .collect();
        if earlier.is_empty() {
            continue;
        }
        let mut faults = Vec::new();
        for weakening in list_weakenings_of(&earlier, file) {
            if !is_permitted(&earlier, file, &weakening) {
                let fault = build_fault(weakening.at, &weakening.what, &weakening.base);
                faults.push(fault.with_help(describe_remedy(file, &weakening)));
            }
        }
        add_opening_rules(&earlier, file, &mut faults);
        add_restated_entries(&earlier, file, &mut faults);
        add_faults(&files, file, faults, &mut faulty_files);
    }
    for (file, fault) in find_early_files(&files) {
        add_faults(&files, file, vec![fault], &mut faulty_files);
    }
    if faulty_files.is_empty() { Ok(()) } else { Err(PolicyErrors { faulty_files, unread: None }) }
}

/// Adds faults to the file that has them; those of a pack, or of a file of another repository, to the one that was asked
/// for, where `extends` names it.
fn add_faults(
    files: &[PolicyFile],
    file: &PolicyFile,
    faults: Vec<YamlFault>,
    faulty_files: &mut Vec<FaultyFile>,
) {
    if faults.is_empty() {
        return;
    }
    let is_own = find_pack(&file.name).is_none() && !is_remote_name(&file.name);
    let (file, faults) = match files.last() {
        Some(top) if !is_own => {
            let at = find_extends_item(top, &file.name);
            let place = |fault: YamlFault| YamlFault { at, ..fault };
            (top, faults.into_iter().take(1).map(place).collect())
        }
        _ => (file, faults),
    };
    match faulty_files.iter_mut().find(|known| known.name == file.name) {
        Some(known) => known.faults.extend(faults),
        None => {
            let (name, source) = (file.name.clone(), file.source.clone());
            faulty_files.push(FaultyFile { name, source, faults });
        }
    }
}

fn find_extends_item(file: &PolicyFile, name: &str) -> YamlPlace {
    let extends = find_entry(&file.node, "extends");
    let items = extends.map(list_items).unwrap_or_default();
    let named = items.iter().find(|item| scalar_text(item) == Some(name));
    named.or(extends).map_or(YamlPlace { line: 1, column: 1, length: 1 }, |item| item.at)
}

fn build_fault(at: YamlPlace, what: &str, base: &str) -> YamlFault {
    let (what, base) = (shorten_for_message(what), shorten_for_message(base));
    YamlFault::new(at, format!("{what} may be weaker than in `{base}`, which can only be tightened here"))
}

/// Returns what to do about a weakening: only of a rule can the base say that it may be weakened.
fn describe_remedy(file: &PolicyFile, weakening: &PolicyWeakening) -> String {
    if let Some(rule) = find_rule_at(file, weakening.at) {
        let rule = shorten_for_message(rule);
        return format!(
            "remove it, or have the base say `{rule}: {{ {MAY_BE_WEAKENED}: {WITH_REASON} }}` under `rules`, and \
             give a `reason` here"
        );
    }
    match weakening.reason_key.as_deref().and_then(|key| key.strip_prefix("teams.")) {
        Some(team) => format!(
            "remove it, or have the base leave the team open, as in `{}: []`, for each policy to fill",
            shorten_for_message(team)
        ),
        None => "remove it here, or have it changed in the base".to_owned(),
    }
}

/// Returns true if the base lets the rule be weakened with a reason, and there is one.
fn is_permitted(earlier: &[&PolicyFile], file: &PolicyFile, weakening: &PolicyWeakening) -> bool {
    let Some(rule) = find_rule_at(file, weakening.at) else { return false };
    permits_weakening(earlier, rule) && weakening.reason.is_some()
}

fn permits_weakening(earlier: &[&PolicyFile], rule: &str) -> bool {
    let permission = earlier.iter().rev().find_map(|base| {
        find_entry(find_entry(find_entry(&base.node, "rules")?, rule)?, MAY_BE_WEAKENED).and_then(scalar_text)
    });
    permission == Some(WITH_REASON)
}

/// Refuses a rule about changes that the base denies because it has no rule for them.
fn add_opening_rules(earlier: &[&PolicyFile], file: &PolicyFile, faults: &mut Vec<YamlFault>) {
    for (id, rule) in list_opening_rules(earlier, file) {
        let is_permitted = permits_weakening(earlier, &id.text) && find_entry(rule, "reason").is_some();
        let base = earlier.iter().rev().find(|base| find_entry(&base.node, "rules").is_some());
        // What is weaker is told already.
        let is_told = list_entries(rule).iter().any(|(key, _)| faults.iter().any(|fault| fault.at == key.at));
        let Some(base) = base.filter(|_| !is_permitted && !is_told) else { continue };
        let what = format!(
            "rule `{}` is also about changes that `{}` denies because none of its rules applies to them \
             (`no-rule-applies`)",
            shorten_for_message(&id.text),
            shorten_for_message(&base.name)
        );
        let help = "give it the `when` of a rule of the base, or have the base state a rule for every change";
        faults.push(YamlFault::new(id.at, what).with_help(help));
    }
}

/// Returns the id of the rule, or of the exemption's rule, that stands at a place of a file.
fn find_rule_at(file: &PolicyFile, at: YamlPlace) -> Option<&str> {
    let rules = find_entry(&file.node, "rules").map(list_entries).unwrap_or_default();
    let is_there = |(_, rule): &&(YamlKey, YamlNode)| list_entries(rule).iter().any(|(key, _)| key.at == at);
    if let Some((id, _)) = rules.iter().find(is_there) {
        return Some(&id.text);
    }
    let exemptions = find_entry(&file.node, "exemptions").map(list_items).unwrap_or_default();
    let exemption = exemptions.iter().find(|exemption| exemption.at == at)?;
    find_entry(exemption, "rule").and_then(scalar_text)
}

/// Adds the entries of people, standard changes and ticket systems that a file states otherwise than a shared base. A
/// team that the base leaves empty is for others to fill.
fn add_restated_entries(earlier: &[&PolicyFile], file: &PolicyFile, faults: &mut Vec<YamlFault>) {
    for path in RESTATED_MAPS {
        let Some(entries) = find_at(&file.node, path) else { continue };
        for (key, value) in list_entries(entries) {
            let full: Vec<&str> = path.iter().copied().chain([key.text.as_str()]).collect();
            add_restated_value(earlier, (&full, key.at, value), faults);
        }
    }
    for path in EXTENDED_LISTS {
        let Some(value) = find_at(&file.node, path) else { continue };
        let mut stated = earlier.iter().rev().filter_map(|base| Some((*base, find_at(&base.node, path)?)));
        let Some((base, known)) = stated.next() else { continue };
        let is_known = |item: &YamlNode| {
            let is_there = |known: &YamlNode| list_items(known).iter().any(|one| is_same_value(one, item));
            is_there(known) || stated.clone().any(|(_, known)| is_there(known))
        };
        if !list_items(value).iter().all(is_known) {
            let fault = build_fault(value.at, &format!("`{}`", path.join(".")), &base.name);
            faults.push(fault.with_help("remove what is new here, or have it added to the base"));
        }
    }
    // A catalogue in a file of its own stands in the place of what the base lists.
    if let Some(catalogue) =
        find_entry(&file.node, "standard-changes").filter(|node| scalar_text(node).is_some())
    {
        add_restated_value(earlier, (&["standard-changes"], catalogue.at, catalogue), faults);
    }
    for path in RESTATED_VALUES {
        let Some(value) = find_at(&file.node, path) else { continue };
        add_restated_value(earlier, (path, value.at, value), faults);
    }
    // The base's own switch is not for others to turn.
    for (id, rule) in find_entry(&file.node, "rules").map(list_entries).unwrap_or_default() {
        let Some((key, _)) = list_entries(rule).iter().find(|(key, _)| key.text == MAY_BE_WEAKENED) else {
            continue;
        };
        let base = earlier.iter().rev().find(|base| find_at(&base.node, &["rules", &id.text]).is_some());
        if let Some(base) = base {
            let fault = build_fault(key.at, &format!("rule `{}`: `{}`", id.text, key.text), &base.name);
            faults.push(fault.with_help("remove it: only the base says what may be weaker than it"));
        }
    }
}

fn add_restated_value(
    earlier: &[&PolicyFile],
    (path, at, value): (&[&str], YamlPlace, &YamlNode),
    faults: &mut Vec<YamlFault>,
) {
    let stated = earlier.iter().rev().find_map(|base| Some((*base, find_at(&base.node, path)?)));
    let Some((base, stated)) = stated else { return };
    let is_left_open = list_items(stated).is_empty() && list_entries(stated).is_empty();
    // What is weaker is told already.
    if is_left_open || is_same_value(stated, value) || faults.iter().any(|fault| fault.at == at) {
        return;
    }
    let fault = build_fault(at, &format!("`{}`", path.join(".")), &base.name);
    faults.push(fault.with_help("remove it here, or have it changed in the base"));
}

fn find_at<'node>(node: &'node YamlNode, path: &[&str]) -> Option<&'node YamlNode> {
    path.iter().try_fold(node, |node, key| find_entry(node, key))
}

/// Returns the files that come before a shared one without being part of it: what they state of its rules would be
/// joined with it, where it does not say it itself.
fn find_early_files(files: &[PolicyFile]) -> Vec<(&PolicyFile, YamlFault)> {
    let mut found = Vec::new();
    for (index, shared) in files.iter().enumerate().filter(|(_, file)| is_remote_name(&file.name)) {
        for early in files.get(..index).unwrap_or_default() {
            if is_from_remote(files, &early.name) || !shares_entries(early, shared) {
                continue;
            }
            let what = format!(
                "`{}` states a part of `{}`, and comes before it",
                shorten_for_message(&early.name),
                shorten_for_message(&shared.name)
            );
            let help = "name policies of other repositories first in `extends`";
            let top = files.last().unwrap_or(early);
            found.push((top, YamlFault::new(find_extends_item(top, &shared.name), what).with_help(help)));
        }
    }
    found
}

/// Returns true if two files state a rule, a field, a team or a setting of the same name.
fn shares_entries(early: &PolicyFile, shared: &PolicyFile) -> bool {
    let maps: [&[&str]; 5] =
        [&["rules"], &["fields"], &["people", "teams"], &["standard-changes"], &["tickets"]];
    maps.iter().any(|path| {
        let shared = find_at(&shared.node, path).map(list_entries).unwrap_or_default();
        let early = find_at(&early.node, path).map(list_entries).unwrap_or_default();
        early.iter().any(|(key, _)| shared.iter().any(|(other, _)| other.text == key.text))
    })
}

/// Returns true for a file of another repository, and for what such a file extends.
fn is_from_remote(files: &[PolicyFile], name: &str) -> bool {
    is_remote_name(name)
        || files.iter().any(|file| {
            is_remote_name(&file.name) && list_reached_files(files, &file.name).iter().any(|one| one == name)
        })
}

/// Returns the names of all files that the one called `name` extends, and of those that they extend.
fn list_reached_files(files: &[PolicyFile], name: &str) -> Vec<String> {
    let mut reached: Vec<String> = Vec::new();
    let mut open = vec![name.to_owned()];
    while let Some(name) = open.pop() {
        let Some(file) = files.iter().find(|file| file.name == name) else { continue };
        for (base, _) in read_bases(&file.node, &file.name, &mut Vec::new()) {
            if !reached.contains(&base) {
                reached.push(base.clone());
                open.push(base);
            }
        }
    }
    reached
}
