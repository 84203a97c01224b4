use std::collections::BTreeMap;

use domain::Usage;
use serde::Deserialize;

/// What tokens cost, as a user's price file says it:
///
/// ```toml
/// currency = "USD"
///
/// [models.some-model]
/// input = 0.15   # per million tokens of the conversation
/// cached = 0.075 # per million of these that came from a cache; as `input` when absent
/// output = 0.60  # per million tokens of the reply
/// ```
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prices {
    /// The unit of all prices; only shown.
    pub currency: String,
    /// Prices by the model's name on its server.
    pub models: BTreeMap<String, Price>,
}

/// What a million tokens cost.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Tokens of the conversation.
    pub input: f64,
    /// Of these, tokens that came from a cache; as `input` when absent.
    pub cached: Option<f64>,
    /// Tokens of the reply.
    pub output: f64,
}

/// A price file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PricesError {
    /// It is not TOML of the expected form.
    #[error("read the prices: {0}")]
    Malformed(String),
    /// A price is negative or no number.
    #[error("read the prices: those of `{0}` must be numbers from 0 on")]
    Negative(String),
}

impl Prices {
    /// Reads the text of a price file.
    ///
    /// # Errors
    /// When it is not TOML of the expected form, or a price is negative.
    pub fn from_toml(text: &str) -> Result<Prices, PricesError> {
        let prices: Prices =
            toml::from_str(text).map_err(|error| PricesError::Malformed(error.to_string()))?;
        for (model, price) in &prices.models {
            let all = [Some(price.input), price.cached, Some(price.output)];
            if all
                .into_iter()
                .flatten()
                .any(|price| !(price.is_finite() && price >= 0.0))
            {
                return Err(PricesError::Negative(model.clone()));
            }
        }
        Ok(prices)
    }

    /// What a reply of this model cost; absent when the model has no price.
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<f64> {
        let price = self.models.get(model)?;
        let cached = usage.cached_tokens.min(usage.prompt_tokens);
        let new = usage.prompt_tokens - cached;
        let sum = new as f64 * price.input
            + cached as f64 * price.cached.unwrap_or(price.input)
            + usage.completion_tokens as f64 * price.output;
        Some(sum / 1e6)
    }
}
