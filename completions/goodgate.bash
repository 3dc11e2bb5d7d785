# bash completion for goodgate
_goodgate() {
    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"
    # --flag=value comes as three words.
    if [[ $cur == = ]]; then cur=; elif [[ $prev == = ]]; then prev="${COMP_WORDS[COMP_CWORD-2]}"; fi
    case "$prev" in
        -s) COMPREPLY=($(compgen -W "stop quit reopen reload" -- "$cur")); return ;;
        -p) COMPREPLY=($(compgen -d -- "$cur")); return ;;
        -e) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        -c) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        -g) COMPREPLY=($(compgen -W "" -- "$cur")); return ;;
        --error-format) COMPREPLY=($(compgen -W "human short json" -- "$cur")); return ;;
        --why) COMPREPLY=($(compgen -W "alias-traversal alias-slash header-lost if-in-location unreachable-location unreachable-server no-resolver proxy-uri request-forgery response-splitting open-redirect slow-regex regex-anchor allow-without-deny return-voids-access error-log-off worker-connections root-in-location default-server weak-tls tls-unused certificate trusted-forwarded try-files-loop php-unchecked types-replaced breach missing-semicolon root-doubles" -- "$cur")); return ;;
        --explain) COMPREPLY=($(compgen -W "" -- "$cur")); return ;;
        --requests) COMPREPLY=($(compgen -f -- "$cur")); return ;;
        -H) COMPREPLY=($(compgen -W "" -- "$cur")); return ;;
        --from) COMPREPLY=($(compgen -W "" -- "$cur")); return ;;
        --to) COMPREPLY=($(compgen -W "" -- "$cur")); return ;;
        --directives) COMPREPLY=($(compgen -W "json" -- "$cur")); return ;;
        --completions) COMPREPLY=($(compgen -W "bash zsh fish" -- "$cur")); return ;;
    esac
    COMPREPLY=($(compgen -W "-h --help -v --version -V -t -T -q -s -p -e -c -g --watch --error-format --strict --offline --effective --why --explain --requests -H --from --to --tls --json --directives --completions" -- "$cur"))
}
complete -o filenames -F _goodgate goodgate
