//! `blob`: what the new files of a change are made of.
//!
//! Sizes and first bytes decide; nothing is read to its end. A file that was added and removed again
//! within the change counts, because it stays in the history.

use std::collections::HashSet;

use crate::change::{
    BlobSummary, ChangeDiff, FactKind, Missing, NeededFacts, PathChange, PathEntry, PathEntryKind, Text,
};
use crate::pattern::PathPattern;
use crate::predicates::parameters::{format_alternatives, matches_any_pattern};
use crate::predicates::{EvaluationContext, PolicyScope, PredicateDoc, PredicateOutcome};
use crate::verdict::messages;
use crate::verdict::{Finding, Sentence};
use crate::yaml::decode::{MapReader, parse_each, parse_one, read_choice};
use crate::yaml::{YamlFault, YamlNode, shorten_for_message};

messages! {}

/// What a policy's author reads about it.
pub const DOC: PredicateDoc = PredicateDoc {
    name: "blob",
    summary: "The new files of the change are small enough, and models are stored as pointers.",
    why: "What has entered the history cannot be taken out of it again. The weights of a model belong into a store \
          of large files, where the commit names them by their digest, so that evidence can be tied to it.",
    parameters: "\
- `largest: 5MB`: no file is larger (B, KB, MB, GB count in thousands; KiB, MiB, GiB in steps of 1,024);
- `raw-weights: refuse`: no file is a model itself, by its name (`*.safetensors`, `*.gguf`, `*.ggml`, `*.pt`, \
`*.pth`, `*.ckpt`, `*.onnx`, `*.h5`, `*.pb`, `*.tflite`, and `*.bin` from 1 MB) or by its first bytes (safetensors, \
GGUF, pickle), unless it is a Git LFS pointer;
- `lfs-pointer: well-formed`: a file that starts like a Git LFS pointer is one: `version`, `oid sha256:` with 64 \
digits, `size`, the keys in order, nothing else but extensions;
- `lfs: [patterns]`: files with these paths are such pointers (an empty file is its own);
- of several parameters, all are meant. Every commit is looked at; deletions and submodules are left out.",
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

/// From how many bytes on a `*.bin` is taken for a model.
const MIN_BIN_MODEL_BYTES: u64 = 1_000_000;
/// The extensions that models have, whatever their size.
const MODEL_EXTENSIONS: [&str; 10] =
    ["safetensors", "gguf", "ggml", "pt", "pth", "ckpt", "onnx", "h5", "pb", "tflite"];
/// How the first line of every pointer starts.
const LFS_POINTER_START: &[u8] = b"version https://git-lfs.github.com/spec/";

/// The question.
#[derive(Clone, Debug, PartialEq)]
pub struct BlobPredicate {
    max_size: Option<ByteLimit>,
    refuses_raw_weights: bool,
    checks_lfs_pointers: bool,
    lfs_paths: Vec<PathPattern>,
}

/// A number of bytes, and how the policy writes it.
#[derive(Clone, Debug, PartialEq)]
struct ByteLimit {
    bytes: u64,
    written: String,
}

impl BlobPredicate {
    pub(crate) fn read_parameters(
        node: &YamlNode,
        _: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let largest = map.find_key("largest").and_then(|node| parse_one(node, faults, ByteLimit::new));
        let raw_weights =
            map.find_key("raw-weights").and_then(|node| read_choice(node, &[("refuse", true)], faults));
        let well_formed =
            map.find_key("lfs-pointer").and_then(|node| read_choice(node, &[("well-formed", true)], faults));
        let lfs =
            map.find_key("lfs").map(|node| parse_each(node, faults, PathPattern::new)).unwrap_or_default();
        map.refuse_unknown_keys(faults);
        let blob = BlobPredicate {
            max_size: largest,
            refuses_raw_weights: raw_weights.unwrap_or(false),
            checks_lfs_pointers: well_formed.unwrap_or(false),
            lfs_paths: lfs,
        };
        if before == faults.len() && blob.describe_parts().is_empty() {
            faults.push(YamlFault::new(node.at, "expected one of largest, lfs, lfs-pointer, raw-weights"));
        }
        (before == faults.len()).then_some(blob)
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.insert(FactKind::Paths);
        needs.insert(FactKind::Blobs);
    }

    pub(crate) fn describe(&self) -> String {
        self.describe_parts().join(", and ")
    }

    pub(crate) fn evaluate(&self, seen: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        let mut findings = Vec::new();
        let mut missing = None;
        // A merge brings the same content again.
        let mut known: HashSet<(&Text, PathEntry)> = HashSet::new();
        for diff in seen.change.list_diffs() {
            let paths = match diff.paths {
                Ok(paths) => paths,
                Err(gap) => {
                    missing = Some(gap.clone());
                    continue;
                }
            };
            for change in paths {
                let Some(entry) = find_new_content(change) else { continue };
                if !known.insert((&change.path, entry)) {
                    continue;
                }
                match change
                    .blob
                    .as_ref()
                    .map_err(Clone::clone)
                    .and_then(|blob| self.find_violations(change, entry, blob))
                {
                    Ok(reasons) => {
                        findings.extend(reasons.into_iter().map(|reason| blob_finding(diff, change, reason)))
                    }
                    Err(gap) => missing = Some(gap),
                }
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns what is wrong with one file, in words that follow its path.
    fn find_violations(
        &self,
        change: &PathChange,
        entry: PathEntry,
        blob: &BlobSummary,
    ) -> Result<Vec<String>, Missing> {
        let mut reasons = Vec::new();
        if let Some(largest) = self.max_size.as_ref().filter(|largest| largest.bytes < blob.size) {
            let (size, most) = (blob.size, &largest.written);
            reasons.push(format!(" has {size} bytes, and at most {most} is allowed"));
        }
        if entry.kind == PathEntryKind::Symlink {
            return Ok(reasons);
        }
        let pointer = classify_lfs_pointer(blob);
        let must_be = matches_any_pattern(&self.lfs_paths, &change.path) && blob.size != 0;
        match &pointer {
            LfsPointer::Malformed(why) if self.checks_lfs_pointers || must_be => {
                reasons.push(format!(" is no Git LFS pointer, though it starts like one: {why}"));
            }
            LfsPointer::NotAPointer if must_be => {
                reasons.push(" has to be a Git LFS pointer, and holds the content itself".into())
            }
            _ => {}
        }
        if self.refuses_raw_weights && pointer != LfsPointer::WellFormed {
            match is_model_file(&change.path, blob) {
                Some(true) => reasons.push(" is the model itself, and not a Git LFS pointer to it".into()),
                Some(false) => {}
                None if reasons.is_empty() => {
                    return Err(Missing::Unavailable(
                        FactKind::Blobs,
                        "a file is too large to be opened".into(),
                    ));
                }
                None => {}
            }
        }
        Ok(reasons)
    }

    fn describe_parts(&self) -> Vec<String> {
        let largest =
            self.max_size.as_ref().map(|size| format!("no new file is larger than {}", size.written));
        let weights = self.refuses_raw_weights.then(|| "no new file is a model itself".to_owned());
        let well_formed = self.checks_lfs_pointers.then(|| "Git LFS pointers are well-formed".to_owned());
        let lfs = (!self.lfs_paths.is_empty())
            .then(|| format!("{} are Git LFS pointers", format_alternatives(&self.lfs_paths)));
        largest.into_iter().chain(weights).chain(well_formed).chain(lfs).collect()
    }
}

impl ByteLimit {
    fn new(written: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "expected a size such as `500KB`, `5MB` or `1GiB`, found `{}`",
                shorten_for_message(written)
            )
        };
        let digits = written.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = written.split_at_checked(digits).ok_or_else(refuse)?;
        let factor: u64 = match unit.trim_start() {
            "B" => 1,
            "KB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(refuse()),
        };
        let number: u64 = number.parse().map_err(|_| refuse())?;
        let bytes = number.checked_mul(factor).ok_or_else(refuse)?;
        Ok(ByteLimit { bytes, written: written.to_owned() })
    }
}

/// Returns what stands at a path now, if it is a file or a link whose content is new there.
fn find_new_content(change: &PathChange) -> Option<PathEntry> {
    let after = change.after.filter(|after| after.kind != PathEntryKind::Submodule)?;
    let is_file = |kind| matches!(kind, PathEntryKind::File | PathEntryKind::Executable);
    let same = |before: PathEntry| before.id == after.id && is_file(before.kind) == is_file(after.kind);
    (!change.before.is_some_and(same)).then_some(after)
}

fn blob_finding(diff: ChangeDiff<'_>, change: &PathChange, reason: String) -> Finding {
    let what = Sentence::default().with_quote(&change.path).with_words(reason);
    Finding::new(what).in_commit(diff.commit_id).at_path(&change.path)
}

/// Whether a file is a Git LFS pointer.
#[derive(Debug, PartialEq)]
enum LfsPointer {
    /// It does not start like one.
    NotAPointer,
    /// It starts like one and is not, for this reason.
    Malformed(&'static str),
    /// It is one.
    WellFormed,
}

/// Returns whether a file is a Git LFS pointer, as git-lfs-spec(5) has it.
fn classify_lfs_pointer(blob: &BlobSummary) -> LfsPointer {
    let Some(start) = &blob.start else { return LfsPointer::NotAPointer };
    let text = start.as_bytes();
    if !text.starts_with(LFS_POINTER_START) {
        return LfsPointer::NotAPointer;
    }
    // The specification bounds a pointer below 1,024 bytes, so all of it is here or it is none.
    if u64::try_from(text.len()) != Ok(blob.size) || BlobSummary::MAX_START_BYTES <= text.len() {
        return LfsPointer::Malformed("it is too long");
    }
    match check_lfs_pointer(text) {
        Ok(()) => LfsPointer::WellFormed,
        Err(why) => LfsPointer::Malformed(why),
    }
}

fn check_lfs_pointer(text: &[u8]) -> Result<(), &'static str> {
    let text = std::str::from_utf8(text).map_err(|_| "it is not UTF-8")?;
    let text = text.strip_suffix('\n').ok_or("its last line does not end")?;
    let mut lines = text.split('\n');
    if lines.next() != Some("version https://git-lfs.github.com/spec/v1") {
        return Err("its version is not `https://git-lfs.github.com/spec/v1`");
    }
    let mut last = "";
    let (mut has_oid, mut has_size) = (false, false);
    for line in lines {
        let (key, value) = line.split_once(' ').ok_or("a line is not a key and a value")?;
        if key <= last {
            return Err("its keys are not in order, each once");
        }
        last = key;
        match key {
            "oid" if is_lfs_oid(value) => has_oid = true,
            "oid" => return Err("its `oid` is not `sha256:` and 64 hexadecimal digits"),
            "size" if is_lfs_size(value) => has_size = true,
            "size" => return Err("its `size` is not a number of bytes"),
            // `ext-0-name sha256:...` tells what another program has done to the content.
            key if key.starts_with("ext-") && is_lfs_oid(value) => {}
            _ => return Err("it has a key that pointers do not have"),
        }
    }
    if !has_oid {
        return Err("it has no `oid`");
    }
    if has_size { Ok(()) } else { Err("it has no `size`") }
}

fn is_lfs_oid(value: &str) -> bool {
    let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    value.strip_prefix("sha256:").is_some_and(|digits| digits.len() == 64 && digits.bytes().all(hex))
}

fn is_lfs_size(value: &str) -> bool {
    let plain = value.bytes().all(|byte| byte.is_ascii_digit()) && (value == "0" || !value.starts_with('0'));
    plain && value.parse::<i64>().is_ok()
}

/// Returns whether a file is a model, or `None` if its bytes would have to tell and are not there.
fn is_model_file(path: &Text, blob: &BlobSummary) -> Option<bool> {
    let path = path.as_bytes().to_ascii_lowercase();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let dot = name.iter().rposition(|byte| *byte == b'.');
    let extension = dot.and_then(|dot| name.get(dot + 1..)).unwrap_or_default();
    let named = MODEL_EXTENSIONS.iter().any(|known| known.as_bytes() == extension);
    if (named && blob.size != 0) || (extension == b"bin" && MIN_BIN_MODEL_BYTES <= blob.size) {
        return Some(true);
    }
    let start = blob.start.as_ref()?.as_bytes();
    Some(start.starts_with(b"GGUF") || is_pickle(start) || is_safetensors(start, blob.size))
}

/// A pickle of protocol 2 or later says so in two bytes; what torch saves is one within a zip.
fn is_pickle(start: &[u8]) -> bool {
    let zipped = start.starts_with(b"PK\x03\x04")
        && start
            .get(26..28)
            .and_then(|length| start.get(30..30 + usize::from(*length.first()?)))
            .is_some_and(|name| name.ends_with(b"/data.pkl"));
    zipped || matches!(start, [0x80, 2..=5, ..])
}

/// A safetensors file starts with the length of its header, which is a JSON object.
fn is_safetensors(start: &[u8], size: u64) -> bool {
    let length = start.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    let fits =
        length.is_some_and(|length| 2 <= length && length.checked_add(8).is_some_and(|end| end <= size));
    fits && start.get(8) == Some(&b'{')
}

#[cfg(test)]
mod tests {
    use crate::change::Text;
    use crate::predicates::examples::{answer_edited, answer_example, finding_texts, question_faults};

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
            ["`a\nb` has 5000001 bytes, and at most 5MB is allowed"]
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
