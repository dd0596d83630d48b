//! The figures of incidents and deployments, which only files tell of.

use std::collections::BTreeSet;

use crate::audit::inputs::deployments::{Deployment, join_deployments};
use crate::audit::inputs::incidents::Incident;
use crate::audit::inputs::known_inputs::KnownInputs;
use crate::audit::key_figures::figure::{FigureValue, KeyFigure, hours_between, median_figure};
use crate::audit::population::period::AuditPeriod;
use crate::change::Text;

/// Returns the figures of the incidents of a period with so many changes: those of a file, `None` without one, whose
/// cause is known, each once, and those that reports of outcomes name.
pub(crate) fn build_incident_figures(
    incidents: Option<&[Incident]>,
    (known, period): (&KnownInputs, &AuditPeriod),
    reported: &BTreeSet<Text>,
    changes: usize,
) -> Vec<KeyFigure> {
    let mut names = reported.clone();
    let mut caused: Vec<&Incident> = Vec::new();
    for (number, incident) in incidents.unwrap_or_default().iter().enumerate() {
        let is_known = known.incidents.contains(&number) && !known.early_incidents.contains(&number);
        let counts = is_known && period.contains(incident.started);
        if counts && !caused.iter().any(|other| other.id == incident.id) {
            names.insert(Text::from(incident.id.as_str()));
            caused.push(incident);
        }
    }
    let note = match incidents {
        Some(_) => "as the file of incidents and reports of outcomes say",
        None => "as reports of outcomes say; no file of incidents was given",
    };
    let related = KeyFigure {
        key: "change_related_incidents",
        title: "Change-related incidents",
        formula: "incidents that name a change of the history as their cause, or that a report of an outcome names / changes",
        value: FigureValue::Share { numerator: to_u64(names.len()), denominator: to_u64(changes) },
        not_known: 0,
        note: note.to_owned(),
    };
    if incidents.is_none() {
        return vec![related];
    }
    let mut hours = Vec::new();
    for incident in &caused {
        hours.extend(incident.resolved.map(|resolved| hours_between(incident.started, resolved)));
    }
    let open = caused.len() - hours.len();
    let mut recovery = median_figure(
        "time_to_restore",
        "Time to restore (MTTR)",
        "median from the beginning to the end of the incidents of the file that a change caused",
        &hours,
    );
    recovery.not_known = to_u64(open);
    recovery.note = match mean_hours(&hours) {
        Some(mean) => format!("mean {mean} hours"),
        None => String::new(),
    };
    vec![related, recovery]
}

/// Returns the figures of the deployments of a period whose commit is known and had landed, by a file and by ledgers; `lead_hours` are those from
/// landing to deployment.
pub(crate) fn build_deployment_figures(
    deployments: &[Deployment],
    (known, period): (&KnownInputs, &AuditPeriod),
    lead_hours: &[f64],
) -> Vec<KeyFigure> {
    let recorded = &known.recorded_deployments;
    // A line of the file that no history knows counts nowhere, and is no reason to leave out what a ledger tells.
    let mut given = Vec::new();
    for (number, deployment) in deployments.iter().enumerate() {
        if known.deployments.contains(&number) && !known.early_deployments.contains(&number) {
            given.push(deployment.clone());
        }
    }
    let all = join_deployments(&given, recorded);
    let names_production = deployments.iter().chain(recorded).any(Deployment::is_in_production);
    let counts = |one: &&Deployment| (!names_production || one.is_in_production()) && period.contains(one.at);
    let of_period: Vec<&Deployment> = all.iter().filter(counts).collect();
    let source = match (deployments.is_empty(), recorded.is_empty()) {
        (_, true) => "as the file of deployments says",
        (true, false) => "as the ledger says",
        (false, false) => "as the file of deployments and the ledger say",
    };
    let note = match names_production {
        true => format!("{source}; of production alone"),
        false => format!("{source}; no environment is called production, so all of them count"),
    };
    let failed = of_period.iter().filter(|deployment| deployment.is_failed).count();
    let mut recovery = Vec::new();
    let mut unrecovered = 0;
    for (place, deployment) in of_period.iter().enumerate().filter(|(_, deployment)| deployment.is_failed) {
        let later = of_period.iter().skip(place + 1);
        let next =
            later.into_iter().find(|next| next.environment == deployment.environment && !next.is_failed);
        match next {
            Some(next) => recovery.push(hours_between(deployment.at, next.at)),
            None => unrecovered += 1,
        }
    }
    let mut recovery = median_figure(
        "failed_deployment_recovery",
        "Recovery of failed deployments",
        "median from a failed deployment to the next one in its environment that did not fail",
        &recovery,
    );
    recovery.not_known = unrecovered;
    vec![
        KeyFigure {
            key: "deployments",
            title: "Deployments",
            formula: "deployments of the period of commits of the history that had landed",
            value: FigureValue::Count(to_u64(of_period.len())),
            not_known: 0,
            note,
        },
        KeyFigure {
            key: "failed_deployments",
            title: "Failed deployments",
            formula: "failed deployments / deployments",
            value: FigureValue::Share { numerator: to_u64(failed), denominator: to_u64(of_period.len()) },
            not_known: 0,
            note: String::new(),
        },
        recovery,
        median_figure(
            "deployment_lead_time",
            "Landing to deployment",
            "median from the landing of a change to its first deployment",
            lead_hours,
        ),
    ]
}

fn to_u64(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "hours with two digits after the point")]
fn mean_hours(hours: &[f64]) -> Option<f64> {
    if hours.is_empty() {
        return None;
    }
    let mean = hours.iter().sum::<f64>() / hours.len() as f64;
    Some((mean * 100.0).round() / 100.0)
}
