use std::cell::RefCell;

use half::f16;

use crate::cache::{KvCache, PAGE_TOKENS};
use crate::kernel::elementwise::exp;
#[cfg(target_arch = "x86_64")]
use crate::kernel::x86;
use crate::kernel::{Isa, Shared, for_each_isa};
use crate::pool::Pool;

mod portable;

/// Rows of one sequence that share each load of keys and values.
const ROWS_PER_PIECE: usize = 8;

/// Shape of the heads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Heads {
    pub(crate) n_heads: usize,
    pub(crate) n_kv_heads: usize,
    pub(crate) head_dim: usize,
}

/// Where a row stands: the pages of its sequence and its position.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) sequence: usize,
    pub(crate) pages: &'a [u32],
    pub(crate) position: usize,
}

/// Scores that a thread keeps for each position, where so many heads share keys and values.
pub(crate) fn attention_scores(heads_per_kv: usize) -> usize {
    ROWS_PER_PIECE * heads_per_kv
}

/// Causal attention of each row over its own sequence.
///
/// Shapes: queries and out `(rows, n_heads, head_dim)`; a row of `queries` is `stride` numbers after the one before.
#[expect(clippy::too_many_arguments, reason = "a kernel names all its operands")]
pub(crate) fn attend(
    pool: &mut Pool,
    isa: Isa,
    heads: Heads,
    cache: &KvCache,
    layer_idx: usize,
    places: &[Place<'_>],
    queries: &[f32],
    stride: usize,
    out: &mut [f32],
) {
    let heads_per_kv = heads.n_heads / heads.n_kv_heads;
    let tiles = split_rows(places);
    // One row alone is split by heads, so that every thread has something to do.
    let heads_per_piece = if tiles.len() < pool.n_threads() {
        1
    } else {
        heads_per_kv
    };
    let pieces_per_tile = heads.n_heads / heads_per_piece;
    let width = heads.n_heads * heads.head_dim;
    let out = Shared::new(out);
    pool.run(tiles.len() * pieces_per_tile, &|piece| {
        // All rows of one head come first: sequences that share pages then find them in the cache of their core.
        let rows = tiles[piece % tiles.len()].clone();
        let first_head = piece / tiles.len() * heads_per_piece;
        let kv_head = first_head / heads_per_kv;
        let pages = places[rows.start].pages;
        let mut tile: Vec<Query<'_>> = Vec::with_capacity(rows.len() * heads_per_piece);
        for row in rows {
            for head in first_head..first_head + heads_per_piece {
                let at = head * heads.head_dim;
                tile.push(Query {
                    query: &queries[row * stride + at..][..heads.head_dim],
                    n_visible: places[row].position + 1,
                    // SAFETY: each piece writes its own rows and heads.
                    out: unsafe { out.slice(row * width + at, heads.head_dim) },
                });
            }
        }
        let keys = |page_idx: usize| cache.keys(layer_idx, pages[page_idx], kv_head);
        let values = |page_idx: usize| cache.values(layer_idx, pages[page_idx], kv_head);
        SCRATCH.with_borrow_mut(|scratch| {
            attend_tile(isa, &mut tile, &keys, &values, heads.head_dim, scratch);
        });
    });
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch::default());
}

#[derive(Default)]
struct Scratch {
    /// Scaled queries, packed for the tile: `(head_dim, queries)` per chunk of queries.
    packed: Vec<f32>,
    /// `(queries, positions)`.
    scores: Vec<f32>,
}

/// One head of one row.
struct Query<'a> {
    query: &'a [f32],
    n_visible: usize,
    out: &'a mut [f32],
}

/// Cuts the batch into runs of neighbouring rows that follow each other in one sequence.
fn split_rows(places: &[Place<'_>]) -> Vec<std::ops::Range<usize>> {
    let mut tiles: Vec<std::ops::Range<usize>> = Vec::new();
    for (row, place) in places.iter().enumerate() {
        if let Some(tile) = tiles.last_mut() {
            let previous = &places[row - 1];
            if tile.len() < ROWS_PER_PIECE
                && previous.sequence == place.sequence
                && previous.position + 1 == place.position
            {
                tile.end += 1;
                continue;
            }
        }
        tiles.push(row..row + 1);
    }
    tiles
}

type Pages<'a> = dyn Fn(usize) -> &'a [f16] + 'a;

/// Attention of a few queries over the pages of one sequence and one key-value head.
fn attend_tile(
    isa: Isa,
    tile: &mut [Query<'_>],
    keys: &Pages<'_>,
    values: &Pages<'_>,
    head_dim: usize,
    scratch: &mut Scratch,
) {
    let n_positions = tile.iter().map(|query| query.n_visible).max().unwrap_or(0);
    let n_pages = n_positions.div_ceil(PAGE_TOKENS);
    let stride = n_pages * PAGE_TOKENS;
    let Scratch { packed, scores } = scratch;
    packed.resize(tile.len() * head_dim, 0.0);
    if scores.len() < tile.len() * stride {
        scores.resize(tile.len() * stride, 0.0);
    }

    let scale = 1.0 / (head_dim as f32).sqrt();
    for (first, n) in chunks(tile.len()) {
        let packed = &mut packed[first * head_dim..][..n * head_dim];
        for (column, query) in tile[first..first + n].iter().enumerate() {
            for (row, x) in packed.chunks_exact_mut(n).zip(query.query) {
                row[column] = x * scale;
            }
        }
    }
    for page_idx in 0..n_pages {
        let keys = keys(page_idx);
        for (first, n) in chunks(tile.len()) {
            let packed = &packed[first * head_dim..][..n * head_dim];
            let scores = &mut scores[first * stride..][..n * stride];
            let scores = &mut scores[page_idx * PAGE_TOKENS..];
            match n {
                6 => score::<6>(isa, keys, packed, scores, stride),
                4 => score::<4>(isa, keys, packed, scores, stride),
                3 => score::<3>(isa, keys, packed, scores, stride),
                2 => score::<2>(isa, keys, packed, scores, stride),
                _ => score::<1>(isa, keys, packed, scores, stride),
            }
        }
    }
    for (query, scores) in tile.iter_mut().zip(scores.chunks_exact_mut(stride)) {
        let (visible, hidden) = scores.split_at_mut(query.n_visible);
        soften(isa, visible);
        hidden.fill(0.0);
        query.out.fill(0.0);
    }
    for page_idx in 0..n_pages {
        // Places beyond the last position may hold a former owner's values.
        let at = page_idx * PAGE_TOKENS;
        let values = &values(page_idx)[..PAGE_TOKENS.min(n_positions - at) * head_dim];
        for (first, n) in chunks(tile.len()) {
            let weights = &scores[first * stride..][..n * stride][at..];
            let tile = &mut tile[first..first + n];
            match n {
                6 => gather::<6>(isa, values, head_dim, weights, stride, tile),
                4 => gather::<4>(isa, values, head_dim, weights, stride, tile),
                3 => gather::<3>(isa, values, head_dim, weights, stride, tile),
                2 => gather::<2>(isa, values, head_dim, weights, stride, tile),
                _ => gather::<1>(isa, values, head_dim, weights, stride, tile),
            }
        }
    }
}

/// Cuts `n` queries into chunks that have a kernel: first index and size.
fn chunks(n: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut first = 0;
    std::iter::from_fn(move || {
        let size = match n - first {
            0 => return None,
            1 => 1,
            2 => 2,
            3 => 3,
            4 | 5 => 4,
            _ => 6,
        };
        first += size;
        Some((first - size, size))
    })
}

/// Scores of `N` queries, packed `(head_dim, N)`, with all keys of a page; those of query `i` go to
/// `scores[i * stride..]`.
fn score<const N: usize>(
    isa: Isa,
    keys: &[f16],
    packed: &[f32],
    scores: &mut [f32],
    stride: usize,
) {
    match isa {
        Isa::Portable => portable::score::<N>(keys, packed, scores, stride),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::Avx2` is made only where the processor has it.
        Isa::Avx2 => unsafe { x86::score::<N>(keys, packed, scores, stride) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::Avx512` is made only where the processor has it.
        Isa::Avx512 { .. } => unsafe { x86::avx512::score::<N>(keys, packed, scores, stride) },
    }
}

/// Adds the values of a page, weighted, to the outputs of `N` queries; the weights of query `i` are at
/// `weights[i * stride..]`.
fn gather<const N: usize>(
    isa: Isa,
    values: &[f16],
    head_dim: usize,
    weights: &[f32],
    stride: usize,
    tile: &mut [Query<'_>],
) {
    let tile: &mut [Query<'_>; N] = tile.try_into().expect("a chunk has N queries");
    let outs = tile.each_mut().map(|query| &mut *query.out);
    match isa {
        Isa::Portable => portable::gather::<N>(values, head_dim, weights, stride, outs),
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::Avx2` is made only where the processor has it.
        Isa::Avx2 => unsafe { x86::gather::<N>(values, head_dim, weights, stride, outs) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: `Isa::Avx512` is made only where the processor has it.
        Isa::Avx512 { .. } => unsafe {
            x86::avx512::gather::<N>(values, head_dim, weights, stride, outs)
        },
    }
}

for_each_isa! {
    /// Replaces scores by `e^score`, divided by the sum of them all.
    fn soften(scores: &mut [f32]) {
        let (eights, rest) = scores.as_chunks_mut::<8>();
        let mut largest = [f32::NEG_INFINITY; 8];
        let raise = |largest: &mut [f32; 8], scores: &[f32]| {
            for (largest, &score) in largest.iter_mut().zip(scores) {
                *largest = if score > *largest { score } else { *largest };
            }
        };
        for eight in &mut *eights {
            raise(&mut largest, eight);
        }
        raise(&mut largest, rest);
        let largest = largest
            .into_iter()
            .fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
        let mut sums = [0.0f32; 8];
        let exponentiate = |sums: &mut [f32; 8], scores: &mut [f32]| {
            for (sum, score) in sums.iter_mut().zip(scores) {
                *score = exp(*score - largest);
                *sum += *score;
            }
        };
        for eight in &mut *eights {
            exponentiate(&mut sums, eight);
        }
        exponentiate(&mut sums, rest);
        let scale = 1.0 / sums.iter().sum::<f32>();
        for score in scores {
            *score *= scale;
        }
    }
}
