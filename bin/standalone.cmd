@echo off
rem standalone.cmd start | start-foreground | stop | restart | status | reload  [--home DIR] [--set key=value]...
setlocal DisableDelayedExpansion
set "qmq_program=standalone"
"%~dp0launch.cmd" %*
