//! Whether the ref that the policy is read from is itself under change control. Where it is not, any push could put
//! another policy there, and with it change what every later push is judged by.

use anyhow::Result;

use crate::change::Text;
use crate::gate::policy_findings::{build_init_command, is_plain_word};
use crate::gate::policy_source::LoadedPolicy;
use crate::gate::protected_scope::ProtectedScope;
use crate::gate::settings::GateSettings;
use crate::git::Repository;
use crate::policy::Policy;
use crate::push::{GateRule, check_reserved_ref, refuse_by_rule};
use crate::report::PolicyLocation;
use crate::verdict::{Finding, Fixer, Judgement, Message, messages};

messages! {
    POLICY_REF_FREE = "policy.ref-free":
        "`protects` leaves out {ref}, which the policy is read from, so that any push could put another policy there; every push is refused until it is under change control";
    PACK_REF_FREE = "policy.pack-ref-free":
        "the policy is to be read from {ref}, which the pack `{pack}` in its place does not protect, so that any push could put a policy there; every push is refused until it is under change control";
}

/// Returns true if clients can write to the policy ref and a push to it is not judged. A ref with a reserved name is
/// written by no client.
///
/// # Errors
///
/// Fails if the ref cannot be read.
pub(crate) fn is_policy_ref_free(
    repository: &Repository,
    policy_ref: &Text,
    scope: &ProtectedScope,
) -> Result<bool> {
    let resolved = repository.resolve_ref(policy_ref.as_bytes())?;
    Ok(scope.find_protected_name(&resolved.name).is_none() && check_reserved_ref(&resolved.name).is_none())
}

/// Returns the refusal of every push while the policy ref is free.
pub(crate) fn refuse_free_policy_ref(loaded: &LoadedPolicy, settings: &GateSettings) -> Judgement {
    let message = match &loaded.place {
        PolicyLocation::Pack(pack) => PACK_REF_FREE.with("pack", pack.as_str()),
        _ => Message::from(&POLICY_REF_FREE),
    };
    let finding =
        Finding::new(message.with("ref", &settings.policy_ref)).fixed_by(Fixer::ServerAdministrator);
    let finding = match build_protect_command(loaded, settings) {
        Some(command) => finding.with_paste(command),
        None => finding,
    };
    refuse_by_rule(GateRule::PolicyValid, finding)
}

/// Returns the lines by which the server administrator puts the policy ref under change control, past the hook; `None`
/// for a name that a shell would read as something else.
pub(crate) fn build_protect_command(loaded: &LoadedPolicy, settings: &GateSettings) -> Option<String> {
    let name = settings.policy_ref.as_utf8().filter(|name| is_plain_word(name))?;
    let branch = name.strip_prefix("refs/heads/").unwrap_or(name);
    let draft = match &loaded.place {
        PolicyLocation::Pack(_) => format!("{} with", build_init_command(&settings.policy_path)),
        _ => "add".to_owned(),
    };
    Some(format!(
        "# in a clone: {draft} {branch} in `protects`, and commit; then here:\ngit fetch CLONE {branch}:{branch}"
    ))
}

/// Returns true if this policy, which is read from `policy_ref`, leaves that ref to any push.
///
/// # Errors
///
/// Fails if the refs cannot be read.
pub(crate) fn leaves_own_ref_free(
    repository: &Repository,
    policy_ref: &Text,
    policy: &Policy,
) -> Result<bool> {
    is_policy_ref_free(repository, policy_ref, &ProtectedScope::read_scope(repository, policy)?)
}

/// Returns the name by which this policy knows the ref that it is read from, or the ref itself if it leaves that out;
/// `None` for one that no client can write to.
///
/// # Errors
///
/// Fails if the refs cannot be read.
pub(crate) fn name_own_ref(
    repository: &Repository,
    policy_ref: &Text,
    policy: &Policy,
) -> Result<Option<Text>> {
    let resolved = repository.resolve_ref(policy_ref.as_bytes())?.name;
    if check_reserved_ref(&resolved).is_some() {
        return Ok(None);
    }
    let scope = ProtectedScope::read_scope(repository, policy)?;
    Ok(Some(scope.find_protected_name(&resolved).unwrap_or(policy_ref).clone()))
}
