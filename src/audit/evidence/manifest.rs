//! The list of the files of a pack with their SHA-256, in the form that `sha256sum -c` reads.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::audit::evidence::pack_index::MANIFEST_FILE;
use crate::change::text::encode_hex;

/// The most files of a pack.
const MAX_FILES: usize = 1_000_000;

/// How deep the folders of a pack are nested at most.
const MAX_DEPTH: usize = 4;

/// The longest manifest that is read.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;

/// Returns the files of a folder with their digests, by their paths with `/`, without the manifest itself.
///
/// # Errors
///
/// Fails if a file cannot be read, and if the folder holds something that is neither a file nor a folder: a link could
/// lead out of it.
pub(crate) fn digest_files(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    add_folder(folder, "", 0, &mut found)?;
    found.remove(MANIFEST_FILE);
    Ok(found)
}

fn add_folder(folder: &Path, prefix: &str, depth: usize, found: &mut BTreeMap<String, String>) -> Result<()> {
    if depth > MAX_DEPTH {
        bail!("{prefix} is nested too deeply");
    }
    let describe = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(describe)? {
        let entry = entry.with_context(describe)?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { bail!("{prefix} holds a name that is not UTF-8") };
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().with_context(describe)?;
        if kind.is_dir() {
            add_folder(&entry.path(), &format!("{path}/"), depth + 1, found)?;
        } else if kind.is_file() {
            found.insert(path, digest_file(&entry.path())?);
        } else {
            bail!("{path} is neither a file nor a folder");
        }
        if found.len() > MAX_FILES {
            bail!("it holds more than {MAX_FILES} files");
        }
    }
    Ok(())
}

fn digest_file(path: &Path) -> Result<String> {
    let describe = || format!("cannot read {}", path.display());
    let mut file = BufReader::new(File::open(path).with_context(describe)?);
    let mut digest = Sha256::new();
    let mut buffer = [0_u8; 1 << 16];
    loop {
        let length = file.read(&mut buffer).with_context(describe)?;
        match buffer.get(..length) {
            Some(read) if !read.is_empty() => digest.update(read),
            _ => return Ok(encode_hex(&digest.finalize())),
        }
    }
}

/// Writes the manifest of a folder.
///
/// # Errors
///
/// Fails if a file cannot be read or the manifest not be written.
pub(crate) fn write_manifest(folder: &Path) -> Result<()> {
    let mut text = Vec::new();
    for (path, digest) in digest_files(folder)? {
        writeln!(text, "{digest}  {path}")?;
    }
    let path = folder.join(MANIFEST_FILE);
    fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// Returns the paths of the files of a folder, and what differs between them and its manifest, one line for each.
///
/// # Errors
///
/// Fails if the folder or its manifest cannot be read.
pub(crate) fn compare_manifest(folder: &Path) -> Result<(Vec<String>, Vec<String>)> {
    let path = folder.join(MANIFEST_FILE);
    let describe = || format!("cannot read {}", path.display());
    let file = File::open(&path).with_context(describe)?;
    let mut bytes = Vec::new();
    file.take(MAX_MANIFEST_BYTES).read_to_end(&mut bytes).with_context(describe)?;
    let mut problems = Vec::new();
    let mut listed: BTreeMap<String, String> = BTreeMap::new();
    if !bytes.ends_with(b"\n") {
        problems.push(format!("{MANIFEST_FILE} does not end with a line end"));
    }
    for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let read = std::str::from_utf8(line).ok().and_then(|line| line.split_once("  "));
        match read {
            Some((digest, path)) if !path.is_empty() => {
                if listed.insert(path.to_owned(), digest.to_owned()).is_some() {
                    problems.push(format!("{MANIFEST_FILE} lists {path} twice"));
                }
            }
            _ => problems.push(format!("{MANIFEST_FILE} has a line that is none of `sha256sum`")),
        }
    }
    let found = digest_files(folder)?;
    for (path, digest) in &found {
        match listed.remove(path) {
            Some(known) if known == *digest => {}
            Some(_) => problems.push(format!("{path} is not the file that was packed")),
            None => problems.push(format!("{path} is not in {MANIFEST_FILE}")),
        }
    }
    problems.extend(listed.keys().map(|path| format!("{path} is missing")));
    Ok((found.into_keys().collect(), problems))
}
