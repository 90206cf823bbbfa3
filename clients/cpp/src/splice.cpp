#include "splice.hpp"

#include <algorithm>
#include <string_view>

#include "value_transfer.hpp"

namespace cairn {
namespace {

/// A splice whose literals are more than this part of the value is not worth it.
constexpr double worth_fraction_max = 0.75;
/// So many equal bytes are taken for the same place in both values.
constexpr std::size_t needle_bytes = 24;
/// How much at the beginning may differ: the head of a MessagePack array, which counts its elements.
constexpr std::size_t head_bytes_max = 16;

std::size_t alike(std::string_view one, std::string_view other) {
  const auto most = static_cast<std::ptrdiff_t>(std::min(one.size(), other.size()));
  return static_cast<std::size_t>(std::mismatch(one.begin(), one.begin() + most, other.begin()).first - one.begin());
}

std::size_t alike_at_end(std::string_view one, std::string_view other) {
  const auto most = static_cast<std::ptrdiff_t>(std::min(one.size(), other.size()));
  return static_cast<std::size_t>(std::mismatch(one.rbegin(), one.rbegin() + most, other.rbegin()).first -
                                  one.rbegin());
}

/// Writes the hunks of a splice, from the beginning of the value on.
class Hunks {
 public:
  Hunks(std::string_view base, std::string_view data, v1::Splice& splice) : base_(base), data_(data), splice_(splice) {}

  std::size_t literal_bytes() const noexcept { return literal_bytes_; }

  void find() {
    add(0, 0, alike(base_, data_));
    if (at_ < head_bytes_max) behind_head();
    const std::size_t suffix = alike_at_end(base_.substr(in_base_), data_.substr(at_));
    if (at_ < data_.size()) add(data_.size() - suffix, base_.size() - suffix, suffix);
  }

 private:
  /// What comes before `literal_to` is a literal, what follows it is the base's from there on.
  void add(std::size_t literal_to, std::size_t from, std::size_t length) {
    auto* hunk = splice_.add_hunks();
    hunk->set_literal(std::string(data_.substr(at_, literal_to - at_)));
    hunk->set_from(from);
    hunk->set_length(length);
    literal_bytes_ += literal_to - at_;
    at_ = literal_to + length;
    in_base_ = from + length;
  }

  /// Finds where both go on alike behind a few bytes that differ.
  void behind_head() {
    const std::size_t needle_at = in_base_ + head_bytes_max;
    if (needle_at + needle_bytes > base_.size()) return;
    const auto window = data_.substr(at_, needle_bytes + 2 * head_bytes_max);
    const auto found = window.find(base_.substr(needle_at, needle_bytes));
    if (found == std::string_view::npos) return;
    const std::size_t back = alike_at_end(base_.substr(in_base_, head_bytes_max), window.substr(0, found));
    const std::size_t from = needle_at - back;
    const std::size_t to = at_ + found - back;
    add(to, from, alike(base_.substr(from), data_.substr(to)));
  }

  std::string_view base_;
  std::string_view data_;
  v1::Splice& splice_;
  std::size_t at_ = 0;
  std::size_t in_base_ = 0;
  std::size_t literal_bytes_ = 0;
};

}  // namespace

std::optional<v1::Splice> splice_of(const std::string& base_ref, const std::string& base, const std::string& data) {
  v1::Splice splice;
  Hunks hunks(base, data, splice);
  hunks.find();
  if (static_cast<double>(hunks.literal_bytes()) > static_cast<double>(data.size()) * worth_fraction_max) {
    return std::nullopt;
  }
  splice.set_base_ref(base_ref);
  splice.set_crc32(crc32_of(data));
  return splice;
}

}  // namespace cairn
