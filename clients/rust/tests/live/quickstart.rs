use std::fs;
use std::path::Path;

use cairn_client::{RunStatus, Value};

use crate::server::Server;

#[path = "../../examples/quickstart.rs"]
#[expect(dead_code, reason = "its main connects to the usual address")]
mod program;

#[tokio::test]
async fn the_readmes_program_does_what_it_says() {
    let server = Server::shared();
    let outcome = program::answer(&server.client()).await.unwrap();
    assert_eq!(outcome.status, RunStatus::Done);
    let state: Value = outcome.state.decode().unwrap();
    assert_eq!(state.get("draft").and_then(Value::as_str), Some("Re: Where is my parcel?"));
    assert_eq!(state.get("approved"), Some(&Value::Bool(true)));
}

#[test]
fn the_readme_shows_that_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(folder.join("README.md")).unwrap();
    let program = fs::read_to_string(folder.join("examples/quickstart.rs")).unwrap();
    assert!(readme.contains(&program), "README.md and examples/quickstart.rs differ");
}
