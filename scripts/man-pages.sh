#!/bin/sh
# Man pages of every server and program, from what it says itself with --help; gzipped, the same bytes for the same source.
# usage: man-pages.sh DIRECTORY     (man1/ and man8/ are made there)
set -eu
cd "$(dirname "$0")/.."
to=$1
lib=build/release/modules
date=$(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" +'%B %Y')
version=$(scripts/version.sh)
mkdir -p "$to/man1" "$to/man8"

program() { # NAME: its executable in the build
    find "$lib" -type f -name "$1" -perm -u+x | head -n 1
}

verbatim() {
    sed -e 's/\\/\\e/g' -e 's/-/\\-/g' -e "s/^\([.']\)/\\\\\&\1/"
}

page() { # SECTION NAME SYNOPSIS SUMMARY, the text on standard input
    {
        printf '.TH %s %s "%s" "QMQ %s" "QMQ"\n' "$(echo "$2" | tr a-z- A-Z_ | tr _ -)" "$1" "$date" "$version"
        printf '.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n.B %s\n' "$(echo "$2" | verbatim)" "$4" "$(echo "$3" | verbatim)"
        cat
        printf '.SH SEE ALSO\n/usr/share/doc/qmq/install.md, /usr/share/doc/qmq/operations.md\n'
    } | gzip -9n >"$to/man$1/$2.$1.gz"
}

as_it_says() { # FILE
    printf '.nf\n'
    verbatim <"$1"
    printf '.fi\n'
}

text=$(mktemp)
trap 'rm -f "$text"' EXIT
for settings in bin/*-env.sh; do
    server=$(basename "$settings" -env.sh)
    "$(program "qmq-$server")" --help >"$text"
    {
        cat <<PAGE
.SH DESCRIPTION
The unit qmq\-$server.service runs this server as the user qmq:
.B systemctl start qmq\-$server
starts it when it serves, or says why it cannot; stop, restart, reload and status are systemctl's, too.
The command carries out one thing about the same instance, for machines without systemd and for
.B qmq\-$server \-\-check
(read the configuration and say what is wrong) and
.BR "qmq\-$server status" .
.SH FILES
.TP
.I /etc/qmq/$server.properties
configuration; the other files of /etc/qmq say at their top what they are for
.TP
.I /etc/default/qmq\-$server
environment: QMQ_IP, QMQ_HOST
.TP
.I /var/lib/qmq
the home: relative paths count from here
.TP
.I /var/log/qmq/$server.log
the log, rotated
.TP
.I /run/qmq/$server.json
state, process and ports
.SH OPTIONS AND KEYS
PAGE
        as_it_says "$text"
    } | page 8 "qmq-$server" "qmq-$server [COMMAND] [OPTION]..." "server of the message queue QMQ"
done
"$(program qmq-qmq)" --help >"$text"
{
    printf '.SH DESCRIPTION\nSends lines or JSON objects as messages, receives and acknowledges messages, measures.\n.SH OPTIONS\n'
    as_it_says "$text"
} | page 1 qmq "qmq send | consume | bench SUBJECT [OPTION]..." "send and receive messages of the message queue QMQ"
"$(program qmq-tools)" --help >"$text"
{
    printf '.SH DESCRIPTION\nAdministrates a metaserver. A command that changes something needs a token of /etc/qmq/valid\\-api\\-tokens.properties.\n.SH COMMANDS\n'
    as_it_says "$text"
    for command in $(sed -n 's/^  \([A-Z][A-Za-z]*\) .*/\1/p' "$text"); do
        "$(program qmq-tools)" "$command" --help >"$text.command"
        printf '.SS %s\n' "$command"
        as_it_says "$text.command"
    done
    rm -f "$text.command"
} | page 1 qmq-tools "qmq-tools COMMAND --option=value..." "administration of the message queue QMQ"
"$(program qmq-store)" --help >"$text"
{
    printf '.SH DESCRIPTION\nLooks into the store of a broker that does not run, and mends it.\n.SH COMMANDS\n'
    as_it_says "$text"
} | page 1 qmq-store "qmq-store COMMAND [OPTION]..." "look into and mend a store of the message queue QMQ"
