//! Keys and values of past tokens, in the pages that whoever builds batches deals out.

use candle_core::{DType, Device, Result, Tensor};
use half::f16;

use crate::cache::PAGE_TOKENS;
use crate::config::Config;
use crate::decoder::Batch;

/// For each layer, keys and values: `(pages * 32, n_kv_heads * head_dim)` in 16-bit floats, as on the processor.
pub(super) struct Cache {
    layers: Vec<[Tensor; 2]>,
    width: usize,
    n_pages: usize,
}

impl Cache {
    pub(super) fn new(config: &Config, n_pages: usize, device: &Device) -> Result<Cache> {
        let width = config.n_kv_heads * config.head_dim;
        let side = || Tensor::zeros((n_pages * PAGE_TOKENS, width), DType::F16, device);
        let layer = |_| Ok([side()?, side()?]);
        Ok(Cache {
            layers: (0..config.n_layers).map(layer).collect::<Result<_>>()?,
            width,
            n_pages,
        })
    }

    /// Where the keys and values of each row lie: `(rows, width)`, one and the same number along a row.
    pub(super) fn slots(&self, batch: &Batch<'_>, device: &Device) -> Result<Tensor> {
        let slots: Vec<u32> = batch
            .rows
            .iter()
            .map(|row| {
                let page = batch.pages[row.sequence][row.position / PAGE_TOKENS];
                // A GPU would write beside the cache.
                assert!((page as usize) < self.n_pages, "a page is not in the cache");
                page * PAGE_TOKENS as u32 + (row.position % PAGE_TOKENS) as u32
            })
            .collect();
        let shape = (slots.len(), 1);
        Tensor::from_vec(slots, shape, device)?
            .broadcast_as((shape.0, self.width))?
            .contiguous()
    }

    /// Stores the keys and values of a batch in their slots, in place.
    pub(super) fn store(
        &self,
        layer_idx: usize,
        slots: &Tensor,
        keys: &Tensor,
        values: &Tensor,
    ) -> Result<()> {
        // Rows weigh what they must not see with zero, which would not remove an infinity.
        let largest = f32::from(f16::MAX);
        for (side, new) in self.layers[layer_idx].iter().zip([keys, values]) {
            let new = new.clamp(-largest, largest)?.to_dtype(DType::F16)?;
            side.scatter_set(slots, &new.contiguous()?, 0)?;
        }
        Ok(())
    }

    /// Keys and values of some pages, one behind the other: `(pages * 32, width)` each, in 32-bit floats.
    pub(super) fn pages(&self, layer_idx: usize, pages: &Tensor) -> Result<[Tensor; 2]> {
        let [keys, values] = &self.layers[layer_idx];
        let gather = |side: &Tensor| {
            side.reshape((self.n_pages, PAGE_TOKENS * self.width))?
                .index_select(pages, 0)?
                .reshape((pages.elem_count() * PAGE_TOKENS, self.width))?
                .to_dtype(DType::F32)
        };
        Ok([gather(keys)?, gather(values)?])
    }
}
