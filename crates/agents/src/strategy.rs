use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod direct;
mod mapcoder;
#[cfg(test)]
mod tests;

pub(crate) use direct::direct;
pub(crate) use mapcoder::mapcoder;

/// How agents work together on a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Strategy {
    /// One question, one program: the baseline.
    Direct,
    /// MapCoder (Islam et al., 2024): retrieval, planning, coding, debugging.
    MapCoder {
        /// Similar problems to recall, and so plans to write.
        k: usize,
        /// Repairs per plan.
        t: usize,
    },
}

impl Strategy {
    /// Names of all strategies.
    pub const NAMES: [&str; 2] = ["direct", "mapcoder"];

    /// Similar problems that it asks to recall.
    pub(crate) fn k(self) -> usize {
        match self {
            Strategy::Direct => 0,
            Strategy::MapCoder { k, .. } => k,
        }
    }

    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Direct => "direct",
            Strategy::MapCoder { .. } => "mapcoder",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Strategy::Direct => f.pad("direct"),
            Strategy::MapCoder { k, t } => f.pad(&format!("mapcoder (k = {k}, t = {t})")),
        }
    }
}

/// A word that names no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy `{0}`: expected {expected}", expected = Strategy::NAMES.join(" or "))]
pub struct UnknownStrategy(pub String);

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// `mapcoder` comes with the paper's k = 3 and t = 5.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "direct" => Ok(Strategy::Direct),
            "mapcoder" => Ok(Strategy::MapCoder { k: 3, t: 5 }),
            _ => Err(UnknownStrategy(name.to_string())),
        }
    }
}
