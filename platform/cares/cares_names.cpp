#include "platform/cares/cares_names.hpp"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <optional>

#include <ares.h>
#include <sys/stat.h>

#include "platform/cares/line_reader.hpp"
#include "platform/cares/replies.hpp"

namespace runnel::cares {
namespace {

using net::NameAnswer;
using net::NameQuestion;

constexpr int unavailable = 69;  // EX_UNAVAILABLE of sysexits.h
constexpr Duration look_interval = 30s;
constexpr Duration hosts_good_for = 30s;
constexpr std::size_t file_bytes_max = 64 * 1024;
constexpr std::size_t line_bytes_max = 4096;
// Measured with 32 questions of the longest names in both families: 1075 bytes each on amd64. The
// channel is mostly its 3072 heads of lists. A reply needs room while it is read.
constexpr std::size_t channel_bytes = 3072 * 3 * sizeof(void*) + 4096;
constexpr std::size_t reply_bytes = 32 * 1024;
constexpr std::size_t question_bytes = 1280;

Arena* arena_in_use = nullptr;

void* allocate(std::size_t bytes) { return arena_in_use->allocate(bytes); }
void* resize(void* piece, std::size_t bytes) { return arena_in_use->resize(piece, bytes); }
void release(void* piece) { arena_in_use->release(piece); }

// Until the next retransmission. Debian's c-ares for 32-bit ARM has a timeval of two 32-bit
// numbers, this program one of two 64-bit ones: which it was shows by what was written.
std::optional<Duration> time_left(ares_channel channel) {
  constexpr std::int32_t unwritten = -1;
  alignas(timeval) std::byte written[4 * sizeof(std::int32_t)];
  static_assert(sizeof(timeval) <= sizeof(written));
  for (std::size_t at = 0; at < sizeof(written); at += sizeof(unwritten))
    store(written + at, unwritten);
  void* into = written;
  if (::ares_timeout(channel, nullptr, static_cast<timeval*>(into)) == nullptr) return std::nullopt;
  const auto word = [&](std::size_t index) {
    return load<std::int32_t>(written + index * sizeof(std::int32_t));
  };
  const bool narrow = word(3) == unwritten;
  return std::chrono::seconds(word(0)) + std::chrono::microseconds(word(narrow ? 1 : 2));
}

ServerSockets& sockets_of(void* user) { return *static_cast<ServerSockets*>(user); }
int make_socket(int domain, int type, int protocol, void* user) {
  return sockets_of(user).make(domain, type, protocol);
}
int close_socket(int socket, void* user) { return sockets_of(user).close(socket); }
int connect_socket(int socket, const sockaddr* address, ares_socklen_t size, void* user) {
  return sockets_of(user).connect(socket, address, size);
}
ares_ssize_t receive(int socket, void* into, std::size_t size, int flags, sockaddr* from,
                     ares_socklen_t* from_size, void* user) {
  return sockets_of(user).receive(socket, into, size, flags, from, from_size);
}
ares_ssize_t send(int socket, const iovec* pieces, int count, void* user) {
  return sockets_of(user).send(socket, pieces, count);
}
constexpr ares_socket_functions socket_functions = {make_socket, close_socket, connect_socket,
                                                    receive, send};

}  // namespace

// One family's query for the candidate that is being asked for.
struct CaresNames::Query {
  CaresNames* names = nullptr;
  Search* search = nullptr;
  io::Family family = io::Family::none;
  bool in_flight = false;
  Error error = Error::none;
};

// One question. A dropped one stays until c-ares has called back for both queries.
struct CaresNames::Search {
  NameQuestion* question = nullptr;
  bool in_use = false;
  std::size_t candidate = 0;  // the next one
  Query ipv6, ipv4;
};

namespace {

// As the drivers tell it to everybody later.
Instant time_of_start() {
  timespec time = {};
  ::clock_gettime(CLOCK_BOOTTIME, &time);
  return instant_from_ns(std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec);
}

}  // namespace

CaresNames::Memory CaresNames::carve(Region& region, const CaresSettings& settings) {
  region.handles(ServerSockets::handles_max + 1);  // and the file that is being read
  const std::size_t arena_bytes =
      channel_bytes + reply_bytes + settings.questions_max * question_bytes;
  Memory memory;
  memory.arena = region.bytes(arena_bytes, "names: c-ares");
  memory.searches = region.array<Search>(settings.questions_max, "names: searches");
  memory.file_piece = region.array<char>(line_bytes_max, "names: a line of hosts");
  return memory;
}

Built<std::unique_ptr<CaresNames>> CaresNames::create(const Memory& memory,
                                                      const CaresSettings& settings) {
  std::unique_ptr<CaresNames> names(new CaresNames(memory, settings));
  const Status begun = names->begin_library();
  if (!begun)
    return problem(concat("names: c-ares does not start: ", describe(begun.error())), unavailable);
  names->look_at_servers(time_of_start());
  return names;
}

CaresNames::CaresNames(const Memory& memory, const CaresSettings& settings)
    : settings_(settings),
      arena_(memory.arena),
      searches_(memory.searches),
      file_piece_(memory.file_piece) {
  for (Search& search : searches_) {
    search.ipv6 = {this, &search, io::Family::ipv6};
    search.ipv4 = {this, &search, io::Family::ipv4};
  }
}

CaresNames::~CaresNames() {
  for (Search& search : searches_) search.question = nullptr;
  if (channel_ != nullptr) ::ares_destroy(channel_);
  if (arena_in_use != &arena_) return;
  ::ares_library_cleanup();
  arena_in_use = nullptr;
}

// With every option set c-ares reads no file. It asks the kernel for random numbers by stdio, once.
Status CaresNames::begin_library() {
  RUNNEL_ASSERT(arena_in_use == nullptr);
  arena_in_use = &arena_;
  if (const Status opened = sockets_.open(); !opened) return opened;
  int status = ::ares_library_init_mem(ARES_LIB_INIT_ALL, allocate, release, resize);
  if (status != ARES_SUCCESS) return error_from_status(status);
  char by_servers_alone[] = "b";
  ares_options options = {};
  options.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES;
  options.timeout = static_cast<int>(settings_.timeout_ms);
  options.tries = static_cast<int>(settings_.rounds);
  options.ndots = 1;
  options.lookups = by_servers_alone;
  status = ::ares_init_options(&channel_, &options,
                               ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                   ARES_OPT_NDOTS | ARES_OPT_SERVERS | ARES_OPT_DOMAINS |
                                   ARES_OPT_LOOKUPS | ARES_OPT_SORTLIST | ARES_OPT_NOROTATE);
  if (status != ARES_SUCCESS) return error_from_status(status);
  ::ares_set_socket_functions(channel_, &socket_functions, &sockets_);
  return {};
}

Status CaresNames::ask(NameQuestion& question, Instant now) {
  look_at_servers(now);
  if (in_hosts(question)) return {};
  const auto free = std::find_if(searches_.begin(), searches_.end(),
                                 [](const Search& each) { return !each.in_use; });
  if (free == searches_.end()) return Error::no_memory;
  free->in_use = true;
  free->question = &question;
  free->candidate = 0;
  const bool has_name = ask_candidate(*free);
  RUNNEL_ASSERT(has_name);
  update_interest();
  return {};
}

bool CaresNames::in_hosts(NameQuestion& question) {
  std::string_view name = question.name;
  if (name.ends_with('.')) name.remove_suffix(1);
  const auto take = [&](std::string_view line) {
    const auto address = net::hosts_line_names(line, name);
    if (!address) return true;
    NameAnswer& answer = address->family == io::Family::ipv6 ? question.ipv6 : question.ipv4;
    if (answer.count < NameAnswer::count_max) answer.addresses[answer.count++] = *address;
    return true;
  };
  each_line(settings_.hosts, file_bytes_max, file_piece_, take);
  if (question.ipv6.count + question.ipv4.count == 0) return false;
  for (NameAnswer* answer : {&question.ipv6, &question.ipv4}) {
    answer->given = true;
    answer->error = answer->count > 0 ? Error::none : Error::not_found;
    answer->time_to_live = hosts_good_for;
  }
  return true;
}

void CaresNames::look_at_servers(Instant now) {
  if (now >= next_look_) {
    next_look_ = after(now, look_interval);
    struct stat found;
    FileMark mark;
    if (::stat(settings_.resolv_conf, &found) == 0)
      mark = {found.st_dev, found.st_ino, static_cast<std::uint64_t>(found.st_size),
              std::int64_t{found.st_mtim.tv_sec} * 1'000'000'000 + found.st_mtim.tv_nsec};
    if (mark != mark_ || read_.server_count == 0) {
      mark_ = mark;
      read_ = {};
      each_line(settings_.resolv_conf, file_bytes_max, file_piece_, [&](std::string_view line) {
        read_.read_line(line);
        return true;
      });
      // As resolv.conf(5): without a server the one on this machine.
      if (read_.server_count == 0) read_.read_line("nameserver 127.0.0.1");
      read_anew_ = true;
    }
  }
  if (read_anew_ && !any_search()) use_servers();
}

// Without open questions: c-ares would refuse it, and searches count their candidates.
void CaresNames::use_servers() {
  read_anew_ = false;
  servers_ = read_;
  sockets_.set_servers(servers_);
  ares_addr_port_node nodes[net::NameSettings::servers_max] = {};
  for (std::size_t index = 0; index < servers_.server_count; ++index) {
    const io::Address& address = servers_.servers[index].address;
    ares_addr_port_node& node = nodes[index];
    const bool is_ipv6 = address.family == io::Family::ipv6;
    node.family = is_ipv6 ? AF_INET6 : AF_INET;
    std::memcpy(&node.addr, address.ip.data(), is_ipv6 ? 16 : 4);
    node.udp_port = node.tcp_port = settings_.port;
    if (index > 0) nodes[index - 1].next = &node;
  }
  // What does not fit now is tried again at the next question.
  if (::ares_set_servers_ports(channel_, nodes) != ARES_SUCCESS) read_anew_ = true;
}

bool CaresNames::ask_candidate(Search& search) {
  Text<256> name;
  while (name.text().empty())
    if (!net::candidate(servers_, search.question->name, search.candidate++, name)) return false;
  // c-ares may call back before it returns; the search is concluded when both have.
  search.ipv6.in_flight = search.ipv4.in_flight = true;
  search.ipv6.error = search.ipv4.error = Error::none;
  constexpr int internet = 1, ipv4_type = 1, ipv6_type = 28;  // RFC 1035, RFC 3596
  ::ares_query(channel_, name.c_str(), internet, ipv6_type, replied, &search.ipv6);
  ::ares_query(channel_, name.c_str(), internet, ipv4_type, replied, &search.ipv4);
  return true;
}

void CaresNames::replied(void* query, int status, int, unsigned char* reply, int size) {
  Query& of = *static_cast<Query*>(query);
  Bytes bytes;
  if (reply != nullptr && size > 0)
    bytes = {reinterpret_cast<const std::byte*>(reply), static_cast<std::size_t>(size)};
  of.names->take_reply(of, status, bytes);
}

void CaresNames::take_reply(Query& query, int status, Bytes reply) {
  RUNNEL_ASSERT(query.in_flight);
  Search& search = *query.search;
  query.in_flight = false;
  NameAnswer answer;
  answer.error = error_from_status(status);
  if (answer.error == Error::none) answer = read_reply(query.family, reply);
  query.error = answer.error;
  if (answer.error == Error::none && search.question != nullptr)
    (query.family == io::Family::ipv6 ? search.question->ipv6 : search.question->ipv4) = answer;
  if (!search.ipv6.in_flight && !search.ipv4.in_flight) conclude(search);
}

void CaresNames::conclude(Search& search) {
  if (search.question == nullptr) {
    search.in_use = false;
    return;
  }
  const bool absent =
      search.ipv6.error == Error::not_found && search.ipv4.error == Error::not_found;
  if (absent && ask_candidate(search)) return;
  for (const Query* query : {&search.ipv6, &search.ipv4}) {
    if (query->error == Error::none) continue;
    NameAnswer& answer =
        query->family == io::Family::ipv6 ? search.question->ipv6 : search.question->ipv4;
    answer.given = true;
    answer.error = query->error;
    // The servers may be others by now.
    if (query->error != Error::not_found) next_look_ = Instant::min();
  }
  search.question = nullptr;
  search.in_use = false;
}

// c-ares cannot cancel one query. What nobody waits for ends by itself, or with the last question.
void CaresNames::drop(NameQuestion& question) {
  bool wanted = false;
  for (Search& search : searches_) {
    if (search.question == &question) search.question = nullptr;
    wanted = wanted || search.question != nullptr;
  }
  if (wanted || !any_search()) return;
  ::ares_cancel(channel_);
  RUNNEL_ASSERT(!any_search());
  update_interest();
}

bool CaresNames::any_search() const {
  return std::any_of(searches_.begin(), searches_.end(),
                     [](const Search& each) { return each.in_use; });
}

Instant CaresNames::wake_at(Instant now) {
  if (!any_search()) return never;
  const auto left = time_left(channel_);
  // One millisecond later than what c-ares has rounded down.
  return left ? after(now, *left + 1ms) : never;
}

void CaresNames::process(Instant) {
  sockets_.begin_turn();
  sockets_.each_ready([&](int socket, bool readable, bool writable) {
    ::ares_process_fd(channel_, readable ? socket : ARES_SOCKET_BAD,
                      writable ? socket : ARES_SOCKET_BAD);
  });
  ::ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  update_interest();
}

void CaresNames::update_interest() {
  ares_socket_t sockets[ARES_GETSOCK_MAXNUM];
  const auto bits = static_cast<unsigned>(::ares_getsock(channel_, sockets, ARES_GETSOCK_MAXNUM));
  for (unsigned index = 0; index < ARES_GETSOCK_MAXNUM; ++index) {
    const bool writable = (bits >> (index + ARES_GETSOCK_MAXNUM) & 1) != 0;
    if (writable || (bits >> index & 1) != 0) sockets_.want_writable(sockets[index], writable);
  }
}

}  // namespace runnel::cares
