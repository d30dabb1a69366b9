// One table of the configuration ([agent], [sinks.NAME]) read against option tables: every key is
// an option or a mistake, every value is of its option's type and within its range. Nested tables
// are dotted option names. Start-up only.
#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "agent/complaints.hpp"
#include "agent/toml_reader.hpp"
#include "pipeline/options.hpp"

namespace runnel::agent {

class Section {
 public:
  using Tables = std::initializer_list<std::span<const pipeline::Option>>;

  static constexpr std::size_t texts_max = 256;  // in one list

  // `name` as messages say it ("sources.applog"), `place` of the name. All are borrowed.
  Section(std::string name, Place place, const Node& table, Complaints& complaints)
      : name_(std::move(name)), place_(place), table_(table), complaints_(complaints) {}

  template <class... Args>
  void complain(Place place, const Args&... args) {
    complaints_.add(place, name_, ": ", args...);
  }
  // About the option where it stands, or about the section when it is not set.
  void complain_about(std::string_view option, std::string_view text);

  // The text of a key that is no option (`type`, `channel`); null after a complaint, and when it is
  // missing. `example` is how it would stand in the file.
  const std::string* text_of(std::string_view key, std::string_view example);

  // Every option of `tables`, standard values filled in. False after a complaint.
  bool read(Tables tables, std::initializer_list<std::string_view> other_keys,
            pipeline::OptionValues& values);

  const std::string& name() const { return name_; }
  Place place() const { return place_; }
  const Node& table() const { return table_; }
  // Where the value of a (dotted) option stands, or the section when it is not set.
  Place place_of(std::string_view option) const;

 private:
  struct Reading;
  void read_table(Reading& reading, const Node& table, const std::string& prefix);
  void read_field(Reading& reading, const Field& field, const std::string& option_name);
  void complain_unknown(Reading& reading, const Field& field, const std::string& option_name);

  std::string name_;
  Place place_;
  const Node& table_;
  Complaints& complaints_;
};

}  // namespace runnel::agent
