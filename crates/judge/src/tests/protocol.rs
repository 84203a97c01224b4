use std::os::fd::OwnedFd;

use proptest::prelude::*;

use crate::protocol::{
    Allowance, Artifact, FrameError, Head, Request, Task, raw, read_frame, write_frame,
};
use crate::sys::{self, Sockets};

fn pair() -> (OwnedFd, OwnedFd) {
    sys::socket_pair(Sockets::Datagram).unwrap()
}

#[test]
fn a_frame_arrives_with_its_body_and_descriptors() {
    let (left, right) = pair();
    let memory = sys::sealed(c"test", b"inside").unwrap();
    write_frame(
        &left,
        &Request::Stop,
        &[b"one", b"two"],
        &raw([&memory, &memory]),
    )
    .unwrap();
    let frame = read_frame::<Request>(&right).unwrap();
    assert!(matches!(frame.header, Request::Stop));
    assert_eq!(frame.body, b"onetwo");
    assert_eq!(frame.fds.len(), 2);
    assert_eq!(sys::read_again(&frame.fds[1]).unwrap(), "inside");
}

#[test]
fn a_large_body_arrives_whole() {
    let (left, right) = pair();
    let body: Vec<u8> = (0..5_000_000u32).map(|n| n as u8).collect();
    let sent = body.clone();
    let writer = std::thread::spawn(move || write_frame(&left, &Request::Stop, &[&sent], &[]));
    assert_eq!(read_frame::<Request>(&right).unwrap().body, body);
    writer.join().unwrap().unwrap();
}

#[test]
fn the_end_of_a_connection_is_an_error() {
    let (left, right) = pair();
    drop(left);
    assert!(matches!(
        read_frame::<Request>(&right),
        Err(FrameError::Closed)
    ));
}

#[test]
fn sealed_memory_cannot_be_changed() {
    use std::io::Write as _;
    let memory = sys::sealed(c"test", b"inside").unwrap();
    assert!(std::fs::File::from(memory).write_all(b"x").is_err());
}

/// The bytes of a frame that asks for a compilation.
fn frame(argv: Vec<String>, allowance: Allowance) -> Vec<u8> {
    let (left, right) = pair();
    let request = Request::Run {
        task: Task::Compile {
            argv,
            env: vec!["A=b".into()],
            source: Some("main.cpp".into()),
            artifact: Artifact::Out,
        },
        allowance,
        isolation: domain::Isolation::Pooled,
    };
    write_frame(&left, &request, &[b"body"], &[]).unwrap();
    let mut bytes = vec![0; 1 << 16];
    let n_bytes = sys::receive(
        std::os::fd::AsFd::as_fd(&right),
        &mut bytes,
        &mut Vec::new(),
    )
    .unwrap();
    bytes.truncate(n_bytes);
    bytes
}

proptest! {
    #[test]
    fn a_damaged_frame_is_refused_or_read_whole(
        argv in prop::collection::vec(any::<String>(), 0..4),
        limits: [u64; 5],
        processes: u32,
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let [cpu_us, wall_us, memory_bytes, output_bytes, file_bytes] = limits;
        let allowance = Allowance { cpu_us, wall_us, memory_bytes, output_bytes, file_bytes, processes };
        let whole = frame(argv, allowance);
        let mut bytes = whole.clone();
        for (at, byte) in &damage {
            bytes[at.index(whole.len())] = *byte;
        }
        bytes.truncate(cut.map_or(whole.len(), |cut| cut.index(whole.len() + 1)));
        let (left, right) = pair();
        let is_damaged = bytes != whole;
        if !bytes.is_empty() {
            sys::send(std::os::fd::AsFd::as_fd(&left), &bytes, &[]).unwrap();
        }
        drop(left);
        match read_frame::<Request>(&right) {
            Ok(frame) => prop_assert!(frame.body.len() <= bytes.len()),
            Err(_) => prop_assert!(is_damaged),
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (left, right) = pair();
        sys::send(std::os::fd::AsFd::as_fd(&left), &[&bytes[..], b"x"].concat(), &[]).unwrap();
        drop(left);
        prop_assert!(read_frame::<Request>(&right).is_err());
    }

    #[test]
    fn no_frame_with_a_wrong_header_is_read(header in prop::collection::vec(any::<u8>(), 0..200)) {
        let (left, right) = pair();
        let text = String::from_utf8_lossy(&header).into_owned();
        write_frame(&left, &text, &[], &[]).unwrap();
        prop_assert!(matches!(read_frame::<Request>(&right), Err(FrameError::Header(_))) || text == "Stop");
    }

    #[test]
    fn lengths_are_bounded(bytes: [u8; Head::SIZE]) {
        if let Ok(head) = Head::decode(&bytes) {
            prop_assert_eq!(Head::decode(&head.encode()).unwrap(), head);
        }
    }

    #[test]
    fn no_length_beyond_its_bound_is_read(header: u32, body: u32, n_fds: u32) {
        let mut bytes = Head::decode(&EMPTY).unwrap().encode();
        for (place, field) in [(4, header), (8, body), (12, n_fds)] {
            bytes[place..place + 4].copy_from_slice(&field.to_le_bytes());
        }
        let within = header <= 1 << 20 && body <= 1 << 30 && n_fds <= 6;
        prop_assert_eq!(Head::decode(&bytes).is_ok(), within);
    }
}

/// The head of a frame with nothing in it.
const EMPTY: [u8; Head::SIZE] = [b'C', b'e', b'l', b'l', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
