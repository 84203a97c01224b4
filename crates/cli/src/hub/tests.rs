use proptest::prelude::*;

use super::{Reference, is_plain};

fn parse(text: &str) -> Option<Reference> {
    Reference::parse(text)?.ok()
}

#[test]
fn names_of_the_hub_are_read() {
    let folder = parse("hf:Qwen/Qwen2.5-Coder-0.5B-Instruct").unwrap();
    assert_eq!(folder.repo, "Qwen/Qwen2.5-Coder-0.5B-Instruct");
    assert_eq!(folder.short_name(), "Qwen2.5-Coder-0.5B-Instruct");
    assert_eq!(folder.file, None);
    let file = parse("hf:owner/name/below/model-q4_0.gguf").unwrap();
    assert_eq!(file.file.as_deref(), Some("below/model-q4_0.gguf"));
    assert!(Reference::parse("owner/name").is_none());
    for bad in [
        "hf:",
        "hf:name",
        "hf:/name",
        "hf:owner/",
        "hf:owner/name/config.json",
        "hf:owner/../x.gguf",
        "hf:owner/name/../../x.gguf",
        "hf:owner/name?x=y",
        "hf:ow ner/name",
    ] {
        let error = Reference::parse(bad).unwrap().unwrap_err().to_string();
        assert_eq!(
            error,
            format!("`{bad}` is no model of the Hugging Face Hub")
        );
    }
}

proptest! {
    /// A name that is read leads to no other folder and no other address, and is written as it was.
    #[test]
    fn any_name_is_read_or_refused(rest in ".{0,40}|[a-z./?#%-]{0,20}(\\.gguf)?") {
        let text = format!("hf:{rest}");
        if let Some(reference) = parse(&text) {
            prop_assert_eq!(reference.to_string(), text);
            let parts = reference.repo.split('/').chain(reference.file.iter().flat_map(|file| file.split('/')));
            for part in parts {
                prop_assert!(is_plain(part) && part != ".." && !part.contains(['/', '%', '?', '#']));
            }
        }
    }
}
