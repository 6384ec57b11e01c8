import { spawn } from "node:child_process";
import { once } from "node:events";

/**
 * Ends whatever has the directory in its command line or environment (zellij's servers have, and so have their agents and session hosts), then removes the directory.
 * Waits for the end of its standard input, so that it comes also when the tests are killed.
 */
const program = `cat > /dev/null
directory=$1
tries=0
while [ "$tries" -lt 20 ]; do
  tries=$((tries + 1))
  found=
  for process in /proc/[0-9]*; do
    [ "$process" = "/proc/$$" ] && continue
    if grep -aqsF -e "$directory/" "$process/cmdline" "$process/environ"; then found=yes; kill -KILL "\${process#/proc/}" 2>/dev/null; fi
  done
  [ -z "$found" ] && break
  sleep 0.1
done
[ -d /proc/self ] || pkill -KILL -f "$directory/"
rm -rf "$directory"
`;

/** Watches over a directory of this machine that is the tests' own. Disposing it, or the end of this process however it comes, leaves nothing of it. */
export function guardWorld(directory: string): AsyncDisposable {
  const guard = spawn("sh", ["-c", program, "guard", directory], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  guard.unref();
  const exit = once(guard, "exit");
  // Looked at when disposed; a guard that could not be started must not end the run.
  exit.catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      guard.ref();
      guard.stdin.end();
      await exit;
    },
  };
}
