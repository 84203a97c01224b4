use domain::Rung;

use crate::Settings;
use crate::handle::Cell;
use crate::protocol::Purpose;
use crate::toolchain::Toolchains;
use crate::worker::setup;

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
        let result = match Cell::start(&setup(settings, rung, &toolchains, Purpose::Compile)) {
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
                let setup = setup(settings, *rung, &toolchains, Purpose::Run);
                Cell::start(&setup).map(|_| found)
            }
            None => Ok(found),
        }
    });
    let cpp = toolchains.cpp.clone().map(|cpp| {
        let linking = if cpp.can_link_statically {
            "static"
        } else {
            "dynamic"
        };
        format!("{} at {}, {linking} programs", cpp.version, cpp.path)
    });
    for (name, result) in [("python", python), ("c++", cpp)] {
        let name = name.into();
        probes.push(Probe { name, result });
    }
    probes
}
