//! A training run, from settings and examples to an adapter.

use std::path::Path;
use std::time::Instant;

use model::Source;

use crate::base::{Base, Residence};
use crate::data::{Document, Example, Step};
use crate::optimiser::{AdamW, clip};
use crate::pass::{Drops, Keep, Passes};
use crate::settings::Settings;

mod card;
mod checkpoint;
mod cut;
mod error;
mod examples;
mod files;
mod log;
mod plan;
mod plot;
mod rehearsal;
mod tensorboard;
mod watch;

pub use checkpoint::CheckpointError;
pub use error::TrainError;
pub use examples::{set_aside, steps};
pub use plan::{Longest, Plan, PlanRow, operations_per_second};
pub use rehearsal::rehearse;
pub use watch::{Ending, Event, StepReport, Watch};

use checkpoint::{Best, Checkpoint, Identity};
use log::Log;

/// What is to be trained.
pub struct Job<'a> {
    /// The settings.
    pub settings: &'a Settings,
    /// The model to build on.
    pub source: &'a dyn Source,
    /// Examples to learn from.
    pub examples: &'a [Example],
    /// Examples that only measure.
    pub set_aside: &'a [Example],
    /// The folder to write to.
    pub output: &'a Path,
    /// Threads that compute, the caller's included.
    pub n_threads: usize,
    /// What is kept in memory within a pass.
    pub keep: Keep,
    /// How the base is held in memory.
    pub residence: Residence,
    /// Memory for the keys and values of prefixes, so that they are not read again in each epoch.
    pub prefix_bytes: usize,
}

/// Trains an adapter. A run that was cut off goes on after its last checkpoint and ends with the same bytes.
///
/// # Errors
/// When the model or a checkpoint cannot be used, a file cannot be written, or a loss is not finite.
pub fn train(job: &Job<'_>, watch: &mut (dyn Watch + Send)) -> Result<Ending, TrainError> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(job.n_threads)
        .thread_name(|i| format!("trainer-{i}"))
        .build()
        .map_err(|error| TrainError::Threads(error.to_string()))?;
    pool.install(|| Run::begin(job)?.finish(watch))
}

/// A run in progress.
struct Run<'a> {
    job: &'a Job<'a>,
    steps: Vec<Step>,
    identity: Identity,
}

impl<'a> Run<'a> {
    fn begin(job: &'a Job<'a>) -> Result<Run<'a>, TrainError> {
        let n_vocab = job.source.config()?.n_vocab;
        for example in job.examples.iter().chain(job.set_aside) {
            let tokens = &example.document.tokens;
            if let Some(&token) = tokens.iter().find(|&&token| token as usize >= n_vocab) {
                let example = example.to_string();
                return Err(TrainError::Vocabulary { example, token });
            }
        }
        let steps = steps(job.settings, job.examples);
        let identity = Identity::new(job, &steps);
        Ok(Run {
            job,
            steps,
            identity,
        })
    }

    fn finish(self, watch: &mut (dyn Watch + Send)) -> Result<Ending, TrainError> {
        let job = self.job;
        let settings = job.settings;
        let base = Base::<f32>::load(job.source, job.residence)?;
        let shape = settings.shape();
        let mut passes = Passes::new(&base, &shape, job.keep).remember(job.prefix_bytes);
        let n_numbers = passes.n_numbers();
        files::folder(job.output)?;
        let found = Checkpoint::last(job, &self.identity, &passes.places, &base.config)?;
        if let Some(found) = &found {
            watch.event(Event::Resumed { step: found.step });
        }
        let mut state = found.unwrap_or_else(|| Checkpoint {
            step: 0,
            numbers: passes.begin(settings.seed),
            optimiser: AdamW::new(settings.optimiser(), n_numbers),
            best: None,
            n_without_progress: 0,
        });
        let mut log = Log::open(job.output, state.step)?;
        let n_steps = self.steps.len() as u64;
        let n_warmup = settings.n_warmup(n_steps);
        let mut gradient = vec![0.0f32; n_numbers];
        let mut ending = Ending::Finished;
        let has_given_up = |state: &Checkpoint| {
            let patience = settings.early_stopping_patience;
            patience.is_some_and(|patience| state.n_without_progress >= patience)
        };
        if has_given_up(&state) {
            ending = Ending::Stopped { step: state.step };
        }
        while state.step < n_steps && ending == Ending::Finished {
            let step = &self.steps[state.step as usize];
            let started = Instant::now();
            gradient.fill(0.0);
            let (loss, n_trained) = self.gradient(&mut passes, &state, step, &mut gradient)?;
            let max_norm = (settings.max_grad_norm > 0.0).then_some(settings.max_grad_norm);
            let grad_norm = clip(&mut gradient, max_norm);
            if !grad_norm.is_finite() {
                return Err(self.not_finite(&state, "the gradient", &step.examples));
            }
            let share = settings.lr_scheduler.share(state.step, n_warmup, n_steps);
            let learning_rate = settings.learning_rate * share;
            state
                .optimiser
                .step(&mut state.numbers, &gradient, learning_rate);
            state.step += 1;
            let report = StepReport {
                step: state.step,
                n_steps,
                epoch: self.epoch(state.step),
                loss: loss / n_trained as f64,
                grad_norm,
                learning_rate,
                tokens: self
                    .documents(&step.examples)
                    .map(|one| one.tokens.len())
                    .sum(),
                trained_tokens: n_trained,
                seconds: started.elapsed().as_secs_f64(),
            };
            log.step(&report)?;
            watch.event(Event::Step(report));
            if self.measures_after(state.step) {
                self.measure(&mut passes, &mut state, &mut log, watch)?;
            }
            if has_given_up(&state) {
                ending = Ending::Stopped { step: state.step };
            } else if watch.should_stop() && state.step < n_steps {
                ending = Ending::Interrupted { step: state.step };
            }
            let is_due = settings
                .save_steps
                .is_some_and(|every| state.step.is_multiple_of(every));
            let is_over = ending != Ending::Finished || state.step == n_steps;
            if is_due || is_over {
                log.draw()?;
                let path = state.save(job, &self.identity, n_steps, &passes)?;
                watch.event(Event::Saved(&path));
            }
        }
        if !matches!(ending, Ending::Interrupted { .. }) {
            self.write_adapter(&passes, &state)?;
        }
        Ok(ending)
    }

    /// The sum of a step's losses, and over how many tokens; the gradient of their mean is added to `gradient`.
    fn gradient(
        &self,
        passes: &mut Passes<'_, '_, f32>,
        state: &Checkpoint,
        step: &Step,
        gradient: &mut [f32],
    ) -> Result<(f64, usize), TrainError> {
        let n_trained: usize = self
            .documents(&step.examples)
            .map(Document::n_trained)
            .sum();
        let factor = 1.0 / n_trained as f64;
        let mut total = 0.0;
        let document = |&i: &usize| &self.job.examples[i].document;
        for (pass_idx, examples) in cut::passes(step.examples.clone(), document)
            .iter()
            .enumerate()
        {
            let drops = (self.job.settings.lora_dropout > 0.0).then_some(Drops {
                share: self.job.settings.lora_dropout,
                seed: self.job.settings.seed,
                // No step has a million passes.
                pass: state.step << 20 | pass_idx as u64,
            });
            let documents: Vec<&Document> = self.documents(examples).collect();
            let numbers = &state.numbers;
            let loss = passes.loss_and_gradient(numbers, &documents, factor, gradient, drops);
            if !loss.is_finite() {
                return Err(self.not_finite(state, "the loss", examples));
            }
            total += loss;
        }
        Ok((total, n_trained))
    }

    fn documents<'s>(&'s self, examples: &'s [usize]) -> impl Iterator<Item = &'s Document> {
        examples.iter().map(|&i| &self.job.examples[i].document)
    }

    /// Epochs that are done after so many steps, parts included.
    fn epoch(&self, step: u64) -> f64 {
        let per_epoch = self.steps.iter().filter(|step| step.epoch == 0).count();
        step as f64 / per_epoch.max(1) as f64
    }

    /// Whether the examples set aside are measured after a step.
    fn measures_after(&self, step: u64) -> bool {
        let is_last = step == self.steps.len() as u64;
        let ends_epoch =
            is_last || self.steps[step as usize].epoch != self.steps[step as usize - 1].epoch;
        let is_due = match self.job.settings.eval_steps {
            Some(every) => is_last || step.is_multiple_of(every),
            None => ends_epoch,
        };
        !self.job.set_aside.is_empty() && is_due
    }

    /// Measures the examples set aside, and keeps the adapter when it is the best so far.
    fn measure(
        &self,
        passes: &mut Passes<'_, '_, f32>,
        state: &mut Checkpoint,
        log: &mut Log,
        watch: &mut (dyn Watch + Send),
    ) -> Result<(), TrainError> {
        let all = self.job.set_aside.iter().map(|one| &one.document);
        let mut total = 0.0;
        for documents in cut::passes(all.collect(), |document: &&Document| *document) {
            total += passes.loss(&state.numbers, &documents);
        }
        let n_trained: usize = self
            .job
            .set_aside
            .iter()
            .map(|one| one.document.n_trained())
            .sum();
        let (step, loss) = (state.step, total / n_trained as f64);
        // A loss that is no number is never the best.
        let is_best = loss.is_finite() && state.best.is_none_or(|best| loss < best.loss);
        if is_best {
            let before = state.best.replace(Best { step, loss });
            state.n_without_progress = 0;
            state.save_best(self.job, passes, before)?;
        } else {
            state.n_without_progress += 1;
        }
        log.measured(step, loss, is_best)?;
        watch.event(Event::Measured {
            step,
            loss,
            is_best,
        });
        Ok(())
    }

    /// Writes the adapter that the run is for.
    fn write_adapter(
        &self,
        passes: &Passes<'_, '_, f32>,
        state: &Checkpoint,
    ) -> Result<(), TrainError> {
        let wants_best = self.job.settings.load_best_model_at_end;
        let weights = match state.best.filter(|_| wants_best) {
            Some(best) => checkpoint::best_weights(self.job.output, best.step)?,
            None => passes.to_peft(&state.numbers),
        };
        let output = self.job.output;
        let card = card::write(self.job, &self.identity, state, self.steps.len());
        files::write(&output.join("README.md"), card.as_bytes())?;
        let config = checkpoint::adapter_config(self.job);
        files::write(&output.join(crate::peft::CONFIG), config.as_bytes())?;
        files::write(&output.join(crate::peft::WEIGHTS), &weights)
    }

    fn not_finite(&self, state: &Checkpoint, what: &'static str, examples: &[usize]) -> TrainError {
        let names: Vec<String> = examples
            .iter()
            .map(|&i| self.job.examples[i].to_string())
            .collect();
        TrainError::NotFinite {
            step: state.step + 1,
            what,
            examples: names.join(", "),
            last: match checkpoint::newest(self.job.output) {
                Some(path) => format!("the last good checkpoint is {}", path.display()),
                None => "no checkpoint was written yet".to_string(),
            },
        }
    }
}
