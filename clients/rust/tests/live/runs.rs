use std::collections::BTreeMap;
use std::time::Duration;

use cairn_client::{
    Client, Code, CreateThreadOptions, NodeUpdate, OnBusy, RunOptions, RunStatus, ThreadFilter, ThreadStatus,
    UpdateOptions,
};
use serde::Deserialize;
use serde_json::{Value as Json, json};

use crate::server::{Server, until};

const COUNT: &str = r#"
name: count
channels: { n: { kind: CHANNEL_KIND_ADD }, log: { kind: CHANNEL_KIND_APPEND } }
nodes:
  one: { expression: { update: { n: "1", log: '["one"]' } } }
  two: { expression: { update: { n: "2", log: '["two"]' } } }
edges:
  - { from: [__start__], to: one }
  - { from: [one], to: two }
"#;

const ASK_TWICE: &str = r#"
name: ask
channels: { a: { kind: CHANNEL_KIND_LAST_VALUE }, b: { kind: CHANNEL_KIND_LAST_VALUE } }
nodes:
  first: { ask: { question: '"a?"', into: a } }
  second: { ask: { question: '"b?"', into: b } }
edges:
  - { from: [__start__], to: first }
  - { from: [__start__], to: second }
"#;

#[derive(Debug, Deserialize, PartialEq)]
struct Count {
    n: i64,
    log: Vec<String>,
}

async fn counting(server: &Server) -> Client {
    let client = server.client();
    client.graphs().register(COUNT).await.unwrap();
    client
}

#[tokio::test]
async fn a_thread_runs_steps_is_updated_and_forks() {
    let server = Server::shared();
    let client = counting(&server).await;
    let thread = client.thread("t");
    let stepped = thread.step(&json!({"n": 10}), RunOptions::graph("count")).await.unwrap();
    assert_eq!((stepped.status, stepped.state.next.as_slice()), (RunStatus::Paused, &["one".to_owned()][..]));
    let done = thread.run(&(), RunOptions::default()).await.unwrap();
    assert_eq!(done.status, RunStatus::Done);
    let all = Count { n: 13, log: vec!["one".into(), "two".into()] };
    assert_eq!(done.state.decode::<Count>().unwrap(), all);

    let history = thread.history().take(100).await.unwrap();
    assert_eq!(history.iter().map(|state| state.step).collect::<Vec<_>>(), [2, 1, 0, -1]);
    let forked = thread.fork(&history[1].checkpoint_id, &json!({"n": 100})).await.unwrap();
    assert_eq!(forked.parent_id, history[1].checkpoint_id);
    assert_eq!(thread.run(&(), RunOptions::default()).await.unwrap().state.get::<i64>("n").unwrap(), 113);
    let past = thread.state_of("", &history[2].checkpoint_id).await.unwrap();
    assert_eq!(past.get::<i64>("n").unwrap(), 10);

    let as_two = UpdateOptions { as_node: "two".to_owned(), ..UpdateOptions::default() };
    let updated = thread.update_state(&json!({"n": 1}), as_two).await.unwrap();
    assert_eq!((updated.get::<i64>("n").unwrap(), updated.next.len()), (114, 0));
    let supersteps = ["one", "two"].map(|node| vec![NodeUpdate { values: json!({"n": 1}), as_node: node.into() }]);
    let bulk = client.thread("bulk").bulk_update_state(supersteps, "count").await.unwrap();
    assert_eq!(bulk.get::<i64>("n").unwrap(), 2);
}

#[tokio::test]
async fn several_questions_are_answered_by_their_ids() {
    let server = Server::shared();
    let client = server.client();
    client.graphs().register(ASK_TWICE).await.unwrap();
    let thread = client.thread("t");
    let asked = thread.run(&json!({"a": null}), RunOptions::graph("ask")).await.unwrap();
    assert_eq!(asked.status, RunStatus::Interrupted);
    let error = thread.resume("x", RunOptions::default()).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::FailedPrecondition, "AMBIGUOUS_RESUME"));
    let answers = asked.state.interrupts.iter().map(|interrupt| (interrupt.id.clone(), interrupt.node.clone()));
    let done = thread.resume_by_id(answers, RunOptions::default()).await.unwrap();
    assert_eq!(done.state.decode::<Json>().unwrap(), json!({"a": "first", "b": "second"}));
}

#[tokio::test]
async fn runs_go_on_in_the_background_and_wait_for_their_turn() {
    let server = Server::shared();
    let client = counting(&server).await;
    let thread = client.thread("t");
    let options = RunOptions { background: true, on_busy: Some(OnBusy::Enqueue), ..RunOptions::graph("count") };
    let mut runs = Vec::new();
    for _ in 0..3 {
        runs.push(thread.run(&json!({"n": 0}), options.clone()).await.unwrap().run_id);
    }
    for run in &runs {
        assert_eq!(thread.wait_for_run(run).await.unwrap().status, RunStatus::Done);
    }
    assert_eq!(thread.state().await.unwrap().get::<i64>("n").unwrap(), 9);
    let mut listed: Vec<_> = thread.runs().take(9).await.unwrap().into_iter().map(|run| run.run_id).collect();
    listed.reverse();
    assert_eq!(listed, runs);
    assert_eq!(thread.cancel(&runs[0], true).await.unwrap().status, RunStatus::Done);
    assert_eq!(thread.run_info("none").await.unwrap_err().reason(), "RUN_NOT_FOUND");
}

#[tokio::test]
async fn a_request_id_brings_the_first_answer_again() {
    let server = Server::shared();
    let client = counting(&server).await;
    let thread = client.thread("t");
    let options = RunOptions { request_id: "r1".to_owned(), ..RunOptions::graph("count") };
    let options = options.metadata(&json!({"who": "me"})).unwrap();
    let first = thread.run(&json!({"n": 1}), options.clone()).await.unwrap();
    let again = thread.run(&json!({"n": 1}), options).await.unwrap();
    assert_eq!(first.run_id, again.run_id);
    assert_eq!(thread.state().await.unwrap().get::<i64>("n").unwrap(), 4);
}

#[tokio::test]
async fn threads_are_listed_copied_pruned_moved_and_deleted() {
    let server = Server::shared();
    let client = counting(&server).await;
    let threads = client.threads();
    let ttl = Duration::from_hours(1);
    let desk = json!({"desk": 7});
    let options =
        CreateThreadOptions { id: "a".to_owned(), metadata: Some(desk), ttl: Some(ttl), ..Default::default() };
    assert_eq!(threads.create(options.clone()).await.unwrap().ttl, Some(ttl));
    assert_eq!(threads.create(options).await.unwrap_err().reason(), "THREAD_EXISTS");
    let thread = client.thread("a");
    assert!(!thread.ensure(&json!({})).await.unwrap());
    assert_eq!(thread.set_ttl(None).await.unwrap().ttl, None);
    thread.run(&json!({"n": 1}), RunOptions::graph("count")).await.unwrap();

    let filter =
        ThreadFilter { status: Some(ThreadStatus::Idle), metadata: BTreeMap::from([("desk".to_owned(), json!(7))]) };
    until("the list shows it", async || {
        let listed = threads.list(filter.clone()).unwrap().take(10).await.unwrap();
        listed.iter().map(|info| info.id.as_str()).eq(["a"])
    })
    .await;

    let copy = thread.copy(Some("b")).await.unwrap();
    assert_eq!(copy.prune(1, None).await.unwrap(), 3);
    assert_eq!(copy.history().take(10).await.unwrap().len(), 1);
    let mut file = threads.export("a").await.unwrap();
    let mut chunks = Vec::new();
    while let Some(chunk) = file.next().await.unwrap() {
        chunks.push(chunk.data);
    }
    let (moved, records) = threads.import(Some("c"), futures_util::stream::iter(chunks)).await.unwrap();
    assert_eq!(moved.id, "c");
    assert!(records > 0);
    assert_eq!(client.thread("c").state().await.unwrap().get::<i64>("n").unwrap(), 4);
    assert!(copy.delete().await.unwrap());
    assert!(!copy.delete().await.unwrap());
    assert_eq!(copy.info().await.unwrap_err().reason(), "THREAD_NOT_FOUND");
}

#[tokio::test]
async fn graphs_are_registered_listed_drawn_and_validated() {
    let server = Server::shared();
    let client = counting(&server).await;
    let graphs = client.graphs();
    let info = graphs.get("count", "").await.unwrap();
    let again = graphs.register(info.spec.clone().unwrap()).await.unwrap();
    assert_eq!((&again.hash, again.revision), (&info.hash, 1));
    assert_eq!(graphs.list().take(9).await.unwrap().len(), 1);
    client.thread("t").run(&json!({"n": 1}), RunOptions::graph("count")).await.unwrap();
    let drawn = [graphs.draw("count").await, graphs.draw_source(COUNT).await, graphs.draw_thread("t").await];
    assert!(drawn.into_iter().all(|drawn| drawn.unwrap().contains("two")));
    let mut migration = graphs.migrate("count", true).await.unwrap();
    assert!(migration.next().await.unwrap().is_some());
    let faulty = COUNT.replace("to: two", "to: three");
    let found = graphs.validate(faulty.as_str()).await.unwrap();
    assert!(found.iter().any(|fault| fault.path.contains("edges")), "{found:?}");
    let error = graphs.register(faulty).await.unwrap_err();
    assert_eq!((error.reason(), error.violations().len()), ("GRAPH_INVALID", found.len()));
}
