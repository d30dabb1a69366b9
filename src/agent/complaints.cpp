#include "agent/complaints.hpp"

#include <algorithm>
#include <tuple>

#include "agent/exit_codes.hpp"

namespace runnel::agent {
namespace {

// A configuration may hold anything; a terminal and a log get one clean line a mistake.
std::string cleaned(std::string text, std::size_t bytes_max) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  if (text.size() > bytes_max) {
    text.resize(bytes_max);
    text += "...";
  }
  return text;
}

std::string without(std::string text, const std::vector<std::string>& secrets) {
  constexpr std::string_view shown = "***";
  for (const std::string& secret : secrets)
    for (std::size_t at = text.find(secret); at != text.npos;
         at = text.find(secret, at + shown.size()))
      text.replace(at, secret.size(), shown);
  return text;
}

bool same(Place a, Place b) { return a.line == b.line && a.column == b.column; }

}  // namespace

void Complaints::hide(Place place, std::string secret) {
  secret_places_.push_back(place);
  if (secret.size() < secret_bytes_min) return;
  const auto longer = [&](const std::string& each) { return each.size() < secret.size(); };
  secrets_.insert(std::find_if(secrets_.begin(), secrets_.end(), longer), std::move(secret));
}

std::string Complaints::shown(const Line& line) const {
  std::string text = line.text;
  const bool about_a_secret = std::any_of(secret_places_.begin(), secret_places_.end(),
                                          [&](Place each) { return same(each, line.place); });
  if (const std::size_t quote = text.find('"'); about_a_secret && quote != text.npos)
    text = text.substr(0, quote) + "*** (what came out of a file is not shown)";
  return cleaned(without(std::move(text), secrets_), line_bytes_max);
}

Problem Complaints::problem() const {
  std::vector<const Line*> sorted;
  for (const Line& line : lines_) sorted.push_back(&line);
  // Two mistakes at one place stay as they were found: the lines lie one behind the other.
  std::sort(sorted.begin(), sorted.end(), [](const Line* a, const Line* b) {
    return std::tuple(a->place.line, a->place.column, a) <
           std::tuple(b->place.line, b->place.column, b);
  });
  const std::string file = cleaned(std::string(file_name_), line_bytes_max);
  std::string text;
  for (std::size_t index = 0; index < std::min(sorted.size(), shown_max); ++index) {
    const Line& line = *sorted[index];
    if (index > 0) text += '\n';
    text += file;
    if (line.place.line > 0) text += concat(':', line.place.line, ':', line.place.column);
    text += ": ";
    text += shown(line);
  }
  if (count_ > shown_max) text += concat('\n', file, ": and ", count_ - shown_max, " more");
  return {std::move(text), exit_codes::configuration};
}

std::string did_you_mean(std::string_view wrong, std::span<const std::string_view> names) {
  const std::string_view name = nearest(wrong, names);
  return name.empty() ? std::string() : concat("; did you mean \"", name, "\"?");
}

std::string listed(std::span<const std::string_view> names) {
  std::string text;
  for (const std::string_view name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

}  // namespace runnel::agent
