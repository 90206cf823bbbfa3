//! Prints what happens in a thread, as it happens: `cargo run --example watch -- THREAD`. A server that is restarted
//! meanwhile is found again, and nothing is missed or told twice.
use cairn_client::{Client, EventOptions};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let thread_id = std::env::args().nth(1).ok_or("which thread?")?;
    let address = std::env::var("CAIRN_ADDRESS").unwrap_or_else(|_| "127.0.0.1:50051".to_owned());
    let client = Client::connect(address.as_str())?;
    let mut events = client.thread(thread_id).events(EventOptions { after: Some(0), ..EventOptions::default() });
    while let Some(event) = events.next().await? {
        println!("{} {:?}", event.number, event.body);
    }
    Ok(())
}
