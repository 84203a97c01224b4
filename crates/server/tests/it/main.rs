//! The service as its clients see it: requests in, answers out, over a real socket.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "test helpers may panic and say what they skip"
)]

mod client;
mod decode;
mod execeval;
mod load;
mod native;
mod refusals;
