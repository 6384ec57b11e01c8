import { type ClauderonError, OperationError, SandboxError } from "@clauderon/core/contract";

import { HostError, type HostFailure } from "./host-protocol.ts";

/** Who is at the other end of a link: how errors speak of it, and how far its own words are believed. */
export interface HostPeer {
  /** At the beginning of a sentence. */
  readonly name: string;
  /** What the end of a connection says: that the peer has ended, or nothing about it. */
  readonly endsWithConnection: boolean;
  /** What helps when it breaks the protocol. */
  readonly fix: string | undefined;
  /** What answers does not know the key. */
  wrongKey(): HostError;
  /** What it said of a failure, as it may be shown. */
  failure(said: HostFailure): HostError;
  /** Nobody is there. */
  missing(): ClauderonError;
  /** It went while a process ran whose end it would have told. */
  outcomeUnknown(): ClauderonError;
  leftOver(processIds: readonly number[]): ClauderonError;
}

/** The session host of a home, which is ours. */
export const sessionHostPeer: HostPeer = {
  name: "The session host",
  endsWithConnection: true,
  fix: undefined,
  wrongKey: () =>
    new HostError(
      "authentication.required",
      "What answers on the session host's socket does not know the key",
      "end that process",
    ),
  failure: ({ code, message, fix }) => new HostError(code, message, fix[0]),
  missing: () =>
    new SandboxError({
      code: "sandbox.not-running",
      message: "The sandbox does not run: its session host has ended",
      fix: ["start the session again: clauderon start NAME"],
    }),
  outcomeUnknown: () =>
    new SandboxError({
      code: "sandbox.not-running",
      message: "The session host ended; how the process ended cannot be known",
      fix: ["start the session again"],
    }),
  leftOver: (processIds) =>
    new SandboxError({
      message: notEnded(processIds),
      fix: [`end them: kill -9 ${processIds.join(" ")}`],
      context: { processIds },
    }),
};

/** Failures that a guest may tell of, and what helps; whatever else it says is `internal`. */
const guestFixes: Readonly<Record<string, string>> = {
  "agent.ended": "start the session again: clauderon start NAME",
  "authentication.required": "stop the session and start it again",
  "command.not-found": "name a program that the sandbox's image has",
  "request.refused": "see why it was refused",
  "request.too-large": "pass less",
  "sandbox.not-running": "start the session again: clauderon start NAME",
  "sandbox.start-failed": "see why it failed, then start the session again",
  "session.wrong-state": "stop the session first",
};
const otherFix = "stop the session and start it again";
const longestShown = 500;

/** The guest of a sandbox, which may be anybody's: what it says is shown as its own words, and what to do about it is said by us. */
export const guestPeer: HostPeer = {
  name: "The guest in the sandbox",
  endsWithConnection: false,
  fix: otherFix,
  wrongKey: () =>
    new HostError(
      "authentication.required",
      "What answers for the guest in the sandbox does not know its key: something else took its place",
      "stop the session and start it again",
    ),
  failure({ code: said, message }) {
    // Whether there is a sandbox is the backend's to say; a guest that knows of none was started anew.
    const code = said === "sandbox.not-found" ? "sandbox.not-running" : said;
    const fix = Object.hasOwn(guestFixes, code) ? guestFixes[code] : undefined;
    return new HostError(
      fix === undefined ? "internal" : code,
      `The guest in the sandbox says: ${shown(message)}`,
      fix ?? otherFix,
    );
  },
  missing: () =>
    new SandboxError({
      code: "sandbox.not-running",
      message: "The sandbox does not run: its guest does not answer",
      fix: ["start the session again: clauderon start NAME"],
    }),
  outcomeUnknown: () =>
    new OperationError({
      message: "The connection to the guest in the sandbox was lost; how the process ended cannot be known",
      fix: ["look at what it did, then run it again"],
    }),
  leftOver: (processIds) =>
    new SandboxError({
      message: `${notEnded(processIds)} by the guest in the sandbox`,
      fix: ["try again; deleting the session removes the sandbox with all its processes"],
    }),
};

/** Nothing that moves a cursor or hides text. */
function shown(text: string): string {
  return text.slice(0, longestShown).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ");
}

function notEnded(processIds: readonly number[]): string {
  return `${processIds.length} processes could not be ended`;
}
