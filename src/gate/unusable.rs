//! What a pusher is told where there is no policy that can be used.

use super::settings::Settings;
use super::source::Unusable;
use crate::policy::PolicyErrors;
use crate::push::refuse;
use crate::verdict::{Finding, Judgement, Line};

/// Who mends what is wrong with a server.
pub(super) const ADMINISTRATOR: &str = "whoever administrates the server";

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

/// Returns the first fault as a finding, with the number of the others.
pub(super) fn faults(errors: &PolicyErrors, who: &str) -> Finding {
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
