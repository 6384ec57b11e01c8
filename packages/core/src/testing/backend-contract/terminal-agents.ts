/** Writes each line it reads to the file `heard` and to the terminal. */
export const echoAgent =
  'stty -echo; printf "ready\\n"; while IFS= read -r line; do printf "%s\\n" "$line" >> heard; printf "<%s>\\n" "$line"; done';

/** Prints, then waits until the file `go` appears, then prints again and ends. */
export const twoPartAgent = 'printf "part-one\\n"; while ! [ -e go ]; do sleep 0.05; done; printf "part-two\\n"';

/** Keeps its first size in the file `first`, and each that a SIGWINCH brings in `sizes`. */
export const sizeAgent =
  'trap "stty size >> sizes" WINCH; stty size > first; printf "ready\\n"; while :; do sleep 0.05; done';
