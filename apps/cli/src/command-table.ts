import type { CommandTableRow } from "./command/command.ts";

/** Every command. The modules are loaded when one is run, completed or explained. */
export const commandTable: Readonly<Record<string, CommandTableRow>> = {
  create: {
    description: "Create a session and start its agent",
    aliases: ["new"],
    load: async () => (await import("./commands/create.ts")).createCommand,
  },
  list: {
    description: "List sessions",
    aliases: ["ls"],
    load: async () => (await import("./commands/list.ts")).listCommand,
  },
  status: {
    description: "Show one session, or how many are in which state",
    load: async () => (await import("./commands/status.ts")).statusCommand,
  },
  attach: {
    description: "Connect this terminal to a session's agent",
    load: async () => (await import("./commands/attach.ts")).attachCommand,
  },
  detach: {
    description: "Disconnect all viewers of a session",
    load: async () => (await import("./commands/detach.ts")).detachCommand,
  },
  exec: {
    description: "Run a command in a session",
    load: async () => (await import("./commands/exec.ts")).execCommand,
  },
  upload: {
    description: "Put files where a session's agent can read them",
    load: async () => (await import("./commands/upload.ts")).uploadCommand,
  },
  logs: {
    description: "Show what the agent printed",
    load: async () => (await import("./commands/logs.ts")).logsCommand,
  },
  diff: {
    description: "Show what a session has changed",
    load: async () => (await import("./commands/diff.ts")).diffCommand,
  },
  merge: {
    description: "Merge a session's commits into your branch",
    load: async () => (await import("./commands/merge.ts")).mergeCommand,
  },
  apply: {
    description: "Bring a session's changes to your working tree",
    load: async () => (await import("./commands/apply.ts")).applyCommand,
  },
  wait: {
    description: "Wait for a session to end or to reach a state",
    load: async () => (await import("./commands/wait.ts")).waitCommand,
  },
  start: {
    description: "Start stopped or failed sessions again",
    load: async () => (await import("./commands/start.ts")).startCommand,
  },
  stop: {
    description: "End the agent and its processes; the work stays",
    load: async () => (await import("./commands/stop.ts")).stopCommand,
  },
  restart: {
    description: "Stop and start sessions",
    load: async () => (await import("./commands/restart.ts")).restartCommand,
  },
  access: {
    description: "Show or change what a session may reach and do",
    aliases: ["set-access-mode"],
    load: async () => (await import("./commands/access.ts")).accessCommand,
  },
  budget: {
    description: "Show what a session used; set its limit",
    load: async () => (await import("./commands/budget.ts")).budgetCommand,
  },
  archive: {
    description: "Put sessions away, to be brought back as they were",
    load: async () => (await import("./commands/archive.ts")).archiveCommand,
  },
  unarchive: {
    description: "Bring archived sessions back",
    load: async () => (await import("./commands/archive.ts")).unarchiveCommand,
  },
  delete: {
    description: "Delete sessions",
    aliases: ["rm"],
    load: async () => (await import("./commands/delete.ts")).deleteCommand,
  },
  undo: {
    description: "Undo a deletion, a merge, an apply or a restore",
    default: "restore",
    takesWords: true,
    subCommands: {
      restore: {
        description: "Undo one",
        load: async () => (await import("./commands/undo.ts")).undoRestoreCommand,
      },
      list: {
        description: "List what can be undone",
        load: async () => (await import("./commands/undo.ts")).undoListCommand,
      },
      drop: {
        description: "Remove one for good",
        load: async () => (await import("./commands/undo.ts")).undoDropCommand,
      },
    },
  },
  checkpoint: {
    description: "Keep states of a session, and go back to them",
    subCommands: {
      create: {
        description: "Make one",
        load: async () => (await import("./commands/checkpoint.ts")).checkpointCreateCommand,
      },
      list: {
        description: "List them",
        load: async () => (await import("./commands/checkpoint.ts")).checkpointListCommand,
      },
      restore: {
        description: "Go back to one",
        load: async () => (await import("./commands/checkpoint.ts")).checkpointRestoreCommand,
      },
      delete: {
        description: "Remove some for good",
        load: async () => (await import("./commands/checkpoint.ts")).checkpointDeleteCommand,
      },
      diff: {
        description: "Compare two, or one with now",
        load: async () => (await import("./commands/checkpoint.ts")).checkpointDiffCommand,
      },
      screen: {
        description: "Show what the terminal showed then",
        load: async () => (await import("./commands/checkpoint.ts")).checkpointScreenCommand,
      },
    },
  },
  trust: {
    description: "Trust a repository's setup script",
    default: "add",
    takesWords: true,
    subCommands: {
      add: {
        description: "Trust one",
        load: async () => (await import("./commands/trust.ts")).trustAddCommand,
      },
      list: {
        description: "List those that are trusted",
        load: async () => (await import("./commands/trust.ts")).trustListCommand,
      },
      revoke: {
        description: "Trust one no more",
        load: async () => (await import("./commands/trust.ts")).trustRevokeCommand,
      },
    },
  },
  reconcile: {
    description: "Compare records with what exists, and mend",
    load: async () => (await import("./commands/reconcile.ts")).reconcileCommand,
  },
  init: {
    description: "Write the first configuration",
    load: async () => (await import("./commands/init.ts")).initCommand,
  },
  setup: {
    description: "Write the configuration and check this machine",
    load: async () => (await import("./commands/setup.ts")).setupCommand,
  },
  doctor: {
    description: "Check this machine (same as setup --check)",
    load: async () => (await import("./commands/doctor.ts")).doctorCommand,
  },
  config: {
    description: "Read and write settings",
    subCommands: {
      get: {
        description: "Print one setting",
        load: async () => (await import("./commands/config.ts")).configGetCommand,
      },
      set: {
        description: "Write one setting",
        load: async () => (await import("./commands/config.ts")).configSetCommand,
      },
      list: {
        description: "Print all settings",
        load: async () => (await import("./commands/config.ts")).configListCommand,
      },
      path: {
        description: "Print the path of the configuration file",
        load: async () => (await import("./commands/config.ts")).configPathCommand,
      },
      credentials: {
        description: "Store, list and test credentials",
        default: "list",
        subCommands: {
          list: {
            description: "List credentials: where each comes from, and its state",
            load: async () => (await import("./commands/credentials.ts")).credentialsListCommand,
          },
          set: {
            description: "Store one",
            load: async () => (await import("./commands/credentials.ts")).credentialsSetCommand,
          },
          test: {
            description: "Try whether they can be used",
            load: async () => (await import("./commands/credentials-test.ts")).credentialsTestCommand,
          },
          rm: {
            description: "Remove stored ones",
            load: async () => (await import("./commands/credentials.ts")).credentialsRemoveCommand,
          },
          import: {
            description: "Store those that are in your environment",
            load: async () => (await import("./commands/credentials.ts")).credentialsImportCommand,
          },
        },
      },
    },
  },
  backend: {
    description: "Show backends",
    subCommands: {
      list: {
        description: "List backends and what they can do",
        load: async () => (await import("./commands/backend.ts")).backendListCommand,
      },
    },
  },
  agent: {
    description: "Show and test agents",
    subCommands: {
      list: {
        description: "List agents and whether they are installed",
        load: async () => (await import("./commands/agent.ts")).agentListCommand,
      },
      test: {
        description: "Check that an agent can be started",
        load: async () => (await import("./commands/agent.ts")).agentTestCommand,
      },
    },
  },
  daemon: {
    description: "Run and control the daemon",
    default: "run",
    subCommands: {
      run: {
        description: "Run in the foreground",
        load: async () => (await import("./commands/daemon.ts")).daemonRunCommand,
      },
      start: {
        description: "Start it in the background",
        load: async () => (await import("./commands/daemon.ts")).daemonStartCommand,
      },
      stop: {
        description: "Stop it; sessions go on",
        load: async () => (await import("./commands/daemon.ts")).daemonStopCommand,
      },
      restart: {
        description: "Stop and start it; sessions go on",
        load: async () => (await import("./commands/daemon.ts")).daemonRestartCommand,
      },
      status: {
        description: "Show whether it runs, and where",
        load: async () => (await import("./commands/daemon.ts")).daemonStatusCommand,
      },
      logs: {
        description: "Show its log",
        load: async () => (await import("./commands/daemon-logs.ts")).daemonLogsCommand,
      },
      "crash-points": {
        description: "List the points where a test may end it",
        load: async () => (await import("./commands/daemon.ts")).daemonCrashPointsCommand,
      },
    },
  },
  proxy: {
    description: "Show and run the credential proxy",
    subCommands: {
      rules: {
        description: "List rules: which credential goes to which host",
        load: async () => (await import("./commands/proxy-rules.ts")).proxyRulesCommand,
      },
      explain: {
        description: "Say what would happen to a request, and why",
        load: async () => (await import("./commands/proxy-explain.ts")).proxyExplainCommand,
      },
      log: {
        description: "Show what the proxy decided",
        load: async () => (await import("./commands/proxy-log.ts")).proxyLogCommand,
      },
      run: {
        description: "Run a proxy, or a command behind one, in the foreground",
        load: async () => (await import("./commands/proxy-run.ts")).proxyRunCommand,
      },
      status: {
        description: "Show the proxy's process and what is open through it",
        load: async () => (await import("./commands/proxy-process.ts")).proxyStatusCommand,
      },
      restart: {
        description: "Replace the proxy's process",
        load: async () => (await import("./commands/proxy-process.ts")).proxyRestartCommand,
      },
      ca: {
        description: "The proxy's certificate authority",
        subCommands: {
          path: {
            description: "Print the path of the certificates that sandboxes trust",
            load: async () => (await import("./commands/proxy-ca.ts")).proxyCaPathCommand,
          },
          rotate: {
            description: "Make a new authority for new sessions",
            load: async () => (await import("./commands/proxy-ca.ts")).proxyCaRotateCommand,
          },
        },
      },
    },
  },
  url: {
    description: "Print the daemon's address",
    load: async () => (await import("./commands/url.ts")).urlCommand,
  },
  events: {
    description: "Show what happened",
    load: async () => (await import("./commands/events.ts")).eventsCommand,
  },
  complete: {
    description: "Print the completion script of a shell",
    load: async () => (await import("./commands/complete.ts")).completeCommand,
  },
  version: {
    description: "Print versions",
    load: async () => (await import("./commands/version.ts")).versionCommand,
  },
  help: {
    description: "Explain a command or a topic",
    load: async () => (await import("./commands/help.ts")).helpCommand,
  },
};
