//! From exchanges to example sets, with a real judge.

mod exported;
mod imported;
mod of_run;
mod published_data;
mod school;
