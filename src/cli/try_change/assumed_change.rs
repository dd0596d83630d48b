//! The change that the arguments of `changegate try` describe.
//!
//! It is written down as the map that tests of policies are made of, and read by the same reader: what can be
//! tried can be tested.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::change::person::Person;
use crate::change::{Change, Commits};
use crate::cli::command_error::CommandError;
use crate::cli::context::Context;
use crate::cli::lone_push::run_git;
use crate::cli::output::wrap_text;
use crate::cli::policy::lookup::find_work_tree;
use crate::cli::try_change::patched_paths::PatchedPath;
use crate::fixture::{read_change, read_change_of_commits};
use crate::people::{PeopleDirectory, ResolvedIdentity};
use crate::predicates::approvals::DEFAULT_APPROVAL_FIELD;
use crate::yaml::{self, shorten_for_message};

/// What stands before a login in the name of an account of the forge.
const FORGE_PREFIX: &str = "github:";

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
    /// The people of the policy: an account of the roster is looked up by the author.
    pub(super) people: &'args PeopleDirectory,
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
            let account = if self.is_pull_request { qualify_login(pusher) } else { pusher.to_owned() };
            map.insert("pusher".into(), account.into());
        }
        let fields = self.list_fields()?;
        if !fields.is_empty() {
            map.insert("fields".into(), fields.into());
        }
        let reviews = if self.is_pull_request { self.list_reviews()? } else { Vec::new() };
        let author = match &commits {
            Some(commits) => Some(commits.last().author.clone()),
            None => Person::parse_person(self.add_commit(&mut map, context)?.as_bytes()).ok(),
        };
        if self.is_pull_request {
            map.insert("pull".into(), self.build_pull_request(author.as_ref(), reviews, context)?);
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

    /// Adds the commit, and returns its author.
    fn add_commit(&self, map: &mut Map<String, Value>, context: &Context) -> Result<String, CommandError> {
        let message = self.message.or(self.title).unwrap_or("A change that is tried\n");
        map.insert("message".into(), message.into());
        let author = match self.author {
            Some(author) => author.to_owned(),
            None => find_own_identity(context)?,
        };
        map.insert("author".into(), author.as_str().into());
        let mut paths: Vec<Value> = self.paths.iter().map(|path| path.as_str().into()).collect();
        paths.extend(self.patched.iter().map(PatchedPath::describe_path));
        if !paths.is_empty() {
            map.insert("paths".into(), paths.into());
        }
        let lines: u64 = self.patched.iter().map(|path| path.added + path.removed).sum();
        map.insert("lines".into(), lines.into());
        Ok(author)
    }

    /// Returns the login of who opens the pull request: the pusher, or else the account that the roster lists of the
    /// author. Where there is none, one of the same name as the author's address is assumed, with a warning.
    fn find_opener(&self, author: Option<&Person>) -> Result<Option<String>, CommandError> {
        if let Some(pusher) = self.pusher {
            return Ok(Some(name_login(pusher).to_owned()));
        }
        let (Some(roster), Some(author)) = (&self.people.roster, author) else { return Ok(None) };
        if let ResolvedIdentity::Human(key) = self.people.identify_person(author) {
            for (identity, of) in self.people.list_identities() {
                if of == key
                    && let Some(login) = identity.strip_prefix(FORGE_PREFIX)
                {
                    return Ok(Some(login.split('#').next().unwrap_or(login).to_owned()));
                }
            }
        }
        let (name, email) = (author.name.to_lossy(), author.email.to_lossy());
        let login = email.split('@').next().unwrap_or_default();
        let note = format!(
            "`{}` lists no GitHub account of `{}`, so `{FORGE_PREFIX}{}` is assumed, from the address; name the login \
             of who opens the pull request with --pusher",
            shorten_for_message(roster),
            shorten_for_message(&format!("{name} <{email}>")),
            shorten_for_message(login)
        );
        writeln!(io::stderr().lock(), "{}", wrap_text("warning: ", 2, &note))?;
        Ok(None)
    }

    /// Returns the reviews of the accounts that approve.
    fn list_reviews(&self) -> Result<Vec<Value>, CommandError> {
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
        Ok(reviews)
    }

    fn build_pull_request(
        &self,
        author: Option<&Person>,
        reviews: Vec<Value>,
        context: &Context,
    ) -> Result<Value, CommandError> {
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
        if let Some(opener) = self.find_opener(author)? {
            pull.insert("opener".into(), opener.into());
        }
        if !reviews.is_empty() {
            pull.insert("reviews".into(), reviews.into());
        }
        Ok(pull.into())
    }
}

/// Returns the login of an account, without the name of its forge.
fn name_login(account: &str) -> &str {
    account.strip_prefix(FORGE_PREFIX).unwrap_or(account)
}

/// Returns an account of the forge by its whole name; that of another place stays as it is written.
fn qualify_login(account: &str) -> String {
    if account.contains([':', '@']) { account.to_owned() } else { format!("{FORGE_PREFIX}{account}") }
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
