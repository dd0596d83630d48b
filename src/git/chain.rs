//! A chain of commits under one ref, each with a few small files: written at its end, read from there
//! back.
//!
//! The only place that writes to a repository. Objects go to the main store, never to a quarantine,
//! as loose files; then the ref moves, if and only if it still holds what was read before. A write
//! that is cut short leaves objects that nothing names, and the chain as it was.

use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use gix::bstr::ByteSlice;
use gix::lock::acquire::Fail;
use gix::objs::Write as _;
use gix::refs::transaction::{Change, LogChange, PreviousValue, RefEdit};
use gix::refs::{FullName, Target};
use jiff::Timestamp;

use super::reader::oid;
use super::repository::Repository;
use crate::change::Oid;

/// Who a link of a chain is written by, in the commit.
const WRITER: &str = "changegate <changegate@localhost>";

/// How long another writer of the ref is waited for.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

/// What one link of a chain holds.
#[derive(Clone, Debug)]
pub struct Link<'a> {
    /// The files, by names without `/`, in the order of their names.
    pub files: &'a [(&'a str, &'a [u8])],
    /// The message.
    pub message: &'a str,
    /// When it is written.
    pub at: Timestamp,
    /// The key to sign it with, as `ssh-keygen -Y sign -f` takes it.
    pub key: Option<&'a str>,
}

impl Repository {
    /// Adds a link to the chain under the ref `name`, which holds `tip` now, and returns its commit.
    ///
    /// # Errors
    ///
    /// Fails, with the chain as it was, if something cannot be written or the ref holds something
    /// else by now.
    pub fn append(&self, name: &str, tip: Option<Oid>, link: &Link<'_>) -> Result<Oid> {
        let commit = self.write_link(tip, link).context("cannot write to the object store")?;
        let full = FullName::try_from(name.as_bytes().as_bstr())
            .with_context(|| format!("`{name}` is not the name of a ref"))?;
        let expected = match tip {
            Some(tip) => PreviousValue::MustExistAndMatch(Target::Object(self.object_id(tip)?)),
            None => PreviousValue::MustNotExist,
        };
        let log = LogChange { message: "changegate".into(), ..LogChange::default() };
        let change = Change::Update { log, expected, new: Target::Object(self.object_id(commit)?) };
        let edit = RefEdit { change, name: full, deref: false };
        let patience = Fail::AfterDurationWithBackoff(PATIENCE);
        let prepared = self.refs.transaction().prepare([edit], patience, patience);
        let prepared = prepared.with_context(|| format!("cannot move {name}"))?;
        let signature = format!("{WRITER} {} +0000", link.at.as_second());
        let signature = gix::actor::SignatureRef::from_bytes(signature.as_bytes())
            .context("cannot write the writer's name")?;
        prepared.commit(signature).with_context(|| format!("cannot move {name}"))?;
        Ok(commit)
    }

    fn write_link(&self, tip: Option<Oid>, link: &Link<'_>) -> Result<Oid> {
        let format = self.shared.layout.format;
        let store = gix::odb::loose::Store::at(self.shared.layout.common_dir.join("objects"), format);
        let mut tree = Vec::new();
        for (name, content) in link.files {
            let id = store.write_buf(gix::objs::Kind::Blob, content)?;
            tree.extend_from_slice(format!("100644 {name}\0").as_bytes());
            tree.extend_from_slice(id.as_bytes());
        }
        let tree = store.write_buf(gix::objs::Kind::Tree, &tree)?;
        let mut head = format!("tree {tree}\n");
        if let Some(tip) = tip {
            head.push_str(&format!("parent {tip}\n"));
        }
        let at = link.at.as_second();
        head.push_str(&format!("author {WRITER} {at} +0000\ncommitter {WRITER} {at} +0000\n"));
        let mut raw = head.clone();
        raw.push_str(&format!("\n{}", link.message));
        if let Some(key) = link.key {
            let signature = sign(raw.as_bytes(), key)?;
            // A header with line ends goes on after a space.
            let folded = signature.trim_end().replace('\n', "\n ");
            let header = if format == gix::hash::Kind::Sha1 { "gpgsig" } else { "gpgsig-sha256" };
            raw = format!("{head}{header} {folded}\n\n{}", link.message);
        }
        let id = store.write_buf(gix::objs::Kind::Commit, raw.as_bytes())?;
        Ok(oid(&id))
    }
}

/// Signs bytes as git does with `gpg.format=ssh`: in the namespace `git`, by ssh-keygen.
fn sign(payload: &[u8], key: &str) -> Result<String> {
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "sign", "-n", "git", "-f", key])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start ssh-keygen")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(payload)?;
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        bail!("ssh-keygen cannot sign with {key}: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout).context("ssh-keygen wrote a signature that is not text")
}
