//! A workbook with everything but its rows: styles, titles, filters, widths, lists to choose from, print set-up.
//!
//! It is made in memory, by the library, when the rows are counted. Each sheet has a second row, which the real
//! rows replace; it shows the number that the library gave to each style.

use anyhow::{Context as _, Result};
use rust_xlsxwriter::{
    Color, DataValidation, DocProperties, Format, FormatAlign, FormatBorder, Workbook, Worksheet,
};

use crate::audit::formats::cell_text::replace_controls;
use crate::audit::formats::xlsx::row_xml::{
    MAX_LINE_LENGTH, MAX_SHEET_ROWS, count_lines, cut_to_cell, row_points, style_number,
};
use crate::audit::table::{ColumnKind, TableColumn, TableNote};

/// The program that a workbook says it was made by.
const CREATED_BY: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// Paper of the size A4, as Excel numbers it.
const PAPER_A4: u8 = 9;

/// The characters that a header or footer takes, with room for the number of the page.
const MAX_HEADER_LENGTH: usize = 200;

/// The characters that a column is wider than its longest line.
const COLUMN_MARGIN: usize = 2;

/// The arrow of a filter takes the room of three characters.
const FILTER_ARROW: usize = 3;

/// The column widths of the first sheet, in characters.
const NOTE_WIDTHS: (usize, usize) = (30, 100);

/// The cells of a sheet that take one of a few words.
pub(crate) struct SheetChoices {
    pub(crate) first_column: usize,
    pub(crate) last_column: usize,
    pub(crate) words: &'static [&'static str],
}

/// A sheet whose rows are counted.
pub(crate) struct SheetPlan<'a> {
    pub(crate) name: String,
    pub(crate) columns: &'static [TableColumn],
    /// How many rows there are, with the one that holds the titles.
    pub(crate) rows: u32,
    pub(crate) widths: &'a [usize],
    pub(crate) choices: &'a [SheetChoices],
}

/// The styles of a workbook.
struct SheetStyles {
    cells: Vec<Format>,
    title: Format,
    key: Format,
}

/// Returns the workbook as the bytes of a file.
pub(crate) fn build_skeleton(title: &str, notes: &[TableNote], plans: &[SheetPlan<'_>]) -> Result<Vec<u8>> {
    let mut workbook = Workbook::new();
    // Always the same, so that the same rows give the same bytes.
    let created = jiff::civil::date(2000, 1, 1).at(0, 0, 0, 0);
    let properties =
        DocProperties::new().set_title(title).set_author(CREATED_BY).set_creation_datetime(&created);
    workbook.set_properties(&properties);
    let styles = build_styles();
    for style in &styles.cells {
        workbook.register_format(style);
    }
    write_notes(workbook.add_worksheet(), title, notes, &styles)?;
    for plan in plans {
        let sheet = workbook.add_worksheet();
        sheet.set_name(&plan.name).with_context(|| format!("no sheet can be called `{}`", plan.name))?;
        write_sheet(sheet, title, plan, &styles)?;
    }
    Ok(workbook.save_to_buffer()?)
}

fn build_styles() -> SheetStyles {
    let cell = Format::new().set_align(FormatAlign::Top);
    // In the order of `style_number`.
    let cells = vec![
        cell.clone().set_text_wrap(),
        cell.clone().set_num_format("0").set_align(FormatAlign::Right).set_indent(1),
        cell.clone().set_num_format("0.0##").set_align(FormatAlign::Right).set_indent(1),
        cell.clone().set_num_format("yyyy-mm-dd hh:mm:ss\" UTC\"").set_align(FormatAlign::Left),
        cell.set_align(FormatAlign::Center),
    ];
    let title = Format::new()
        .set_bold()
        .set_text_wrap()
        .set_align(FormatAlign::Top)
        .set_background_color(Color::RGB(0x00DD_E6F0))
        .set_border_bottom(FormatBorder::Thin);
    let key = Format::new().set_bold().set_text_wrap().set_align(FormatAlign::Top);
    SheetStyles { cells, title, key }
}

/// Writes the first sheet: what the workbook is about, a line for each fact.
fn write_notes(sheet: &mut Worksheet, title: &str, notes: &[TableNote], styles: &SheetStyles) -> Result<()> {
    sheet.set_name("About")?;
    sheet.set_column_width(0, to_excel_number(NOTE_WIDTHS.0 + COLUMN_MARGIN))?;
    sheet.set_column_width(1, to_excel_number(NOTE_WIDTHS.1 + COLUMN_MARGIN))?;
    sheet.write_string_with_format(0, 0, title, &Format::new().set_bold().set_font_size(14))?;
    let text = styles.cells.first().context("there is no style for text")?;
    for (row, note) in (2..).zip(notes) {
        let (key, value) = (clean_note(&note.key), clean_note(&note.value.to_lossy()));
        let lines = count_lines(&key, NOTE_WIDTHS.0).max(count_lines(&value, NOTE_WIDTHS.1));
        if let Some(points) = row_points(lines) {
            sheet.set_row_height(row, to_excel_number(points))?;
        }
        sheet.write_string_with_format(row, 0, key, &styles.key)?;
        sheet.write_string_with_format(row, 1, value, text)?;
    }
    set_print_layout(sheet, title, "About");
    Ok(())
}

fn clean_note(text: &str) -> String {
    cut_to_cell(&replace_controls(text))
}

fn write_sheet(sheet: &mut Worksheet, title: &str, plan: &SheetPlan<'_>, styles: &SheetStyles) -> Result<()> {
    let last_column = u16::try_from(plan.columns.len().saturating_sub(1))?;
    let last_row = plan.rows.saturating_sub(1).min(MAX_SHEET_ROWS - 1);
    let mut title_lines = 1;
    for ((number, column), longest_line) in (0..).zip(plan.columns).zip(plan.widths) {
        sheet.write_string_with_format(0, number, column.title, &styles.title)?;
        let style = styles.cells.get(style_number(column.kind) - 1).context("a column has no style")?;
        sheet.write_blank(1, number, style)?;
        let width = choose_width(column, *longest_line);
        sheet.set_column_width(number, to_excel_number(width))?;
        title_lines = title_lines.max(count_lines(column.title, width.saturating_sub(FILTER_ARROW)));
    }
    if let Some(points) = row_points(title_lines) {
        sheet.set_row_height(0, to_excel_number(points))?;
    }
    sheet.set_freeze_panes(1, 1)?;
    sheet.autofilter(0, 0, last_row, last_column)?;
    sheet.set_repeat_rows(0, 0)?;
    sheet.set_print_gridlines(true);
    if last_row > 0 {
        for choice in plan.choices {
            let list = DataValidation::new()
                .allow_list_strings(choice.words)?
                .set_error_title("Not in the list")?
                .set_error_message(format!("Choose one of: {}", choice.words.join(", ")))?;
            let (first, last) = (u16::try_from(choice.first_column)?, u16::try_from(choice.last_column)?);
            sheet.add_data_validation(1, first, last_row, last, &list)?;
        }
    }
    set_print_layout(sheet, title, &plan.name);
    Ok(())
}

/// Returns the width of a column: as wide as its longest line and the title's longest word, within reason.
fn choose_width(column: &TableColumn, longest_line: usize) -> usize {
    let longest_word = column.title.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
    let least = (longest_word + FILTER_ARROW).max(if column.kind == ColumnKind::Text { 10 } else { 8 });
    (longest_line.min(MAX_LINE_LENGTH) + COLUMN_MARGIN).max(least)
}

fn to_excel_number(number: usize) -> f64 {
    u32::try_from(number).map_or(f64::from(u32::MAX), f64::from)
}

/// Sets a sheet up for paper: landscape, as wide as one page, with the titles on each.
fn set_print_layout(sheet: &mut Worksheet, title: &str, sheet_name: &str) {
    sheet.set_landscape();
    sheet.set_paper_size(PAPER_A4);
    sheet.set_print_fit_to_pages(1, 0);
    sheet.set_margins(0.4, 0.4, 0.7, 0.7, 0.3, 0.3);
    sheet.set_header(format!("&L{}&R{}", quote_header(title), quote_header(sheet_name)));
    sheet.set_footer(format!("&L{}&RPage &P of &N", quote_header(CREATED_BY)));
}

/// Returns a text for a header: an ampersand would begin a code.
fn quote_header(text: &str) -> String {
    let text: String =
        replace_controls(text).replace('\n', " ").chars().take(MAX_HEADER_LENGTH / 2).collect();
    text.replace('&', "&&")
}
