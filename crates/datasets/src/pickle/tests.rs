use proptest::prelude::*;

use super::string;

/// `pickle.dumps("[1, \"é\"]", protocol=n)` of CPython 3.11.
const DUMPS: [&[u8]; 3] = [
    b"\x80\x02X\x09\x00\x00\x00[1, \"\xc3\xa9\"]q\x00.",
    b"\x80\x03X\x09\x00\x00\x00[1, \"\xc3\xa9\"]q\x00.",
    b"\x80\x04\x95\x0d\x00\x00\x00\x00\x00\x00\x00\x8c\x09[1, \"\xc3\xa9\"]\x94.",
];

#[test]
fn a_string_comes_back() {
    for bytes in DUMPS {
        assert_eq!(string(bytes).as_deref(), Ok("[1, \"é\"]"));
    }
}

#[test]
fn nothing_else_is_read() {
    for (bytes, expect) in [
        // `pickle.dumps(os.system)`: a name to import.
        (
            &b"\x80\x04\x95\x14\0\0\0\0\0\0\0\x8c\x05posix\x94\x8c\x06system\x94\x93\x94."[..],
            "a second value",
        ),
        (b"cos\nsystem\n(S'id'\ntR.", "opcode 0x63"),
        (b"\x80\x04]\x94.", "opcode 0x5d"),
        (b"\x80\x04K\x01.", "opcode 0x4b"),
        (b"\x80\x09.", "protocol 9"),
        (b"\x80\x04.", "no string"),
        (b"\x80\x04\x8c\x05ab", "breaks off"),
        (
            b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
            "breaks off",
        ),
        (b"\x80\x04\x8c\x01\xff.", "not UTF-8"),
        (b"\x80\x04\x8c\x01a.b", "follows its end"),
        (b"", "breaks off"),
    ] {
        let error = string(bytes).unwrap_err();
        assert!(error.contains(expect), "{error}");
    }
}

proptest! {
    #[test]
    fn no_bytes_do_harm(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let _ = string(&bytes);
    }

    #[test]
    fn what_is_cut_or_changed_is_text_or_refused(text in "\\PC{0,40}", at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = b"\x80\x04X".to_vec();
        bytes.extend((text.len() as u32).to_le_bytes());
        bytes.extend(text.as_bytes());
        bytes.extend(b"\x94.");
        prop_assert_eq!(string(&bytes), Ok(text));
        let at = at.index(bytes.len());
        prop_assert!(string(&bytes[..at]).is_err());
        bytes[at] = byte;
        let _ = string(&bytes);
    }
}
