import type { Logger, ProcessExit, TerminalKind, TerminalSize, TerminalStream } from "@clauderon/core/contract";
import { silentLogger } from "@clauderon/core/contract";

import { createInputLog } from "./input-log.ts";
import type { TerminalSnapshot } from "./terminal-mirror.ts";
import { openTerminalRoom, type TerminalRoom } from "./terminal-room.ts";

/** What the hub tells a viewer beside output and snapshots. */
export type ViewerNotice =
  | {
      readonly type: "hello";
      readonly epoch: string;
      readonly isController: boolean;
      readonly hasController: boolean;
      readonly columns: number;
      readonly rows: number;
      readonly inputSequence: number;
    }
  | { readonly type: "controller"; readonly isController: boolean; readonly hasController: boolean }
  | { readonly type: "size"; readonly columns: number; readonly rows: number }
  | { readonly type: "title"; readonly title: string }
  | { readonly type: "bell" }
  | { readonly type: "input"; readonly sequence: number }
  | { readonly type: "input-refused"; readonly sequence: number };

/** `replaced`: the same client attached again. `lost`: the terminal's connection broke; attaching again may work. `slow`: too much unprocessed input. `closed`: the hub was closed. `dismissed`: somebody asked for it. */
export type ViewerCloseReason = "replaced" | "lost" | "slow" | "closed" | "dismissed";

/** Where a viewer's messages go. Called in order; must not throw. Exactly one of `end` and `close` comes last, unless the viewer detaches. */
export interface ViewerSink {
  output(sequence: number, bytes: Uint8Array): void;
  snapshot(snapshot: TerminalSnapshot): void;
  notice(notice: ViewerNotice): void;
  /** The agent has ended, all its output was sent. */
  end(exit: ProcessExit): void;
  close(reason: ViewerCloseReason): void;
}

export interface ViewerRequest {
  readonly sessionId: string;
  /** Chosen by the client, the same over reconnects. */
  readonly clientId: string;
  /** Of the viewer's window; counts while it controls. Default: whatever the terminal has. */
  readonly size?: TerminalSize | undefined;
  /** Where output shall go on, with the epoch it belongs to. Default: a snapshot. */
  readonly since?: { readonly epoch: string; readonly sequence: number } | undefined;
  readonly sink: ViewerSink;
}

/** One window on a session's terminal. */
export interface Viewer {
  /** Applied once per sequence, in order. Takes control when nobody has it; refused when another viewer has. */
  input(sequence: number, bytes: Uint8Array): void;
  resize(size: TerminalSize): void;
  acknowledge(sequence: number): void;
  control(isTaking: boolean): void;
  /** Idempotent. */
  detach(): void;
}

export interface OpenedTerminal {
  readonly stream: TerminalStream;
  readonly kind: TerminalKind;
  /** Names the run that sequence numbers belong to; for `screen` a new one each time. */
  readonly epoch: string;
}

export interface TerminalHubOptions {
  /** A connection to the session's terminal; the hub closes it. */
  open(sessionId: string, options: { readonly size?: TerminalSize | undefined }): Promise<OpenedTerminal>;
  readonly logger?: Logger | undefined;
}

/** Shares each session's terminal between any number of viewers. Nothing is held for a session that nobody views. */
export interface TerminalHub extends AsyncDisposable {
  /** Resolves when the viewer is known; output comes through its sink. Rejects as `open` does. */
  attach(request: ViewerRequest): Promise<Viewer>;
  /** Ends the views of a session; resolves with their number. */
  dismiss(sessionId: string): Promise<number>;
  /** Sessions that are viewed now. */
  readonly openCount: number;
  close(): Promise<void>;
}

export function createTerminalHub(options: TerminalHubOptions): TerminalHub {
  const logger = options.logger ?? silentLogger;
  const rooms = new Map<string, Promise<TerminalRoom>>();
  const inputLog = createInputLog();
  let isClosed = false;

  function room(sessionId: string, size: TerminalSize | undefined): Promise<TerminalRoom> {
    const known = rooms.get(sessionId);
    if (known !== undefined) return known;
    const opening = (async () => {
      const opened = await options.open(sessionId, { size });
      return openTerminalRoom({
        opened,
        size,
        inputLog: inputLog.of(sessionId),
        logger: logger.child({ sessionId }),
        onEmpty: () => {
          if (rooms.get(sessionId) === opening) rooms.delete(sessionId);
        },
      });
    })();
    rooms.set(sessionId, opening);
    opening.catch(() => {
      if (rooms.get(sessionId) === opening) rooms.delete(sessionId);
    });
    return opening;
  }

  async function close(): Promise<void> {
    isClosed = true;
    const open = await Promise.allSettled(rooms.values());
    await Promise.all(open.map(async (result) => (result.status === "fulfilled" ? result.value.close() : undefined)));
  }

  return {
    get openCount() {
      return rooms.size;
    },
    async attach(request) {
      for (;;) {
        const entered = await room(request.sessionId, request.size);
        if (isClosed) {
          await entered.close();
          request.sink.close("closed");
          return closedViewer;
        }
        const viewer = entered.enter(request);
        if (viewer !== undefined) return viewer;
        // The room closed between its opening and this moment; the next one is new.
      }
    },
    async dismiss(sessionId) {
      const open = await rooms.get(sessionId)?.catch(() => undefined);
      return open === undefined ? 0 : open.close("dismissed");
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

const nothing = (): void => undefined;
const closedViewer: Viewer = {
  input: nothing,
  resize: nothing,
  acknowledge: nothing,
  control: nothing,
  detach: nothing,
};
