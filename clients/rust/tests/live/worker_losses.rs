use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cairn_client::{NodeContext, RunOptions, RunStatus, method, proto};
use serde_json::{Value as Json, json};
use tokio::sync::Semaphore;

use crate::server::{Server, until};
use crate::workers::{one, serve};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_outlives_its_server_and_does_not_run_twice() {
    let server = Server::start(&[]);
    let client = server.client();
    let calls = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let shared = (calls.clone(), gate.clone());
    let worker = serve(client.worker("w").node("work", move |_: NodeContext| {
        let (calls, gate) = shared.clone();
        async move {
            let call = calls.fetch_add(1, Ordering::SeqCst) + 1;
            let _permit = gate.acquire().await?;
            Ok(json!({"log": [call]}))
        }
    }));
    let options = one(&client, json!({"log": {"kind": "CHANNEL_KIND_APPEND"}})).await;
    let thread = client.thread("t");
    let run = thread.run(&json!({}), RunOptions { background: true, ..options }).await.unwrap();
    until("the node runs", async || calls.load(Ordering::SeqCst) == 1).await;
    server.kill();
    // The result is there while no server is.
    gate.add_permits(1);
    server.restart();
    let ended = thread.wait_for_run(&run.run_id).await.unwrap();
    assert_eq!(ended.status, RunStatus::Done, "{:?}", ended.error);
    assert_eq!(thread.state().await.unwrap().get::<Json>("log").unwrap(), json!([1]));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_is_stopped_ends_its_tasks_first() {
    let server = Server::shared();
    let client = server.client();
    let started = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let shared = (started.clone(), gate.clone());
    let worker = serve(client.worker("w").node("work", move |_: NodeContext| {
        let (started, gate) = shared.clone();
        async move {
            started.fetch_add(1, Ordering::SeqCst);
            let _permit = gate.acquire().await?;
            Ok(json!({"log": ["told"]}))
        }
    }));
    let options = one(&client, json!({"log": {"kind": "CHANNEL_KIND_APPEND"}})).await;
    let thread = client.thread("t");
    let run = thread.run(&json!({}), RunOptions { background: true, ..options }).await.unwrap();
    until("the node runs", async || started.load(Ordering::SeqCst) == 1).await;
    let stopping = tokio::spawn(worker.stop());
    gate.add_permits(1);
    stopping.await.unwrap();
    assert_eq!(thread.wait_for_run(&run.run_id).await.unwrap().status, RunStatus::Done);
    let listed = client.call(&method::LIST_WORKERS, proto::ListWorkersRequest {}).await.unwrap();
    assert!(listed.workers.iter().all(|worker| !worker.connected), "{listed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_signs_of_life_go_on_while_a_node_blocks_every_thread() {
    let server = Server::shared();
    let client = server.client();
    let worker = std::thread::spawn({
        let client_address = server.address();
        move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let options =
                    cairn_client::ConnectOptions { space: "blocks".to_owned(), ..client_address.as_str().into() };
                let client = cairn_client::Client::connect(options).unwrap();
                let worker = client.worker("w").node("work", |context: NodeContext| async move {
                    std::thread::sleep(std::time::Duration::from_millis(500));
                    Ok(json!({"log": [context.attempt()]}))
                });
                let stop = tokio::time::sleep(std::time::Duration::from_millis(1500));
                worker.run_until(stop).await
            })
        }
    });
    drop(client);
    let client = server.client_with(cairn_client::ConnectOptions { space: "blocks".to_owned(), ..Default::default() });
    let options = one(&client, json!({"log": {"kind": "CHANNEL_KIND_APPEND"}})).await;
    let outcome = client.thread("t").run(&json!({}), options).await.unwrap();
    assert_eq!(outcome.state.get::<Json>("log").unwrap(), json!([1]));
    worker.join().unwrap().unwrap();
}
