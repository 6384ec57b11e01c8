import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, sep } from "node:path";

import { silentLogger, type Backend, type BackendContext, type Sandbox, type SandboxSpec } from "../contract/index.ts";
import { createCommandRunner, systemClock } from "../host/index.ts";
import type { BackendContractOptions } from "./backend-contract-options.ts";
import { run } from "./contract-commands.ts";
import type { ContractContext } from "./contract-context.ts";
import { findProcesses } from "./process-table.ts";
import { removeScratch } from "./remove-scratch.ts";
import { requirements } from "./requirements.ts";
import { until } from "./until.ts";

const CLEANUP_GRACE_MS = 1500;
const UNTIL_MS = 20_000;
const directoryName = (index: number): string => `case-${String(index)}`;

/** One for each case, made by one command: for every case its own is a process more. */
const preparedDirectories: readonly string[] = Object.keys(requirements).map((_, index) => directoryName(index));

/** What the session host of host backends keeps in a home. */
const sessionHostFiles: ReadonlySet<string> = new Set([
  "logs",
  join("logs", "session-host.log"),
  "run",
  ...["host.key", "host.lock", "host.sock", "host.starter.lock"].map((name) => join("run", name)),
]);

/** What was still there after everything had been destroyed. */
export interface Leftovers {
  readonly destroy: readonly string[];
  readonly processes: readonly string[];
  readonly files: readonly string[];
}

interface Tracked {
  readonly spec: SandboxSpec;
  readonly backend: Backend;
}

/** One installation for one run of the kit: a home, an instance id, a backend, a shared sandbox. */
export class ContractWorld {
  readonly backend: Backend;
  readonly #options: BackendContractOptions;
  readonly #root: string;
  readonly #word: string;
  readonly #backendContext: BackendContext;
  readonly #contexts: BackendContext[] = [];
  readonly #specs: SandboxSpec[] = [];
  readonly #backends: Backend[] = [];
  readonly #destroyFailures: string[] = [];
  #shared: Promise<Sandbox> | undefined;
  #sharedSpec: Tracked | undefined;
  #count = 0;
  #cases = 0;
  #leftovers: Promise<Leftovers> | undefined;

  private constructor(options: BackendContractOptions, root: string) {
    this.#options = options;
    this.#root = root;
    this.#word = `contract-${randomUUID().slice(0, 8)}`;
    this.#backendContext = this.#newContext("home");
    this.backend = this.#newBackend(this.#backendContext);
  }

  static async open(options: BackendContractOptions): Promise<ContractWorld> {
    const root = await realpath(await mkdtemp(join(tmpdir(), "clauderon-contract-")));
    await mkdir(join(root, "home"), { mode: 0o700 });
    await mkdir(join(root, "outside"));
    await writeFile(join(root, "not-a-directory"), "");
    try {
      return new ContractWorld(options, root);
    } catch (error) {
      await rm(root, { recursive: true, force: true });
      throw error;
    }
  }

  get slowFactor(): number {
    return this.#options.slowFactor ?? 1;
  }

  /** Runs the body with a context of its own and takes away what it made. */
  async use(body: (context: ContractContext) => Promise<void>): Promise<void> {
    const tracked: Tracked[] = [];
    const backends: Backend[] = [];
    try {
      await body(this.#context(tracked, backends));
    } finally {
      await Promise.all(tracked.map((entry) => this.#destroy(entry)));
      await Promise.all(backends.map((backend) => backend.close()));
    }
  }

  /** Destroys the rest, then looks for anything that is still there. */
  leftovers(): Promise<Leftovers> {
    this.#leftovers ??= this.#findLeftovers();
    return this.#leftovers;
  }

  async close(): Promise<void> {
    try {
      await this.leftovers();
    } finally {
      await Promise.all(this.#backends.map((backend) => backend.close()));
      for (const context of this.#contexts) await this.#options.teardown?.(context);
      await this.#killLeftovers();
      await removeScratch(this.#root);
    }
  }

  #newContext(directory: string): BackendContext {
    const context: BackendContext = {
      instanceId: randomUUID(),
      homeDirectory: join(this.#root, directory),
      runner: createCommandRunner(),
      logger: silentLogger,
      clock: systemClock,
    };
    this.#contexts.push(context);
    return context;
  }

  #newBackend(context: BackendContext): Backend {
    const backend = this.#options.create(context);
    this.#backends.push(backend);
    return backend;
  }

  #context(tracked: Tracked[], backends: Backend[]): ContractContext {
    const directory = directoryName(this.#cases);
    this.#cases += 1;
    const spec = (overrides: Partial<SandboxSpec> = {}): Promise<SandboxSpec> => this.#newSpec(overrides);
    const track = (made: SandboxSpec, backend: Backend = this.backend): void => {
      tracked.push({ spec: made, backend });
    };
    return {
      backend: this.backend,
      samples: this.#options.samples ?? {},
      directory,
      outside: join(this.#root, "outside"),
      backendContext: this.#backendContext,
      spec,
      track,
      isTracked: (sandboxId) => tracked.some((entry) => entry.spec.sandboxId === sandboxId),
      brokenInstance: () => {
        const backend = this.#options.create({
          ...this.#backendContext,
          instanceId: randomUUID(),
          homeDirectory: join(this.#root, "not-a-directory"),
        });
        backends.push(backend);
        return backend;
      },
      reopen: () => {
        const backend = this.#newBackend(this.#backendContext);
        backends.push(backend);
        return backend;
      },
      otherInstance: async () => {
        const home = `other-${randomUUID()}`;
        await mkdir(join(this.#root, home), { mode: 0o700 });
        const backend = this.#newBackend(this.#newContext(home));
        backends.push(backend);
        return backend;
      },
      sandbox: async (overrides) => {
        const made = await spec(overrides);
        track(made);
        return this.backend.create(made);
      },
      shared: async () => {
        const sandbox = await this.#sharedSandbox();
        if (!preparedDirectories.includes(directory)) await run(sandbox, ["mkdir", "-p", directory]);
        return sandbox;
      },
      token: () => `${this.#word}-${randomUUID()}`,
      milliseconds: (duration) => duration * this.slowFactor,
      until: (what, probe, timeoutMs = UNTIL_MS) => until(what, probe, { timeoutMs: timeoutMs * this.slowFactor }),
    };
  }

  #sharedSandbox(): Promise<Sandbox> {
    this.#shared ??= (async () => {
      const spec = await this.#newSpec({});
      this.#sharedSpec = { spec, backend: this.backend };
      const sandbox = await this.backend.create(spec);
      await run(sandbox, ["mkdir", "-p", ...preparedDirectories]);
      return sandbox;
    })();
    return this.#shared;
  }

  async #newSpec(overrides: Partial<SandboxSpec>): Promise<SandboxSpec> {
    this.#count += 1;
    const number = this.#count;
    const { isolation, workspace } = this.backend.capabilities;
    const sandboxId = randomUUID();
    const directory = join(this.#root, "workspaces", sandboxId);
    const user = join(this.#root, "user");
    await mkdir(directory, { recursive: true });
    await mkdir(user, { recursive: true });
    await writeFile(join(directory, "README.md"), "a workspace\n");
    const spec: SandboxSpec = {
      sandboxId,
      name: `${this.#word}-${String(number)}`,
      workspace: workspace === "remote" ? {} : { hostPath: directory },
      environment:
        isolation === "none"
          ? {
              PATH: process.env["PATH"] ?? "/usr/bin:/bin",
              HOME: user,
              LANG: "C.UTF-8",
              CONTRACT_SPEC: "from the spec",
            }
          : { CONTRACT_SPEC: "from the spec" },
      ...overrides,
    };
    this.#specs.push(spec);
    return this.#options.adapt?.(spec) ?? spec;
  }

  async #destroy(tracked: Tracked): Promise<void> {
    try {
      const sandbox = await tracked.backend.open(tracked.spec.sandboxId);
      await sandbox?.destroy({ graceMs: CLEANUP_GRACE_MS });
    } catch (error) {
      this.#destroyFailures.push(`${tracked.spec.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  async #findLeftovers(): Promise<Leftovers> {
    if (this.#sharedSpec !== undefined) await this.#destroy(this.#sharedSpec);
    const processes = await this.#leftoverProcesses();
    return { destroy: this.#destroyFailures, processes, files: await this.#leftoverFiles() };
  }

  /** Processes with a sandbox's marker or a token of this run; a destroyed one may take a moment to be reaped. */
  async #leftoverProcesses(): Promise<readonly string[]> {
    const look = async (): Promise<readonly string[]> => {
      const rows = await findProcesses(...this.#markers());
      return rows.map((row) => `${String(row.processId)}: ${row.text.slice(0, 200).replaceAll("\0", " ")}`);
    };
    try {
      await until("no process", async () => (await look()).length === 0, { timeoutMs: 5000 * this.slowFactor });
      return [];
    } catch {
      return look();
    }
  }

  #markers(): readonly string[] {
    return [`${this.#word}-`, ...this.#contexts.map((context) => `CLAUDERON_SANDBOX_ID=${context.instanceId}/`)];
  }

  /** Paths in the homes that belong to a sandbox, or that a backend may not write at all. */
  async #leftoverFiles(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const { homeDirectory } of this.#contexts) {
      const allowed = join("state", this.backend.backendId);
      for (const path of await readdir(homeDirectory, { recursive: true })) {
        const isAllowed =
          path === "state" || path === allowed || path.startsWith(allowed + sep) || sessionHostFiles.has(path);
        const isOfSandbox = this.#specs.some(
          ({ sandboxId, name }) => path.includes(sandboxId) || basename(path).includes(name),
        );
        if (!isAllowed || isOfSandbox) found.push(join(homeDirectory, path));
      }
    }
    return found;
  }

  async #killLeftovers(): Promise<void> {
    for (const { processId } of await findProcesses(...this.#markers())) {
      try {
        process.kill(processId, "SIGKILL");
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }
}
