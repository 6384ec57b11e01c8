import { resolve } from "node:path";

import {
  UsageError,
  type AccessMode,
  type CreateSessionRequest,
  type PermissionMode,
  type PullPolicy,
} from "@clauderon/core/contract";

import type { CommandContext } from "../command/command-context.ts";
import type { ProgressMode } from "../output/progress-view.ts";
import { readEnvironmentOptions } from "../values/environment-options.ts";
import { parseCount, parsePositive } from "../values/number.ts";
import { readPromptText } from "../values/prompt-text.ts";
import { parseMemoryLimit } from "../values/size.ts";
import { callerEnvironment } from "./caller-environment.ts";

/** What the options of `create` hold. */
export interface CreateValues {
  readonly name: string | undefined;
  readonly repo: string | undefined;
  readonly prompt: string | undefined;
  readonly "prompt-file": string | undefined;
  readonly agent: string | undefined;
  readonly model: string | undefined;
  readonly "plan-mode": boolean;
  readonly "permission-mode": PermissionMode | undefined;
  readonly print: boolean;
  readonly backend: string | undefined;
  readonly branch: string | undefined;
  readonly base: string | undefined;
  readonly from: string | undefined;
  readonly "with-changes": boolean;
  readonly "trust-setup": boolean;
  readonly env: readonly string[];
  readonly "env-file": string | undefined;
  readonly attach: boolean;
  readonly detach: boolean;
  readonly ephemeral: boolean;
  readonly wait: boolean;
  readonly image: string | undefined;
  readonly "pull-policy": PullPolicy | "missing" | undefined;
  readonly "cpu-limit": string | undefined;
  readonly "memory-limit": string | undefined;
  readonly "pids-limit": string | undefined;
  readonly "access-mode": AccessMode | undefined;
  readonly network: CreateSessionRequest["network"];
  readonly allow: readonly string[];
  readonly deny: readonly string[];
  readonly advisory: boolean;
  readonly budget: string | undefined;
  readonly progress: ProgressMode | "auto" | undefined;
}

/** The request of a `create` command line. Only here are paths made absolute and files read. */
export async function createRequest(args: CreateValues, context: CommandContext): Promise<CreateSessionRequest> {
  checkCombinations(args, context);
  const prompt = await readPromptText({ prompt: args.prompt, file: args["prompt-file"] }, context);
  if (args.print && prompt === undefined) {
    throw new UsageError({
      code: "usage.needs-input",
      message: "--print needs a prompt",
      fix: ['add --prompt "…"', "or read it from standard input: --prompt-file -"],
    });
  }
  const environment = await readEnvironmentOptions({ pairs: args.env, file: args["env-file"] }, context);
  const limits = readLimits(args);
  const pullPolicy: PullPolicy | undefined = args["pull-policy"] === "missing" ? "if-not-present" : args["pull-policy"];
  return {
    repository: repositoryOf(args.repo, context.currentDirectory),
    callerEnvironment: callerEnvironment(context.environment),
    size: context.terminalSize(),
    isHeadless: args.print,
    isPlanMode: args["plan-mode"],
    withChanges: args["with-changes"],
    ...present({
      name: args.name,
      prompt,
      backend: args.backend ?? nonEmpty(context.environment["CLAUDERON_BACKEND"]),
      agent: args.agent ?? nonEmpty(context.environment["CLAUDERON_AGENT"]),
      model: args.model,
      permissionMode: args["permission-mode"],
      base: args.base,
      checkpoint: args.from,
      branch: args.branch,
      image: args.image,
      pullPolicy,
      limits,
      accessMode: args["access-mode"],
      network: args.network,
      allow: args.allow.length === 0 ? undefined : args.allow,
      deny: args.deny.length === 0 ? undefined : args.deny,
      isAdvisory: args.advisory ? true : undefined,
      budget: args.budget,
      isSetupTrusted: args["trust-setup"] ? true : undefined,
      environment: Object.keys(environment).length === 0 ? undefined : environment,
    }),
  };
}

function checkCombinations(args: CreateValues, context: CommandContext): void {
  const exclusive = (first: string, second: string): UsageError =>
    new UsageError({
      message: `${first} and ${second} exclude each other`,
      fix: [`leave ${first} out`, `leave ${second} out`],
    });
  if (args.from !== undefined && args.repo !== undefined) throw exclusive("--from", "--repo");
  if (args.attach && args.detach) throw exclusive("--attach", "--detach");
  if (args.attach && args.print) throw exclusive("--attach", "--print");
  if (args.attach && !args.wait) throw exclusive("--attach", "--no-wait");
  if (args.print && !args.wait) throw exclusive("--print", "--no-wait");
  if (args.ephemeral && !args.print && !args.attach) {
    throw new UsageError({
      message: "--ephemeral needs --print or --attach",
      why: "the session is deleted when the agent has ended, and something has to wait for that",
      fix: ["add --print or --attach", "or leave --ephemeral out and delete the session later: clauderon delete NAME"],
    });
  }
  if (args.attach && !(context.keyboard.isTerminal && context.output.stdout.isTerminal)) {
    throw new UsageError({
      code: "usage.needs-input",
      message: "--attach needs a terminal",
      why: "standard input or output is not one",
      fix: ["leave --attach out", "or let the agent run without a terminal: --print"],
    });
  }
}

function readLimits(args: CreateValues): CreateSessionRequest["limits"] {
  const cpus = args["cpu-limit"] === undefined ? undefined : parsePositive("--cpu-limit", args["cpu-limit"]);
  const memoryBytes =
    args["memory-limit"] === undefined ? undefined : parseMemoryLimit("--memory-limit", args["memory-limit"]);
  const processes = args["pids-limit"] === undefined ? undefined : parseCount("--pids-limit", args["pids-limit"]);
  const limits = present({ cpus, memoryBytes, processes });
  return Object.keys(limits).length === 0 ? undefined : limits;
}

const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;
const SCP_LIKE = /^[^/\s:]+@[^/\s:]+:/;

/** URLs stay; paths become absolute. */
export function repositoryOf(text: string | undefined, currentDirectory: string): string {
  if (text === undefined) return currentDirectory;
  return SCHEME.test(text) || SCP_LIKE.test(text) ? text : resolve(currentDirectory, text);
}

const nonEmpty = (text: string | undefined): string | undefined => (text === "" ? undefined : text);

type Present<T> = { readonly [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(fields: T): Present<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Present<T>;
}
