//! Lines of the files of incidents and deployments that contradict the history: each is named, and none counts.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::audit::exceptions::{AuditException, ExceptionKind};
use crate::audit::inputs::deployments::{Deployment, counts_in_figures};
use crate::audit::inputs::incidents::Incident;
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::population::period::AuditPeriod;
use crate::audit::table::format_table_time;
use crate::change::Text;

/// Returns the exception of a deployment that ran before its change, which landed at `landed`.
pub(crate) fn build_early_exception(
    change_id: String,
    deployment: &Deployment,
    landed: Timestamp,
) -> AuditException {
    let what = format!(
        "the file of deployments says that it ran at {}, before it had landed at {}; that counts in no figure",
        format_table_time(deployment.at),
        format_table_time(landed)
    );
    AuditException::open_exception(
        ExceptionKind::InputContradiction,
        (change_id, Text::from(deployment.environment.as_str())),
        (what, deployment.at),
        "the file of deployments",
    )
}

/// Returns the exception of an incident that began before the change that it names, which landed at `landed`.
pub(crate) fn build_early_incident_exception(
    change_id: String,
    incident: &Incident,
    landed: Timestamp,
) -> AuditException {
    let what = format!(
        "the file of incidents says that it caused {}, which began at {}, before it had landed at {}; that counts in no \
         figure",
        incident.id,
        format_table_time(incident.started),
        format_table_time(landed)
    );
    AuditException::open_exception(
        ExceptionKind::InputContradiction,
        (change_id, Text::from(incident.id.as_str())),
        (what, incident.started),
        "the file of incidents",
    )
}

/// Returns the exceptions of lines of a period that no audited history knows, and of incidents that stand there twice.
pub(crate) fn list_input_exceptions(
    (incidents, deployments): (&[Incident], &[Deployment]),
    known: &KnownInputs,
    period: &AuditPeriod,
) -> Vec<AuditException> {
    let mut found = Vec::new();
    let build = |(id, subject): (String, &str), what: String, at, file: &str| {
        let subject = (id, Text::from(subject));
        AuditException::open_exception(ExceptionKind::InputContradiction, subject, (what, at), file)
    };
    let mut times: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    for one in incidents {
        *times.entry((&one.id, one.caused_by.as_deref())).or_default() += 1;
    }
    for (number, one) in incidents.iter().enumerate().filter(|(_, one)| period.contains(one.started)) {
        let subject = || (format!("incident {}", one.id), one.id.as_str());
        if let Some(cause) = one.caused_by.as_ref().filter(|_| !known.incidents.contains(&number)) {
            let what = format!(
                "names {cause} as its cause, and no change that was audited is called so; it counts in no figure"
            );
            found.push(build(subject(), what, one.started, "the file of incidents"));
        }
        // Told at the first of them.
        let count = times.remove(&(one.id.as_str(), one.caused_by.as_deref())).unwrap_or_default();
        if count > 1 {
            let what = format!("stands {count} times in the file of incidents, and counts once");
            found.push(build(subject(), what, one.started, "the file of incidents"));
        }
    }
    let counts = counts_in_figures(deployments);
    for (number, one) in deployments.iter().enumerate().filter(|(_, one)| period.contains(one.at)) {
        if known.deployments.contains(&number) || !counts(one) {
            continue;
        }
        let what = format!(
            "the file of deployments says that {} ran at {}, and no history that was audited has that commit; it counts in \
             no figure",
            one.commit,
            format_table_time(one.at)
        );
        let subject = (format!("deployment {}", one.commit), one.environment.as_str());
        found.push(build(subject, what, one.at, "the file of deployments"));
    }
    found
}
