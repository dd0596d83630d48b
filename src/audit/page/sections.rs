//! The sections of the page that are written as HTML: what stands in them is there without the program of the page.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::audit::audit_manifest::AuditEnd;
use crate::audit::change_record::standing::GateResult;
use crate::audit::exceptions::ExceptionKind;
use crate::audit::page::control_coverage::{ControlCoverage, RuleUse};
use crate::audit::page::exception_lists::ExceptionLists;
use crate::audit::page::figure_table::write_figures;
use crate::audit::page::html_table::{HtmlCell, HtmlTable};
use crate::audit::page::page_text::{escape_html, show_html, show_words};
use crate::audit::page::page_totals::{
    AFTERWARDS_ORDER, NOT_ENFORCED_ORDER, OBLIGATION_ORDER, PageTotals, RESULT_ORDER,
};
use crate::audit::page::refusal_list::RefusalList;
use crate::audit::page::svg_plot::{PLOT_PATTERNS, PlotBar, PlotTitle, write_bar_plot, write_column_plot};
use crate::audit::table::format_table_time;

/// What the sections are written from.
pub(super) struct PageContent<'a> {
    pub(super) end: &'a AuditEnd<'a>,
    pub(super) totals: &'a PageTotals,
    pub(super) exceptions: &'a ExceptionLists,
    pub(super) controls: &'a ControlCoverage,
    pub(super) refusals: &'a RefusalList,
    /// The controls that shipped packs name.
    pub(super) known_controls: BTreeSet<String>,
}

/// What rules made of changes, in the order of [`RuleUse::list_plot_counts`].
const RULE_OUTCOMES: [&str; 7] =
    ["met", "met afterwards, in time", "owed, in time", "late or overdue", "exempted", "not known", "broken"];

impl PageContent<'_> {
    /// Writes the section that the template calls `name`. Returns false if there is none of this name.
    ///
    /// # Errors
    ///
    /// Passes on what the writer says.
    pub(super) fn write_section(&self, name: &str, out: &mut dyn Write) -> io::Result<bool> {
        match name {
            "inputs" => self.write_inputs(out)?,
            "summary" => self.write_summary(out)?,
            "plots" => self.write_plots(out)?,
            "exceptions" => self.exceptions.write_lists(self.end.changes, out)?,
            "refusals" => self.refusals.write_list(self.has_ledger(), out)?,
            "controls" => self.write_controls(out)?,
            "completeness" => self.write_completeness(out)?,
            "limits" => self.write_limits(out)?,
            "review" => self.write_review(out)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn has_ledger(&self) -> bool {
        self.end.inputs.repositories.iter().any(|one| one.ledger.is_some())
    }

    fn write_inputs(&self, out: &mut dyn Write) -> io::Result<()> {
        let inputs = self.end.inputs;
        writeln!(out, "<dl class=\"inputs\">")?;
        write_term("Period", &escape_html(&inputs.period), out)?;
        write_term("As of", &format_table_time(inputs.as_of), out)?;
        write_term("Made by", &show_html(&inputs.tool), out)?;
        let digest = format!("<code>{}</code>", escape_html(self.end.population_digest));
        write_term("Digest of the population", &digest, out)?;
        writeln!(out, "</dl>")?;
        let headers = ["Repository", "Branch", "Held", "Ledger", "Judged afterwards by"];
        let mut table = HtmlTable::begin_table(out, "", "What was audited", &headers)?;
        for one in &inputs.repositories {
            let ledger = match &one.ledger {
                Some(commit) => format!("<code>{}</code>", escape_html(commit)),
                None => "none: who approved and when is what commits claim".to_owned(),
            };
            let policies = match one.judged_afterwards_by.as_slice() {
                [] => "nothing".to_owned(),
                some => some.iter().map(|name| show_html(name)).collect::<Vec<_>>().join("<br>"),
            };
            table.write_row(&[
                HtmlCell::Header(show_words(&one.name)),
                HtmlCell::Text(show_words(&one.ref_name)),
                HtmlCell::Html(format!("<code>{}</code>", escape_html(&one.tip))),
                HtmlCell::Html(ledger),
                HtmlCell::Html(policies),
            ])?;
        }
        table.end_table()
    }

    fn write_summary(&self, out: &mut dyn Write) -> io::Result<()> {
        let totals = self.totals;
        if !self.has_ledger() {
            writeln!(
                out,
                "<p class=\"note\"><strong>There was no ledger.</strong> People, approvals and times here are \
                 what commits claim.</p>"
            )?;
        }
        writeln!(out, "<ul class=\"cards\">")?;
        let count = |result: GateResult| totals.count_result(result.code());
        let afterwards = |result: GateResult| totals.count_result(result.code_afterwards());
        let passed = count(GateResult::Pass) + count(GateResult::PassOwing);
        let open: usize = self.exceptions.list_counts().into_iter().map(|(_, _, open)| open).sum();
        let mut cards = vec![
            (totals.changes.to_string(), "changes".to_owned()),
            (
                passed.to_string(),
                format!("passed the gate, {} of them owing something", count(GateResult::PassOwing)),
            ),
            (count(GateResult::Waived).to_string(), "passed by an exemption".to_owned()),
            (count(GateResult::Fail).to_string(), "break a rule that denies".to_owned()),
            (
                totals.count_afterwards().to_string(),
                format!(
                    "judged by no gate at the time, and afterwards by this audit; {} of them break a rule that denies",
                    afterwards(GateResult::Fail)
                ),
            ),
            (
                (count(GateResult::Undecided) + count(GateResult::NotEvaluated)).to_string(),
                "undecided, or not judged".to_owned(),
            ),
            (
                self.exceptions.count_all().to_string(),
                format!("exceptions in a population of {}, {open} of them open", totals.changes),
            ),
        ];
        if totals.count_not_enforced() > 0 || totals.denied_not_enforced > 0 {
            let words = format!(
                "landed in evaluate mode, which blocks nothing; {} of them although they were denied",
                totals.denied_not_enforced
            );
            cards.insert(2, (totals.count_not_enforced().to_string(), words));
        }
        for (number, words) in cards {
            writeln!(out, "<li><strong>{number}</strong> {}</li>", escape_html(&words))?;
        }
        writeln!(out, "</ul>")?;
        write_figures(self.end.key_figures, true, out)?;
        writeln!(out, "<h3>What was not known</h3>")?;
        let unknowns = totals.list_unknowns();
        if unknowns.is_empty() {
            return writeln!(out, "<p>Nothing of what the policies ask was missing.</p>");
        }
        writeln!(out, "<ul>")?;
        for line in unknowns {
            writeln!(out, "<li>{}</li>", show_html(&line))?;
        }
        writeln!(out, "</ul>")
    }

    fn write_plots(&self, out: &mut dyn Write) -> io::Result<()> {
        let totals = self.totals;
        out.write_all(PLOT_PATTERNS.as_bytes())?;
        writeln!(out, "<div class=\"plots\">")?;
        let nothing = "There are no changes.";
        let plot = PlotTitle { id: "plot-classes", title: "Changes by class", unit: "changes", nothing };
        write_column_plot(&plot, &totals.classes.build_columns(&[]), out)?;
        let plot = PlotTitle {
            id: "plot-results",
            title: "Results of the gate",
            unit: "changes",
            nothing: "No gate judged a change.",
        };
        write_column_plot(&plot, &totals.results.build_columns(&RESULT_ORDER), out)?;
        let plot = PlotTitle {
            id: "plot-afterwards",
            title: "What this audit made of changes that no gate judged",
            unit: "changes",
            nothing: "No change was judged afterwards.",
        };
        write_column_plot(&plot, &totals.afterwards.build_columns(&AFTERWARDS_ORDER), out)?;
        if totals.count_not_enforced() > 0 {
            let plot = PlotTitle {
                id: "plot-not-enforced",
                title: "Results of the gate in evaluate mode, which blocks nothing",
                unit: "changes",
                nothing,
            };
            write_column_plot(&plot, &totals.not_enforced.build_columns(&NOT_ENFORCED_ORDER), out)?;
        }
        let plot = PlotTitle {
            id: "plot-obligations",
            title: "Obligations that arose",
            unit: "obligations",
            nothing: "Nothing was owed that a ledger tells of.",
        };
        write_column_plot(&plot, &totals.obligations.build_columns(&OBLIGATION_ORDER), out)?;
        let mut bars = Vec::new();
        for (kind, count, open) in self.exceptions.list_counts() {
            let open = u64::try_from(open).unwrap_or(u64::MAX);
            let all = u64::try_from(count).unwrap_or(u64::MAX);
            bars.push(PlotBar { name: kind.title().to_owned(), parts: vec![open, all - open] });
        }
        let plot = PlotTitle {
            id: "plot-exceptions",
            title: "Exceptions by kind",
            unit: "exceptions by kind",
            nothing: "There are no exceptions.",
        };
        write_bar_plot(&plot, &["open", "regularised, late or accepted"], &bars, out)?;
        let mut bars = Vec::new();
        for (control, rules) in &self.controls.controls {
            let sum = ControlCoverage::sum_rules(rules);
            bars.push(PlotBar { name: control.clone(), parts: sum.list_plot_counts().to_vec() });
        }
        let plot = PlotTitle {
            id: "plot-controls",
            title: "Controls, by what became of their rules",
            unit: "answers of rules by control",
            nothing: "No rule was asked that names a control.",
        };
        write_bar_plot(&plot, &RULE_OUTCOMES, &bars, out)?;
        writeln!(out, "</div>")
    }

    fn write_controls(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "<p>A control is served by the rules that name it in the policy. Counts are of judged changes that a \
             rule is about. That evidence supports a control says nothing about controls beyond the repository.</p>"
        )?;
        let policies = self.controls.list_policies();
        if !policies.is_empty() {
            writeln!(
                out,
                "<p>The policies that judged, with the SHA-256 of everything that they were read from:</p><ul>"
            )?;
            for (name, digest) in policies {
                writeln!(out, "<li>{}: <code>{}</code></li>", show_html(name), show_html(digest))?;
            }
            writeln!(out, "</ul>")?;
        }
        let headers = [
            "Control",
            "Rule",
            "What it asks",
            "Asked",
            "Met",
            "Met afterwards, in time",
            "Owed, in time",
            "Met late",
            "Overdue",
            "Exempted",
            "Not known",
            "Broken",
            "About other changes",
            "In short",
        ];
        let mut table =
            HtmlTable::begin_table(out, "wide", "Controls and the rules that served them", &headers)?;
        for (control, rules) in &self.controls.controls {
            for (rule, used) in rules {
                table.write_row(&build_rule_row(control, rule, used))?;
            }
        }
        for (rule, used) in &self.controls.without_control {
            table.write_row(&build_rule_row("no control", rule, used))?;
        }
        for (rule, used) in &self.controls.not_known {
            table.write_row(&build_rule_row("not known: the policy cannot be read any more", rule, used))?;
        }
        table.end_table()?;
        let unasked: Vec<&String> = self
            .controls
            .controls
            .iter()
            .filter(|(_, rules)| ControlCoverage::sum_rules(rules).count_asked() == 0)
            .map(|(control, _)| control)
            .collect();
        let unserved = self.controls.list_unserved(self.known_controls.clone());
        writeln!(out, "<h3>Controls with no evidence</h3><ul>")?;
        for control in &unasked {
            writeln!(out, "<li>{}: its rules were about no change of the period</li>", show_html(control))?;
        }
        for control in &unserved {
            writeln!(
                out,
                "<li>{}: a shipped pack serves it, and no rule here names it</li>",
                show_html(control)
            )?;
        }
        if unasked.is_empty() && unserved.is_empty() {
            writeln!(out, "<li>none of those that the policies and the shipped packs name</li>")?;
        }
        writeln!(out, "</ul>")
    }

    fn write_completeness(&self, out: &mut dyn Write) -> io::Result<()> {
        let headers = ["What", "Expected", "Found", "Agrees"];
        let mut table = HtmlTable::begin_table(out, "", "What was counted where", &headers)?;
        for check in self.end.completeness {
            let agrees = match check.agrees {
                Some(true) => "yes",
                Some(false) => "no: it differs",
                None => "",
            };
            table.write_row(&[
                HtmlCell::Header(show_words(&check.what)),
                HtmlCell::Text(show_words(&check.expected)),
                HtmlCell::Text(show_words(&check.found)),
                HtmlCell::Text(agrees.to_owned()),
            ])?;
        }
        table.end_table()
    }

    fn write_limits(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "<ul>")?;
        for limit in self.end.limits {
            writeln!(out, "<li>{}</li>", show_html(limit))?;
        }
        writeln!(
            out,
            "<li>that a gate lets everything pass is no sign that it works: look at what it refused, and at the \
             rules that no change was held to</li></ul>"
        )
    }

    /// Writes the page that a management review signs. It repeats the summary, so that it can be read alone.
    fn write_review(&self, out: &mut dyn Write) -> io::Result<()> {
        let inputs = self.end.inputs;
        let names: Vec<String> = inputs
            .repositories
            .iter()
            .take(MAX_REVIEWED_NAMES)
            .map(|one| show_html(&format!("{} {}", one.name, one.ref_name)))
            .collect();
        let more = inputs.repositories.len() - names.len();
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        writeln!(
            out,
            "<p>{}; {}; as of {}; {} changes; {} exceptions in a population of {}.{}</p>",
            names.join(", ") + &more,
            escape_html(&inputs.period),
            format_table_time(inputs.as_of),
            self.end.changes,
            self.exceptions.count_all(),
            self.end.changes,
            if inputs.repositories.iter().any(|one| one.ledger.is_some()) {
                ""
            } else {
                " There was no ledger: what is said here is what commits claim."
            }
        )?;
        writeln!(out, "<div class=\"review-tables\">")?;
        write_figures(self.end.key_figures, false, out)?;
        let headers = ["Kind of exception", "How urgent", "All", "Open"];
        let mut table = HtmlTable::begin_table(out, "", "Exceptions in numbers", &headers)?;
        for (kind, count, open) in self.exceptions.list_counts() {
            table.write_row(&build_kind_row(kind, count, open))?;
        }
        table.write_row(&[
            HtmlCell::Header("all kinds".to_owned()),
            HtmlCell::Text(String::new()),
            HtmlCell::Number(self.exceptions.count_all().to_string()),
            HtmlCell::Number(
                self.exceptions.list_counts().iter().map(|(_, _, open)| open).sum::<usize>().to_string(),
            ),
        ])?;
        table.end_table()?;
        writeln!(out, "</div>")
    }
}

/// How many repositories the page of the review names.
const MAX_REVIEWED_NAMES: usize = 4;

fn write_term(term: &str, html: &str, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "<div><dt>{}</dt><dd>{html}</dd></div>", escape_html(term))
}

fn build_kind_row(kind: ExceptionKind, count: usize, open: usize) -> [HtmlCell; 4] {
    [
        HtmlCell::Header(kind.title().to_owned()),
        HtmlCell::Text(kind.severity().to_owned()),
        HtmlCell::Number(count.to_string()),
        HtmlCell::Number(open.to_string()),
    ]
}

fn build_rule_row(control: &str, rule: &str, used: &RuleUse) -> Vec<HtmlCell> {
    let mut cells = vec![
        HtmlCell::Header(show_words(control)),
        HtmlCell::Text(show_words(rule)),
        HtmlCell::Text(show_words(&used.title)),
        HtmlCell::Number(used.count_asked().to_string()),
    ];
    cells.extend(used.list_counts().map(|count| HtmlCell::Number(count.to_string())));
    cells.push(HtmlCell::Number(used.others.to_string()));
    cells.push(HtmlCell::Text(used.describe().to_owned()));
    cells
}
