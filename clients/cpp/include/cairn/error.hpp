#pragma once

#include <map>
#include <stdexcept>
#include <string>
#include <vector>

namespace cairn {

/// gRPC's status codes, under gRPC's numbers.
enum class Code {
  ok = 0,
  cancelled = 1,
  unknown = 2,
  invalid_argument = 3,
  deadline_exceeded = 4,
  not_found = 5,
  already_exists = 6,
  permission_denied = 7,
  resource_exhausted = 8,
  failed_precondition = 9,
  aborted = 10,
  out_of_range = 11,
  unimplemented = 12,
  internal = 13,
  unavailable = 14,
  data_loss = 15,
  unauthenticated = 16,
};

/// The code's name as gRPC writes it, such as "NOT_FOUND".
const char* code_name(Code code) noexcept;

/// A field of a request that is wrong.
struct FieldViolation {
  /// The path of the field, such as `thread_id`, or of a place in a value, such as `items[2].when`.
  std::string field;
  /// What is wrong with it.
  std::string description;
};

/// What else there is to say of an error.
struct ErrorDetails {
  /// Why, as `cairn.v1.ErrorReason` names it without its prefix, such as "THREAD_BUSY". Empty for errors that are not of
  /// the server's or this client's making, as those of a proxy.
  std::string reason;
  /// Every changing part of the message, by name.
  std::map<std::string, std::string> metadata;
  /// Each field that is wrong.
  std::vector<FieldViolation> violations;
};

/// Everything that this client throws, save what a node's own code does.
class Error : public std::runtime_error {
 public:
  Error(Code code, const std::string& message, ErrorDetails details = {});

  /// gRPC's status code.
  Code code() const noexcept { return code_; }
  /// Why, such as "THREAD_BUSY"; empty where nothing is known.
  const std::string& reason() const noexcept { return details_.reason; }
  /// Every changing part of the message, by name.
  const std::map<std::string, std::string>& metadata() const noexcept { return details_.metadata; }
  /// Each field that is wrong.
  const std::vector<FieldViolation>& violations() const noexcept { return details_.violations; }
  /// The first field that is wrong; empty when none is named.
  std::string field() const { return violations().empty() ? std::string() : violations().front().field; }

 private:
  Code code_;
  ErrorDetails details_;
};

}  // namespace cairn
