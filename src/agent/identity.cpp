#include "agent/identity.hpp"

#include "agent/state_file.hpp"
#include "base/crc32c.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace runnel::agent {

using async::Task;
using pipeline::Identity;

namespace {

constexpr std::string_view first_line = "runnel identity 1\n";
constexpr std::size_t file_bytes_max = 4096;

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

}  // namespace

std::string identity_text(const Identity& identity) {
  pipeline::BatchId id;
  id.instance = identity.instance;
  Text<pipeline::BatchId::text_bytes_max> hex;
  id.write(hex);
  std::string text =
      concat(first_line, "instance ", hex.text().substr(0, 2 * identity.instance.size()),
             "\nepoch ", identity.epoch, "\n");
  return text += concat("sum ", crc32c(as_bytes(text)), "\n");
}

std::optional<Identity> parse_identity(std::string_view text) {
  const std::string_view all = text;
  if (!text.starts_with(first_line)) return {};
  text.remove_prefix(first_line.size());
  Identity identity;
  const auto instance = take_line(text, "instance");
  if (!instance || instance->size() != 2 * identity.instance.size()) return {};
  for (std::size_t at = 0; at < identity.instance.size(); ++at) {
    const int high = digit((*instance)[2 * at]), low = digit((*instance)[2 * at + 1]);
    if (high < 0 || low < 0) return {};
    identity.instance[at] = static_cast<std::byte>(high << 4 | low);
  }
  const auto epoch_text = take_line(text, "epoch");
  const auto epoch = parse_number(epoch_text.value_or(""));
  const std::string_view summed = all.substr(0, all.size() - text.size());
  const auto sum_text = take_line(text, "sum");
  const auto sum = parse_number(sum_text.value_or(""));
  if (!epoch || !sum || !text.empty() || *sum != crc32c(as_bytes(summed))) return {};
  identity.epoch = *epoch;
  return identity;
}

Task<Identity> take_identity(const std::string& state_dir, io::System& system,
                             io::Reactor& reactor) {
  Identity identity;
  if (state_dir.empty()) {
    system.entropy(identity.instance);
    identity.epoch = 1;
    co_return identity;
  }
  const std::string path = state_dir + "/identity";
  const auto text = system.read_file(path.c_str(), file_bytes_max);
  const auto known = text ? parse_identity(*text) : std::nullopt;
  if (known) {
    identity = *known;
  } else {
    if (text || text.error() != Error::not_found)
      log_warn("agent", path, text ? " is damaged" : " cannot be read: ",
               text ? std::string_view() : describe(text.error()),
               ": this is another instance from now on; receivers that tell repetitions by batch ",
               "id may take some twice");
    system.entropy(identity.instance);
  }
  ++identity.epoch;
  const std::string fresh = identity_text(identity);
  const std::string fresh_path = path + ".new";
  const Status saved = co_await replace_file(reactor, state_dir.c_str(), fresh_path.c_str(),
                                             path.c_str(), as_bytes(fresh));
  if (!saved) {
    // Better another name for this life than one that is given out twice; and better than none.
    system.entropy(identity.instance);
    log_warn("agent", path, " cannot be written: ", describe(saved.error()),
             "; this start counts as another instance");
  }
  co_return identity;
}

}  // namespace runnel::agent
