use model::Tokenizer;
use serde_json::json;
use trainer::Example;

use crate::ui::Ui;

/// Prints examples with what is trained between ⟦ and ⟧.
///
/// # Errors
/// When standard output is closed or full.
pub(super) fn show(examples: &[Example], tokenizer: &Tokenizer, ui: &Ui) -> std::io::Result<()> {
    for example in examples {
        let document = &example.document;
        if ui.json() {
            let line = json!({
                "schema": "mapcoder.mask/1",
                "example": example.to_string(),
                "tokens": document.tokens,
                "trained": document.trained,
                "text": marked(example, tokenizer),
            });
            ui.line(&line.to_string())?;
        } else {
            let (n, n_trained) = (document.tokens.len(), document.n_trained());
            ui.line(&format!("--- {example}: {n} tokens, {n_trained} trained"))?;
            ui.line(&marked(example, tokenizer))?;
        }
    }
    Ok(())
}

/// The text of an example, control tokens by name.
fn marked(example: &Example, tokenizer: &Tokenizer) -> String {
    let document = &example.document;
    let mut bytes: Vec<u8> = Vec::new();
    let mut was_trained = false;
    for (&token, &trained) in document.tokens.iter().zip(&document.trained) {
        match (was_trained, trained) {
            (false, true) => bytes.extend("⟦".bytes()),
            (true, false) => bytes.extend("⟧".bytes()),
            _ => {}
        }
        was_trained = trained;
        bytes.extend(tokenizer.raw_bytes(token));
    }
    if was_trained {
        bytes.extend("⟧".bytes());
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
