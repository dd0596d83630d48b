//! The change-management procedure of a policy: a document in plain words for the people who approve it and
//! for an auditor, made from the policy, so that it cannot contradict it.
//!
//! `document` is what a document consists of, `facts` what a procedure is made from, `words` the sentences that
//! rules become, `sections` the chapters, and `formats` writes the document as Markdown, HTML or DOCX.

pub mod document;
pub mod facts;
pub mod formats;
pub(crate) mod policy_revisions;
pub(crate) mod sections;
pub(crate) mod words;

pub use crate::audit::procedure::document::ProcedureDocument;
pub use crate::audit::procedure::facts::ProcedureFacts;
pub use crate::audit::procedure::formats::{ProcedureFormat, render_procedure};
pub use crate::audit::procedure::policy_revisions::{PolicyHistory, find_policy_history};
pub use crate::audit::procedure::sections::build_procedure;
