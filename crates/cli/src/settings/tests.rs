use std::path::{Path, PathBuf};

use super::*;

/// A home folder `home` and a project folder `home/project` to write settings files into.
struct World {
    root: tempfile::TempDir,
    surroundings: Surroundings,
}

impl World {
    fn new() -> World {
        let root = tempfile::tempdir().unwrap();
        let home = root.path().join("home");
        let folder = home.join("project");
        std::fs::create_dir_all(&folder).unwrap();
        let mut world = World {
            root,
            surroundings: Surroundings {
                folder,
                ..Surroundings::default()
            },
        };
        world.set("HOME", home.to_str().unwrap());
        world
    }

    fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    fn set(&mut self, name: &str, value: &str) {
        self.surroundings
            .environment
            .insert(name.to_string(), value.to_string());
    }

    fn with(mut self, name: &str, value: &str) -> World {
        self.set(name, value);
        self
    }

    fn project(self, text: &str) -> World {
        write(&self.surroundings.folder.join("mapcoder.toml"), text);
        self
    }

    fn user(self, text: &str) -> World {
        write(&self.home().join(".config/mapcoder/config.toml"), text);
        self
    }

    fn load(&self, flags: &[(&'static str, &'static str, &str)]) -> Result<Settings, Error> {
        let overrides: Vec<Override> = flags
            .iter()
            .map(|&(key, flag, value)| Override {
                key,
                flag,
                value: value.to_string(),
            })
            .collect();
        Settings::load(&self.surroundings, &overrides)
    }

    /// The value and origin that `config show` prints for a key.
    fn shown(&self, key: &str) -> (String, String) {
        let settings = self.load(&[]).unwrap();
        let shown = settings.shown().iter().find(|shown| shown.key == key);
        let shown = shown.unwrap();
        (shown.value.clone(), shown.origin.to_string())
    }

    /// The error and its help, in one line each.
    fn error(&self) -> (String, String) {
        let error = self.load(&[]).unwrap_err();
        (error.to_string(), error.help().unwrap_or_default())
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn pair(a: &str, b: &str) -> (String, String) {
    (a.to_string(), b.to_string())
}

#[test]
fn defaults_are_those_of_the_data_types() {
    let world = World::new();
    let settings = world.load(&[]).unwrap();
    assert_eq!(settings.sampling, Sampling::default());
    assert_eq!((settings.k, settings.t), (3, 5));
    assert_eq!(settings.judge.min_rung, Rung::Landlock);
    assert_eq!(
        settings.ledger,
        world.home().join(".local/share/mapcoder/ledger.sqlite")
    );
    assert_eq!(settings.cache, world.home().join(".cache/mapcoder"));
    assert_eq!(settings.warnings, Vec::<String>::new());
}

#[test]
fn a_stronger_layer_wins_and_is_named() {
    let world = World::new().user("k = 4\nt = 6\nlanguage = \"cpp\"\n");
    assert_eq!(
        world.shown("k"),
        pair("4", "~/.config/mapcoder/config.toml:1")
    );
    let world = world.project("# ours\nk = 5\n[sampling]\ntop_p = 0.5\n");
    assert_eq!(world.shown("k"), pair("5", "mapcoder.toml:2"));
    assert_eq!(
        world.shown("sampling.top_p"),
        pair("0.5", "mapcoder.toml:4")
    );
    assert_eq!(
        world.shown("t"),
        pair("6", "~/.config/mapcoder/config.toml:2")
    );
    let world = world.with("MAPCODER_K", "7");
    assert_eq!(world.shown("k"), pair("7", "MAPCODER_K"));
    let settings = world.load(&[("k", "-k", "8")]).unwrap();
    assert_eq!((settings.k, settings.t), (8, 6));
    assert_eq!(settings.language, Language::Cpp);
    assert_eq!(settings.sampling.top_p, 0.5);
}

#[test]
fn the_project_file_is_found_from_below_and_its_paths_start_at_it() {
    let mut world = World::new().project("prompts = \"prompts\"\nmodel = \"m/x.gguf\"\n");
    let project = world.surroundings.folder.clone();
    world.surroundings.folder = project.join("a/b");
    let settings = world.load(&[("ledger", "--ledger", "l.sqlite")]).unwrap();
    assert_eq!(settings.prompts, Some(project.join("prompts")));
    assert_eq!(
        settings.model.as_deref(),
        project.join("m/x.gguf").to_str(),
        "a model file is a path"
    );
    assert_eq!(settings.ledger, project.join("a/b/l.sqlite"));
}

#[test]
fn a_tilde_is_the_home_folder() {
    let world = World::new().project("cache = \"~/elsewhere\"\n");
    let settings = world.load(&[]).unwrap();
    assert_eq!(settings.cache, world.home().join("elsewhere"));
}

#[test]
fn a_file_given_by_name_takes_the_place_of_the_projects() {
    let mut world = World::new().project("k = 5\n").user("t = 2\n");
    write(&world.home().join("other.toml"), "strategy = \"direct\"\n");
    world.surroundings.config = Some(world.home().join("other.toml"));
    let settings = world.load(&[]).unwrap();
    assert_eq!(
        (settings.strategy.as_str(), settings.k, settings.t),
        ("direct", 3, 2)
    );
    world.surroundings.config = Some("absent.toml".into());
    assert_eq!(world.error().0, "failed to read settings from absent.toml");
}

#[test]
fn relative_xdg_folders_are_ignored() {
    let world = World::new().with("XDG_CACHE_HOME", "relative");
    assert_eq!(
        world.load(&[]).unwrap().cache,
        world.home().join(".cache/mapcoder")
    );
    let world = world.with("XDG_CACHE_HOME", "/absolute");
    assert_eq!(
        world.load(&[]).unwrap().cache,
        Path::new("/absolute/mapcoder")
    );
}

#[test]
fn without_a_home_the_error_says_what_to_set() {
    let mut world = World::new();
    world.surroundings.environment.clear();
    assert_eq!(
        world.error(),
        pair(
            "no home folder to put the ledger into",
            "set HOME, or MAPCODER_LEDGER to a path"
        )
    );
    let world = world
        .with("MAPCODER_LEDGER", "l.sqlite")
        .with("MAPCODER_CACHE", "c");
    assert!(world.load(&[]).is_ok());
}

#[test]
fn unknown_keys_are_errors_with_a_guess() {
    let check = |text: &str, error: &str, help: &str| {
        assert_eq!(World::new().project(text).error(), pair(error, help));
    };
    check(
        "k = 3\nmodle = \"x\"\n",
        "unknown key `modle` in mapcoder.toml, line 2",
        "did you mean `model`?",
    );
    check(
        "\n[judge]\ncell = 3\n",
        "unknown key `judge.cell` in mapcoder.toml, line 3",
        "did you mean `judge.cells`?",
    );
    check(
        "temperature = 0.5\n",
        "unknown key `temperature` in mapcoder.toml, line 1",
        "did you mean `sampling.temperature`?",
    );
    check(
        "[agents.planer]\nmodel = \"x\"\n",
        "unknown key `agents.planer` in mapcoder.toml, line 1",
        "did you mean `agents.planning`?",
    );
    check(
        "[zzz]\n",
        "unknown key `zzz` in mapcoder.toml, line 1",
        "`mapcoder config show` lists all settings",
    );
}

#[test]
fn unknown_variables_are_errors_with_a_guess() {
    let check = |name: &str, help: &str| {
        let error = format!("unknown environment variable {name}");
        assert_eq!(World::new().with(name, "1").error(), pair(&error, help));
    };
    check(
        "MAPCODER_BUGDET_COST",
        "did you mean `MAPCODER_BUDGET_COST`?",
    );
    check("MAPCODER_BASE_URL", "did you mean `OPENAI_BASE_URL`?");
    check("MAPCODER_API_KEY", "did you mean `OPENAI_API_KEY`?");
    assert!(
        World::new()
            .with("MAPCODER_TEST_SLOW", "1")
            .load(&[])
            .is_ok()
    );
}

#[test]
fn every_key_can_be_set_by_its_variable() {
    for key in KEYS {
        let value = match key.kind {
            keys::Kind::Url => "http://localhost/v1",
            keys::Kind::Model => "some-name",
            keys::Kind::Path | keys::Kind::WordOrPath(_) => "/some/path",
            keys::Kind::Count(..) | keys::Kind::Number(..) => "1",
            keys::Kind::Switch => "true",
            keys::Kind::Choice(words) | keys::Kind::Words(words) => words[1],
        };
        let world = World::new().with(&key.variable(), value);
        assert_eq!(world.shown(key.name), pair(value, &key.variable()));
    }
}

#[test]
fn keys_in_files_are_refused_wherever_they_stand() {
    for text in [
        "api_key = \"sk-1\"\n",
        "[agents.coding]\napi_key = \"sk-1\"\n",
        "[x]\nopenai_api_key = \"sk-1\"",
    ] {
        let world = World::new().user(text);
        let (error, help) = world.error();
        assert!(
            error.starts_with("found an API key in ~/.config/mapcoder/config.toml, line")
                || error.starts_with("unknown key `x`"),
            "{error}"
        );
        assert!(!error.contains("sk-1") && !help.contains("sk-1"));
    }
}

#[test]
fn a_key_is_set_or_unset_and_never_shown() {
    let world = World::new();
    assert_eq!(world.shown("api_key"), pair("unset", "default"));
    let world = world.with("OPENAI_API_KEY", "sk-canary");
    assert_eq!(world.shown("api_key"), pair("set", "OPENAI_API_KEY"));
    let settings = world.load(&[]).unwrap();
    assert!(!format!("{settings:?}").contains("sk-canary"));
    assert_eq!(settings.api_key.unwrap().reveal(), "sk-canary");
    assert_eq!(
        world.surroundings.redact("key sk-canary refused"),
        "key *** refused"
    );
    let placeholder = World::new().with("OPENAI_API_KEY", "none").surroundings;
    assert_eq!(
        placeholder.redact("none of the servers"),
        "none of the servers"
    );
}

#[test]
fn values_are_checked_and_errors_name_their_origin() {
    let check = |text: &str, error: &str| {
        assert_eq!(World::new().project(text).error().0, error);
    };
    check(
        "k = 0",
        "invalid value `0` for `k` (mapcoder.toml:1): expected a whole number from 1 to 100",
    );
    check(
        "k = \"3\"",
        "found string where `k` takes none (mapcoder.toml:1)",
    );
    check(
        "sampling = 3",
        "found integer where `sampling` takes none (mapcoder.toml:1)",
    );
    check(
        "[sampling]\ntop_p = nan",
        "invalid value `nan` for `sampling.top_p` (mapcoder.toml:2): expected a number from 0 to 1",
    );
    check(
        "strategy = \"magic\"",
        "invalid value `magic` for `strategy` (mapcoder.toml:1): expected `mapcoder` or `direct` or `cot` or `self-planning` or `analogical` or `reflexion` or `codesim` or `best-of-n`",
    );
    let world = World::new().with("MAPCODER_JUDGE_ALLOW_WEAK", "maybe");
    assert_eq!(
        world.error().0,
        "invalid value `maybe` for `judge.allow_weak` (MAPCODER_JUDGE_ALLOW_WEAK): expected `true` or `false`"
    );
    let (error, _) = World::new().project("k = 1\nt = = 2\n").error();
    assert!(
        error.starts_with("failed to read settings from mapcoder.toml, line 2: "),
        "{error}"
    );
}

#[test]
fn addresses_hold_no_secrets() {
    for url in ["http://me:sesame@host/v1", "https://host/v1?key=sesame"] {
        let (error, _) = World::new().with("OPENAI_BASE_URL", url).error();
        assert!(error.contains("OPENAI_API_KEY"), "{error}");
        assert!(!error.contains("sesame"), "{error}");
    }
    let world = World::new().with("OPENAI_BASE_URL", "localhost:8000");
    assert!(world.error().0.contains("http://"));
    let world = World::new().with("OPENAI_BASE_URL", "http://localhost:8000/v1/");
    assert_eq!(world.shown("base_url").0, "http://localhost:8000/v1");
}

#[test]
fn both_names_of_the_address_are_read_and_a_difference_is_told() {
    let world = World::new().with("OPENAI_API_BASE", "http://old/v1");
    assert_eq!(
        world.shown("base_url"),
        pair("http://old/v1", "OPENAI_API_BASE")
    );
    let world = world.with("OPENAI_BASE_URL", "http://new/v1");
    let settings = world.load(&[]).unwrap();
    assert_eq!(settings.base_url.as_deref(), Some("http://new/v1"));
    assert_eq!(settings.warnings.len(), 1);
}

#[test]
fn a_model_file_on_the_command_line_beats_a_server_in_the_environment() {
    let world = World::new().with("OPENAI_BASE_URL", "http://host/v1");
    write(&world.surroundings.folder.join("own/config.json"), "{}");
    for local in [
        "x.gguf",
        "./own",
        "own/",
        "hf:owner/name",
        "hf:owner/name/x.gguf",
        "replay:run.jsonl",
    ] {
        let settings = world.load(&[("model", "--model", local)]).unwrap();
        assert_eq!(settings.base_url, None, "{local}");
        assert_eq!(settings.warnings.len(), 1);
    }
    for remote in ["name", "owner/name", "own", "/models/served"] {
        let settings = world.load(&[("model", "--model", remote)]).unwrap();
        assert_eq!(settings.base_url.as_deref(), Some("http://host/v1"));
        assert_eq!(settings.model.as_deref(), Some(remote));
    }
    let error = world.load(&[("model", "--model", "hf:name")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "invalid value `hf:name` for `model` (--model): expected `hf:OWNER/NAME` or `hf:OWNER/NAME/FILE.gguf`"
    );
}

#[test]
fn the_hub_is_found_as_its_own_tools_find_it() {
    let world = World::new();
    let home = world.home();
    let hub = world.load(&[]).unwrap().hub;
    assert_eq!(hub.cache, home.join(".cache/huggingface/hub"));
    assert_eq!(hub.endpoint, "https://huggingface.co");
    assert!(hub.token.is_none() && !hub.offline);
    write(&home.join("hf/token"), "of the file\n");
    let world = world
        .with("HF_HOME", "~/hf")
        .with("HF_ENDPOINT", "http://mirror/")
        .with("HF_HUB_OFFLINE", "TRUE");
    let hub = world.load(&[]).unwrap().hub;
    assert_eq!(hub.cache, home.join("hf/hub"));
    assert_eq!(hub.endpoint, "http://mirror");
    assert_eq!(hub.token.unwrap().reveal(), "of the file");
    assert!(hub.offline);
    let world = world
        .with("HF_TOKEN", "hf_secret")
        .with("HF_HUB_CACHE", "/cache");
    let settings = world.load(&[]).unwrap();
    assert_eq!(settings.hub.cache, Path::new("/cache"));
    assert_eq!(settings.hub.token.as_ref().unwrap().reveal(), "hf_secret");
    assert!(!format!("{settings:?}").contains("hf_secret"));
    assert_eq!(world.surroundings.redact("a hf_secret b"), "a *** b");
}

#[test]
fn an_empty_address_takes_back_that_of_a_file() {
    let world = World::new().project("base_url = \"http://host/v1\"\n");
    let settings = world.load(&[("base_url", "--base-url", "")]).unwrap();
    assert_eq!(settings.base_url, None);
}

#[test]
fn a_project_that_redirects_the_key_is_told_of() {
    let world = World::new()
        .project("base_url = \"http://host/v1\"\n")
        .with("OPENAI_API_KEY", "sk-1");
    assert_eq!(
        world.load(&[]).unwrap().warnings,
        ["OPENAI_API_KEY will be sent to http://host/v1, as mapcoder.toml:1 says"]
    );
}

#[test]
fn agents_have_models_and_servers_of_their_own() {
    let world = World::new().project(
        "model = \"base\"\n[agents.planning]\nmodel = \"planner\"\nbase_url = \"http://p/v1\"\n",
    );
    let settings = world.load(&[]).unwrap();
    let planning = &settings.agents[&Agent::Planning];
    assert_eq!(planning.model.as_deref(), Some("planner"));
    assert_eq!(planning.base_url.as_deref(), Some("http://p/v1"));
    assert_eq!(settings.agents[&Agent::Coding], AgentSettings::default());
    assert_eq!(settings.model.as_deref(), Some("base"));
}

proptest::proptest! {
    #[test]
    fn no_settings_file_makes_it_panic(text in ".{0,200}") {
        let world = World::new().project(&text);
        let _ = world.load(&[]).map_err(|error| (error.to_string(), error.help()));
    }

    #[test]
    fn no_value_of_any_key_makes_it_panic(value in ".{0,40}", idx in 0..KEYS.len()) {
        let world = World::new().with(&KEYS[idx].variable(), &value);
        let _ = world.load(&[]).map_err(|error| (error.to_string(), error.help()));
    }
}
