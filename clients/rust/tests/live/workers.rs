use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cairn_client::proto::event::Body;
use cairn_client::{
    Client, Command, Event, EventOptions, NodeContext, NodeError, Outcome, Result, RunOptions, RunStatus, Target,
    Value, Worker,
};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::server::{Server, until, uuid};

/// A worker that serves until it is stopped.
pub struct Serving {
    stop: oneshot::Sender<()>,
    ended: JoinHandle<Result<()>>,
}

pub fn serve(worker: Worker) -> Serving {
    let (stop, stopped) = oneshot::channel();
    let ended = tokio::spawn(worker.run_until(async {
        let _ = stopped.await;
    }));
    Serving { stop, ended }
}

impl Serving {
    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
    }
}

/// Registers a graph whose only node is the worker's `work`.
pub async fn one(client: &Client, channels: Json) -> RunOptions {
    let graph = json!({
        "name": "one", "channels": channels, "nodes": { "work": { "worker": { "params": { "by": 2 } } } },
        "edges": [{ "from": ["__start__"], "to": "work" }],
    });
    client.graphs().register(graph.to_string()).await.unwrap();
    RunOptions::graph("one")
}

fn last() -> Json {
    json!({ "kind": "CHANNEL_KIND_LAST_VALUE" })
}

fn append() -> Json {
    json!({ "kind": "CHANNEL_KIND_APPEND" })
}

async fn events_of(client: &Client, thread: &str) -> Vec<Event> {
    let options = EventOptions { after: Some(0), until_now: true, ..EventOptions::default() };
    let mut events = client.thread(thread).events(options);
    let mut all = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        all.push(event);
    }
    all
}

fn log_of(outcome: &Outcome) -> Json {
    assert_eq!(outcome.status, RunStatus::Done, "{:?}", outcome.error);
    outcome.state.get("log").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_gets_the_state_and_its_parameters_and_gives_updates() {
    let server = Server::shared();
    let client = server.client();
    let worker = serve(client.worker("w").node("work", |context: NodeContext| async move {
        let by: f64 = context.params::<std::collections::BTreeMap<String, f64>>()?["by"];
        let n: f64 = context.get("n")?;
        let told = format!("{} {} {}", context.node(), context.attempt(), context.thread_id());
        Ok(json!({"n": n * by, "log": [told]}))
    }));
    let options = one(&client, json!({"n": last(), "log": append()})).await;
    let outcome = client.thread("t").run(&json!({"n": 21}), options).await.unwrap();
    assert_eq!(log_of(&outcome), json!(["work 1 t"]));
    assert_eq!(outcome.state.get::<Value>("n").unwrap(), Value::Float(42.0));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_pass_a_node_as_they_were() {
    let server = Server::shared();
    let client = server.client();
    let worker = serve(client.worker("w").node("work", |context: NodeContext| async move {
        Ok(Command::new().update("out", &context.get::<Value>("n")?))
    }));
    let options = one(&client, json!({"n": last(), "out": last()})).await;
    let values: Vec<Value> = vec![
        Value::Integer(u64::MAX.into()),
        (-0.0).into(),
        1.0.into(),
        1.into(),
        Value::Bytes(vec![0, 255]),
        "a\0\u{1f980}".into(),
        Value::Null,
        Value::Extension(5, vec![1]),
        "long".repeat(500_000).into(),
    ];
    for value in values {
        let outcome = client.thread(uuid()).run(&json!({}), options.clone()).await;
        assert_eq!(outcome.unwrap().state.get::<Value>("out").unwrap(), Value::Null);
        let input = Value::Map([("n".into(), value.clone())].into_iter().collect());
        let outcome = client.thread(uuid()).run(&input, options.clone()).await.unwrap();
        let out: Value = outcome.state.get("out").unwrap();
        assert!(format!("{out:?}") == format!("{value:?}"), "{:?}", outcome.error);
    }
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_where_it_says() {
    let server = Server::shared();
    let client = server.client();
    let worker = serve(
        client
            .worker("w")
            .node("first", |_| async {
                let timed = Target::send("each", &2).timeout(Duration::from_mins(1));
                Ok(Command::new().overwrite("log", &["anew"]).send("each", &1).target(timed).goto("last"))
            })
            .node("each", |context: NodeContext| async move {
                Ok(json!({"log": [format!("each {}", context.argument::<u32>()?)]}))
            })
            .node("last", |_| async { Ok(json!({"log": ["last"]})) })
            .node("leave", |_| async { Ok(Command::new().update("log", &["left"]).goto("last").to_parent()) }),
    );
    let graph = json!({
        "name": "goes", "channels": { "log": append() },
        "nodes": {
            "first": { "worker": {}, "ends": ["each", "last"] }, "each": { "worker": {} }, "last": { "worker": {} },
        },
        "edges": [{ "from": ["__start__"], "to": "first" }],
    });
    client.graphs().register(graph.to_string()).await.unwrap();
    let outcome = client.thread("t").run(&json!({"log": ["old"]}), RunOptions::graph("goes")).await.unwrap();
    assert_eq!(log_of(&outcome), json!(["anew", "last", "each 1", "each 2"]));
    let inner = json!({
        "name": "inner", "channels": { "log": append() }, "nodes": { "leave": { "worker": {} } },
        "edges": [{ "from": ["__start__"], "to": "leave" }],
    });
    let outer = json!({
        "name": "outer", "channels": { "log": append() },
        "nodes": { "sub": { "subgraph": { "inline": inner }, "ends": ["last"] }, "last": { "worker": {} } },
        "edges": [{ "from": ["__start__"], "to": "sub" }],
    });
    client.graphs().register(outer.to_string()).await.unwrap();
    let outcome = client.thread("u").run(&json!({}), RunOptions::graph("outer")).await.unwrap();
    assert_eq!(log_of(&outcome), json!(["left", "last"]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_decision_names_nodes_and_sends() {
    let server = Server::shared();
    let client = server.client();
    let worker = serve(
        client
            .worker("w")
            .node("note", |context: NodeContext| async move { Ok(json!({"log": [context.node()]})) })
            .node("each", |context: NodeContext| async move { Ok(json!({"log": [context.argument::<i64>()?]})) })
            .decision("which", |context: NodeContext| async move {
                let n: i64 = context.get("n")?;
                if n > 1 {
                    return Ok(vec![Target::node("big"), Target::send("each", &n)]);
                }
                Ok(vec![Target::node("small")])
            }),
    );
    let note = json!({ "worker": { "handler": "note" } });
    let graph = json!({
        "name": "decides", "channels": { "n": last(), "log": append() },
        "nodes": { "start": note, "big": note, "small": note, "each": { "worker": {} } },
        "edges": [{ "from": ["__start__"], "to": "start" }],
        "branches": [{ "from": "start", "worker": { "handler": "which" } }],
    });
    client.graphs().register(graph.to_string()).await.unwrap();
    let run = async |n: i64| client.thread(uuid()).run(&json!({"n": n}), RunOptions::graph("decides")).await.unwrap();
    assert_eq!(log_of(&run(5).await), json!(["start", "big", 5]));
    assert_eq!(log_of(&run(0).await), json!(["start", "small"]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_stops_for_answers_and_runs_again_with_them() {
    let server = Server::shared();
    let client = server.client();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let worker = serve(client.worker("w").node("work", move |context: NodeContext| {
        counted.fetch_add(1, Ordering::Relaxed);
        async move {
            let first: String = context.interrupt(&json!({"question": "first"})).await?;
            let second: u64 = context.interrupt("second").await?;
            Ok(json!({"log": [first, second]}))
        }
    }));
    let options = one(&client, json!({"log": append()})).await;
    let thread = client.thread("t");
    let outcome = thread.run(&json!({}), options).await.unwrap();
    assert_eq!(outcome.status, RunStatus::Interrupted);
    assert_eq!(outcome.state.interrupts[0].value.decode::<Json>().unwrap(), json!({"question": "first"}));
    let outcome = thread.resume("a", RunOptions::default()).await.unwrap();
    assert_eq!(outcome.state.interrupts[0].value.decode::<String>().unwrap(), "second");
    let outcome = thread.resume(&u64::MAX, RunOptions::default()).await.unwrap();
    assert_eq!(log_of(&outcome), json!(["a", u64::MAX]));
    assert_eq!(calls.load(Ordering::Relaxed), 3);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_panics_and_values_that_are_none_fail_as_this_language_says() {
    let server = Server::shared();
    let client = server.client();
    let attempts = Arc::new(AtomicUsize::new(0));
    let counted = attempts.clone();
    let worker = serve(client.worker("w").node("work", move |context: NodeContext| {
        let attempt = counted.fetch_add(1, Ordering::Relaxed);
        async move {
            match context.get::<String>("how")?.as_str() {
                "error" => Ok(Command::new().update("log", &["x".parse::<i32>()?])),
                "panic" => panic!("it went {}", "wrong"),
                "value" => Ok(Command::new().update("log", &json!([{"items": [1]}])).overwrite("log", &[[u128::MAX]])),
                "retry" if attempt < 2 => Err(NodeError::new("Unready", "not yet")),
                "final" => Err(NodeError::new("Unready", "never").not_retryable()),
                _ => Ok(Command::new().update("log", &[attempt])),
            }
        }
    }));
    let graph = json!({
        "name": "fails", "channels": { "how": last(), "log": append() },
        "nodes": { "work": { "worker": {}, "retry": {
            "max_attempts": 3, "initial_interval": "0.01s", "no_jitter": true, "retry_on": ["Unready"] } } },
        "edges": [{ "from": ["__start__"], "to": "work" }],
    });
    client.graphs().register(graph.to_string()).await.unwrap();
    let run = async |how: &str| {
        let thread = client.thread(how);
        attempts.store(0, Ordering::Relaxed);
        thread.run(&json!({"how": how}), RunOptions::graph("fails")).await.unwrap()
    };
    for (how, kind, message) in [
        ("error", "ParseIntError", "invalid digit found in string"),
        ("panic", "panic", "it went wrong"),
        ("value", "ValueNotSerializable", "log[0][0]"),
        ("final", "Unready", "never"),
    ] {
        let outcome = run(how).await;
        assert_eq!(outcome.status, RunStatus::Failed);
        let failure = outcome.error.unwrap();
        assert_eq!((failure.reason.as_str(), failure.kind.as_str()), ("NODE_FAILED", kind), "{failure:?}");
        assert!(failure.message.contains(message), "{failure:?}");
        assert_eq!(attempts.load(Ordering::Relaxed), 1, "{how}");
        let failed = events_of(&client, how).await.into_iter().find_map(|event| match event.body {
            Some(Body::TaskFailed(failed)) => failed.error,
            _ => None,
        });
        let stack = failed.unwrap().stack;
        assert!(stack.contains("workers::errors_panics_and_values"), "{how}: {stack}");
    }
    assert_eq!(log_of(&run("retry").await), json!([2]));
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_hear_tokens_and_events_of_a_nodes_own() {
    let server = Server::shared();
    let client = server.client();
    let worker = serve(client.worker("w").node("work", |context: NodeContext| async move {
        context.token("m", "hel").await?;
        context.token("m", "lo").await?;
        context.emit(&json!({"done": true})).await?;
        context.alive().await;
        assert!(context.token("m", &"x".repeat(70_000)).await.is_err());
        Ok(())
    }));
    let options = one(&client, json!({"log": append()})).await;
    let thread = client.thread("t");
    thread.ensure(&json!({})).await.unwrap();
    let mut events = thread.events(EventOptions { after: Some(0), until_stop: true, ..EventOptions::default() });
    let running = tokio::spawn({
        let thread = thread.clone();
        async move { thread.run(&json!({}), options).await.unwrap() }
    });
    let mut heard = Vec::new();
    while let Some(event) = events.next().await.unwrap() {
        match event.body {
            Some(Body::MessageToken(token)) => heard.push(json!([token.message_id, token.text])),
            Some(Body::Custom(custom)) => heard.push(custom.value.unwrap().decode().unwrap()),
            _ => {}
        }
    }
    running.await.unwrap();
    assert_eq!(heard, [json!(["m", "hel"]), json!(["m", "lo"]), json!({"done": true})]);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_tasks_run_at_a_time_than_there_are_slots() {
    let server = Server::shared();
    let client = server.client();
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (at_work, most.clone());
    let worker = serve(client.worker("w").slots(3).node("each", move |context: NodeContext| {
        let (at_work, most) = counters.clone();
        async move {
            most.fetch_max(at_work.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            at_work.fetch_sub(1, Ordering::SeqCst);
            Ok(json!({"log": [context.argument::<u32>()?]}))
        }
    }));
    let graph = json!({
        "name": "fans", "channels": { "log": append() }, "nodes": { "each": { "worker": {} } },
        "branches": [{ "from": "__start__", "cel": "[1,2,3,4,5,6,7,8].map(n, {\"node\": \"each\", \"arg\": n})" }],
    });
    client.graphs().register(graph.to_string()).await.unwrap();
    let outcome = client.thread("t").run(&json!({}), RunOptions::graph("fans")).await.unwrap();
    assert_eq!(log_of(&outcome), json!([1, 2, 3, 4, 5, 6, 7, 8]));
    assert_eq!(most.load(Ordering::SeqCst), 3);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_run_drops_its_node() {
    struct Dropped(Arc<AtomicUsize>);
    impl Drop for Dropped {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }
    let server = Server::shared();
    let client = server.client();
    let (started, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counters = (started.clone(), dropped.clone());
    let worker = serve(client.worker("w").node("work", move |_| {
        let (started, dropped) = counters.clone();
        async move {
            let _guard = Dropped(dropped);
            started.fetch_add(1, Ordering::SeqCst);
            std::future::pending::<()>().await;
            Ok(())
        }
    }));
    let options = RunOptions { background: true, ..one(&client, json!({"log": append()})).await };
    let thread = client.thread("t");
    let run = thread.run(&json!({}), options).await.unwrap();
    until("the node runs", async || started.load(Ordering::SeqCst) == 1).await;
    thread.cancel(&run.run_id, false).await.unwrap();
    assert_eq!(thread.wait_for_run(&run.run_id).await.unwrap().status, RunStatus::Cancelled);
    until("the node is dropped", async || dropped.load(Ordering::SeqCst) == 1).await;
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_not_wanted_ends_with_the_reason() {
    let server = Server::shared();
    let client = server.client();
    let node = |_| async { Ok(()) };
    for (worker, field) in [
        (client.worker("w"), "hello.nodes"),
        (client.worker("").node("work", node), "hello.worker_id"),
        (client.worker("w").slots(0).node("work", node), "hello.slots"),
    ] {
        let error = worker.run().await.unwrap_err();
        assert_eq!(error.reason(), "INVALID_FIELD", "{error}");
        assert_eq!(error.field(), Some(field), "{error}");
    }
}
