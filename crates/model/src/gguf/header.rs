use std::collections::HashMap;

use super::{GgufError, TensorInfo, Value};
use crate::block::Format;

const MAX_DIMENSIONS: u32 = 4;
const MAX_NAME_BYTES: usize = 1 << 10;

/// Everything in a GGUF file but the numbers of its tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// Metadata by key.
    pub metadata: HashMap<String, Value>,
    /// Tensors by name.
    pub tensors: HashMap<String, TensorInfo>,
}

impl Header {
    /// Reads the header of a whole file.
    ///
    /// # Errors
    /// When the bytes are no GGUF, end too early, or contradict themselves.
    pub fn parse(file: &[u8]) -> Result<Header, GgufError> {
        let mut reader = Reader { file, at: 0 };
        if file.len() < 4 || reader.take(4)? != b"GGUF" {
            return Err(GgufError::NotGguf);
        }
        match reader.u32()? {
            2 | 3 => {}
            version => return Err(GgufError::Version(version)),
        }
        // The smallest tensor entry takes 8 + 4 + 4 + 8 bytes, the smallest metadata entry 8 + 4 + 1.
        let n_tensors = reader.count(24, "tensors")?;
        let n_entries = reader.count(13, "metadata entries")?;

        let mut metadata = HashMap::with_capacity(n_entries);
        for _ in 0..n_entries {
            let key = reader.name()?;
            let kind = reader.u32()?;
            let value = reader.value(kind, &key)?;
            if metadata.insert(key.clone(), value).is_some() {
                return Err(invalid(format!("key `{key}` appears twice")));
            }
        }

        let alignment = match metadata.get("general.alignment") {
            None => 32,
            Some(value) => value
                .as_unsigned()
                .filter(|n| n.is_power_of_two() && *n <= 1 << 20)
                .ok_or_else(|| invalid("absurd alignment".to_string()))?
                as usize,
        };

        let mut tensors = HashMap::with_capacity(n_tensors);
        for _ in 0..n_tensors {
            let tensor = reader.tensor(alignment)?;
            let name = tensor.name.clone();
            if tensors.insert(name.clone(), tensor).is_some() {
                return Err(invalid(format!("tensor `{name}` appears twice")));
            }
        }

        // Offsets count from the end of the header, rounded up; only now is that end known.
        let data_start = reader.at.next_multiple_of(alignment);
        for tensor in tensors.values_mut() {
            let bytes = &mut tensor.bytes;
            let end = data_start.checked_add(bytes.end);
            let Some(end) = end.filter(|&end| end <= file.len()) else {
                return Err(GgufError::Truncated(format!(
                    "tensor `{}` lies beyond its end",
                    tensor.name
                )));
            };
            *bytes = data_start + bytes.start..end;
        }
        Ok(Header { metadata, tensors })
    }
}

/// Reads little-endian values and never past the end.
struct Reader<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n_bytes: usize) -> Result<&'a [u8], GgufError> {
        let rest = &self.file[self.at..];
        let bytes = rest
            .get(..n_bytes)
            .ok_or_else(|| GgufError::Truncated("it ends inside the header".to_string()))?;
        self.at += n_bytes;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], GgufError> {
        Ok(self
            .take(N)?
            .try_into()
            .expect("take returns as many bytes as asked"))
    }

    fn u32(&mut self) -> Result<u32, GgufError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64, GgufError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// A count of things that take at least `least_bytes` each, checked against the bytes that are left.
    fn count(&mut self, least_bytes: usize, what: &str) -> Result<usize, GgufError> {
        let count = self.u64()?;
        let possible = (self.file.len() - self.at) / least_bytes;
        usize::try_from(count)
            .ok()
            .filter(|&count| count <= possible)
            .ok_or_else(|| {
                GgufError::Truncated(format!(
                    "it declares {count} {what}, which cannot fit into it"
                ))
            })
    }

    fn text(&mut self) -> Result<String, GgufError> {
        let length = self.count(1, "bytes of text")?;
        String::from_utf8(self.take(length)?.to_vec())
            .map_err(|_| invalid("a string is not valid UTF-8".to_string()))
    }

    fn name(&mut self) -> Result<String, GgufError> {
        let name = self.text()?;
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(invalid("a name is empty or absurdly long".to_string()));
        }
        Ok(name)
    }

    fn value(&mut self, kind: u32, key: &str) -> Result<Value, GgufError> {
        const TEXT: u32 = 8;
        const ARRAY: u32 = 9;
        if kind != ARRAY {
            return self.single(kind, key);
        }
        let item_kind = self.u32()?;
        match item_kind {
            TEXT => {
                let n_items = self.count(8, "strings")?;
                (0..n_items)
                    .map(|_| self.text())
                    .collect::<Result<_, _>>()
                    .map(Value::Texts)
            }
            ARRAY => Err(invalid(format!("`{key}` nests arrays"))),
            _ => {
                let n_items = self.count(1, "array items")?;
                (0..n_items)
                    .map(|_| self.single(item_kind, key))
                    .collect::<Result<_, _>>()
                    .map(Value::Array)
            }
        }
    }

    fn single(&mut self, kind: u32, key: &str) -> Result<Value, GgufError> {
        Ok(match kind {
            0 => Value::Unsigned(u8::from_le_bytes(self.array()?).into()),
            1 => Value::Signed(i8::from_le_bytes(self.array()?).into()),
            2 => Value::Unsigned(u16::from_le_bytes(self.array()?).into()),
            3 => Value::Signed(i16::from_le_bytes(self.array()?).into()),
            4 => Value::Unsigned(self.u32()?.into()),
            5 => Value::Signed(i32::from_le_bytes(self.array()?).into()),
            6 => Value::Float(f32::from_le_bytes(self.array()?).into()),
            7 => match self.array::<1>()?[0] {
                0 => Value::Bool(false),
                1 => Value::Bool(true),
                other => return Err(invalid(format!("`{key}` holds {other} as a truth value"))),
            },
            8 => Value::Text(self.text()?),
            10 => Value::Unsigned(self.u64()?),
            11 => Value::Signed(i64::from_le_bytes(self.array()?)),
            12 => Value::Float(f64::from_le_bytes(self.array()?)),
            _ => {
                return Err(invalid(format!(
                    "`{key}` has a value of unknown kind {kind}"
                )));
            }
        })
    }

    /// One tensor entry; its byte range still counts from the start of the tensor data.
    fn tensor(&mut self, alignment: usize) -> Result<TensorInfo, GgufError> {
        let name = self.name()?;
        let n_dimensions = self.u32()?;
        if n_dimensions == 0 || n_dimensions > MAX_DIMENSIONS {
            return Err(invalid(format!(
                "tensor `{name}` has {n_dimensions} dimensions"
            )));
        }
        let absurd = || invalid(format!("tensor `{name}` has absurd dimensions"));
        let size = |n: u64| usize::try_from(n).ok().filter(|&n| n > 0);
        let n_cols = size(self.u64()?).ok_or_else(absurd)?;
        let mut n_rows = 1usize;
        for _ in 1..n_dimensions {
            let n = size(self.u64()?).ok_or_else(absurd)?;
            n_rows = n_rows.checked_mul(n).ok_or_else(absurd)?;
        }
        let code = self.u32()?;
        let format =
            Format::from_code(code).map_err(|known_name| GgufError::UnsupportedFormat {
                tensor: name.clone(),
                format: known_name.map_or_else(|| format!("number {code}"), str::to_string),
            })?;
        let offset = usize::try_from(self.u64()?).map_err(|_| absurd())?;
        if offset % alignment != 0 {
            return Err(invalid(format!("tensor `{name}` is not aligned")));
        }
        let end = format
            .row_bytes(n_cols)
            .ok_or_else(|| {
                invalid(format!(
                    "rows of tensor `{name}` are no whole number of blocks"
                ))
            })?
            .checked_mul(n_rows)
            .and_then(|n_bytes| offset.checked_add(n_bytes))
            .ok_or_else(absurd)?;
        Ok(TensorInfo {
            name: name.clone(),
            format,
            n_cols,
            n_rows,
            bytes: offset..end,
        })
    }
}

fn invalid(what: String) -> GgufError {
    GgufError::Invalid(what)
}
