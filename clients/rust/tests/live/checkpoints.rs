use std::collections::BTreeMap;

use cairn_client::proto::value::Source;
use cairn_client::proto::{Checkpoint, CheckpointWrites, ListCheckpointsRequest, PendingWrite, Value};
use cairn_client::{CheckpointStore, Code, PutOptions, TypedValue, proto};

use crate::server::Server;

fn bytes(data: Vec<u8>) -> TypedValue {
    TypedValue { r#type: "bytes".to_owned(), data }
}

fn inline(value: TypedValue) -> Value {
    Value { source: Some(Source::Inline(value)) }
}

fn checkpoint(id: &str, parent: Option<&str>, values: BTreeMap<&str, TypedValue>) -> Checkpoint {
    Checkpoint {
        id: id.to_owned(),
        thread_id: "t".to_owned(),
        parent_id: parent.map(ToOwned::to_owned),
        channel_values: values.into_iter().map(|(name, value)| (name.to_owned(), inline(value))).collect(),
        ..Checkpoint::default()
    }
}

/// Bytes that do not shrink, the same in every run.
fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..length).map(|_| random.u8(..)).collect()
}

async fn read_by(store: &CheckpointStore, id: Option<&str>) -> BTreeMap<String, TypedValue> {
    let read = store.get("t", "", id).await.unwrap();
    let names = read.checkpoint.channel_values.keys();
    names.map(|name| (name.clone(), read.channel(name).unwrap().clone())).collect()
}

#[tokio::test]
async fn values_of_any_size_come_back_whole_or_changed_to_whoever_reads() {
    let server = Server::shared();
    let client = server.client();
    let store = client.checkpoint_store();
    // Some too large for a message, one that grows, one that stays, and one too small to be kept.
    let (mut growing, large) = (noise(300_000, 1), noise(3_000_000, 2));
    for step in 0..4_u8 {
        growing.extend(noise(1000, u64::from(step) + 10));
        let values = BTreeMap::from([
            ("growing", bytes(growing.clone())),
            ("large", bytes(large.clone())),
            ("small", bytes(vec![step])),
        ]);
        let parent = step.checked_sub(1).map(|step| format!("c{step}"));
        let put = store.put(checkpoint(&format!("c{step}"), parent.as_deref(), values), PutOptions::default());
        assert_eq!(put.await.unwrap().checkpoint_id, format!("c{step}"));
    }
    let expected = |length: usize, step: u8| {
        BTreeMap::from([
            ("growing".to_owned(), bytes(growing[..length].to_vec())),
            ("large".to_owned(), bytes(large.clone())),
            ("small".to_owned(), bytes(vec![step])),
        ])
    };
    for store in [store, client.checkpoint_store()] {
        assert!(read_by(&store, None).await == expected(304_000, 3));
        assert!(read_by(&store, Some("c1")).await == expected(302_000, 1));
        let mut listed = store.list("t", ListCheckpointsRequest { page_size: 3, ..Default::default() });
        let mut ids = Vec::new();
        while let Some(read) = listed.next().await.unwrap() {
            assert_eq!(read.channel("large").map(|value| value.data.len()), Some(large.len()));
            ids.push(read.checkpoint.id);
        }
        assert_eq!(ids, ["c3", "c2", "c1", "c0"]);
    }
}

#[tokio::test]
async fn a_base_that_the_server_has_lost_is_no_error() {
    let server = Server::shared();
    let client = server.client();
    let store = client.checkpoint_store();
    let values = BTreeMap::from([("a", bytes(noise(5000, 1)))]);
    store.put(checkpoint("c0", None, values.clone()), PutOptions::default()).await.unwrap();
    client.thread("t").delete().await.unwrap();
    store.put(checkpoint("c1", None, values), PutOptions::default()).await.unwrap();
    assert!(read_by(&store, None).await["a"] == bytes(noise(5000, 1)));
}

#[tokio::test]
async fn writes_and_expected_heads_are_kept() {
    let server = Server::shared();
    let client = server.client();
    let store = client.checkpoint_store();
    store.put(checkpoint("c0", None, BTreeMap::new()), PutOptions::default()).await.unwrap();
    let write = PendingWrite {
        task_id: "task".to_owned(),
        channel: "a".to_owned(),
        value: Some(inline(bytes(noise(2_000_000, 3)))),
        ..PendingWrite::default()
    };
    let writes = CheckpointWrites { checkpoint_id: "c0".to_owned(), writes: vec![write], ..Default::default() };
    store.put_writes("t", writes).await.unwrap();
    let read = store.get("t", "", Some("c0")).await.unwrap();
    let Some(Source::Ref(name)) = &read.writes[0].value.as_ref().unwrap().source else { panic!("no reference") };
    assert!(read.values[name] == bytes(noise(2_000_000, 3)));
    let stale = PutOptions {
        expected_head: Some(proto::ExpectedHead { checkpoint_id: Some("old".to_owned()) }),
        ..PutOptions::default()
    };
    let error = store.put(checkpoint("c1", Some("c0"), BTreeMap::new()), stale).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Aborted, "HEAD_MISMATCH"));
}
