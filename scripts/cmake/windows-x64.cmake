# Linux host, Windows x86-64 target: Debian's gcc-mingw-w64-x86-64-posix. QMQ_WINDOWS_PREFIX is where scripts/windows-deps.sh put the libraries.
set(CMAKE_SYSTEM_NAME Windows)
set(CMAKE_SYSTEM_VERSION 10.0)
set(CMAKE_SYSTEM_PROCESSOR AMD64)
set(CMAKE_C_COMPILER x86_64-w64-mingw32-gcc-posix)
set(CMAKE_RC_COMPILER x86_64-w64-mingw32-windres)
if(NOT QMQ_WINDOWS_PREFIX)
  execute_process(COMMAND ${CMAKE_CURRENT_LIST_DIR}/../windows-deps.sh --prefix OUTPUT_VARIABLE QMQ_WINDOWS_PREFIX OUTPUT_STRIP_TRAILING_WHITESPACE
    COMMAND_ERROR_IS_FATAL ANY)
endif()
set(QMQ_WINDOWS_PREFIX ${QMQ_WINDOWS_PREFIX} CACHE PATH "Libraries for Windows, see scripts/windows-deps.sh")
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES QMQ_WINDOWS_PREFIX)
set(CMAKE_FIND_ROOT_PATH /usr/x86_64-w64-mingw32 ${QMQ_WINDOWS_PREFIX})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
# Only DLLs of the system are needed beside an executable, and its bytes do not hold the time of the build.
set(CMAKE_EXE_LINKER_FLAGS_INIT "-static -static-libgcc -Wl,--no-insert-timestamp")
set(CMAKE_SHARED_LINKER_FLAGS_INIT "-static-libgcc -Wl,--no-insert-timestamp")
# Tests run through Wine.
set(CMAKE_CROSSCOMPILING_EMULATOR env WINEDEBUG=-all /usr/lib/wine/wine64)
