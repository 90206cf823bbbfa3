#pragma once

#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace cairn {

/// A list that is fetched page by page, as a loop needs it. Move-only, and read once.
///
///     for (const cairn::ThreadState& state : thread.history()) …
template <class Item>
class Pages {
 public:
  /// One page: its items, and the token of the next one; empty at the end.
  using Page = std::pair<std::vector<Item>, std::string>;

  /// `fetch` gives the page of a token; that of the first is empty.
  explicit Pages(std::function<Page(const std::string&)> fetch) : fetch_(std::move(fetch)) {}
  Pages(Pages&&) noexcept = default;
  Pages& operator=(Pages&&) noexcept = default;

  /// The next item; absent at the end. Throws what fetching a page does.
  std::optional<Item> next() {
    while (at_ == items_.size()) {
      if (is_last_) return std::nullopt;
      std::tie(items_, token_) = fetch_(token_);
      at_ = 0;
      is_last_ = token_.empty();
    }
    return std::move(items_[at_++]);
  }

  /// All that is left.
  std::vector<Item> all() {
    std::vector<Item> items;
    while (auto item = next()) items.push_back(std::move(*item));
    return items;
  }

  /// For range-based loops.
  class iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using pointer = const Item*;
    using reference = const Item&;

    iterator() = default;
    explicit iterator(Pages& pages) : pages_(&pages) { ++*this; }
    reference operator*() const { return *item_; }
    pointer operator->() const { return &*item_; }
    iterator& operator++() {
      item_ = pages_->next();
      if (!item_) pages_ = nullptr;
      return *this;
    }
    bool operator==(const iterator& other) const noexcept { return pages_ == other.pages_; }
    bool operator!=(const iterator& other) const noexcept { return pages_ != other.pages_; }

   private:
    Pages* pages_ = nullptr;
    std::optional<Item> item_;
  };

  iterator begin() { return iterator(*this); }
  iterator end() noexcept { return {}; }

 private:
  std::function<Page(const std::string&)> fetch_;
  std::vector<Item> items_;
  std::size_t at_ = 0;
  std::string token_;
  bool is_last_ = false;
};

}  // namespace cairn
