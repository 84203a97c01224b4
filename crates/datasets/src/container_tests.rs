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

/// A leaf of a nested schema with its levels: how much of its path is there, and which list an item goes on with.
enum Leaf {
    Text(Vec<ByteArray>, Vec<i16>, Vec<i16>),
    Number(Vec<i64>, Vec<i16>, Vec<i16>),
}

/// The leaf of a list of texts inside of a group, a list for each row; absent where the group is.
fn texts(rows: &[Option<&[&str]>]) -> Leaf {
    let (mut values, mut definitions, mut repetitions) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        for (at, text) in row.unwrap_or_default().iter().enumerate() {
            values.push(ByteArray::from(*text));
            definitions.push(4);
            repetitions.push(i16::from(at > 0));
        }
        if row.unwrap_or_default().is_empty() {
            // The group and the list are there, no item is; or nothing is.
            definitions.push(if row.is_some() { 2 } else { 0 });
            repetitions.push(0);
        }
    }
    Leaf::Text(values, definitions, repetitions)
}

/// The leaf of a number for each row, whose path has so many parts that may be absent.
fn numbers(rows: &[Option<i64>], n_optional: i16) -> Leaf {
    let definitions = rows
        .iter()
        .map(|row| if row.is_some() { n_optional } else { 0 });
    Leaf::Number(
        rows.iter().flatten().copied().collect(),
        definitions.collect(),
        vec![0; rows.len()],
    )
}

fn nested_parquet(schema: &str, leaves: Vec<Leaf>) -> Vec<u8> {
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer = SerializedFileWriter::new(Vec::new(), schema, Default::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    for leaf in leaves {
        let mut column = group.next_column().unwrap().unwrap();
        let written = match (column.untyped(), &leaf) {
            (ColumnWriter::ByteArrayColumnWriter(writer), Leaf::Text(values, d, r)) => {
                writer.write_batch(values, Some(d), Some(r))
            }
            (ColumnWriter::Int64ColumnWriter(writer), Leaf::Number(values, d, r)) => {
                writer.write_batch(values, Some(d), Some(r))
            }
            _ => panic!("a leaf of another type than its column"),
        };
        written.unwrap();
        column.close().unwrap();
    }
    assert!(group.next_column().unwrap().is_none(), "a leaf is missing");
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

/// As the hub keeps CodeContests: tests are groups of two lists, a limit is a group of two numbers.
#[test]
fn groups_and_lists_inside_of_parquet_are_read_like_json() {
    let list = |name: &str| {
        format!(
            "optional group {name} (LIST) {{ repeated group list {{ optional binary element (UTF8); }} }} "
        )
    };
    let group = |name: &str| {
        format!(
            "optional group {name} {{ {}{}}} ",
            list("input"),
            list("output")
        )
    };
    let schema = format!(
        "message rows {{ optional binary name (UTF8); optional binary description (UTF8); {}{}{}\
         optional group time_limit {{ optional int64 seconds; optional int64 nanos; }} \
         optional int64 memory_limit_bytes; \
         optional group solutions {{ optional group language (LIST) {{ repeated group list {{ optional int64 element; }} }} {}}} }}",
        group("public_tests"),
        group("private_tests"),
        group("generated_tests"),
        list("solution"),
    );
    let plain =
        |rows: [&str; 2]| Leaf::Text(rows.map(ByteArray::from).to_vec(), vec![1; 2], vec![0; 2]);
    let public: [Option<&[&str]>; 2] = [Some(&["1\n", "2\n"]), Some(&["ä"])];
    let private: [Option<&[&str]>; 2] = [Some(&[]), Some(&["7"])];
    let leaves = vec![
        plain(["a", "b"]),
        plain(["Echo.", "Echo \"it\"."]),
        texts(&public),
        texts(&public),
        texts(&private),
        texts(&private),
        texts(&[None, Some(&["8", "9"])]),
        texts(&[None, Some(&["8", "9"])]),
        numbers(&[Some(2), None], 2),
        numbers(&[Some(500_000_000), None], 2),
        numbers(&[Some(64_000_000), None], 1),
        Leaf::Number(vec![2, 3], vec![4, 4, 0], vec![0, 1, 0]),
        texts(&[Some(&["int main() {}", "print(input())"]), None]),
    ];
    let packed = nested_parquet(&schema, leaves);
    let lines = [
        r#"{"name": "a", "description": "Echo.", "public_tests": {"input": ["1\n", "2\n"], "output": ["1\n", "2\n"]}, "private_tests": {"input": [], "output": []}, "time_limit": {"seconds": 2, "nanos": 500000000}, "memory_limit_bytes": 64000000, "solutions": {"language": [2, 3], "solution": ["int main() {}", "print(input())"]}}"#,
        r#"{"name": "b", "description": "Echo \"it\".", "public_tests": {"input": ["ä"], "output": ["ä"]}, "private_tests": {"input": ["7"], "output": ["7"]}, "generated_tests": {"input": ["8", "9"], "output": ["8", "9"]}}"#,
    ];
    let expect = read("a.jsonl", lines.join("\n").as_bytes()).unwrap();
    let set = read("a.parquet", &packed).unwrap();
    assert_eq!(
        (set.format, &set.skipped[..]),
        (Format::CodeContests, &[][..])
    );
    assert_eq!(set.tasks, expect.tasks);
    let hidden: Vec<usize> = set.tasks.iter().map(|task| task.hidden.len()).collect();
    assert_eq!(hidden, [2, 4]);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.parquet");
    std::fs::write(&path, packed).unwrap();
    let references = crate::references(&path).unwrap();
    assert_eq!(references.len(), 1);
    assert_eq!(references[0].source, "print(input())");
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
