//! Configuration, as git reads it: the system's, the user's, the repository's, the worktree's.
//!
//! All of these belong to the administrators of the machine and the account. The overrides in the
//! environment (`GIT_CONFIG_COUNT`, `GIT_CONFIG_PARAMETERS`) are ignored: over SSH, a client can be
//! allowed to set variables. Nothing is read before a value is asked for.

use std::path::PathBuf;

use anyhow::{Context, Result};
use gix::config::file::{Metadata, includes, init};
use gix::config::{File, Source, path};

use crate::git::repository::Repository;

impl Repository {
    /// Returns the value of the variable `key`, as in `changegate.pusher`; the last one counts.
    ///
    /// # Errors
    ///
    /// Fails if some file of the configuration cannot be read, and for a value that is not UTF-8.
    pub fn read_config_value(&self, key: &str) -> Result<Option<String>> {
        Ok(self.read_config_values(key)?.pop())
    }

    /// Returns whether the variable `key` is set to true; false if it is not set.
    ///
    /// # Errors
    ///
    /// As [`Repository::read_config_value`], and for a value that is neither true nor false.
    pub(crate) fn read_config_flag(&self, key: &str) -> Result<bool> {
        let value = self.load_configuration()?.boolean(key);
        Ok(value.with_context(|| format!("the git configuration `{key}` is not a boolean"))?.unwrap_or(false))
    }

    /// Returns all values of the variable `key`, in the order in which git would find them.
    ///
    /// # Errors
    ///
    /// As [`Repository::read_config_value`].
    pub fn read_config_values(&self, key: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        for value in self.load_configuration()?.strings(key).unwrap_or_default() {
            let value = String::from_utf8(value.into());
            values.push(value.with_context(|| format!("the git configuration `{key}` is not UTF-8"))?);
        }
        Ok(values)
    }

    /// Returns the value of that of these variables of `section` which is set last: git keeps both names of
    /// one setting in one place.
    ///
    /// # Errors
    ///
    /// As [`Repository::read_config_value`].
    pub(crate) fn read_last_config_value(&self, section: &str, names: &[&str]) -> Result<Option<String>> {
        if !self.may_configure(names) {
            return Ok(None);
        }
        let mut last = None;
        for part in self.load_configuration()?.sections_by_name(section).into_iter().flatten() {
            if part.header().subsection_name().is_some() {
                continue;
            }
            for name in part.value_names() {
                if names.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
                    last = part.value(&name);
                }
            }
        }
        let text = last.map(|value| String::from_utf8(value.into()));
        text.transpose().with_context(|| format!("the git configuration `{section}` is not UTF-8"))
    }

    /// Returns the names under which `section` has settings, as in `[remote "origin"]`, each once; those that
    /// are not UTF-8 are left out.
    ///
    /// # Errors
    ///
    /// Fails if some file of the configuration cannot be read.
    pub(crate) fn list_config_subsections(&self, section: &str) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for part in self.load_configuration()?.sections_by_name(section).into_iter().flatten() {
            if let Some(name) = part.header().subsection_name()
                && let Ok(name) = std::str::from_utf8(name)
                && !names.iter().any(|known| known == name)
            {
                names.push(name.to_owned());
            }
        }
        Ok(names)
    }

    /// Returns false if no file of the configuration holds any of these names, so that none of them is set.
    ///
    /// To parse the files takes much longer than to look for a word. A name stands in its file as it is, without
    /// escapes; what another file adds is not known without parsing.
    fn may_configure(&self, names: &[&str]) -> bool {
        let raw = self.raw_configuration.get_or_init(|| {
            let mut raw = Vec::new();
            let layout = &self.shared.layout;
            let mut paths: Vec<PathBuf> = list_outer_files().into_iter().map(|(_, path)| path).collect();
            paths.extend([layout.common_dir.join("config"), layout.git_dir.join("config.worktree")]);
            for path in paths.into_iter().filter(|path| path.is_file()) {
                raw.extend(std::fs::read(path).ok()?);
                raw.push(b'\n');
            }
            raw.make_ascii_lowercase();
            Some(raw)
        });
        // What cannot be read is left to the library, which says why.
        let Some(raw) = raw else { return true };
        let holds = |name: &str| memchr::memmem::find(raw, name.to_ascii_lowercase().as_bytes()).is_some();
        holds("include") || names.iter().any(|name| holds(name))
    }

    fn load_configuration(&self) -> Result<&File> {
        if self.configuration.get().is_none() {
            // The cell is still empty: a repository is not shared between threads.
            let _ = self
                .configuration
                .set(self.read_configuration().context("cannot read the git configuration")?);
        }
        self.configuration.get().context("cannot read the git configuration")
    }

    fn read_configuration(&self) -> Result<File> {
        // The order of the files is git's, since the last value of a variable counts.
        let layout = &self.shared.layout;
        let mut files = list_outer_files();
        let local = layout.common_dir.join("config");
        if local.is_file() {
            files.push((Source::Local, local.clone()));
            let own = File::from_path_no_includes(local, Source::Local)?;
            let worktree = layout.git_dir.join("config.worktree");
            if own.boolean("extensions.worktreeConfig")?.unwrap_or(false) && worktree.is_file() {
                files.push((Source::Worktree, worktree));
            }
        }
        let home = gix::path::env::home_dir();
        let head = self.ref_store.find("HEAD").ok();
        let branch_name = head.as_ref().and_then(|head| head.target.try_name());
        let interpolate = path::interpolate::Context { home_dir: home.as_deref(), ..Default::default() };
        let conditional = includes::conditional::Context { git_dir: Some(&layout.git_dir), branch_name };
        let options = init::Options {
            includes: includes::Options::follow(interpolate, conditional),
            ..init::Options::default()
        };
        let metadata = files.into_iter().map(|(source, path)| Metadata {
            path: Some(path),
            source,
            level: 0,
            trust: gix::sec::Trust::Full,
        });
        Ok(File::from_paths_metadata(metadata, options)?.unwrap_or_default())
    }
}

/// Returns the files of the configuration that are outside of the repository, in git's order.
fn list_outer_files() -> Vec<(Source, PathBuf)> {
    let mut variable = gix::path::env::var;
    let mut files = Vec::new();
    for source in [Source::System, Source::Git, Source::User] {
        if let Some(path) = source.storage_location(&mut variable)
            && path.is_file()
        {
            files.push((source, path));
        }
    }
    files
}
