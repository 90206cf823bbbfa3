// What a program that is only a worker does: it serves until SIGTERM, and ends what it has begun.
#pragma once

#include <cairn/cairn.hpp>
#include <csignal>
#include <thread>

// Keeps SIGTERM for `run_until_terminated`. To be called first: threads that are there already would be ended by it.
inline sigset_t block_termination() {
  sigset_t terminated;
  sigemptyset(&terminated);
  sigaddset(&terminated, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminated, nullptr);
  return terminated;
}

inline void run_until_terminated(cairn::Worker& worker, const sigset_t& terminated) {
  std::thread([&] {
    int signal = 0;
    sigwait(&terminated, &signal);
    worker.stop();
  }).detach();
  worker.run();
}
