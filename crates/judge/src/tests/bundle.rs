//! Bundles of files: what goes in comes out, and nothing leads elsewhere.

use proptest::prelude::*;

use crate::bundle::{collect, decode, encode, unpack};
use crate::sys;

proptest! {
    #[test]
    fn files_survive_the_journey(
        files in prop::collection::vec(("[a-z]{1,5}(/[a-z]{1,5}){0,3}", prop::collection::vec(any::<u8>(), 0..50)), 0..5)
    ) {
        let bytes = encode(&files);
        let decoded = decode(&bytes).unwrap();
        let decoded: Vec<(String, Vec<u8>)> =
            decoded.into_iter().map(|(name, content)| (name, content.to_vec())).collect();
        prop_assert_eq!(decoded, files);
    }

    #[test]
    fn no_bytes_break_the_decoder(bytes in prop::collection::vec(any::<u8>(), 0..100), cut in 0usize..40) {
        decode(&bytes);
        let whole = encode(&[("a", &bytes), ("b/c", &bytes)]);
        if cut > 0 {
            let cut = cut.min(whole.len() - 1);
            prop_assert!(decode(&whole[..whole.len() - cut]).is_none() || cut == bytes.len() + 19);
        }
    }
}

#[test]
fn names_lead_downwards_only() {
    for name in ["", "/etc/passwd", "../up", "a/../../b", "a\0b", "./..", "."] {
        assert!(decode(&encode(&[(name, "x")])).is_none(), "{name:?}");
    }
    let deep = ["a"; 17].join("/");
    assert!(decode(&encode(&[(deep, "x")])).is_none());
}

#[test]
fn links_are_not_followed() {
    let from = tempfile::tempdir().unwrap();
    let below = from.path().join("below");
    std::fs::create_dir(&below).unwrap();
    std::fs::write(below.join("x.class"), "content").unwrap();
    std::fs::write(below.join("x.java"), "source").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", from.path().join("y.class")).unwrap();
    std::os::unix::fs::symlink(&below, from.path().join("linked")).unwrap();
    let path = sys::c_string(from.path().to_string_lossy().into_owned()).unwrap();
    let bytes = collect(&sys::open_directory(&path).unwrap(), ".class").unwrap();
    let expected = vec![("below/x.class".to_string(), b"content".as_slice())];
    assert_eq!(decode(&bytes).unwrap(), expected);
    let to = tempfile::tempdir().unwrap();
    unpack(&sys::sealed(c"test", &bytes).unwrap(), to.path()).unwrap();
    let content = std::fs::read_to_string(to.path().join("below/x.class")).unwrap();
    assert_eq!(content, "content");
}
