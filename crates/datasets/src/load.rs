use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use domain::Digest;
use flate2::read::MultiGzDecoder;

use crate::own::{json_entries, markdown_entry};
use crate::rows::{Entry, detect, entries};
use crate::{DataSet, Format, ProblemError, Reference, SkippedRow};

/// A packed file that grows beyond this is refused.
const MAX_UNPACKED_BYTES: u64 = 4 << 30;

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
        "tell the format of {file}: no row has the fields of HumanEval, HumanEval-ET, MBPP, MultiPL-E, LPW or of a problem of your own (`title`, `statement`)"
    )]
    UnknownFormat {
        /// The file's name.
        file: String,
    },
    /// The ending of a file's name says nothing that is known here.
    #[error("read {file}: its name must end in .md, .json, .jsonl or .jsonl.gz")]
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
    /// A folder without a single problem file.
    #[error("find problems in {}: no file there ends in .md or .json", path.display())]
    EmptyFolder {
        /// The folder.
        path: PathBuf,
    },
}

/// Reads a data set: a `.jsonl` or `.jsonl.gz` file, one problem in a `.md` or `.json` file,
/// or a folder of such problems (its `README.md` is no problem).
///
/// # Errors
/// When the file cannot be read, its format is unknown, or it holds a single problem and that is malformed.
/// Malformed rows of larger sets are listed in [`DataSet::skipped`].
pub fn load(path: &Path) -> Result<DataSet, LoadError> {
    if path.is_dir() {
        return load_folder(path);
    }
    read(&file_name(path), &read_bytes(path)?)
}

/// Reads a data set from the bytes of a file; `file` is its name, whose ending decides how it is read.
///
/// # Errors
/// As [`load`].
pub fn read(file: &str, bytes: &[u8]) -> Result<DataSet, LoadError> {
    let digest = Digest::of(bytes);
    let (format, entries) = file_entries(file, bytes)?;
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
    let (_, entries) = file_entries(&file_name(path), &read_bytes(path)?)?;
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

fn file_entries(file: &str, bytes: &[u8]) -> Result<(Format, Vec<Row>), LoadError> {
    let lower = file.to_ascii_lowercase();
    let unpacked;
    let bytes = if lower.ends_with(".gz") {
        unpacked = unpack(bytes).map_err(|source| LoadError::Io {
            path: file.into(),
            source,
        })?;
        &unpacked
    } else {
        bytes
    };
    let text = std::str::from_utf8(bytes).map_err(|_| LoadError::NotText {
        file: file.to_string(),
    })?;
    let whole = |entry| Ok((file.to_string(), 1, entry));
    match lower.trim_end_matches(".gz") {
        name if name.ends_with(".md") => {
            Ok((Format::Own, vec![whole(markdown_entry(text, file)?)]))
        }
        name if name.ends_with(".json") => Ok((
            Format::Own,
            json_entries(text, file)?.into_iter().map(whole).collect(),
        )),
        name if name.ends_with(".jsonl") => {
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
        match file_entries(&name, &bytes) {
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

fn unpack(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(MAX_UNPACKED_BYTES + 1)
        .read_to_end(&mut unpacked)?;
    if unpacked.len() as u64 > MAX_UNPACKED_BYTES {
        return Err(io::Error::other("it unpacks to more than 4 GiB"));
    }
    Ok(unpacked)
}

fn read_bytes(path: &Path) -> Result<Vec<u8>, LoadError> {
    fs::read(path).map_err(|source| LoadError::Io {
        path: path.to_path_buf(),
        source,
    })
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy())
        .into_owned()
}

fn stem(file: &str) -> &str {
    file.split_once('.').map_or(file, |(stem, _)| stem)
}
