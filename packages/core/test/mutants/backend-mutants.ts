import { randomUUID } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { ClauderonError, type Backend, type SandboxSpec, type SandboxSummary } from "../../src/contract/index.ts";
import { overlay, sandboxMutant, type Mutant } from "./mutant.ts";

/** The home of a broken instance is none. */
async function isDirectory(path: string): Promise<boolean> {
  return (await stat(path)).isDirectory();
}

/** A mutant of the Backend object alone. */
function backendMutant(
  mutant: Omit<Mutant, "breaks"> & { readonly change: (good: Backend) => Partial<Backend> },
): Mutant {
  const { change, ...rest } = mutant;
  return { ...rest, breaks: () => (good) => overlay(good, change(good)) };
}

/** A mutant that leaves out what it cannot do. */
function ignores(field: keyof SandboxSpec, fails: readonly string[]): Mutant {
  return backendMutant({
    name: `ignores ${field} without a word`,
    fails,
    change: (good) => ({ create: (spec, options) => good.create({ ...spec, [field]: undefined }, options) }),
  });
}

export const backendMutants: readonly Mutant[] = [
  {
    name: "lists foreign sandboxes",
    fails: ["list:other-instance"],
    breaks: () => {
      const all = new Map<string, Backend>();
      return (good, context) => {
        all.set(context.homeDirectory, good);
        return overlay(good, {
          list: async function* everything(options): AsyncGenerator<SandboxSummary> {
            for (const [home, each] of all) if (await isDirectory(home)) yield* each.list(options);
          },
        });
      };
    },
  },
  {
    name: "opens foreign sandboxes",
    fails: ["open:other-instance"],
    breaks: () => {
      const all = new Map<string, Backend>();
      return (good, context) => {
        all.set(context.instanceId, good);
        return overlay(good, {
          open: async (sandboxId, options) => {
            for (const each of [good, ...all.values()]) {
              const found = await each.open(sandboxId, options);
              if (found !== undefined) return found;
            }
            return undefined;
          },
        });
      };
    },
  },
  {
    name: "makes a sandbox when an unknown one is opened",
    fails: ["open:unknown", "open:makes-nothing"],
    breaks: () => {
      const known = new Set<string>();
      return (good, context) =>
        overlay(good, {
          create: (spec, options) => {
            known.add(spec.sandboxId);
            return good.create(spec, options);
          },
          open: async (sandboxId, options) => {
            const found = await good.open(sandboxId, options);
            if (found !== undefined || known.has(sandboxId) || options?.signal?.aborted === true) return found;
            const hostPath = join(context.homeDirectory, "..", "workspaces", randomUUID());
            await mkdir(hostPath, { recursive: true });
            const environment = { PATH: process.env["PATH"] ?? "/usr/bin:/bin" };
            return good.create({ sandboxId, name: `o${randomUUID()}`, workspace: { hostPath }, environment }, options);
          },
        });
    },
  },
  backendMutant({
    name: "makes a sandbox anew for each create",
    fails: ["create:idempotent"],
    change: (good) => ({
      create: async (spec, options) => {
        const found = await good.open(spec.sandboxId);
        if (found !== undefined && (await found.inspect()).state === "running") await found.destroy({ graceMs: 0 });
        return good.create(spec, options);
      },
    }),
  }),
  {
    name: "leaves a half-made sandbox behind when create fails",
    fails: ["create:failure:leaves-nothing"],
    breaks: () => {
      const ghosts: (SandboxSummary & { readonly instanceId: string })[] = [];
      return (good, { instanceId }) =>
        overlay(good, {
          create: async ({ sandboxId, name, ...rest }, options) => {
            try {
              return await good.create({ sandboxId, name, ...rest }, options);
            } catch (error) {
              const hasFailed = ClauderonError.isInstance(error, "sandbox.start-failed");
              if (hasFailed) ghosts.push({ instanceId, sandboxId, name, state: "failed" });
              throw error;
            }
          },
          list: async function* withGhosts(options): AsyncGenerator<SandboxSummary> {
            yield* good.list(options);
            yield* ghosts.filter((ghost) => ghost.instanceId === instanceId);
          },
        });
    },
  },
  backendMutant({
    name: "takes over a name that somebody else uses",
    fails: ["create:name:foreign"],
    change: (good) => ({
      create: async (spec, options) => {
        try {
          return await good.create(spec, options);
        } catch (error) {
          if (!ClauderonError.isInstance(error, "sandbox.name-taken")) throw error;
          return good.create({ ...spec, name: `x${randomUUID()}` }, options);
        }
      },
    }),
  }),
  backendMutant({
    name: "ignores an abort of create",
    fails: ["abort:create:before"],
    mayFail: ["abort:create:again"],
    change: (good) => ({ create: (spec) => good.create(spec) }),
  }),
  backendMutant({
    name: "rejects from doctor",
    fails: [
      "doctor:usable",
      "doctor:fixes",
      "doctor:broken-home",
      "doctor:in-time",
      "doctor:at-once",
      "doctor:makes-nothing",
    ],
    change: () => ({ doctor: () => Promise.reject(new Error("no such program")) }),
  }),
  backendMutant({
    name: "finds a fault without a fix",
    fails: ["doctor:fixes", "doctor:broken-home"],
    change: (good) => ({
      doctor: async (options) => {
        const report = await good.doctor(options);
        return { ...report, checks: [...report.checks, { id: "version", status: "warning", message: "it is old" }] };
      },
    }),
  }),
  backendMutant({
    name: "calls itself usable whatever was found",
    fails: ["doctor:broken-home"],
    change: (good) => ({ doctor: async (options) => ({ ...(await good.doctor(options)), isUsable: true }) }),
  }),
  ignores("image", ["power:image:create"]),
  ignores("limits", ["power:cpu-limit:create", "power:memory-limit:create"]),
  ignores("network", ["power:network:create"]),
  ignores("user", ["power:user:create"]),
  sandboxMutant({
    name: "changes no network policy without a word",
    fails: ["power:network:call"],
    change: () => ({ network: async () => undefined }),
  }),
  sandboxMutant({
    name: "does not hibernate without a word",
    fails: ["power:hibernate:call", "power:hibernate:wake"],
    change: () => ({ hibernate: async () => undefined, wake: async () => undefined }),
  }),
  backendMutant({
    name: "knows less after a restart",
    fails: ["capabilities:record"],
    change: (good) => {
      const { capabilities } = good;
      return { capabilities: { ...capabilities, user: undefined as unknown as boolean } };
    },
  }),
];
