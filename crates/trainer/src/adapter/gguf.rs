use model::{Architecture, Config};

use super::StoredAdapter;
use crate::lora::Places;
use crate::peft;

/// Bytes that tensors begin at multiples of in a GGUF file.
const ALIGNMENT: usize = 32;

impl StoredAdapter {
    /// The bytes of a GGUF file that llama.cpp loads beside a model of these dimensions.
    ///
    /// Source: `convert_lora_to_gguf.py` of llama.cpp.
    pub fn to_gguf(&self, config: &Config) -> Vec<u8> {
        let places = Places::new(&self.shape, config);
        let mut tensors: Vec<(String, usize, &[f32])> = Vec::new();
        for (layer_idx, target, a, b) in places.matrices() {
            let name = format!("blk.{layer_idx}.{}.weight", target.gguf_name());
            let n_in = a.len() / places.rank;
            tensors.push((format!("{name}.lora_a"), n_in, &self.numbers[a]));
            tensors.push((format!("{name}.lora_b"), places.rank, &self.numbers[b]));
        }
        let invocation = self
            .settings
            .alora_invocation_tokens
            .as_deref()
            .unwrap_or(&[]);
        let mut file = Gguf::begin(tensors.len(), 4 + usize::from(!invocation.is_empty()));
        file.text("general.architecture", architecture(config));
        file.text("general.type", "adapter");
        file.text("adapter.type", "lora");
        // The rank divides it again.
        let alpha = self.shape.scale * self.shape.rank as f64;
        file.real("adapter.lora.alpha", alpha as f32);
        if !invocation.is_empty() {
            file.tokens("adapter.alora.invocation_tokens", invocation);
        }
        file.tensors(&tensors)
    }
}

fn architecture(config: &Config) -> &'static str {
    match config.architecture {
        Architecture::Llama => "llama",
        Architecture::Qwen2 => "qwen2",
    }
}

/// A GGUF file that is being written, version 3.
struct Gguf(Vec<u8>);

impl Gguf {
    fn begin(n_tensors: usize, n_keys: usize) -> Gguf {
        let mut file = Gguf(b"GGUF".to_vec());
        file.u32(3);
        file.u64(n_tensors);
        file.u64(n_keys);
        file
    }

    fn u32(&mut self, x: u32) {
        self.0.extend(x.to_le_bytes());
    }

    fn u64(&mut self, x: usize) {
        self.0.extend((x as u64).to_le_bytes());
    }

    fn name(&mut self, text: &str) {
        self.u64(text.len());
        self.0.extend(text.as_bytes());
    }

    fn text(&mut self, key: &str, value: &str) {
        self.name(key);
        self.u32(8);
        self.name(value);
    }

    fn real(&mut self, key: &str, value: f32) {
        self.name(key);
        self.u32(6);
        self.0.extend(value.to_le_bytes());
    }

    fn tokens(&mut self, key: &str, tokens: &[u32]) {
        self.name(key);
        self.u32(9);
        self.u32(4);
        self.u64(tokens.len());
        for &token in tokens {
            self.u32(token);
        }
    }

    /// Adds tensors with their widths, and ends the file.
    fn tensors(mut self, tensors: &[(String, usize, &[f32])]) -> Vec<u8> {
        let mut offset = 0;
        for (name, width, numbers) in tensors {
            self.name(name);
            self.u32(2);
            self.u64(*width);
            self.u64(numbers.len() / width);
            // 32-bit floats.
            self.u32(0);
            self.u64(offset);
            offset += (numbers.len() * 4).next_multiple_of(ALIGNMENT);
        }
        let mut bytes = self.0;
        for (_, _, numbers) in tensors {
            bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
            bytes.extend(peft::to_bytes(numbers));
        }
        bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
        bytes
    }
}
