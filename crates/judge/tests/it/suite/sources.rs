//! Cases 49 and 50: sources that attack the compiler, and sources that only look strange.

use domain::Language;
use domain::Verdict::{Accepted, CompileError, RuntimeError};

use super::case::{Case, cpp, made, python};

pub(super) const CASES: &[Case] = &[
    cpp(
        49,
        "endless templates",
        "template<int N> struct A { static const int v = A<N + 1>::v; };\nint main() { return A<0>::v; }",
        &[CompileError],
    ),
    cpp(
        49,
        "includes the password file",
        "#include \"/etc/shadow\"\nint main() {}",
        &[CompileError],
    ),
    cpp(
        49,
        "includes an endless file",
        "#include \"/dev/zero\"\nint main() {}",
        &[CompileError],
    ),
    cpp(
        49,
        "includes its input",
        "#include \"/dev/stdin\"\nint main() {}",
        &[CompileError],
    ),
    cpp(
        49,
        "embeds the password file",
        "#include <cstdio>\nextern \"C\" char data[];\n__asm__(\".data\\ndata: .incbin \\\"/etc/passwd\\\"\\n\");\nint main() { puts(data); }",
        &[CompileError],
    ),
    cpp(
        49,
        "writes elsewhere",
        "#pragma GCC dump \"/tmp/judge_left\"\n#include <cstdio>\n__asm__(\".ident \\\"-o /tmp/judge_left\\\"\");\nint main() { puts(\"1\"); }",
        &[Accepted],
    ),
    cpp(
        49,
        "a program that is too large",
        "char a[1ul << 33] = {1};\nint main() { return a[5]; }",
        &[CompileError],
    ),
    made(
        49,
        "a million errors",
        Language::Cpp,
        || format!("int main() {{ {} }}", "a;\n".repeat(100_000)),
        &[CompileError],
    ),
    python(
        50,
        "a mark and foreign line ends",
        "\u{feff}print(1)\r\nif True:\r\n  pass\r\n",
        &[Accepted],
    ),
    python(50, "a zero byte", "print(1)\0", &[RuntimeError]),
    python(50, "no program", "def f(:", &[RuntimeError]),
    made(
        50,
        "5 MB",
        Language::Python,
        || format!("print(1)\n{}", "#\n".repeat(2_500_000)),
        &[Accepted],
    )
    .cpu(3000)
    .memory(512 << 20),
    cpp(
        50,
        "a mark and foreign line ends",
        "\u{feff}#include <cstdio>\r\nint main() {\r\n  puts(\"1\");\r\n}\r\n",
        &[Accepted],
    ),
    made(
        50,
        "5 MB",
        Language::Cpp,
        || {
            format!(
                "#include <cstdio>\nint main() {{ puts(\"1\"); }}\n{}",
                "//\n".repeat(1_700_000)
            )
        },
        &[Accepted],
    ),
];
