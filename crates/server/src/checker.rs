use domain::{Checker, Harness};

/// A word that names no checker.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown checker `{0}`: expected `lines`, `tokens`, `float:TOLERANCE`, `testlib:NAME`, or `compat:` with `execeval`, `apps`, `codecontests` or `livecodebench`"
)]
pub struct UnknownChecker(pub String);

/// The checker of a short name, such as `lines`, `float:1e-6`, `testlib:wcmp` or `compat:execeval`.
///
/// # Errors
/// When there is none of that name.
pub fn checker(name: &str) -> Result<Checker, UnknownChecker> {
    let unknown = || UnknownChecker(name.to_string());
    let (kind, rest) = name
        .split_once(':')
        .map_or((name, None), |(kind, rest)| (kind, Some(rest)));
    match (kind, rest) {
        ("lines", None) => Ok(Checker::Lines),
        ("tokens", None) => Ok(Checker::Tokens),
        ("float", Some(tolerance)) => {
            let tolerance: f64 = tolerance.parse().map_err(|_| unknown())?;
            if is_tolerance(tolerance) {
                Ok(Checker::Float { tolerance })
            } else {
                Err(unknown())
            }
        }
        ("testlib", Some(name)) if !name.is_empty() => Ok(Checker::Testlib { name: name.into() }),
        ("compat", Some(name)) => {
            let harness = Harness::ALL
                .into_iter()
                .find(|harness| harness.name() == name);
            let harness = harness.ok_or_else(unknown)?;
            Ok(Checker::Compat { harness })
        }
        _ => Err(unknown()),
    }
}

/// True for what two numbers may differ by.
pub(crate) fn is_tolerance(value: f64) -> bool {
    value.is_finite() && value >= 0.0
}
