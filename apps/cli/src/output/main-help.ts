/** What `clauderon --help` prints; plain text, so that nothing else has to be loaded. A test holds it against the command table. */
export const mainHelp: string = `Run AI coding agents in sessions: each has its own git worktree, terminal and sandbox.
  clauderon create fix-login --prompt "Fix the login test"
  create (new)   Create a session and start its agent
  list (ls)      List sessions
  status         Show one session, or how many are in which state
  attach         Connect this terminal to a session's agent
  detach         Disconnect all viewers of a session
  exec           Run a command in a session
  upload         Put files where a session's agent can read them
  logs           Show what the agent printed
  diff           Show what a session has changed
  merge          Merge a session's commits into your branch
  apply          Bring a session's changes to your working tree
  wait           Wait for a session to end or to reach a state
  start          Start stopped or failed sessions again
  stop           End the agent and its processes; the work stays
  restart        Stop and start sessions
  access (set-access-mode)  Show or change what a session may reach and do
  budget         Show what a session used; set its limit
  archive        Put sessions away, to be brought back as they were
  unarchive      Bring archived sessions back
  delete (rm)    Delete sessions
  undo           Undo a deletion, a merge, an apply or a restore
  checkpoint     Keep states of a session, and go back to them
  trust          Trust a repository's setup script
  reconcile      Compare records with what exists, and mend
  init           Write the first configuration
  setup          Write the configuration and check this machine
  doctor         Check this machine (same as setup --check)
  config         Read and write settings
  backend        Show backends
  agent          Show and test agents
  daemon         Run and control the daemon
  proxy          Show and run the credential proxy
  url            Print the daemon's address
  events         Show what happened
  complete       Print the completion script of a shell
  version        Print versions
  help           Explain a command or a topic
Usage: clauderon COMMAND [OPTIONS] · On one: clauderon COMMAND --help · Topics: clauderon help exit-codes|environment|formatting|agents
`;
