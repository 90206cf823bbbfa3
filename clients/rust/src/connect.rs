use std::time::Duration;

use tonic::metadata::{Ascii, MetadataMap, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use crate::error::{Error, Result};
use crate::retry::RetryPolicy;

/// Where `cairn serve` listens unless told otherwise.
pub const DEFAULT_ADDRESS: &str = "127.0.0.1:50051";

/// A connection that died without a word is noticed by its pings, not by the deadline of whoever waits.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEP_ALIVE_WITHIN: Duration = Duration::from_secs(10);
/// An address that swallows packets is given up after this.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// How the connection is secured.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// PEM of the authorities that may have signed the server's certificate. Default: the system's.
    pub ca: Option<Vec<u8>>,
    /// PEM of the client's certificate, for servers that ask for one. Needs `key`.
    pub cert: Option<Vec<u8>>,
    /// PEM of the key of `cert`.
    pub key: Option<Vec<u8>>,
    /// Connect without TLS to an address beyond this machine, too. The token then travels unencrypted.
    pub insecure: bool,
}

/// Where the server is and how to talk to it.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// `host:port`, or `unix:/run/cairn.sock`. Default [`DEFAULT_ADDRESS`].
    pub address: String,
    /// The space: an isolated set of graphs and threads. Default, when empty: `default`.
    pub space: String,
    /// The bearer token; empty: none.
    pub token: String,
    /// TLS. Default: none on this machine; beyond it, TLS with the system's authorities.
    pub tls: Option<TlsOptions>,
    /// How long ordinary calls may take, all attempts together. Default 30 s.
    pub deadline: Duration,
    /// How long runs, copies and prunes may take, and one attempt of a stream. Default 10 min.
    pub run_deadline: Duration,
    /// How calls that are safe to repeat are retried.
    pub retry: RetryPolicy,
    /// The largest message in either direction, in bytes. Default 64 MiB, as the server's.
    pub message_bytes_max: usize,
    /// How many bytes of values [`Client::checkpoint_store`](crate::Client::checkpoint_store) keeps, to send and ask for
    /// what changed only. Default 64 MiB.
    pub held_bytes_max: usize,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions {
            address: DEFAULT_ADDRESS.to_owned(),
            space: String::new(),
            token: String::new(),
            tls: None,
            deadline: Duration::from_secs(30),
            run_deadline: Duration::from_mins(10),
            retry: RetryPolicy::default(),
            message_bytes_max: 64 * 1024 * 1024,
            held_bytes_max: 64 * 1024 * 1024,
        }
    }
}

impl From<&str> for ConnectOptions {
    /// An address; everything else as by default.
    fn from(address: &str) -> ConnectOptions {
        ConnectOptions { address: address.to_owned(), ..ConnectOptions::default() }
    }
}

/// Makes a channel. The connection itself is made by the first call, and again by the first one after it broke.
pub(crate) fn open_channel(options: &ConnectOptions) -> Result<Channel> {
    Ok(endpoint(options)?.connect_lazy())
}

fn endpoint(options: &ConnectOptions) -> Result<Endpoint> {
    let address = &options.address;
    let tls = tls_config(address, options.tls.as_ref())?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let uri = if address.starts_with("unix:") { address.clone() } else { format!("{scheme}://{address}") };
    let refused = |error: tonic::transport::Error| Error::invalid("address", &format!("{address:?}: {error}"));
    let endpoint = Endpoint::from_shared(uri)
        .map_err(refused)?
        .connect_timeout(CONNECT_WITHIN)
        .http2_keep_alive_interval(KEEP_ALIVE_EVERY)
        .keep_alive_timeout(KEEP_ALIVE_WITHIN);
    match tls {
        Some(tls) => endpoint.tls_config(tls).map_err(|error| Error::invalid("tls", &error.to_string())),
        None => Ok(endpoint),
    }
}

fn tls_config(address: &str, tls: Option<&TlsOptions>) -> Result<Option<ClientTlsConfig>> {
    let Some(TlsOptions { ca, cert, key, insecure }) = tls else {
        let beyond = !is_this_machine(address);
        return Ok(beyond.then(|| ClientTlsConfig::new().with_native_roots()));
    };
    if *insecure {
        if ca.is_some() || cert.is_some() || key.is_some() {
            return Err(Error::invalid("tls.insecure", "goes without ca, cert and key"));
        }
        return Ok(None);
    }
    let config = match ca {
        Some(ca) => ClientTlsConfig::new().ca_certificate(Certificate::from_pem(ca)),
        None => ClientTlsConfig::new().with_native_roots(),
    };
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(config.identity(Identity::from_pem(cert, key)))),
        (None, None) => Ok(Some(config)),
        _ => Err(Error::invalid("tls", "cert and key come together")),
    }
}

/// Whether what is sent there stays on the machine.
fn is_this_machine(address: &str) -> bool {
    if address.starts_with("unix:") {
        return true;
    }
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// Space and token, which go with every call.
pub(crate) fn identity(options: &ConnectOptions) -> Result<MetadataMap> {
    let mut metadata = MetadataMap::new();
    if !options.space.is_empty() {
        metadata.insert("cairn-space", header("space", &options.space)?);
    }
    if !options.token.is_empty() {
        metadata.insert("authorization", header("token", &format!("Bearer {}", options.token))?);
    }
    Ok(metadata)
}

fn header(field: &str, text: &str) -> Result<MetadataValue<Ascii>> {
    let visible = text.chars().all(|character| (' '..='~').contains(&character));
    text.parse().ok().filter(|_| visible).ok_or_else(|| Error::invalid(field, "visible ASCII only"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tls_is_on_beyond_this_machine_and_off_on_it() {
        for address in ["localhost:1", "127.0.0.1:1", "127.8.0.1:1", "[::1]:1", "unix:/run/cairn.sock"] {
            assert!(tls_config(address, None).is_ok_and(|tls| tls.is_none()), "{address}");
        }
        for address in ["cairn.example:1", "10.0.0.1:1", "128.0.0.1:1", "localhost.example:1", "[2001:db8::1]:1"] {
            assert!(tls_config(address, None).is_ok_and(|tls| tls.is_some()), "{address}");
        }
    }

    #[test]
    fn options_that_contradict_each_other_name_the_field() {
        let half = TlsOptions { cert: Some(Vec::new()), ..TlsOptions::default() };
        let both = TlsOptions { insecure: true, ca: Some(Vec::new()), ..TlsOptions::default() };
        for (tls, field) in [(half, "tls"), (both, "tls.insecure")] {
            let error = tls_config("localhost:1", Some(&tls)).err();
            assert_eq!(error.as_ref().and_then(Error::field), Some(field));
        }
        let options = ConnectOptions { token: "ü".to_owned(), ..ConnectOptions::default() };
        assert_eq!(identity(&options).err().as_ref().and_then(Error::field), Some("token"));
    }
}
