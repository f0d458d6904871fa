# Settings for bin/standalone.sh, for example:
#   QMQ_HOME=/srv/qmq          where conf/ data/ logs/ pid/ run/ of this instance are
#   QMQ_IP=10.0.0.2            the address that is told to peers
#   QMQ_HOST=broker1           the host name this machine is registered with
# export QMQ_HOME QMQ_IP QMQ_HOST
