// Goal: a driver rests only while small pieces come close together, and once for each.
// Method: the rule by itself, with times that are made up.
#include "platform/linux/moderation.hpp"

#include <doctest/doctest.h>

namespace runnel::contract {
namespace {

using linux_os::Moderation;
using namespace std::chrono_literals;

Instant at(Duration since_boot) { return Instant(since_boot); }

// A turn at `when` that brought so many buffers.
void turn(Moderation& moderation, Instant when, std::uint32_t buffers, std::uint32_t bytes_each) {
  for (std::uint32_t count = 0; count < buffers; ++count) moderation.received(bytes_each);
  moderation.turn_ends(when);
}

}  // namespace

TEST_CASE("moderation: the first piece, and those that come now and then, are not delayed") {
  Moderation moderation;
  for (int second = 1; second < 5; ++second) {
    turn(moderation, at(second * 1s), 1, 100);
    CHECK(moderation.take_rest(at(second * 1s), never) == 0ns);
  }
}

TEST_CASE("moderation: small pieces close together are waited for, one rest a turn") {
  Moderation moderation;
  turn(moderation, at(1s), 1, 100);
  turn(moderation, at(1s + 200us), 1, 100);
  CHECK(moderation.take_rest(at(1s + 200us), never) == Moderation::rest_length);
  CHECK(moderation.take_rest(at(1s + 200us), never) == 0ns);
  // Not past a deadline.
  turn(moderation, at(1s + 700us), 1, 100);
  CHECK(moderation.take_rest(at(1s + 700us), at(1s + 800us)) == 100us);
  // A turn without data says nothing.
  moderation.turn_ends(at(1s + 900us));
  CHECK(moderation.take_rest(at(1s + 900us), never) == 0ns);
}

TEST_CASE("moderation: who gets a lot, or sends, does not rest") {
  Moderation moderation;
  turn(moderation, at(1s), 1, 100);
  turn(moderation, at(1s + 100us), Moderation::buffers_enough, 100);
  CHECK(moderation.take_rest(at(1s + 100us), never) == 0ns);
  turn(moderation, at(1s + 200us), 4, Moderation::bytes_enough / 4);
  CHECK(moderation.take_rest(at(1s + 200us), never) == 0ns);
  for (const io::Verb verb : {io::Verb::send, io::Verb::send_to, io::Verb::connect}) {
    turn(moderation, at(1s + 300us), 1, 100);
    moderation.submitted(verb);
    CHECK(moderation.take_rest(at(1s + 300us), never) == 0ns);
  }
  turn(moderation, at(1s + 400us), 1, 100);
  moderation.submitted(io::Verb::recv_stream);
  CHECK(moderation.take_rest(at(1s + 400us), never) == Moderation::rest_length);
}

}  // namespace runnel::contract
