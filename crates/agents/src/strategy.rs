use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod analogical;
mod best_of_n;
mod codesim;
#[cfg(test)]
mod corrected_tests;
mod cot;
#[cfg(test)]
mod cpp_tests;
mod direct;
mod mapcoder;
#[cfg(test)]
mod more_tests;
mod reflexion;
#[cfg(test)]
mod replay_tests;
mod self_planning;
#[cfg(test)]
mod tests;

pub(crate) use analogical::analogical;
pub(crate) use best_of_n::best_of_n;
pub(crate) use codesim::codesim;
pub(crate) use cot::cot;
pub(crate) use direct::direct;
pub(crate) use mapcoder::mapcoder;
pub(crate) use reflexion::reflexion;
pub(crate) use self_planning::self_planning;

/// How agents work together on a problem. Each has a file of its own that reads like its paper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Strategy {
    /// One question, one program: the baseline.
    Direct,
    /// Chain of thought (Wei et al., 2022): one question, thoughts before the program.
    Cot,
    /// Self-planning (Jiang et al., 2024): a plan, then its program.
    #[serde(rename = "self-planning")]
    SelfPlanning,
    /// Analogical prompting (Yasunaga et al., 2024): one question, similar problems before the program.
    Analogical {
        /// Similar problems to recall.
        k: usize,
    },
    /// Reflexion (Shinn et al., 2023): attempts, with what was learned from the ones before.
    Reflexion {
        /// Attempts after the first.
        t: usize,
    },
    /// CodeSIM (Islam et al., 2025): plans that are followed by hand before they are programmed.
    CodeSim {
        /// Rounds of planning.
        p: usize,
        /// Repairs in each.
        d: usize,
    },
    /// Independent programs, of which the samples choose one.
    #[serde(rename = "best-of-n")]
    BestOfN {
        /// Programs.
        n: usize,
    },
    /// MapCoder (Islam et al., 2024): retrieval, planning, coding, debugging.
    MapCoder {
        /// Similar problems to recall, and so plans to write.
        k: usize,
        /// Repairs per plan.
        t: usize,
        /// Agents that are left out.
        #[serde(default, skip_serializing_if = "Without::is_nobody")]
        without: Without,
    },
}

/// Agents that MapCoder's ablations leave out. The coding agent is always there.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Without {
    /// Nothing is recalled.
    pub retrieval: bool,
    /// No plan is written.
    pub planning: bool,
    /// Nothing is repaired.
    pub debugging: bool,
}

impl Without {
    /// The agents that can be left out.
    pub const NAMES: [&str; 3] = ["retrieval", "planning", "debugging"];

    /// True when all four agents work.
    pub fn is_nobody(&self) -> bool {
        *self == Without::default()
    }

    /// Leaves out these agents; absent when a name is none of [`Without::NAMES`].
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Without> {
        let mut without = Without::default();
        for name in names {
            match name {
                "retrieval" => without.retrieval = true,
                "planning" => without.planning = true,
                "debugging" => without.debugging = true,
                _ => return None,
            }
        }
        Some(without)
    }

    fn names(self) -> impl Iterator<Item = &'static str> {
        let is_out = [self.retrieval, self.planning, self.debugging];
        let names = Without::NAMES.into_iter().zip(is_out);
        names.filter(|(_, is_out)| *is_out).map(|(name, _)| name)
    }
}

impl Strategy {
    /// Names of all strategies.
    pub const NAMES: [&str; 8] = [
        "mapcoder",
        "direct",
        "cot",
        "self-planning",
        "analogical",
        "reflexion",
        "codesim",
        "best-of-n",
    ];

    /// Similar problems that it asks to recall.
    pub(crate) fn k(self) -> usize {
        match self {
            Strategy::MapCoder { k, .. } | Strategy::Analogical { k } => k,
            Strategy::CodeSim { .. } => 1,
            _ => 0,
        }
    }

    /// The name used in settings and records.
    pub fn name(self) -> &'static str {
        match self {
            Strategy::Direct => "direct",
            Strategy::Cot => "cot",
            Strategy::SelfPlanning => "self-planning",
            Strategy::Analogical { .. } => "analogical",
            Strategy::Reflexion { .. } => "reflexion",
            Strategy::CodeSim { .. } => "codesim",
            Strategy::BestOfN { .. } => "best-of-n",
            Strategy::MapCoder { .. } => "mapcoder",
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Strategy::Direct | Strategy::Cot | Strategy::SelfPlanning => f.pad(name),
            Strategy::Analogical { k } => f.pad(&format!("{name} (k = {k})")),
            Strategy::Reflexion { t } => f.pad(&format!("{name} (t = {t})")),
            Strategy::CodeSim { p, d } => f.pad(&format!("{name} (p = {p}, d = {d})")),
            Strategy::BestOfN { n } => f.pad(&format!("{name} (n = {n})")),
            Strategy::MapCoder { k, t, without } => {
                let mut text = format!("{name} (k = {k}, t = {t}");
                for agent in without.names() {
                    text += &format!(", without {agent}");
                }
                f.pad(&(text + ")"))
            }
        }
    }
}

/// A word that names no strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy `{0}`: expected {expected}", expected = Strategy::NAMES.join(" or "))]
pub struct UnknownStrategy(pub String);

impl FromStr for Strategy {
    type Err = UnknownStrategy;

    /// With the numbers of the papers: k = 3 and t = 5, and p = d = 5 for CodeSIM; `best-of-n` draws 10.
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Ok(match name {
            "direct" => Strategy::Direct,
            "cot" => Strategy::Cot,
            "self-planning" => Strategy::SelfPlanning,
            "analogical" => Strategy::Analogical { k: 3 },
            "reflexion" => Strategy::Reflexion { t: 5 },
            "codesim" => Strategy::CodeSim { p: 5, d: 5 },
            "best-of-n" => Strategy::BestOfN { n: 10 },
            "mapcoder" => Strategy::MapCoder {
                k: 3,
                t: 5,
                without: Without::default(),
            },
            _ => return Err(UnknownStrategy(name.to_string())),
        })
    }
}
