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

/// Tries each rung by building a sandbox on it, and each toolchain by asking it for its version and starting it inside.
pub fn probe(settings: &Settings) -> Vec<Probe> {
    let toolchains = Toolchains::find(settings);
    let mut probes = Vec::new();
    let mut best = None;
    for rung in [Rung::Full, Rung::Userns, Rung::Landlock] {
        let result = Cell::start(&setup(settings, rung, &toolchains, Purpose::Compile));
        if result.is_ok() && best.is_none() {
            best = Some(rung);
        }
        probes.push(Probe {
            name: format!("rung {rung}"),
            result: result.map(|cell| {
                let steps = cell.steps.iter();
                let steps: Vec<_> = steps
                    .map(|step| format!("{}: {}", step.name, step.detail))
                    .collect();
                steps.join("; ")
            }),
        });
    }
    let inside = |result: Result<String, String>| match best {
        Some(rung) => result.and_then(|found| {
            Cell::start(&setup(settings, rung, &toolchains, Purpose::Run)).map(|_| found)
        }),
        None => result,
    };
    let python = toolchains.python.as_ref().map_err(Clone::clone);
    probes.push(Probe {
        name: "python".into(),
        result: inside(python.map(|python| format!("{} at {}", python.version, python.path))),
    });
    let cpp = toolchains.cpp.as_ref().map_err(Clone::clone);
    probes.push(Probe {
        name: "c++".into(),
        result: cpp.map(|cpp| {
            let linking = if cpp.can_link_statically {
                "static"
            } else {
                "dynamic"
            };
            format!("{} at {}, {linking} programs", cpp.version, cpp.path)
        }),
    });
    probes
}
