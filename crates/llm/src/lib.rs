//! Chat models behind one trait.
//!
//! 1. A [`ChatModel`] answers a [`domain::Ask`] with a [`domain::Reply`], or says why it cannot: [`ChatError`].
//! 2. [`OpenAi`] asks any OpenAI-compatible server, set up by [`OpenAiSettings`], with [`Prices`] for what it costs.
//! 3. [`Replay`] answers from recorded exchanges, [`Scripted`] from a function.
//! 4. [`Budgeted`] puts any of them under a [`Budget`].
//!
//! Only [`OpenAi`] opens connections. A key is a [`Secret`]: no error and no debug output shows it,
//! even when a server echoes it.

mod budget;
mod chat_model;
mod openai;
mod pause;
mod prices;
mod refusal;
mod replay;
mod route;
mod scripted;
mod secret;
mod settings;
mod throttle;
mod wire;

pub use budget::{Budget, Budgeted, Spent};
pub use chat_model::{ChatError, ChatModel};
pub use openai::OpenAi;
pub use prices::{Price, Prices, PricesError};
pub use replay::{Matching, Replay, ReplayError};
pub use scripted::{Scripted, text_reply};
pub use secret::Secret;
pub use settings::{AgentEndpoint, OpenAiSettings, SettingsError};

#[cfg(test)]
mod tests;
