use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use model::{ChatTemplate, Folder, Tokenizer};
use trainer::{
    CheckpointError, Encoding, Ending, Event, Example, Job, Keep, Residence, Settings, TrainError,
    Watch,
};

use crate::gradients::tiny;

/// A small run: eight steps in two epochs, a checkpoint every third.
const SETTINGS: &str = "
base_model: tiny-llama
datasets: rows.jsonl
output_dir: out
lora_r: 4
lora_dropout: 0.1
learning_rate: 5e-3
micro_batch_size: 2
num_epochs: 2
sequence_len: 200
save_steps: 3
val_set_size: 2
eval_steps: 2
";

fn rows() -> String {
    (0..10)
        .map(|i| {
            format!(
                "{{\"prompt\": \"double {i}\", \"completion\": \"{} it is\"}}\n",
                2 * i
            )
        })
        .collect()
}

/// What happened, and what ends the run.
#[derive(Default)]
struct Log {
    losses: Vec<f64>,
    measured: Vec<(u64, f64, bool)>,
    resumed: Option<u64>,
    n_saved: usize,
    /// The step after which the run is asked to stop.
    stop_after: Option<usize>,
    /// The step in which the process dies.
    die_in: Option<usize>,
}

impl Watch for Log {
    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Resumed { step } => self.resumed = Some(step),
            Event::Step(report) => {
                self.losses.push(report.loss);
                assert!(self.die_in != Some(self.losses.len()), "the process dies");
            }
            Event::Measured {
                step,
                loss,
                is_best,
            } => self.measured.push((step, loss, is_best)),
            Event::Saved(_) => self.n_saved += 1,
        }
    }

    fn should_stop(&self) -> bool {
        self.stop_after == Some(self.losses.len())
    }
}

struct World {
    folder: tempfile::TempDir,
    source: Folder,
}

impl World {
    fn new() -> World {
        World {
            folder: tempfile::tempdir().unwrap(),
            source: Folder::open(&tiny("tiny-llama")).unwrap(),
        }
    }

    fn examples(&self, settings: &Settings) -> Vec<Example> {
        let path = self.folder.path().join("rows.jsonl");
        std::fs::write(&path, rows()).unwrap();
        let encoding = Encoding {
            template: &ChatTemplate::load(&self.source).unwrap(),
            tokenizer: &Tokenizer::load(&self.source).unwrap(),
            sequence_len: settings.sequence_len,
            invocation: &[],
            agent: None,
        };
        let (examples, tally) = encoding.read(&[path]).unwrap();
        assert_eq!(tally.n_kept, 10, "{tally}");
        examples
    }

    /// Trains with settings in which some lines are replaced, and others added.
    fn train(&self, name: &str, more: &str, log: &mut Log) -> Result<Ending, TrainError> {
        let key = |line: &str| line.split(':').next().unwrap().to_string();
        let replaced: Vec<String> = more.lines().map(key).collect();
        let kept = SETTINGS
            .lines()
            .filter(|line| !replaced.contains(&key(line)));
        let yaml: String = kept
            .chain(more.lines())
            .flat_map(|line| [line, "\n"])
            .collect();
        let settings = Settings::parse(&yaml).unwrap();
        let (examples, aside) = trainer::set_aside(&settings, self.examples(&settings));
        assert_eq!((examples.len(), aside.len()), (8, 2));
        let output = self.folder.path().join(name);
        let job = Job {
            settings: &settings,
            source: &self.source,
            examples: &examples,
            set_aside: &aside,
            output: &output,
            n_threads: 2,
            keep: Keep::BlockInputs,
            residence: Residence::AsStored,
            prefix_bytes: 1 << 20,
        };
        trainer::train(&job, log)
    }

    /// The files of an output folder, those of its checkpoints included, without times.
    fn files(&self, name: &str) -> BTreeMap<String, Vec<u8>> {
        let mut files = BTreeMap::new();
        let root = self.folder.path().join(name);
        collect(&root, &root, &mut files);
        files.retain(|name, _| !name.starts_with("events.out.tfevents."));
        let lines = String::from_utf8(files.remove("trainer_log.jsonl").unwrap()).unwrap();
        let steps: Vec<u64> = lines
            .lines()
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|line| line["step"].as_u64().unwrap())
            .collect();
        files.insert("steps".to_string(), format!("{steps:?}").into_bytes());
        files
    }
}

fn collect(root: &Path, folder: &Path, files: &mut BTreeMap<String, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(root, &path, files);
        } else {
            let name = path.strip_prefix(root).unwrap().display().to_string();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
}

#[test]
fn a_run_learns_and_leaves_an_adapter() {
    let world = World::new();
    let mut log = Log::default();
    assert_eq!(world.train("out", "", &mut log).unwrap(), Ending::Finished);
    assert_eq!(log.losses.len(), 8);
    let steps: Vec<u64> = log.measured.iter().map(|(step, ..)| *step).collect();
    assert_eq!(steps, [2, 4, 6, 8]);
    let (first, last) = (log.measured[0].1, log.measured[3].1);
    assert!(
        last < 0.8 * first,
        "held-out loss went from {first} to {last}"
    );
    let files = world.files("out");
    let names: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        names
            .iter()
            .filter(|name| !name.contains('/'))
            .collect::<Vec<_>>(),
        [
            &"README.md",
            &"adapter_config.json",
            &"adapter_model.safetensors",
            &"loss.svg",
            &"steps"
        ]
    );
    // Two checkpoints are kept, and the best adapter.
    let folders: Vec<&&str> = names
        .iter()
        .filter(|name| name.ends_with("/adapter_config.json"))
        .collect();
    assert_eq!(folders.len(), 3, "{names:?}");
    assert_eq!(files["steps"], b"[1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 8, 8]");
    let config: serde_json::Value = serde_json::from_slice(&files["adapter_config.json"]).unwrap();
    assert_eq!(
        (&config["r"], &config["lora_alpha"]),
        (&4.into(), &8.into())
    );
}

/// Whether a run is asked to stop or dies, and wherever it does: it goes on to the same bytes.
#[test]
fn a_run_that_was_cut_off_ends_with_the_same_bytes() {
    let world = World::new();
    let more = "load_best_model_at_end: true\n";
    world.train("whole", more, &mut Log::default()).unwrap();
    let whole = world.files("whole");
    for cut in 1..8 {
        let name = format!("stopped-{cut}");
        let mut log = Log {
            stop_after: Some(cut),
            ..Log::default()
        };
        let ending = world.train(&name, more, &mut log).unwrap();
        assert_eq!(ending, Ending::Interrupted { step: cut as u64 });
        assert!(
            !world
                .folder
                .path()
                .join(&name)
                .join("adapter_config.json")
                .exists()
        );
        let mut log = Log::default();
        assert_eq!(
            world.train(&name, more, &mut log).unwrap(),
            Ending::Finished
        );
        assert_eq!((log.resumed, log.losses.len()), (Some(cut as u64), 8 - cut));
        // A checkpoint where it stopped may stand in the place of an older one.
        let is_final =
            |name: &str| !name.starts_with("checkpoint-") || name.starts_with("checkpoint-8/");
        for (file, bytes) in whole.iter().filter(|(name, _)| is_final(name)) {
            assert!(
                world.files(&name)[file] == *bytes,
                "stopped after {cut}: {file}"
            );
        }
    }
    for cut in 1..8 {
        let name = format!("died-{cut}");
        let mut log = Log {
            die_in: Some(cut),
            ..Log::default()
        };
        let run = AssertUnwindSafe(|| world.train(&name, more, &mut log));
        assert!(catch_unwind(run).is_err());
        let mut log = Log::default();
        world.train(&name, more, &mut log).unwrap();
        assert_eq!(log.losses.len(), 8 - (cut - 1) / 3 * 3);
        assert!(world.files(&name) == whole, "died in {cut}");
    }
}

#[test]
fn a_finished_run_has_nothing_left_to_do() {
    let world = World::new();
    world.train("out", "", &mut Log::default()).unwrap();
    let files = world.files("out");
    let mut log = Log::default();
    assert_eq!(world.train("out", "", &mut log).unwrap(), Ending::Finished);
    assert_eq!((log.resumed, log.losses.len()), (Some(8), 0));
    assert!(world.files("out") == files);
}

#[test]
fn another_run_is_not_mixed_in() {
    let world = World::new();
    world.train("out", "", &mut Log::default()).unwrap();
    let error = world
        .train("out", "weight_decay: 0.5\n", &mut Log::default())
        .unwrap_err();
    assert!(
        matches!(
            error,
            TrainError::Checkpoint(CheckpointError::Other {
                what: "setting",
                ..
            })
        ),
        "{error}"
    );
}

#[test]
fn a_damaged_checkpoint_is_named_and_the_one_before_goes_on() {
    let world = World::new();
    world.train("whole", "", &mut Log::default()).unwrap();
    let whole = world.files("whole");
    for (file, damage) in [
        ("adapter_model.safetensors", 900),
        ("optimizer.safetensors", 200),
        ("trainer_state.json", 3),
    ] {
        let name = format!("damaged-{file}");
        world.train(&name, "", &mut Log::default()).unwrap();
        let last = world.folder.path().join(&name).join("checkpoint-8");
        let mut bytes = std::fs::read(last.join(file)).unwrap();
        bytes[damage] ^= 0x55;
        std::fs::write(last.join(file), bytes).unwrap();
        let error = world
            .train(&name, "", &mut Log::default())
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("checkpoint-8") && error.contains(file),
            "{error}"
        );
        std::fs::remove_dir_all(&last).unwrap();
        let mut log = Log::default();
        world.train(&name, "", &mut log).unwrap();
        assert_eq!(log.resumed, Some(6));
        assert!(world.files(&name) == whole);
    }
}

#[test]
fn a_loss_that_is_no_number_ends_the_run_and_names_its_examples() {
    let world = World::new();
    let more = "learning_rate: 1e30\nweight_decay: 1";
    let error = world.train("out", more, &mut Log::default()).unwrap_err();
    let text = error.to_string();
    assert!(matches!(error, TrainError::NotFinite { .. }), "{text}");
    assert!(
        text.contains("rows.jsonl:") && text.contains("checkpoint"),
        "{text}"
    );
}

#[test]
fn a_run_without_progress_ends_early_with_the_best_adapter() {
    let world = World::new();
    let mut log = Log::default();
    // A rate so low that numbers move and no loss does.
    let more = "learning_rate: 1e-30\nlr_scheduler: constant\nearly_stopping_patience: 2\nload_best_model_at_end: true";
    let ending = world.train("out", more, &mut log).unwrap();
    assert_eq!(ending, Ending::Stopped { step: 6 }, "{:?}", log.measured);
    assert_eq!(
        log.measured
            .iter()
            .map(|(.., is_best)| *is_best)
            .collect::<Vec<_>>(),
        [true, false, false]
    );
    let files = world.files("out");
    let [last, best] = ["checkpoint-6", "best-2"]
        .map(|folder| &files[&format!("{folder}/adapter_model.safetensors")]);
    assert!(files["adapter_model.safetensors"] == *best && best != last);
    // It has ended, and stays so.
    let again = world.train("out", more, &mut Log::default()).unwrap();
    assert_eq!(again, ending);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let world = World::new();
    std::fs::write(world.folder.path().join("out"), "a file").unwrap();
    let error = world
        .train("out/below", "", &mut Log::default())
        .unwrap_err();
    assert!(error.to_string().contains("below"), "{error}");
}
