//! Parquet: typed columns for engines such as DuckDB and Spark.
//!
//! Texts are `STRING`, times `TIMESTAMP` in milliseconds of UTC, flags `BOOLEAN`, and every column may be
//! null. Rows are held until a group of them is full, so memory is bounded by the group.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail};
use parquet::basic::{Compression, LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type as SchemaType;

use crate::audit::formats::unfinished_file::UnfinishedFile;
use crate::audit::table::{
    ColumnKind, RowWriter, TableCell, TableColumn, TableNote, TableSheet, round_down_time,
};

/// The rows of one group at most.
const MAX_GROUP_ROWS: usize = 65_536;

/// The bytes of text that one group holds at most, beside its last row.
const MAX_GROUP_TEXT: usize = 32 << 20;

/// The program that a file says it was made by.
const CREATED_BY: &str = concat!("changegate ", env!("CARGO_PKG_VERSION"));

/// A Parquet file that is being written.
pub struct ParquetTable {
    sheet: TableSheet,
    writer: SerializedFileWriter<UnfinishedFile>,
    group: RowGroup,
    max_group_text: usize,
}

impl ParquetTable {
    /// Creates the file at `path`; it gets its name when it is finished.
    pub fn create_file(path: &Path, sheet: TableSheet) -> Result<ParquetTable> {
        let mut fields = Vec::new();
        for column in sheet.columns {
            fields.push(Arc::new(build_field(column)?));
        }
        let schema = SchemaType::group_type_builder(sheet.name).with_fields(fields).build()?;
        let properties = WriterProperties::builder()
            .set_created_by(CREATED_BY.to_owned())
            .set_compression(Compression::SNAPPY)
            .build();
        let file = UnfinishedFile::create(path)?;
        let mut writer = SerializedFileWriter::new(file, Arc::new(schema), Arc::new(properties))?;
        for (key, value) in
            [("changegate.table", sheet.name.to_owned()), ("changegate.version", sheet.version.to_string())]
        {
            writer.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        Ok(ParquetTable { sheet, writer, group: RowGroup::new(sheet), max_group_text: MAX_GROUP_TEXT })
    }

    /// Keeps fewer bytes of text in memory, for a table of which several files are open at once.
    pub(crate) fn limit_group_text(&mut self, bytes: usize) {
        self.max_group_text = bytes;
    }

    /// Adds a fact about the table to the file's metadata.
    pub fn add_note(&mut self, note: &TableNote) {
        let key = format!("changegate.note.{}", note.key);
        self.writer.append_key_value_metadata(KeyValue::new(key, note.value.to_lossy().into_owned()));
    }

    fn write_group(&mut self) -> Result<()> {
        let group = std::mem::replace(&mut self.group, RowGroup::new(self.sheet));
        if group.rows == 0 {
            return Ok(());
        }
        let mut written = self.writer.next_row_group()?;
        for column in group.columns {
            let mut writer = written.next_column()?.context("a column of the table has no place")?;
            let levels = Some(column.levels.as_slice());
            match (writer.untyped(), column.values) {
                (ColumnWriter::ByteArrayColumnWriter(writer), ColumnValues::Texts(values)) => {
                    writer.write_batch(&values.into_byte_arrays(), levels, None)?
                }
                (ColumnWriter::Int64ColumnWriter(writer), ColumnValues::Integers(values)) => {
                    writer.write_batch(&values, levels, None)?
                }
                (ColumnWriter::DoubleColumnWriter(writer), ColumnValues::Decimals(values)) => {
                    writer.write_batch(&values, levels, None)?
                }
                (ColumnWriter::BoolColumnWriter(writer), ColumnValues::Flags(values)) => {
                    writer.write_batch(&values, levels, None)?
                }
                _ => bail!("a column of the table has another kind than its place"),
            };
            writer.close()?;
        }
        written.close()?;
        Ok(())
    }
}

impl RowWriter for ParquetTable {
    fn write_row(&mut self, cells: &[TableCell]) -> Result<()> {
        self.sheet.check_row(cells)?;
        self.group.add_row(cells)?;
        if self.group.rows >= MAX_GROUP_ROWS || self.group.text_bytes >= self.max_group_text {
            self.write_group().with_context(|| format!("cannot write the table `{}`", self.sheet.name))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let name = self.sheet.name;
        let describe = || format!("cannot write the table `{name}`");
        self.write_group().with_context(describe)?;
        self.writer.into_inner().with_context(describe)?.finish()
    }
}

fn build_field(column: &TableColumn) -> Result<SchemaType> {
    let time = LogicalType::timestamp(true, TimeUnit::MILLIS);
    let (physical, logical) = match column.kind {
        ColumnKind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        ColumnKind::Integer => (PhysicalType::INT64, None),
        ColumnKind::Decimal => (PhysicalType::DOUBLE, None),
        ColumnKind::Time => (PhysicalType::INT64, Some(time)),
        ColumnKind::Flag => (PhysicalType::BOOLEAN, None),
    };
    let field = SchemaType::primitive_type_builder(column.key, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    Ok(field.build()?)
}

/// Rows that are not written yet, column by column.
struct RowGroup {
    rows: usize,
    text_bytes: usize,
    columns: Vec<ColumnBuffer>,
}

/// The cells of one column: which of them are there, and what they are.
struct ColumnBuffer {
    levels: Vec<i16>,
    values: ColumnValues,
}

/// The cells of one column that are not empty.
enum ColumnValues {
    Texts(TextBuffer),
    /// Whole numbers, and times in milliseconds.
    Integers(Vec<i64>),
    Decimals(Vec<f64>),
    Flags(Vec<bool>),
}

/// Texts one after the other: most are short, and would take more room each by itself.
#[derive(Default)]
struct TextBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl TextBuffer {
    fn push_text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
        self.ends.push(self.bytes.len());
    }

    fn into_byte_arrays(self) -> Vec<ByteArray> {
        let whole = ByteArray::from(self.bytes);
        let mut start = 0;
        let mut texts = Vec::with_capacity(self.ends.len());
        for end in self.ends {
            texts.push(whole.slice(start, end - start));
            start = end;
        }
        texts
    }
}

impl RowGroup {
    fn new(sheet: TableSheet) -> RowGroup {
        let mut columns = Vec::new();
        for column in sheet.columns {
            let values = match column.kind {
                ColumnKind::Text => ColumnValues::Texts(TextBuffer::default()),
                ColumnKind::Integer | ColumnKind::Time => ColumnValues::Integers(Vec::new()),
                ColumnKind::Decimal => ColumnValues::Decimals(Vec::new()),
                ColumnKind::Flag => ColumnValues::Flags(Vec::new()),
            };
            columns.push(ColumnBuffer { levels: Vec::new(), values });
        }
        RowGroup { rows: 0, text_bytes: 0, columns }
    }

    fn add_row(&mut self, cells: &[TableCell]) -> Result<()> {
        for (column, cell) in self.columns.iter_mut().zip(cells) {
            column.levels.push(i16::from(*cell != TableCell::Empty));
            match (cell, &mut column.values) {
                (TableCell::Empty, _) => {}
                (TableCell::Text(text), ColumnValues::Texts(values)) => {
                    let text = text.to_lossy();
                    self.text_bytes += text.len();
                    values.push_text(&text);
                }
                (TableCell::Integer(number), ColumnValues::Integers(values)) => values.push(*number),
                (TableCell::Time(time), ColumnValues::Integers(values)) => {
                    values.push(round_down_time(*time).as_millisecond());
                }
                (TableCell::Decimal(number), ColumnValues::Decimals(values)) => values.push(*number),
                (TableCell::Flag(flag), ColumnValues::Flags(values)) => values.push(*flag),
                _ => bail!("a cell has another kind than its column"),
            }
        }
        self.rows += 1;
        Ok(())
    }
}
