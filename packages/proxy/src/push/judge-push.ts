import type { PushScope, Refusal } from "../policy/proxy-types.ts";
import type { RejectedRef } from "./push-answer.ts";
import type { PushCommand, ReceivePackHead } from "./receive-pack-parser.ts";

/** A push that may not be, for git's report and for the audit. */
export interface PushRejection {
  readonly rejected: readonly RejectedRef[];
  readonly refusal: Refusal;
}

/** What the head of a push alone can tell. `undefined` = exactly one update of the session's own branch. */
export function judgePush(head: ReceivePackHead, scope: PushScope): PushRejection | undefined {
  const reasons = head.commands.map((command) => reasonAgainst(command, scope));
  const isDoubled = head.commands.length > 1 && reasons.every((reason) => reason === undefined);
  const wrong = isDoubled ? "is named twice" : reasons.find((reason) => reason !== undefined);
  if (wrong !== undefined) return rejection(head.commands, scope, { code: "push-ref-not-allowed", reasons, wrong });
  if (head.pushOptions.length > 0) {
    return rejection(head.commands, scope, {
      code: "push-options-not-allowed",
      reasons,
      wrong: "push options may act beyond the branch; leave --push-option out",
    });
  }
  return undefined;
}

/** For what is seen only in the pack. */
export function notFastForward(commands: readonly PushCommand[], scope: PushScope, detail: string): PushRejection {
  return rejection(commands, scope, { code: "push-not-fast-forward", reasons: [], wrong: detail });
}

function reasonAgainst({ newId, ref }: PushCommand, scope: PushScope): string | undefined {
  if (/^0+$/.test(newId)) return "this session may not delete refs";
  if (ref === Buffer.from(scope.ref).toString("latin1")) return undefined;
  return ref.startsWith("refs/tags/")
    ? "this session may not push tags"
    : `this session may push only ${branchName(scope)}`;
}

interface RejectionParts {
  readonly code: string;
  readonly reasons: readonly (string | undefined)[];
  readonly wrong: string;
}

function rejection(
  commands: readonly PushCommand[],
  scope: PushScope,
  { code, reasons, wrong }: RejectionParts,
): PushRejection {
  const isMixed = reasons.some((reason) => reason !== undefined) && reasons.includes(undefined);
  return {
    rejected: commands.map(({ ref }, index) => ({
      ref,
      reason: reasons[index] ?? (isMixed ? "rejected together with the others" : wrong),
    })),
    refusal: { status: 403, code, message: `clauderon refused this push: ${wrong}`, fix: fixOf(code, scope) },
  };
}

const branchName = ({ ref }: PushScope): string => ref.replace(/^refs\/heads\//, "");

function fixOf(code: string, scope: PushScope): string {
  const push = `git push origin HEAD:${scope.ref}`;
  if (code === "push-options-not-allowed") return push;
  return code === "push-not-fast-forward"
    ? `put new commits on top of the branch as it is at the remote (git fetch, git merge --no-ff), then ${push}`
    : push;
}
