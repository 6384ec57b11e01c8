/** Runs until it is killed. Give a token as the argument after it. */
export const loop = "while :; do sleep 0.2; done";

/** Like `loop`, but SIGTERM and SIGHUP do not end it once the file `ready` is written. */
export const stubbornLoop = "trap '' TERM HUP; printf x > ready; while :; do sleep 0.2; done";

/** Prints every argument, each followed by NUL, without a shell between. */
export const printArguments: readonly [string, string] = ["printf", "%s\\0"];
