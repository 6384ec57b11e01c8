/**
 * Our own: the generated one needs the bash-completion package, and evaluates what is typed, so that pressing Tab behind `$(…)` would run it.
 */
export const bashScript: string = String.raw`# bash completion for clauderon
__clauderon_complete() {
  # Words as they stand on the line, with "=" and ":" inside them.
  local line=\${COMP_LINE:0:COMP_POINT} current=\${COMP_WORDS[COMP_CWORD]} out directive value
  local -a words
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local last=\${words[\${#words[@]}-1]}
  # What bash has split off at "=" or ":" stays; only the rest is replaced.
  local prefix=\${last%"$current"}
  [[ $current == "=" || $current == ":" ]] && prefix=$last
  COMPREPLY=()
  out=$(clauderon complete -- "\${words[@]:1}" 2>/dev/null) || return
  while IFS=$'\t' read -r value _; do
    [[ $value == :* || -z $value ]] && continue
    COMPREPLY+=("\${value#"$prefix"}")
  done <<<"$out"
  [[ \${#COMPREPLY[@]} -eq 1 && \${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  return 0
}
complete -o default -F __clauderon_complete clauderon
`.replaceAll("\\${", "${");
