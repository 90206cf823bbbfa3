use cairn_client::proto::event::Body;
use cairn_client::{Client, EventOptions, RunOptions, StreamMode};
use serde_json::json;

use crate::server::Server;

const LOG: &str = r#"
name: log
channels: { log: { kind: CHANNEL_KIND_APPEND } }
nodes: { add: { expression: { update: { log: '["added"]' } } } }
edges: [{ from: [__start__], to: add }]
"#;

async fn logging(server: &Server) -> Client {
    let client = server.client();
    client.graphs().register(LOG).await.unwrap();
    client
}

async fn numbers(client: &Client, options: EventOptions) -> Vec<u64> {
    let mut events = client.thread("t").events(options);
    let mut numbers = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        numbers.push(event.number);
    }
    numbers
}

fn all() -> EventOptions {
    EventOptions { after: Some(0), until_now: true, ..EventOptions::default() }
}

#[tokio::test]
async fn events_come_in_order_with_their_values_from_anywhere() {
    let server = Server::shared();
    let client = logging(&server).await;
    let thread = client.thread("t");
    let big = "x".repeat(2_000_000);
    thread.run(&json!({"log": [big]}), RunOptions::graph("log")).await.unwrap();
    let mut events = thread.events(EventOptions { after: Some(0), until_stop: true, ..EventOptions::default() });
    let (mut updates, mut saved, mut last) = (Vec::new(), 0, 0);
    while let Some(event) = events.next().await.unwrap() {
        assert!(event.number > last && event.at.is_some());
        last = event.number;
        match event.body.unwrap() {
            Body::TaskFinished(task) => {
                for update in task.updates {
                    updates.extend(update.value.unwrap().decode::<Vec<String>>().unwrap());
                }
            }
            Body::CheckpointSaved(checkpoint) => {
                saved += 1;
                // The input's own checkpoint comes before any channel is written.
                if checkpoint.step >= 0 {
                    let log: Vec<String> = checkpoint.values["log"].decode().unwrap();
                    assert_eq!(log[0].len(), big.len());
                }
            }
            _ => {}
        }
    }
    assert!(updates.contains(&"added".to_owned()), "{}", updates.len());
    assert_eq!(saved, 3);

    let every = numbers(&client, all()).await;
    for (i, after) in every.iter().enumerate() {
        assert_eq!(numbers(&client, EventOptions { after: Some(*after), ..all() }).await, every[i + 1..]);
    }
    let modes = vec![StreamMode::Updates];
    let fewer = numbers(&client, EventOptions { modes, without_values: true, ..all() }).await;
    assert!(fewer.len() < every.len() && fewer.iter().all(|number| every.contains(number)));
    let ahead = EventOptions { after: Some(last + 1000), ..EventOptions::default() };
    assert_eq!(thread.events(ahead).next().await.unwrap_err().reason(), "EVENTS_AHEAD");
    let none = client.thread("none").events(EventOptions::default()).next().await.unwrap_err();
    assert_eq!(none.reason(), "THREAD_NOT_FOUND");
}

#[tokio::test]
async fn a_stream_outlives_its_server_without_loss_or_repetition() {
    let server = Server::start(&[]);
    let client = logging(&server).await;
    let thread = client.thread("t");
    thread.run(&json!({"log": []}), RunOptions::graph("log")).await.unwrap();
    let mut events = thread.events(EventOptions { after: Some(0), ..EventOptions::default() });
    let mut heard = vec![events.next().await.unwrap().unwrap().number];
    let mut runs_stopped = 0;
    for round in 1..=3 {
        while runs_stopped < round {
            let event = events.next().await.unwrap().unwrap();
            runs_stopped += usize::from(matches!(event.body, Some(Body::RunStopped(_))));
            heard.push(event.number);
        }
        if round < 3 {
            server.kill();
            server.restart();
            thread.run(&json!({"log": [round]}), RunOptions::default()).await.unwrap();
        }
    }
    assert_eq!(heard, numbers(&client, all()).await);
}
