//! A pull request, judged by the policy of its base branch as that stands now.
//!
//! Everything is read live; an event only says which pull request, and at which revision the run was
//! started. A run about an older revision refuses, because a newer one exists for what would be
//! merged.

use std::sync::Arc;

use super::answers;
use super::ask::Failure;
use super::client::Client;
use super::facts::{Gap, Gathering, PusherFrom, as_it_was};
use super::place::{PullName, RepoName};
use super::policy::{self, NoPolicy};
use crate::change::{Change, Need, Oid, Stage, Text};
use crate::gate::{Loaded, Unusable, faults, notes_on};
use crate::judge::{explain, judge};
use crate::push::refuse;
use crate::report::{Group, Of, PolicyName, Report, RuleTrace, decide};
use crate::tickets::{Access, Sources};
use crate::verdict::{Finding, Judgement, Level, Line, Outcome, RuleName, Verdict};

use futures_util::future::join;
use jiff::Timestamp;

/// Who keeps the policy.
const KEEPER: &str = "whoever keeps the policy";

/// The rules of the gate about pull requests, beside those about pushes: id, what it asks. No policy
/// switches them off.
pub const RULES: [(&str, &str); 4] = [
    ("pull-current", "what is judged is what would be merged"),
    ("pull-complete", "all of a pull request can be seen"),
    ("pull-target", "a pull request is for a branch under change control"),
    ("pull-queued", "what a merge queue merges can be told"),
];

/// How to judge.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the policy stands in the base branch.
    pub policy: String,
    /// Who tells who pushed.
    pub pusher: PusherFrom,
    /// True to tell how each rule came to its answer.
    pub explain: bool,
    /// What it takes to ask ticket systems; `None` if nobody asks them.
    pub tickets: Option<Access>,
}

/// Asks ticket systems about the tickets that a change names, if its policy wants to know of them.
pub(super) fn look_up_tickets(change: &mut Change, loaded: &Loaded, options: &Options, repo: &RepoName) {
    let wanted = loaded.policy.needs().contains(&Need::Tickets);
    if let (true, Some(access)) = (wanted, &options.tickets) {
        let access = Access { repository: Some(repo.to_string()), ..access.clone() };
        let mut sources = Sources::new(loaded.policy.tickets.clone(), access);
        change.tickets = Ok(sources.look_up(&loaded.policy.tickets_named(change)));
    }
}

/// What judging a pull request came to.
#[derive(Clone, Debug)]
pub(super) struct Done {
    pub(super) group: Group,
    pub(super) policy: Option<PolicyName>,
    pub(super) notes: Vec<Line>,
    /// The pull request and its final revision, where that is known.
    pub(super) head: Option<(PullName, Oid)>,
    /// The changes that the verdicts of the group are about, in the same order.
    pub(super) changes: Vec<Change>,
    /// How each of them came to its branch, if it has.
    pub(super) landed: Vec<LandedAs>,
}

/// How a change came to its branch.
#[derive(Clone, Debug)]
pub(super) struct LandedAs {
    /// Which step of the branch it is, counted from the first one of the push.
    pub(super) place: usize,
    /// The commit that the step ends with.
    pub(super) at: Oid,
    /// The pull request, if one brought it.
    pub(super) pull: Option<PullName>,
    /// The account that merged that, as the pull request says.
    pub(super) by: Option<Text>,
}

/// What is told from outside about the run.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told {
    /// The final revision for which the run was started.
    pub(super) expected: Option<Oid>,
    /// The revision whose checks count, if not the final one.
    pub(super) checks_of: Option<Oid>,
    /// When it landed, if it has: what came later is not looked at.
    pub(super) landed_at: Option<Timestamp>,
}

/// Returns the judgement that refuses by a rule of [`RULES`].
pub(super) fn refuse_pull(id: &str, finding: Finding) -> Judgement {
    let title = RULES.iter().find(|(known, _)| *known == id).map_or(id, |(_, title)| title);
    Judgement {
        rule: Arc::new(RuleName { id: id.into(), title: title.into(), controls: Vec::new() }),
        level: Level::Deny,
        outcome: Outcome::Fail(vec![finding]),
    }
}

/// Returns the report on everything that was judged together.
pub(super) fn report(client: &Client, done: Vec<Done>) -> Report {
    let mut groups = Vec::new();
    let mut notes: Vec<Line> = Vec::new();
    let mut policy = None;
    for one in done {
        groups.push(one.group);
        policy = policy.or(one.policy);
        for note in one.notes {
            if !notes.contains(&note) {
                notes.push(note);
            }
        }
    }
    Report {
        decision: decide(&groups, true),
        stage: Stage::PullRequest,
        enforced: true,
        seen_at: client.now(),
        policy,
        groups,
        notes,
    }
}

impl Done {
    pub(super) fn refused(of: Of, judgement: Judgement) -> Done {
        let mut group = Group::new(of, Vec::new());
        group.refusals.push(judgement);
        group.amendable = false;
        Done { group, policy: None, notes: Vec::new(), head: None, changes: Vec::new(), landed: Vec::new() }
    }
}

/// Judges one pull request.
///
/// # Errors
///
/// Fails if the pull request or its policy cannot be read at all.
pub(super) async fn judge_pull(
    client: &Client,
    name: &PullName,
    options: &Options,
    told: Told,
) -> Result<Done, Failure> {
    let path = format!("{}/pulls/{}", name.repo.path(), name.number);
    let (pull, base) =
        join(client.get::<answers::Pull>(path), policy::base(client, name, &options.policy)).await;
    let (pull, base) = (pull?, base?);
    if pull.number != name.number {
        return Err(Failure::new(format!("GitHub was asked for {name} and tells of another pull request")));
    }
    let of = Of::Pull(Text::from(name.to_string()));
    let refused = |judgement: Judgement| {
        let mut done = Done::refused(of.clone(), judgement);
        done.head = Some((name.clone(), pull.head.sha));
        done
    };
    let head = pull.head.sha;
    if let Some(expected) = told.expected.filter(|expected| *expected != head) {
        let what = format!(
            "this run is about {}, and the pull request is at {} by now; the run for that one counts",
            expected.short(),
            head.short()
        );
        return Ok(refused(refuse_pull("pull-current", Finding::new(Line::say(what)).by("nobody"))));
    }
    if base.branch != pull.base.branch {
        let what = Line::say("somebody pointed it at ").quote(&base.branch.as_str().into());
        let what = what.and(" while it was being read; judge it again");
        return Ok(refused(refuse_pull("pull-current", Finding::new(what).by("nobody"))));
    }
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let Some(tip) = base.tip else {
        let what = Line::say("the branch ").quote(&target).and(" that it is for is gone");
        return Ok(refused(refuse("policy-present", Finding::new(what).by(KEEPER))));
    };
    let called = target.to_lossy();
    let loaded = match policy::load(client, &name.repo, tip, &options.policy, &called, Some(&base)).await {
        Ok(loaded) => loaded,
        Err(NoPolicy::Unread(failure)) => return Err(failure),
        Err(NoPolicy::Unusable(why)) => return Ok(refused(unusable(&why, &options.policy, &target, KEEPER))),
    };
    let mut done = judge_with(client, name, options, told, &pull, tip, &loaded).await;
    done.policy = Some(loaded.name());
    done.notes.splice(0..0, notes_on(&loaded, client.now()));
    done.head = Some((name.clone(), head));
    Ok(done)
}

/// Judges a pull request by a policy that is loaded; `tip` is where its base branch stands.
pub(super) async fn judge_with(
    client: &Client,
    name: &PullName,
    options: &Options,
    told: Told,
    pull: &answers::Pull,
    tip: Oid,
    loaded: &Loaded,
) -> Done {
    let of = Of::Pull(Text::from(name.to_string()));
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let needs = loaded.policy.needs();
    let gathering = Gathering {
        client,
        name,
        pull,
        base: tip,
        needs: &needs,
        trusted: loaded.trusted(client.now()),
        pusher: options.pusher,
        checks_of: told.checks_of.unwrap_or(pull.head.sha),
        now: told.landed_at.unwrap_or(client.now()),
    };
    let mut change = match gathering.gather().await {
        Ok(change) => change,
        Err(Gap::Commits(failure)) => {
            let finding = Finding::new(Line::say(failure.why)).by("whoever runs the gate");
            return Done::refused(of, refuse_pull("pull-complete", finding));
        }
        Err(Gap::Moved(what)) => {
            let finding = Finding::new(Line::say(what)).by("nobody");
            return Done::refused(of, refuse_pull("pull-current", finding));
        }
    };
    if let Some(at) = told.landed_at
        && let Err(what) = as_it_was(&mut change, at)
    {
        return Done::refused(of, refuse_pull("pull-complete", Finding::new(what).by("nobody")));
    }
    look_up_tickets(&mut change, loaded, options, &name.repo);
    let verdict = judge(&loaded.policy, &change, true);
    let traces = if options.explain { traces(loaded, &change, &verdict) } else { Vec::new() };
    let mut group = Group::new(of, vec![verdict]);
    group.traces = traces;
    // What was pushed is amended by another push, which takes the approvals with it.
    group.amendable = false;
    if !loaded.policy.protects(target.as_bytes()) {
        let what =
            Line::say("the policy of ").quote(&target).and(" does not put that branch under change control");
        group.refusals.push(refuse_pull("pull-target", Finding::new(what).by(KEEPER)));
    }
    group.refusals.extend(breaks_policy(client, name, options, pull, loaded, &change).await);
    let mut notes = Vec::new();
    if pull.state != "open" {
        notes.push(Line::say("this pull request is closed"));
    }
    Done { group, policy: None, notes, head: None, changes: vec![change], landed: Vec::new() }
}

/// Returns what refuses a pull request after which its base branch would have no policy that can be
/// used, or none that is about it.
async fn breaks_policy(
    client: &Client,
    name: &PullName,
    options: &Options,
    pull: &answers::Pull,
    loaded: &Loaded,
    change: &Change,
) -> Option<Judgement> {
    let author = "the author";
    let paths = match change.pull.as_deref().map(|pull| &pull.paths) {
        Ok(Ok(paths)) => paths,
        Ok(Err(missing)) | Err(missing) => {
            let what = format!("nobody can tell whether this changes the policy: {missing}");
            return Some(refuse("policy-valid", Finding::new(Line::say(what)).by("whoever runs the gate")));
        }
    };
    // A folder can be swapped for a link, so that what lies below it changes without being listed.
    let about = |path: &str| {
        paths.iter().any(|change| {
            let changed = change.path.as_bytes();
            let rest = path.as_bytes().strip_prefix(changed);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
        })
    };
    if !loaded.paths().any(about) {
        return None;
    }
    let target = Text::from(format!("refs/heads/{}", pull.base.branch));
    let called = format!("the head of {name}");
    match policy::load(client, &name.repo, pull.head.sha, &options.policy, &called, None).await {
        Ok(new) if new.policy.protects(target.as_bytes()) => None,
        Ok(_) => {
            let what =
                Line::say("after this ").quote(&target).and(" would not be under change control any more");
            Some(refuse("policy-valid", Finding::new(what).by(author)))
        }
        Err(NoPolicy::Unusable(Unusable::Absent)) => {
            let what = format!("this takes away the policy `{}`", options.policy);
            Some(refuse("policy-valid", Finding::new(Line::say(what)).by(author)))
        }
        Err(NoPolicy::Unusable(Unusable::Faulty(errors))) => {
            Some(refuse("policy-valid", faults(&errors, author)))
        }
        Err(NoPolicy::Unread(failure)) => {
            let what = format!("the policy that this brings could not be read: {}", failure.why);
            Some(refuse("policy-valid", Finding::new(Line::say(what)).by("whoever runs the gate")))
        }
    }
}

/// Returns the refusal where there is no policy to judge by.
pub(super) fn unusable(why: &Unusable, path: &str, place: &Text, who: &str) -> Judgement {
    match why {
        Unusable::Absent => {
            let what =
                Line::say(format!("there is no `{path}` at ")).quote(place).and(", so nothing can be judged");
            refuse("policy-present", Finding::new(what).by(who).paste("changegate policy init"))
        }
        Unusable::Faulty(errors) => refuse("policy-valid", faults(errors, who)),
    }
}

/// Returns how every rule that said something came to its answer.
pub(super) fn traces(loaded: &Loaded, change: &Change, verdict: &Verdict) -> Vec<RuleTrace> {
    let told = verdict.judgements.iter().filter(|judgement| judgement.outcome != Outcome::NotApplicable);
    told.flat_map(|judgement| {
        let rule = judgement.rule.id.clone();
        explain(&loaded.policy, change, &judgement.rule.id).into_iter().map(move |trace| RuleTrace {
            verdict: 0,
            rule: rule.clone(),
            trace,
        })
    })
    .collect()
}
