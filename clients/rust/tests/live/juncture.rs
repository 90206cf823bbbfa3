//! juncture's saver: its traps one by one, and its engine on a real server.
use std::collections::HashMap;
use std::sync::Arc;

use cairn_client::juncture::CairnSaver;
use cairn_client::{Client, RunOptions, proto};
use juncture_core::checkpoint::{
    Checkpoint, CheckpointFilter, CheckpointMetadata, CheckpointNamespace, CheckpointSaver, CheckpointSource,
    CheckpointTuple, PendingWrite,
};
use juncture_core::graph::StateUpdate;
use juncture_core::node::NodeFnUpdate;
use juncture_core::state::FieldsChanged;
use juncture_core::stream::{EventEmitter, StreamMode};
use juncture_core::{END, JunctureError, RunnableConfig, State, StateGraph};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use crate::server::Server;

fn config(checkpoint_id: Option<&str>) -> RunnableConfig {
    let checkpoint_id = checkpoint_id.map(ToOwned::to_owned);
    RunnableConfig { thread_id: Some("t".to_owned()), checkpoint_id, ..RunnableConfig::new() }
}

fn checkpoint(id: &str, values: &Json) -> Checkpoint {
    let members = json!({
        "id": id, "channel_values": values, "channel_versions": {}, "versions_seen": {}, "pending_tasks": [],
        "pending_sends": [], "pending_interrupts": [], "schema_version": 1, "created_at": "2026-01-02T03:04:05+00:00",
        "v": 1, "new_versions": {}, "counters_since_delta_snapshot": {},
    });
    serde_json::from_value(members).unwrap()
}

fn metadata(source: CheckpointSource, step: i64) -> CheckpointMetadata {
    let (writes, parents) = (HashMap::new(), HashMap::new());
    CheckpointMetadata { source, step, writes, parents, run_id: "run".to_owned(), return_value: None }
}

/// Puts four checkpoints, one after the other, as the engine does.
async fn put_four(saver: &CairnSaver) {
    let mut at = config(None);
    let sources = [
        CheckpointSource::Input,
        CheckpointSource::Loop,
        CheckpointSource::Interrupt { node: "ask".to_owned() },
        CheckpointSource::Loop,
    ];
    for (step, source) in (0..).zip(sources) {
        let put = saver.put(&at, checkpoint(&format!("c{step}"), &json!({"n": step})), metadata(source, step)).await;
        at = put.unwrap();
    }
}

fn ids(tuples: &[CheckpointTuple]) -> Vec<&str> {
    tuples.iter().map(|tuple| tuple.checkpoint.id.as_str()).collect()
}

fn as_json<T: Serialize>(value: &T) -> Json {
    serde_json::to_value(value).unwrap()
}

#[tokio::test]
async fn every_field_of_a_checkpoint_comes_back() {
    let server = Server::shared();
    let saver = CairnSaver::new(&server.client());
    let given: Checkpoint = serde_json::from_value(json!({
        "id": "1ef-full",
        "channel_values": {"n": u64::MAX, "zero": -0.0, "one": 1.0, "none": null, "text": "a\u{0}😀", "deep": [[{"x": []}]]},
        "channel_versions": {"field_0": u64::MAX, "field_1": 0},
        "versions_seen": {"node": {"field_0": 1}, "fresh": {}},
        "pending_tasks": [
            {"id": "1", "node": "a", "triggers": ["x", "y", "x"], "state_override": {"n": 1}},
            {"id": "2", "node": "a", "triggers": [], "state_override": null},
        ],
        "pending_sends": [{"node": "b", "state": null}],
        "pending_interrupts": [
            {"index": 3, "id": "ask", "payload": {"q": null}, "timestamp": "2026-01-02T03:04:05.893586284Z"},
            {"index": 0, "id": null, "payload": "?", "timestamp": "2026-01-02T03:04:05Z"},
        ],
        "schema_version": 7,
        "created_at": "2026-01-02T03:04:05.123456789+00:00",
        "v": 1,
        "new_versions": {"field_0": 2},
        "counters_since_delta_snapshot": {"log": {"updates": 2, "supersteps": u64::MAX}},
    }))
    .unwrap();
    let about = CheckpointMetadata {
        source: CheckpointSource::Interrupt { node: "a".to_owned() },
        step: -1,
        writes: HashMap::from([("n".to_owned(), json!(1.0))]),
        parents: HashMap::from([(String::new(), "c0".to_owned())]),
        run_id: "run".to_owned(),
        return_value: Some(json!({"done": null})),
    };
    let namespace = CheckpointNamespace::parse("|outer:1|inner:2");
    let inner = RunnableConfig { checkpoint_ns: Some(namespace.clone()), ..config(None) };
    let put = saver.put(&inner, given.clone(), about.clone()).await.unwrap();
    assert_eq!((put.thread_id.as_deref(), put.checkpoint_id.as_deref()), (Some("t"), Some("1ef-full")));
    for read in [saver.get_tuple(&inner).await.unwrap().unwrap(), saver.get_tuple(&put).await.unwrap().unwrap()] {
        assert_eq!(as_json(&read.checkpoint), as_json(&given));
        assert!(read.checkpoint.channel_values["zero"].as_f64().unwrap().is_sign_negative());
        assert_eq!(as_json(&read.metadata), as_json(&about));
        assert_eq!(read.config.checkpoint_ns, Some(namespace.clone()));
        assert!(read.parent_config.is_none());
    }
    assert!(saver.get_tuple(&config(None)).await.unwrap().is_none());
}

#[tokio::test]
async fn a_state_that_is_no_object_is_kept_whole() {
    let server = Server::shared();
    let saver = CairnSaver::new(&server.client());
    for (id, state) in [("1", json!(null)), ("2", json!([1, {"": 2}])), ("3", json!({})), ("4", json!("text"))] {
        saver.put(&config(None), checkpoint(id, &state), metadata(CheckpointSource::Loop, 0)).await.unwrap();
        let read = saver.get_tuple(&config(Some(id))).await.unwrap().unwrap();
        assert_eq!(read.checkpoint.channel_values, state);
    }
}

#[tokio::test]
async fn writes_may_come_before_the_first_checkpoint_and_are_kept_for_theirs() {
    let server = Server::shared();
    let saver = CairnSaver::new(&server.client());
    let write =
        |channel: &str, value: Json| PendingWrite { task_id: "task".to_owned(), channel: channel.to_owned(), value };
    saver.put_writes(&config(None), vec![write("n", json!(1))], "task").await.unwrap();
    saver.put_writes(&config(None), Vec::new(), "task").await.unwrap();
    put_four(&saver).await;
    let given = vec![write("n", json!(u64::MAX)), write("n", json!(null)), write("__error__", json!("bad"))];
    saver.put_writes(&config(Some("c1")), given.clone(), "task").await.unwrap();
    let read = saver.get_tuple(&config(Some("c1"))).await.unwrap().unwrap();
    assert_eq!(as_json(&read.pending_writes), as_json(&given));
    // A later checkpoint takes nothing from an earlier one.
    saver.put(&config(Some("c3")), checkpoint("c4", &json!({})), metadata(CheckpointSource::Loop, 4)).await.unwrap();
    let read = saver.get_tuple(&config(Some("c1"))).await.unwrap().unwrap();
    assert_eq!(read.pending_writes.len(), 3);
}

#[tokio::test]
async fn lists_name_each_checkpoint_and_its_parent_newest_first() {
    let server = Server::shared();
    let saver = CairnSaver::new(&server.client());
    put_four(&saver).await;
    let all = saver.list(&config(Some("c1")), None).await.unwrap();
    let parent = |tuple: &CheckpointTuple| tuple.parent_config.as_ref()?.checkpoint_id.clone();
    let named: Vec<_> = all.iter().map(|tuple| (tuple.config.checkpoint_id.clone().unwrap(), parent(tuple))).collect();
    let expected = [("c3", Some("c2")), ("c2", Some("c1")), ("c1", Some("c0")), ("c0", None)];
    assert_eq!(named, expected.map(|(id, parent)| (id.to_owned(), parent.map(ToOwned::to_owned))));

    let list = async |filter: CheckpointFilter| saver.list(&config(None), Some(filter)).await.unwrap();
    let none = CheckpointFilter::default;
    let id = |id: &str| Some(id.to_owned());
    // The other way round than in LangGraph.
    assert_eq!(ids(&list(CheckpointFilter { before: id("c2"), ..none() }).await), ["c3"]);
    assert_eq!(ids(&list(CheckpointFilter { after: id("c2"), ..none() }).await), ["c1", "c0"]);
    assert_eq!(ids(&list(CheckpointFilter { after: id("c2"), limit: Some(1), ..none() }).await), ["c1"]);
    assert_eq!(ids(&list(CheckpointFilter { after: id("?"), limit: Some(1), ..none() }).await), ["c3"]);
    assert_eq!(ids(&list(CheckpointFilter { limit: Some(0), ..none() }).await), [""; 0]);
    assert_eq!(ids(&list(CheckpointFilter { step_gte: Some(1), step_lte: Some(2), ..none() }).await), ["c2", "c1"]);
    let asks = Some(CheckpointSource::Interrupt { node: "ask".to_owned() });
    assert_eq!(ids(&list(CheckpointFilter { source: asks, ..none() }).await), ["c2"]);
    for step in 4..24 {
        let put = checkpoint(&format!("d{step}"), &json!({}));
        saver.put(&config(Some("c3")), put, metadata(CheckpointSource::Fork, step)).await.unwrap();
    }
    assert_eq!(saver.list(&config(None), None).await.unwrap().len(), 24);
}

#[tokio::test]
async fn an_id_that_is_put_again_is_the_latest_and_keeps_its_parent() {
    let server = Server::shared();
    let saver = CairnSaver::new(&server.client());
    put_four(&saver).await;
    for at in [config(None), config(Some("c1"))] {
        saver.put(&at, checkpoint("c1", &json!({"n": 99})), metadata(CheckpointSource::Update, 5)).await.unwrap();
        let latest = saver.get_tuple(&config(None)).await.unwrap().unwrap();
        assert_eq!(latest.checkpoint.channel_values, json!({"n": 99}));
        assert_eq!(latest.parent_config.unwrap().checkpoint_id.as_deref(), Some("c0"));
    }
    assert_eq!(ids(&saver.list(&config(None), None).await.unwrap()), ["c1", "c3", "c2", "c0"]);
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let server = Server::shared();
    let saver = CairnSaver::new(&server.client());
    let error = saver.get_tuple(&RunnableConfig::default()).await.unwrap_err();
    assert!(error.to_string().contains("thread_id"), "{error}");
    server_is_away(&saver).await;
}

/// A server that does not answer is an error, and no missing checkpoint.
async fn server_is_away(_: &CairnSaver) {
    let server = Server::start(&[]);
    let retry = cairn_client::RetryPolicy { attempts_max: 1, ..Default::default() };
    let saver = CairnSaver::new(&server.client_with(cairn_client::ConnectOptions { retry, ..Default::default() }));
    server.kill();
    let error = saver.get_tuple(&config(None)).await.unwrap_err();
    assert!(matches!(error, juncture_core::checkpoint::CheckpointError::Storage(_)), "{error}");
}

#[tokio::test]
async fn a_thread_of_another_framework_is_read_as_far_as_it_has_a_place() {
    let server = Server::shared();
    let client = server.client();
    let graph = json!({
        "name": "native", "channels": {"n": "last_value"},
        "nodes": {"add": {"expression": {"update": {"n": "state.n + 1"}}}}, "edges": ["START -> add"],
    });
    client.graphs().register(graph.to_string().as_str()).await.unwrap();
    client.thread("t").run(&json!({"n": 1}), RunOptions::graph("native")).await.unwrap();
    let saver = CairnSaver::new(&client);
    let read = saver.get_tuple(&config(None)).await.unwrap().unwrap();
    assert_eq!(read.checkpoint.channel_values["n"], json!(2));
    assert_eq!(read.metadata.source, CheckpointSource::Loop);
    assert_eq!(read.metadata.step, 1);
    assert_eq!(read.metadata.writes["cairn_origin"], json!("native"));
    assert_eq!(
        read.metadata.writes["cairn_left_out"],
        json!(["phase", "created_at_ms", "graph_name", "graph_hash", "updated_channels", "current_node", "metadata"])
    );
    // The input's value is of a type of Cairn's own.
    let first = saver.list(&config(None), None).await.unwrap().pop().unwrap();
    assert!(
        first.metadata.writes["cairn_left_out"].as_array().unwrap().contains(&json!("channel_values[\"__start__\"]"))
    );
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Count {
    n: u64,
    trace: Vec<String>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct CountUpdate {
    n: Option<u64>,
    trace: Option<Vec<String>>,
}

impl State for Count {
    type Update = CountUpdate;

    fn apply(&mut self, update: CountUpdate) -> FieldsChanged {
        let mut changed = FieldsChanged(0);
        if let Some(n) = update.n {
            self.n = n;
            changed.set_field(0);
        }
        if let Some(more) = update.trace {
            self.trace.extend(more);
            changed.set_field(1);
        }
        changed
    }

    fn reset_ephemeral(&mut self) {}
}

fn step(name: &'static str) -> NodeFnUpdate<impl Fn(&Count) -> std::future::Ready<Result<CountUpdate, JunctureError>>> {
    NodeFnUpdate(move |state: &Count| {
        let update = CountUpdate { n: Some(state.n + 1), trace: Some(vec![name.to_owned()]) };
        std::future::ready(Ok(update))
    })
}

#[tokio::test]
async fn the_engine_runs_on_it() {
    let server = Server::shared();
    let client: Client = server.client();
    let mut graph = StateGraph::<Count>::new();
    for name in ["a", "b", "c"] {
        graph.add_node_simple(name, step(name)).unwrap();
    }
    graph.set_entry_point("a");
    graph.add_edge("a", "b");
    graph.add_edge("b", "c");
    graph.add_edge("c", END);
    let compiled = graph.compile_with_checkpointer(Some(Arc::new(CairnSaver::new(&client)))).unwrap();

    let (events, mut heard) = tokio::sync::mpsc::channel(256);
    tokio::spawn(async move { while heard.recv().await.is_some() {} });
    let emitter = EventEmitter::new(events, StreamMode::Values);
    let end = compiled.execute_with_emitter(Count::default(), &config(None), emitter).await.unwrap();
    assert_eq!(end, Count { n: 3, trace: ["a", "b", "c"].map(ToOwned::to_owned).to_vec() });
    let state = compiled.get_state(&config(None)).await.unwrap().unwrap();
    assert_eq!(state.values, end);
    let history = compiled.get_state_history(&config(None), None).await.unwrap();
    let counts: Vec<_> = history.iter().map(|state| state.values.n).collect();
    assert_eq!(counts, [3, 2, 1]);
    assert!(history[0].parent_config.is_some());

    // On their own memory saver the update can't be seen.
    let update = CountUpdate { n: Some(99), trace: None };
    compiled.update_state(&config(None), StateUpdate { update, label: None, as_node: None }).await.unwrap();
    assert_eq!(compiled.get_state(&config(None)).await.unwrap().unwrap().values.n, 99);

    // Every program reads it.
    let thread = client.call(&cairn_client::method::GET_THREAD, proto::GetThreadRequest { thread_id: "t".to_owned() });
    assert!(thread.await.unwrap().thread.is_some());
    let read = client.checkpoint_store().get("t", "", None).await.unwrap();
    assert_eq!(read.channel("n").unwrap().data, b"99");
}
