//! The columns of the change log: one line for each, with its name, its meaning and where its value comes from.
//!
//! The order is fixed, so that two change logs can be laid side by side. A new column comes at the end.

use std::sync::LazyLock;

use crate::audit::change_record::column_cells::{
    approval_covers_final, approval_relations, co_authors, count, count_checks, describe_deployment,
    emergency_cell, emergency_ticket_at, evaluated_flag, format_person, from_facts, impact, join_steps,
    join_texts, join_words, judged_by, list_people, not_known, pull_request, purpose, recorded_count,
    test_evidence, ticket_margin, trust_word, unapproved_paths, verification, verified_at, verified_by,
};
use crate::audit::change_record::field_values as fields;
use crate::audit::change_record::{ChangeJudgement, ChangeRecord};
use crate::audit::table::{ColumnKind, TableCell, TableColumn, TableSheet};
use crate::change::Text;
use crate::ledger::record::{RecordedCheckState, RecordedOutcomeWord};

/// How many bytes of a plan the change log shows.
const MAX_PLAN_BYTES: usize = 200;

/// Declares the columns and their values side by side, so that none is without the other.
macro_rules! change_columns {
    ($($key:literal $title:literal $kind:ident $meaning:literal = $value:expr;)*) => {
        /// The columns of the change log, in their order.
        pub static CHANGE_COLUMNS: &[TableColumn] = &[
            $(TableColumn { key: $key, title: $title, kind: ColumnKind::$kind, meaning: $meaning }),*
        ];

        /// What gives the value of each column, in the same order.
        static COLUMN_VALUES: &[fn(&ChangeRecord) -> TableCell] = &[$($value),*];
    };
}

change_columns! {
    "change_id" "Change" Text "The repository and the id of the commit that the change landed as." =
        |one| one.change_id().into();
    "repository" "Repository" Text "The name of the repository." = |one| one.repository.as_str().into();
    "target_ref" "Branch" Text "The full name of the ref that it landed on." = |one| (&one.ref_name).into();
    "title" "What" Text "The first line of its message." =
        |one| from_facts(one, |facts| (&facts.title).into());
    "purpose" "Why" Text "What it says of its purpose, or the first paragraph of its message." = purpose;
    "business_driver" "Business driver" Text "The reason that it states." =
        |one| one.find_value(fields::BUSINESS_DRIVER).into();
    "ticket" "Ticket" Text "The tickets that it names." = |one| one.find_value(fields::TICKET).into();
    "ticket_url" "Ticket page" Text "The page of its ticket, as the ticket system said." =
        |one| one.find_ticket().map(|(_, url)| url).filter(|url| !url.as_bytes().is_empty()).into();
    "change_type" "Type" Text "The type that it states: normal, standard or emergency." =
        |one| one.find_word(fields::CHANGE_TYPE).into();
    "standard_template" "Standard change" Text "The entry of the catalogue that it names." =
        |one| one.find_value(fields::STANDARD_CHANGE).into();
    "change_class" "Class" Text "The class that the policy gave it." =
        |one| join_words(&one.list_classes());
    "isms_change" "ISMS change" Flag "Whether it changes the management system itself." =
        |one| evaluated_flag(one, ChangeRecord::is_isms_change);
    "risk_declared" "Risk" Text "The risk that it states." = |one| one.find_word(fields::RISK).into();
    "affected_assets" "Assets" Text "The assets that it names." =
        |one| one.find_value(fields::AFFECTED_ASSETS).into();
    "requester" "Requester" Text "The person who asked for it, as it states." =
        |one| one.find_value(fields::REQUESTER).into();
    "requested_at" "Requested" Time "When its ticket was made, by the clock of the ticket system." =
        |one| one.find_ticket().map(|(created, _)| created).into();
    "author" "Author" Text "The author of its last commit, as the commit claims." =
        |one| from_facts(one, |facts| format_person(&facts.author).into());
    "co_authors" "Further authors" Text "The other authors and co-authors of its commits." = co_authors;
    "ai_assisted" "Made with a machine" Flag "Whether a bot is named as an author or co-author." =
        |one| evaluated_flag(one, ChangeRecord::is_made_with_machine);
    "reviewers" "Reviewers" Text "Everybody who approved or objected, whether that counted or not." =
        |one| list_people(one.list_approvals());
    "approvers" "Approvers" Text "The people whose approval counted, with their teams and the time." =
        |one| list_people(one.list_counting_approvals());
    "approved_at" "Approved" Time "When the last counting approval was given, by the clock of the forge." =
        |one| one.list_counting_approvals().iter().filter_map(|approval| approval.given_at).max().into();
    "approval_covers_final" "Covers the final revision" Flag "Whether every counting approval is of what landed." =
        approval_covers_final;
    "independent_approval" "Independent" Flag "Whether a person who is no author approved it; no approval counts where the policy asks for none. Empty if that could not be known." =
        |one| match one.is_review_unknown() {
            true => TableCell::Empty,
            false => evaluated_flag(one, ChangeRecord::has_independent_approval),
        };
    "opened_at" "Written" Time "When its last commit was written, as the commit claims." =
        |one| from_facts(one, |facts| facts.authored_at.into());
    "implemented_at" "Landed" Time "When it landed." = |one| one.landing.at.into();
    "implemented_by" "Landed by" Text "The account that pushed or merged it." =
        |one| one.landing.by.as_ref().into();
    "lines_changed" "Lines" Integer "How many lines it adds and removes, where the policy asks for that." =
        |one| from_facts(one, |facts| facts.lines.map(|lines| i64::try_from(lines).unwrap_or(i64::MAX)).into());
    "files_changed" "Files" Integer "How many files it changes." =
        |one| from_facts(one, |facts| facts.files.map(|files| i64::try_from(files).unwrap_or(i64::MAX)).into());
    "security_impact" "Security impact" Text "Its impact on security, as it states." =
        |one| one.find_word(fields::SECURITY_IMPACT).into();
    "impact_c" "Confidentiality" Text "Its impact on confidentiality, as it states." = |one| impact(one, 'C');
    "impact_i" "Integrity" Text "Its impact on integrity, as it states." = |one| impact(one, 'I');
    "impact_a" "Availability" Text "Its impact on availability, as it states." = |one| impact(one, 'A');
    "back_out_plan" "Back-out plan" Text "The beginning of its back-out plan." =
        |one| one.find_value(fields::BACK_OUT_PLAN).map(|plan| plan.cut_to(MAX_PLAN_BYTES)).into();
    "dependencies_changed" "Dependencies" Text "The dependencies that it names." =
        |one| one.find_value(fields::DEPENDENCIES).into();
    "test_plan" "Test plan" Text "The beginning of its test plan." =
        |one| one.find_value(fields::TEST_PLAN).map(|plan| plan.cut_to(MAX_PLAN_BYTES)).into();
    "checks_required" "Checks" Integer "How many checks of its final revision the forge named." =
        |one| count_checks(one, |_| true);
    "checks_passed" "Checks passed" Integer "How many of them succeeded." =
        |one| count_checks(one, |state| *state == RecordedCheckState::Success);
    "test_environment" "Test environment" Text "Where it was tested, as it states." =
        |one| one.find_value(fields::TEST_ENVIRONMENT).into();
    "test_evidence" "Test evidence" Text "The evidence of its tests that it names, and the files attached to it with their digests." =
        test_evidence;
    "deployed_env" "Environment" Text "Where it was deployed first, as was given or recorded: in production, where any environment is called so." =
        |one| one.deployment.as_ref().map(|of| of.environment.clone()).into();
    "deployed_at" "Deployed" Time "When it was deployed there first." =
        |one| one.deployment.as_ref().map(|of| of.at).into();
    "deployed_by" "Deployed by" Text "Who deployed it there." =
        |one| one.deployment.as_ref().and_then(|of| of.by.clone()).into();
    "verification" "Verified" Text "Whether it was verified after it landed: done, missing, or contradicted if it is known to have failed as well." =
        verification;
    "verified_at" "Verified at" Time "When it was verified, by the clock of the gate." =
        verified_at;
    "verified_by" "Verified by" Text "The accounts that verified it, or who did as it states; no approval." = verified_by;
    "outcome" "Outcome" Text "What later changes, incidents and reports say of it: backed-out, failed, ok or none-reported." =
        |one| one.outcome().code().into();
    "caused_incidents" "Incidents" Text "The incidents that it caused, as was given or reported." =
        |one| join_texts(one.list_incident_names().into_iter());
    "caused_by_change" "Caused by" Text "The change that it names as its cause, as it states." =
        |one| one.find_value(fields::CAUSED_BY).into();
    "emergency_t0" "Emergency since" Time "When the clock of the emergency began to run: when it was seen." =
        |one| emergency_cell(one, |one| one.landing.at.into());
    "emergency_ticket_at" "Emergency ticket" Time "When its ticket was there, by the clock that counts: when it landed, if it named the ticket itself." =
        |one| emergency_cell(one, emergency_ticket_at);
    "ticket_margin_h" "Hours left" Decimal "How many hours were left when the ticket was there; negative if late, and empty if the emergency named it itself, so that no clock ran." =
        ticket_margin;
    "authorised_by" "Authorised by" Text "The person who authorised it, as it states." =
        |one| one.find_value(fields::AUTHORISED_BY).into();
    "retro_reviewed_at" "Reviewed afterwards" Time "When the review afterwards was there." =
        |one| one.find_closing_time(fields::RETROSPECTIVE_REVIEW).into();
    "pir_at" "Post-implementation review" Time "When the post-implementation review was there." =
        |one| one.find_closing_time(fields::POST_IMPLEMENTATION_REVIEW).into();
    "break_glass" "Break glass" Text "The break-glass sessions that were open when it landed by the server's clock, with their incidents." =
        |one| join_texts(one.break_glass.iter().cloned());
    "obligations_open" "Owed" Integer "How many obligations are open." =
        |one| recorded_count(one, one.obligations.iter().filter(|(_, owed)| owed.closed.is_none()).count());
    "obligations_late" "Late" Integer "How many obligations were met late, or are overdue." =
        |one| recorded_count(one, one.list_late_obligations().len());
    "state" "State" Text "Where it stands: closed, open, overdue, unauthorised, or not-known if no record tells of it." =
        |one| one.state().code().into();
    "closed_at" "Closed" Time "When everything that it owed was there." = |one| one.closed_at().into();
    "gate_result" "Gate" Text "What the gate made of it: pass, pass-owing, waived, undecided, fail, not-evaluated; with afterwards- before the word if no gate judged it at the time and this audit did, and with not-enforced- if it landed in evaluate mode, which blocks nothing." =
        |one| one.name_gate_result().into();
    "rules_failed" "Rules broken" Text "The rules that it broke." =
        |one| join_words(&one.list_rules(&[RecordedOutcomeWord::Fail]));
    "waivers" "Exemptions used" Text "The rules that an exemption let it break." =
        |one| join_words(&one.list_rules(&[RecordedOutcomeWord::Exempted]));
    "bypassed" "Past the gate" Text "Whether it came past the gate: none, regularised, unauthorised, undecided-policy, policy-not-known (the history is cut), not-enforced (evaluate mode, it would have been allowed), denied-not-enforced (evaluate mode, it was denied and landed), not-known, before-gate." =
        |one| one.bypass().code().into();
    "policy_digest" "Policy" Text "The SHA-256 of the policy that judged it." =
        |one| one.reasons.first().and_then(|reasons| reasons.policies.first()).map(|policy| policy.digest.clone()).into();
    "gate_version" "Judged by" Text "The gate that judged it, or the policy that it was judged by afterwards." = judged_by;
    "evaluated_at" "Judged" Time "When the gate judged it." = |one| match &one.judged_by {
        ChangeJudgement::Recorded { at, .. } => (*at).into(),
        _ => TableCell::Empty,
    };
    "head_sha" "Revision" Text "The final revision that was judged." =
        |one| one.reasons.last().and_then(|reasons| reasons.revision).map(|id| id.to_string()).into();
    "merge_sha" "Commit" Text "The commit that it landed as." = |one| one.id.to_string().into();
    "commits" "Commits" Integer "How many commits it has." = |one| from_facts(one, |facts| count(facts.commits));
    "trust_min" "Weakest approval" Text "Who vouches for the weakest counting approval: verified by a forge, or claimed." =
        |one| one.weakest_trust().map(trust_word).into();
    "pull_request" "Pull request" Text "The pull request that it came from, as the forge said." =
        |one| pull_request(one).into();
    "claimed_pull" "Pull request named" Integer "The number of the pull request that its message names." =
        |one| from_facts(one, |facts| facts.claimed_pull.map(|number| i64::try_from(number).unwrap_or(i64::MAX)).into());
    "landing_clock" "Clock" Text "Whose clock the landing is told by: gate or committer." =
        |one| one.landing.clock.code().into();
    "ledger_record" "Record" Integer "The number of the record that tells of its landing." =
        |one| one.landing.record.map(|record| i64::try_from(record).unwrap_or(i64::MAX)).into();
    "refused_attempts" "Refused before" Integer "How many refused attempts may have become it." =
        |one| recorded_count(one, one.attempts.len());
    "closing_records" "Closed by" Text "The commits that speak for it; what came past the gate is one only where the ledger says that it closed something." =
        |one| join_texts(one.closing_records.iter().map(|step| Text::from(step.id.to_string())));
    "not_known" "Not known" Text "What could not be known when it was judged." = not_known;
    "evidence_digest" "Evidence" Text "The SHA-256 of the file in the ledger that its verdict rests on." =
        |one| one.evidence_digest.clone().into();
    "later_tickets" "Tickets named later" Text "The tickets that were named for it after it had landed." =
        |one| join_texts(one.later_tickets.iter().cloned());
    "incident" "Incident" Text "The incident or the vulnerability that it names as its reason." =
        |one| one.find_value(fields::INCIDENT).into();
    "tree_sha" "Tree" Text "The tree of the commit that it landed as." =
        |one| one.tree.map(|id| id.to_string()).into();
    "failure_reported_at" "Failure reported" Time "When it was first reported to have failed, by the clock of the gate." =
        |one| one.find_failure_report().map(|report| report.by.event.observed_at).into();
    "repaired_at" "Repaired" Time "When it was reported to work or to be taken back after the last report of a failure, or a change did so." =
        |one| one.find_repair().map(|(_, repaired)| repaired).into();
    "followed_by" "Repaired or taken back by" Text "The changes that name it as their cause, or take it back." =
        |one| join_steps(one);
    "policy_loosened" "Policy asks less" Text "What the policy that it leaves asks less than the one before it. What is only another one, and may be less, is in the exceptions." =
        |one| one.policy_loosened.as_ref().into();
    "other_deployments" "Deployed elsewhere" Text "The first deployment to each other environment, with its time; a change that stands here alone has not reached production." =
        |one| join_texts(one.other_deployments.iter().map(describe_deployment));
    "approval_relations" "Landed as approved" Text "How what landed relates to what was approved with a signature: exact, clean-merge, message-only, same-tree, clean-rebase, squash; partial or changed where a rule accepts any commit, and where it came past the gate. Empty where no approval was signed." =
        approval_relations;
    "unapproved_paths" "Not approved" Text "The paths at which it holds something else than what was approved with a signature, where it came past the gate." =
        unapproved_paths;
}

/// The change log as a table.
pub static CHANGE_SHEET: TableSheet =
    TableSheet { name: "changes", version: 2, title: "All columns", columns: CHANGE_COLUMNS };

/// The columns of the one-page view, by their keys.
const AUDITOR_COLUMNS: &[&str] = &[
    "change_id",
    "title",
    "purpose",
    "ticket",
    "change_type",
    "risk_declared",
    "requester",
    "requested_at",
    "author",
    "reviewers",
    "approvers",
    "approved_at",
    "independent_approval",
    "implemented_at",
    "implemented_by",
    "checks_passed",
    "deployed_at",
    "verification",
    "outcome",
    "state",
    "gate_result",
    "waivers",
    "bypassed",
];

/// Returns the one-page view of the change log as a table.
pub fn change_log_sheet() -> TableSheet {
    static COLUMNS: LazyLock<Vec<TableColumn>> = LazyLock::new(|| {
        let places = list_auditor_columns();
        places.into_iter().filter_map(|place| CHANGE_COLUMNS.get(place)).copied().collect()
    });
    TableSheet { name: "change_log", version: 2, title: "Change log", columns: &COLUMNS }
}

/// Returns the row of a change, one cell for each column of [`CHANGE_COLUMNS`].
pub fn build_change_row(change: &ChangeRecord) -> Vec<TableCell> {
    COLUMN_VALUES.iter().map(|value| value(change)).collect()
}

/// Returns the places of the columns that the one-page view shows.
pub fn list_auditor_columns() -> Vec<usize> {
    let place = |key: &&str| CHANGE_COLUMNS.iter().position(|column| column.key == *key);
    AUDITOR_COLUMNS.iter().filter_map(place).collect()
}
