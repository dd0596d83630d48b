//! The map of the house.
//!
//! `changegate` holds a Git repository to its own change-management policy: as a hook on a server
//! and in a clone, and over history on request. The binary is a thin shell around this library.
//!
//! ```text
//!  argv, stdin, env ─► cli ─► what to judge
//!    policy files ──► policy ──► Policy ──► needs ── which facts are wanted?
//!    git, GitHub, tickets ────────────────► Change           (I/O ends here)
//!                        judge_change(&Policy, &Change) ─► Verdict  (pure; time is a field of Change)
//!                                       report (to a writer) · ledger (a ref) · exit code
//! ```
//!
//! A module imports only from those above it in this list; a test reads the `use` lines and fails
//! otherwise.
//!
//! | module | what it is |
//! |---|---|
//! | [`change`] | what is judged: values, and the reading of messages |
//! | [`pattern`] | patterns of paths, refs, names and values |
//! | [`yaml`] | YAML with places, and without what lets two readers see two documents |
//! | [`calendar`] | spans and windows of time |
//! | [`verdict`] | what comes out of judging |
//! | [`people`] | who is whom, and who took part |
//! | [`catalogue`] | the standard changes that were approved in advance |
//! | [`vocabulary`] | the fields that changes are described in |
//! | [`fixture`] | a change written by hand, for examples and tests |
//! | [`predicates`] | the questions that a policy can ask, one file each |
//! | [`policy`] | which rules there are, what they are about, how hard they are |
//! | [`judge`] | the decision |
//! | [`unblock`] | the fewest acts that get a denied change allowed |
//! | [`policy_tests`] | tests that people write for their policies |
//! | [`push`] | what may happen to a ref, whatever it holds |
//! | [`report`] | telling a decision, in several formats |
//! | [`git`] | reading repositories; the only place that names a Git library |
//! | [`gate`] | facts, policy and judge brought together |
//! | [`http`] | one policy of retries, deadlines, size limits, secrets and proxies |
//! | [`tickets`] | what ticket systems say |
//! | [`github`] | what GitHub knows; the only place that waits for several things at once |
//! | [`ledger`] | what was decided and what landed, kept in the repository |
//! | [`audit`] | what an auditor takes away: tables, samples and the files that hold them |
//! | [`backtest`] | a proposed policy over real history |
//! | [`rollout`] | which rules of a policy only warn, what ends when, and what is unused |
//! | [`cli`] | the command line; the only place that reads the environment |
//!
//! Invariants: a verdict is a value before a byte is printed; a fact that is missing is an error in
//! the place of the value, and denies where the gate enforces; text from outside has no `Display`.

pub mod audit;
pub mod backtest;
pub mod calendar;
pub mod catalogue;
pub mod change;
pub mod cli;
pub mod fixture;
pub mod gate;
pub mod git;
pub mod github;
pub mod http;
pub mod judge;
pub mod ledger;
pub mod pattern;
pub mod people;
pub mod policy;
pub mod policy_tests;
pub mod predicates;
pub mod push;
pub mod report;
pub mod rollout;
pub mod tickets;
pub mod unblock;
pub mod verdict;
pub mod vocabulary;
pub mod yaml;
