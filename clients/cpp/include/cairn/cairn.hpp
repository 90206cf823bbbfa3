#pragma once

// All of the client.
#include "cairn/checkpoint_store.hpp"
#include "cairn/client.hpp"
#include "cairn/error.hpp"
#include "cairn/worker.hpp"
