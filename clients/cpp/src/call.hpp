#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "retry.hpp"

namespace cairn {

template <class Request, class = void>
struct TakesRequestId : std::false_type {};
template <class Request>
struct TakesRequestId<Request, std::void_t<decltype(std::declval<Request&>().set_request_id(""))>> : std::true_type {};

/// When a call ends whatever happens.
inline Clock::time_point deadline_in(std::chrono::milliseconds time) { return Clock::now() + time; }

/// Makes a unary call, safely repeated: every one that this client makes either changes nothing or carries a request_id,
/// which is made here when there is none, or does no harm when repeated (the protos' idempotency_level).
///
///     call(transport, &v1::RunService::Stub::Run, request, deadline)
template <class Stub, class Request, class Response>
Response call(const Transport& transport, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              std::decay_t<Request> request, Clock::time_point deadline) {
  if constexpr (TakesRequestId<Request>::value) {
    if (request.request_id().empty()) request.set_request_id(new_uuid());
  }
  Stub stub(transport.channel);
  Response response;
  with_retry(transport, deadline, [&](grpc::ClientContext& context) {
    response.Clear();
    return (stub.*method)(&context, request, &response);
  });
  return response;
}

/// As above, within the time of an ordinary call.
template <class Stub, class Request, class Response>
Response call(const Transport& transport, grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
              std::decay_t<Request> request) {
  return call(transport, method, std::move(request), deadline_in(transport.deadline));
}

}  // namespace cairn
