/** What became of one CONNECT or request. */
export type AuditDecision = "allowed" | "injected" | "blocked" | "failed";

/** One decision, as the transport reports it. Nothing of it has to be clean: the log redacts and escapes. */
export interface AuditEntry {
  readonly decision: AuditDecision;
  /** `gap` = lines could not be written: what they would have told of was refused. */
  readonly kind: "connect" | "request" | "upgrade" | "gap";
  readonly correlationId: string;
  /** Absent for the anonymous. */
  readonly sessionId?: string | undefined;
  readonly sessionName?: string | undefined;
  readonly scheme?: string | undefined;
  readonly host: string;
  readonly port: number;
  readonly method: string;
  readonly path?: string | undefined;
  readonly query?: string | undefined;
  readonly ruleId?: string | undefined;
  /** Name of the secret, never its value. */
  readonly secret?: string | undefined;
  /** Code of the refusal or failure. */
  readonly reason?: string | undefined;
  readonly status?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly bytesSent?: number | undefined;
  readonly bytesReceived?: number | undefined;
  /** Of a gap: how many lines were not written. */
  readonly missing?: number | undefined;
}

/** One line of the log. The first nine members have the names that earlier versions wrote. */
export interface AuditRecord {
  readonly timestamp: string;
  readonly correlation_id: string;
  readonly session_id: string | null;
  readonly service: string;
  readonly method: string;
  readonly path: string;
  readonly auth_injected: boolean;
  readonly response_code: number | null;
  readonly duration_ms: number | null;
  readonly decision: AuditDecision;
  readonly kind: AuditEntry["kind"];
  readonly session_name?: string | undefined;
  readonly scheme?: string | undefined;
  readonly port: number;
  readonly rule?: string | undefined;
  readonly secret?: string | undefined;
  readonly reason?: string | undefined;
  readonly bytes_sent?: number | undefined;
  readonly bytes_received?: number | undefined;
  /** Of a gap that began at `timestamp` and lasted `duration_ms`: how many decisions were refused without a line of their own. */
  readonly missing?: number | undefined;
}
