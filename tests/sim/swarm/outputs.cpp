#include "tests/sim/swarm/outputs.hpp"

#include <charconv>

#include <zlib.h>
#include <zstd.h>

#include "base/assert.hpp"

namespace runnel::swarm {
namespace {

// Everything between `begin` and the next `end`, behind both of which `text` then stands.
std::optional<std::string_view> between(std::string_view& text, std::string_view begin,
                                        std::string_view end) {
  const auto from = text.find(begin);
  if (from == std::string_view::npos) return std::nullopt;
  const auto to = text.find(end, from + begin.size());
  if (to == std::string_view::npos) return std::nullopt;
  const auto found = text.substr(from + begin.size(), to - from - begin.size());
  text.remove_prefix(to + end.size());
  return found;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

constexpr std::size_t generated_digits = 12;

}  // namespace

void Outputs::look(const sim::SimFiles& disk, std::uint32_t life) {
  std::map<std::uint64_t, OutputRead> found;
  (void)disk.list(sink_.folder, [&](const io::FolderEntry& entry) {
    // A file without one whole frame; the probe of a start.
    if (entry.name.ends_with(".broken") || entry.name.starts_with(".")) return true;
    const auto inode = static_cast<sim::Inode>(entry.inode);
    const std::uint64_t serial = disk.serial(inode);
    const std::uint64_t size = disk.info(inode).size;
    OutputRead output;
    const auto known = files_.find(serial);
    if (known != files_.end()) output = std::move(known->second);
    if (known == files_.end()) output.life = life;
    output.serial = serial;
    output.name = entry.name;
    if (known == files_.end() || output.bytes != size) {
      OutputRead fresh;
      fresh.serial = serial;
      fresh.name = output.name;
      fresh.life = output.life;
      fresh.survived_power_loss = output.survived_power_loss;
      fresh.bytes = size;
      std::string content(size, '\0');
      const auto got =
          disk.read(inode, 0, {reinterpret_cast<std::byte*>(content.data()), content.size()});
      RUNNEL_ASSERT(got.has_value() && *got == size);
      read(content, fresh);
      output = std::move(fresh);
    }
    found.emplace(serial, std::move(output));
    return true;
  });
  files_ = std::move(found);
}

void Outputs::power_was_lost() {
  for (auto& [serial, file] : files_) {
    file.survived_power_loss = true;
    file.bytes = UINT64_MAX;
  }
}

void Outputs::read(std::string_view content, OutputRead& into) {
  if (sink_.codec == Codec::none) {
    const auto end = content.rfind('\n');
    into.broken = end == std::string_view::npos ? !content.empty() : end + 1 < content.size();
    if (end != std::string_view::npos) read_lines(content.substr(0, end + 1), into);
    return;
  }
  while (!content.empty()) {
    const auto plain = decompress(content);
    if (!plain) {
      into.broken = true;
      return;
    }
    read_lines(*plain, into);
  }
}

// One frame or member off the front of `content`.
std::optional<std::string_view> Outputs::decompress(std::string_view& content) {
  static std::string plain(256 * 1024, '\0');
  if (sink_.codec == Codec::zstd) {
    const std::size_t frame = ZSTD_findFrameCompressedSize(content.data(), content.size());
    if (ZSTD_isError(frame)) return std::nullopt;
    static ZSTD_DCtx* const context = ZSTD_createDCtx();
    const std::size_t size =
        ZSTD_decompressDCtx(context, plain.data(), plain.size(), content.data(), frame);
    if (ZSTD_isError(size)) return std::nullopt;
    content.remove_prefix(frame);
    return std::string_view(plain).substr(0, size);
  }
  static z_stream* const stream = [] {
    static z_stream made = {};
    RUNNEL_ASSERT(inflateInit2(&made, 15 + 16) == Z_OK);
    return &made;
  }();
  inflateReset(stream);
  stream->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream->avail_in = static_cast<uInt>(content.size());
  stream->next_out = reinterpret_cast<Bytef*>(plain.data());
  stream->avail_out = static_cast<uInt>(plain.size());
  if (inflate(stream, Z_FINISH) != Z_STREAM_END) return std::nullopt;
  content.remove_prefix(content.size() - stream->avail_in);
  return std::string_view(plain).substr(0, plain.size() - stream->avail_out);
}

void Outputs::read_lines(std::string_view text, OutputRead& into) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    std::optional<std::uint64_t> gap;
    if (sink_.json) {
      std::string_view rest = line;
      if (line.starts_with("{\"gap\":")) {
        const auto events = between(rest, "\"events\":", ",");
        if (events) gap = number_of(*events);
      } else if (const auto body = between(rest, "\"body\":\"", "\"}")) {
        read_event(*body, into);
        continue;
      }
    } else {
      std::string_view rest = line;
      if (line.starts_with("[runnel: ")) {
        const auto events = between(rest, "[runnel: ", " events dropped]");
        if (events) gap = number_of(*events);
      } else {
        read_event(line, into);
        continue;
      }
    }
    if (gap) {
      into.gap_events += *gap;
    } else {
      read_event(line, into);
    }
  }
}

void Outputs::read_event(std::string_view body, OutputRead& into) {
  const Recognised recognised = ledger_.recognise(body);
  if (recognised.what == Recognised::What::event || recognised.what == Recognised::What::beginning)
    return into.events.push_back(recognised.id);
  if (recognised.what == Recognised::What::fragment) {
    ++into.fragments;
    return;
  }
  const bool generated = body.size() > generated_digits && body[generated_digits] == ' ';
  if (const auto number = generated ? number_of(body.substr(0, generated_digits)) : std::nullopt) {
    into.generated.push_back(*number);
    return;
  }
  if (into.unknown++ > 0) return;
  for (const char each : body.substr(0, 100))
    into.first_unknown += each < ' ' || each > '~' ? '?' : each;
}

}  // namespace runnel::swarm
