use std::time::{Duration, Instant};

use cairn_client::{Client, Code, ConnectOptions, EventOptions, RetryPolicy, RunOptions, UpdateOptions};
use serde_json::json;

use crate::server::Server;

#[tokio::test]
async fn errors_say_code_reason_field_and_what_changes() {
    let server = Server::shared();
    let client = server.client();
    let error = client.thread("none").state().await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::NotFound, "THREAD_NOT_FOUND"));
    assert!(!error.metadata().is_empty() && error.to_string().contains("THREAD_NOT_FOUND"));
    let error = client.thread("a\nb").state().await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::InvalidArgument, "INVALID_FIELD"));
    assert_eq!(error.field(), Some("thread_id"));
    assert!(!error.violations()[0].description.is_empty());
    let error = client.thread("t").run(&[1], RunOptions::default()).await.unwrap_err();
    assert_eq!(error.reason(), "VALUE_MALFORMED");
    let error = client.thread("t").run(&json!({}), RunOptions::graph("none")).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::NotFound, "GRAPH_NOT_FOUND"));
}

#[tokio::test]
async fn a_stale_head_is_refused_with_the_present_one() {
    let server = Server::shared();
    let client = server.client();
    let graph = "{ name: g, channels: { n: { kind: CHANNEL_KIND_LAST_VALUE } }, nodes: { a: { expression: {} } },
        edges: [{ from: [__start__], to: a }] }";
    client.graphs().register(graph).await.unwrap();
    let thread = client.thread("t");
    let head = thread.run(&json!({"n": 1}), RunOptions::graph("g")).await.unwrap().state.checkpoint_id;
    let options = UpdateOptions { expected_head: "old".to_owned(), as_node: "a".to_owned(), ..Default::default() };
    let error = thread.update_state(&json!({"n": 2}), options).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Aborted, "HEAD_MISMATCH"));
    assert!(error.metadata().values().any(|value| *value == head), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_is_waited_for() {
    let server = Server::start(&[]);
    let client = server.client();
    client.thread("t").ensure(&json!({})).await.unwrap();
    server.kill();
    let call = tokio::spawn({
        let thread = client.with_deadline(Duration::from_mins(1)).thread("t");
        async move { thread.info().await }
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.restart();
    assert_eq!(call.await.unwrap().unwrap().id, "t");
}

#[tokio::test]
async fn nobody_there_is_said_after_the_attempts_and_deadlines_end_calls() {
    let retry = RetryPolicy { attempts_max: 3, backoff_base: Duration::from_millis(10), ..RetryPolicy::default() };
    let options = ConnectOptions { retry, ..ConnectOptions::from("127.0.0.1:1") };
    let nobody = Client::connect(options).unwrap();
    let error = nobody.thread("t").info().await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    assert!(error.is_connection_loss() && error.reason().is_empty());

    let server = Server::shared();
    let client = server.client();
    client.thread("t").ensure(&json!({})).await.unwrap();
    let began = Instant::now();
    let hasty = client.with_deadline(Duration::from_millis(300));
    let error = hasty.thread("t").events(EventOptions::default()).next().await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    assert!(began.elapsed() >= Duration::from_millis(250));
}
