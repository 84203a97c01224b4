use std::io::Write;
use std::sync::Arc;

use domain::Task;
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::Type;

use super::{COLUMNS, Cell, Kind, rows};
use crate::ProblemResult;

/// Writes a row for each result, in one row group, compressed with Zstandard.
///
/// # Errors
/// When the file cannot be written.
pub fn write_parquet(
    file: &mut (impl Write + Send),
    tasks: &[Task],
    results: &[ProblemResult],
) -> Result<()> {
    let compression = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut writer = SerializedFileWriter::new(file, schema()?, Arc::new(properties))?;
    let rows: Vec<[Cell; COLUMNS.len()]> = rows(tasks, results).collect();
    let mut group = writer.next_row_group()?;
    for at in 0..COLUMNS.len() {
        let mut column = group
            .next_column()?
            .ok_or_else(|| ParquetError::General("the schema has too few columns".to_string()))?;
        let cells = rows.iter().map(|row| &row[at]);
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                let (values, levels) = split(cells, |cell| match cell {
                    Cell::Text(text) => text.as_deref().map(ByteArray::from),
                    _ => None,
                });
                writer.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::Int64ColumnWriter(writer) => {
                let (values, levels) = split(cells, |cell| match cell {
                    Cell::Whole(number) => *number,
                    _ => None,
                });
                writer.write_batch(&values, Some(&levels), None)?;
            }
            ColumnWriter::DoubleColumnWriter(writer) => {
                let (values, levels) = split(cells, |cell| match cell {
                    Cell::Real(number) => Some(*number),
                    _ => None,
                });
                writer.write_batch(&values, Some(&levels), None)?;
            }
            _ => {
                return Err(ParquetError::General(
                    "a column of another kind".to_string(),
                ));
            }
        }
        column.close()?;
    }
    group.close()?;
    writer.close()?;
    Ok(())
}

/// The values that are there, and for each cell whether it has one.
fn split<'a, T>(
    cells: impl Iterator<Item = &'a Cell>,
    value: impl Fn(&Cell) -> Option<T>,
) -> (Vec<T>, Vec<i16>) {
    let (mut values, mut levels) = (Vec::new(), Vec::new());
    for cell in cells {
        let value = value(cell);
        levels.push(i16::from(value.is_some()));
        values.extend(value);
    }
    (values, levels)
}

fn schema() -> Result<Arc<Type>> {
    let columns = COLUMNS.iter().map(|(name, kind)| {
        let (physical, logical) = match kind {
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Whole => (Physical::INT64, None),
            Kind::Real => (Physical::DOUBLE, None),
        };
        let column = Type::primitive_type_builder(name, physical)
            .with_repetition(Repetition::OPTIONAL)
            .with_logical_type(logical)
            .build()?;
        Ok(Arc::new(column))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let schema = Type::group_type_builder("problems")
        .with_fields(columns)
        .build()?;
    Ok(Arc::new(schema))
}
