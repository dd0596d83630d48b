//! Which refs of a repository are under change control: those that the policy names, and those that a
//! symbolic ref with such a name leads to.
//!
//! A protected name stands for what it shows. Where `main` is a symbolic ref to `trunk`, a push to either
//! changes what `main` shows, so `trunk` is protected as `main` is. Clients cannot make symbolic refs;
//! they come from the server administrator.

use std::collections::BTreeMap;

use anyhow::Result;

use crate::change::Text;
use crate::git::Repository;
use crate::pattern::RefPattern;
use crate::pattern::name_fold::fold_file_name;
use crate::policy::Policy;

/// The refs of one repository that one policy puts under change control.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProtectedScope {
    patterns: Vec<RefPattern>,
    /// The refs that protected symbolic refs lead to, each with the first name that leads to it.
    aliases: BTreeMap<Text, Text>,
    /// True if the file system of the repository takes names that differ only by case for one.
    ignores_case: bool,
}

impl ProtectedScope {
    /// Reads which refs `policy` protects in `repository`.
    ///
    /// # Errors
    ///
    /// Fails if the refs or the configuration cannot be read.
    pub(crate) fn read_scope(repository: &Repository, policy: &Policy) -> Result<ProtectedScope> {
        let patterns = policy.protected_refs.clone();
        let mut aliases: BTreeMap<Text, Text> = BTreeMap::new();
        for pattern in &patterns {
            match pattern.find_search_scope() {
                Ok(name) => {
                    // What cannot be read shows nothing, and git cannot push through it either.
                    if let Ok(resolved) = repository.resolve_ref(name.as_bytes())
                        && resolved.name.as_bytes() != name.as_bytes()
                    {
                        aliases.entry(resolved.name).or_insert_with(|| Text::from(name));
                    }
                }
                Err(folder) => {
                    for (name, resolved) in repository.list_symbolic_refs(folder)? {
                        if pattern.matches_ref(name.as_bytes()) {
                            aliases.entry(resolved.name).or_insert(name);
                        }
                    }
                }
            }
        }
        let ignores_case = repository.read_config_flag("core.ignoreCase")?;
        Ok(ProtectedScope { patterns, aliases, ignores_case })
    }

    /// Returns the name by which the policy knows a ref: its own, or that of a symbolic ref which leads to
    /// it; `None` if the ref is free. `name` is the name after symbolic refs have been followed.
    pub(crate) fn find_protected_name<'name>(&'name self, name: &'name Text) -> Option<&'name Text> {
        if self.patterns.iter().any(|pattern| pattern.matches_ref(name.as_bytes())) {
            return Some(name);
        }
        self.aliases.get(name)
    }

    /// Returns the patterns of all protected refs: those of the policy, and the names of the refs that
    /// protected symbolic refs lead to.
    pub(crate) fn list_patterns(&self) -> Vec<RefPattern> {
        let mut patterns = self.patterns.clone();
        for target in self.aliases.keys() {
            let is_matched = patterns.iter().any(|pattern| pattern.matches_ref(target.as_bytes()));
            if !is_matched && let Some(name) = target.as_utf8() {
                patterns.extend(RefPattern::new(name));
            }
        }
        patterns
    }

    /// Returns the protected name that `name` differs from only by case, where the file system takes both
    /// for one: a pattern, or a ref that exists. `None` if there is no such name.
    ///
    /// # Errors
    ///
    /// Fails if the refs cannot be listed.
    pub(crate) fn find_case_twin(&self, repository: &Repository, name: &Text) -> Result<Option<Text>> {
        if !self.ignores_case {
            return Ok(None);
        }
        let folded = fold_file_name(&name.to_lossy());
        let is_twin = |other: &Text| other != name && fold_file_name(&other.to_lossy()) == folded;
        for pattern in &self.patterns {
            if !pattern.matches_ref_in_any_case(name.as_bytes()) {
                continue;
            }
            if !pattern.matches_ref(name.as_bytes()) {
                return Ok(Some(Text::from(pattern.to_string().as_str())));
            }
            let folder = match pattern.find_search_scope() {
                Ok(whole) => whole.rfind('/').and_then(|slash| whole.get(..=slash)).unwrap_or("refs/"),
                Err(folder) => folder,
            };
            let refs = repository.list_refs(folder)?;
            if let Some(twin) = refs.into_iter().find(|one| is_twin(&one.name)) {
                return Ok(Some(twin.name));
            }
        }
        Ok(self.aliases.keys().find(|target| is_twin(target)).cloned())
    }
}
