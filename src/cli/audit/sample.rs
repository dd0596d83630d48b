//! `changegate sample`: draws changes for an auditor, in a way that everybody can repeat.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::ValueEnum;
use serde_json::{Value, json};

use crate::audit::sample::population::{Population, PopulationError};
use crate::audit::sample::stratum::Stratum;
use crate::audit::sample::work_sheet::write_work_sheet;
use crate::audit::sample::{ChangeSample, SamplePart, SampleRequest};
use crate::change::Text;
use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output::{self, ListFormatArg};
use crate::report::{VisibleJsonFormatter, escape};

/// The name and version of the JSON document.
const SAMPLE_SCHEMA: &str = "changegate/sample/v1";

/// Draw a sample of changes that anyone can draw again
///
/// POPULATION is a change log (JSON Lines, or CSV with a column `change_id`), or a
/// list with one id on each line. The rank of a change is SHA-256 of the seed, a
/// zero byte and its id; the N smallest are the sample. Let the auditor give the
/// seed after seeing the population's digest.
///
/// Changes that an auditor wants to see anyway are listed apart, and are no part
/// of the random sample: those that landed past the gate, or although it denied them
/// (column `bypassed`), that failed (`outcome`), emergencies (`change_type`,
/// `change_class`) and ISMS changes (`isms_change`).
#[derive(Debug, clap::Args)]
#[command(after_help = "\
How many? No standard says. What auditors commonly take, by how often a control
runs: annual 1, quarterly 2, monthly 2 to 5, weekly 5 to 15, daily 20 to 40,
many times a day 25 to 60. --frequency takes 1, 2, 3, 8 and 25.

Examples:
  changegate sample --seed 7f3a -n 25 changes.jsonl
  changegate sample --seed 7f3a --frequency weekly changes.csv --out sample.xlsx
  changegate sample --seed 7f3a -n 60 --strata none ids.txt --format json")]
pub(crate) struct SampleArgs {
    /// File with the changes to draw from
    #[arg(value_name = "POPULATION")]
    population: PathBuf,

    /// Text that decides which changes are drawn; from the auditor
    #[arg(long, value_name = "SEED", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    seed: String,

    /// How many changes to draw at random
    #[arg(short = 'n', long = "size", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    #[arg(required_unless_present = "frequency", conflicts_with = "frequency")]
    size: Option<u32>,

    /// How often the control runs, instead of N
    #[arg(long, value_name = "HOW-OFTEN")]
    frequency: Option<ControlFrequencyArg>,

    /// Kinds of changes to list apart
    #[arg(long, value_name = "KINDS", value_delimiter = ',')]
    #[arg(default_values_t = StratumArg::DEFAULT, hide_default_value = true)]
    strata: Vec<StratumArg>,

    /// How many changes of each kind to list at most
    #[arg(long, value_name = "N", default_value_t = 25, value_parser = clap::value_parser!(u32).range(1..))]
    stratum_size: u32,

    /// Write a work sheet to fill in
    #[arg(long, value_name = "FILE.xlsx")]
    out: Option<PathBuf>,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: ListFormatArg,
}

/// How often a control runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ControlFrequencyArg {
    /// 25 changes
    Daily,
    /// 8 changes
    Weekly,
    /// 3 changes
    Monthly,
    /// 2 changes
    Quarterly,
    /// 1 change
    Annual,
}

impl ControlFrequencyArg {
    fn sample_size(self) -> u32 {
        match self {
            ControlFrequencyArg::Daily => 25,
            ControlFrequencyArg::Weekly => 8,
            ControlFrequencyArg::Monthly => 3,
            ControlFrequencyArg::Quarterly => 2,
            ControlFrequencyArg::Annual => 1,
        }
    }
}

/// The kinds of changes that are listed apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StratumArg {
    /// Landed past the gate
    Unauthorised,
    /// Landed although denied, in evaluate mode
    Denied,
    /// Failed or was backed out
    Failed,
    /// Emergency changes
    Emergency,
    /// Changes of the management system
    Isms,
    /// Draw from all changes
    None,
}

impl StratumArg {
    /// All kinds.
    const DEFAULT: [StratumArg; 5] = [
        StratumArg::Unauthorised,
        StratumArg::Denied,
        StratumArg::Failed,
        StratumArg::Emergency,
        StratumArg::Isms,
    ];

    fn to_stratum(self) -> Option<Stratum> {
        match self {
            StratumArg::Unauthorised => Some(Stratum::Unauthorised),
            StratumArg::Denied => Some(Stratum::Denied),
            StratumArg::Failed => Some(Stratum::Failed),
            StratumArg::Emergency => Some(Stratum::Emergency),
            StratumArg::Isms => Some(Stratum::Isms),
            StratumArg::None => None,
        }
    }
}

impl std::fmt::Display for StratumArg {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.to_possible_value();
        f.write_str(name.as_ref().map_or("", |value| value.get_name()))
    }
}

pub(crate) fn run_sample(args: &SampleArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let name = Text::from(args.population.to_string_lossy().into_owned());
    let request = build_request(args)?;
    let sample = ChangeSample::draw_sample(&read_population(args, context)?, request);
    if let Some(out) = &args.out {
        place_work_sheet(&context.resolve_path(out), out, (&sample, &name))?;
    }
    let mut out = BufWriter::new(io::stdout().lock());
    let written = match args.format {
        ListFormatArg::Terminal => write_sample_list(&sample, &name, args, &mut out),
        ListFormatArg::Json => write_sample_json(&sample, &name, &mut out),
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    Ok(CommandExit::Allowed)
}

/// Writes the work sheet to `path`, which the user calls `named`.
///
/// # Errors
///
/// Refuses to replace a file that is not this very work sheet: an auditor may have filled it in.
fn place_work_sheet(
    path: &Path,
    named: &Path,
    (sample, population): (&ChangeSample, &Text),
) -> Result<(), CommandError> {
    let Ok(known) = std::fs::read(path) else { return Ok(write_work_sheet(path, sample, population)?) };
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    let fresh = folder.path().join("sample.xlsx");
    write_work_sheet(&fresh, sample, population)?;
    if std::fs::read(&fresh).context("cannot read the new work sheet")? == known {
        return Ok(());
    }
    Err(CommandError::Usage(format!(
        "{} is there and may be filled in, so it is not replaced; move it, or name another file with --out",
        named.display()
    )))
}

fn read_population(args: &SampleArgs, context: &Context) -> Result<Population, CommandError> {
    let shown = args.population.display();
    let path = context.resolve_path(&args.population);
    let file = File::open(path).with_context(|| format!("cannot read {shown}"))?;
    Population::read_population(&mut BufReader::new(file)).map_err(|error| match error {
        PopulationError::Faulty(why) => CommandError::Usage(format!("{shown}: {why}")),
        PopulationError::Unreadable(error) => {
            CommandError::Failed(anyhow::Error::new(error).context(format!("cannot read {shown}")))
        }
    })
}

fn build_request(args: &SampleArgs) -> Result<SampleRequest, CommandError> {
    if args.strata.contains(&StratumArg::None) && args.strata.len() > 1 {
        return Err(CommandError::usage("--strata takes `none` alone, or kinds of changes"));
    }
    let size = args.size.or(args.frequency.map(ControlFrequencyArg::sample_size)).unwrap_or(0);
    Ok(SampleRequest {
        seed: args.seed.clone(),
        size: usize::try_from(size).unwrap_or(usize::MAX),
        strata: args.strata.iter().filter_map(|stratum| stratum.to_stratum()).collect(),
        stratum_size: usize::try_from(args.stratum_size).unwrap_or(usize::MAX),
    })
}

fn write_sample_list(
    sample: &ChangeSample,
    population: &Text,
    args: &SampleArgs,
    out: &mut dyn Write,
) -> io::Result<()> {
    let escape = |text: &[u8]| escape::escape_terminal(text, escape::MAX_QUOTE_COLUMNS);
    let changes = if sample.population == 1 { "change" } else { "changes" };
    writeln!(out, "Population: {}, {} {changes}", escape(population.as_bytes()), sample.population)?;
    writeln!(out, "  SHA-256 of the sorted ids: {}", sample.digest)?;
    writeln!(out, "Seed: {}", escape(sample.request.seed.as_bytes()))?;
    for sentence in sample.describe_method() {
        writeln!(out, "{}", output::wrap_text("  - ", 4, &sentence))?;
    }
    for part in sample.parts() {
        // A stratum that nothing is in says so: that is an answer too.
        writeln!(out, "\n{}: {} of {}", capitalise(part.title()), part.taken.len(), part.population)?;
        for change in &part.taken {
            writeln!(out, "  {}  {}", change.shown_rank(), escape(change.item.id.as_bytes()))?;
        }
    }
    if let Some(path) = &args.out {
        writeln!(out, "\nWork sheet: {}", escape(path.to_string_lossy().as_bytes()))?;
    }
    Ok(())
}

/// Returns a title as the start of a line.
fn capitalise(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn write_sample_json(sample: &ChangeSample, population: &Text, out: &mut dyn Write) -> io::Result<()> {
    let document = json!({
        "schema": SAMPLE_SCHEMA,
        "population": {
            "file": population.to_lossy(),
            "changes": sample.population,
            "sha256": sample.digest,
            "unknown_columns": sample.unknown_strata.iter().map(|stratum| stratum.column()).collect::<Vec<_>>(),
        },
        "seed": sample.request.seed,
        "method": sample.describe_method(),
        "strata": sample.strata.iter().map(build_part_json).collect::<Vec<_>>(),
        "random": build_part_json(&sample.random),
    });
    let mut serializer = serde_json::Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default());
    serde::Serialize::serialize(&document, &mut serializer)?;
    writeln!(out)
}

fn build_part_json(part: &SamplePart) -> Value {
    let mut changes = Vec::new();
    for change in &part.taken {
        changes.push(json!({
            "change_id": change.item.id,
            "change_type": change.item.change_type,
            "rank": change.digest,
        }));
    }
    json!({ "name": part.title(), "population": part.population, "changes": changes })
}
