//! The pull request templates of the base branch, at every place where GitHub looks for one: files called
//! `pull_request_template` in the root, `docs` or `.github`, in any case and with any ending, and the
//! files of folders of that name.
//!
//! What they say is not said by the people who open pull requests. A template of the organisation
//! (in its repository `.github`) is not read: a token for one repository need not see another.

use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;

use crate::change::description::{self, TemplateText};
use crate::change::{Fact, FactKind, Missing, Oid, Text};
use crate::github::api::GitHubClient;
use crate::github::api::graphql::RepositoryResponse;
use crate::github::api::names::RepositoryName;
use crate::github::api::request::GitHubFailure;

const FILE_QUERY: &str = include_str!("../api/queries/file.graphql");

/// What a template, or a folder of templates, is called.
const TEMPLATE_NAME: &str = "pull_request_template";

/// The folders beside the root in which GitHub looks.
const TEMPLATE_FOLDERS: [&str; 2] = [".github", "docs"];

/// The spellings that are asked for where GitHub does not list what is in the root.
const USUAL_NAMES: [&str; 2] = ["PULL_REQUEST_TEMPLATE.md", "pull_request_template.md"];

/// How many templates a repository may have.
const MAX_TEMPLATES: usize = 50;

/// The templates of a branch.
pub(crate) struct PullRequestTemplates {
    /// What they say, together.
    pub(crate) text: TemplateText,
    /// Their paths; an error if some of them could not be read.
    pub(crate) paths: Fact<Vec<Text>>,
}

#[derive(Deserialize)]
struct TemplateRepository {
    object: Option<TemplateCommit>,
}

#[derive(Deserialize)]
struct TemplateCommit {
    oid: Option<Oid>,
    tree: Option<TemplateFolder>,
    file: Option<TemplateEntry>,
}

/// Where the base branch may have templates, as the answer tells that has its policy. Parts that GitHub does not tell
/// are missing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TemplateRoot {
    root_tree: Option<TemplateFolder>,
    /// The folder `.github`.
    template_folder: Option<TemplateEntry>,
}

#[derive(Clone, Debug, Deserialize)]
struct TemplateEntry {
    object: Option<TemplateObject>,
}

/// A file or a folder; the fields of the other are missing.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct TemplateObject {
    entries: Option<Vec<TemplateName>>,
    byte_size: Option<usize>,
    is_binary: Option<bool>,
    is_truncated: Option<bool>,
    text: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct TemplateFolder {
    entries: Option<Vec<TemplateName>>,
}

#[derive(Clone, Debug, Deserialize)]
struct TemplateName {
    name: String,
}

/// Reads the templates in `commit`; `root` is where they may be, if that is known.
pub(crate) async fn read_templates(
    client: &GitHubClient,
    repo: &RepositoryName,
    commit: Oid,
    root: Option<&TemplateRoot>,
) -> PullRequestTemplates {
    let reader = TemplateReader { client, repo, commit };
    match reader.read_all(root).await {
        Ok(templates) => templates,
        Err(failure) => {
            let why = format!("the pull request templates of the base branch: {}", failure.why);
            let paths = Err(Missing::Unavailable(FactKind::Pull, why));
            PullRequestTemplates { text: TemplateText::default(), paths }
        }
    }
}

/// Asks for files and folders of one commit.
struct TemplateReader<'ask> {
    client: &'ask GitHubClient,
    repo: &'ask RepositoryName,
    commit: Oid,
}

impl TemplateReader<'_> {
    async fn read_all(&self, known: Option<&TemplateRoot>) -> Result<PullRequestTemplates, GitHubFailure> {
        let TemplateRoot { root_tree, template_folder } = match known {
            Some(known) if known.root_tree.is_some() => known.clone(),
            _ => {
                let found = self.fetch_commit(TEMPLATE_FOLDERS[0], true).await?;
                TemplateRoot { root_tree: found.tree, template_folder: found.file }
            }
        };
        let root = root_tree.and_then(|tree| tree.entries);
        let mut candidates = Vec::new();
        let mut folders = Vec::new();
        match root {
            Some(entries) => {
                for entry in entries {
                    let is_folder =
                        TEMPLATE_FOLDERS.iter().any(|name| name.eq_ignore_ascii_case(&entry.name));
                    if is_folder && entry.name != TEMPLATE_FOLDERS[0] {
                        folders.push(entry.name);
                    } else if is_template_name(&entry.name) {
                        candidates.push(entry.name);
                    }
                }
            }
            None => {
                candidates.extend(USUAL_NAMES.map(str::to_owned));
                folders.push(TEMPLATE_FOLDERS[1].to_owned());
            }
        }
        add_candidates(TEMPLATE_FOLDERS[0], template_folder, &mut candidates);
        for folder in folders {
            let listed = self.fetch_commit(&folder, false).await?;
            add_candidates(&folder, listed.file, &mut candidates);
        }
        // A folder of templates is one that is called like a template.
        let mut text = TemplateText::default();
        let mut paths = Vec::new();
        let mut nested = Vec::new();
        for (path, object) in self.fetch_objects(candidates).await? {
            match object.entries {
                Some(entries) => nested.extend(entries.iter().map(|entry| format!("{path}/{}", entry.name))),
                None => add_template(path, &object, &mut text, &mut paths)?,
            }
        }
        for (path, object) in self.fetch_objects(nested).await? {
            if object.entries.is_none() {
                add_template(path, &object, &mut text, &mut paths)?;
            }
        }
        Ok(PullRequestTemplates { text, paths: Ok(paths) })
    }

    /// Fetches what is at each path; a path at which nothing is, or a submodule, is left out.
    async fn fetch_objects(
        &self,
        paths: Vec<String>,
    ) -> Result<Vec<(String, TemplateObject)>, GitHubFailure> {
        if paths.len() > MAX_TEMPLATES {
            return Err(GitHubFailure::new(format!("there are more than {MAX_TEMPLATES}")));
        }
        let answers = join_all(paths.iter().map(|path| self.fetch_commit(path, false))).await;
        let mut found = Vec::new();
        for (path, answer) in paths.into_iter().zip(answers) {
            if let Some(object) = answer?.file.and_then(|file| file.object) {
                found.push((path, object));
            }
        }
        Ok(found)
    }

    async fn fetch_commit(&self, path: &str, with_root: bool) -> Result<TemplateCommit, GitHubFailure> {
        let variables = json!({
            "owner": self.repo.owner, "name": self.repo.name, "commit": self.commit.to_string(), "path": path,
            "withRoot": with_root,
        });
        let answer: RepositoryResponse<TemplateRepository> =
            self.client.run_query(FILE_QUERY, variables).await?;
        match answer.repository {
            Some(TemplateRepository { object: Some(found) }) if found.oid == Some(self.commit) => Ok(found),
            _ => Err(GitHubFailure::new(format!("GitHub has no commit {} in {}", self.commit, self.repo))),
        }
    }
}

/// Adds the entries of a folder that are templates, or folders of them.
fn add_candidates(folder: &str, listed: Option<TemplateEntry>, candidates: &mut Vec<String>) {
    let entries = listed.and_then(|entry| entry.object).and_then(|object| object.entries);
    for entry in entries.unwrap_or_default() {
        if is_template_name(&entry.name) {
            candidates.push(format!("{folder}/{}", entry.name));
        }
    }
}

/// Adds what a file says. A description cannot be made of one that is binary, or larger than a description.
fn add_template(
    path: String,
    object: &TemplateObject,
    text: &mut TemplateText,
    paths: &mut Vec<Text>,
) -> Result<(), GitHubFailure> {
    let is_large = object.byte_size.is_some_and(|size| size > description::MAX_DESCRIPTION_BYTES);
    if object.is_binary == Some(true) || is_large {
        return Ok(());
    }
    match &object.text {
        Some(found) if object.is_truncated == Some(false) && object.byte_size == Some(found.len()) => {
            text.add_template(description::read_template(found));
            paths.push(Text::from(path));
            Ok(())
        }
        _ => Err(GitHubFailure::new("GitHub does not show the whole of one")),
    }
}

fn is_template_name(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name);
    stem.eq_ignore_ascii_case(TEMPLATE_NAME)
}
