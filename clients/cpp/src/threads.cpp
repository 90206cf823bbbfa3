#include "cairn/threads.hpp"

#include <cairn/v1/thread_service.grpc.pb.h>

#include "call.hpp"
#include "state.hpp"
#include "to_error.hpp"

namespace cairn {

using ThreadCalls = v1::ThreadService::Stub;

Threads::Threads(std::shared_ptr<Transport> transport) : transport_(std::move(transport)) {}

Thread Threads::create(const std::string& id, const Value& metadata) const {
  v1::CreateThreadRequest request;
  request.set_thread_id(id);
  request.set_metadata(metadata_text(metadata));
  return Thread(call(*transport_, &ThreadCalls::CreateThread, request).thread().id(), transport_);
}

Pages<ThreadInfo> Threads::list(ThreadStatus status, const Value& metadata, int page_size) const {
  v1::ListThreadsRequest request;
  request.set_status(static_cast<v1::ThreadStatus>(status));
  request.set_page_size(page_size);
  if (!metadata.is_null() && !metadata.is_object()) throw malformed("metadata", "must be an object");
  for (const auto& [key, value] : metadata.items()) {
    auto* filter = request.add_filters();
    filter->set_key(key);
    filter->set_equals_json(encode(value, Encoding::json, "metadata." + key).data);
  }
  return Pages<ThreadInfo>([transport = transport_, request](const std::string& token) mutable {
    request.set_page_token(token);
    const auto response = call(*transport, &ThreadCalls::ListThreads, request);
    std::vector<ThreadInfo> threads;
    for (const auto& thread : response.threads()) threads.push_back(to_thread_info(thread));
    return Pages<ThreadInfo>::Page(std::move(threads), response.next_page_token());
  });
}

}  // namespace cairn
