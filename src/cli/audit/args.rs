//! The arguments of `changegate audit`.

use std::path::PathBuf;

use clap::Subcommand;

use crate::audit::fleet::shard::FleetShard;
use crate::cli::audit::fleet_report::FleetReportArgs;
use crate::cli::audit::profile::ProfileArg;

/// Write the change log, the exceptions and the key figures of a period
///
/// Every step of the branch that landed in the period is one change, or a record that
/// closes something for one. What the ledger holds of it is told as it was judged at the
/// time; other changes are judged afterwards, by the policy and the roster that the
/// branch held before them, and are told as such. Without a ledger, the report says what
/// it could not know.
///
/// DIR gets a report (report.html), a workbook (audit.xlsx), the same tables as CSV, JSON
/// Lines and Parquet, and audit.json, which names the inputs and the SHA-256 of every file
/// and comes last. With --repos, the Parquet is a data set of its own (DIR/dataset), divided
/// by repository and month, which several machines can make together (--shard).
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  changegate audit --from 2026-06-01 --to 2026-11-30 --out audit
  changegate audit v1.0..v2.0 --out audit
  changegate audit --ref main --repo api.git --repo web.git --out audit
  changegate audit --pack core --out audit      judge all of it by one pack
  gh pr list --state merged --base main --limit 10000 \\
    --json number,mergeCommit,mergedAt,baseRefName > pulls.json
  changegate audit --ref main --merged-pulls pulls.json --out audit
  changegate audit --ref main --from 2026-06-01 --merged-pulls github --out audit
  changegate audit --repos fleet.txt --shard 2/8 --to 2026-11-30 --out audit
  changegate audit report --from 'shards/**/*.parquet' --out report

Exits with 0 if every change could be read and was judged, whatever was found; with 3
if the report has a hole, which it names: something that cannot be read, a pull request
that the branch lacks, or changes that nothing judged, because the branch had no policy then or one that could not be used.
`--policy` or `--pack` judge them.")]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(super) command: Option<AuditCommand>,

    /// Audit the steps from OLD to NEW, or those that lead to one revision
    #[arg(value_name = "RANGE")]
    pub(super) revisions: Option<String>,

    /// First day of the period, or its first instant; days are in UTC
    #[arg(long, value_name = "TIME")]
    pub(super) from: Option<String>,

    /// Last day of the period, or the first instant after it
    #[arg(long, value_name = "TIME")]
    pub(super) to: Option<String>,

    /// Branch to audit [default: HEAD's]
    #[arg(long = "ref", value_name = "REF")]
    pub(super) ref_name: Option<String>,

    /// Repository to audit; may be given several times [default: this one]
    #[arg(long = "repo", value_name = "DIR", conflicts_with = "revisions")]
    pub(super) repositories: Vec<PathBuf>,

    /// File with repositories: folders, addresses, github:OWNER/REPO, github:OWNER/*; one a line, or a YAML list
    #[arg(long = "repos", value_name = "FILE", conflicts_with_all = ["revisions", "repositories"])]
    pub(super) repository_list: Option<PathBuf>,

    /// Audit part K of N of the list, by a hash of the repositories' names
    #[arg(long, value_name = "K/N", requires = "repository_list", value_parser = FleetShard::parse_shard)]
    pub(super) shard: Option<FleetShard>,

    /// Folder to write into
    #[arg(long, value_name = "DIR", required = true)]
    pub(super) out: Option<PathBuf>,

    /// Policy file to judge by what no record holds
    #[arg(long, value_name = "FILE", conflicts_with = "pack")]
    pub(super) policy: Option<PathBuf>,

    /// Shipped pack to judge by what no record holds
    #[arg(long)]
    pub(super) pack: Option<String>,

    /// Incidents as CSV or JSON: id, started, resolved, caused_by; or what `gh issue list --json` writes
    #[arg(long, value_name = "FILE")]
    pub(super) incidents: Option<PathBuf>,

    /// Deployments as CSV or JSON: commit, environment, at, by, status
    #[arg(long, value_name = "FILE")]
    pub(super) deployments: Option<PathBuf>,

    /// Merged pull requests of the forge, which are compared with the steps of the branch: a file, a folder with
    /// NAME.json for each repository, or `github`. A file holds number, commit, base, merged_at as CSV or JSON, or what
    /// `gh pr list --state merged --json number,mergeCommit,mergedAt,baseRefName` writes
    #[arg(long, value_name = "FROM")]
    pub(super) merged_pulls: Option<PathBuf>,

    /// Tables to write
    #[arg(long, value_name = "PROFILE", default_value = "full")]
    pub(super) profile: ProfileArg,

    /// Time as of which something is open or overdue [default: the end of the period, or now]
    #[arg(long, value_name = "TIME")]
    pub(super) as_of: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    Report(FleetReportArgs),
}
