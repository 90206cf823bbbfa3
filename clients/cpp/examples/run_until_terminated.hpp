// What a program that is only a worker does: it serves until SIGTERM, and ends what it has begun.
#pragma once

#include <cairn/cairn.hpp>
#include <csignal>
#include <iostream>
#include <thread>

// Keeps SIGTERM for `run_until_terminated`. To be called first: threads that are there already would be ended by it.
inline sigset_t block_termination() {
  sigset_t terminated;
  sigemptyset(&terminated);
  sigaddset(&terminated, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &terminated, nullptr);
  return terminated;
}

// Gives the program's exit code.
inline int run_until_terminated(cairn::Worker& worker, const sigset_t& terminated) {
  std::thread([&] {
    int signal = 0;
    sigwait(&terminated, &signal);
    worker.stop();
  }).detach();
  try {
    worker.run();
    return 0;
  } catch (const cairn::Error& error) {
    std::cerr << error.what() << "\n";
    return 1;
  }
}
