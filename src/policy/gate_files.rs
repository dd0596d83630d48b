//! The files that change the gate itself: they are never changed by an emergency.
//!
//! A policy sorts changes into classes by questions of its own. Whatever those say, the gate adds to the
//! class [`ISMS_CLASS`] the files that this policy is made of, wherever they stand, and the pipelines of
//! known systems to [`PIPELINE_CLASS`], or to [`ISMS_CLASS`] where the policy has no such class. A class
//! of emergencies never takes a file of the gate. What the policy's own words cannot rule out is told by
//! `changegate policy check`.

use crate::change::Change;
use crate::fixture;
use crate::pattern::PathPattern;
use crate::policy::definition::{ChangeClass, Policy};
use crate::policy::emergency::{EMERGENCY_CLASS, is_emergency_class};
use crate::predicates::support::condition::Condition;
use crate::predicates::touches::TouchesPredicate;
use crate::predicates::{EvaluationContext, Predicate};
use crate::verdict::{ClassId, PredicateAnswer};
use crate::vocabulary::FieldDefinition;
use crate::yaml;

/// The class of the changes to what governs changes.
const ISMS_CLASS: &str = "isms";

/// The class of the changes to pipelines.
const PIPELINE_CLASS: &str = "pipeline";

/// The workflow that runs the gate, where it has the name that the documents give it.
const GATE_WORKFLOW_PATTERN: &str = "/.github/workflows/changegate*";

/// The pipelines of known systems, as patterns of paths. The shipped packs list the same.
pub(crate) const PIPELINE_PATTERNS: [&str; 36] = [
    "/.github/workflows/**",
    "/.github/actions/**",
    "/.gitlab-ci.y*ml",
    "/.gitlab/ci/**",
    "/.gitea/workflows/**",
    "/.gitea/actions/**",
    "/.forgejo/workflows/**",
    "/.forgejo/actions/**",
    "Jenkinsfile",
    "Jenkinsfile.*",
    "*.Jenkinsfile",
    "*.jenkinsfile",
    "/.circleci/**",
    "azure-pipelines*.yml",
    "azure-pipelines*.yaml",
    "/.azure-pipelines/**",
    "/.azuredevops/**",
    "/.buildkite/**",
    "/buildkite.y*ml",
    "/buildkite.json",
    "/buildkite/pipeline.*",
    "/.drone.*",
    "/.woodpecker.*",
    "/.woodpecker/**",
    "/.travis.yml",
    "/bitbucket-pipelines.yml",
    "/.cirrus.*",
    "/.tekton/**",
    "/.teamcity/**",
    "/.semaphore/**",
    "/appveyor.y*ml",
    "/.appveyor.y*ml",
    "cloudbuild*.y*ml",
    "/buildspec*.y*ml",
    "/.builds/**",
    "/.build.yml",
];

/// The workflow that runs the gate, by the name that the documents give it.
const SAMPLE_GATE_WORKFLOW: &str = ".github/workflows/changegate.yml";

/// One file of each kind of pipeline, to try classes with.
const SAMPLE_PIPELINES: [&str; 3] = [".github/workflows/ci.yml", ".gitlab-ci.yml", "Jenkinsfile"];

/// Files that often govern change, to try a class with.
const SAMPLE_GOVERNING_FILES: [&str; 5] =
    ["CODEOWNERS", ".github/CODEOWNERS", "isms/policy", "iam/roles", "keyrings/keys"];

/// How many words of all fields together are tried.
const MAX_TRIED_WORDS: usize = 500;

/// A file of the gate, or a pipeline, whose change is of another class if a field says so, as one that states an
/// emergency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmergencyGap {
    /// The path of the file.
    pub path: String,
    /// The field that says so.
    pub field: String,
    /// The word of the field, such as `emergency`.
    pub word: String,
    /// The class of the change that states it.
    pub class: ClassId,
    /// The class of the same change without it; `None` for no class at all.
    pub ordinary_class: Option<ClassId>,
}

impl EmergencyGap {
    /// Returns true if both are about the same field and the same classes.
    pub(crate) fn is_same_kind(&self, other: &EmergencyGap) -> bool {
        self.field == other.field
            && self.word == other.word
            && self.class == other.class
            && self.ordinary_class == other.ordinary_class
    }
}

/// Returns the classes with the files of the gate where they belong; `files` are those that the policy is
/// made of.
pub(crate) fn guard_classes(mut classes: Vec<ChangeClass>, files: &[String]) -> Vec<ChangeClass> {
    let mut gate: Vec<PathPattern> = files.iter().filter_map(|path| PathPattern::of_file(path)).collect();
    gate.extend(PathPattern::new(GATE_WORKFLOW_PATTERN).ok());
    let pipelines: Vec<PathPattern> =
        PIPELINE_PATTERNS.iter().filter_map(|pattern| PathPattern::new(pattern).ok()).collect();
    let has_pipeline_class = classes.iter().any(|class| class.id.as_str() == PIPELINE_CLASS);
    // What an earlier class takes for certain never gets to a later one.
    let (mut takes_gate, mut takes_pipelines) = (false, false);
    for class in &mut classes {
        match class.id.as_str() {
            ISMS_CLASS => {
                add_paths(&mut class.when, &gate);
                takes_gate = true;
                if !has_pipeline_class {
                    add_paths(&mut class.when, &pipelines);
                    takes_pipelines = true;
                }
            }
            PIPELINE_CLASS => {
                add_paths(&mut class.when, &pipelines);
                takes_pipelines = true;
            }
            name if is_emergency_class(name) => {
                let mut excluded = Vec::new();
                if !takes_gate {
                    excluded.extend(gate.iter().cloned());
                }
                // An emergency in a pipeline is of a class of its own, such as `pipeline-emergency`.
                if !takes_pipelines && name == EMERGENCY_CLASS {
                    excluded.extend(pipelines.iter().cloned());
                }
                exclude_paths(&mut class.when, excluded);
            }
            _ => {}
        }
    }
    classes
}

/// Lets a condition hold for these paths too; those that it has already are not added again.
fn add_paths(condition: &mut Condition, patterns: &[PathPattern]) {
    let mut missing = Vec::new();
    for pattern in patterns {
        if !covers_pattern(condition, pattern) {
            missing.push(pattern.clone());
        }
    }
    if missing.is_empty() {
        return;
    }
    let touches = touches_any(missing);
    match condition {
        Condition::Any(parts) => parts.push(touches),
        _ => {
            let written = std::mem::replace(condition, Condition::Any(Vec::new()));
            *condition = Condition::Any(vec![written, touches]);
        }
    }
}

/// Lets a condition hold only for changes of no such path.
fn exclude_paths(condition: &mut Condition, patterns: Vec<PathPattern>) {
    if patterns.is_empty() {
        return;
    }
    let without = Condition::Not(Box::new(touches_any(patterns)));
    let written = std::mem::replace(condition, Condition::Any(Vec::new()));
    *condition = Condition::All(vec![written, without]);
}

fn touches_any(patterns: Vec<PathPattern>) -> Condition {
    Condition::Predicate(Predicate::Touches(TouchesPredicate::of_patterns(patterns)))
}

/// Returns true if the condition holds for every change of a path that this pattern matches, as far as
/// its form tells.
fn covers_pattern(condition: &Condition, pattern: &PathPattern) -> bool {
    match condition {
        Condition::Predicate(Predicate::Touches(touches)) => touches.covers_pattern(pattern),
        Condition::Any(parts) => parts.iter().any(|part| covers_pattern(part, pattern)),
        _ => false,
    }
}

impl Policy {
    /// Returns the same policy with these files guarded beside its own.
    pub(crate) fn with_gate_files(&self, files: &[String]) -> Policy {
        let classes = guard_classes(self.classes.clone(), files);
        Policy { classes, ..self.clone() }
    }

    /// Returns the files of the gate, and samples of pipelines, that are of another class where a field of the change
    /// has some word: `emergency` or any other, since the name says nothing about what the class asks. Only a class
    /// of emergencies that asks for more than its word is no gap: `pipeline-emergency` is such a class for pipelines.
    pub fn find_emergency_gaps(&self) -> Vec<EmergencyGap> {
        let mut gaps = Vec::new();
        let mut untried = MAX_TRIED_WORDS;
        for field in self.list_class_fields() {
            let words = field.allowed_words().unwrap_or_default();
            let words = words.get(..untried).unwrap_or(words);
            untried -= words.len();
            for word in words {
                for path in &self.gate_files {
                    gaps.extend(self.find_emergency_gap(field, word, path));
                }
                for path in SAMPLE_PIPELINES {
                    let gap = self.find_emergency_gap(field, word, path);
                    gaps.extend(gap.filter(|gap| !is_emergency_class(gap.class.as_str())));
                }
            }
        }
        gaps
    }

    /// Returns how many words of the fields that tell classes apart are not tried for gaps, because there are so many.
    pub fn count_untried_words(&self) -> usize {
        let fields = self.list_class_fields();
        let words: usize = fields.iter().map(|field| field.allowed_words().unwrap_or_default().len()).sum();
        words.saturating_sub(MAX_TRIED_WORDS)
    }

    /// Returns the fields that tell classes apart, each once.
    fn list_class_fields(&self) -> Vec<&FieldDefinition> {
        let mut asked = Vec::new();
        for class in &self.classes {
            class.when.add_predicates(&mut asked);
        }
        let mut fields: Vec<&FieldDefinition> = Vec::new();
        for predicate in asked {
            let Predicate::Field(question) = predicate else { continue };
            for field in question.named_fields() {
                if !fields.iter().any(|known| known.name == field.name) {
                    fields.push(field);
                }
            }
        }
        fields
    }

    /// Returns the standard changes that may touch files of the gate or pipelines, by id, with those files: of
    /// pipelines, with samples.
    pub fn find_catalogue_gaps(&self) -> Vec<(&str, Vec<&str>)> {
        let mut files: Vec<&str> = self.gate_files.iter().map(String::as_str).collect();
        files.push(SAMPLE_GATE_WORKFLOW);
        files.extend(SAMPLE_PIPELINES);
        let isms = self.classes.iter().find(|class| class.id.as_str() == ISMS_CLASS);
        // What else governs change is what the policy says.
        files.extend(SAMPLE_GOVERNING_FILES.iter().filter(|path| {
            let sample = build_sample_change("", path);
            sample.zip(isms).is_some_and(|(sample, isms)| {
                matches!(self.ask_class(isms, &sample), PredicateAnswer::Holds(_))
            })
        }));
        let mut gaps = Vec::new();
        for (id, entry) in self.standard_changes.list_entries() {
            let allowed: Vec<&str> = files.iter().copied().filter(|path| entry.allows_path(path)).collect();
            if !allowed.is_empty() {
                gaps.push((id, allowed));
            }
        }
        gaps
    }

    fn find_emergency_gap(&self, field: &FieldDefinition, word: &str, path: &str) -> Option<EmergencyGap> {
        let urgent = build_sample_change(&format!("{}: {word}", field.name), path)?;
        let ordinary = build_sample_change("", path)?;
        for class in &self.classes {
            let answer = self.ask_class(class, &urgent);
            // What depends on facts that the sample lacks can let the file through.
            if !matches!(answer, PredicateAnswer::Fails(_))
                && matches!(self.ask_class(class, &ordinary), PredicateAnswer::Fails(_))
            {
                let holding = self
                    .classes
                    .iter()
                    .find(|class| matches!(self.ask_class(class, &ordinary), PredicateAnswer::Holds(_)));
                return Some(EmergencyGap {
                    path: path.to_owned(),
                    field: field.name.clone(),
                    word: word.to_owned(),
                    class: class.id.clone(),
                    ordinary_class: holding.map(|class| class.id.clone()),
                });
            }
            if matches!(answer, PredicateAnswer::Holds(_)) {
                return None;
            }
        }
        None
    }

    /// Asks whether a sample is of a class.
    fn ask_class(&self, class: &ChangeClass, sample: &Change) -> PredicateAnswer {
        let context = EvaluationContext::without_reasons(sample, &self.people, &self.vocabulary);
        class.when.evaluate(&context)
    }
}

/// Returns a change of one path that states this trailer and nothing else.
fn build_sample_change(trailer: &str, path: &str) -> Option<Change> {
    let message = format!("Change a file\n\nFor a sample.\n\n{trailer}\n");
    let change = serde_json::json!({ "commits": [{ "message": message, "paths": [path] }] });
    // JSON is YAML.
    let node = yaml::read_document(change.to_string().as_bytes()).ok()?;
    fixture::read_change(&node, &mut Vec::new())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::load_policy;

    const FIELDS: &str = "changegate: 1\nprotects: [main]\nfields: { Kind: { one-of: [normal, emergency] } }\n\
                          rules: { kind: { require: { field: { Kind: present } } } }\n";

    fn load(text: &str) -> Policy {
        let roster = "people: { ana: { addresses: [ana@example.com] } }";
        let entry = "standard-changes: { S: { paths: [a], approved-by: D, approved-on: 2026-01-01, review-by: \
                     2026-12-31 } }";
        let loaded = load_policy("gate/p.yml", &mut |path| {
            Ok(match path {
                "gate/p.yml" => Some(text.into()),
                "gate/base.yml" => Some("changegate: 1\n".into()),
                "who/roster[1].yml" => Some(roster.into()),
                "who/std.yml" => Some(entry.into()),
                "who/keys" => Some("ana@example.com ssh-ed25519 AAAA\n".into()),
                _ => None,
            })
        });
        loaded.unwrap_or_else(|errors| panic!("{errors:?}"))
    }

    fn class_of(policy: &Policy, path: &str) -> Option<String> {
        let sample = build_sample_change("Kind: emergency", path)?;
        let context = EvaluationContext::without_reasons(&sample, &policy.people, &policy.vocabulary);
        let holding = policy
            .classes
            .iter()
            .find(|class| matches!(class.when.evaluate(&context), PredicateAnswer::Holds(_)));
        holding.map(|class| class.id.to_string())
    }

    const EVERYTHING: &str = "extends: [base.yml]\npeople: { roster: 'who/roster[1].yml' }\n\
                              standard-changes: who/std.yml\nsigners: { ssh: who/keys }\n";

    const GATE: [&str; 5] = ["gate/p.yml", "gate/base.yml", "who/roster[1].yml", "who/std.yml", "who/keys"];

    #[test]
    fn a_file_of_the_gate_is_no_emergency_wherever_it_stands() {
        for classes in [
            "isms: { touches: [/unrelated/**] }, emergency: { field: { Kind: emergency } }, normal: {}",
            "emergency: { field: { Kind: emergency } }, isms: { touches: [/unrelated/**] }, normal: {}",
            "emergency: { field: { Kind: emergency } }, isms: { all: [{ touches: [/x/**] }, { touches: y }] }, normal: {}",
        ] {
            let policy = load(&format!("{FIELDS}{EVERYTHING}classes: {{ {classes} }}\n"));
            for path in GATE.iter().chain(&SAMPLE_PIPELINES) {
                assert_eq!(class_of(&policy, path).as_deref(), Some("isms"), "{classes}: {path}");
            }
            for path in ["src/lib.rs", "who/roster1.yml", "who/roster[1].yml/x", "x/gate/p.yml"] {
                let class = class_of(&policy, path);
                assert!(matches!(class.as_deref(), Some("emergency" | "isms")), "{path}");
            }
            assert_eq!(class_of(&policy, "src/lib.rs").as_deref(), Some("emergency"));
            assert_eq!(policy.find_emergency_gaps(), []);
        }
        // Without a class for it, such a change is an ordinary one.
        let policy = load(&format!(
            "{FIELDS}{EVERYTHING}classes: {{ emergency: {{ field: {{ Kind: emergency }} }}, normal: {{}} }}"
        ));
        for path in GATE.iter().chain(&SAMPLE_PIPELINES) {
            assert_eq!(class_of(&policy, path).as_deref(), Some("normal"), "{path}");
        }
    }

    #[test]
    fn pipelines_have_a_class_of_their_own_where_the_policy_has_one() {
        let policy = load(&format!(
            "{FIELDS}{EVERYTHING}classes: {{ isms: {{ touches: a }}, pipeline-emergency: {{ all: [{{ field: {{ Kind: \
             emergency }} }}, {{ touches: [Jenkinsfile] }}] }}, pipeline: {{ touches: b }}, normal: {{}} }}"
        ));
        assert_eq!(class_of(&policy, "Jenkinsfile").as_deref(), Some("pipeline-emergency"));
        assert_eq!(class_of(&policy, ".gitlab-ci.yml").as_deref(), Some("pipeline"));
        assert_eq!(class_of(&policy, ".github/workflows/changegate.yml").as_deref(), Some("isms"));
        assert_eq!(class_of(&policy, "who/keys").as_deref(), Some("isms"));
        assert_eq!(policy.find_emergency_gaps(), []);
    }

    #[test]
    fn a_class_of_another_name_that_takes_such_a_file_is_told() {
        let policy = load(&format!(
            "{FIELDS}{EVERYTHING}classes: {{ urgent: {{ field: {{ Kind: emergency }} }}, isms: {{ touches: a }} }}"
        ));
        let gaps = policy.find_emergency_gaps();
        let told: Vec<&str> = gaps.iter().map(|gap| gap.path.as_str()).collect();
        for path in GATE.iter().chain(&SAMPLE_PIPELINES) {
            assert!(told.contains(path), "{path}: {told:?}");
        }
        assert_eq!(gaps[0].class.as_str(), "urgent");
        assert_eq!(gaps[0].ordinary_class.as_ref().map(ClassId::as_str), Some("isms"));
    }

    #[test]
    fn a_class_of_another_word_that_takes_such_a_file_is_told() {
        let fields = FIELDS.replace("emergency", "hotfix");
        let policy = load(&format!(
            "{fields}{EVERYTHING}classes: {{ quick: {{ field: {{ Kind: hotfix }} }}, isms: {{ touches: a }} }}"
        ));
        let gaps = policy.find_emergency_gaps();
        for path in GATE.iter().chain(&SAMPLE_PIPELINES) {
            assert!(gaps.iter().any(|gap| gap.path == *path && gap.word == "hotfix"), "{path}: {gaps:?}");
        }
        // The class of what governs change comes first.
        let policy = load(&format!(
            "{fields}{EVERYTHING}classes: {{ isms: {{ touches: a }}, quick: {{ field: {{ Kind: hotfix }} }} }}"
        ));
        assert_eq!(policy.find_emergency_gaps(), []);
    }

    #[test]
    fn words_that_are_not_tried_are_counted() {
        let words = |count: usize| (0..count).map(|word| format!("w{word}")).collect::<Vec<_>>().join(", ");
        for (count, untried) in [(500, 0), (503, 3)] {
            let fields = FIELDS.replace("emergency", &words(count - 1));
            let policy =
                load(&format!("{fields}classes: {{ a: {{ field: {{ Kind: w0 }} }}, normal: {{}} }}"));
            assert_eq!(policy.count_untried_words(), untried, "{count}");
        }
    }

    #[test]
    fn every_system_has_its_files_covered() {
        let policy = load(&format!(
            "{FIELDS}classes: {{ pipeline: {{ touches: /none }}, emergency: {{ field: {{ Kind: emergency }} }} }}"
        ));
        for path in [
            ".github/workflows/a.yml",
            ".github/actions/x/action.yml",
            ".gitlab-ci.yml",
            ".gitlab-ci.yaml",
            "appveyor.yml",
            ".appveyor.yml",
            "infra/cloudbuild.yaml",
            "buildspec.yml",
            ".builds/test.yml",
            ".gitlab/ci/build.yml",
            ".gitea/workflows/a.yaml",
            ".forgejo/workflows/a.yaml",
            "Jenkinsfile",
            "ci/Jenkinsfile",
            "Jenkinsfile.prod",
            ".circleci/config.yml",
            "azure-pipelines.yml",
            "build/azure-pipelines-release.yml",
            ".azure-pipelines/a.yml",
            ".buildkite/pipeline.yml",
            "buildkite.yaml",
            "buildkite/pipeline.json",
            ".drone.yml",
            ".drone.star",
            ".woodpecker.yml",
            ".woodpecker/test.yaml",
            ".travis.yml",
            "bitbucket-pipelines.yml",
            ".tekton/run.yaml",
        ] {
            assert_eq!(class_of(&policy, path).as_deref(), Some("pipeline"), "{path}");
        }
        assert_eq!(class_of(&policy, "docs/.github/workflows/a.yml").as_deref(), Some("emergency"));
    }
}
