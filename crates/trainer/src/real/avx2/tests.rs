use proptest::prelude::*;

use super::*;

fn numbers(n: usize, seed: usize) -> Vec<f32> {
    let number = |i: usize| ((i * 7919 + seed * 104_729) % 2003) as f32 / 1001.0 - 1.0;
    (0..n).map(number).collect()
}

/// Rows or columns of neighbours, with others between them.
fn strides(n_rows: usize, n_cols: usize, is_turned: bool, gap: usize) -> (isize, isize, usize) {
    match is_turned {
        false => ((n_cols + gap) as isize, 1, n_rows * (n_cols + gap)),
        true => (1, (n_rows + gap) as isize, n_cols * (n_rows + gap)),
    }
}

/// A product against its definition in 64 bits; what lies between the rows of the result stays as it is.
fn check([m, n, k]: [usize; 3], turned: [bool; 2], gap: usize, adds: bool, is_parallel: bool) {
    if !is_here() {
        return;
    }
    let (a_row, a_col, a_len) = strides(m, k, turned[0], gap);
    let (b_row, b_col, b_len) = strides(k, n, turned[1], gap);
    let (a, b) = (numbers(a_len, 1), numbers(b_len, 2));
    let width = n + gap;
    let old = numbers(m * width, 3);
    let mut out = old.clone();
    let parallelism = match is_parallel {
        true => Parallelism::Rayon(0),
        false => Parallelism::None,
    };
    // SAFETY: the matrices lie inside their slices, and the processor has AVX2 and FMA.
    unsafe {
        multiply(
            n,
            m,
            k,
            out.as_mut_ptr(),
            width as isize,
            1,
            adds,
            b.as_ptr(),
            b_row,
            b_col,
            a.as_ptr(),
            a_row,
            a_col,
            1.0,
            0.5,
            false,
            false,
            false,
            parallelism,
        );
    }
    for (i, (row, old)) in out.chunks(width).zip(old.chunks(width)).enumerate() {
        for j in 0..n {
            let product = |p: usize| {
                let x = a[(i as isize * a_row + p as isize * a_col) as usize];
                let y = b[(p as isize * b_row + j as isize * b_col) as usize];
                f64::from(x) * f64::from(y)
            };
            let sum = 0.5 * (0..k).map(product).sum::<f64>();
            let expect = sum + if adds { f64::from(old[j]) } else { 0.0 };
            let error = (f64::from(row[j]) - expect).abs();
            assert!(
                error < 1e-5 * (k + 1) as f64,
                "({i}, {j}): {} for {expect}",
                row[j]
            );
        }
        assert_eq!(row[n..], old[n..]);
    }
}

/// Deeper than one panel, and more panels and rows than are worked on together.
#[test]
fn large_products_are_right() {
    for turned in [[false, true], [true, false]] {
        check([103, 410, 650], turned, 0, true, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn products_of_any_shape_are_right(
        shape in [1usize..40, 1usize..40, 0usize..40],
        turned: [bool; 2],
        gap in 0usize..3,
        adds: bool,
        is_parallel: bool,
    ) {
        check(shape, turned, gap, adds, is_parallel);
    }
}
