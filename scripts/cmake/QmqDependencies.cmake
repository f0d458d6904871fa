# Libraries from outside, each as one imported target; scripts/install-deps.sh installs the packages they are in.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

pkg_check_modules(APR REQUIRED IMPORTED_TARGET apr-1)
pkg_check_modules(APU REQUIRED IMPORTED_TARGET apr-util-1)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(MHD REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(CURL REQUIRED IMPORTED_TARGET libcurl)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
find_library(CUNIT_LIBRARY cunit REQUIRED)

add_library(qmq_deflate INTERFACE)
target_link_libraries(qmq_deflate INTERFACE ${DEFLATE_LIBRARY})
add_library(qmq_cunit INTERFACE)
target_link_libraries(qmq_cunit INTERFACE ${CUNIT_LIBRARY})
