use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Counts by name, in the order of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Tally(BTreeMap<String, usize>);

impl Tally {
    /// Counts one.
    pub fn count(&mut self, name: &str) {
        self.add(name, 1);
    }

    /// Counts several.
    pub fn add(&mut self, name: &str, n: usize) {
        if n == 0 {
            return;
        }
        *self.0.entry(name.to_string()).or_default() += n;
    }

    /// How often it was counted.
    pub fn of(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// All names with their counts.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.0.iter().map(|(name, n)| (name.as_str(), *n))
    }

    /// Adds the counts of another.
    pub fn extend(&mut self, other: &Tally) {
        other.iter().for_each(|(name, n)| self.add(name, n));
    }
}

/// One line for each name.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, n) in self.iter() {
            writeln!(f, "{n:>7}  {name}")?;
        }
        Ok(())
    }
}
