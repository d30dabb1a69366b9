#define ZSTD_STATIC_LINKING_ONLY
#include "codec/decompressor.hpp"

#include <zstd.h>

namespace runnel::codec {
namespace {

// The library would go on with the frame behind the first, and would pass over skippable ones.
bool is_exactly_one_frame(Bytes wire) {
  if (wire.size() < sizeof(std::uint32_t)) return false;
  if (load<std::uint32_t>(wire.data()) != ZSTD_MAGICNUMBER) return false;
  return ZSTD_findFrameCompressedSize(wire.data(), wire.size()) == wire.size();
}

}  // namespace

DecompressorMemory Decompressor::carve(Region& region) {
  return {region.bytes(align_up(ZSTD_estimateDCtxSize(), 64), "zstd reading context")};
}

Decompressor::Decompressor(DecompressorMemory memory)
    : context_(ZSTD_initStaticDCtx(memory.workspace.data(), memory.workspace.size())) {
  RUNNEL_ASSERT(context_ != nullptr);
}

Result<std::size_t> Decompressor::decompress(Bytes wire, MutableBytes plain) {
  if (!is_exactly_one_frame(wire)) return fail(Error::malformed);
  const std::size_t size = ZSTD_decompressDCtx(static_cast<ZSTD_DCtx*>(context_), plain.data(),
                                               plain.size(), wire.data(), wire.size());
  if (ZSTD_isError(size)) return fail(Error::malformed);
  RUNNEL_ASSERT(size <= plain.size());
  return size;
}

}  // namespace runnel::codec
