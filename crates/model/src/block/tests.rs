use super::Format;

/// The bytes and what they mean according to the `gguf` package: `tests/reference/make.py`.
#[test]
fn blocks_mean_what_the_reference_says() {
    let cases: serde_json::Value =
        serde_json::from_str(include_str!("../../tests/reference/blocks.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 11);
    for case in cases {
        let format = Format::from_code(case["code"].as_u64().unwrap() as u32).unwrap();
        let bytes: Vec<u8> = numbers(&case["bytes"]).map(|x| x as u8).collect();
        let expected: Vec<f32> = numbers(&case["values"]).map(|x| x as f32).collect();
        let mut values = vec![0.0; expected.len()];
        format.decode(&bytes, &mut values);
        for (value, expected) in values.iter().zip(&expected) {
            let error = (value - expected).abs();
            assert!(
                error <= 1e-6 * (1.0 + expected.abs()),
                "{format:?}: {value} is not {expected}"
            );
        }
    }
}

fn numbers(list: &serde_json::Value) -> impl Iterator<Item = f64> {
    list.as_array().unwrap().iter().map(|x| x.as_f64().unwrap())
}

#[test]
fn rows_are_whole_blocks() {
    assert_eq!(Format::Q4_1.row_bytes(64), Some(40));
    assert_eq!(Format::Q4_1.row_bytes(48), None);
    assert_eq!(Format::F32.row_bytes(usize::MAX), None);
}
