use std::ops::Range;

/// Queries that are worked on together.
const BLOCK: usize = 64;

/// A document of a pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// Its rows.
    pub(crate) rows: Range<usize>,
    /// The rows of its prefix, among the prefixes' own.
    pub(crate) prefix: Range<usize>,
}

/// Queries that are worked on together.
pub(super) struct Block {
    pub(super) queries: Range<usize>,
    /// The rows that they may look at, the queries' own included.
    pub(super) seen: Range<usize>,
    pub(super) prefix: Range<usize>,
}

impl Block {
    /// All that a query may look at, and more that it may not.
    pub(super) fn n_keys(&self) -> usize {
        self.prefix.len() + self.seen.len()
    }

    /// What the query at a place of the block may look at.
    pub(super) fn n_valid(&self, query_idx: usize) -> usize {
        self.prefix.len() + self.queries.start - self.seen.start + query_idx + 1
    }
}

/// The blocks of queries of some documents.
pub(super) fn blocks(places: &[Place]) -> impl Iterator<Item = Block> + '_ {
    places.iter().flat_map(|place| {
        let Range { start, end } = place.rows;
        (start..end).step_by(BLOCK).map(move |first| {
            let last = (first + BLOCK).min(end);
            Block {
                queries: first..last,
                seen: start..last,
                prefix: place.prefix.clone(),
            }
        })
    })
}
