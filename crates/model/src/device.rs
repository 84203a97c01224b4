//! Where a model runs: on the processor, by the kernels of this crate, or on a device of candle's.
//!
//! Nothing outside of this folder knows candle. Pages, adapters, batches and logits are the same for both;
//! bits are not: only the processor's are equal everywhere.

use std::fmt;

use crate::cache::KvCache;
use crate::config::Config;
use crate::decoder::{Batch, Decoder, LoadOptions, Logits};
use crate::matrix::Layout;
use crate::source::Source;
use crate::{ModelError, decoder};

#[cfg(feature = "candle")]
mod candle;

/// Where a model runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The processor.
    #[default]
    Cpu,
    /// One of NVIDIA's GPUs, by its number. Needs the feature `cuda`.
    Cuda(usize),
    /// The processor again, by the code that serves GPUs, in 32-bit floats: what that code is tested on.
    #[cfg(feature = "candle")]
    Candle,
}

impl Device {
    /// Reads `cpu`, `cuda` or `cuda:1`.
    pub fn parse(text: &str) -> Option<Device> {
        match text {
            "cpu" => Some(Device::Cpu),
            "cuda" => Some(Device::Cuda(0)),
            _ => text.strip_prefix("cuda:")?.parse().ok().map(Device::Cuda),
        }
    }

    /// Its kind, without a number: what its roundings depend on.
    pub fn kind(self) -> &'static str {
        match self {
            Device::Cpu => "cpu",
            Device::Cuda(_) => "cuda",
            #[cfg(feature = "candle")]
            Device::Candle => "candle",
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())?;
        match self {
            Device::Cuda(number) if *number > 0 => write!(f, ":{number}"),
            _ => Ok(()),
        }
    }
}

/// Why a device cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DeviceError {
    /// The program was built without it.
    #[error(
        "the device `{0}` needs a program that is built with `cargo build --release --features cuda`, \
         for which NVIDIA's CUDA toolkit with its compiler nvcc must be installed"
    )]
    NotBuilt(Device),
    /// Weights cannot be kept in this way there.
    #[error("on the device `{0}` weights have 16 bits (`auto`) or 32 (`f32`), and no other form")]
    Layout(Device),
    /// It failed: it is not there, its memory is full, or its driver gives up.
    #[error("the device failed: {0}")]
    Failed(String),
}

/// A decoder with its cache of keys and values, wherever it runs.
pub struct Backend(Kind);

enum Kind {
    Cpu(Box<(Decoder, KvCache)>),
    #[cfg(feature = "candle")]
    Candle(Box<candle::Decoder>),
}

impl Backend {
    /// Loads a model's weights, and makes room for `n_pages` pages of keys and values.
    ///
    /// # Errors
    /// As [`Decoder::load`]; when the device cannot be used, or its memory does not hold them.
    pub fn load(
        source: &dyn Source,
        options: &LoadOptions,
        device: Device,
        n_pages: usize,
    ) -> Result<Backend, ModelError> {
        // Told before any weight is read.
        let n_bytes = number_bytes(device, options.layout)?;
        Ok(Backend(match (device, n_bytes) {
            #[cfg(feature = "candle")]
            (device, Some(n_bytes)) => Kind::Candle(Box::new(candle::Decoder::load(
                source, device, n_bytes, n_pages,
            )?)),
            _ => {
                let decoder = Decoder::load(source, options)?;
                let cache = KvCache::new(decoder.config(), n_pages);
                Kind::Cpu(Box::new((decoder, cache)))
            }
        }))
    }

    /// The memory that the weights of a model will take on a device, in bytes.
    ///
    /// # Errors
    /// When the model's dimensions cannot be used, a matrix is missing, or the device cannot be used.
    pub fn planned_bytes(
        source: &dyn Source,
        layout: Layout,
        device: Device,
    ) -> Result<usize, ModelError> {
        let Some(n_bytes) = number_bytes(device, layout)? else {
            return Decoder::planned_bytes(source, layout);
        };
        let sizes = decoder::matrix_sizes(source, &source.config()?, |_, tensor| {
            let n_numbers = tensor.n_rows.saturating_mul(tensor.n_cols);
            n_numbers.saturating_mul(n_bytes)
        })?;
        Ok(sizes.into_iter().fold(0, usize::saturating_add))
    }

    /// The dimensions.
    pub fn config(&self) -> &Config {
        match &self.0 {
            Kind::Cpu(cpu) => cpu.0.config(),
            #[cfg(feature = "candle")]
            Kind::Candle(decoder) => decoder.config(),
        }
    }

    /// Memory of the weights.
    pub fn n_bytes(&self) -> usize {
        match &self.0 {
            Kind::Cpu(cpu) => cpu.0.n_bytes(),
            #[cfg(feature = "candle")]
            Kind::Candle(decoder) => decoder.n_bytes(),
        }
    }

    /// Passes a batch through all layers, as [`Decoder::forward`] does.
    ///
    /// # Errors
    /// When the device fails; the processor never does.
    ///
    /// # Panics
    /// As [`Decoder::forward`].
    pub fn forward(&mut self, batch: Batch<'_>) -> Result<Logits<'_>, DeviceError> {
        match &mut self.0 {
            Kind::Cpu(cpu) => {
                let (decoder, cache) = &mut **cpu;
                Ok(decoder.forward(cache, batch))
            }
            #[cfg(feature = "candle")]
            Kind::Candle(decoder) => Ok(decoder.forward(batch)?),
        }
    }
}

/// Bytes of a weight on a device of candle's; none where the processor's layouts decide.
///
/// GPUs get the range of 32-bit floats in 16 bits: the activations of Qwen2 leave that of IEEE's.
fn number_bytes(device: Device, layout: Layout) -> Result<Option<usize>, DeviceError> {
    match (device, layout) {
        (Device::Cpu, _) => Ok(None),
        (Device::Cuda(_), _) if !cfg!(feature = "cuda") => Err(DeviceError::NotBuilt(device)),
        (_, Layout::EightBit | Layout::FourBit) => Err(DeviceError::Layout(device)),
        (Device::Cuda(_), Layout::Packed) => Ok(Some(2)),
        _ => Ok(Some(4)),
    }
}
