import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, loadavg, tmpdir } from "node:os";
import path from "node:path";

import { benchDomain, type ArmName, type ArmPlace, type ProcessFacts, type UpstreamPlace } from "./place.ts";

/** One measured process. */
export class MeasuredProcess {
  readonly child: ChildProcess;

  constructor(child: ChildProcess) {
    this.child = child;
  }

  /** `settled`: after a collection of garbage, for what is kept. */
  async facts(question: "facts" | "settled" = "facts"): Promise<ProcessFacts> {
    const answer = new Promise<ProcessFacts>((resolve) => {
      const listen = (message: { readonly facts?: ProcessFacts }): void => {
        if (message.facts === undefined) return;
        this.child.off("message", listen);
        resolve(message.facts);
      };
      this.child.on("message", listen);
    });
    this.child.send(question);
    return answer;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = once(this.child, "exit");
    this.child.kill("SIGTERM");
    await ended;
  }
}

export interface Arm {
  readonly name: ArmName;
  readonly place: ArmPlace;
  /** The proxy; the upstream where there is none between. */
  readonly process: MeasuredProcess;
}

/** The proxy has a core of its own where there are two; client and upstream share the other. */
const proxyCore = "1";
const loadCore = "0";

/** The upstream and the arms of one run, each in its own process. */
export class Rig implements AsyncDisposable {
  readonly upstream: UpstreamPlace;
  readonly upstreamProcess: MeasuredProcess;
  readonly isPinned: boolean;
  readonly arms: readonly Arm[];
  readonly #directory: string;
  readonly #startLoad = loadavg()[0] ?? 0;

  private constructor(parts: Pick<Rig, "upstream" | "upstreamProcess" | "isPinned" | "arms"> & { directory: string }) {
    this.upstream = parts.upstream;
    this.upstreamProcess = parts.upstreamProcess;
    this.isPinned = parts.isPinned;
    this.arms = parts.arms;
    this.#directory = parts.directory;
  }

  static async start(names: readonly ArmName[], options: { readonly sessions?: number } = {}): Promise<Rig> {
    const directory = await mkdtemp(path.join(tmpdir(), "cb-rig-"));
    const keyPath = path.join(directory, "key.pem");
    const certificatePath = path.join(directory, "certificate.pem");
    makeCertificate(keyPath, certificatePath);
    const isPinned =
      availableParallelism() > 1 && spawnSync("taskset", ["-cp", loadCore, `${process.pid}`]).status === 0;
    const pinTo = (core: string): string | undefined => (isPinned ? core : undefined);
    const upstreamStart = await start("upstream-main.ts", [keyPath, certificatePath], pinTo(loadCore));
    const upstream: UpstreamPlace = { port: (upstreamStart.first as { port: number }).port, keyPath, certificatePath };
    const arms: Arm[] = [];
    for (const name of names) {
      if (name === "direct") {
        const place: ArmPlace = { port: upstream.port, ca: readFileSync(certificatePath, "utf8") };
        arms.push({ name, place, process: upstreamStart.process });
        continue;
      }
      const { sessions = 1 } = options;
      const { process, first } = await start(
        "arm-main.ts",
        [name, JSON.stringify({ ...upstream, sessions })],
        pinTo(proxyCore),
      );
      arms.push({ name, place: first as ArmPlace, process });
    }
    return new Rig({ upstream, upstreamProcess: upstreamStart.process, isPinned, arms, directory });
  }

  arm(name: ArmName): Arm {
    const found = this.arms.find((arm) => arm.name === name);
    if (found === undefined) throw new Error(`no arm ${name}`);
    return found;
  }

  /** Under what it was measured. */
  conditions(): object {
    return {
      layout: this.isPinned
        ? "the proxy alone on one core; client and upstream share the other"
        : "not pinned: the processes share all cores",
      loadAverageBefore: Math.round(this.#startLoad * 10) / 10,
      loadAverageAfter: Math.round((loadavg()[0] ?? 0) * 10) / 10,
      absent: ["mitmdump", "squid", "nginx"].filter((program) => spawnSync(program, ["--version"]).error !== undefined),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.arms.filter(({ name }) => name !== "direct").map(async ({ process }) => process.stop()));
    await this.upstreamProcess.stop();
    await rm(this.#directory, { recursive: true, force: true });
  }
}

async function start(
  file: string,
  args: readonly string[],
  core: string | undefined,
): Promise<{ readonly process: MeasuredProcess; readonly first: unknown }> {
  const node = ["--conditions", "@clauderon/source", "--expose-gc", ...profilerOptions(file, args)];
  const argv = [process.execPath, ...node, path.join(import.meta.dirname, file), ...args];
  const pinned = core === undefined ? argv : ["taskset", "-c", core, ...argv];
  const [program = "", ...rest] = pinned;
  const child = spawn(program, rest, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const [first] = (await Promise.race([
    once(child, "message"),
    once(child, "exit").then(() => {
      throw new Error(`${file} ${args[0]} ended before it was ready`);
    }),
  ])) as unknown[];
  return { process: new MeasuredProcess(child), first };
}

/** `CLAUDERON_BENCH_PROFILE=DIRECTORY` leaves a CPU profile of each arm there. */
function profilerOptions(file: string, args: readonly string[]): readonly string[] {
  const directory = process.env["CLAUDERON_BENCH_PROFILE"];
  if (directory === undefined || file !== "arm-main.ts") return [];
  return ["--cpu-prof", `--cpu-prof-dir=${directory}`, `--cpu-prof-name=${args[0]}.cpuprofile`];
}

function makeCertificate(keyPath: string, certificatePath: string): void {
  const made = spawnSync("openssl", [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "2",
    "-subj",
    "/CN=upstream of the benchmark",
    "-addext",
    `subjectAltName=DNS:*.${benchDomain}`,
    "-keyout",
    keyPath,
    "-out",
    certificatePath,
  ]);
  if (made.status !== 0) throw new Error(`openssl made no certificate: ${made.stderr?.toString() ?? "not installed"}`);
}
