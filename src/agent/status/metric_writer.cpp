#include "agent/status/metric_writer.hpp"

namespace runnel::agent {

void MetricWriter::describe(const Metric& metric) {
  out_ << "# HELP " << metric.name << ' ' << metric.help << "\n# TYPE " << metric.name << ' '
       << metric.type << '\n';
}

MetricWriter& MetricWriter::sample(std::string_view name) {
  out_ << name;
  labels_open_ = false;
  return *this;
}

MetricWriter& MetricWriter::label(std::string_view name, std::string_view value) {
  out_ << (labels_open_ ? ',' : '{') << name << "=\"";
  labels_open_ = true;
  for (const char c : value) {
    if (c == '\\' || c == '"')
      out_ << '\\' << c;
    else if (c == '\n')
      out_ << "\\n";
    else
      out_ << c;
  }
  out_ << '"';
  return *this;
}

void MetricWriter::end_labels() {
  if (labels_open_) out_ << '}';
  labels_open_ = false;
  out_ << ' ';
}

void MetricWriter::value(std::uint64_t value) {
  end_labels();
  out_ << value << '\n';
}

void MetricWriter::seconds(Duration value) {
  end_labels();
  constexpr std::int64_t second = 1'000'000'000;
  if (value < Duration::zero()) {
    out_ << '-';
    value = -value;
  }
  out_ << value.count() / second << '.';
  const std::int64_t rest = value.count() % second;
  for (std::int64_t digit = second / 10; digit > 0; digit /= 10)
    out_ << static_cast<char>('0' + rest / digit % 10);
  out_ << '\n';
}

}  // namespace runnel::agent
