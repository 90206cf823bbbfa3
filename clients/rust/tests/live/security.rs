use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use cairn_client::{Client, Code, ConnectOptions, RetryPolicy, TlsOptions};
use serde_json::json;

use crate::server::{Server, uuid};

fn openssl(arguments: &str) {
    let status = Command::new("openssl").args(arguments.split(' ')).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "openssl {arguments}");
}

/// An authority, and certificates of a server and a client that it has signed.
fn certificates() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("cairn-certificates-{}", uuid()));
    fs::create_dir_all(&folder).unwrap();
    let at = folder.display();
    fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1\n").unwrap();
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    openssl(&format!("req -x509 {key} -keyout {at}/ca.key -out {at}/ca.crt -days 2 -subj /CN=ca"));
    for name in ["server", "client"] {
        openssl(&format!("req -new {key} -keyout {at}/{name}.key -out {at}/{name}.csr -subj /CN={name}"));
        openssl(&format!(
            "x509 -req -in {at}/{name}.csr -CA {at}/ca.crt -CAkey {at}/ca.key -CAcreateserial -days 2 \
             -extfile {at}/names -out {at}/{name}.crt"
        ));
    }
    folder
}

fn options(folder: &Path, with_client: bool) -> ConnectOptions {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let tls = TlsOptions {
        ca: Some(read("ca.crt")),
        cert: with_client.then(|| read("client.crt")),
        key: with_client.then(|| read("client.key")),
        insecure: false,
    };
    let retry = RetryPolicy { attempts_max: 1, ..RetryPolicy::default() };
    ConnectOptions { tls: Some(tls), space: "desk".to_owned(), retry, ..ConnectOptions::default() }
}

async fn ensure(client: &Client) -> cairn_client::Result<bool> {
    client.thread("t").ensure(&json!({})).await
}

#[tokio::test]
async fn tls_client_certificates_and_tokens_open_what_they_should() {
    let folder = certificates();
    let file = |name: &str| folder.join(name).display().to_string();
    fs::write(folder.join("tokens"), "s3cret desk\n").unwrap();
    let server = Server::start(&[
        "--tls-cert",
        &file("server.crt"),
        "--tls-key",
        &file("server.key"),
        "--tls-client-ca",
        &file("ca.crt"),
        "--token-file",
        &file("tokens"),
    ]);
    let token = "s3cret".to_owned();
    let known = options(&folder, true);
    let client = server.client_with(ConnectOptions { token: token.clone(), ..known.clone() });
    assert!(ensure(&client).await.unwrap());

    let stranger = server.client_with(ConnectOptions { token: token.clone(), ..options(&folder, false) });
    assert_eq!(ensure(&stranger).await.unwrap_err().code(), Code::Unavailable);
    let tokenless = ensure(&server.client_with(known.clone())).await.unwrap_err();
    assert_eq!((tokenless.code(), tokenless.reason()), (Code::Unauthenticated, "TOKEN_INVALID"));
    let elsewhere = ConnectOptions { token, space: "other".to_owned(), ..known.clone() };
    let denied = ensure(&server.client_with(elsewhere)).await.unwrap_err();
    assert_eq!((denied.code(), denied.reason()), (Code::PermissionDenied, "SPACE_DENIED"));

    let worker = server.client_with(known).worker("w").node("work", |_| async { Ok(()) });
    assert_eq!(worker.run().await.unwrap_err().reason(), "TOKEN_INVALID");
    fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn spaces_do_not_see_each_other() {
    let server = Server::shared();
    let (first, second) = (server.client(), server.client());
    assert!(ensure(&first).await.unwrap());
    assert!(ensure(&second).await.unwrap());
    assert!(!ensure(&first).await.unwrap());
}
