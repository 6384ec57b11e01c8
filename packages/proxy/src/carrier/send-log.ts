import { ChannelFault } from "./channel-protocol.ts";

interface Kept {
  readonly frame: Buffer;
  /** The position after it. */
  readonly end: number;
}

/** After so many acknowledged frames at its front the list is made short. */
const compactAfter = 256;

/** The counted frames that were sent and not yet acknowledged. */
export class SendLog {
  #kept: Kept[] = [];
  #first = 0;
  #sent = 0;
  #acknowledged = 0;

  /** Bytes that the other end has not said to have. */
  get unacknowledgedBytes(): number {
    return this.#sent - this.#acknowledged;
  }

  append(frame: Buffer): void {
    this.#sent += frame.length;
    this.#kept.push({ frame, end: this.#sent });
  }

  /** The other end has everything up to here. A place that cannot be is refused, and nothing is forgotten. */
  acknowledge(position: number): void {
    if (position === this.#acknowledged) return;
    let next = this.#first;
    while (next < this.#kept.length && (this.#kept[next]?.end ?? 0) < position) next += 1;
    if (this.#kept[next]?.end !== position)
      throw new ChannelFault("protocol.violation", `Position ${position} is not the end of a frame that waits for it`);
    this.#acknowledged = position;
    this.#first = next + 1;
    if (this.#first < compactAfter && this.#first < this.#kept.length) return;
    this.#kept = this.#kept.slice(this.#first);
    this.#first = 0;
  }

  /** What has to be sent again. */
  *unacknowledged(): Iterable<Buffer> {
    for (let index = this.#first; index < this.#kept.length; index += 1) {
      const kept = this.#kept[index];
      if (kept !== undefined) yield kept.frame;
    }
  }

  clear(): void {
    this.#kept = [];
    this.#first = 0;
  }
}
