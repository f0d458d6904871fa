# Completion for bash: source this file, or put it where bash-completion finds it (share/bash-completion/completions).
# The words of tools come from tools itself, so they are those of the version that is called.

_qmq_words() {
    local current=${COMP_WORDS[COMP_CWORD]}
    # "--name=value" reaches us as three words: values are not completed, except files and directories.
    if [[ $current == = || ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then
        [[ $current == = ]] && current=
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
    fi
    mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current")
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
}

_qmq_tools() {
    if [[ $COMP_CWORD -eq 1 ]]; then
        _qmq_words "$("${COMP_WORDS[0]}" --words 2>/dev/null)"
    else
        _qmq_words "$("${COMP_WORDS[0]}" --words "${COMP_WORDS[1]}" 2>/dev/null)"
    fi
}

_qmq_server() {
    local options="--home --conf --set --ip --host --check --help --version"
    if [[ $COMP_CWORD -eq 1 ]]; then
        _qmq_words "start start-foreground stop restart status reload $options"
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --home || ${COMP_WORDS[COMP_CWORD - 1]} == --conf ]]; then
        mapfile -t COMPREPLY < <(compgen -d -- "${COMP_WORDS[COMP_CWORD]}")
    else
        _qmq_words "$options"
    fi
}

# The options of a command are the lines of --help that name it in brackets, or no command.
_qmq_qmq() {
    local command=${COMP_WORDS[1]}
    if [[ $COMP_CWORD -eq 1 ]]; then
        _qmq_words "$("${COMP_WORDS[0]}" --help 2>/dev/null | awk '/^qmq / { print $2 }') --help --version"
    else
        [[ $command == bench && $COMP_CWORD -eq 2 ]] && _qmq_words "produce consume roundtrip" && return
        _qmq_words "$("${COMP_WORDS[0]}" --help 2>/dev/null | awk -v command="$command" '/^  --/ {
            named = match($0, /\[[a-z, ]*\]$/) ? substr($0, RSTART) : ""
            if (named == "" || index(named, command) > 0) print $1
        }')"
    fi
}

_qmq_store() {
    if [[ $COMP_CWORD -eq 1 ]]; then
        _qmq_words "verify repair subjects messages groups dump --help --version"
    elif [[ ${COMP_WORDS[1]} == dump || ${COMP_WORDS[COMP_CWORD - 1]} == --root || ${COMP_WORDS[COMP_CWORD - 1]} == --home ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == --what ]]; then
        _qmq_words "tail index snapshots tablets marker"
    else
        _qmq_words "--root --home --json --subject --from --count --what --write --help"
    fi
}

complete -F _qmq_tools tools.sh qmq-tools
complete -F _qmq_server metaserver.sh broker.sh delay.sh watchdog.sh backup.sh gateway.sh standalone.sh
complete -F _qmq_qmq qmq.sh qmq
complete -F _qmq_store store.sh
