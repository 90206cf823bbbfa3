//! The Rust side of the measuring of workers: peer ADDRESS echo | worker SLOTS
#[path = "../../load/src/raw.rs"]
mod raw;

use bytes::Bytes;
use cairn_client::{Client, NodeContext};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::client::Grpc;
use tonic::transport::Endpoint;
use tonic::Request;

use raw::Raw;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [address, "echo"] => echo(address).await,
        [address, "worker", slots] => work(address, slots.parse()?).await,
        _ => Err("needs ADDRESS echo | ADDRESS worker SLOTS".into()),
    }
}

async fn echo(address: &str) -> Result<(), Failure> {
    let channel = Endpoint::from_shared(format!("http://{address}"))?
        .connect()
        .await?;
    let mut grpc = Grpc::new(channel);
    grpc.ready().await?;
    let (answer, answers) = mpsc::channel::<Bytes>(64);
    let path = "/bench.Echo/Talk".parse()?;
    let call = grpc
        .streaming(Request::new(ReceiverStream::new(answers)), path, Raw)
        .await?;
    let mut messages = call.into_inner();
    while let Some(message) = messages.message().await? {
        answer.send(message).await?;
    }
    Ok(())
}

async fn work(address: &str, slots: u32) -> Result<(), Failure> {
    let worker = Client::connect(address)?.worker("peer").slots(slots);
    let worker = worker.node("same", |context: NodeContext| async move {
        let text: String = context.get("text")?;
        Ok(json!({ "text": text }))
    });
    let worker = worker.node("tell", |context: NodeContext| async move {
        let count: u32 = context.get("count")?;
        for _ in 0..count {
            context.token(context.task_id(), "word ").await?;
        }
        Ok(())
    });
    Ok(worker.run().await?)
}
