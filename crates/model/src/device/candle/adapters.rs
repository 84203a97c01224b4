//! All adapters as one stack: a product with the A of all of them, a mask that leaves each row what its own adapter made
//! of it, and a product with the B of all.

use std::sync::{Arc, Weak};

use super::Linear;
use crate::adapter::{Adapter, Parts, Target};
use crate::config::Config;
use crate::decoder::Batch;
use candle_core::{DType, Device, Result, Tensor};

/// The adapters that a device holds.
pub(super) struct Stack {
    dtype: DType,
    /// While one is known here, nothing else gets its address, so that contents are told apart by it.
    members: Vec<Weak<Parts>>,
    /// For each layer, in the order of [`Target::ALL`]; absent where no member corrects anything.
    layers: Vec<[Option<Part>; 7]>,
}

/// What all members together add to one linear layer.
struct Part {
    /// `(all ranks, n_in)`.
    down: Linear,
    /// `(n_out, all ranks)`.
    up: Linear,
    /// The member that each rank belongs to, `(1, all ranks)`.
    owners: Tensor,
}

/// No member has this number: the base alone.
const NOBODY: u32 = u32::MAX;

/// Which row of a batch speaks through which member of a stack.
pub(super) struct Wearers<'a> {
    stack: &'a Stack,
    /// `(rows, 1)`.
    members: Tensor,
}

impl Stack {
    /// An empty one, with numbers of this kind.
    pub(super) fn new(dtype: DType) -> Stack {
        Stack {
            dtype,
            members: Vec::new(),
            layers: Vec::new(),
        }
    }

    /// Takes in the adapters of a batch that are new, and drops those that nobody holds any more.
    pub(super) fn hold(
        &mut self,
        adapters: &[&Adapter],
        config: &Config,
        device: &Device,
    ) -> Result<()> {
        assert!(
            adapters.iter().all(|adapter| adapter.fits(config)),
            "an adapter was made for another decoder"
        );
        let is_current = self.members.iter().all(|member| member.strong_count() > 0)
            && adapters.iter().all(|adapter| self.find(adapter).is_some());
        if is_current {
            Ok(())
        } else {
            self.build(adapters, config, device)
        }
    }

    /// Who speaks through which of the adapters that it holds; none where all rows are the base's.
    pub(super) fn wearers(
        &self,
        batch: &Batch<'_>,
        device: &Device,
    ) -> Result<Option<Wearers<'_>>> {
        if batch.rows.iter().all(|row| row.adapter.is_none()) {
            return Ok(None);
        }
        let member = |adapter: usize| self.find(batch.adapters[adapter]).unwrap_or(NOBODY);
        let members: Vec<u32> = batch
            .rows
            .iter()
            .map(|row| row.adapter.map_or(NOBODY, member))
            .collect();
        let shape = (members.len(), 1);
        Ok(Some(Wearers {
            members: Tensor::from_vec(members, shape, device)?,
            stack: self,
        }))
    }

    fn find(&self, adapter: &Adapter) -> Option<u32> {
        let address = Arc::as_ptr(adapter.layers());
        let place = self
            .members
            .iter()
            .position(|member| member.as_ptr() == address);
        place.map(|place| place as u32)
    }

    /// Builds the stack anew, of what it holds and is still in use, and of some more.
    fn build(&mut self, more: &[&Adapter], config: &Config, device: &Device) -> Result<()> {
        let mut members: Vec<Arc<Parts>> = self.members.iter().filter_map(Weak::upgrade).collect();
        for adapter in more {
            if !members
                .iter()
                .any(|member| Arc::ptr_eq(member, adapter.layers()))
            {
                members.push(Arc::clone(adapter.layers()));
            }
        }
        // The old one makes room first; should the new one fail, it is built again by the next batch.
        self.layers.clear();
        self.members.clear();
        let mut layers = Vec::with_capacity(config.n_layers);
        for layer_idx in 0..config.n_layers {
            let mut parts = [const { None }; 7];
            for (target, slot) in Target::ALL.into_iter().zip(&mut parts) {
                *slot = self.part(&members, layer_idx, target, config, device)?;
            }
            layers.push(parts);
        }
        self.layers = layers;
        self.members = members.iter().map(Arc::downgrade).collect();
        Ok(())
    }

    fn part(
        &self,
        members: &[Arc<Parts>],
        layer_idx: usize,
        target: Target,
        config: &Config,
        device: &Device,
    ) -> Result<Option<Part>> {
        let (n_out, n_in) = target.shape(config);
        let (mut owners, mut down, mut ups) = (Vec::new(), Vec::new(), Vec::new());
        for (member, layers) in (0u32..).zip(members) {
            if let Some(part) = &layers[layer_idx][target as usize] {
                let rank = part.down.n_out;
                owners.resize(owners.len() + rank, member);
                down.extend(part.down.rows());
                ups.push(Tensor::from_vec(
                    part.up.rows(),
                    (n_out, rank),
                    &Device::Cpu,
                )?);
            }
        }
        if owners.is_empty() {
            return Ok(None);
        }
        let ranks = owners.len();
        let linear = |numbers: Tensor| -> Result<Linear> {
            Ok(Linear(numbers.to_dtype(self.dtype)?.to_device(device)?))
        };
        Ok(Some(Part {
            down: linear(Tensor::from_vec(down, (ranks, n_in), &Device::Cpu)?)?,
            up: linear(Tensor::cat(&ups, 1)?.contiguous()?)?,
            owners: Tensor::from_vec(owners, (1, ranks), device)?,
        }))
    }
}

impl Wearers<'_> {
    /// Adds to `y`, the result of a linear layer for `x`, what each row's adapter makes of it.
    pub(super) fn add(
        &self,
        y: Tensor,
        x: &Tensor,
        layer_idx: usize,
        target: Target,
    ) -> Result<Tensor> {
        let Some(part) = &self.stack.layers[layer_idx][target as usize] else {
            return Ok(y);
        };
        let mask = self
            .members
            .broadcast_eq(&part.owners)?
            .to_dtype(DType::F32)?;
        let between = (part.down.forward(&rounded(x)?)? * mask)?;
        y + part.up.forward(&rounded(&between)?)?
    }
}

/// Numbers as the processor's kernels take them: rounded to brain floats.
fn rounded(numbers: &Tensor) -> Result<Tensor> {
    numbers.to_dtype(DType::BF16)?.to_dtype(numbers.dtype())
}
