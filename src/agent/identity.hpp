// Which installation this is, and how often it has been started: `identity` in state_dir.
//
//   runnel identity 1
//   instance 00112233445566778899aabbccddeeff
//   epoch 17
//   sum 1234567890              CRC-32C of the lines before
//
// The instance is random and made once, never from a name: images are cloned. Whoever clones one
// with its state_dir removes this file; the next start makes a new one.
#pragma once

#include <string>

#include "async/task.hpp"
#include "io/system.hpp"
#include "pipeline/batch_id.hpp"
#include "pipeline/context.hpp"

namespace runnel::agent {

// This start's: the epoch is one more than ever before, and durable. Where nothing lasts (no
// state_dir, a full disk) every start is another instance.
async::Task<pipeline::Identity> take_identity(const std::string& state_dir, io::System& system,
                                              io::Reactor& reactor);

// The text of the file and the way back; nothing when it is damaged.
std::string identity_text(const pipeline::Identity& identity);
std::optional<pipeline::Identity> parse_identity(std::string_view text);

}  // namespace runnel::agent
