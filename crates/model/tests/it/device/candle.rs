//! The code that serves devices, on candle's processor, against our own decoder with weights of 32 bits.

use model::{Adapter, Backend, Batch, Config, Device, Folder, Layout, PAGE_TOKENS, Row, Source};

use super::load;
use crate::adapters::{noise, plain_config, tensors, write_adapter};
use crate::support::{default_model, open, reference, tiny_bytes};

/// How far logits may be apart.
#[derive(Clone, Copy)]
struct Tolerance {
    /// In half of all rows, no logit is further off than this.
    half: f32,
    /// In no row is any logit further off than this.
    all: f32,
}

/// For tiny models. Both paths round keys and values to 16 bits, and where sums differ in their last bit, a few of them
/// are rounded the other way: the inputs of one path changed by 3e-7 move its own logits by up to 3e-3, and by less than
/// 1e-4 with 32 bits in the cache; what adapters are given is rounded to 8 bits of significand, and moves a row by up to
/// 1.6e-2 where it goes the other way. A cache that does not round at all is 9e-3 to 7e-2 off, in every row.
const TINY: Tolerance = Tolerance {
    half: 1e-4,
    all: 2e-2,
};

/// For thirty layers, whose logits are seven times larger.
const DEFAULT: Tolerance = Tolerance {
    half: 1e-2,
    all: 5e-2,
};

/// Llama with a tied head, stretched as Llama 3.1; Qwen2 with biases, stretched evenly; Qwen2 with a head of its own and
/// five formats.
fn tiny_models() -> Vec<(&'static str, Box<dyn Source>)> {
    let folder = |name: &str| Box::new(Folder::open(&reference(name)).unwrap());
    vec![
        ("tiny-llama", folder("tiny-llama")),
        ("tiny-qwen2", folder("tiny-qwen2")),
        ("tiny-qwen2.gguf", Box::new(open(&tiny_bytes()).unwrap())),
    ]
}

/// One model, loaded twice.
struct Both {
    name: &'static str,
    tolerance: Tolerance,
    ours: Backend,
    theirs: Backend,
    /// For each row, the largest difference of a logit.
    differences: Vec<f32>,
}

impl Both {
    fn new(name: &'static str, source: &dyn Source, tolerance: Tolerance) -> Both {
        Both {
            name,
            tolerance,
            ours: load(source, Layout::Float, Device::Cpu).unwrap(),
            theirs: load(source, Layout::Float, Device::Candle).unwrap(),
            differences: Vec::new(),
        }
    }

    fn config(&self) -> &Config {
        self.ours.config()
    }

    /// Gives both the same batch.
    fn forward(&mut self, batch: Batch<'_>) {
        let ours = self.ours.forward(batch).unwrap();
        let theirs = self.theirs.forward(batch).unwrap();
        assert_eq!(ours.rows().len(), theirs.rows().len());
        for (ours, theirs) in ours.rows().zip(theirs.rows()) {
            assert_eq!(ours.len(), theirs.len());
            let differences = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs());
            // Undefined numbers are the largest of all.
            let largest = differences.max_by(f32::total_cmp);
            self.differences.push(largest.unwrap());
        }
    }

    fn finish(self, n_rows: usize) {
        let Both {
            name,
            tolerance,
            mut differences,
            ..
        } = self;
        assert_eq!(differences.len(), n_rows);
        differences.sort_by(f32::total_cmp);
        let (half, all) = (differences[n_rows / 2], differences[n_rows - 1]);
        println!("{name}: differences up to {half:e} in half of {n_rows} rows, {all:e} in all");
        assert!(
            half < tolerance.half && all < tolerance.all,
            "{name}: {half}, {all}"
        );
    }
}

/// Some token of a sequence.
fn token(config: &Config, sequence: usize, position: usize) -> u32 {
    ((sequence * 7919 + position * 104_729 + 5) % config.n_vocab) as u32
}

fn row(config: &Config, sequence: usize, position: usize, adapter: Option<usize>) -> Row {
    Row {
        // Sequences begin alike where they share pages.
        token: token(config, sequence * (position / (2 * PAGE_TOKENS)), position),
        sequence,
        adapter,
        position,
        wants_logits: true,
    }
}

fn prompt_and_reply(both: &mut Both) {
    let rows: Vec<Row> = (0..80)
        .map(|position| row(&both.config().clone(), 0, position, None))
        .collect();
    let (prompt, reply) = rows.split_at(70);
    for rows in prompt.chunks(19).chain(reply.chunks(1)) {
        both.forward(Batch {
            rows,
            pages: &[&[6, 0, 3]],
            adapters: &[],
        });
    }
}

#[test]
fn a_prompt_in_chunks_and_a_reply() {
    for (name, source) in tiny_models() {
        let mut both = Both::new(name, &*source, TINY);
        prompt_and_reply(&mut both);
        // Pages are used again, and what they held is not seen any more.
        prompt_and_reply(&mut both);
        both.finish(160);
    }
    if let Some(gguf) = default_model() {
        let mut both = Both::new("the default model", &gguf, DEFAULT);
        prompt_and_reply(&mut both);
        both.finish(80);
    }
}

#[test]
fn sequences_of_any_length_share_a_beginning() {
    for (name, source) in tiny_models() {
        let mut both = Both::new(name, &*source, TINY);
        let config = both.config().clone();
        let pages: [&[u32]; 4] = [&[5, 2, 0, 7], &[5, 2, 1], &[5, 2, 3], &[4]];
        let mut step = |rows: &[Row]| {
            both.forward(Batch {
                rows,
                pages: &pages,
                adapters: &[],
            });
        };
        let rows = |sequence: usize, positions: std::ops::Range<usize>| {
            let config = &config;
            positions.map(move |position| row(config, sequence, position, None))
        };
        // The beginning, beside a short sequence.
        step(&rows(0, 0..64).chain(rows(3, 0..3)).collect::<Vec<_>>());
        // Prompts that go on in different ways, of which two have equally many rows.
        let goes_on = rows(0, 64..90).chain(rows(1, 64..71));
        let goes_on = goes_on.chain(rows(2, 64..71)).chain(rows(3, 3..4));
        step(&goes_on.collect::<Vec<_>>());
        // Replies, and the last part of a prompt; rows of the sequences lie in any order.
        for offset in 0..8 {
            let mut all: Vec<Row> = rows(1, 71 + offset..72 + offset)
                .chain(rows(0, 90 + 2 * offset..92 + 2 * offset))
                .chain(rows(3, 4 + offset..5 + offset))
                .chain(rows(2, 71 + offset..72 + offset))
                .collect();
            all.rotate_left(offset % 5);
            all.sort_by_key(|row| row.position / 5 % 2);
            step(&all);
        }
        both.finish(64 + 3 + 26 + 7 + 7 + 1 + 8 * 5);
    }
}

/// An adapter of made-up numbers on every linear layer.
fn made_up(config: &Config, rank: usize, seed: u64) -> Adapter {
    let folder = tempfile::tempdir().unwrap();
    let tensors = tensors(config, rank, |layer, part, is_b, i| {
        let seed = seed * 1000 + (14 * layer + 2 * part + usize::from(is_b)) as u64;
        noise(seed, i, if is_b { 0.2 } else { 0.1 })
    });
    write_adapter(folder.path(), &plain_config(rank), &tensors);
    Adapter::load(folder.path(), config).unwrap()
}

/// Five sequences: one of the base, and one for each of four adapters of different ranks.
#[test]
fn rows_of_four_adapters_and_of_the_base_share_a_batch() {
    for (name, source) in tiny_models() {
        let mut both = Both::new(name, &*source, TINY);
        let config = both.config().clone();
        let adapters = [(4, 1), (8, 2), (3, 3), (16, 4)];
        let adapters = adapters.map(|(rank, seed)| made_up(&config, rank, seed));
        let adapters: Vec<&Adapter> = adapters.iter().collect();
        let pages: [&[u32]; 5] = [&[3], &[4], &[0, 6], &[1], &[2]];
        for positions in [0..10, 10..17, 17..18, 18..19] {
            let rows: Vec<Row> = (0..5)
                .flat_map(|sequence| positions.clone().map(move |position| (sequence, position)))
                .map(|(sequence, position)| {
                    row(&config, sequence, position, sequence.checked_sub(1))
                })
                .collect();
            both.forward(Batch {
                rows: &rows,
                pages: &pages,
                adapters: &adapters,
            });
        }
        // One of them alone, under another number.
        both.forward(Batch {
            rows: &[row(&config, 2, 19, Some(0)), row(&config, 0, 19, None)],
            pages: &pages,
            adapters: &[adapters[1]],
        });
        both.finish(5 * 19 + 2);
    }
}

/// An activated adapter leaves what comes before its invocation to the base, whose pages it shares.
#[test]
fn an_activated_adapter_begins_within_a_sequence() {
    let gguf = open(&tiny_bytes()).unwrap();
    let mut both = Both::new("tiny-qwen2.gguf", &gguf, TINY);
    let config = both.config().clone();
    let load = |name: &str| Adapter::load(&reference("adapters").join(name), &config).unwrap();
    let (activated, some) = (load("activated"), load("some"));
    assert!(!activated.invocation().is_empty());
    let pages: [&[u32]; 3] = [&[2, 1], &[2, 0], &[2, 3]];
    let first_adapted = [usize::MAX, 40, 35];
    let adapter = [None, Some(1), Some(0)];
    let row = |sequence: usize, position: usize| {
        let adapter = adapter[sequence].filter(|_| position >= first_adapted[sequence]);
        row(&config, sequence, position, adapter)
    };
    let before: Vec<Row> = (0..32).map(|position| row(0, position)).collect();
    let mut chunks = vec![before];
    for positions in [32..38, 38..44, 44..45] {
        let rows = (0..3).flat_map(|sequence| positions.clone().map(move |p| (sequence, p)));
        let mut rows: Vec<Row> = rows.map(|(sequence, p)| row(sequence, p)).collect();
        // As the engine orders them: neighbours share an adapter.
        rows.sort_by_key(|row| row.adapter);
        chunks.push(rows);
    }
    for rows in &chunks {
        both.forward(Batch {
            rows,
            pages: &pages,
            adapters: &[&some, &activated],
        });
    }
    both.finish(32 + 3 * 13);
}

/// What is loaded later takes the place of what is gone, wherever in memory it lies.
#[test]
fn adapters_come_and_go() {
    let gguf = open(&tiny_bytes()).unwrap();
    let mut both = Both::new("tiny-qwen2.gguf", &gguf, TINY);
    let config = both.config().clone();
    let stays = made_up(&config, 4, 100);
    for seed in 0..12 {
        let adapter = made_up(&config, 4, seed);
        let rows = [
            row(&config, 0, seed as usize, Some(1)),
            row(&config, 1, seed as usize, Some(0)),
            row(&config, 2, seed as usize, None),
        ];
        both.forward(Batch {
            rows: &rows,
            pages: &[&[0], &[1], &[2]],
            adapters: &[&stays, &adapter],
        });
    }
    both.finish(36);
}

#[test]
fn rows_that_want_nothing_get_nothing() {
    let gguf = open(&tiny_bytes()).unwrap();
    let mut both = Both::new("tiny-qwen2.gguf", &gguf, TINY);
    let config = both.config().clone();
    let mut silent = row(&config, 0, 0, None);
    silent.wants_logits = false;
    for rows in [&[][..], &[silent], &[row(&config, 0, 1, None)]] {
        both.forward(Batch {
            rows,
            pages: &[&[0]],
            adapters: &[],
        });
    }
    both.finish(1);
}

#[test]
fn the_plan_counts_what_the_device_holds() {
    for (name, source) in tiny_models() {
        let both = Both::new(name, &*source, TINY);
        for layout in [Layout::Packed, Layout::Float] {
            let planned = Backend::planned_bytes(&*source, layout, Device::Candle).unwrap();
            assert_eq!(both.theirs.n_bytes(), planned, "{name}");
        }
        for layout in [Layout::EightBit, Layout::FourBit] {
            assert!(Backend::planned_bytes(&*source, layout, Device::Candle).is_err());
        }
    }
}
