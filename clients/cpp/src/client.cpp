#include "cairn/client.hpp"

#include "transport.hpp"

namespace cairn {

Client::Client(const ConnectOptions& options)
    : transport_(open_transport(options)),
      checkpoints_(std::make_shared<CheckpointStore>(transport_, options.held_bytes_max)) {}

Graphs Client::graphs() const { return Graphs(transport_); }

Threads Client::threads() const { return Threads(transport_); }

Thread Client::thread(const std::string& id) const { return Thread(id, transport_); }

CheckpointStore& Client::checkpoints() const { return *checkpoints_; }

std::unique_ptr<Worker> Client::worker(WorkerOptions options) const {
  return std::make_unique<Worker>(transport_, std::move(options));
}

}  // namespace cairn
