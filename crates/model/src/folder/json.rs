use std::io::Read as _;
use std::path::Path;

use serde_json::Value;

use super::{FolderError, invalid};

/// A larger file is no description of a model.
const MAX_BYTES: u64 = 1 << 28;

/// A file that holds one JSON object.
#[derive(Debug)]
pub(crate) struct Json {
    file: &'static str,
    text: String,
    value: Value,
}

impl Json {
    /// Reads a file of a folder; none when it is not there.
    pub(super) fn read(folder: &Path, file: &'static str) -> Result<Option<Json>, FolderError> {
        let Some(text) = read_text(folder, file)? else {
            return Ok(None);
        };
        let value: Value =
            serde_json::from_str(&text).map_err(|error| invalid(file, error.to_string()))?;
        if !value.is_object() {
            return Err(invalid(file, "it holds no object".to_string()));
        }
        Ok(Some(Json { file, text, value }))
    }

    /// The file's name.
    pub(crate) fn file(&self) -> &'static str {
        self.file
    }

    /// The file's bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// The value of a key, with dots between levels; absent when it is not there or null.
    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        key.split('.')
            .try_fold(&self.value, |value, part| value.get(part))
            .filter(|value| !value.is_null())
    }

    /// A number that counts something.
    pub(crate) fn count(&self, key: &str) -> Result<Option<usize>, FolderError> {
        let count = |value: &Value| value.as_u64().and_then(|n| u32::try_from(n).ok());
        self.as_kind(key, "a count", count)
            .map(|n| n.map(|n| n as usize))
    }

    /// A real number.
    pub(crate) fn real(&self, key: &str) -> Result<Option<f64>, FolderError> {
        self.as_kind(key, "a real number", Value::as_f64)
    }

    /// A truth value.
    pub(crate) fn flag(&self, key: &str) -> Result<Option<bool>, FolderError> {
        self.as_kind(key, "true or false", Value::as_bool)
    }

    /// A string.
    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, FolderError> {
        self.as_kind(key, "a string", Value::as_str)
    }

    fn as_kind<'a, T>(
        &'a self,
        key: &str,
        kind: &str,
        read: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, FolderError> {
        match self.get(key) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| self.invalid(format!("`{key}` is not {kind}"))),
        }
    }

    /// The error of a file that contradicts itself.
    pub(crate) fn invalid(&self, reason: String) -> FolderError {
        invalid(self.file, reason)
    }

    /// The error of a value that cannot be used, naming it.
    pub(crate) fn unsupported(&self, key: &str, value: impl ToString) -> FolderError {
        let mut value = value.to_string();
        if let Some((at, _)) = value.char_indices().nth(100) {
            value.truncate(at);
            value.push('…');
        }
        FolderError::Unsupported {
            file: self.file.to_string(),
            key: key.to_string(),
            value,
        }
    }
}

/// The text of a file; none when it is not there.
pub(super) fn read_text(folder: &Path, file: &str) -> Result<Option<String>, FolderError> {
    let path = folder.join(file);
    let open = |source| FolderError::Open {
        path: path.display().to_string(),
        source,
    };
    let opened = match std::fs::File::open(&path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(open(error)),
    };
    if !opened.metadata().map_err(open)?.is_file() {
        return Err(open(std::io::Error::other("not a regular file")));
    }
    let mut text = String::new();
    opened
        .take(MAX_BYTES + 1)
        .read_to_string(&mut text)
        .map_err(open)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(invalid(file, "it is absurdly large".to_string()));
    }
    Ok(Some(text))
}
