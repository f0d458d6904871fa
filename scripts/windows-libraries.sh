# How each Windows library is built, read by windows-deps.sh: one function a library, run with set -e in the work folder.
# $prefix is where it goes, $toolchain the CMake toolchain file, $jobs how many compilers may run, src NAME an unpacked source.
# shellcheck shell=sh
target=x86_64-w64-mingw32
cc=$target-gcc-posix
windows_level=0x0601
export SOURCE_DATE_EPOCH="$windows_source_date"

# Paths of this machine stay out of the objects, whatever __FILE__ says.
flags="-O2 -D_WIN32_WINNT=$windows_level -DWINVER=$windows_level -ffile-prefix-map=$work=."

src() { # PACKAGE
    version=$(echo "$windows_sources" | sed -n "s/^$1=//p")
    upstream=${version%-*}
    upstream=${upstream#*:}
    ls -d "$1-$upstream" 2>/dev/null || ls -d "$1-${upstream%-dfsg}"*
}

configure() { # SOURCE BUILD OPTION...
    source=$1
    build=$2
    shift 2
    cmake -G Ninja -S "$source" -B "$build" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DQMQ_WINDOWS_PREFIX="$prefix" \
        -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_BUILD_TYPE=Release -DCMAKE_C_FLAGS="$flags" -DBUILD_SHARED_LIBS=OFF "$@"
}

ninja_build() { # BUILD TARGET
    ninja -C "$1" -j "$jobs" "$2"
}

# APR 1.7.2 does not know mingw: header names in upper case, guards that mean another compiler, a table made by an .exe at build time.
build_apr() {
    apr=$(src apr)
    rm -f "$apr/include/apr.h"
    sed -i 's/"ShellAPI.h"/<shellapi.h>/' "$apr/misc/win32/apr_app.c"
    sed -i -e 's/<Iphlpapi.h>/<iphlpapi.h>/' \
        -e 's/defined(HAVE_IF_INDEXTONAME) && defined(_MSC_VER)/defined(HAVE_IF_INDEXTONAME) \&\& defined(_WIN32)/' \
        "$apr/include/arch/win32/apr_arch_misc.h" "$apr/network_io/unix/sockaddr.c"
    sed -i 's/^#ifdef __wtypes_h__/#if defined(__wtypes_h__) || defined(__MINGW32__)/' "$apr/include/arch/win32/apr_private.h"
    sed -i -e 's/^#ifndef NOUSER/#if !defined(NOUSER) \&\& !defined(__MINGW32__)/' \
        -e 's/^#ifndef \(in_addr6\|WS2TCPIP_INLINE\)$/#if !defined(\1) \&\& !defined(__MINGW32__)/' "$apr/include/apr.hwc"
    sed -i 's/^#if defined (NEED_ATOMICS_GENERIC64) *$/#if defined (NEED_ATOMICS_GENERIC64) \&\& !defined(_WIN32)/' \
        "$apr/atomic/win32/apr_atomic.c"
    gcc -DCROSS_COMPILE -DWIN32 -o gen_test_char "$apr/tools/gen_test_char.c"
    sed -i "s#COMMAND .*gen_test_char> >#COMMAND $work/gen_test_char >#" "$apr/CMakeLists.txt"
    configure "$apr" build-apr -DMIN_WINDOWS_VER=Windows7 -DINSTALL_PDB=OFF
    ninja_build build-apr apr-1
    cp build-apr/libapr-1.a "$prefix/lib/"
    cp "$apr"/include/*.h build-apr/apr.h "$prefix/include/"
}

# Debian's security patches need XML_DTD to have a value.
build_expat() {
    expat=$(src expat)/expat
    sed -i 's/^#cmakedefine XML_DTD *$/#cmakedefine XML_DTD 1/' "$expat/expat_config.h.cmake"
    configure "$expat" build-expat -DEXPAT_BUILD_TOOLS=OFF -DEXPAT_BUILD_EXAMPLES=OFF -DEXPAT_BUILD_TESTS=OFF \
        -DEXPAT_BUILD_DOCS=OFF -DEXPAT_SHARED_LIBS=OFF
    ninja_build build-expat install
}

build_apr_util() {
    util=$(src apr-util)
    rm -f "$util/include/apu.h"
    configure "$util" build-apr-util -DINSTALL_PDB=OFF -DAPU_HAVE_ODBC=OFF -DAPR_HAS_LDAP=OFF \
        -DAPR_INCLUDE_DIR="$prefix/include" -DAPR_LIBRARIES="$prefix/lib/libapr-1.a"
    ninja_build build-apr-util aprutil-1
    cp build-apr-util/libaprutil-1.a "$prefix/lib/"
    cp "$util"/include/*.h build-apr-util/apu.h build-apr-util/apu_want.h build-apr-util/apr_ldap.h "$prefix/include/"
}

# The amalgamation is generated natively, then cross-compiled.
build_sqlite() {
    mkdir -p build-sqlite
    (
        cd build-sqlite
        "../$(cd .. && src sqlite3)/configure" --disable-readline
        make -j "$jobs" sqlite3.c
    )
    # shellcheck disable=SC2086
    (cd build-sqlite && $cc $flags -DSQLITE_THREADSAFE=1 -c sqlite3.c -o sqlite3.o)
    $target-ar rcsD "$prefix/lib/libsqlite3.a" build-sqlite/sqlite3.o
    cp build-sqlite/sqlite3.h "$prefix/include/"
}

build_pcre2() {
    configure "$(src pcre2)" build-pcre2 -DPCRE2_SUPPORT_JIT=ON -DPCRE2_BUILD_PCRE2GREP=OFF -DPCRE2_BUILD_TESTS=OFF
    ninja_build build-pcre2 install
}

# A handful of files, no build system needed; its headers want to lie in a folder named CUnit.
build_cunit() {
    cunit=$(src cunit)/CUnit
    mkdir -p "$prefix/include/CUnit" build-cunit
    cp "$cunit"/Headers/*.h "$prefix/include/CUnit/"
    for file in "$cunit"/Sources/Framework/*.c "$cunit"/Sources/Basic/Basic.c; do
        # shellcheck disable=SC2086
        $cc $flags -w -DVERSION='"2.1-3"' -I"$prefix/include/CUnit" -I"$prefix/include" -c "$file" -o "build-cunit/$(basename "$file" .c).o"
    done
    $target-ar rcsD "$prefix/lib/libcunit.a" build-cunit/*.o
}

build_jansson() {
    configure "$(src jansson)" build-jansson -DJANSSON_BUILD_DOCS=OFF -DJANSSON_EXAMPLES=OFF -DJANSSON_WITHOUT_TESTS=ON
    ninja_build build-jansson install
}

# Its static library carries the name of another compiler's custom.
build_libdeflate() {
    deflate=$(src libdeflate)
    make -C "$deflate" -j "$jobs" CC=$cc AR=$target-ar CFLAGS="$flags" libdeflatestatic.lib
    cp "$deflate/libdeflatestatic.lib" "$prefix/lib/libdeflate.a"
    cp "$deflate/libdeflate.h" "$prefix/include/"
}

# Windows threads are found when nothing is asked for; --with-threads=w32 is refused.
build_microhttpd() {
    mkdir -p build-microhttpd
    cd build-microhttpd
    "../$(cd .. && src libmicrohttpd)/configure" --host=$target --prefix="$prefix" CC=$cc CFLAGS="$flags" --disable-shared --enable-static \
        --disable-doc --disable-examples --disable-curl --disable-nls --disable-https --disable-bauth --disable-dauth --disable-postprocessor
    make -C src/microhttpd -j "$jobs" install
    make -C src/include install
}

# Nothing is loaded at run time, no configuration file is read, old protocols and ciphers are left out. The directory that is
# compiled in is one that only administrators may write to.
build_openssl() {
    mkdir -p build-openssl
    cd build-openssl
    # shellcheck disable=SC2086
    CC=gcc-posix "../$(cd .. && src openssl)/Configure" mingw64 --cross-compile-prefix=$target- --prefix=/openssl --libdir=lib \
        --openssldir="C:/Program Files/Common Files/SSL" \
        no-shared no-tests no-engine no-dso no-module no-legacy no-autoload-config no-ssl3 no-comp no-dtls no-srp no-psk no-srtp no-gost \
        no-idea no-seed no-aria no-camellia no-bf no-cast no-rc2 no-rc4 no-md4 no-mdc2 no-whirlpool no-rmd160 \
        no-sm2 no-sm3 no-sm4 no-ocb no-cms no-ts no-ct no-nextprotoneg no-ec2m -D_WIN32_WINNT=$windows_level
    make -j "$jobs" build_libs
    make install_dev DESTDIR="$work/openssl-root"
    cp -R "$work/openssl-root/openssl/include/openssl" "$prefix/include/"
    cp "$work"/openssl-root/openssl/lib/*.a "$prefix/lib/"
}

# HTTP and HTTPS only, on the same OpenSSL as on Linux; no certificate file of the build machine is looked for.
build_curl() {
    configure "$(src curl)" build-curl -DBUILD_CURL_EXE=OFF -DBUILD_TESTING=OFF -DHTTP_ONLY=ON -DENABLE_MANUAL=OFF \
        -DCURL_USE_SCHANNEL=OFF -DCURL_USE_OPENSSL=ON -DOPENSSL_ROOT_DIR="$prefix" -DOPENSSL_USE_STATIC_LIBS=ON \
        -DCURL_CA_BUNDLE=none -DCURL_CA_PATH=none -DCURL_USE_LIBPSL=OFF -DCURL_USE_LIBSSH2=OFF -DUSE_LIBIDN2=OFF \
        -DCURL_ZLIB=OFF -DENABLE_UNIX_SOCKETS=OFF -DCURL_DISABLE_ALTSVC=ON -DCURL_DISABLE_HSTS=ON \
        -DCURL_DISABLE_NTLM=ON -DCURL_DISABLE_DOH=ON -DCURL_DISABLE_NETRC=ON
    ninja_build build-curl install
}

# Its client library only, with the checks of passwords that MariaDB and MySQL use built in; on the same OpenSSL. curl is not wanted in it.
# (Wine knows too little of the system's own cryptography, which its check of MySQL 8's passwords would choose.)
build_mariadb() {
    client=$(src mariadb)/libmariadb
    sed -i '0,/#undef HAVE_OPENSSL/s//#undef HAVE_WINCRYPT/' "$client/plugins/auth/caching_sha2_pw.c"
    configure "$client" build-mariadb -DWITH_SSL=OPENSSL -DOPENSSL_ROOT_DIR="$prefix" -DOPENSSL_USE_STATIC_LIBS=ON \
        -DCMAKE_C_STANDARD_LIBRARIES="-lws2_32 -lgdi32 -lcrypt32 -lbcrypt -ladvapi32 -luser32" -DWITH_EXTERNAL_ZLIB=OFF -DWITH_UNIT_TESTS=OFF -DWITH_CURL=OFF -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON \
        -DCLIENT_PLUGIN_DIALOG=OFF -DCLIENT_PLUGIN_CLIENT_ED25519=OFF -DCLIENT_PLUGIN_SHA256_PASSWORD=OFF \
        -DCLIENT_PLUGIN_MYSQL_CLEAR_PASSWORD=OFF -DCLIENT_PLUGIN_AUTH_GSSAPI_CLIENT=OFF -DCLIENT_PLUGIN_CACHING_SHA2_PASSWORD=STATIC
    ninja_build build-mariadb install
    cp "$prefix/lib/mariadb/libmariadbclient.a" "$prefix/lib/"
}
