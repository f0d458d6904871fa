rem Settings for bin\standalone.cmd, for example:
rem   set "QMQ_HOME=D:\qmq"       where conf data logs pid run of this instance are
rem   set "QMQ_IP=10.0.0.2"       the address that is told to peers
rem   set "QMQ_HOST=broker1"      the host name this machine is registered with
