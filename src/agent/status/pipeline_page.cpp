#include "agent/status/pipeline_page.hpp"

#include "agent/status/condition.hpp"
#include "base/assert.hpp"
#include "codec/civil.hpp"
#include "codec/json.hpp"

namespace runnel::agent {
namespace {

using codec::JsonWriter;

void member(JsonWriter& json, std::string_view key, std::string_view value) {
  json.key(key);
  json.string(value);
}
void member(JsonWriter& json, std::string_view key, std::uint64_t value) {
  json.key(key);
  json.number(value);
}

template <class Counters, std::size_t N>
void write_counters(JsonWriter& json, const Counters& counters,
                    const pipeline::CounterName<Counters> (&names)[N]) {
  json.key("counters");
  json.begin_object();
  for (const auto& name : names) member(json, name.name, counters.*name.value);
  json.end_object();
}

std::string_view name_in(std::string_view label) { return label.substr(label.find('.') + 1); }

class Page {
 public:
  Page(const StatusView& view, const Recent& recent, const LastComplaints& complaints,
       JsonWriter& json)
      : view_(view), recent_(recent), complaints_(complaints), json_(json) {}

  // One step of the page; false behind the last.
  bool write(std::size_t step) {
    if (step == 0) return begin();
    --step;
    if (step < view_.sources.size()) return source(step);
    step -= view_.sources.size();
    if (step == 0) return next_list("channels");
    --step;
    if (step < view_.channels.size()) return channel(step);
    step -= view_.channels.size();
    if (step == 0) return next_list("sinks");
    --step;
    if (step < view_.sinks.size()) return sink(step);
    return step == view_.sinks.size() && end();
  }

 private:
  bool begin() {
    json_.begin_object();
    json_.key("agent");
    json_.begin_object();
    member(json_, "name", view_.settings.agent.name);
    member(json_, "version", RUNNEL_VERSION);
    member(json_, "state", name_of(condition_of(view_)));
    time("time", view_.scheduler.now());
    time("started", view_.begun);
    member(json_, "memory_ceiling_bytes", std::uint64_t{view_.ceiling_bytes});
    member(json_, "memory_resident_bytes", view_.system.memory_use().resident_bytes);
    json_.key("loop");
    json_.begin_object();
    const async::TurnMeter& meter = view_.scheduler.turn_meter();
    member(json_, "turns", meter.turns());
    member(json_, "longest_us", microseconds(meter.longest()));
    member(json_, "p999_us", microseconds(meter.within(999)));
    json_.end_object();
    json_.end_object();
    json_.key("sources");
    json_.begin_array();
    return true;
  }
  bool next_list(std::string_view key) {
    json_.end_array();
    json_.key(key);
    json_.begin_array();
    return true;
  }
  bool end() {
    json_.end_array();
    json_.end_object();
    json_.newline();
    return true;
  }

  bool source(std::size_t index) {
    const SourcePart& part = view_.sources[index];
    open(index);
    json_.key("channels");
    json_.begin_array();
    for (const std::size_t channel : part.config->channels)
      json_.string(name_in(view_.channels[channel].label));
    json_.end_array();
    json_.key("ended");
    json_.boolean(part.ended);
    write_counters(json_, part.counters, pipeline::source_counter_names);
    close(index);
    return true;
  }
  bool channel(std::size_t index) {
    const pipeline::Channel& channel = *view_.channels[index].channel;
    open(view_.first_channel() + index);
    member(json_, "capacity_bytes", std::uint64_t{channel.capacity()});
    member(json_, "used_bytes", std::uint64_t{channel.used()});
    member(json_, "put_position", channel.head());
    member(json_, "custody_position", channel.custody());
    write_counters(json_, channel.counters(), pipeline::channel_counter_names);
    close(view_.first_channel() + index);
    return true;
  }
  bool sink(std::size_t index) {
    const SinkPart& part = view_.sinks[index];
    const pipeline::Subscription& subscription = part.context->subscription;
    open(view_.first_sink() + index);
    member(json_, "channel", name_in(view_.channels[part.config->channel].label));
    if (const std::size_t group = part.config->group; group != SinkConfig::no_group)
      member(json_, "group", view_.settings.groups[group].name);
    member(json_, "lag_bytes", std::uint64_t{subscription.lag_bytes()});
    member(json_, "taken_position", subscription.cursor());
    member(json_, "acknowledged_position", subscription.watermark());
    const Instant since = subscription.unread_since();
    member(json_, "oldest_unread_ms",
           since == never ? 0 : microseconds(view_.scheduler.now() - since) / 1000);
    const Error failing = part.runner->last_error();
    json_.key("failing");
    failing == Error::none ? json_.null() : json_.string(name_of(failing));
    write_counters(json_, part.counters, pipeline::sink_counter_names);
    close(view_.first_sink() + index);
    return true;
  }

  void open(std::size_t component) {
    json_.begin_object();
    member(json_, "name", name_in(view_.label(component)));
    member(json_, "type", view_.type(component));
  }
  void close(std::size_t component) {
    const Recent::Rate rate = recent_.rate(view_, component);
    json_.key("recent");
    json_.begin_object();
    member(json_, "over_ms", microseconds(rate.over) / 1000);
    member(json_, "events", rate.went.events);
    member(json_, "bytes", rate.went.bytes);
    json_.end_object();
    json_.key("last_complaint");
    const LastComplaints::Complaint& complaint = complaints_.of(component);
    if (complaint.size == 0) {
      json_.null();
    } else {
      json_.begin_object();
      time("time", complaint.at);
      member(json_, "level", name_of(complaint.level));
      member(json_, "text", complaint.text());
      json_.end_object();
    }
    json_.end_object();
  }

  static std::uint64_t microseconds(Duration duration) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)) / 1000;
  }
  // Null while the clock is not set.
  void time(std::string_view key, Instant at) {
    json_.key(key);
    if (!view_.clock.is_set()) return json_.null();
    codec::Rfc3339 text;
    json_.string(text.text(view_.clock.now() - (view_.scheduler.now() - at)));
  }

  const StatusView& view_;
  const Recent& recent_;
  const LastComplaints& complaints_;
  JsonWriter& json_;
};

}  // namespace

// The cursor: the step, and in its lowest bit whether a comma is due in front of it.
bool write_pipeline(const StatusView& view, const Recent& recent, const LastComplaints& complaints,
                    MutableBytes room, std::size_t& size, std::uint64_t& cursor) {
  JsonWriter json(room);
  json.rewind({.size = 0, .replaced = 0, .comma_due = (cursor & 1) != 0});
  Page page(view, recent, complaints, json);
  std::size_t step = static_cast<std::size_t>(cursor >> 1);
  bool more = false;
  for (;; ++step) {
    const JsonWriter::Mark mark = json.mark();
    if (!page.write(step)) break;
    if (!json.overflowed()) continue;
    json.rewind(mark);
    more = true;
    break;
  }
  size = json.size();
  RUNNEL_ASSERT(size > 0 || !more);
  cursor = std::uint64_t{step} << 1 | (json.mark().comma_due ? 1 : 0);
  return more;
}

}  // namespace runnel::agent
