use super::*;
use crate::settings::{Override, Surroundings};

/// The agents and paths that `--adapters` and settings of single agents come to, relative to the folder.
fn found(files: &[&str], adapters: Option<&str>, own: &[(&'static str, &str)]) -> Vec<String> {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    let mut surroundings = Surroundings {
        folder: root.path().to_path_buf(),
        ..Surroundings::default()
    };
    let home = root.path().to_str().unwrap().to_string();
    surroundings.environment.insert("HOME".to_string(), home);
    let given = adapters.map(|value| ("adapters", value));
    let overrides: Vec<Override> = given
        .into_iter()
        .chain(own.iter().copied())
        .map(|(key, value)| Override {
            key,
            flag: "--flag",
            value: value.to_string(),
        })
        .collect();
    let settings = Settings::load(&surroundings, &overrides).unwrap();
    match of(&settings) {
        Err(failure) => vec![
            failure
                .to_string()
                .replace(root.path().to_str().unwrap(), "$ROOT"),
        ],
        Ok(adapters) => adapters
            .into_iter()
            .map(|(agent, path)| {
                let path = path.strip_prefix(root.path()).unwrap();
                format!("{agent} {}", path.display())
            })
            .collect(),
    }
}

#[test]
fn the_default_model_has_adapters_of_its_own_and_others_have_none() {
    let own = found(&[], None, &[]);
    assert_eq!(own.len(), 4, "{own:?}");
    for (agent, line) in Agent::ALL.into_iter().zip(&own) {
        assert!(line.starts_with(&format!("{agent} ")), "{line}");
        assert!(line.contains(&format!("/adapters/{agent}-")), "{line}");
    }
    assert_eq!(found(&[], Some("auto"), &[]), own);
    assert_eq!(found(&[], None, &[("model", "other.gguf")]), [""; 0]);
    let remote = [
        ("base_url", "http://localhost/v1"),
        ("model", "smollm2-135m-instruct"),
    ];
    assert_eq!(found(&[], None, &remote), [""; 0]);
    let one = [("agents.coding.base_url", "http://localhost/v1")];
    assert_eq!(found(&[], None, &one).len(), 3);
}

const FOLDER: [&str; 3] = [
    "team/planning/adapter_config.json",
    "team/coding.gguf",
    "one/adapter_config.json",
];

#[test]
fn a_folder_has_one_adapter_for_each_agent_or_one_for_all() {
    assert_eq!(found(&FOLDER, Some("none"), &[]), [""; 0]);
    assert_eq!(
        found(&FOLDER, Some("team"), &[]),
        ["planning team/planning", "coding team/coding.gguf"]
    );
    assert_eq!(
        found(&FOLDER, Some("one"), &[]),
        [
            "retrieval one",
            "planning one",
            "coding one",
            "debugging one"
        ]
    );
    assert_eq!(
        found(&FOLDER, Some("team/coding.gguf"), &[]),
        ["retrieval", "planning", "coding", "debugging"]
            .map(|agent| format!("{agent} team/coding.gguf"))
    );
}

#[test]
fn an_agents_own_setting_wins() {
    let own = [("agents.planning.adapter", "one")];
    assert_eq!(found(&FOLDER, Some("none"), &own), ["planning one"]);
    assert_eq!(
        found(&FOLDER, Some("team"), &own),
        ["planning one", "coding team/coding.gguf"]
    );
}

#[test]
fn a_folder_without_adapters_is_named() {
    assert_eq!(
        found(&FOLDER, Some("nowhere"), &[]),
        ["no adapter in $ROOT/nowhere"]
    );
}
