//! A real `cairn serve` process, with an embedded store of its own.
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

use cairn_client::{Client, ConnectOptions};

const SAYS: &str = "cairn listening on ";

pub struct Server {
    process: Mutex<Child>,
    folder: PathBuf,
    address: Mutex<String>,
    arguments: Vec<String>,
}

/// Most tests are content with a space of their own on a server that they share; the last one ends it.
static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());

impl Server {
    pub fn shared() -> Arc<Server> {
        let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = shared.upgrade() {
            return server;
        }
        let server = Arc::new(Server::start(&[]));
        *shared = Arc::downgrade(&server);
        server
    }

    pub fn start(arguments: &[&str]) -> Server {
        let folder = std::env::temp_dir().join(format!("cairn-rust-{}", uuid()));
        fs::create_dir_all(&folder).unwrap();
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        let (process, address) = spawn(&folder, "127.0.0.1:0", &arguments);
        Server { process: Mutex::new(process), folder, address: Mutex::new(address), arguments }
    }

    pub fn address(&self) -> String {
        self.address.lock().unwrap().clone()
    }

    /// A client of a space that nobody else uses.
    pub fn client(&self) -> Client {
        self.client_with(ConnectOptions::default())
    }

    pub fn client_with(&self, options: ConnectOptions) -> Client {
        let space = if options.space.is_empty() { uuid() } else { options.space.clone() };
        Client::connect(ConnectOptions { address: self.address(), space, ..options }).unwrap()
    }

    pub fn kill(&self) {
        let mut process = self.process.lock().unwrap();
        process.kill().unwrap();
        process.wait().unwrap();
    }

    /// Begins again at the same address, with the same store.
    pub fn restart(&self) {
        let (process, address) = spawn(&self.folder, &self.address(), &self.arguments);
        *self.process.lock().unwrap() = process;
        *self.address.lock().unwrap() = address;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn spawn(folder: &Path, listen: &str, arguments: &[String]) -> (Child, String) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut process = Command::new(root.join("node_modules/.bin/node"))
        .arg(root.join("src/main.ts"))
        .args(["serve", "--listen", listen, "--store"])
        .arg(folder.join("store"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.join("stderr")).unwrap())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    while let Some(Ok(line)) = lines.next() {
        if let Some(address) = line.strip_prefix(SAYS) {
            let address = address.trim().to_owned();
            // Read on, so that a server that says more never waits for a reader.
            thread::spawn(move || lines.for_each(drop));
            return (process, address);
        }
    }
    process.wait().unwrap();
    let said = fs::read_to_string(folder.join("stderr")).unwrap_or_default();
    panic!("cairn serve ended before it listened: {said}");
}

pub fn uuid() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits until something is so; fails the test if it is not within a minute.
pub async fn until<F: Future<Output = bool>>(what: &str, mut is_so: impl FnMut() -> F) {
    let began = Instant::now();
    while !is_so().await {
        assert!(began.elapsed() < Duration::from_mins(1), "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
