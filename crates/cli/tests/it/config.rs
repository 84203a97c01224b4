use crate::world::World;

#[test]
fn every_setting_is_shown_with_its_origin() {
    let world = World::new()
        .with("OPENAI_API_KEY", "sk-canary")
        .with("MAPCODER_T", "2");
    world.write("project/mapcoder.toml", "k = 4\n[judge]\ncells = 1\n");
    world.write("home/.config/mapcoder/config.toml", "language = \"cpp\"\n");
    let outcome = world.run(&["config", "show"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(!outcome.stdout.contains("canary"));
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn as_json_each_setting_is_a_tagged_line() {
    let world = World::new().with("OPENAI_BASE_URL", "http://localhost:8000/v1/");
    let outcome = world.run(&["config", "show", "--json"]);
    let lines: Vec<serde_json::Value> = outcome
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(
        lines
            .iter()
            .all(|line| line["schema"] == "mapcoder.setting/1")
    );
    let url = lines.iter().find(|line| line["key"] == "base_url").unwrap();
    assert_eq!(url["value"], "http://localhost:8000/v1");
    assert_eq!(url["origin"], "OPENAI_BASE_URL");
}

#[test]
fn a_misspelt_key_is_one_line_of_error_and_one_of_help() {
    let world = World::new();
    world.write("project/mapcoder.toml", "k = 3\n\nlanguge = \"cpp\"\n");
    let outcome = world.run(&["config", "show"]);
    assert_eq!(outcome.code, Some(2));
    assert_eq!(outcome.stdout, "");
    assert_eq!(
        outcome.stderr,
        "error: unknown key `languge` in mapcoder.toml, line 3\nhelp: did you mean `language`?\n"
    );
}

#[test]
fn with_json_the_error_is_a_tagged_line_too() {
    let world = World::new().with("MAPCODER_K", "many");
    let outcome = world.run(&["--json", "config", "show"]);
    assert_eq!(outcome.code, Some(2));
    let line: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(line["schema"], "mapcoder.error/1");
    assert_eq!(line["exit"], 2);
    let expected =
        "invalid value `many` for `k` (MAPCODER_K): expected a whole number from 1 to 100";
    assert_eq!(line["error"], expected);
    assert_eq!(outcome.stderr, format!("error: {expected}\n"));
}

#[test]
fn a_settings_file_that_is_not_there_is_named() {
    let outcome = World::new().run(&["--config", "absent.toml", "config", "show"]);
    assert_eq!(outcome.code, Some(2));
    assert!(
        outcome
            .stderr
            .starts_with("error: failed to read settings from absent.toml: No such file"),
        "{outcome:?}"
    );
}

#[test]
fn the_files_looked_for_are_listed() {
    let world = World::new();
    world.write("project/mapcoder.toml", "");
    let outcome = world.run(&["config", "path"]);
    assert_eq!(
        outcome.stdout,
        "project  $ROOT/project/mapcoder.toml\n\
        user     $ROOT/home/.config/mapcoder/config.toml  (not there)\n"
    );
}

#[test]
fn colours_are_used_only_when_asked_for_outside_a_terminal() {
    let red = "\x1b[31;1merror:\x1b[0m";
    let world = World::new().with("MAPCODER_K", "0");
    assert!(!world.run(&["config", "show"]).stderr.contains('\x1b'));
    let outcome = world.run(&["config", "show", "--color", "always"]);
    assert!(outcome.stderr.starts_with(red), "{outcome:?}");
}
