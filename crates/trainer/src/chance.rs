//! Where chance comes from.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng as _;

/// What chance is needed for; no two purposes share it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The numbers that training begins with.
    Beginning,
    /// The order of examples; its streams are epochs.
    Order,
    /// Which examples are set aside.
    SetAside,
    /// What adapters do not see; its streams are places in the run and in the model.
    Dropout,
}

/// Numbers that follow from a seed: those of ChaCha8 whose key is the seed as eight little-endian bytes,
/// the purpose as one more, and zeros; on the given stream.
pub(crate) fn rng(purpose: Purpose, seed: u64, stream: u64) -> ChaCha8Rng {
    let mut key = [0; 32];
    key[..8].copy_from_slice(&seed.to_le_bytes());
    key[8] = purpose as u8;
    let mut rng = ChaCha8Rng::from_seed(key);
    rng.set_stream(stream);
    rng
}
