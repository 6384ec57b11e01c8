import type { Socket } from "node:net";

const mostBytes = 4096;
const newline = 0x0a;

/** The first line that a socket says, without its end; what follows stays in it. Nothing when it ends, says too much, or takes too long. */
export async function readLine(socket: Socket, timeoutMs: number): Promise<string | undefined> {
  let kept = Buffer.alloc(0);
  return new Promise((fulfil) => {
    const done = (line: string | undefined): void => {
      clearTimeout(timer);
      socket.off("readable", onReadable).off("end", onOver).off("close", onOver);
      fulfil(line);
    };
    const onOver = (): void => done(undefined);
    const onReadable = (): void => {
      for (let part = socket.read() as Buffer | null; part !== null; part = socket.read() as Buffer | null) {
        kept = Buffer.concat([kept, part]);
        const end = kept.indexOf(newline);
        if (end === -1 && kept.length <= mostBytes) continue;
        if (end === -1 || end > mostBytes) {
          done(undefined);
          return;
        }
        socket.off("readable", onReadable);
        if (kept.length > end + 1) socket.unshift(kept.subarray(end + 1));
        done(kept.toString("utf8", 0, end));
        return;
      }
    };
    const timer = setTimeout(onOver, timeoutMs);
    socket.on("readable", onReadable).on("end", onOver).on("close", onOver);
    if (socket.destroyed) onOver();
  });
}
