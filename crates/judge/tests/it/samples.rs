//! One program per language that does what the first word of its input says:
//! `sum` adds the numbers that follow and prints the sum and a letter beyond ASCII, `exit` ends with code 3,
//! `throw` ends by an exception that nobody catches, `spin` never ends, `hog` takes all memory,
//! and `threads` adds in two threads.

use domain::Language;

pub(crate) struct Sample {
    pub(crate) language: Language,
    pub(crate) source: &'static str,
    /// Does not compile, or not run where nothing is compiled, and what is said about it.
    pub(crate) broken: (&'static str, &'static str),
}

pub(crate) const SAMPLES: &[Sample] = &[
    Sample {
        language: Language::Python,
        source: include_str!("samples/sample.py"),
        broken: ("def f(:\n", "SyntaxError"),
    },
    Sample {
        language: Language::PyPy,
        source: include_str!("samples/sample.py"),
        broken: ("def f(:\n", "SyntaxError"),
    },
    Sample {
        language: Language::C,
        source: include_str!("samples/sample.c"),
        broken: ("int main(void) {\n  return x;\n}", "main.c:2:"),
    },
    Sample {
        language: Language::Cpp,
        source: include_str!("samples/sample.cpp"),
        broken: ("int main() {\n  return x;\n}", "main.cpp:2:"),
    },
    Sample {
        language: Language::Cpp20,
        source: include_str!("samples/sample20.cpp"),
        broken: ("int main() {\n  return x;\n}", "main.cpp:2:"),
    },
    Sample {
        language: Language::Rust,
        source: include_str!("samples/sample.rs"),
        broken: ("fn main() {\n    let x: i32 = \"\";\n}", "main.rs:2:"),
    },
    Sample {
        language: Language::Java,
        source: include_str!("samples/Solution.java"),
        broken: (
            "public class Other {\n    int x = \"\";\n}",
            "Other.java:2:",
        ),
    },
    Sample {
        language: Language::JavaScript,
        source: include_str!("samples/sample.js"),
        broken: ("let x = ;\n", "main.js:1"),
    },
    Sample {
        language: Language::Go,
        source: include_str!("samples/sample.go"),
        broken: (
            "package main\n\nfunc main() {\n\tvar x int = \"\"\n}",
            "main.go:4:",
        ),
    },
    Sample {
        language: Language::CSharp,
        source: include_str!("samples/sample.cs"),
        broken: (
            "class Program {\n    static int Main() { return \"\"; }\n}",
            "main.cs(2,",
        ),
    },
    Sample {
        language: Language::Kotlin,
        source: include_str!("samples/sample.kt"),
        broken: ("fun main() {\n    val x: Int = \"\"\n}", "main.kt:2:"),
    },
    Sample {
        language: Language::Php,
        source: include_str!("samples/sample.php"),
        broken: ("<?php\n$x = ;\n", "main.php on line 2"),
    },
    Sample {
        language: Language::Ruby,
        source: include_str!("samples/sample.rb"),
        broken: ("def f(\n", "main.rb:1"),
    },
];
