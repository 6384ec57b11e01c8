import type { SecretForm } from "./secret-forms.ts";

/** Aho–Corasick over bytes: one step per byte, whatever the number of forms. */
export interface ByteAutomaton {
  /** The longest form, in bytes. */
  readonly longest: number;
  /**
   * `next[position + classOf[byte]]`. A position is a state times `width`; 0 = nothing has begun; negative = a form ends there, at the position without the
   * sign.
   */
  readonly next: Int32Array;
  readonly classOf: Uint8Array;
  readonly width: number;
  /** How many bytes of some form a state has seen. */
  readonly depth: Uint16Array;
  /** What to write over the bytes before and at this state; `undefined` = no form ends here. */
  readonly replacement: readonly (Buffer | undefined)[];
  /** Where to go on after a form ended: at the state itself where a longer form may still follow, else at what else may have begun. A position, by state. */
  readonly resume: Uint32Array;
}

export function createByteAutomaton(forms: readonly SecretForm[]): ByteAutomaton {
  const classOf = new Uint8Array(256);
  let width = 1;
  for (const { bytes } of forms) {
    for (const byte of bytes) classOf[byte] ||= width++;
  }
  const states = 1 + forms.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const next = new Int32Array(states * width);
  const depth = new Uint16Array(states);
  const replacement: (Buffer | undefined)[] = Array.from({ length: states });
  let count = 1;
  for (const form of forms) {
    let state = 0;
    for (const byte of form.bytes) {
      const slot = state * width + (classOf[byte] ?? 0);
      if (next[slot] === 0) {
        depth[count] = (depth[state] ?? 0) + 1;
        next[slot] = count++;
      }
      state = next[slot] ?? 0;
    }
    replacement[state] = form.replacement;
  }
  const resume = link({ next, width, replacement });
  for (const [slot, state] of next.entries()) {
    next[slot] = replacement[state] === undefined ? state * width : -state * width;
  }
  const longest = Math.max(0, ...forms.map(({ bytes }) => bytes.length));
  return { longest, next, classOf, width, depth, replacement, resume };
}

interface Links {
  readonly next: Int32Array;
  readonly width: number;
  readonly replacement: (Buffer | undefined)[];
}

/** Breadth first: a missing step is the one of the longest suffix that is also a beginning. */
function link({ next, width, replacement }: Links): Uint32Array {
  const suffix = new Uint32Array(replacement.length);
  const resume = new Uint32Array(replacement.length);
  const queue: number[] = [];
  for (let step = 1; step < width; step++) {
    const child = next[step] ?? 0;
    if (child !== 0) queue.push(child);
  }
  for (const state of queue) {
    const shorter = suffix[state] ?? 0;
    replacement[state] ??= replacement[shorter];
    let isLeaf = true;
    for (let step = 0; step < width; step++) {
      const child = next[state * width + step] ?? 0;
      const fallback = next[shorter * width + step] ?? 0;
      if (child === 0) next[state * width + step] = fallback;
      else {
        suffix[child] = fallback;
        queue.push(child);
        isLeaf = false;
      }
    }
    resume[state] = isLeaf ? (resume[shorter] ?? 0) : state * width;
  }
  return resume;
}
