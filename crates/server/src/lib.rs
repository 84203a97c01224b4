//! The judge over HTTP, and the JSON that it speaks.
//!
//! 1. [`decode`] reads a submission from JSON; [`checker`] reads a checker's short name.
//! 2. [`case_line`], [`result_line`] and [`error_line`] are what is said about it, one line of JSON each.
//! 3. [`run`] serves both on a socket until it is told to stop: our own paths under `/v1`,
//!    and those of ExecEval, the judge of xCodeEval, so that scripts written for it need no change.
//! 4. [`view`] shows a page about a run on the loopback interface.
//!
//! There is no authentication: whoever reaches the socket can use the machine's time.
//! What clients send is data. It picks no path, no command and no flag on this machine.

mod body;
mod checker;
mod decode;
mod execeval;
mod limits;
mod lines;
mod native;
mod reply;
mod service;
mod viewer;

pub use checker::{UnknownChecker, checker};
pub use decode::{DecodeError, Request, decode, id};
pub use lines::{Row, case_line, error_line, result_line};
pub use service::{Settings, run};
pub use viewer::view;
