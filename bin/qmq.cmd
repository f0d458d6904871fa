@echo off
rem qmq.cmd --help shows how it is used
setlocal DisableDelayedExpansion
set "qmq_program=qmq"
"%~dp0launch.cmd" %*
