//! Rust's part of `examples/archive`: ranks documents for a query. Usage: `archive ADDRESS SPACE`
use std::collections::HashMap;

use cairn_client::{Client, ConnectOptions, NodeContext, NodeError};
use serde::{Deserialize, Serialize};

#[derive(Deserialize)]
struct Document {
    file: String,
    text: String,
}

#[derive(Serialize)]
struct Ranked {
    file: String,
    score: f64,
}

#[derive(Serialize)]
struct Ranking {
    ranking: Vec<Ranked>,
}

/// A term that comes again counts less each time, as much as this says; 1.2 is the usual choice.
const SATURATION: f64 = 1.2;
/// How much a long document counts for less; 0.75 is the usual choice.
const LENGTH: f64 = 0.75;

fn words_of(text: &str) -> Vec<String> {
    text.split(|letter: char| !letter.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Okapi BM25 (Robertson and Zaragoza, 2009) of each document for the words of a query.
fn rank(documents: &[Document], query: &str) -> Vec<Ranked> {
    let texts: Vec<Vec<String>> = documents.iter().map(|document| words_of(&document.text)).collect();
    let count = number(texts.len());
    let mean = (number(texts.iter().map(Vec::len).sum()) / count).max(1.0);
    let counts: Vec<HashMap<&str, f64>> = texts
        .iter()
        .map(|words| {
            let mut counts = HashMap::new();
            for word in words {
                *counts.entry(word.as_str()).or_default() += 1.0;
            }
            counts
        })
        .collect();
    let score = |index: usize| -> f64 {
        let length = number(texts[index].len()) / mean;
        words_of(query)
            .iter()
            .map(|word| {
                let holding = number(counts.iter().filter(|counts| counts.contains_key(word.as_str())).count());
                let rarity = (1.0 + (count - holding + 0.5) / (holding + 0.5)).ln();
                let times = counts[index].get(word.as_str()).copied().unwrap_or(0.0);
                rarity * times * (SATURATION + 1.0) / (times + SATURATION * (1.0 - LENGTH + LENGTH * length))
            })
            .sum()
    };
    let mut ranking: Vec<Ranked> = documents
        .iter()
        .enumerate()
        .map(|(index, document)| Ranked { file: document.file.clone(), score: score(index) })
        .collect();
    ranking.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.file.cmp(&b.file)));
    ranking
}

async fn serve_rank(context: NodeContext) -> Result<Ranking, NodeError> {
    let documents: Vec<Document> = context.get("documents")?;
    let query: String = context.get("query")?;
    Ok(Ranking { ranking: rank(&documents, &query) })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, space] = arguments.as_slice() else {
        return Err("usage: archive ADDRESS SPACE".into());
    };
    let client = Client::connect(ConnectOptions {
        address: address.clone(),
        space: space.clone(),
        ..ConnectOptions::default()
    })?;
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let worker = client.worker(format!("archive-rust-{}", std::process::id())).node("rank", serve_rank);
    Ok(worker
        .run_until(async move {
            terminated.recv().await;
        })
        .await?)
}
