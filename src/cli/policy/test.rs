//! `changegate policy test`: runs the tests that stand beside a policy.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, write_policy_faults};
use crate::cli::policy::lookup::{
    find_work_tree, load_local_policy, load_policy_or_pack, refuse_bare_repository,
};
use crate::cli::policy::watched_files::WatchedFiles;
use crate::gate::LoadedPolicy;
use crate::policy::{FaultyFile, PolicyErrors};
use crate::policy_tests::{
    PolicyTestResult, PolicyTestSuite, SUITE_ENDING, SuitePolicy, measure_coverage, read_suite,
    read_suite_policy, run_suite,
};
use crate::report::ReportStyle;
use crate::report::test_results::{
    PolicyCoverage, PolicyTestReport, SuiteReport, TestReportFormat, write_test_report,
};
use crate::yaml::{self, MAX_DOCUMENT_BYTES, YamlFault, shorten_for_message};

/// The folder whose suites are run if none is named.
const SUITE_FOLDER: &str = "policies";

/// How many files with nearly the name of a suite are named.
const MAX_NEAR_SUITES: usize = 10;

/// How many entries of a folder are looked at for them.
const MAX_FOLDER_ENTRIES: usize = 1_000;

/// How deep they are looked for.
const MAX_FOLDER_DEPTH: usize = 3;

/// The parameters of `policy test`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate policy test                        every policies/*.test.yml
  changegate policy test --coverage             and what no test reaches
  changegate policy test --watch                again whenever a file changes
  changegate policy test policies/changegate.test.yml --format junit
  changegate policy packs iso27001 --tests > policies/changegate.test.yml

A suite is YAML; docs/policy-tests.md describes it:
  tests:
    - name: nobody approves their own change
      change:
        author: Ana <ana@example.com>
        fields: { Risk: low, Reviewed-by: Ana <ana@example.com> }
      expect: { denied-by: [peer-review] }")]
pub(crate) struct PolicyTestArgs {
    /// Suites, or folders that hold them [default: policies/ of this repository]
    files: Vec<PathBuf>,

    /// Count the classes, rules, branches of questions, ways to pass and exemptions that tests reach, and list the rest
    #[arg(long)]
    coverage: bool,

    /// Run again whenever a suite or a policy changes, until interrupted
    #[arg(long, conflicts_with = "format")]
    watch: bool,

    /// Show the tests that pass, too, and with --coverage everything that there is to reach
    #[arg(long, short)]
    verbose: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: TestFormatArg,
}

/// The output formats of a run of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TestFormatArg {
    /// Text for people
    Terminal,
    /// JSON; see docs/json.md
    Json,
    /// JUnit XML for pipelines that show tests
    Junit,
}

/// A suite whose policy is loaded.
struct LoadedSuite {
    file: String,
    policy: usize,
    suite: PolicyTestSuite,
}

pub(crate) fn test_policies(args: &PolicyTestArgs, context: &Context) -> Result<CommandExit, CommandError> {
    if !args.watch {
        return run_tests(args, context);
    }
    loop {
        // Watched from before the run: what is saved meanwhile is not overlooked.
        let watched = WatchedFiles::list_files(&list_watched_folders(args, context));
        match run_tests(args, context) {
            Ok(_) => {}
            Err(CommandError::InvalidPolicy(errors, _)) => {
                write_policy_faults(&errors, context.colour, &mut io::stderr().lock())?;
            }
            // Somebody is about to write the file, or to repair it.
            Err(CommandError::Usage(what)) => {
                writeln!(io::stderr(), "changegate: {}", output::wrap_text("", 2, &what))?
            }
            Err(other) => return Err(other),
        }
        writeln!(io::stdout(), "\nwaiting for a change of {} files; end with Ctrl-C", watched.count_files())?;
        watched.await_change();
        writeln!(io::stdout())?;
    }
}

fn run_tests(args: &PolicyTestArgs, context: &Context) -> Result<CommandExit, CommandError> {
    if args.files.is_empty() {
        note_near_suites(context)?;
    }
    let files = find_suites(args, context)?;
    let mut policies: BTreeMap<String, usize> = BTreeMap::new();
    let mut loaded: Vec<LoadedPolicy> = Vec::new();
    let mut suites = Vec::new();
    let mut errors = PolicyErrors::default();
    for file in &files {
        let source = read_suite_file(file)
            .map_err(|error| CommandError::Usage(format!("`{}`: {error}", show_path(file, context))))?;
        let mut faults = Vec::new();
        let read = read_one_suite(file, &source, context, &mut policies, &mut loaded, &mut faults)?;
        let name = show_path(file, context);
        match read {
            Some((policy, suite)) if faults.is_empty() => {
                suites.push(LoadedSuite { file: name, policy, suite })
            }
            _ => errors.faulty_files.push(FaultyFile { name, source, faults }),
        }
    }
    // A suite that is read in part tests something else, so that none is run.
    if !errors.faulty_files.is_empty() {
        return Err(CommandError::InvalidPolicy(errors, None));
    }
    let report = build_test_report(&suites, &loaded, args.coverage)
        .map_err(|errors| CommandError::InvalidPolicy(errors, None))?;
    let style = ReportStyle {
        colour: output::stdout_colour(context.colour),
        width: 79,
        verbose: args.verbose,
        ..ReportStyle::default()
    };
    let format = match args.format {
        TestFormatArg::Terminal => TestReportFormat::Terminal,
        TestFormatArg::Json => TestReportFormat::Json,
        TestFormatArg::Junit => TestReportFormat::Junit,
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    output::ignore_broken_pipe(
        write_test_report(format, &report, &style, &mut out).and_then(|()| out.flush()),
    )?;
    Ok(if report.count_failures() == 0 { CommandExit::Allowed } else { CommandExit::Denied })
}

/// Reads a file that is no device and no larger than a document may be.
fn read_suite_file(file: &Path) -> io::Result<Vec<u8>> {
    let metadata = fs::metadata(file)?;
    if !metadata.is_file() {
        return Err(io::Error::other("this is no file"));
    }
    if metadata.len() > MAX_DOCUMENT_BYTES as u64 {
        return Err(io::Error::other(format!("a suite has at most {} KiB", MAX_DOCUMENT_BYTES >> 10)));
    }
    fs::read(file)
}

/// Reads one suite, and the policy that it tests unless another suite has loaded that.
fn read_one_suite(
    file: &Path,
    source: &[u8],
    context: &Context,
    policies: &mut BTreeMap<String, usize>,
    loaded: &mut Vec<LoadedPolicy>,
    faults: &mut Vec<YamlFault>,
) -> Result<Option<(usize, PolicyTestSuite)>, CommandError> {
    let node = match yaml::read_document(source) {
        Ok(node) => node,
        Err(found) => {
            faults.extend(found);
            return Ok(None);
        }
    };
    let file_name = file.file_name().unwrap_or_default().to_string_lossy();
    let Some(tested) = read_suite_policy(&node, &file_name, faults) else { return Ok(None) };
    let key = match &tested {
        SuitePolicy::Pack(name) => format!("pack:{name}"),
        SuitePolicy::Beside(path) => file.with_file_name(path).to_string_lossy().into_owned(),
    };
    let index = match policies.get(&key) {
        Some(index) => *index,
        None => {
            let found = match &tested {
                SuitePolicy::Pack(name) => load_policy_or_pack(Some(name), None, context),
                SuitePolicy::Beside(path) => load_local_policy(Some(&file.with_file_name(path)), context),
            };
            loaded.push(found.map_err(|error| match error {
                CommandError::Usage(what) => {
                    CommandError::Usage(format!("the suite `{}`: {what}", show_path(file, context)))
                }
                other => other,
            })?);
            policies.insert(key, loaded.len() - 1);
            loaded.len() - 1
        }
    };
    let Some(policy) = loaded.get(index) else { return Ok(None) };
    Ok(read_suite(&node, &policy.policy, faults).map(|suite| (index, suite)))
}

fn build_test_report(
    suites: &[LoadedSuite],
    loaded: &[LoadedPolicy],
    with_coverage: bool,
) -> Result<PolicyTestReport, PolicyErrors> {
    let mut report = PolicyTestReport { suites: Vec::new(), coverage: Vec::new() };
    for (index, policy) in loaded.iter().enumerate() {
        let own: Vec<&LoadedSuite> = suites.iter().filter(|suite| suite.policy == index).collect();
        let runs: Vec<Vec<PolicyTestResult>> =
            own.iter().map(|suite| run_suite(&suite.suite, &policy.policy)).collect();
        if with_coverage {
            let measured: Vec<(&PolicyTestSuite, &[PolicyTestResult])> =
                own.iter().zip(&runs).map(|(suite, results)| (&suite.suite, results.as_slice())).collect();
            let coverage = measure_coverage(&policy.policy, &policy.find_origins()?, &measured);
            report.coverage.push(PolicyCoverage { policy: policy.source.clone(), report: coverage });
        }
        for (suite, results) in own.iter().zip(runs) {
            let (file, policy) = (suite.file.clone(), policy.source.clone());
            report.suites.push(SuiteReport { file, policy, results });
        }
    }
    report.suites.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(report)
}

/// Returns the suites that the arguments name, each once, or those of the repository.
fn find_suites(args: &PolicyTestArgs, context: &Context) -> Result<Vec<PathBuf>, CommandError> {
    let mut found = Vec::new();
    for file in &args.files {
        let path = context.resolve_path(file);
        if path.is_dir() {
            let suites = list_suites(&path);
            if suites.is_empty() {
                let what = format!("there is no `*{SUITE_ENDING}` in `{}`", file.display());
                return Err(CommandError::Usage(what));
            }
            found.extend(suites);
        } else {
            found.push(path);
        }
    }
    if args.files.is_empty() {
        refuse_bare_repository("policy test", context)?;
        found = list_suites(&find_work_tree(context).join(SUITE_FOLDER));
        if found.is_empty() {
            return Err(CommandError::Usage(format!(
                "there is no `{SUITE_FOLDER}/*{SUITE_ENDING}`; to start from the tests of a pack: \
                 changegate policy packs iso27001 --tests > {SUITE_FOLDER}/changegate{SUITE_ENDING}"
            )));
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

/// Writes a note for each file below the folder of the suites that is most likely meant to be one, and is passed over.
fn note_near_suites(context: &Context) -> io::Result<()> {
    let mut near = Vec::new();
    list_near_suites(&find_work_tree(context).join(SUITE_FOLDER), 0, &mut near);
    near.sort();
    let mut out = io::stderr().lock();
    for path in near.iter().take(MAX_NEAR_SUITES) {
        let note = format!(
            "`{}` is passed over: a suite stands in `{SUITE_FOLDER}/` and its name ends in `{SUITE_ENDING}`; rename it, or \
             name it to run it",
            shorten_for_message(&show_path(path, context))
        );
        writeln!(out, "{}", output::wrap_text("note: ", 2, &note))?;
    }
    Ok(())
}

/// Adds the files of a folder whose names are nearly those of suites, and in the folders below it also those whose are.
fn list_near_suites(folder: &Path, depth: usize, near: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).take(MAX_FOLDER_ENTRIES) {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth < MAX_FOLDER_DEPTH {
            list_near_suites(&path, depth + 1, near);
        } else if !is_folder && (depth > 0 && name.ends_with(SUITE_ENDING) || is_near_suite(&name)) {
            near.push(path);
        }
    }
}

/// Returns true for a name such as `a.test.yaml`, `a.tests.yml` and `a_test.yml`.
fn is_near_suite(name: &str) -> bool {
    let Some(stem) = name.strip_suffix(".yml").or_else(|| name.strip_suffix(".yaml")) else { return false };
    let is_test = ["test", "tests"]
        .iter()
        .any(|word| stem.strip_suffix(word).is_some_and(|stem| stem.ends_with(['.', '_', '-'])));
    is_test && !name.ends_with(SUITE_ENDING)
}

fn list_suites(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let is_suite = |path: &PathBuf| path.to_string_lossy().ends_with(SUITE_ENDING);
    let mut suites: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(is_suite).collect();
    suites.sort();
    suites
}

/// Returns the folders of the suites, and that of policies.
fn list_watched_folders(args: &PolicyTestArgs, context: &Context) -> Vec<PathBuf> {
    let mut folders = vec![find_work_tree(context).join(SUITE_FOLDER)];
    for file in &args.files {
        let path = context.resolve_path(file);
        match path.parent() {
            Some(folder) if !path.is_dir() => folders.push(folder.to_path_buf()),
            _ => folders.push(path),
        }
    }
    folders
}

/// Returns the path as seen from the folder of the command, where it is below that.
fn show_path(path: &Path, context: &Context) -> String {
    let folder = std::path::absolute(&context.directory).unwrap_or_else(|_| context.directory.clone());
    let path = output::tidy_path(path);
    path.strip_prefix(output::tidy_path(&folder)).unwrap_or(&path).to_string_lossy().into_owned()
}
