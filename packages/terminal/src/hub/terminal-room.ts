import type { Logger, ProcessExit, TerminalSize } from "@clauderon/core/contract";

import {
  flowAcknowledge,
  flowNeedsSnapshot,
  flowPauses,
  flowSend,
  startFlow,
  type ViewerFlow,
} from "./flow-control.ts";
import type { ClientInputs } from "./input-log.ts";
import { createOutputBatcher } from "./output-batcher.ts";
import { createReplayRing } from "./replay-ring.ts";
import { whenQuiet } from "./settle.ts";
import type { OpenedTerminal, Viewer, ViewerCloseReason, ViewerNotice, ViewerRequest } from "./terminal-hub.ts";
import { createTerminalInput } from "./terminal-input.ts";
import { createTerminalMirror, type TerminalSnapshot } from "./terminal-mirror.ts";

/** One session's terminal with its viewers; exists from the first viewer to the last. */
export interface TerminalRoom {
  /** `undefined` when the room is closed already. */
  enter(request: ViewerRequest): Viewer | undefined;
  /** Ends all its views; resolves with their number. */
  close(reason?: ViewerCloseReason): Promise<number>;
}

export interface TerminalRoomOptions {
  readonly opened: OpenedTerminal;
  readonly size: TerminalSize | undefined;
  readonly inputLog: ClientInputs;
  readonly logger: Logger;
  /** Called once, when the room is closed or its last viewer has gone. */
  onEmpty(): void;
}

interface Seat {
  readonly request: ViewerRequest;
  size: TerminalSize | undefined;
  /** Absent until the first snapshot or tail. */
  flow: ViewerFlow | undefined;
  isTakingSnapshot: boolean;
}

const RING_BYTES = 2 * 1024 * 1024;
const SNAPSHOT_ROWS = 1000;
/** Unparsed output above which no more is read. */
const MIRROR_BYTES = 512 * 1024;
const defaultSize: TerminalSize = { columns: 80, rows: 24 };

export async function openTerminalRoom(options: TerminalRoomOptions): Promise<TerminalRoom> {
  const { stream, epoch, kind } = options.opened;
  const seats = new Set<Seat>();
  const ring = createReplayRing(RING_BYTES);
  const settled = whenQuiet();
  let controller: Seat | undefined;
  /** Everything before it was handed to the viewers. */
  let broadcast = 0;
  let isPaused = false;
  let isClosed = false;
  let isEnding = false;

  const mirror = await createTerminalMirror({
    size: options.size ?? defaultSize,
    scrollbackRows: SNAPSHOT_ROWS,
    onReply: (data) => input.reply(data),
    onTitle: (title) => tellAll({ type: "title", title }),
    onBell: () => tellAll({ type: "bell" }),
  });
  const input = createTerminalInput({ stream, logger: options.logger });
  const batcher = createOutputBatcher((bytes) => {
    const sequence = broadcast;
    broadcast += bytes.byteLength;
    for (const seat of seats) sendOutput(seat, sequence, bytes);
    adjustPause();
  });

  function tell(seat: Seat, notice: ViewerNotice): void {
    seat.request.sink.notice(notice);
  }
  function tellAll(notice: ViewerNotice): void {
    for (const seat of seats) tell(seat, notice);
  }
  function controllerNotice(seat: Seat): ViewerNotice {
    return { type: "controller", isController: seat === controller, hasController: controller !== undefined };
  }

  function sendOutput(seat: Seat, sequence: number, bytes: Uint8Array): void {
    if (seat.flow === undefined || bytes.byteLength === 0) return;
    const decided = flowSend(seat.flow, bytes.byteLength);
    seat.flow = decided.flow;
    if (decided.isSending) seat.request.sink.output(sequence, bytes);
  }

  function sendTail(seat: Seat, from: number): boolean {
    const parts = ring.tail(from, broadcast);
    if (parts === undefined) return false;
    seat.flow = startFlow(from);
    let sequence = from;
    for (const bytes of parts) {
      sendOutput(seat, sequence, bytes);
      sequence += bytes.byteLength;
    }
    return true;
  }

  function sendSnapshot(seat: Seat, done?: () => void): void {
    if (seat.isTakingSnapshot) return;
    seat.isTakingSnapshot = true;
    mirror.snapshot(SNAPSHOT_ROWS, (snapshot: TerminalSnapshot) => {
      seat.isTakingSnapshot = false;
      batcher.flush();
      if (!seats.has(seat)) return;
      seat.request.sink.snapshot(snapshot);
      if (!sendTail(seat, snapshot.sequence)) seat.flow = startFlow(broadcast);
      adjustPause();
      done?.();
    });
  }

  function adjustPause(): void {
    const wanted = kind === "bytes" && flowPauses(controller?.flow, isPaused);
    if (wanted === isPaused || isEnding) return;
    isPaused = wanted;
    stream.setPaused(wanted).catch((error: unknown) => {
      options.logger.warn({ error }, "the terminal could not be paused or resumed");
    });
  }

  function applySize(): void {
    const size = controller?.size;
    if (size === undefined) return;
    if (size.columns === mirror.size.columns && size.rows === mirror.size.rows) return;
    mirror.resize(size);
    input.resize(size);
    for (const seat of seats) if (seat !== controller) tell(seat, { type: "size", ...size });
  }

  function setController(seat: Seat | undefined): void {
    if (controller === seat) return;
    controller = seat;
    for (const other of seats) tell(other, controllerNotice(other));
    applySize();
    adjustPause();
  }

  function accept(sequence: number, bytes: Uint8Array, isReplay: boolean): void {
    if (sequence !== ring.end) {
      batcher.flush();
      broadcast = sequence;
    }
    ring.append(sequence, bytes);
    // A viewer that shows these bytes in a terminal of its own answers their queries itself.
    const isAnsweredByViewer = controller?.flow !== undefined;
    mirror.write(bytes, sequence + bytes.byteLength, () => !isReplay && !isAnsweredByViewer);
    batcher.add(bytes);
    settled.touch();
  }

  async function pump(): Promise<void> {
    try {
      for await (const chunk of stream.output) {
        if (isClosed) return;
        accept(chunk.sequence, chunk.bytes, chunk.isReplay);
        if (mirror.pendingBytes > MIRROR_BYTES) await mirror.drained(MIRROR_BYTES / 2);
      }
    } catch (error) {
      options.logger.warn({ error }, "the terminal's connection broke");
    }
    settled.finish();
    const exit = await stream.ended;
    if (isClosed) return;
    isEnding = true;
    batcher.flush();
    await mirror.drained(0);
    for (const seat of seats) finish(seat, exit);
  }

  /** The last a viewer sees: the whole screen if it lacks some of it, then the end. */
  function finish(seat: Seat, exit: ProcessExit | undefined): void {
    const leave = (): void => {
      if (!seats.delete(seat)) return;
      if (exit === undefined) seat.request.sink.close("lost");
      else seat.request.sink.end(exit);
      closeWhenEmpty();
    };
    if (seat.flow === undefined || seat.flow.isBehind) {
      seat.isTakingSnapshot = false;
      sendSnapshot(seat, leave);
    } else leave();
  }

  function closeWhenEmpty(): void {
    if (seats.size > 0 || isClosed) return;
    close().catch((error: unknown) => options.logger.warn({ error }, "the terminal's connection could not be closed"));
  }

  async function close(reason: ViewerCloseReason = "closed"): Promise<number> {
    if (isClosed) return 0;
    const count = seats.size;
    isClosed = true;
    options.onEmpty();
    batcher.close();
    settled.finish();
    for (const seat of seats) seat.request.sink.close(reason);
    seats.clear();
    mirror.close();
    await stream.close();
    return count;
  }

  function leave(seat: Seat): void {
    if (!seats.delete(seat)) return;
    if (controller === seat) setController(undefined);
    closeWhenEmpty();
  }

  function welcome(seat: Seat): void {
    if (!seats.has(seat) || isClosed || seat.flow !== undefined) return;
    tell(seat, {
      type: "hello",
      epoch,
      isController: seat === controller,
      hasController: controller !== undefined,
      ...mirror.size,
      inputSequence: options.inputLog.last(seat.request.clientId),
    });
    if (mirror.title !== "") tell(seat, { type: "title", title: mirror.title });
    const since = seat.request.since;
    batcher.flush();
    if (since?.epoch === epoch && sendTail(seat, since.sequence)) adjustPause();
    else sendSnapshot(seat);
  }

  function viewerOf(seat: Seat): Viewer {
    const clientId = seat.request.clientId;
    return {
      input(sequence, bytes) {
        if (!seats.has(seat)) return;
        const last = options.inputLog.last(clientId);
        if (sequence <= last) {
          tell(seat, { type: "input", sequence: last });
          return;
        }
        if (controller === undefined) setController(seat);
        if (controller !== seat) {
          tell(seat, { type: "input-refused", sequence });
          return;
        }
        options.inputLog.applied(clientId, sequence);
        const isTaken = input.write(bytes, () => {
          if (seats.has(seat)) tell(seat, { type: "input", sequence });
        });
        if (isTaken) return;
        seat.request.sink.close("slow");
        leave(seat);
      },
      resize(size) {
        seat.size = size;
        if (seat === controller) applySize();
      },
      acknowledge(sequence) {
        if (seat.flow === undefined) return;
        seat.flow = flowAcknowledge(seat.flow, sequence);
        if (flowNeedsSnapshot(seat.flow)) sendSnapshot(seat);
        if (seat === controller) adjustPause();
      },
      control(isTaking) {
        if (!seats.has(seat)) return;
        if (isTaking) setController(seat);
        else if (controller === seat) setController(undefined);
      },
      detach: () => leave(seat),
    };
  }

  pump().catch((error: unknown) => {
    options.logger.error({ error }, "the terminal's mirror failed");
    close("lost").catch((failure: unknown) => options.logger.warn({ error: failure }, "closing it failed too"));
  });

  return {
    enter(request) {
      if (isClosed) return undefined;
      for (const seat of seats) {
        if (seat.request.clientId !== request.clientId) continue;
        seats.delete(seat);
        if (controller === seat) controller = undefined;
        seat.request.sink.close("replaced");
      }
      const seat: Seat = { request, size: request.size, flow: undefined, isTakingSnapshot: false };
      seats.add(seat);
      if (controller === undefined) {
        controller = seat;
        applySize();
        for (const other of seats) if (other !== seat) tell(other, controllerNotice(other));
      }
      settled.wait
        .then(() => welcome(seat))
        .catch((error: unknown) => {
          options.logger.error({ error }, "a viewer could not be shown the terminal");
        });
      return viewerOf(seat);
    },
    close,
  };
}
