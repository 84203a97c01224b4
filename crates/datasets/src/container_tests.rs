//! Rows in every container, and containers that are damaged.

use std::io::Write as _;
use std::sync::Arc;

use flate2::write::GzEncoder;
use parquet::basic::Compression;
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use crate::{DataSet, Format, LoadError, read};

/// Two rows of HumanEval: the keys and the values.
const KEYS: [&str; 4] = ["task_id", "prompt", "entry_point", "test"];
const ROWS: [[&str; 4]; 2] = [
    [
        "T/0",
        "def f(n):\n    \"\"\"ä\"\"\"\n",
        "f",
        "def check(f):\n    assert f(1) == 2\n",
    ],
    [
        "T/1",
        "def g(n):\n",
        "g",
        "def check(g):\n    assert g(1) == 2\n",
    ],
];

fn json_lines() -> String {
    let row = |row: &[&str; 4]| {
        let fields = KEYS
            .iter()
            .zip(row)
            .map(|(key, value)| (key.to_string(), (*value).into()));
        format!("{}\n", serde_json::Value::Object(fields.collect()))
    };
    ROWS.iter().map(row).collect()
}

fn parquet(compression: Compression) -> Vec<u8> {
    let columns: String = KEYS
        .iter()
        .map(|key| format!("required binary {key} (UTF8); "))
        .collect();
    let schema = Arc::new(parse_message_type(&format!("message rows {{ {columns} }}")).unwrap());
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .build();
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for at in 0..KEYS.len() {
        let mut column = group.next_column().unwrap().unwrap();
        let values: Vec<ByteArray> = ROWS.iter().map(|row| ByteArray::from(row[at])).collect();
        match column.untyped() {
            ColumnWriter::ByteArrayColumnWriter(writer) => {
                writer.write_batch(&values, None, None).unwrap();
            }
            _ => unreachable!("every column holds bytes"),
        }
        column.close().unwrap();
    }
    group.close().unwrap();
    writer.into_inner().unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), flate2::Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

fn tasks(name: &str, bytes: &[u8]) -> Vec<domain::Task> {
    let DataSet {
        tasks,
        format,
        skipped,
        ..
    } = read(name, bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
    assert_eq!((format, skipped), (Format::HumanEval, Vec::new()), "{name}");
    tasks
}

#[test]
fn the_same_rows_come_out_of_every_container() {
    let lines = json_lines();
    let expect = tasks("a.jsonl", lines.as_bytes());
    assert_eq!(expect.len(), 2);
    let list = format!("[{}]", lines.trim_end().replace('\n', ",\n "));
    let packed = zstd::encode_all(lines.as_bytes(), 3).unwrap();
    for (name, bytes) in [
        ("a.json", list.clone().into_bytes()),
        ("a.jsonl.gz", gzip(lines.as_bytes())),
        ("a.JSONL.GZ", gzip(lines.as_bytes())),
        ("a.json.gz", gzip(list.as_bytes())),
        ("a.jsonl.zst", packed.clone()),
        ("a.jsonl.zstd", packed),
        ("a.parquet", parquet(Compression::UNCOMPRESSED)),
        ("a.parquet", parquet(Compression::SNAPPY)),
        ("a.parquet", parquet(Compression::ZSTD(Default::default()))),
        ("a.parquet", parquet(Compression::GZIP(Default::default()))),
    ] {
        assert_eq!(tasks(name, &bytes), expect, "{name}");
    }
}

#[test]
fn a_damaged_container_is_an_error_that_names_the_file() {
    let whole = parquet(Compression::SNAPPY);
    for (name, bytes) in [
        ("a.jsonl.gz", gzip(b"{}")[..12].to_vec()),
        ("a.jsonl.zst", b"not packed".to_vec()),
        ("a.parquet", whole[..whole.len() - 9].to_vec()),
        ("a.parquet", Vec::new()),
    ] {
        let error = read(name, &bytes).unwrap_err();
        assert!(matches!(error, LoadError::Io { .. }), "{error}");
        assert!(error.to_string().contains(name), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_container_do_harm(
        ending in prop::sample::select(vec![".jsonl.gz", ".jsonl.zst", ".parquet", ".json", ".md"]),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let _ = read(&format!("a{ending}"), &bytes);
    }

    #[test]
    fn a_changed_byte_of_parquet_does_no_harm(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = parquet(Compression::SNAPPY);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = read("a.parquet", &bytes);
    }
}
