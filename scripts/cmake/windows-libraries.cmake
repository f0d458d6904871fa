# The libraries scripts/windows-deps.sh built, under the names QmqDependencies.cmake gives them on Linux; all static, in link order.
if(NOT EXISTS ${QMQ_WINDOWS_PREFIX}/.done/mariadb)
  message(FATAL_ERROR "The libraries for Windows are not in ${QMQ_WINDOWS_PREFIX}. Run scripts/windows-deps.sh, or `make windows`, which does")
endif()

# qmq_windows_library(TARGET LIBRARIES name ... [DEFINITIONS name ...])
function(qmq_windows_library target)
  cmake_parse_arguments(ARG "" "" "LIBRARIES;DEFINITIONS" ${ARGN})
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_include_directories(${target} INTERFACE ${QMQ_WINDOWS_PREFIX}/include)
  target_link_directories(${target} INTERFACE ${QMQ_WINDOWS_PREFIX}/lib)
  target_link_libraries(${target} INTERFACE ${ARG_LIBRARIES})
  target_compile_definitions(${target} INTERFACE ${ARG_DEFINITIONS})
endfunction()

add_library(Threads::Threads INTERFACE IMPORTED GLOBAL)
qmq_windows_library(PkgConfig::APR LIBRARIES apr-1 ws2_32 mswsock rpcrt4 shell32 iphlpapi advapi32 bcrypt DEFINITIONS APR_DECLARE_STATIC)
qmq_windows_library(PkgConfig::APU LIBRARIES aprutil-1 expat PkgConfig::APR DEFINITIONS APU_DECLARE_STATIC XML_STATIC)
qmq_windows_library(PkgConfig::SQLITE LIBRARIES sqlite3)
qmq_windows_library(PkgConfig::PCRE2 LIBRARIES pcre2-8 DEFINITIONS PCRE2_STATIC)
qmq_windows_library(PkgConfig::JANSSON LIBRARIES jansson)
qmq_windows_library(PkgConfig::MHD LIBRARIES microhttpd ws2_32)
qmq_windows_library(PkgConfig::CURL LIBRARIES curl ssl crypto ws2_32 crypt32 bcrypt DEFINITIONS CURL_STATICLIB)
qmq_windows_library(PkgConfig::MARIADB LIBRARIES mariadbclient ssl crypto ws2_32 crypt32 bcrypt shlwapi secur32)
target_include_directories(PkgConfig::MARIADB INTERFACE ${QMQ_WINDOWS_PREFIX}/include/mariadb)
set(QMQ_CRC32 deflate)
qmq_windows_library(qmq_crc32 LIBRARIES deflate)
qmq_windows_library(qmq_cunit LIBRARIES cunit)

# printf with the formats of C11, and the functions of Windows 10.
target_compile_definitions(qmq_flags INTERFACE __USE_MINGW_ANSI_STDIO=1 _WIN32_WINNT=0x0A00 WINVER=0x0A00)
# Its isnan and isinf are macros that look at each width of number; the Linux build warns where ours are mixed.
target_compile_options(qmq_flags INTERFACE -Wno-float-conversion)
