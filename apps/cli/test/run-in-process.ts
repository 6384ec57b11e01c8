import { PassThrough, Writable } from "node:stream";

import { checkCreateRequest, checkUpload } from "@clauderon/core/client";
import { checkSessionAccess } from "@clauderon/proxy/client";

import type { Access } from "../src/command/access.ts";
import type { Prompts } from "../src/command/command-context.ts";
import type { Host } from "../src/host.ts";
import { run } from "../src/run.ts";

export interface RunSettings {
  readonly access?: Partial<Access>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly currentDirectory?: string;
  readonly isTerminal?: boolean;
  readonly answers?: Partial<Prompts>;
  readonly input?: string;
  /** Receives what would be signals. */
  readonly onSignals?: (send: (signal: NodeJS.Signals) => void) => void;
}

export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly exited: readonly number[];
}

/** Runs a command line against doubles of the process and of everything behind it. */
export async function runInProcess(argv: readonly string[], settings: RunSettings = {}): Promise<RunResult> {
  const stdout = collector();
  const stderr = collector();
  const isTerminal = settings.isTerminal ?? false;
  const exited: number[] = [];
  const stdin = new PassThrough();
  stdin.end(settings.input ?? "");
  const host: Host = {
    stdout: { stream: stdout.stream, isTerminal, columns: () => 80 },
    stderr: { stream: stderr.stream, isTerminal, columns: () => 80 },
    keyboard: { isTerminal, stream: stdin as unknown as NodeJS.ReadStream },
    prompts: {
      confirm: unexpected("confirm"),
      select: unexpected("select"),
      password: unexpected("password"),
      ...settings.answers,
    },
    environment: settings.environment ?? {},
    currentDirectory: settings.currentDirectory ?? "/nowhere",
    access: { ...refusingAccess, ...settings.access },
    onSignal(listener) {
      settings.onSignals?.(listener);
      return { [Symbol.dispose]: () => undefined };
    },
    exit: (code) => {
      exited.push(code);
    },
    terminalRows: () => 24,
  };
  const code = await run(argv, host);
  return { code, stdout: stdout.text(), stderr: stderr.text(), exited };
}

function collector(): { readonly stream: Writable; text(): string } {
  const chunks: Buffer[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      chunks.push(chunk);
      done();
    },
  });
  return { stream, text: () => Buffer.concat(chunks).toString("utf8") };
}

function unexpected(name: string): () => Promise<never> {
  return () => Promise.reject(new Error(`${name} was not expected`));
}

const refusingAccess: Access = {
  homeDirectory: () => Promise.resolve("/nowhere/home"),
  settingsPath: () => Promise.resolve("/nowhere/home/config.toml"),
  checkCreateRequest: async (request) => {
    checkCreateRequest(request);
  },
  checkUpload: async (name, sizeBytes) => {
    checkUpload(name, sizeBytes);
  },
  checkBudget: async (budget) => {
    checkSessionAccess({ budget });
  },
  connect: unexpected("connect"),
  connectRunning: () => Promise.resolve(undefined),
  settings: unexpected("settings"),
  setting: unexpected("setting"),
  setSetting: unexpected("setSetting"),
  agents: unexpected("agents"),
  trustClaudeWorktrees: unexpected("trustClaudeWorktrees"),
  setupScript: async () => undefined,
  setupTrust: unexpected("setupTrust"),
  proxyHome: unexpected("proxyHome"),
  runningProxy: async () => undefined,
  failedProxy: async () => undefined,
  daemonRecord: () => Promise.resolve(undefined),
  startDaemon: unexpected("startDaemon"),
  stopDaemon: unexpected("stopDaemon"),
  runDaemon: unexpected("runDaemon"),
  token: unexpected("token"),
};
