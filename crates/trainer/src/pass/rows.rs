use std::collections::HashMap;
use std::ops::Range;

use crate::attention::Place;
use crate::data::Document;
use crate::head::Label;

/// The rows of a pass.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) documents: Vec<Place>,
    pub(super) tokens: Vec<u32>,
    pub(super) positions: Vec<usize>,
    pub(super) labels: Vec<Label>,
}

impl Rows {
    /// The rows that adapters act on, and those of the prefixes that are read without them, each prefix once.
    pub(super) fn new(documents: &[&Document]) -> (Rows, Rows) {
        let (mut rows, mut prefixes) = (Rows::default(), Rows::default());
        let mut known: HashMap<&[u32], Range<usize>> = HashMap::new();
        for document in documents {
            let prefix = &document.tokens[..document.n_prefix.min(document.tokens.len())];
            let place = known
                .entry(prefix)
                .or_insert_with(|| prefixes.add(prefix, 0, 0..0));
            let (first, place) = (prefix.len(), place.clone());
            // Nothing follows from the last token: it is predicted only.
            let n_read = document.tokens.len().saturating_sub(1).max(first);
            let place = rows.add(&document.tokens[first..n_read], first, place);
            for (row, next) in place.zip(first + 1..) {
                if document.trained[next] {
                    let next = document.tokens[next];
                    rows.labels.push(Label { row, next });
                }
            }
        }
        (rows, prefixes)
    }

    /// The rows of a prefix alone.
    pub(super) fn of_prefix(tokens: &[u32]) -> Rows {
        let mut rows = Rows::default();
        rows.add(tokens, 0, 0..0);
        rows
    }

    /// Adds tokens that begin at a position, and gives their rows.
    fn add(&mut self, tokens: &[u32], first: usize, prefix: Range<usize>) -> Range<usize> {
        let rows = self.tokens.len()..self.tokens.len() + tokens.len();
        self.tokens.extend(tokens);
        self.positions.extend(first..first + tokens.len());
        let place = Place {
            rows: rows.clone(),
            prefix,
        };
        self.documents.push(place);
        rows
    }
}
