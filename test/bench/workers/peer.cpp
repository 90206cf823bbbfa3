// The C++ side of the measuring of workers: peer ADDRESS echo | worker SLOTS
#include <grpcpp/grpcpp.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/sync_stream.h>

#include <cairn/cairn.hpp>
#include <iostream>
#include <string>

namespace {

/// A bare stream of bytes: what generated code is made of, without messages.
void echo(const std::string& address) {
  const auto channel = grpc::CreateChannel(address, grpc::InsecureChannelCredentials());
  const grpc::internal::RpcMethod method("/bench.Echo/Talk", grpc::internal::RpcMethod::BIDI_STREAMING, channel);
  grpc::ClientContext context;
  using Stream = grpc::ClientReaderWriter<grpc::ByteBuffer, grpc::ByteBuffer>;
  using Factory = grpc::internal::ClientReaderWriterFactory<grpc::ByteBuffer, grpc::ByteBuffer>;
  const std::unique_ptr<Stream> stream(Factory::Create(channel.get(), method, &context));
  for (grpc::ByteBuffer message; stream->Read(&message);) {
    if (!stream->Write(message)) break;
  }
}

void work(const std::string& address, unsigned slots) {
  cairn::ConnectOptions options;
  options.address = address;
  cairn::WorkerOptions code;
  code.id = "peer";
  code.slots = slots;
  code.nodes["same"] = [](const cairn::Value& state, cairn::NodeContext&) -> cairn::Command {
    return {{"text", state.at("text")}};
  };
  code.nodes["tell"] = [](const cairn::Value& state, cairn::NodeContext& context) -> cairn::Command {
    const int count = state.at("count");
    for (int told = 0; told < count; ++told) context.token(context.task().task_id, "word ");
    return {};
  };
  const cairn::Client client(options);
  client.worker(std::move(code))->run();
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> given(arguments + 1, arguments + count);
  if (given.size() == 2 && given[1] == "echo") {
    echo(given[0]);
  } else if (given.size() == 3 && given[1] == "worker") {
    work(given[0], static_cast<unsigned>(std::stoul(given[2])));
  } else {
    std::cerr << "needs ADDRESS echo | ADDRESS worker SLOTS\n";
    return 2;
  }
}
