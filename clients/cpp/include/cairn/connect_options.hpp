#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>

namespace cairn {

/// How the connection is secured. Certificates and keys are PEM text.
struct TlsOptions {
  /// Authorities that may have signed the server's certificate. Empty: the system's.
  std::string ca{};
  /// The client's certificate, for servers that ask for one (mTLS). Needs `key`.
  std::string cert{};
  /// The key of `cert`.
  std::string key{};
  /// Connect without TLS, also to an address beyond this machine. The token then travels unencrypted.
  bool insecure = false;
};

/// How calls that are safe to repeat are retried, and broken streams taken up again. Each wait is random between half its
/// bound and the whole; the bound doubles with each failure.
struct RetryPolicy {
  /// Attempts of one call in all. 1: never retry.
  int attempts_max = 5;
  /// Event streams in a row that break without bringing an event, before their reader gives up. About a minute.
  int streams_max = 30;
  /// The bound of the first wait.
  std::chrono::milliseconds backoff_base{200};
  /// No bound goes beyond this.
  std::chrono::milliseconds backoff_max{5'000};
};

/// Where the server is and how to talk to it.
struct ConnectOptions {
  /// `host:port`, or what else gRPC resolves (`unix:/run/cairn.sock`).
  std::string address = "127.0.0.1:50051";
  /// The space: an isolated set of graphs and threads. Empty: `default`.
  std::string space;
  /// The bearer token. Empty: none.
  std::string token;
  /// TLS. Absent: none on this machine; beyond it, TLS with the system's authorities.
  std::optional<TlsOptions> tls;
  /// How long ordinary calls may take, all attempts together.
  std::chrono::milliseconds deadline{30'000};
  /// How long runs may take, and one attempt of an event stream.
  std::chrono::milliseconds run_deadline{600'000};
  /// How calls are retried.
  RetryPolicy retry;
  /// The largest message in either direction, in bytes. The server's default is the same.
  int message_bytes_max = 64 * 1024 * 1024;
  /// How many bytes of values `Client::checkpoints` keeps, to send and ask for what changed only.
  std::size_t held_bytes_max = 64 * 1024 * 1024;
};

}  // namespace cairn
