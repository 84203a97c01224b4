use std::cell::RefCell;

use half::f16;
use half::slice::HalfFloatSliceExt as _;

use crate::cache::{ABREAST, KvCache, PAGE_TOKENS};
use crate::kernel::elementwise::exp;
use crate::kernel::{Isa, Shared, for_each_isa};
use crate::pool::Pool;

/// Rows of one sequence that share each load of keys and values.
const ROWS_PER_PIECE: usize = 4;

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
        let rows = tiles[piece / pieces_per_tile].clone();
        let first_head = piece % pieces_per_tile * heads_per_piece;
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
    /// Keys or values of a page.
    page: Vec<f32>,
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

for_each_isa! {
    /// Attention of a few queries over the pages of one sequence and one key-value head.
    fn attend_tile(
        tile: &mut [Query<'_>],
        keys: &Pages<'_>,
        values: &Pages<'_>,
        head_dim: usize,
        scratch: &mut Scratch,
    ) {
        let n_positions = tile.iter().map(|query| query.n_visible).max().unwrap_or(0);
        let n_pages = n_positions.div_ceil(PAGE_TOKENS);
        let stride = n_pages * PAGE_TOKENS;
        let Scratch { page, packed, scores } = scratch;
        page.resize(PAGE_TOKENS * head_dim, 0.0);
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
            keys(page_idx).convert_to_f32_slice(page);
            for (first, n) in chunks(tile.len()) {
                let packed = &packed[first * head_dim..][..n * head_dim];
                let scores = &mut scores[first * stride..][..n * stride];
                let at = page_idx * PAGE_TOKENS;
                match n {
                    6 => score::<6>(page, packed, scores, stride, at),
                    4 => score::<4>(page, packed, scores, stride, at),
                    3 => score::<3>(page, packed, scores, stride, at),
                    2 => score::<2>(page, packed, scores, stride, at),
                    _ => score::<1>(page, packed, scores, stride, at),
                }
            }
        }
        for (query, scores) in tile.iter_mut().zip(scores.chunks_exact_mut(stride)) {
            let scale = 1.0 / exponentiate(&mut scores[..query.n_visible]);
            scores[query.n_visible..].fill(0.0);
            for weight in &mut scores[..query.n_visible] {
                *weight *= scale;
            }
            query.out.fill(0.0);
        }
        for page_idx in 0..n_pages {
            values(page_idx).convert_to_f32_slice(page);
            // Places beyond the last position may hold a former owner's values.
            let at = page_idx * PAGE_TOKENS;
            let page = &page[..PAGE_TOKENS.min(n_positions - at) * head_dim];
            for (first, n) in chunks(tile.len()) {
                let scores = &scores[first * stride..][..n * stride];
                let tile = &mut tile[first..first + n];
                match n {
                    6 => gather::<6>(page, head_dim, scores, stride, at, tile),
                    4 => gather::<4>(page, head_dim, scores, stride, at, tile),
                    3 => gather::<3>(page, head_dim, scores, stride, at, tile),
                    2 => gather::<2>(page, head_dim, scores, stride, at, tile),
                    _ => gather::<1>(page, head_dim, scores, stride, at, tile),
                }
            }
        }
    }
}

/// Cuts `n` queries into chunks that have a kernel: first index and size.
#[inline(always)]
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

/// Scores of `N` queries, packed `(head_dim, N)`, with all keys of a page.
#[inline(always)]
fn score<const N: usize>(
    page: &[f32],
    packed: &[f32],
    scores: &mut [f32],
    stride: usize,
    at: usize,
) {
    let head_dim = packed.len() / N;
    for (abreast_idx, keys) in page.chunks_exact(ABREAST * head_dim).enumerate() {
        let mut sums = [[0.0f32; ABREAST]; N];
        for (keys, queries) in keys.chunks_exact(ABREAST).zip(packed.chunks_exact(N)) {
            for (sums, query) in sums.iter_mut().zip(queries) {
                for (sum, key) in sums.iter_mut().zip(keys) {
                    *sum += query * key;
                }
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            scores[row * stride + at + abreast_idx * ABREAST..][..ABREAST].copy_from_slice(sums);
        }
    }
}

/// Replaces scores by `e^(score - largest)` and returns their sum.
#[inline(always)]
fn exponentiate(scores: &mut [f32]) -> f32 {
    let mut largest = [f32::NEG_INFINITY; 8];
    for eight in scores.chunks(8) {
        for (largest, &score) in largest.iter_mut().zip(eight) {
            *largest = if score > *largest { score } else { *largest };
        }
    }
    let largest = largest
        .into_iter()
        .fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a });
    let mut sums = [0.0f32; 8];
    for eight in scores.chunks_mut(8) {
        for (sum, score) in sums.iter_mut().zip(eight) {
            *score = exp(*score - largest);
            *sum += *score;
        }
    }
    sums.iter().sum()
}

/// Adds the values of a page, weighted, to the outputs of `N` queries.
#[inline(always)]
fn gather<const N: usize>(
    page: &[f32],
    head_dim: usize,
    scores: &[f32],
    stride: usize,
    at: usize,
    tile: &mut [Query<'_>],
) {
    let n_places = page.len() / head_dim;
    let mut weights = [[0.0f32; N]; PAGE_TOKENS];
    for (row, scores) in scores.chunks_exact(stride).enumerate() {
        for (weights, &score) in weights.iter_mut().zip(&scores[at..][..n_places]) {
            weights[row] = score;
        }
    }
    for first in (0..head_dim).step_by(ABREAST) {
        let mut sums = [[0.0f32; ABREAST]; N];
        for (sums, query) in sums.iter_mut().zip(tile.iter()) {
            sums.copy_from_slice(&query.out[first..first + ABREAST]);
        }
        for (values, weights) in page.chunks_exact(head_dim).zip(&weights) {
            let values = &values[first..first + ABREAST];
            for (sums, weight) in sums.iter_mut().zip(weights) {
                for (sum, value) in sums.iter_mut().zip(values) {
                    *sum += weight * value;
                }
            }
        }
        for (sums, query) in sums.iter().zip(tile.iter_mut()) {
            query.out[first..first + ABREAST].copy_from_slice(sums);
        }
    }
}
