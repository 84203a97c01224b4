//! Runs the built binary the way a user does, in an empty home folder and without a network.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the tests start the program that they are about, and a fault in their own set-up may panic"
)]

mod adapters;
mod bench;
mod browser;
mod compare;
mod config;
mod data;
mod distill;
mod distill_recipes;
mod distill_run;
mod doctor;
mod gate;
mod handover;
mod help;
mod hub;
mod improve;
mod improve_distilled;
mod judge;
mod model;
mod rejudge;
mod report;
mod runs;
mod train;
mod train_faults;
mod work;
mod world;
