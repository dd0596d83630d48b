//! The formats of a report, and what the reader's medium asks of each.

use crate::report::repository_url::RepositoryUrl;

/// The format in which a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// For people, at a terminal and in the `remote:` lines of a push.
    Terminal,
    /// For programs: the schema `changegate/verdict/v1`, described in `docs/json.md`.
    Json,
    /// For the log of a workflow on GitHub: annotations, and the report for people in a group.
    Github,
    /// For code scanning: SARIF 2.1.0.
    Sarif,
    /// For anything that shows test results: JUnit XML.
    Junit,
    /// For a job summary or a comment on a pull request: Markdown as GitHub renders it.
    Markdown,
}

/// The settings of the reader's medium and of the command line; each format heeds those that concern it.
///
/// No setting adds or removes a fact, and [`ReportFormat::Json`] heeds none of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportStyle {
    /// True if colours are wanted; everything can be understood without.
    pub colour: bool,
    /// The columns in which sentences are wrapped; text to paste is never split.
    pub width: usize,
    /// The number of denied changes that are shown whole; the others are counted.
    pub max_changes: usize,
    /// True to show every change, rule and control, whatever `max_changes` says.
    pub verbose: bool,
    /// True to write nothing at all about what is allowed, in a terminal.
    pub quiet: bool,
    /// The bytes that [`ReportFormat::Markdown`] may take; what does not fit is counted.
    pub max_markdown_bytes: usize,
    /// True to call waiting what lacks only what others give, in the formats for people, as the title of a check
    /// does.
    pub may_wait: bool,
    /// The web address of the repository, for links; without it there are none.
    pub repository_url: Option<RepositoryUrl>,
    /// What becomes of the message of a commit that a hook would deny.
    pub denied_message: DeniedMessage,
    /// The options that lead git from the reader's folder to the repository, as in `-C work `, quoted for a
    /// shell; empty if none are needed.
    pub git_location: String,
    /// False where no commit can be made: in a bare repository.
    pub has_work_tree: bool,
}

/// What becomes of the message of a commit that a hook would deny.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum DeniedMessage {
    /// Git does not make the commit, and leaves the message where a next one overwrites it.
    #[default]
    Refused,
    /// Git does not make the commit, and the message is saved, with the lines that are still to fill in.
    Kept {
        /// The command that makes the commit from the saved message, or what to do where no command can.
        command: String,
        /// False if the options of the refused command are not known, and so not in the command.
        is_complete: bool,
    },
    /// Git makes the commit on a branch that is not protected; the change is judged when it lands.
    JudgedLater,
    /// The hook only warns, and git makes the commit.
    Committed,
    /// Nobody makes a commit: the message is only tried.
    Tried,
}

/// The bytes that a comment or a check run on GitHub may have.
pub(crate) const MAX_COMMENT_BYTES: usize = 65_535;

impl Default for ReportStyle {
    /// Returns the style for 80 columns, of which git takes 8 for `remote: `, and for a comment.
    fn default() -> Self {
        ReportStyle {
            colour: false,
            width: 72,
            max_changes: 10,
            verbose: false,
            quiet: false,
            max_markdown_bytes: MAX_COMMENT_BYTES,
            may_wait: false,
            repository_url: None,
            denied_message: DeniedMessage::default(),
            git_location: String::new(),
            has_work_tree: true,
        }
    }
}
