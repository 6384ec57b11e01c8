import { spawn } from "@lydell/node-pty";
import { expect, test } from "vitest";

import { createTerminalHub } from "../src/hub/terminal-hub.ts";
import { createPtyTerminal } from "./pty-terminal.ts";

const argv = ["seq", "1", "3000000"] as const;
const size = { columns: 80, rows: 24 };
const ROUNDS = 5;
/** The goal; a run beside others on the same two cores may miss it by chance, so the best of the rounds counts. */
const GOAL = 0.8;

/** What the hub is compared with: the same bytes from a PTY into the emulator, and nothing else. */
async function bare(): Promise<number> {
  const { default: headless } = await import("@xterm/headless");
  const terminal = new headless.Terminal({
    cols: size.columns,
    rows: size.rows,
    scrollback: 1000,
    allowProposedApi: true,
  });
  const [program, ...args] = argv;
  const startedMs = performance.now();
  const pty = spawn(program, args, { cols: size.columns, rows: size.rows, encoding: null });
  let bytes = 0;
  let pending = 0;
  const ended = Promise.withResolvers<void>();
  pty.onData((data) => {
    const part = data as unknown as Uint8Array;
    bytes += part.byteLength;
    pending += part.byteLength;
    if (pending > 512 * 1024) pty.pause();
    terminal.write(part, () => {
      pending -= part.byteLength;
      if (pending < 256 * 1024) pty.resume();
    });
  });
  pty.onExit(() => terminal.write("", () => ended.resolve()));
  await ended.promise;
  terminal.dispose();
  return bytes / (performance.now() - startedMs) / 1000;
}

/** One viewer that shows everything at once. */
async function throughHub(): Promise<number> {
  await using hub = createTerminalHub({
    open: async () => ({ stream: createPtyTerminal(argv, size), kind: "bytes", epoch: "1" }),
  });
  const ended = Promise.withResolvers<void>();
  let end = 0;
  const startedMs = performance.now();
  const viewer = await hub.attach({
    sessionId: "session",
    clientId: "viewer",
    size,
    sink: {
      output(sequence, bytes) {
        end = sequence + bytes.byteLength;
        setImmediate(() => viewer.acknowledge(sequence + bytes.byteLength));
      },
      snapshot: (snapshot) => viewer.acknowledge(snapshot.sequence),
      notice: () => undefined,
      end: () => ended.resolve(),
      close: () => ended.resolve(),
    },
  });
  await ended.promise;
  return end / (performance.now() - startedMs) / 1000;
}

test("a viewer gets at least 0.8 of what a bare loop carries", async () => {
  const ratios: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const reference = await bare();
    const hub = await throughHub();
    ratios.push(hub / reference);
    process.stdout.write(`hub ${hub.toFixed(1)} MB/s, bare loop ${reference.toFixed(1)} MB/s\n`);
  }
  expect(Math.max(...ratios)).toBeGreaterThanOrEqual(GOAL);
});
