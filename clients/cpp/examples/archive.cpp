// C++'s part of examples/archive: packs files with gzip. Usage: archive ADDRESS SPACE
#include <unistd.h>
#include <zlib.h>

#include <cairn/cairn.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "run_until_terminated.hpp"

namespace {

namespace fs = std::filesystem;

std::string content_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw cairn::NodeError("FileNotReadable", file.string());
  return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// Writes beside the file's place and moves it there: a task that is run again finds it whole or not at all.
void write_gzip(const fs::path& target, const std::string& content) {
  const fs::path unfinished = target.string() + "." + std::to_string(::getpid());
  {
    const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(unfinished.c_str(), "wb9"), &gzclose);
    const bool written =
        file != nullptr && (content.empty() || gzwrite(file.get(), content.data(), static_cast<unsigned>(content.size())) > 0);
    if (!written) throw cairn::NodeError("FileNotWritable", unfinished.string());
  }
  fs::rename(unfinished, target);
}

cairn::Value pack(const fs::path& source, const fs::path& out) {
  const std::string content = content_of(source);
  const fs::path target = out / (source.filename().string() + ".gz");
  write_gzip(target, content);
  const auto crc = crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size()));
  return {{"file", source.string()},
          {"packed", target.string()},
          {"bytes", content.size()},
          {"packed_bytes", fs::file_size(target)},
          {"crc32", crc}};
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: archive ADDRESS SPACE\n";
    return 2;
  }
  const sigset_t terminated = block_termination();
  cairn::ConnectOptions options;
  options.address = arguments[1];
  options.space = arguments[2];
  const cairn::Client client(options);
  cairn::WorkerOptions code;
  code.id = "archive-cpp-" + std::to_string(::getpid());
  code.nodes["pack"] = [](const cairn::Value& state, cairn::NodeContext& context) -> cairn::Command {
    const fs::path out = state.at("out").get<std::string>();
    fs::create_directories(out);
    cairn::Value packed = cairn::Value::array();
    for (const cairn::Value& document : state.at("documents")) {
      packed.push_back(pack(document.at("file").get<std::string>(), out));
      context.emit({{"packed", packed.back()}});
    }
    return {{"packed", packed}};
  };
  code.nodes["discard"] = [](const cairn::Value& state, cairn::NodeContext&) -> cairn::Command {
    for (const cairn::Value& one : state.at("packed")) fs::remove(one.at("packed").get<std::string>());
    return {{"packed", cairn::Value::array()}};
  };
  const auto worker = client.worker(std::move(code));
  return run_until_terminated(*worker, terminated);
}
