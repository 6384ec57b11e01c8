import { spawn as spawnChild } from "node:child_process";
import { once } from "node:events";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { readFileSync } from "node:fs";
import path from "node:path";
import { createClient } from "@clauderon/core";
import { createSessionHostClient } from "../packages/terminal/src/index.ts";
import { spawn } from "@lydell/node-pty";
import headless from "@xterm/headless";
import { makeRoot } from "./support/bench-daemon.ts";
import { realisticText } from "./support/realistic-text.ts";
import { quantile, timed } from "./support/statistics.ts";
import { makeRepository } from "./support/test-repository.ts";

const mb = Number(process.env.MB ?? 24), rounds = Number(process.env.ROUNDS ?? 5), echoes = Number(process.env.ECHOES ?? 300);
const size = { columns: 80, rows: 24 };
const root = await makeRoot();
const file = path.join(root, "text");
const text = realisticText(mb * 1024 * 1024);
await writeFile(file, text.bytes);
const shownBytes = text.bytes.byteLength + text.lineCount;
const writer = ["sh", "-c", 'stty -echo; while read go; do cat "$0"; done', file] as const;
const parrot = ["sh", "-c", "stty raw -echo; exec cat"] as const;
const home = path.join(root, "h");
await mkdir(home, { recursive: true, mode: 0o700 });
await writeFile(path.join(home, "config.toml"), `[agents.writer]\ncommand = ${JSON.stringify(writer)}\n[agents.parrot]\ncommand = ${JSON.stringify(parrot)}\n`);
const child = spawnChild(process.execPath, ["--conditions", "@clauderon/source", ...(process.env.DFLAGS?.split(" ") ?? []), path.resolve(import.meta.dirname, "../apps/cli/src/main.ts"), "daemon", "run"], { env: { ...process.env, CLAUDERON_HOME: home, CLAUDERON_PORT: "0" }, stdio: ["ignore", "ignore", "inherit"] });
const client = createClient({ homeDirectory: home, startDaemon: false });
for (;;) { if (child.exitCode !== null) throw new Error("daemon ended"); try { await client.sessions.list(); break; } catch {} }
const repository = path.join(root, "repository");
await makeRepository(repository, 10);
const cpu = (pid: number) => { const f = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" "); return (Number(f[11]) + Number(f[12])) * 10; };

class View {
  shown = 0; wanted = Infinity; reached = () => {}; snapshots = 0; messages = 0; connection: any;
  static async open(agent: string) {
    const session = await client.sessions.create({ repository, name: agent, backend: "local", agent });
    const view = new View();
    view.connection = await client.attach(session.id, { size, takesControl: true, onOutput: (b: Uint8Array) => { view.messages++; view.shown += b.byteLength; if (view.shown >= view.wanted) view.reached(); }, onSnapshot: () => { view.snapshots++; } });
    return view;
  }
  async type(keys: string, bytes: number) {
    const r = Promise.withResolvers<void>(); this.wanted = this.shown + bytes; this.reached = r.resolve;
    return timed(async () => { await this.connection.input(Buffer.from(keys)); await r.promise; });
  }
}
const terminal = new headless.Terminal({ cols: 80, rows: 24, scrollback: 1000, allowProposedApi: true });
async function bareMs() {
  const [program, ...args] = writer;
  const pty = spawn(program, args, { cols: 80, rows: 24, encoding: null });
  const shown = Promise.withResolvers<void>(); let parsed = 0, pending = 0;
  pty.onData((data) => { const part = data as unknown as Uint8Array; pending += part.byteLength; if (pending > 512 * 1024) pty.pause();
    terminal.write(part, () => { pending -= part.byteLength; parsed += part.byteLength; if (pending < 256 * 1024) pty.resume(); if (parsed >= shownBytes) shown.resolve(); }); });
  const ms = await timed(async () => { pty.write("go\n"); await shown.promise; });
  pty.kill(); return ms;
}
const v = await View.open("writer");
const host = createSessionHostClient({ homeDirectory: home, instanceId: "x" });
const hostPid = (await host.info())!.processId;
const ratios: number[] = []; const cpus: number[][] = [];
const total = shownBytes / 1e6;
for (let r = 0; r <= rounds; r++) {
  const b0 = cpu(process.pid); const bare = await bareMs(); const b1 = cpu(process.pid);
  const c0 = [cpu(hostPid), cpu(child.pid!), cpu(process.pid)]; const m0 = v.messages;
  const ours = await v.type("go\n", shownBytes);
  const c1 = [cpu(hostPid), cpu(child.pid!), cpu(process.pid)];
  if (r === 0) continue;
  ratios.push(bare / ours); cpus.push([b1 - b0, ...c1.map((x, i) => x - c0[i]!), v.messages - m0].map((x) => x / total));
}
const med = (i: number) => quantile(cpus.map((c) => c[i]!), 0.5).toFixed(1);
console.log(`ratio ${quantile(ratios, 0.5).toFixed(2)} [${ratios.map((x) => x.toFixed(2)).join(" ")}] cpu ms/MB: bare ${med(0)} host ${med(1)} daemon ${med(2)} client ${med(3)} messages/MB ${med(4)} snapshots ${v.snapshots}`);
const e = await View.open("parrot"); const ms: number[] = [];
const d0 = [cpu(hostPid), cpu(child.pid!)];
for (let i = 0; i < echoes + 20; i++) { const t = await e.type("x", 1); if (i >= 20) ms.push(t); }
console.log(`echo median ${quantile(ms, 0.5).toFixed(2)} p95 ${quantile(ms, 0.95).toFixed(2)} p99 ${quantile(ms, 0.99).toFixed(2)} cpu us/echo host ${((cpu(hostPid) - d0[0]!) / (echoes + 20) * 1000).toFixed(0)} daemon ${((cpu(child.pid!) - d0[1]!) / (echoes + 20) * 1000).toFixed(0)} load ${readFileSync("/proc/loadavg", "utf8").slice(0, 14)}`);
await v.connection.close(); await e.connection.close();
for (const { id } of await client.sessions.list()) await (await client.sessions.get(id)).delete({ discard: true });
await host.close(); await client.close(); const ended = once(child, "exit"); child.kill("SIGTERM"); await ended;
await rm(root, { recursive: true, force: true, maxRetries: 5 });
process.exit(0);
