// The session host reads these too, and imports no other package: hence here, beside `markerVariable` of core's host blocks.

/** Carried by every process of a sandbox: `<instanceId>/<sandboxId>`. */
export const sandboxMark = "CLAUDERON_SANDBOX_ID";

/** Carried by the daemon and session hosts, whoever started them: what has it is never ended with a session. */
export const keeperMark = "CLAUDERON_KEEPER";
