import { errorTable, type ErrorCode } from "@clauderon/core/contract";

const meanings: Readonly<Record<number, string>> = {
  0: "ok",
  1: "failed",
  2: "not understood: unknown option, wrong value, or something would have to be asked",
  3: "no such session",
  4: "the daemon refused the token or the request",
  5: "the daemon cannot be reached",
  6: "the backend cannot be used here",
  7: "refused: work would be lost, a name is taken, or the session is in another state",
  8: "timed out",
  9: "you said no to a question",
  127: "the program to run does not exist",
  130: "Ctrl-C (143 SIGTERM, 129 SIGHUP)",
};

/** Texts of `clauderon help TOPIC`. */
export const helpTopics: Readonly<Record<string, () => string>> = {
  "exit-codes": exitCodes,
  environment: () => `Environment variables

  CLAUDERON_HOME        where everything is kept; default ~/.clauderon
  CLAUDERON_BACKEND     backend of new sessions; stronger than general.default_backend
  CLAUDERON_AGENT       agent of new sessions; stronger than general.default_agent
  CLAUDERON_PORT        port of the daemon; stronger than daemon.port; 0 = any free
  NO_COLOR              not empty: no colours (so does TERM=dumb)
  CI, AGENT, AI_AGENT, CLAUDECODE   not empty: nothing is asked

Set inside sessions, where commands without NAME mean that session

  CLAUDERON_SESSION     its name
  CLAUDERON_SESSION_ID  its id
`,
  formatting: () => `Formatting

  Data is printed on standard output, everything else on standard error.
  --json prints one JSON value (events: one object per line); --json=name,state only these fields, always with the = sign.
  Fields are only ever added. An error is {"error": {code, message, why, fix, retryable}} on standard error.
  -q prints names only, one per line.
  Tables are cut to the width of a terminal, and whole when piped. Escape sequences only go to terminals.
  Durations: 500ms, 10s, 5m, 2h, 1d. Sizes: 512m, 2g.
`,
  agents: () => `Agents

  claude (default), codex and gemini are known; they are looked for on your PATH: clauderon agent list
  Another one: clauderon config set agents.NAME.command '["program", "argument"]', then create --agent NAME

  --prompt TEXT, --prompt-file F|-   what it is to do; sent once, never again when the session is started again
  --model ID                         its model
  --plan-mode                        it plans and asks before it changes anything
  --permission-mode ask|edits|auto|bypass   how freely it may act
  --print                            no terminal: the answer is streamed, its exit code is ours

  clauderon stop ends the agent; clauderon start resumes the same conversation.
`,
};

function exitCodes(): string {
  const codesOf = (exitCode: number): string =>
    (Object.keys(errorTable) as ErrorCode[]).filter((code) => errorTable[code].exitCode === exitCode).join(", ");
  const lines = Object.entries(meanings).flatMap(([code, meaning]) => {
    const codes = codesOf(Number(code));
    return [`  ${code.padStart(3)}  ${meaning}`, ...(codes === "" ? [] : [`       ${codes}`])];
  });
  return `Exit codes, and the error codes they stand for

${lines.join("\n")}

exec and create --print exit with the code of what they ran. For exec: 125 clauderon itself failed,
126 it cannot be run, 127 it is not found, 128 + n ended by signal n.
`;
}
