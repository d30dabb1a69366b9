// A bell: tasks wait for it, ringing wakes all who wait at that moment. It keeps no state, so
// whoever waits looks at the world first and again afterwards.
#pragma once

#include "async/scope.hpp"
#include "async/wait.hpp"

namespace runnel::async {

struct NoticeTag;

class Notice {
 public:
  // Ok when it rang, else timed_out or cancelled.
  class [[nodiscard]] Waiting final : public Wait, public Link<NoticeTag> {
   public:
    Waiting(Notice& notice, Instant deadline) : Wait(deadline), notice_(notice) {}
    Status await_resume() const noexcept { return error(); }

   private:
    friend class Notice;
    void start() override { notice_.waiting_.push_back(*this); }
    void abort() override {
      Link<NoticeTag>::unlink();
      complete(Error::cancelled);
    }
    Notice& notice_;
  };

  Waiting wait(Instant deadline = never) { return Waiting(*this, deadline); }
  void ring() {
    while (Waiting* waiting = waiting_.take_front()) waiting->complete(Error::none);
  }
  bool awaited() const { return !waiting_.empty(); }

 private:
  List<Waiting, NoticeTag> waiting_;
};

}  // namespace runnel::async
