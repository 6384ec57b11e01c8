import { setTimeout as delay } from "node:timers/promises";

import type { AgentReport, AgentReportEventBody, AgentReports } from "../contract/agent-report.ts";
import type { Logger } from "../contract/logger.ts";
import type { Sandbox } from "../contract/sandbox.ts";
import type { SessionStore } from "../contract/session-store.ts";
import { agentEnded } from "./agent-watch.ts";
import type { EventLog } from "./event-log.ts";

export interface ReportWatchOptions {
  readonly log: Pick<EventLog, "record">;
  readonly store: Pick<SessionStore, "getFact">;
  readonly logger: Logger;
  /** Between two questions; default 500. */
  readonly pauseMs?: number | undefined;
}

/** An agent, or who is in its place, fills no disk: of what comes within a pause the latest are recorded. */
const mostAtOnce = 20;
const longestPauseMs = 30_000;
const lastMs = 1000;
const shortName = /^[\w.:-]{1,64}$/u;
/** Members by which agents tell which kind it is. */
const detailMembers = ["notification_type", "source", "reason"];

/** Records what the hooks of agents tell as events of their sessions, each once, also over restarts: how far was read is stored with them. */
export class ReportWatch {
  readonly #options: ReportWatchOptions;

  constructor(options: ReportWatchOptions) {
    this.#options = options;
  }

  /** Until the signal; never rejects. Nothing for sandboxes without reports. */
  async follow(sandbox: Sandbox, signal: AbortSignal): Promise<void> {
    const { logger, pauseMs: usualPauseMs = 500 } = this.#options;
    if (sandbox.waitForReports === undefined) return;
    for (let pauseMs = usualPauseMs; !signal.aborted;) {
      try {
        await this.#ask(sandbox, signal);
        pauseMs = usualPauseMs;
      } catch (error) {
        if (!signal.aborted) logger.debug({ session: sandbox.name, error }, "the agent's hooks could not be asked");
        pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      }
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    if (signal.reason !== agentEnded) return;
    // What it told as it went; where that is nothing, nothing comes.
    await this.#ask(sandbox, AbortSignal.timeout(lastMs)).catch(() => undefined);
  }

  async #ask(sandbox: Sandbox, signal: AbortSignal): Promise<void> {
    const told = await sandbox.waitForReports?.({ after: await this.#position(sandbox), signal });
    if (told !== undefined) await this.#record(sandbox, told);
  }

  async #position({ sandboxId }: Sandbox): Promise<{ readonly epoch: string; readonly sequence: number } | undefined> {
    const [epoch, number] = (await this.#options.store.getFact(factOf(sandboxId)))?.split(" ") ?? [];
    const sequence = Number(number);
    return epoch === undefined || !Number.isSafeInteger(sequence) ? undefined : { epoch, sequence };
  }

  async #record({ sandboxId, name }: Sandbox, { epoch, reports, lost }: AgentReports): Promise<void> {
    const last = reports.at(-1);
    if (last === undefined) return;
    const recorded = reports.slice(-mostAtOnce);
    const left = lost + reports.length - recorded.length;
    if (left > 0) this.#options.logger.info({ session: name, left }, "reports of the agent's hooks were not recorded");
    await this.#options.log.record({
      events: recorded.map((report) => ({
        sessionId: sandboxId,
        sessionName: name,
        at: new Date().toISOString(),
        body: eventOf(report),
      })),
      fact: { key: factOf(sandboxId), value: `${epoch} ${last.sequence}` },
    });
  }
}

/** Names alone: what user and model wrote stays in the sandbox. */
export function eventOf({ event, payload }: Pick<AgentReport, "event" | "payload">): AgentReportEventBody {
  const tool = shortText(payload["tool_name"]);
  const detail = detailMembers.map((name) => shortText(payload[name])).find((text) => text !== undefined);
  return {
    type: "agent.reported",
    event,
    ...(tool === undefined ? {} : { tool }),
    ...(detail === undefined ? {} : { detail }),
  };
}

function shortText(value: unknown): string | undefined {
  return typeof value === "string" && shortName.test(value) ? value : undefined;
}

function factOf(sandboxId: string): string {
  return `agent-reports.${sandboxId}`;
}
