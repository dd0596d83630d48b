//! The protected refs, and what they hold.
//!
//! Refs are looked up by name where the patterns allow it, so that other refs cost nothing, however many there
//! are. Symbolic refs are not listed: the ref that they point to is.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::record::{RefTip, ScopeChange};
use crate::ledger::state::{LedgerState, decode_ref_key};
use crate::pattern::RefPattern;

/// What the protected refs hold at one moment.
pub(crate) struct ProtectedRefs {
    patterns: Vec<RefPattern>,
    protected_tips: BTreeMap<Text, Oid>,
    other_tips: BTreeMap<Text, Option<Oid>>,
}

impl ProtectedRefs {
    /// Reads the refs that `scope` protects, or if it is `None`, those that the ledger names; and the refs
    /// in `also`, which may not be protected any more.
    pub(crate) fn read_refs(
        repository: &Repository,
        scope: Option<Vec<RefPattern>>,
        state: &LedgerState,
        also: &BTreeSet<Text>,
    ) -> Result<ProtectedRefs> {
        let patterns = scope.unwrap_or_else(|| parse_state_patterns(state));
        let mut refs = ProtectedRefs::from_tips(patterns, BTreeMap::new());
        let mut folders: Vec<String> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for pattern in &refs.patterns {
            match pattern.find_search_scope() {
                Ok(whole) => names.push(whole.to_owned()),
                Err(folder) => folders.push(folder.to_owned()),
            }
        }
        for name in names {
            let found = repository.resolve_ref(name.as_bytes())?;
            if let (true, Some(id)) = (found.name.as_bytes() == name.as_bytes(), found.id) {
                refs.protected_tips.insert(found.name, id);
            }
        }
        folders.sort_unstable();
        // A folder inside another one is listed with it.
        folders.dedup_by(|later, earlier| later.starts_with(earlier.as_str()));
        for folder in folders {
            for one in repository.list_direct_refs(&folder)? {
                if let (true, Some(id)) = (refs.is_protected(&one.name), one.id) {
                    refs.protected_tips.insert(one.name, id);
                }
            }
        }
        for name in also {
            if !refs.is_protected(name) {
                let found = repository.resolve_ref(name.as_bytes())?;
                let tip = if found.name == *name { found.id } else { None };
                refs.other_tips.insert(name.clone(), tip);
            }
        }
        Ok(refs)
    }

    /// Returns the refs that `patterns` protect, with these tips.
    pub(crate) fn from_tips(patterns: Vec<RefPattern>, tips: BTreeMap<Text, Oid>) -> ProtectedRefs {
        ProtectedRefs { patterns, protected_tips: tips, other_tips: BTreeMap::new() }
    }

    /// Returns what a ref holds; `None` if it was not read.
    pub(crate) fn ref_tip(&self, name: &Text) -> Option<Option<Oid>> {
        if self.is_protected(name) {
            return Some(self.protected_tips.get(name).copied());
        }
        self.other_tips.get(name).copied()
    }

    /// Returns whether a ref is protected.
    pub(crate) fn is_protected(&self, name: &Text) -> bool {
        is_matched(&self.patterns, name)
    }

    /// Returns the names of the protected refs that exist.
    pub(crate) fn ref_names(&self) -> impl Iterator<Item = &Text> {
        self.protected_tips.keys()
    }

    /// Returns the patterns as the policy writes them.
    pub(crate) fn pattern_texts(&self) -> Vec<String> {
        self.patterns.iter().map(ToString::to_string).collect()
    }

    /// Returns the tips of the protected refs that `is_wanted` selects, each replaced by what `find_tip`
    /// returns for it, without those for which that is `None`.
    pub(crate) fn select_tips(
        &self,
        find_tip: &dyn Fn(&Text, Oid) -> Option<Oid>,
        is_wanted: &dyn Fn(&Text) -> bool,
    ) -> Vec<RefTip> {
        let mut tips = Vec::new();
        for (name, id) in &self.protected_tips {
            if is_wanted(name)
                && let Some(id) = find_tip(name, *id)
            {
                tips.push(RefTip { id, name: name.clone() });
            }
        }
        tips
    }

    /// Returns which refs became protected and which no longer are; `None` if the patterns are those of the
    /// ledger.
    pub(crate) fn find_scope_change(
        &self,
        state: &LedgerState,
        find_tip: &dyn Fn(&Text, Oid) -> Option<Oid>,
    ) -> Option<ScopeChange> {
        let protects = self.pattern_texts();
        if protects == state.protects {
            return None;
        }
        let earlier = parse_state_patterns(state);
        let newly_protected = self.select_tips(find_tip, &|name| !is_matched(&earlier, name));
        let mut no_longer_protected = Vec::new();
        for key in state.tips.keys() {
            let name = decode_ref_key(key);
            if !self.is_protected(&name) {
                no_longer_protected.push(name);
            }
        }
        Some(ScopeChange { protects, newly_protected, no_longer_protected })
    }
}

fn is_matched(patterns: &[RefPattern], name: &Text) -> bool {
    patterns.iter().any(|pattern| pattern.matches_ref(name.as_bytes()))
}

/// Returns the patterns of the protected refs, as the ledger has them. A pattern that this version cannot
/// read matches nothing.
pub(crate) fn parse_state_patterns(state: &LedgerState) -> Vec<RefPattern> {
    parse_patterns(&state.protects)
}

/// Returns the patterns of refs that are written so; one that this version cannot read matches nothing.
pub(crate) fn parse_patterns(written: &[String]) -> Vec<RefPattern> {
    written.iter().flat_map(|pattern| RefPattern::new(pattern)).collect()
}
