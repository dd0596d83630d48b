//! The change that the arguments of `changegate try` describe.
//!
//! It is written down as the map that tests of policies are made of, and read by the same reader: what can be
//! tried can be tested.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::change::person::Person;
use crate::change::{Change, Commits};
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::lone_push::run_git;
use crate::cli::policy::lookup::find_work_tree;
use crate::cli::try_change::patched_paths::PatchedPath;
use crate::fixture::{read_change, read_change_of_commits};
use crate::predicates::approvals::DEFAULT_APPROVAL_FIELD;
use crate::yaml::{self, shorten_for_message};

/// The folders in which a forge looks for the template of descriptions.
const TEMPLATE_FOLDERS: [&str; 3] = [".github", "", "docs"];

/// What the template of descriptions is called, in small letters.
const TEMPLATE_NAME: &str = "pull_request_template.md";

/// What is assumed of a change.
pub(super) struct AssumedChangeDraft<'args> {
    pub(super) stage: &'static str,
    pub(super) is_pull_request: bool,
    pub(super) at: Timestamp,
    pub(super) target: String,
    pub(super) pusher: Option<&'args str>,
    pub(super) message: Option<&'args str>,
    pub(super) author: Option<&'args str>,
    pub(super) paths: &'args [String],
    pub(super) patched: &'args [PatchedPath],
    pub(super) fields: &'args [(String, String)],
    pub(super) approved_by: &'args [String],
    pub(super) title: Option<&'args str>,
    pub(super) body: Option<String>,
}

impl AssumedChangeDraft<'_> {
    /// Returns the change, of these commits if there are any.
    pub(super) fn build_change(
        &self,
        commits: Option<Commits>,
        context: &Context,
    ) -> Result<Change, CommandError> {
        let mut map = Map::new();
        map.insert("stage".into(), self.stage.into());
        map.insert("at".into(), self.at.to_string().into());
        map.insert("target".into(), self.target.as_str().into());
        if let Some(pusher) = self.pusher {
            map.insert("pusher".into(), pusher.into());
        }
        let fields = self.list_fields()?;
        if !fields.is_empty() {
            map.insert("fields".into(), fields.into());
        }
        if self.is_pull_request {
            map.insert("pull".into(), self.build_pull_request(context)?);
        }
        if commits.is_none() {
            self.add_commit(&mut map, context)?;
        }
        // JSON is YAML, so that the reader of tests reads it.
        let text = Value::Object(map).to_string();
        let refuse = |what: String| CommandError::Usage(format!("this cannot be tried: {what}"));
        let first =
            |faults: &[yaml::YamlFault]| faults.first().map(|fault| fault.what.clone()).unwrap_or_default();
        let node = yaml::read_document(text.as_bytes()).map_err(|faults| refuse(first(&faults)))?;
        let mut faults = Vec::new();
        let change = match commits {
            Some(commits) => read_change_of_commits(&node, commits, &mut faults),
            None => read_change(&node, &mut faults),
        };
        change.ok_or_else(|| refuse(first(&faults)))
    }

    /// Returns the fields with their values; on a push, approvals are among them.
    fn list_fields(&self) -> Result<Map<String, Value>, CommandError> {
        let mut fields: Map<String, Value> = Map::new();
        let mut add = |name: &str, value: &str| {
            let values = fields.entry(name).or_insert_with(|| json!([]));
            if let Some(values) = values.as_array_mut() {
                values.push(value.into());
            }
        };
        for (name, value) in self.fields {
            if value.trim().is_empty() {
                return Err(CommandError::Usage(format!(
                    "`--field {}=` has no value; leave the field out to try a change without it",
                    shorten_for_message(name)
                )));
            }
            add(name, value);
        }
        if !self.is_pull_request {
            for person in self.approved_by {
                Person::parse_person(person.as_bytes()).map_err(|_| {
                    CommandError::Usage(format!(
                        "`{}` is no person: on a push an approval is a trailer, so write it as in \
                         'Ben Ito <ben@example.com>'",
                        shorten_for_message(person)
                    ))
                })?;
                add(DEFAULT_APPROVAL_FIELD, person);
            }
        }
        Ok(fields)
    }

    fn add_commit(&self, map: &mut Map<String, Value>, context: &Context) -> Result<(), CommandError> {
        let message = self.message.or(self.title).unwrap_or("A change that is tried\n");
        map.insert("message".into(), message.into());
        let author = match self.author {
            Some(author) => author.to_owned(),
            None => find_own_identity(context)?,
        };
        map.insert("author".into(), author.into());
        let mut paths: Vec<Value> = self.paths.iter().map(|path| path.as_str().into()).collect();
        paths.extend(self.patched.iter().map(PatchedPath::describe_path));
        if !paths.is_empty() {
            map.insert("paths".into(), paths.into());
        }
        let lines: u64 = self.patched.iter().map(|path| path.added + path.removed).sum();
        map.insert("lines".into(), lines.into());
        Ok(())
    }

    fn build_pull_request(&self, context: &Context) -> Result<Value, CommandError> {
        let mut pull = Map::new();
        if let Some(title) = self.title {
            pull.insert("title".into(), title.into());
        }
        if let Some(body) = self.body.as_deref().filter(|body| !body.trim().is_empty()) {
            pull.insert("body".into(), body.into());
        }
        if let Some(template) = find_template(&find_work_tree(context)) {
            pull.insert("template".into(), template.into());
        }
        if let Some(opener) = self.pusher {
            pull.insert("opener".into(), name_login(opener).into());
        }
        let mut reviews = Vec::new();
        for reviewer in self.approved_by {
            if reviewer.contains(['<', ' ']) {
                return Err(CommandError::Usage(format!(
                    "`{}` is no account: in a pull request an approval is a review, so write the login of the \
                     reviewer, as in --approved-by ben",
                    shorten_for_message(reviewer)
                )));
            }
            reviews.push(json!({ "by": name_login(reviewer) }));
        }
        if !reviews.is_empty() {
            pull.insert("reviews".into(), reviews.into());
        }
        Ok(pull.into())
    }
}

/// Returns the login of an account, without the name of its forge.
fn name_login(account: &str) -> &str {
    account.strip_prefix("github:").unwrap_or(account)
}

/// Returns the author that git would give to a commit here, as in `Ana <ana@example.com>`.
fn find_own_identity(context: &Context) -> Result<String, CommandError> {
    let unknown = || {
        CommandError::usage("git knows no author here; name one with --author 'Ana Ruiz <ana@example.com>'")
    };
    let output = run_git(context, &["var", "GIT_AUTHOR_IDENT"], b"").map_err(|_| unknown())?;
    let line = String::from_utf8(output.stdout).map_err(|_| unknown())?;
    let end = line.rfind('>').filter(|_| output.status.success()).ok_or_else(unknown)?;
    Ok(line.get(..=end).unwrap_or_default().to_owned())
}

/// Returns the template of descriptions in the work tree, which states nothing where it stands unchanged.
fn find_template(root: &Path) -> Option<String> {
    for folder in TEMPLATE_FOLDERS {
        let entries = std::fs::read_dir(root.join(folder)).into_iter().flatten().filter_map(Result::ok);
        let is_template = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().eq_ignore_ascii_case(TEMPLATE_NAME))
        };
        if let Some(path) = entries.map(|entry| entry.path()).find(is_template) {
            return std::fs::read_to_string(path).ok().filter(|text| !text.trim().is_empty());
        }
    }
    None
}
