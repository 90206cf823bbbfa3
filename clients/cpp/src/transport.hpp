#pragma once

#include <grpcpp/channel.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cairn/connect_options.hpp"

namespace cairn {

/// What calls are made over.
struct Transport {
  std::shared_ptr<grpc::Channel> channel;
  /// Space and token, sent with every call.
  std::vector<std::pair<std::string, std::string>> metadata;
  std::chrono::milliseconds deadline;
  std::chrono::milliseconds run_deadline;
  RetryPolicy retry;
};

/// Makes what calls are made over. The connection itself is made by the first call.
std::shared_ptr<Transport> open_transport(const ConnectOptions& options);

/// Whether what is sent there stays on the machine.
bool is_this_machine(const std::string& address);

}  // namespace cairn
