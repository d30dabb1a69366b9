// What a simulated world is like. `calm()` never fails and orders everything as it was asked for;
// `rough()` is a bad day that every correct program survives: slow, shuffled, in small pieces, but
// nothing is lost or broken. Faults proper (resets, failing disks) are rates on top of either.
#pragma once

#include <cstdint>

#include "platform/sim/random.hpp"

namespace runnel::sim {

struct SimOptions {
  // --- time and order ---------------------------------------------------------------------------
  // What one poll costs: virtual time goes on even in a loop that never waits.
  Duration turn_cost = 1us;
  // Between the moment an operation has its result and the moment poll hands it over. Within it a
  // cancel comes too late.
  Range completion_delay;
  // Events of the same instant happen in an order drawn from the seed.
  bool shuffle = false;

  // --- files ------------------------------------------------------------------------------------
  Range read_latency{20us, 20us};
  Range write_latency{40us, 40us};
  Range sync_latency{1ms, 1ms};
  Range entry_latency{30us, 30us};  // open, stat, rename, unlink, truncate, allocate, close
  std::uint64_t capacity_bytes = 1ull << 30;
  std::uint64_t file_bytes_max = 256ull << 20;  // keeps a wild offset from eating the real memory
  // A new file gets the lowest free inode number, as ext4 does. Else numbers are never used twice.
  bool reuse_inodes = true;
  PerMillion partial_reads = 0;
  PerMillion partial_writes = 0;
  PerMillion read_errors = 0;   // io
  PerMillion write_errors = 0;  // io
  PerMillion sync_errors = 0;   // io; what was to be synced may then be gone for good
  PerMillion space_errors = 0;  // no_space on write and allocate
  PerMillion entry_errors = 0;  // io on open, rename, unlink, truncate

  // --- network ----------------------------------------------------------------------------------
  Range loopback_latency{10us, 10us};
  Range network_latency{200us, 200us};  // between machines, one way
  Duration connect_timeout = 130s;
  Duration retransmit_timeout = 900s;  // unacknowledged data across a partition
  std::uint32_t stream_buffer_bytes = 64 * 1024;
  std::uint32_t datagram_buffer_bytes = 208 * 1024;
  PerMillion partial_sends = 0;
  PerMillion partial_receives = 0;
  PerMillion stream_resets = 0;  // per send
  PerMillion datagram_loss = 0;

  // --- name servers: per question and family
  // ------------------------------------------------------
  Range name_latency{1ms, 1ms};
  Duration name_timeout = 14s;   // what the library spends on a question that nobody answers
  PerMillion name_delays = 0;    // answered only after half of that
  PerMillion name_silence = 0;   // not answered
  PerMillion name_failures = 0;  // answered with a failure
  PerMillion name_denials = 0;   // "there is no such name"
  PerMillion name_lies = 0;      // another address

  // --- the process ------------------------------------------------------------------------------
  std::uint32_t handles_max = 65536;
  PerMillion handle_errors = 0;  // too_many_handles on open, accept, socket
  std::uint32_t watch_queue_max = 16384;
  bool may_bind_low_ports = true;

  static SimOptions calm() { return {}; }
  static SimOptions rough() {
    SimOptions options;
    options.shuffle = true;
    options.completion_delay = {0us, 20us};
    options.read_latency = {5us, 2ms};
    options.write_latency = {5us, 5ms};
    options.sync_latency = {100us, 50ms};
    options.entry_latency = {5us, 3ms};
    options.loopback_latency = {5us, 300us};
    options.network_latency = {100us, 40ms};
    options.name_latency = {1ms, 900ms};
    options.partial_reads = 100'000;
    options.partial_sends = 200'000;
    options.partial_receives = 200'000;
    return options;
  }
};

}  // namespace runnel::sim
