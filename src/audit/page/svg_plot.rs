//! Plots as inline SVG. Each has a title, a text that says the same, and the table of its data; kinds differ by pattern
//! and by place as well as by colour.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::audit::page::html_table::{HtmlCell, HtmlTable};
use crate::audit::page::page_text::{escape_html, show_html, show_words};
use crate::audit::page::period_counts::ColumnCounts;

const WIDTH: u64 = 720;
const PLOT_LEFT: u64 = 56;
const PLOT_TOP: u64 = 12;
const PLOT_HEIGHT: u64 = 200;
const LABEL_HEIGHT: u64 = 40;

/// How much of a column's place its bar takes, in hundredths.
const BAR_SHARE: u64 = 72;

/// How many of the columns have their name beneath.
const MAX_COLUMN_LABELS: usize = 12;

const BAR_LEFT: u64 = 330;
const BAR_ROW: u64 = 26;
const BAR_COLUMNS: usize = 52;

/// How many bars a plot has at most; the table below it has all.
const MAX_BARS: usize = 20;

/// The patterns that lie over the colours, so that nothing is told by colour alone; once for the whole page.
pub(crate) const PLOT_PATTERNS: &str = "\
<svg class=\"patterns\" width=\"0\" height=\"0\" aria-hidden=\"true\" focusable=\"false\"><defs>\
<pattern id=\"pattern-1\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 6L6 0\"/></pattern>\
<pattern id=\"pattern-2\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\"><circle cx=\"2\" cy=\"2\" r=\"1\"/></pattern>\
<pattern id=\"pattern-3\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 0L6 6M0 6L6 0\"/></pattern>\
<pattern id=\"pattern-4\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 2H4\"/></pattern>\
<pattern id=\"pattern-5\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\"><path d=\"M2 0V4\"/></pattern>\
<pattern id=\"pattern-6\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\"><path d=\"M0 0L6 6\"/></pattern>\
</defs></svg>\n";

/// What a plot is called, and what its numbers are of.
pub(crate) struct PlotTitle<'a> {
    /// The id of the plot in the page.
    pub(crate) id: &'a str,
    /// What it is called.
    pub(crate) title: &'a str,
    /// What is counted, in the plural.
    pub(crate) unit: &'a str,
    /// What is said where there is nothing to plot.
    pub(crate) nothing: &'a str,
}

/// Returns a round number that is not below `highest`, and is divided by 4 or is small.
fn round_up_axis(highest: u64) -> u64 {
    let mut power: u64 = 1;
    loop {
        for step in [4, 8, 12, 20, 40] {
            if step * power >= highest {
                return step * power;
            }
        }
        power = power.saturating_mul(10);
    }
}

fn draw_bar(svg: &mut String, series: usize, place: (u64, u64), size: (u64, u64), words: &str) {
    let ((x, y), (width, height)) = (place, size);
    let rectangle = format!("x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"");
    // Writing to a string does not fail.
    let _ =
        write!(svg, "<g><title>{}</title><rect class=\"series-{series}\" {rectangle}/>", show_html(words));
    if series > 0 {
        let _ = write!(svg, "<rect class=\"pattern\" fill=\"url(#pattern-{series})\" {rectangle}/>");
    }
    svg.push_str("</g>");
}

/// Writes a plot of columns, with its key and its table.
///
/// # Errors
///
/// Passes on what the writer says.
pub(crate) fn write_column_plot(
    plot: &PlotTitle<'_>,
    counts: &ColumnCounts,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = format!("{}, by {}", plot.title, counts.step);
    let highest = counts.highest_sum();
    if highest == 0 {
        return write_empty_plot(plot, out);
    }
    let sums = counts.sum_series();
    let parts: Vec<String> =
        counts.series.iter().zip(&sums).map(|(name, sum)| format!("{sum} {}", show_words(name))).collect();
    let ends = match (counts.columns.first(), counts.columns.last()) {
        (Some((first, _)), Some((last, _))) if first != last => format!("from {first} to {last}"),
        (Some((only, _)), _) => format!("in {only}"),
        _ => String::new(),
    };
    let words = format!("{} {} {ends}: {}.", sums.iter().sum::<u64>(), plot.unit, parts.join(", "));
    let top = round_up_axis(highest);
    let mut svg = begin_svg(plot.id, &title, &words, PLOT_TOP + PLOT_HEIGHT + LABEL_HEIGHT);
    for quarter in 0..=4 {
        let y = PLOT_TOP + PLOT_HEIGHT - PLOT_HEIGHT * quarter / 4;
        let _ = write!(
            svg,
            "<path class=\"grid\" d=\"M{PLOT_LEFT} {y}H{WIDTH}\"/>\
             <text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            PLOT_LEFT - 6,
            y + 4,
            top * quarter / 4
        );
    }
    draw_columns(&mut svg, counts, top);
    svg.push_str("</svg>\n");
    writeln!(out, "<figure class=\"plot\" id=\"{}\"><h3>{}</h3>", plot.id, escape_html(&title))?;
    out.write_all(svg.as_bytes())?;
    write_key(&counts.series, out)?;
    writeln!(out, "<figcaption>{}</figcaption><details><summary>The numbers</summary>", escape_html(&words))?;
    let names: Vec<String> = counts.series.iter().map(|name| show_words(name)).collect();
    let mut headers = vec![counts.step];
    headers.extend(names.iter().map(String::as_str));
    let mut table = HtmlTable::begin_table(out, "numbers", &title, &headers)?;
    for (name, values) in &counts.columns {
        let mut cells = vec![HtmlCell::Header(name.clone())];
        cells.extend(values.iter().map(|count| HtmlCell::Number(count.to_string())));
        table.write_row(&cells)?;
    }
    table.end_table()?;
    writeln!(out, "</details></figure>")
}

fn draw_columns(svg: &mut String, counts: &ColumnCounts, top: u64) {
    let columns = counts.columns.len().max(1);
    let count = u64::try_from(columns).unwrap_or(u64::MAX);
    let room = WIDTH - PLOT_LEFT;
    let every = columns.div_ceil(MAX_COLUMN_LABELS);
    for (number, (name, values)) in counts.columns.iter().enumerate() {
        let before = u64::try_from(number).unwrap_or(u64::MAX);
        let (left, right) = (PLOT_LEFT + room * before / count, PLOT_LEFT + room * (before + 1) / count);
        let width = ((right - left) * BAR_SHARE / 100).clamp(1, 60);
        let x = left + (right - left - width) / 2;
        let mut below = 0;
        for (series, value) in values.iter().enumerate() {
            // From the sum below to the sum above, so that rounding never leaves a gap.
            let (from, to) = (PLOT_HEIGHT * below / top, PLOT_HEIGHT * (below + value) / top);
            below += value;
            if *value > 0 {
                let kind = counts.series.get(series).map(String::as_str).unwrap_or_default();
                let y = PLOT_TOP + PLOT_HEIGHT - to;
                draw_bar(
                    svg,
                    series,
                    (x, y),
                    (width, (to - from).max(1)),
                    &format!("{name}, {kind}: {value}"),
                );
            }
        }
        if number % every == 0 {
            let _ = write!(
                svg,
                "<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"middle\">{name}</text>",
                (left + right) / 2,
                PLOT_TOP + PLOT_HEIGHT + 18
            );
        }
    }
}

/// A bar of a plot: what it is of, and its parts.
pub(crate) struct PlotBar {
    /// What it is of.
    pub(crate) name: String,
    /// How many there are of each kind.
    pub(crate) parts: Vec<u64>,
}

/// Writes a plot of bars, with its key and its table. Without a name of a kind there is only one kind.
///
/// # Errors
///
/// Passes on what the writer says.
pub(crate) fn write_bar_plot(
    plot: &PlotTitle<'_>,
    series: &[&str],
    bars: &[PlotBar],
    out: &mut dyn Write,
) -> io::Result<()> {
    let sum = |bar: &PlotBar| bar.parts.iter().sum::<u64>();
    let highest = bars.iter().map(sum).max().unwrap_or_default();
    if highest == 0 {
        return write_empty_plot(plot, out);
    }
    let shown = bars.get(..MAX_BARS.min(bars.len())).unwrap_or_default();
    let named: Vec<String> =
        shown.iter().map(|bar| format!("{}: {}", show_words(&bar.name), sum(bar))).collect();
    let left_out = bars.len() - shown.len();
    let more = if left_out == 0 { String::new() } else { format!(" The table has {left_out} more.") };
    let words = format!("Number of {}. {}.{more}", plot.unit, named.join("; "));
    let rows = u64::try_from(shown.len()).unwrap_or_default();
    let mut svg = begin_svg(plot.id, plot.title, &words, rows * BAR_ROW + 8);
    let room = WIDTH - BAR_LEFT - 60;
    for (number, bar) in shown.iter().enumerate() {
        let y = u64::try_from(number).unwrap_or_default() * BAR_ROW + 4;
        let name = crate::report::escape::escape_terminal(bar.name.as_bytes(), BAR_COLUMNS);
        let _ = write!(
            svg,
            "<text class=\"label\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            BAR_LEFT - 8,
            y + 15,
            escape_html(&name)
        );
        let mut before = 0;
        for (kind, value) in bar.parts.iter().enumerate() {
            let (from, to) = (room * before / highest, room * (before + value) / highest);
            before += value;
            if *value > 0 {
                let words = match series.get(kind) {
                    Some(word) => format!("{}, {word}: {value}", bar.name),
                    None => format!("{}: {value}", bar.name),
                };
                draw_bar(&mut svg, kind, (BAR_LEFT + from, y), ((to - from).max(1), BAR_ROW - 6), &words);
            }
        }
        let end = BAR_LEFT + room * before / highest + 6;
        let _ = write!(svg, "<text class=\"label\" x=\"{end}\" y=\"{}\">{}</text>", y + 15, sum(bar));
    }
    svg.push_str("</svg>\n");
    writeln!(out, "<figure class=\"plot\" id=\"{}\"><h3>{}</h3>", plot.id, escape_html(plot.title))?;
    out.write_all(svg.as_bytes())?;
    if !series.is_empty() {
        let names: Vec<String> = series.iter().map(|name| (*name).to_owned()).collect();
        write_key(&names, out)?;
    }
    writeln!(out, "<details><summary>The numbers</summary>")?;
    let mut headers = vec!["What"];
    headers.extend(series);
    headers.push("sum");
    let mut table = HtmlTable::begin_table(out, "numbers", plot.title, &headers)?;
    for bar in bars {
        let mut cells = vec![HtmlCell::Header(show_words(&bar.name))];
        if !series.is_empty() {
            cells.extend(bar.parts.iter().map(|count| HtmlCell::Number(count.to_string())));
        }
        cells.push(HtmlCell::Number(sum(bar).to_string()));
        table.write_row(&cells)?;
    }
    table.end_table()?;
    writeln!(out, "</details></figure>")
}

fn write_empty_plot(plot: &PlotTitle<'_>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<figure class=\"plot\" id=\"{}\"><h3>{}</h3><p>{}</p></figure>",
        plot.id,
        escape_html(plot.title),
        escape_html(plot.nothing)
    )
}

fn begin_svg(id: &str, title: &str, words: &str, height: u64) -> String {
    format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-labelledby=\"{id}-title {id}-words\">\
         <title id=\"{id}-title\">{}</title><desc id=\"{id}-words\">{}</desc>",
        escape_html(title),
        escape_html(words)
    )
}

/// Writes which pattern and colour stand for which kind.
fn write_key(series: &[String], out: &mut dyn Write) -> io::Result<()> {
    write!(out, "<ul class=\"key\">")?;
    for (number, name) in series.iter().enumerate() {
        let mut swatch = String::new();
        draw_bar(&mut swatch, number, (0, 0), (18, 12), name);
        write!(
            out,
            "<li><svg width=\"18\" height=\"12\" aria-hidden=\"true\" focusable=\"false\">{swatch}</svg> {}</li>",
            show_html(name)
        )?;
    }
    writeln!(out, "</ul>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_with_a_round_number() {
        for (highest, top) in
            [(1, 4), (4, 4), (5, 8), (9, 12), (13, 20), (21, 40), (41, 80), (82_000, 120_000)]
        {
            assert_eq!(round_up_axis(highest), top, "{highest}");
        }
    }

    #[test]
    fn names_from_outside_are_no_markup() {
        let plot = PlotTitle { id: "p", title: "<T>", unit: "things", nothing: "none" };
        let counts = ColumnCounts {
            step: "month",
            series: vec!["<script>\u{202e}".to_owned()],
            columns: vec![("2026-01".to_owned(), vec![3])],
        };
        let mut out = Vec::new();
        write_column_plot(&plot, &counts, &mut out).unwrap();
        let bars = [PlotBar { name: "<script>\u{202e}".to_owned(), parts: vec![1] }];
        write_bar_plot(&plot, &[], &bars, &mut out).unwrap();
        let html = String::from_utf8(out).unwrap();
        assert!(!html.contains("<script") && !html.contains('\u{202e}') && !html.contains("<T>"), "{html}");
        assert!(html.contains("3 &lt;script&gt;\\u{202e}"), "{html}");
    }
}
