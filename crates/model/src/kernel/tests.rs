use proptest::prelude::*;

use super::{
    Between, Columns, Inputs, Isa, LowRank, Segment, add_low_rank, multiply, rms_norm, swiglu,
};
use crate::block::Format;
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
    fn element_wise_work_is_the_same_everywhere(seed in any::<u64>()) {
        let row: Vec<f32> = noise(seed, 128).iter().map(|x| x * 30.0).collect();
        let weight = noise(seed ^ 1, 128);
        let mut normed = [vec![0.0; 128], vec![0.0; 128]];
        let mut activated = [vec![0.0; 64], vec![0.0; 64]];
        for (idx, isa) in [Isa::Portable, Isa::detect()].into_iter().enumerate() {
            rms_norm(isa, &row, &weight, 1e-5, &mut normed[idx]);
            swiglu(isa, &row, &mut activated[idx]);
        }
        prop_assert_eq!(bits(&normed[0]), bits(&normed[1]));
        prop_assert_eq!(bits(&activated[0]), bits(&activated[1]));
        for (idx, &value) in activated[0].iter().enumerate() {
            let (gate, up) = (f64::from(row[idx]), f64::from(row[idx + 64]));
            let expected = gate / (1.0 + (-gate).exp()) * up;
            prop_assert!((f64::from(value) - expected).abs() < 1e-5 * (1.0 + expected.abs()));
        }
    }
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
