#include "agent/link_ledger.hpp"

#include "agent/exit_codes.hpp"
#include "agent/state_file.hpp"
#include "base/crc32c.hpp"

namespace runnel::agent {

using async::Task;
using pipeline::Started;

namespace {

constexpr std::string_view first_line = "runnel link 1\n";
constexpr std::size_t file_bytes_max = 4096;
constexpr Duration saved_after = std::chrono::hours(1);
constexpr std::string_view name_prefix = "links.";

}  // namespace

void LinkLedger::plan(Region& region) {
  region.frames(2, 1024);  // keep, save
  region.frames(1, 3072);  // replace_file: an operation each step
  region.handles(1);
}

LinkLedger::LinkLedger(const char* name, pipeline::SharedLink& link, const std::string& state_dir,
                       async::Scheduler& scheduler, io::System& system)
    : name_(name), link_(link), state_dir_(state_dir), scheduler_(scheduler), system_(system) {
  path_ << state_dir << "/link-" << std::string_view(name).substr(name_prefix.size());
  fresh_path_ << path_.text() << ".new";
}

void LinkLedger::write(TextWriter& out, const Count& count) {
  const std::size_t begin = out.size();
  out << first_line << "month " << count.month << "\nbytes " << count.bytes << '\n';
  const std::uint32_t sum = crc32c(as_bytes(out.text().substr(begin)));
  out << "sum " << sum << '\n';
}

std::optional<LinkLedger::Count> LinkLedger::parse(std::string_view text) {
  const std::string_view all = text;
  if (!text.starts_with(first_line)) return {};
  text.remove_prefix(first_line.size());
  const auto month = parse_number(take_line(text, "month").value_or(""));
  const auto bytes = parse_number(take_line(text, "bytes").value_or(""));
  const std::string_view summed = all.substr(0, all.size() - text.size());
  const auto sum = parse_number(take_line(text, "sum").value_or(""));
  if (!month || !bytes || !sum || !text.empty() || *sum != crc32c(as_bytes(summed)) ||
      *month > INT32_MAX)
    return {};
  return Count{static_cast<std::int32_t>(*month), *bytes};
}

Started LinkLedger::load() {
  if (fresh_path_.cut()) return problem(concat("state_dir is too long a path: ", state_dir_));
  const auto text = system_.read_file(path_.c_str(), file_bytes_max);
  if (!text && text.error() == Error::not_found) return Started();
  if (!text)
    return problem(concat("cannot read ", path_.text(), ": ", describe(text.error())),
                   exit_codes::io);
  const auto count = parse(*text);
  if (!count) {
    log_error(name_, path_.text(), " is damaged: what this month has carried is counted anew");
    return Started();
  }
  saved_ = *count;
  link_.restore_month(count->month, count->bytes);
  tell();
  return Started();
}

Task<void> LinkLedger::keep() {
  Count seen = count();
  for (;;) {
    // It may have rung while the last count was written.
    if (count().month == seen.month &&
        link_.hundredths(count().bytes) == link_.hundredths(seen.bytes)) {
      const Status rang = co_await link_.metered().wait(after(scheduler_.now(), saved_after));
      if (rang.error() == Error::cancelled) co_return;
    }
    seen = count();
    tell();
    co_await save();
  }
}

LinkLedger::Count LinkLedger::count() const {
  return {link_.meter().month(), link_.meter().bytes()};
}

Task<void> LinkLedger::save() {
  const Count fresh = count();
  if (saved_ == fresh) co_return;
  Text<128> text;
  write(text, fresh);
  const Status saved =
      co_await replace_file(scheduler_.reactor(), state_dir_.c_str(), fresh_path_.c_str(),
                            path_.c_str(), as_bytes(text.text()));
  if (saved)
    saved_ = fresh;
  else if (saved.error() != Error::cancelled && complaint_.due(scheduler_.now()))
    log_error(name_, "cannot write ", path_.text(), ": ", describe(saved.error()),
              "; after a crash less is counted than went out");
}

void LinkLedger::tell() {
  const pipeline::LinkSettings& settings = link_.settings();
  const std::uint64_t bytes = link_.bytes_this_month();
  const std::uint64_t percent = link_.hundredths(bytes);
  if (told_month_ != link_.meter().month()) told_percent_ = 0;
  told_month_ = link_.meter().month();
  const bool all = link_.is_used_up();
  if (all && told_percent_ < 100)
    log_warn(name_, HumanSize{bytes}, " went out this month: the monthly_cap of ",
             HumanSize{settings.month_bytes}, " is used up; ",
             settings.waits_for_month ? "events wait for the next month" : "sending goes on");
  else if (!all && percent >= settings.month_warning_percent &&
           told_percent_ < settings.month_warning_percent)
    log_warn(name_, HumanSize{bytes}, " went out this month, ", percent,
             " % of the monthly_cap of ", HumanSize{settings.month_bytes});
  told_percent_ = std::max(told_percent_, all ? std::max<std::uint64_t>(percent, 100) : percent);
}

}  // namespace runnel::agent
