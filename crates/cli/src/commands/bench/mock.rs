//! An OpenAI-compatible server that answers every agent at once, for measuring what stands around a model.
//!
//! It runs as a process of its own, so that its work is not counted as ours, and ends with its parent's pipe.

use std::io::{Read as _, Write as _};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::exit::Exit;

/// Serves on a free loopback port, which it prints, until standard input ends.
///
/// # Errors
/// When no port can be opened.
pub(super) fn serve(latency: Duration) -> anyhow::Result<Exit> {
    std::thread::spawn(|| {
        // The parent holds the other end; reading ends with the parent, however that ends.
        let end = std::io::stdin().read(&mut [0]);
        std::process::exit(if end.is_ok() { 0 } else { 1 });
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        println!("{}", listener.local_addr()?.port());
        std::io::stdout().flush()?;
        loop {
            let (stream, _) = listener.accept().await?;
            // A client that goes away in the middle of a request is no fault of the server.
            tokio::spawn(async move { drop(converse(stream, latency).await) });
        }
    })
}

/// Answers one connection's requests, one after the other.
async fn converse(stream: TcpStream, latency: Duration) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut n_body_bytes = 0;
        loop {
            line.clear();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            let header = line.trim_end().to_ascii_lowercase();
            if let Some(length) = header.strip_prefix("content-length:") {
                n_body_bytes = length.trim().parse().unwrap_or(0);
            } else if header.is_empty() {
                break;
            }
        }
        let mut body = vec![0; n_body_bytes];
        stream.read_exact(&mut body).await?;
        tokio::time::sleep(latency).await;
        let prompt = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        let reply = json!({
            "id": "mock",
            "object": "chat.completion",
            "model": prompt["model"],
            "choices": [{
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": answer(&prompt)},
            }],
            "usage": {"prompt_tokens": n_body_bytes / 4, "completion_tokens": 50, "total_tokens": n_body_bytes / 4 + 50},
        })
        .to_string();
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            reply.len()
        );
        stream
            .write_all(format!("{head}{reply}").as_bytes())
            .await?;
    }
}

/// A reply that keeps the contract of whoever is asked: the first program is wrong, its repair is right. A supervisor
/// blames the program, and the next one is right too.
fn answer(prompt: &Value) -> String {
    let messages = prompt["messages"].as_array().map_or(&[][..], Vec::as_slice);
    let text = messages
        .last()
        .and_then(|message| message["content"].as_str())
        .unwrap_or_default();
    let part = text.rsplit("# Your part: ").next().unwrap_or_default();
    let program = |body| format!("```python\ndef add(a, b):\n    return {body}\n```");
    if part.starts_with("retrieval") {
        // Examples differ, so that their plans and checks are questions of their own.
        let examples: String = (1..=3)
            .map(|at| format!("<example>\n<description>Add {at} numbers.</description>\n<plan>1. Add them.</plan>\n</example>\n"))
            .collect();
        format!("{examples}<algorithm>Addition.</algorithm>")
    } else if part.starts_with("planning") {
        let similar = text
            .split("A similar problem: ")
            .nth(1)
            .and_then(|rest| rest.lines().next())
            .unwrap_or_default();
        format!("<plan>\n1. Think of this: {similar}\n2. Return the sum of a and b.\n</plan>")
    } else if part.starts_with("checking") {
        "<explanation>The steps are right.</explanation>\n<confidence>90</confidence>".to_string()
    } else if part.starts_with("coding") {
        // A supervisor's remarks stand behind the part.
        let is_told = part.contains("# Remarks");
        program(if is_told { "b + a" } else { "a - b" })
    } else if part.starts_with("supervising") {
        "<reason>It subtracts.</reason>\n<agent>3</agent>\n<feedback>Mind that a sum is wanted here.</feedback>"
            .to_string()
    } else {
        format!(
            "<plan>\n1. Add, not subtract.\n</plan>\n{}",
            program("a + b")
        )
    }
}
