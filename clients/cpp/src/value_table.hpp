#pragma once

#include <cairn/v1/value.pb.h>

#include <deque>
#include <string>

#include "transport.hpp"
#include "value_transfer.hpp"

namespace cairn {

/// The values that one stream has brought so far: each reference comes with its bytes once a stream.
class ValueTable {
 public:
  ValueTable(const Transport& transport, std::string thread_id)
      : transport_(transport), thread_id_(std::move(thread_id)) {}

  /// Takes what a response brought, and gets those of `wanted` that never came, or had to go.
  void take(const google::protobuf::RepeatedPtrField<v1::ValueEntry>& entries,
            const std::vector<const v1::Value*>& wanted);

  /// The value, if it is there.
  ReadValue resolve(const v1::Value& value) const;

 private:
  void add(const std::string& ref, TypedValue value);

  const Transport& transport_;
  std::string thread_id_;
  Values values_;
  /// References, the oldest first.
  std::deque<std::string> order_;
  std::size_t bytes_ = 0;
};

}  // namespace cairn
