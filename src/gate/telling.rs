//! What is told about a policy: that there is none, that it cannot be used, that it is getting old.

use jiff::Timestamp;

use super::settings::Settings;
use super::source::{Loaded, Unusable};
use crate::change::{Need, Oid};
use crate::git::{RefAt, RefUpdate};
use crate::policy::{FaultyFile, Policy, PolicyErrors};
use crate::push::refuse;
use crate::report::{Group, JudgedAs, Of, Update};
use crate::verdict::{Finding, Judgement, Line};
use crate::yaml::{Fault, Place};

/// Who mends what is wrong with a server.
pub(super) const ADMINISTRATOR: &str = "whoever administrates the server";

/// Returns that the policy at `path` cannot be read at all, and `why`.
pub(super) fn unreadable(path: &str, why: String) -> Unusable {
    let fault = Fault::new(Place { line: 1, column: 1, length: 1 }, why);
    let file = FaultyFile { name: path.to_owned(), source: Vec::new(), faults: vec![fault] };
    Unusable::Faulty(PolicyErrors { files: vec![file] })
}

/// Returns the refusal where there is no policy to judge by.
pub(super) fn no_policy(why: &Unusable, place: &str, settings: &Settings) -> Judgement {
    match why {
        Unusable::Absent => {
            let what = format!("there is no `{}` at {place}, so nothing can be judged", settings.policy_path);
            let finding = Finding::new(Line::say(what)).by(ADMINISTRATOR);
            refuse(
                "policy-present",
                finding
                    .paste(format!("git config changegate.missingPolicy {}", crate::policy::packs::DEFAULT)),
            )
        }
        Unusable::Faulty(errors) => refuse("policy-valid", faults(errors, ADMINISTRATOR)),
    }
}

/// Returns the finding that a policy has a rule which no hook can ever find kept, if it has one.
pub(super) fn beyond_hooks(policy: &Policy, now: Timestamp) -> Option<Finding> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let (rule, need) = policy.kept_on_a_forge(today).next()?;
    let fact = match need {
        Need::Reviews => "reviews that a forge vouches for (`trust: verified`)".to_owned(),
        Need::Tickets => "what a ticket system says (unless it may be owed: `unseen: owe`)".to_owned(),
        other => format!("what only a forge can tell ({other})"),
    };
    let what = format!(
        "the rule `{}` wants {fact}, which no server hook can see: after this push nobody could push any more \
         what it is about",
        rule.name.id
    );
    Some(Finding::new(Line::say(what)).by("the author"))
}

/// Returns the first fault as a finding, with the number of the others.
pub fn faults(errors: &PolicyErrors, who: &str) -> Finding {
    let first = errors.files.iter().find_map(|file| Some((file, file.faults.first()?)));
    let more = errors.count().saturating_sub(1);
    let what = match first {
        Some((file, fault)) => Line::say("the policy cannot be used: ")
            .quote(&file.name.as_str().into())
            .and(format!(" line {}: {}", fault.at.line, fault.what)),
        None => Line::say("the policy cannot be used"),
    };
    let what = if 0 < more { what.and(format!(" (and {more} more faults)")) } else { what };
    Finding::new(what).by(who).paste("changegate policy check")
}

/// Returns what somebody should know about a policy that is in use.
pub fn notes_on(loaded: &Loaded, now: Timestamp) -> Vec<Line> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let policy = &loaded.policy;
    let mut notes: Vec<Line> = policy
        .expired(today)
        .map(|exemption| {
            let rule = policy.rules.get(exemption.rule).map(|rule| rule.name.id.clone()).unwrap_or_default();
            Line::say(format!("the exemption from `{rule}` ended on {} and has no effect", exemption.until))
        })
        .collect();
    if let Some(day) = policy.review_by.filter(|day| *day < today) {
        notes.push(Line::say(format!("the policy was to be reviewed by {day}")));
    }
    notes
}

/// Returns what is told of one ref of a push, which holds `actual`.
pub(super) fn group_of(update: &RefUpdate, actual: Option<Oid>, refusals: Vec<Judgement>) -> Group {
    let what = match (actual, update.new.is_null()) {
        (None, false) => Update::Create { new: update.new },
        (Some(old), false) => Update::Move { old, new: update.new },
        (old, true) => Update::Delete { old: old.unwrap_or(update.old) },
    };
    let mut group = Group::new(Of::Ref { name: update.name.clone(), update: what }, Vec::new());
    group.refusals = refusals;
    group
}

/// Returns what is told of one ref under the gate's control.
pub(super) fn protected(update: &RefUpdate, at: &RefAt, refusals: Vec<Judgement>) -> Group {
    let judged_as = Some(JudgedAs { name: at.name.clone(), policies: Vec::new() });
    Group { judged_as, ..group_of(update, at.id, refusals) }
}
