#include "transport.hpp"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>

#include <regex>

#include "cairn/error.hpp"

namespace cairn {
namespace {

/// The longest pause of a channel between two attempts to connect: a server that comes back is found within a second.
constexpr int reconnect_ms_max = 1'000;

Error option_error(const std::string& field, const std::string& description) {
  return Error(Code::invalid_argument, field + ": " + description, {"INVALID_FIELD", {}, {{field, description}}});
}

std::shared_ptr<grpc::ChannelCredentials> credentials_for(const ConnectOptions& options) {
  if (!options.tls && is_this_machine(options.address)) return grpc::InsecureChannelCredentials();
  const TlsOptions tls = options.tls.value_or(TlsOptions{});
  if (tls.insecure) {
    const bool is_alone = tls.ca.empty() && tls.cert.empty() && tls.key.empty();
    if (!is_alone) throw option_error("tls.insecure", "goes without ca, cert and key");
    return grpc::InsecureChannelCredentials();
  }
  if (tls.cert.empty() != tls.key.empty()) throw option_error("tls", "cert and key come together");
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = tls.ca;
  ssl.pem_cert_chain = tls.cert;
  ssl.pem_private_key = tls.key;
  return grpc::SslCredentials(ssl);
}

grpc::ChannelArguments arguments_for(const ConnectOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(options.message_bytes_max);
  arguments.SetMaxSendMessageSize(options.message_bytes_max);
  // A connection that died without a word is noticed by its pings, not by the deadline of whoever waits.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, reconnect_ms_max);
  // Retries are this client's own business: it knows which calls are safe to repeat.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  // Clients of one process don't share a connection, so that what one of them does can't slow another.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

std::shared_ptr<Transport> open_transport(const ConnectOptions& options) {
  auto transport = std::make_shared<Transport>();
  transport->channel = grpc::CreateCustomChannel(options.address, credentials_for(options), arguments_for(options));
  if (!options.space.empty()) transport->metadata.emplace_back("cairn-space", options.space);
  if (!options.token.empty()) transport->metadata.emplace_back("authorization", "Bearer " + options.token);
  transport->deadline = options.deadline;
  transport->run_deadline = options.run_deadline;
  transport->retry = options.retry;
  return transport;
}

bool is_this_machine(const std::string& address) {
  static const std::regex local(
      R"((unix(-abstract)?:.*)|((dns|ipv4|ipv6):(//[^/]*/)?)?(localhost|\[::1\]|::1|127(\.\d{1,3}){3})(:\d+)?)");
  return std::regex_match(address, local);
}

}  // namespace cairn
