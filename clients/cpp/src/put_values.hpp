#pragma once

#include <cairn/v1/checkpoint_service.pb.h>

#include <string>

#include "held_values.hpp"
#include "transport.hpp"

namespace cairn {

/// Makes the values of one put as short as they can be sent: by reference, as a splice, or uploaded in chunks ahead of it.
class PutValues {
 public:
  PutValues(const Transport& transport, HeldValues& held, std::string thread_id)
      : transport_(transport), held_(held), thread_id_(std::move(thread_id)) {}

  void shorten(v1::Checkpoint& checkpoint) const;
  void shorten(v1::CheckpointWrites& writes) const;

 private:
  void shorten(v1::Value& value, const std::string& ns, const std::string& channel) const;

  const Transport& transport_;
  HeldValues& held_;
  std::string thread_id_;
};

}  // namespace cairn
