//! How plain values lie in columns.

use std::time::Duration;

use serde::Deserialize;
use serde::de::IntoDeserializer as _;

use crate::error::corrupt;

/// A value whose JSON form is a bare string: an enum's name, a digest.
pub(crate) fn from_name<'a, T: Deserialize<'a>>(name: &'a str) -> rusqlite::Result<T> {
    let name: serde::de::value::BorrowedStrDeserializer<'a, serde::de::value::Error> =
        serde::de::value::BorrowedStrDeserializer::new(name);
    T::deserialize(name.into_deserializer()).map_err(corrupt)
}

pub(crate) fn nanoseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// SQLite's integers are signed.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`signed`].
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
