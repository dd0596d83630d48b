//! The parts of a history that one policy judges.

use crate::audit::population::ref_chain::RefChain;
use crate::audit::population::roster_history::RosterHistory;
use crate::change::{FactKind, NeededFacts};
use crate::gate::{HistorySpan, LoadedPolicy, UnusablePolicy, find_spans_after, load_from_commit};
use crate::git::Repository;
use crate::policy::PolicyErrors;

/// What judges changes that no record holds the verdict of.
#[derive(Clone, Copy)]
pub enum AuditPolicy<'a> {
    /// The policy that the ref held before each change, at this path.
    OfItsTime(&'a str),
    /// This one, for all changes.
    One(&'a LoadedPolicy),
}

/// Steps that follow one another, and the policy that judges them.
pub(crate) struct JudgedPart<'a> {
    /// The place of the first step.
    pub(crate) first: usize,
    /// The place of the last step.
    pub(crate) last: usize,
    /// The place of the step that brought the first policy of the history, if it is one of these: there could be none
    /// before it.
    pub(crate) founding: Option<usize>,
    policy: PartPolicy<'a>,
}

/// The steps of a period, divided by the policies that judge them, and the policies on both sides.
#[derive(Default)]
pub(crate) struct DividedSteps<'a> {
    /// The parts, oldest first.
    pub(crate) parts: Vec<JudgedPart<'a>>,
    /// The last policy before that of the first part that could be used, if there is one and policies are followed.
    pub(crate) earlier: Option<Box<LoadedPolicy>>,
    /// The policy that the last step leaves, if it can be used and policies are followed.
    pub(crate) left: Option<Box<LoadedPolicy>>,
}

enum PartPolicy<'a> {
    Own(Box<LoadedPolicy>),
    Given(&'a LoadedPolicy),
    Unusable(String),
}

impl JudgedPart<'_> {
    /// Returns the policy, if there is one that can be used.
    pub(crate) fn loaded(&self) -> Option<&LoadedPolicy> {
        match &self.policy {
            PartPolicy::Own(loaded) => Some(loaded),
            PartPolicy::Given(loaded) => Some(loaded),
            PartPolicy::Unusable(_) => None,
        }
    }

    /// Returns what the policy is called, or why there is none.
    pub(crate) fn describe(&self) -> String {
        match &self.policy {
            PartPolicy::Own(loaded) => loaded.source.clone(),
            PartPolicy::Given(loaded) => loaded.source.clone(),
            PartPolicy::Unusable(why) => why.clone(),
        }
    }

    /// Returns the facts that the policy asks for, and the paths, which the change log counts.
    pub(crate) fn needed_facts(&self) -> NeededFacts {
        let mut needs = self.loaded().map(|loaded| loaded.policy.needed_facts()).unwrap_or_default();
        needs.insert(FactKind::Paths);
        needs
    }
}

/// Divides the steps from `first` to `last` by the policies that judge them, oldest part first, and adds the rosters of
/// earlier policies to `rosters`. Where the policies of a history cannot be read, nothing judges its steps.
pub(crate) fn divide_by_policy<'a>(
    repository: &Repository,
    chain: &RefChain,
    (first, last): (usize, usize),
    policy: &AuditPolicy<'a>,
    rosters: &mut RosterHistory,
) -> DividedSteps<'a> {
    let whole = |policy| {
        let parts = vec![JudgedPart { first, last, founding: None, policy }];
        DividedSteps { parts, ..DividedSteps::default() }
    };
    let path = match policy {
        AuditPolicy::One(loaded) => return whole(PartPolicy::Given(loaded)),
        AuditPolicy::OfItsTime(path) => path,
    };
    let Some(tip) = chain.steps.get(last) else { return DividedSteps::default() };
    if chain.cut.is_some() {
        let why = "the history is cut off, so the policies of its time are not known".to_owned();
        return whole(PartPolicy::Unusable(why));
    }
    let spans = match list_chain_spans(repository, chain, last, path) {
        Ok(spans) => spans,
        Err(error) => {
            let why = format!("the policies of its time cannot be read: {error:#}");
            return whole(PartPolicy::Unusable(why));
        }
    };
    let mut divided = DividedSteps::default();
    let mut place = 0;
    for span in spans {
        let start = place;
        place += span.steps;
        let Some(end) = place.checked_sub(1).filter(|end| *end >= first) else {
            if let Ok(loaded) = span.policy {
                rosters.add_policy(&loaded.policy);
                divided.earlier = Some(Box::new(loaded));
            }
            continue;
        };
        let mut founding = None;
        let policy = match span.policy {
            Ok(loaded) => PartPolicy::Own(Box::new(loaded)),
            Err(UnusablePolicy::Absent) => {
                if start == 0 && load_from_commit(repository, span.tip, path, "its own").is_ok() {
                    founding = Some(end);
                }
                PartPolicy::Unusable(format!("the ref held no `{path}` before it"))
            }
            Err(UnusablePolicy::Faulty(errors)) => {
                let fault = describe_first_fault(&errors);
                PartPolicy::Unusable(format!("`{path}` could not be used at the time: {fault}"))
            }
        };
        divided.parts.push(JudgedPart { first: start.max(first), last: end, founding, policy });
    }
    divided.left =
        load_from_commit(repository, tip.id, path, "the last step of the period").ok().map(Box::new);
    divided
}

/// Returns the policies of the steps up to the place `last`, each the one that the ref held before.
///
/// # Errors
///
/// Fails if a step cannot be read.
fn list_chain_spans(
    repository: &Repository,
    chain: &RefChain,
    last: usize,
    path: &str,
) -> anyhow::Result<Vec<HistorySpan>> {
    let mut spans = Vec::new();
    for run in chain.runs.iter().filter(|run| run.first <= last) {
        let end = run.last.min(last);
        let Some(tip) = chain.steps.get(end).map(|step| step.id) else { continue };
        match run.base {
            // What came from the side is judged by what the ref held, as at the gate, and not by what its own side had.
            Some(base) if run.is_aside => spans.push(HistorySpan {
                base: run.base,
                tip,
                steps: end - run.first + 1,
                policy: load_from_commit(repository, base, path, "a commit of the history"),
            }),
            base => spans.extend(find_spans_after(repository, base, tip, path)?),
        }
    }
    Ok(spans)
}

/// Returns the first fault of a policy with its place.
fn describe_first_fault(errors: &PolicyErrors) -> String {
    let found = errors.faulty_files.iter().find_map(|file| Some((file, file.faults.first()?)));
    match found {
        Some((file, fault)) => format!("{}:{}: {}", file.name, fault.at.line, fault.what),
        None => "it has a fault".to_owned(),
    }
}
