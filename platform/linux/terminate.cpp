// What happens to an exception that nobody caught: the name of this function is libstdc++'s, whose
// own one brings a demangler of 50 KB into the program to say which type it was.
#include <cstdlib>
#include <exception>

#include <unistd.h>

namespace __gnu_cxx {

void __verbose_terminate_handler() {
  constexpr char text[] = "runnel: ended by an exception that nobody caught\n";
  // Nothing can be done about a message that does not get out.
  if (::write(STDERR_FILENO, text, sizeof(text) - 1) < 0) std::abort();
  std::abort();
}

}  // namespace __gnu_cxx
