#include "sources/listening/peer_header.hpp"

namespace runnel::sources {

void PeerHeader::set(std::string_view name, const io::Address& peer) {
  family_ = peer.family;
  scope_ = peer.scope;
  ip_ = peer.ip;
  encoded_bytes_ = 0;
  if (name.empty()) return;
  Text<64> ip;
  write_ip(ip, peer);
  pipeline::HeaderWriter writer(encoded_);
  writer.add(name, ip.text());
  encoded_bytes_ = writer.headers().encoded().size();
}

void PeerHeader::add_certificate(std::string_view name) {
  if (name.empty() || encoded_bytes_ == 0) return;
  pipeline::HeaderWriter writer(MutableBytes(encoded_).subspan(encoded_bytes_));
  writer.add(certificate_header, name);
  encoded_bytes_ += writer.headers().encoded().size();
}

pipeline::Headers PeerHeaders::of(const io::Address& peer) {
  if (name_.empty()) return {};
  // Neighbours differ in the last byte of what there is of them.
  const std::uint8_t last = peer.family == io::Family::ipv4 ? peer.ip[3] : peer.ip[15];
  PeerHeader& header = known_[last % remembered];
  if (!header.is_of(peer)) [[unlikely]]
    header.set(name_, peer);
  return header.headers();
}

}  // namespace runnel::sources
