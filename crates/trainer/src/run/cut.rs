use crate::data::Document;

/// Rows of adapters that pass through the model together, where no example has more:
/// a step with more is cut into passes.
pub(super) const PASS_TOKENS: usize = 512;

/// Tokens of the prefixes of a pass, where none has more.
pub(super) const PREFIX_TOKENS: usize = 4 * PASS_TOKENS;

/// Cuts the documents of a step into passes of whole documents. Those that begin alike come together,
/// so that their prefix is read once; without prefixes the order stays.
pub(super) fn passes<'d, E>(
    mut entries: Vec<E>,
    document: impl Fn(&E) -> &'d Document,
) -> Vec<Vec<E>> {
    entries.sort_by_key(|entry| prefix(document(entry)));
    let mut passes: Vec<Vec<E>> = Vec::new();
    let (mut n_rows, mut n_prefix) = (0, 0);
    for entry in entries {
        let document_of = document(&entry);
        let own = prefix(document_of);
        let n_own = document_of.tokens.len() - own.len();
        let last = passes.last().and_then(|pass| pass.last());
        let is_new = last.is_none_or(|last| prefix(document(last)) != own);
        let n_new = if is_new { own.len() } else { 0 };
        n_rows += n_own;
        n_prefix += n_new;
        match passes.last_mut() {
            Some(pass) if n_rows <= PASS_TOKENS && n_prefix <= PREFIX_TOKENS => pass.push(entry),
            _ => {
                (n_rows, n_prefix) = (n_own, own.len());
                passes.push(vec![entry]);
            }
        }
    }
    passes
}

fn prefix(document: &Document) -> &[u32] {
    &document.tokens[..document.n_prefix.min(document.tokens.len())]
}
