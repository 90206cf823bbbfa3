//! A worker: counts words, and asks before it accepts a long text. Start a server (`npm run -s cairn -- serve`), then this; it
//! registers its graph, runs one thread through it, and serves until it is interrupted.
use cairn_client::{Client, Command, NodeContext, NodeError, RunOptions, RunStatus, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

const REVIEW: &str = r"
name: review
channels:
  text: { kind: CHANNEL_KIND_LAST_VALUE }
  words: { kind: CHANNEL_KIND_LAST_VALUE }
  verdict: { kind: CHANNEL_KIND_LAST_VALUE }
nodes:
  count: { worker: {} }
  accept: { worker: { params: { words_max: 5 } } }
  reject: { worker: {} }
edges:
  - { from: [__start__], to: count }
branches:
  - { from: count, worker: { handler: choose }, targets: [accept, reject] }
";

#[derive(Serialize)]
struct Count {
    words: usize,
}

#[derive(Deserialize)]
struct Params {
    words_max: f64,
}

async fn count(context: NodeContext) -> Result<Count, NodeError> {
    let text: String = context.get("text")?;
    for word in text.split_whitespace() {
        context.token("words", word).await?;
    }
    Ok(Count { words: text.split_whitespace().count() })
}

async fn choose(context: NodeContext) -> Result<&'static str, NodeError> {
    let words: u32 = context.get("words")?;
    Ok(if words > 0 { "accept" } else { "reject" })
}

async fn accept(context: NodeContext) -> Result<Command, NodeError> {
    let words: u32 = context.get("words")?;
    let Params { words_max } = context.params()?;
    // The first time, the node ends here; it runs again when somebody has answered.
    let accepted = f64::from(words) <= words_max || context.interrupt(&json!({"words": words})).await?;
    Ok(Command::new().update("verdict", if accepted { "accepted" } else { "refused" }))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::var("CAIRN_ADDRESS").unwrap_or_else(|_| "127.0.0.1:50051".to_owned());
    let client = Client::connect(address.as_str())?;
    client.graphs().register(REVIEW).await?;
    let worker = client
        .worker(format!("reviewer-{}", std::process::id()))
        .slots(4)
        .node("count", count)
        .decision("choose", choose)
        .node("accept", accept)
        .node("reject", |_| async { Ok(Command::new().update("verdict", "empty")) });
    let serving = tokio::spawn(worker.run_until(async {
        // Without a handler the signal ends the process, as it would anyway.
        let _ = tokio::signal::ctrl_c().await;
    }));

    let thread = client.thread(format!("review-{}", std::process::id()));
    let text = "a text of more than five words";
    let mut outcome = thread.run(&json!({"text": text}), RunOptions::graph("review")).await?;
    if outcome.status == RunStatus::Interrupted {
        outcome = thread.resume(&true, RunOptions::default()).await?;
    }
    println!("{:?} {:?}", outcome.status, outcome.state.decode::<Value>()?);
    println!("serving; Ctrl+C drains");
    Ok(serving.await??)
}
