#include "value_transfer.hpp"

#include <cairn/v1/checkpoint_service.grpc.pb.h>
#include <zlib.h>

#include <algorithm>

#include "cairn/error.hpp"
#include "retry.hpp"
#include "state.hpp"

namespace cairn {
namespace {

using Calls = v1::CheckpointService::Stub;

/// What a message of an upload carries.
constexpr std::size_t chunk_bytes = 1024 * 1024;

/// Puts together what a download brings.
class Download {
 public:
  void take(v1::GetValuesResponse&& part) {
    if (part.has_entry()) {
      finish();
      entry_ = std::move(*part.mutable_entry());
      data_.clear();
      is_open_ = true;
    } else {
      data_ += part.chunk();
    }
  }

  Values take_values() {
    finish();
    return std::move(values_);
  }

 private:
  void finish() {
    if (!is_open_) return;
    is_open_ = false;
    if (data_.size() != entry_.size_bytes() || crc32_of(data_) != entry_.crc32()) {
      throw Error(Code::data_loss, "the value " + entry_.ref() + " did not arrive as it was sent",
                  {"VALUE_CHECKSUM", {}, {}});
    }
    values_[entry_.ref()] = {entry_.value().type(), std::move(data_)};
    data_.clear();
  }

  Values values_;
  v1::ValueEntry entry_;
  std::string data_;
  bool is_open_ = false;
};

grpc::Status send_value(grpc::ClientWriter<v1::PutValuesRequest>& writer, const std::string& thread_id,
                        const TypedValue& value) {
  v1::PutValuesRequest message;
  auto* header = message.mutable_header();
  header->set_thread_id(thread_id);
  header->set_type(value.type);
  header->set_size_bytes(value.data.size());
  header->set_crc32(crc32_of(value.data));
  bool is_open = writer.Write(message);
  for (std::size_t at = 0; is_open && at < value.data.size(); at += chunk_bytes) {
    message.set_chunk(value.data.substr(at, chunk_bytes));
    is_open = writer.Write(message);
  }
  if (is_open) writer.WritesDone();
  return writer.Finish();
}

}  // namespace

std::uint32_t crc32_of(const std::string& bytes) {
  return static_cast<std::uint32_t>(
      ::crc32_z(0, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()));
}

Values fetch_values(const Transport& transport, const std::string& thread_id, const std::vector<std::string>& refs) {
  v1::GetValuesRequest request;
  request.set_thread_id(thread_id);
  for (const auto& ref : refs) request.add_refs(ref);
  Calls stub(transport.channel);
  Values values;
  with_retry(transport, Clock::now() + transport.run_deadline, [&](grpc::ClientContext& context) {
    Download download;
    const auto reader = stub.GetValues(&context, request);
    for (v1::GetValuesResponse part; reader->Read(&part);) download.take(std::move(part));
    const grpc::Status status = reader->Finish();
    if (status.ok()) values = download.take_values();
    return status;
  });
  return values;
}

std::string upload_value(const Transport& transport, const std::string& thread_id, const TypedValue& value) {
  Calls stub(transport.channel);
  v1::PutValuesResponse response;
  with_retry(transport, Clock::now() + transport.run_deadline, [&](grpc::ClientContext& context) {
    response.Clear();
    const auto writer = stub.PutValues(&context, &response);
    return send_value(*writer, thread_id, value);
  });
  if (response.refs().empty()) throw Error(Code::internal, "the server gave no reference for a value");
  return response.refs(0);
}

}  // namespace cairn
