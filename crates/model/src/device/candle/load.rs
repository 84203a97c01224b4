use candle_core::{DType, Device, Tensor};

use super::adapters::Stack;
use super::cache::Cache;
use super::{Decoder, Layer, Linear};
use crate::ModelError;
use crate::config::Architecture;
use crate::decoder::{EMBEDDING, HEAD, refuse_unsupported, rope_frequencies, tensor, vector};
use crate::device::DeviceError;
use crate::source::Source;

impl From<candle_core::Error> for DeviceError {
    fn from(error: candle_core::Error) -> DeviceError {
        // What follows is a trace of calls, where one is asked for.
        let text = error.to_string();
        DeviceError::Failed(text.lines().next().unwrap_or_default().to_string())
    }
}

impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> ModelError {
        ModelError::Device(error.into())
    }
}

impl Decoder {
    /// Reads the weights of a model, decodes them and moves them to a device, in numbers of 2 or 4 bytes.
    pub(in crate::device) fn load(
        source: &dyn Source,
        device: crate::Device,
        n_bytes: usize,
        n_pages: usize,
    ) -> Result<Decoder, ModelError> {
        let config = source.config()?;
        refuse_unsupported(source, &config)?;
        let device = match device {
            crate::Device::Cuda(number) => Device::new_cuda(number)?,
            _ => Device::Cpu,
        };
        let dtype = if n_bytes == 2 {
            DType::BF16
        } else {
            DType::F32
        };
        let matrix =
            |name: &str, n_out, n_in| load_matrix(source, name, (n_out, n_in), dtype, &device);
        let vector = |name: &str, len| -> Result<Tensor, ModelError> {
            Ok(Tensor::from_vec(vector(source, name, len)?, len, &device)?)
        };
        let (n_embd, n_ff) = (config.n_embd, config.n_ff);
        let (q_width, kv_width) = (
            config.n_heads * config.head_dim,
            config.n_kv_heads * config.head_dim,
        );
        let layer = |layer_idx: usize| -> Result<Layer, ModelError> {
            let name = |part: &str| format!("blk.{layer_idx}.{part}");
            let bias = |part: &str, len| vector(&name(&format!("{part}.bias")), len);
            let qkv_bias = match config.architecture {
                Architecture::Llama => None,
                Architecture::Qwen2 => Some([
                    bias("attn_q", q_width)?,
                    bias("attn_k", kv_width)?,
                    bias("attn_v", kv_width)?,
                ]),
            };
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
        Ok(Decoder {
            embedding: matrix(EMBEDDING, config.n_vocab, n_embd)?,
            layers: (0..config.n_layers).map(layer).collect::<Result<_, _>>()?,
            output_norm: vector("output_norm.weight", n_embd)?,
            head: source
                .weights(HEAD)
                .map(|_| matrix(HEAD, config.n_vocab, n_embd))
                .transpose()?,
            frequencies: rope_frequencies(source, &config)?,
            cache: Cache::new(&config, n_pages, &device)?,
            stack: Stack::new(dtype),
            logits: Vec::new(),
            device,
            config,
        })
    }
}

fn load_matrix(
    source: &dyn Source,
    name: &str,
    shape: (usize, usize),
    dtype: DType,
    device: &Device,
) -> Result<Linear, ModelError> {
    let tensor = tensor(source, name, shape)?;
    let (n_out, n_in) = shape;
    let unusable = |why| ModelError::Weights(source.name_of(name), why);
    let row_bytes = tensor.format.row_bytes(n_in);
    let row_bytes = row_bytes.ok_or_else(|| unusable("rows are no whole number of blocks"))?;
    let mut numbers = vec![0.0; n_out * n_in];
    let rows = tensor.bytes.chunks_exact(row_bytes);
    for (row, numbers) in rows.zip(numbers.chunks_exact_mut(n_in)) {
        tensor.format.decode(row, numbers);
    }
    if numbers.iter().any(|x| !x.is_finite()) {
        return Err(unusable("a number is infinite or undefined"));
    }
    // Rounded here, so that the device never holds more than what is planned.
    let numbers = Tensor::from_vec(numbers, shape, &Device::Cpu)?.to_dtype(dtype)?;
    Ok(Linear(numbers.to_device(device)?))
}
