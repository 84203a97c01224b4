//! Sources that attack the compiler, or that are strange and right.

use std::time::{Duration, Instant};

use domain::{Language, Rung, Verdict};

use crate::common::{judge_with_all_tools, judged, stdio, submission};

/// Does not compile, soon, and without a word from any file of the machine.
const BOMBS: &[(Language, &str)] = &[
    (
        Language::Cpp,
        "template<int N> struct A { typedef A<N + 1> B; typedef typename B::C C; }; A<0>::C x;\nint main() {}",
    ),
    (
        Language::Cpp,
        "#define A B B B B B B B B\n#define B C C C C C C C C\n#define C D D D D D D D D\n#define D E E E E E E E E\n#define E F F F F F F F F\n#define F G G G G G G G G\n#define G H H H H H H H H\n#define H I I I I I I I I\n#define I x x x x x x x x\nA A A A\n",
    ),
    (Language::C, "#include \"/dev/zero\"\nint main(void) {}"),
    (Language::C, "#include \"/dev/stdin\"\nint main(void) {}"),
    (Language::C, "#include \"/etc/passwd\"\nint main(void) {}"),
    (
        Language::C,
        "#include \"/proc/self/environ\"\nint main(void) {}",
    ),
    (
        Language::C,
        "__asm__(\".incbin \\\"/etc/shadow\\\"\");\nint main(void) {}",
    ),
    (
        Language::C,
        "char x[1L << 40] = {1};\nint main(int n, char **a) { return x[n]; }",
    ),
    (
        Language::Rust,
        "fn main() { print!(\"{}\", include_str!(\"/etc/passwd\")); }",
    ),
    (
        Language::Rust,
        "macro_rules! m { ($($x:tt)*) => { m!($($x)* $($x)* x) } }\nfn main() { m!(x); }",
    ),
    (
        Language::Java,
        "import javax.annotation.processing.*;\npublic class Main extends AbstractProcessor { public static void main(String[] a) { int x = \"\"; } }",
    ),
    (Language::Java, "public class Main { void run() {} }"),
    (
        Language::Go,
        "package main\nimport _ \"embed\"\n//go:embed /etc/passwd\nvar x string\nfunc main() {}",
    ),
    (
        Language::CSharp,
        "#error \u{0}\nclass P { static void Main() {",
    ),
];

/// Right programs in strange clothes; each prints `ok`.
const STRANGE: &[(Language, &str)] = &[
    (
        Language::C,
        "\u{feff}#include <stdio.h>\r\nint main(void) {\r\n  puts(\"ok\");\r\n}\r\n",
    ),
    (
        Language::Cpp,
        "#pragma GCC optimize(\"O3,unroll-loops\")\n#include <cstdio>\nint main() { puts(\"ok\"); }",
    ),
    (
        Language::Java,
        "\u{feff}import java.util.*;\r\n\r\nclass Helper { static String say() { return \"ok\"; } }\r\npublic class Größe { public static void main(String... a) { System.out.println(Helper.say()); } }\r\n",
    ),
    (
        Language::Java,
        "package a.b;\nclass Zweite { }\nclass Erste { static class In { public static void main(String[] a) { System.out.println(\"ok\"); } } }",
    ),
    (
        Language::JavaScript,
        "\u{feff}#!/usr/bin/env node\r\nif (require.main === module) console.log('ok');\r\n",
    ),
    (Language::Php, "\u{feff}<?php\r\necho 'ok';\r\n"),
    (
        Language::Ruby,
        "\u{feff}# frozen_string_literal: true\r\nputs DATA.read if __FILE__ == $0\r\n__END__\r\nok\r\n",
    ),
    (
        Language::PyPy,
        "\u{feff}import sys\r\nif __name__ == '__main__':\r\n    print('ok')\r\n",
    ),
    (
        Language::Go,
        "\u{feff}package main\r\n\r\nimport \"fmt\"\r\n\r\nfunc main() {\r\n\tfmt.Println(\"ok\")\r\n}\r\n",
    ),
];

async fn check(rung: Rung) {
    let Some(judge) = judge_with_all_tools(rung) else {
        return;
    };
    for (language, source) in BOMBS {
        let start = Instant::now();
        let judging = judged(
            &judge,
            &submission(*language, source, vec![stdio("", "ok")]),
        )
        .await;
        if judging.verdict == Verdict::LanguageUnavailable {
            println!("skipped: {language}: {}", judging.compile_log);
            continue;
        }
        assert_eq!(
            judging.verdict,
            Verdict::CompileError,
            "{source}: {judging:?}"
        );
        let log = &judging.compile_log;
        assert!(!log.is_empty(), "{source}");
        assert!(!log.contains("root:") && !log.contains("PATH="), "{log}");
        assert!(
            start.elapsed() < Duration::from_secs(150),
            "{source} took too long"
        );
    }
    let large = format!(
        "int main(void) {{ puts(\"ok\"); }}\n//{}",
        "x".repeat(5 << 20)
    );
    let large = format!("#include <stdio.h>\n{large}");
    let strange = STRANGE
        .iter()
        .copied()
        .chain([(Language::C, large.as_str())]);
    for (language, source) in strange {
        let judging = judged(&judge, &submission(language, source, vec![stdio("", "ok")])).await;
        if judging.verdict == Verdict::LanguageUnavailable {
            println!("skipped: {language}: {}", judging.compile_log);
            continue;
        }
        let shown = source.get(..200).unwrap_or(source);
        assert_eq!(judging.verdict, Verdict::Accepted, "{shown}: {judging:?}");
    }
}

#[tokio::test]
async fn full() {
    check(Rung::Full).await;
}

#[tokio::test]
async fn landlock() {
    check(Rung::Landlock).await;
}
