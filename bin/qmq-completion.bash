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

_qmq_qmq() {
    local common="--metaserver --json --help"
    case ${COMP_WORDS[1]} in
    send) _qmq_words "--tag --attr --delay --at --batch --rate $common" ;;
    consume) _qmq_words "--group --from --count --timeout --tags --broadcast --exec --on-fail --client-id $common" ;;
    bench) _qmq_words "produce consume roundtrip --size --batch --window --connections --duration --count $common" ;;
    *) _qmq_words "send consume bench --help --version" ;;
    esac
}

complete -F _qmq_tools tools.sh qmq-tools
complete -F _qmq_server metaserver.sh broker.sh delay.sh watchdog.sh backup.sh gateway.sh standalone.sh
complete -F _qmq_qmq qmq.sh qmq
