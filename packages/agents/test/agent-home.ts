import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { Agent, AgentPlanRequest } from "@clauderon/core/contract";
import { createCommandRunner } from "@clauderon/core/host";

import { createAgents, type AgentSettings } from "../src/index.ts";

/** A user's home with programs of its own, a workspace and a session's directory. */
export class AgentHome implements Disposable {
  readonly root: string = mkdtempSync(join(tmpdir(), "clauderon-agents-"));
  readonly home: string = this.directory("home");
  readonly workspace: string = this.directory("work", "fix");
  readonly sessionDirectory: string = this.directory("state", "session");
  readonly programs: string = this.directory("bin");
  readonly environment: Readonly<Record<string, string>> = { HOME: this.home, PATH: this.programs };

  directory(...parts: readonly string[]): string {
    const path = join(this.root, ...parts);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** A file in the user's home. */
  file(path: string, content: string): string {
    const place = join(this.home, path);
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
    return place;
  }

  /** A program that prints a version. */
  program(name: string, version = "1.2.3"): string {
    const path = join(this.programs, name);
    writeFileSync(path, `#!/bin/sh\necho "${name} ${version} (test)"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  request(changes: Partial<AgentPlanRequest> = {}): AgentPlanRequest {
    return {
      isPlanMode: false,
      permissionMode: "ask",
      isHeadless: false,
      sessionName: "fix",
      conversationId: "5b3c9a70-1f0e-4f6e-9a34-0d9b6f0c2a11",
      isResume: false,
      workspacePath: this.workspace,
      sessionDirectory: this.sessionDirectory,
      environment: this.environment,
      isolation: "none",
      ...changes,
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.root, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** One agent by its id. */
export function agentNamed(name: string, settings: Readonly<Record<string, AgentSettings>> = {}): Agent {
  const agent = createAgents({ runner: createCommandRunner(), settings }).find((entry) => entry.agentId === name);
  if (agent === undefined) throw new Error(`no agent ${name}`);
  return agent;
}
