use super::*;

/// The vectors of RFC 3720, appendix B.4, and the usual check.
#[test]
fn checksums_are_castagnolis() {
    let rising: Vec<u8> = (0..32).collect();
    for (bytes, expect) in [
        (&[0u8; 32][..], 0x8a91_36aa),
        (&[0xff; 32], 0x62a8_ab43),
        (&rising, 0x46dd_794e),
        (b"123456789", 0xe306_9283),
    ] {
        assert_eq!(crc32c(bytes), expect);
    }
}

/// The bytes that torch's `SummaryWriter` and TensorBoard's own reader agree on, written out by hand.
#[test]
fn an_event_is_a_protocol_buffer() {
    let event = scalars(1.5, 300, &[("a", 0.25)]);
    let mut expect = vec![0x09];
    expect.extend(1.5f64.to_le_bytes());
    // The step 300 in two bytes of seven bits; a summary with a value, which has a tag and a number.
    expect.extend([0x10, 0xac, 0x02, 0x2a, 10, 0x0a, 8, 0x0a, 1, b'a', 0x15]);
    expect.extend(0.25f32.to_le_bytes());
    assert_eq!(event, expect);
    let record = record(&event);
    assert_eq!(record[..8], (event.len() as u64).to_le_bytes());
    assert_eq!(record.len(), 8 + 4 + event.len() + 4);
}
