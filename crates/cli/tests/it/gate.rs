//! A server that stands before another: it counts what passes, and can hold back whoever comes after so many.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Mutex};

use crate::work::Server;
use crate::world::World;

/// The gate. Its threads end with the test's process.
pub(crate) struct Gate {
    pub(crate) url: String,
    state: Arc<Mutex<State>>,
}

/// How it stands.
#[derive(Default)]
struct State {
    n_answered: usize,
    /// Absent while it is open to all.
    closing: Option<Closing>,
}

/// A gate that lets only so many through.
struct Closing {
    n_left: usize,
    /// Is told when somebody is held back.
    watcher: Sender<Seen>,
}

/// What is seen of a command that is to be held back.
enum Seen {
    Held,
    /// It ended before, with this on standard error.
    Ended(String),
}

impl Gate {
    /// Puts a gate before a server.
    pub(crate) fn before(server: &Server) -> Gate {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let behind = server.url.strip_prefix("http://").unwrap();
        let behind = behind.strip_suffix("/v1").unwrap().to_string();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (behind, state) = (behind.clone(), shared.clone());
                // A client that is killed in the middle of a request is what the gate is for.
                std::thread::spawn(move || drop(pass(stream.unwrap(), &behind, &state)));
            }
        });
        Gate { url, state }
    }

    /// Questions that were answered so far.
    pub(crate) fn n_answered(&self) -> usize {
        self.state.lock().unwrap().n_answered
    }

    /// Kills a command while it waits for the answer after so many others, which it never gets.
    pub(crate) fn kill_after(&self, n_answers: usize, world: &World, arguments: &[&str]) {
        let (watcher, seen) = mpsc::channel();
        self.state.lock().unwrap().closing = Some(Closing {
            n_left: n_answers,
            watcher: watcher.clone(),
        });
        let mut child = world.spawn(arguments);
        let mut stderr = child.stderr.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            stderr.read_to_string(&mut text).unwrap();
            // Nobody wants to know of it once it is killed.
            drop(watcher.send(Seen::Ended(text)));
        });
        if let Seen::Ended(text) = seen.recv().unwrap() {
            panic!("it asked for fewer than {n_answers} answers: {text}");
        }
        child.kill().unwrap();
        child.wait().unwrap();
        reader.join().unwrap();
        self.state.lock().unwrap().closing = None;
    }
}

/// Passes one connection's questions on, one after the other, and their answers back.
fn pass(client: TcpStream, behind: &str, state: &Mutex<State>) -> std::io::Result<()> {
    let mut server = BufReader::new(TcpStream::connect(behind)?);
    let mut client = BufReader::new(client);
    while let Some(question) = message(&mut client)? {
        if let Some(closing) = &mut state.lock().unwrap().closing {
            if closing.n_left == 0 {
                drop(closing.watcher.send(Seen::Held));
                break;
            }
            closing.n_left -= 1;
        }
        server.get_mut().write_all(&question)?;
        let answer = message(&mut server)?.ok_or(std::io::ErrorKind::UnexpectedEof)?;
        state.lock().unwrap().n_answered += 1;
        client.get_mut().write_all(&answer)?;
    }
    // Whoever is held back waits until it is killed.
    client.read_to_end(&mut Vec::new()).map(drop)
}

/// A request or a response with its body; absent at the end of a connection.
fn message(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let mut n_body_bytes = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        bytes.extend(line.bytes());
        let header = line.trim_end().to_ascii_lowercase();
        if let Some(length) = header.strip_prefix("content-length:") {
            n_body_bytes = length.trim().parse().unwrap();
        } else if header.is_empty() {
            break;
        }
    }
    let start = bytes.len();
    bytes.resize(start + n_body_bytes, 0);
    stream.read_exact(&mut bytes[start..])?;
    Ok(Some(bytes))
}
