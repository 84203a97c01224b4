//! Shapes, compiled for a vocabulary.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use domain::{Body, Place, Shape};
use llguidance::api::GrammarInit;
use llguidance::derivre::RegexAst;
use llguidance::earley::lexerspec::LexerSpec;
use llguidance::earley::{Grammar, SymbolProps};
use llguidance::toktrie::{InferenceCapabilities, TokEnv};
use llguidance::{Matcher, ParserFactory};
use model::Tokenizer;

mod lexeme;
mod vocabulary;

pub(crate) use vocabulary::Vocabulary;

/// Shapes that are kept compiled; a run has a handful.
const MAX_FORMS: usize = 64;

/// Compiles shapes, each once.
pub(crate) struct Grammars {
    tokenizer: Arc<Tokenizer>,
    /// Made with the first shape, so that an engine without any starts as fast as before.
    vocabulary: OnceLock<Arc<Vocabulary>>,
    forms: Mutex<HashMap<Shape, (Arc<Form>, Matcher)>>,
}

impl Grammars {
    pub(crate) fn new(tokenizer: Arc<Tokenizer>) -> Grammars {
        Grammars {
            tokenizer,
            vocabulary: OnceLock::new(),
            forms: Mutex::new(HashMap::new()),
        }
    }

    /// A shape, and a matcher at its beginning.
    ///
    /// # Errors
    /// What is wrong with the shape, for this vocabulary.
    pub(crate) fn form(&self, shape: &Shape) -> Result<(Arc<Form>, Matcher), String> {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((form, matcher)) = forms.get(shape) {
            return Ok((Arc::clone(form), matcher.clone()));
        }
        let vocabulary = self
            .vocabulary
            .get_or_init(|| Arc::new(Vocabulary::new(Arc::clone(&self.tokenizer))));
        let form = Arc::new(Form::new(shape, vocabulary)?);
        let matcher = matcher(shape, vocabulary).map_err(|error| format!("{error:#}"))?;
        if forms.len() >= MAX_FORMS {
            forms.clear();
        }
        // Clones share what the lexer has learnt, and nothing that a reply depends on.
        let compiled = (Arc::clone(&form), matcher.clone());
        forms.insert(shape.clone(), compiled);
        Ok((form, matcher))
    }
}

/// The whole shape is one lexeme: bodies are regular, and so the parser above the lexer has nothing to do.
fn matcher(shape: &Shape, vocabulary: &Arc<Vocabulary>) -> Result<Matcher, impl std::fmt::Display> {
    let compile = || {
        let mut lexer = LexerSpec::new()?;
        lexer.setup_lexeme_class(RegexAst::NoMatch)?;
        let reply = lexeme::lexeme(shape);
        let reply = lexer.add_greedy_lexeme("reply".to_string(), reply, false, None, usize::MAX)?;
        let mut grammar = Grammar::new(None);
        let props = |is_start| SymbolProps {
            is_start,
            ..SymbolProps::default()
        };
        let start = grammar.fresh_symbol_ext("start", props(true));
        let terminal = grammar.fresh_symbol_ext("reply", props(false));
        grammar.make_terminal(terminal, reply, &lexer)?;
        grammar.add_rule(start, vec![terminal])?;

        let vocabulary: TokEnv = Arc::<Vocabulary>::clone(vocabulary);
        let abilities = InferenceCapabilities {
            ff_tokens: true,
            ..InferenceCapabilities::default()
        };
        let mut factory = ParserFactory::new(&vocabulary, abilities, &[])?;
        factory.quiet();
        factory.create_parser_from_init_default(GrammarInit::Internal(grammar, lexer))
    };
    let matcher = Matcher::new(compile());
    match matcher.get_error() {
        Some(error) => Err(error),
        None => Ok(matcher),
    }
}

/// A shape with what its ends cost in the tokens of a vocabulary.
pub(crate) struct Form {
    pub(crate) shape: Shape,
    vocabulary: Arc<Vocabulary>,
    /// Tokens that complete the reply from any place before body `i` and behind body `i - 1`, or from later ones.
    fixed: Vec<usize>,
    /// Tokens that complete the reply from anywhere in body `i`, or from later places.
    body: Vec<usize>,
}

impl Form {
    fn new(shape: &Shape, vocabulary: &Arc<Vocabulary>) -> Result<Form, String> {
        let cost = |text: &str| {
            let tokens = vocabulary.tokens(text);
            tokens.map(|tokens| tokens.len()).ok_or_else(|| {
                format!("the vocabulary has no tokens for `{}`", text.escape_debug())
            })
        };
        // From its beginning, and from anywhere within it.
        let costs = |text: &str| {
            let mut worst = 0;
            for (at, _) in text.char_indices() {
                worst = worst.max(cost(&text[at..])?);
            }
            Ok::<usize, String>(worst)
        };
        let n_parts = shape.parts.len();
        let (mut fixed, mut body) = (vec![0; n_parts + 1], vec![0; n_parts]);
        // What completes the reply from the beginning of the body that was looked at last.
        let mut rest = 0;
        let mut worst = 0;
        for (idx, part) in shape.parts.iter().enumerate().rev() {
            let closing = part.closing();
            let within = costs(&closing)?;
            worst = worst.max(within + rest);
            fixed[idx + 1] = worst;
            let mut filled = 0;
            for lacking in shape.fillers(idx) {
                filled = filled.max(cost(&format!("{lacking}{closing}"))?);
            }
            worst = worst.max(filled.max(within) + rest);
            body[idx] = worst;
            rest += filled;
        }
        fixed[0] = worst.max(costs(&shape.opening)? + rest);
        Ok(Form {
            shape: shape.clone(),
            vocabulary: Arc::clone(vocabulary),
            fixed,
            body,
        })
    }

    /// Tokens that complete a reply from a place or a later one, at most.
    pub(crate) fn need(&self, place: Place) -> usize {
        match place {
            Place::Fixed { part, .. } => self.fixed[part],
            Place::Body { part, .. } => self.body[part],
            Place::Complete { .. } => 0,
        }
    }

    /// Tokens, of a budget, that a body leaves to what follows it: what its completion needs, and for each of the
    /// following bodies half of a fair share of the rest, so that an endless one leaves room for them.
    pub(crate) fn reserve(&self, part: usize, budget: usize) -> usize {
        let weights = self.shape.parts.iter().map(|part| weight(&part.body));
        let total: usize = weights.clone().sum();
        let later: usize = weights.skip(part + 1).sum();
        let spare = budget.saturating_sub(self.fixed[0]);
        self.body[part] + spare * later / (2 * total.max(1))
    }

    /// The tokens of a piece of fixed text.
    pub(crate) fn tokens(&self, text: &str) -> Vec<u32> {
        let tokens = self.vocabulary.tokens(text);
        tokens.expect("every piece was encoded when the shape was compiled")
    }
}

/// How much room a body takes beside others.
fn weight(body: &Body) -> usize {
    match body {
        Body::Text { .. } => 20,
        Body::Code { .. } => 60,
        Body::Number { .. } => 1,
    }
}
