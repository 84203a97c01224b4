//! The frozen base: weights as their file has them, decoded when they are needed.

use std::borrow::Cow;
use std::ops::Range;

use model::{Architecture, Config, Format, ModelError, Source, Target};
use rayon::prelude::*;

use crate::elementwise::Pairs;
use crate::real::Real;

/// Rows that a thread decodes at a time.
const ROWS: usize = 32;

/// How the weights of the base are held in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Residence {
    /// Decoded once.
    Decoded,
    /// As the file has them; each matrix is decoded whenever it is needed.
    AsStored,
}

/// A matrix of weights, which never changes.
pub(crate) struct Frozen<'a, T> {
    n_in: usize,
    numbers: Numbers<'a, T>,
}

enum Numbers<'a, T> {
    Mapped(&'a [T]),
    Decoded(Vec<T>),
    Stored {
        format: Format,
        bytes: Cow<'a, [u8]>,
    },
}

impl<'a, T: Real> Frozen<'a, T> {
    fn load(
        source: &'a dyn Source,
        name: &str,
        shape: (usize, usize),
        residence: Residence,
    ) -> Result<Frozen<'a, T>, ModelError> {
        let tensor = model::tensor(source, name, shape)?;
        let n_in = shape.1;
        let borrowed = match (&tensor.bytes, tensor.format) {
            (Cow::Borrowed(bytes), Format::F32) => T::borrow_f32(bytes),
            _ => None,
        };
        let stored = Numbers::Stored {
            format: tensor.format,
            bytes: tensor.bytes,
        };
        let numbers = match (borrowed, residence) {
            (Some(numbers), _) => Numbers::Mapped(numbers),
            (None, Residence::AsStored) => stored,
            (None, Residence::Decoded) => {
                let frozen = Frozen {
                    n_in,
                    numbers: stored,
                };
                let mut numbers = Vec::new();
                frozen.rows(0..shape.0, &mut numbers);
                Numbers::Decoded(numbers)
            }
        };
        Ok(Frozen { n_in, numbers })
    }

    /// Some rows, decoded into `scratch` where they do not lie in memory already.
    pub(crate) fn rows<'s>(&'s self, rows: Range<usize>, scratch: &'s mut Vec<T>) -> &'s [T] {
        let plain = rows.start * self.n_in..rows.end * self.n_in;
        match &self.numbers {
            Numbers::Mapped(numbers) => &numbers[plain],
            Numbers::Decoded(numbers) => &numbers[plain],
            Numbers::Stored { format, bytes } => {
                let row_bytes = format
                    .row_bytes(self.n_in)
                    .expect("rows are whole blocks, as the file's reader checked");
                let bytes = &bytes[rows.start * row_bytes..rows.end * row_bytes];
                scratch.resize(rows.len() * self.n_in, T::zero());
                scratch
                    .par_chunks_mut(ROWS * self.n_in)
                    .zip(bytes.par_chunks(ROWS * row_bytes))
                    .for_each_init(
                        || vec![0.0f32; self.n_in],
                        |row, (out, bytes)| {
                            let outs = out.chunks_exact_mut(self.n_in);
                            for (out, bytes) in outs.zip(bytes.chunks_exact(row_bytes)) {
                                format.decode(bytes, row);
                                for (out, &x) in out.iter_mut().zip(&*row) {
                                    *out = T::of(f64::from(x));
                                }
                            }
                        },
                    );
                &scratch[..]
            }
        }
    }
}

/// The frozen weights of a layer.
pub(crate) struct FrozenLayer<'a, T> {
    pub(crate) attn_norm: Vec<T>,
    pub(crate) ffn_norm: Vec<T>,
    /// Biases of queries, keys and values, side by side; empty without biases.
    pub(crate) qkv_bias: Vec<T>,
    /// In the order of [`Target::ALL`].
    matrices: [Frozen<'a, T>; 7],
}

impl<'a, T: Real> FrozenLayer<'a, T> {
    pub(crate) fn matrix(&self, target: Target) -> &Frozen<'a, T> {
        &self.matrices[target as usize]
    }
}

/// A model that is built upon and never changes.
pub struct Base<'a, T> {
    /// Its dimensions.
    pub config: Config,
    pub(crate) embedding: Frozen<'a, T>,
    pub(crate) layers: Vec<FrozenLayer<'a, T>>,
    pub(crate) output_norm: Vec<T>,
    /// Absent where the embedding serves as the head.
    head: Option<Frozen<'a, T>>,
    /// What each pair of a head turns by from one position to the next, in radians.
    pub(crate) frequencies: Vec<f64>,
    pub(crate) pairs: Pairs,
}

impl<'a, T: Real> Base<'a, T> {
    /// Maps the weights of a model.
    ///
    /// # Errors
    /// When the architecture or a format is not supported, or tensors are missing or have the wrong shape.
    pub fn load(source: &'a dyn Source, residence: Residence) -> Result<Base<'a, T>, ModelError> {
        let config = source.config()?;
        model::refuse_unsupported(source, &config)?;
        let vector = |name: &str, len: usize| -> Result<Vec<T>, ModelError> {
            let numbers = model::vector(source, name, len)?;
            Ok(numbers.into_iter().map(|x| T::of(f64::from(x))).collect())
        };
        let layers = (0..config.n_layers)
            .map(|layer_idx| {
                let name = |part: &str| format!("blk.{layer_idx}.{part}");
                let matrix = |target: Target| {
                    let name = name(&format!("{}.weight", target.gguf_name()));
                    Frozen::load(source, &name, target.shape(&config), residence)
                };
                let mut qkv_bias = Vec::new();
                if config.architecture == Architecture::Qwen2 {
                    for target in [Target::Q, Target::K, Target::V] {
                        let name = name(&format!("{}.bias", target.gguf_name()));
                        qkv_bias.extend(vector(&name, target.shape(&config).0)?);
                    }
                }
                Ok(FrozenLayer {
                    attn_norm: vector(&name("attn_norm.weight"), config.n_embd)?,
                    ffn_norm: vector(&name("ffn_norm.weight"), config.n_embd)?,
                    qkv_bias,
                    matrices: [
                        matrix(Target::Q)?,
                        matrix(Target::K)?,
                        matrix(Target::V)?,
                        matrix(Target::O)?,
                        matrix(Target::Gate)?,
                        matrix(Target::Up)?,
                        matrix(Target::Down)?,
                    ],
                })
            })
            .collect::<Result<_, ModelError>>()?;
        let vocabulary = (config.n_vocab, config.n_embd);
        let head = match source.weights("output.weight") {
            Some(_) => Some(Frozen::load(
                source,
                "output.weight",
                vocabulary,
                residence,
            )?),
            None => None,
        };
        Ok(Base {
            embedding: Frozen::load(source, "token_embd.weight", vocabulary, residence)?,
            layers,
            output_norm: vector("output_norm.weight", config.n_embd)?,
            head,
            frequencies: model::rope_frequencies(source, &config)?,
            pairs: if config.has_paired_heads() {
                Pairs::Neighbours
            } else {
                Pairs::Halves
            },
            config,
        })
    }

    /// The matrix that gives logits.
    pub(crate) fn head(&self) -> &Frozen<'a, T> {
        self.head.as_ref().unwrap_or(&self.embedding)
    }
}
