//! Replies of a model that does its worst are read strictly, every one.

use std::path::Path;

use agents::contract::{Wanted, review, review_shape};
use agents::{Contract, Format};
use domain::{Language, Shape};
use model::{Gguf, SamplerSettings};

use super::*;
use crate::grammar::Grammars;

fn tokenizer() -> Arc<Tokenizer> {
    let path = "../model/tests/reference/tiny-qwen2.gguf";
    let gguf = Gguf::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    Arc::new(Tokenizer::load(&gguf).unwrap())
}

/// Languages of programs, in turn with each other.
const LANGUAGES: [Language; 5] = [
    Language::Cpp,
    Language::Python,
    Language::Rust,
    Language::CSharp,
    Language::Php,
];

/// Who reads a reply, and so what form it is held to.
#[derive(Debug, Clone, Copy)]
enum Reader {
    /// A contract of an agent, with so many examples where it wants some.
    Contract(Contract, usize, Language),
    /// The supervisor that looks for who is at fault.
    Supervisor,
}

impl Reader {
    /// All of them; examples and languages change from round to round.
    fn all(round: usize) -> impl Iterator<Item = Reader> {
        let language = LANGUAGES[round % LANGUAGES.len()];
        // No divisor in common, so that all pairs come.
        let contracts = Contract::ALL
            .into_iter()
            .map(move |contract| Reader::Contract(contract, round % 4, language));
        contracts.chain([Reader::Supervisor])
    }

    fn shape(self) -> Shape {
        match self {
            Reader::Contract(contract, k, language) => contract.shape(k, language),
            Reader::Supervisor => review_shape(),
        }
    }

    fn reads_strictly(self, reply: &str) -> bool {
        let format = match self {
            Reader::Contract(contract, k, language) => {
                let wanted = Wanted {
                    language,
                    form: &domain::Form::Stdio,
                };
                contract.format(reply, k, wanted)
            }
            Reader::Supervisor => review(reply).format,
        };
        format == Format::Strict
    }
}

/// Random numbers that are the same on every machine.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    fn logit(&mut self) -> f32 {
        self.roll(1 << 16) as f32 / 4096.0
    }
}

/// What replies are broken with.
const NASTY: [&str; 24] = [
    "</plan>",
    "<plan>",
    "</pla",
    "```",
    "\n```",
    "```\n",
    "x = '```'",
    "\"\"\"```\n",
    "~~~",
    "````",
    "</think>",
    "<think>",
    "#include <thinkpad.h>\n",
    "</example>",
    "</description>",
    "</explanation>",
    "<confidence>1000",
    "</confidence>",
    "</algorithm>",
    "\u{2028}",
    "\r\n",
    "\u{a0}",
    "print(1)\n",
    "    ",
];

/// A model that does not mean well.
struct Fiend<'a> {
    tokenizer: &'a Tokenizer,
    kind: usize,
    script: Vec<u32>,
    dice: Dice,
}

const N_KINDS: usize = 10;

impl Fiend<'_> {
    fn logits(&mut self) -> Vec<f32> {
        let n_vocab = self.tokenizer.n_vocab();
        // A model may have more logits than its tokenizer has tokens.
        let mut logits: Vec<f32> = (0..n_vocab + 12).map(|_| self.dice.logit()).collect();
        let wanted = |holds: &dyn Fn(&[u8]) -> bool| -> Vec<u32> {
            let tokens = 0..n_vocab as u32;
            tokens
                .filter(|token| holds(self.tokenizer.token_bytes(*token)))
                .collect()
        };
        let favoured = match self.kind {
            // Any token.
            0 => Vec::new(),
            // One token for ever.
            1 => vec![self.script[0]],
            // Marks only.
            2 => wanted(&|bytes| bytes.iter().any(|byte| b"<>/`~".contains(byte))),
            // White space only.
            3 => wanted(&|bytes| !bytes.is_empty() && bytes.trim_ascii().is_empty()),
            // Pieces of characters.
            4 => wanted(&|bytes| bytes.iter().any(|byte| *byte >= 0x80)),
            // What has no text: control tokens, and what is no token at all.
            5 => (0..logits.len() as u32)
                .filter(|token| self.tokenizer.token_bytes(*token).is_empty())
                .collect(),
            // The end, always.
            6 => self.tokenizer.ends().to_vec(),
            // The end, now and then.
            7 if self.dice.roll(20) == 0 => self.tokenizer.ends().to_vec(),
            // No numbers.
            8 => {
                let value = [f32::NAN, f32::NEG_INFINITY, f32::INFINITY][self.dice.roll(3)];
                logits.iter_mut().for_each(|logit| *logit = value);
                Vec::new()
            }
            // Texts that break out of where they stand.
            _ => {
                if self.script.is_empty() {
                    let nasty = NASTY[self.dice.roll(NASTY.len())];
                    self.script = self.tokenizer.encode(nasty).unwrap();
                    self.script.reverse();
                }
                self.script.pop().into_iter().collect()
            }
        };
        for token in favoured {
            logits[token as usize] += 100.0;
        }
        logits
    }
}

#[test]
fn whatever_a_model_does_every_reply_is_read_strictly() {
    let tokenizer = tokenizer();
    let grammars = Grammars::new(Arc::clone(&tokenizer));
    let mut n_replies = 0;
    let mut n_cut = 0;
    let (mut n_drawn, mut n_written) = (0, 0);
    for round in 0..240 {
        for reader in Reader::all(round as usize) {
            let (form, matcher) = grammars.form(&reader.shape()).unwrap();
            let mut dice = Dice(round);
            let least = form.need(Place::START) + 1;
            let budget = least + [0, 1, 7, 40, 100, 250][dice.roll(6)];
            let mut sampler = Sampler::new(SamplerSettings {
                temperature: [0.0, 1.0, 5.0][dice.roll(3)],
                top_k: [0, 1, 40][dice.roll(3)],
                top_p: [1.0, 0.9][dice.roll(2)],
                min_p: 0.0,
                seed: round,
            });
            let kind = (round as usize) % N_KINDS;
            let mut fiend = Fiend {
                tokenizer: &tokenizer,
                kind,
                script: vec![dice.roll(tokenizer.n_vocab()) as u32],
                dice,
            };
            let mut held = Held::new(form, matcher, budget).ok().unwrap();
            let mut tokens = vec![1, 2, 3];
            let mut text = TextStream::default();
            let mut draft = Draft {
                tokenizer: &tokenizer,
                n_prompt: 3,
                tokens: &mut tokens,
                text: &mut text,
            };
            held.begin(&mut draft);
            let mut n_draws = 0;
            let finish = loop {
                n_draws += 1;
                if let Some(finish) = held.draw(&fiend.logits(), &mut sampler, &mut draft) {
                    break finish;
                }
            };
            assert!(
                held.matcher.is_some(),
                "{reader:?} of {kind}: the matcher failed"
            );
            let n_tokens = draft.reply().len();
            let reply = text.finish();
            let what = format!("{reader:?} of {kind} in {n_tokens} of {budget} tokens: {reply:?}");
            assert!(n_tokens <= budget, "{what}");
            assert!(reader.reads_strictly(&reply), "{what}");
            assert!(reader.shape().accepts(&reply), "{what}");
            assert_eq!(reply, tokenizer.decode(&tokens[3..]), "{what}");
            n_replies += 1;
            n_cut += usize::from(finish != Finish::Stop);
            // What is fixed was not drawn.
            assert!(n_draws < n_tokens, "{n_draws} draws, {what}");
            n_drawn += n_draws;
            n_written += n_tokens;
        }
    }
    assert_eq!(n_replies, 240 * (Contract::ALL.len() + 1));
    assert!(n_cut > 200, "limits were met only {n_cut} times");
    println!("{n_written} tokens were written, {n_drawn} of them drawn");
}
