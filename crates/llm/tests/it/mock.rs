//! A small HTTP server that does to a client what real ones do.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::{Agent, Ask, Message, Sampling};
use llm::{OpenAi, OpenAiSettings};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What the server does with a request.
pub(crate) enum Act {
    /// Answers 200 with this body.
    Body(String),
    /// Answers with this status, these further header lines, and this body.
    Status(u16, &'static str, String),
    /// Promises a longer body than it sends, and closes.
    Cut,
    /// Sends a byte now and then and never ends.
    Trickle,
    /// Says nothing.
    Hang,
}

/// A request as it came.
#[derive(Clone)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// A server on a free port of this machine. It ends with the test's runtime.
pub(crate) struct Mock {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Mock {
    /// Starts a server; `act` gets the number of the request, from 0.
    pub(crate) async fn start(act: impl Fn(usize) -> Act + Send + Sync + 'static) -> Mock {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::<Mutex<Vec<Seen>>>::default();
        let (act, log) = (Arc::new(act), seen.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, act.clone(), log.clone()));
            }
        });
        Mock { url, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Settings for it, with pauses that a test can afford.
    pub(crate) fn settings(&self) -> OpenAiSettings {
        OpenAiSettings {
            timeout: Duration::from_secs(30),
            first_pause: Duration::from_millis(1),
            max_attempts: 3,
            ..OpenAiSettings::new(&self.url, "small-model")
        }
    }

    pub(crate) fn client(&self) -> OpenAi {
        OpenAi::new(self.settings()).unwrap()
    }
}

async fn serve(
    mut stream: TcpStream,
    act: Arc<impl Fn(usize) -> Act>,
    seen: Arc<Mutex<Vec<Seen>>>,
) -> std::io::Result<()> {
    while let Some(request) = read(&mut stream).await? {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request);
            seen.len() - 1
        };
        let (status, headers, body) = match act(number) {
            Act::Body(body) => (200, "", body),
            Act::Status(status, headers, body) => (status, headers, body),
            Act::Cut => {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"choices\": [";
                return stream.write_all(head.as_bytes()).await;
            }
            Act::Trickle => {
                let head = "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
                stream.write_all(head.as_bytes()).await?;
                loop {
                    stream.write_all(b" ").await?;
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
            Act::Hang => std::future::pending().await,
        };
        let response = format!(
            "HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes()).await?;
    }
    Ok(())
}

/// The next request of a connection; none when the client has closed it.
async fn read(stream: &mut TcpStream) -> std::io::Result<Option<Seen>> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    };
    let head = String::from_utf8_lossy(&bytes[..head_end]).to_lowercase();
    let length: usize = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    while bytes.len() < head_end + length {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(None);
        }
    }
    let body = serde_json::from_slice(&bytes[head_end..]).unwrap_or_default();
    Ok(Some(Seen { head, body }))
}

/// A whole reply with this text.
pub(crate) fn completion(text: &str) -> String {
    serde_json::json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "choices": [{
            "index": 0,
            "message": {"role": "assistant", "content": text, "reasoning_content": "hm"},
            "finish_reason": "stop",
            "logprobs": null,
        }],
        "usage": {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 64},
        },
    })
    .to_string()
}

pub(crate) fn ask() -> Ask {
    Ask {
        agent: Agent::Coding,
        model: "small-model".into(),
        messages: vec![
            Message::system("Be brief."),
            Message::user("Say \"héllo\" 🦀"),
        ],
        sampling: Sampling::default(),
        sample_idx: 0,
        shape: None,
    }
}
