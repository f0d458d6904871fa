@echo off
rem tools.cmd --help shows how it is used
setlocal DisableDelayedExpansion
set "qmq_program=tools"
"%~dp0launch.cmd" %*
