use domain::{Language, Rung};

use crate::Settings;
use crate::handle::Cell;
use crate::languages::{Toolchains, Warm, row};
use crate::worker::{Place, setup};

/// One thing that the judge needs, tried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Probe {
    /// What was tried, such as `rung full` or `python`.
    pub name: String,
    /// What it gave, or why it does not work here.
    pub result: Result<String, String>,
}

/// Tries each rung by building a sandbox on it and testing that it holds, strongest first,
/// and each toolchain by asking for its version and starting it inside.
///
/// The first `rung` that works is the one that a judge takes; the reasons of those before it say why it is not higher.
/// What that sandbox is made of follows, part by part. It blocks for about a second.
pub fn probe(settings: &Settings) -> Vec<Probe> {
    let toolchains = Toolchains::find(settings);
    let mut probes = Vec::new();
    let mut best = None;
    for rung in [Rung::Full, Rung::Userns, Rung::Landlock] {
        let name = format!("rung {rung}");
        let result = match Cell::start(&setup(settings, rung, &toolchains, Place::Compile)) {
            Ok(cell) => {
                best.get_or_insert((rung, cell));
                Ok("works".into())
            }
            Err(error) => Err(error),
        };
        probes.push(Probe { name, result });
    }
    for step in best.iter().flat_map(|(_, cell)| &cell.steps) {
        probes.push(Probe {
            name: step.name.clone(),
            result: Ok(step.detail.clone()),
        });
    }
    let python = toolchains.python.clone().and_then(|python| {
        let found = format!("{} at {}", python.version, python.path);
        match &best {
            Some((rung, _)) => {
                let setup = setup(settings, *rung, &toolchains, Place::Run(Warm::Plain));
                Cell::start(&setup).map(|_| found)
            }
            None => Ok(found),
        }
    });
    probes.push(Probe {
        name: Language::Python.name().into(),
        result: python,
    });
    // Some take a second to print their version.
    let others = Language::ALL
        .into_iter()
        .filter(|&language| language != Language::Python);
    let results: Vec<_> = std::thread::scope(|scope| {
        let toolchains = &toolchains;
        let started: Vec<_> = others
            .map(|language| {
                (
                    language,
                    scope.spawn(move || tool(settings, toolchains, language)),
                )
            })
            .collect();
        let joined = started.into_iter();
        joined
            .map(|(language, thread)| (language, thread.join()))
            .collect()
    });
    for (language, result) in results {
        probes.push(Probe {
            name: language.name().into(),
            result: result.unwrap_or_else(|_| Err("asking for its version failed".into())),
        });
    }
    probes
}

/// The version and place of what compiles or runs a language.
fn tool(
    settings: &Settings,
    toolchains: &Toolchains,
    language: Language,
) -> Result<String, String> {
    let toolchain = toolchains.get(language)?;
    let facts = toolchain.facts(settings)?;
    let linking = match &row(language).compile {
        Some(how) if how.statically.is_some() && facts.is_static => ", static programs",
        Some(how) if how.statically.is_some() => ", dynamic programs",
        _ => "",
    };
    Ok(format!(
        "{} at {}{linking}",
        facts.version,
        toolchain.path().display()
    ))
}
