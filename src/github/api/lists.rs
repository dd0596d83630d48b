//! Lists that are read to their end.

use serde::de::DeserializeOwned;

use crate::github::api::GitHubClient;
use crate::github::api::request::GitHubFailure;

impl GitHubClient {
    /// Reads every entry of a list whose pages are plain arrays.
    ///
    /// # Errors
    ///
    /// Fails if a page cannot be read, or if there are more pages than are read of any list.
    pub(crate) async fn fetch_whole_list<T: DeserializeOwned>(
        &self,
        path: impl Into<String>,
    ) -> Result<Vec<T>, GitHubFailure> {
        self.fetch_list(path, |page: Vec<T>| page, |_| false).await
    }
}
