//! The ten tasks of docs/clients.md, which quotes from here. Prints what it saw, as JSON. Usage: `tour ADDRESS SPACE`
use cairn_client::{Client, ConnectOptions, EventOptions, NodeContext, RunOptions, RunStatus};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;

type Failure = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("usage: tour ADDRESS SPACE")?;
    let space = arguments.next().ok_or("usage: tour ADDRESS SPACE")?;
    let token = std::env::var("CAIRN_TOKEN").unwrap_or_default();
    let text = include_str!("../../../examples/tour/desk.yaml");

    let client = Client::connect(ConnectOptions { address, space, token, ..ConnectOptions::default() })?;

    client.graphs().register(text).await?;

    let worker = client
        .worker("scorer")
        .node("score", |context: NodeContext| async move {
            let text: String = context.get("text")?;
            Ok(json!({"score": text.len()}))
        })
        .node("approve", |context: NodeContext| async move {
            let approved: bool = context.interrupt(&json!({"publish": context.get::<String>("text")?})).await?;
            Ok(json!({"approved": approved}))
        });
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(worker.run_until(async move { stopped.await.unwrap_or(()) }));

    let seen = use_it(&client).await?;
    let _ = stop.send(());
    serving.await??;
    println!("{seen}");
    Ok(())
}

async fn use_it(client: &Client) -> Result<Json, Failure> {
    let thread = client.thread("rust");
    let outcome = thread.run(&json!({"text": "Where is my parcel?"}), RunOptions::graph("desk")).await?;

    if outcome.status == RunStatus::Interrupted {
        thread.resume(&true, RunOptions::default()).await?;
    }

    let state = thread.state().await?;
    let mut history = thread.history();
    let (mut steps, mut checkpoint_id) = (Vec::new(), String::new());
    while let Some(earlier) = history.next().await? {
        steps.push(earlier.step);
        if earlier.next.iter().any(|node| node == "approve") {
            checkpoint_id = earlier.checkpoint_id;
        }
    }

    thread.fork(&checkpoint_id, &json!({"text": "Better"})).await?;
    let again = thread.run(&(), RunOptions::default()).await?;
    let mut asked = Vec::new();
    for interrupt in again.state.interrupts {
        asked.push(interrupt.value.decode::<Json>()?);
    }

    let mut watched = Vec::new();
    let mut events = thread.events(EventOptions { after: Some(0), until_stop: true, ..EventOptions::default() });
    while let Some(event) = events.next().await? {
        watched.push(event);
    }

    let refused = match client.thread("missing").state().await {
        Err(error) if error.reason() == "THREAD_NOT_FOUND" => error.reason().to_owned(),
        _ => String::new(),
    };
    Ok(json!({
        "run": format!("{:?}", outcome.status).to_lowercase(),
        "values": state.decode::<Json>()?,
        "next": state.next,
        "steps": steps,
        "asked": asked,
        "events": watched.len(),
        "refused": refused,
    }))
}
