//! A push: every ref that it names, held against the policy of the ref as it was.

use std::collections::HashMap;
use std::rc::Rc;

use jiff::Timestamp;

use super::base::Base;
use super::break_glass;
use super::judging::{Judged, Judging};
use super::kept::Kept;
use super::settings::{MissingPolicy, Settings};
use super::side::Side;
use super::source::{self, Loaded, Unusable};
use super::telling::{
    ADMINISTRATOR, beyond_hooks, faults, group_of, no_policy, notes_on, protected, unreadable,
};
use crate::change::{Need, Oid, Stage, Text};
use crate::git::{NewHistory, Peeled, Range, RefAt, RefUpdate, Repository};
use crate::pattern::RefPattern;
use crate::policy::Unit;
use crate::push::{self, Asked, Object, refuse};
use crate::report::{Group, Of, Report, Update, decide};
use crate::verdict::{Finding, Judgement, Line};

/// Judges a push.
///
/// Every ref is judged, whatever became of the others. A ref that is not under change control is
/// not in the report, unless nobody may write to it at all; of changes that nothing is to be said
/// about, only the number is, unless `keep_all` asks for them.
pub fn judge_push(
    repository: &Repository,
    updates: &[RefUpdate],
    settings: &Settings,
    now: Timestamp,
    keep_all: bool,
) -> (Report, Kept) {
    let kept = Kept::default();
    let mut push = Push { repository, settings, now, keep_all, policies: HashMap::new(), kept };
    let mut notes = Vec::new();
    let mut groups = Vec::new();
    let mut named: Vec<Text> = Vec::new();
    let base = push.base_policy();
    for update in updates {
        let resolved = match repository.resolve_ref(update.name.as_bytes()) {
            Ok(at) => at,
            Err(error) => {
                let finding = Finding::new(Line::say(format!("{error:#}"))).by(ADMINISTRATOR);
                groups.push(group_of(update, None, vec![refuse("ref-object", finding)]));
                continue;
            }
        };
        if break_glass::is_asked_at(&update.name) && resolved.name == update.name {
            let base = base.loaded(settings);
            groups.push(break_glass::group(
                repository,
                updates,
                &resolved,
                settings,
                base,
                now,
                &mut push.kept,
            ));
            continue;
        }
        let mut refusals: Vec<Judgement> = push::reserved(&update.name).into_iter().collect();
        if named.contains(&resolved.name) {
            let what = Line::say("this push names ").quote(&resolved.name).and(" more than once");
            refusals.push(refuse("ref-once", Finding::new(what).by("the pusher")));
        }
        named.push(resolved.name.clone());
        let group = match &base {
            Base::Free => None,
            Base::Refused(judgement) => {
                refusals.push(judgement.clone());
                None
            }
            Base::Policy(loaded) if !loaded.policy.protects(resolved.name.as_bytes()) => None,
            Base::Policy(loaded) => Some(push.judge_ref(update, &resolved, loaded)),
        };
        match group {
            Some(mut group) => {
                group.refusals.splice(0..0, refusals);
                groups.push(group);
            }
            None if refusals.is_empty() => {}
            None => groups.push(group_of(update, resolved.id, refusals)),
        }
    }
    let policy = match &base {
        Base::Policy(loaded) => {
            notes.extend(notes_on(loaded, now));
            Some(loaded.name())
        }
        Base::Free | Base::Refused(_) => None,
    };
    let report = Report {
        decision: decide(&groups, true),
        stage: Stage::PreReceive,
        enforced: true,
        seen_at: now,
        policy,
        groups,
        notes,
    };
    (report, push.kept)
}

/// Returns which refs are under change control, by the policy that stands now; `None` where there is
/// no policy, or none that can be used.
pub fn under_control(repository: &Repository, settings: &Settings) -> Option<Vec<RefPattern>> {
    standing(repository, settings).map(|loaded| loaded.policy.protects)
}

/// Returns the policy that stands now; `None` where there is none, or none that can be used.
pub fn standing(repository: &Repository, settings: &Settings) -> Option<Loaded> {
    let (now, policies, kept) = (Timestamp::UNIX_EPOCH, HashMap::new(), Kept::default());
    let mut push = Push { repository, settings, now, keep_all: false, policies, kept };
    if let Base::Policy(loaded) = push.base_policy() { Some(Rc::unwrap_or_clone(loaded)) } else { None }
}

struct Push<'push> {
    repository: &'push Repository,
    settings: &'push Settings,
    now: Timestamp,
    keep_all: bool,
    policies: HashMap<Oid, Result<Rc<Loaded>, Unusable>>,
    kept: Kept,
}

impl Push<'_> {
    fn base_policy(&mut self) -> Base {
        let settings = self.settings;
        if let Some(file) = &settings.policy_file {
            let folder = file.parent().unwrap_or(file);
            let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            return match source::from_disk(folder, &name) {
                Ok(loaded) => Base::Policy(Rc::new(loaded)),
                Err(why) => Base::Refused(no_policy(&why, "changegate.policyFile", self.settings)),
            };
        }
        let tip = match self.repository.resolve_ref(settings.policy_ref.as_bytes()) {
            Ok(at) => at.id,
            Err(error) => {
                let finding = Finding::new(Line::say(format!("{error:#}"))).by(ADMINISTRATOR);
                return Base::Refused(refuse("policy-present", finding));
            }
        };
        let found = match tip {
            Some(tip) => self.policy_at(tip, &settings.policy_ref),
            None => Err(Unusable::Absent),
        };
        match (found, &settings.missing_policy) {
            (Ok(loaded), _) => Base::Policy(loaded),
            (Err(Unusable::Absent), MissingPolicy::Allow) => Base::Free,
            (Err(Unusable::Absent), MissingPolicy::Pack(pack)) => match source::from_pack(pack) {
                Ok(loaded) => Base::Policy(Rc::new(loaded)),
                Err(why) => Base::Refused(no_policy(&why, pack, settings)),
            },
            (Err(why), _) => Base::Refused(no_policy(&why, &settings.policy_ref.to_lossy(), settings)),
        }
    }

    /// Returns the policy at a commit, read once.
    fn policy_at(&mut self, commit: Oid, called: &Text) -> Result<Rc<Loaded>, Unusable> {
        let (repository, path) = (self.repository, &self.settings.policy_path);
        let load = || {
            let called = called.to_lossy();
            // Only a commit can lack a policy. What cannot be read is not the same as nothing there.
            match repository.peel(commit) {
                Ok(Peeled::Commit(commit)) => {
                    source::at_commit(repository, commit, path, &called).map(Rc::new)
                }
                Ok(Peeled::Other(kind)) => {
                    Err(unreadable(path, format!("{called} is a {kind}, not a commit")))
                }
                Ok(Peeled::Missing) => Err(unreadable(path, format!("what {called} names is not there"))),
                Err(error) => Err(unreadable(path, format!("{error:#}"))),
            }
        };
        self.policies.entry(commit).or_insert_with(load).clone()
    }

    /// Judges what is pushed to a ref under change control.
    fn judge_ref(&mut self, update: &RefUpdate, at: &RefAt, base: &Loaded) -> Group {
        let (asked, history) = match self.asked(update, at) {
            Ok(asked) => asked,
            Err(error) => {
                let finding = Finding::new(Line::say(format!("{error:#}"))).by(ADMINISTRATOR);
                return protected(update, at, vec![refuse("whole-history", finding)]);
            }
        };
        let mut group = protected(update, at, push::judge(&asked));
        if let (Of::Ref { update, .. }, Some(old), Some(new), false) =
            (&mut group.of, at.id, asked.new, asked.forward)
        {
            *update = Update::Rewrite { old, new };
        }
        if self.repository.is_shallow() {
            let what = "this repository is shallow, so what lies behind a change cannot be seen";
            group.refusals.push(refuse("whole-history", Finding::new(Line::say(what)).by(ADMINISTRATOR)));
        }
        let Some(new) = asked.new.filter(|_| matches!(asked.object, Object::Commit | Object::Tag)) else {
            return group;
        };
        // What the ref itself held decides how it is judged, beside what the policy ref says today; a
        // ref that is new, or older than its policy, is judged as the policy ref says.
        let own = match at.id.filter(|_| self.settings.policy_file.is_none()) {
            Some(tip) => match self.policy_at(tip, &at.name) {
                Ok(loaded) => Some(loaded),
                Err(Unusable::Absent) => None,
                Err(why) => {
                    group.refusals.push(no_policy(&why, &at.name.to_lossy(), self.settings));
                    return group;
                }
            },
            None => None,
        };
        let loaded = own.as_deref().unwrap_or(base);
        let mut kept = std::mem::take(&mut self.kept);
        let judged = self.judge_commits(new, &asked, history, [base, loaded], &mut group, &mut kept);
        self.kept = kept;
        if let Err(error) = judged {
            let finding = Finding::new(Line::say(format!("{error:#}"))).by("the pusher");
            group.refusals.push(refuse("whole-history", finding));
        }
        if self.settings.policy_file.is_none()
            && !loaded.is_same_at(self.repository, new)
            && let Some(judgement) = self.breaks_policy(new, &at.name)
        {
            group.refusals.push(judgement);
        }
        group
    }

    /// Returns what an update asks for, and the history that it brings over what the ref holds.
    fn asked<'update>(
        &self,
        update: &RefUpdate,
        at: &'update RefAt,
    ) -> anyhow::Result<(Asked<'update>, Option<NewHistory>)> {
        let given = |id: Oid| (!id.is_null()).then_some(id);
        let new = given(update.new);
        let object = match new.map(|new| self.repository.peel(new)).transpose()? {
            None | Some(Peeled::Missing) => Object::Missing,
            Some(Peeled::Other(kind)) => Object::Other(kind),
            Some(Peeled::Commit(commit)) if Some(commit) == new => Object::Commit,
            Some(Peeled::Commit(_)) => Object::Tag,
        };
        let history = match (at.id, new, object) {
            (Some(old), Some(new), Object::Commit) => Some(self.repository.new_history(new, &[old])?),
            _ => None,
        };
        let forward = at.id.zip(history.as_ref()).is_some_and(|(old, history)| history.leads_back_to(old));
        let asked = Asked { name: &at.name, claimed: given(update.old), actual: at.id, new, object, forward };
        Ok((asked, history))
    }

    /// Judges the commits that `new` would bring under change control.
    fn judge_commits(
        &self,
        new: Oid,
        asked: &Asked<'_>,
        history: Option<NewHistory>,
        policies: [&Loaded; 2],
        group: &mut Group,
        kept: &mut Kept,
    ) -> anyhow::Result<()> {
        let [base, loaded] = policies;
        let base = Some(base).filter(|base| base.policy.digest != loaded.policy.digest);
        if let Some(judged_as) = &mut group.judged_as {
            judged_as.policies = std::iter::once(loaded).chain(base).map(Loaded::from).collect();
        }
        let Peeled::Commit(tip) = self.repository.peel(new)? else { return Ok(()) };
        if matches!(asked.name.as_bytes().get(..10), Some(b"refs/tags/")) {
            let protected = self.protected_tips(&policies)?;
            if self.repository.new_commits(tip, &protected)?.next().transpose()?.is_some() {
                let what = Line::say(format!(
                    "{} is on no branch under change control; push the branch first",
                    tip.short()
                ));
                let finding = Finding::new(what).by("the pusher");
                group.refusals.push(refuse("tag-of-reviewed", finding));
            }
            return Ok(());
        }
        let judged = self.judged_tips(&policies, asked.actual)?;
        let mut needs = loaded.policy.needs();
        needs.extend(base.iter().flat_map(|base| base.policy.needs()));
        let side = match (asked.actual.filter(|_| needs.contains(&Need::Paths)), &history) {
            (Some(old), Some(history)) => Side::of(self.repository, history, old, tip)?,
            _ => Side::default(),
        };
        // For the policy ref itself, what is new over it is what is to be judged.
        let history = match history.filter(|_| asked.actual.is_some_and(|old| judged == [old])) {
            Some(history) => history,
            None => self.repository.new_history(tip, &judged)?,
        };
        let most = self.settings.most_commits;
        if most < history.count() {
            let what = Line::say(format!(
                "more than {most} commits are new to this ref; push fewer at a time, or raise changegate.maxCommits"
            ));
            let finding = Finding::new(what).by("the pusher, or whoever administrates the server");
            group.refusals.push(refuse("push-size", finding));
            return Ok(());
        }
        let (settings, now, keep_all) = (self.settings, self.now, self.keep_all);
        let judging = Judging { loaded, base, target: asked.name, settings, now, side, keep_all };
        let trusted = base.and_then(|base| base.trusted(self.now)).or(loaded.trusted(self.now));
        let range = Range { new: tip, hidden: &judged, trusted };
        let asks = &loaded.policy.obligations;
        kept.begin(asked.name, asks.and(base.map_or(asks, |base| &base.policy.obligations)));
        let collect = |judged: Judged| {
            match judged {
                Ok((verdict, facts, due)) => {
                    kept.note(due);
                    facts.iter().for_each(|facts| kept.add(facts));
                    group.passed += usize::from(verdict.is_none());
                    group.verdicts.extend(verdict);
                }
                Err(judgement) => group.refusals.push(judgement),
            }
            Ok(())
        };
        match loaded.policy.unit {
            Unit::Step => self.repository.for_each_step_of(
                &history,
                range.trusted,
                &needs,
                self.settings.threads,
                |commits| judging.judge(commits),
                collect,
            ),
            Unit::Commit => self.repository.for_each_commit(
                range,
                &needs,
                self.settings.threads,
                |commit| judging.judge(vec![commit]),
                collect,
            ),
        }
    }

    /// Returns the tips whose commits count as judged: what the ref itself holds, and what the policy
    /// ref holds.
    ///
    /// Other branches under change control do not vouch for their commits. One may have come under
    /// change control with commits on it that nobody judged, and no policy tells which those are. So
    /// work that goes from one such branch to another is judged on both.
    fn judged_tips(&self, policies: &[&Loaded], own: Option<Oid>) -> anyhow::Result<Vec<Oid>> {
        let main = self.repository.resolve_ref(self.settings.policy_ref.as_bytes())?;
        let is_protected = policies.iter().all(|loaded| loaded.policy.protects(main.name.as_bytes()));
        let mut tips: Vec<Oid> = main.id.filter(|_| is_protected).into_iter().chain(own).collect();
        tips.sort_unstable();
        tips.dedup();
        Ok(tips.into_iter().filter(|tip| self.is_commit(*tip)).collect())
    }

    /// Returns the tips of all branches under change control, by every one of `policies`: the one
    /// that decides what is judged at all, and that of the ref, which may be older.
    fn protected_tips(&self, policies: &[&Loaded]) -> anyhow::Result<Vec<Oid>> {
        let branches = self.repository.refs("refs/heads/")?;
        let protected = branches
            .into_iter()
            .filter(|branch| policies.iter().all(|loaded| loaded.policy.protects(branch.name.as_bytes())));
        Ok(protected.filter_map(|branch| branch.id).filter(|tip| self.is_commit(*tip)).collect())
    }

    fn is_commit(&self, id: Oid) -> bool {
        matches!(self.repository.peel(id), Ok(Peeled::Commit(commit)) if commit == id)
    }

    /// Returns what refuses a push after which the ref would have no policy that can be used: nobody
    /// could push to it any more.
    fn breaks_policy(&mut self, new: Oid, name: &Text) -> Option<Judgement> {
        let found = self.policy_at(new, name);
        if let Some(finding) = found.as_ref().ok().and_then(|loaded| beyond_hooks(&loaded.policy, self.now)) {
            return Some(refuse("policy-valid", finding));
        }
        match found {
            Ok(loaded) if *name == self.settings.policy_ref && !loaded.policy.protects(name.as_bytes()) => {
                let what = Line::say("after this push ")
                    .quote(name)
                    .and(", where the policy itself stands, would not be under change control any more");
                Some(refuse("policy-valid", Finding::new(what).by("the author")))
            }
            Ok(_) => None,
            Err(Unusable::Absent) => {
                let what = Line::say(format!("this takes away the policy `{}`", self.settings.policy_path));
                Some(refuse("policy-valid", Finding::new(what).by("the author")))
            }
            Err(Unusable::Faulty(errors)) => Some(refuse("policy-valid", faults(&errors, "the author"))),
        }
    }
}
