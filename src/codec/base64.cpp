#include "codec/base64.hpp"

#include <algorithm>

namespace runnel::codec {

void write_base64(TextWriter& out, Bytes bytes) {
  static constexpr char letters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  while (!bytes.empty()) {
    const std::size_t taken = std::min<std::size_t>(bytes.size(), 3);
    std::uint32_t three = 0;
    for (std::size_t index = 0; index < 3; ++index)
      three = three << 8 | (index < taken ? std::to_integer<std::uint32_t>(bytes[index]) : 0);
    char four[] = {letters[three >> 18], letters[three >> 12 & 63], letters[three >> 6 & 63],
                   letters[three & 63]};
    if (taken < 3) four[3] = '=';
    if (taken < 2) four[2] = '=';
    out << std::string_view(four, sizeof(four));
    bytes = bytes.subspan(taken);
  }
}

}  // namespace runnel::codec
