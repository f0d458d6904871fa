@echo off
rem broker.cmd start | start-foreground | stop | restart | status | reload  [--home DIR] [--set key=value]...
setlocal DisableDelayedExpansion
set "qmq_program=broker"
"%~dp0launch.cmd" %*
