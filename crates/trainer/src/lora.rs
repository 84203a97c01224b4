//! Low-rank adapters: what is trained.
//!
//! An adapter adds `scale * B (A x)` to the result of a linear layer (Hu et al. 2021, "LoRA").
//! All of its numbers lie in one vector, so that the optimiser, checkpoints and norms see numbers only.

use std::ops::Range;

use model::{Config, Target};
use rand_chacha::rand_core::RngCore as _;

use crate::chance::{Purpose, rng};
use crate::real::Real;

/// Linear layers that read the same vectors, so that their work is shared.
pub(crate) const GROUPS: [&[Target]; 4] = [
    &[Target::Q, Target::K, Target::V],
    &[Target::O],
    &[Target::Gate, Target::Up],
    &[Target::Down],
];

/// What an adapter looks like.
#[derive(Debug, Clone, PartialEq)]
pub struct LoraShape {
    /// Numbers between A and B.
    pub rank: usize,
    /// What the product of A and B is multiplied by.
    pub scale: f64,
    /// The layers that are adapted, in the order of [`Target::ALL`].
    pub targets: Vec<Target>,
}

impl LoraShape {
    /// The shape of an adapter that adapts nothing.
    pub(crate) fn nothing() -> LoraShape {
        LoraShape {
            rank: 1,
            scale: 1.0,
            targets: Vec::new(),
        }
    }
}

/// Where the numbers of an adapter lie in its vector.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Places {
    pub(crate) rank: usize,
    pub(crate) scale: f64,
    /// For each layer, the four groups.
    pub(crate) layers: Vec<[GroupPlaces; 4]>,
    /// Numbers in all.
    pub(crate) len: usize,
}

/// Where the numbers of a group's adapters lie.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct GroupPlaces {
    /// The matrices A of all members, `(members * rank, n_in)`.
    pub(crate) a: Range<usize>,
    pub(crate) members: Vec<Member>,
}

/// A member of a group that is adapted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) target: Target,
    /// Its place in [`GROUPS`].
    pub(crate) index: usize,
    /// B, `(n_out, rank)`.
    pub(crate) b: Range<usize>,
}

impl Places {
    pub(crate) fn new(shape: &LoraShape, config: &Config) -> Places {
        let mut len = 0;
        let mut take = |n: usize| {
            let range = len..len + n;
            len += n;
            range
        };
        let layers = (0..config.n_layers)
            .map(|_| {
                GROUPS.map(|group| {
                    let members: Vec<(usize, Target)> = group
                        .iter()
                        .copied()
                        .enumerate()
                        .filter(|(_, target)| shape.targets.contains(target))
                        .collect();
                    let (_, n_in) = group[0].shape(config);
                    let a = take(members.len() * shape.rank * n_in);
                    let members = members
                        .into_iter()
                        .map(|(index, target)| Member {
                            target,
                            index,
                            b: take(target.shape(config).0 * shape.rank),
                        })
                        .collect();
                    GroupPlaces { a, members }
                })
            })
            .collect();
        Places {
            rank: shape.rank,
            scale: shape.scale,
            layers,
            len,
        }
    }

    /// Every adapted linear layer: its layer, which it is, and where its A and its B lie.
    pub(crate) fn matrices(
        &self,
    ) -> impl Iterator<Item = (usize, Target, Range<usize>, Range<usize>)> + '_ {
        self.layers
            .iter()
            .enumerate()
            .flat_map(|(layer_idx, groups)| {
                groups.iter().flat_map(move |group| {
                    let a_len = group.a.len() / group.members.len().max(1);
                    group.members.iter().enumerate().map(move |(i, member)| {
                        let start = group.a.start + i * a_len;
                        (
                            layer_idx,
                            member.target,
                            start..start + a_len,
                            member.b.clone(),
                        )
                    })
                })
            })
    }

    /// A new adapter, which changes nothing yet: B is zero, A uniform within `1 / sqrt(n_in)`, as PEFT begins.
    ///
    /// The numbers follow from the seed alone.
    pub(crate) fn begin<T: Real>(&self, seed: u64) -> Vec<T> {
        let mut numbers = vec![T::zero(); self.len];
        let mut rng = rng(Purpose::Beginning, seed, 0);
        for (_, _, a, _) in self.matrices() {
            let n_in = a.len() / self.rank;
            let bound = 1.0 / (n_in as f64).sqrt();
            for number in &mut numbers[a] {
                let unit = f64::from(rng.next_u32() >> 8) / f64::from(1u32 << 24);
                // Rounded as 32 bits hold it, so that it is the same number in 64.
                *number = T::of(f64::from(((2.0 * unit - 1.0) * bound) as f32));
            }
        }
        numbers
    }
}
