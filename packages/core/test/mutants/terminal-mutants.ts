import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import {
  ClauderonError,
  type AgentLaunch,
  type AgentTerminalOptions,
  type Sandbox,
  type TerminalChunk,
  type TerminalStream,
} from "../../src/contract/index.ts";
import { until } from "../../src/testing/until.ts";
import { overlay, sandboxMutant, withSandboxes, type Mutant } from "./mutant.ts";

/** A mutant whose terminal connections are broken. */
function streamMutant(
  mutant: Omit<Mutant, "breaks"> & {
    readonly change: (stream: TerminalStream, options: AgentTerminalOptions) => Partial<TerminalStream>;
  },
): Mutant {
  const { change, ...rest } = mutant;
  return sandboxMutant({
    ...rest,
    change: (sandbox) => ({
      agentTerminal: async (options = {}) => {
        const stream = await sandbox.agentTerminal(options);
        return overlay(stream, change(stream, options));
      },
    }),
  });
}

/** A mutant whose output chunks are other ones. */
function chunkMutant(
  mutant: Omit<Mutant, "breaks"> & {
    readonly change: (chunk: TerminalChunk, options: AgentTerminalOptions) => readonly TerminalChunk[];
  },
): Mutant {
  const { change, ...rest } = mutant;
  return streamMutant({
    ...rest,
    change: (stream, options) => ({
      output: (async function* changed(): AsyncGenerator<TerminalChunk> {
        for await (const chunk of stream.output) yield* change(chunk, options);
      })(),
    }),
  });
}

/** A mutant whose launches are other ones. */
function launchMutant(
  mutant: Omit<Mutant, "breaks"> & { readonly change: (launch: AgentLaunch) => AgentLaunch },
): Mutant {
  const { change, ...rest } = mutant;
  return sandboxMutant({
    ...rest,
    change: (sandbox) => ({ startAgent: (launch, options) => sandbox.startAgent(change(launch), options) }),
  });
}

/** The agent of the cases about sizes keeps in a file which ones it was told. */
function isSeen(sandbox: Sandbox, size: string): Promise<true> {
  const look = async (): Promise<true | undefined> => {
    const sizes = await readFile(join(sandbox.workspacePath, "sizes"), "utf8").catch(() => "");
    return sizes.endsWith(size) ? true : undefined;
  };
  return until(`the size ${size}`, look, { timeoutMs: 10_000 });
}

const isLong = (chunk: TerminalChunk): boolean => chunk.bytes.length >= 1000;

/** Starts a launch that has ended once more, under another id. */
async function startAgain(sandbox: Sandbox, launch: AgentLaunch): Promise<Awaited<ReturnType<Sandbox["startAgent"]>>> {
  const told = await sandbox.startAgent(launch);
  if (told.state !== "exited") return told;
  const again = await sandbox.startAgent({ ...launch, launchId: randomUUID() });
  return { ...again, launchId: launch.launchId };
}

export const terminalMutants: readonly Mutant[] = [
  chunkMutant({
    name: "repeats a replayed chunk after a reconnection",
    fails: ["terminal:replay:since", "terminal:replay:reconnect"],
    change: (chunk, { since = 0 }) => (chunk.isReplay && since > 0 ? [chunk, chunk] : [chunk]),
  }),
  chunkMutant({
    name: "loses a part of the replay",
    fails: ["terminal:replay:from-start", "terminal:replay:since", "terminal:replay:reconnect"],
    // What was written before its viewer came is replayed to it, too.
    mayFail: ["headless:output"],
    change: (chunk) => {
      if (!chunk.isReplay || !isLong(chunk)) return [chunk];
      const half = Math.floor(chunk.bytes.length / 2);
      return [
        { ...chunk, bytes: chunk.bytes.subarray(0, half - 100) },
        { ...chunk, sequence: chunk.sequence + half, bytes: chunk.bytes.subarray(half) },
      ];
    },
  }),
  streamMutant({
    name: "ignores setPaused",
    fails: ["terminal:paused"],
    change: () => ({ setPaused: async () => undefined }),
  }),
  sandboxMutant({
    name: "replays everything whatever was asked",
    fails: ["terminal:replay:since", "terminal:replay:since-end", "terminal:replay:reconnect"],
    change: (sandbox) => ({
      agentTerminal: (options = {}) => {
        const { since: _ignored, ...rest } = options;
        return sandbox.agentTerminal(rest);
      },
    }),
  }),
  chunkMutant({
    name: "marks nothing as replay",
    fails: ["terminal:replay:marked"],
    change: (chunk) => [{ ...chunk, isReplay: false }],
  }),
  chunkMutant({
    name: "tells a headless agent's errors as its output",
    fails: ["headless:streams", "headless:output"],
    change: (chunk) => [{ ...chunk, source: "stdout" }],
  }),
  streamMutant({
    name: "ignores the agent's resize",
    fails: ["terminal:resize", "terminal:resize:once"],
    change: () => ({ resize: async () => undefined }),
  }),
  sandboxMutant({
    name: "tells the agent of every resize twice",
    fails: ["terminal:resize:once"],
    change: (sandbox) => ({
      agentTerminal: async (options) => {
        const stream = await sandbox.agentTerminal(options);
        return overlay(stream, {
          resize: async ({ columns, rows }) => {
            await stream.resize({ columns: columns + 40, rows });
            await isSeen(sandbox, `${String(rows)} ${String(columns + 40)}\n`);
            await stream.resize({ columns, rows });
          },
        });
      },
    }),
  }),
  sandboxMutant({
    name: "ignores a viewer's size",
    fails: ["terminal:view:size"],
    change: (sandbox) => ({
      agentTerminal: (options = {}) => {
        const { size: _ignored, ...rest } = options;
        return sandbox.agentTerminal(rest);
      },
    }),
  }),
  streamMutant({
    name: "takes input after the end without a word",
    fails: ["terminal:input:ended"],
    change: (stream) => ({
      input: async (bytes) => {
        try {
          await stream.input(bytes);
        } catch (error) {
          if (!ClauderonError.isInstance(error, "agent.ended")) throw error;
        }
      },
    }),
  }),
  streamMutant({
    name: "loses input beyond 4 KiB",
    fails: ["terminal:input:64-kibibytes"],
    change: (stream) => ({ input: (bytes) => stream.input(bytes.subarray(0, 4096)) }),
  }),
  {
    name: "closes every viewer when one leaves",
    fails: ["terminal:viewers:one-leaves"],
    breaks: () => {
      const viewers = new Map<string, Set<TerminalStream>>();
      return withSandboxes((sandbox) => ({
        agentTerminal: async (options) => {
          const stream = await sandbox.agentTerminal(options);
          const together = viewers.get(sandbox.sandboxId) ?? new Set<TerminalStream>();
          viewers.set(sandbox.sandboxId, together.add(stream));
          return overlay(stream, {
            close: async () => {
              await Promise.all([...together].map((each) => each.close()));
            },
          });
        },
      }));
    },
  },
  sandboxMutant({
    name: "starts a launch again after its end",
    fails: ["terminal:launch:idempotent:ended"],
    mayFail: ["terminal:launch:concurrent"],
    change: (sandbox) => ({ startAgent: (launch) => startAgain(sandbox, launch) }),
  }),
  sandboxMutant({
    name: "takes another launch for the one that runs",
    fails: ["terminal:launch:refused-while-running"],
    change: (sandbox) => ({
      startAgent: async (launch, options) => {
        try {
          return await sandbox.startAgent(launch, options);
        } catch (error) {
          if (!ClauderonError.isInstance(error, "session.wrong-state")) throw error;
          return (await sandbox.inspect()).agent;
        }
      },
    }),
  }),
  launchMutant({
    name: "drops the launch's environment",
    fails: ["terminal:launch:environment", "terminal:launch:environment:override"],
    change: ({ environment: _ignored, ...launch }) => launch,
  }),
  launchMutant({
    name: "ignores the launch's size",
    fails: ["terminal:launch:size"],
    change: ({ size: _ignored, ...launch }) => launch,
  }),
  launchMutant({
    name: "trims the agent's arguments",
    fails: ["terminal:launch:argv"],
    change: (launch) => {
      const [program, ...rest] = launch.argv;
      return { ...launch, argv: [program, ...rest.filter((value) => value !== "")] };
    },
  }),
  launchMutant({
    name: "starts a missing program in a shell",
    fails: ["terminal:launch:missing-program", "headless:missing-program"],
    change: (launch) =>
      launch.argv[0] === "clauderon-no-such-program"
        ? { ...launch, argv: ["sh", "-c", "exit 127", ...launch.argv] }
        : launch,
  }),
  sandboxMutant({
    name: "has no text of the terminal",
    fails: ["terminal:text", "terminal:text:lines", "terminal:text:ended", "terminal:launch:next", "headless:text"],
    change: () => ({ agentText: async () => "" }),
  }),
  sandboxMutant({
    name: "gives all text however many lines were asked for",
    fails: ["terminal:text:lines"],
    change: (sandbox) => ({ agentText: () => sandbox.agentText() }),
  }),
  sandboxMutant({
    name: "ends the agent when the caller stops waiting",
    fails: ["abort:launch:lives"],
    change: (sandbox) => ({
      startAgent: async (launch, options) => {
        const told = await sandbox.startAgent(launch, options);
        options?.signal?.addEventListener("abort", () => void sandbox.stop({ graceMs: 0 }));
        return told;
      },
    }),
  }),
];
