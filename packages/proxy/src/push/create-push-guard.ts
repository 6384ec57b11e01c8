import type { PushScope, Refusal } from "../policy/proxy-types.ts";
import { createFastForwardCheck, type FastForwardCheck } from "./fast-forward-check.ts";
import { createGrowingBuffer } from "./growing-buffer.ts";
import { judgePush, notFastForward, type PushRejection } from "./judge-push.ts";
import { plainAnswer, pushReport, type PushAnswer } from "./push-answer.ts";
import { createReceivePackParser, type ReceivePackHead } from "./receive-pack-parser.ts";

export type PushGuardResult =
  | { readonly kind: "forward"; readonly chunks: readonly Uint8Array[] }
  | {
      readonly kind: "refuse";
      readonly refusal: Refusal;
      /** What git shows readably. The rest of the client's body is to be read and thrown away first or meanwhile: git takes a reset for a broken connection. */
      readonly answer: PushAnswer;
    };

/** Lets one update of one branch through, and nothing else. */
export interface PushGuard {
  /** The body's next bytes, without content encoding. What comes back is all that may go upstream; after a refusal the upstream request must be destroyed. */
  write(chunk: Uint8Array): PushGuardResult;
  /** The body is over. */
  end(): PushGuardResult;
}

export interface PushGuardOptions {
  /** Most bytes before the pack: commands, certificate, options. Default 1 MiB. */
  readonly headLimitBytes?: number | undefined;
}

type Stage = "head" | "pack" | "proved" | "refused";

const DEFAULT_HEAD_LIMIT_BYTES = 1024 * 1024;

/**
 * Reads the body of `POST …/git-receive-pack` as it flows. Held back are the head until it is complete, and of the pack one object at a time until the
 * commits seen lead from the new tip down to the old one; from then on bytes pass untouched.
 */
export function createPushGuard(scope: PushScope, options: PushGuardOptions = {}): PushGuard {
  const headLimit = options.headLimitBytes ?? DEFAULT_HEAD_LIMIT_BYTES;
  const held = createGrowingBuffer();
  const parser = createReceivePackParser();
  let stage: Stage = "head";
  let head: ReceivePackHead | undefined;
  let check: FastForwardCheck | undefined;
  let refused: PushGuardResult | undefined;

  function refuse(refusal: Refusal, answer: PushAnswer): PushGuardResult {
    stage = "refused";
    held.drop(held.length);
    refused = { kind: "refuse", refusal, answer };
    return refused;
  }

  function reject({ rejected, refusal }: PushRejection): PushGuardResult {
    const capabilities = head?.capabilities ?? [];
    return refuse(refusal, pushReport({ rejected, capabilities, remarks: [refusal.message, `fix: ${refusal.fix}`] }));
  }

  function refuseMalformed(reason: string): PushGuardResult {
    const refusal = {
      status: 403,
      code: "push-malformed",
      message: `clauderon refused this push: ${reason}`,
      fix: `push with git: git push origin HEAD:${scope.ref}`,
    };
    return refuse(refusal, plainAnswer([refusal.message, refusal.fix]));
  }

  function readHead(): PushGuardResult {
    const read = parser.read(held.view());
    if (read.kind === "malformed") return refuseMalformed(read.reason);
    if ((read.kind === "complete" ? read.head.end : held.length) > headLimit) {
      return refuseMalformed(`more than ${headLimit} bytes before the pack`);
    }
    if (read.kind === "incomplete") return forward([]);
    head = read.head;
    const [command] = head.commands;
    // git probes with an empty list whether it has to authenticate before a large push: that goes on at the end, when nothing followed.
    if (command === undefined) {
      return held.length > head.end ? refuseMalformed("a pack without commands") : forward([]);
    }
    const rejection = judgePush(head, scope);
    if (rejection !== undefined) return reject(rejection);
    const opening = Buffer.from(held.view().subarray(0, head.end));
    held.drop(head.end);
    if (isCreation(command)) {
      stage = "proved";
      return forward([opening, ...takeAll()]);
    }
    stage = "pack";
    check = createFastForwardCheck(command);
    const first = readPack(check, false);
    return first.kind === "refuse" ? first : forward([opening, ...first.chunks]);
  }

  function readPack(check: FastForwardCheck, isEnd: boolean): PushGuardResult {
    const progress = check.read(held.view(), isEnd);
    if (progress.kind === "not-proved") {
      return reject(notFastForward(head?.commands ?? [], scope, progress.reason));
    }
    if (progress.kind === "proved") {
      stage = "proved";
      return forward(takeAll());
    }
    const judged = Buffer.from(held.view().subarray(0, progress.length));
    held.drop(progress.length);
    return forward(judged.length === 0 ? [] : [judged]);
  }

  const isProved = (): boolean => stage === "proved";

  function takeAll(): readonly Uint8Array[] {
    const rest = Buffer.from(held.view());
    held.drop(rest.length);
    return rest.length === 0 ? [] : [rest];
  }

  return {
    write(chunk) {
      if (refused !== undefined) return refused;
      if (isProved()) return forward([chunk]);
      held.append(chunk);
      return check === undefined ? readHead() : readPack(check, false);
    },
    end() {
      if (refused !== undefined) return refused;
      if (isProved()) return forward([]);
      if (check !== undefined) {
        const last = readPack(check, true);
        if (last.kind === "refuse" || isProved()) return last;
        return reject(
          notFastForward(head?.commands ?? [], scope, "the push ended before it was seen to be a fast-forward"),
        );
      }
      return head === undefined ? refuseMalformed("it ended before its commands did") : forward(takeAll());
    },
  };
}

function forward(chunks: readonly Uint8Array[]): PushGuardResult {
  return { kind: "forward", chunks };
}

const isCreation = ({ oldId }: { readonly oldId: string }): boolean => /^0+$/.test(oldId);
