use serde_json::Value;

/// A file of settings: JSON is YAML too, so every value is one, and lists of objects get a line for each entry.
pub(super) fn write(comment: &str, keys: &[(&str, Value)]) -> String {
    let mut text = format!("# {comment}\n");
    for (key, value) in keys {
        match value {
            Value::Object(map) => {
                text += &format!("{key}:\n");
                for (key, value) in map {
                    text += &format!("  {key}: {value}\n");
                }
            }
            Value::Array(entries) if entries.iter().any(Value::is_object) => {
                text += &format!("{key}:\n");
                for entry in entries {
                    text += &format!("  - {entry}\n");
                }
            }
            value => text += &format!("{key}: {value}\n"),
        }
    }
    text
}
