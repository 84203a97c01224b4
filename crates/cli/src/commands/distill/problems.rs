//! What a plan's team works on.

use std::path::Path;

use datasets::{DataSet, is_in_first_part};
use distill::plan::{Part, Plan};
use distill::{HeldOut, SetRef};

use super::beside;
use crate::data;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::settings::Settings;
use crate::ui::Ui;
use crate::wiring;

/// The problems of a data set that the plan selects, without those that are held out.
pub(super) struct Selected {
    pub(super) set: DataSet,
    pub(super) name: SetRef,
    /// Problems that were left out because something will be measured on them.
    pub(super) n_held_out: usize,
}

/// What a plan selects, and what it must keep away from.
pub(super) struct Selection {
    pub(super) sets: Vec<Selected>,
    /// The data sets that something will be measured on.
    pub(super) held_out: Vec<DataSet>,
}

impl Selection {
    /// Reads the data sets of a plan.
    ///
    /// # Errors
    /// When one cannot be had, is one to measure on, or nothing is selected.
    pub(super) fn of(
        plan: &Plan,
        folder: &Path,
        settings: &Settings,
        ui: &Ui,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Selection> {
        let mut held_out = HeldOut::default();
        let mut aside = Vec::new();
        for name in &plan.held_out {
            let set = data::load(&beside(folder, name), settings, ui, interrupt)?;
            held_out.add(&set);
            aside.push(set);
        }
        let mut sets = Vec::new();
        for problems in &plan.problems {
            let mut set = data::load(&beside(folder, &problems.data), settings, ui, interrupt)?;
            if let Some(split) = problems.split {
                let is_first = split.part == Part::First;
                set.tasks
                    .retain(|task| is_in_first_part(task, split.share, split.seed) == is_first);
            }
            let n_all = set.tasks.len();
            set.tasks.retain(|task| !held_out.holds(task));
            let n_held_out = n_all - set.tasks.len();
            if n_all > 0 && set.tasks.is_empty() {
                let message = format!(
                    "`problems`: {} is a data set to measure on, so nothing may be learned from it",
                    problems.data
                );
                return Err(Failure::new(Exit::Usage, message)
                    .help("name a data set to train on, or the other part of a `split`")
                    .into());
            }
            let set = set.select(problems.limit, problems.filter.as_deref());
            wiring::check_language(settings, &set.tasks)?;
            sets.push(Selected {
                name: SetRef::of(&set),
                set,
                n_held_out,
            });
        }
        if sets.iter().all(|selected| selected.set.tasks.is_empty()) {
            return Err(
                Failure::new(Exit::NothingSelected, "the plan selects no problem")
                    .help("see what `filter` and `split` leave over")
                    .into(),
            );
        }
        Ok(Selection {
            sets,
            held_out: aside,
        })
    }

    /// Problems of all sets.
    pub(super) fn n_problems(&self) -> usize {
        self.sets
            .iter()
            .map(|selected| selected.set.tasks.len())
            .sum()
    }
}
