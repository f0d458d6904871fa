@echo off
rem store.cmd --help shows how it is used
setlocal DisableDelayedExpansion
set "qmq_program=store"
"%~dp0launch.cmd" %*
