#include "net/local_path.hpp"

#include <algorithm>

#include "base/text.hpp"
#include "io/address.hpp"

namespace runnel::net {

tl::expected<std::string, std::string> parse_local_path(std::string_view text) {
  using Wrong = tl::unexpected<std::string>;
  if (text.starts_with("//")) text.remove_prefix(2);
  if (text.empty()) return Wrong("a Unix socket without a path: write for example \"unix:/run/x\"");
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; };
  if (std::any_of(text.begin(), text.end(), is_control))
    return Wrong("the path of a Unix socket has a control character in it");
  if (!is_local_path(text))
    return Wrong(concat("\"", text,
                        "\" is not an absolute path: a Unix socket's begins with a "
                        "slash, as in \"unix:/run/x\""));
  if (text.ends_with('/'))
    return Wrong(concat("\"", text, "\" is a folder: a Unix socket is a file in one"));
  if (text.size() > io::local_path_bytes_max)
    return Wrong(concat("the path of a Unix socket has ", text.size(), " bytes; at most ",
                        io::local_path_bytes_max, " are possible"));
  return std::string(text);
}

}  // namespace runnel::net
