//! Calls one unary gRPC method again and again, and prints how fast it was answered, as one line of JSON.
//!
//!     load ADDRESS /package.Service/Method REQUESTS random|own CALLERS WARM_UP_SECONDS SECONDS
//!
//! REQUESTS is a file of encoded requests, each after its length (4 bytes, little-endian). A caller sends them in a
//! random order, or its own one (the one at its number) every time. Neither requests nor answers are decoded here: what
//! is to be measured is the server, and the tool must be faster than it.

mod raw;

use std::process::exit;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use raw::Raw;

struct Plan {
    address: String,
    path: PathAndQuery,
    requests: Vec<Bytes>,
    random: bool,
    callers: usize,
    warm_up: Duration,
    measured: Duration,
}

/// What one caller saw.
#[derive(Default)]
struct Seen {
    latencies: Vec<Duration>,
    /// Also of the warm-up.
    calls: usize,
    bytes: usize,
    failed: usize,
    failure: Option<Status>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let plan = plan(&arguments).unwrap_or_else(|problem| {
        eprintln!("load: {problem}");
        exit(2)
    });
    // One thread: it is cheaper than several that hand work to each other, and leaves the other cores to the server.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let all = tokio::task::LocalSet::new().block_on(&runtime, run(plan));
    print(all);
}

fn plan(arguments: &[String]) -> Result<Plan, String> {
    let [address, path, file, order, callers, warm_up, seconds] = arguments else {
        return Err(
            "needs ADDRESS METHOD REQUESTS random|own CALLERS WARM_UP_SECONDS SECONDS".into(),
        );
    };
    let mut content = Bytes::from(std::fs::read(file).map_err(|error| format!("{file}: {error}"))?);
    let mut requests = Vec::new();
    while content.has_remaining() {
        let length = content.get_u32_le() as usize;
        requests.push(content.split_to(length));
    }
    let callers: usize = callers.parse().map_err(|_| "CALLERS is no number")?;
    if requests.is_empty() || callers == 0 {
        return Err("needs a request and a caller".into());
    }
    let duration = |text: &String| {
        text.parse()
            .map(Duration::from_secs_f64)
            .map_err(|_| format!("{text}: no seconds"))
    };
    Ok(Plan {
        address: address.clone(),
        path: path.parse().map_err(|_| format!("{path}: no method"))?,
        requests,
        random: order == "random",
        callers,
        warm_up: duration(warm_up)?,
        measured: duration(seconds)?,
    })
}

async fn run(plan: Plan) -> Vec<Seen> {
    let endpoint = Endpoint::from_shared(format!("http://{}", plan.address)).expect("an address");
    let channel = endpoint.connect().await.unwrap_or_else(|error| {
        eprintln!("load: {}: {error}", plan.address);
        exit(1)
    });
    let plan = Rc::new(plan);
    let begin = Instant::now() + plan.warm_up;
    let callers: Vec<_> = (0..plan.callers)
        .map(|index| tokio::task::spawn_local(call(plan.clone(), channel.clone(), index, begin)))
        .collect();
    let mut all = Vec::new();
    for caller in callers {
        all.push(caller.await.expect("a caller"));
    }
    all
}

async fn call(plan: Rc<Plan>, channel: Channel, index: usize, begin: Instant) -> Seen {
    let mut grpc = Grpc::new(channel).max_decoding_message_size(usize::MAX);
    let mut seen = Seen::default();
    // xorshift: the same choices in every run, others for each caller.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(index as u64 + 1);
    loop {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let chosen = if plan.random { state as usize } else { index } % plan.requests.len();
        let sent = Instant::now();
        // Where a call takes longer than all of that, its first one still counts.
        if sent > begin + plan.measured && !seen.latencies.is_empty() {
            return seen;
        }
        let request = Request::new(plan.requests[chosen].clone());
        let answer = match grpc.ready().await {
            Ok(()) => grpc.unary(request, plan.path.clone(), Raw).await,
            Err(error) => Err(Status::unavailable(error.to_string())),
        };
        seen.calls += 1;
        match answer {
            Ok(answer) => seen.bytes = answer.get_ref().len(),
            Err(status) => {
                seen.failed += 1;
                seen.failure.get_or_insert(status);
            }
        }
        if sent >= begin {
            seen.latencies.push(sent.elapsed());
        }
    }
}

fn print(all: Vec<Seen>) {
    let sum = |of: fn(&Seen) -> usize| all.iter().map(of).sum::<usize>();
    if let Some(status) = all.iter().find_map(|seen| seen.failure.as_ref()) {
        eprintln!(
            "load: {} calls failed, the first by {status:?}",
            sum(|seen| seen.failed)
        );
        exit(1)
    }
    let calls = sum(|seen| seen.calls);
    let bytes = all.iter().map(|seen| seen.bytes).max().unwrap_or(0);
    // Each caller's own pace: those that are still in a long call at the end do not lower it.
    let pace = |seen: &Seen| {
        seen.latencies.len() as f64 / seen.latencies.iter().sum::<Duration>().as_secs_f64()
    };
    let per_second: f64 = all
        .iter()
        .filter(|seen| !seen.latencies.is_empty())
        .map(pace)
        .sum();
    let mut latencies: Vec<Duration> = all.into_iter().flat_map(|seen| seen.latencies).collect();
    latencies.sort_unstable();
    let at =
        |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    println!(
        r#"{{"calls":{calls},"perSecond":{per_second:.1},"p50":{:.4},"p99":{:.4},"answerBytes":{bytes}}}"#,
        at(0.5),
        at(0.99)
    );
}
