// Around every call of librdkafka that may allocate on our thread. A test build ends at the first
// allocation after start; what the library takes for itself is let through there, and nothing else.
#pragma once

// tests/support/allocation_guard defines it; in the program itself nobody does.
extern "C" [[gnu::weak]] void runnel_library_may_allocate(bool may);

namespace runnel::kafka {

class LibraryCall {
 public:
  LibraryCall() { tell(true); }
  ~LibraryCall() { tell(false); }
  LibraryCall(const LibraryCall&) = delete;
  LibraryCall& operator=(const LibraryCall&) = delete;

 private:
  static void tell(bool may) {
    if (&runnel_library_may_allocate != nullptr) runnel_library_may_allocate(may);
  }
};

}  // namespace runnel::kafka
