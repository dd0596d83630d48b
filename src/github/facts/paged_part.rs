//! One list of a GraphQL answer while it is being read, page by page.

use crate::github::api::MAX_PAGE_ENTRIES;
use crate::github::api::graphql::GraphqlConnection;
use crate::github::api::request::GitHubFailure;

/// How many queries are sent for what does not fit into the first.
pub(crate) const MAX_DETAIL_PAGES: usize = 100;

/// Why a fact is missing that no rule needs.
pub(crate) const NOT_REQUESTED: &str = "it was not requested";

/// A part of the answer, or why it could not be read.
pub(crate) type DetailPart<T> = Result<T, GitHubFailure>;

/// One part while it is being read.
pub(crate) struct PagedPart<T> {
    pub(crate) is_wanted: bool,
    list_name: &'static str,
    nodes: Vec<T>,
    total: Option<usize>,
    pub(crate) cursor: Option<String>,
    failure: Option<GitHubFailure>,
}

impl<T> PagedPart<T> {
    pub(crate) fn new(is_wanted: bool, name: &'static str) -> Self {
        // What was not asked for is no empty list.
        let failure = if is_wanted { None } else { Some(GitHubFailure::new(NOT_REQUESTED)) };
        PagedPart { is_wanted, list_name: name, nodes: Vec::new(), total: None, cursor: None, failure }
    }

    /// Adds a page; a part with no further page is not requested again.
    pub(crate) fn add_page(&mut self, page: Option<GraphqlConnection<T>>, error: Option<&str>) {
        if !self.is_wanted {
            return;
        }
        self.is_wanted = false;
        if let Some(why) = error {
            self.failure = Some(GitHubFailure::new(why));
            return;
        }
        let Some(page) = page else {
            self.failure = Some(GitHubFailure::new(format!("GitHub's answer has no `{}`", self.list_name)));
            return;
        };
        self.nodes.extend(page.nodes);
        self.total = page.total_count.or(self.total);
        match page.page_info {
            Some(info) if !info.has_next_page => {}
            Some(info) if info.end_cursor.is_some() && info.end_cursor != self.cursor => {
                self.cursor = info.end_cursor;
                self.is_wanted = true;
            }
            _ => {
                let why = format!("GitHub does not say where the next page of `{}` is", self.list_name);
                self.failure = Some(GitHubFailure::new(why));
            }
        }
    }

    pub(crate) fn finish_part(self) -> DetailPart<Vec<T>> {
        if let Some(failed) = self.failure {
            return Err(failed);
        }
        if self.is_wanted {
            return Err(GitHubFailure::new(format!(
                "`{}` has more than {} entries, and no more than that are read",
                self.list_name,
                MAX_DETAIL_PAGES * MAX_PAGE_ENTRIES
            )));
        }
        match self.total {
            Some(total) if total != self.nodes.len() => Err(GitHubFailure::contradiction(format!(
                "GitHub counts {total} entries of `{}`, and lists {}",
                self.list_name,
                self.nodes.len()
            ))),
            _ => Ok(self.nodes),
        }
    }
}
