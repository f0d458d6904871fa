@echo off
rem Called by the launchers: finds the installation and the settings, then runs a program of lib with all arguments. Nothing else is
rem decided here. No path is given to "call" and none stands between parentheses, so that any character may be in it.
for %%I in ("%~dp0..") do set "qmq_installation=%%~fI"
if not exist "%qmq_installation%\lib\" goto no_tree
if not exist "%qmq_installation%\lib\qmq-%qmq_program%.exe" goto no_program
if not exist "%~dp0%qmq_program%-env.cmd" goto run
pushd "%~dp0"
call .\%qmq_program%-env.cmd
popd
:run
"%qmq_installation%\lib\qmq-%qmq_program%.exe" %*
exit /b %ERRORLEVEL%
:no_tree
echo %qmq_program%.cmd: "%qmq_installation%" is not a release tree, it has no lib. Unpack qmq-dist-...-windows-x64.zip and use its bin>&2
exit /b 1
:no_program
echo %qmq_program%.cmd: "%qmq_installation%\lib\qmq-%qmq_program%.exe" is missing. Unpack the release again, or repair the installation>&2
exit /b 1
