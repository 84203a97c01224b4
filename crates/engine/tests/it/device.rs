//! The engine on the code that serves devices, with candle's processor as the device.

use domain::{Agent, Ask, Reply, Sampling};
use engine::{Device, Engine, Layout, Settings};
use futures_util::future::join_all;
use llm::ChatModel as _;

use crate::adapters::{adapter, by};
use crate::{answer, block_on, tiny, tiny_path};

fn on(device: Device, max_sequences: usize) -> Engine {
    tiny(Settings {
        device,
        max_sequences,
        weights: Layout::Float,
        prefill_tokens: 40,
        adapters: vec![
            (Agent::Retrieval, adapter("all")),
            (Agent::Planning, adapter("some")),
            (Agent::Debugging, adapter("activated")),
        ],
        ..Settings::default()
    })
}

/// Questions of all agents with a long beginning in common, answered with the most probable tokens.
fn asks() -> Vec<Ask> {
    let agents = [
        Agent::Retrieval,
        Agent::Planning,
        Agent::Coding,
        Agent::Debugging,
    ];
    (0..16)
        .map(|i| {
            let beginning = "words that all questions begin with, ".repeat(3);
            let ask = by(agents[i % 4], &format!("{beginning}{i}"));
            Ask {
                sampling: Sampling {
                    temperature: 0.0,
                    ..ask.sampling
                },
                ..ask
            }
        })
        .collect()
}

fn text(reply: &Reply) -> &str {
    &reply.text
}

#[test]
fn replies_are_those_of_the_processor_alone_and_in_one_batch() {
    let asks = asks();
    let ours = on(Device::Cpu, 1);
    let expected: Vec<Reply> = asks.iter().map(|ask| answer(&ours, ask)).collect();
    let theirs = on(Device::Candle, 16);
    // What is cached by the first round serves the second.
    for round in 0..2 {
        let replies = block_on(join_all(asks.iter().map(|ask| theirs.chat(ask))));
        for (reply, expected) in replies.into_iter().zip(&expected) {
            let reply = reply.unwrap();
            assert_eq!(text(&reply), text(expected));
            assert_eq!(reply.finish, expected.finish);
            assert!(round == 0 || reply.usage.cached_tokens > 0);
        }
    }
}

#[test]
fn the_device_is_part_of_who_answers_and_of_the_plan() {
    let settings = |device| Settings {
        device,
        ..Settings::default()
    };
    let (ours, theirs) = (tiny(settings(Device::Cpu)), tiny(settings(Device::Candle)));
    let expected = format!("{}+candle", ours.identity(Agent::Coding));
    assert_eq!(theirs.identity(Agent::Coding), expected);
    let source = engine::open(&tiny_path()).unwrap();
    assert_eq!(
        engine::plan(&*source, &settings(Device::Candle)).unwrap(),
        theirs.plan()
    );
    assert_eq!(ours.plan().cache_bytes, theirs.plan().cache_bytes);
    assert!(ours.plan().weights_bytes < theirs.plan().weights_bytes);
}
