#include "platform/linux/log_writer.hpp"

#include <cerrno>

#include <unistd.h>

#include "codec/civil.hpp"
#include "codec/json.hpp"

namespace runnel::linux_os {
namespace {

constexpr std::size_t line_bytes_max = 4 * log_line_bytes_max + 256;

void write_escaped(TextWriter& out, std::string_view text) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) {
      out << c;
    } else {
      out << "\\x" << digits[byte >> 4] << digits[byte & 15];
    }
  }
}

}  // namespace

LogWriter::LogWriter(const io::System& system, LogFormat format)
    : system_(system), format_(format), terminal_(::isatty(STDERR_FILENO) == 1) {}

void LogWriter::emit(std::string_view line) {
  while (!line.empty()) {
    const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // a closed or full log must not stop the agent
    line.remove_prefix(static_cast<std::size_t>(written));
  }
}

void LogWriter::write(Level level, std::string_view component, std::string_view text) {
  Text<line_bytes_max> line;
  codec::Rfc3339 rfc3339;
  const std::string_view time = rfc3339.text(system_.wall_clock());
  if (status_shown_) line << "\r\033[K";
  status_shown_ = false;
  if (format_ == LogFormat::json) {
    std::byte storage[line_bytes_max];
    codec::JsonWriter json{MutableBytes(storage)};
    json.begin_object();
    json.key("time");
    json.string(time);
    json.key("level");
    json.string(name_of(level));
    json.key("component");
    json.string(component);
    json.key("message");
    json.string(text);
    json.end_object();
    line << as_text(json.bytes());
  } else {
    line << time << ' ';
    const std::string_view name = name_of(level);
    for (const char c : name) line << static_cast<char>(c - 'a' + 'A');
    line << (name.size() == 4 ? "  " : " ") << component << ": ";
    write_escaped(line, text);
  }
  line << '\n';
  emit(line.text());
}

void LogWriter::status(std::string_view text) {
  Text<512> line;
  if (terminal_) {
    line << "\r\033[K" << text;
    status_shown_ = true;
  } else {
    line << text << '\n';
  }
  emit(line.text());
}

void LogWriter::end_status() {
  if (status_shown_) emit("\n");
  status_shown_ = false;
}

}  // namespace runnel::linux_os
