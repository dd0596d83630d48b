//! What the refs under change control hold, and which those are.
//!
//! Refs are looked up by name where the patterns allow it, so that a repository with very many others
//! pays nothing for them. Symbolic refs are not listed: what they lead to is another ref.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;

use crate::change::{Oid, Text};
use crate::git::Repository;
use crate::ledger::record::{RefTip, ScopeChange};
use crate::ledger::state::{LedgerState, decode_ref_key};
use crate::pattern::RefPattern;

/// The refs at one moment.
pub(crate) struct ProtectedRefs {
    patterns: Vec<RefPattern>,
    protected_tips: BTreeMap<Text, Oid>,
    other_tips: BTreeMap<Text, Option<Oid>>,
}

impl ProtectedRefs {
    /// Reads what the refs hold that are under change control by `scope`, or as the ledger has it if
    /// nobody can tell; and of the refs in `also`, which may not be any more.
    pub(crate) fn read_refs(
        repository: &Repository,
        scope: Option<Vec<RefPattern>>,
        state: &LedgerState,
        also: &BTreeSet<Text>,
    ) -> Result<ProtectedRefs> {
        let protects = scope.unwrap_or_else(|| parse_state_patterns(state));
        let mut holds = BTreeMap::new();
        let mut folders: Vec<&str> = Vec::new();
        for pattern in &protects {
            match pattern.find_search_scope() {
                Ok(whole) => {
                    let at = repository.resolve_ref(whole.as_bytes())?;
                    if let (true, Some(id)) = (at.name.as_bytes() == whole.as_bytes(), at.id) {
                        holds.insert(at.name, id);
                    }
                }
                Err(folder) => folders.push(folder),
            }
        }
        folders.sort_unstable();
        folders.dedup_by(|later, earlier| later.starts_with(*earlier));
        for folder in folders {
            for one in repository.list_direct_refs(folder)? {
                let is_protected = protects.iter().any(|pattern| pattern.matches_ref(one.name.as_bytes()));
                if let (true, Some(id)) = (is_protected, one.id) {
                    holds.insert(one.name, id);
                }
            }
        }
        let mut others = BTreeMap::new();
        for name in also.iter().filter(|name| !protects.iter().any(|one| one.matches_ref(name.as_bytes()))) {
            let at = repository.resolve_ref(name.as_bytes())?;
            others.insert(name.clone(), at.id.filter(|_| at.name == *name));
        }
        Ok(ProtectedRefs { patterns: protects, protected_tips: holds, other_tips: others })
    }

    /// Takes what a forge says that the refs hold which are under change control by `protects`.
    pub(crate) fn from_forge(protects: Vec<RefPattern>, holds: BTreeMap<Text, Oid>) -> ProtectedRefs {
        ProtectedRefs { patterns: protects, protected_tips: holds, other_tips: BTreeMap::new() }
    }

    /// Returns what a ref holds; `None` if nobody looked.
    pub(crate) fn ref_tip(&self, name: &Text) -> Option<Option<Oid>> {
        if self.is_protected(name) {
            return Some(self.protected_tips.get(name).copied());
        }
        self.other_tips.get(name).copied()
    }

    /// Returns whether a ref is under change control.
    pub(crate) fn is_protected(&self, name: &Text) -> bool {
        self.patterns.iter().any(|pattern| pattern.matches_ref(name.as_bytes()))
    }

    /// Returns the names of those that there are.
    pub(crate) fn ref_names(&self) -> impl Iterator<Item = &Text> {
        self.protected_tips.keys()
    }

    /// Returns the patterns as they are written.
    pub(crate) fn pattern_texts(&self) -> Vec<String> {
        self.patterns.iter().map(ToString::to_string).collect()
    }

    /// Returns what those refs held that `wanted` picks, where `before` tells what a ref held once.
    pub(crate) fn select_tips(
        &self,
        before: &dyn Fn(&Text, Oid) -> Option<Oid>,
        wanted: &dyn Fn(&Text) -> bool,
    ) -> Vec<RefTip> {
        let wanted = self.protected_tips.iter().filter(|(name, _)| wanted(name));
        let tip = |(name, id): (&Text, &Oid)| Some(RefTip { id: before(name, *id)?, name: name.clone() });
        wanted.filter_map(tip).collect()
    }

    /// Returns what has changed about which refs are under change control; `None` for nothing.
    pub(crate) fn find_scope_change(
        &self,
        state: &LedgerState,
        before: &dyn Fn(&Text, Oid) -> Option<Oid>,
    ) -> Option<ScopeChange> {
        let protects = self.pattern_texts();
        if protects == state.protects {
            return None;
        }
        let earlier = parse_state_patterns(state);
        let was = |name: &Text| earlier.iter().any(|pattern| pattern.matches_ref(name.as_bytes()));
        let came = self.select_tips(before, &|name| !was(name));
        let left = state
            .tips
            .keys()
            .map(|key| decode_ref_key(key))
            .filter(|name| !self.is_protected(name))
            .collect();
        Some(ScopeChange { protects, newly_protected: came, no_longer_protected: left })
    }
}

/// Returns the patterns of the refs under change control, as the ledger has them.
pub(crate) fn parse_state_patterns(state: &LedgerState) -> Vec<RefPattern> {
    // What this version cannot read was written by another, and matches nothing here.
    state.protects.iter().filter_map(|pattern| RefPattern::new(pattern).ok()).collect()
}
