# Who publishes the packages; read by scripts/package*.sh.
# shellcheck shell=sh disable=SC2034
maintainer="QMQ maintainers <maintainers@qmq.example.org>"
manufacturer="QMQ maintainers"
