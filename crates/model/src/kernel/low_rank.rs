//! Low-rank products: what adapters add to the results of the base's matrices.
//!
//! Weights and inputs are rounded to brain floats (8 bits of significand, the range of 32-bit floats), sums are kept in
//! 32 bits: the form that processors multiply fastest. Numbers below 2^-50 count as zero. So no sum ever comes near the
//! smallest floats, which that instruction flushes to zero and other processors keep.

use std::ops::Range;

use half::bf16;

use crate::kernel::sums::Sums;
use crate::kernel::{Isa, Shared, for_each_isa};
use crate::matrix::{Arena, Store};
use crate::pool::Pool;

mod portable;

/// Output rows that lie abreast.
pub(crate) const ABREAST: usize = 16;

/// Two neighbouring numbers of a row as brain floats, the first in the low half.
pub(crate) type Pair = u32;

/// What is smaller counts as zero.
const SMALLEST: f32 = 1.0 / (1u64 << 50) as f32;

/// A matrix of weights in brain floats, sixteen output rows and two columns abreast: `(n_out / 16, n_in / 2, 16, 2)`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Columns {
    /// Numbers in the vectors it is applied to.
    pub(crate) n_in: usize,
    /// Numbers in the vectors it makes.
    pub(crate) n_out: usize,
    weights: Store<[Pair; ABREAST]>,
}

impl Columns {
    /// Packs `n_out` rows of `n_in` numbers; `None` when one of them is not finite.
    pub(crate) fn pack(n_in: usize, n_out: usize, rows: &[f32]) -> Option<Columns> {
        assert_eq!(rows.len(), n_in * n_out);
        let n_pairs = n_in.div_ceil(2);
        let mut weights = vec![[0; ABREAST]; n_out.div_ceil(ABREAST) * n_pairs];
        let mut pairs = vec![0; n_pairs];
        for (row_idx, row) in rows.chunks_exact(n_in).enumerate() {
            if !row.iter().all(|&x| bf16::from_f32(x).is_finite()) {
                return None;
            }
            to_pairs(Isa::Portable, row, &mut pairs);
            let group = &mut weights[row_idx / ABREAST * n_pairs..][..n_pairs];
            for (abreast, &pair) in group.iter_mut().zip(&pairs) {
                abreast[row_idx % ABREAST] = pair;
            }
        }
        Some(Columns {
            n_in,
            n_out,
            weights: Store::Own(weights),
        })
    }

    /// Moves its weights into an arena, as far as that has room.
    pub(crate) fn move_into(&mut self, arena: &Arena) {
        if let Store::Own(weights) = &mut self.weights {
            self.weights = arena.keep(std::mem::take(weights));
        }
    }

    /// Memory of the weights.
    pub(crate) fn n_bytes(&self) -> usize {
        size_of_val(&*self.weights)
    }

    /// True when it makes nothing but zeros.
    pub(crate) fn is_zero(&self) -> bool {
        let without_sign = |pair: &Pair| pair & 0x7fff_7fff;
        self.weights
            .as_flattened()
            .iter()
            .map(without_sign)
            .all(|x| x == 0)
    }

    /// Appends its numbers, little-endian, as they lie in memory.
    pub(crate) fn write(&self, bytes: &mut Vec<u8>) {
        let pairs = self.weights.as_flattened().iter();
        bytes.extend(pairs.flat_map(|pair| pair.to_le_bytes()));
    }

    /// Its numbers row by row.
    #[cfg(feature = "candle")]
    pub(crate) fn rows(&self) -> Vec<bf16> {
        let number = |row: usize, column: usize| {
            let pair = self.group(row / ABREAST)[column / 2][row % ABREAST];
            bf16::from_bits((pair >> (16 * (column % 2))) as u16)
        };
        (0..self.n_out)
            .flat_map(|row| (0..self.n_in).map(move |column| number(row, column)))
            .collect()
    }

    fn n_groups(&self) -> usize {
        self.n_out.div_ceil(ABREAST)
    }

    fn n_pairs(&self) -> usize {
        self.n_in.div_ceil(2)
    }

    fn group(&self, group_idx: usize) -> &[[Pair; ABREAST]] {
        let n_pairs = self.n_pairs();
        &self.weights[group_idx * n_pairs..][..n_pairs]
    }
}

for_each_isa! {
    /// Rounds a row to brain floats, to the nearest, ties to even; an odd number of them ends in a zero.
    fn to_pairs(row: &[f32], pairs: &mut [Pair]) {
        #[inline(always)]
        fn round(x: f32) -> u32 {
            let bits = x.to_bits();
            let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
            if x.abs() < SMALLEST { 0 } else { rounded }
        }
        let (twos, rest) = row.as_chunks::<2>();
        for (pair, [first, second]) in pairs.iter_mut().zip(twos) {
            *pair = round(*first) | round(*second) << 16;
        }
        if let ([last], Some(pair)) = (rest, pairs.last_mut()) {
            *pair = round(*last);
        }
    }
}

/// What an adapter adds to one matrix: `up (down x)`, with the adapter's scale inside `up`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LowRank {
    /// `(rank, n_in)`, PEFT's A.
    pub(crate) down: Columns,
    /// `(n_out, rank)`, PEFT's B.
    pub(crate) up: Columns,
}

impl LowRank {
    /// Its weights, in the order in which they are read.
    pub(crate) fn lines(&self) -> [&[[Pair; ABREAST]]; 2] {
        [&self.down.weights, &self.up.weights]
    }
}

/// Neighbouring rows that one adapter serves.
pub(crate) struct Segment<'a> {
    /// The rows.
    pub(crate) rows: Range<usize>,
    /// What the adapter adds, and from which column of the output on.
    pub(crate) parts: Vec<(usize, &'a LowRank)>,
}

/// Adds the adapters' products to an output.
///
/// Shapes: inputs `(rows, n_in)`, out `(rows, stride)`.
/// A row's result depends on the row and its adapter alone, to the last bit.
pub(crate) fn add_low_rank(
    pool: &mut Pool,
    isa: Isa,
    inputs: &[f32],
    segments: &[Segment<'_>],
    out: &mut [f32],
    stride: usize,
    steps: &mut Between,
) {
    let parts: Vec<Part<'_>> = segments
        .iter()
        .flat_map(|segment| {
            let rows = &segment.rows;
            let parts = segment.parts.iter();
            parts.map(move |&(column, low_rank)| (rows, column, low_rank))
        })
        .scan(0, |at, (rows, column, low_rank)| {
            let first = *at;
            *at += rows.len() * low_rank.down.n_out;
            Some(Part {
                rows: rows.clone(),
                column,
                low_rank,
                between: first,
            })
        })
        .collect();
    let Some(last) = parts.last() else { return };
    let Between {
        rounded,
        between,
        rounded_between,
    } = steps;
    between.resize(
        last.between + last.rows.len() * last.low_rank.down.n_out,
        0.0,
    );
    let n_in = last.low_rank.down.n_in;
    let n_pairs = last.low_rank.down.n_pairs();
    grow(rounded, inputs.len() / n_in * n_pairs);

    let chunks: Vec<Range<usize>> = segments
        .iter()
        .flat_map(|segment| {
            let end = segment.rows.end;
            let firsts = segment.rows.clone().step_by(ROWS_TO_ROUND);
            firsts.map(move |first| first..end.min(first + ROWS_TO_ROUND))
        })
        .collect();
    let shared = Shared::new(rounded);
    let round = |chunk_idx: usize| {
        for row in Range::clone(&chunks[chunk_idx]) {
            // SAFETY: each row is in one segment, and so in one chunk.
            let pairs = unsafe { shared.slice(row * n_pairs, n_pairs) };
            to_pairs(isa, &inputs[row * n_in..][..n_in], pairs);
        }
    };
    // Few rows are rounded sooner than another thread is called.
    if chunks.len() <= CHUNKS_ROUNDED_ALONE {
        (0..chunks.len()).for_each(round);
    } else {
        pool.run(chunks.len(), &round);
    }

    let pieces = split(&parts, pool.n_threads(), |low_rank| &low_rank.down);
    let shared = Shared::new(between);
    let rounded = &rounded[..];
    pool.run(pieces.len(), &|piece_idx| {
        let (part, groups) = &pieces[piece_idx];
        let down = &part.low_rank.down;
        let inputs = &rounded[part.rows.start * n_pairs..part.rows.end * n_pairs];
        product(isa, down, groups.clone(), inputs, |row, column, sums| {
            // SAFETY: each piece writes columns of its own, of a part of its own.
            let target =
                unsafe { shared.slice(part.between + row * down.n_out + column, sums.len()) };
            sums.write(target);
        });
    });

    // A row of `rank` numbers makes at most as many pairs, so those of a part fit where its numbers lie.
    grow(rounded_between, between.len());
    for part in &parts {
        let up = &part.low_rank.up;
        let numbers = between[part.between..].chunks_exact(up.n_in);
        let pairs = rounded_between[part.between..].chunks_exact_mut(up.n_pairs());
        for (row, pairs) in numbers.zip(pairs).take(part.rows.len()) {
            to_pairs(isa, row, pairs);
        }
    }

    let pieces = split(&parts, pool.n_threads(), |low_rank| &low_rank.up);
    let shared = Shared::new(out);
    let rounded_between = &rounded_between[..];
    pool.run(pieces.len(), &|piece_idx| {
        let (part, groups) = &pieces[piece_idx];
        let up = &part.low_rank.up;
        let inputs = &rounded_between[part.between..][..part.rows.len() * up.n_pairs()];
        product(isa, up, groups.clone(), inputs, |row, column, sums| {
            let at = (part.rows.start + row) * stride + part.column + column;
            // SAFETY: each piece writes columns of its own, in rows of its own.
            let target = unsafe { shared.slice(at, sums.len()) };
            sums.add_to(target);
        });
    });
}

/// Rows that one thread rounds at a time.
const ROWS_TO_ROUND: usize = 16;
const CHUNKS_ROUNDED_ALONE: usize = 4;

/// What lies between the steps of low-rank products, kept for the next ones.
#[derive(Debug, Default)]
pub(crate) struct Between {
    /// Inputs in brain floats.
    rounded: Vec<Pair>,
    /// For each part, what its first product makes: `(rows, rank)`.
    between: Vec<f32>,
    /// The same in brain floats.
    rounded_between: Vec<Pair>,
}

/// Makes a buffer at least this long; it never shrinks.
fn grow(buffer: &mut Vec<Pair>, len: usize) {
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
}

/// One adapter's product with one matrix.
struct Part<'a> {
    rows: Range<usize>,
    column: usize,
    low_rank: &'a LowRank,
    /// Where its `(rows, rank)` numbers lie between the two products.
    between: usize,
}

/// Cuts the products into pieces of some groups of output rows.
fn split<'a, 'b>(
    parts: &'b [Part<'a>],
    n_threads: usize,
    matrix: impl Fn(&'a LowRank) -> &'a Columns,
) -> Vec<(&'b Part<'a>, Range<usize>)> {
    let n_groups: usize = parts
        .iter()
        .map(|part| matrix(part.low_rank).n_groups())
        .sum();
    // Two groups at a time are computed best.
    let per_piece = n_groups.div_ceil(4 * n_threads).next_multiple_of(2).min(16);
    parts
        .iter()
        .flat_map(|part| {
            let n_groups = matrix(part.low_rank).n_groups();
            (0..n_groups)
                .step_by(per_piece)
                .map(move |first| (part, first..n_groups.min(first + per_piece)))
        })
        .collect()
}

/// Multiplies rows with some groups of a matrix and hands over the sums by row and first column.
fn product(
    isa: Isa,
    matrix: &Columns,
    groups: Range<usize>,
    inputs: &[Pair],
    give: impl Fn(usize, usize, Sums<'_, ABREAST>),
) {
    let n_rows = inputs.len() / matrix.n_pairs();
    let tile = Tile {
        isa,
        matrix,
        inputs,
        give,
    };
    // Rows that share each load of weights, and groups that share each number of a row: together they have registers
    // for their sums, and enough of them that none waits for the one before.
    let (most_rows, most_groups) = match (isa.has_brain_floats(), n_rows) {
        (true, ..=4) => (4, 4),
        (true, _) => (8, 2),
        (false, ..=2) => (2, 2),
        (false, _) => (4, 1),
    };
    let mut group_idx = groups.start;
    while group_idx < groups.end {
        let n_groups = match most_groups.min(groups.end - group_idx) {
            3 => 2,
            n => n,
        };
        for (row, n) in even_tiles(n_rows, most_rows) {
            match n_groups {
                4 => tile.few_rows::<4>(group_idx, row, n),
                2 => tile.rows::<2>(group_idx, row, n),
                _ => tile.rows::<1>(group_idx, row, n),
            }
        }
        group_idx += n_groups;
    }
}

/// Cuts rows into tiles of about equal size, since a small one would wait for its own sums: first row and number.
fn even_tiles(n_rows: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let mut row = 0;
    std::iter::from_fn(move || {
        let n_left = n_rows - row;
        let n = n_left.div_ceil(n_left.div_ceil(most).max(1));
        row += n;
        (n > 0).then_some((row - n, n))
    })
}

struct Tile<'a, F> {
    isa: Isa,
    matrix: &'a Columns,
    inputs: &'a [Pair],
    give: F,
}

impl<F: Fn(usize, usize, Sums<'_, ABREAST>)> Tile<'_, F> {
    fn rows<const G: usize>(&self, group_idx: usize, row: usize, n: usize) {
        match n {
            8 => self.run::<8, G>(group_idx, row),
            7 => self.run::<7, G>(group_idx, row),
            6 => self.run::<6, G>(group_idx, row),
            5 => self.run::<5, G>(group_idx, row),
            _ => self.few_rows::<G>(group_idx, row, n),
        }
    }

    fn few_rows<const G: usize>(&self, group_idx: usize, row: usize, n: usize) {
        match n {
            4 => self.run::<4, G>(group_idx, row),
            3 => self.run::<3, G>(group_idx, row),
            2 => self.run::<2, G>(group_idx, row),
            _ => self.run::<1, G>(group_idx, row),
        }
    }

    /// `N` rows of inputs times sixteen rows of each of `G` groups of weights.
    fn run<const N: usize, const G: usize>(&self, group_idx: usize, first_row: usize) {
        let n_pairs = self.matrix.n_pairs();
        let groups: [&[[Pair; ABREAST]]; G] =
            std::array::from_fn(|idx| self.matrix.group(group_idx + idx));
        let rows: [&[Pair]; N] =
            std::array::from_fn(|idx| &self.inputs[(first_row + idx) * n_pairs..][..n_pairs]);
        let sums = match self.isa {
            Isa::Portable => portable::low_rank(groups, rows),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: made only where the processor has products of brain floats.
            Isa::Avx512 {
                has_brain_floats: true,
            } => unsafe { crate::kernel::x86::avx512::low_rank(groups, rows) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: both are made only where the processor has AVX2, FMA and F16C.
            Isa::Avx2 | Isa::Avx512 { .. } => unsafe { crate::kernel::x86::low_rank(groups, rows) },
        };
        for (row, sums) in (first_row..).zip(&sums) {
            for (group_idx, sums) in (group_idx..).zip(sums) {
                let column = group_idx * ABREAST;
                (self.give)(row, column, Sums::new(sums, column, self.matrix.n_out));
            }
        }
    }
}
