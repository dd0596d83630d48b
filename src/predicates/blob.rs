//! `blob`: the contents of the new files of a change.
//!
//! Sizes and first bytes decide; no file is read to its end. A file that is added and removed again
//! within the change counts, because it stays in the history.

use std::collections::HashSet;

use crate::change::{
    BlobSummary, ChangeDiff, FactKind, Missing, NeededFacts, PathChange, PathEntry, PathEntryKind, Text,
};
use crate::pattern::PathPattern;
use crate::predicates::support::byte_limit::ByteLimit;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{matches_any_pattern, quote_patterns, read_list};
use crate::verdict::{Finding, Message, MessageTemplate, messages};
use crate::yaml::decode::{MapReader, parse_one, read_choice};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "blob.question": "{parts+, and }";
    QUESTION_SIZE = "blob.question-size": "no new file is larger than {limit}";
    QUESTION_MODELS = "blob.question-models": "no new file is itself a model";
    QUESTION_POINTERS = "blob.question-pointers": "Git LFS pointers are well-formed";
    QUESTION_LFS_PATHS = "blob.question-lfs-paths": "{paths/or} are Git LFS pointers";
    TOO_LARGE = "blob.too-large": "{path} has {size} bytes; the limit is {limit}";
    RAW_WEIGHTS = "blob.raw-weights": "{path} is a model; store it with Git LFS and commit the pointer";
    NOT_A_POINTER = "blob.not-a-pointer": "{path} must be a Git LFS pointer, but holds the content itself";
    MALFORMED_POINTER = "blob.malformed-pointer": "{path} starts like a Git LFS pointer, but is not one: {reason}";
    POINTER_TOO_LONG = "blob.pointer-too-long": "it is too long";
    POINTER_NOT_UTF8 = "blob.pointer-not-utf8": "it is not UTF-8";
    POINTER_UNENDED_LINE = "blob.pointer-unended-line": "its last line has no line end";
    POINTER_VERSION = "blob.pointer-version": "its version is not `https://git-lfs.github.com/spec/v1`";
    POINTER_LINE = "blob.pointer-line": "a line is not a key and a value";
    POINTER_KEY_ORDER = "blob.pointer-key-order": "its keys are not in order, each once";
    POINTER_OID = "blob.pointer-oid": "its `oid` is not `sha256:` and 64 hexadecimal digits";
    POINTER_SIZE = "blob.pointer-size": "its `size` is not a number of bytes";
    POINTER_UNKNOWN_KEY = "blob.pointer-unknown-key": "it has a key that pointers do not have";
    POINTER_WITHOUT_OID = "blob.pointer-without-oid": "it has no `oid`";
    POINTER_WITHOUT_SIZE = "blob.pointer-without-size": "it has no `size`";
}

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "blob",
    summary: "The new files of the change are small enough, and models are stored as pointers.",
    why: "A file that is in the history cannot be removed again. The weights of a model belong in a store of large \
          files; the commit then names them by their digest, which evidence can refer to.",
    parameters: "\
- `largest: 5MB`: no file is larger (B, KB, MB, GB count in thousands; KiB, MiB, GiB in steps of 1,024);
- `raw-weights: refuse`: no file is itself a model, by its name (`*.safetensors`, `*.gguf`, `*.ggml`, `*.pt`, \
`*.pth`, `*.ckpt`, `*.onnx`, `*.h5`, `*.pb`, `*.tflite`, and `*.bin` from 1 MB) or by its first bytes (safetensors, \
GGUF, pickle), unless it is a Git LFS pointer;
- `lfs-pointer: well-formed`: a file that starts like a Git LFS pointer is one: `version`, `oid sha256:` with 64 \
digits, `size`, the keys in order, and no other keys but extensions;
- `lfs: [patterns]`: files with these paths are such pointers (an empty file is its own);
- if there are several parameters, all of them must hold. Every commit is checked; deletions and submodules are \
ignored.",
    passing_example: "
ask: { blob: { largest: 5MB, raw-weights: refuse, lfs-pointer: well-formed } }
change:
  commits:
    - paths:
        - path: models/intent.safetensors
          start: |
            version https://git-lfs.github.com/spec/v1
            oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
            size 438023168
",
    failing_example: "
ask: { blob: { largest: 5MB, raw-weights: refuse } }
change:
  commits:
    - paths:
        - { path: models/intent.safetensors, size: 438023168 }
",
};

/// The size in bytes from which on a `*.bin` file counts as a model.
const MIN_BIN_MODEL_BYTES: u64 = 1_000_000;
/// The extensions of models of any size.
const MODEL_EXTENSIONS: [&str; 10] =
    ["safetensors", "gguf", "ggml", "pt", "pth", "ckpt", "onnx", "h5", "pb", "tflite"];
/// The start of the first line of every pointer.
const LFS_POINTER_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The parameters of `blob`.
#[derive(Clone, Debug, PartialEq)]
pub struct BlobPredicate {
    max_size: Option<ByteLimit>,
    refuses_raw_weights: bool,
    checks_lfs_pointers: bool,
    lfs_paths: Vec<PathPattern>,
}

impl BlobPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let mut blob = BlobPredicate {
            max_size: None,
            refuses_raw_weights: false,
            checks_lfs_pointers: false,
            lfs_paths: read_list(&mut map, "lfs", faults, PathPattern::new),
        };
        if let Some(node) = map.find_key("largest") {
            blob.max_size = parse_one(node, faults, ByteLimit::new);
        }
        if let Some(node) = map.find_key("raw-weights") {
            blob.refuses_raw_weights = read_choice(node, &[("refuse", true)], faults).unwrap_or(false);
        }
        if let Some(node) = map.find_key("lfs-pointer") {
            blob.checks_lfs_pointers = read_choice(node, &[("well-formed", true)], faults).unwrap_or(false);
        }
        map.refuse_unknown_keys(faults);
        if before == faults.len() && blob.describe_parts().is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of largest, lfs, lfs-pointer, raw-weights"));
        }
        (before == faults.len()).then_some(blob)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Paths);
        needs.insert(FactKind::Blobs);
    }

    pub(crate) fn describe(&self) -> Message {
        QUESTION.with("parts", self.describe_parts())
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        // A merge brings the same content again, which is judged once.
        let mut judged: HashSet<(&Text, PathEntry)> = HashSet::new();
        for diff in context.change.list_diffs() {
            let paths = match diff.paths {
                Ok(paths) => paths,
                Err(gap) => {
                    missing = Some(gap.clone());
                    continue;
                }
            };
            for change in paths {
                let Some(entry) = find_new_content(change) else { continue };
                if !judged.insert((&change.path, entry)) {
                    continue;
                }
                match self.find_violations(change, entry) {
                    Ok(violations) => {
                        for what in violations {
                            findings.push(blob_finding(diff, change, what));
                        }
                    }
                    Err(gap) => missing = Some(gap),
                }
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns what is wrong with one file.
    fn find_violations(&self, change: &PathChange, entry: PathEntry) -> Result<Vec<Message>, Missing> {
        let blob = change.blob.as_ref().map_err(Missing::clone)?;
        let path = &change.path;
        let mut violations = Vec::new();
        if let Some(limit) = &self.max_size
            && blob.size > limit.bytes
        {
            let what = TOO_LARGE.with("path", path).with("size", blob.size);
            violations.push(what.with("limit", limit.written.as_str()));
        }
        // The content of a link is a path.
        if entry.kind == PathEntryKind::Symlink {
            return Ok(violations);
        }
        let pointer = classify_lfs_pointer(blob);
        let must_be_pointer = matches_any_pattern(&self.lfs_paths, path) && blob.size > 0;
        match pointer {
            LfsPointer::Malformed(reason) if self.checks_lfs_pointers || must_be_pointer => {
                violations.push(MALFORMED_POINTER.with("path", path).with("reason", reason));
            }
            LfsPointer::NotAPointer if must_be_pointer => {
                violations.push(NOT_A_POINTER.with("path", path));
            }
            _ => {}
        }
        if self.refuses_raw_weights && pointer != LfsPointer::WellFormed {
            match is_model_file(path, blob) {
                Some(true) => violations.push(RAW_WEIGHTS.with("path", path)),
                Some(false) => {}
                None if violations.is_empty() => {
                    let reason = "a file is too large to be opened".into();
                    return Err(Missing::Unavailable(FactKind::Blobs, reason));
                }
                None => {}
            }
        }
        Ok(violations)
    }

    fn describe_parts(&self) -> Vec<Message> {
        let mut parts = Vec::new();
        if let Some(limit) = &self.max_size {
            parts.push(QUESTION_SIZE.with("limit", limit.written.as_str()));
        }
        if self.refuses_raw_weights {
            parts.push(Message::from(&QUESTION_MODELS));
        }
        if self.checks_lfs_pointers {
            parts.push(Message::from(&QUESTION_POINTERS));
        }
        if !self.lfs_paths.is_empty() {
            parts.push(QUESTION_LFS_PATHS.with("paths", quote_patterns(&self.lfs_paths)));
        }
        parts
    }
}

/// Returns the entry at a path after the change, if it is a file or a link whose content is new there.
fn find_new_content(change: &PathChange) -> Option<PathEntry> {
    let after = change.after?;
    if after.kind == PathEntryKind::Submodule {
        return None;
    }
    match change.before {
        Some(before) if before.id == after.id && is_file(before.kind) == is_file(after.kind) => None,
        _ => Some(after),
    }
}

fn is_file(kind: PathEntryKind) -> bool {
    matches!(kind, PathEntryKind::File | PathEntryKind::Executable)
}

fn blob_finding(diff: ChangeDiff<'_>, change: &PathChange, what: Message) -> Finding {
    Finding::new(what).in_commit(diff.commit_id).at_path(&change.path)
}

/// Whether a file is a Git LFS pointer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum LfsPointer {
    /// The file does not start like a pointer.
    NotAPointer,
    /// The file starts like a pointer and is not one, for this reason.
    Malformed(&'static MessageTemplate),
    /// The file is a pointer.
    WellFormed,
}

/// Returns whether a file is a Git LFS pointer, as defined by git-lfs-spec(5).
fn classify_lfs_pointer(blob: &BlobSummary) -> LfsPointer {
    let Some(start) = &blob.start else { return LfsPointer::NotAPointer };
    let text = start.as_bytes();
    if !text.starts_with(LFS_POINTER_START) {
        return LfsPointer::NotAPointer;
    }
    // The specification bounds a pointer below 1,024 bytes, so a pointer is here completely.
    if u64::try_from(text.len()) != Ok(blob.size) || text.len() >= BlobSummary::MAX_START_BYTES {
        return LfsPointer::Malformed(&POINTER_TOO_LONG);
    }
    match check_lfs_pointer(text) {
        Ok(()) => LfsPointer::WellFormed,
        Err(reason) => LfsPointer::Malformed(reason),
    }
}

/// Returns the SHA-256 of the object that a Git LFS pointer stands for; `None` for any other file.
pub(crate) fn find_lfs_digest(blob: &BlobSummary) -> Option<String> {
    if classify_lfs_pointer(blob) != LfsPointer::WellFormed {
        return None;
    }
    let text = blob.start.as_ref()?.as_utf8()?;
    text.lines().find_map(|line| line.strip_prefix("oid sha256:")).map(str::to_owned)
}

/// Checks what follows the start of a pointer; the order of the keys is part of the format.
fn check_lfs_pointer(text: &[u8]) -> Result<(), &'static MessageTemplate> {
    let text = std::str::from_utf8(text).map_err(|_| &POINTER_NOT_UTF8)?;
    let text = text.strip_suffix('\n').ok_or(&POINTER_UNENDED_LINE)?;
    let mut lines = text.split('\n');
    if lines.next() != Some("version https://git-lfs.github.com/spec/v1") {
        return Err(&POINTER_VERSION);
    }
    let mut last = "";
    let mut has_oid = false;
    let mut has_size = false;
    for line in lines {
        let (key, value) = line.split_once(' ').ok_or(&POINTER_LINE)?;
        if key <= last {
            return Err(&POINTER_KEY_ORDER);
        }
        last = key;
        match key {
            "oid" if is_lfs_oid(value) => has_oid = true,
            "oid" => return Err(&POINTER_OID),
            "size" if is_lfs_size(value) => has_size = true,
            "size" => return Err(&POINTER_SIZE),
            // `ext-0-name sha256:...` says what another program did to the content.
            key if key.starts_with("ext-") && is_lfs_oid(value) => {}
            _ => return Err(&POINTER_UNKNOWN_KEY),
        }
    }
    if !has_oid {
        return Err(&POINTER_WITHOUT_OID);
    }
    if has_size { Ok(()) } else { Err(&POINTER_WITHOUT_SIZE) }
}

fn is_lfs_oid(value: &str) -> bool {
    match value.strip_prefix("sha256:") {
        Some(digits) => digits.len() == 64 && digits.bytes().all(is_lower_hex_digit),
        None => false,
    }
}

fn is_lower_hex_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn is_lfs_size(value: &str) -> bool {
    let is_plain = value == "0" || !value.starts_with('0');
    is_plain && value.bytes().all(|byte| byte.is_ascii_digit()) && value.parse::<i64>().is_ok()
}

/// Returns whether a file is a model, or `None` if that depends on bytes that are not known.
fn is_model_file(path: &Text, blob: &BlobSummary) -> Option<bool> {
    let path = path.as_bytes().to_ascii_lowercase();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let extension = match name.rsplitn(2, |byte| *byte == b'.').collect::<Vec<_>>().as_slice() {
        [extension, _] => *extension,
        _ => &[],
    };
    let has_model_extension = MODEL_EXTENSIONS.iter().any(|known| known.as_bytes() == extension);
    if (has_model_extension && blob.size > 0) || (extension == b"bin" && blob.size >= MIN_BIN_MODEL_BYTES) {
        return Some(true);
    }
    let start = blob.start.as_ref()?.as_bytes();
    Some(start.starts_with(b"GGUF") || is_pickle(start) || is_safetensors(start, blob.size))
}

/// Returns whether these are the first bytes of a pickle of protocol 2 or later, which is also what
/// torch saves, within a zip file.
fn is_pickle(start: &[u8]) -> bool {
    matches!(start, [0x80, 2..=5, ..])
        || zip_entry_name(start).is_some_and(|name| name.ends_with(b"/data.pkl"))
}

/// Returns the name of the first file in a zip file.
fn zip_entry_name(start: &[u8]) -> Option<&[u8]> {
    if !start.starts_with(b"PK\x03\x04") {
        return None;
    }
    let length = usize::from(*start.get(26)?);
    start.get(30..30 + length)
}

/// Returns whether these are the first bytes of a safetensors file: the length of its header, which is
/// a JSON object.
fn is_safetensors(start: &[u8], size: u64) -> bool {
    let Some(bytes) = start.first_chunk::<8>() else { return false };
    let length = u64::from_le_bytes(*bytes);
    let fits = length >= 2 && length.checked_add(8).is_some_and(|end| end <= size);
    fits && start.get(8) == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use crate::change::Text;
    use crate::predicates::support::examples::{
        answer_edited, answer_example, finding_texts, question_faults,
    };

    const OID: &str = "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n";
    const VERSION: &str = "version https://git-lfs.github.com/spec/v1\n";

    /// Asks about one file with these first bytes; `more` is how many bytes follow.
    fn file(question: &str, path: &str, start: &[u8], more: u64) -> Vec<String> {
        let text = format!("ask: {{ blob: {question} }}\nchange: {{ commits: [{{ paths: [x] }}] }}");
        finding_texts(&answer_edited(&text, |change| {
            let changed = &mut change.commits[0].paths.as_mut().unwrap()[0];
            changed.path = path.into();
            let blob = changed.blob.as_mut().unwrap();
            blob.start = Some(Text::from(&start[..start.len().min(1024)]));
            blob.size = start.len() as u64 + more;
        }))
    }

    fn says(question: &str, paths: &str) -> Vec<String> {
        finding_texts(&answer_example(&format!(
            "ask: {{ blob: {question} }}\nchange: {{ commits: [{{ paths: [{paths}] }}] }}"
        )))
    }

    #[test]
    fn a_limit_is_inclusive_and_its_unit_is_what_it_says() {
        for (limit, most) in [
            ("1B", 1u64),
            ("5MB", 5_000_000),
            ("5 MB", 5_000_000),
            ("1KiB", 1024),
            ("2GiB", 2 << 30),
            ("3GB", 3_000_000_000),
        ] {
            let question = format!("{{ largest: {limit} }}");
            assert_eq!(says(&question, &format!("{{ path: a, size: {most} }}")), [""; 0], "{limit}");
            assert_eq!(says(&question, &format!("{{ path: a, size: {} }}", most + 1)).len(), 1, "{limit}");
        }
        assert_eq!(
            says("{ largest: 5MB }", "{ path: \"a\\nb\", size: 5000001 }"),
            ["`a\nb` has 5000001 bytes; the limit is 5MB"]
        );
    }

    #[test]
    fn what_enters_the_history_counts_even_if_it_is_gone_at_the_end() {
        let change = "change: { commits: [{ paths: [{ path: a, size: 9000, was: nothing }] }, { paths: [{ path: a, now: nothing }] }] }";
        assert_eq!(
            finding_texts(&answer_example(&format!("ask: {{ blob: {{ largest: 1KB }} }}\n{change}"))).len(),
            1
        );
        assert_eq!(
            says(
                "{ largest: 1KB }",
                "{ path: a, size: 9000, now: nothing }, { path: b, now: submodule, size: 9000 }"
            ),
            [""; 0]
        );
        assert_eq!(says("{ largest: 1KB }", "{ path: a, size: 9000, now: symlink }").len(), 1);
    }

    #[test]
    fn a_new_mode_is_not_new_content() {
        let text = "ask: { blob: { largest: 1KB } }\nchange: { commits: [{ paths: [{ path: a, size: 9000, now: executable }] }] }";
        let same = |change: &mut crate::change::Change| {
            let changed = &mut change.commits[0].paths.as_mut().unwrap()[0];
            changed.before.as_mut().unwrap().id = changed.after.unwrap().id;
        };
        assert_eq!(finding_texts(&answer_edited(text, same)), [""; 0]);
        assert_eq!(
            finding_texts(&answer_edited(&text.replace("now: exec", "was: symlink, now: exec"), same)).len(),
            1
        );
    }

    #[test]
    fn a_model_is_known_by_its_name_and_by_its_first_bytes() {
        let refuse = "{ raw-weights: refuse }";
        for path in ["a/b.safetensors", "B.GGUF", "c.pt", "x.tar.h5"] {
            assert_eq!(file(refuse, path, b"x", 0).len(), 1, "{path}");
        }
        assert_eq!(file(refuse, "a.bin", b"x", 999_998), [""; 0]);
        assert_eq!(file(refuse, "a.bin", b"x", 999_999).len(), 1);
        let mut torch = b"PK\x03\x04".to_vec();
        torch.resize(26, 0);
        torch.extend(b"\x10\0\0\0archive/data.pkl");
        for (start, what) in [
            (&b"GGUF\x03\0\0\0"[..], "gguf"),
            (b"\x80\x04\x95rest", "pickle"),
            (b"\x80\x02}q\0", "pickle"),
            (&torch, "torch"),
            (b"\x10\0\0\0\0\0\0\0{\"a\":{}}        ", "safetensors"),
        ] {
            assert_eq!(file(refuse, "assets/logo.png", start, 0).len(), 1, "{what}");
        }
        for start in [
            &b""[..],
            b"plain text {",
            b"\x80",
            b"\x80\x09",
            b"PK\x03\x04",
            b"\xff\xff\xff\xff\xff\xff\xff\xff{",
        ] {
            assert_eq!(file(refuse, "a.txt", start, 0), [""; 0], "{start:?}");
        }
        assert_eq!(file(refuse, "models.pt/readme", b"x", 0), [""; 0]);
    }

    #[test]
    fn a_pointer_stands_for_a_model_only_if_it_is_well_formed() {
        let question = "{ raw-weights: refuse, lfs-pointer: well-formed }";
        let good = format!("{VERSION}{OID}size 12\n");
        assert_eq!(file(question, "a.gguf", good.as_bytes(), 0), [""; 0]);
        let extended = format!("{VERSION}ext-0-foo {}{OID}size 12\n", OID.strip_prefix("oid ").unwrap());
        assert_eq!(file(question, "a.gguf", extended.as_bytes(), 0), [""; 0]);
        let padded = format!("{good}{}", "x".repeat(2000));
        for bad in [
            format!("{VERSION}size 12\n{OID}"),
            format!("{VERSION}{OID}"),
            format!("{VERSION}size 12\n"),
            format!("{VERSION}{OID}size 12"),
            format!("{VERSION}{OID}size 12\n\n"),
            format!("{VERSION}{OID}size 12\r\n"),
            format!("{VERSION}{OID}size -1\n"),
            format!("{VERSION}{OID}size 012\n"),
            format!("{VERSION}{OID}{OID}size 12\n"),
            format!("{VERSION}{}size 12\n", OID.to_uppercase().replace("OID SHA", "oid sha")),
            format!("{VERSION}{OID}size 12\nzzz 1\n"),
            format!("{VERSION}{OID}size \u{664}\n"),
            good.replace("spec/v1", "spec/v2"),
            padded,
        ] {
            assert_eq!(file(question, "a.gguf", bad.as_bytes(), 0).len(), 2, "{bad}");
            assert_eq!(file("{ lfs-pointer: well-formed }", "a.txt", bad.as_bytes(), 0).len(), 1, "{bad}");
        }
        assert_eq!(file("{ lfs-pointer: well-formed }", "notes.md", b"see version https://x\n", 0), [""; 0]);
    }

    #[test]
    fn what_a_pattern_puts_into_the_store_has_to_be_a_pointer() {
        let question = "{ lfs: ['*.bin', 'data/'] }";
        assert_eq!(file(question, "data/x", b"raw", 0).len(), 1);
        assert_eq!(file(question, "data/x", format!("{VERSION}{OID}size 1\n").as_bytes(), 0), [""; 0]);
        assert_eq!(file(question, "data/x", format!("{VERSION}{OID}").as_bytes(), 0).len(), 1);
        assert_eq!(file(question, "data/empty", b"", 0), [""; 0]);
        assert_eq!(says(question, "{ path: data/x, size: 99999999 }").len(), 1);
    }

    #[test]
    fn a_file_that_nobody_could_open_is_not_known_to_be_harmless() {
        let found = says("{ raw-weights: refuse }", "{ path: assets/logo.png, size: 99999999 }");
        assert!(found[0].starts_with("unknown: "), "{found:?}");
        assert_eq!(says("{ raw-weights: refuse }", "{ path: a.gguf, size: 99999999 }").len(), 1);
        for unknown in ["paths", "blobs"] {
            let change = format!("change: {{ unknown: [{unknown}], commits: [{{ paths: [a] }}] }}");
            for ask in ["{ blob: { largest: 1B } }", "{ not: { blob: { lfs: a } } }"] {
                let found = finding_texts(&answer_example(&format!("ask: {ask}\n{change}")));
                assert!(found[0].starts_with("unknown: "), "{found:?}");
            }
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for question in [
            "{}",
            "{ largest: 5 }",
            "{ largest: 5mb }",
            "{ largest: 5.5MB }",
            "{ largest: MB }",
            "{ largest: -5MB }",
            "{ largest: 99999999999999999999GB }",
            "{ largest: 99999999999999GB }",
            "{ raw-weights: allow }",
            "{ lfs: '!a' }",
        ] {
            assert_eq!(question_faults(&format!("ask: {{ blob: {question} }}")).len(), 1, "{question}");
        }
    }
}
