//! `digest-of`: whether a field states the digest of each of certain files that land.
//!
//! A digest ties what was said, such as an evaluation, to the bytes that it was said of.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::change::content_question::ContentQuestion;
use crate::change::{Change, FactKind, Missing, NeededFacts, PathChange, PathEntryKind, Text};
use crate::pattern::PathPattern;
use crate::predicates::blob::find_lfs_digest;
use crate::predicates::support::context::{EvaluationContext, PolicyScope};
use crate::predicates::support::documentation::PredicateDoc;
use crate::predicates::support::outcome::PredicateOutcome;
use crate::predicates::support::parameters::{matches_any_pattern, quote_patterns};
use crate::verdict::{Finding, Message, messages};
use crate::vocabulary::{ClaimSource, FieldDefinition};
use crate::yaml::decode::{MapReader, parse_each, read_choice, read_text};
use crate::yaml::{YamlFault, YamlNode};

messages! {
    QUESTION = "digest-of.question": "`{field}` states the digest of each of {paths/or} that lands";
    DVC_COUNTS = "digest-of.dvc-counts": "of a `.dvc` file, the MD5 of its output counts";
    NOT_STATED = "digest-of.not-stated": "{path} has the digest {digest}, which `{field}` does not state";
    NO_DVC_DIGEST = "digest-of.no-dvc-digest": "{path} names no MD5 of an output";
}

/// How many hexadecimal digits a SHA-256 has.
const SHA256_DIGITS: usize = 64;

/// How many hexadecimal digits an MD5 has.
const MD5_DIGITS: usize = 32;

/// The ending of the files in which DVC names an output.
const DVC_ENDING: &[u8] = b".dvc";

/// The documentation of the predicate.
pub(crate) const DOC: PredicateDoc = PredicateDoc {
    name: "digest-of",
    summary: "A field states the digest of each file with one of these paths that lands.",
    why: "An evaluation counts for the bytes that were evaluated, and for no others. The digest is compared with what \
          lands: the SHA-256 of the file, or for a Git LFS pointer that of the object it stands for.",
    parameters: "\
- `field: NAME`: the field; its values, or parts of them, state digests in hexadecimal digits;
- `path: [patterns]`: the files, as in a `.gitignore`. Each of them that is new, or has new content, has to be stated. \
A change that lands none of them has nothing to state; ask for the field by `field` as well;
- `dvc: md5`: for a `.dvc` file, the MD5 of each output that it names counts, and not the digest of the file itself. MD5 \
keeps nobody from making two files with one digest, so say so only where DVC is used;
- a file of more than 64 MiB is not read: then the answer is unknown. Store it with Git LFS. Links and submodules do not count.",
    passing_example: "
ask: { digest-of: { field: Model-Digest, path: 'models/**' } }
fields: { Model-Digest: { matches: '(sha256:)?[0-9a-f]{64}', example: '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393' } }
change:
  fields: { Model-Digest: sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393 }
  commits:
    - paths:
        - path: models/intent.safetensors
          start: |
            version https://git-lfs.github.com/spec/v1
            oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393
            size 438023168
",
    failing_example: "
ask: { digest-of: { field: Model-Digest, path: 'models/**' } }
fields: { Model-Digest: { matches: '(sha256:)?[0-9a-f]{64}', example: '4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393' } }
change:
  fields: { Model-Digest: sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393 }
  commits:
    - paths: [{ path: models/config.json, start: '{}' }]
",
};

/// The parameters of `digest-of`.
#[derive(Clone, Debug, PartialEq)]
pub struct DigestOfPredicate {
    field: Arc<FieldDefinition>,
    question: Arc<DigestQuestion>,
    reads_dvc: bool,
}

/// The paths whose digests are asked for.
#[derive(Debug, PartialEq)]
struct DigestQuestion {
    id: String,
    paths: Vec<PathPattern>,
}

impl ContentQuestion for DigestQuestion {
    fn id(&self) -> &str {
        &self.id
    }

    fn covers_path(&self, path: &[u8]) -> bool {
        matches_any_pattern(&self.paths, &Text::from(path))
    }

    fn matches_line(&self, _: &[u8]) -> Option<bool> {
        None
    }
}

impl DigestOfPredicate {
    /// Returns the field that states the digests.
    pub(crate) fn stated_field(&self) -> &FieldDefinition {
        &self.field
    }

    pub(crate) fn read_parameters(
        node: &YamlNode,
        scope: &PolicyScope<'_>,
        faults: &mut Vec<YamlFault>,
    ) -> Option<Self> {
        let before = faults.len();
        let mut map = MapReader::new(node, faults)?;
        let named = map.require_key("field", faults);
        let field = named.and_then(|node| {
            let name = read_text(node, faults)?;
            scope.vocabulary.resolve_field(node, name, faults).cloned()
        });
        let paths = map.require_key("path", faults);
        let paths = paths.map(|node| parse_each(node, faults, PathPattern::new)).unwrap_or_default();
        let dvc = map.find_key("dvc").and_then(|node| read_choice(node, &[("md5", true)], faults));
        map.refuse_unknown_keys(faults);
        if before != faults.len() {
            return None;
        }
        let mut id = String::from("sha256");
        for word in paths.iter().map(ToString::to_string) {
            id += &format!(" {}:{word}", word.len());
        }
        let question = Arc::new(DigestQuestion { id, paths });
        Some(DigestOfPredicate { field: field?, question, reads_dvc: dvc.unwrap_or(false) })
    }

    pub(crate) fn add_needs(&self, needs: &mut NeededFacts) {
        needs.extend([FactKind::Paths, FactKind::Blobs, FactKind::Digests]);
        needs.add_question(self.question.clone());
    }

    /// Returns which other digests count.
    pub(crate) fn list_allowances(&self) -> Vec<Message> {
        if self.reads_dvc { vec![Message::from(&DVC_COUNTS)] } else { Vec::new() }
    }

    pub(crate) fn describe(&self) -> Message {
        let message = QUESTION.with("field", self.field.name.as_str());
        message.with("paths", quote_patterns(&self.question.paths))
    }

    pub(crate) fn evaluate(&self, context: &EvaluationContext<'_>) -> Result<PredicateOutcome, Missing> {
        // The last difference that touches a path says what lands there.
        let mut landing: BTreeMap<&Text, &PathChange> = BTreeMap::new();
        let mut missing = None;
        for diff in context.change.list_landing_diffs() {
            match diff.paths {
                Ok(paths) => landing.extend(paths.iter().map(|one| (&one.path, one))),
                Err(gap) => missing = Some(gap.clone()),
            }
        }
        let stated = self.list_stated_digests(context);
        let mut findings = Vec::new();
        for change in landing.into_values() {
            if !self.question.covers_path(change.path.as_bytes()) || !lands_content(change) {
                continue;
            }
            match self.find_digests(change) {
                Ok(digests) => {
                    if digests.is_empty() {
                        let message = NO_DVC_DIGEST.with("path", &change.path);
                        findings.push(Finding::new(message).at_path(&change.path));
                    }
                    for digest in digests.iter().filter(|digest| !stated.contains(*digest)) {
                        let message = NOT_STATED.with("path", &change.path).with("digest", digest.as_str());
                        let message = message.with("field", self.field.name.as_str());
                        let finding = Finding::new(message).at_path(&change.path);
                        findings.push(match self.build_line(digest, context.change) {
                            Some(line) => finding.with_paste(line),
                            None => finding,
                        });
                    }
                }
                Err(gap) => missing = Some(gap),
            }
        }
        PredicateOutcome::from_findings_or_missing(findings, missing)
    }

    /// Returns the line that states a digest; `None` if the field does not accept it, or is stated and takes one value.
    fn build_line(&self, digest: &str, change: &Change) -> Option<String> {
        let source = ClaimSource::Commit(change.commits.len().saturating_sub(1));
        let is_valid = self.field.check_value(&Text::from(digest), change, source).is_ok();
        let takes_more = self.field.is_repeatable || self.field.find_claims(change).is_empty();
        (is_valid && takes_more).then(|| format!("{}: {digest}", self.field.name))
    }

    /// Returns the digests of all files that land and have to be stated, each once; `None` where one is not known.
    pub(crate) fn list_needed_digests(&self, change: &Change) -> Option<Vec<String>> {
        let mut landing: BTreeMap<&Text, &PathChange> = BTreeMap::new();
        for diff in change.list_landing_diffs() {
            landing.extend(diff.paths.as_ref().ok()?.iter().map(|one| (&one.path, one)));
        }
        let mut needed: BTreeSet<String> = BTreeSet::new();
        for path in landing.into_values() {
            if self.question.covers_path(path.path.as_bytes()) && lands_content(path) {
                needed.extend(self.find_digests(path).ok()?);
            }
        }
        Some(needed.into_iter().collect())
    }

    /// Returns the digests that the field states: runs of as many hexadecimal digits as a digest has.
    fn list_stated_digests(&self, context: &EvaluationContext<'_>) -> BTreeSet<String> {
        let mut stated = BTreeSet::new();
        for claim in self.field.find_claims(context.change) {
            let value = claim.value.to_lossy().to_ascii_lowercase();
            for word in value.split(|one: char| !one.is_ascii_alphanumeric()) {
                if is_digest(word, SHA256_DIGITS) || (self.reads_dvc && is_digest(word, MD5_DIGITS)) {
                    stated.insert(word.to_owned());
                }
            }
        }
        stated
    }

    /// Returns the digests that stand for a file.
    fn find_digests(&self, change: &PathChange) -> Result<Vec<String>, Missing> {
        let blob = change.blob.as_ref().map_err(Missing::clone)?;
        if let Some(digest) = find_lfs_digest(blob) {
            return Ok(vec![digest]);
        }
        if self.reads_dvc && change.path.as_bytes().ends_with(DVC_ENDING) {
            let start = blob.start.as_ref().map(Text::to_lossy).unwrap_or_default();
            return Ok(list_dvc_digests(&start));
        }
        Ok(vec![change.find_sha256()?.to_owned()])
    }
}

/// Returns true for a file whose content is new at its path.
fn lands_content(change: &PathChange) -> bool {
    let is_file =
        |kind| matches!(kind, PathEntryKind::File | PathEntryKind::Executable | PathEntryKind::Unknown);
    change.after.is_some_and(|after| {
        is_file(after.kind)
            && change.before.is_none_or(|before| before.id != after.id || !is_file(before.kind))
    })
}

fn is_digest(word: &str, digits: usize) -> bool {
    word.len() == digits && word.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the MD5 of each output that a `.dvc` file names, without what DVC adds for a folder.
fn list_dvc_digests(file: &str) -> Vec<String> {
    let mut digests = Vec::new();
    for line in file.lines() {
        let line = line.trim().trim_start_matches("- ");
        let Some(value) = line.strip_prefix("md5:") else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        let value = value.strip_suffix(".dir").unwrap_or(value).to_ascii_lowercase();
        if is_digest(&value, MD5_DIGITS) {
            digests.push(value);
        }
    }
    digests
}

#[cfg(test)]
mod tests {
    use crate::predicates::support::examples::{answer_example, finding_texts, question_faults};

    const FIELD: &str =
        "fields: { Digest: { text: { min-length: 10 } }, Other: { text: { min-length: 1 } } }\n";
    /// The SHA-256 of `x`.
    const OF_X: &str = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    const OF_Y: &str = "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa";

    fn says(ask: &str, field: &str, paths: &str) -> Vec<String> {
        let text = format!(
            "ask: {{ digest-of: {{ field: Digest, path: 'models/**'{ask} }} }}\n{FIELD}change: {{ fields: {{ Digest: {field} }}, \
             commits: [{{ paths: [{paths}] }}] }}"
        );
        finding_texts(&answer_example(&text))
    }

    #[test]
    fn each_file_that_lands_is_stated() {
        let x = "{ path: models/x, start: x }";
        let y = "{ path: models/y, start: y }";
        let both = format!("{x}, {y}");
        for (field, paths, missing) in [
            (OF_X.to_owned(), x, 0),
            (format!("'sha256:{OF_X} as evaluated'"), x, 0),
            (OF_X.to_uppercase(), x, 0),
            (OF_X.to_owned(), y, 1),
            (OF_X.to_owned(), &both, 1),
            (format!("'{OF_X}, {OF_Y}'"), &both, 0),
            (format!("{OF_X}0"), x, 1),
            ("'no digest at all'".to_owned(), x, 1),
            ("'no digest at all'".to_owned(), "{ path: other, start: x }", 0),
            ("'no digest at all'".to_owned(), "{ path: models/x, now: nothing }", 0),
            ("'no digest at all'".to_owned(), "{ path: models/x, now: symlink, start: x }", 0),
        ] {
            assert_eq!(says("", &field, paths).len(), missing, "{field} {paths}");
        }
        let found = says("", OF_Y, x);
        assert_eq!(found[0], format!("`models/x` has the digest {OF_X}, which `Digest` does not state"));
    }

    #[test]
    fn an_md5_counts_only_where_the_policy_says_so() {
        let md5 = "9dd4e461268c8034f5c8564e155c67a6";
        let file = format!("{{ path: models/x.dvc, start: \"outs:\\n- md5: {md5}.dir\\n  path: x\\n\" }}");
        assert_eq!(says(", dvc: md5", md5, &file), [""; 0]);
        assert_eq!(says(", dvc: md5", OF_X, &file).len(), 1);
        assert_eq!(says("", md5, &file).len(), 1);
        assert_eq!(says(", dvc: md5", md5, "{ path: models/x.dvc, start: 'outs: []' }").len(), 1);
    }

    #[test]
    fn what_is_not_known_is_open() {
        for unknown in ["paths", "blobs", "digests"] {
            let text = format!(
                "ask: {{ digest-of: {{ field: Digest, path: m }} }}\n{FIELD}change: {{ unknown: [{unknown}], commits: [{{ paths: [{{ path: m, start: x }}] }}] }}"
            );
            let found = finding_texts(&answer_example(&text));
            assert!(found[0].starts_with("unknown: "), "{unknown}: {found:?}");
        }
        for question in [
            "{ field: Digest }",
            "{ path: a }",
            "{ field: Nothing, path: a }",
            "{ field: Digest, path: a, dvc: sha1 }",
        ] {
            assert_eq!(
                question_faults(&format!("ask: {{ digest-of: {question} }}\n{FIELD}")).len(),
                1,
                "{question}"
            );
        }
    }
}
