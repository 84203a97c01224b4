use std::sync::Arc;

use parquet::basic::{Compression, ConvertedType, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::conversation;
use crate::Example;

/// Columns of text; `messages` follows them.
const COLUMNS: [&str; 9] = [
    "id",
    "agent",
    "contract",
    "problem",
    "set",
    "licence",
    "difficulty",
    "language",
    "exchange",
];

/// Examples as a Parquet file: a row each, in one row group; `messages` is a list of structs with `role` and `content`,
/// as the `datasets` library and TRL read conversations.
pub(super) fn table(examples: &[&Example]) -> Result<Vec<u8>> {
    let compression = Compression::ZSTD(parquet::basic::ZstdLevel::default());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut bytes = Vec::new();
    let mut writer = SerializedFileWriter::new(&mut bytes, schema()?, Arc::new(properties))?;
    let mut group = writer.next_row_group()?;
    for column in COLUMNS {
        let cells: Vec<Option<String>> = examples
            .iter()
            .map(|example| cell(example, column))
            .collect();
        let levels: Vec<i16> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
        let values: Vec<ByteArray> = cells
            .iter()
            .flatten()
            .map(|text| ByteArray::from(text.as_str()))
            .collect();
        write_texts(&mut group, &values, &levels, None)?;
    }
    let messages: Vec<_> = examples
        .iter()
        .map(|example| conversation(example))
        .collect();
    let repeats: Vec<i16> = messages
        .iter()
        .flat_map(|messages| (0..messages.len()).map(|at| i16::from(at > 0)))
        .collect();
    // A message is there, and so are its fields: a list's entry is one level deep.
    let levels = vec![1_i16; repeats.len()];
    let all = || messages.iter().flatten();
    let roles: Vec<ByteArray> = all()
        .map(|message| {
            let role = serde_json::to_value(message.role).unwrap_or_default();
            ByteArray::from(role.as_str().unwrap_or_default())
        })
        .collect();
    let contents: Vec<ByteArray> = all()
        .map(|message| ByteArray::from(message.content.as_str()))
        .collect();
    for values in [roles, contents] {
        write_texts(&mut group, &values, &levels, Some(&repeats))?;
    }
    group.close()?;
    writer.close()?;
    Ok(bytes)
}

fn cell(example: &Example, column: &str) -> Option<String> {
    Some(match column {
        "id" => example.id().to_string(),
        "agent" => example.agent.to_string(),
        "contract" => example.contract.name().to_string(),
        "problem" => example.problem.clone(),
        "set" => example.set.name.clone(),
        "licence" => return example.set.licence.clone(),
        "difficulty" => return example.difficulty.clone(),
        "language" => example.language.to_string(),
        _ => example.exchange.to_string(),
    })
}

fn write_texts(
    group: &mut SerializedRowGroupWriter<'_, &mut Vec<u8>>,
    values: &[ByteArray],
    levels: &[i16],
    repeats: Option<&[i16]>,
) -> Result<()> {
    let mut column = group
        .next_column()?
        .ok_or_else(|| ParquetError::General("the schema has too few columns".to_string()))?;
    let ColumnWriter::ByteArrayColumnWriter(writer) = column.untyped() else {
        return Err(ParquetError::General(
            "a column of another kind".to_string(),
        ));
    };
    writer.write_batch(values, Some(levels), repeats)?;
    column.close()
}

fn schema() -> Result<TypePtr> {
    let text = |name: &str, repetition| -> Result<TypePtr> {
        let column = Type::primitive_type_builder(name, Physical::BYTE_ARRAY)
            .with_repetition(repetition)
            .with_logical_type(Some(LogicalType::String))
            .build()?;
        Ok(Arc::new(column))
    };
    let mut columns = COLUMNS
        .iter()
        .map(|name| text(name, Repetition::OPTIONAL))
        .collect::<Result<Vec<_>>>()?;
    let message = Type::group_type_builder("element")
        .with_repetition(Repetition::REQUIRED)
        .with_fields(vec![
            text("role", Repetition::REQUIRED)?,
            text("content", Repetition::REQUIRED)?,
        ])
        .build()?;
    let entries = Type::group_type_builder("list")
        .with_repetition(Repetition::REPEATED)
        .with_fields(vec![Arc::new(message)])
        .build()?;
    let messages = Type::group_type_builder("messages")
        .with_repetition(Repetition::REQUIRED)
        .with_logical_type(Some(LogicalType::List))
        .with_converted_type(ConvertedType::LIST)
        .with_fields(vec![Arc::new(entries)])
        .build()?;
    columns.push(Arc::new(messages));
    let schema = Type::group_type_builder("examples")
        .with_fields(columns)
        .build()?;
    Ok(Arc::new(schema))
}
