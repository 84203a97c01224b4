use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::{Agent, Ask, Reply, Usage};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::{ChatError, ChatModel};

/// What may be spent; what is absent is not limited.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Budget {
    /// Questions sent.
    pub calls: Option<u64>,
    /// Tokens of conversations and replies.
    pub tokens: Option<u64>,
    /// Money, in the unit of the price file.
    pub cost: Option<f64>,
    /// Time on the clock.
    pub time: Option<Duration>,
}

/// What was spent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spent {
    /// Questions sent, answered or not.
    pub calls: u64,
    /// Tokens of all replies.
    pub usage: Usage,
    /// The sum of all costs that are known.
    pub cost: f64,
    /// Replies without a known cost.
    pub n_unpriced: u64,
}

/// A model with a budget. Once it is spent, every further question fails with [`ChatError::Budget`]
/// before anything is sent; questions in flight are answered, so tokens and money can end a little above.
pub struct Budgeted<M> {
    model: M,
    account: Arc<Account>,
}

/// A budget and what was spent of it, perhaps by several models.
struct Account {
    budget: Budget,
    started: Instant,
    spent: Mutex<Spent>,
}

impl<M: ChatModel> Budgeted<M> {
    /// Puts a model under a budget. Its time begins now.
    pub fn new(model: M, budget: Budget) -> Budgeted<M> {
        Budgeted {
            model,
            account: Arc::new(Account {
                budget,
                started: Instant::now(),
                spent: Mutex::new(Spent::default()),
            }),
        }
    }

    /// Puts another model under the same budget: whatever either spends, both have less.
    pub fn sharing<N: ChatModel>(&self, model: N) -> Budgeted<N> {
        Budgeted {
            model,
            account: self.account.clone(),
        }
    }

    /// What was spent so far.
    pub fn spent(&self) -> Spent {
        *self.account.lock()
    }

    /// Which limit is reached, in words; absent while there is something left.
    pub fn exhausted(&self) -> Option<String> {
        self.account.reached(&self.account.lock())
    }

    async fn ask(&self, ask: &Ask) -> Result<Reply, ChatError> {
        let account = &self.account;
        {
            let mut spent = account.lock();
            if let Some(reason) = account.reached(&spent) {
                return Err(ChatError::Budget(reason));
            }
            spent.calls += 1;
        }
        let reply = self.model.chat(ask).await?;
        let mut spent = account.lock();
        spent.usage += reply.usage;
        match reply.cost {
            Some(cost) => spent.cost += cost,
            None => spent.n_unpriced += 1,
        }
        drop(spent);
        Ok(reply)
    }
}

impl Account {
    fn reached(&self, spent: &Spent) -> Option<String> {
        let Budget {
            calls,
            tokens,
            cost,
            time,
        } = self.budget;
        let n_tokens = spent.usage.prompt_tokens + spent.usage.completion_tokens;
        if let Some(limit) = calls.filter(|limit| spent.calls >= *limit) {
            return Some(format!("{limit} calls"));
        }
        if let Some(limit) = tokens.filter(|limit| n_tokens >= *limit) {
            return Some(format!("{n_tokens} of {limit} tokens"));
        }
        if let Some(limit) = cost {
            if spent.cost >= limit {
                return Some(format!("{:.4} of {limit} in money", spent.cost));
            }
            if spent.n_unpriced > 0 {
                return Some(format!(
                    "it is {limit} in money and a reply had no price: name the model in the price file"
                ));
            }
        }
        if let Some(limit) = time.filter(|limit| self.started.elapsed() >= *limit) {
            return Some(format!("{} seconds", limit.as_secs_f64()));
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Spent> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: ChatModel> ChatModel for Budgeted<M> {
    fn identity(&self, agent: Agent) -> String {
        self.model.identity(agent)
    }

    fn keeps_shapes(&self, agent: Agent) -> bool {
        self.model.keeps_shapes(agent)
    }

    fn chat<'a>(&'a self, ask: &'a Ask) -> BoxFuture<'a, Result<Reply, ChatError>> {
        self.ask(ask).boxed()
    }
}
