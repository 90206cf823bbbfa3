#include "cairn/worker.hpp"

#include "worker_impl.hpp"

namespace cairn {

Worker::Worker(std::shared_ptr<Transport> transport, WorkerOptions options)
    : impl_(std::make_unique<Impl>(std::move(transport), std::move(options))) {}

Worker::~Worker() = default;

const std::string& Worker::id() const noexcept { return impl_->options().id; }

void Worker::run() { impl_->run(); }

void Worker::stop() { impl_->stop(); }

bool Worker::wait_until_ready(std::chrono::milliseconds time) const { return impl_->wait_until_ready(time); }

}  // namespace cairn
