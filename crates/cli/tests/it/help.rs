use crate::world::World;

/// The subcommands whose help is kept as a snapshot, each with its page's name.
const PAGES: [(&str, &[&str]); 30] = [
    ("mapcoder", &[]),
    ("solve", &["solve"]),
    ("eval", &["eval"]),
    ("report", &["report"]),
    ("view", &["view"]),
    ("compare", &["compare"]),
    ("rejudge", &["rejudge"]),
    ("verify", &["verify"]),
    ("data", &["data"]),
    ("data-split", &["data", "split"]),
    ("bench-pipeline", &["bench", "pipeline"]),
    ("judge", &["judge"]),
    ("judge-run", &["judge", "run"]),
    ("judge-batch", &["judge", "batch"]),
    ("judge-serve", &["judge", "serve"]),
    ("distill", &["distill"]),
    ("distill-run", &["distill", "run"]),
    ("distill-status", &["distill", "status"]),
    ("distill-import", &["distill", "import"]),
    ("distill-export", &["distill", "export"]),
    ("train", &["train"]),
    ("improve", &["improve"]),
    ("adapters", &["adapters"]),
    ("model", &["model"]),
    ("model-pull", &["model", "pull"]),
    ("runs", &["runs"]),
    ("runs-export", &["runs", "export"]),
    ("doctor", &["doctor"]),
    ("config", &["config"]),
    ("completions", &["completions"]),
];

#[test]
fn every_page_of_help_is_as_it_was() {
    for (name, words) in PAGES {
        let outcome = World::new().run(&[words, &["--help"]].concat());
        assert_eq!(outcome.code, Some(0), "{name}");
        insta::assert_snapshot!(format!("help-{name}"), outcome.stdout);
    }
}

#[test]
fn the_version_is_printed() {
    let outcome = World::new().run(&["--version"]);
    assert_eq!(outcome.code, Some(0));
    assert!(outcome.stdout.starts_with("mapcoder "), "{outcome:?}");
}

#[test]
fn a_wrong_command_line_exits_with_2_and_says_why_on_standard_error() {
    for arguments in [
        &["frobnicate"][..],
        &["model", "pull", "--frobnicate"],
        &[],
        &["--quiet", "--verbose", "config", "path"],
        &["--color", "sometimes", "config", "path"],
    ] {
        let outcome = World::new().run(arguments);
        assert_eq!(outcome.code, Some(2), "{outcome:?}");
        assert!(outcome.stdout.is_empty() && !outcome.stderr.is_empty());
    }
}

#[test]
fn every_shell_gets_a_completion_script() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let outcome = World::new().run(&["completions", shell]);
        assert_eq!(outcome.code, Some(0));
        assert!(
            outcome.stdout.contains("mapcoder") && outcome.stdout.contains("doctor"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    for arguments in [&["completions", "bash"][..], &["config", "show"]] {
        let mut child = World::new().spawn(arguments);
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    }
}
