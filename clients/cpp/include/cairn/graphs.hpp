#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "cairn/pages.hpp"
#include "cairn/state.hpp"

namespace cairn {

struct Transport;

/// A graph as it is registered.
struct GraphInfo {
  std::string name;
  /// SHA-256 of its canonical form, in hexadecimal.
  std::string hash;
  /// Which registration under this name it is, from 1.
  std::uint64_t revision = 0;
  Time registered_at;
  std::string description;
  /// Of `register_graph`: false when this content already was the name's latest.
  bool created = false;
};

/// What is wrong with a graph.
struct GraphFault {
  /// Where: `nodes.triage.ask.into`, `edges[2].to`.
  std::string path;
  /// What is wrong and what would be right.
  std::string message;
};

/// The graphs of a space. Graphs are the text of a graph file, YAML or JSON, at most 1 MiB; docs/graphs.md has the format.
class Graphs {
 public:
  /// Registers a graph under its name and makes it the name's latest. Throws INVALID_ARGUMENT (GRAPH_INVALID), whose
  /// violations name every fault.
  GraphInfo register_graph(const std::string& text) const;
  /// Every fault of a graph; none when it could be registered.
  std::vector<GraphFault> validate(const std::string& text) const;
  /// Reads a graph; without a hash, the name's latest. Throws NOT_FOUND (GRAPH_NOT_FOUND).
  GraphInfo get(const std::string& name, const std::string& hash = {}) const;
  /// The latest graph of each name, by name. `page_size` 0: 50.
  Pages<GraphInfo> list(int page_size = 0) const;
  /// Draws a registered graph as a Mermaid flowchart. Throws NOT_FOUND (GRAPH_NOT_FOUND).
  std::string draw(const std::string& name) const;
  /// Draws the graph that a thread ran, marked with where the thread stands. Throws NOT_FOUND.
  std::string draw_thread(const std::string& thread_id, const std::string& checkpoint_id = {}) const;

 private:
  friend class Client;
  explicit Graphs(std::shared_ptr<Transport> transport);
  std::shared_ptr<Transport> transport_;
};

}  // namespace cairn
