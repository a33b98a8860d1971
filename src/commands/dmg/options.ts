/** Options that many commands have, once. */

export const hostList = {
  "host-list": {
    type: "string",
    alias: "l",
    description: "Addresses to connect to, as host sets: node[01-16].ib:10001,10.0.0.7",
    valueHint: "hosts",
  },
} as const;

export const rankList = {
  ranks: {
    type: "string",
    alias: "r",
    description: "Ranks to operate on: 0-3,7",
    valueHint: "ranks",
  },
  "rank-hosts": {
    type: "string",
    description: "Hosts whose ranks to operate on, as host sets",
    valueHint: "hosts",
  },
} as const;

/** Beyond 2.6: says what would be touched and does nothing. */
export const dryRun = {
  "dry-run": { type: "boolean", description: "Say what would be touched, and do nothing" },
} as const;

/** Beyond 2.6: the answer stays on the screen. */
export const watchFlag = {
  watch: { type: "boolean", description: "Ask again every second and show what changes, until Ctrl-C" },
} as const;

/** Beyond 2.6: the command ends when its consequences have. */
export const rebuildWatchFlag = {
  watch: { type: "boolean", description: "Show the rebuild that this causes until it is over" },
} as const;

export const pool = {
  pool: {
    type: "positional",
    description: "Label or UUID of the pool",
    valueHint: "pool label or UUID",
  },
} as const;
