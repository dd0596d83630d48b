//! The files of a policy: the one that is asked for, and all that it extends.
//!
//! A policy extends shipped packs by name and files beside it by path. Both are read the same way,
//! bases before what builds on them. The caller fetches the files, so the same code reads from a ref,
//! from a work tree and from a test.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::people::check_plain_path;
use crate::people::code_owners::MAX_CODE_OWNERS_BYTES;
use crate::policy::definition::KeyFile;
use crate::policy::faults::{FaultyFile, PolicyErrors};
use crate::policy::packs::{POLICY_PACKS, find_pack};
use crate::policy::remote_file::{RemotePolicyFile, is_remote_name};
use crate::yaml::decode::{read_items, read_text};
use crate::yaml::{
    self, ExpectedValue, MAX_DOCUMENT_BYTES, MAX_LIST_BYTES, YamlFault, YamlNode, YamlPlace, YamlValue,
    shorten_for_message, suggest_list_form,
};

/// How many files a policy may consist of.
const MAX_POLICY_FILES: usize = 16;

/// How deep policies of other repositories may extend one another.
const MAX_REMOTE_DEPTH: usize = 4;

/// The keys of a pack whose values only people read.
const WORDED_KEYS: [&str; 3] = ["summary", "title", "why"];

/// The result of fetching a file: its bytes, `None` if it does not exist, or why it cannot be read.
pub type FetchedFile = Result<Option<Vec<u8>>, String>;

/// One file of a policy, read as YAML.
pub(crate) struct PolicyFile {
    /// Its name, as a person would look for it.
    pub(crate) name: String,
    /// The bytes of the file.
    pub(crate) source: Vec<u8>,
    /// The file as a tree.
    pub(crate) node: YamlNode,
    /// What is wrong with it, as far as it is known.
    pub(crate) faults: Vec<YamlFault>,
}

/// The files of a policy, bases first, the one that was asked for last.
pub(crate) struct PolicyFiles {
    pub(crate) files: Vec<PolicyFile>,
}

/// Returns true if the policy called `entry` builds on the pack or file `name`, by itself or by what it extends.
pub(crate) fn builds_on_file(entry: &str, name: &str, fetch: &mut dyn FnMut(&str) -> FetchedFile) -> bool {
    let files = PolicyFiles::gather_files(entry, fetch);
    files.is_ok_and(|files| files.files.iter().any(|file| file.name == name))
}

impl PolicyFiles {
    /// Fetches `entry` and everything that it extends.
    ///
    /// # Errors
    ///
    /// Returns every file that cannot be fetched or is not YAML.
    pub(crate) fn gather_files(
        entry: &str,
        fetch: &mut dyn FnMut(&str) -> FetchedFile,
    ) -> Result<Self, PolicyErrors> {
        let mut collector = PolicyFileCollector {
            fetch,
            files: Vec::new(),
            names_in_progress: Vec::new(),
            unreadable_files: Vec::new(),
        };
        let start = YamlPlace { line: 1, column: 1, length: 1 };
        if let Err(fault) = collector.add_file(entry, start) {
            let faults = vec![fault];
            collector.unreadable_files.push(FaultyFile { name: entry.into(), source: Vec::new(), faults });
        }
        let files = PolicyFiles { files: collector.files };
        let mut faulty_files = collector.unreadable_files;
        if faulty_files.is_empty() {
            return Ok(files);
        }
        // What is wrong with the files that could be read belongs to the same report.
        faulty_files.extend(files.into_faulty_files());
        Err(PolicyErrors { faulty_files, unread: None })
    }

    /// Returns SHA-256 over names, lengths and contents, those of the roster, the catalogue and the keys included, and the
    /// same without the keys. A shipped pack counts by what it means, so that a later version can word its titles and
    /// reasons in another way.
    pub(crate) fn compute_digests(
        &self,
        read_beside: &[FaultyFile],
        key_files: &[&KeyFile],
    ) -> (String, String) {
        let mut digest = Sha256::new();
        for file in &self.files {
            if find_pack(&file.name).is_some() {
                let mut meaning = String::new();
                write_meaning(&file.node, &mut meaning);
                add_to_digest(&mut digest, &file.name, meaning.as_bytes());
            } else {
                add_to_digest(&mut digest, &file.name, &file.source);
            }
        }
        for file in read_beside {
            add_to_digest(&mut digest, &file.name, &file.source);
        }
        let without_keys = digest.clone();
        for file in key_files {
            add_to_digest(&mut digest, &file.path, &file.source);
        }
        let [with, without] =
            [digest, without_keys].map(|digest| crate::change::text::encode_hex(&digest.finalize()));
        (with, without)
    }

    /// Returns true if a file extends what could not be found, so that names can be missing.
    pub(crate) fn lacks_base(&self) -> bool {
        self.files
            .iter()
            .any(|file| file.faults.iter().any(|fault| fault.expected == ExpectedValue::BaseFile))
    }

    /// Returns every file that has a fault.
    pub(crate) fn into_faulty_files(self) -> Vec<FaultyFile> {
        let mut faulty_files = Vec::new();
        for PolicyFile { name, source, faults, .. } in self.files {
            if !faults.is_empty() {
                faulty_files.push(FaultyFile { name, source, faults });
            }
        }
        faulty_files
    }
}

/// Writes what a tree means: without places, and without the words that only people read. The length
/// before each text keeps two trees from the same form.
fn write_meaning(node: &YamlNode, meaning: &mut String) {
    match &node.value {
        YamlValue::Scalar { text, is_plain } => {
            let kind = if *is_plain { 'p' } else { 'q' };
            // Writing to a string cannot fail.
            let _ = write!(meaning, "{kind}{}:{text}", text.len());
        }
        YamlValue::List(items) => {
            let _ = write!(meaning, "l{}:", items.len());
            for item in items {
                write_meaning(item, meaning);
            }
        }
        YamlValue::Map(entries) => {
            meaning.push('m');
            for (key, value) in entries {
                if !WORDED_KEYS.contains(&key.text.as_str()) {
                    let _ = write!(meaning, "k{}:{}", key.text.len(), key.text);
                    write_meaning(value, meaning);
                }
            }
            meaning.push('e');
        }
    }
}

/// Returns how many bytes a file of a policy may have.
pub(crate) fn max_file_bytes(path: &str) -> usize {
    match path.rsplit('/').next() {
        Some("CODEOWNERS") => MAX_CODE_OWNERS_BYTES,
        // A roster is as long as the organisation is large; what is none, its reader refuses beyond 256 KiB.
        Some(name) if name.ends_with(".yml") || name.ends_with(".yaml") => MAX_LIST_BYTES,
        _ => MAX_DOCUMENT_BYTES,
    }
}

/// Returns SHA-256 over the bytes of one file, in hexadecimal.
pub(crate) fn digest_source(source: &[u8]) -> String {
    crate::change::text::encode_hex(&Sha256::digest(source))
}

/// The lengths go in too: otherwise a name and a content could be divided in two ways.
fn add_to_digest(digest: &mut Sha256, name: &str, source: &[u8]) {
    digest.update(format!("{} {}\n", name.len(), source.len()));
    digest.update(name);
    digest.update(source);
}

/// The files read so far, while one file leads to the next.
struct PolicyFileCollector<'fetch> {
    fetch: &'fetch mut dyn FnMut(&str) -> FetchedFile,
    files: Vec<PolicyFile>,
    names_in_progress: Vec<String>,
    unreadable_files: Vec<FaultyFile>,
}

impl PolicyFileCollector<'_> {
    /// Adds the file called `name`, after all that it extends. A file that cannot be added is a fault
    /// of the file that names it.
    fn add_file(&mut self, name: &str, at: YamlPlace) -> Result<(), YamlFault> {
        if self.files.iter().any(|file| file.name == name)
            || self.unreadable_files.iter().any(|file| file.name == name)
        {
            return Ok(());
        }
        if self.names_in_progress.iter().any(|open| open == name) {
            let what = format!("`{}` extends itself", shorten_for_message(name));
            return Err(YamlFault::new(at, what).with_help("remove it from `extends`"));
        }
        if self.files.len() + self.names_in_progress.len() >= MAX_POLICY_FILES {
            return Err(YamlFault::new(at, format!("a policy consists of at most {MAX_POLICY_FILES} files")));
        }
        let open_remotes = self.names_in_progress.iter().filter(|open| is_remote_name(open)).count();
        if is_remote_name(name) && open_remotes >= MAX_REMOTE_DEPTH {
            let what =
                format!("policies of other repositories extend one another at most {MAX_REMOTE_DEPTH} deep");
            return Err(YamlFault::new(at, what));
        }
        let pack = find_pack(name);
        let source = match pack {
            Some(pack) => pack.source.as_bytes().to_vec(),
            None => self.fetch_source(name, at)?,
        };
        // Parsing a pack takes a hook longer than judging; its tree is stored in the binary.
        let stored = pack.and_then(|pack| yaml::read_stored_tree(pack.stored_tree));
        let (node, mut faults) = match stored {
            Some(node) => (Some(node), Vec::new()),
            None => yaml::read_with_faults(&source),
        };
        let Some(node) = node else {
            self.unreadable_files.push(FaultyFile { name: name.into(), source, faults });
            return Ok(());
        };
        self.names_in_progress.push(name.into());
        for (base, at) in read_bases(&node, name, &mut faults) {
            if let Err(fault) = self.add_file(&base, at) {
                faults.push(fault.with_expected(ExpectedValue::BaseFile));
            }
        }
        self.names_in_progress.pop();
        self.files.push(PolicyFile { name: name.into(), source, node, faults });
        Ok(())
    }

    /// Returns the path, from the folder of the file that names it, of a file that exists and was most likely
    /// meant: the path was written from the root of the repository, or ends in the other of `.yml` and `.yaml`.
    fn find_near_file(&mut self, name: &str) -> Option<String> {
        let (folder, file) = name.split_once('/').unwrap_or(("", name));
        let mut nears = Vec::new();
        if let Some(rest) = file.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
            nears.push((file.to_owned(), rest.to_owned()));
        }
        let (stem, extension) = name.rsplit_once('.')?;
        let other = format!("{stem}.{}", if extension == "yml" { "yaml" } else { "yml" });
        let beside = other.rsplit('/').next().unwrap_or(&other).to_owned();
        nears.push((other, beside));
        nears.into_iter().find(|(path, _)| matches!((self.fetch)(path), Ok(Some(_)))).map(|(_, shown)| shown)
    }

    fn fetch_source(&mut self, name: &str, at: YamlPlace) -> Result<Vec<u8>, YamlFault> {
        match (self.fetch)(name) {
            Ok(Some(source)) => Ok(source),
            Ok(None) if is_remote_name(name) => Err(unreadable_file_fault(name, at, "there is no such file")),
            Ok(None) => Err(match self.find_near_file(name) {
                Some(near) => {
                    let fault = YamlFault::new(at, format!("there is no `{}`", shorten_for_message(name)));
                    let near = shorten_for_message(&near);
                    fault.with_help(format!(
                        "did you mean `{near}`? the path starts from the folder of this file"
                    ))
                }
                None => missing_file_fault(name, at),
            }),
            Err(why) => Err(unreadable_file_fault(name, at, &why)),
        }
    }
}

/// Returns the pack whose name is nearest to that of a file, or to a misspelt name.
fn find_near_pack(name: &str) -> Option<&'static str> {
    let stem = name.rsplit('/').next().unwrap_or(name);
    let stem = stem.strip_suffix(".yml").or(stem.strip_suffix(".yaml")).unwrap_or(stem);
    yaml::find_nearest_word(stem, POLICY_PACKS.iter().map(|pack| pack.name))
}

/// Returns what a file extends: names of packs and of files in other repositories as they are, paths from the root of the
/// repository that holds the file.
pub(crate) fn read_bases(
    node: &YamlNode,
    name: &str,
    faults: &mut Vec<YamlFault>,
) -> Vec<(String, YamlPlace)> {
    let YamlValue::Map(entries) = &node.value else { return Vec::new() };
    let Some((_, extends)) = entries.iter().find(|(key, _)| key.text == "extends") else { return Vec::new() };
    let mut bases = Vec::new();
    for item in read_items(extends, faults) {
        let Some(base) = read_text(item, faults) else { continue };
        if find_pack(base).is_some() {
            bases.push((base.to_owned(), item.at));
            continue;
        }
        if is_remote_name(base) {
            match RemotePolicyFile::parse_name(base) {
                Ok(_) => bases.push((base.to_owned(), item.at)),
                Err(what) => {
                    faults.push(YamlFault::new(item.at, what).with_expected(ExpectedValue::BaseFile));
                }
            }
            continue;
        }
        match check_plain_path(base) {
            Ok(path) if path.ends_with(".yml") || path.ends_with(".yaml") => {
                let path = match (RemotePolicyFile::parse_name(name), name.rsplit_once('/')) {
                    (Ok(remote), _) => remote.name_beside(path),
                    (Err(_), None) => path.to_owned(),
                    (Err(_), Some((folder, _))) => format!("{folder}/{path}"),
                };
                bases.push((path, item.at));
            }
            Ok(_) => {
                let fault = missing_file_fault(base, item.at);
                faults.push(fault.with_expected(ExpectedValue::BaseFile));
            }
            Err(what) => {
                let mut fault = YamlFault::new(item.at, what).with_expected(ExpectedValue::BaseFile);
                fault.help = find_near_pack(base).map(|near| format!("did you mean the pack `{near}`?"));
                faults.push(fault);
            }
        }
    }
    bases
}

/// Returns the folder that the paths in a policy start from, in words: a policy outside of a repository has
/// its other files beside it.
pub(crate) fn name_root(policy_file: &str) -> &'static str {
    if policy_file.contains('/') { "the root of the repository" } else { "the folder of this file" }
}

/// Returns the fault for a file that exists and cannot be read.
pub(crate) fn unreadable_file_fault(name: &str, at: YamlPlace, why: &str) -> YamlFault {
    YamlFault::new(at, format!("`{}` cannot be read: {why}", shorten_for_message(name)))
}

fn missing_file_fault(name: &str, at: YamlPlace) -> YamlFault {
    if let Some((first, rest)) = name.split_once(" - ") {
        let (first, rest) = (shorten_for_message(first), shorten_for_message(&rest.replace(" - ", ", ")));
        let what = format!("`{first}` and the lines below it are one text here, and no list");
        return YamlFault::new(at, what).with_help(format!("write `[{first}, {rest}]`"));
    }
    let fault = YamlFault::new(at, format!("there is no `{}`", shorten_for_message(name)));
    if let Some(near) = find_near_pack(name) {
        return fault.with_help(format!("did you mean the pack `{near}`?"));
    }
    if let Some(brackets) = suggest_list_form(name) {
        return fault.with_help(brackets);
    }
    let names: Vec<&str> = POLICY_PACKS.iter().map(|pack| pack.name).collect();
    let names = names.join(", ");
    fault.with_help(format!("name a file beside this one (`name.yml`), or one of the packs {names}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(text: &str) -> String {
        let mut meaning = String::new();
        write_meaning(&yaml::read_document(text.as_bytes()).unwrap(), &mut meaning);
        meaning
    }

    #[test]
    fn words_for_people_are_no_part_of_what_a_pack_means() {
        let pack = "name: x\nrules:\n  one: { title: a, why: b, for: [normal] }\n";
        assert_eq!(
            meaning(pack),
            meaning("name: x\nsummary: s\nrules: { one: { title: z, for: [normal] } }")
        );
        for other in [
            "name: x\nrules:\n  one: { title: a, why: b, for: [normal, isms] }\n",
            "name: x\nrules:\n  one: { title: a, why: b, for: ['normal'] }\n",
            "name: x\nrules:\n  two: { title: a, why: b, for: [normal] }\n",
            "name: x\nrules:\n  one: { title: a, why: b }\n",
        ] {
            assert_ne!(meaning(pack), meaning(other), "{other}");
        }
    }
}
