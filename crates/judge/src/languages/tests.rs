use proptest::prelude::*;

use super::toolchain::version_in;
use super::{main_class, public_class};

#[test]
fn a_java_file_is_named_after_its_public_class() {
    let check = |source: &str, expected: Option<&str>| {
        assert_eq!(public_class(source).as_deref(), expected, "{source}");
    };
    check("public class Main { }", Some("Main"));
    check(
        "import java.util.*;\n\npublic final class A$1<T> extends B {}",
        Some("A$1"),
    );
    check(
        "class A { public class B {} }\npublic enum C { X }",
        Some("C"),
    );
    check("@Deprecated public strictfp abstract class D {}", Some("D"));
    check("public record Point(int x) {}", Some("Point"));
    check("public interface Größe {}", Some("Größe"));
    check("class Main { }", None);
    check("class A { public int x; } class B { }", None);
    check(
        "// public class No {}\n/* public class No */ public class Yes {}",
        Some("Yes"),
    );
    check(
        "class A { String s = \"}}} public class No {\"; char c = '}'; }",
        None,
    );
    check(
        "class A { String s = \"\"\"\n \\\" } public class No { \"\"\"; } public class Yes {}",
        Some("Yes"),
    );
    check("public\n/* { */\nclass\tE", Some("E"));
    check("", None);
}

#[test]
fn versions_are_found_in_what_tools_say() {
    let check = |said: &str, version: &str| assert_eq!(version_in(said).as_deref(), Some(version));
    check("12.2.0", "12.2.0");
    check("javac 17.0.15", "17.0.15");
    check("v20.20.2", "20.20.2");
    check("go version go1.19.8 linux/amd64", "1.19.8");
    check(
        "PHP 8.2.36 (cli) (built: Jan  1 2026 00:00:00) (NTS)",
        "8.2.36",
    );
    check(
        "ruby 3.1.2p20 (2022-04-12 revision 4491bb740a) [x86_64-linux-gnu]",
        "3.1.2",
    );
    check(
        "Mono JIT compiler version 6.8.0.105 (Debian 6.8.0.105+dfsg)",
        "6.8.0.105",
    );
    check("rustc 1.95.0 (59807616e 2026-04-14)", "1.95.0");
    check("7.3.11 (Python 3.9.16)\n", "7.3.11 (Python 3.9.16)");
    let kotlin = "OpenJDK 64-Bit Server VM warning: Options -Xverify:none and -noverify were deprecated in JDK 13 and \
                  will likely be removed in a future release.\ninfo: kotlinc-jvm 1.9.24 (JRE 17.0.15+6)";
    check(kotlin, "1.9.24");
    assert_eq!(version_in("no digits here."), None);
}

/// A class file with nothing but a name and a method.
fn class(name: &str, method: &str, flags: u16) -> Vec<u8> {
    let mut bytes = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 61];
    let number = |bytes: &mut Vec<u8>, number: u16| bytes.extend(number.to_be_bytes());
    number(&mut bytes, 7);
    for text in [name, method, "([Ljava/lang/String;)V"] {
        bytes.push(1);
        number(&mut bytes, text.len() as u16);
        bytes.extend(text.as_bytes());
    }
    bytes.extend([7, 0, 1]); // the class, named by the first constant
    bytes.extend([5, 0, 0, 0, 0, 0, 0, 0, 9]); // a long number, which takes two places
    for value in [0x21, 4, 4, 0, 0, 1, flags, 2, 3, 0, 0] {
        number(&mut bytes, value);
    }
    bytes
}

#[test]
fn the_class_that_begins_is_found() {
    let (main, other) = (class("Main", "main", 9), class("a/b/Other", "main", 9));
    let (private, none) = (class("P", "main", 8), class("N", "run", 9));
    let files = |classes: &[&'static [u8]]| -> Vec<(String, &'static [u8])> {
        classes
            .iter()
            .map(|bytes| (String::new(), *bytes))
            .collect()
    };
    let leak = |bytes: Vec<u8>| -> &'static [u8] { bytes.leak() };
    let (main, other, private, none) = (leak(main), leak(other), leak(private), leak(none));
    assert_eq!(main_class(&files(&[other, main]), ""), Some("Main".into()));
    assert_eq!(
        main_class(&files(&[none, other]), ""),
        Some("a.b.Other".into())
    );
    assert_eq!(main_class(&files(&[private, none]), ""), None);
    let (first, second) = (leak(class("One", "main", 9)), leak(class("Two", "main", 9)));
    let source = "class Two { } class One { }";
    assert_eq!(
        main_class(&files(&[first, second]), source),
        Some("Two".into())
    );
}

proptest! {
    #[test]
    fn no_source_and_no_class_file_breaks_the_readers(
        source in "(public |class |[{}\"'/*\\\\\n;é ]|record X)*",
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        place in 0usize..120,
        value in any::<u8>(),
    ) {
        public_class(&source);
        main_class(&[(String::new(), &bytes)], &source);
        bytes = class("Main", "main", 9);
        if let Some(byte) = bytes.get_mut(place) {
            *byte = value;
        }
        main_class(&[(String::new(), &bytes)], &source);
        main_class(&[(String::new(), &bytes[..place.min(bytes.len())])], &source);
    }
}
