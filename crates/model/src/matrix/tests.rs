use half::f16;
use proptest::prelude::*;

use super::{Arena, Layout, Matrix, PackError};
use crate::block::Format;

/// No arena.
fn none() -> Arena {
    Arena::new(std::iter::empty())
}

#[test]
fn an_arena_keeps_numbers_as_they_are_until_it_is_full() {
    let arena = Arena::new([40, 12].into_iter());
    let first = arena.keep((0..10u32).collect());
    let second = arena.keep(vec![7u8; 12]);
    let third = arena.keep(vec![9u8; 200]);
    drop(arena);
    assert_eq!(*first, (0..10u32).collect::<Vec<_>>());
    assert_eq!(*second, [7; 12]);
    assert_eq!(*third, [9; 200]);
    let places = [first.as_ptr() as usize, second.as_ptr() as usize];
    assert_eq!(places[1] - places[0], 64);
}

/// A stored row of a format whose blocks begin with sane scales; the rest is arbitrary.
fn stored_row(format: Format, n_in: usize, noise: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = noise
        .iter()
        .cycle()
        .take(format.row_bytes(n_in).unwrap())
        .copied()
        .collect();
    for block in bytes.chunks_exact_mut(format.block_bytes()) {
        let scale = f16::from_f32(0.01 + f32::from(block[4]) / 4096.0).to_le_bytes();
        match format {
            Format::Q4_0 | Format::Q8_0 | Format::Q5_0 => block[..2].copy_from_slice(&scale),
            Format::Q6K => block[208..].copy_from_slice(&scale),
            _ => {
                block[..2].copy_from_slice(&scale);
                block[2..4].copy_from_slice(&scale);
            }
        }
    }
    bytes
}

/// The largest error of a packed row, relative to its largest number.
fn packing_error(format: Format, layout: Layout, noise: &[u8]) -> f32 {
    let (n_in, n_out) = (512, 11);
    let rows: Vec<Vec<u8>> = (0..n_out)
        .map(|row| stored_row(format, n_in, &noise[row..]))
        .collect();
    let matrix = Matrix::pack(format, n_in, n_out, &rows.concat(), layout, &none()).unwrap();
    let mut worst = 0.0f32;
    for (row_idx, row) in rows.iter().enumerate() {
        let mut expected = vec![0.0; n_in];
        format.decode(row, &mut expected);
        let mut packed = vec![0.0; n_in];
        matrix.row(row_idx, &mut packed);
        let largest = expected.iter().fold(0.0f32, |max, x| max.max(x.abs()));
        for (packed, expected) in packed.iter().zip(&expected) {
            worst = worst.max((packed - expected).abs() / largest);
        }
    }
    worst
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn packing_keeps_the_numbers(noise in proptest::collection::vec(any::<u8>(), 200..400)) {
        for format in [Format::Q4_0, Format::Q4_1, Format::Q8_0] {
            prop_assert_eq!(packing_error(format, Layout::Packed, &noise), 0.0, "{:?}", format);
        }
        // A scale rounded to 16 bits.
        prop_assert!(packing_error(Format::Q4K, Layout::Packed, &noise) < 1e-3);
        // Numbers rounded to 8 bits.
        for format in [Format::Q5_0, Format::Q5_1, Format::Q5K, Format::Q6K] {
            prop_assert!(packing_error(format, Layout::Packed, &noise) < 0.5 / 126.0, "{:?}", format);
            prop_assert_eq!(packing_error(format, Layout::Float, &noise), 0.0, "{:?}", format);
        }
    }
}

#[test]
fn what_cannot_be_packed_is_refused() {
    let infinite = [f16::INFINITY.to_le_bytes(); 32].concat();
    let pack = |format, n_in, bytes: &[u8], layout| {
        Matrix::pack(format, n_in, 1, bytes, layout, &none()).err()
    };
    assert_eq!(
        pack(Format::F16, 32, &infinite, Layout::Packed),
        Some(PackError::Scale)
    );
    assert_eq!(
        pack(Format::F16, 32, &infinite, Layout::Float),
        Some(PackError::Scale)
    );
    assert_eq!(
        pack(Format::F16, 16, &infinite[..32], Layout::Packed),
        Some(PackError::RowLength)
    );
    let mut q4_0 = vec![0u8; 18];
    // Its minimum would be eight times as large.
    q4_0[..2].copy_from_slice(&f16::from_f32(60_000.0).to_le_bytes());
    assert_eq!(
        pack(Format::Q4_0, 32, &q4_0, Layout::Packed),
        Some(PackError::Scale)
    );
}
