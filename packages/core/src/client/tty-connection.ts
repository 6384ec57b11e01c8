import { setTimeout as delay } from "node:timers/promises";

import { ClauderonError } from "../contract/errors/clauderon-error.ts";
import type { ErrorCode } from "../contract/errors/error-code.ts";
import { errorTable } from "../contract/errors/error-table.ts";
import { errorFromJson } from "../contract/errors/from-json.ts";
import type { TerminalSize } from "../contract/process.ts";
import {
  decodeTtyServerFrame,
  encodeTtyClientFrame,
  TTY_PROTOCOL,
  ttyClose,
  type TtyClientFrame,
  type TtyControl,
  type TtyServerFrame,
} from "../wire/tty-frames.ts";
import type { Connector } from "./connection.ts";
import { openSocket } from "./open-socket.ts";
import { createTtyInput } from "./tty-input.ts";

/** Where a viewer's messages go. What a handler returns is awaited before more is taken, and only then acknowledged. */
export interface TtyHandlers {
  onOutput(bytes: Uint8Array): void | Promise<void>;
  /** Reset the terminal, then write `data`; output goes on from there. */
  onSnapshot(snapshot: { readonly data: string } & TerminalSize): void | Promise<void>;
  onControl?(control: TtyControl): void;
  /** The connection was lost and is being made again. */
  onReconnect?(): void;
}

export interface TtyOptions extends TtyHandlers {
  readonly size?: TerminalSize | undefined;
  /** Takes control from whoever has it. */
  readonly takesControl?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** How a view ended. */
export type TtyEnd =
  | { readonly kind: "exited"; readonly exitCode: number }
  /** By `close`, or because somebody dismissed the viewers. */
  | { readonly kind: "closed" }
  | { readonly kind: "failed"; readonly error: ClauderonError };

/** A view of a session's terminal that survives restarts of the daemon. */
export interface TtyConnection extends AsyncDisposable {
  /** Resolves once; never rejects. */
  readonly ended: Promise<TtyEnd>;
  /** Applied once, also when the connection is lost meanwhile. Resolves when there is room for more. */
  input(bytes: Uint8Array): Promise<void>;
  resize(size: TerminalSize): void;
  takeControl(isTaking?: boolean): void;
  /** Idempotent. The agent goes on. */
  close(): Promise<void>;
}

const FIRST_WAIT_MS = 50;
const LONGEST_WAIT_MS = 2_000;
/** How long a daemon that is gone is waited for. */
const GIVE_UP_MS = 30_000;

/** Opens a view. Rejects when the session is not there or its terminal cannot be opened. */
export async function attachTerminal(
  connector: Connector,
  sessionId: string,
  options: TtyOptions,
): Promise<TtyConnection> {
  const clientId = crypto.randomUUID();
  const ended = Promise.withResolvers<TtyEnd>();
  const first = Promise.withResolvers<void>();
  const input = createTtyInput((frame) => send(frame));
  let size = options.size;
  let epoch: string | undefined;
  let sequence: number | undefined;
  let socket: WebSocket | undefined;
  let isEnded = false;
  /** Handlers run one after another. */
  let shown: Promise<void> = Promise.resolve();

  function send(frame: TtyClientFrame): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(Uint8Array.from(encodeTtyClientFrame(frame)));
  }
  function end(how: TtyEnd): void {
    if (isEnded) return;
    isEnded = true;
    input.close();
    shown.then(
      () => ended.resolve(how),
      () => ended.resolve(how),
    );
    if (how.kind === "failed") first.reject(how.error);
    else first.resolve();
    socket?.close();
  }

  function receive(frame: TtyServerFrame): void {
    if (frame.type === "exit") return end({ kind: "exited", exitCode: frame.exitCode });
    if (frame.type === "control") return receiveControl(frame.control);
    const after = frame.type === "output" ? frame.sequence + frame.bytes.byteLength : frame.sequence;
    sequence = after;
    shown = shown
      .then(() => (frame.type === "output" ? options.onOutput(frame.bytes.slice()) : options.onSnapshot(frame)))
      .then(() => send({ type: "acknowledge", sequence: after }));
    shown.catch((error: unknown) => end({ kind: "failed", error: asError(error) }));
  }
  function receiveControl(control: TtyControl): void {
    if (control.type === "hello") {
      epoch = control.epoch;
      input.resume(control.inputSequence);
      first.resolve();
    }
    if (control.type === "input") input.applied(control.sequence);
    if (control.type === "input-refused") input.refused(control.sequence);
    options.onControl?.(control);
  }

  async function connectOnce(): Promise<void> {
    const path = ttyPath(sessionId, { clientId, size, epoch, sequence });
    const closed = Promise.withResolvers<{ readonly code: number; readonly reason: string }>();
    socket = await openSocket(connector, {
      path,
      protocol: TTY_PROTOCOL,
      signal: options.signal,
      onMessage(bytes) {
        if (!isEnded) receive(decodeTtyServerFrame(bytes));
      },
      onClose: (code, reason) => closed.resolve({ code, reason }),
    });
    if (isEnded) socket.close();
    const { code, reason } = await closed.promise;
    const final = finalEnd(code, reason);
    if (final !== undefined) end(final);
  }

  async function stayConnected(): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    let lostAt: number | undefined;
    for (;;) {
      try {
        await connectOnce();
        lostAt = undefined;
        waitMs = FIRST_WAIT_MS;
      } catch (error) {
        lostAt ??= Date.now();
        const isOver = Date.now() - lostAt > GIVE_UP_MS || epoch === undefined;
        if (isOver || options.signal?.aborted === true) end({ kind: "failed", error: asError(error) });
      }
      if (isEnded) return;
      connector.forget();
      options.onReconnect?.();
      await delay(waitMs);
      waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS);
    }
  }

  stayConnected().catch((error: unknown) => end({ kind: "failed", error: asError(error) }));
  await first.promise;
  if (options.takesControl === true) send({ type: "control", isTaking: true });
  const close = async (): Promise<void> => {
    end({ kind: "closed" });
    await ended.promise;
  };
  return {
    ended: ended.promise,
    input: (bytes) => input.write(bytes),
    resize(next) {
      size = next;
      send({ type: "resize", ...next });
    },
    takeControl: (isTaking = true) => send({ type: "control", isTaking }),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function ttyPath(
  sessionId: string,
  view: {
    readonly clientId: string;
    readonly size: TerminalSize | undefined;
    readonly epoch: string | undefined;
    readonly sequence: number | undefined;
  },
): string {
  const query = new URLSearchParams({ client: view.clientId });
  if (view.size !== undefined) {
    query.set("columns", String(view.size.columns));
    query.set("rows", String(view.size.rows));
  }
  if (view.epoch !== undefined && view.sequence !== undefined) {
    query.set("epoch", view.epoch);
    query.set("since", String(view.sequence));
  }
  return `/api/sessions/${encodeURIComponent(sessionId)}/tty?${query.toString()}`;
}

/** `undefined` = connect again. */
function finalEnd(code: number, reason: string): TtyEnd | undefined {
  if (code === ttyClose.done) return { kind: "closed" };
  if (code < 4000 && code !== 1011) return undefined;
  if (code === ttyClose.ended) return { kind: "exited", exitCode: -1 };
  return { kind: "failed", error: errorFromReason(reason) };
}

/** A close carries `code: message` where it has a reason of ours. */
function errorFromReason(reason: string): ClauderonError {
  const [, code, message] = /^([a-z.-]+): (.*)$/s.exec(reason) ?? [];
  const isKnown = code !== undefined && code in errorTable;
  return errorFromJson({
    code: isKnown ? (code as ErrorCode) : "request.refused",
    message: isKnown && message !== undefined ? message : `The daemon ended the view: ${reason}`,
    fix: ["look at the session: clauderon status NAME"],
    retryable: false,
  });
}

function asError(error: unknown): ClauderonError {
  if (ClauderonError.isInstance(error)) return error;
  return errorFromJson({
    code: "daemon.unreachable",
    message: "The view of the terminal broke",
    why: error instanceof Error ? error.message : String(error),
    fix: ["attach again; the agent goes on"],
    retryable: true,
  });
}
