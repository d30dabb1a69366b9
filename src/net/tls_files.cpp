#include <algorithm>

#include "base/text.hpp"
#include "net/tls.hpp"

namespace runnel::net {
namespace {

// The system's bundle is 220 KiB.
constexpr std::size_t file_bytes_max = 4 * 1024 * 1024;
constexpr std::size_t files_max = 1024;

tl::unexpected<Problem> cannot_read(std::string_view path, Error error) {
  return problem(concat(path, ": ", describe(error)));
}

Built<std::string> read_one(io::System& system, const std::string& path) {
  auto text = system.read_file(path.c_str(), file_bytes_max);
  if (!text) return cannot_read(path, text.error());
  return std::move(*text);
}

bool is_pem_name(std::string_view name) { return name.ends_with(".pem") || name.ends_with(".crt"); }

Built<std::string> read_folder(io::System& system, const std::string& folder) {
  std::vector<std::string> names;
  const auto note = [&names](const io::FolderEntry& entry) {
    if (is_pem_name(entry.name)) names.emplace_back(entry.name);
    return names.size() <= files_max;
  };
  if (const Status listed = system.list(folder.c_str(), note); !listed.ok())
    return cannot_read(folder, listed.error());
  if (names.empty()) return problem(concat(folder, ": no file *.pem or *.crt in it"));
  if (names.size() > files_max) return problem(concat(folder, ": more than 1024 files"));
  std::sort(names.begin(), names.end());
  std::string all;
  for (const std::string& name : names) {
    auto text = read_one(system, folder + '/' + name);
    if (!text) return text;
    all += *text;
    all += '\n';  // where a file ends without one
    if (all.size() > file_bytes_max) return cannot_read(folder, Error::too_large);
  }
  return all;
}

Built<std::string> read_authorities(io::System& system, const std::string& path) {
  auto text = system.read_file(path.c_str(), file_bytes_max);
  if (text) return std::move(*text);
  if (text.error() == Error::is_folder) return read_folder(system, path);
  if (text.error() == Error::not_found && path == TlsSettings::system_authorities)
    return problem(concat(path,
                          ": not found; install the package ca-certificates, or name the "
                          "authorities of your servers with ca_file"));
  return cannot_read(path, text.error());
}

}  // namespace

Built<TlsFiles> read_tls_files(io::System& system, const TlsSettings& settings) {
  TlsFiles files;
  if (settings.checks_peer()) {
    auto read = read_authorities(system, std::string(settings.authorities()));
    if (!read) return tl::unexpected<Problem>(std::move(read.error()));
    files.authorities = std::move(*read);
  }
  if (!settings.certificate_file.empty()) {
    auto certificate = read_one(system, settings.certificate_file);
    if (!certificate) return tl::unexpected<Problem>(std::move(certificate.error()));
    auto key = read_one(system, settings.key_file);
    if (!key) return tl::unexpected<Problem>(std::move(key.error()));
    files.certificate = std::move(*certificate);
    files.key = std::move(*key);
  }
  return files;
}

}  // namespace runnel::net
