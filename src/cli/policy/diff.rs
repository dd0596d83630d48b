//! `changegate policy diff`: what a change of a policy means.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Serializer, Value, json};

use crate::cli::command_error::{CommandError, CommandExit};
use crate::cli::context::Context;
use crate::cli::output;
use crate::cli::policy::lookup::{load_compared_policy, load_local_policy};
use crate::gate::LoadedPolicy;
use crate::git::Repository;
use crate::policy::{PolicyDifference, PolicyDirection};
use crate::report::escape::escape_words;
use crate::report::{ReportStyle, TerminalPage, TextStyle, VisibleJsonFormatter, plain_text, styled_text};

/// The parameters of `policy diff`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  changegate policy diff HEAD                       what the work tree's policy would change
  changegate policy diff v1.0 origin/main
  changegate policy diff pack:startup pack:iso27001
  changegate policy diff origin/main draft.yml --refuse-looser

`stricter` is a promise: nothing that was denied is allowed because of it. `looser`
and `different` may allow what was denied.")]
pub(crate) struct PolicyDiffArgs {
    /// Earlier policy: a revision, a file, or pack:NAME
    old: String,

    /// Later policy [default: policies/changegate.yml of the work tree]
    new: Option<String>,

    /// End with 1 if a difference may allow what was denied
    #[arg(long)]
    refuse_looser: bool,

    /// Output format
    #[arg(long, value_name = "FORMAT", default_value = "terminal")]
    format: output::ListFormatArg,
}

/// The document, whose first key is the schema.
#[derive(Serialize)]
struct DifferenceDocument {
    schema: &'static str,
    old: Value,
    new: Value,
    may_loosen: bool,
    differences: Vec<Value>,
}

pub(crate) fn diff_policies(args: &PolicyDiffArgs, context: &Context) -> Result<CommandExit, CommandError> {
    let repository = Repository::discover_from(&context.directory).ok();
    let load = |written: &str| load_compared_policy(written, repository.as_ref(), context);
    let old = load(&args.old)?;
    let new = match &args.new {
        Some(written) => load(written)?,
        None => load_local_policy(None, context)?,
    };
    let found = old.find_differences(&new).map_err(|errors| CommandError::InvalidPolicy(errors, None))?;
    let mut out = io::BufWriter::new(io::stdout().lock());
    let written = match args.format {
        output::ListFormatArg::Terminal => write_differences(&old, &new, &found, context, &mut out),
        output::ListFormatArg::Json => write_json(&old, &new, &found, &mut out),
    };
    output::ignore_broken_pipe(written.and_then(|()| out.flush()))?;
    let is_looser = found.iter().any(|difference| difference.direction.may_loosen());
    Ok(if is_looser && args.refuse_looser { CommandExit::Denied } else { CommandExit::Allowed })
}

fn write_differences(
    old: &LoadedPolicy,
    new: &LoadedPolicy,
    found: &[PolicyDifference],
    context: &Context,
    out: &mut dyn Write,
) -> io::Result<()> {
    let style =
        ReportStyle { colour: output::stdout_colour(context.colour), width: 79, ..ReportStyle::default() };
    let mut page = TerminalPage::new(out, &style);
    page.write_paragraph(0, &[plain_text(format!("from {}", escape_words(&old.source)))])?;
    page.write_paragraph(0, &[plain_text(format!("to   {}", escape_words(&new.source)))])?;
    page.request_gap();
    if found.is_empty() {
        return page.write_paragraph(0, &[plain_text("they ask the same")]);
    }
    for direction in [PolicyDirection::Looser, PolicyDirection::Different, PolicyDirection::Stricter] {
        let look = match direction {
            PolicyDirection::Looser => TextStyle::Denied,
            PolicyDirection::Different => TextStyle::Warning,
            PolicyDirection::Stricter => TextStyle::Allowed,
        };
        for difference in found.iter().filter(|difference| difference.direction == direction) {
            page.write_hanging_paragraph(
                0,
                11,
                &[
                    styled_text(look, format!("{:<10}", direction.describe_direction())),
                    plain_text(" "),
                    styled_text(TextStyle::Name, escape_words(&difference.part.to_plain_text())),
                    plain_text(format!(": {}", escape_words(&difference.what.to_plain_text()))),
                ],
            )?;
        }
    }
    let count = |wanted| found.iter().filter(|difference| difference.direction == wanted).count();
    page.request_gap();
    let totals = format!(
        "{} looser, {} different, {} stricter",
        count(PolicyDirection::Looser),
        count(PolicyDirection::Different),
        count(PolicyDirection::Stricter)
    );
    page.write_paragraph(0, &[plain_text(totals)])
}

fn write_json(
    old: &LoadedPolicy,
    new: &LoadedPolicy,
    found: &[PolicyDifference],
    out: &mut dyn Write,
) -> io::Result<()> {
    let describe = |loaded: &LoadedPolicy| json!({ "source": loaded.source, "digest": loaded.policy.digest });
    let differences: Vec<_> = found
        .iter()
        .map(|difference| {
            json!({
                "direction": difference.direction.describe_direction(),
                "part": difference.part.to_plain_text(),
                "what": difference.what.to_plain_text(),
            })
        })
        .collect();
    let document = DifferenceDocument {
        schema: "changegate/policy-diff/v1",
        old: describe(old),
        new: describe(new),
        may_loosen: found.iter().any(|difference| difference.direction.may_loosen()),
        differences,
    };
    document.serialize(&mut Serializer::with_formatter(&mut *out, VisibleJsonFormatter::default()))?;
    writeln!(out)
}
