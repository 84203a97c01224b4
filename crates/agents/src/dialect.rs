//! What the agents know of each language: how its programs begin, and how they read and write.

use domain::Language;

/// One language's row.
pub(crate) struct Dialect {
    /// How the first line of a program begins, where no fence marks it.
    pub(crate) openings: &'static [&'static str],
    /// Every whole program contains one of these.
    pub(crate) marks: &'static [&'static str],
    /// How a whole program is to read, write and be complete.
    pub(crate) rule: &'static str,
}

/// The row of a language.
pub(crate) fn of(language: Language) -> Dialect {
    let (openings, marks, rule): (&[_], &[_], _) = match language {
        Language::Python | Language::PyPy => (
            &["import ", "from ", "def ", "class ", "@"],
            &["input(", "stdin", "open(0", "print("],
            "Read with `input()` or `sys.stdin`, print exactly the output that is asked \
             for, and call the code at the top level.",
        ),
        Language::C => (
            &["#include", "int main"],
            &["main("],
            "Read with `scanf`, print exactly the output that is asked for with \
             `printf`, and include the headers that the code needs.",
        ),
        Language::Cpp | Language::Cpp20 => (
            &["#include", "using namespace", "int main"],
            &["main("],
            "Read with `std::cin`, print exactly the output that is asked for with \
             `std::cout`, and include the headers that the code needs.",
        ),
        Language::Rust => (
            &["use ", "fn ", "#!["],
            &["fn main("],
            "Read from `std::io::stdin()`, print exactly the output that is asked for, \
             use the standard library only, and put everything into one file.",
        ),
        Language::Java => (
            &["import ", "public class ", "class "],
            &["void main("],
            "Read from `System.in`, print exactly the output that is asked for with \
             `System.out`, and put everything into one file with the class `Main`.",
        ),
        Language::JavaScript => (
            &[
                "const ",
                "let ",
                "var ",
                "function ",
                "'use strict'",
                "\"use strict\"",
            ],
            &["console.log", "process.stdout", "fs.writeSync"],
            "Read standard input with `require('fs')` or `readline` and print exactly \
             the output that is asked for.",
        ),
        Language::Go => (
            &["package main"],
            &["func main("],
            "Read from `os.Stdin`, print exactly the output that is asked for, and put \
             everything into one file of `package main`.",
        ),
        Language::CSharp => (
            &["using ", "class ", "public class ", "namespace "],
            &["Main(", "Console."],
            "Read with `Console.ReadLine`, print exactly the output that is asked for \
             with `Console.Write`, and put everything into one file.",
        ),
        Language::Kotlin => (
            &["import ", "fun "],
            &["fun main("],
            "Read with `readLine()`, print exactly the output that is asked for, and put \
             everything into one file with a `main` function.",
        ),
        Language::Php => (
            &["<?php"],
            &["<?"],
            "Begin with `<?php`, read from `STDIN`, and print exactly the output that is \
             asked for.",
        ),
        Language::Ruby => (
            &["require ", "def ", "class "],
            &["gets", "STDIN", "$stdin", "puts", "print"],
            "Read with `gets` or `STDIN`, print exactly the output that is asked for, and \
             call the code at the top level.",
        ),
    };
    Dialect {
        openings,
        marks,
        rule,
    }
}
