/**
 * Completion for each shell. All of them ask the program itself, in the way 2.6's programs are asked
 * (GO_FLAGS_COMPLETION), so they know whatever the installed version knows.
 */
const names = "daosctl dmg daos_server daos_agent";

const bash = String.raw`
# bash completion of daosctl; in ~/.bashrc: source <(daosctl completion bash)
_daosctl_complete() {
  local line=${"$"}{COMP_LINE:0:COMP_POINT} rest word breaks="" prefix="" i
  local -a words=()
  # Bash splits words at = and : too; here they are whole again.
  rest=$line
  for ((i = 0; i <= COMP_CWORD; i++)); do
    word=${"$"}{COMP_WORDS[i]}
    if ((i == 0)) || [[ $rest == [[:blank:]]* || -z $rest ]]; then
      rest=${"$"}{rest#"${"$"}{rest%%[![:blank:]]*}"}
      ((i == COMP_CWORD)) && word=$rest
      words+=("$word")
    else
      ((i == COMP_CWORD)) && word=$rest
      words[${"$"}{#words[@]}-1]+=$word
    fi
    rest=${"$"}{rest#"$word"}
  done
  local current=${"$"}{words[${"$"}{#words[@]}-1]}
  local IFS=$'\n'
  COMPREPLY=($(GO_FLAGS_COMPLETION=1 "${"$"}{words[0]/#\~/$HOME}" "${"$"}{words[@]:1}" 2>/dev/null))
  # Of a word that Bash has split only the last piece is replaced.
  [[ $COMP_WORDBREAKS == *=* ]] && breaks+="="
  [[ $COMP_WORDBREAKS == *:* ]] && breaks+=":"
  [[ -n $breaks && $current == *[$breaks]* ]] && prefix=${"$"}{current%"${"$"}{current##*[$breaks]}"}
  COMPREPLY=("${"$"}{COMPREPLY[@]#"$prefix"}")
  [[ ${"$"}{#COMPREPLY[@]} -eq 1 && ${"$"}{COMPREPLY[0]} == *[=:,/] ]] && compopt -o nospace
  return 0
}
complete -F _daosctl_complete ${names}
`;

const zsh = String.raw`
#compdef ${names}
# zsh completion of daosctl; as _daosctl in a folder of $fpath, or: source <(daosctl completion zsh)
_daosctl() {
  local line word
  local -a words_found shown
  for line in "${"$"}{(@f)$(GO_FLAGS_COMPLETION=described ${"$"}{(Q)words[1]} "${"$"}{(@Q)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -z $line ]] && continue
    word=${"$"}{line%%$'\t'*}
    words_found+=("$word")
    if [[ $line == *$'\t'* ]]; then shown+=("$word  -- ${"$"}{line#*$'\t'}"); else shown+=("$word"); fi
  done
  (( $#words_found == 0 )) && return 1
  if [[ $#words_found -eq 1 && ${"$"}{words_found[1]} == *[=:,/] ]]; then
    compadd -S '' -- $words_found
  else
    compadd -l -d shown -- $words_found
  fi
}
if [[ $funcstack[1] == _daosctl ]]; then _daosctl "$@"; else compdef _daosctl ${names}; fi
`;

const fish = `
# fish completion of daosctl; in ~/.config/fish/config.fish: daosctl completion fish | source
function __daosctl_complete
  set -l before (commandline -opc)
  set -l current (commandline -ct)
  GO_FLAGS_COMPLETION=described $before[1] $before[2..-1] "$current" 2>/dev/null
end
for name in ${names}
  complete -c $name -f -a '(__daosctl_complete)'
end
`;

/** By the shell's name. */
export const completionScripts: Readonly<Record<string, string>> = {
  bash: bash.trimStart(),
  zsh: zsh.trimStart(),
  fish: fish.trimStart(),
};
