import type { SecretForm } from "./secret-forms.ts";

/**
 * Aho–Corasick over bytes: one step per byte, whatever the number of forms. States near the root, and those where forms part, have a row for every byte; the
 * others know their one next byte and where to go on otherwise, so that a secret of some kilobytes costs no megabytes.
 */
export interface ByteAutomaton {
  /** The state after a byte. State 0 = nothing has begun. */
  step(state: number, byte: number): number;
  /** Where the first byte lies, from `from` on, that could begin a form. */
  skip(bytes: Uint8Array, from: number): number;
  /** How many bytes of some form a state has seen. */
  depth(state: number): number;
  /** A form ends here. */
  isEnd(state: number): boolean;
  /** What to write over the bytes of that form. */
  replacement(state: number): Buffer | undefined;
  /** Where to go on after a form ended: at the state itself where a longer form may still follow, else at what else may have begun. */
  resume(state: number): number;
}

const DENSE_DEPTH = 2;
const NO_ROW = -1;
const NO_BYTE = 256;

export function createByteAutomaton(forms: readonly SecretForm[]): ByteAutomaton {
  const trie = createTrie(forms);
  const { order, suffix } = linkSuffixes(trie);
  const { rows, table } = createRows(trie, { order, suffix });
  const { depths, nextByte, child, replacements } = trie;
  for (const state of order) replacements[state] ??= replacements[suffix[state] ?? 0];
  const jump = createJump(forms, table);
  const ends = Uint8Array.from(replacements, (replacement) => (replacement === undefined ? 0 : 1));

  function step(from: number, byte: number): number {
    for (let state = from; ; state = suffix[state] ?? 0) {
      const row = rows[state] ?? NO_ROW;
      if (row !== NO_ROW) return table[row + byte] ?? 0;
      if (nextByte[state] === byte) return child[state] ?? 0;
    }
  }

  return {
    step,
    skip: jump,
    depth: (state) => depths[state] ?? 0,
    isEnd: (state) => ends[state] === 1,
    replacement: (state) => replacements[state],
    resume(ended) {
      let state = ended;
      while (state !== 0 && child[state] === 0) state = suffix[state] ?? 0;
      return state;
    },
  };
}

const LONGEST_WINDOW = 8;

/**
 * Wu and Manber's search: looks at the last two bytes of a window as long as the shortest form, and goes on by as far as no form can begin before. Most bytes are
 * never looked at.
 */
function createJump(forms: readonly SecretForm[], table: Uint32Array): (bytes: Uint8Array, from: number) => number {
  const size = Math.min(LONGEST_WINDOW, ...forms.map(({ bytes }) => bytes.length));
  const stepwise = (bytes: Uint8Array, from: number): number => {
    let at = from;
    while (at < bytes.length && table[bytes[at] ?? 0] === 0) at++;
    return at;
  };
  if (size < 2) return stepwise;
  const last = size - 1;
  const shifts = new Uint8Array(256 * 256).fill(last);
  for (const { bytes } of forms)
    for (let at = 1; at <= last; at++) {
      const pair = ((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0);
      shifts[pair] = Math.min(shifts[pair] ?? 0, last - at);
    }
  return (bytes, from) => {
    const end = bytes.length;
    let at = from + last;
    while (at < end) {
      const shift = shifts[((bytes[at - 1] ?? 0) << 8) | (bytes[at] ?? 0)] ?? 0;
      if (shift === 0) return at - last;
      at += shift;
    }
    // The rest is shorter than a window: a form may begin in it.
    return stepwise(bytes, at - last);
  };
}

interface Trie {
  /** The first child and the byte that leads there; further children follow as its siblings. */
  readonly child: Uint32Array;
  readonly nextByte: Uint16Array;
  readonly sibling: Uint32Array;
  /** The byte that leads to a state. */
  readonly ownByte: Uint8Array;
  readonly depths: Uint32Array;
  readonly replacements: (Buffer | undefined)[];
}

function createTrie(forms: readonly SecretForm[]): Trie {
  const size = 1 + forms.reduce((sum, { bytes }) => sum + bytes.length, 0);
  const trie: Trie = {
    child: new Uint32Array(size),
    nextByte: new Uint16Array(size).fill(NO_BYTE),
    sibling: new Uint32Array(size),
    ownByte: new Uint8Array(size),
    depths: new Uint32Array(size),
    replacements: Array.from({ length: size }),
  };
  let count = 1;
  for (const { bytes, replacement } of forms) {
    let state = 0;
    for (const byte of bytes) {
      let next = childOf(trie, state, byte);
      if (next === 0) {
        next = count++;
        trie.ownByte[next] = byte;
        trie.depths[next] = (trie.depths[state] ?? 0) + 1;
        trie.sibling[next] = trie.child[state] ?? 0;
        trie.child[state] = next;
        trie.nextByte[state] = byte;
      }
      state = next;
    }
    trie.replacements[state] = replacement;
  }
  return trie;
}

function childOf({ child, sibling, ownByte }: Trie, state: number, byte: number): number {
  let next = child[state] ?? 0;
  while (next !== 0 && ownByte[next] !== byte) next = sibling[next] ?? 0;
  return next;
}

interface Links {
  /** All states but the root, breadth first. */
  readonly order: readonly number[];
  /** The longest proper suffix of what a state has seen that is also a beginning. */
  readonly suffix: Uint32Array;
}

function linkSuffixes(trie: Trie): Links {
  const suffix = new Uint32Array(trie.child.length);
  const order: number[] = [];
  const visit = (state: number): void => {
    for (let next = trie.child[state] ?? 0; next !== 0; next = trie.sibling[next] ?? 0) {
      suffix[next] = state === 0 ? 0 : suffixOf(trie, suffix, next, state);
      order.push(next);
    }
  };
  visit(0);
  for (const state of order) visit(state);
  return { order, suffix };
}

// oxlint-disable-next-line max-params -- inner loop of the construction: an object per byte of a secret would be made
function suffixOf(trie: Trie, suffix: Uint32Array, next: number, parent: number): number {
  const byte = trie.ownByte[next] ?? 0;
  for (let state = suffix[parent] ?? 0; ; state = suffix[state] ?? 0) {
    const found = childOf(trie, state, byte);
    if (found !== 0 || state === 0) return found;
  }
}

interface Rows {
  /** Where a state's row begins in the table. */
  readonly rows: Int32Array;
  readonly table: Uint32Array;
}

/** The root's row is the first. */
function createRows(trie: Trie, { order, suffix }: Links): Rows {
  const dense = [
    0,
    ...order.filter((state) => (trie.depths[state] ?? 0) <= DENSE_DEPTH || hasManyChildren(trie, state)),
  ];
  const rows = new Int32Array(trie.child.length).fill(NO_ROW);
  const table = new Uint32Array(dense.length * 256);
  for (const [index, state] of dense.entries()) {
    const row = index * 256;
    if (state !== 0) {
      for (let byte = 0; byte < 256; byte++) {
        table[row + byte] = stepBelow(trie, { rows, table, suffix }, suffix[state] ?? 0, byte);
      }
    }
    for (let next = trie.child[state] ?? 0; next !== 0; next = trie.sibling[next] ?? 0) {
      table[row + (trie.ownByte[next] ?? 0)] = next;
    }
    rows[state] = row;
  }
  return { rows, table };
}

// oxlint-disable-next-line max-params -- as above
function stepBelow(
  trie: Trie,
  { rows, table, suffix }: Rows & Pick<Links, "suffix">,
  from: number,
  byte: number,
): number {
  for (let state = from; ; state = suffix[state] ?? 0) {
    const row = rows[state] ?? NO_ROW;
    if (row !== NO_ROW) return table[row + byte] ?? 0;
    if (trie.nextByte[state] === byte) return trie.child[state] ?? 0;
  }
}

function hasManyChildren({ child, sibling }: Trie, state: number): boolean {
  const first = child[state] ?? 0;
  return first !== 0 && sibling[first] !== 0;
}
