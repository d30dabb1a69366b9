// Writes log lines that look like a busy machine's: web accesses, a few services, kernel and login
// lines, about 170 bytes each. The same seed and size give the same bytes everywhere, so figures of
// two machines or two days compare.
//
//   loglines FILE BYTES [SEED]      prints lines and bytes; whole lines only, at most BYTES
#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace {

// xorshift64*: a generator of our own, because those of the standard library's distributions differ
// from one library to the next.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 2654435769u + 88172645463325252u) {}
  std::uint64_t next() {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return state_ * 2685821657736338717u;
  }
  std::uint32_t below(std::uint32_t limit) {
    return static_cast<std::uint32_t>((next() >> 32) * limit >> 32);
  }
  // Low values are common, high ones rare, as with clients and pages.
  std::uint32_t skewed(std::uint32_t limit) {
    return static_cast<std::uint32_t>(std::uint64_t{below(limit)} * below(limit) / limit);
  }

 private:
  std::uint64_t state_;
};

constexpr std::array<std::string_view, 8> paths = {
    "/",          "/api/v1/devices",     "/static/app.js",   "/login",
    "/api/v1/up", "/api/v1/measurement", "/images/logo.svg", "/search"};
constexpr std::array<std::string_view, 5> agents = {
    "Mozilla/5.0 (X11; Linux x86_64) Firefox/128.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Safari/604.1", "curl/8.5.0",
    "gateway-agent/2.14 (armv7l)", "python-requests/2.31"};
constexpr std::array<std::string_view, 6> services = {"sensord", "netwatch",   "storaged",
                                                      "mqttd",   "schedulerd", "modbusd"};
constexpr std::array<std::string_view, 4> levels = {"debug", "info", "info", "warning"};
constexpr std::array<int, 6> statuses = {200, 200, 200, 304, 404, 502};

template <std::size_t N, class T>
const T& pick(Random& random, const std::array<T, N>& from) {
  return from[random.below(N)];
}

// One line at a time, with a clock that runs on.
class Writer {
 public:
  explicit Writer(std::uint64_t seed) : random_(seed) {}

  // Bytes of the line in `line_`, its newline included.
  std::size_t make() {
    milliseconds_ += random_.below(12);
    const std::uint32_t kind = random_.below(20);
    if (kind < 11) return access();
    if (kind < 18) return service();
    return login();
  }
  const char* line() const { return line_.data(); }

 private:
  template <class... Values>
  std::size_t print(const char* format, Values... values) {
    const int size = std::snprintf(line_.data(), line_.size(), format, values...);
    return std::min(static_cast<std::size_t>(size), line_.size() - 1);
  }
  unsigned hour() const { return static_cast<unsigned>(milliseconds_ / 3'600'000 % 24); }
  unsigned minute() const { return static_cast<unsigned>(milliseconds_ / 60'000 % 60); }
  unsigned second() const { return static_cast<unsigned>(milliseconds_ / 1000 % 60); }
  unsigned millisecond() const { return static_cast<unsigned>(milliseconds_ % 1000); }

  std::size_t access() {
    const std::uint32_t client = random_.skewed(4000);
    const std::string_view path = pick(random_, paths);
    const std::string_view agent = pick(random_, agents);
    return print(
        "10.%u.%u.%u - - [22/Nov/2026:%02u:%02u:%02u +0000] \"GET %.*s?id=%u HTTP/1.1\" %d %u "
        "\"https://panel.example.net/view/%u\" \"%.*s\" %u.%03u\n",
        client / 256 % 8, client / 16 % 16, client % 256, hour(), minute(), second(),
        static_cast<int>(path.size()), path.data(), random_.below(100'000), pick(random_, statuses),
        180 + random_.skewed(60'000), random_.skewed(900), static_cast<int>(agent.size()),
        agent.data(), random_.skewed(4), random_.below(1000));
  }
  std::size_t service() {
    const std::string_view name = pick(random_, services);
    const std::string_view level = pick(random_, levels);
    return print(
        "2026-11-22T%02u:%02u:%02u.%03uZ gateway-17 %.*s[%u]: level=%.*s device=%04x:%02x "
        "channel=%u value=%d.%02u latency_us=%u queue=%u msg=\"reading accepted and stored\" "
        "trace=%016" PRIx64 "\n",
        hour(), minute(), second(), millisecond(), static_cast<int>(name.size()), name.data(),
        600 + random_.below(8), static_cast<int>(level.size()), level.data(), random_.skewed(512),
        random_.below(16), random_.below(32), static_cast<int>(random_.below(120)) - 20,
        random_.below(100), random_.skewed(9000), random_.skewed(64), random_.next());
  }
  std::size_t login() {
    return print(
        "Nov 22 %02u:%02u:%02u gateway-17 sshd[%u]: Failed password for invalid user user%u from "
        "192.168.%u.%u port %u ssh2: pam_unix(sshd:auth) check pass; user unknown\n",
        hour(), minute(), second(), 1000 + random_.below(30'000), random_.skewed(300),
        random_.below(4), random_.below(256), 1024 + random_.below(60'000));
  }

  Random random_;
  std::uint64_t milliseconds_ = 0;
  std::array<char, 1024> line_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count < 3) {
    std::fprintf(stderr, "usage: loglines FILE BYTES [SEED]\n");
    return 64;
  }
  const std::uint64_t bytes_max = std::strtoull(arguments[2], nullptr, 10);
  Writer writer(count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1);
  std::FILE* file = std::fopen(arguments[1], "wb");
  if (file == nullptr) {
    std::perror(arguments[1]);
    return 74;
  }
  std::vector<char> buffer(1u << 20);
  std::setvbuf(file, buffer.data(), _IOFBF, buffer.size());
  std::uint64_t bytes = 0;
  std::uint64_t lines = 0;
  for (;;) {
    const std::size_t size = writer.make();
    if (bytes + size > bytes_max) break;
    if (std::fwrite(writer.line(), 1, size, file) != size) break;
    bytes += size;
    ++lines;
  }
  if (std::fclose(file) != 0) {
    std::perror(arguments[1]);
    return 74;
  }
  std::printf("%" PRIu64 " %" PRIu64 "\n", lines, bytes);
  return 0;
}
