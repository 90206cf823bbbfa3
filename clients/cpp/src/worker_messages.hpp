#pragma once

#include <cairn/v1/worker_service.pb.h>

#include <cstdint>
#include <deque>

#include "run_task.hpp"

namespace cairn {

/// The messages that tell a result: the first with the first piece of a payload, the rest behind it.
std::deque<v1::WorkRequest> messages_of(const v1::TaskLease& lease, const TaskResult& result, std::size_t chunk_bytes);

/// The result, or a failure in place of one that is larger than a server takes.
TaskResult within(TaskResult result, std::uint64_t payload_bytes_max);

}  // namespace cairn
