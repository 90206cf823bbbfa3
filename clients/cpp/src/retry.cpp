#include "retry.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <random>
#include <thread>

#include "to_error.hpp"

namespace cairn {
namespace {

/// How long a pause goes on at most after it is over.
constexpr std::chrono::milliseconds pause_slice{100};

std::mt19937_64& generator() {
  thread_local std::mt19937_64 engine = [] {
    std::random_device device;
    std::seed_seq seed{device(), device(), device(), device()};
    return std::mt19937_64(seed);
  }();
  return engine;
}

}  // namespace

double random_fraction() { return std::uniform_real_distribution<>(0, 1)(generator()); }

std::chrono::milliseconds backoff(int failed_attempts, const RetryPolicy& policy) {
  // Beyond 2^20 times the first wait the bound is long since the largest.
  const double factor = static_cast<double>(1U << std::clamp(failed_attempts - 1, 0, 20));
  const double bound = std::min<double>(static_cast<double>(policy.backoff_max.count()),
                                        static_cast<double>(policy.backoff_base.count()) * factor);
  return std::chrono::milliseconds(static_cast<std::int64_t>(bound / 2 + random_fraction() * bound / 2));
}

std::string new_uuid() {
  std::random_device device;
  std::array<std::uint8_t, 16> bytes{};
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(device());
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    constexpr char digits[] = "0123456789abcdef";
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[bytes[i] >> 4];
    text += digits[bytes[i] & 0x0f];
  }
  return text;
}

void prepare(grpc::ClientContext& context, const Transport& transport) {
  for (const auto& [name, value] : transport.metadata) context.AddMetadata(name, value);
}

void pause(const Transport& transport, std::chrono::milliseconds time, const std::function<bool()>& is_over) {
  const auto until = Clock::now() + time;
  while (!is_over() && Clock::now() < until) {
    const auto slice = std::min(until, Clock::now() + pause_slice);
    if (transport.channel->WaitForConnected(slice)) std::this_thread::sleep_until(slice);
  }
}

void with_retry(const Transport& transport, Clock::time_point deadline,
                const std::function<grpc::Status(grpc::ClientContext&)>& attempt) {
  for (int attempts = 1;; ++attempts) {
    grpc::ClientContext context;
    prepare(context, transport);
    context.set_deadline(deadline);
    const grpc::Status status = attempt(context);
    if (status.ok()) return;
    const Error error = to_error(status);
    const auto time = backoff(attempts, transport.retry);
    const bool is_last = attempts >= transport.retry.attempts_max || Clock::now() + time >= deadline;
    if (is_last || !is_connection_loss(error)) throw error;
    pause(transport, time, [] { return false; });
  }
}

}  // namespace cairn
