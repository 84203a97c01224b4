use std::collections::HashSet;

use domain::{Digest, Task};

use crate::{Format, rows::Entry};

/// Problems with their tests, and an account of what was left out.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSet {
    /// The name of the file or folder without its endings, such as `humaneval`.
    pub name: String,
    /// How the rows are written.
    pub format: Format,
    /// Of the file's bytes as they lie on the disk; of a folder, of its files' names and digests.
    pub digest: Digest,
    /// In the order of the file; ids are unique.
    pub tasks: Vec<Task>,
    /// Rows that are no task, and why. They never stop the others.
    pub skipped: Vec<SkippedRow>,
    /// Visible samples that were left out because they are broken, ambiguous or known to be wrong.
    pub dropped: Vec<DroppedSample>,
    /// What is known to be wrong with tests. The problems stay in the set; reports count them apart.
    pub errata: Vec<Erratum>,
}

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedRow {
    /// The file's name.
    pub file: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// A sample that no strategy sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DroppedSample {
    /// The problem it belongs to.
    pub id: String,
    /// As the data set spells it.
    pub sample: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Something that is known to be wrong with the tests of a problem, or with how they were used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erratum {
    /// The problem.
    pub id: String,
    /// What is wrong, in a few words.
    pub what: &'static str,
}

/// A published solution. It travels apart from its task, so that no strategy can see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// The problem it belongs to.
    pub id: String,
    /// A whole Python program.
    pub source: String,
}

impl DataSet {
    /// Keeps the tasks whose id contains `filter`, and of these the first `limit`.
    pub fn select(mut self, limit: Option<usize>, filter: Option<&str>) -> DataSet {
        if let Some(filter) = filter {
            self.tasks.retain(|task| task.problem.id.contains(filter));
        }
        self.tasks.truncate(limit.unwrap_or(usize::MAX));
        self
    }

    /// Keeps every `of`-th task from the `number`-th on, counted from 1: one of `of` parts of nearly equal size.
    pub fn shard(mut self, number: usize, of: usize) -> DataSet {
        let mut at = 0;
        self.tasks.retain(|_| {
            at += 1;
            (at - 1) % of.max(1) + 1 == number
        });
        self
    }

    /// Collects entries; the second of two with the same id is skipped.
    pub(crate) fn collect(
        name: String,
        format: Format,
        digest: Digest,
        entries: impl IntoIterator<Item = Result<(String, usize, Entry), SkippedRow>>,
    ) -> DataSet {
        let mut set = DataSet {
            name,
            format,
            digest,
            tasks: Vec::new(),
            skipped: Vec::new(),
            dropped: Vec::new(),
            errata: Vec::new(),
        };
        let mut ids = HashSet::new();
        for entry in entries {
            match entry {
                Ok((_, _, entry)) if ids.insert(entry.task.problem.id.clone()) => {
                    let id = entry.task.problem.id.clone();
                    let errata = entry.errata.into_iter();
                    set.errata.extend(errata.map(|what| Erratum {
                        id: id.clone(),
                        what,
                    }));
                    set.tasks.push(entry.task);
                    set.dropped.extend(entry.dropped);
                }
                Ok((file, line, entry)) => set.skipped.push(SkippedRow {
                    file,
                    line,
                    reason: format!("the id `{}` is already taken", entry.task.problem.id),
                }),
                Err(row) => set.skipped.push(row),
            }
        }
        set
    }
}
