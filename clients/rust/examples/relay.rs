//! Rust's part of `examples/relay`. Usage: `relay ADDRESS SPACE GATES`, or `relay answer ADDRESS SPACE THREAD`.
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process;
use std::time::Duration;

use cairn_client::{Client, ConnectOptions, NodeContext, NodeError, RunOptions, Value};
use serde::Serialize;

type Failure = Box<dyn std::error::Error>;

/// What only this process can say of itself.
#[derive(Serialize)]
struct Mark {
    node: &'static str,
    language: &'static str,
    runtime: String,
    pid: u32,
}

#[derive(Serialize)]
struct Score {
    score: usize,
    marks: Vec<Mark>,
}

fn connect(address: &str, space: &str) -> Result<Client, Failure> {
    Ok(Client::connect(ConnectOptions {
        address: address.to_owned(),
        space: space.to_owned(),
        ..ConnectOptions::default()
    })?)
}

/// Says that the node has begun, and waits while its gate is closed.
async fn pass_gate(gates: &Path, node: &str) -> std::io::Result<()> {
    let mut begun = OpenOptions::new().create(true).append(true).open(gates.join("begun"))?;
    // In one write: other programs write to the file at the same time.
    begun.write_all(format!("{node} {}\n", process::id()).as_bytes())?;
    while gates.join(format!("{node}.closed")).exists() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn score(context: NodeContext, gates: std::path::PathBuf) -> Result<Score, NodeError> {
    pass_gate(&gates, "score").await?;
    let words: Vec<String> = context.get("words")?;
    let runtime = concat!("Rust, edition 2024, cairn-client ", env!("CARGO_PKG_VERSION")).to_owned();
    let mark = Mark { node: "score", language: "rust", runtime, pid: process::id() };
    Ok(Score { score: words.iter().map(String::len).max().unwrap_or(0), marks: vec![mark] })
}

async fn serve(address: &str, space: &str, gates: &str) -> Result<(), Failure> {
    let gates = Path::new(gates).to_owned();
    let worker = connect(address, space)?
        .worker(format!("rust-{}", process::id()))
        .node("score", move |context: NodeContext| score(context, gates.clone()));
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    Ok(worker
        .run_until(async move {
            terminated.recv().await;
        })
        .await?)
}

async fn answer(address: &str, space: &str, thread: &str) -> Result<(), Failure> {
    let outcome = connect(address, space)?.thread(thread).resume(&true, RunOptions::default()).await?;
    println!("{:?} {:?}", outcome.status, outcome.state.decode::<Value>()?);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["answer", address, space, thread] => answer(address, space, thread).await,
        [address, space, gates] => serve(address, space, gates).await,
        _ => Err("usage: relay ADDRESS SPACE GATES, or relay answer ADDRESS SPACE THREAD".into()),
    }
}
