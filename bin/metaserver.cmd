@echo off
rem metaserver.cmd start | start-foreground | stop | restart | status | reload  [--home DIR] [--set key=value]...
setlocal DisableDelayedExpansion
set "qmq_program=metaserver"
"%~dp0launch.cmd" %*
