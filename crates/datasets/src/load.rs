use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use domain::Digest;
use serde_json::value::RawValue;

use crate::container::{plain_name, text_of};
use crate::own::{json_entries, markdown_entry};
use crate::rows::{Entry, detect, entries};
use crate::{DataSet, Format, ProblemError, Reference, SkippedRow, xcodeeval};

/// Why there is no data set.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file system said no, or a packed file is damaged.
    #[error("read {}: {source}", path.display())]
    Io {
        /// What was read.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// No row tells the format.
    #[error(
        "tell the format of {file}: no row has the fields of a set that is known here or of a problem of your own (`title`, `statement`)"
    )]
    UnknownFormat {
        /// The file's name.
        file: String,
    },
    /// The ending of a file's name says nothing that is known here.
    #[error(
        "read {file}: its name must end in .md, .json, .jsonl or .parquet, packed as .gz or .zst or not"
    )]
    UnknownEnding {
        /// The file's name.
        file: String,
    },
    /// The file is not text.
    #[error("read {file}: it is not UTF-8 text")]
    NotText {
        /// The file's name.
        file: String,
    },
    /// A single problem is malformed.
    #[error(transparent)]
    Problem(#[from] ProblemError),
    /// The database of xCodeEval's hidden tests is malformed.
    #[error("read {}: {what}", path.display())]
    UnitTests {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A folder without a single problem file.
    #[error("find problems in {}: no file there ends in .md or .json", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
}

/// Reads a data set: a `.jsonl`, `.json` or `.parquet` file, packed as `.gz` or `.zst` or not, one problem in a `.md` or
/// `.json` file, or a folder of such problems (its `README.md` is no problem).
///
/// # Errors
/// When the file cannot be read, its format is unknown, or it holds a single problem and that is malformed.
/// Malformed rows of larger sets are listed in [`DataSet::skipped`].
pub fn load(path: &Path) -> Result<DataSet, LoadError> {
    if path.is_dir() {
        return load_folder(path);
    }
    let mut set = read(&file_name(path), &read_bytes(path)?)?;
    if set.format == Format::XCodeEval {
        add_unit_tests(&mut set, &path.with_file_name("unittest_db.json"))?;
    }
    Ok(set)
}

/// xCodeEval keeps its hidden tests in a file of their own, beside the problems.
fn add_unit_tests(set: &mut DataSet, database: &Path) -> Result<(), LoadError> {
    let file = match fs::File::open(database) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(source) => {
            return Err(LoadError::Io {
                path: database.to_path_buf(),
                source,
            });
        }
    };
    let added = xcodeeval::add_hidden(&mut set.tasks, io::BufReader::new(file));
    added.map_err(|what| LoadError::UnitTests {
        path: database.to_path_buf(),
        what,
    })
}

/// Reads a data set from the bytes of a file; `file` is its name, whose ending decides how it is read.
///
/// # Errors
/// As [`load`].
pub fn read(file: &str, bytes: &[u8]) -> Result<DataSet, LoadError> {
    let digest = Digest::of(bytes);
    let (format, entries) = file_entries(file, bytes.to_vec())?;
    Ok(DataSet::collect(
        stem(file).to_string(),
        format,
        digest,
        entries,
    ))
}

/// The published solutions of a data set that has them in Python.
///
/// # Errors
/// As [`load`].
pub fn references(path: &Path) -> Result<Vec<Reference>, LoadError> {
    let (_, entries) = file_entries(&file_name(path), read_bytes(path)?)?;
    let reference = |entry: Entry| {
        Some(Reference {
            source: entry.reference?,
            id: entry.task.problem.id,
        })
    };
    Ok(entries
        .into_iter()
        .filter_map(|entry| reference(entry.ok()?.2))
        .collect())
}

type Row = Result<(String, usize, Entry), SkippedRow>;

fn file_entries(file: &str, bytes: Vec<u8>) -> Result<(Format, Vec<Row>), LoadError> {
    let text = &text_of(file, bytes)?;
    let whole = |entry| Ok((file.to_string(), 1, entry));
    match plain_name(file).as_str() {
        name if name.ends_with(".md") => {
            Ok((Format::Own, vec![whole(markdown_entry(text, file)?)]))
        }
        name if name.ends_with(".json") => match json_rows(text) {
            Some((format, rows)) => Ok((format, entries(file, &rows, format).collect())),
            None => Ok((
                Format::Own,
                json_entries(text, file)?.into_iter().map(whole).collect(),
            )),
        },
        name if name.ends_with(".jsonl") || name.ends_with(".parquet") => {
            let format = detect(text).ok_or_else(|| LoadError::UnknownFormat {
                file: file.to_string(),
            })?;
            Ok((format, entries(file, text, format).collect()))
        }
        _ => Err(LoadError::UnknownEnding {
            file: file.to_string(),
        }),
    }
}

/// The rows of a JSON list, a line each, when they are those of a published set; sanitized MBPP comes as one.
fn json_rows(text: &str) -> Option<(Format, String)> {
    let rows: Vec<&RawValue> = serde_json::from_str(text).ok()?;
    let keys = |row: &&RawValue| serde_json::from_str(row.get()).ok();
    let format = rows.iter().find_map(|row| Format::detect(&keys(row)?))?;
    let lines = rows.iter().map(|row| one_line(row.get()) + "\n");
    (format != Format::Own).then(|| (format, lines.collect()))
}

/// A JSON text without line ends: inside strings they are written otherwise.
fn one_line(json: &str) -> String {
    json.replace(['\n', '\r'], " ")
}

fn load_folder(folder: &Path) -> Result<DataSet, LoadError> {
    let at = |source| LoadError::Io {
        path: folder.to_path_buf(),
        source,
    };
    let mut names = Vec::new();
    for item in fs::read_dir(folder).map_err(at)? {
        let path = item.map_err(at)?.path();
        let name = file_name(&path);
        let lower = name.to_ascii_lowercase();
        if (lower.ends_with(".md") || lower.ends_with(".json"))
            && lower != "readme.md"
            && path.is_file()
        {
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(LoadError::EmptyFolder {
            path: folder.to_path_buf(),
        });
    }
    names.sort();
    let mut digests = Vec::new();
    let mut rows = Vec::new();
    for name in names {
        let bytes = read_bytes(&folder.join(&name))?;
        digests.push((name.clone(), Digest::of(&bytes)));
        match file_entries(&name, bytes) {
            Ok((_, entries)) => rows.extend(entries),
            Err(error) => rows.push(Err(skipped(name, error))),
        }
    }
    let name = file_name(
        &folder
            .canonicalize()
            .unwrap_or_else(|_| folder.to_path_buf()),
    );
    Ok(DataSet::collect(
        name,
        Format::Own,
        Digest::of_json(&digests),
        rows,
    ))
}

fn skipped(file: String, error: LoadError) -> SkippedRow {
    match error {
        LoadError::Problem(error) => SkippedRow {
            file,
            line: error.line.unwrap_or(1),
            reason: error.what,
        },
        other => SkippedRow {
            file,
            line: 1,
            reason: other.to_string(),
        },
    }
}

pub(crate) fn read_bytes(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Io {
        path: path.to_path_buf(),
        source,
    })
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy())
        .into_owned()
}

pub(crate) fn stem(file: &str) -> &str {
    file.split_once('.').map_or(file, |(stem, _)| stem)
}
