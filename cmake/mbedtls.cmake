# mbedTLS, with some of its outside references led to platform/mbedtls: memory, because what a session
# allocates comes from its own plan, and Debian's archives have no function to set an allocator by; time,
# because certificates are checked against the clock of whoever asks; and what is done with keys, because
# the library caches intermediate results inside them (platform/mbedtls/hooks.cpp).
runnel_dependency(mbedtls HEADER mbedtls/ssl.h)
set(everywhere calloc=runnel_tls_calloc free=runnel_tls_free time=runnel_tls_time gmtime_r=runnel_tls_gmtime_r)
set(renamed_in_mbedtls mbedtls_pk_sign=runnel_tls_pk_sign
    mbedtls_pk_sign_restartable=runnel_tls_pk_sign_restartable)
set(renamed_in_mbedx509 mbedtls_pk_verify_ext=runnel_tls_pk_verify_ext)
set(renamed_in_mbedcrypto)
foreach(part mbedtls mbedx509 mbedcrypto)
  find_library(${part}_ARCHIVE lib${part}.a REQUIRED)
  set(led ${CMAKE_BINARY_DIR}/${part}_led.a)
  set(redefinitions)
  foreach(each ${everywhere} ${renamed_in_${part}})
    list(APPEND redefinitions --redefine-sym ${each})
  endforeach()
  # When the build is configured: the archives are the system's, not targets of ours.
  if(NOT EXISTS ${led} OR ${${part}_ARCHIVE} IS_NEWER_THAN ${led} OR ${CMAKE_CURRENT_LIST_FILE} IS_NEWER_THAN ${led})
    execute_process(COMMAND ${CMAKE_OBJCOPY} ${redefinitions} ${${part}_ARCHIVE} ${led} COMMAND_ERROR_IS_FATAL ANY)
  endif()
  target_link_libraries(dependency_mbedtls INTERFACE ${led})
endforeach()
