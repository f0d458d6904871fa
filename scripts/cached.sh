# Sourced in the root of the checkout: with ccache on this machine what was compiled once, for any checkout, is not compiled again.
# shellcheck shell=sh
if command -v ccache >/dev/null 2>&1; then
    export CMAKE_C_COMPILER_LAUNCHER=ccache CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
fi
