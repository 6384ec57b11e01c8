import { createClient } from "@clauderon/core";

const clauderon = createClient();
await using session = await clauderon.sessions.create({ repository: "." }, { ephemeral: true });
console.log((await session.exec(["git", "status", "-sb"])).stdout);
