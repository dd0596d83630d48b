//! What happened to a pull request, as its timeline tells it: labels, titles, drafts, bases, dismissed reviews.

use jiff::Timestamp;
use serde::Deserialize;

use crate::github::api::graphql::{GraphqlActor, GraphqlReviewId};

/// One thing that happened.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "__typename")]
pub(crate) enum TimelineItem {
    #[serde(rename_all = "camelCase", rename = "LabeledEvent")]
    Labeled { created_at: Timestamp, label: LabelName, actor: Option<GraphqlActor> },
    #[serde(rename_all = "camelCase", rename = "UnlabeledEvent")]
    Unlabeled { created_at: Timestamp, label: LabelName },
    #[serde(rename_all = "camelCase", rename = "RenamedTitleEvent")]
    Renamed { created_at: Timestamp, previous_title: String },
    #[serde(rename_all = "camelCase", rename = "ConvertToDraftEvent")]
    MadeDraft { created_at: Timestamp },
    #[serde(rename_all = "camelCase", rename = "ReadyForReviewEvent")]
    MadeReady { created_at: Timestamp },
    /// The base is another branch or another history since then, by an account or by GitHub itself.
    #[serde(
        rename_all = "camelCase",
        rename = "BaseRefChangedEvent",
        alias = "AutomaticBaseChangeSucceededEvent",
        alias = "BaseRefForcePushedEvent",
        alias = "BaseRefDeletedEvent"
    )]
    BaseChanged { created_at: Timestamp },
    #[serde(rename_all = "camelCase", rename = "ReviewDismissedEvent")]
    ReviewDismissed {
        created_at: Timestamp,
        previous_review_state: String,
        review: Option<GraphqlReviewId>,
        actor: Option<GraphqlActor>,
    },
}

impl TimelineItem {
    /// Returns the account that did this, where it is asked for.
    pub(crate) fn actor(&self) -> Option<&GraphqlActor> {
        match self {
            TimelineItem::Labeled { actor, .. } | TimelineItem::ReviewDismissed { actor, .. } => {
                actor.as_ref()
            }
            _ => None,
        }
    }
}

/// The label that was set or taken off.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LabelName {
    pub(crate) name: String,
}
