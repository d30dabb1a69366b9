// How the agent meets a component: a type (name, options, help) that checks a configuration into a
// plan, and a plan that carves and builds. `build` is called twice with the same code path: on a
// measuring region, where it returns null, and on the real one.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/region.hpp"
#include "pipeline/channel.hpp"
#include "pipeline/options.hpp"
#include "pipeline/sink.hpp"
#include "pipeline/sink_runner.hpp"
#include "pipeline/source.hpp"

namespace runnel::pipeline {

enum class Activity : std::uint8_t {
  passive,  // a service: it listens, its clients decide when data comes
  active,   // it goes and fetches
};

class SourcePlan {
 public:
  virtual ~SourcePlan() = default;
  // `context` outlives the source; it is null on a measuring region.
  virtual Source* build(Region& region, SourceContext* context) = 0;
  // The largest record it can put: its channels must have room for two.
  virtual std::size_t record_bytes_max() const = 0;
  // Whether it would read this file: Runnel never collects what it writes.
  virtual bool reads(std::string_view path) const {
    (void)path;
    return false;
  }
};

class SinkPlan {
 public:
  virtual ~SinkPlan() = default;
  virtual Sink* build(Region& region, SinkContext* context) = 0;
  // Paths it would write, as examples; for the check against `SourcePlan::reads`.
  virtual std::vector<std::string> writes() const { return {}; }

  DeliverySettings delivery;    // from the options that all sinks share
  bool looks_up_names = false;  // a destination is one
};

struct SourceType {
  std::string_view name;
  Activity activity;
  std::string_view summary;  // one line
  std::span<const Option> options;
  Checked<std::unique_ptr<SourcePlan>> (*plan)(const OptionValues& values);
};

struct SinkType {
  std::string_view name;
  std::string_view summary;
  std::span<const Option> options;  // its own; see delivery_options for the shared ones
  bool encodes = false;   // takes the options `encoding`, `compression`: what goes out is bytes
  bool connects = false;  // takes those of `connection_options`
  Checked<std::unique_ptr<SinkPlan>> (*plan)(const OptionValues& values);
  bool compresses = false;  // takes `compression` alone: how events look is its own business
  std::string_view one_connection = {};  // why it cannot have several; empty: it can
};

struct ChannelType {
  std::string_view name;
  std::string_view summary;
  std::span<const Option> options;
  Checked<ChannelSettings> (*plan)(const OptionValues& values);
};

// The options that every sink has, those that every sink has that `encodes`, and what of them this
// sink has.
std::span<const Option> delivery_options();
std::span<const Option> encoding_options();
std::span<const Option> encoding_options(const SinkType& type);
// Of what there is in the values.
Checked<DeliverySettings> delivery_settings(const OptionValues& values);
// A batch whose size nobody asked for is at most a quarter of its channel.
void fit_batch(DeliverySettings& settings, std::size_t channel_bytes);

// Plans for components that follow the house pattern:
//   static Memory carve(Region&, const Settings&);
//   Component(Context&, const Settings&, const Memory&);
template <class Component, class Contract, class Context, class Settings>
Contract* build_component(Region& region, Context* context, const Settings& settings) {
  const auto memory = Component::carve(region, settings);
  void* place = region.bytes(sizeof(Component), "component", alignof(std::max_align_t)).data();
  if (region.is_measuring()) return nullptr;
  return new (place) Component(*context, settings, memory);
}

}  // namespace runnel::pipeline
