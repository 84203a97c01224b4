//! `mapcoder train` where the machine or the model's files fail it.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use crate::train::world;
use crate::world::{World, files_below};

/// Runs the program with files of at most so many blocks of 512 bytes, as on a disk that is full.
fn train_with_room(world: &World, n_blocks: usize) -> (Option<i32>, String) {
    let script = format!("trap '' XFSZ; ulimit -f {n_blocks}; exec \"$0\" train run.yaml");
    let program = world.command(&[]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).arg(program.get_program());
    command.env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let output = command.current_dir(world.path("project")).output().unwrap();
    (output.status.code(), world.anonymous(&output.stderr))
}

/// The last good checkpoint is kept as it is, nothing half-written is left, and the same command goes on.
#[test]
fn a_full_disk_costs_nothing_but_time() {
    let settings = "num_epochs: 3\nsave_steps: 4\n";
    let (whole, full) = (world(settings), world(settings));
    assert_eq!(whole.run(&["train", "run.yaml"]).code, Some(0));
    let read = |world: &World, file: &str| {
        std::fs::read(world.path(&format!("project/out/{file}"))).unwrap()
    };
    // The first checkpoint was written and the second was not; the optimiser needs twice an adapter's room.
    let mut child = full.spawn(&["--json", "train", "run.yaml"]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert_eq!(lines.take(5).map(Result::unwrap).count(), 5);
    child.kill().unwrap();
    child.wait().unwrap();
    let first = read(&full, "checkpoint-4/optimizer.safetensors");
    let n_bytes = read(&whole, "adapter_model.safetensors").len();
    let (code, stderr) = train_with_room(&full, n_bytes / 512 + 8);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(
        stderr.contains("checkpoint-") && stderr.contains("help: the last checkpoint is whole"),
        "{stderr}"
    );
    assert!(read(&full, "checkpoint-4/optimizer.safetensors") == first);
    assert_eq!(leftovers(&full), Vec::<String>::new());
    let outcome = full.run(&["train", "run.yaml"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let file = "adapter_model.safetensors";
    assert!(read(&full, file) == read(&whole, file));
}

/// Files that were being written.
fn leftovers(world: &World) -> Vec<String> {
    let mut files = files_below(&world.path("project/out"));
    files.retain(|file| file.contains(".partial"));
    files
}

/// A template whose end of turn the tokenizer has no token for: nothing could ever end a reply.
#[test]
fn a_tokenizer_without_the_templates_tokens_is_refused() {
    let world = world("");
    let path = world.path("project/tiny-llama/chat_template.jinja");
    let template = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, template.replace("<|im_end|>", "<|end_of_turn|>")).unwrap();
    let outcome = world.run(&["train", "run.yaml"]);
    assert_eq!(outcome.code, Some(4), "{outcome:?}");
    assert!(
        outcome
            .stderr
            .contains("the template ends a reply with no token that ends a turn"),
        "{outcome:?}"
    );
    assert!(!world.path("project/out").exists());
}
