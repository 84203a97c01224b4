use std::sync::OnceLock;

use super::{Decoder, Layer, LoadOptions, Scratch};
use crate::ModelError;
use crate::config::{Architecture, Config};
use crate::gguf::GgufError;
use crate::kernel::{Isa, attention_scores};
use crate::matrix::{Arena, Layout, Matrix, PackError};
use crate::pool::Pool;
use crate::source::{Source, Tensor};

impl Decoder {
    /// Reads the weights of a model and packs them.
    ///
    /// # Errors
    /// When the architecture or a format is not supported, or tensors are missing or have the wrong shape.
    pub fn load(source: &dyn Source, options: &LoadOptions) -> Result<Decoder, ModelError> {
        let config = source.config()?;
        refuse_unsupported(source, &config)?;
        // What is missing is told below.
        let sizes = packed_sizes(source, &config, options.layout).unwrap_or_default();
        let arena = Arena::new(sizes.into_iter());
        let matrix = |name: &str, n_out, n_in| {
            load_matrix(source, name, n_out, n_in, options.layout, &arena)
        };
        let vector = |name: &str, len| vector(source, name, len);
        let (n_embd, n_ff) = (config.n_embd, config.n_ff);
        let (q_width, kv_width) = (
            config.n_heads * config.head_dim,
            config.n_kv_heads * config.head_dim,
        );

        let layer = |layer_idx: usize| -> Result<Layer, ModelError> {
            let name = |part: &str| format!("blk.{layer_idx}.{part}");
            let mut qkv_bias = Vec::new();
            if config.architecture == Architecture::Qwen2 {
                for (part, width) in [
                    ("attn_q", q_width),
                    ("attn_k", kv_width),
                    ("attn_v", kv_width),
                ] {
                    qkv_bias.extend(vector(&name(&format!("{part}.bias")), width)?);
                }
            }
            Ok(Layer {
                attn_norm: vector(&name("attn_norm.weight"), n_embd)?,
                q: matrix(&name("attn_q.weight"), q_width, n_embd)?,
                k: matrix(&name("attn_k.weight"), kv_width, n_embd)?,
                v: matrix(&name("attn_v.weight"), kv_width, n_embd)?,
                qkv_bias,
                o: matrix(&name("attn_output.weight"), n_embd, q_width)?,
                ffn_norm: vector(&name("ffn_norm.weight"), n_embd)?,
                gate: matrix(&name("ffn_gate.weight"), n_ff, n_embd)?,
                up: matrix(&name("ffn_up.weight"), n_ff, n_embd)?,
                down: matrix(&name("ffn_down.weight"), n_embd, n_ff)?,
            })
        };
        // What is large is packed by all threads, each as it is free.
        let mut pool = Pool::new(options.n_threads);
        let (embedding, head) = (OnceLock::new(), OnceLock::new());
        let layers: Vec<OnceLock<_>> = (0..config.n_layers).map(|_| OnceLock::new()).collect();
        pool.run(2 + config.n_layers, &|piece| match piece {
            0 => drop(embedding.set(matrix(EMBEDDING, config.n_vocab, n_embd))),
            1 => drop(
                head.set(
                    source
                        .weights(HEAD)
                        .map(|_| matrix(HEAD, config.n_vocab, n_embd)),
                ),
            ),
            piece => drop(layers[piece - 2].set(layer(piece - 2))),
        });
        let done = "every piece of work is done";
        let layers = layers
            .into_iter()
            .map(|layer| layer.into_inner().expect(done));
        let layers = layers.collect::<Result<_, _>>()?;
        Ok(Decoder {
            embedding: embedding.into_inner().expect(done)?,
            layers,
            output_norm: vector("output_norm.weight", n_embd)?,
            head: head.into_inner().expect(done).transpose()?,
            frequencies: rope_frequencies(source, &config)?,
            pool,
            isa: Isa::detect(),
            scratch: Scratch::default(),
            config,
        })
    }

    /// The memory that buffers take at most for passes of `n_rows` tokens, `n_logits` of which want logits, in bytes:
    /// what lies between the layers, the scores of attention over `context_tokens` on each thread, and the logits.
    /// What adapters put between their two products, less than a tenth of it, is not counted.
    pub fn scratch_bytes(
        config: &Config,
        n_rows: usize,
        n_logits: usize,
        context_tokens: usize,
        n_threads: usize,
    ) -> usize {
        let q_width = config.n_heads * config.head_dim;
        let kv_width = config.n_kv_heads * config.head_dim;
        // The inputs of a product, rounded or as they are.
        let widest = config.n_embd.max(q_width).max(config.n_ff);
        let stream = 3 * config.n_embd + 2 * (q_width + kv_width) + 3 * config.n_ff;
        let of_rows = n_rows.saturating_mul(stream + widest + config.n_rotated);
        let of_logits = n_logits.saturating_mul(config.n_vocab);
        let of_threads = n_threads
            .saturating_mul(attention_scores(config.n_heads / config.n_kv_heads))
            .saturating_mul(context_tokens);
        of_rows
            .saturating_add(of_logits)
            .saturating_add(of_threads)
            .saturating_mul(size_of::<f32>())
    }

    /// The memory that the weights of a model will take, in bytes: what [`Decoder::n_bytes`] says once it is loaded.
    ///
    /// # Errors
    /// When the model's dimensions cannot be used, or a matrix is missing.
    pub fn planned_bytes(source: &dyn Source, layout: Layout) -> Result<usize, ModelError> {
        let sizes = packed_sizes(source, &source.config()?, layout)?;
        Ok(sizes.into_iter().fold(0, usize::saturating_add))
    }
}

/// The memory that each matrix will take, in bytes.
fn packed_sizes(
    source: &dyn Source,
    config: &Config,
    layout: Layout,
) -> Result<Vec<usize>, ModelError> {
    matrix_sizes(source, config, |name, tensor| {
        let layout = layout_of(name, layout);
        Matrix::planned_bytes(tensor.format, tensor.n_cols, tensor.n_rows, layout)
    })
}

/// The size of each matrix of a model, as `size` tells it from a tensor and its name.
pub(crate) fn matrix_sizes(
    source: &dyn Source,
    config: &Config,
    size: impl Fn(&str, &Tensor<'_>) -> usize,
) -> Result<Vec<usize>, ModelError> {
    let mut names = vec![EMBEDDING.to_string()];
    if source.weights(HEAD).is_some() {
        names.push(HEAD.to_string());
    }
    for layer_idx in 0..config.n_layers {
        names.extend(MATRICES.map(|part| format!("blk.{layer_idx}.{part}.weight")));
    }
    let sizes = names
        .iter()
        .map(|name| Ok(size(name, &find(source, name)?)));
    sizes.collect()
}

pub(crate) const EMBEDDING: &str = "token_embd.weight";
pub(crate) const HEAD: &str = "output.weight";

/// The matrices of a layer.
const MATRICES: [&str; 7] = [
    "attn_q",
    "attn_k",
    "attn_v",
    "attn_output",
    "ffn_gate",
    "ffn_up",
    "ffn_down",
];

/// The embedding and the head suffer most from 4 bits, so they are kept in 8, as quantised files do.
fn layout_of(name: &str, layout: Layout) -> Layout {
    match layout {
        Layout::FourBit if name == EMBEDDING || name == HEAD => Layout::EightBit,
        layout => layout,
    }
}

/// What each pair of a head turns by from one position to the next, in radians.
///
/// # Errors
/// When the file's own factors have the wrong shape, or one of them is not above zero.
pub fn rope_frequencies(source: &dyn Source, config: &Config) -> Result<Vec<f64>, ModelError> {
    let mut frequencies = config.frequencies();
    // GGUF files hold the factors by which Llama 3 stretches its longer waves.
    const FACTORS: &str = "rope_freqs.weight";
    if source.weights(FACTORS).is_some() {
        let factors = vector(source, FACTORS, frequencies.len())?;
        if factors.iter().any(|&factor| factor <= 0.0) {
            return Err(ModelError::Weights(
                source.name_of(FACTORS),
                "a factor is not above zero",
            ));
        }
        for (frequency, factor) in frequencies.iter_mut().zip(factors) {
            *frequency /= f64::from(factor);
        }
    }
    Ok(frequencies)
}

fn find<'a>(source: &'a dyn Source, name: &str) -> Result<Tensor<'a>, ModelError> {
    Ok(source
        .weights(name)
        .ok_or_else(|| GgufError::Missing(source.name_of(name)))?)
}

/// A tensor of a model, when it has this shape: rows and columns.
///
/// # Errors
/// When it is missing, or has another shape.
pub fn tensor<'a>(
    source: &'a dyn Source,
    name: &str,
    expected: (usize, usize),
) -> Result<Tensor<'a>, ModelError> {
    let tensor = find(source, name)?;
    if (tensor.n_rows, tensor.n_cols) == expected {
        Ok(tensor)
    } else {
        Err(ModelError::Shape {
            tensor: source.name_of(name),
            expected,
            found: (tensor.n_rows, tensor.n_cols),
        })
    }
}

fn load_matrix(
    source: &dyn Source,
    name: &str,
    n_out: usize,
    n_in: usize,
    layout: Layout,
    arena: &Arena,
) -> Result<Matrix, ModelError> {
    let tensor = tensor(source, name, (n_out, n_in))?;
    let layout = layout_of(name, layout);
    Matrix::pack(tensor.format, n_in, n_out, &tensor.bytes, layout, arena).map_err(|error| {
        ModelError::Weights(
            source.name_of(name),
            match error {
                PackError::RowLength => "rows are no multiple of 32 numbers",
                PackError::Scale => "a number is infinite, undefined or too large",
            },
        )
    })
}

/// A vector of a model, decoded.
///
/// # Errors
/// When it is missing, has another length, or holds a number that is infinite or undefined.
pub fn vector(source: &dyn Source, name: &str, len: usize) -> Result<Vec<f32>, ModelError> {
    let tensor = tensor(source, name, (1, len))?;
    let mut vector = vec![0.0; len];
    tensor.format.decode(&tensor.bytes, &mut vector);
    if vector.iter().all(|x| x.is_finite()) {
        Ok(vector)
    } else {
        Err(ModelError::Weights(
            source.name_of(name),
            "a number is infinite or undefined",
        ))
    }
}

/// Fails when a model has tensors that this decoder would silently leave out.
///
/// # Errors
/// With the name of such a tensor.
pub fn refuse_unsupported(source: &dyn Source, config: &Config) -> Result<(), ModelError> {
    let is_llama = config.architecture == Architecture::Llama;
    for layer_idx in 0..config.n_layers {
        for part in ["attn_q_norm.weight", "attn_output.bias", "ffn_down.bias"] {
            refuse(source, &format!("blk.{layer_idx}.{part}"))?;
        }
        if is_llama {
            refuse(source, &format!("blk.{layer_idx}.attn_q.bias"))?;
        }
    }
    refuse(source, "output.bias")
}

fn refuse(source: &dyn Source, name: &str) -> Result<(), ModelError> {
    match source.weights(name) {
        Some(_) => Err(ModelError::Unsupported(format!(
            "tensor `{}`",
            source.name_of(name)
        ))),
        None => Ok(()),
    }
}
