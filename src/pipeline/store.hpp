// What a channel with a store has below its ring: somebody who writes its blocks down, brings back
// those that a reader has not kept up with, and says what is safe. The channel and its
// subscriptions call it between waits; what it answers comes later, through them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "async/task.hpp"
#include "base/error.hpp"
#include "pipeline/blocks.hpp"
#include "pipeline/context.hpp"

namespace runnel::pipeline {

class Subscription;

class Store {
 public:
  virtual ~Store() = default;

  // Before anything is put or taken: opens, recovers, and tells the channel and its subscriptions
  // where they go on. After a failure nothing else is called.
  virtual async::Task<Started> start() = 0;
  // Until its scope is cancelled: writes, syncs, loads.
  virtual async::Task<void> run() = 0;
  // Nothing more is put or taken: what no reader has acknowledged is made durable, and how far they
  // have come. False: some of it could not be, and the log has said so.
  virtual async::Task<bool> shut() = 0;

  // The first record behind the last block was put.
  virtual void opened() = 0;
  // There is a new block in the table.
  virtual void sealed() = 0;
  // A subscription's watermark has moved.
  virtual void acknowledged() = 0;
  // A subscription stands before a block that is not in the table any more.
  virtual void wanted(Subscription& reader) = 0;
  // What is put is kept when the process ends, so a stop does not wait for the sinks.
  virtual bool keeps() { return true; }
};

// Plans as components do (pipeline/component.hpp).
class StorePlan {
 public:
  virtual ~StorePlan() = default;
  // `context` is null on a measuring region; then it returns null.
  virtual Store* build(Region& region, ChannelContext* context,
                       std::uint32_t subscriptions) const = 0;
  virtual std::size_t block_bytes() const = 0;
  // The largest record that it can take.
  virtual std::size_t record_bytes_max() const = 0;
  // The file, so that no two channels have the same.
  virtual std::string path() const = 0;
};

}  // namespace runnel::pipeline
