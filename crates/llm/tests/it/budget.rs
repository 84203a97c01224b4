use std::sync::Arc;
use std::time::Duration;

use domain::{Ask, Reply};
use llm::{Budget, Budgeted, ChatError, ChatModel, Scripted, text_reply};

use crate::mock::ask;

/// Answers when it is let.
struct Slow(Arc<tokio::sync::Semaphore>);
impl ChatModel for Slow {
    fn identity(&self, _: domain::Agent) -> String {
        "slow".into()
    }
    fn chat<'a>(
        &'a self,
        ask: &'a Ask,
    ) -> futures_util::future::BoxFuture<'a, Result<Reply, ChatError>> {
        Box::pin(async move {
            self.0.acquire().await.unwrap().forget();
            Ok(text_reply(ask, "late"))
        })
    }
}

fn priced(cost: Option<f64>) -> impl ChatModel {
    Scripted::new(move |ask: &Ask| {
        Ok(Reply {
            cost,
            ..text_reply(ask, "three short words")
        })
    })
}

/// Replies until the budget is spent, and what is said then.
async fn spend(model: impl ChatModel, budget: Budget) -> (usize, String) {
    let model = Budgeted::new(model, budget);
    for n_replies in 0..100 {
        match model.chat(&ask()).await {
            Ok(_) => assert_eq!(model.spent().calls, n_replies as u64 + 1),
            Err(ChatError::Budget(reason)) => {
                assert_eq!(model.exhausted().as_deref(), Some(reason.as_str()));
                return (n_replies, reason);
            }
            Err(other) => panic!("{other}"),
        }
    }
    panic!("the budget never ends");
}

#[tokio::test]
async fn each_limit_stops_further_questions() {
    let none = Budget::default();
    let calls = Budget {
        calls: Some(3),
        ..none
    };
    assert_eq!(spend(priced(None), calls).await, (3, "3 calls".into()));
    // Each question has five words and each reply three.
    let tokens = Budget {
        tokens: Some(15),
        ..none
    };
    assert_eq!(
        spend(priced(None), tokens).await,
        (2, "16 of 15 tokens".into())
    );
    let cost = Budget {
        cost: Some(1.0),
        ..none
    };
    assert_eq!(
        spend(priced(Some(0.4)), cost).await,
        (3, "1.2000 of 1 in money".into())
    );
    let (n_replies, reason) = spend(priced(None), cost).await;
    assert_eq!(n_replies, 1);
    assert!(reason.contains("price file"), "{reason}");
    let time = Budget {
        time: Some(Duration::ZERO),
        ..none
    };
    assert_eq!(spend(priced(None), time).await, (0, "0 seconds".into()));
}

#[tokio::test]
async fn two_models_share_one_budget() {
    let budget = Budget {
        calls: Some(3),
        ..Budget::default()
    };
    let first = Budgeted::new(priced(None), budget);
    let second = first.sharing(priced(None));
    let models: [&dyn ChatModel; 3] = [&first, &second, &first];
    for model in models {
        assert!(model.chat(&ask()).await.is_ok());
    }
    assert_eq!((first.spent(), first.spent().calls), (second.spent(), 3));
    for model in models {
        let refused = model.chat(&ask()).await;
        assert_eq!(refused, Err(ChatError::Budget("3 calls".into())));
    }
}

#[tokio::test(start_paused = true)]
async fn time_runs_out_between_questions() {
    let budget = Budget {
        time: Some(Duration::from_secs(60)),
        ..Budget::default()
    };
    let model = Budgeted::new(priced(None), budget);
    model.chat(&ask()).await.unwrap();
    tokio::time::advance(Duration::from_secs(61)).await;
    assert_eq!(
        model.chat(&ask()).await,
        Err(ChatError::Budget("60 seconds".into()))
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_when_time_runs_out_is_answered() {
    let budget = Budget {
        time: Some(Duration::from_secs(60)),
        ..Budget::default()
    };
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let model = Budgeted::new(Slow(gate.clone()), budget);
    let question = ask();
    let later = async {
        tokio::time::advance(Duration::from_secs(61)).await;
        let refused = model.chat(&question).await;
        gate.add_permits(1);
        refused
    };
    let (first, second) = tokio::join!(model.chat(&question), later);
    assert!(first.is_ok());
    assert_eq!(second, Err(ChatError::Budget("60 seconds".into())));
}

#[tokio::test]
async fn what_is_in_flight_is_answered() {
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let budget = Budget {
        calls: Some(2),
        ..Budget::default()
    };
    let model = Budgeted::new(Slow(gate.clone()), budget);
    let question = ask();
    let third = async {
        let refused = model.chat(&question).await;
        gate.add_permits(2);
        refused
    };
    let (first, second, third) = tokio::join!(model.chat(&question), model.chat(&question), third);
    assert!(first.is_ok() && second.is_ok());
    assert_eq!(third, Err(ChatError::Budget("2 calls".into())));
}

#[test]
fn price_files_are_checked() {
    let read = |text: &str| llm::Prices::from_toml(text);
    let prices =
        read("currency = \"EUR\"\n[models.\"org/model\"]\ninput = 2\noutput = 0\n").unwrap();
    let usage = domain::Usage {
        prompt_tokens: 1_000_000,
        cached_tokens: 400_000,
        completion_tokens: 7,
    };
    assert_eq!(prices.cost("org/model", &usage), Some(2.0));
    assert_eq!(prices.cost("other", &usage), None);
    let misspelt = read("currency = \"EUR\"\n[models.m]\ninputs = 2\noutput = 0\n");
    assert!(misspelt.unwrap_err().to_string().contains("inputs"));
    let negative = read("currency = \"EUR\"\n[models.m]\ninput = -1\noutput = 0\n");
    assert_eq!(
        negative.unwrap_err().to_string(),
        "read the prices: those of `m` must be numbers from 0 on"
    );
}
