#define ZSTD_STATIC_LINKING_ONLY
#include "codec/compressor.hpp"

#include <algorithm>
#include <bit>
#include <new>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

namespace runnel::codec {
namespace {

// Everything that zlib asks for at deflateInit, handed out in order and given back never.
struct GzipContext {
  z_stream stream{};
  MutableBytes rest;
};

voidpf gzip_allocate(voidpf opaque, uInt count, uInt size) {
  auto& rest = static_cast<GzipContext*>(opaque)->rest;
  const std::size_t bytes = align_up(std::size_t{count} * size, alignof(std::max_align_t));
  if (bytes > rest.size()) return nullptr;
  std::byte* at = rest.data();
  rest = rest.subspan(bytes);
  return at;
}
void gzip_free(voidpf, voidpf) {}

constexpr int gzip_memory_level = 8;

// A window larger than the piece buys nothing. zlib cannot do 8.
int gzip_window_bits(std::size_t input_bytes_max) {
  const auto needed = static_cast<int>(std::bit_width(input_bytes_max - 1));
  return std::clamp(needed, 9, 15);
}

// zconf.h: (1 << (window bits + 2)) + (1 << (memory level + 9)), and a state of under 8 KiB.
std::size_t gzip_workspace_bytes(const CompressorSettings& settings) {
  const int window_bits = gzip_window_bits(settings.input_bytes_max);
  return align_up(sizeof(GzipContext), alignof(std::max_align_t)) +
         (std::size_t{1} << (window_bits + 2)) + (std::size_t{1} << (gzip_memory_level + 9)) +
         12 * 1024;
}

// Level 1 looks for matches with one hash table. This one stays in the processor's first cache, and
// only matches that are long are taken: on lines of logs and JSON both faster and smaller than the
// level's own choice for such pieces (docs/performance.md).
constexpr unsigned fast_hash_log = 13;
constexpr unsigned fast_match_bytes = 7;

// The parameters are fixed for the largest piece. Left to the level alone, zstd would choose anew
// for each input size, and a small piece may then want more memory than a large one.
ZSTD_compressionParameters zstd_parameters(const CompressorSettings& settings) {
  ZSTD_compressionParameters chosen = ZSTD_getCParams(settings.level, settings.input_bytes_max, 0);
  if (settings.level == 1) {
    chosen.hashLog = std::min(chosen.hashLog, fast_hash_log);
    chosen.minMatch = fast_match_bytes;
  }
  return chosen;
}

ZSTD_CCtx* zstd_start(const CompressorSettings& settings, MutableBytes workspace) {
  ZSTD_CCtx* context = ZSTD_initStaticCCtx(workspace.data(), workspace.size());
  RUNNEL_ASSERT(context != nullptr);
  const auto set = [context](ZSTD_cParameter parameter, int value) {
    RUNNEL_ASSERT(!ZSTD_isError(ZSTD_CCtx_setParameter(context, parameter, value)));
  };
  // The level comes first: setting it takes back what was set one by one.
  set(ZSTD_c_compressionLevel, settings.level);
  const ZSTD_compressionParameters chosen = zstd_parameters(settings);
  set(ZSTD_c_windowLog, static_cast<int>(chosen.windowLog));
  set(ZSTD_c_hashLog, static_cast<int>(chosen.hashLog));
  set(ZSTD_c_chainLog, static_cast<int>(chosen.chainLog));
  set(ZSTD_c_searchLog, static_cast<int>(chosen.searchLog));
  set(ZSTD_c_minMatch, static_cast<int>(chosen.minMatch));
  set(ZSTD_c_targetLength, static_cast<int>(chosen.targetLength));
  set(ZSTD_c_strategy, static_cast<int>(chosen.strategy));
  set(ZSTD_c_checksumFlag, 1);
  set(ZSTD_c_contentSizeFlag, 1);
  return context;
}

GzipContext* gzip_start(const CompressorSettings& settings, MutableBytes workspace) {
  auto* context = new (workspace.data()) GzipContext();
  context->rest = workspace.subspan(align_up(sizeof(GzipContext), alignof(std::max_align_t)));
  context->stream.zalloc = gzip_allocate;
  context->stream.zfree = gzip_free;
  context->stream.opaque = context;
  constexpr int as_gzip = 16;
  const int done = deflateInit2(&context->stream, settings.level, Z_DEFLATED,
                                gzip_window_bits(settings.input_bytes_max) + as_gzip,
                                gzip_memory_level, Z_DEFAULT_STRATEGY);
  RUNNEL_ASSERT(done == Z_OK);
  return context;
}

Result<std::size_t> zstd_compress(ZSTD_CCtx* context, Bytes plain, MutableBytes wire) {
  const std::size_t size =
      ZSTD_compress2(context, wire.data(), wire.size(), plain.data(), plain.size());
  if (!ZSTD_isError(size)) return size;
  return fail(ZSTD_getErrorCode(size) == ZSTD_error_dstSize_tooSmall ? Error::too_large
                                                                     : Error::unexpected);
}

Result<std::size_t> gzip_compress(GzipContext& context, Bytes plain, MutableBytes wire) {
  z_stream& stream = context.stream;
  if (deflateReset(&stream) != Z_OK) return fail(Error::unexpected);
  // zlib takes its input without const and does not write to it.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(plain.data()));
  stream.avail_in = static_cast<uInt>(plain.size());
  const std::size_t room = std::min<std::size_t>(wire.size(), 1u << 30);
  stream.next_out = reinterpret_cast<Bytef*>(wire.data());
  stream.avail_out = static_cast<uInt>(room);
  const int done = deflate(&stream, Z_FINISH);
  if (done == Z_STREAM_END) return room - stream.avail_out;
  return fail(done == Z_OK || done == Z_BUF_ERROR ? Error::too_large : Error::unexpected);
}

struct CodecFacts {
  std::string_view name, suffix;
  Levels levels;
};
constexpr CodecFacts codec_facts[] = {
    {"none", "", {0, 0, 0}},
    {"gzip", ".gz", {1, 9, 6}},
    {"zstd", ".zst", {1, 19, 1}},
};
const CodecFacts& facts_of(Codec codec) { return codec_facts[static_cast<std::size_t>(codec)]; }

}  // namespace

Result<Codec> codec_from(std::string_view name) {
  for (const Codec codec : {Codec::none, Codec::gzip, Codec::zstd})
    if (facts_of(codec).name == name) return codec;
  return fail(Error::malformed);
}
std::string_view name_of(Codec codec) { return facts_of(codec).name; }
std::string_view file_suffix(Codec codec) { return facts_of(codec).suffix; }
Levels levels_of(Codec codec) { return facts_of(codec).levels; }

Status check(const CompressorSettings& settings) {
  const Levels levels = levels_of(settings.codec);
  if (settings.input_bytes_max == 0) return Error::too_large;
  if (settings.input_bytes_max > compressor_input_bytes_hard_max) return Error::too_large;
  if (settings.codec == Codec::none) return {};
  if (settings.level < levels.lowest || settings.level > levels.highest) return Error::too_large;
  return {};
}

std::size_t wire_bytes_max(const CompressorSettings& settings) {
  const std::size_t size = settings.input_bytes_max;
  switch (settings.codec) {
    case Codec::none:
      break;
    // deflateBound for any window, with the 18 bytes of the gzip header and trailer.
    case Codec::gzip:
      return size + ((size + 7) >> 3) + ((size + 63) >> 6) + 5 + 18;
    // The bound leaves room for the header of a frame, and the checksum is 4 bytes behind it.
    case Codec::zstd:
      return ZSTD_compressBound(size) + 4;
  }
  return size;
}

CompressorMemory Compressor::carve(Region& region, const CompressorSettings& settings) {
  RUNNEL_ASSERT(check(settings).ok());
  switch (settings.codec) {
    case Codec::none:
      break;
    case Codec::gzip:
      return {region.bytes(gzip_workspace_bytes(settings), "gzip context")};
    case Codec::zstd: {
      const std::size_t size = ZSTD_estimateCCtxSize_usingCParams(zstd_parameters(settings));
      RUNNEL_ASSERT(!ZSTD_isError(size));
      return {region.bytes(align_up(size, 64), "zstd context")};
    }
  }
  return {};
}

Compressor::Compressor(const CompressorSettings& settings, CompressorMemory memory)
    : settings_(settings) {
  RUNNEL_ASSERT(check(settings).ok());
  if (settings.codec == Codec::zstd) context_ = zstd_start(settings, memory.workspace);
  if (settings.codec == Codec::gzip) context_ = gzip_start(settings, memory.workspace);
}

Result<std::size_t> Compressor::compress(Bytes plain, MutableBytes wire) {
  if (plain.size() > settings_.input_bytes_max) return fail(Error::too_large);
  switch (settings_.codec) {
    case Codec::none:
      break;
    case Codec::gzip:
      return gzip_compress(*static_cast<GzipContext*>(context_), plain, wire);
    case Codec::zstd:
      return zstd_compress(static_cast<ZSTD_CCtx*>(context_), plain, wire);
  }
  if (plain.size() > wire.size()) return fail(Error::too_large);
  if (!plain.empty()) std::memcpy(wire.data(), plain.data(), plain.size());
  return plain.size();
}

}  // namespace runnel::codec
