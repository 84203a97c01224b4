mod endpoint;
mod machine;
mod model;
mod sandbox;

use serde_json::json;

use crate::exit::Exit;
use crate::settings::Settings;
use crate::ui::Ui;

/// How well one thing works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It works.
    Ok,
    /// It is missing or weak; the main job runs without it.
    Note,
    /// The main job needs it and it does not work.
    Broken,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Note => "note",
            State::Broken => "broken",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Area {
    Machine,
    Judge,
    Model,
    Storage,
}

impl Area {
    const ALL: [Area; 4] = [Area::Machine, Area::Judge, Area::Model, Area::Storage];

    fn name(self) -> &'static str {
        match self {
            Area::Machine => "machine",
            Area::Judge => "judge",
            Area::Model => "model",
            Area::Storage => "storage",
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    area: Area,
    /// What was looked at.
    name: String,
    state: State,
    /// What was found.
    detail: String,
    /// What the user can do about it.
    advice: Option<String>,
}

impl Finding {
    fn new(
        area: Area,
        name: impl Into<String>,
        state: State,
        detail: impl Into<String>,
    ) -> Finding {
        Finding {
            area,
            name: name.into(),
            state,
            detail: detail.into(),
            advice: None,
        }
    }

    fn advice(self, advice: impl Into<String>) -> Finding {
        Finding {
            advice: Some(advice.into()),
            ..self
        }
    }
}

/// `mapcoder doctor`.
pub(super) fn run(settings: &Settings, ui: &Ui) -> anyhow::Result<Exit> {
    let mut findings = machine::look();
    findings.extend(sandbox::look(settings));
    findings.extend(model::look(settings)?);
    findings.extend(machine::look_at_storage(settings));
    let exit = verdict(&findings);
    if ui.json() {
        for finding in &findings {
            let line = json!({
                "schema": "mapcoder.finding/1",
                "area": finding.area.name(),
                "name": finding.name,
                "state": finding.state.name(),
                "detail": finding.detail,
                "advice": finding.advice,
            });
            ui.line(&line.to_string())?;
        }
        let ready = exit == Exit::Success;
        let line = json!({"schema": "mapcoder.doctor/1", "ready": ready, "exit": exit as u8});
        ui.line(&line.to_string())?;
        return Ok(exit);
    }
    for area in Area::ALL {
        ui.line(area.name())?;
        for finding in findings.iter().filter(|finding| finding.area == area) {
            ui.line(&format!(
                "  {:7} {}: {}",
                finding.state.name(),
                finding.name,
                finding.detail
            ))?;
            if let Some(advice) = &finding.advice {
                ui.line(&format!("          → {advice}"))?;
            }
        }
    }
    ui.line(match exit {
        Exit::Success => "the main job, `mapcoder solve`, can run here",
        Exit::JudgeUnavailable => {
            "the main job cannot run here: programs cannot be judged; see what is broken above"
        }
        _ => "the main job cannot run here; see what is broken above",
    })?;
    Ok(exit)
}

/// Success when nothing that the main job needs is broken; a code of its own when only the judge is.
fn verdict(findings: &[Finding]) -> Exit {
    let mut broken = findings
        .iter()
        .filter(|finding| finding.state == State::Broken)
        .peekable();
    if broken.peek().is_none() {
        Exit::Success
    } else if broken.all(|finding| finding.area == Area::Judge) {
        Exit::JudgeUnavailable
    } else {
        Exit::Failure
    }
}

#[cfg(test)]
mod tests;
