"""Completion scripts for shells: a few lines for each, which ask `vaultui --complete` every time.

So they know the vaults and the verbs of today, also after an update.
"""

from __future__ import annotations

from typing import Final

_BASH: Final = r"""
# Completion of vaultui for bash:  source <(vaultui completion bash)
_vaultui() {
    local -a lines
    local line word
    COMPREPLY=()
    mapfile -t lines < <(vaultui --complete bash "${COMP_LINE:0:COMP_POINT}" 2>/dev/null)
    case ${lines[0]-} in
        files) compopt -o default ;;
        directories) compopt -o dirnames ;;
    esac
    for line in "${lines[@]:1}"; do
        word=${line%%$'\t'*}
        # An equals sign ends a word for bash.
        [[ $word != --*=* ]] || word=${word#*=}
        # Inside of a quotation everything stands for itself.
        [[ ${COMP_WORDS[COMP_CWORD]} == [\"\']* ]] || printf -v word %q "$word"
        COMPREPLY+=("$word")
    done
}
complete -F _vaultui vaultui
"""

_ZSH: Final = r"""
#compdef vaultui
# Completion of vaultui for zsh:  source <(vaultui completion zsh)
_vaultui() {
    local -a lines words_found descriptions
    local line
    set -- "${(@Q)words[2,CURRENT-1]}" "${(Q)PREFIX}"
    lines=("${(@f)$(vaultui --complete zsh "$@" 2>/dev/null)}")
    case $lines[1] in
        files) _files; return ;;
        directories) _files -/; return ;;
    esac
    for line in "${(@)lines[2,-1]}"; do
        words_found+=("${line%%$'\t'*}")
        descriptions+=("${line/$'\t'/  }")
    done
    compadd -l -d descriptions -a words_found
}
if [[ $funcstack[1] == _vaultui ]]; then
    _vaultui "$@"
else
    compdef _vaultui vaultui
fi
"""

_FISH: Final = r"""
# Completion of vaultui for fish:  vaultui completion fish | source
function __vaultui_complete
    set -l before (commandline -opc)
    set -l typed (commandline -ct)
    set -l lines (vaultui --complete fish $before[2..-1] "$typed" 2>/dev/null)
    switch "$lines[1]"
        case files
            __fish_complete_path $typed
        case directories
            __fish_complete_directories $typed
        case words
            printf '%s\n' $lines[2..-1]
    end
end
complete -c vaultui -e
complete -c vaultui -f -a '(__vaultui_complete)'
"""

_SCRIPTS: Final = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def completion_script(shell: str) -> str:
    """Return the script of "bash", "zsh" or "fish"."""
    return _SCRIPTS[shell].strip()
