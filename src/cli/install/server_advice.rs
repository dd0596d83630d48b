//! What to do next after the hooks were installed on a server: where its policy is, and what keeps it from being used.

use jiff::tz::TimeZone;

use crate::change::Text;
use crate::cli::command_error::{CommandError, replace_invisible};
use crate::cli::context::Context;
use crate::cli::install::policy_warnings::write_policy_warnings;
use crate::cli::install::server_settings::InstallSettings;
use crate::gate::policy_ref::leaves_own_ref_free;
use crate::gate::{
    UnusablePolicy, build_init_command, list_branches_with_policy, load_from_commit, load_from_pack,
};
use crate::git::{FileAtPath, PeeledObject, Repository};
use crate::people::PeopleDirectory;
use crate::policy::DEFAULT_POLICY_PATH;
use crate::verdict::quote_for_shell;

/// Writes what to do next on a server, in particular if pushes are refused for lack of a policy.
pub(super) fn write_server_advice(
    repository: &Repository,
    settings: &InstallSettings,
    lacking: Option<&LackingRoster>,
    context: &Context,
    out: &mut dyn std::io::Write,
) -> Result<(), CommandError> {
    let (git, program) = (format!("git {}", context.git_location()), context.program_location());
    // A server without a policy refuses all pushes, unless `changegate.missingPolicy` says otherwise.
    let tip = repository.resolve_ref(settings.policy_ref.as_bytes())?.id;
    let path =
        repository.read_config_value("changegate.policyPath")?.unwrap_or_else(|| DEFAULT_POLICY_PATH.into());
    let mut has_policy = false;
    if let Some(tip) = tip
        && let PeeledObject::Commit(commit) = repository.peel_tags(tip)?
    {
        // A link, or what cannot be read, is a policy with a mistake.
        has_policy = !matches!(repository.read_file_at(commit, &path, u64::MAX), Ok(FileAtPath::Absent));
    }
    let branch = settings.policy_ref.strip_prefix("refs/heads/").unwrap_or(&settings.policy_ref);
    let has_file = repository.read_config_value("changegate.policyFile")?.is_some();
    if has_policy || has_file {
        let place = (settings.policy_ref.as_str(), path.as_str());
        if !has_file && write_policy_warnings(repository, place, context, out)? {
            return Ok(());
        }
        if let Some(lacking) = lacking {
            let has_ledger = repository.resolve_ref(crate::ledger::LEDGER_REF.as_bytes())?.id.is_some();
            let what = &lacking.what;
            writeln!(out, "note: {what}, so this server cannot tell who pushes, and refuses\n  all pushes.")?;
            if has_ledger && !lacking.asks_pusher {
                // Past the hook, the ledger would tell of an unauthorised change; this one is decided like any other.
                writeln!(
                    out,
                    "  Let the pusher be unknown until the roster lists the accounts, here:\n    \
                     {git}config changegate.pusher none\n  \
                     In a clone, add the accounts to each person, commit with all that the policy asks\n  \
                     for, and push. Then here again:\n    \
                     {git}config changegate.pusher {}",
                    settings.pusher
                )?;
                return Ok(());
            }
            writeln!(
                out,
                "  In a clone, add the accounts to each person, and commit; then here, past the hook:\n    \
                 {git}fetch CLONE {branch}:{branch}"
            )?;
            if has_ledger {
                writeln!(
                    out,
                    "    {git}config changegate.acceptedPolicy \"$({git}rev-parse {})\"\n  \
                     The ledger has begun, so it lists that change as unauthorised until it is regularised.",
                    settings.policy_ref
                )?;
            } else {
                writeln!(out, "    changegate install --server{program}")?;
                return Ok(());
            }
        }
        if let Some(tip) = tip
            && let Err(UnusablePolicy::Faulty(_)) =
                load_from_commit(repository, tip, &path, &settings.policy_ref)
        {
            writeln!(
                out,
                "note: {path} at {} has mistakes, so this server refuses all pushes.\n  To list them, here:\n    \
                 changegate policy check{program}\n  \
                 Correct them in a clone, and commit; then here, past the hook:\n    \
                 {git}fetch CLONE {branch}:{branch}",
                settings.policy_ref
            )?;
            return Ok(());
        }
        writeln!(out, "next: push; in a clone, `changegate policy show` lists the rules")?;
        return Ok(());
    }
    let elsewhere = list_branches_with_policy(repository, &path);
    // Where a pack judges until there is a policy, that is what was chosen.
    if matches!(settings.missing_policy.as_deref(), None | Some("deny"))
        && let Some(other) = elsewhere.first().map(Text::to_lossy)
    {
        writeln!(
            out,
            "next: {} has no {path}, but {other} has one. To read it from there:\n  \
             changegate install --server --policy-ref {}{program}",
            settings.policy_ref,
            quote_for_shell(&other)
        )?;
        return Ok(());
    }
    let what = match settings.missing_policy.as_deref() {
        None | Some("deny") => "every push is refused".to_owned(),
        Some("allow") => "every push is accepted".to_owned(),
        Some(pack) if !protects_own_ref(repository, pack, &settings.policy_ref) => {
            format!("every push is refused, since\n      the pack {pack} does not protect that ref")
        }
        Some(pack) => format!("every push is judged by the pack {pack}"),
    };
    writeln!(
        out,
        "next: {} has no {path} yet; until it does, {what}.\n      \
         In a clone, run `{}` and commit the file. Then here, past the hook:\n        \
         {git}fetch CLONE {branch}:{branch}",
        settings.policy_ref,
        build_init_command(&path)
    )?;
    // What HEAD of an empty repository names is a guess of git's.
    if tip.is_none() && branch != "main" {
        writeln!(
            out,
            "      If the branch of the clone is another, such as main, here instead:\n        \
             {git}fetch CLONE main:main\n        \
             changegate install --server --policy-ref refs/heads/main{program}"
        )?;
    }
    Ok(())
}

/// Returns false if a push to the policy ref would not be judged while this pack stands in for the policy.
fn protects_own_ref(repository: &Repository, pack: &str, policy_ref: &str) -> bool {
    let Ok(loaded) = load_from_pack(pack) else { return true };
    !leaves_own_ref_free(repository, &Text::from(policy_ref), &loaded.policy).unwrap_or(false)
}

/// A roster by which this server cannot know who pushes.
pub(super) struct LackingRoster {
    /// What it lacks, as words that follow a `note`.
    what: String,
    /// True if a rule asks who pushes, so that no push can do without.
    asks_pusher: bool,
}

/// Returns what the roster lacks for this server to know who pushes; `None` if it lacks nothing, or there is no policy.
pub(super) fn find_lacking_roster(
    repository: &Repository,
    settings: &InstallSettings,
    context: &Context,
) -> Result<Option<LackingRoster>, CommandError> {
    let tip = repository.resolve_ref(settings.policy_ref.as_bytes())?.id;
    let Some(tip) = tip.filter(|_| settings.pusher != "none") else { return Ok(None) };
    let path =
        repository.read_config_value("changegate.policyPath")?.unwrap_or_else(|| DEFAULT_POLICY_PATH.into());
    let Ok(loaded) = load_from_commit(repository, tip, &path, &settings.policy_ref) else { return Ok(None) };
    let Some(listed) = describe_listed_accounts(&loaded.policy.people, &settings.pusher) else {
        return Ok(None);
    };
    let roster = loaded.policy.people.roster.as_deref().unwrap_or_default();
    let today = context.now.to_zoned(TimeZone::UTC).date();
    let asks_pusher = loaded.policy.pusher_dependent_rules(today).next().is_some();
    Ok(Some(LackingRoster { what: format!("{} {listed}", replace_invisible(roster)), asks_pusher }))
}

/// Returns what a roster lists by which a server cannot tell who pushes, in words that follow its name; `None` if it
/// may be able to.
fn describe_listed_accounts(people: &PeopleDirectory, pusher_source: &str) -> Option<&'static str> {
    // A variable of one's own may hold accounts of any kind.
    let is_bare = !pusher_source.starts_with("env:");
    match people.lacks_accounts() {
        true => Some("lists no `accounts`"),
        false if is_bare && people.find_forge_account_only().is_some() => {
            Some("lists only accounts of a forge")
        }
        false => None,
    }
}
