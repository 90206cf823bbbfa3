use std::collections::BTreeMap;

use cairn_client::{Client, Outcome, Result, RunOptions, RunStatus, Value};
use serde_json::json;

const DESK: &str = r#"
name: desk
channels:
  question: { kind: CHANNEL_KIND_LAST_VALUE }
  draft: { kind: CHANNEL_KIND_LAST_VALUE }
  approved: { kind: CHANNEL_KIND_LAST_VALUE }
nodes:
  write: { expression: { update: { draft: '"Re: " + state.question' } } }
  check: { ask: { question: '{"draft": state.draft}', into: approved } }
edges:
  - { from: [__start__], to: write }
  - { from: [write], to: check }
  - { from: [check], to: __end__ }
"#;

pub(crate) async fn answer(client: &Client) -> Result<Outcome> {
    client.graphs().register(DESK).await?;

    let thread = client.thread("t1");
    let mut outcome = thread.run(&json!({"question": "Where is my parcel?"}), RunOptions::graph("desk")).await?;

    // A question is an outcome, not an error. So is a failure: RunStatus::Failed, outcome.error.
    while outcome.status == RunStatus::Interrupted {
        let mut answers = BTreeMap::new();
        for interrupt in &outcome.state.interrupts {
            answers.insert(interrupt.id.clone(), ask(&interrupt.value.decode()?));
        }
        outcome = thread.resume_by_id(answers, RunOptions::default()).await?;
    }
    Ok(outcome)
}

fn ask(question: &Value) -> bool {
    println!("May this be sent? {question:?}");
    true
}

#[tokio::main]
async fn main() -> Result<()> {
    let client = Client::connect("127.0.0.1:50051")?;
    let outcome = answer(&client).await?;
    println!("{:?} {:?}", outcome.status, outcome.state.decode::<Value>()?);
    Ok(())
}
