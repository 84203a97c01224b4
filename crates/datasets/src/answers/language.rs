use domain::Language;

/// The language that a result file names: our own names, fence tags, and names such as `Python3`, `GNU C++17`,
/// `C# 10` or `Node.js`.
pub(super) fn language(name: &str) -> Option<Language> {
    let lower = name.trim().to_ascii_lowercase();
    let lower = lower.trim_start_matches("gnu ").trim_start_matches("ms ");
    let parse = |word: &str| word.parse().ok();
    let first = lower.split_whitespace().next().unwrap_or(lower);
    parse(lower)
        .or_else(|| parse(first))
        .or_else(|| parse(first.trim_end_matches(".js")))
        .or_else(|| parse(first.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.')))
}

/// The language that a file's ending names.
pub(super) fn of_ending(ending: &str) -> Option<Language> {
    Some(match ending {
        "py" => Language::Python,
        "c" => Language::C,
        "cpp" | "cc" | "cxx" => Language::Cpp,
        "rs" => Language::Rust,
        "java" => Language::Java,
        "js" => Language::JavaScript,
        "go" => Language::Go,
        "cs" => Language::CSharp,
        "kt" => Language::Kotlin,
        "php" => Language::Php,
        "rb" => Language::Ruby,
        _ => return None,
    })
}
