use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the four specialists of MapCoder (Islam et al., 2024).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Agent {
    /// Recalls similar problems and names the algorithm.
    Retrieval,
    /// Writes a plan and scores its confidence in it.
    Planning,
    /// Writes the program.
    Coding,
    /// Repairs the program from real test results.
    Debugging,
}

impl Agent {
    /// All agents, in the order in which a run meets them.
    pub const ALL: [Agent; 4] = [
        Agent::Retrieval,
        Agent::Planning,
        Agent::Coding,
        Agent::Debugging,
    ];

    /// The lowercase name used in settings, records and reports.
    pub fn name(self) -> &'static str {
        match self {
            Agent::Retrieval => "retrieval",
            Agent::Planning => "planning",
            Agent::Coding => "coding",
            Agent::Debugging => "debugging",
        }
    }
}

impl fmt::Display for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that names no agent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown agent `{0}`: expected retrieval, planning, coding or debugging")]
pub struct UnknownAgent(pub String);

impl FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Agent::ALL
            .into_iter()
            .find(|agent| agent.name() == name)
            .ok_or_else(|| UnknownAgent(name.to_string()))
    }
}
