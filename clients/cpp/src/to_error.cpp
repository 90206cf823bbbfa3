#include "to_error.hpp"

#include <google/rpc/error_details.pb.h>
#include <google/rpc/status.pb.h>

namespace cairn {
namespace {

/// The domain of the server's own reasons; a proxy's reasons mean something else.
constexpr char domain[] = "cairn.dev";

ErrorDetails details_of(const grpc::Status& status) {
  ErrorDetails details;
  google::rpc::Status message;
  // A proxy's details may be anything: the status and its message still stand.
  if (!message.ParseFromString(status.error_details())) return details;
  for (const auto& any : message.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::BadRequest request;
    if (any.UnpackTo(&info) && info.domain() == domain) {
      details.reason = info.reason();
      details.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (any.UnpackTo(&request)) {
      for (const auto& violation : request.field_violations()) {
        details.violations.push_back({violation.field(), violation.description()});
      }
    }
  }
  return details;
}

bool contains(const Error& error, const char* text) noexcept {
  return std::string_view(error.what()).find(text) != std::string_view::npos;
}

}  // namespace

Error to_error(const grpc::Status& status) {
  return Error(static_cast<Code>(status.error_code()), status.error_message(), details_of(status));
}

bool is_connection_loss(const Error& error) noexcept {
  if (error.code() == Code::unavailable) return true;
  if (!error.reason().empty()) return false;
  // How gRPC's core reports a server that resets its streams as it goes away, or a connection that was cut.
  if (error.code() == Code::internal) return contains(error, "RST_STREAM");
  if (error.code() == Code::unknown) return contains(error, "Stream removed");
  return error.code() == Code::cancelled;
}

Error malformed(const std::string& field, const std::string& description) {
  const std::string message = field.empty() ? description : field + ": " + description;
  return Error(Code::invalid_argument, message, {"VALUE_MALFORMED", {}, {{field, description}}});
}

Error call_ended(const std::string& message) { return Error(Code::cancelled, message, {"CALL_ENDED", {}, {}}); }

}  // namespace cairn
