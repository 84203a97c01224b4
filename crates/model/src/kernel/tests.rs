use proptest::prelude::*;

use super::{
    Between, Columns, Heads, Inputs, Isa, LowRank, Place, Segment, add, add_low_rank, attend,
    multiply, rms_norm, rotate, swiglu,
};
use crate::block::Format;
use crate::cache::{ABREAST, KvCache, PAGE_TOKENS};
use crate::config::{Architecture, Config, RopeScaling};
use crate::kernel::elementwise::exp;
use crate::matrix::{Arena, Layout, Matrix};
use crate::pool::Pool;

/// Numbers between -1 and 1 that look random.
fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1u64 << 23) as f32 - 1.0
        })
        .collect()
}

fn matrix(seed: u64, n_in: usize, n_out: usize, format: Format, layout: Layout) -> Matrix {
    let bytes: Vec<u8> = match format {
        Format::F32 => noise(seed, n_in * n_out)
            .iter()
            .flat_map(|x| x.to_le_bytes())
            .collect(),
        // Scale 0.01 and minimum -0.08 before noise of 4-bit numbers.
        Format::Q4_1 => noise(seed, n_in * n_out / 2)
            .chunks(16)
            .flat_map(|sixteen| {
                let head = [0x1f, 0x21, 0x1f, 0xad];
                head.into_iter()
                    .chain(sixteen.iter().map(|x| (x * 127.0) as i8 as u8))
            })
            .collect(),
        _ => unreachable!("tests use two formats"),
    };
    let arena = Arena::new(std::iter::empty());
    Matrix::pack(format, n_in, n_out, &bytes, layout, &arena).unwrap()
}

fn product(
    isa: Isa,
    n_threads: usize,
    rows: &[f32],
    n_in: usize,
    matrices: &[&Matrix],
) -> Vec<f32> {
    let mut pool = Pool::new(n_threads);
    let mut inputs = Inputs::default();
    let mut rows = rows.to_vec();
    inputs.prepare(&mut pool, isa, &mut rows, n_in, matrices, &|_, _| {});
    let width: usize = matrices.iter().map(|m| m.n_out).sum();
    let mut out = vec![0.0; rows.len() / n_in * width];
    multiply(&mut pool, isa, &inputs, matrices, &mut out, &[]);
    out
}

fn bits(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|x| x.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// All three layouts: every processor gives the same bits, however work is split and whatever rows are beside.
    #[test]
    fn products_are_the_same_everywhere(
        seed in any::<u64>(),
        n_rows in 1usize..40,
        n_blocks in 1usize..8,
        n_out in 1usize..70,
        scale in 0.001f32..1000.0,
    ) {
        let n_in = 32 * n_blocks;
        let rows: Vec<f32> = noise(seed, n_rows * n_in).iter().map(|x| x * scale).collect();
        let four = matrix(seed ^ 1, n_in, n_out, Format::Q4_1, Layout::Packed);
        let eight = matrix(seed ^ 2, n_in, n_out, Format::F32, Layout::Packed);
        let float = matrix(seed ^ 3, n_in, n_out, Format::F32, Layout::Float);
        let matrices = [&four, &eight, &float];
        let together = product(Isa::detect(), 3, &rows, n_in, &matrices);
        for isa in Isa::all() {
            prop_assert_eq!(bits(&together), bits(&product(isa, 1, &rows, n_in, &matrices)), "{:?}", isa);
        }
        let alone: Vec<f32> = rows
            .chunks_exact(n_in)
            .flat_map(|row| product(Isa::detect(), 2, row, n_in, &matrices))
            .collect();
        prop_assert_eq!(bits(&together), bits(&alone));
    }

    /// Products agree with plain sums over the decoded numbers.
    #[test]
    fn products_are_right(seed in any::<u64>()) {
        let (n_in, n_out) = (192, 24);
        let row = noise(seed, n_in);
        for (format, layout, tolerance) in [
            (Format::Q4_1, Layout::Packed, 2e-2),
            (Format::F32, Layout::Packed, 6e-4),
            (Format::F32, Layout::Float, 1e-5),
        ] {
            let matrix = matrix(seed ^ 1, n_in, n_out, format, layout);
            let out = product(Isa::detect(), 1, &row, n_in, &[&matrix]);
            for (row_idx, &value) in out.iter().enumerate() {
                let mut weights = vec![0.0; n_in];
                matrix.row(row_idx, &mut weights);
                let expected: f64 = weights.iter().zip(&row).map(|(w, x)| f64::from(*w) * f64::from(*x)).sum();
                prop_assert!((f64::from(value) - expected).abs() < tolerance, "{format:?} {layout:?}: {value} {expected}");
            }
        }
    }

    /// Low-rank products of two neighbouring segments are the same on every processor, and for each row alone.
    #[test]
    fn low_rank_products_are_the_same_everywhere(
        seed in any::<u64>(),
        n_rows in 1usize..20,
        rank in 1usize..40,
        n_in in 1usize..50,
        n_out in 1usize..70,
    ) {
        let numbers = |seed, n| noise(seed, n).iter().map(|x| x / 8.0).collect::<Vec<f32>>();
        let adapter = |seed| LowRank {
            down: Columns::pack(n_in, rank, &numbers(seed, n_in * rank)).unwrap(),
            up: Columns::pack(rank, n_out, &numbers(seed ^ 7, rank * n_out)).unwrap(),
        };
        let (first, second) = (adapter(seed ^ 1), adapter(seed ^ 2));
        let rows = noise(seed ^ 3, (n_rows + 3) * n_in);
        let run = |isa, n_threads| {
            let segments = [(0..n_rows, &first), (n_rows..n_rows + 3, &second)]
                .map(|(rows, low_rank)| Segment { rows, parts: vec![(0, low_rank)] });
            let mut out = vec![0.5; (n_rows + 3) * n_out];
            let mut pool = Pool::new(n_threads);
            add_low_rank(&mut pool, isa, &rows, &segments, &mut out, n_out, &mut Between::default());
            out
        };
        let portable = bits(&run(Isa::Portable, 1));
        for isa in Isa::all() {
            prop_assert_eq!(&portable, &bits(&run(isa, 2)), "{:?}", isa);
        }
        for row in 0..n_rows {
            let segments = [Segment { rows: 0..1, parts: vec![(0, &first)] }];
            let mut out = vec![0.5; n_out];
            let inputs = &rows[row * n_in..][..n_in];
            let mut pool = Pool::new(1);
            add_low_rank(&mut pool, Isa::detect(), inputs, &segments, &mut out, n_out, &mut Between::default());
            prop_assert_eq!(&portable[row * n_out..][..n_out], &bits(&out)[..]);
        }
    }

    #[test]
    fn element_wise_work_is_the_same_everywhere(seed in any::<u64>(), interleaved in any::<bool>(), n_turned in 1usize..9) {
        let row: Vec<f32> = noise(seed, 128).iter().map(|x| x * 30.0).collect();
        let weight = noise(seed ^ 1, 128);
        let turns: Vec<[f32; 2]> = noise(seed ^ 2, n_turned).iter().map(|x| [x.cos(), x.sin()]).collect();
        let run = |isa| {
            let (mut normed, mut activated) = (vec![0.0; 128], vec![0.0; 64]);
            rms_norm(isa, &row, &weight, 1e-5, &mut normed);
            swiglu(isa, &row, &mut activated);
            let (mut added, mut rotated) = (row.clone(), row.clone());
            add(isa, &mut added, &weight);
            rotate(isa, &mut rotated, 16, &turns, interleaved);
            [normed, activated, added, rotated]
        };
        let portable = run(Isa::Portable);
        for isa in Isa::all() {
            for (one, other) in run(isa).iter().zip(&portable) {
                prop_assert_eq!(bits(one), bits(other), "{:?}", isa);
            }
        }
        let [normed, activated, added, rotated] = portable;
        let near = |value: f32, expected: f64| (f64::from(value) - expected).abs() < 1e-5 * (1.0 + expected.abs());
        let wide = |idx: usize| f64::from(row[idx]);
        let mean = (0..128).map(|idx| wide(idx).powi(2)).sum::<f64>() / 128.0;
        for idx in 0..128 {
            prop_assert!(near(normed[idx], wide(idx) / (mean + 1e-5).sqrt() * f64::from(weight[idx])));
            prop_assert!(near(added[idx], wide(idx) + f64::from(weight[idx])));
        }
        for (idx, &value) in activated.iter().enumerate() {
            let (gate, up) = (wide(idx), wide(idx + 64));
            prop_assert!(near(value, gate / (1.0 + (-gate).exp()) * up));
        }
        for head in 0..8 {
            for (pair, [cos, sin]) in turns.iter().enumerate() {
                let (first, second) = if interleaved { (2 * pair, 2 * pair + 1) } else { (pair, pair + n_turned) };
                let (first, second) = (16 * head + first, 16 * head + second);
                let (cos, sin) = (f64::from(*cos), f64::from(*sin));
                prop_assert!(near(rotated[first], wide(first) * cos - wide(second) * sin));
                prop_assert!(near(rotated[second], wide(first) * sin + wide(second) * cos));
            }
            let kept = 16 * head + 2 * n_turned..16 * (head + 1);
            prop_assert_eq!(bits(&rotated[kept.clone()]), bits(&row[kept]));
        }
    }

    /// Heads of several lengths in groups, sequences of ragged lengths in pages out of order, some of them a token at a
    /// time, others many: every processor gives the same bits, however work is split, and they are right.
    #[test]
    fn attention_is_the_same_everywhere(
        seed in any::<u64>(),
        head_dim in prop::sample::select(&[16usize, 64, 128][..]),
        n_kv_heads in 1usize..3,
        heads_per_kv in 1usize..4,
        sequences in prop::collection::vec((0usize..90, 1usize..20), 1..4),
    ) {
        let heads = Heads { n_heads: n_kv_heads * heads_per_kv, n_kv_heads, head_dim };
        let width = heads.n_heads * head_dim;
        let kv_width = n_kv_heads * head_dim;
        let n_pages = |sequence: &(usize, usize)| (sequence.0 + sequence.1).div_ceil(PAGE_TOKENS);
        let total: usize = sequences.iter().map(n_pages).sum();
        let mut cache = KvCache::new(&config(heads), total);
        // What a former owner left counts for nothing, as large as it may be.
        for page in 0..total as u32 {
            for place in 0..PAGE_TOKENS {
                cache.store(0, page, place, &vec![9e3; kv_width], &vec![9e3; kv_width]);
            }
        }
        let mut next = total as u32;
        let tables: Vec<Vec<u32>> = sequences
            .iter()
            .map(|sequence| {
                next -= n_pages(sequence) as u32;
                (next..next + n_pages(sequence) as u32).rev().collect()
            })
            .collect();
        let mut places = Vec::new();
        for (sequence, &(before, n_rows)) in sequences.iter().enumerate() {
            for position in 0..before + n_rows {
                let noise = noise(seed ^ (sequence << 20 | position) as u64, 2 * kv_width);
                let (keys, values) = noise.split_at(kv_width);
                let page = tables[sequence][position / PAGE_TOKENS];
                cache.store(0, page, position % PAGE_TOKENS, keys, values);
            }
            places.extend((before..before + n_rows).map(|position| Place { sequence, pages: &tables[sequence], position }));
        }
        // Rows of queries lie in wider ones.
        let stride = width + 5;
        let queries: Vec<f32> = noise(seed ^ 9, places.len() * stride).iter().map(|x| 4.0 * x).collect();
        let run = |isa, n_threads| {
            let mut out = vec![0.5; places.len() * width];
            attend(&mut Pool::new(n_threads), isa, heads, &cache, 0, &places, &queries, stride, &mut out);
            out
        };
        let portable = run(Isa::Portable, 1);
        for isa in Isa::all() {
            for n_threads in [1, 3] {
                prop_assert_eq!(bits(&portable), bits(&run(isa, n_threads)), "{:?} on {} threads", isa, n_threads);
            }
        }
        for (row, place) in places.iter().enumerate() {
            for head in 0..heads.n_heads {
                let at = head * head_dim;
                let query = &queries[row * stride + at..][..head_dim];
                let expected = attention(&cache, head / heads_per_kv, place, query);
                for (value, expected) in portable[row * width + at..][..head_dim].iter().zip(expected) {
                    prop_assert!((f64::from(*value) - expected).abs() < 1e-4, "{value} {expected}");
                }
            }
        }
    }
}

/// The dimensions that a cache of one layer asks for.
fn config(heads: Heads) -> Config {
    Config {
        architecture: Architecture::Llama,
        n_layers: 1,
        n_embd: heads.n_heads * heads.head_dim,
        n_ff: 32,
        n_heads: heads.n_heads,
        n_kv_heads: heads.n_kv_heads,
        head_dim: heads.head_dim,
        n_rotated: heads.head_dim,
        n_ctx: 256,
        n_vocab: 1,
        norm_epsilon: 1e-5,
        rope_base: 1e4,
        rope_scaling: RopeScaling::Linear { factor: 1.0 },
    }
}

/// Attention of one head of one row, as it is written down: in 64 bits, over what the cache holds.
fn attention(cache: &KvCache, kv_head: usize, place: &Place<'_>, query: &[f32]) -> Vec<f64> {
    let head_dim = query.len();
    let page = |position: usize| place.pages[position / PAGE_TOKENS];
    let score = |position: usize| {
        let keys = cache.keys(0, page(position), kv_head);
        let at = position % PAGE_TOKENS;
        let abreast = &keys[at / ABREAST * ABREAST * head_dim..][..ABREAST * head_dim];
        let key = abreast.iter().skip(at % ABREAST).step_by(ABREAST);
        let products = key.zip(query).map(|(k, q)| k.to_f64() * f64::from(*q));
        (products.sum::<f64>() / (head_dim as f64).sqrt()).exp()
    };
    let scores: Vec<f64> = (0..=place.position).map(score).collect();
    let total: f64 = scores.iter().sum();
    let mut out = vec![0.0; head_dim];
    for (position, score) in scores.iter().enumerate() {
        let values = cache.values(0, page(position), kv_head);
        let values = &values[position % PAGE_TOKENS * head_dim..][..head_dim];
        for (out, value) in out.iter_mut().zip(values) {
            *out += score / total * value.to_f64();
        }
    }
    out
}

#[test]
fn the_exponential_is_right_to_the_last_places() {
    for step in -8_600..=8_600 {
        let x = step as f32 / 100.0;
        let expected = f64::from(x).exp();
        let error = (f64::from(exp(x)) - expected).abs() / expected;
        assert!(error < 2.5e-7, "exp({x}) is off by {error}");
    }
    assert!(exp(-1e9) < 1e-37 && exp(-1e9) >= 0.0);
    assert!(exp(1e9).is_finite());
}
