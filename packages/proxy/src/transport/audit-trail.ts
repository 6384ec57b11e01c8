import { randomBytes } from "node:crypto";

import type { AuditDecision, AuditEntry } from "../audit/audit-entry.ts";
import type { ProxyIdentity, ProxyRequest, ProxyTarget, Refusal } from "../policy/proxy-types.ts";
import { refuse } from "../policy/refusal.ts";
import type { ProxySession } from "./sessions.ts";
import type { TransportContext } from "./transport-context.ts";

/** What a line says besides who asked for what. */
export interface TrailFacts {
  readonly decision: AuditDecision;
  readonly target?: ProxyTarget | undefined;
  readonly request?: ProxyRequest | undefined;
  readonly refusal?: Refusal | undefined;
  readonly ruleId?: string | undefined;
  readonly secret?: string | undefined;
  readonly status?: number | undefined;
  readonly bytesSent?: number | undefined;
  readonly bytesReceived?: number | undefined;
  /** Set on the line that tells how it ended. */
  readonly isEnd?: boolean;
}

const prefix = randomBytes(6).toString("hex");
let count = 0;

/** Without a record nothing is let through. */
export const auditRefusal: Refusal = refuse(503, "audit-unavailable", {
  message: "The proxy cannot write its audit log, so it lets nothing through",
  fix: "free space on the disk of ~/.clauderon",
});

/** The lines of one connection or request: what was decided, before it happens, and how it ended. They share an id. */
export class AuditTrail {
  readonly #context: TransportContext;
  readonly #kind: AuditEntry["kind"];
  readonly #method: string;
  readonly #correlationId: string;
  readonly #identity: ProxyIdentity | undefined;
  readonly #startMs: number;

  constructor(
    context: TransportContext,
    about: {
      readonly kind: AuditEntry["kind"];
      readonly method: string;
      /** Absent = nobody knows who asks. */
      readonly session?: ProxySession | undefined;
    },
  ) {
    const { kind, method, session } = about;
    count += 1;
    this.#correlationId = `${prefix}-${count.toString(36)}`;
    this.#context = context;
    this.#startMs = context.clock.monotonicMs();
    this.#kind = kind;
    this.#method = method;
    this.#identity = session?.isAnonymous === false ? session.identity : undefined;
  }

  /** False when the line could not be written: then nothing may happen, and the client is told `auditRefusal`. */
  write(facts: TrailFacts): boolean {
    const { request, refusal } = facts;
    const target = request?.target ?? facts.target;
    const isEnd = facts.isEnd === true;
    return this.#context.records.write(
      {
        decision: facts.decision,
        kind: this.#kind,
        correlationId: this.#correlationId,
        sessionId: this.#identity?.sessionId,
        sessionName: this.#identity?.sessionName,
        scheme: target?.scheme,
        host: target?.host ?? "",
        port: target?.port ?? 0,
        method: this.#method,
        path: request?.path,
        query: request?.query,
        ruleId: facts.ruleId,
        secret: facts.secret,
        reason: refusal?.code,
        status: refusal?.status ?? facts.status,
        bytesSent: facts.bytesSent,
        bytesReceived: facts.bytesReceived,
        durationMs: isEnd ? this.#context.clock.monotonicMs() - this.#startMs : undefined,
      },
      { isEnd },
    );
  }
}
