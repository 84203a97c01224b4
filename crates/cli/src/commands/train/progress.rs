use serde_json::json;
use trainer::{Event, StepReport, Watch};

use super::plan::duration;
use crate::interrupt::Interrupt;
use crate::ui::{Live, Ui};

/// Steps that the speed is a mean of.
const WINDOW: usize = 20;

/// Shows how a run goes on.
pub(super) struct Progress<'a> {
    ui: &'a Ui,
    interrupt: &'a Interrupt,
    about: &'a str,
    live: Live,
    last: Option<StepReport>,
    /// Tokens and seconds of the latest steps.
    latest: Vec<(usize, f64)>,
    measured: String,
}

impl<'a> Progress<'a> {
    pub(super) fn new(ui: &'a Ui, interrupt: &'a Interrupt, about: &'a str) -> Progress<'a> {
        Progress {
            ui,
            interrupt,
            about,
            live: ui.live(),
            last: None,
            latest: Vec::new(),
            measured: String::new(),
        }
    }

    /// Leaves the last line standing.
    pub(super) fn close(&self) {
        if let Some(last) = &self.last {
            self.live.close(&self.line(last));
        }
    }

    fn step(&mut self, report: StepReport) {
        if self.latest.len() == WINDOW {
            self.latest.remove(0);
        }
        self.latest.push((report.tokens, report.seconds));
        self.last = Some(report);
        self.live.show(&self.line(&report));
    }

    fn line(&self, report: &StepReport) -> String {
        let n_tokens: usize = self.latest.iter().map(|(tokens, _)| tokens).sum();
        let seconds: f64 = self.latest.iter().map(|(_, seconds)| seconds).sum();
        let left = (report.n_steps - report.step) as f64 * seconds / self.latest.len() as f64;
        let memory = crate::memory::peak().map_or(String::new(), |bytes| {
            format!(" · {:.2} GiB", bytes as f64 / f64::from(1 << 30))
        });
        format!(
            "{}step {}/{} · loss {:.4}{} · {:.0} tokens/s · {} left{memory}",
            self.about,
            report.step,
            report.n_steps,
            report.loss,
            self.measured,
            n_tokens as f64 / seconds,
            duration(left),
        )
    }

    /// One JSON line, where those are wanted. A reader that is gone ends nothing: the adapter is what counts.
    fn json(&self, line: serde_json::Value) {
        if self.ui.json() {
            drop(self.ui.line(&line.to_string()));
        }
    }
}

impl Watch for Progress<'_> {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Resumed { step } => {
                let text = format!("{}going on after step {step}", self.about);
                self.ui.note(&text);
            }
            Event::Step(report) => {
                self.step(report);
                let mut line = json!(report);
                line["schema"] = json!("mapcoder.train.step/1");
                self.json(line);
            }
            Event::Measured {
                step,
                loss,
                is_best,
            } => {
                self.measured = format!(" · set aside {loss:.4}");
                let schema = "mapcoder.train.eval/1";
                self.json(json!({
                    "schema": schema, "step": step, "eval_loss": loss, "is_best": is_best,
                }));
            }
            Event::Saved(path) => self.ui.detail(&format!("saved {}", path.display())),
        }
    }

    fn should_stop(&self) -> bool {
        self.interrupt.is_set()
    }
}
