/**
 * Runs the agent once and leaves marks in the launch's directory: `claim` (taken by the first run: Enter in a held pane runs the pane's command again),
 * `started` (process ids of the agent, of this script, of the zellij server), `exit` (the code) or `refused` (126, 127). Constant; everything that
 * varies comes as arguments: directory, workspace, `agentProgram`, then the agent's program and its arguments.
 *
 * zellij gives the pane its size a moment after the pane's start; the agent's first look must find it. SIGTERM and Ctrl-C are the agent's to answer; a hang-up ends both.
 */
export const wrapperProgram: string = `directory=$1 workspace=$2 program=$3
shift 3
set -C
if ! { true > "$directory/claim"; } 2>/dev/null; then
  printf '\\n[the agent has ended; clauderon start runs it again]\\n'
  exit "$(cat "$directory/exit" 2>/dev/null || printf 0)"
fi
set +C
mark() { printf '%s\\n' "$2" > "$directory/$1.new" && mv "$directory/$1.new" "$directory/$1"; }
trap : INT QUIT TERM
if ! cd "$workspace"; then mark refused 126; exit 126; fi
case $1 in
*/*) if ! [ -e "$1" ]; then mark refused 127; exit 127; fi ;;
*) if ! command -v "$1" >/dev/null 2>&1; then mark refused 127; exit 127; fi ;;
esac
tries=0
while [ "$(stty size 2>/dev/null)" = "0 0" ] && [ "$tries" -lt 500 ]; do
  tries=$((tries + 1))
done
/bin/sh -c "$program" agent "$directory" "$$" "$PPID" "$@"
code=$?
mark exit "$code"
exit "$code"
`;

/** The last step before the agent: its process id is the agent's own. One write makes the mark, which counts with its line's end. */
export const agentProgram: string = `directory=$1
printf '%s %s %s\\n' "$$" "$2" "$3" > "$directory/started"
shift 3
exec "$@"
`;
