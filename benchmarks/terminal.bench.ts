import { writeFile } from "node:fs/promises";
import path from "node:path";

import { createClient, type Client, type TtyConnection } from "@clauderon/core";
import { spawn } from "@lydell/node-pty";
import headless from "@xterm/headless";

import { makeRoot, startBenchDaemon } from "./support/bench-daemon.ts";
import { realisticText } from "./support/realistic-text.ts";
import { quantile, summary, timed } from "./support/statistics.ts";
import { makeRepository } from "./support/test-repository.ts";

// Output: agent → session host → daemon → WebSocket → one viewer, against a bare PTY → emulator; the same text, round by round.
// Echo: a byte typed by a viewer until the viewer sees it again, one after the other.
const textBytes = 64 * 1024 * 1024;
const rounds = 5;
const echoes = 500;
const size = { columns: 80, rows: 24 };

const root = await makeRoot();
const file = path.join(root, "text");
const text = realisticText(textBytes);
await writeFile(file, text.bytes);
/** A terminal writes a carriage return before each line feed. */
const shownBytes = text.bytes.byteLength + text.lineCount;
const writer = ["sh", "-c", 'stty -echo; while read go; do cat "$0"; done', file] as const;
const parrot = ["sh", "-c", "stty raw -echo; exec cat"] as const;

const perSecond = (elapsedMs: number): number => Math.round(shownBytes / elapsedMs / 10) / 100;

/** What is compared with: the same process in a PTY of this one, read into the emulator and by nobody else. */
async function bareMs(): Promise<number> {
  const terminal = new headless.Terminal({
    cols: size.columns,
    rows: size.rows,
    scrollback: 1000,
    allowProposedApi: true,
  });
  const [program, ...args] = writer;
  const pty = spawn(program, args, { cols: size.columns, rows: size.rows, encoding: null });
  const shown = Promise.withResolvers<void>();
  let parsed = 0;
  let pending = 0;
  pty.onData((data) => {
    // With `encoding: null` the chunks are buffers, whatever the types say.
    const part = data as unknown as Uint8Array;
    pending += part.byteLength;
    if (pending > 512 * 1024) pty.pause();
    terminal.write(part, () => {
      pending -= part.byteLength;
      parsed += part.byteLength;
      if (pending < 256 * 1024) pty.resume();
      if (parsed >= shownBytes) shown.resolve();
    });
  });
  const elapsedMs = await timed(async () => {
    pty.write("go\n");
    await shown.promise;
  });
  pty.kill();
  terminal.dispose();
  return elapsedMs;
}

/** A view of a session that counts what it is shown. */
class View {
  #shown = 0;
  #wanted = Number.POSITIVE_INFINITY;
  #reached: () => void = () => undefined;
  #snapshots = 0;
  connection: TtyConnection | undefined;

  get snapshots(): number {
    return this.#snapshots;
  }

  static async open(client: Client, sessionId: string): Promise<View> {
    const view = new View();
    view.connection = await client.attach(sessionId, {
      size,
      takesControl: true,
      onOutput: (bytes) => {
        view.#shown += bytes.byteLength;
        if (view.#shown >= view.#wanted) view.#reached();
      },
      onSnapshot: () => {
        view.#snapshots += 1;
      },
    });
    return view;
  }

  /** From typing until so many bytes more were shown. */
  async type(keys: string, bytes: number): Promise<number> {
    const reached = Promise.withResolvers<void>();
    this.#wanted = this.#shown + bytes;
    this.#reached = reached.resolve;
    return timed(async () => {
      await this.connection?.input(Buffer.from(keys));
      await reached.promise;
    });
  }
}

const config = `[agents.writer]\ncommand = ${JSON.stringify(writer)}\n[agents.parrot]\ncommand = ${JSON.stringify(parrot)}\n`;
await using daemon = await startBenchDaemon({ root, config });
await using client = createClient({ homeDirectory: daemon.home, startDaemon: false });
const repository = path.join(root, "repository");
await makeRepository(repository, 10);

async function view(agent: string): Promise<View> {
  const session = await client.sessions.create({ repository, name: agent, backend: "local", agent });
  return View.open(client, session.id);
}

const writing = await view("writer");
const ours: number[] = [];
const bare: number[] = [];
for (let round = 0; round <= rounds; round++) {
  const pair = { bare: await bareMs(), ours: await writing.type("go\n", shownBytes) };
  console.error(`bare ${perSecond(pair.bare)} MB/s, ours ${perSecond(pair.ours)} MB/s`);
  // The first pair warms both up.
  if (round === 0) continue;
  bare.push(pair.bare);
  ours.push(pair.ours);
}
if (writing.snapshots > 1) throw new Error(`the viewer was left behind ${writing.snapshots - 1} times`);

const echoing = await view("parrot");
const echoMs: number[] = [];
for (let index = 0; index < echoes + 20; index++) {
  const elapsedMs = await echoing.type("x", 1);
  if (index >= 20) echoMs.push(elapsedMs);
}
await writing.connection?.close();
await echoing.connection?.close();

const throughputRatio = quantile(
  bare.map((value, index) => value / (ours[index] ?? Number.NaN)),
  0.5,
);
console.log(
  JSON.stringify({
    targets: { throughputRatio: 0.8, echoP99Ms: 10 },
    throughput: {
      bytes: shownBytes,
      oursMegabytesPerSecond: perSecond(quantile(ours, 0.5)),
      bareMegabytesPerSecond: perSecond(quantile(bare, 0.5)),
      ratio: Math.round(throughputRatio * 100) / 100,
    },
    echo: { ...summary(echoMs), p99Ms: Math.round(quantile(echoMs, 0.99) * 100) / 100 },
  }),
);
