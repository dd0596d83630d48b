//! The figures of incidents and deployments, which only files tell of.

use crate::audit::inputs::deployments::{Deployment, DeploymentList};
use crate::audit::inputs::incidents::{Incident, IncidentList};
use crate::audit::key_figures::figure::{FigureValue, KeyFigure, hours_between, median_figure};
use crate::audit::population::period::AuditPeriod;

/// Returns the figures of the incidents of a period with so many changes.
pub(crate) fn build_incident_figures(
    list: &IncidentList,
    period: &AuditPeriod,
    changes: usize,
) -> Vec<KeyFigure> {
    let of_period = |incident: &&Incident| period.contains(incident.started);
    let caused: Vec<&Incident> =
        list.incidents.iter().filter(of_period).filter(|incident| incident.caused_by.is_some()).collect();
    let mut hours = Vec::new();
    for incident in &caused {
        hours.extend(incident.resolved.map(|resolved| hours_between(incident.started, resolved)));
    }
    let open = caused.len() - hours.len();
    let share = FigureValue::Share { numerator: to_u64(caused.len()), denominator: to_u64(changes) };
    let mut recovery = median_figure(
        "time_to_restore",
        "Time to restore (MTTR)",
        "median from the beginning to the end of the incidents that a change caused",
        &hours,
    );
    recovery.not_known = to_u64(open);
    recovery.note = match mean_hours(&hours) {
        Some(mean) => format!("mean {mean} hours"),
        None => String::new(),
    };
    vec![
        KeyFigure {
            key: "change_related_incidents",
            title: "Change-related incidents",
            formula: "incidents that name a change as their cause / changes",
            value: share,
            not_known: 0,
            note: "as the file of incidents says".to_owned(),
        },
        recovery,
    ]
}

/// Returns the figures of the deployments of a period; `lead_hours` are those from landing to deployment.
pub(crate) fn build_deployment_figures(
    list: &DeploymentList,
    period: &AuditPeriod,
    lead_hours: &[f64],
) -> Vec<KeyFigure> {
    let of_period: Vec<&Deployment> =
        list.deployments.iter().filter(|deployment| period.contains(deployment.at)).collect();
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
            formula: "deployments of the period",
            value: FigureValue::Count(to_u64(of_period.len())),
            not_known: 0,
            note: "as the file of deployments says".to_owned(),
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
