//! Asks a model file one question: `cargo run --release -p engine --example ask MODEL.gguf "What is a stack?"`.

use std::error::Error;
use std::io::Write as _;

use domain::{Agent, Ask, Message, Sampling};
use engine::{Engine, Settings};
use llm::ChatModel as _;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(path), Some(question)) = (arguments.next(), arguments.next()) else {
        return Err("give a model file and a question".into());
    };
    let engine = Engine::load(path.as_ref(), Settings::default())?;
    let ask = Ask {
        agent: Agent::Coding,
        model: engine.identity(Agent::Coding),
        messages: vec![Message::user(question)],
        sampling: Sampling {
            max_tokens: 256,
            ..Sampling::default()
        },
        sample_idx: 0,
        shape: None,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let reply = runtime.block_on(engine.chat(&ask))?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", reply.text)?;
    writeln!(
        out,
        "\n{:?}, {:?}, {:?}, {:?}",
        reply.finish,
        reply.usage,
        reply.wall,
        engine.plan()
    )?;
    Ok(())
}
